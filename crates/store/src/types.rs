//! What goes in and comes out of the store.

use crate::bodies::Bodies;
use mail::{
    AccountId, BlobId, Body, DateTime, Entry, Flag, FlagSet, FolderId, Keyword, ModSeq, QueueId, Summary,
    Uid, UidValidity,
};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Octets of messages on their way in that are kept in memory, over all sessions.
    pub staging_memory: usize,
    /// Threads that read.
    pub readers: usize,
    /// Messages of up to so many octets lie in the index, where storing them costs one sync instead of two.
    pub small: u32,
    /// Octets after which a file of messages is followed by a new one.
    pub segment_size: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { staging_memory: 64 << 20, readers: 4, small: 16 << 10, segment_size: 256 << 20 }
    }
}

/// A body that is read in pieces, one after the other.
pub struct Reading {
    pub(crate) body: Body,
    /// The next octet.
    pub(crate) at: u32,
    /// Of the octets read, where they began with the first.
    pub(crate) hash: Option<Box<Xxh3>>,
}

impl Reading {
    /// From this octet on.
    pub fn new(body: Body, start: u32) -> Reading {
        Reading { body, at: start, hash: (start == 0).then(Box::default) }
    }
}

/// What was read of messages.
#[derive(Clone, Debug)]
pub struct Gathered<T> {
    /// That of messages that exist, in order.
    pub found: Vec<(Uid, T)>,
    /// Messages that exist and cannot be read. The log says why.
    pub damaged: Vec<Uid>,
    /// Messages for which there was no room in this call; those found or damaged are before them.
    pub left: Vec<Uid>,
}

impl<T> Gathered<T> {
    pub(crate) fn new() -> Gathered<T> {
        Gathered { found: Vec::new(), damaged: Vec::new(), left: Vec::new() }
    }

    /// Adds what was read of one message. A damaged one is noted, with an event, for the sake of the others.
    pub(crate) fn take(&mut self, bodies: Bodies<'_>, uid: Uid, read: Result<T, Error>) -> Result<(), Error> {
        match read {
            Ok(read) => self.found.push((uid, read)),
            Err(Error::Damaged(what)) => {
                bodies.tell_damage(&format!("Message {uid} is damaged and left out: {what}."));
                self.damaged.push(uid);
            }
            // It went between two readings.
            Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Why a call failed. Refusals that a user can cause are told apart from failures of the machine.
#[derive(Debug, Clone)]
pub enum Error {
    /// The account, folder or message is not there (any more).
    NotFound,
    /// A folder of that name exists already.
    Exists,
    /// The folder's name is not allowed, with the reason.
    BadName(&'static str),
    /// The account has as many folders, or as many names in its subscriptions, as it may have.
    TooManyFolders,
    /// The folder has as many keywords as fit.
    TooManyKeywords,
    /// The disk is full; nothing was changed. The call can be repeated once there is space.
    Full,
    /// The data was written by a newer version.
    TooNew {
        /// The format found.
        found: u32,
        /// The newest format this program knows.
        known: u32,
    },
    /// Another process has the data directory open.
    Locked,
    /// Stored data does not agree with its checksum or with itself; says where.
    Damaged(String),
    /// This user may not read or write a file; says which.
    Denied(String),
    /// A file lies on a file system that cannot be written; says which.
    ReadOnly(String),
    /// The operating system refused; says what was tried.
    Io(String),
    /// The directory named cannot be used for this; says why, and what to do.
    Unfit(String),
    /// The store is closed.
    Closed,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::NotFound => f.write_str("it does not exist"),
            Error::Exists => f.write_str("a folder of that name exists already"),
            Error::BadName(why) => write!(f, "this name is not allowed: {why}"),
            Error::TooManyFolders => f.write_str("this account cannot have more folders"),
            Error::TooManyKeywords => f.write_str("this folder cannot hold more keywords"),
            Error::Full => f.write_str("the disk is full"),
            Error::TooNew { found, known } => {
                write!(
                    f,
                    "the data has format {found}, this program knows formats up to {known}: use a newer Gatepost"
                )
            }
            Error::Locked => f.write_str("another Gatepost has this data directory open"),
            Error::Damaged(place) => {
                write!(f, "damaged data: {place}; `gatepost check` tells how far it goes")
            }
            Error::Denied(what) | Error::ReadOnly(what) | Error::Io(what) | Error::Unfit(what) => {
                f.write_str(what)
            }
            Error::Closed => f.write_str("the store is closed"),
        }
    }
}

impl std::error::Error for Error {}

/// An administration object as it is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its type, `Mailbox` or `ReceiveConnector`.
    pub kind: String,
    /// What it is found by within its type.
    pub key: String,
    /// Its content as JSON.
    pub json: String,
}

/// What becomes of a call that names messages which are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// They are passed over.
    Skip,
    /// Nothing is done for any of those named.
    Refuse,
}

/// What is changed together.
#[derive(Clone, Debug, Default)]
pub struct ObjectChange {
    /// Objects added or replaced.
    pub put: Vec<Object>,
    /// Objects removed, by kind and key.
    pub remove: Vec<(String, String)>,
    /// Accounts created, with INBOX, Drafts, Sent, Trash, Junk and Archive.
    pub create_accounts: Vec<AccountId>,
    /// Accounts removed with all their mail.
    pub remove_accounts: Vec<AccountId>,
    /// Who did it.
    pub audit: Vec<AuditEntry>,
}

/// One line of the administrators' audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Seconds since 1970.
    pub time: i64,
    /// Who: `local administrator (uid 0)`.
    pub caller: String,
    /// The cmdlet.
    pub cmdlet: String,
    /// The object it was applied to.
    pub object: String,
    /// Parameters as given, secrets left out, and each changed property with its old and new value, as JSON.
    pub details: String,
}

/// An event of the event log, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the log; newer events have larger ones.
    pub index: u64,
    /// When it happened first, seconds since 1970.
    pub time: i64,
    /// When it, or another of its kind that was not kept by itself, happened last.
    pub last: i64,
    /// The log: `Application`.
    pub log: String,
    /// The name of its source.
    pub source: String,
    /// Its number in the catalogue.
    pub id: u32,
    /// 1 error, 2 warning, 3 information.
    pub level: u8,
    /// What happened.
    pub message: String,
    /// How often it happened, with those that were not kept by themselves.
    pub count: u32,
}

/// Which events are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Only those before this place in the log.
    pub before: u64,
    /// Only those from this time on, seconds since 1970.
    pub from: i64,
    /// Only those up to this time.
    pub until: i64,
    /// At most so many.
    pub limit: usize,
}

/// How an account was last used by one protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logon {
    /// The protocol.
    pub protocol: String,
    /// When, seconds since 1970.
    pub time: i64,
    /// How the password came.
    pub mechanism: String,
    /// The version of TLS; empty without TLS.
    pub tls: String,
    /// The client's address.
    pub address: String,
    /// What the client says of itself; empty where it says nothing.
    pub client: String,
}

/// A folder's purpose (RFC 6154 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// `\Drafts`
    Drafts,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
    /// `\Junk`
    Junk,
    /// `\Archive`
    Archive,
}

/// A folder, or a name in the hierarchy or in the subscriptions that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its identifier.
    pub id: FolderId,
    /// Full name in UTF-8, levels parted by `/`.
    pub name: String,
    /// Its purpose.
    pub role: Option<SpecialUse>,
    /// Whether messages can be in it; `false` for a name that only has children.
    pub selectable: bool,
    /// Whether the name is subscribed.
    pub subscribed: bool,
    /// Whether it is only a subscribed name, and no folder.
    pub missing: bool,
}

/// Whether a name is subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// It is.
    Subscribed,
    /// It is not.
    Unsubscribed,
}

/// Counts of a folder (RFC 9051 §6.3.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Messages.
    pub messages: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Messages with `\Deleted`.
    pub deleted: u32,
    /// Messages that no session was told of.
    pub recent: u32,
    /// Octets of all messages.
    pub size: u64,
    /// The UID the next message will get.
    pub uid_next: Uid,
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// HIGHESTMODSEQ.
    pub highest_modseq: ModSeq,
}

/// Where one copy of a delivered message goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// The account.
    pub account: AccountId,
    /// The folder; `None` is INBOX.
    pub folder: Option<FolderId>,
    /// System flags.
    pub flags: FlagSet,
    /// Keywords.
    pub keywords: Vec<Keyword>,
    /// INTERNALDATE.
    pub date: DateTime,
}

/// What tells a message's octets from others: messages with the same one are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OctetsKey {
    /// xxh3-64.
    pub(crate) checksum: u64,
    /// How many.
    pub(crate) size: u32,
}

/// A message as it lies in a folder.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its number in the folder.
    pub uid: Uid,
    /// Octets.
    pub size: u32,
    /// System flags.
    pub flags: FlagSet,
    /// Keywords.
    pub keywords: Vec<Keyword>,
    /// INTERNALDATE.
    pub date: DateTime,
    /// Its octets.
    pub blob: BlobId,
}

/// What became of a delivery.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The blob that holds the octets.
    pub blob: BlobId,
    /// Folder generation and UID for each target, in order.
    pub placed: Vec<(FolderId, UidValidity, Uid)>,
    /// The queue entry, where there was an envelope for it.
    pub queued: Option<QueueId>,
}

/// The envelope of a message that waits for other servers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Envelope {
    /// Return path; `None` is the empty one.
    pub sender: Option<String>,
    /// Recipients with their ESMTP parameters as given.
    pub recipients: Vec<(String, String)>,
    /// Whether the message needs SMTPUTF8.
    pub smtputf8: bool,
    /// Seconds since 1970 when it was accepted.
    pub accepted: i64,
}

/// A waiting message.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Its number.
    pub id: QueueId,
    /// Its envelope.
    pub envelope: Envelope,
    /// Its octets.
    pub body: Body,
}

/// How flags are to change (RFC 9051 §6.4.6).
#[derive(Clone, Debug)]
pub struct FlagChange {
    /// Add, remove or replace.
    pub how: FlagOperation,
    /// System flags.
    pub flags: Vec<Flag>,
    /// Keywords; new ones are added to the folder's table unless they are only removed.
    pub keywords: Vec<Keyword>,
    /// Leave messages alone that changed after this (RFC 7162 §3.1.3).
    pub unchanged_since: Option<ModSeq>,
}

/// What a flag change does with the flags named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagOperation {
    /// Set them, keep others.
    Add,
    /// Clear them, keep others.
    Remove,
    /// Set them, clear others.
    Replace,
}

/// What became of a flag change.
#[derive(Clone, Debug, Default)]
pub struct FlagsChanged {
    /// Every message asked for that exists and was allowed to change, as it is now (also where nothing changed).
    pub entries: Vec<Entry>,
    /// Messages left alone because of `unchanged_since`.
    pub modified: Vec<Uid>,
}

/// What became of a copy or move.
#[derive(Clone, Debug)]
pub struct Copied {
    /// UIDVALIDITY of the folder copied to.
    pub uid_validity: UidValidity,
    /// Old and new UID, ascending; messages that were gone are missing.
    pub uids: Vec<(Uid, Uid)>,
}

/// What happened in a folder since a modseq.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Messages that are new or have other flags.
    pub entries: Vec<Entry>,
    /// Messages that are gone.
    pub gone: Vec<Uid>,
}

/// A text to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextQuery {
    /// Where.
    pub place: TextPlace,
    /// What; an empty text matches wherever the place exists.
    pub text: String,
}

/// Where a text is looked for (RFC 9051 §6.4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPlace {
    /// The header field of this name.
    Header(String),
    /// The text parts.
    Body,
    /// Header and text parts.
    Anywhere,
}

/// A removed message that can be put back.
#[derive(Clone, Debug)]
pub struct RecoverableItem {
    /// Its number.
    pub id: u64,
    /// The folder it was in, by name.
    pub folder: String,
    /// When it was removed, seconds since 1970.
    pub removed: i64,
    /// Its octets.
    pub body: Body,
    /// Its envelope and structure.
    pub summary: Arc<Summary>,
}

/// What an account takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Messages in folders.
    pub messages: u64,
    /// Octets of messages in folders.
    pub octets: u64,
    /// Recoverable messages.
    pub recoverable_messages: u64,
    /// Octets of recoverable messages.
    pub recoverable_octets: u64,
}

/// What a check of the data directory found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Messages looked at.
    pub messages: u64,
    /// Octets read.
    pub octets: u64,
    /// Octets in segments that nothing refers to (left behind by a crash, or not yet reclaimed). Not damage.
    pub unused_octets: u64,
    /// Every damage found, in words; `account 7` is the number of an account.
    pub damage: Vec<String>,
    /// Whether the index itself is damaged, so that what else is said here may be less than all.
    pub index_damaged: bool,
    /// What is no damage, and yet not as it was left.
    pub notes: Vec<String>,
    /// The administration objects that could be read: they know whose the accounts are.
    pub objects: Vec<Object>,
}
