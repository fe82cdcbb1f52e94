//! Text that goes into one line of a reply, and octets that go into a literal.

use std::borrow::Cow;

/// The text with each control character replaced by a space, so that no setting, name or peer can break a reply's
/// line or write a second one.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        Cow::Owned(text.replace(char::is_control, " "))
    } else {
        Cow::Borrowed(text)
    }
}

/// The octets of an IMAP literal, which can hold all but NUL (RFC 3501 §9, CHAR8). NUL becomes 0x80, no character in any
/// charset, so that their number stays what was announced.
pub fn char8(octets: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(0, octets).is_none() {
        return Cow::Borrowed(octets);
    }
    Cow::Owned(octets.iter().map(|octet| if *octet == 0 { 0x80 } else { *octet }).collect())
}

#[cfg(test)]
mod tests {
    use super::{char8, one_line};

    #[test]
    fn no_literal_holds_nul() {
        assert_eq!(*char8(b"a\x80b"), *b"a\x80b");
        assert_eq!(*char8(b"\0a\0"), *b"\x80a\x80");
    }

    #[test]
    fn no_text_breaks_a_line() {
        assert_eq!(one_line("Grüße from POP3"), "Grüße from POP3");
        assert_eq!(one_line("ready\r\n-ERR no\0\u{85}"), "ready  -ERR no  ");
    }
}
