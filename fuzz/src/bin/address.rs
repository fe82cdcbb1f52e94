//! Addresses and domains as SMTP and administrators write them, and address lists of header fields.

#![no_main]

use fuzz::memory;
use mail::{Address, Domain, mailboxes};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let found = memory::within((64 << 10) + 40 * input.len(), || mailboxes(input, 100)).unwrap_or_default();
    assert!(found.len() <= 100 && found.iter().map(String::len).sum::<usize>() <= 4 * input.len() + 100);
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(domain) = Domain::new(text) {
        assert_eq!(Domain::new(domain.as_str()).as_ref(), Ok(&domain));
    }
    if let Ok(address) = Address::parse(text) {
        let written = address.to_string();
        assert!(!written.contains(['\r', '\n', '\0']), "{written:?}");
        assert_eq!(Address::parse(&written).as_ref(), Ok(&address), "{written:?}");
        // However it is quoted, it is one mailbox.
        if let Ok(again) = Address::parse(&address.key()) {
            assert_eq!(again.key(), address.key());
        }
        assert_eq!(mailboxes(written.as_bytes(), 10), Some(vec![written]), "a header field holds it");
    }
});
