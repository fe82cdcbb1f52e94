//! IMAP's modified UTF-7 for mailbox names (RFC 3501 §5.1.3).
//!
//! Decoding is strict: each name has one encoding only, and every other spelling of it is refused, so that two names
//! never mean one folder.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// The name as IMAP4rev1 sends it.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut run = Vec::new();
    for c in name.chars() {
        match c {
            ' '..='~' => {
                shift(&mut out, &mut run);
                out.push(c);
                if c == '&' {
                    out.push('-');
                }
            }
            c => run.extend_from_slice(c.encode_utf16(&mut [0; 2])),
        }
    }
    shift(&mut out, &mut run);
    out
}

/// Writes the units collected as one shifted sequence.
fn shift(out: &mut String, run: &mut Vec<u16>) {
    if run.is_empty() {
        return;
    }
    out.push('&');
    let (mut bits, mut held) = (0_u32, 0);
    for unit in run.drain(..) {
        (bits, held) = (bits << 16 | u32::from(unit), held + 16);
        while held >= 6 {
            held -= 6;
            out.push(digit(bits >> held));
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        out.push(digit(bits << (6 - held)));
    }
    out.push('-');
}

fn digit(bits: u32) -> char {
    ALPHABET.get((bits & 63) as usize).copied().unwrap_or(b'A').into()
}

/// The name that a client sent, or `None` where that is not the encoding of any name.
pub fn decode(encoded: &str) -> Option<String> {
    let mut out = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((plain, shifted)) = rest.split_once('&') {
        out.push_str(plain);
        let (sequence, after) = shifted.split_once('-')?;
        match sequence {
            "" => out.push('&'),
            sequence => out.push_str(&unshift(sequence)?),
        }
        rest = after;
    }
    out.push_str(rest);
    // What encodes differently was not in the one form: needless shifts, bits left over, two shifts in a row.
    (encode(&out) == encoded).then_some(out)
}

fn unshift(sequence: &str) -> Option<String> {
    let mut units = Vec::with_capacity(sequence.len() / 2);
    let (mut bits, mut held) = (0_u32, 0);
    for c in sequence.bytes() {
        let value = ALPHABET.iter().position(|&digit| digit == c)?;
        (bits, held) = (bits << 6 | u32::try_from(value).ok()?, held + 6);
        if held >= 16 {
            held -= 16;
            units.push(u16::try_from(bits >> held & 0xffff).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names() {
        let table = [
            ("", ""),
            ("INBOX", "INBOX"),
            ("Tom & Jerry", "Tom &- Jerry"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("☺!", "&Jjo-!"),
            ("😀", "&2D3eAA-"),
            ("a\tb", "a&AAk-b"),
        ];
        for (name, encoded) in table {
            assert_eq!(encode(name), encoded);
            assert_eq!(decode(encoded).as_deref(), Some(name));
        }
    }

    #[test]
    fn refuses_other_spellings() {
        let table = [
            "&",                  // not ended
            "&U,BTFw",            // not ended
            "&AGE-",              // `a` needs no shift
            "&U,BTFw-&ZeVnLIqe-", // RFC 3501 §5.1.3: a null shift
            "&AP-",               // half a character
            "&APx-",              // bits left over
            "&APwA-",             // too long
            "&2D0-",              // half a surrogate pair
            "&A/w-",              // not of the alphabet
            "Entwürfe",           // not encoded
            "a\tb",
        ];
        for encoded in table {
            assert_eq!(decode(encoded), None, "{encoded}");
        }
    }

    proptest! {
        #[test]
        fn encoding_is_inverse(name in any::<String>()) {
            let encoded = encode(&name);
            prop_assert!(encoded.bytes().all(|c| (b' '..=b'~').contains(&c)));
            prop_assert_eq!(decode(&encoded), Some(name));
        }

        #[test]
        fn what_decodes_is_the_encoding(text in "[a&,A-Z0-9-]{0,20}") {
            if let Some(name) = decode(&text) {
                prop_assert_eq!(encode(&name), text);
            }
        }
    }
}
