//! What the intake must know of a message's header before the first octet is stored.

use mail::header::{Field, fields};
use mail::mailboxes;
use memchr::memmem;
use policy::Authors;

/// Longest Message-ID that is shown in a reply.
const MAX_ID: usize = 250;

/// What a user's message must not carry on: whom else it goes to in secret (RFC 5322 §3.6.3, §3.6.6), and a field that only
/// final delivery writes (RFC 5321 §4.4).
const PRIVATE: [&str; 3] = ["Bcc", "Resent-Bcc", "Return-Path"];

/// Authors that one field may name. One that names more of them is somebody's joke.
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
    /// Whom it names in From and Sender.
    pub authors: Authors,
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
        facts.has_private |= is_private(&field);
    }
    facts.authors = authors(header);
    // An empty header is a header.
    facts.begins_with_field |= header.starts_with(b"\r\n") || header.is_empty();
    facts
}

/// RFC 5322 §3.6 allows one field of each name.
fn authors(header: &[u8]) -> Authors {
    let mut unclear = None;
    let [from, sender] = ["From", "Sender"].map(|name| {
        let mut named = fields(header).filter(|field| field.is(name.as_bytes()));
        let Some(field) = named.next() else { return Vec::new() };
        let found = mailboxes(&field.unfolded(), AUTHORS).filter(|_| named.next().is_none());
        found.unwrap_or_else(|| {
            unclear = Some(name);
            Vec::new()
        })
    });
    Authors { from, sender, unclear }
}

/// How many octets the lines take that programs which keep mail in mbox files put before the header, and which are no part
/// of it.
pub(crate) fn mbox_lines(octets: &[u8]) -> usize {
    let is_mbox = |line: &&[u8]| {
        let quotes = line.iter().take_while(|c| **c == b'>').count();
        let rest = line.get(quotes..).and_then(|rest| rest.strip_prefix(b"From "));
        // Obsolete syntax allows space before the colon of a field.
        rest.is_some_and(|rest| !rest.trim_ascii_start().starts_with(b":"))
    };
    octets.split_inclusive(|c| *c == b'\n').take_while(is_mbox).map(<[u8]>::len).sum()
}

fn is_private(field: &Field<'_>) -> bool {
    PRIVATE.iter().any(|name| field.is(name.as_bytes()))
}

/// The header without them; the other octets are as they were.
pub(crate) fn without_private(header: &[u8]) -> Vec<u8> {
    let mut rest = Vec::with_capacity(header.len());
    let mut at = 0;
    for field in fields(header) {
        at += field.raw.len();
        if !is_private(&field) {
            rest.extend_from_slice(field.raw);
        }
    }
    rest.extend_from_slice(header.get(at..).unwrap_or_default());
    rest
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
        let long = format!("Bcc{}: c@d\r\nA: b\r\n\r\n", " ".repeat(5_000));
        let table = [
            ("A: b\r\nBcc: x@y\r\n , z@y\r\nC: d\r\n\r\n", "A: b\r\nC: d\r\n\r\n"),
            ("bcc :\r\nReturn-path: <a@b>\r\nresent-BCC: c\r\n\r\n", "\r\n"),
            ("A: b\r\nBCC: x", "A: b\r\n"),
            (long.as_str(), "A: b\r\n\r\n"),
            ("X-Bcc: a\r\nA: Bcc: b\r\n Bcc: c\r\n\r\n", "X-Bcc: a\r\nA: Bcc: b\r\n Bcc: c\r\n\r\n"),
        ];
        for (header, expected) in table {
            assert_eq!(facts(header.as_bytes()).has_private, header != expected, "{header:?}");
            assert_eq!(String::from_utf8(without_private(header.as_bytes())).unwrap(), expected);
        }
    }

    #[test]
    fn lines_of_mbox_are_no_fields() {
        let table = [
            ("From a@b Tue\r\nFrom: c@d\r\n", 14),
            (">From a@b Tue\r\n>>From c\r\nTo: d@e\r\n", 25),
            ("From : a@b\r\n", 0),
            ("From: a@b\r\nFrom c\r\n", 0),
            ("Fromage\r\n", 0),
            ("", 0),
        ];
        for (header, expected) in table {
            assert_eq!(mbox_lines(header.as_bytes()), expected, "{header:?}");
        }
    }

    #[test]
    fn authors_of_headers() {
        let groups = format!("From: {} Bob <bob@b.test>\r\n", "G:;".repeat(AUTHORS / 2));
        let many = format!("From: {} bob@b.test\r\n", "a@b.test,".repeat(AUTHORS));
        type Row<'a> = (&'a str, &'a [&'a str], &'a [&'a str], Option<&'static str>);
        let table: [Row<'_>; 8] = [
            ("From: A <a@B.test>\r\nSender:\r\n b@b.test\r\n", &["a@b.test"], &["b@b.test"], None),
            ("From: a@b.test, c@d.test\r\n\r\nFrom: e@f.test", &["a@b.test", "c@d.test"], &[], None),
            ("From: a@b.test\r\nfrom: a@b.test\r\n", &[], &[], Some("From")),
            (
                "Sender : a@b.test\r\nSender: a@b.test\r\nFrom: a@b.test\r\n",
                &["a@b.test"],
                &[],
                Some("Sender"),
            ),
            ("From: <b@b.test> <a@b.test>\r\n", &[], &[], Some("From")),
            (&groups, &[], &[], Some("From")),
            (&many, &[], &[], Some("From")),
            ("Subject: From\r\n", &[], &[], None),
        ];
        for (header, from, sender, unclear) in table {
            let [from, sender] =
                [from, sender].map(|list| list.iter().map(|text| (*text).to_owned()).collect());
            assert_eq!(facts(header.as_bytes()).authors, Authors { from, sender, unclear }, "{header:.60}");
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
