//! Command lines out of a stream of octets, once for all protocols and without leniency.
//!
//! A line ends with CRLF and with nothing else. A bare CR, a bare LF and a line above the limit come out as errors, so
//! that each protocol can answer them in its own words; what follows a bare LF up to the next CRLF is thrown away, so
//! that nothing hidden behind one is ever taken for a command. How the octets were cut by the network never matters.
//! Between lines the reader holds no memory.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

/// A line that cannot be taken for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// It has more octets than the limit. The rest of it is skipped.
    TooLong,
    /// A CR stands in it that no LF follows.
    BareCr,
    /// An LF stands in it that no CR precedes. It is reported at once, since a person at `nc` sends only these.
    BareLf,
}

impl std::fmt::Display for LineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            LineError::TooLong => "Line too long",
            LineError::BareCr => "Bare CR in line: lines end with CRLF",
            LineError::BareLf => "Bare LF: lines end with CRLF",
        })
    }
}

impl std::error::Error for LineError {}

/// What is done with the octets up to the next CRLF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Keep,
    /// The line was too long.
    Skip,
    /// Like `Skip`, but every further bare LF is answered too.
    SkipAfterLf,
}

/// Cuts what the peer sends into lines, and hands out octets that are no lines (literals, message data).
#[derive(Debug)]
pub struct LineReader {
    buffer: BytesMut,
    /// Octets at the front that hold no LF.
    scanned: usize,
    limit: usize,
    mode: Mode,
    /// Whether the last octet thrown away was a CR, whose LF may follow.
    skipped_cr: bool,
}

impl LineReader {
    /// A reader of lines of at most `limit` octets, not counting their CRLF.
    pub fn new(limit: usize) -> LineReader {
        LineReader { buffer: BytesMut::new(), scanned: 0, limit, mode: Mode::Keep, skipped_cr: false }
    }

    /// Changes the limit from the next line on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes octets in. Memory stays bounded as long as the caller takes out all lines before it feeds again.
    pub fn feed(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// The next complete line without its CRLF, or what is wrong with it; `None` where more octets are needed.
    pub fn line(&mut self) -> Option<Result<Bytes, LineError>> {
        loop {
            let next = match self.mode {
                Mode::Keep => self.kept_line(),
                Mode::Skip | Mode::SkipAfterLf => self.skip(),
            };
            match next {
                Progress::Line(line) => return Some(line),
                Progress::Again => {}
                Progress::Wait => return None,
            }
        }
    }

    fn kept_line(&mut self) -> Progress {
        let end =
            self.buffer.get(self.scanned..).and_then(|rest| memchr(b'\n', rest)).map(|at| self.scanned + at);
        match end {
            Some(end) if end < self.limit + 2 => Progress::Line(self.cut_line(end)),
            None if self.buffer.len() < self.limit + 2 => {
                self.scanned = self.buffer.len();
                Progress::Wait
            }
            _ => {
                // Also where the line's end is already here: the outcome must not depend on how much came at once.
                self.mode = Mode::Skip;
                self.drop_front(self.limit + 1);
                Progress::Line(Err(LineError::TooLong))
            }
        }
    }

    /// Takes out the line whose LF is at `end`.
    fn cut_line(&mut self, end: usize) -> Result<Bytes, LineError> {
        let text = end.checked_sub(1).filter(|cr| self.buffer.get(*cr) == Some(&b'\r'));
        let Some(text) = text else {
            self.mode = Mode::SkipAfterLf;
            self.drop_front(end + 1);
            return Err(LineError::BareLf);
        };
        let mut line = self.take(end + 1);
        line.truncate(text);
        if memchr(b'\r', &line).is_some() { Err(LineError::BareCr) } else { Ok(line) }
    }

    fn skip(&mut self) -> Progress {
        let Some(end) = memchr(b'\n', &self.buffer) else {
            self.drop_front(self.buffer.len());
            return Progress::Wait;
        };
        let before = end.checked_sub(1).and_then(|at| self.buffer.get(at));
        let crlf = before.map_or(self.skipped_cr, |octet| *octet == b'\r');
        let reported = self.mode == Mode::SkipAfterLf;
        self.drop_front(end + 1);
        if crlf {
            self.mode = Mode::Keep;
            Progress::Again
        } else if reported {
            Progress::Line(Err(LineError::BareLf))
        } else {
            Progress::Again
        }
    }

    /// Throws octets away and remembers whether a CR was the last of them.
    fn drop_front(&mut self, count: usize) {
        let last = count.checked_sub(1).and_then(|at| self.buffer.get(at));
        self.skipped_cr = last.map_or(self.skipped_cr, |octet| *octet == b'\r');
        self.consume(count);
    }

    /// All octets that are not taken out yet: for data that is not made of command lines.
    pub fn pending(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes at most `count` of the pending octets out, as they are.
    pub fn take(&mut self, count: usize) -> Bytes {
        self.scanned = 0;
        let octets = self.buffer.split_to(count.min(self.buffer.len())).freeze();
        self.release();
        octets
    }

    /// Takes at most `count` of the pending octets out and forgets them.
    pub fn consume(&mut self, count: usize) {
        self.scanned = 0;
        self.buffer.advance(count.min(self.buffer.len()));
        self.release();
    }

    /// Forgets everything that was fed and not taken out: what came before TLS began is not trusted (RFC 3207 §6).
    pub fn discard(&mut self) {
        *self = LineReader::new(self.limit);
    }

    /// An idle session, and there are thousands, holds no buffer.
    fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }
}

enum Progress {
    Line(Result<Bytes, LineError>),
    /// State changed, look again.
    Again,
    Wait,
}

#[cfg(test)]
mod tests {
    use super::*;
    use LineError::{BareCr, BareLf, TooLong};

    fn lines(reader: &mut LineReader) -> Vec<Result<String, LineError>> {
        std::iter::from_fn(|| reader.line())
            .map(|line| line.map(|line| String::from_utf8(line.to_vec()).unwrap()))
            .collect()
    }

    #[test]
    fn tells_lines_from_what_is_none() {
        let ok = |text: &str| Ok(text.to_owned());
        let table: &[(&str, &[Result<String, LineError>])] = &[
            ("NOOP\r\nQUIT\r\nLI", &[ok("NOOP"), ok("QUIT")]),
            ("\r\n", &[ok("")]),
            ("12345678\r\n", &[ok("12345678")]),
            ("123456789\r\nNOOP\r\n", &[Err(TooLong), ok("NOOP")]),
            ("12345678\rX\r\nNOOP\r\n", &[Err(TooLong), ok("NOOP")]),
            ("0123456789abcdef\nDELE 1\r\nNOOP\r\n", &[Err(TooLong), ok("NOOP")]),
            ("a\rb\r\nNOOP\r\n", &[Err(BareCr), ok("NOOP")]),
            ("a\r\r\nNOOP\r\n", &[Err(BareCr), ok("NOOP")]),
            ("NOOP\nDELE 1\r\nNOOP\r\n", &[Err(BareLf), ok("NOOP")]),
            ("NOOP\n\r\nNOOP\r\n", &[Err(BareLf), ok("NOOP")]),
            ("NOOP\nQUIT\nQUIT\n", &[Err(BareLf), Err(BareLf), Err(BareLf)]),
            ("\nQUIT\r\n", &[Err(BareLf)]),
        ];
        for (input, expected) in table {
            let mut reader = LineReader::new(8);
            reader.feed(input.as_bytes());
            assert_eq!(lines(&mut reader), *expected, "{input:?}");
            // Cut anywhere, it is the same.
            let mut reader = LineReader::new(8);
            let mut cut = Vec::new();
            for octet in input.as_bytes() {
                reader.feed(&[*octet]);
                cut.extend(lines(&mut reader));
            }
            assert_eq!(cut, *expected, "{input:?} octet by octet");
        }
    }

    #[test]
    fn holds_nothing_between_lines() {
        let mut reader = LineReader::new(1000);
        reader.feed(b"NOOP\r\nNOOP\r\n");
        assert_eq!(lines(&mut reader).len(), 2);
        assert_eq!(reader.buffer.capacity(), 0);
        reader.feed(&[b'x'; 100_000]);
        assert_eq!(reader.line(), Some(Err(TooLong)));
        assert_eq!(reader.line(), None);
        assert_eq!(reader.buffer.capacity(), 0);
    }

    #[test]
    fn hands_out_literals_and_forgets_what_came_before_tls() {
        let mut reader = LineReader::new(100);
        reader.feed(b"a {3}\r\nx\ny rest\r\nSTLS\r\nDELE 1\r\n");
        assert_eq!(reader.line().unwrap().unwrap(), "a {3}");
        assert_eq!(reader.take(3), "x\ny");
        assert_eq!(reader.line().unwrap().unwrap(), " rest");
        assert_eq!(reader.line().unwrap().unwrap(), "STLS");
        reader.discard();
        assert_eq!(reader.line(), None);
        assert_eq!(reader.take(5), "");
    }
}
