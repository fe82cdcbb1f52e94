//! COPY and MOVE (RFC 3501 §6.4.7, RFC 6851, RFC 4315 §3 for COPYUID).

use super::expunge::read_only;
use crate::border::{Absent, Access, Answer, Ask, Code, Refusal};
use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::sequence::{Ranges, SequenceSet};
use crate::state::{Core, Input, Task, Turn};
use crate::view::Numbering;
use mail::{Uid, UidValidity};

/// Messages copied or moved by one command. COPY is all or nothing (RFC 3501 §6.4.7), and all others who change something
/// wait for it.
const MOST: usize = 100_000;

struct Copy {
    set: SequenceSet,
    numbering: Numbering,
    to: String,
    kind: Kind,
    /// How many messages were asked for.
    count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
/// Whether the messages stay.
enum Kind {
    Copy,
    Move,
}

pub(super) fn copy(parser: &mut Parser<'_>, numbering: Numbering) -> Result<Box<dyn Task>, Bad> {
    parse(parser, numbering, Kind::Copy)
}

pub(super) fn move_messages(parser: &mut Parser<'_>, numbering: Numbering) -> Result<Box<dyn Task>, Bad> {
    parse(parser, numbering, Kind::Move)
}

fn parse(parser: &mut Parser<'_>, numbering: Numbering, kind: Kind) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let set = parser.sequence_set()?;
    parser.space()?;
    Ok(Box::new(Copy { set, numbering, to: parser.mailbox()?, kind, count: 0 }))
}

impl Task for Copy {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match input {
            Input::Start => self.start(core),
            Input::Answer(Answer::Copied { uid_validity, uids }) => {
                // The copies may be in the selected mailbox itself.
                core.stale = true;
                Turn::Done(self.copied(core, uid_validity, &uids))
            }
            Input::Answer(Answer::Refused(refusal)) => Turn::Done(Reply::refused(&try_create(refusal))),
            _ => Turn::Done(Reply::bug()),
        }
    }
}

impl Copy {
    fn start(&mut self, core: &Core) -> Turn {
        let Some(view) = core.view() else { return Turn::Done(Reply::bug()) };
        // Copying out of a mailbox opened by EXAMINE changes nothing in it.
        if self.kind == Kind::Move && view.access == Access::ReadOnly {
            return Turn::Done(read_only());
        }
        let uids = match view.select(&self.set, self.numbering) {
            Ok(places) => view.uids(&places),
            Err(Bad(why)) => return Turn::Done(Reply::bad(why)),
        };
        if uids.is_empty() {
            // RFC 3501 §6.4.8: a UID that is not there is ignored without an error.
            return Turn::Done(Reply::ok("No messages found"));
        }
        if uids.len() > MOST {
            return Turn::Done(Reply::no(Code::Limit, &format!("At most {MOST} messages at a time")));
        }
        self.count = uids.len();
        let to = std::mem::take(&mut self.to);
        // RFC 3501 §6.4.8: only a UID may name a message that is not there.
        let absent = match self.numbering {
            Numbering::Sequence => Absent::Refuse,
            Numbering::Uid => Absent::Skip,
        };
        Turn::Ask(match self.kind {
            Kind::Copy => Ask::Copy(view.folder, uids, to, absent),
            Kind::Move => Ask::Move(view.folder, uids, to, absent),
        })
    }

    fn copied(&self, core: &mut Core, uid_validity: UidValidity, uids: &[(Uid, Uid)]) -> Reply {
        if uids.is_empty() {
            return match self.numbering {
                Numbering::Sequence => Reply::no(Code::ExpungeIssued, "Some of the messages no longer exist"),
                Numbering::Uid => Reply::ok("No messages found"),
            };
        }
        let code = copy_uid(uid_validity, uids);
        // RFC 3501 §6.4.8: UIDs that are gone are no error; the client hears of it.
        let some_gone = uids.len() < self.count;
        match self.kind {
            Kind::Copy if some_gone => Reply::ok(format!("{code} COPY completed, some messages were gone")),
            Kind::Copy => Reply::ok(format!("{code} COPY completed")),
            Kind::Move => {
                // RFC 6851 §4.3: before the EXPUNGE responses.
                core.untagged(&format!("OK {code} Moved"));
                Reply::ok("MOVE completed")
            }
        }
    }
}

/// `[COPYUID 38505 304,319:320 3956:3958]`
fn copy_uid(uid_validity: UidValidity, uids: &[(Uid, Uid)]) -> String {
    let (mut from, mut to) = (Vec::new(), Vec::new());
    // The sets are read side by side, so both must be in the order of the messages (RFC 4315 §3).
    uids.iter().map(|(old, _)| old.0).collect::<Ranges>().write(&mut from);
    uids.iter().map(|(_, new)| new.0).collect::<Ranges>().write(&mut to);
    let text = |set: Vec<u8>| String::from_utf8(set).unwrap_or_default();
    format!("[COPYUID {uid_validity} {} {}]", text(from), text(to))
}

/// RFC 3501 §7.1: where the target is missing, the client may create it and try again.
pub(super) fn try_create(mut refusal: Refusal) -> Refusal {
    if refusal.code == Some(Code::NonExistent) {
        refusal.code = Some(Code::TryCreate);
    }
    refusal
}
