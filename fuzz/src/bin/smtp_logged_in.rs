//! SMTP for submission, begun after login.

#![no_main]

use fuzz::sessions::{Smtp, smtp};

libfuzzer_sys::fuzz_target!(|input: &[u8]| smtp(Smtp::LoggedIn, input));
