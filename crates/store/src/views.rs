//! What is kept in memory of the index: listings of open folders, folder lists, and who waits for changes.
//!
//! Listings are loaded once and then follow the writer's deltas, which are published only after their commit. A
//! listing that is being loaded gathers the deltas of that time. A delta carries the modseq of its commit; one that
//! the loaded listing already contains is known by it and left out.

use crate::{Error, Folder};
use mail::{AccountId, Entry, FolderId, KeywordTable, Listing, ModSeq, Uid};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

/// Messages in listings that are kept, over all folders; the ones not used for longest go first.
const KEPT_MESSAGES: usize = 1 << 20;
/// Folders whose listings are kept.
const KEPT_FOLDERS: usize = 4_096;
/// Accounts whose folder lists are kept.
const KEPT_ACCOUNTS: usize = 4_096;

type Key = (AccountId, FolderId);
type Waiter = oneshot::Sender<Result<Listing, Error>>;

/// What one commit changed in one folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delta {
    /// Messages that are new or changed.
    pub(crate) put: BTreeMap<Uid, Entry>,
    /// Messages that are gone.
    pub(crate) gone: BTreeSet<Uid>,
    /// UIDNEXT, where it grew.
    pub(crate) uid_next: Option<Uid>,
    /// Keywords, where some are new.
    pub(crate) keywords: Option<Arc<KeywordTable>>,
    /// The folder's modseq after it.
    pub(crate) modseq: ModSeq,
}

impl Delta {
    /// Adds what happened after it in the same commit.
    fn join(&mut self, later: Delta) {
        for (uid, entry) in later.put {
            self.put.insert(uid, entry);
        }
        for uid in later.gone {
            self.put.remove(&uid);
            self.gone.insert(uid);
        }
        self.uid_next = later.uid_next.or(self.uid_next);
        self.keywords = later.keywords.or(self.keywords.take());
        self.modseq = later.modseq;
    }

    fn apply(&self, listing: &Listing) -> Listing {
        if self.modseq <= listing.highest_modseq {
            return listing.clone();
        }
        let put: Vec<Entry> = self.put.values().copied().collect();
        let gone: Vec<Uid> = self.gone.iter().copied().collect();
        let mut listing =
            if put.is_empty() && gone.is_empty() { listing.clone() } else { listing.with(&put, &gone) };
        listing.uid_next = self.uid_next.unwrap_or(listing.uid_next);
        listing.keywords = self.keywords.clone().unwrap_or(listing.keywords);
        listing.highest_modseq = self.modseq;
        listing
    }
}

/// What a committed job did that others may have in memory.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// Messages of a folder changed.
    Changed(AccountId, FolderId, Delta),
    /// Folders were added, renamed or removed, or subscriptions changed.
    Folders(AccountId),
    /// A folder is gone.
    Gone(AccountId, FolderId),
}

enum Slot {
    /// Being loaded; these wait for it. `gone` once the folder was removed meanwhile.
    Loading {
        deltas: Vec<Delta>,
        waiters: Vec<Waiter>,
        gone: bool,
    },
    Ready {
        listing: Listing,
        used: u64,
    },
}

#[derive(Default)]
struct Inner {
    listings: HashMap<Key, Slot>,
    /// Messages in listings that are ready.
    messages: usize,
    clock: u64,
    folders: HashMap<AccountId, Arc<Vec<Folder>>>,
    /// Counts changes of folder lists, so that none is kept that was read before the last.
    folder_changes: u64,
    watches: HashMap<AccountId, watch::Sender<ModSeq>>,
}

/// All that is kept in memory, shared by all threads.
#[derive(Default)]
pub(crate) struct Views {
    inner: Mutex<Inner>,
}

/// Where a listing comes from.
pub(crate) enum Lookup {
    /// It is here.
    Ready(Listing),
    /// Someone loads it.
    Wait(oneshot::Receiver<Result<Listing, Error>>),
    /// The caller must load it and call [`Views::loaded`].
    Load(oneshot::Receiver<Result<Listing, Error>>),
}

impl Views {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for a folder's listing.
    pub(crate) fn listing(&self, account: AccountId, folder: FolderId) -> Lookup {
        let mut inner = self.lock();
        inner.clock += 1;
        let clock = inner.clock;
        let (sender, receiver) = oneshot::channel();
        match inner.listings.get_mut(&(account, folder)) {
            Some(Slot::Ready { listing, used }) => {
                *used = clock;
                Lookup::Ready(listing.clone())
            }
            Some(Slot::Loading { waiters, .. }) => {
                waiters.push(sender);
                Lookup::Wait(receiver)
            }
            None => {
                let slot = Slot::Loading { deltas: Vec::new(), waiters: vec![sender], gone: false };
                inner.listings.insert((account, folder), slot);
                Lookup::Load(receiver)
            }
        }
    }

    /// Ends what [`Lookup::Load`] began: `result` is the listing as it was at some moment since then.
    pub(crate) fn loaded(&self, account: AccountId, folder: FolderId, result: Result<Listing, Error>) {
        let mut inner = self.lock();
        let key = (account, folder);
        if !matches!(inner.listings.get(&key), Some(Slot::Loading { .. })) {
            return;
        }
        let Some(Slot::Loading { deltas, waiters, gone }) = inner.listings.remove(&key) else { return };
        let result = if gone { Err(Error::NotFound) } else { result };
        let result =
            result.map(|listing| deltas.iter().fold(listing, |listing, delta| delta.apply(&listing)));
        if let Ok(listing) = &result {
            inner.keep(key, listing.clone());
        }
        drop(inner);
        for waiter in waiters {
            let _ = waiter.send(result.clone()); // a caller that went away wants no answer
        }
    }

    /// The account's folders if they are in memory, else the number to give to [`Views::keep_folders`].
    pub(crate) fn folders(&self, account: AccountId) -> Result<Arc<Vec<Folder>>, u64> {
        let inner = self.lock();
        inner.folders.get(&account).cloned().ok_or(inner.folder_changes)
    }

    /// Keeps a folder list that was read after [`Views::folders`] gave `seen`.
    pub(crate) fn keep_folders(&self, account: AccountId, folders: &Arc<Vec<Folder>>, seen: u64) {
        let mut inner = self.lock();
        if inner.folder_changes != seen {
            return;
        }
        if inner.folders.len() >= KEPT_ACCOUNTS {
            inner.folders.clear();
        }
        inner.folders.insert(account, Arc::clone(folders));
    }

    /// A receiver that wakes when the account changes.
    pub(crate) fn watch(&self, account: AccountId) -> watch::Receiver<ModSeq> {
        let mut inner = self.lock();
        inner.watches.entry(account).or_insert_with(|| watch::Sender::new(ModSeq(0))).subscribe()
    }

    /// Tells all who should know what a commit changed.
    pub(crate) fn publish(&self, effects: Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        let mut inner = self.lock();
        let mut deltas: BTreeMap<Key, Delta> = BTreeMap::new();
        let mut accounts: BTreeMap<AccountId, ModSeq> = BTreeMap::new();
        for effect in effects {
            match effect {
                Effect::Changed(account, folder, delta) => {
                    let modseq = accounts.entry(account).or_default();
                    *modseq = delta.modseq.max(*modseq);
                    deltas.entry((account, folder)).or_default().join(delta);
                }
                Effect::Folders(account) => {
                    accounts.entry(account).or_default();
                    inner.folder_changes += 1;
                    inner.folders.remove(&account);
                }
                Effect::Gone(account, folder) => inner.forget((account, folder)),
            }
        }
        for (key, delta) in deltas {
            inner.change(key, delta);
        }
        for (account, modseq) in accounts {
            inner.notify(account, modseq);
        }
    }
}

impl Inner {
    fn keep(&mut self, key: Key, listing: Listing) {
        self.messages += listing.len();
        self.clock += 1;
        self.listings.insert(key, Slot::Ready { listing, used: self.clock });
        while (self.messages > KEPT_MESSAGES || self.listings.len() > KEPT_FOLDERS) && self.listings.len() > 1
        {
            let age = |slot: &Slot| match slot {
                Slot::Ready { used, .. } => Some(*used),
                Slot::Loading { .. } => None,
            };
            let ready = self.listings.iter().filter_map(|(key, slot)| age(slot).map(|used| (used, *key)));
            match ready.min() {
                Some((used, key)) if used < self.clock => self.drop_listing(key),
                _ => return,
            }
        }
    }

    fn drop_listing(&mut self, key: Key) {
        if let Some(Slot::Ready { listing, .. }) = self.listings.remove(&key) {
            self.messages -= listing.len();
        }
    }

    fn forget(&mut self, key: Key) {
        match self.listings.get_mut(&key) {
            Some(Slot::Loading { gone, .. }) => *gone = true,
            _ => self.drop_listing(key),
        }
    }

    fn change(&mut self, key: Key, delta: Delta) {
        match self.listings.get_mut(&key) {
            Some(Slot::Ready { listing, .. }) => {
                self.messages -= listing.len();
                *listing = delta.apply(listing);
                self.messages += listing.len();
            }
            Some(Slot::Loading { deltas, .. }) => deltas.push(delta),
            None => {}
        }
    }

    fn notify(&mut self, account: AccountId, modseq: ModSeq) {
        match self.watches.get(&account) {
            Some(sender) if sender.receiver_count() == 0 => {
                self.watches.remove(&account);
            }
            Some(sender) => {
                sender.send_modify(|seen| *seen = modseq.max(*seen));
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail::{DateTime, FlagSet, UidValidity};

    const KEY: Key = (AccountId(1), FolderId(1));

    fn entry(uid: u32, modseq: u64) -> Entry {
        Entry { uid: Uid(uid), size: 1, flags: FlagSet::NONE, modseq: ModSeq(modseq), date: DateTime::utc(0) }
    }

    fn listing(uids: &[u32], modseq: u64) -> Listing {
        let entries = uids.iter().map(|uid| entry(*uid, 1)).collect();
        Listing::new(entries, Arc::default(), UidValidity(1), Uid(10), ModSeq(modseq))
    }

    fn put(uid: u32, modseq: u64) -> Effect {
        let put = [(Uid(uid), entry(uid, modseq))].into();
        Effect::Changed(KEY.0, KEY.1, Delta { put, modseq: ModSeq(modseq), ..Delta::default() })
    }

    fn uids(lookup: Lookup) -> Vec<u32> {
        let listing = match lookup {
            Lookup::Ready(listing) => listing,
            Lookup::Wait(receiver) | Lookup::Load(receiver) => receiver.blocking_recv().unwrap().unwrap(),
        };
        listing.iter().map(|entry| entry.uid.0).collect()
    }

    #[test]
    fn a_listing_takes_each_commit_once_however_it_races_with_loading() {
        let views = Views::default();
        views.publish(vec![put(1, 2)]); // nobody has the folder open
        let first = views.listing(KEY.0, KEY.1);
        assert!(matches!(first, Lookup::Load(_)));
        let second = views.listing(KEY.0, KEY.1);
        assert!(matches!(second, Lookup::Wait(_)));
        views.publish(vec![put(2, 3)]); // contained in what is read
        views.publish(vec![put(3, 4)]); // not contained
        views.loaded(KEY.0, KEY.1, Ok(listing(&[1, 2], 3)));
        assert_eq!(uids(first), [1, 2, 3]);
        assert_eq!(uids(second), [1, 2, 3]);
        views.publish(vec![put(4, 5), put(5, 6)]);
        assert_eq!(uids(views.listing(KEY.0, KEY.1)), [1, 2, 3, 4, 5]);
        let Lookup::Ready(listing) = views.listing(KEY.0, KEY.1) else { panic!("it is loaded") };
        assert_eq!(listing.highest_modseq, ModSeq(6));
    }

    #[test]
    fn a_folder_removed_while_it_loads_is_not_found() {
        let views = Views::default();
        let Lookup::Load(receiver) = views.listing(KEY.0, KEY.1) else { panic!("nothing is loaded") };
        views.publish(vec![Effect::Gone(KEY.0, KEY.1)]);
        views.loaded(KEY.0, KEY.1, Ok(listing(&[1], 3)));
        assert!(matches!(receiver.blocking_recv().unwrap(), Err(Error::NotFound)));
        assert!(matches!(views.listing(KEY.0, KEY.1), Lookup::Load(_)));
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let views = Views::default();
        let load = |folder: u64, messages: usize| {
            let _ = views.listing(AccountId(1), FolderId(folder));
            let all: Vec<u32> = (1..=u32::try_from(messages).unwrap()).collect();
            views.loaded(AccountId(1), FolderId(folder), Ok(listing(&all, 1)));
        };
        let ready = |folder: u64| matches!(views.listing(AccountId(1), FolderId(folder)), Lookup::Ready(_));
        load(1, KEPT_MESSAGES / 2);
        load(2, 10);
        assert!(ready(1));
        load(3, KEPT_MESSAGES / 2);
        assert!(ready(1) && ready(3));
        assert!(!ready(2));
        assert!(views.lock().messages <= KEPT_MESSAGES);
    }

    #[test]
    fn watchers_wake_and_stale_folder_lists_are_not_kept() {
        let views = Views::default();
        let mut watch = views.watch(KEY.0);
        watch.borrow_and_update();
        let seen = views.folders(KEY.0).unwrap_err();
        views.publish(vec![Effect::Folders(KEY.0)]);
        assert!(watch.has_changed().unwrap());
        views.keep_folders(KEY.0, &Arc::default(), seen);
        let seen = views.folders(KEY.0).unwrap_err();
        views.keep_folders(KEY.0, &Arc::default(), seen);
        assert!(views.folders(KEY.0).is_ok());
        drop(watch);
        views.publish(vec![put(1, 2)]);
        assert!(views.lock().watches.is_empty());
    }
}
