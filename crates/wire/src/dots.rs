//! Message data that ends with a dot on a line of its own: taking it in (SMTP DATA) and sending it (POP3 RETR, TOP).
//!
//! RFC 5321 §4.5.2, RFC 1939 §3. Both directions are streams: they keep a state of one octet's size, never a buffer.
//! Taking in is strict: `CRLF . CRLF` ends the data and nothing else does, so that no second reader of the same stream
//! can see another end (SMTP smuggling). Bare CR and bare LF are reported, and the data is still read to its end.

use memchr::{memchr, memchr2, memmem};

/// Where the next octet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    LineStart,
    Text,
    /// After a CR.
    Cr,
    /// After a dot at the start of a line.
    Dot,
    /// After such a dot and a CR.
    DotCr,
    End,
}

/// What is not allowed in message data (RFC 5321 §2.3.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A CR that no LF follows.
    BareCr,
    /// An LF that no CR precedes.
    BareLf,
}

/// A part of what [`Unstuffer::next`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Octets of the message.
    Octets(&'a [u8]),
    /// The data is over; what follows are commands again.
    End,
}

/// Takes the doubled dots out of message data and finds its end.
#[derive(Clone, Debug)]
pub struct Unstuffer {
    at: At,
    violation: Option<Violation>,
}

impl Default for Unstuffer {
    fn default() -> Unstuffer {
        Unstuffer::new()
    }
}

impl Unstuffer {
    /// At the beginning of message data.
    pub fn new() -> Unstuffer {
        Unstuffer { at: At::LineStart, violation: None }
    }

    /// The first thing that was wrong so far. Such a message must be refused at its end: what was given out of it
    /// after the violation is not to be relied on.
    pub fn violation(&self) -> Option<Violation> {
        self.violation
    }

    /// The next piece at the front of `input`, which is shortened by what was used. `None` when `input` is used up.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Piece<'a>> {
        while let Some((first, rest)) = input.split_first() {
            match (self.at, first) {
                (At::End, _) => return None,
                (At::LineStart, b'.') => self.step(At::Dot, input, rest),
                (At::Dot, b'\r') => self.step(At::DotCr, input, rest),
                (At::DotCr, b'\n') => {
                    self.step(At::End, input, rest);
                    return Some(Piece::End);
                }
                (At::DotCr, _) => {
                    self.violate(Violation::BareCr);
                    self.at = At::Text;
                }
                (At::Dot, _) => self.at = At::Text,
                (At::LineStart | At::Text | At::Cr, _) => {
                    let (piece, rest) = input.split_at(self.text(input));
                    *input = rest;
                    return Some(Piece::Octets(piece));
                }
            }
        }
        None
    }

    fn step<'a>(&mut self, to: At, input: &mut &'a [u8], rest: &'a [u8]) {
        self.at = to;
        *input = rest;
    }

    /// How many octets, at least one, are text as they stand: up to a dot at the start of a line.
    fn text(&mut self, input: &[u8]) -> usize {
        let mut used = 0;
        while let Some(rest) = input.get(used..).filter(|rest| !rest.is_empty()) {
            match (self.at, rest.first()) {
                (At::LineStart, Some(b'.')) => return used,
                (At::Cr, Some(b'\n')) => {
                    used += 1;
                    self.at = At::LineStart;
                    continue;
                }
                (At::Cr, _) => self.violate(Violation::BareCr),
                _ => {}
            }
            // A bare LF starts no line: a dot after it is text.
            match memchr2(b'\r', b'\n', rest).and_then(|at| rest.get(at).map(|octet| (at, *octet))) {
                Some((at, b'\r')) => {
                    used += at + 1;
                    self.at = At::Cr;
                }
                Some((at, _)) => {
                    used += at + 1;
                    self.at = At::Text;
                    self.violate(Violation::BareLf);
                }
                None => {
                    self.at = At::Text;
                    return input.len();
                }
            }
        }
        used
    }

    fn violate(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }
}

/// How much of a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// The header and this many lines of the body (TOP).
    Header(u32),
    /// In the body; this many lines are still to come.
    Lines(u32),
    Done,
}

/// Doubles dots at the start of lines and ends the data with a dot on a line of its own.
///
/// Octets are sent as they are stored; a message without CRLF at its end gets one, since the dot must stand alone.
///
/// RFC 1939 §3 knows lines that end with CRLF only; we double a dot after a bare LF too. Programs that read up to LF
/// (Python's poplib and with it getmail, fetchmail) would take LF `.` CRLF within a message for its end, lose the rest, and
/// read it as the answer to their next command. A client that knows only CRLF sees one dot more instead. Both are rare:
/// such a message comes in by APPEND alone, SMTP refuses it.
#[derive(Clone, Debug)]
pub struct Stuffer {
    part: Part,
    /// The last two octets given out.
    last: [u8; 2],
    /// TOP: whether the current line of the header has text.
    line_has_text: bool,
}

impl Stuffer {
    /// For a whole message, or, given a number of lines, for its header and so many lines of its body.
    pub fn new(lines: Option<u32>) -> Stuffer {
        Stuffer { part: lines.map_or(Part::Whole, Part::Header), last: *b"\r\n", line_has_text: false }
    }

    /// Whether all that is wanted was given out, so that the rest of the message need not be read.
    pub fn is_done(&self) -> bool {
        self.part == Part::Done
    }

    /// Appends the next octets of the message to `out`.
    pub fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        let octets = octets.get(..self.wanted(octets)).unwrap_or(octets);
        let mut rest = octets;
        if self.last[1] == b'\n' && rest.first() == Some(&b'.') {
            out.push(b'.');
        }
        while let Some(at) = memmem::find(rest, b"\n.") {
            let (line, more) = rest.split_at(at + 1);
            out.extend_from_slice(line);
            out.push(b'.');
            rest = more;
        }
        out.extend_from_slice(rest);
        match octets {
            [.., a, b] => self.last = [*a, *b],
            [b] => self.last = [self.last[1], *b],
            [] => {}
        }
    }

    /// Appends the end of the data. The stuffer is used up.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.last != *b"\r\n" {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }

    /// How many of these octets are wanted.
    fn wanted(&mut self, octets: &[u8]) -> usize {
        let mut used = 0;
        loop {
            let rest = octets.get(used..).unwrap_or_default();
            match self.part {
                Part::Whole => return octets.len(),
                Part::Done | Part::Lines(0) => {
                    self.part = Part::Done;
                    return used;
                }
                _ if rest.is_empty() => return used,
                Part::Header(lines) => used += self.header_line(rest, lines),
                Part::Lines(left) => match memchr(b'\n', rest) {
                    Some(at) => {
                        used += at + 1;
                        self.part = Part::Lines(left - 1);
                    }
                    None => return octets.len(),
                },
            }
        }
    }

    /// Passes over the rest of one line of the header; an empty line ends the header.
    fn header_line(&mut self, rest: &[u8], lines: u32) -> usize {
        let end = memchr(b'\n', rest);
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.line_has_text |= line.iter().any(|octet| *octet != b'\r');
        let Some(end) = end else { return rest.len() };
        if !std::mem::take(&mut self.line_has_text) {
            self.part = Part::Lines(lines);
        }
        end + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Taken = (Vec<u8>, Option<Violation>, Option<Vec<u8>>);

    /// Message, violation, and what is left after the end, where the end was reached.
    fn unstuff(input: &[u8], chunk: usize) -> Taken {
        let (mut dots, mut out) = (Unstuffer::new(), Vec::new());
        let mut seen = 0;
        for mut part in input.chunks(chunk) {
            seen += part.len();
            while let Some(piece) = dots.next(&mut part) {
                match piece {
                    Piece::Octets(octets) => out.extend_from_slice(octets),
                    Piece::End => {
                        let left = input[seen - part.len()..].to_vec();
                        return (out, dots.violation(), Some(left));
                    }
                }
            }
            assert!(part.is_empty(), "all of the input is used");
        }
        (out, dots.violation(), None)
    }

    #[test]
    fn only_crlf_dot_crlf_ends_data() {
        use Violation::{BareCr, BareLf};
        let table: &[(&str, &str, Option<Violation>, Option<&str>)] = &[
            (".\r\nQUIT", "", None, Some("QUIT")),
            ("a\r\n.\r\nQUIT\r\n", "a\r\n", None, Some("QUIT\r\n")),
            ("..\r\n...a\r\n.b\r\n.\r\n", ".\r\n..a\r\nb\r\n", None, Some("")),
            ("a.\r\nb\r\n.\r\n", "a.\r\nb\r\n", None, Some("")),
            ("a\r\n.", "a\r\n", None, None),
            ("a\n.\nMAIL", "a\n.\nMAIL", Some(BareLf), None),
            ("a\n.\r\nMAIL\r\n.\r\n", "a\n.\r\nMAIL\r\n", Some(BareLf), Some("")),
            ("a\r\n.\nMAIL\r\n.\r\n", "a\r\n\nMAIL\r\n", Some(BareLf), Some("")),
            ("a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", Some(BareCr), Some("")),
            ("a\r\n.\rMAIL\r\n.\r\n", "a\r\nMAIL\r\n", Some(BareCr), Some("")),
            ("a\r\r\n.\r\n", "a\r\r\n", Some(BareCr), Some("")),
            ("a\r\n.\r\r\n.\r\n", "a\r\n\r\n", Some(BareCr), Some("")),
        ];
        for (input, message, violation, left) in table {
            for chunk in 1..=input.len() {
                let (out, found, rest) = unstuff(input.as_bytes(), chunk);
                assert_eq!(found, *violation, "{input:?} by {chunk}");
                assert_eq!(rest.as_deref(), left.map(str::as_bytes), "{input:?} by {chunk}");
                if found != Some(BareCr) {
                    assert_eq!(String::from_utf8_lossy(&out), *message, "{input:?} by {chunk}");
                }
            }
        }
    }

    fn stuff(message: &[u8], lines: Option<u32>, chunk: usize) -> Vec<u8> {
        let (mut dots, mut out) = (Stuffer::new(lines), Vec::new());
        for part in message.chunks(chunk) {
            dots.push(part, &mut out);
        }
        dots.finish(&mut out);
        out
    }

    #[test]
    fn sends_messages_with_dots_doubled_and_the_last_dot_alone() {
        let table = [
            ("", ".\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a\r\n.b\r\n..\r\n", "a\r\n..b\r\n...\r\n.\r\n"),
            ("no end", "no end\r\n.\r\n"),
            ("bare\n.lf\n", "bare\n..lf\n\r\n.\r\n"),
            ("cr\r", "cr\r\r\n.\r\n"),
            (".", "..\r\n.\r\n"),
            ("a\n.\r\n+OK\r\n", "a\n..\r\n+OK\r\n.\r\n"),
        ];
        for (message, expected) in table {
            for chunk in 1..=message.len().max(1) {
                let sent = stuff(message.as_bytes(), None, chunk);
                assert_eq!(String::from_utf8_lossy(&sent), expected, "{message:?} by {chunk}");
            }
        }
    }

    #[test]
    fn top_sends_the_header_and_so_many_lines() {
        let message = "A: b\r\nC: d\r\n\r\n1\r\n.2\r\n\r\n4";
        let table = [
            (0, "A: b\r\nC: d\r\n\r\n.\r\n"),
            (1, "A: b\r\nC: d\r\n\r\n1\r\n.\r\n"),
            (2, "A: b\r\nC: d\r\n\r\n1\r\n..2\r\n.\r\n"),
            (3, "A: b\r\nC: d\r\n\r\n1\r\n..2\r\n\r\n.\r\n"),
            (4, "A: b\r\nC: d\r\n\r\n1\r\n..2\r\n\r\n4\r\n.\r\n"),
            (9, "A: b\r\nC: d\r\n\r\n1\r\n..2\r\n\r\n4\r\n.\r\n"),
        ];
        for (lines, expected) in table {
            for chunk in 1..=message.len() {
                let sent = stuff(message.as_bytes(), Some(lines), chunk);
                assert_eq!(String::from_utf8_lossy(&sent), expected, "{lines} by {chunk}");
            }
        }
        assert_eq!(stuff(b"\r\nbody\r\n", Some(0), 1), b"\r\n.\r\n");
        assert_eq!(stuff(b"Only: header\r\n", Some(5), 3), b"Only: header\r\n.\r\n");
    }

    #[test]
    fn knows_when_the_rest_need_not_be_read() {
        let (mut dots, mut out) = (Stuffer::new(Some(1)), Vec::new());
        dots.push(b"A: b\r\n\r\n1\r\n2\r\n", &mut out);
        assert!(dots.is_done());
        dots.push(b"3\r\n", &mut out);
        assert_eq!(out, b"A: b\r\n\r\n1\r\n");
    }
}
