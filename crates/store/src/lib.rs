//! Accounts, folders, messages, flags, the outgoing queue's rows and the administration objects, durably.
//!
//! [`Store`] is the border: it speaks of accounts, folders and messages, never of an engine, a protocol or a policy.
//! Every call that changes something returns only after the change is on stable storage; concurrent changes share one
//! durable commit. Calls are asynchronous and may be dropped at any await: what was begun is then finished or not,
//! never half done.

pub mod backup;
mod bodies;
mod check;
mod checkpoint;
mod core;
mod events;
mod files;
mod folders;
mod messages;
mod names;
mod objects;
mod readers;
mod reading;
mod reads;
mod reclaim;
mod repair;
mod reserve;
mod rows;
mod schema;
mod search;
mod segments;
mod sql;
mod staging;
#[cfg(test)]
mod tests;
mod tx;
mod types;
mod views;
mod writer;

pub use reading::Source;
pub use repair::{Repaired, repair};
pub use staging::{Staged, Staging};
pub use types::*;

use crate::core::Core;
use crate::messages::Arrival;
use crate::rows::ascending;
use crate::tx::{Counters, Tx};
use crate::views::Lookup;
use crate::writer::Incoming;
use bytes::Bytes;
use journal::Journal;
use mail::{AccountId, Body, DateTime, FolderId, Listing, ModSeq, QueueId, Summary, Uid};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Recoverable items, or notes of removals, forgotten in one commit.
const PURGE_STEP: u32 = 1_000;

/// The store of one node. Cloning gives another handle to the same store.
#[derive(Clone)]
pub struct Store {
    core: Arc<Core>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the data directory, creating or migrating it, and brings it to a consistent state after a crash.
    /// Only one process can have it open.
    pub fn open(dir: &Path, options: Options) -> Result<Store, Error> {
        Ok(Store { core: Arc::new(Core::open(dir, &options)?) })
    }

    /// A store that lives in memory only: for tests of what is above it. Same code, no files.
    pub fn in_memory() -> Result<Store, Error> {
        Ok(Store { core: Arc::new(Core::in_memory()?) })
    }

    /// Finishes what was begun, writes back what is lazily kept, and closes the files. Handles left over get
    /// [`Error::Closed`].
    pub fn close(&self) {
        self.core.close();
    }

    // ---- administration objects ----

    /// All administration objects.
    pub async fn objects(&self) -> Result<Vec<Object>, Error> {
        self.core.read(objects::all).await
    }

    /// Saves, in one transaction: objects put and removed, accounts created (with INBOX and the special-use folders)
    /// and removed, and the audit entries that say who did it.
    pub async fn save(&self, change: ObjectChange) -> Result<(), Error> {
        self.write(move |tx| objects::save(tx, &change)).await
    }

    /// An account id that was never given out before.
    pub async fn reserve_account(&self) -> Result<AccountId, Error> {
        self.write(|tx| Ok(AccountId(Counters::take(&mut tx.counters.account)))).await
    }

    /// The newest audit entries first, at most `limit`.
    pub async fn audit(&self, limit: usize) -> Result<Vec<AuditEntry>, Error> {
        let numbered = self.audit_before(u64::MAX, limit).await?;
        Ok(numbered.into_iter().map(|(_, entry)| entry).collect())
    }

    /// The same, of those before the one of this number; each with its number.
    pub async fn audit_before(&self, before: u64, limit: usize) -> Result<Vec<(u64, AuditEntry)>, Error> {
        self.core.read(move |db| objects::audit(db, before, limit)).await
    }

    /// Forgets audit entries from before this time, seconds since 1970.
    pub async fn forget_audit(&self, before: i64) -> Result<(), Error> {
        while self.write(move |tx| objects::forget_audit(tx, before, PURGE_STEP)).await? {}
        Ok(())
    }

    /// The data directory; none where everything is in memory.
    pub fn dir(&self) -> Option<&Path> {
        self.core.dir.as_deref()
    }

    // ---- events and logons, which are written lazily ----

    /// Where events are written to, without waiting.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.core.lazy.journal
    }

    /// The newest events first, with those that are not on the disk yet.
    pub async fn events(&self, query: EventQuery) -> Result<Vec<Event>, Error> {
        if let Some(batch) = self.core.lazy.take() {
            let saved = batch.clone();
            let result = self.write(move |tx| events::save(tx, &saved)).await;
            self.core.lazy.written(batch, &result);
        }
        self.core.read(move |db| events::find(db, &query)).await
    }

    /// Forgets events that are too old, as of `now`, seconds since 1970.
    pub async fn forget_events(&self, now: i64) -> Result<(), Error> {
        let before = now.saturating_sub(events::KEPT);
        while self.write(move |tx| events::forget(tx, before, PURGE_STEP)).await? {}
        Ok(())
    }

    /// Takes note of how an account was used; the note may be lost in a crash.
    pub fn note_logon(&self, account: AccountId, logon: Logon) {
        self.core.lazy.note(account, logon);
    }

    /// How an account was last used, by each protocol, the latest first.
    pub async fn logons(&self, account: AccountId) -> Result<Vec<Logon>, Error> {
        let saved = self.core.read(move |db| events::logons(db, account)).await?;
        Ok(self.core.lazy.overlay(account, saved))
    }

    // ---- messages on their way in ----

    /// Begins to take in a message, whose octets follow in pieces. Small ones are kept in memory, larger ones in a
    /// file; both within a common limit. Dropping it forgets the octets.
    pub fn stage(&self) -> Staging {
        Staging::new(Arc::clone(&self.core))
    }

    /// Files one staged message into folders, and for recipients elsewhere into the queue, in one transaction: all of
    /// it, or nothing. The octets are stored once. UIDs come in the order of `to`.
    pub async fn deliver(
        &self,
        message: Staged,
        to: Vec<Target>,
        queue: Option<Envelope>,
    ) -> Result<Delivered, Error> {
        let (arrival, body) = arriving(&message);
        let share = message.into_share();
        let job = move |tx: &mut Tx<'_>, stored: &[writer::Stored]| {
            drop(share); // the octets are in the segment
            let stored = stored.first().ok_or(Error::Closed)?;
            messages::deliver(tx, &arrival, stored, &to, queue.as_ref())
        };
        self.core.write(vec![body], job).await
    }

    /// Files messages, each into one folder, in one transaction and in this order: all of them, or none.
    pub async fn file(&self, messages: Vec<(Staged, Target)>) -> Result<Vec<Delivered>, Error> {
        let (mut bodies, mut arrivals, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for (message, target) in messages {
            let (arrival, body) = arriving(&message);
            bodies.push(body);
            arrivals.push((arrival, target));
            shares.push(message.into_share());
        }
        let job = move |tx: &mut Tx<'_>, stored: &[writer::Stored]| {
            drop(shares); // the octets are in the segment
            let each = arrivals.iter().zip(stored);
            each.map(|((arrival, target), stored)| {
                messages::deliver(tx, arrival, stored, std::slice::from_ref(target), None)
            })
            .collect()
        };
        self.core.write(bodies, job).await
    }

    /// How often a folder has which octets.
    pub async fn held(&self, account: AccountId, folder: FolderId) -> Result<HashMap<OctetsKey, u32>, Error> {
        self.core.read(move |db| reads::held(db, account, folder)).await
    }

    // ---- folders ----

    /// The account's folders, sorted by name with INBOX first.
    pub async fn folders(&self, account: AccountId) -> Result<Arc<Vec<Folder>>, Error> {
        let seen = match self.core.views.folders(account) {
            Ok(folders) => return Ok(folders),
            Err(seen) => seen,
        };
        let folders = Arc::new(self.core.read(move |db| reads::folders(db, account)).await?);
        self.core.views.keep_folders(account, &folders, seen);
        Ok(folders)
    }

    /// Creates a folder and the folders above it that do not exist. Names are UTF-8 with `/` between levels.
    pub async fn create_folder(
        &self,
        account: AccountId,
        name: &str,
        role: Option<SpecialUse>,
    ) -> Result<FolderId, Error> {
        let name = name.to_owned();
        self.write(move |tx| folders::create(tx, account, &name, role)).await
    }

    /// Removes a folder with its messages, which become recoverable. A folder with children stays as a name only.
    pub async fn delete_folder(&self, account: AccountId, folder: FolderId) -> Result<(), Error> {
        self.write(move |tx| folders::delete(tx, account, folder)).await
    }

    /// Renames a folder and those below it. Renaming INBOX moves its messages to a new folder (RFC 9051 §6.3.6).
    pub async fn rename_folder(&self, account: AccountId, folder: FolderId, to: &str) -> Result<(), Error> {
        let to = to.to_owned();
        self.write(move |tx| folders::rename(tx, account, folder, &to)).await
    }

    /// Adds a name to the subscriptions or takes it away; the folder need not exist.
    pub async fn subscribe(
        &self,
        account: AccountId,
        name: &str,
        subscription: Subscription,
    ) -> Result<(), Error> {
        let name = name.to_owned();
        self.write(move |tx| folders::subscribe(tx, account, &name, subscription)).await
    }

    /// The folder's messages as of now, shared with other sessions and cheap to get again.
    pub async fn listing(&self, account: AccountId, folder: FolderId) -> Result<Listing, Error> {
        let receiver = match self.core.views.listing(account, folder) {
            Lookup::Ready(listing) => return Ok(listing),
            Lookup::Wait(receiver) => receiver,
            Lookup::Load(receiver) => {
                // Whoever waits is answered, also should the load not come to its end.
                let guard = Loading { views: Arc::clone(&self.core.views), account, folder };
                self.core.send_read(Box::new(move |db| {
                    let result = reads::listing(db, account, folder);
                    guard.finish(result);
                }))?;
                receiver
            }
        };
        receiver.await.map_err(|_| Error::Closed)?
    }

    /// Counts of a folder, without loading its messages where it is not open.
    pub async fn status(&self, account: AccountId, folder: FolderId) -> Result<Status, Error> {
        self.core.read(move |db| reads::status(db, account, folder)).await
    }

    /// The UID from which on messages are recent to the caller, who is the first to be told of them (RFC 3501 §2.3.2):
    /// those up to the folder's end are recent to no later caller.
    pub async fn claim_recent(&self, account: AccountId, folder: FolderId) -> Result<Uid, Error> {
        let row = self.core.read(move |db| rows::FolderRow::find(db, account, folder)).await?;
        if row.recent == row.status.uid_next {
            return Ok(row.recent);
        }
        match self.write(move |tx| messages::claim_recent(tx, account, folder)).await {
            // A folder can be read on a full disk; the next caller is then told of the same messages.
            Err(Error::Full) => Ok(row.recent),
            result => result,
        }
    }

    /// A receiver that wakes whenever something in the account has changed.
    pub fn watch(&self, account: AccountId) -> tokio::sync::watch::Receiver<ModSeq> {
        self.core.views.watch(account)
    }

    // ---- messages ----

    /// Envelope and structure of these messages, those that exist, in order: of at least one, and of as many as have room
    /// in one call.
    pub async fn summaries(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: Vec<Uid>,
    ) -> Result<Gathered<Arc<Summary>>, Error> {
        let uids = ascending(uids);
        self.core.read_bodies(move |bodies| reads::summaries(bodies, account, folder, &uids)).await
    }

    /// When these messages were sent by their `Date` fields, those that exist and can be read, in order.
    pub async fn sent(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: Vec<Uid>,
    ) -> Result<Vec<(Uid, Option<DateTime>)>, Error> {
        let uids = ascending(uids);
        self.core.read_bodies(move |bodies| reads::sent(bodies, account, folder, &uids)).await
    }

    /// The octets of these messages, those that exist, in order: of at least one, and of as many as have room in one call.
    /// Small ones are read along.
    pub async fn bodies(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: Vec<Uid>,
    ) -> Result<Gathered<Body>, Error> {
        let uids = ascending(uids);
        self.core.read_bodies(move |bodies| reads::bodies(bodies, account, folder, &uids)).await
    }

    /// The headers of these messages, likewise: each a body that ends where the header does.
    pub async fn headers(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: Vec<Uid>,
    ) -> Result<Gathered<Body>, Error> {
        let uids = ascending(uids);
        self.core.read_bodies(move |bodies| reads::headers(bodies, account, folder, &uids)).await
    }

    /// Some octets of a body; fewer than `len` only at its end. Bodies that were handed out stay readable while the
    /// message exists or is recoverable.
    pub async fn read(&self, body: &Body, start: u32, len: u32) -> Result<Bytes, Error> {
        if let Some(octets) = &body.octets {
            let start = (start as usize).min(octets.len());
            return Ok(octets.slice(start..octets.len().min(start.saturating_add(len as usize))));
        }
        let blob = body.blob;
        self.core.read_bodies(move |bodies| reads::part(bodies, blob, start, len)).await
    }

    /// The next octets of a body that is read in pieces; none at its end. Where it was read from its first octet to its
    /// last, the last piece comes only if all of them match their checksum, and else [`Error::Damaged`].
    pub async fn read_next(&self, reading: &mut Reading, len: u32) -> Result<Bytes, Error> {
        let Reading { body, at, hash } = reading;
        if body.octets.is_some() {
            // They were checked before they were handed out.
            let octets = self.read(body, *at, len).await?;
            *at += octets.len() as u32;
            return Ok(octets);
        }
        let (blob, start) = (body.blob, *at);
        let (octets, checksum) =
            self.core.read_bodies(move |bodies| reads::piece(bodies, blob, start, len)).await?;
        *at += octets.len() as u32;
        if let Some(hash) = hash {
            hash.update(&octets);
            if checksum.is_some_and(|checksum| checksum != hash.digest()) {
                return Err(Error::Damaged(format!("the octets {blob} do not match their checksum")));
            }
        }
        Ok(octets)
    }

    /// Changes flags of messages.
    pub async fn set_flags(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: Vec<Uid>,
        change: FlagChange,
    ) -> Result<FlagsChanged, Error> {
        let uids = ascending(uids);
        self.write(move |tx| messages::set_flags(tx, account, folder, &uids, &change)).await
    }

    /// Copies messages, flags and dates with them; all or nothing.
    pub async fn copy(
        &self,
        account: AccountId,
        from: FolderId,
        uids: Vec<Uid>,
        to: FolderId,
        absent: Absent,
    ) -> Result<Copied, Error> {
        let uids = ascending(uids);
        self.write(move |tx| messages::copy(tx, account, from, &uids, to, absent)).await
    }

    /// Moves messages; all or nothing.
    pub async fn move_messages(
        &self,
        account: AccountId,
        from: FolderId,
        uids: Vec<Uid>,
        to: FolderId,
        absent: Absent,
    ) -> Result<Copied, Error> {
        let uids = ascending(uids);
        self.write(move |tx| messages::relocate(tx, account, from, &uids, to, absent)).await
    }

    /// Removes messages: those of `uids` that have `\Deleted` (all such messages where `uids` is `None`). They become
    /// recoverable. Returns what was removed.
    pub async fn expunge(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: Option<Vec<Uid>>,
    ) -> Result<Vec<Uid>, Error> {
        self.write(move |tx| messages::expunge(tx, account, folder, uids)).await
    }

    /// Removes these messages whatever their flags (POP3 QUIT). They become recoverable.
    pub async fn remove(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: Vec<Uid>,
    ) -> Result<Vec<Uid>, Error> {
        let uids = ascending(uids);
        self.write(move |tx| messages::remove(tx, account, folder, &uids)).await
    }

    /// What changed since a modseq: entries with a higher one, and UIDs that are gone (RFC 7162 §3.2). Where that is so
    /// long ago that it was forgotten, every UID that was given out and is not there counts as gone since.
    pub async fn changes(
        &self,
        account: AccountId,
        folder: FolderId,
        since: ModSeq,
    ) -> Result<Changes, Error> {
        let listing = self.listing(account, folder).await?;
        let until = listing.highest_modseq;
        let entries = listing.iter().filter(|entry| entry.modseq > since).copied().collect();
        let gone = self.core.read(move |db| reads::gone(db, account, folder, since, until)).await?;
        let not_there =
            || (1..listing.uid_next.0).map(Uid).filter(|uid| listing.find(*uid).is_none()).collect();
        Ok(Changes { entries, gone: gone.unwrap_or_else(not_there) })
    }

    /// For each of the texts, which of these messages contain it, in order of UID. Texts are matched as substrings
    /// without regard to case in the decoded header field or text parts; each message is read once.
    pub async fn search(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: Vec<Uid>,
        texts: Vec<TextQuery>,
    ) -> Result<Vec<Vec<Uid>>, Error> {
        search::search(&self.core, account, folder, &ascending(uids), texts).await
    }

    // ---- recoverable items ----

    /// Messages that were removed and not yet purged, newest first.
    pub async fn recoverable(&self, account: AccountId) -> Result<Vec<RecoverableItem>, Error> {
        self.core.read_bodies(move |bodies| reads::recoverable(bodies, account)).await
    }

    /// Puts a removed message back into a folder, with a new UID.
    pub async fn restore(&self, account: AccountId, item: u64, to: FolderId) -> Result<Uid, Error> {
        self.write(move |tx| messages::restore(tx, account, item, to)).await
    }

    /// Forgets recoverable items removed before this moment (seconds since 1970).
    pub async fn purge_recoverable(&self, removed_before: i64) -> Result<u64, Error> {
        let mut purged = 0;
        loop {
            let some = self.write(move |tx| messages::purge(tx, removed_before, PURGE_STEP)).await?;
            purged += some;
            if some < u64::from(PURGE_STEP) {
                return Ok(purged);
            }
        }
    }

    /// Forgets which messages went long ago, in folders that note more than `keep` removals; returns how many such
    /// folders there were. [`Store::changes`] stays right, and says more than is needed to who asks since before that.
    pub async fn forget_removals(&self, keep: u32) -> Result<u64, Error> {
        let folders = self.core.read(move |db| reads::long_memories(db, keep)).await?;
        for &(account, folder) in &folders {
            while self.write(move |tx| messages::forget(tx, account, folder, keep, PURGE_STEP)).await? {}
        }
        Ok(folders.len() as u64)
    }

    /// Octets of an account's messages in folders: what quotas limit.
    pub async fn used(&self, account: AccountId) -> Result<u64, Error> {
        self.core.read(move |db| reads::used(db, account)).await
    }

    /// Octets and messages of an account, recoverable ones counted apart.
    pub async fn usage(&self, account: AccountId) -> Result<Usage, Error> {
        self.core.read(move |db| reads::usage(db, account)).await
    }

    // ---- the queue ----

    /// Messages waiting for recipients elsewhere, oldest first.
    pub async fn queue(&self) -> Result<Vec<Queued>, Error> {
        self.core.read(reads::queue).await
    }

    /// Takes a message off the queue.
    pub async fn dequeue(&self, id: QueueId) -> Result<(), Error> {
        self.write(move |tx| messages::dequeue(tx, id)).await
    }

    // ---- upkeep ----

    /// Durable commits so far: fewer than changes, where changes came together.
    pub fn commits(&self) -> u64 {
        self.core.gate.commits.load(Ordering::Relaxed)
    }

    /// Gives back the space of bodies that nothing refers to any more, copying at most about `budget` octets of what
    /// still lives; resumable. Returns whether more is left to do.
    pub async fn reclaim(&self, budget: u64) -> Result<bool, Error> {
        reclaim::reclaim(&self.core, budget).await
    }
}

impl Store {
    /// A change without octets.
    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.core.write(Vec::new(), move |tx, _| job(tx)).await
    }
}

/// What the writer needs of a message.
fn arriving(message: &Staged) -> (Arrival, Incoming) {
    let arrival = Arrival { summary: message.summary.encode(), header: message.summary.root.header.len };
    let (octets, length, checksum) = (message.octets.clone(), message.size, message.checksum);
    (arrival, Incoming { octets, length, checksum, blob: None })
}

/// A listing that is being loaded.
struct Loading {
    views: Arc<views::Views>,
    account: AccountId,
    folder: FolderId,
}

impl Loading {
    fn finish(&self, result: Result<Listing, Error>) {
        self.views.loaded(self.account, self.folder, result);
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        // Does nothing where it was finished.
        self.finish(Err(Error::Closed));
    }
}

/// Reads a whole data directory without changing it and reports all damage found. The store must not be open.
pub fn check(dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
    check::check(dir, progress)
}

/// Puts the index back as it was before the last change of format, for the program that made it; returns that format, and
/// where the present index is kept. What came since is not in it. The store must not be open.
pub fn step_back(dir: &Path) -> Result<(u32, std::path::PathBuf), Error> {
    files::step_back(dir)
}
