//! Replies (RFC 5321 §4.2) and the texts that the machine itself chooses.
//!
//! A reply carries its enhanced status code (RFC 2034, RFC 3463) as the beginning of its text. Texts are those an
//! Exchange administrator knows, where there is one. What is refused by policy or fails in the store is worded by the
//! caller, who hands the machine a ready [`Reply`].

use std::borrow::Cow;

/// A reply of one or several lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    text: Cow<'static, str>,
}

impl Reply {
    /// A reply with a fixed text; lines are parted by `\n`.
    pub const fn fixed(code: u16, text: &'static str) -> Reply {
        Reply { code, text: Cow::Borrowed(text) }
    }

    /// A reply with a text made for the occasion; lines are parted by `\n`.
    pub fn new(code: u16, text: String) -> Reply {
        Reply { code, text: Cow::Owned(text) }
    }

    /// The reply code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The text, with the enhanced status code it begins with.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Appends the reply as it is sent (RFC 5321 §4.2.1).
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let mark = if lines.peek().is_some() { '-' } else { ' ' };
            out.extend_from_slice(format!("{}{mark}", self.code).as_bytes());
            // Texts may quote what a client or an administrator wrote: nothing in them may end the line.
            out.extend(line.bytes().map(|octet| if octet.is_ascii_control() { b'?' } else { octet }));
            out.extend_from_slice(b"\r\n");
        }
    }
}

pub(crate) const READY_FOR_TLS: Reply = Reply::fixed(220, "2.0.0 SMTP server ready");
pub(crate) const GOOD_BYE: Reply = Reply::fixed(221, "2.0.0 Service closing transmission channel");
pub(crate) const AUTHENTICATED: Reply = Reply::fixed(235, "2.7.0 Authentication successful");
pub(crate) const RESET: Reply = Reply::fixed(250, "2.0.0 Resetting");
pub(crate) const OK: Reply = Reply::fixed(250, "2.0.0 OK");
pub(crate) const SENDER_OK: Reply = Reply::fixed(250, "2.1.0 Sender OK");
pub(crate) const RECIPIENT_OK: Reply = Reply::fixed(250, "2.1.5 Recipient OK");
// RFC 5321 §3.5.3: neither yes nor no, so that addresses cannot be harvested.
pub(crate) const CANNOT_VERIFY: Reply = Reply::fixed(252, "2.1.5 Cannot VRFY user");
pub(crate) const START_INPUT: Reply = Reply::fixed(354, "Start mail input; end with <CRLF>.<CRLF>");

pub(crate) const TIMED_OUT: Reply =
    Reply::fixed(421, "4.4.2 Connection timed out, closing transmission channel");
pub(crate) const SHUTTING_DOWN: Reply =
    Reply::fixed(421, "4.3.2 Service is stopping, closing transmission channel");
pub(crate) const EXPELLED: Reply =
    Reply::fixed(421, "4.7.0 Session ended by an administrator, closing transmission channel");
pub(crate) const TOO_MANY_ERRORS: Reply =
    Reply::fixed(421, "4.7.0 Too many errors on this connection, closing transmission channel");
pub(crate) const TOO_MUCH_INPUT: Reply =
    Reply::fixed(421, "4.7.0 Too many commands sent ahead, closing transmission channel");
pub(crate) const BROKEN: Reply = Reply::fixed(421, "4.3.0 Internal error, closing transmission channel");

pub(crate) const LINE_TOO_LONG: Reply = Reply::fixed(500, "5.5.2 Line too long");
pub(crate) const BARE_LINE_END: Reply =
    Reply::fixed(500, "5.5.2 Line refused: it contains CR or LF that is not part of CRLF");
pub(crate) const NOT_TEXT: Reply = Reply::fixed(500, "5.5.2 Line refused: it is not UTF-8 text");
pub(crate) const RESPONSE_TOO_LONG: Reply =
    Reply::fixed(500, "5.5.6 Authentication exchange line is too long");
pub(crate) const UNRECOGNIZED: Reply = Reply::fixed(500, "5.3.3 Unrecognized command");
pub(crate) const NO_ARGUMENTS: Reply = Reply::fixed(501, "5.5.4 This command takes no arguments");
pub(crate) const BAD_ARGUMENTS: Reply = Reply::fixed(501, "5.5.4 Invalid arguments");
pub(crate) const BAD_NAME: Reply = Reply::fixed(501, "5.5.4 Invalid domain name");
pub(crate) const BAD_MAIL: Reply =
    Reply::fixed(501, "5.5.4 Invalid arguments - write MAIL FROM:<address> or MAIL FROM:<>");
pub(crate) const BAD_RCPT: Reply = Reply::fixed(501, "5.5.4 Invalid arguments - write RCPT TO:<address>");
pub(crate) const BAD_SENDER: Reply = Reply::fixed(501, "5.1.7 Invalid address");
pub(crate) const BAD_RECIPIENT: Reply = Reply::fixed(501, "5.1.3 Invalid address");
pub(crate) const BAD_BASE64: Reply = Reply::fixed(501, "5.5.2 Cannot decode the BASE64 response");
pub(crate) const CANCELLED: Reply = Reply::fixed(501, "5.7.0 Authentication cancelled");
pub(crate) const MALFORMED_RESPONSE: Reply = Reply::fixed(501, "5.5.2 Malformed authentication response");
pub(crate) const NOT_IMPLEMENTED: Reply = Reply::fixed(502, "5.3.3 Command not implemented");
pub(crate) const SAY_HELLO: Reply = Reply::fixed(503, "5.5.2 Send hello first");
pub(crate) const SENDER_GIVEN: Reply = Reply::fixed(503, "5.5.2 Sender already specified");
pub(crate) const NEED_MAIL: Reply = Reply::fixed(503, "5.5.2 Need mail command");
pub(crate) const NEED_RCPT: Reply = Reply::fixed(503, "5.5.2 Need rcpt command");
pub(crate) const IN_TRANSACTION: Reply = Reply::fixed(503, "5.5.1 Not permitted during a mail transaction");
pub(crate) const ALREADY_AUTHENTICATED: Reply = Reply::fixed(503, "5.5.2 Already authenticated");
pub(crate) const ALREADY_TLS: Reply =
    Reply::fixed(503, "5.5.2 Only one STARTTLS command can be issued per session");
pub(crate) const TLS_AFTER_AUTH: Reply = Reply::fixed(503, "5.5.1 STARTTLS is not permitted after AUTH");
pub(crate) const NO_SUCH_MECHANISM: Reply = Reply::fixed(504, "5.5.4 Unrecognized authentication type");
pub(crate) const ENCRYPT_FIRST: Reply = Reply::fixed(
    538,
    "5.7.11 Encryption required for requested authentication mechanism - send STARTTLS first",
);
pub(crate) const BARE_IN_BODY: Reply =
    Reply::fixed(550, "5.6.0 Message refused: it contains CR or LF that is not part of CRLF");
pub(crate) const NEEDS_SMTPUTF8: Reply =
    Reply::fixed(553, "5.6.7 This address needs the parameter SMTPUTF8 on MAIL");
pub(crate) const UNKNOWN_PARAMETER: Reply = Reply::fixed(555, "5.5.4 Unsupported parameter");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_form() {
        let table = [
            (Reply::fixed(250, "2.0.0 OK"), "250 2.0.0 OK\r\n"),
            (Reply::fixed(250, "a\nb\nc"), "250-a\r\n250-b\r\n250 c\r\n"),
            (Reply::new(550, "5.1.1 x\r250 y\0".to_owned()), "550 5.1.1 x?250 y?\r\n"),
        ];
        for (reply, expected) in table {
            let mut out = Vec::new();
            reply.write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
