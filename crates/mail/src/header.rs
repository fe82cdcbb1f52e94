//! Fields of a raw header (RFC 5322 §2.2), found and cut out octet by octet as they stand.
//!
//! Nothing is decoded here ([`crate::text`] does that). A header is what a part's header range covers, with or without
//! the empty line at its end. Line ends may be CRLF or, in messages that were stored so, bare LF.

use std::borrow::Cow;

/// One field with all its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// All octets, with the last line end.
    pub raw: &'a [u8],
    /// The name, without the space that obsolete syntax allows before the colon; empty where a line has no colon.
    pub name: &'a [u8],
    /// What follows the colon, with the last line end.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// The value without line breaks and without space around it (RFC 5322 §2.2.3).
    pub fn unfolded(&self) -> Cow<'_, [u8]> {
        unfold(self.value)
    }

    /// Whether the field has this name, in any case.
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The fields of a header, in order. The empty line ends it.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// The fields of `header`.
pub fn fields(header: &[u8]) -> Fields<'_> {
    Fields { rest: header }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.rest.is_empty() || is_blank(first_line(self.rest)) {
            return None;
        }
        let mut len = first_line(self.rest).len();
        while let Some(b' ' | b'\t') = self.rest.get(len) {
            len += first_line(self.rest.get(len..).unwrap_or_default()).len();
        }
        let (raw, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(split(raw))
    }
}

/// The first field of this name.
pub fn find<'a>(header: &'a [u8], name: &[u8]) -> Option<Field<'a>> {
    fields(header).find(|field| field.is(name))
}

/// Which fields [`filter`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Those named: HEADER.FIELDS.
    Named,
    /// All others: HEADER.FIELDS.NOT.
    Others,
}

/// The octets of `BODY[HEADER.FIELDS (..)]` or `BODY[HEADER.FIELDS.NOT (..)]`: fields as they stand, in the order of
/// the message, and the empty line where the header has one (RFC 9051 §6.4.5.1).
pub fn filter<N: AsRef<[u8]>>(header: &[u8], names: &[N], keep: Keep) -> Vec<u8> {
    let mut out = Vec::new();
    let mut all = fields(header);
    for field in all.by_ref() {
        let named = names.iter().any(|name| field.is(name.as_ref()));
        if named == (keep == Keep::Named) {
            out.extend_from_slice(field.raw);
        }
    }
    out.extend_from_slice(first_line(all.rest));
    out
}

/// The text without its line breaks, and without space around it.
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if memchr::memchr2(b'\r', b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.iter().copied().filter(|c| !matches!(c, b'\r' | b'\n')).collect())
}

/// Whether this line, taken with its line end, is the one that ends a header.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line == b"\r\n" || line == b"\n"
}

fn first_line(octets: &[u8]) -> &[u8] {
    let len = memchr::memchr(b'\n', octets).map_or(octets.len(), |at| at + 1);
    octets.get(..len).unwrap_or_default()
}

fn split(raw: &[u8]) -> Field<'_> {
    let colon = memchr::memchr(b':', first_line(raw));
    let name = colon.and_then(|at| raw.get(..at)).unwrap_or_default().trim_ascii_end();
    let value = colon.and_then(|at| raw.get(at + 1..)).unwrap_or(raw);
    Field { raw, name, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"From: a@x.test\r\nSubject : one\r\n two\r\n\tthree\r\nodd line\r\nsubject: again\r\n\r\nbody: no\r\n";

    #[test]
    fn finds_fields() {
        let names: Vec<_> = fields(HEADER).map(|field| field.name).collect();
        assert_eq!(names, [&b"From"[..], b"Subject", b"", b"subject"]);
        let subject = find(HEADER, b"SUBJECT").unwrap();
        assert_eq!(subject.raw, b"Subject : one\r\n two\r\n\tthree\r\n");
        assert_eq!(&*subject.unfolded(), b"one two\tthree");
        assert_eq!(find(HEADER, b"body"), None);
        assert_eq!(find(b"A:1\nB:2", b"b").unwrap().value, b"2");
    }

    #[test]
    fn filters_fields() {
        let all = HEADER.len() - b"body: no\r\n".len();
        let subject = b"Subject : one\r\n two\r\n\tthree\r\nsubject: again\r\n\r\n";
        assert_eq!(filter(HEADER, &["Subject", "X"], Keep::Named), subject);
        assert_eq!(filter(HEADER, &["sUBJECT"], Keep::Others), b"From: a@x.test\r\nodd line\r\n\r\n");
        assert_eq!(filter::<&str>(HEADER, &[], Keep::Others), &HEADER[..all]);
        assert_eq!(filter(HEADER, &["none"], Keep::Named), b"\r\n");
        // RFC 9051 §6.4.5.1: no empty line where the message has none.
        assert_eq!(filter(b"A: 1\r\nB: 2\r\n", &["B"], Keep::Named), b"B: 2\r\n");
        assert_eq!(filter(b"", &["B"], Keep::Named), b"");
        assert_eq!(filter(b"A: 1\n\n", &["B"], Keep::Named), b"\n");
    }
}
