//! The on-disk format: modes of files, the mark, and data directories of every format ever released.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Everything that can be asked of a small store, as text, to be compared with what was written beside it.
pub(super) async fn describe(store: &Store) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for object in store.objects().await.unwrap() {
        writeln!(out, "object {} {} {}", object.kind, object.key, object.json).unwrap();
    }
    for entry in store.audit(10).await.unwrap() {
        writeln!(out, "audit {} {} {} {}", entry.time, entry.caller, entry.cmdlet, entry.object).unwrap();
    }
    for logon in store.logons(AccountId(1)).await.unwrap() {
        writeln!(out, "logon {logon:?}").unwrap();
    }
    for queued in store.queue().await.unwrap() {
        writeln!(out, "queued {} {:?} {} octets", queued.id, queued.envelope.recipients, queued.body.size)
            .unwrap();
    }
    let account = AccountId(1);
    for folder in store.folders(account).await.unwrap().iter() {
        let Folder { name, role, selectable, subscribed, missing, .. } = folder;
        writeln!(out, "folder {name} {role:?} {selectable} {subscribed} {missing}").unwrap();
        if !selectable {
            continue;
        }
        let listing = store.listing(account, folder.id).await.unwrap();
        for entry in listing.iter() {
            let keywords: Vec<&str> =
                listing.keywords.names(entry.flags).map(|keyword| keyword.as_str()).collect();
            let flags: Vec<_> = Flag::ALL.iter().filter(|flag| entry.flags.contains(**flag)).collect();
            let body = octets(store, account, folder.id, entry.uid).await;
            let (_, summary) =
                store.summaries(account, folder.id, vec![entry.uid]).await.unwrap().found.remove(0);
            let subject =
                String::from_utf8_lossy(summary.envelope.subject.as_deref().unwrap_or_default()).into_owned();
            writeln!(
                out,
                "  message {} {flags:?} {keywords:?} {}{:+} {subject:?} {} octets {:016x}",
                entry.uid,
                entry.date.seconds,
                entry.date.offset,
                body.len(),
                xxhash_rust::xxh3::xxh3_64(&body)
            )
            .unwrap();
        }
    }
    for item in store.recoverable(account).await.unwrap() {
        writeln!(out, "recoverable {} {}", item.folder, item.body.size).unwrap();
    }
    out
}

/// Puts something of everything into a new store.
pub(super) async fn fill(store: &Store) {
    let account = account(store).await;
    let object = Object { kind: "Mailbox".into(), key: "alice".into(), json: "{\"Name\":\"alice\"}".into() };
    let audit = AuditEntry {
        time: 1_700_000_000,
        caller: "local administrator".into(),
        cmdlet: "New-Mailbox".into(),
        object: "alice".into(),
        details: "{}".into(),
    };
    store
        .save(ObjectChange { put: vec![object], audit: vec![audit], ..ObjectChange::default() })
        .await
        .unwrap();
    let logon = Logon {
        protocol: "IMAP4".into(),
        time: 1_700_000_000,
        mechanism: "PLAIN".into(),
        tls: "TLS 1.3".into(),
        address: "192.0.2.1".into(),
        client: "Thunderbird 140.0".into(),
    };
    store.note_logon(account, logon);
    for subject in ["first", "second", "third", "fourth"] {
        send(store, account, subject).await;
    }
    let mut large = message("large");
    large.resize(20_000, b'.');
    deliver(store, &large, vec![target(account)]).await.unwrap();
    let work = store.create_folder(account, "Work/2024", None).await.unwrap();
    store.copy(account, INBOX, vec![Uid(2)], work, Absent::Skip).await.unwrap();
    let change = flags(FlagOperation::Add, &[Flag::Seen, Flag::Flagged], &["$Forwarded", "Later"]);
    store.set_flags(account, INBOX, vec![Uid(2), Uid(3)], change).await.unwrap();
    store.remove(account, INBOX, vec![Uid(1)]).await.unwrap();
    store.subscribe(account, "Work/2024", Subscription::Subscribed).await.unwrap();
    store.subscribe(account, "Elsewhere", Subscription::Subscribed).await.unwrap();
    let parent = folder(store, account, "Work").await;
    store.delete_folder(account, parent).await.unwrap();
    let recipients = vec![("x@example.net".to_owned(), String::new())];
    let envelope =
        Envelope { sender: Some("alice@example.test".into()), recipients, smtputf8: false, accepted: 7 };
    store.deliver(staged(store, &message("out")).await.unwrap(), vec![], Some(envelope)).await.unwrap();
}

/// A new format needs a new fixture: `GATEPOST_WRITE_FIXTURE=1 cargo test -p store format` writes it.
#[tokio::test]
async fn every_released_format_is_opened_and_read() {
    if std::env::var_os("GATEPOST_WRITE_FIXTURE").is_some() {
        let dir = fixtures().join(format!("data-v{}", schema::FORMAT));
        let store = Store::open(&dir, Options::default()).unwrap();
        fill(&store).await;
        std::fs::write(dir.with_extension("txt"), describe(&store).await).unwrap();
        store.close();
        for made_anew in ["lock", "reserve"] {
            std::fs::remove_file(dir.join(made_anew)).unwrap();
        }
    }
    for format in 1..=schema::FORMAT {
        let fixture = fixtures().join(format!("data-v{format}"));
        let dir = tempfile::tempdir().unwrap();
        copy(&fixture, dir.path());
        no_damage(dir.path());
        let store = Store::open(dir.path(), Options::default()).unwrap();
        assert_eq!(describe(&store).await, std::fs::read_to_string(fixture.with_extension("txt")).unwrap());
        let all = EventQuery { before: u64::MAX, from: 0, until: i64::MAX, limit: 10 };
        let upgrades = store.events(all).await.unwrap();
        let upgrades = upgrades.iter().filter(|event| event.id == journal::event::UPGRADED.id).count();
        assert_eq!(upgrades, usize::from(format < schema::FORMAT));
        let uid = send(&store, AccountId(1), "written today").await;
        assert_eq!(octets(&store, AccountId(1), INBOX, uid).await, message("written today"));
        store.close();
        no_damage(dir.path());
        assert_eq!(files::format(dir.path()).unwrap(), Some(schema::FORMAT));
    }
}

#[tokio::test]
async fn newer_data_is_refused_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path(), Options::default()).unwrap());
    let mark = dir.path().join("FORMAT");
    for (text, newer) in [("gatepost data format 99\n", true), ("something else\n", false)] {
        std::fs::write(&mark, text).unwrap();
        let refused = Store::open(dir.path(), Options::default()).map(drop).unwrap_err();
        match refused {
            Error::TooNew { found: 99, known } => assert!(newer && known == schema::FORMAT),
            Error::Damaged(_) => assert!(!newer),
            other => panic!("{other:?}"),
        }
        match check(dir.path(), &mut |_, _| {}) {
            Ok(report) => assert!(!newer && report.damage[0].contains("FORMAT"), "{:?}", report.damage),
            Err(error) => assert!(newer, "{error}"),
        }
        assert_eq!(std::fs::read_to_string(&mark).unwrap(), text);
    }
}

/// What must not become an empty store.
#[tokio::test]
async fn a_lost_index_is_said_and_nothing_is_made_anew() {
    for (lost, after_a_crash) in
        [("index.db", false), ("index.db", true), ("index.db-wal", true), ("FORMAT and index.db", true)]
    {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), segmented()).unwrap();
        let alice = account(&store).await;
        send(&store, alice, "kept").await;
        let image = tempfile::tempdir().unwrap();
        if after_a_crash {
            copy(dir.path(), image.path());
        }
        store.close();
        if !after_a_crash {
            copy(dir.path(), image.path());
        }
        for name in lost.split(" and ") {
            std::fs::remove_file(image.path().join(name)).unwrap();
        }
        let segment = std::fs::read(image.path().join("segments/00000001.seg")).unwrap();
        let names = || {
            let names = std::fs::read_dir(image.path()).unwrap().map(|entry| entry.unwrap().file_name());
            names.collect::<std::collections::BTreeSet<_>>()
        };
        let before = names();
        let refused = Store::open(image.path(), Options::default()).map(drop).unwrap_err();
        assert!(matches!(&refused, Error::Damaged(why) if why.contains("is missing")), "{lost}: {refused:?}");
        assert_eq!(names(), before, "{lost}");
        assert_eq!(check(image.path(), &mut |_, _| {}).unwrap().damage.len(), 1, "{lost}");
        assert!(std::fs::read(image.path().join("segments/00000001.seg")).unwrap() == segment);
    }
}

/// An index of an older moment: what came later is not written over.
#[tokio::test]
async fn segments_that_the_index_does_not_know_are_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), segmented()).unwrap();
    let alice = account(&store).await;
    store.close();
    let older = std::fs::read(dir.path().join("index.db")).unwrap();
    let store = Store::open(dir.path(), segmented()).unwrap();
    send(&store, alice, "only here").await;
    store.close();
    std::fs::write(dir.path().join("index.db"), older).unwrap();
    let kept = std::fs::read(dir.path().join("segments/00000001.seg")).unwrap();
    let store = Store::open(dir.path(), segmented()).unwrap();
    let uid = send(&store, alice, "new").await;
    assert_eq!(octets(&store, alice, INBOX, uid).await, message("new"));
    assert!(std::fs::read(dir.path().join("segments/00000001.seg")).unwrap() == kept);
    store.close();
    no_damage(dir.path());
}

#[tokio::test]
async fn files_are_their_owners_only() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    let store = Store::open(&dir, Options::default()).unwrap();
    let alice = account(&store).await;
    send(&store, alice, "a").await;
    let mut pending = vec![dir];
    while let Some(path) = pending.pop() {
        let meta = path.metadata().unwrap();
        let expected = if meta.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(meta.permissions().mode() & 0o777, expected, "{}", path.display());
        if meta.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

#[tokio::test]
async fn what_a_crash_leaves_behind_is_removed() {
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
    let kept = std::fs::read(&first).unwrap();
    while store.reclaim(1).await.unwrap() {}
    assert!(!first.exists());
    store.close();
    // As if the file had not been removed yet, a message had been coming in, and a new segment just begun.
    std::fs::write(&first, kept).unwrap();
    std::fs::write(dir.path().join("tmp/5.part"), b"x").unwrap();
    std::fs::write(dir.path().join("segments/00000004.seg"), b"x").unwrap();
    let store = Store::open(dir.path(), segmented()).unwrap();
    assert!(!first.exists() && !dir.path().join("tmp/5.part").exists());
    store.core.segments.full_at.store(1, Ordering::Relaxed);
    let uid = send(&store, alice, "d").await;
    assert_eq!(octets(&store, alice, INBOX, uid).await, message("d"));
    assert_eq!(octets(&store, alice, INBOX, Uid(2)).await, message("b"));
    store.close();
    no_damage(dir.path());
}

/// One step back after an upgrade: the index is as the older program left it, and all octets it knows are there.
#[tokio::test]
async fn the_previous_format_can_be_gone_back_to() {
    let fixture = fixtures().join(format!("data-v{}", schema::FORMAT - 1));
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture, dir.path());
    assert!(step_back(dir.path()).unwrap_err().to_string().contains("no index of an earlier format"));
    let before = std::fs::read(dir.path().join("index.db")).unwrap();
    let store = Store::open(dir.path(), segmented()).unwrap();
    store.core.segments.full_at.store(1, Ordering::Relaxed);
    let uid = send(&store, AccountId(1), "since").await;
    for uid in uids(&store, AccountId(1), INBOX).await {
        store.remove(AccountId(1), INBOX, vec![Uid(uid)]).await.unwrap();
    }
    send(&store, AccountId(1), "after").await;
    store.purge_recoverable(i64::MAX).await.unwrap();
    // What the older index needs is not removed.
    while store.reclaim(u64::MAX).await.unwrap() {}
    store.close();
    let (format, newer) = step_back(dir.path()).unwrap();
    assert_eq!(format, schema::FORMAT - 1);
    assert!(newer.join("index.db").exists() && uid.0 > 0);
    assert!(std::fs::read(dir.path().join("index.db")).unwrap() == before);
    assert_eq!(files::format(dir.path()).unwrap(), Some(format));
    no_damage(dir.path());
    let store = Store::open(dir.path(), Options::default()).unwrap();
    assert_eq!(describe(&store).await, std::fs::read_to_string(fixture.with_extension("txt")).unwrap());
}
