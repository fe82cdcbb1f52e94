//! Accounts, folders, messages, flags, the outgoing queue's rows and the administration objects, durably.
//!
//! [`Store`] is the border: it speaks of accounts, folders and messages, never of an engine, a protocol or a policy.
//! Every call that changes something returns only after the change is on stable storage; concurrent changes share one
//! durable commit. Calls are asynchronous and may be dropped at any await: what was begun is then finished or not,
//! never half done.

mod types;

pub use types::*;

use bytes::Bytes;
use mail::{AccountId, Body, FolderId, Listing, ModSeq, QueueId, Summary, Uid};
use std::path::Path;
use std::sync::Arc;

/// The store of one node. Cloning gives another handle to the same store.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens the data directory, creating or migrating it, and brings it to a consistent state after a crash.
    /// Only one process can have it open.
    pub fn open(dir: &Path, options: Options) -> Result<Store, Error> { todo!() }

    /// A store that lives in memory only: for tests of what is above it. Same code, no files.
    pub fn in_memory() -> Result<Store, Error> { todo!() }

    /// Finishes what was begun, writes back what is lazily kept, and closes the files. Handles left over get
    /// [`Error::Closed`].
    pub fn close(&self) { todo!() }

    // ---- administration objects ----

    /// All administration objects.
    pub async fn objects(&self) -> Result<Vec<Object>, Error> { todo!() }

    /// Saves, in one transaction: objects put and removed, accounts created (with INBOX and the special-use folders)
    /// and removed, and the audit entries that say who did it.
    pub async fn save(&self, change: ObjectChange) -> Result<(), Error> { todo!() }

    /// An account id that was never given out before.
    pub async fn reserve_account(&self) -> Result<AccountId, Error> { todo!() }

    /// The newest audit entries first, at most `limit`.
    pub async fn audit(&self, limit: usize) -> Result<Vec<AuditEntry>, Error> { todo!() }

    // ---- messages on their way in ----

    /// Begins to take in a message, whose octets follow in pieces. Small ones are kept in memory, larger ones in a
    /// file; both within a common limit. Dropping it forgets the octets.
    pub fn stage(&self) -> Staging { todo!() }

    /// Files one staged message into folders, and for recipients elsewhere into the queue, in one transaction: all of
    /// it, or nothing. The octets are stored once. UIDs come in the order of `to`.
    pub async fn deliver(&self, message: Staged, to: Vec<Target>, queue: Option<Envelope>) -> Result<Delivered, Error> { todo!() }

    // ---- folders ----

    /// The account's folders, sorted by name with INBOX first.
    pub async fn folders(&self, account: AccountId) -> Result<Arc<Vec<Folder>>, Error> { todo!() }

    /// Creates a folder and the folders above it that do not exist. Names are UTF-8 with `/` between levels.
    pub async fn create_folder(&self, account: AccountId, name: &str, role: Option<SpecialUse>) -> Result<FolderId, Error> { todo!() }

    /// Removes a folder with its messages, which become recoverable. A folder with children stays as a name only.
    pub async fn delete_folder(&self, account: AccountId, folder: FolderId) -> Result<(), Error> { todo!() }

    /// Renames a folder and those below it. Renaming INBOX moves its messages to a new folder (RFC 9051 §6.3.6).
    pub async fn rename_folder(&self, account: AccountId, folder: FolderId, to: &str) -> Result<(), Error> { todo!() }

    /// Adds a name to the subscriptions or takes it away; the folder need not exist.
    pub async fn subscribe(&self, account: AccountId, name: &str, subscription: Subscription) -> Result<(), Error> { todo!() }

    /// The folder's messages as of now, shared with other sessions and cheap to get again.
    pub async fn listing(&self, account: AccountId, folder: FolderId) -> Result<Listing, Error> { todo!() }

    /// Counts of a folder, without loading its messages where it is not open.
    pub async fn status(&self, account: AccountId, folder: FolderId) -> Result<Status, Error> { todo!() }

    /// The UID from which on messages are recent to the caller, who is the first to be told of them (RFC 3501 §2.3.2):
    /// those up to the folder's end are recent to no later caller.
    pub async fn claim_recent(&self, account: AccountId, folder: FolderId) -> Result<Uid, Error> { todo!() }

    /// A receiver that wakes whenever something in the account has changed.
    pub fn watch(&self, account: AccountId) -> tokio::sync::watch::Receiver<ModSeq> { todo!() }

    // ---- messages ----

    /// Envelope and structure of these messages, those that exist, in order.
    pub async fn summaries(&self, account: AccountId, folder: FolderId, uids: Vec<Uid>) -> Result<Vec<(Uid, Arc<Summary>)>, Error> { todo!() }

    /// The octets of these messages, those that exist, in order; small ones are read along up to a limit for the call.
    pub async fn bodies(&self, account: AccountId, folder: FolderId, uids: Vec<Uid>) -> Result<Vec<(Uid, Body)>, Error> { todo!() }

    /// The headers of these messages, those that exist, in order.
    pub async fn headers(&self, account: AccountId, folder: FolderId, uids: Vec<Uid>) -> Result<Vec<(Uid, Bytes)>, Error> { todo!() }

    /// Some octets of a body; fewer than `len` only at its end. Bodies that were handed out stay readable while the
    /// message exists or is recoverable.
    pub async fn read(&self, body: &Body, start: u32, len: u32) -> Result<Bytes, Error> { todo!() }

    /// Changes flags of messages.
    pub async fn set_flags(&self, account: AccountId, folder: FolderId, uids: Vec<Uid>, change: FlagChange) -> Result<FlagsChanged, Error> { todo!() }

    /// Copies messages, flags and dates with them; all or nothing.
    pub async fn copy(&self, account: AccountId, from: FolderId, uids: Vec<Uid>, to: FolderId) -> Result<Copied, Error> { todo!() }

    /// Moves messages; all or nothing.
    pub async fn move_messages(&self, account: AccountId, from: FolderId, uids: Vec<Uid>, to: FolderId) -> Result<Copied, Error> { todo!() }

    /// Removes messages: those of `uids` that have `\Deleted` (all such messages where `uids` is `None`). They become
    /// recoverable. Returns what was removed.
    pub async fn expunge(&self, account: AccountId, folder: FolderId, uids: Option<Vec<Uid>>) -> Result<Vec<Uid>, Error> { todo!() }

    /// Removes these messages whatever their flags (POP3 QUIT). They become recoverable.
    pub async fn remove(&self, account: AccountId, folder: FolderId, uids: Vec<Uid>) -> Result<Vec<Uid>, Error> { todo!() }

    /// What changed since a modseq: entries with a higher one, and UIDs that are gone (RFC 7162 §3.2).
    pub async fn changes(&self, account: AccountId, folder: FolderId, since: ModSeq) -> Result<Changes, Error> { todo!() }

    /// For each of the texts, which of these messages contain it, in order of UID. Texts are matched as substrings
    /// without regard to case in the decoded header field or text parts; each message is read once.
    pub async fn search(&self, account: AccountId, folder: FolderId, uids: Vec<Uid>, texts: Vec<TextQuery>) -> Result<Vec<Vec<Uid>>, Error> { todo!() }

    // ---- recoverable items ----

    /// Messages that were removed and not yet purged, newest first.
    pub async fn recoverable(&self, account: AccountId) -> Result<Vec<RecoverableItem>, Error> { todo!() }

    /// Puts a removed message back into a folder, with a new UID.
    pub async fn restore(&self, account: AccountId, item: u64, to: FolderId) -> Result<Uid, Error> { todo!() }

    /// Forgets recoverable items removed before this moment (seconds since 1970).
    pub async fn purge_recoverable(&self, removed_before: i64) -> Result<u64, Error> { todo!() }

    /// Octets and messages of an account, recoverable ones counted apart.
    pub async fn usage(&self, account: AccountId) -> Result<Usage, Error> { todo!() }

    // ---- the queue ----

    /// Messages waiting for recipients elsewhere, oldest first.
    pub async fn queue(&self) -> Result<Vec<Queued>, Error> { todo!() }

    /// Takes a message off the queue.
    pub async fn dequeue(&self, id: QueueId) -> Result<(), Error> { todo!() }

    // ---- upkeep ----

    /// Gives back the space of bodies that nothing refers to any more, copying at most about `budget` octets of what
    /// still lives; resumable. Returns whether more is left to do.
    pub async fn reclaim(&self, budget: u64) -> Result<bool, Error> { todo!() }
}

/// Reads a whole data directory without changing it and reports all damage found. The store must not be open.
pub fn check(dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> { todo!() }

/// A message that is coming in.
pub struct Staging {}

impl Staging {
    /// Takes the next octets.
    pub async fn write(&mut self, octets: &[u8]) -> Result<(), Error> { todo!() }

    /// Octets so far.
    pub fn size(&self) -> u64 { todo!() }

    /// The message is complete: its envelope and structure are known from here on.
    pub async fn finish(self) -> Result<Staged, Error> { todo!() }
}

/// A complete message that is not filed yet.
pub struct Staged {}

impl Staged {
    /// Envelope and structure.
    pub fn summary(&self) -> &Arc<Summary> { todo!() }

    /// Octets.
    pub fn size(&self) -> u32 { todo!() }
}
