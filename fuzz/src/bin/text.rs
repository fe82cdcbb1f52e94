//! Texts that are encoded: encoded words of header fields, and modified UTF-7 of mailbox names.

#![no_main]

use fuzz::memory;
use mail::utf7;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let decoded = memory::within((64 << 10) + 40 * input.len(), || mail::text::decode(input));
    assert!(decoded.len() <= 64 + 16 * input.len(), "{} octets of {}", decoded.len(), input.len());
    let shown = wire::one_line(&decoded);
    assert!(!shown.contains(['\r', '\n']));
    assert_eq!(wire::char8(input).len(), input.len());
    let Ok(text) = std::str::from_utf8(input) else { return };
    let encoded = utf7::encode(text);
    assert!(encoded.bytes().all(|octet| (b' '..=b'~').contains(&octet)), "{encoded:?}");
    assert_eq!(utf7::decode(&encoded).as_deref(), Some(text));
    if let Some(name) = utf7::decode(text) {
        assert_eq!(utf7::encode(&name), text, "each name has one encoding");
    }
});
