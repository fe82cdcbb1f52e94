//! Cuts what the client sends into commands: lines, and the literals that lines announce (RFC 3501 §4.3, RFC 7888).
//!
//! A complete command is one run of octets in which each literal stands as it came, `{5}` CRLF and five octets. Its size
//! is bounded by the limits given; a command that breaks one is read to its end and thrown away, so that no octet of it
//! is ever taken for another command. Lines themselves are [`LineReader`]'s.

use bytes::Bytes;
use wire::{LineError, LineReader};

/// A literal that a line announced at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    pub size: u64,
    pub waits: bool,
}

/// What came of reading.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Framed {
    /// More octets are needed.
    Nothing,
    /// A complete command.
    Command(Vec<u8>),
    /// A literal comes next; [`Framer::accept`], [`Framer::doom`] or [`Framer::take_text`] says what becomes of it.
    Literal(Announced),
    /// A command that was thrown away, with its first octets and what was wrong.
    Refused(Vec<u8>, &'static str),
}

pub(crate) struct Framer {
    lines: LineReader,
    /// The command so far.
    text: Vec<u8>,
    /// Octets of `text` that are no literal's.
    line_octets: usize,
    limit: usize,
    /// Octets still missing of a literal.
    literal: u64,
    /// Why the command will be refused; its octets are not kept.
    doomed: Option<&'static str>,
    /// Whether the reader may stand within a line that was wrong.
    after_bad_line: bool,
}

impl Framer {
    pub fn new(limit: usize) -> Framer {
        Framer {
            lines: LineReader::new(limit),
            text: Vec::new(),
            line_octets: 0,
            limit,
            literal: 0,
            doomed: None,
            after_bad_line: false,
        }
    }

    pub fn feed(&mut self, octets: &[u8]) {
        self.lines.feed(octets);
    }

    /// Forgets all that was read and not used (RFC 3501 §6.2.1).
    pub fn discard(&mut self) {
        *self = Framer::new(self.limit);
    }

    /// Goes on with reading a command.
    pub fn next(&mut self) -> Framed {
        if !self.take_literal() {
            return Framed::Nothing;
        }
        let start = self.start_of_line();
        match self.lines.line() {
            None => Framed::Nothing,
            Some(Ok(line)) => {
                self.after_bad_line = false;
                self.line_came(&line)
            }
            Some(Err(error)) => {
                self.after_bad_line = true;
                if self.text.is_empty() {
                    self.text = start;
                }
                self.refuse(bad_line(error))
            }
        }
    }

    /// The first word of the next line, for its tag should the line be bad; the rest of a bad line is no start.
    fn start_of_line(&self) -> Vec<u8> {
        let line = if self.after_bad_line || !self.text.is_empty() { &[] } else { self.lines.pending() };
        let line = line.get(..self.limit).unwrap_or(line);
        let end = memchr::memchr3(b' ', b'\r', b'\n', line).unwrap_or(line.len());
        line.get(..end).unwrap_or_default().to_vec()
    }

    /// Moves what has come of a literal into the text; whether the literal is complete.
    fn take_literal(&mut self) -> bool {
        while self.literal > 0 {
            let octets = self.octets(self.literal);
            if octets.is_empty() {
                return false;
            }
            self.literal -= octets.len() as u64;
            if self.doomed.is_none() {
                self.text.extend_from_slice(&octets);
            }
        }
        true
    }

    fn line_came(&mut self, line: &[u8]) -> Framed {
        self.line_octets += line.len();
        if self.line_octets > self.limit {
            self.doomed = self.doomed.or(Some("Command too long"));
        }
        // The beginning of a doomed command is kept for its tag.
        if self.doomed.is_none() || self.text.is_empty() {
            self.text.extend_from_slice(line);
        }
        match (announced(line), self.doomed) {
            (Some(literal), None) => Framed::Literal(literal),
            (Some(literal), Some(why)) if literal.waits => self.refuse(why),
            (Some(literal), Some(_)) => {
                self.literal = literal.size;
                self.next()
            }
            (None, Some(why)) => self.refuse(why),
            (None, None) => Framed::Command(self.take_text()),
        }
    }

    /// Takes the announced literal in.
    pub fn accept(&mut self, literal: Announced) {
        self.text.extend_from_slice(b"\r\n");
        self.literal = literal.size;
    }

    /// Reads over the announced literal and the rest of the command, which is then refused for this reason.
    pub fn doom(&mut self, literal: Announced, why: &'static str) {
        self.doomed = Some(why);
        self.literal = literal.size;
    }

    /// The command so far.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Takes the command so far out; what follows is read anew.
    pub fn take_text(&mut self) -> Vec<u8> {
        self.line_octets = 0;
        std::mem::take(&mut self.text)
    }

    fn refuse(&mut self, why: &'static str) -> Framed {
        self.doomed = None;
        self.literal = 0;
        Framed::Refused(self.take_text(), why)
    }

    /// A line that is no command: a response to a challenge, or DONE.
    pub fn raw_line(&mut self) -> Option<Result<Bytes, &'static str>> {
        let line = self.lines.line()?;
        self.after_bad_line = line.is_err();
        Some(line.map_err(bad_line))
    }

    /// Octets that are no line, at most so many; empty where none have come.
    pub fn octets(&mut self, at_most: u64) -> Bytes {
        self.lines.take(usize::try_from(at_most).unwrap_or(usize::MAX))
    }
}

fn bad_line(error: LineError) -> &'static str {
    match error {
        LineError::TooLong => "Command too long",
        LineError::BareCr => "Bare CR in command: lines end with CRLF",
        LineError::BareLf => "Bare LF: lines end with CRLF",
    }
}

/// The literal that a line announces. `{` is in no atom and a quoted string ends within its line, so that nothing else
/// can end like this.
fn announced(line: &[u8]) -> Option<Announced> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|octet| *octet == b'{')?;
    let number = inner.get(open + 1..)?;
    let (digits, waits) = match number.strip_suffix(b"+") {
        Some(digits) => (digits, false),
        None => (number, true),
    };
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0u64, |size, digit| size * 10 + u64::from(digit - b'0'));
    Some(Announced { size, waits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_announced_literals() {
        let table: &[(&str, Option<(u64, bool)>)] = &[
            ("a LOGIN {5}", Some((5, true))),
            ("a LOGIN {5+}", Some((5, false))),
            ("{0}", Some((0, true))),
            ("a {4294967296}", Some((4_294_967_296, true))),
            ("a {12345678901234567890}", None),
            ("a LOGIN {}", None),
            ("a LOGIN {+}", None),
            ("a LOGIN {5-}", None),
            ("a LOGIN {x}", None),
            ("a LOGIN 5}", None),
            ("a LOGIN \"{5}\"", None),
            ("a LOGIN {5} ", None),
        ];
        for (line, expected) in table {
            let got = announced(line.as_bytes()).map(|literal| (literal.size, literal.waits));
            assert_eq!(got, *expected, "{line}");
        }
    }

    /// Reads everything with literals up to eight octets allowed, octet by octet or at once.
    fn read(input: &[u8], step: usize) -> Vec<Framed> {
        let mut framer = Framer::new(20);
        let mut out = Vec::new();
        for piece in input.chunks(step) {
            framer.feed(piece);
            loop {
                match framer.next() {
                    Framed::Nothing => break,
                    Framed::Literal(literal) if literal.size <= 8 => framer.accept(literal),
                    Framed::Literal(literal) => framer.doom(literal, "Literal too large"),
                    done => out.push(done),
                }
            }
        }
        out
    }

    #[test]
    fn frames_commands_with_literals() {
        let command = |text: &str| Framed::Command(text.as_bytes().to_vec());
        let refused = |text: &str, why| Framed::Refused(text.as_bytes().to_vec(), why);
        let table: &[(&str, Vec<Framed>)] = &[
            ("a NOOP\r\nb NOOP\r\n", vec![command("a NOOP"), command("b NOOP")]),
            (
                "a LOGIN {3}\r\nx\ry {2+}\r\n{}\r\nb NOOP\r\n",
                vec![command("a LOGIN {3}\r\nx\ry {2+}\r\n{}"), command("b NOOP")],
            ),
            ("a X {0}\r\n\r\n", vec![command("a X {0}\r\n")]),
            (
                "a X {9+}\r\nc NOOP\r\n! {1+}\r\nx y\r\nb NOOP\r\n",
                vec![refused("a X {9+}", "Literal too large"), command("b NOOP")],
            ),
            (
                "a X {9+}\r\nc NOOP\r\n! {3}\r\nb NOOP\r\n",
                vec![refused("a X {9+}", "Literal too large"), command("b NOOP")],
            ),
            (
                "a 45678901234567 {1}\r\nx yyyyy\r\nb NOOP\r\n",
                vec![refused("a 45678901234567 {1}\r\nx", "Command too long"), command("b NOOP")],
            ),
            (
                "a 3456789012345678901\r\nb NOOP\r\n",
                vec![refused("a", "Command too long"), command("b NOOP")],
            ),
            (
                "a NOOP\nb NOOP\r\nc NOOP\r\n",
                vec![refused("a", "Bare LF: lines end with CRLF"), command("c NOOP")],
            ),
        ];
        for (input, expected) in table {
            assert_eq!(read(input.as_bytes(), input.len()), *expected, "{input:?}");
            assert_eq!(read(input.as_bytes(), 1), *expected, "{input:?} octet by octet");
        }
    }
}
