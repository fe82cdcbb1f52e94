//! Messages one after the other in a file, each behind a line `From ` (RFC 4155), with `>` before such lines of the message.
//!
//! The line is taken for one only behind an empty line, for not all programs quote it. Fields in which such files keep flags
//! are taken out of the header.

use mail::DateTime;
use std::io::{self, BufRead, Read};

/// Octets of a line that are taken at a time.
const LINE: u64 = 64 << 10;
/// Octets of a header that are looked into for flags.
const HEADER: usize = 1 << 20;

/// A file that is read.
pub struct Mbox<R> {
    reader: R,
    /// The line `From ` of the next message.
    from: Option<Vec<u8>>,
    position: u64,
    /// Whether what comes next begins a line.
    line_start: bool,
}

/// A message of which the header was read.
pub struct Begun {
    /// By the line `From `.
    pub date: Option<DateTime>,
    pub flags: Vec<String>,
    pub keywords: Vec<String>,
    /// Without the fields that hold flags; at its end is the empty line, if there is one.
    pub header: Vec<u8>,
}

impl<R: BufRead> Mbox<R> {
    /// Begins to read; `None` where it is no such file. An empty one has no messages.
    pub fn open(reader: R) -> io::Result<Option<Mbox<R>>> {
        let mut mbox = Mbox { reader, from: None, position: 0, line_start: true };
        let line = mbox.line()?;
        if line.is_empty() {
            return Ok(Some(mbox));
        }
        let is_mbox = line.starts_with(b"From ");
        mbox.from = Some(line);
        Ok(is_mbox.then_some(mbox))
    }

    /// Octets read so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// A line, or as much of it as is taken at a time; empty at the end.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let read = (&mut self.reader).take(LINE).read_until(b'\n', &mut line)?;
        self.position += read as u64;
        Ok(line)
    }

    /// The next message. The one before must have been read to its end.
    pub fn next(&mut self) -> io::Result<Option<Begun>> {
        let Some(from) = self.from.take() else { return Ok(None) };
        let mut begun =
            Begun { date: date(&from), flags: Vec::new(), keywords: Vec::new(), header: Vec::new() };
        let mut dropping = false;
        loop {
            let line = self.line()?;
            self.line_start = line.ends_with(b"\n");
            if matches!(line.as_slice(), b"" | b"\n" | b"\r\n") {
                begun.header.extend_from_slice(&line);
                return Ok(Some(begun));
            }
            let goes_on = line.starts_with(b" ") || line.starts_with(b"\t");
            dropping = if goes_on { dropping } else { begun.take_flags(&line) };
            if !dropping {
                begun.header.extend_from_slice(unquoted(&line));
            }
            if begun.header.len() > HEADER {
                return Ok(Some(begun));
            }
        }
    }

    /// The rest of the message.
    pub fn body(&mut self) -> Body<'_, R> {
        Body { mbox: self, ready: Vec::new(), at: 0, empty: Vec::new(), ended: false }
    }
}

impl Begun {
    /// Whether the line is a field that holds flags.
    fn take_flags(&mut self, line: &[u8]) -> bool {
        let text = String::from_utf8_lossy(line);
        let Some((name, value)) = text.split_once(':') else { return false };
        match name.to_ascii_lowercase().as_str() {
            "status" | "x-status" => self.flags.extend(value.chars().filter_map(flag).map(str::to_owned)),
            "x-keywords" => self.keywords.extend(value.split_whitespace().map(str::to_owned)),
            _ => return false,
        }
        true
    }
}

fn flag(letter: char) -> Option<&'static str> {
    Some(match letter {
        'R' => "\\Seen",
        'A' => "\\Answered",
        'F' => "\\Flagged",
        'D' => "\\Deleted",
        'T' => "\\Draft",
        _ => return None,
    })
}

/// The moment in `From alice@example.test Tue Nov 24 16:30:00 2026`, which is taken for UTC.
fn date(from: &[u8]) -> Option<DateTime> {
    let text = std::str::from_utf8(from).ok()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().rposition(|word| word.matches(':').count() == 2)?;
    let (month, day, time) = (words.get(at.checked_sub(2)?)?, words.get(at - 1)?, words.get(at)?);
    let rest = words.get(at + 1..)?;
    let year =
        rest.iter().find(|word| word.len() == 4 && word.bytes().all(|octet| octet.is_ascii_digit()))?;
    DateTime::from_rfc5322(format!("{day} {month} {year} {time} +0000").as_bytes())
}

/// A line without the `>` that was put before its `From `.
fn unquoted(line: &[u8]) -> &[u8] {
    let quotes = line.iter().take_while(|octet| **octet == b'>').count();
    match line.get(quotes..) {
        Some(rest) if quotes > 0 && rest.starts_with(b"From ") => line.get(1..).unwrap_or_default(),
        _ => line,
    }
}

/// The rest of a message, up to the next one. The empty line before that is not of it.
pub struct Body<'m, R> {
    mbox: &'m mut Mbox<R>,
    ready: Vec<u8>,
    at: usize,
    /// An empty line that is of the message only if no other message follows.
    empty: Vec<u8>,
    ended: bool,
}

impl<R: BufRead> Body<'_, R> {
    fn fill(&mut self) -> io::Result<()> {
        let line = self.mbox.line()?;
        let line_start = std::mem::replace(&mut self.mbox.line_start, line.ends_with(b"\n"));
        self.at = 0;
        if line.is_empty() {
            self.ready.clear();
            self.ended = true;
            return Ok(());
        }
        let may_begin = line_start && (!self.empty.is_empty() || self.ready.is_empty());
        if may_begin && line.starts_with(b"From ") {
            self.mbox.from = Some(line);
            self.ready.clear();
            self.ended = true;
            return Ok(());
        }
        self.ready = std::mem::take(&mut self.empty);
        if line_start && matches!(line.as_slice(), b"\n" | b"\r\n") {
            self.empty = line;
        } else if line_start {
            self.ready.extend_from_slice(unquoted(&line));
        } else {
            self.ready.extend_from_slice(&line);
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Body<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() && !self.ended {
            self.fill()?;
        }
        let rest = self.ready.get(self.at..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(Begun, String)> {
        let mut mbox = Mbox::open(text.as_bytes()).unwrap().unwrap();
        let mut messages = Vec::new();
        while let Some(begun) = mbox.next().unwrap() {
            let mut body = String::new();
            mbox.body().read_to_string(&mut body).unwrap();
            messages.push((begun, body));
        }
        messages
    }

    #[test]
    fn messages_are_told_apart_and_unquoted() {
        let messages = all(
            "From a@example.test Tue Nov 24 16:30:05 2026\nSubject: one\nStatus: RO\nX-Status: AF\n \n\n\
                            first\n>From here\n>>From there\nFrom a line without an empty one\n\n\n\
                            From b Mon Nov 23 01:02:03 +0100 2026\nX-Keywords: Later $Forwarded\nSubject: two\n\n\n\
                            From c\nSubject: three\n\nlast",
        );
        let bodies: Vec<&str> = messages.iter().map(|(_, body)| body.as_str()).collect();
        assert_eq!(
            bodies,
            ["first\nFrom here\n>From there\nFrom a line without an empty one\n\n", "", "last"]
        );
        let headers: Vec<&[u8]> = messages.iter().map(|(begun, _)| begun.header.as_slice()).collect();
        assert_eq!(headers, [b"Subject: one\n\n".as_slice(), b"Subject: two\n\n", b"Subject: three\n\n"]);
        assert_eq!(messages[0].0.flags, ["\\Seen", "\\Answered", "\\Flagged"]);
        assert_eq!(messages[1].0.keywords, ["Later", "$Forwarded"]);
        let dates = messages.iter().map(|(begun, _)| begun.date.map(DateTime::to_name));
        let expected = [Some("2026-11-24T16-30-05Z"), Some("2026-11-23T01-02-03Z"), None];
        assert!(dates.eq(expected.map(|date| date.map(str::to_owned))));
    }

    #[test]
    fn other_files_are_none() {
        assert!(Mbox::open(&b"Subject: x\n\n"[..]).unwrap().is_none());
        assert!(all("").is_empty());
    }
}
