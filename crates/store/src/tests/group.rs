//! Concurrent changes share commits, and each is whole whatever becomes of its neighbours.

use super::*;
use std::collections::BTreeSet;

/// Runs `job` for each of these numbers at once and returns what they gave, in order.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    count: u32,
    job: impl Fn(u32) -> F,
) -> Vec<T> {
    let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(job(number))).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test(flavor = "multi_thread")]
async fn many_deliveries_share_few_commits() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let alice = account(&store).await;
    let before = store.commits();
    let uids = at_once(400, |number| {
        let store = store.clone();
        async move { send(&store, alice, &format!("message {number}")).await }
    });
    let uids: BTreeSet<Uid> = uids.await.into_iter().collect();
    assert_eq!(uids.len(), 400);
    let commits = store.commits() - before;
    assert!(commits <= 200, "{commits} commits for 400 deliveries");
    assert_eq!(store.status(alice, INBOX).await.unwrap().messages, 400);
    store.close();
    no_damage(dir.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_undoes_itself_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), segmented()).unwrap();
    let alice = account(&store).await;
    let results = at_once(100, |number| {
        let store = store.clone();
        async move {
            // Every third also goes to an account that does not exist, after it was filed in one that does.
            let mut to = vec![target(alice)];
            if number % 3 == 0 {
                to.push(target(AccountId(4_711)));
            }
            deliver(&store, &message(&format!("{number}")), to).await
        }
    });
    let results = results.await;
    let refused = results.iter().filter(|result| matches!(result, Err(Error::NotFound))).count();
    assert_eq!(refused, 34);
    let listing = store.listing(alice, INBOX).await.unwrap();
    assert_eq!(listing.len(), 66);
    for (number, result) in results.iter().enumerate() {
        let Ok(delivered) = result else { continue };
        let uid = delivered.placed[0].2;
        assert_eq!(octets(&store, alice, INBOX, uid).await, message(&format!("{number}")));
    }
    store.close();
    let report = no_damage(dir.path());
    assert!(report.unused_octets > 34 * 32, "the octets of refused messages are counted as unused");
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_are_whole_while_others_write() {
    let store = Store::in_memory().unwrap();
    let alice = account(&store).await;
    for subject in ["a", "b", "c", "d"] {
        send(&store, alice, subject).await;
    }
    let results = at_once(64, |number| {
        let store = store.clone();
        async move {
            match number % 4 {
                0 => drop(send(&store, alice, "more").await),
                1 => {
                    let change = flags(FlagOperation::Add, &[Flag::Seen], &[]);
                    store.set_flags(alice, INBOX, vec![Uid(number / 4)], change).await.unwrap();
                }
                2 => drop(store.remove(alice, INBOX, vec![Uid(number / 8)]).await.unwrap()),
                _ => {
                    // All listings since one moment lead to the same end.
                    let listing = store.listing(alice, INBOX).await.unwrap();
                    let changes = store.changes(alice, INBOX, listing.highest_modseq).await.unwrap();
                    let now = listing.with(&changes.entries, &changes.gone);
                    assert!(now.iter().all(|entry| entry.modseq.0 > 0));
                }
            }
        }
    });
    results.await;
    let cached = store.listing(alice, INBOX).await.unwrap();
    let read = store.core.read(move |db| reads::listing(db, alice, INBOX)).await.unwrap();
    assert!(cached.differences(&read).is_empty());
    assert_eq!((cached.uid_next, cached.highest_modseq), (read.uid_next, read.highest_modseq));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_a_job_ends_neither_thread() {
    let store = Store::in_memory().unwrap();
    let alice = account(&store).await;
    let bug = store.core.write::<()>(Vec::new(), move |tx, _| {
        tx.touch(alice)?;
        panic!("a bug, on purpose");
    });
    assert!(matches!(bug.await, Err(Error::Closed)));
    assert_eq!(send(&store, alice, "still here").await, Uid(1));
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options { readers: 1, ..Options::default() }).unwrap();
    let bug = store.core.read::<()>(|_| panic!("a bug, on purpose"));
    assert!(matches!(bug.await, Err(Error::Closed)));
    account(&store).await;
    assert!(store.objects().await.unwrap().is_empty());
}

#[tokio::test]
async fn octets_of_a_commit_that_failed_late_are_not_written_over() {
    let store = Store::in_memory().unwrap();
    let alice = account(&store).await;
    let large = [&message("large")[..], &[b'.'; 20_000]].concat();
    deliver(&store, &large, vec![target(alice)]).await.unwrap();
    // A commit that fails of itself, after all jobs have agreed: a promise that is checked at its end.
    let promise = "PRAGMA foreign_keys = ON;
        CREATE TABLE parent(id INTEGER PRIMARY KEY);
        CREATE TABLE child(id REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);";
    store.core.read(move |db| Ok(db.0.execute_batch(promise)?)).await.unwrap();
    let length = |store: &Store| store.core.segments.length(1).unwrap();
    let before = length(&store);
    let promised = vec![b'p'; 20_000];
    let checksum = xxhash_rust::xxh3::xxh3_64(&promised);
    let body =
        Incoming { octets: segments::Octets::Memory(promised.into()), length: 20_000, checksum, blob: None };
    let failed = store.core.write(vec![body], |tx, _| tx.db.run("INSERT INTO child VALUES (7)", []));
    assert!(matches!(failed.await, Err(Error::Io(_))));
    assert!(length(&store) > before);
    let after = [&large[..], b"after"].concat();
    let uid = deliver(&store, &after, vec![target(alice)]).await.unwrap().placed[0].2;
    assert_eq!(octets_of(&store, alice, uid).await, after);
    assert_eq!(octets_of(&store, alice, Uid(1)).await, large);
    let (end, dead) = store
        .core
        .read(|db| {
            let row = db.first("SELECT end, dead FROM segments", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            });
            Ok(row?.unwrap())
        })
        .await
        .unwrap();
    assert_eq!((sql::uint(end), sql::uint(dead)), (length(&store), segments::HEAD + 20_000));
}

async fn octets_of(store: &Store, account: AccountId, uid: Uid) -> Vec<u8> {
    octets(store, account, INBOX, uid).await
}

#[tokio::test]
async fn a_message_for_nobody_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let delivered = deliver(&store, b"for nobody", vec![]).await.unwrap();
    assert!(delivered.placed.is_empty() && delivered.queued.is_none());
    store.close();
    assert_eq!(no_damage(dir.path()).octets, 0);
}
