//! What the fuzz targets share: how octets become cuts and surprises, what holds for every input, and the drivers of
//! the session machines, which are those of the crates' own tests.
//!
//! An input begins with a few octets that choose how the rest is cut and what else happens; the rest is what the peer
//! sends. A panic is a find, and so is a difference between cuts, memory out of proportion, or a reply that is none.

pub mod memory;
pub mod replies;
pub mod sessions;

/// How the fuzzer chose that a stream comes: these pieces, again and again.
#[derive(Clone, Copy, Debug)]
pub struct Cuts<'a> {
    lengths: &'a [u8],
}

/// Octets that choose cuts.
const CUTS: usize = 4;

impl<'a> Cuts<'a> {
    /// Takes the choice from the beginning of the input.
    pub fn choose(input: &'a [u8]) -> Option<(Cuts<'a>, &'a [u8])> {
        let (lengths, stream) = input.split_at_checked(CUTS)?;
        Some((Cuts { lengths }, stream))
    }

    /// The stream's pieces; none is empty.
    pub fn pieces<'s>(self, stream: &'s [u8]) -> impl Iterator<Item = &'s [u8]> + use<'a, 's> {
        let (mut rest, mut lengths) = (stream, self.lengths.iter().cycle());
        std::iter::from_fn(move || {
            let length = lengths.next().map_or(1, |length| usize::from(*length) + 1);
            let (piece, more) = rest.split_at(length.min(rest.len()));
            rest = more;
            (!piece.is_empty()).then_some(piece)
        })
    }
}

/// Whether a reader gives the same for the whole stream and for its pieces; returns what it gives.
#[track_caller]
pub fn same_however_cut<T: PartialEq + std::fmt::Debug>(
    cuts: Cuts<'_>,
    stream: &[u8],
    read: impl Fn(&mut dyn Iterator<Item = &[u8]>) -> T,
) -> T {
    let whole = read(&mut std::iter::once(stream));
    assert_eq!(whole, read(&mut cuts.pieces(stream)), "left: whole, right: cut");
    whole
}
