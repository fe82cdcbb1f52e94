//! What a session is at any moment, apart from reading and from the command it works on.

use crate::border::{Answer, Ask};
use crate::command::capability;
use crate::encode;
use crate::reply::Reply;
use crate::settings::{Offer, Settings, StartTls};
use crate::view::View;
use bytes::Bytes;
use mail::{Entry, KeywordTable};
use std::sync::Arc;

/// RFC 3501 §3.
#[derive(Debug)]
pub(crate) enum Stage {
    Fresh,
    Authenticated,
    Selected(View),
}

/// The part of a session that commands work on.
pub(crate) struct Core {
    pub settings: Arc<Settings>,
    pub channel: Channel,
    pub stage: Stage,
    /// Written and not yet sent.
    pub out: Vec<u8>,
    /// Of the command at work.
    pub tag: Vec<u8>,
    /// Whether the client knows CONDSTORE (RFC 7162 §3.1).
    pub condstore: bool,
    /// Whether the selected mailbox may be otherwise than the client knows.
    pub stale: bool,
    /// Logins that failed.
    pub failed_logins: u32,
}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Not at all.
    Clear,
    /// By TLS.
    Tls,
}

/// A command at work. It is called with what it waited for, until it is done.
pub(crate) trait Task: Send + Sync {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn;
}

/// What a task is called with.
#[derive(Debug)]
pub(crate) enum Input {
    /// It begins.
    Start,
    /// After [`Turn::Ask`].
    Answer(Answer),
    /// After [`Turn::Again`], [`Turn::Copy`] and [`Turn::Sync`].
    Again,
    /// After [`Turn::Line`] and [`Turn::Rest`].
    Line(Bytes),
    /// After [`Turn::Line`]: the line was wrong.
    BadLine(&'static str),
    /// After [`Turn::Line`] with changes wanted: the account changed.
    Changed,
    /// After [`Turn::Octets`].
    Octets(Bytes),
}

/// What a task wants next.
#[derive(Debug)]
pub(crate) enum Turn {
    /// An answer.
    Ask(Ask),
    /// To be called again, once what it wrote is sent.
    Again,
    /// Octets of a message to be sent, then to be called again.
    Copy(wire::Copy),
    /// A line that is no command.
    Line(Changes),
    /// The rest of the command, behind the literal it took.
    Rest,
    /// At most so many octets of its literal.
    Octets(u64),
    /// The client to be told what changed in the mailbox, then to be called again.
    Sync,
    /// To end.
    Done(Reply),
    /// To end; what changed is told before, but for expunges (RFC 3501 §7.4.1).
    DoneNoExpunge(Reply),
    /// To end, and TLS to begin.
    StartTls(Reply),
    /// To end, and the connection with it.
    Logout(Reply),
}

/// Whether a task waits for changes too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    Wanted,
    Ignored,
}

impl Core {
    pub fn view(&self) -> Option<&View> {
        match &self.stage {
            Stage::Selected(view) => Some(view),
            Stage::Fresh | Stage::Authenticated => None,
        }
    }

    pub fn view_mut(&mut self) -> Option<&mut View> {
        match &mut self.stage {
            Stage::Selected(view) => Some(view),
            Stage::Fresh | Stage::Authenticated => None,
        }
    }

    /// What the client may log in with as the connection is now.
    pub fn offer(&self) -> Offer {
        match self.channel {
            Channel::Clear => self.settings.clear,
            Channel::Tls => self.settings.tls,
        }
    }

    pub fn may_start_tls(&self) -> bool {
        self.channel == Channel::Clear && self.settings.start_tls == StartTls::Offered
    }

    /// Leaves the selected mailbox.
    pub fn deselect(&mut self) {
        if let Stage::Selected(_) = self.stage {
            self.stage = Stage::Authenticated;
        }
        self.stale = false;
    }

    /// The client has shown that it knows CONDSTORE. The first time, with a mailbox selected, it is told where it stands.
    pub fn enable_condstore(&mut self) {
        if std::mem::replace(&mut self.condstore, true) {
            return;
        }
        if let Stage::Selected(view) = &self.stage {
            write_highest_modseq(&mut self.out, view);
        }
    }

    /// The client is told of keywords that are new to the folder before it sees one (RFC 3501 §7.2.6).
    pub fn take_keywords(&mut self, keywords: &Arc<KeywordTable>) {
        let Core { stage: Stage::Selected(view), out, .. } = self else { return };
        if view.listing.keywords != *keywords {
            view.listing.keywords = Arc::clone(keywords);
            view.write_keywords(out);
        }
    }

    /// `* <text>`
    pub fn untagged(&mut self, text: &str) {
        self.out.extend_from_slice(b"* ");
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// `+ <text>`
    pub fn goes_on(&mut self, text: &str) {
        self.out.extend_from_slice(b"+ ");
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// The tagged response.
    pub fn tagged(&mut self, reply: &Reply) {
        let tag = if self.tag.is_empty() { b"*" } else { self.tag.as_slice() };
        self.out.extend_from_slice(tag);
        self.out.push(b' ');
        self.out.extend_from_slice(reply.status.name().as_bytes());
        self.out.push(b' ');
        self.out.extend_from_slice(reply.text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    pub fn greet(&mut self) {
        let text = format!("OK [{}] {}", capability::list(self), wire::one_line(&self.settings.banner));
        self.untagged(&text);
    }
}

/// `* OK [HIGHESTMODSEQ n]`
pub(crate) fn write_highest_modseq(out: &mut Vec<u8>, view: &View) {
    out.extend_from_slice(b"* OK [HIGHESTMODSEQ ");
    encode::number(out, view.listing.highest_modseq.0);
    out.extend_from_slice(b"] Highest\r\n");
}

/// What an untagged FETCH about flags shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub uid: bool,
    pub flags: bool,
    pub modseq: bool,
}

/// `* 3 FETCH (UID 7 FLAGS (\Seen) MODSEQ (12))`
pub(crate) fn write_flags(
    out: &mut Vec<u8>,
    seq: usize,
    entry: &Entry,
    keywords: &KeywordTable,
    recent: bool,
    shown: Shown,
) {
    out.extend_from_slice(b"* ");
    encode::number(out, seq as u64);
    out.extend_from_slice(b" FETCH (");
    let start = out.len();
    if shown.uid {
        out.extend_from_slice(b"UID ");
        encode::number(out, entry.uid.0.into());
    }
    if shown.flags {
        separate(out, start);
        out.extend_from_slice(b"FLAGS ");
        encode::flags(out, entry.flags, keywords, recent);
    }
    if shown.modseq {
        separate(out, start);
        out.extend_from_slice(b"MODSEQ (");
        encode::number(out, entry.modseq.0);
        out.push(b')');
    }
    out.extend_from_slice(b")\r\n");
}

fn separate(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.push(b' ');
    }
}
