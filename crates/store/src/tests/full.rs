//! A full disk: refused with a word, nothing changed, and well again when there is space.

use super::*;
use std::sync::atomic::Ordering;

/// What a full disk must not change.
async fn state(store: &Store, account: AccountId) -> (Vec<u32>, Status) {
    (uids(store, account, INBOX).await, store.status(account, INBOX).await.unwrap())
}

#[tokio::test]
async fn full_segments_refuse_messages_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), segmented()).unwrap();
    let alice = account(&store).await;
    send(&store, alice, "fits").await;
    let before = state(&store, alice).await;
    store.core.segments.space.store(1_000, Ordering::Relaxed);
    let large = vec![b'x'; 2_000];
    assert!(matches!(deliver(&store, &large, vec![target(alice)]).await, Err(Error::Full)));
    assert_eq!(state(&store, alice).await, before);
    // What needs no octets goes on.
    store.set_flags(alice, INBOX, vec![Uid(1)], flags(FlagOperation::Add, &[Flag::Seen], &[])).await.unwrap();
    store.core.segments.space.store(u64::MAX, Ordering::Relaxed);
    deliver(&store, &large, vec![target(alice)]).await.unwrap();
    assert_eq!(octets(&store, alice, INBOX, Uid(2)).await, large);
    store.close();
    no_damage(dir.path());
}

/// Lets the index grow by so many pages and no more.
async fn limit_index(store: &Store, pages: u32) -> u32 {
    let limit = store.core.write(Vec::new(), move |tx, _| {
        let used = tx.db.first("PRAGMA page_count", [], |row| row.get::<_, u32>(0))?.unwrap();
        let sql = format!("PRAGMA max_page_count = {}", used.saturating_add(pages));
        tx.db.first(&sql, [], |row| row.get::<_, u32>(0))
    });
    limit.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_index_undoes_the_commit_with_its_octets() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let alice = account(&store).await;
    send(&store, alice, "first").await;
    limit_index(&store, 0).await;
    let mut taken = 1;
    let refused = loop {
        match deliver(&store, &message(&"long subject ".repeat(50)), vec![target(alice)]).await {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 1_000, "the limit has no effect");
    };
    assert!(matches!(refused, Error::Full));
    assert_eq!(uids(&store, alice, INBOX).await.len(), taken);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { deliver(&store, &vec![b'y'; 30_000], vec![target(alice); 50]).await })
        })
        .collect();
    // How they share commits is chance, and one alone may still find room; but each is there as a whole or not at all.
    let mut refused = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => taken += 50,
            Err(error) => {
                assert!(matches!(error, Error::Full));
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    assert_eq!(uids(&store, alice, INBOX).await.len(), taken);
    limit_index(&store, 1 << 20).await;
    let uid = send(&store, alice, "after").await;
    assert_eq!(octets(&store, alice, INBOX, uid).await, message("after"));
    store.close();
    no_damage(dir.path());
}

/// A file system of its own with little space; needs the right to mount.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Option<SmallDisk> {
        let dir = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=12m", "none"])
            .arg(dir.path())
            .stderr(std::process::Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then(|| SmallDisk(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg(self.0.path()).status().unwrap();
    }
}

/// What users and administrators do on a full disk, from what was reserved for it.
async fn small_changes(store: &Store, account: AccountId) -> usize {
    let uid = uids(store, account, INBOX).await[0];
    for flag in [Flag::Seen, Flag::Flagged, Flag::Deleted] {
        store
            .set_flags(account, INBOX, vec![Uid(uid)], flags(FlagOperation::Add, &[flag], &[]))
            .await
            .unwrap();
    }
    store.save(ObjectChange::default()).await.unwrap();
    assert!(matches!(deliver(store, b"small", vec![target(account)]).await, Err(Error::Full)));
    store.claim_recent(account, INBOX).await.unwrap();
    store.expunge(account, INBOX, None).await.unwrap().len()
}

#[tokio::test]
async fn a_really_full_disk_heals_without_a_restart() {
    let Some(disk) = SmallDisk::new() else {
        println!("skipped: mounting a small file system needs root");
        return;
    };
    let dir = disk.0.path().join("data");
    let store = Store::open(&dir, Options::default()).unwrap();
    let alice = account(&store).await;
    let mut taken = 0;
    for round in 0..3 {
        let ballast = disk.0.path().join("ballast");
        // The index does not shrink, so that in a later round there may be no room for all of it.
        let _ = std::fs::write(&ballast, vec![1; 4 << 20]);
        for size in [300_000, 20_000, 10_000, 10] {
            let refused = loop {
                match deliver(&store, &vec![b'z'; size], vec![target(alice)]).await {
                    Ok(_) => taken += 1,
                    Err(error) => break error,
                }
                assert!(taken < 100_000, "the disk has no end");
            };
            assert!(matches!(refused, Error::Full), "{refused:?}");
            assert_eq!(uids(&store, alice, INBOX).await.len(), taken);
        }
        taken -= small_changes(&store, alice).await;
        std::fs::remove_file(&ballast).unwrap();
        deliver(&store, b"after", vec![target(alice)])
            .await
            .unwrap_or_else(|error| panic!("round {round}: {error}"));
        taken += 1;
        // Removing needs space too, and there is some now.
        let all: Vec<Uid> = uids(&store, alice, INBOX).await.into_iter().map(Uid).collect();
        let removed = store.remove(alice, INBOX, all).await.unwrap();
        taken -= removed.len();
        store.purge_recoverable(i64::MAX).await.unwrap();
        // Space comes back when segments are emptied; the newest one is not touched, so it must not be the only one.
        store.core.segments.full_at.store(0, Ordering::Relaxed);
        deliver(&store, &vec![b'n'; 20_000], vec![target(alice)]).await.unwrap();
        taken += 1;
        store.core.segments.full_at.store(u64::MAX, Ordering::Relaxed);
        while store.reclaim(1 << 20).await.unwrap() {}
    }
    store.close();
    no_damage(&dir);
}
