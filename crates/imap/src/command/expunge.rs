//! EXPUNGE, UID EXPUNGE and CLOSE (RFC 3501 §6.4.2, §6.4.3; RFC 4315 §2.1).

use crate::border::{Access, Answer, Ask};
use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::sequence::SequenceSet;
use crate::state::{Core, Input, Task, Turn};
use crate::view::Numbering;

/// What is removed.
enum Expunge {
    /// Every message that has `\Deleted`.
    All,
    /// Of these, by UID, those that have it.
    Those(SequenceSet),
    /// All, and the mailbox is left without a word about what went.
    Close,
}

pub(super) fn expunge(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.end()?;
    Ok(Box::new(Expunge::All))
}

pub(super) fn uid_expunge(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    Ok(Box::new(Expunge::Those(parser.sequence_set()?)))
}

pub(super) fn close(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.end()?;
    Ok(Box::new(Expunge::Close))
}

impl Task for Expunge {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match input {
            Input::Start => self.start(core),
            Input::Answer(Answer::Done) => {
                // EXPUNGE responses are written as all changes are: from the difference of the listings.
                core.stale = true;
                Turn::Done(self.end(core))
            }
            Input::Answer(Answer::Refused(refusal)) => Turn::Done(Reply::refused(&refusal)),
            _ => Turn::Done(Reply::bug()),
        }
    }
}

impl Expunge {
    fn start(&self, core: &mut Core) -> Turn {
        let Some(view) = core.view() else { return Turn::Done(Reply::bug()) };
        if view.access == Access::ReadOnly {
            return Turn::Done(match self {
                // RFC 3501 §6.4.2: no messages are removed, and no error is given.
                Expunge::Close => self.end(core),
                Expunge::All | Expunge::Those(_) => read_only(),
            });
        }
        let uids = match self {
            Expunge::All | Expunge::Close => None,
            Expunge::Those(set) => match view.select(set, Numbering::Uid) {
                Ok(places) => Some(view.uids(&places)),
                Err(Bad(why)) => return Turn::Done(Reply::bad(why)),
            },
        };
        Turn::Ask(Ask::Expunge(view.folder, uids))
    }

    fn end(&self, core: &mut Core) -> Reply {
        match self {
            Expunge::All | Expunge::Those(_) => Reply::ok("EXPUNGE completed"),
            Expunge::Close => {
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
