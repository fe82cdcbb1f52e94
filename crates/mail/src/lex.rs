//! The lexical level that structured header fields share: white space, comments, quoted strings and atoms
//! (RFC 5322 §3.2), read leniently from an unfolded value.
//!
//! Nothing here fails: an unterminated comment or quoted string is read as ordinary characters, because a stray `(`
//! in a name must not cost the address behind it. Each octet is looked at a bounded number of times.

/// What stands at some place of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// A run of ordinary characters, dots included.
    Atom(&'a [u8]),
    /// A quoted string without its quotes and escapes.
    Quoted(Vec<u8>),
    /// A domain literal with its brackets.
    Literal(&'a [u8]),
    /// One of the characters that the grammar at hand treats specially.
    Special(u8),
}

/// A token, and whether white space or a comment stood before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub kind: Kind<'a>,
    pub spaced: bool,
}

/// Reads tokens one after the other.
pub(crate) struct Lexer<'a> {
    rest: &'a [u8],
    specials: &'static [u8],
    /// The last comment passed over, without its parentheses.
    comment: Option<&'a [u8]>,
    comments: bool,
    quotes: bool,
}

impl<'a> Lexer<'a> {
    /// A lexer for a grammar in which these characters stand for themselves.
    pub fn new(input: &'a [u8], specials: &'static [u8]) -> Lexer<'a> {
        Lexer { rest: input, specials, comment: None, comments: true, quotes: true }
    }

    /// The comment passed over since the last call.
    pub fn comment(&mut self) -> Option<&'a [u8]> {
        self.comment.take()
    }

    /// The next token, read with other special characters.
    pub fn next_with(&mut self, specials: &'static [u8]) -> Option<Token<'a>> {
        let usual = std::mem::replace(&mut self.specials, specials);
        let token = self.next();
        self.specials = usual;
        token
    }

    fn skip(&mut self) -> bool {
        let before = self.rest.len();
        loop {
            self.rest = self.rest.trim_ascii_start();
            if !self.comments || self.rest.first() != Some(&b'(') {
                return self.rest.len() != before;
            }
            match delimited(self.rest, b'(', b')') {
                Some(len) => {
                    self.comment = self.rest.get(1..len - 1);
                    self.rest = self.rest.get(len..).unwrap_or_default();
                }
                // Not looked for again: that would cost the square of the length.
                None => self.comments = false,
            }
        }
    }

    fn cut(&mut self, len: usize) -> &'a [u8] {
        let (token, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, &[]));
        self.rest = rest;
        token
    }

    fn quoted(&mut self) -> Option<Kind<'a>> {
        if !self.quotes {
            return None;
        }
        let Some(len) = delimited(self.rest, b'"', b'"') else {
            self.quotes = false;
            return None;
        };
        let token = self.cut(len);
        Some(Kind::Quoted(unescape(token.get(1..len - 1).unwrap_or_default())))
    }

    fn literal(&mut self) -> Option<Kind<'a>> {
        let len = memchr::memchr(b']', self.rest)?;
        Some(Kind::Literal(self.cut(len + 1)))
    }

    fn atom(&mut self) -> Kind<'a> {
        let ends = |c: u8| {
            c.is_ascii_whitespace()
                || self.specials.contains(&c)
                || (c == b'(' && self.comments)
                || (c == b'"' && self.quotes)
        };
        let len = encoded_word(self.rest)
            .or_else(|| self.rest.iter().skip(1).position(|&c| ends(c)).map(|at| at + 1))
            .unwrap_or(self.rest.len());
        Kind::Atom(self.cut(len))
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let spaced = self.skip();
        let kind = match *self.rest.first()? {
            b'"' => self.quoted().unwrap_or_else(|| self.atom()),
            c if self.specials.contains(&c) => {
                self.cut(1);
                Kind::Special(c)
            }
            b'[' => self.literal().unwrap_or_else(|| self.atom()),
            _ => self.atom(),
        };
        Some(Token { kind, spaced })
    }
}

/// The length of what `open` begins here, up to and with its `close`. Comments nest, quoted strings do not.
fn delimited(input: &[u8], open: u8, close: u8) -> Option<usize> {
    let mut depth = 0_usize;
    let mut octets = input.iter().enumerate();
    while let Some((at, &c)) = octets.next() {
        if c == b'\\' {
            octets.next();
        } else if c == close && depth > 0 {
            depth -= 1;
            if depth == 0 {
                return Some(at + 1);
            }
        } else if c == open {
            depth += 1;
        }
    }
    None
}

/// The length of an RFC 2047 encoded-word at the beginning. Its text may hold commas and the like where a careless
/// program wrote it, and they are not punctuation then.
pub(crate) fn encoded_word(input: &[u8]) -> Option<usize> {
    let mut at = input.strip_prefix(b"=?").map(|_| 2)?;
    for _ in 0..2 {
        let rest = input.get(at..)?;
        at += rest.iter().take(64).position(|&c| c == b'?')? + 1;
    }
    let rest = input.get(at..)?;
    let len = rest.iter().take(1000).take_while(|&&c| c != b'?' && !c.is_ascii_whitespace()).count();
    rest.get(len..)?.starts_with(b"?=").then_some(at + len + 2)
}

/// The text without the backslashes of its quoted pairs (RFC 5322 §3.2.1).
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut octets = text.iter();
    while let Some(&c) = octets.next() {
        match c {
            b'\\' => out.extend(octets.next()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(input: &str) -> Vec<String> {
        let show = |token: Token<'_>| {
            let space = if token.spaced { "_" } else { "" };
            match token.kind {
                Kind::Atom(text) => format!("{space}{}", String::from_utf8_lossy(text)),
                Kind::Quoted(text) => format!("{space}'{}'", String::from_utf8_lossy(&text)),
                Kind::Literal(text) => format!("{space}{}", String::from_utf8_lossy(text)),
                Kind::Special(c) => format!("{space}<{}>", c as char),
            }
        };
        Lexer::new(input.as_bytes(), b"<>,").map(show).collect()
    }

    #[test]
    fn splits_fields() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("a.b, c", &["a.b", "<,>", "_c"]),
            ("a(comment (nested) \\) end)b", &["a", "_b"]),
            ("\"q \\\"x\\\"\"<z>", &["'q \"x\"'", "<<>", "z", "<>>"]),
            ("[192.0.2.1] [open", &["[192.0.2.1]", "_[open"]),
            ("smile :( me (", &["smile", "_:", "(", "_me", "_("]),
            ("5\" disk", &["5", "\"", "_disk"]),
            ("=?utf-8?q?a,b?=,c", &["=?utf-8?q?a,b?=", "<,>", "c"]),
            ("=?utf-8,c", &["=?utf-8", "<,>", "c"]),
        ];
        for (input, expected) in table {
            assert_eq!(&tokens(input), expected, "{input}");
        }
    }

    #[test]
    fn keeps_the_last_comment() {
        let mut lexer = Lexer::new(b"a (one) (two)", b"");
        assert!(lexer.next().is_some());
        assert!(lexer.next().is_none());
        assert_eq!(lexer.comment(), Some(&b"two"[..]));
    }
}
