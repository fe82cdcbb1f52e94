//! Repairs: after any damage the directory is whole, what can be read is there, and what cannot is named.

use super::format::copy;
use super::*;
use proptest::prelude::*;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

fn repaired(dir: &Path) -> Repaired {
    let repaired = repair(dir, "now", &mut |_, _| {}).unwrap();
    no_damage(dir);
    repaired
}

/// Messages of which half lie in a segment, in two folders.
async fn mixed(dir: &Path) -> AccountId {
    let store = Store::open(dir, Options { small: 100, ..Options::default() }).unwrap();
    let alice = account(&store).await;
    for number in 1..=40 {
        send(&store, alice, &subject(number)).await;
    }
    let work = store.create_folder(alice, "Work", None).await.unwrap();
    store.copy(alice, INBOX, (1..=10).map(Uid).collect(), work, Absent::Skip).await.unwrap();
    store
        .set_flags(alice, INBOX, vec![Uid(3)], flags(FlagOperation::Add, &[Flag::Seen], &["Later"]))
        .await
        .unwrap();
    store.remove(alice, INBOX, vec![Uid(5)]).await.unwrap();
    store.close();
    alice
}

fn subject(number: u32) -> String {
    format!("{number} {}", "x".repeat(if number.is_multiple_of(2) { 200 } else { 0 }))
}

#[tokio::test]
async fn what_does_not_agree_is_put_right() {
    for statement in [
        "UPDATE folders SET messages = 9 WHERE id = 1",
        "UPDATE folders SET uid_next = 2 WHERE id = 1",
        "UPDATE accounts SET modseq = 1",
        "UPDATE blobs SET refs = 2 WHERE id = 20",
        "DELETE FROM blobs WHERE id IN (20, 21)",
        "DELETE FROM summaries WHERE blob = 2",
        "UPDATE summaries SET summary = x'ff' WHERE blob = 2",
        "DELETE FROM folders WHERE id = 1",
        "DELETE FROM accounts",
        "UPDATE segments SET dead = 1",
        "UPDATE messages SET size = 1 WHERE uid = 1",
        "INSERT INTO objects VALUES ('Mailbox', 'alice', '{\"Name\":')",
        "INSERT INTO expunged SELECT account, folder, 99, 1, 2 FROM messages WHERE uid = 1",
        "UPDATE folders SET modseq = 1",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let alice = mixed(dir.path()).await;
        let connection = rusqlite::Connection::open(dir.path().join("index.db")).unwrap();
        assert!(connection.execute(statement, []).unwrap() > 0, "{statement}");
        connection.close().unwrap();
        assert!(!check(dir.path(), &mut |_, _| {}).unwrap().damage.is_empty(), "{statement}");
        let repaired = repaired(dir.path());
        assert!(repaired.before.join("index.db").exists(), "{statement}");
        assert!(repaired.mended.len() + repaired.lost.len() > 0, "{statement}");
        let store = Store::open(dir.path(), Options::default()).unwrap();
        for number in (1..=40).filter(|number| *number != 5) {
            assert_eq!(
                octets(&store, alice, INBOX, Uid(number)).await,
                message(&subject(number)),
                "{statement}"
            );
        }
    }
}

#[tokio::test]
async fn a_damaged_message_goes_into_the_quarantine_and_its_number_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let alice = mixed(dir.path()).await;
    let segment =
        std::fs::OpenOptions::new().write(true).open(dir.path().join("segments/00000001.seg")).unwrap();
    segment.write_all_at(b"X", 32 + 32 + 10).unwrap();
    let Repaired { lost, quarantine, .. } = repaired(dir.path());
    assert!(lost[0].starts_with("account 1, folder INBOX, message 2: "), "{lost:?}");
    let kept: Vec<PathBuf> =
        std::fs::read_dir(quarantine).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(
        kept.iter().any(|path| std::fs::read(path).unwrap().len() == message(&subject(2)).len()),
        "{kept:?}"
    );
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let there = uids(&store, alice, INBOX).await;
    assert_eq!(there, (1..=40).filter(|uid| ![2, 5].contains(uid)).collect::<Vec<_>>());
    let gone = store.changes(alice, INBOX, ModSeq(0)).await.unwrap().gone;
    assert!(gone.contains(&Uid(2)) && gone.contains(&Uid(5)), "{gone:?}");
}

#[tokio::test]
async fn a_missing_segment_and_a_strange_header() {
    let dir = tempfile::tempdir().unwrap();
    let alice = mixed(dir.path()).await;
    let path = dir.path().join("segments/00000001.seg");
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().write_all_at(b"strange", 0).unwrap();
    assert!(repaired(dir.path()).lost.is_empty());
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_dir_all(dir.path().join("before-repair-now")).unwrap();
    repaired(dir.path());
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let there = uids(&store, alice, INBOX).await;
    assert_eq!(there, (1..=40).filter(|uid| uid % 2 == 1 && *uid != 5).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Octets changed at random places of any file: what is served afterwards is what was received, and at most what
    /// was hit is lost.
    #[test]
    fn damage_anywhere(hits in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), 1_usize..300), 1..4)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let whole = tempfile::tempdir().unwrap();
        let alice = runtime.block_on(mixed(whole.path()));
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        for (in_index, at, length) in hits {
            let name = if in_index { "index.db" } else { "segments/00000001.seg" };
            let file = std::fs::OpenOptions::new().read(true).write(true).open(dir.path().join(name)).unwrap();
            let size = file.metadata().unwrap().len() as usize;
            // The first page says what the file is at all; without it there is nothing to salvage.
            let from = if in_index { 8_192 } else { 0 };
            let at = from + at.index(size - from);
            let octets = vec![0xa5; length.min(size - at)];
            file.write_all_at(&octets, at as u64).unwrap();
        }
        let repaired = repair(dir.path(), "now", &mut |_, _| {}).unwrap();
        let left = check(dir.path(), &mut |_, _| {}).unwrap().damage;
        prop_assert!(left.is_empty(), "{left:#?} after {repaired:#?}");
        runtime.block_on(async {
            let store = Store::open(dir.path(), Options::default()).unwrap();
            let Ok(folders) = store.folders(alice).await else { return };
            for folder in folders.iter().filter(|folder| folder.selectable) {
                let listing = store.listing(alice, folder.id).await.unwrap();
                for uid in listing.iter().map(|entry| entry.uid) {
                    assert_eq!(octets(&store, alice, folder.id, uid).await, message(&subject(uid.0)));
                }
            }
            store.close();
        });
    }
}
