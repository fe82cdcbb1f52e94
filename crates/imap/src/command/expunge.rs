//! EXPUNGE, UID EXPUNGE and CLOSE (RFC 3501 §6.4.2, §6.4.3; RFC 4315 §2.1). Many messages are removed some at a time.

use crate::border::{Access, Answer, Ask};
use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::sequence::SequenceSet;
use crate::session::CHANGES;
use crate::state::{Core, Input, Task, Turn};
use mail::{Flag, Listing, Uid};
use std::vec::IntoIter;

struct Expunge {
    kind: Kind,
    /// Messages to be removed; nothing before that is known.
    left: Option<IntoIter<Uid>>,
}

/// What is removed.
enum Kind {
    /// Every message that has `\Deleted`.
    All,
    /// Of these, by UID, those that have it.
    Those(SequenceSet),
    /// All, and the mailbox is left without a word about what went.
    Close,
}

pub(super) fn expunge(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.end()?;
    Ok(Box::new(Expunge { kind: Kind::All, left: None }))
}

pub(super) fn uid_expunge(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    Ok(Box::new(Expunge { kind: Kind::Those(parser.sequence_set()?), left: None }))
}

pub(super) fn close(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.end()?;
    Ok(Box::new(Expunge { kind: Kind::Close, left: None }))
}

impl Task for Expunge {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match (input, &mut self.left) {
            (Input::Start, _) => self.start(core),
            (Input::Answer(Answer::Listing(listing)), None) => self.listing_came(core, &listing),
            (Input::Answer(Answer::Done), Some(_)) => self.go_on(core),
            (Input::Answer(Answer::Refused(refusal)), _) => {
                // Some may be removed already.
                core.stale = true;
                Turn::Done(Reply::refused(&refusal))
            }
            _ => Turn::Done(Reply::bug()),
        }
    }
}

impl Expunge {
    fn start(&self, core: &mut Core) -> Turn {
        let Some(view) = core.view() else { return Turn::Done(Reply::bug()) };
        if view.access == Access::ReadOnly {
            return Turn::Done(match self.kind {
                // RFC 3501 §6.4.2: no messages are removed, and no error is given.
                Kind::Close => self.end(core),
                Kind::All | Kind::Those(_) => read_only(),
            });
        }
        // Other sessions may have set `\Deleted` since the client was told.
        Turn::Ask(Ask::Listing(view.folder))
    }

    fn listing_came(&mut self, core: &mut Core, listing: &Listing) -> Turn {
        let Some(view) = core.view() else { return Turn::Done(Reply::bug()) };
        let these = match &self.kind {
            Kind::All | Kind::Close => None,
            Kind::Those(set) => Some(set.resolve(view.last_uid().0)),
        };
        let named = |uid: Uid| these.as_ref().is_none_or(|these| these.contains(uid.0));
        let deleted = listing.iter().filter(|entry| entry.flags.contains(Flag::Deleted) && named(entry.uid));
        self.left = Some(deleted.map(|entry| entry.uid).collect::<Vec<_>>().into_iter());
        // EXPUNGE responses are written as all changes are: from the difference of the listings.
        core.stale = true;
        self.go_on(core)
    }

    fn go_on(&mut self, core: &mut Core) -> Turn {
        let Some(folder) = core.view().map(|view| view.folder) else { return Turn::Done(Reply::bug()) };
        let uids: Vec<Uid> = self.left.iter_mut().flatten().take(CHANGES).collect();
        if uids.is_empty() { Turn::Done(self.end(core)) } else { Turn::Ask(Ask::Expunge(folder, uids)) }
    }

    fn end(&self, core: &mut Core) -> Reply {
        match self.kind {
            Kind::All | Kind::Those(_) => Reply::ok("EXPUNGE completed"),
            Kind::Close => {
                core.deselect();
                Reply::ok("CLOSE completed")
            }
        }
    }
}

/// For commands that would change a mailbox opened by EXAMINE.
pub(super) fn read_only() -> Reply {
    Reply {
        status: crate::reply::Status::No,
        text: "[READ-ONLY] Mailbox is opened read-only".into(),
        closes: false,
    }
}
