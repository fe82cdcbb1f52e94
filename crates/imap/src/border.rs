//! What a session asks for, and what it is told: the border between IMAP and the rest of the server.
//!
//! Names of mailboxes are UTF-8 with `/` between levels, `INBOX` in capitals. All asks after [`Ask::Login`] concern the
//! account that logged in.

use crate::state::Channel;
use bytes::Bytes;
use mail::{Body, DateTime, Entry, Flag, FolderId, Keyword, Listing, ModSeq, Summary, Uid, UidValidity};
use std::sync::Arc;
use wire::Credentials;

/// What a session needs to have done or decided.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Nothing: what is done takes long, and others are to have their turn. Answered by [`Answer::Done`].
    Pause,
    /// Let this user in, who logs in over this channel. Answered by [`Answer::Done`].
    Login(Credentials, Channel),
    /// All folders. Answered by [`Answer::Folders`].
    Folders,
    /// A folder's messages, to be selected. Answered by [`Answer::Opened`].
    Open(String, Access),
    /// A folder's counts. Answered by [`Answer::Status`].
    Status(String),
    /// A new folder. Answered by [`Answer::Done`].
    Create(String, Option<Role>),
    /// Remove a folder. Answered by [`Answer::Deleted`].
    Delete(String),
    /// Rename the first to the second. Answered by [`Answer::Done`].
    Rename(String, String),
    /// Add a name to the subscriptions or take it away. Answered by [`Answer::Done`].
    Subscribe(String, Subscription),
    /// The selected folder as it is now. Answered by [`Answer::Listing`].
    Listing(FolderId),
    /// From which message on the folder's messages are recent to this session. Answered by [`Answer::Recent`].
    Recent(FolderId),
    /// Envelope and structure of messages. Answered by [`Answer::Summaries`].
    Summaries(FolderId, Vec<Uid>),
    /// When messages were sent by their Date fields. Answered by [`Answer::Sent`].
    Sent(FolderId, Vec<Uid>),
    /// Octets of messages. Answered by [`Answer::Bodies`].
    Bodies(FolderId, Vec<Uid>),
    /// Headers of messages, as bodies that end where the header does. Answered by [`Answer::Headers`].
    Headers(FolderId, Vec<Uid>),
    /// Some octets of a message, from the first number on, as many as the second says. Answered by [`Answer::Octets`].
    Read(Body, u32, u32),
    /// Change flags. Answered by [`Answer::Stored`].
    Store(FolderId, Vec<Uid>, FlagChange),
    /// Copy messages to a mailbox. Answered by [`Answer::Copied`].
    Copy(FolderId, Vec<Uid>, String, Absent),
    /// Move messages to a mailbox. Answered by [`Answer::Copied`].
    Move(FolderId, Vec<Uid>, String, Absent),
    /// Remove those of these messages that have `\Deleted`. Answered by [`Answer::Done`].
    Expunge(FolderId, Vec<Uid>),
    /// For each text, which of the messages contain it. Answered by [`Answer::Found`].
    Search(FolderId, Vec<Uid>, Vec<Text>),
    /// A message of this size is coming for this mailbox. Answered by [`Answer::Done`].
    AppendBegin(String, u64),
    /// The next octets of the message. Answered by [`Answer::Done`].
    AppendChunk(Bytes),
    /// The message is complete: file it. Answered by [`Answer::Appended`].
    AppendEnd {
        /// System flags.
        flags: Vec<Flag>,
        /// Other flags.
        keywords: Vec<Keyword>,
        /// INTERNALDATE; now if there is none.
        date: Option<DateTime>,
    },
    /// Forget the message that was coming. Answered by [`Answer::Done`].
    AppendAbort,
}

/// What becomes of messages named in an [`Ask`] that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// They are passed over.
    Skip,
    /// Nothing is done for any of those named; the answer names none.
    Refuse,
}

/// What came of an [`Ask`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// It is not to be, or went wrong: the command ends with NO.
    Refused(Refusal),
    /// It is done.
    Done,
    /// This folder is removed.
    Deleted(FolderId),
    /// All folders, those above others first.
    Folders(Vec<Folder>),
    /// The folder is open.
    Opened(Opened),
    /// Counts.
    Status(Status),
    /// The folder as it is now.
    Listing(Listing),
    /// Messages from this one on are recent.
    Recent(Uid),
    /// Summaries of messages.
    Summaries(Gathered<Arc<Summary>>),
    /// Those of the messages that exist and can be read, ascending.
    Sent(Vec<(Uid, Option<DateTime>)>),
    /// Octets of messages.
    Bodies(Gathered<Body>),
    /// Headers of messages.
    Headers(Gathered<Body>),
    /// Octets.
    Octets(Bytes),
    /// Flags are changed.
    Stored {
        /// The messages that exist and were allowed to change, as they are now, ascending.
        entries: Vec<Entry>,
        /// Those that were left alone because they had changed before.
        modified: Vec<Uid>,
    },
    /// Messages are copied or moved.
    Copied {
        /// UIDVALIDITY of the mailbox copied to.
        uid_validity: UidValidity,
        /// Old and new UIDs.
        uids: Vec<(Uid, Uid)>,
    },
    /// For each text, the messages that contain it, ascending.
    Found(Vec<Vec<Uid>>),
    /// The message is filed.
    Appended {
        /// UIDVALIDITY of its mailbox.
        uid_validity: UidValidity,
        /// Its UID.
        uid: Uid,
    },
}

/// What was asked for of messages, of as many as there was room for.
#[derive(Clone, Debug)]
pub struct Gathered<T> {
    /// That of the messages that exist, ascending.
    pub found: Vec<(Uid, T)>,
    /// Messages that exist and cannot be read, ascending.
    pub damaged: Vec<Uid>,
    /// Messages to be asked for anew, ascending; not all of them.
    pub left: Vec<Uid>,
}

/// Why something is refused, as the client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A response code, where one fits.
    pub code: Option<Code>,
    /// Text for people, one line.
    pub text: String,
    /// Whether the session ends.
    pub closes: bool,
}

impl Refusal {
    /// A refusal after which the session goes on.
    pub fn new(code: Code, text: impl Into<String>) -> Refusal {
        Refusal { code: Some(code), text: text.into(), closes: false }
    }

    /// A refusal that ends the session.
    pub fn closing(code: Code, text: impl Into<String>) -> Refusal {
        Refusal { code: Some(code), text: text.into(), closes: true }
    }
}

/// Response codes of refusals (RFC 5530, RFC 3501 §7.1, RFC 6154 §3, RFC 7889).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the RFC's word")]
pub enum Code {
    AlreadyExists,
    AuthenticationFailed,
    AuthorizationFailed,
    Cannot,
    ContactAdmin,
    Corruption,
    ExpungeIssued,
    InUse,
    Limit,
    NonExistent,
    NoPerm,
    OverQuota,
    PrivacyRequired,
    ServerBug,
    TooBig,
    TryCreate,
    Unavailable,
    UseAttr,
}

impl Code {
    /// The code as it is sent.
    pub fn name(self) -> &'static str {
        match self {
            Code::AlreadyExists => "ALREADYEXISTS",
            Code::AuthenticationFailed => "AUTHENTICATIONFAILED",
            Code::AuthorizationFailed => "AUTHORIZATIONFAILED",
            Code::Cannot => "CANNOT",
            Code::ContactAdmin => "CONTACTADMIN",
            Code::Corruption => "CORRUPTION",
            Code::ExpungeIssued => "EXPUNGEISSUED",
            Code::InUse => "INUSE",
            Code::Limit => "LIMIT",
            Code::NonExistent => "NONEXISTENT",
            Code::NoPerm => "NOPERM",
            Code::OverQuota => "OVERQUOTA",
            Code::PrivacyRequired => "PRIVACYREQUIRED",
            Code::ServerBug => "SERVERBUG",
            Code::TooBig => "TOOBIG",
            Code::TryCreate => "TRYCREATE",
            Code::Unavailable => "UNAVAILABLE",
            Code::UseAttr => "USEATTR",
        }
    }
}

/// How a mailbox is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// SELECT.
    ReadWrite,
    /// EXAMINE: nothing changes, not even what is recent.
    ReadOnly,
}

/// A mailbox that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its identifier for further asks.
    pub folder: FolderId,
    /// Its messages.
    pub listing: Listing,
    /// Messages from this one on are recent.
    pub recent: Uid,
}

/// A mailbox's purpose (RFC 6154 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 5] = [Role::Archive, Role::Drafts, Role::Junk, Role::Sent, Role::Trash];

    /// The attribute as it is sent.
    pub fn name(self) -> &'static str {
        match self {
            Role::Archive => "\\Archive",
            Role::Drafts => "\\Drafts",
            Role::Junk => "\\Junk",
            Role::Sent => "\\Sent",
            Role::Trash => "\\Trash",
        }
    }
}

/// A mailbox, or a name that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its full name.
    pub name: String,
    /// Its purpose.
    pub role: Option<Role>,
    /// What the name stands for.
    pub kind: FolderKind,
    /// Whether the name is subscribed.
    pub subscription: Subscription,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderKind {
    /// A mailbox.
    Selectable,
    /// Only a place in the hierarchy.
    Level,
    /// Nothing: it is only subscribed.
    Missing,
}

/// Whether a name is subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// It is.
    Subscribed,
    /// It is not.
    Unsubscribed,
}

/// Counts of a mailbox.
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

/// How flags are to change.
#[derive(Clone, Debug)]
pub struct FlagChange {
    /// Add, remove or replace.
    pub how: FlagOperation,
    /// System flags.
    pub flags: Vec<Flag>,
    /// Other flags.
    pub keywords: Vec<Keyword>,
    /// Leave messages alone that changed after this.
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

/// A text to be found in messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text {
    /// Where.
    pub place: TextPlace,
    /// What.
    pub text: String,
}

/// Where a text is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TextPlace {
    /// The header field of this name.
    Header(String),
    /// The text parts.
    Body,
    /// Header and text parts.
    Anywhere,
}
