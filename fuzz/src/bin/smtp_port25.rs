//! SMTP on port 25, begun after the greeting.

#![no_main]

use fuzz::sessions::{Smtp, smtp};

libfuzzer_sys::fuzz_target!(|input: &[u8]| smtp(Smtp::Port25, input));
