//! The selected mailbox as its client knows it.
//!
//! The client counts messages, so what it was not told must not be: messages that others removed stay here until an
//! EXPUNGE may be sent (RFC 3501 §7.4.1), and new ones appear only when EXISTS is.

use crate::border::{Access, Opened};
use crate::encode;
use crate::parse::Bad;
use crate::sequence::{Ranges, SequenceSet};
use mail::{Entry, Flag, FolderId, KeywordTable, Listing, Uid};

/// Whether a command counts messages by place or by UID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    Sequence,
    Uid,
}

#[derive(Debug)]
pub(crate) struct View {
    pub folder: FolderId,
    pub access: Access,
    /// What the client knows.
    pub listing: Listing,
    /// UIDs that are recent to this session.
    recent: Ranges,
}

impl View {
    pub fn new(opened: Opened, access: Access) -> View {
        let Opened { folder, listing, recent: _ } = opened;
        let mut view = View { folder, access, listing, recent: Ranges::default() };
        view.add_recent(opened.recent);
        view
    }

    /// Messages from this UID on up to the last one are recent.
    pub fn add_recent(&mut self, from: Uid) {
        let last = self.last_uid();
        if from <= last {
            self.recent = Ranges::new(self.recent.iter().chain([(from.0, last.0)]));
        }
    }

    /// Whether a message has `\Recent` in this session.
    pub fn is_recent(&self, uid: Uid) -> bool {
        self.recent.contains(uid.0)
    }

    /// How many messages are recent.
    pub fn recent(&self) -> usize {
        let count =
            |(first, last): (u32, u32)| self.places(first, last).map_or(0, |(from, to)| to - from + 1);
        self.recent.iter().map(count).sum()
    }

    /// The largest UID that the client knows; 0 in an empty mailbox.
    pub fn last_uid(&self) -> Uid {
        self.listing.at(self.listing.len()).map_or(Uid(0), |entry| entry.uid)
    }

    /// The messages meant, as ranges of sequence numbers.
    pub fn select(&self, set: &SequenceSet, numbering: Numbering) -> Result<Vec<(usize, usize)>, Bad> {
        match numbering {
            Numbering::Sequence => {
                let exists = u32::try_from(self.listing.len()).unwrap_or(u32::MAX);
                // RFC 3501 §9, seq-number: the server should respond with BAD to a number above EXISTS. `*` in an
                // empty mailbox is let through: clients write 1:* without looking.
                let good = if exists == 0 { set.is_open() } else { set.largest() <= exists };
                if !good {
                    return Err(Bad("No message has this number"));
                }
                let ranges = set.resolve(exists);
                Ok(ranges
                    .iter()
                    .map(|(first, last)| (first as usize, last as usize))
                    .filter(|_| exists > 0)
                    .collect())
            }
            Numbering::Uid => {
                let ranges = set.resolve(self.last_uid().0);
                Ok(ranges.iter().filter_map(|(first, last)| self.places(first, last)).collect())
            }
        }
    }

    /// The places of the messages with UIDs in this range.
    fn places(&self, first: u32, last: u32) -> Option<(usize, usize)> {
        let from = self.listing.lower_bound(Uid(first));
        let end = match last.checked_add(1) {
            Some(next) => self.listing.lower_bound(Uid(next)),
            None => self.listing.len() + 1,
        };
        (from < end).then(|| (from, end - 1))
    }

    /// The messages at these places.
    pub fn entries(&self, places: &[(usize, usize)]) -> impl Iterator<Item = (usize, Entry)> {
        let listing = &self.listing;
        places.iter().flat_map(move |(first, last)| listing.iter_from(*first).take(last - first + 1))
    }

    /// The UIDs of the messages at these places.
    pub fn uids(&self, places: &[(usize, usize)]) -> Vec<Uid> {
        self.entries(places).map(|(_, entry)| entry.uid).collect()
    }

    /// Takes over what the client is told of these messages; those it does not know are left out.
    pub fn put(&mut self, entries: &[Entry]) {
        let known: Vec<Entry> =
            entries.iter().filter(|entry| self.listing.find(entry.uid).is_some()).copied().collect();
        if !known.is_empty() {
            self.listing = self.listing.with(&known, &[]);
        }
    }

    /// The number by which a command with this numbering names a message.
    pub fn number(&self, uid: Uid, numbering: Numbering) -> Option<u32> {
        match numbering {
            Numbering::Uid => Some(uid.0),
            Numbering::Sequence => self.listing.find(uid).and_then(|(seq, _)| u32::try_from(seq).ok()),
        }
    }

    /// FLAGS and PERMANENTFLAGS, as they are now.
    pub fn write_keywords(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"* FLAGS (");
        flag_names(out, &self.listing.keywords);
        out.extend_from_slice(b")\r\n* OK [PERMANENTFLAGS (");
        match self.access {
            Access::ReadOnly => out.extend_from_slice(b")] No flags can be changed\r\n"),
            Access::ReadWrite => {
                flag_names(out, &self.listing.keywords);
                // \* only where a new keyword would fit (RFC 3501 §7.1).
                if !self.listing.keywords.is_full() {
                    out.extend_from_slice(b" \\*");
                }
                out.extend_from_slice(b")] Flags are kept\r\n");
            }
        }
    }

    /// `* 5 EXISTS` and `* 1 RECENT`
    pub fn write_counts(&self, out: &mut Vec<u8>) {
        for (count, name) in [(self.listing.len(), "EXISTS"), (self.recent(), "RECENT")] {
            out.extend_from_slice(b"* ");
            encode::number(out, count as u64);
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// The flags that messages of this folder can have.
fn flag_names(out: &mut Vec<u8>, keywords: &KeywordTable) {
    let names = Flag::ALL
        .into_iter()
        .map(|flag| -> &str { flag.name() })
        .chain(keywords.iter().map(mail::Keyword::as_str));
    for (index, name) in names.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
    }
}
