//! CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501 §6.3.3 to §6.3.7; RFC 6154 §3 for CREATE with USE).

use super::{ask_once, at_once, ok_when_done};
use crate::border::{Answer, Ask, Code, Role, Subscription};
use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::state::Task;

pub(super) fn create(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let mut name = parser.mailbox()?;
    // RFC 3501 §6.3.3: a separator at the end only says that children will follow.
    if name.len() > 1 && name.ends_with('/') {
        name.pop();
    }
    let mut roles = Vec::new();
    if parser.eat(" ") {
        parser.list(|parser| {
            parser.expect("USE ", "Unknown parameter")?;
            parser.list(|parser| {
                let role = special_use(parser)?;
                if !roles.contains(&role) {
                    roles.push(role);
                }
                Ok(())
            })
        })?;
    }
    // RFC 6154 §3: a mailbox that cannot have the uses asked for is not made without them.
    let role = match *roles.as_slice() {
        [] => None,
        [Some(role)] => Some(role),
        [None] => return Ok(unusable("This special use is not supported")),
        _ => return Ok(unusable("A mailbox has one special use")),
    };
    Ok(ask_once(Ask::Create(name, role), |_, answer| ok_when_done(&answer, "CREATE completed")))
}

fn unusable(why: &'static str) -> Box<dyn Task> {
    at_once(move |_| Reply::no(Code::UseAttr, why))
}

/// `\Archive`, in any case; nothing where it is none that we know.
fn special_use(parser: &mut Parser<'_>) -> Result<Option<Role>, Bad> {
    parser.expect("\\", "Expected a special use")?;
    let name = parser.atom()?;
    let same = |role: &Role| role.name().get(1..).is_some_and(|known| known.eq_ignore_ascii_case(name));
    Ok(Role::ALL.into_iter().find(same))
}

pub(super) fn delete(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let name = parser.mailbox()?;
    Ok(ask_once(Ask::Delete(name), |core, answer| {
        let Answer::Deleted(folder) = answer else { return Reply::bug() };
        // RFC 2180: allowed. The session goes on without a mailbox. Its name tells nothing: it may have been renamed.
        if core.view().is_some_and(|view| view.folder == folder) {
            core.deselect();
            core.untagged("OK [CLOSED] The selected mailbox was deleted");
        }
        Reply::ok("DELETE completed")
    }))
}

/// Names that are taken or not allowed are the store's to refuse.
pub(super) fn rename(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let from = parser.mailbox()?;
    parser.space()?;
    let to = parser.mailbox()?;
    Ok(ask_once(Ask::Rename(from, to), |core, answer| {
        // Renaming INBOX empties it.
        core.stale = core.view().is_some();
        ok_when_done(&answer, "RENAME completed")
    }))
}

/// RFC 3501 §6.3.6: a name can be subscribed whether or not a mailbox has it.
pub(super) fn subscribe(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let name = parser.mailbox()?;
    let ask = Ask::Subscribe(name, Subscription::Subscribed);
    Ok(ask_once(ask, |_, answer| ok_when_done(&answer, "SUBSCRIBE completed")))
}

pub(super) fn unsubscribe(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let name = parser.mailbox()?;
    let ask = Ask::Subscribe(name, Subscription::Unsubscribed);
    Ok(ask_once(ask, |_, answer| ok_when_done(&answer, "UNSUBSCRIBE completed")))
}
