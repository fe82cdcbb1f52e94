//! What the tests of the whole store share: an account, messages, and short ways to say things.

mod backup;
mod calls;
mod damage;
mod events;
mod format;
mod full;
mod group;
mod model;
mod repair;

use crate::*;
use mail::{DateTime, Entry, Flag, FlagSet, Keyword};

use crate::tx::INBOX;

/// Runs the test on a store in memory and on one with files, and checks the files afterwards.
async fn on_both<F: Future<Output = ()>>(test: impl Fn(Store) -> F) {
    test(Store::in_memory().unwrap()).await;
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    test(store.clone()).await;
    store.close();
    no_damage(dir.path());
}

/// Options of a store whose messages all lie in segments.
fn segmented() -> Options {
    Options { small: 0, ..Options::default() }
}

/// A new account.
async fn account(store: &Store) -> AccountId {
    let account = store.reserve_account().await.unwrap();
    store.save(ObjectChange { create_accounts: vec![account], ..ObjectChange::default() }).await.unwrap();
    account
}

fn target(account: AccountId) -> Target {
    Target {
        account,
        folder: None,
        flags: FlagSet::NONE,
        keywords: Vec::new(),
        date: DateTime { seconds: 1_000, offset: 60 },
    }
}

fn message(subject: &str) -> Vec<u8> {
    format!("From: a@example.test\r\nSubject: {subject}\r\n\r\nHello, {subject}.\r\n").into_bytes()
}

async fn staged(store: &Store, octets: &[u8]) -> Result<Staged, Error> {
    let mut staging = store.stage();
    for piece in octets.chunks(50_000) {
        staging.write(piece).await?;
    }
    staging.finish().await
}

async fn deliver(store: &Store, octets: &[u8], to: Vec<Target>) -> Result<Delivered, Error> {
    store.deliver(staged(store, octets).await?, to, None).await
}

/// Delivers to INBOX.
async fn send(store: &Store, account: AccountId, subject: &str) -> Uid {
    deliver(store, &message(subject), vec![target(account)]).await.unwrap().placed[0].2
}

async fn folder(store: &Store, account: AccountId, name: &str) -> FolderId {
    let folders = store.folders(account).await.unwrap();
    folders.iter().find(|folder| folder.name == name).unwrap_or_else(|| panic!("no folder {name}")).id
}

async fn names(store: &Store, account: AccountId) -> Vec<String> {
    store.folders(account).await.unwrap().iter().map(|folder| folder.name.clone()).collect()
}

async fn uids(store: &Store, account: AccountId, folder: FolderId) -> Vec<u32> {
    store.listing(account, folder).await.unwrap().iter().map(|entry| entry.uid.0).collect()
}

async fn entry(store: &Store, account: AccountId, folder: FolderId, uid: Uid) -> Entry {
    store.listing(account, folder).await.unwrap().find(uid).unwrap().1
}

/// All octets of a message, read in small parts.
async fn octets(store: &Store, account: AccountId, folder: FolderId, uid: Uid) -> Vec<u8> {
    let (_, body) = store.bodies(account, folder, vec![uid]).await.unwrap().found.remove(0);
    let mut octets = Vec::new();
    while octets.len() < body.size as usize {
        let part = store.read(&body, u32::try_from(octets.len()).unwrap(), 70_001).await.unwrap();
        assert!(!part.is_empty(), "the body is shorter than it says");
        octets.extend_from_slice(&part);
    }
    octets
}

fn flags(how: FlagOperation, flags: &[Flag], keywords: &[&str]) -> FlagChange {
    let keywords = keywords.iter().map(|name| Keyword::new(name).unwrap()).collect();
    FlagChange { how, flags: flags.to_vec(), keywords, unchanged_since: None }
}

fn no_damage(dir: &Path) -> Report {
    let report = check(dir, &mut |_, _| {}).unwrap();
    assert!(report.damage.is_empty(), "{:#?}", report.damage);
    report
}
