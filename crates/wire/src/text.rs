//! Text that goes into one line of a reply.

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

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn no_text_breaks_a_line() {
        assert_eq!(one_line("Grüße from POP3"), "Grüße from POP3");
        assert_eq!(one_line("ready\r\n-ERR no\0\u{85}"), "ready  -ERR no  ");
    }
}
