//! SMTP, begun after 354: message data and what follows it.

#![no_main]

use fuzz::sessions::{Smtp, smtp};

libfuzzer_sys::fuzz_target!(|input: &[u8]| smtp(Smtp::Data, input));
