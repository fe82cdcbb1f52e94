//! The administration shell's language: text and filters.

#![no_main]

use admin::grammar::{ParseError, parse, parse_filter, parse_number};
use fuzz::memory;

fn check(text: &str, error: &ParseError) {
    assert!(error.span.start <= text.len(), "{error:?}");
    let shown = error.render(text);
    assert!(shown.contains("line ") && shown.len() <= 4 * error.message.len() + 4096, "{shown}");
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    memory::within((1 << 20) + 1024 * text.len(), || {
        let read = parse(text);
        assert_eq!(admin::needs_more(text), read.as_ref().is_err_and(|error| error.incomplete));
        let _ = read.map_err(|error| check(text, &error));
        let _ = parse_filter(text).map_err(|error| check(text, &error));
        if let Some(number) = parse_number(text) {
            assert_eq!(parse_number(&number.to_string()), Some(number));
        }
    });
});
