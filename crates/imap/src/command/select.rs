//! SELECT and EXAMINE (RFC 3501 §6.3.1, §6.3.2; RFC 7162 §3.1.8 for CONDSTORE).

use crate::border::{Access, Answer, Ask, Opened};
use crate::encode;
use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::state::{Core, Input, Stage, Task, Turn, write_highest_modseq};
use crate::view::View;
use mail::Flag;

struct Select {
    name: String,
    access: Access,
    condstore: bool,
}

pub(super) fn select(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parse(parser, Access::ReadWrite)
}

pub(super) fn examine(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parse(parser, Access::ReadOnly)
}

/// The name, and of the parameters of RFC 4466 the one we know.
fn parse(parser: &mut Parser<'_>, access: Access) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let name = parser.mailbox()?;
    let mut condstore = false;
    if parser.eat(" ") {
        parser.list(|parser| {
            condstore = true;
            parser.expect("CONDSTORE", "Unknown parameter")
        })?;
    }
    Ok(Box::new(Select { name, access, condstore }))
}

impl Task for Select {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match input {
            Input::Start => {
                // RFC 3501 §6.3.1: the mailbox before is closed even if this one cannot be selected.
                if core.view().is_some() {
                    core.deselect();
                    core.untagged("OK [CLOSED] Previous mailbox closed");
                }
                Turn::Ask(Ask::Open(self.name.clone(), self.access))
            }
            Input::Answer(Answer::Opened(opened)) => Turn::Done(self.opened(core, opened)),
            Input::Answer(Answer::Refused(refusal)) => Turn::Done(Reply::refused(&refusal)),
            _ => Turn::Done(Reply::bug()),
        }
    }
}

impl Select {
    fn opened(&mut self, core: &mut Core, opened: Opened) -> Reply {
        // Said silently: HIGHESTMODSEQ follows in any case.
        core.condstore |= self.condstore;
        let view = View::new(opened, self.access);
        let out = &mut core.out;
        view.write_keywords(out);
        view.write_counts(out);
        // RFC 3501 §7.1: left out where nothing is unseen.
        if let Some(at) = view.listing.iter().position(|entry| !entry.flags.contains(Flag::Seen)) {
            code(out, "UNSEEN", at as u64 + 1, "First unseen");
        }
        code(out, "UIDVALIDITY", view.listing.uid_validity.0.into(), "UIDs valid");
        code(out, "UIDNEXT", view.listing.uid_next.0.into(), "Predicted next UID");
        // RFC 7162 §3.1.2.1: to every client, whether it asked or not.
        write_highest_modseq(out, &view);
        core.stage = Stage::Selected(view);
        // The view is as of now.
        core.stale = false;
        Reply::ok(match self.access {
            Access::ReadWrite => "[READ-WRITE] SELECT completed",
            Access::ReadOnly => "[READ-ONLY] EXAMINE completed",
        })
    }
}

/// `* OK [UIDNEXT 7] text`
fn code(out: &mut Vec<u8>, name: &str, number: u64, text: &str) {
    out.extend_from_slice(b"* OK [");
    out.extend_from_slice(name.as_bytes());
    out.push(b' ');
    encode::number(out, number);
    out.extend_from_slice(b"] ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}
