//! STATUS (RFC 3501 §6.3.10; RFC 7162 §3.1.7 for HIGHESTMODSEQ, RFC 9051 §6.3.11 for SIZE and DELETED).

use super::ask_once;
use crate::border::{Answer, Ask, Status};
use crate::encode;
use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::state::Task;

/// What can be asked of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Messages,
    Recent,
    UidNext,
    UidValidity,
    Unseen,
    HighestModSeq,
    Size,
    Deleted,
}

/// Their names, as they are answered whatever the case they are asked in.
const ITEMS: [(&str, Item); 8] = [
    ("MESSAGES", Item::Messages),
    ("RECENT", Item::Recent),
    ("UIDNEXT", Item::UidNext),
    ("UIDVALIDITY", Item::UidValidity),
    ("UNSEEN", Item::Unseen),
    ("HIGHESTMODSEQ", Item::HighestModSeq),
    ("SIZE", Item::Size),
    ("DELETED", Item::Deleted),
];

impl Item {
    fn value(self, status: &Status) -> u64 {
        match self {
            Item::Messages => status.messages.into(),
            Item::Recent => status.recent.into(),
            Item::UidNext => status.uid_next.0.into(),
            Item::UidValidity => status.uid_validity.0.into(),
            Item::Unseen => status.unseen.into(),
            Item::HighestModSeq => status.highest_modseq.0,
            Item::Size => status.size,
            Item::Deleted => status.deleted.into(),
        }
    }
}

pub(super) fn status(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let name = parser.mailbox()?;
    parser.space()?;
    let mut items = Vec::new();
    parser.list(|parser| {
        let name = parser.atom()?;
        let known = ITEMS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let item = *known.ok_or(Bad("Unknown status item"))?;
        // Said twice, it is answered once.
        if !items.contains(&item) {
            items.push(item);
        }
        Ok(())
    })?;
    // RFC 3501 §9, status: at least one item.
    if items.is_empty() {
        return Err(Bad("No status items"));
    }
    Ok(ask_once(Ask::Status(name.clone()), move |core, answer| {
        let Answer::Status(status) = answer else { return Reply::bug() };
        // RFC 7162 §3.1: asking for HIGHESTMODSEQ shows that the client knows what it is.
        if items.iter().any(|(_, item)| *item == Item::HighestModSeq) {
            core.enable_condstore();
        }
        write(&mut core.out, &name, &items, &status);
        Reply::ok("STATUS completed")
    }))
}

/// `* STATUS INBOX (MESSAGES 2 UNSEEN 1)`, items in the order in which they were asked for.
fn write(out: &mut Vec<u8>, name: &str, items: &[(&str, Item)], status: &Status) {
    out.extend_from_slice(b"* STATUS ");
    encode::mailbox(out, name);
    out.extend_from_slice(b" (");
    for (index, (name, item)) in items.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        encode::number(out, item.value(status));
    }
    out.extend_from_slice(b")\r\n");
}
