//! Any message, as IMAP shows it.

#![no_main]

libfuzzer_sys::fuzz_target!(|message: &[u8]| fuzz::sessions::imap_message(message));
