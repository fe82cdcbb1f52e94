//! Dates of header fields and of IMAP: what is written is read again.

#![no_main]

use mail::{DateTime, Day};

fn round(moment: DateTime) {
    let shown = moment.to_imap();
    let year = shown.split('-').nth(2).and_then(|rest| rest.split(' ').next());
    assert_eq!((shown.len(), year.map(str::len)), (26, Some(4)), "{shown}");
    if let Some(again) = DateTime::from_imap(&shown) {
        assert_eq!(again.to_imap(), shown);
    }
    assert!(moment.to_rfc5322().len() <= 31, "{}", moment.to_rfc5322());
}

/// RFC 5322 §3.3: a header field can hold any year from 1900 on. Years after 3000 are taken for mistakes.
fn through_a_field(moment: DateTime) {
    if (-2_208_900_000..32_503_000_000).contains(&moment.seconds) {
        assert_eq!(DateTime::from_rfc5322(moment.to_rfc5322().as_bytes()), Some(moment));
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(moment) = DateTime::from_rfc5322(input) {
        round(moment);
        through_a_field(moment);
    }
    if let Some((seconds, rest)) = input.split_first_chunk()
        && let Some((offset, _)) = rest.split_first_chunk()
    {
        // From a damaged file.
        round(DateTime { seconds: i64::from_le_bytes(*seconds), offset: i16::from_le_bytes(*offset) });
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Some(moment) = DateTime::from_imap(text) {
        round(moment);
        assert_eq!(DateTime::from_imap(&moment.to_imap()), Some(moment));
        through_a_field(moment);
    }
    let _ = Day::from_imap(text);
});
