//! Sets of message numbers or UIDs as clients write them (RFC 9051 §9, sequence-set), and how they are written back.
//!
//! A set stays the list of ranges it came as; its size is bounded by that of the command. Whether the numbers are
//! sequence numbers or UIDs is the command's matter.

use crate::encode;

/// Stands for `*`, the largest number in use; it is no number of a message.
const STAR: u32 = 0;

/// A set as written, `*` not yet resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SequenceSet(Vec<(u32, u32)>);

/// Ascending ranges with gaps between them, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<(u32, u32)>);

impl SequenceSet {
    /// The set in `text`, if it is one.
    pub fn parse(text: &[u8]) -> Option<SequenceSet> {
        text.split(|octet| *octet == b',').map(range).collect::<Option<Vec<_>>>().map(SequenceSet)
    }

    /// The largest number written, `*` left aside.
    pub fn largest(&self) -> u32 {
        self.0.iter().map(|(first, last)| *first.max(last)).max().unwrap_or(0)
    }

    /// Whether every range ends with `*`.
    pub fn is_open(&self) -> bool {
        self.0.iter().all(|(first, last)| *first == STAR || *last == STAR)
    }

    /// The numbers meant where `*` is `max`. Nothing at all is meant by `*` where `max` is 0.
    pub fn resolve(&self, max: u32) -> Ranges {
        let number = |written: u32| if written == STAR { max } else { written };
        let ranges = self.0.iter().map(|(a, b)| (number(*a), number(*b)));
        Ranges::new(ranges.map(|(a, b)| (a.min(b), a.max(b))).filter(|(first, _)| *first > 0))
    }
}

fn range(text: &[u8]) -> Option<(u32, u32)> {
    match text.iter().position(|octet| *octet == b':') {
        Some(at) => Some((number(text.get(..at)?)?, number(text.get(at + 1..)?)?)),
        None => number(text).map(|n| (n, n)),
    }
}

/// A number from 1, or `*`.
fn number(text: &[u8]) -> Option<u32> {
    if text == b"*" {
        return Some(STAR);
    }
    let digits = !text.starts_with(b"0") && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

impl Ranges {
    /// These ranges, sorted and joined.
    pub fn new(ranges: impl IntoIterator<Item = (u32, u32)>) -> Ranges {
        let mut sorted: Vec<(u32, u32)> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        Ranges(joined)
    }

    /// Whether the number is in one of them.
    pub fn contains(&self, number: u32) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// All ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.0.iter().copied()
    }

    /// Adds a number above all others.
    pub fn push(&mut self, number: u32) {
        match self.0.last_mut() {
            Some((_, last)) if number <= last.saturating_add(1) => *last = number.max(*last),
            _ => self.0.push((number, number)),
        }
    }

    /// Writes them as a sequence set.
    pub fn write(&self, out: &mut Vec<u8>) {
        for (index, (first, last)) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            encode::number(out, first.into());
            if last > first {
                out.push(b':');
                encode::number(out, last.into());
            }
        }
    }
}

impl FromIterator<u32> for Ranges {
    /// Of ascending numbers.
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Ranges {
        numbers.into_iter().fold(Ranges::default(), |mut ranges, number| {
            ranges.push(number);
            ranges
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(ranges: &Ranges) -> String {
        let mut out = Vec::new();
        ranges.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn resolves_sets() {
        let table = [
            ("1", 10, "1"),
            ("3,1,2", 10, "1:3"),
            ("2,4:7,9,12:*", 15, "2,4:7,9,12:15"),
            ("*:4,5:7", 10, "4:10"),
            ("*", 10, "10"),
            ("20:*", 10, "10:20"),
            ("5:3", 10, "3:5"),
            ("4294967295", 10, "4294967295"),
            ("1:4294967295,*", 10, "1:4294967295"),
            ("*", 0, ""),
            ("1:*", 0, ""),
        ];
        for (text, max, expected) in table {
            let set = SequenceSet::parse(text.as_bytes()).unwrap();
            assert_eq!(written(&set.resolve(max)), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_set() {
        for text in [
            "",
            "0",
            "1,",
            ",1",
            "1:",
            ":1",
            "1:0",
            "a",
            "1-2",
            "01",
            "4294967296",
            "1::2",
            "1:2:3",
            "-1",
            "**",
            "$",
        ] {
            assert_eq!(SequenceSet::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn knows_what_it_contains() {
        let ranges = SequenceSet::parse(b"2,4:7,9").unwrap().resolve(0);
        let inside: Vec<u32> = (0..12).filter(|n| ranges.contains(*n)).collect();
        assert_eq!(inside, [2, 4, 5, 6, 7, 9]);
        assert_eq!(inside.into_iter().collect::<Ranges>(), ranges);
    }
}
