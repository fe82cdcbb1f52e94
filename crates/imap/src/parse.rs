//! The words of the IMAP grammar (RFC 3501 §9), read from one complete command.
//!
//! A [`Parser`] walks over the command's octets, literals included as they came. What it gives out are owned small
//! values; what does not fit is a [`Bad`] with a text for the client.

use crate::sequence::SequenceSet;
use mail::{DateTime, Day, Flag, Keyword};

/// Why a command is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad(pub &'static str);

/// A place in a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parser<'a> {
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    pub fn new(text: &'a [u8]) -> Parser<'a> {
        Parser { rest: text }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Everything left.
    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Steps over these octets, in any case, if they are next.
    pub fn eat(&mut self, word: &str) -> bool {
        match self.rest.split_at_checked(word.len()) {
            Some((head, rest)) if head.eq_ignore_ascii_case(word.as_bytes()) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub fn expect(&mut self, word: &str, bad: &'static str) -> Result<(), Bad> {
        if self.eat(word) { Ok(()) } else { Err(Bad(bad)) }
    }

    pub fn space(&mut self) -> Result<(), Bad> {
        self.expect(" ", "Missing space or argument")
    }

    pub fn end(&self) -> Result<(), Bad> {
        if self.is_empty() { Ok(()) } else { Err(Bad("Unexpected arguments at the end")) }
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|octet| !wanted(*octet)).unwrap_or(self.rest.len());
        self.split(end)
    }

    fn split(&mut self, at: usize) -> &'a [u8] {
        let (head, rest) = self.rest.split_at_checked(at).unwrap_or((self.rest, &[]));
        self.rest = rest;
        head
    }

    /// A tag: any ASTRING-CHAR except `+`.
    pub fn tag(&mut self) -> Option<&'a [u8]> {
        let tag = self.take_while(|octet| is_astring_char(octet) && octet != b'+');
        (!tag.is_empty()).then_some(tag)
    }

    pub fn atom(&mut self) -> Result<&'a str, Bad> {
        let atom = self.take_while(is_atom_char);
        // Atom characters are ASCII.
        std::str::from_utf8(atom).ok().filter(|atom| !atom.is_empty()).ok_or(Bad("Expected an atom"))
    }

    pub fn number(&mut self) -> Result<u64, Bad> {
        let digits = self.take_while(|octet| octet.is_ascii_digit());
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
        number.filter(|n| i64::try_from(*n).is_ok()).ok_or(Bad("Expected a number"))
    }

    pub fn number32(&mut self) -> Result<u32, Bad> {
        u32::try_from(self.number()?).map_err(|_| Bad("Number too large"))
    }

    /// A quoted string or a literal.
    pub fn string(&mut self) -> Result<Vec<u8>, Bad> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(),
            _ => Err(Bad("Expected a string")),
        }
    }

    fn quoted(&mut self) -> Result<Vec<u8>, Bad> {
        self.split(1);
        let mut text = Vec::new();
        loop {
            text.extend_from_slice(
                self.take_while(|octet| !matches!(octet, b'"' | b'\\' | b'\r' | b'\n' | 0)),
            );
            match self.split(1) {
                b"\"" => return Ok(text),
                b"\\" => match self.split(1) {
                    quoted @ (b"\"" | b"\\") => text.extend_from_slice(quoted),
                    _ => return Err(Bad("Only \" and \\ can be quoted by \\")),
                },
                _ => return Err(Bad("Quoted string not ended")),
            }
        }
    }

    fn literal(&mut self) -> Result<Vec<u8>, Bad> {
        self.split(1);
        let size = self.number()?;
        self.eat("+");
        self.expect("}\r\n", "Malformed literal")?;
        let size = usize::try_from(size).ok().filter(|size| *size <= self.rest.len());
        let octets = self.split(size.ok_or(Bad("Malformed literal"))?);
        // RFC 3501 §9: CHAR8 is any octet except NUL.
        if octets.contains(&0) { Err(Bad("NUL in literal")) } else { Ok(octets.to_vec()) }
    }

    pub fn astring(&mut self) -> Result<Vec<u8>, Bad> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => self.word(is_astring_char),
        }
    }

    /// A word of letters, digits and dots, in capitals: the name of a data item.
    pub fn item_name(&mut self) -> String {
        let name = self.take_while(|octet| octet.is_ascii_alphanumeric() || octet == b'.');
        String::from_utf8_lossy(name).to_ascii_uppercase()
    }

    /// A mailbox name with wildcards.
    pub fn list_mailbox(&mut self) -> Result<Vec<u8>, Bad> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => self.word(|octet| is_astring_char(octet) || matches!(octet, b'%' | b'*')),
        }
    }

    fn word(&mut self, wanted: impl Fn(u8) -> bool) -> Result<Vec<u8>, Bad> {
        let word = self.take_while(wanted);
        if word.is_empty() { Err(Bad("Expected a string")) } else { Ok(word.to_vec()) }
    }

    pub fn nstring(&mut self) -> Result<Option<Vec<u8>>, Bad> {
        if self.eat("NIL") { Ok(None) } else { self.string().map(Some) }
    }

    /// The name of a mailbox in UTF-8.
    pub fn mailbox(&mut self) -> Result<String, Bad> {
        let name = self.astring()?;
        mailbox_name(&name).ok_or(Bad("Mailbox name is not modified UTF-7"))
    }

    pub fn sequence_set(&mut self) -> Result<SequenceSet, Bad> {
        let set = self.take_while(|octet| octet.is_ascii_digit() || matches!(octet, b',' | b':' | b'*'));
        SequenceSet::parse(set).ok_or(Bad("Invalid message set"))
    }

    /// `(` items `)`, an item read by `item`; the list may be empty.
    pub fn list(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), Bad>) -> Result<(), Bad> {
        self.expect("(", "Expected a list in parentheses")?;
        if self.eat(")") {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.eat(")") {
                return Ok(());
            }
            self.expect(" ", "Expected a space or ) in a list")?;
        }
    }

    pub fn flag_list(&mut self) -> Result<Flags, Bad> {
        let mut flags = Flags::default();
        self.list(|parser| flags.add(parser))?;
        Ok(flags)
    }

    /// Flags in parentheses or without (RFC 3501 §9, store-att-flags).
    pub fn store_flags(&mut self) -> Result<Flags, Bad> {
        if self.peek() == Some(b'(') {
            return self.flag_list();
        }
        let mut flags = Flags::default();
        flags.add(self)?;
        while self.eat(" ") {
            flags.add(self)?;
        }
        Ok(flags)
    }

    /// `"17-Jul-1996 02:44:25 -0700"`
    pub fn date_time(&mut self) -> Result<DateTime, Bad> {
        let bad = Bad("Invalid date and time");
        if self.peek() != Some(b'"') {
            return Err(bad);
        }
        let text = self.quoted()?;
        std::str::from_utf8(&text).ok().and_then(DateTime::from_imap).ok_or(bad)
    }

    /// `1-Feb-1994`, quoted or not.
    pub fn date(&mut self) -> Result<Day, Bad> {
        let text = self.astring()?;
        std::str::from_utf8(&text).ok().and_then(Day::from_imap).ok_or(Bad("Invalid date"))
    }
}

/// Flags as a client names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub system: Vec<Flag>,
    pub keywords: Vec<Keyword>,
}

impl Flags {
    fn add(&mut self, parser: &mut Parser<'_>) -> Result<(), Bad> {
        if parser.eat("\\") {
            // RFC 3501 §2.3.2: clients cannot alter \Recent; no other system flags are defined.
            let name = parser.atom()?;
            let flag = Flag::ALL
                .into_iter()
                .find(|flag| flag.name().get(1..).is_some_and(|n| n.eq_ignore_ascii_case(name)));
            self.system.push(flag.ok_or(Bad("This system flag cannot be set"))?);
        } else {
            self.keywords.push(Keyword::new(parser.atom()?).ok_or(Bad("Invalid keyword"))?);
        }
        Ok(())
    }
}

/// The UTF-8 name of a mailbox from what a client sent; INBOX in capitals, no `/` at its end.
pub(crate) fn mailbox_name(encoded: &[u8]) -> Option<String> {
    std::str::from_utf8(encoded).ok().and_then(mail::utf7::decode).map(capital_inbox)
}

/// RFC 3501 §5.1: INBOX in any case is INBOX, also as the first level of a longer name.
pub(crate) fn capital_inbox(name: String) -> String {
    match name.split_at_checked(5) {
        Some((first, rest))
            if first.eq_ignore_ascii_case("INBOX") && (rest.is_empty() || rest.starts_with('/')) =>
        {
            format!("INBOX{rest}")
        }
        _ => name,
    }
}

fn is_atom_char(octet: u8) -> bool {
    octet > b' ' && octet < 0x7f && !b"(){%*\"\\]".contains(&octet)
}

fn is_astring_char(octet: u8) -> bool {
    is_atom_char(octet) || octet == b']'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_strings() {
        let table: &[(&[u8], Option<&[u8]>)] = &[
            (b"abc", Some(b"abc")),
            (b"a]c", Some(b"a]c")),
            (b"\"a b\"", Some(b"a b")),
            (b"\"a\\\"\\\\b\"", Some(b"a\"\\b")),
            (b"\"\"", Some(b"")),
            (b"\"\xc3\xa4\"", Some(b"\xc3\xa4")),
            (b"{3}\r\na\r\n", Some(b"a\r\n")),
            (b"{3+}\r\nabc", Some(b"abc")),
            (b"{0}\r\n", Some(b"")),
            (b"", None),
            (b"(", None),
            (b"\"abc", None),
            (b"\"a\\b\"", None),
            (b"\"a\\", None),
            (b"\"a\x00b\"", None),
            (b"{3}\r\nab", None),
            (b"{3}ab", None),
            (b"{3}\r\na\x00b", None),
            (b"\xc3\xa4", None),
        ];
        for (text, expected) in table {
            let got = Parser::new(text).astring().ok();
            assert_eq!(got.as_deref(), *expected, "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn reads_flags() {
        let flags = Parser::new(b"(\\Seen \\DELETED $Forwarded)").flag_list().unwrap();
        assert_eq!(flags.system, [Flag::Seen, Flag::Deleted]);
        assert_eq!(flags.keywords[0].as_str(), "$Forwarded");
        assert_eq!(Parser::new(b"\\Seen \\Draft").store_flags().unwrap().system.len(), 2);
        assert_eq!(Parser::new(b"()").store_flags().unwrap(), Flags::default());
        for text in ["(\\Recent)", "(\\*)", "(\\Foo)", "(\\Seen", "( \\Seen)", "(\\Seen )", "(a(b)", "(\\)"] {
            assert!(Parser::new(text.as_bytes()).flag_list().is_err(), "{text}");
        }
    }

    #[test]
    fn knows_inbox_in_any_case() {
        let table = [
            ("inbox", "INBOX"),
            ("InBox/a", "INBOX/a"),
            ("inboxes", "inboxes"),
            ("a/inbox", "a/inbox"),
            ("ab", "ab"),
        ];
        for (sent, name) in table {
            assert_eq!(mailbox_name(sent.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn reads_numbers() {
        assert_eq!(Parser::new(b"9223372036854775807").number(), Ok(i64::MAX as u64));
        assert!(Parser::new(b"9223372036854775808").number().is_err());
        assert!(Parser::new(b"99999999999999999999999").number().is_err());
        assert!(Parser::new(b"x").number().is_err());
        assert!(Parser::new(b"4294967296").number32().is_err());
    }
}
