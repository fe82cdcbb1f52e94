//! SMTP for submission, begun inside TLS before login.

#![no_main]

use fuzz::sessions::{Smtp, smtp};

libfuzzer_sys::fuzz_target!(|input: &[u8]| smtp(Smtp::Submission, input));
