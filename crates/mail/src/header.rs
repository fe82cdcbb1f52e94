//! Fields of a raw header (RFC 5322 §2.2), found and cut out octet by octet as they stand.
//!
//! Nothing is decoded here ([`crate::text`] does that). A header is what a part's header range covers, with or without
//! the empty line at its end. Line ends may be CRLF or, in messages that were stored so, bare LF.

use std::borrow::Cow;
use std::collections::HashSet;

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

/// Which fields of a header are wanted: `HEADER.FIELDS (..)` or `HEADER.FIELDS.NOT (..)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// In small letters.
    names: HashSet<Vec<u8>>,
    longest: usize,
    keep: Keep,
}

/// What a [`Selection`] does with the fields it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Those named: HEADER.FIELDS.
    Named,
    /// All others: HEADER.FIELDS.NOT.
    Others,
}

impl Selection {
    /// The fields with these names, or all others.
    pub fn new(names: impl IntoIterator<Item = impl AsRef<[u8]>>, keep: Keep) -> Selection {
        let names: HashSet<_> = names.into_iter().map(|name| name.as_ref().to_ascii_lowercase()).collect();
        let longest = names.iter().map(Vec::len).max().unwrap_or(0);
        Selection { names, longest, keep }
    }

    /// However many names there are, a field costs the same.
    fn wants(&self, name: &[u8]) -> bool {
        let named = name.len() <= self.longest && self.names.contains(&name.to_ascii_lowercase());
        named == (self.keep == Keep::Named)
    }
}

/// The octets of `BODY[HEADER.FIELDS (..)]` or `BODY[HEADER.FIELDS.NOT (..)]`: fields as they stand, in the order of
/// the message, and the empty line where the header has one (RFC 9051 §6.4.5.1).
pub fn filter(header: &[u8], selection: &Selection) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sieve = Sieve::default();
    let mut keep = |octets: &[u8]| out.extend_from_slice(octets);
    sieve.push(header, selection, &mut keep);
    sieve.finish(selection, &mut keep);
    out
}

/// Octets of a line that are looked through for its colon; a field whose name is longer has none.
const NAME_LIMIT: usize = 1_000;

/// [`filter`] for a header that comes in pieces. How it is cut into pieces makes no difference; only the beginning of a
/// line is ever held.
#[derive(Debug, Default)]
pub struct Sieve {
    at: At,
    /// The beginning of a line that is not decided yet.
    held: Vec<u8>,
    /// Whether the field that is passing by is wanted; nothing before the first one.
    wanted: Option<bool>,
}

/// Where in the header the next octet is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    LineStart,
    Inside,
    End,
}

impl Sieve {
    /// Takes the next octets, and gives those that are wanted to `keep`.
    pub fn push(&mut self, octets: &[u8], selection: &Selection, keep: &mut impl FnMut(&[u8])) {
        let mut rest = octets;
        while !rest.is_empty() && self.at != At::End {
            rest = match self.at {
                At::LineStart => self.line_start(rest, selection, keep),
                _ => self.inside(rest, keep),
            };
        }
    }

    /// The header is complete.
    pub fn finish(&mut self, selection: &Selection, keep: &mut impl FnMut(&[u8])) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() && selection.wants(b"") {
            keep(&held);
        }
        self.at = At::End;
    }

    /// Whether the header's end has passed by.
    pub fn is_done(&self) -> bool {
        self.at == At::End
    }

    fn line_start<'a>(
        &mut self,
        octets: &'a [u8],
        selection: &Selection,
        keep: &mut impl FnMut(&[u8]),
    ) -> &'a [u8] {
        let folded = self.held.is_empty() && matches!(octets.first(), Some(b' ' | b'\t'));
        if folded && self.wanted.is_some() {
            self.at = At::Inside;
            return octets;
        }
        let room = (NAME_LIMIT - self.held.len()).min(octets.len());
        let found = memchr::memchr2(b':', b'\n', octets.get(..room).unwrap_or_default());
        let (piece, rest) = octets.split_at_checked(found.map_or(room, |at| at + 1)).unwrap_or_default();
        if found.is_none() && self.held.len() + piece.len() < NAME_LIMIT {
            self.held.extend_from_slice(piece);
            return rest;
        }
        if self.held.is_empty() {
            self.decide(piece, selection, keep);
        } else {
            let mut line = std::mem::take(&mut self.held);
            line.extend_from_slice(piece);
            self.decide(&line, selection, keep);
        }
        rest
    }

    /// A line begins so, up to its colon or its end.
    fn decide(&mut self, start: &[u8], selection: &Selection, keep: &mut impl FnMut(&[u8])) {
        self.at = if start.ends_with(b"\n") { At::LineStart } else { At::Inside };
        if is_blank(start) {
            self.at = At::End;
            keep(start);
            return;
        }
        let wanted = selection.wants(start.strip_suffix(b":").unwrap_or_default().trim_ascii_end());
        self.wanted = Some(wanted);
        if wanted {
            keep(start);
        }
    }

    fn inside<'a>(&mut self, octets: &'a [u8], keep: &mut impl FnMut(&[u8])) -> &'a [u8] {
        let line = first_line(octets);
        if line.ends_with(b"\n") {
            self.at = At::LineStart;
        }
        if self.wanted == Some(true) {
            keep(line);
        }
        octets.get(line.len()..).unwrap_or_default()
    }
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
    fn every_one_of_many_names_is_found_in_any_case() {
        let all: Vec<String> = (0..5_000).map(|n| format!("Name-{n}")).collect();
        let header: String = all.iter().map(|name| format!("{name}: x\n")).collect();
        let capitals = all.iter().map(|name| name.to_ascii_uppercase());
        let selection = Selection::new(capitals.chain(["Name-7".to_owned()]), Keep::Named);
        assert_eq!((selection.names.len(), selection.longest), (5_000, 9));
        assert_eq!(filter(header.as_bytes(), &selection), header.as_bytes());
        assert_eq!(filter(b"Name-5000: x\nName-12345: x\n", &selection), b"");
    }

    #[test]
    fn filters_fields() {
        let all = HEADER.len() - b"body: no\r\n".len();
        let subject = b"Subject : one\r\n two\r\n\tthree\r\nsubject: again\r\n\r\n";
        let long = format!("{}: 1\r\nA: 2\r\n", "x".repeat(NAME_LIMIT));
        let table: [(&[u8], &str, Keep, &[u8]); 12] = [
            (HEADER, "Subject X", Keep::Named, subject),
            (HEADER, "sUBJECT", Keep::Others, b"From: a@x.test\r\nodd line\r\n\r\n"),
            (HEADER, "", Keep::Others, &HEADER[..all]),
            (HEADER, "none", Keep::Named, b"\r\n"),
            // RFC 9051 §6.4.5.1: no empty line where the message has none.
            (b"A: 1\r\nB: 2\r\n", "B", Keep::Named, b"B: 2\r\n"),
            (b"", "B", Keep::Named, b""),
            (b"A: 1\n\n", "B", Keep::Named, b"\n"),
            (b"A: 1\nodd", "A", Keep::Others, b"odd"),
            (b" A: 1\nA: 2\n 3", "a", Keep::Named, b"A: 2\n 3"),
            (b"A: 1\r", "a", Keep::Named, b"A: 1\r"),
            (long.as_bytes(), "a", Keep::Named, b"A: 2\r\n"),
            (long.as_bytes(), "a", Keep::Others, long.strip_suffix("A: 2\r\n").unwrap().as_bytes()),
        ];
        for (header, names, keep, expected) in table {
            let selection = Selection::new(names.split_ascii_whitespace(), keep);
            assert_eq!(filter(header, &selection), expected, "{names:?}");
            for step in [1, 2, 7, 999, 1000, 1001] {
                let (mut out, mut sieve) = (Vec::new(), Sieve::default());
                let mut keep = |octets: &[u8]| out.extend_from_slice(octets);
                header.chunks(step).for_each(|piece| sieve.push(piece, &selection, &mut keep));
                assert!(sieve.held.len() <= NAME_LIMIT);
                sieve.finish(&selection, &mut keep);
                assert_eq!(out, expected, "{names:?} in pieces of {step}");
            }
        }
    }
}
