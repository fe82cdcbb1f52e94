//! Fields of headers, and the sieve of BODY[HEADER.FIELDS (..)].

#![no_main]

use fuzz::{Cuts, same_however_cut};
use mail::header::{Keep, Selection, Sieve, fields, filter, find};

fn sieve(selection: &Selection, pieces: &mut dyn Iterator<Item = &[u8]>) -> Vec<u8> {
    let (mut sieve, mut out) = (Sieve::default(), Vec::new());
    let mut keep = |octets: &[u8]| out.extend_from_slice(octets);
    pieces.for_each(|piece| sieve.push(piece, selection, &mut keep));
    sieve.finish(selection, &mut keep);
    out
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((cuts, header)) = Cuts::choose(input) else { return };
    let mut read = 0;
    for field in fields(header) {
        assert_eq!(&header[read..read + field.raw.len()], field.raw, "fields follow one another");
        read += field.raw.len();
        assert!(field.unfolded().len() <= field.value.len());
        assert!(find(header, field.name).is_some());
    }
    assert!(read <= header.len());
    let [named, others] = [Keep::Named, Keep::Others].map(|keep| {
        let selection = Selection::new(["Subject", "X", "bcc"], keep);
        let kept = same_however_cut(cuts, header, |pieces| sieve(&selection, pieces));
        assert_eq!(kept, filter(header, &selection));
        kept
    });
    // Each field is in one of them, and the empty line is in both.
    assert!((read..=header.len() + 2).contains(&(named.len() + others.len())) || header.len() > read + 2);
});
