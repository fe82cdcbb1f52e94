//! Line ends as mail has them.

use std::io::{self, Read};

const PIECE: usize = 32 << 10;

/// Reads with a CR put before each LF that has none.
pub struct Crlf<R> {
    inner: R,
    room: Vec<u8>,
    /// Made up, and given up to `at`.
    ready: Vec<u8>,
    at: usize,
    after_cr: bool,
}

impl<R: Read> Crlf<R> {
    /// Over this.
    pub fn new(inner: R) -> Crlf<R> {
        Crlf { inner, room: vec![0; PIECE], ready: Vec::new(), at: 0, after_cr: false }
    }

    fn fill(&mut self) -> io::Result<()> {
        let read = self.inner.read(&mut self.room)?;
        self.ready.clear();
        self.at = 0;
        for line in self.room.get(..read).unwrap_or_default().split_inclusive(|octet| *octet == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            self.ready.extend_from_slice(text);
            if text.len() < line.len() {
                let has_cr = text.last().map_or(self.after_cr, |last| *last == b'\r');
                self.ready.extend_from_slice(if has_cr { b"\n" } else { b"\r\n" });
            }
            self.after_cr = line.last() == Some(&b'\r');
        }
        Ok(())
    }
}

impl<R: Read> Read for Crlf<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.ready.len() {
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

    /// Gives one octet at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            (out[0], self.0) = (*first, rest);
            Ok(1)
        }
    }

    #[test]
    fn bare_line_ends_become_crlf_however_they_are_cut() {
        for (text, expected) in [
            ("a\nb\n", "a\r\nb\r\n"),
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a\n\r\n\n\rb", "a\r\n\r\n\r\n\rb"),
            ("\n", "\r\n"),
            ("", ""),
            ("no end", "no end"),
        ] {
            for slow in [false, true] {
                let mut out = String::new();
                let read = match slow {
                    true => Crlf::new(Slow(text.as_bytes())).read_to_string(&mut out),
                    false => Crlf::new(text.as_bytes()).read_to_string(&mut out),
                };
                read.unwrap();
                assert_eq!(out, expected, "{text:?}");
            }
        }
    }
}
