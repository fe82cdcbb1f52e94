//! Backups of stores that are open, being written to, or damaged, stopped anywhere, and made whole again from.

use super::format::{describe, fill};
use super::*;
use crate::backup::{Generation, Plan, Restored, backup, generations, restore, verify};
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

/// A data directory, a backup, and a place to restore to.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn to(&self) -> PathBuf {
        self.0.path().join("backup")
    }

    fn plan(&self, name: &str) -> Plan {
        let boot = self.0.path().join("boot");
        std::fs::write(&boot, "boot").unwrap();
        Plan {
            data: self.data(),
            files: vec![("tls/boot".into(), boot)],
            to: self.to(),
            name: name.into(),
            keep: 9,
        }
    }

    fn backup(&self, name: &str) -> Generation {
        backup(&self.plan(name), &mut |_, _| {}).unwrap()
    }

    fn restore(&self, name: &str, to: &str) -> Restored {
        let mut files = Vec::new();
        let restored = restore(&self.to(), name, &self.0.path().join(to), &mut |_, _| {}, &mut |restored| {
            files.clone_from(&restored.files);
            Ok(())
        });
        assert_eq!(std::fs::read_to_string(&files[0].1).unwrap(), "boot");
        restored.unwrap()
    }

    fn open(&self, name: &str) -> Store {
        Store::open(&self.0.path().join(name), Options::default()).unwrap()
    }
}

#[tokio::test]
async fn all_comes_back_and_a_second_run_copies_what_is_new() {
    let place = Place::new();
    let store = place.open("data");
    fill(&store).await;
    store.close(); // what is written lazily is there then
    let store = place.open("data");
    let before = describe(&store).await;
    let first = place.backup("1");
    assert!(first.added > 20_000 && first.damaged.is_empty(), "{first:?}");
    assert_eq!(place.backup("2").added, 0);
    send(&store, AccountId(1), "later").await;
    assert_eq!(place.backup("3").added, message("later").len() as u64);
    let after = describe(&store).await;
    store.close();
    assert_eq!(place.backup("4").added, 0);
    assert_eq!(verify(&place.to(), &mut |_, _| {}).unwrap(), Vec::<String>::new());
    for (name, expected) in [("1", &before), ("3", &after), ("4", &after)] {
        let restored = place.restore(name, name);
        assert!(restored.lost.is_empty());
        no_damage(&place.0.path().join(name));
        let store = place.open(name);
        assert_eq!(&describe(&store).await, expected, "{name}");
        // A number is never given out twice.
        let uid = send(&store, AccountId(1), "new").await;
        assert!(uid.0 > 1_000_000, "{uid}");
        store.close();
        no_damage(&place.0.path().join(name));
    }
    let mut pending = vec![place.to()];
    while let Some(path) = pending.pop() {
        let meta = path.metadata().unwrap();
        let expected = if meta.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(meta.permissions().mode() & 0o777, expected, "{}", path.display());
        if meta.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

/// What a run sees of the changes while it works is a state that there was: a message is there only with all before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_while_mail_comes_in_is_of_one_moment() {
    let place = Place::new();
    let store = Store::open(&place.data(), Options { small: 100, ..Options::default() }).unwrap();
    let alice = account(&store).await;
    let subject = |number: u32| format!("{number} {}", "x".repeat(number as usize % 150));
    for number in 1..=50 {
        send(&store, alice, &subject(number)).await;
    }
    let (writer, stop) = (store.clone(), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let writing = tokio::spawn(async move {
        let mut number = 50;
        while !stopped.load(Ordering::Relaxed) {
            number += 1;
            let uid = send(&writer, alice, &subject(number)).await;
            assert_eq!(uid.0, number);
            if number.is_multiple_of(7) {
                writer.remove(alice, INBOX, vec![Uid(number - 5)]).await.unwrap();
                writer.purge_recoverable(i64::MAX).await.unwrap();
            }
        }
    });
    for name in ["1", "2", "3", "4"] {
        let plan = place.plan(name);
        tokio::task::spawn_blocking(move || backup(&plan, &mut |_, _| {})).await.unwrap().unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    store.close();
    for name in ["1", "2", "3", "4"] {
        assert!(place.restore(name, name).lost.is_empty());
        no_damage(&place.0.path().join(name));
        let store = place.open(name);
        let uids = uids(&store, alice, INBOX).await;
        let last = *uids.last().unwrap();
        let gone = |uid: u32| uid > 45 && (uid + 5).is_multiple_of(7) && uid + 5 > 50 && uid + 5 <= last;
        let expected: Vec<u32> = (1..=last).filter(|uid| !gone(*uid)).collect();
        // The last removal may have been under way.
        let between = expected
            .iter()
            .copied()
            .chain((last.is_multiple_of(7)).then(|| last - 5))
            .collect::<std::collections::BTreeSet<_>>();
        assert!(uids == expected || uids.iter().copied().eq(between), "{name}: {uids:?}");
        for uid in uids {
            assert_eq!(octets(&store, alice, INBOX, Uid(uid)).await, message(&subject(uid)), "{name}");
        }
    }
}

/// Runs something that is stopped at its n-th sign of progress; whether it came to its end.
fn stopped_at<T>(stop: usize, work: impl FnOnce(&mut dyn FnMut(u64, u64)) -> T) -> Option<T> {
    let mut signs = 0;
    let progress = &mut |_, _| {
        signs += 1;
        assert!(signs != stop, "stopped");
    };
    catch_unwind(AssertUnwindSafe(|| work(progress))).ok()
}

#[tokio::test]
async fn what_was_stopped_anywhere_goes_on() {
    std::panic::set_hook(Box::new(|_| {})); // the stops are meant
    let place = Place::new();
    let store = place.open("data");
    fill(&store).await;
    store.close();
    let store = place.open("data");
    let expected = describe(&store).await;
    let mut stop = 1;
    let whole = loop {
        let run = stopped_at(stop, |progress| backup(&place.plan(&format!("{stop:03}")), progress).unwrap());
        stop += 1;
        if let Some(whole) = run {
            break whole;
        }
        assert!(generations(&place.to()).unwrap().is_empty());
    };
    assert!(stop > 5);
    assert_eq!(generations(&place.to()).unwrap(), std::slice::from_ref(&whole));
    let (mut stop, target) = (1, place.0.path().join("again"));
    loop {
        let run = |progress: &mut dyn FnMut(u64, u64)| {
            restore(&place.to(), &whole.name, &target, progress, &mut |_| Ok(())).unwrap()
        };
        if stopped_at(stop, run).is_some() {
            break;
        }
        let refused = Store::open(&target, Options::default()).map(drop).unwrap_err();
        assert!(refused.to_string().contains("not finished"), "{refused}");
        stop += 1;
    }
    let _ = std::panic::take_hook();
    assert!(stop > 3);
    no_damage(&target);
    assert_eq!(describe(&place.open("again")).await, expected);
}

#[tokio::test]
async fn old_generations_go_with_what_only_they_had() {
    let place = Place::new();
    let store = place.open("data");
    let alice = account(&store).await;
    let mut large = message("large");
    large.resize(200_000, b'.');
    deliver(&store, &large, vec![target(alice)]).await.unwrap();
    place.backup("1");
    store.remove(alice, INBOX, vec![Uid(1)]).await.unwrap();
    store.purge_recoverable(i64::MAX).await.unwrap();
    send(&store, alice, "kept").await;
    let generation = backup(&Plan { keep: 1, ..place.plan("2") }, &mut |_, _| {}).unwrap();
    assert_eq!(generations(&place.to()).unwrap(), [generation]);
    let catalog = rusqlite::Connection::open(place.to().join("catalog.db")).unwrap();
    let listed: i64 = catalog.query_row("SELECT count(*) FROM octets", [], |row| row.get(0)).unwrap();
    assert_eq!(listed, 1);
    drop(catalog);
    place.restore("2", "again");
    assert_eq!(octets(&place.open("again"), alice, INBOX, Uid(2)).await, message("kept"));
}

#[tokio::test]
async fn damaged_messages_are_named_and_all_others_are_backed_up() {
    let place = Place::new();
    let store = Store::open(&place.data(), segmented()).unwrap();
    let alice = account(&store).await;
    for subject in ["one", "two", "three"] {
        send(&store, alice, subject).await;
    }
    store.close();
    let segment = place.data().join("segments/00000001.seg");
    let file = std::fs::OpenOptions::new().write(true).open(segment).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"X", 32 + 32 + 10).unwrap();
    let generation = place.backup("1");
    assert_eq!(generation.damaged.len(), 1, "{generation:?}");
    let restored = place.restore("1", "again");
    assert_eq!(restored.lost, ["account 1, folder INBOX, message 1: it was taken out of its folder"]);
    no_damage(&place.0.path().join("again"));
    let store = place.open("again");
    assert_eq!(uids(&store, alice, INBOX).await, [2, 3]);
    assert_eq!(octets(&store, alice, INBOX, Uid(3)).await, message("three"));
}

#[tokio::test]
async fn a_damaged_backup_is_said_and_not_restored_as_whole() {
    let place = Place::new();
    let store = place.open("data");
    fill(&store).await;
    store.close();
    place.backup("1");
    let pack = place.to().join("packs/00000001.seg");
    let file = std::fs::OpenOptions::new().write(true).open(pack).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"X", 32 + 32 + 10).unwrap();
    let damage = verify(&place.to(), &mut |_, _| {}).unwrap();
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert_eq!(place.restore("1", "again").lost.len(), 1);
    no_damage(&place.0.path().join("again"));
    let index = place.to().join("generations/1/index.db");
    let file = std::fs::OpenOptions::new().write(true).open(index).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"X", 5_000).unwrap();
    assert!(verify(&place.to(), &mut |_, _| {}).unwrap().iter().any(|what| what.contains("index.db")));
    let refused = restore(&place.to(), "1", &place.0.path().join("third"), &mut |_, _| {}, &mut |_| Ok(()));
    assert!(matches!(refused, Err(Error::Damaged(_))), "{refused:?}");
}

#[tokio::test]
async fn other_directories_are_left_alone() {
    let place = Place::new();
    place.open("data").close();
    std::fs::create_dir(place.to()).unwrap();
    std::fs::write(place.to().join("letter"), "x").unwrap();
    let cases = [
        (place.to(), "no backup"),
        (place.data().join("backup"), "must not lie within"),
        (place.0.path().to_owned(), "must not lie within"),
    ];
    for (to, why) in cases {
        let refused = backup(&Plan { to, ..place.plan("1") }, &mut |_, _| {}).unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
    assert!(generations(&place.to()).unwrap_err().to_string().contains("no backup"));
    std::fs::remove_dir_all(place.to()).unwrap();
    place.backup("1");
    let refused = restore(&place.to(), "1", &place.data(), &mut |_, _| {}, &mut |_| Ok(())).unwrap_err();
    assert!(refused.to_string().contains("not empty"), "{refused}");
}

/// What a backup has yet to read is not removed while it does.
#[tokio::test]
async fn segments_stay_while_a_backup_reads() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), segmented()).unwrap();
    let alice = account(&store).await;
    store.core.segments.full_at.store(1, Ordering::Relaxed);
    for subject in ["a", "b", "c"] {
        send(&store, alice, subject).await;
    }
    store.remove(alice, INBOX, vec![Uid(1)]).await.unwrap();
    store.purge_recoverable(i64::MAX).await.unwrap();
    let first = dir.path().join("segments/00000001.seg");
    let source = Source::open(dir.path()).unwrap();
    assert!(!store.reclaim(u64::MAX).await.unwrap());
    assert!(first.exists());
    drop(source);
    assert!(!store.reclaim(u64::MAX).await.unwrap());
    assert!(!first.exists());
}
