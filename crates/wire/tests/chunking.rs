//! However the network cuts a stream, the readers and writers give the same.

use proptest::prelude::*;
use wire::{LineError, LineReader, Piece, Stuffer, Unstuffer};

/// Octets in which the interesting ones are frequent.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let octet =
        prop_oneof![3 => Just(b'\r'), 3 => Just(b'\n'), 3 => Just(b'.'), 4 => Just(b'a'), 1 => any::<u8>()];
    prop_oneof![
        prop::collection::vec(octet, 0..200),
        prop::collection::vec(
            prop_oneof![Just("\r\n"), Just("."), Just("ab"), Just("\r\n.\r\n"), Just("\r\n.")],
            0..60
        )
        .prop_map(|parts| parts.concat().into_bytes()),
    ]
}

/// The stream, cut into pieces of the lengths in `cuts`, again and again.
fn cut<'a>(stream: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = stream;
    let mut lengths = cuts.iter().cycle();
    std::iter::from_fn(move || {
        let length = (*lengths.next()?).min(rest.len());
        let (piece, more) = rest.split_at(length);
        rest = more;
        (!piece.is_empty()).then_some(piece)
    })
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..40, 1..8)
}

fn read_lines<'a>(limit: usize, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Vec<u8>, LineError>> {
    let mut reader = LineReader::new(limit);
    let mut out = Vec::new();
    for piece in pieces {
        reader.feed(piece);
        while let Some(line) = reader.line() {
            out.push(line.map(|line| line.to_vec()));
        }
        assert!(reader.pending().len() <= limit + 1, "memory is bounded");
    }
    out
}

/// The message, what was wrong with it, and how many octets were used up to its end.
fn unstuff<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Option<wire::Violation>, Option<usize>) {
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

fn stuff<'a>(lines: Option<u32>, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut dots, mut out) = (Stuffer::new(lines), Vec::new());
    pieces.for_each(|piece| dots.push(piece, &mut out));
    dots.finish(&mut out);
    out
}

/// The first `CRLF . CRLF`, seen with a line start before the stream.
fn end_of_data(stream: &[u8]) -> Option<usize> {
    let with_start = [b"\r\n", stream].concat();
    with_start.windows(5).position(|window| window == b"\r\n.\r\n").map(|at| at + 3)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_do_not_depend_on_cuts(stream in octets(), limit in 1usize..30, cuts in cuts()) {
        let whole = read_lines(limit, std::iter::once(stream.as_slice()));
        prop_assert_eq!(&whole, &read_lines(limit, cut(&stream, &cuts)));
        for line in whole.into_iter().flatten() {
            prop_assert!(line.len() <= limit && !line.contains(&b'\r') && !line.contains(&b'\n'));
        }
    }

    #[test]
    fn data_does_not_depend_on_cuts(stream in octets(), cuts in cuts()) {
        let whole = unstuff(std::iter::once(stream.as_slice()));
        prop_assert_eq!(&whole, &unstuff(cut(&stream, &cuts)));
        prop_assert_eq!(whole.2, end_of_data(&stream));
    }

    #[test]
    fn stuffing_does_not_depend_on_cuts(message in octets(), lines in prop::option::of(0u32..5), cuts in cuts()) {
        let whole = stuff(lines, std::iter::once(message.as_slice()));
        prop_assert_eq!(&whole, &stuff(lines, cut(&message, &cuts)));
        prop_assert!(whole.ends_with(b".\r\n"));
    }

    #[test]
    fn what_is_stuffed_is_unstuffed(parts in prop::collection::vec("[.a-c]{0,5}", 0..20)) {
        let message: String = parts.iter().map(|line| format!("{line}\r\n")).collect();
        let sent = stuff(None, std::iter::once(message.as_bytes()));
        let (out, violation, used) = unstuff(std::iter::once(sent.as_slice()));
        prop_assert_eq!(out, message.as_bytes());
        prop_assert_eq!((violation, used), (None, Some(sent.len())));
    }
}
