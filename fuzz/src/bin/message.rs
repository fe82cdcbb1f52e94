//! Structure and envelope of any message, as they are made, kept and used.

#![no_main]

use fuzz::{Cuts, memory, same_however_cut};
use mail::section::Specifier;
use mail::summary::{Builder, Content, Part};
use mail::text::{Document, Needle, part_text};
use mail::{Section, Summary};

fn summary(pieces: &mut dyn Iterator<Item = &[u8]>) -> Summary {
    let mut builder = Builder::new();
    pieces.for_each(|piece| builder.push(piece));
    builder.finish()
}

/// Parts lie within the message, each within the body it belongs to, and one behind the other.
fn walk(part: &Part, message: &[u8], within: std::ops::Range<u32>) {
    assert!(within.start <= part.header.start && part.header.end() == part.body.start, "{part:?}");
    assert!(part.body.end() <= within.end, "{part:?}");
    assert_eq!(part.body.of(message).len(), part.body.len as usize);
    assert!(part_text(part, message).len() <= 1024 + 16 * part.body.len as usize);
    match &part.content {
        Content::Leaf => {}
        Content::Multipart(parts) => {
            assert!(part.is_multipart() && !parts.is_empty());
            let mut from = part.body.start;
            for inner in parts {
                walk(inner, message, from..part.body.end());
                from = inner.body.end();
            }
        }
        Content::Message(inner) => {
            assert!(part.is_message());
            walk(&inner.root, message, part.body.start..part.body.end());
        }
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((cuts, message)) = Cuts::choose(input) else { return };
    memory::within((1 << 20) + 80 * message.len(), || {
        let summary = same_however_cut(cuts, message, summary);
        walk(&summary.root, message, 0..message.len() as u32);
        let kept = summary.encode();
        assert!(kept.len() <= 1024 + 32 * message.len(), "{} octets of {}", kept.len(), message.len());
        assert_eq!(Summary::decode(&kept).as_ref(), Ok(&summary));
        assert_eq!(Summary::decode_sent(&kept), Ok(summary.envelope.sent));
        for specifier in [Specifier::All, Specifier::Header, Specifier::Text, Specifier::Mime] {
            for path in [&[][..], &[1], &[2], &[1, 1], &[2, 1, 1]] {
                let found = summary.section(&Section { path: path.to_vec(), specifier });
                assert!(found.is_none_or(|found| found.end() as usize <= message.len()));
            }
        }
        let document = Document::new(message, &summary);
        assert!(document.contains(&Needle::new("")));
        let needle = Needle::new("ß");
        let _ = (document.contains(&needle), document.field_contains("subject", &needle));
    });
});
