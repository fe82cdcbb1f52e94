//! What a session knows of a folder: all its messages with flags, size and date, in order of UID.
//!
//! A [`Listing`] is an immutable snapshot. It is cut into chunks that snapshots share, so that a change copies one
//! chunk and not the folder, and two snapshots are compared by skipping the chunks they have in common.

use crate::{DateTime, FlagSet, KeywordTable, ModSeq, Uid, UidValidity};
use std::sync::Arc;

/// Entries in a chunk before it is split.
const CHUNK: usize = 512;

/// One message of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its identifier in the folder.
    pub uid: Uid,
    /// Exact size in octets, as `BODY[]` and `RETR` deliver it.
    pub size: u32,
    /// Its flags, keywords by position in [`Listing::keywords`].
    pub flags: FlagSet,
    /// When it last changed.
    pub modseq: ModSeq,
    /// INTERNALDATE.
    pub date: DateTime,
}

type Chunk = Arc<Vec<Entry>>;

/// All messages of one folder at one moment.
#[derive(Clone, Debug)]
pub struct Listing {
    chunks: Arc<Vec<Chunk>>,
    /// Number of messages before each chunk; as long as `chunks`.
    before: Arc<Vec<usize>>,
    len: usize,
    /// The folder's keywords.
    pub keywords: Arc<KeywordTable>,
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The UID the next message will get.
    pub uid_next: Uid,
    /// HIGHESTMODSEQ: the folder's last change, expunges included.
    pub highest_modseq: ModSeq,
}

/// One difference between two listings of the same folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The message at this sequence number of the old listing is gone.
    Gone(usize, Uid),
    /// The message has other flags, or another modseq; the number is its place in the old listing.
    Changed(usize, Entry),
    /// The message is new.
    New(Entry),
}

impl Listing {
    /// A folder without messages.
    pub fn empty(uid_validity: UidValidity) -> Listing {
        Listing::new(Vec::new(), Arc::default(), uid_validity, Uid(1), ModSeq(1))
    }

    /// The listing of these messages, which must be in ascending order of UID.
    pub fn new(
        entries: Vec<Entry>,
        keywords: Arc<KeywordTable>,
        uid_validity: UidValidity,
        uid_next: Uid,
        highest_modseq: ModSeq,
    ) -> Listing {
        debug_assert!(entries.is_sorted_by(|a, b| a.uid < b.uid), "UIDs ascend");
        let chunks = entries.chunks(CHUNK).map(|chunk| Arc::new(chunk.to_vec())).collect();
        let mut listing = Listing {
            chunks: Arc::default(),
            before: Arc::default(),
            len: 0,
            keywords,
            uid_validity,
            uid_next,
            highest_modseq,
        };
        listing.set_chunks(chunks);
        listing
    }

    fn set_chunks(&mut self, chunks: Vec<Chunk>) {
        let mut before = Vec::with_capacity(chunks.len());
        self.len = 0;
        for chunk in &chunks {
            before.push(self.len);
            self.len += chunk.len();
        }
        self.chunks = Arc::new(chunks);
        self.before = Arc::new(before);
    }

    /// Number of messages: EXISTS.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the folder holds no message.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The message at this sequence number, from 1.
    pub fn at(&self, seq: usize) -> Option<Entry> {
        let index = seq.checked_sub(1)?;
        let chunk = self.before.partition_point(|before| *before <= index).checked_sub(1)?;
        self.chunks.get(chunk)?.get(index - self.before.get(chunk)?).copied()
    }

    /// The sequence number (from 1) and entry of the message with this UID.
    pub fn find(&self, uid: Uid) -> Option<(usize, Entry)> {
        let seq = self.lower_bound(uid);
        self.at(seq).filter(|entry| entry.uid == uid).map(|entry| (seq, entry))
    }

    /// The sequence number of the first message whose UID is not below `uid`; one past the last if there is none.
    pub fn lower_bound(&self, uid: Uid) -> usize {
        let chunk = self.chunks.partition_point(|chunk| chunk.last().is_none_or(|last| last.uid < uid));
        match (self.chunks.get(chunk), self.before.get(chunk)) {
            (Some(entries), Some(before)) => before + entries.partition_point(|entry| entry.uid < uid) + 1,
            _ => self.len + 1,
        }
    }

    /// All messages in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// All messages from this sequence number on, with their numbers.
    pub fn iter_from(&self, seq: usize) -> impl Iterator<Item = (usize, Entry)> {
        (seq.max(1)..=self.len).map_while(|seq| self.at(seq).map(|entry| (seq, entry)))
    }

    /// This listing with the given entries put in place of those with the same UIDs, or at the end where their
    /// UIDs are above all others, and the messages in `gone` taken out. Both lists ascend.
    #[must_use]
    pub fn with(&self, put: &[Entry], gone: &[Uid]) -> Listing {
        let mut chunks: Vec<Chunk> = Vec::with_capacity(self.chunks.len() + put.len() / CHUNK + 1);
        let (mut put, mut gone) = (put, gone);
        for (number, chunk) in self.chunks.iter().enumerate() {
            let last = chunk.last().map_or(Uid(0), |entry| entry.uid);
            let is_last = number + 1 == self.chunks.len();
            let cut = if is_last { put.len() } else { put.partition_point(|entry| entry.uid <= last) };
            let (here, later) = put.split_at(cut);
            let (dead, alive) = gone.split_at(gone.partition_point(|uid| *uid <= last));
            (put, gone) = (later, alive);
            if here.is_empty() && dead.is_empty() {
                chunks.push(Arc::clone(chunk));
            } else {
                chunks.extend(merge(chunk, here, dead).chunks(CHUNK).map(|part| Arc::new(part.to_vec())));
            }
        }
        chunks.extend(put.chunks(CHUNK).map(|part| Arc::new(part.to_vec())));
        let mut listing = self.clone();
        listing.set_chunks(chunks);
        listing
    }

    /// What `new` has otherwise than `self`, in order of UID.
    pub fn differences(&self, new: &Listing) -> Vec<Difference> {
        let mut out = Vec::new();
        let (mut old_at, mut new_at) = (Cursor::new(self), Cursor::new(new));
        loop {
            if old_at.skip_shared(&mut new_at) {
                continue;
            }
            match (old_at.peek(), new_at.peek()) {
                (None, None) => return out,
                (Some(old), Some(new)) if old.uid == new.uid => {
                    if old != new {
                        out.push(Difference::Changed(old_at.seq, new));
                    }
                    old_at.advance();
                    new_at.advance();
                }
                (Some(old), new) if new.is_none_or(|new| old.uid < new.uid) => {
                    out.push(Difference::Gone(old_at.seq, old.uid));
                    old_at.advance();
                }
                (_, Some(new)) => {
                    out.push(Difference::New(new));
                    new_at.advance();
                }
                (Some(_), None) => return out, // taken by the arm for messages that are gone
            }
        }
    }
}

/// A chunk's entries with those in `put` replaced or added and those in `gone` left out.
fn merge(chunk: &[Entry], put: &[Entry], gone: &[Uid]) -> Vec<Entry> {
    let mut put = put.iter().peekable();
    let mut out = Vec::with_capacity(chunk.len() + put.len());
    for entry in chunk {
        while let Some(new) = put.next_if(|new| new.uid < entry.uid) {
            out.push(*new);
        }
        let entry = put.next_if(|new| new.uid == entry.uid).unwrap_or(entry);
        out.push(*entry);
    }
    out.extend(put);
    out.retain(|entry| gone.binary_search(&entry.uid).is_err());
    out
}

/// A place in a listing, for walking two of them side by side.
struct Cursor<'a> {
    chunks: &'a [Chunk],
    index: usize,
    seq: usize,
}

impl<'a> Cursor<'a> {
    fn new(listing: &'a Listing) -> Cursor<'a> {
        Cursor { chunks: &listing.chunks, index: 0, seq: 1 }
    }

    fn peek(&self) -> Option<Entry> {
        self.chunks.first()?.get(self.index).copied()
    }

    fn advance(&mut self) {
        self.index += 1;
        self.seq += 1;
        if self.chunks.first().is_some_and(|chunk| self.index >= chunk.len()) {
            self.chunks = self.chunks.get(1..).unwrap_or_default();
            self.index = 0;
        }
    }

    /// Where both stand at the beginning of a chunk they share, passes it by.
    fn skip_shared(&mut self, other: &mut Cursor<'a>) -> bool {
        let (Some(mine), Some(theirs)) = (self.chunks.first(), other.chunks.first()) else { return false };
        if self.index != 0 || other.index != 0 || !Arc::ptr_eq(mine, theirs) {
            return false;
        }
        let len = mine.len();
        for cursor in [self, other] {
            cursor.seq += len;
            cursor.chunks = cursor.chunks.get(1..).unwrap_or_default();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(uid: u32, flags: u64) -> Entry {
        Entry {
            uid: Uid(uid),
            size: 1,
            flags: FlagSet::from_bits(flags),
            modseq: ModSeq(flags),
            date: DateTime::utc(0),
        }
    }

    fn listing(count: u32) -> Listing {
        let entries = (1..=count).map(|uid| entry(uid * 2, 0)).collect();
        Listing::new(entries, Arc::default(), UidValidity(1), Uid(count * 2 + 1), ModSeq(1))
    }

    #[test]
    fn finds_by_number_and_by_uid() {
        let list = listing(2000);
        assert_eq!(list.len(), 2000);
        for seq in [1, 512, 513, 1024, 1999, 2000] {
            let uid = Uid(u32::try_from(seq).unwrap() * 2);
            assert_eq!(list.at(seq).unwrap().uid, uid);
            assert_eq!(list.find(uid).unwrap().0, seq);
            assert_eq!(list.lower_bound(Uid(uid.0 - 1)), seq);
        }
        assert!(list.at(0).is_none() && list.at(2001).is_none());
        assert!(list.find(Uid(3)).is_none());
        assert_eq!(list.lower_bound(Uid(5000)), 2001);
    }

    #[test]
    fn changes_share_what_they_do_not_touch() {
        let old = listing(2000);
        let new = old.with(&[entry(1026, 4), entry(4001, 1)], &[Uid(2), Uid(4000)]);
        assert_eq!(new.len(), 1999);
        assert_eq!(new.chunks.iter().filter(|c| old.chunks.iter().any(|o| Arc::ptr_eq(c, o))).count(), 1);
        assert_eq!(
            old.differences(&new),
            [
                Difference::Gone(1, Uid(2)),
                Difference::Changed(513, entry(1026, 4)),
                Difference::Gone(2000, Uid(4000)),
                Difference::New(entry(4001, 1)),
            ]
        );
    }

    #[test]
    fn grows_from_nothing_and_shrinks_to_it() {
        let entries: Vec<Entry> = (1..=1500).map(|uid| entry(uid, 0)).collect();
        let full = Listing::empty(UidValidity(1)).with(&entries, &[]);
        assert_eq!(full.len(), 1500);
        let uids: Vec<Uid> = entries.iter().map(|entry| entry.uid).collect();
        let empty = full.with(&[], &uids);
        assert!(empty.is_empty());
        assert_eq!(full.differences(&empty).len(), 1500);
        assert_eq!(empty.differences(&full).len(), 1500);
    }
}
