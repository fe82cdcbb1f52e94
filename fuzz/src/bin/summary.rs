//! Summaries as they are kept on disk: damaged ones are refused, and what is read is what was written.

#![no_main]

use fuzz::memory;
use mail::Summary;

libfuzzer_sys::fuzz_target!(|kept: &[u8]| {
    memory::within((64 << 10) + 400 * kept.len(), || {
        if let Ok(summary) = Summary::decode(kept) {
            assert_eq!(Summary::decode_sent(kept), Ok(summary.envelope.sent));
            assert_eq!(Summary::decode(&summary.encode()), Ok(summary));
        }
    });
});
