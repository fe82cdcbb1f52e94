//! How values are written to the client (RFC 3501 §9), each appended to the output without a detour.

use mail::{DateTime, FlagSet, KeywordTable};

/// Longer strings are sent as literals: some clients have small buffers for lines.
const LONGEST_QUOTED: usize = 1000;

/// A number in decimal.
pub(crate) fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut len = 0;
    for place in digits.iter_mut().rev() {
        // A remainder by ten fits.
        *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        len += 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - len..).unwrap_or_default());
}

/// A quoted string where that is allowed, else a literal.
pub(crate) fn string(out: &mut Vec<u8>, text: &[u8]) {
    let quotable = |octet: &u8| (b' '..=b'~').contains(octet);
    if text.len() > LONGEST_QUOTED || !text.iter().all(quotable) {
        return literal(out, text);
    }
    out.push(b'"');
    for octet in text {
        if matches!(octet, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*octet);
    }
    out.push(b'"');
}

/// A literal.
pub(crate) fn literal(out: &mut Vec<u8>, octets: &[u8]) {
    literal_head(out, octets.len() as u64);
    out.extend_from_slice(&wire::char8(octets));
}

/// The announcement of a literal.
pub(crate) fn literal_head(out: &mut Vec<u8>, size: u64) {
    out.push(b'{');
    number(out, size);
    out.extend_from_slice(b"}\r\n");
}

/// NIL or a string.
pub(crate) fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// The name of a mailbox, given in UTF-8: an atom where it is one.
pub(crate) fn mailbox(out: &mut Vec<u8>, name: &str) {
    let encoded = mail::utf7::encode(name);
    let plain = |octet: u8| octet > b' ' && octet < 0x7f && !b"(){%*\"\\]".contains(&octet);
    // A client may take NIL for no name at all.
    if !encoded.is_empty() && encoded.bytes().all(plain) && !encoded.eq_ignore_ascii_case("NIL") {
        out.extend_from_slice(encoded.as_bytes());
    } else {
        string(out, encoded.as_bytes());
    }
}

/// `(\Seen \Recent $Forwarded)`
pub(crate) fn flags(out: &mut Vec<u8>, flags: FlagSet, keywords: &KeywordTable, recent: bool) {
    out.push(b'(');
    let start = out.len();
    let system =
        mail::Flag::ALL.into_iter().filter(|flag| flags.contains(*flag)).map(|flag| -> &str { flag.name() });
    let keywords = keywords.names(flags).map(mail::Keyword::as_str);
    for name in system.chain(recent.then_some("\\Recent")).chain(keywords) {
        if out.len() > start {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
    }
    out.push(b')');
}

/// Writes moments; those of the same day share their date and zone.
#[derive(Default)]
pub(crate) struct DayMemo {
    of: Option<(i64, i16)>,
    date: String,
    zone: String,
}

impl DayMemo {
    /// `"17-Jul-1996 02:44:25 -0700"`
    pub fn write(&mut self, out: &mut Vec<u8>, moment: DateTime) {
        let local = moment.seconds.saturating_add(i64::from(moment.offset) * 60);
        let (day, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        out.push(b'"');
        if self.of != Some((day, moment.offset)) {
            let text = moment.to_imap();
            self.date = text.get(..12).unwrap_or_default().to_owned();
            self.zone = text.get(20..).unwrap_or_default().to_owned();
            // Years that `to_imap` cannot show have no day of their own.
            self.of = (0..=253_000_000_000).contains(&moment.seconds).then_some((day, moment.offset));
            out.extend_from_slice(text.as_bytes());
        } else {
            out.extend_from_slice(self.date.as_bytes());
            for (unit, end) in [(second / 3600, b':'), (second / 60 % 60, b':')] {
                two_digits(out, unit);
                out.push(end);
            }
            two_digits(out, second % 60);
            out.extend_from_slice(self.zone.as_bytes());
        }
        out.push(b'"');
    }
}

fn two_digits(out: &mut Vec<u8>, number: i64) {
    // Both are digits of a number below 100.
    out.extend([number / 10, number % 10].map(|digit| b'0' + u8::try_from(digit).unwrap_or(0)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail::{Flag, Keyword};

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn numbers() {
        for n in [0, 9, 10, 4_294_967_295, u64::MAX] {
            assert_eq!(written(|out| number(out, n)), n.to_string());
        }
    }

    #[test]
    fn strings() {
        let long = "x".repeat(1001);
        let table: &[(&[u8], &str)] = &[
            (b"", "\"\""),
            (b"a \"b\" \\c", "\"a \\\"b\\\" \\\\c\""),
            (b"a\r\nb", "{4}\r\na\r\nb"),
            ("ä".as_bytes(), "{2}\r\nä"),
            (b"a\0b", "{3}\r\na\u{fffd}b"),
        ];
        for (text, expected) in table {
            assert_eq!(written(|out| string(out, text)), *expected);
        }
        assert!(written(|out| string(out, long.as_bytes())).starts_with("{1001}\r\n"));
    }

    #[test]
    fn mailboxes() {
        let table = [
            ("INBOX", "INBOX"),
            ("a/b", "a/b"),
            ("Sent Items", "\"Sent Items\""),
            ("Entwürfe", "Entw&APw-rfe"),
            ("a&b", "a&-b"),
            ("50%", "\"50%\""),
            ("nil", "\"nil\""),
            ("", "\"\""),
        ];
        for (name, expected) in table {
            assert_eq!(written(|out| mailbox(out, name)), expected);
        }
    }

    #[test]
    fn moments_are_written_as_mail_does() {
        let mut memo = DayMemo::default();
        let seconds = (0..200_000).step_by(977).chain([-1, i64::MIN, i64::MAX, 253_402_300_799, 837_596_665]);
        for seconds in seconds {
            for offset in [0, -420, 60, 1439, -1439] {
                let moment = DateTime { seconds, offset };
                assert_eq!(written(|out| memo.write(out, moment)), format!("\"{}\"", moment.to_imap()));
            }
        }
        for seconds in 837_590_000..837_590_200 {
            let moment = DateTime { seconds, offset: -420 };
            assert_eq!(written(|out| memo.write(out, moment)), format!("\"{}\"", moment.to_imap()));
        }
    }

    #[test]
    fn flag_lists() {
        let keywords = KeywordTable::new([Keyword::new("$A").unwrap(), Keyword::new("b").unwrap()]);
        let set = FlagSet::NONE.with(Flag::Seen).with_keyword(1);
        assert_eq!(written(|out| flags(out, set, &keywords, true)), "(\\Seen \\Recent b)");
        assert_eq!(written(|out| flags(out, FlagSet::NONE, &keywords, false)), "()");
    }
}
