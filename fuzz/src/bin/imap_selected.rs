//! IMAP, begun after SELECT.

#![no_main]

use fuzz::sessions::{Imap, imap};

libfuzzer_sys::fuzz_target!(|input: &[u8]| imap(Imap::Selected, input));
