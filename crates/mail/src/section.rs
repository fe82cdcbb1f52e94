//! Which octets a section specification such as `BODY[2.1.HEADER]` means (RFC 9051 §6.4.5.1).
//!
//! HEADER.FIELDS and HEADER.FIELDS.NOT are [`Specifier::Header`] here; [`crate::header::filter`] then cuts the fields
//! out of those octets.

use crate::summary::{Content, Part, Range, Summary};

/// What stands between the brackets of `BODY[..]`, field names left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Section {
    /// Part numbers, from 1, outermost first.
    pub path: Vec<u32>,
    /// What of the part.
    pub specifier: Specifier,
}

/// What of a part is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Specifier {
    /// The whole message (`BODY[]`), or the body of the part (`BODY[2]`).
    #[default]
    All,
    /// The header of the message that the part holds, or of the whole message without part numbers.
    Header,
    /// What follows that header.
    Text,
    /// The header of the part itself; only with part numbers.
    Mime,
}

impl Summary {
    /// The octets that the section means; `None` where the message has no such part, which IMAP answers with NIL.
    pub fn section(&self, section: &Section) -> Option<Range> {
        let Section { path, specifier } = section;
        match (path.as_slice(), specifier) {
            ([], Specifier::All) => Some(self.root.header.to(self.root.body)),
            ([], Specifier::Mime) => None,
            (path, Specifier::Header) => Some(self.message(path)?.root.header),
            (path, Specifier::Text) => Some(self.message(path)?.root.body),
            (path, Specifier::All) => Some(self.part(path)?.body),
            (path, Specifier::Mime) => Some(self.part(path)?.header),
        }
    }

    /// The part with these numbers; a message that is no multipart has itself as part 1.
    pub fn part(&self, path: &[u32]) -> Option<&Part> {
        let (&first, rest) = path.split_first()?;
        let mut part = self.numbered(first)?;
        for &number in rest {
            part = match &part.content {
                Content::Multipart(parts) => nth(parts, number)?,
                Content::Message(message) => message.numbered(number)?,
                Content::Leaf => return None,
            };
        }
        Some(part)
    }

    /// The message that the part with these numbers holds; this one where there are none.
    pub fn message(&self, path: &[u32]) -> Option<&Summary> {
        if path.is_empty() {
            return Some(self);
        }
        match &self.part(path)?.content {
            Content::Message(message) => Some(message),
            Content::Leaf | Content::Multipart(_) => None,
        }
    }

    fn numbered(&self, number: u32) -> Option<&Part> {
        match &self.root.content {
            Content::Multipart(parts) => nth(parts, number),
            Content::Leaf | Content::Message(_) => (number == 1).then_some(&self.root),
        }
    }
}

fn nth(parts: &[Part], number: u32) -> Option<&Part> {
    parts.get(usize::try_from(number.checked_sub(1)?).ok()?)
}

impl Range {
    /// The first octet after it.
    pub fn end(self) -> u32 {
        self.start.saturating_add(self.len)
    }

    /// From the beginning of this range to the end of `last`.
    fn to(self, last: Range) -> Range {
        Range { start: self.start, len: last.end().saturating_sub(self.start) }
    }

    /// These octets of `message`; those that it has.
    pub fn of(self, message: &[u8]) -> &[u8] {
        let at = |position: u32| usize::try_from(position).unwrap_or(usize::MAX).min(message.len());
        message.get(at(self.start)..at(self.end())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Builder;

    fn summary(message: &str) -> Summary {
        let mut builder = Builder::new();
        builder.push(message.as_bytes());
        builder.finish()
    }

    fn section(text: &str) -> Section {
        let mut section = Section::default();
        for word in text.split('.').filter(|word| !word.is_empty()) {
            match word {
                "HEADER" => section.specifier = Specifier::Header,
                "TEXT" => section.specifier = Specifier::Text,
                "MIME" => section.specifier = Specifier::Mime,
                number => section.path.push(number.parse().unwrap()),
            }
        }
        section
    }

    fn check(message: &str, table: &[(&str, Option<&str>)]) {
        let summary = summary(message);
        for (text, expected) in table {
            let got = summary.section(&section(text)).map(|range| range.of(message.as_bytes()));
            assert_eq!(got.map(|octets| std::str::from_utf8(octets).unwrap()), *expected, "BODY[{text}]");
        }
    }

    #[test]
    fn of_a_plain_message() {
        let message = "Subject: x\r\n\r\nHello\r\n";
        check(
            message,
            &[
                ("", Some(message)),
                ("HEADER", Some("Subject: x\r\n\r\n")),
                ("TEXT", Some("Hello\r\n")),
                ("1", Some("Hello\r\n")),
                ("1.MIME", Some("Subject: x\r\n\r\n")),
                ("MIME", None),
                ("0", None),
                ("2", None),
                ("1.1", None),
                ("1.HEADER", None),
                ("1.TEXT", None),
            ],
        );
    }

    #[test]
    fn of_parts_and_messages_within() {
        let inner = "Subject: in\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nfirst\r\n--i\r\nX: 2\r\n\r\nsecond\r\n--i--";
        let plain = "Subject: plain\r\n\r\ntext";
        let message = format!(
            "Subject: out\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\npreamble\r\n--o\r\n\
             X: 1\r\n\r\none\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--o\r\n\
             Content-Type: message/rfc822\r\n\r\n{plain}\r\n--o--\r\nepilogue\r\n"
        );
        check(
            &message,
            &[
                ("", Some(&message)),
                ("1", Some("one")),
                ("1.MIME", Some("X: 1\r\n\r\n")),
                ("2", Some(inner)),
                ("2.MIME", Some("Content-Type: message/rfc822\r\n\r\n")),
                ("2.HEADER", Some("Subject: in\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n")),
                ("2.TEXT", Some("--i\r\n\r\nfirst\r\n--i\r\nX: 2\r\n\r\nsecond\r\n--i--")),
                ("2.1", Some("first")),
                ("2.1.MIME", Some("\r\n")),
                ("2.2", Some("second")),
                ("2.2.MIME", Some("X: 2\r\n\r\n")),
                ("2.3", None),
                ("3", Some(plain)),
                ("3.HEADER", Some("Subject: plain\r\n\r\n")),
                ("3.1", Some("text")),
                ("3.1.MIME", Some("Subject: plain\r\n\r\n")),
                ("3.2", None),
                ("4", None),
            ],
        );
    }

    #[test]
    fn ranges_never_leave_the_message() {
        assert_eq!(Range { start: 2, len: 2 }.of(b"abcdef"), b"cd");
        assert_eq!(Range { start: 4, len: 9 }.of(b"abcdef"), b"ef");
        assert_eq!(Range { start: 9, len: u32::MAX }.of(b"abcdef"), b"");
    }
}
