//! The maildrop of one session: a fixed numbering of INBOX, and which messages are marked as deleted (RFC 1939 §5).

use crate::Order;
use mail::{Entry, Listing, Uid};

/// Messages by number, as they were at login, and what was deleted since.
#[derive(Debug)]
pub(crate) struct Maildrop {
    listing: Listing,
    order: Order,
    /// One bit for each message by number; empty as long as nothing is deleted.
    deleted: Vec<u64>,
    count: usize,
    octets: u64,
}

impl Maildrop {
    pub(crate) fn new(listing: Listing, order: Order) -> Maildrop {
        let octets = listing.iter().map(|entry| u64::from(entry.size)).sum();
        Maildrop { count: listing.len(), octets, listing, order, deleted: Vec::new() }
    }

    /// Messages that are not deleted, and their octets: STAT.
    pub(crate) fn totals(&self) -> (usize, u64) {
        (self.count, self.octets)
    }

    /// The highest number there is.
    pub(crate) fn last_number(&self) -> usize {
        self.listing.len()
    }

    /// The message of that number, unless it is deleted.
    pub(crate) fn message(&self, number: usize) -> Option<Entry> {
        if self.is_deleted(number) { None } else { self.entry(number) }
    }

    fn entry(&self, number: usize) -> Option<Entry> {
        let seq = match self.order {
            Order::OldestFirst => number,
            Order::NewestFirst => self.listing.len().checked_sub(number)? + 1,
        };
        self.listing.at(seq).filter(|_| number > 0)
    }

    /// The name by which a client recognises the message in other sessions (RFC 1939 §7: at most 70 characters).
    pub(crate) fn unique_id(&self, uid: Uid) -> String {
        format!("{}.{}", self.listing.uid_validity, uid)
    }

    fn is_deleted(&self, number: usize) -> bool {
        self.deleted.get(number / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    /// Marks the message as deleted. `false` where there is none.
    pub(crate) fn delete(&mut self, number: usize) -> bool {
        let Some(entry) = self.message(number) else { return false };
        if self.deleted.is_empty() {
            self.deleted = vec![0; self.listing.len() / 64 + 1];
        }
        if let Some(word) = self.deleted.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
        self.count -= 1;
        self.octets -= u64::from(entry.size);
        true
    }

    /// Takes all marks away: RSET.
    pub(crate) fn reset(&mut self) {
        let (listing, order) = (self.listing.clone(), self.order);
        *self = Maildrop::new(listing, order);
    }

    /// What is marked, in ascending order of UID.
    pub(crate) fn deleted(&self) -> Vec<Uid> {
        if self.deleted.is_empty() {
            return Vec::new();
        }
        let numbers = 1..=self.listing.len();
        let mut uids: Vec<Uid> = numbers
            .filter(|number| self.is_deleted(*number))
            .filter_map(|number| self.entry(number))
            .map(|entry| entry.uid)
            .collect();
        uids.sort_unstable();
        uids
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail::{DateTime, FlagSet, ModSeq, UidValidity};
    use std::sync::Arc;

    fn maildrop(order: Order) -> Maildrop {
        let entry = |uid: u32| Entry {
            uid: Uid(uid),
            size: uid * 100,
            flags: FlagSet::NONE,
            modseq: ModSeq(1),
            date: DateTime::utc(0),
        };
        let entries = (1..=100).map(entry).collect();
        Maildrop::new(Listing::new(entries, Arc::default(), UidValidity(7), Uid(101), ModSeq(1)), order)
    }

    #[test]
    fn numbers_from_either_end() {
        let (old, new) = (maildrop(Order::OldestFirst), maildrop(Order::NewestFirst));
        for (number, oldest_first, newest_first) in [
            (0, None, None),
            (1, Some(1), Some(100)),
            (64, Some(64), Some(37)),
            (100, Some(100), Some(1)),
            (101, None, None),
        ] {
            assert_eq!(old.message(number).map(|entry| entry.uid.0), oldest_first, "{number}");
            assert_eq!(new.message(number).map(|entry| entry.uid.0), newest_first, "{number}");
        }
        assert!(old.message(usize::MAX).is_none() && new.message(usize::MAX).is_none());
    }

    #[test]
    fn deleted_messages_vanish_until_reset() {
        let mut maildrop = maildrop(Order::NewestFirst);
        assert_eq!(maildrop.totals(), (100, 505_000));
        assert!(maildrop.delete(1) && maildrop.delete(64) && maildrop.delete(100));
        assert!(!maildrop.delete(1) && !maildrop.delete(0) && !maildrop.delete(101));
        assert!(maildrop.message(64).is_none());
        assert_eq!(maildrop.totals(), (97, 505_000 - 10_000 - 3_700 - 100));
        assert_eq!(maildrop.deleted(), [Uid(1), Uid(37), Uid(100)]);
        maildrop.reset();
        assert_eq!(maildrop.totals(), (100, 505_000));
        assert!(maildrop.deleted().is_empty());
    }
}
