//! What the intake must know of a message's header before the first octet is stored.

use mail::header::{Field, Keep, Selection, fields, filter};
use mail::mailboxes;
use memchr::memmem;

/// Longest Message-ID that is shown in a reply.
const MAX_ID: usize = 250;

/// What a user's message must not carry on: whom else it goes to in secret (RFC 5322 §3.6.3, §3.6.6), and a field that only
/// final delivery writes (RFC 5321 §4.4).
const PRIVATE: [&str; 3] = ["Bcc", "Resent-Bcc", "Return-Path"];

/// Authors of a message that are looked at. A message that has more of them is somebody's joke.
const AUTHORS: usize = 1_000;

/// The facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The Message-ID, where it can be shown in a reply.
    pub message_id: Option<String>,
    pub has_message_id: bool,
    pub has_date: bool,
    /// How many Received fields there are.
    pub received: u32,
    /// Whether the message begins with a header, and not at once with text.
    pub begins_with_field: bool,
    /// The addresses in From.
    pub from: Vec<String>,
    /// Those in Sender.
    pub sender: Vec<String>,
    /// Whether there are fields that a user's message must not carry on.
    pub has_private: bool,
}

/// The length of the header with its empty line, where its end is among these octets. Looking again after more octets
/// came can begin where the last look ended.
pub(crate) fn end(octets: &[u8], looked: usize) -> Option<usize> {
    if octets.starts_with(b"\r\n") {
        return Some(2);
    }
    let from = looked.saturating_sub(3);
    memmem::find(octets.get(from..)?, b"\r\n\r\n").map(|at| from + at + 4)
}

/// Reads the header.
pub(crate) fn facts(header: &[u8]) -> Facts {
    let mut facts = Facts::default();
    for (number, field) in fields(header).enumerate() {
        if number == 0 {
            facts.begins_with_field = is_name(field.name);
        }
        if field.is(b"Message-ID") && !facts.has_message_id {
            facts.has_message_id = true;
            facts.message_id = showable(&field.unfolded());
        }
        facts.has_date |= field.is(b"Date");
        facts.received += u32::from(field.is(b"Received"));
        for (name, found) in [("From", &mut facts.from), ("Sender", &mut facts.sender)] {
            if field.is(name.as_bytes()) {
                found.extend(mailboxes(&field.unfolded(), AUTHORS.saturating_sub(found.len())));
            }
        }
        facts.has_private |= is_private(&field);
    }
    // An empty header is a header.
    facts.begins_with_field |= header.starts_with(b"\r\n") || header.is_empty();
    facts
}

fn is_private(field: &Field<'_>) -> bool {
    PRIVATE.iter().any(|name| field.is(name.as_bytes()))
}

/// The header without them; the other octets are as they were.
pub(crate) fn without_private(header: &[u8]) -> Vec<u8> {
    filter(header, &Selection::new(PRIVATE, Keep::Others))
}

/// RFC 5322 §3.6.8
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

fn showable(value: &[u8]) -> Option<String> {
    let good = (1..=MAX_ID).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
    let text = std::str::from_utf8(value).ok().filter(|_| good)?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_however_it_comes() {
        let table = [
            ("A: b\r\n\r\nbody\r\n\r\n", Some(8)),
            ("\r\nbody", Some(2)),
            ("A: b\r\nC: d\r\n", None),
            ("A: b\r\n\r", None),
            ("", None),
            ("\r", None),
        ];
        for (text, expected) in table {
            assert_eq!(end(text.as_bytes(), 0), expected, "{text:?}");
            let (mut found, mut looked) = (None, 0);
            for upto in 0..=text.len() {
                found = found.or_else(|| end(&text.as_bytes()[..upto], looked));
                looked = upto;
            }
            assert_eq!(found, expected, "{text:?} octet by octet");
        }
    }

    #[test]
    fn private_fields_go_and_nothing_else() {
        let table = [
            ("A: b\r\nBcc: x@y\r\n , z@y\r\nC: d\r\n\r\n", "A: b\r\nC: d\r\n\r\n"),
            ("bcc :\r\nReturn-path: <a@b>\r\nresent-BCC: c\r\n\r\n", "\r\n"),
            ("A: b\r\nBCC: x", "A: b\r\n"),
            ("X-Bcc: a\r\nA: Bcc: b\r\n Bcc: c\r\n\r\n", "X-Bcc: a\r\nA: Bcc: b\r\n Bcc: c\r\n\r\n"),
        ];
        for (header, expected) in table {
            assert_eq!(facts(header.as_bytes()).has_private, header != expected, "{header:?}");
            assert_eq!(String::from_utf8(without_private(header.as_bytes())).unwrap(), expected);
        }
    }

    #[test]
    fn facts_of_headers() {
        let long = format!("Message-ID: <{}@x>\r\n", "a".repeat(MAX_ID));
        let table = [
            ("Message-Id:\r\n <a@b>\r\nDATE: x\r\n\r\n", Some("<a@b>"), true, true, 0, true),
            ("Received: a\r\nReceived: b\r\n c\r\nX-Received: d\r\n\r\n", None, false, false, 2, true),
            ("Hello Bob,\r\nDate: no\r\n\r\n", None, false, true, 0, false),
            ("Hello Bob: hi\r\n\r\n", None, false, false, 0, false),
            ("\r\n", None, false, false, 0, true),
            ("", None, false, false, 0, true),
            ("Message-ID: <a b>\r\n", None, true, false, 0, true),
            (long.as_str(), None, true, false, 0, true),
        ];
        for (header, id, has_message_id, has_date, received, begins_with_field) in table {
            let message_id = id.map(str::to_owned);
            let expected = Facts {
                message_id,
                has_message_id,
                has_date,
                received,
                begins_with_field,
                ..Facts::default()
            };
            assert_eq!(facts(header.as_bytes()), expected, "{header:?}");
        }
    }
}
