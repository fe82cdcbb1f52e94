//! Commands that need nothing but the session itself: NOOP, LOGOUT, ID, STARTTLS, NAMESPACE, ENABLE, CHECK, UNSELECT.
//!
//! RFC 3501 §6.1.2, §6.1.3, §6.2.1, §6.4.1; RFC 2971, RFC 2342, RFC 5161, RFC 3691.

use super::at_once;
use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::state::{Core, Input, Task, Turn};

/// A command without arguments.
pub(super) fn bare(parser: &mut Parser<'_>, run: fn(&mut Core) -> Reply) -> Result<Box<dyn Task>, Bad> {
    parser.end()?;
    Ok(at_once(run))
}

pub(super) fn noop(core: &mut Core) -> Reply {
    // Clients poll with it: look, even if no change was heard of.
    core.stale = core.view().is_some();
    Reply::ok("NOOP completed")
}

/// There is nothing to be written back: what was answered with OK is durable.
pub(super) fn check(core: &mut Core) -> Reply {
    core.stale = true;
    Reply::ok("CHECK completed")
}

pub(super) fn unselect(core: &mut Core) -> Reply {
    core.deselect();
    Reply::ok("UNSELECT completed")
}

/// RFC 2342 §5: one personal namespace; those of others and shared ones are not there yet.
pub(super) fn namespace(core: &mut Core) -> Reply {
    core.untagged("NAMESPACE ((\"\" \"/\")) NIL NIL");
    Reply::ok("NAMESPACE completed")
}

/// RFC 3501 §6.1.3: BYE comes before OK.
struct Logout;

impl Task for Logout {
    fn run(&mut self, core: &mut Core, _: Input) -> Turn {
        core.untagged("BYE Logging out");
        Turn::Logout(Reply::ok("LOGOUT completed"))
    }
}

pub(super) fn logout(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.end()?;
    Ok(Box::new(Logout))
}

/// The session forgets what came behind the command; see [`Turn::StartTls`].
struct StartTls;

impl Task for StartTls {
    fn run(&mut self, _: &mut Core, _: Input) -> Turn {
        Turn::StartTls(Reply::ok("Begin TLS negotiation now"))
    }
}

pub(super) fn start_tls(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.end()?;
    Ok(Box::new(StartTls))
}

/// RFC 2971 §3.1: what the client says of itself is read and not needed.
pub(super) fn id(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    if !parser.eat("NIL") {
        parser.list(|parser| {
            parser.string()?;
            parser.space()?;
            parser.nstring().map(|_| ())
        })?;
    }
    Ok(at_once(|core| {
        core.untagged("ID (\"name\" \"Gatepost\")");
        Reply::ok("ID completed")
    }))
}

/// RFC 5161 §3.1: what is not known is ignored.
pub(super) fn enable(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    let mut condstore = false;
    parser.space()?;
    loop {
        condstore |= parser.atom()?.eq_ignore_ascii_case("CONDSTORE");
        if !parser.eat(" ") {
            break;
        }
    }
    Ok(at_once(move |core| {
        let new = condstore && !core.condstore;
        core.untagged(if new { "ENABLED CONDSTORE" } else { "ENABLED" });
        if new {
            core.enable_condstore();
        }
        Reply::ok("ENABLE completed")
    }))
}
