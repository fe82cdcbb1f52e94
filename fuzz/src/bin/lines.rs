//! Command lines out of a stream.

#![no_main]

use fuzz::{Cuts, same_however_cut};
use wire::LineReader;

const LIMIT: usize = 40;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((cuts, stream)) = Cuts::choose(input) else { return };
    let lines = same_however_cut(cuts, stream, |pieces| {
        let (mut reader, mut out) = (LineReader::new(LIMIT), Vec::new());
        for piece in pieces {
            reader.feed(piece);
            out.extend(std::iter::from_fn(|| reader.line()));
            assert!(reader.pending().len() <= LIMIT + 1, "memory is bounded");
        }
        out
    });
    for line in lines.into_iter().flatten() {
        assert!(line.len() <= LIMIT && !line.contains(&b'\r') && !line.contains(&b'\n'));
    }
});
