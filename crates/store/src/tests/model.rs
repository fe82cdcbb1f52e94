//! Random changes, compared after each with a model that keeps everything in plain maps; closed and opened in between.
//!
//! The model is what a client may rely on: UIDs only grow, nothing is lost or doubled, flags and dates go along,
//! changes since a modseq lead from one listing to the next.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::Ordering;

/// A number that stands for one of what exists when its turn comes.
type Pick = u8;

#[derive(Clone, Debug)]
enum Change {
    Deliver { to: Vec<(Pick, Pick)>, size: u32, flagged: bool },
    Flags { place: (Pick, Pick), uids: Vec<Pick>, change: FlagChange, stale: bool },
    Copy { account: Pick, from: Pick, to: Pick, uids: Vec<Pick> },
    Move { account: Pick, from: Pick, to: Pick, uids: Vec<Pick> },
    Expunge { place: (Pick, Pick), uids: Option<Vec<Pick>> },
    Remove { place: (Pick, Pick), uids: Vec<Pick> },
    Create { account: Pick, name: String },
    Delete { place: (Pick, Pick) },
    Rename { place: (Pick, Pick), name: String },
    Restore { account: Pick, item: Pick, to: Pick },
    Claim { place: (Pick, Pick) },
    Purge,
    Forget { keep: u8 },
    Reclaim,
    Reopen,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let place = || (any::<Pick>(), any::<Pick>());
    let uids = || prop::collection::vec(any::<Pick>(), 1..6);
    let name = || "(INBOX|[ab](/[abc](/d)?)?)";
    let change = prop_oneof![
        8 => (prop::collection::vec(place(), 1..4), 0..6_000_u32, any::<bool>())
            .prop_map(|(to, size, flagged)| Change::Deliver { to, size, flagged }),
        6 => (place(), uids(), flag_change(), any::<bool>())
            .prop_map(|(place, uids, change, stale)| Change::Flags { place, uids, change, stale }),
        3 => (any::<(Pick, Pick, Pick)>(), uids())
            .prop_map(|((account, from, to), uids)| Change::Copy { account, from, to, uids }),
        3 => (any::<(Pick, Pick, Pick)>(), uids())
            .prop_map(|((account, from, to), uids)| Change::Move { account, from, to, uids }),
        3 => (place(), prop::option::of(uids())).prop_map(|(place, uids)| Change::Expunge { place, uids }),
        2 => (place(), uids()).prop_map(|(place, uids)| Change::Remove { place, uids }),
        3 => (any::<Pick>(), name()).prop_map(|(account, name)| Change::Create { account, name }),
        1 => place().prop_map(|place| Change::Delete { place }),
        2 => (place(), name()).prop_map(|(place, name)| Change::Rename { place, name }),
        2 => any::<(Pick, Pick, Pick)>().prop_map(|(account, item, to)| Change::Restore { account, item, to }),
        1 => place().prop_map(|place| Change::Claim { place }),
        1 => Just(Change::Purge),
        1 => (0..4_u8).prop_map(|keep| Change::Forget { keep }),
        1 => Just(Change::Reclaim),
        1 => Just(Change::Reopen),
    ];
    prop::collection::vec(change, 1..60)
}

fn flag_change() -> impl Strategy<Value = FlagChange> {
    let how = prop::sample::select(vec![FlagOperation::Add, FlagOperation::Remove, FlagOperation::Replace]);
    let named = prop::sample::subsequence(vec![Flag::Seen, Flag::Deleted], 0..=2);
    let keywords = prop::sample::subsequence(vec!["Key1", "Key2", "Key3"], 0..=2);
    (how, named, keywords).prop_map(|(how, named, keywords)| flags(how, &named, &keywords))
}

#[derive(Clone, Debug, PartialEq)]
struct Message {
    octets: Vec<u8>,
    system: BTreeSet<&'static str>,
    keywords: BTreeSet<String>,
    date: DateTime,
    modseq: ModSeq,
}

#[derive(Clone, Debug)]
struct ModelFolder {
    id: FolderId,
    selectable: bool,
    uid_next: u32,
    recent: u32,
    messages: BTreeMap<u32, Message>,
    /// What was last compared.
    before: Option<Listing>,
}

#[derive(Clone, Debug, Default)]
struct ModelAccount {
    folders: BTreeMap<String, ModelFolder>,
    ever: BTreeSet<FolderId>,
    recoverable: Vec<(String, Message)>,
}

struct Run {
    store: Store,
    accounts: Vec<(AccountId, ModelAccount)>,
    count: u32,
}

impl Run {
    async fn new(dir: &Path) -> Run {
        let store = open(dir);
        let mut accounts = Vec::new();
        for _ in 0..2 {
            let id = account(&store).await;
            let mut model = ModelAccount::default();
            for folder in store.folders(id).await.unwrap().iter() {
                model.add(&folder.name, folder.id);
            }
            accounts.push((id, model));
        }
        Run { store, accounts, count: 0 }
    }

    fn account(&mut self, pick: Pick) -> (AccountId, &mut ModelAccount) {
        let at = usize::from(pick) % self.accounts.len();
        let (id, model) = &mut self.accounts[at];
        (*id, model)
    }

    async fn change(&mut self, change: Change, dir: &Path) {
        match change {
            Change::Deliver { to, size, flagged } => self.deliver(&to, size, flagged).await,
            Change::Flags { place, uids, change, stale } => self.set_flags(place, &uids, change, stale).await,
            Change::Copy { account, from, to, uids } => {
                self.transfer(account, from, to, &uids, Kind::Copy).await
            }
            Change::Move { account, from, to, uids } => {
                self.transfer(account, from, to, &uids, Kind::Move).await
            }
            Change::Expunge { place, uids } => self.expunge(place, uids).await,
            Change::Remove { place, uids } => self.remove(place, &uids).await,
            Change::Create { account, name } => self.create(account, &name).await,
            Change::Delete { place } => self.delete(place).await,
            Change::Rename { place, name } => self.rename(place, &name).await,
            Change::Restore { account, item, to } => self.restore(account, item, to).await,
            Change::Claim { place } => self.claim(place).await,
            Change::Purge => self.purge().await,
            Change::Forget { keep } => drop(self.store.forget_removals(keep.into()).await.unwrap()),
            Change::Reclaim => while self.store.reclaim(3_000).await.unwrap() {},
            Change::Reopen => self.reopen(dir),
        }
    }

    async fn set_flags(&mut self, place: (Pick, Pick), uids: &[Pick], change: FlagChange, stale: bool) {
        let store = self.store.clone();
        let (account, model) = self.account(place.0);
        let (id, folder) = model.pick(place.1);
        let uids = folder.uids(uids);
        let since = folder.messages.values().map(|message| message.modseq.0).max().unwrap_or(0) / 2;
        let change = FlagChange { unchanged_since: stale.then_some(ModSeq(since)), ..change };
        let result = store.set_flags(account, id, uids.clone(), change.clone()).await;
        if !folder.selectable {
            assert!(matches!(result, Err(Error::NotFound)));
            return;
        }
        let mut modified = BTreeSet::new();
        for uid in uids.iter().collect::<BTreeSet<_>>() {
            let Some(message) = folder.messages.get_mut(&uid.0) else { continue };
            if stale && message.modseq.0 > since {
                modified.insert(*uid);
            } else {
                message.change(&change);
            }
        }
        assert_eq!(result.unwrap().modified, modified.into_iter().collect::<Vec<_>>());
    }

    async fn expunge(&mut self, place: (Pick, Pick), uids: Option<Vec<Pick>>) {
        let store = self.store.clone();
        let (account, model) = self.account(place.0);
        let (id, folder) = model.pick(place.1);
        let uids = uids.map(|uids| folder.uids(&uids));
        let result = store.expunge(account, id, uids.clone()).await;
        let named = |uid: &u32| uids.as_ref().is_none_or(|uids| uids.contains(&Uid(*uid)));
        let deleted = folder.messages.iter().filter(|(_, message)| message.system.contains("\\Deleted"));
        let gone: Vec<u32> = deleted.map(|(uid, _)| *uid).filter(named).collect();
        model.discard(id, &gone, result);
    }

    async fn remove(&mut self, place: (Pick, Pick), uids: &[Pick]) {
        let store = self.store.clone();
        let (account, model) = self.account(place.0);
        let (id, folder) = model.pick(place.1);
        let uids = folder.uids(uids);
        let gone: Vec<u32> = folder.existing(&uids).into_iter().collect();
        let result = store.remove(account, id, uids).await;
        model.discard(id, &gone, result);
    }

    async fn create(&mut self, account: Pick, name: &str) {
        let store = self.store.clone();
        let (account, model) = self.account(account);
        match store.create_folder(account, name, None).await {
            Ok(id) => {
                assert!(model.folders.get(name).is_none_or(|folder| !folder.selectable));
                model.adopt(&store.folders(account).await.unwrap());
                assert_eq!(model.folders[name].id, id);
            }
            Err(Error::Exists) => assert!(model.folders[name].selectable),
            Err(other) => panic!("{other:?}"),
        }
    }

    async fn delete(&mut self, place: (Pick, Pick)) {
        let store = self.store.clone();
        let (account, model) = self.account(place.0);
        let (id, folder) = model.pick(place.1);
        let selectable = folder.selectable;
        let name = model.name(id);
        let parent = model.folders.keys().any(|other| other.starts_with(&format!("{name}/")));
        let result = store.delete_folder(account, id).await;
        if name == "INBOX" || parent && !selectable {
            assert!(matches!(result, Err(Error::BadName(_))));
            return;
        }
        result.unwrap();
        let uids: Vec<u32> = model.folders[&name].messages.keys().copied().collect();
        if selectable {
            model.discard(id, &uids, Ok(uids.iter().map(|uid| Uid(*uid)).collect()));
        }
        if parent {
            model.folders.get_mut(&name).unwrap().selectable = false;
        } else {
            model.folders.remove(&name);
        }
    }

    async fn restore(&mut self, account: Pick, item: Pick, to: Pick) {
        let store = self.store.clone();
        let (account, model) = self.account(account);
        let items = store.recoverable(account).await.unwrap();
        let (id, folder) = model.pick(to);
        let selectable = folder.selectable;
        if items.is_empty() {
            return;
        }
        let at = usize::from(item) % items.len();
        let result = store.restore(account, items[at].id, id).await;
        if !selectable {
            assert!(matches!(result, Err(Error::NotFound)));
            return;
        }
        let at = model.recoverable.len() - 1 - at; // the store says the newest first
        let (_, mut message) = model.recoverable.remove(at);
        message.keywords.clear();
        message.system.remove("\\Deleted");
        let folder = model.by_id(id);
        assert_eq!(result.unwrap(), Uid(folder.uid_next));
        folder.add(message);
    }

    async fn claim(&mut self, place: (Pick, Pick)) {
        let store = self.store.clone();
        let (account, model) = self.account(place.0);
        let (id, folder) = model.pick(place.1);
        match store.claim_recent(account, id).await {
            Ok(uid) => {
                assert_eq!(uid, Uid(folder.recent));
                folder.recent = folder.uid_next;
            }
            Err(error) => assert!(matches!(error, Error::NotFound) && !folder.selectable),
        }
    }

    async fn purge(&mut self) {
        let kept: usize = self.accounts.iter().map(|(_, model)| model.recoverable.len()).sum();
        assert_eq!(self.store.purge_recoverable(i64::MAX).await.unwrap(), kept as u64);
        self.accounts.iter_mut().for_each(|(_, model)| model.recoverable.clear());
    }

    fn reopen(&mut self, dir: &Path) {
        self.store.close();
        no_damage(dir);
        self.store = open(dir);
    }

    async fn deliver(&mut self, to: &[(Pick, Pick)], size: u32, flagged: bool) {
        self.count += 1;
        let mut octets = message(&format!("message {}", self.count));
        octets.extend(std::iter::repeat_n(b'.', size as usize));
        let date = DateTime { seconds: i64::from(self.count), offset: 90 };
        let mut targets = Vec::new();
        let mut good = true;
        for (account, folder) in to {
            let (account, model) = self.account(*account);
            let (id, folder) = model.pick(*folder);
            good &= folder.selectable;
            let keywords = if flagged { vec![Keyword::new("Fresh").unwrap()] } else { vec![] };
            let flags = if flagged { FlagSet::NONE.with(Flag::Flagged) } else { FlagSet::NONE };
            targets.push(Target { account, folder: Some(id), flags, keywords, date });
        }
        let result = deliver(&self.store, &octets, targets.clone()).await;
        if !good {
            assert!(matches!(result, Err(Error::NotFound)));
            return;
        }
        for (target, (id, _, uid)) in targets.iter().zip(result.unwrap().placed) {
            let (_, model) = self.accounts.iter_mut().find(|(id, _)| *id == target.account).unwrap();
            let folder = model.by_id(id);
            assert_eq!(uid, Uid(folder.uid_next));
            folder.add(Message {
                octets: octets.clone(),
                system: flagged.then_some("\\Flagged").into_iter().collect(),
                keywords: flagged.then(|| "Fresh".to_owned()).into_iter().collect(),
                date,
                modseq: ModSeq(0),
            });
        }
    }

    async fn transfer(&mut self, account: Pick, from: Pick, to: Pick, uids: &[Pick], kind: Kind) {
        let store = self.store.clone();
        let (account, model) = self.account(account);
        let (to, target_selectable) = {
            let (id, folder) = model.pick(to);
            (id, folder.selectable)
        };
        let (from, folder) = model.pick(from);
        let uids = folder.uids(uids);
        let good = folder.selectable && target_selectable;
        let result = match kind {
            Kind::Copy => store.copy(account, from, uids.clone(), to, Absent::Skip).await,
            Kind::Move => store.move_messages(account, from, uids.clone(), to, Absent::Skip).await,
        };
        if !good {
            assert!(matches!(result, Err(Error::NotFound)));
            return;
        }
        let existing = folder.existing(&uids);
        let copied = result.unwrap().uids;
        assert_eq!(copied.iter().map(|(old, _)| old.0).collect::<BTreeSet<_>>(), existing);
        for (old, new) in copied {
            let message = match kind {
                Kind::Copy => model.by_id(from).messages[&old.0].clone(),
                Kind::Move => model.by_id(from).messages.remove(&old.0).unwrap(),
            };
            let folder = model.by_id(to);
            assert_eq!(new, Uid(folder.uid_next));
            folder.add(message);
        }
    }

    async fn rename(&mut self, place: (Pick, Pick), to: &str) {
        let store = self.store.clone();
        let (account, model) = self.account(place.0);
        let (id, _) = model.pick(place.1);
        let from = model.name(id);
        match store.rename_folder(account, id, to).await {
            Ok(()) => assert!(!model.folders.contains_key(to)),
            Err(Error::Exists) => {
                assert!(model.folders.contains_key(to));
                return;
            }
            Err(Error::BadName(_)) => {
                assert!(to.starts_with(&format!("{from}/")));
                return;
            }
            Err(other) => panic!("{other:?}"),
        }
        if from == "INBOX" {
            model.adopt(&store.folders(account).await.unwrap());
            let messages = std::mem::take(&mut model.by_id(id).messages);
            for message in messages.into_values() {
                model.folders.get_mut(to).unwrap().add(message);
            }
            return;
        }
        let below = format!("{from}/");
        let names: Vec<String> =
            model.folders.keys().filter(|name| **name == from || name.starts_with(&below)).cloned().collect();
        for name in names {
            let folder = model.folders.remove(&name).unwrap();
            model.folders.insert(format!("{to}{}", &name[from.len()..]), folder);
        }
        model.adopt(&store.folders(account).await.unwrap());
    }

    /// Compares everything cheap with the model.
    async fn compare(&mut self) {
        let store = self.store.clone();
        for (account, model) in &mut self.accounts {
            let folders = store.folders(*account).await.unwrap();
            let real: BTreeMap<&str, FolderId> = folders
                .iter()
                .filter(|folder| !folder.missing)
                .map(|folder| (folder.name.as_str(), folder.id))
                .collect();
            assert_eq!(real, model.folders.iter().map(|(name, folder)| (name.as_str(), folder.id)).collect());
            for folder in model.folders.values_mut().filter(|folder| folder.selectable) {
                folder.compare(&store, *account).await;
            }
            let items = store.recoverable(*account).await.unwrap();
            let sizes = items.iter().rev().map(|item| (item.folder.clone(), item.body.size as usize));
            let expected =
                model.recoverable.iter().map(|(folder, message)| (folder.clone(), message.octets.len()));
            assert_eq!(sizes.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }

    /// Compares the octets of every message.
    async fn compare_octets(&self) {
        for (account, model) in &self.accounts {
            for folder in model.folders.values().filter(|folder| folder.selectable) {
                let uids: Vec<Uid> = folder.messages.keys().map(|uid| Uid(*uid)).collect();
                let bodies = self.store.bodies(*account, folder.id, uids.clone()).await.unwrap().found;
                let headers = self.store.headers(*account, folder.id, uids).await.unwrap().found;
                assert_eq!(bodies.len(), folder.messages.len());
                for ((uid, body), (_, header)) in bodies.into_iter().zip(headers) {
                    let octets = self.store.read(&body, 0, u32::MAX).await.unwrap();
                    assert!(octets == folder.messages[&uid.0].octets, "octets of message {uid}");
                    let header = self.store.read(&header, 0, header.size).await.unwrap();
                    assert!(octets.starts_with(&header) && header.ends_with(b"\r\n\r\n"));
                }
            }
            for (item, (_, message)) in
                self.store.recoverable(*account).await.unwrap().iter().rev().zip(&model.recoverable)
            {
                assert!(self.store.read(&item.body, 0, u32::MAX).await.unwrap() == message.octets);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Copy,
    Move,
}

fn open(dir: &Path) -> Store {
    let store = Store::open(dir, Options { readers: 2, small: 1_000, ..Options::default() }).unwrap();
    store.core.segments.full_at.store(8_000, Ordering::Relaxed); // many small segments, so that some are reclaimed
    store
}

impl ModelAccount {
    fn add(&mut self, name: &str, id: FolderId) {
        assert!(self.ever.insert(id), "a folder's number is never used again");
        let folder = ModelFolder {
            id,
            selectable: true,
            uid_next: 1,
            recent: 1,
            messages: BTreeMap::new(),
            before: None,
        };
        self.folders.insert(name.to_owned(), folder);
    }

    /// Takes over folders that were made along the way; those known must still have their numbers.
    fn adopt(&mut self, folders: &[Folder]) {
        for folder in folders.iter().filter(|folder| !folder.missing) {
            if self.folders.get(&folder.name).is_none_or(|known| known.id != folder.id) {
                assert!(self.folders.get(&folder.name).is_none_or(|known| !known.selectable));
                self.add(&folder.name, folder.id);
            }
        }
    }

    fn pick(&mut self, pick: Pick) -> (FolderId, &mut ModelFolder) {
        let at = usize::from(pick) % self.folders.len();
        let folder = self.folders.values_mut().nth(at).unwrap();
        (folder.id, folder)
    }

    fn name(&self, id: FolderId) -> String {
        self.folders.iter().find(|(_, folder)| folder.id == id).unwrap().0.clone()
    }

    fn by_id(&mut self, id: FolderId) -> &mut ModelFolder {
        self.folders.values_mut().find(|folder| folder.id == id).unwrap()
    }

    fn discard(&mut self, id: FolderId, gone: &[u32], result: Result<Vec<Uid>, Error>) {
        let name = self.name(id);
        let folder = self.by_id(id);
        if !folder.selectable {
            assert!(matches!(result, Err(Error::NotFound)));
            return;
        }
        assert_eq!(result.unwrap().iter().map(|uid| uid.0).collect::<Vec<_>>(), gone);
        let messages: Vec<_> = gone.iter().map(|uid| folder.messages.remove(uid).unwrap()).collect();
        self.recoverable.extend(messages.into_iter().map(|message| (name.clone(), message)));
    }
}

impl ModelFolder {
    /// UIDs, some of which exist.
    fn uids(&self, picks: &[Pick]) -> Vec<Uid> {
        picks.iter().map(|pick| Uid(u32::from(*pick) % (self.uid_next + 1) + 1)).collect()
    }

    fn existing(&self, uids: &[Uid]) -> BTreeSet<u32> {
        uids.iter().map(|uid| uid.0).filter(|uid| self.messages.contains_key(uid)).collect()
    }

    fn add(&mut self, message: Message) {
        self.messages.insert(self.uid_next, message);
        self.uid_next += 1;
    }

    async fn compare(&mut self, store: &Store, account: AccountId) {
        let listing = store.listing(account, self.id).await.unwrap();
        assert_eq!(listing.uid_next, Uid(self.uid_next));
        assert_eq!(
            listing.iter().map(|entry| entry.uid.0).collect::<Vec<_>>(),
            self.messages.keys().copied().collect::<Vec<_>>()
        );
        for (entry, message) in listing.iter().zip(self.messages.values_mut()) {
            let system: BTreeSet<&str> = Flag::ALL
                .iter()
                .filter(|flag| entry.flags.contains(**flag))
                .map(|flag| flag.name())
                .collect();
            let keywords: BTreeSet<String> =
                listing.keywords.names(entry.flags).map(|keyword| keyword.as_str().to_owned()).collect();
            assert_eq!(
                (&system, &keywords),
                (&message.system, &message.keywords),
                "flags of message {}",
                entry.uid
            );
            assert_eq!((entry.date, entry.size as usize), (message.date, message.octets.len()));
            message.modseq = entry.modseq;
        }
        let status = store.status(account, self.id).await.unwrap();
        let count =
            |flag: &str| self.messages.values().filter(|message| message.system.contains(flag)).count();
        let recent = self.messages.range(self.recent..).count();
        assert_eq!(
            (
                status.messages as usize,
                status.unseen as usize,
                status.deleted as usize,
                status.recent as usize
            ),
            (self.messages.len(), self.messages.len() - count("\\Seen"), count("\\Deleted"), recent)
        );
        assert_eq!((status.uid_next, status.uid_validity), (listing.uid_next, listing.uid_validity));
        assert_eq!(status.highest_modseq, listing.highest_modseq);
        if let Some(before) = &self.before {
            let changes = store.changes(account, self.id, before.highest_modseq).await.unwrap();
            assert!(before.with(&changes.entries, &changes.gone).differences(&listing).is_empty());
        }
        self.before = Some(listing);
    }
}

impl Message {
    fn change(&mut self, change: &FlagChange) {
        if change.how == FlagOperation::Replace {
            self.system.clear();
            self.keywords.clear();
        }
        for flag in &change.flags {
            match change.how {
                FlagOperation::Remove => self.system.remove(flag.name()),
                _ => self.system.insert(flag.name()),
            };
        }
        for keyword in &change.keywords {
            match change.how {
                FlagOperation::Remove => self.keywords.remove(keyword.as_str()),
                _ => self.keywords.insert(keyword.as_str().to_owned()),
            };
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_does_what_the_model_does(changes in changes()) {
        let dir = tempfile::tempdir().unwrap();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let mut run = Run::new(dir.path()).await;
            for change in changes {
                run.change(change, dir.path()).await;
                run.compare().await;
            }
            run.compare_octets().await;
            run.change(Change::Reopen, dir.path()).await;
            run.compare().await;
            run.compare_octets().await;
        });
    }
}
