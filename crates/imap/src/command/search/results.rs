//! How what was found is told: `* SEARCH` piece by piece, or `* ESEARCH` (RFC 4731 §3).

use crate::encode;
use crate::parse::{Bad, Parser};
use crate::sequence::Ranges;
use crate::session::FLUSH;
use crate::view::{Numbering, View};

/// What RETURN asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Return {
    min: bool,
    max: bool,
    count: bool,
    all: bool,
}

impl Return {
    /// `(MIN MAX)`; `()` is ALL.
    pub fn parse(parser: &mut Parser<'_>) -> Result<Return, Bad> {
        let mut wanted = Return::default();
        parser.list(|parser| {
            match parser.atom()?.to_ascii_uppercase().as_str() {
                "MIN" => wanted.min = true,
                "MAX" => wanted.max = true,
                "COUNT" => wanted.count = true,
                "ALL" => wanted.all = true,
                _ => return Err(Bad("Unknown result option")),
            }
            Ok(())
        })?;
        if wanted == Return::default() {
            wanted.all = true;
        }
        Ok(wanted)
    }
}

/// What was found, as it will be told.
pub(super) struct Results {
    numbers: Vec<u32>,
    numbering: Numbering,
    written: usize,
    /// Of each number its modseq, where MODSEQ was searched for.
    modseqs: Option<Vec<u64>>,
}

impl Results {
    pub fn new(view: &View, found: Vec<usize>, numbering: Numbering, modseq: bool) -> Results {
        let entries = || found.iter().filter_map(|seq| Some((*seq, view.listing.at(*seq)?)));
        let numbers = entries().map(|(seq, entry)| match numbering {
            Numbering::Sequence => u32::try_from(seq).unwrap_or(u32::MAX),
            Numbering::Uid => entry.uid.0,
        });
        let modseqs = modseq.then(|| entries().map(|(_, entry)| entry.modseq.0).collect());
        Results { numbers: numbers.collect(), numbering, written: 0, modseqs }
    }

    pub fn begin_search(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"* SEARCH");
    }

    /// Writes numbers of `* SEARCH` as long as there is room; whether all are written.
    pub fn write_numbers(&mut self, out: &mut Vec<u8>) -> bool {
        for number in self.numbers.iter().skip(self.written) {
            out.push(b' ');
            encode::number(out, (*number).into());
            self.written += 1;
            if out.len() >= FLUSH {
                return false;
            }
        }
        // RFC 7162 §3.1.5: only where something was found.
        let highest = self.modseqs.iter().flatten().max();
        if let Some(highest) = highest {
            out.extend_from_slice(b" (MODSEQ ");
            encode::number(out, *highest);
            out.push(b')');
        }
        out.extend_from_slice(b"\r\n");
        true
    }

    /// `* ESEARCH (TAG "a") UID MIN 2 COUNT 5`
    pub fn write_esearch(&self, out: &mut Vec<u8>, tag: &[u8], wanted: Return) {
        out.extend_from_slice(b"* ESEARCH (TAG ");
        encode::string(out, tag);
        out.push(b')');
        if self.numbering == Numbering::Uid {
            out.extend_from_slice(b" UID");
        }
        let item = |out: &mut Vec<u8>, name: &str, number: u64| {
            out.extend_from_slice(name.as_bytes());
            encode::number(out, number);
        };
        // RFC 4731 §3.1: MIN, MAX and ALL are left out where nothing was found; COUNT is not.
        if let (true, Some(first)) = (wanted.min, self.numbers.first()) {
            item(out, " MIN ", (*first).into());
        }
        if let (true, Some(last)) = (wanted.max, self.numbers.last()) {
            item(out, " MAX ", (*last).into());
        }
        if wanted.count {
            item(out, " COUNT ", self.numbers.len() as u64);
        }
        if wanted.all && !self.numbers.is_empty() {
            out.extend_from_slice(b" ALL ");
            self.numbers.iter().copied().collect::<Ranges>().write(out);
        }
        if let Some(modseq) = self.esearch_modseq(wanted) {
            item(out, " MODSEQ ", modseq);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// RFC 7162 §3.1.10: of the messages told; of all found where COUNT or ALL is.
    fn esearch_modseq(&self, wanted: Return) -> Option<u64> {
        let modseqs = self.modseqs.as_ref()?;
        if wanted.count || wanted.all {
            return modseqs.iter().max().copied();
        }
        let first = modseqs.first().filter(|_| wanted.min);
        let last = modseqs.last().filter(|_| wanted.max);
        first.max(last).copied()
    }
}
