//! CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501 §6.3.3 to §6.3.7; RFC 6154 §3 for CREATE with USE).

use super::{ask_once, ok_when_done};
use crate::border::{Answer, Ask, Role, Subscription};
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
    let mut role = None;
    if parser.eat(" ") {
        parser.list(|parser| {
            parser.expect("USE ", "Unknown parameter")?;
            parser.list(|parser| {
                let name = special_use(parser)?;
                // One purpose for a mailbox is enough; the last one counts.
                role = Some(name);
                Ok(())
            })
        })?;
    }
    Ok(ask_once(Ask::Create(name, role), |_, answer| ok_when_done(&answer, "CREATE completed")))
}

/// `\Archive`, in any case.
fn special_use(parser: &mut Parser<'_>) -> Result<Role, Bad> {
    parser.expect("\\", "Expected a special use")?;
    let name = parser.atom()?;
    let same = |role: &Role| role.name().get(1..).is_some_and(|known| known.eq_ignore_ascii_case(name));
    Role::ALL.into_iter().find(same).ok_or(Bad("This special use is not supported"))
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
