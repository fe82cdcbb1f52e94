//! Message data that ends with a dot, in both directions.

#![no_main]

use fuzz::{Cuts, same_however_cut};
use wire::{Piece, Stuffer, Unstuffer, Violation};

/// The message, what was wrong with it, and how many octets it took.
type Message = (Vec<u8>, Option<Violation>, Option<usize>);

fn unstuff(pieces: &mut dyn Iterator<Item = &[u8]>) -> Message {
    let (mut dots, mut out, mut used) = (Unstuffer::new(), Vec::new(), 0);
    for mut piece in pieces {
        used += piece.len();
        while let Some(found) = dots.next(&mut piece) {
            match found {
                Piece::Octets(octets) => out.extend_from_slice(octets),
                Piece::End => return (out, dots.violation(), Some(used - piece.len())),
            }
        }
    }
    (out, dots.violation(), None)
}

fn stuff(lines: Option<u32>, pieces: &mut dyn Iterator<Item = &[u8]>) -> Vec<u8> {
    let (mut dots, mut out) = (Stuffer::new(lines), Vec::new());
    pieces.for_each(|piece| dots.push(piece, &mut out));
    dots.finish(&mut out);
    out
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((cuts, stream)) = Cuts::choose(input) else { return };
    let (message, violation, _) = same_however_cut(cuts, stream, unstuff);
    assert!(message.len() <= stream.len());

    let sent = same_however_cut(cuts, stream, |pieces| stuff(None, pieces));
    assert!(sent.len() <= 2 * stream.len() + 5 && sent.ends_with(b".\r\n"));
    let lines = input.first().map(|lines| u32::from(*lines));
    let top = same_however_cut(cuts, stream, |pieces| stuff(lines, pieces));
    assert!(top.len() <= sent.len());

    // What came in well is sent as it came in.
    if violation.is_none() && message.ends_with(b"\r\n") {
        let sent = stuff(None, &mut std::iter::once(message.as_slice()));
        assert_eq!(unstuff(&mut std::iter::once(sent.as_slice())), (message, None, Some(sent.len())));
    }
});
