//! IDLE (RFC 2177): the client is told of changes as they happen, until it says DONE.

use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::state::{Changes, Core, Input, Task, Turn};

struct Idle;

pub(super) fn idle(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.end()?;
    Ok(Box::new(Idle))
}

impl Task for Idle {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match input {
            Input::Start => {
                core.goes_on("idling");
                // Changes that came before are told at once.
                Turn::Sync
            }
            Input::Changed => Turn::Sync,
            Input::Again => {
                Turn::Line(if core.view().is_some() { Changes::Wanted } else { Changes::Ignored })
            }
            Input::Line(line) if line.eq_ignore_ascii_case(b"DONE") => {
                Turn::Done(Reply::ok("IDLE completed"))
            }
            Input::Line(_) => Turn::Done(Reply::bad("Expected DONE")),
            Input::BadLine(why) => Turn::Done(Reply::bad(why)),
            Input::Answer(_) | Input::Octets(_) => Turn::Done(Reply::bug()),
        }
    }
}
