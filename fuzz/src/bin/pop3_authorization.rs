//! POP3, begun in the AUTHORIZATION state.

#![no_main]

use fuzz::sessions::{Pop3, pop3};

libfuzzer_sys::fuzz_target!(|input: &[u8]| pop3(Pop3::Authorization, input));
