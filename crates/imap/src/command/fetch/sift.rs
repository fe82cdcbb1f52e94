//! Fields of a header, cut out of it. A header that the store did not hand out at once is read in pieces, and twice:
//! once to count what is kept, which the literal must announce, and once to write it. It is never held as a whole.

use super::items::BodyText;
use super::write::{EMPTY, cut, write_label};
use crate::border::Ask;
use crate::encode;
use mail::Body;
use mail::header::{Selection, Sieve, filter};

/// Octets read at a time.
const PIECE: u32 = 64 << 10;

/// A header that is being read.
pub(super) struct Sifting {
    body: Body,
    start: u32,
    len: u32,
    /// Octets read in this pass.
    read: u32,
    sieve: Sieve,
    pass: Pass,
}

#[derive(Clone, Copy, Debug)]
enum Pass {
    /// How many octets are kept so far.
    Count(u32),
    /// Of what is kept, how many octets are still to be passed over, and then to be written.
    Write { skip: u32, left: u32 },
}

impl Sifting {
    pub fn new(body: Body, start: u32, len: u32) -> Sifting {
        Sifting { body, start, len, read: 0, sieve: Sieve::default(), pass: Pass::Count(0) }
    }

    pub fn next_piece(&self) -> Ask {
        let len = (self.len - self.read).min(PIECE);
        Ask::Read(self.body.clone(), self.start.saturating_add(self.read), len)
    }

    /// Takes the next piece, which is not empty; whether the item is written with it.
    pub fn is_complete_with(
        &mut self,
        out: &mut Vec<u8>,
        text: &BodyText,
        selection: &Selection,
        octets: &[u8],
    ) -> bool {
        let came = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        if came >= self.len {
            write_selected(out, text, selection, octets);
            return true;
        }
        self.read = self.read.saturating_add(came).min(self.len);
        let Sifting { sieve, pass, .. } = self;
        let mut keep = |kept: &[u8]| pass.keep(out, kept);
        sieve.push(octets, selection, &mut keep);
        if self.read == self.len {
            sieve.finish(selection, &mut keep);
        }
        match *pass {
            Pass::Count(count) if sieve.is_done() => self.is_empty_after_head(out, text, count),
            Pass::Count(_) => false,
            Pass::Write { left, .. } => left == 0,
        }
    }

    /// All is counted: announces it and begins anew, unless there is nothing.
    fn is_empty_after_head(&mut self, out: &mut Vec<u8>, text: &BodyText, count: u32) -> bool {
        let (skip, left) = cut(0, count, text.partial);
        write_label(out, text);
        if left == 0 {
            out.extend_from_slice(EMPTY);
            return true;
        }
        encode::literal_head(out, left.into());
        (self.read, self.sieve, self.pass) = (0, Sieve::default(), Pass::Write { skip, left });
        false
    }
}

impl Pass {
    fn keep(&mut self, out: &mut Vec<u8>, kept: &[u8]) {
        let len = u32::try_from(kept.len()).unwrap_or(u32::MAX);
        match self {
            Pass::Count(count) => *count = count.saturating_add(len),
            Pass::Write { skip, left } => {
                let passed = len.min(*skip);
                let written = (len - passed).min(*left);
                (*skip, *left) = (*skip - passed, *left - written);
                out.extend_from_slice(&wire::char8(part(kept, passed, written)));
            }
        }
    }
}

/// The item of a header that is at hand.
pub(super) fn write_selected(out: &mut Vec<u8>, text: &BodyText, selection: &Selection, header: &[u8]) {
    let kept = filter(header, selection);
    let (start, len) = cut(0, u32::try_from(kept.len()).unwrap_or(u32::MAX), text.partial);
    write_label(out, text);
    match part(&kept, start, len) {
        [] => out.extend_from_slice(EMPTY),
        octets => encode::literal(out, octets),
    }
}

fn part(octets: &[u8], start: u32, len: u32) -> &[u8] {
    let (start, len) = (start as usize, len as usize);
    octets.get(start..start.saturating_add(len).min(octets.len())).unwrap_or_default()
}
