//! The boot file.

#![no_main]

#[path = "../../../crates/gatepost/src/boot.rs"]
#[allow(dead_code, reason = "the program uses all of it")]
mod boot;

use boot::Boot;
use fuzz::memory;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    memory::within((1 << 20) + 2048 * text.len(), || {
        if let Ok(boot) = Boot::parse(text) {
            let written = boot.to_text().expect("what was read can be written");
            assert_eq!(Boot::parse(&written).as_ref(), Ok(&boot), "{written}");
            let _ = boot.store_options();
        }
    });
});
