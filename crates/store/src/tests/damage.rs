//! Damaged files: found by a check, told to who reads them, and never passed on as a message.

use super::*;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::Ordering;

/// A store with three messages, closed; its segment is `segments/00000001.seg`.
async fn three(dir: &Path) -> AccountId {
    let store = Store::open(dir, segmented()).unwrap();
    let alice = account(&store).await;
    for subject in ["one", "two", "three"] {
        send(&store, alice, subject).await;
    }
    store.close();
    alice
}

fn write_at(path: &Path, octets: &[u8], at: u64) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(octets, at).unwrap();
}

fn damage(dir: &Path) -> Vec<String> {
    check(dir, &mut |_, _| {}).unwrap().damage
}

/// Of this message, those that are damaged: itself or none.
async fn unreadable(store: &Store, account: AccountId, uid: u32) -> Vec<Uid> {
    let read = store.bodies(account, INBOX, vec![Uid(uid)]).await.unwrap();
    assert!(read.found.is_empty() && read.left.is_empty());
    read.damaged
}

#[tokio::test]
async fn a_changed_octet_is_found_and_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let alice = three(dir.path()).await;
    let mut progress = Vec::new();
    let report = check(dir.path(), &mut |done, total| progress.push((done, total))).unwrap();
    assert!(report.damage.is_empty());
    assert_eq!((report.messages, progress.len()), (3, 3));
    assert_eq!(progress[2].0, progress[2].1);
    write_at(&dir.path().join("segments/00000001.seg"), b"X", 32 + 32 + 10);
    let damage = damage(dir.path());
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert!(damage[0].contains("checksum") && damage[0].contains("segment 1"), "{damage:?}");
    let store = Store::open(dir.path(), segmented()).unwrap();
    assert_eq!(unreadable(&store, alice, 1).await, [Uid(1)]);
    assert_eq!(octets(&store, alice, INBOX, Uid(2)).await, message("two"));
    let uid = send(&store, alice, "four").await;
    assert_eq!(octets(&store, alice, INBOX, uid).await, message("four"));
}

#[tokio::test]
async fn a_cut_segment_is_found_and_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let alice = three(dir.path()).await;
    let path = dir.path().join("segments/00000001.seg");
    let length = path.metadata().unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 5).unwrap();
    let damage = damage(dir.path());
    assert!(damage.iter().any(|what| what.contains("it was cut")), "{damage:?}");
    let store = Store::open(dir.path(), segmented()).unwrap();
    assert_eq!(unreadable(&store, alice, 3).await, [Uid(3)]);
    let uid = send(&store, alice, "four").await;
    assert_eq!(octets(&store, alice, INBOX, uid).await, message("four"));
}

#[tokio::test]
async fn a_missing_or_strange_segment_is_said_by_name() {
    let dir = tempfile::tempdir().unwrap();
    three(dir.path()).await;
    let path = dir.path().join("segments/00000001.seg");
    let kept = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(damage(dir.path())[0].contains("segment 1 is missing"));
    let refused = Store::open(dir.path(), segmented()).map(drop).unwrap_err();
    assert!(refused.to_string().contains("segment 1 is missing"), "{refused}");
    std::fs::write(&path, b"something else entirely, longer than a header").unwrap();
    assert!(damage(dir.path())[0].contains("not a segment"));
    assert!(Store::open(dir.path(), segmented()).is_err());
    std::fs::write(&path, kept).unwrap();
    Store::open(dir.path(), segmented()).unwrap();
}

#[tokio::test]
async fn a_damaged_index_is_said_and_not_worked_on() {
    for (octets, at) in [(&b"not a database"[..], 0), (&[0xff; 8192][..], 8192)] {
        let dir = tempfile::tempdir().unwrap();
        three(dir.path()).await;
        write_at(&dir.path().join("index.db"), octets, at);
        assert!(!damage(dir.path()).is_empty());
        let refused = Store::open(dir.path(), segmented()).map(drop).unwrap_err();
        assert!(matches!(refused, Error::Damaged(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn rows_that_do_not_agree_are_found() {
    for (statement, expected) in [
        ("UPDATE folders SET messages = 9 WHERE id = 1", "counters"),
        ("UPDATE folders SET uid_next = 2 WHERE id = 1", "never given out"),
        ("UPDATE accounts SET modseq = 1", "does not know it"),
        ("UPDATE blobs SET refs = 2 WHERE id = 2", "2 references are counted, 1 exist"),
        ("DELETE FROM blobs WHERE id = 2", "octets are missing"),
        ("DELETE FROM summaries WHERE blob = 2", "no summary"),
        ("UPDATE summaries SET summary = x'ff' WHERE blob = 2", "cannot be read"),
        ("DELETE FROM folders WHERE id = 1", "in no folder"),
        ("UPDATE segments SET end = 100", "beyond the end"),
        ("UPDATE segments SET dead = 1", "counted as unused"),
        ("UPDATE messages SET size = 1 WHERE uid = 1", "size is not"),
        ("INSERT INTO objects VALUES ('Mailbox', 'alice', '{\"Name\":')", "object Mailbox alice"),
        (
            "INSERT INTO expunged SELECT account, folder, 99, 1, 2 FROM messages WHERE uid = 1",
            "noted as removed",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        three(dir.path()).await;
        let connection = rusqlite::Connection::open(dir.path().join("index.db")).unwrap();
        connection.execute(statement, []).unwrap();
        drop(connection);
        let damage = damage(dir.path());
        assert!(damage.iter().any(|what| what.contains(expected)), "{statement}: {damage:?}");
    }
}

#[tokio::test]
async fn damaged_octets_in_the_index_are_found_and_not_served() {
    for (statement, expected) in [
        ("UPDATE bodies SET octets = x'ff' WHERE blob = 2", "do not match their checksum"),
        ("DELETE FROM bodies WHERE blob = 2", "are missing"),
        ("UPDATE bodies SET blob = 9 WHERE blob = 2", "nothing refers to them"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let alice = account(&store).await;
        for subject in ["one", "two"] {
            send(&store, alice, subject).await;
        }
        store.close();
        rusqlite::Connection::open(dir.path().join("index.db")).unwrap().execute(statement, []).unwrap();
        let damage = damage(dir.path());
        assert!(damage.iter().any(|what| what.contains(expected)), "{statement}: {damage:?}");
        let store = Store::open(dir.path(), Options::default()).unwrap();
        assert_eq!(unreadable(&store, alice, 2).await, [Uid(2)]);
        assert_eq!(octets(&store, alice, INBOX, Uid(1)).await, message("one"));
    }
}

#[tokio::test]
async fn a_damaged_message_does_not_stand_in_the_way_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let alice = three(dir.path()).await;
    write_at(&dir.path().join("segments/00000001.seg"), b"X", 32 + 32 + 10);
    let store = Store::open(dir.path(), segmented()).unwrap();
    let all: Vec<Uid> = (1..=3).map(Uid).collect();
    let bodies = store.bodies(alice, INBOX, all.clone()).await.unwrap();
    assert_eq!(bodies.found.iter().map(|(uid, _)| uid.0).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(bodies.damaged, [Uid(1)]);
    let text = TextQuery { place: TextPlace::Body, text: "hello".into() };
    assert_eq!(store.search(alice, INBOX, all, vec![text]).await.unwrap(), [[2, 3].map(Uid)]);
    // The others leave the segment, which stays for the sake of the damaged one; further segments are emptied.
    store.remove(alice, INBOX, vec![Uid(2)]).await.unwrap();
    store.core.segments.full_at.store(1, Ordering::Relaxed);
    for _ in 0..2 {
        let uid = send(&store, alice, "more").await;
        store.remove(alice, INBOX, vec![uid]).await.unwrap();
    }
    send(&store, alice, "last").await;
    store.purge_recoverable(i64::MAX).await.unwrap();
    let connection = rusqlite::Connection::open(dir.path().join("index.db")).unwrap();
    connection.execute("UPDATE segments SET dead = end WHERE id = 1", []).unwrap();
    while store.reclaim(1 << 20).await.unwrap() {}
    let left = |number: u32| dir.path().join(format!("segments/{number:08}.seg")).exists();
    assert_eq!((1..=4).map(left).collect::<Vec<_>>(), [true, false, false, true]);
    assert_eq!(octets(&store, alice, INBOX, Uid(3)).await, message("three"));
    let segment = "SELECT segment FROM blobs JOIN messages ON blob = id WHERE uid = 3";
    assert!(connection.query_row(segment, [], |row| row.get::<_, u32>(0)).unwrap() > 1);
}

#[tokio::test]
async fn a_summary_that_cannot_be_read_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let alice = three(dir.path()).await;
    let connection = rusqlite::Connection::open(dir.path().join("index.db")).unwrap();
    connection.execute("UPDATE summaries SET summary = x'ff' WHERE blob = 2", []).unwrap();
    drop(connection);
    let store = Store::open(dir.path(), segmented()).unwrap();
    let summaries = store.summaries(alice, INBOX, vec![Uid(1), Uid(2)]).await.unwrap().found;
    assert_eq!(summaries[1].1.envelope.subject.as_deref(), Some(&b"two"[..]));
}

#[tokio::test]
async fn a_message_without_summary_and_octets_does_not_stand_in_the_way_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let alice = three(dir.path()).await;
    let connection = rusqlite::Connection::open(dir.path().join("index.db")).unwrap();
    connection.execute("UPDATE summaries SET summary = x'ff' WHERE blob = 1", []).unwrap();
    drop(connection);
    write_at(&dir.path().join("segments/00000001.seg"), b"X", 32 + 32 + 10);
    let store = Store::open(dir.path(), segmented()).unwrap();
    let all: Vec<Uid> = (1..=3).map(Uid).collect();
    let summaries = store.summaries(alice, INBOX, all.clone()).await.unwrap();
    assert_eq!(summaries.found.iter().map(|(uid, _)| uid.0).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(summaries.damaged, [Uid(1)]);
    let sent = store.sent(alice, INBOX, all).await.unwrap();
    assert_eq!(sent.iter().map(|(uid, _)| uid.0).collect::<Vec<_>>(), [2, 3]);
}

#[tokio::test]
async fn a_large_message_that_was_cut_is_known_before_it_is_announced() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let alice = account(&store).await;
    let large = "x".repeat(100_000);
    for _ in 0..2 {
        deliver(&store, &message(&large), vec![target(alice)]).await.unwrap();
    }
    store.close();
    let path = dir.path().join("segments/00000001.seg");
    let length = path.metadata().unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 1).unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let bodies = store.bodies(alice, INBOX, vec![Uid(1), Uid(2)]).await.unwrap();
    assert_eq!((bodies.found.len(), bodies.damaged), (1, vec![Uid(2)]));
    // Another record's octets are not taken for it either.
    write_at(&path, b"X", 32 + 8);
    assert_eq!(unreadable(&store, alice, 1).await, [Uid(1)]);
}

#[tokio::test]
async fn a_damaged_message_is_copied_and_moved_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let alice = three(dir.path()).await;
    write_at(&dir.path().join("segments/00000001.seg"), b"X", 32 + 32 + 10);
    let store = Store::open(dir.path(), segmented()).unwrap();
    let all: Vec<Uid> = (1..=3).map(Uid).collect();
    let other = store.create_folder(alice, "Other", None).await.unwrap();
    // No octet is read for it: the client keeps what the list shows, and a backup may bring the rest back.
    assert_eq!(store.copy(alice, INBOX, all.clone(), other, Absent::Refuse).await.unwrap().uids.len(), 3);
    assert_eq!(store.move_messages(alice, INBOX, all, other, Absent::Refuse).await.unwrap().uids.len(), 3);
    let bodies = store.bodies(alice, other, (1..=6).map(Uid).collect()).await.unwrap();
    assert_eq!((bodies.found.len(), bodies.damaged), (4, vec![Uid(1), Uid(4)]));
}

/// All pieces of the body, and how reading it ended.
async fn pieces(store: &Store, body: &Body, start: u32) -> (Vec<u8>, Result<(), Error>) {
    let (mut out, mut reading) = (Vec::new(), Reading::new(body.clone(), start));
    loop {
        match store.read_next(&mut reading, 70_001).await {
            Ok(octets) if octets.is_empty() => return (out, Ok(())),
            Ok(octets) => out.extend_from_slice(&octets),
            Err(error) => return (out, Err(error)),
        }
    }
}

#[tokio::test]
async fn a_large_message_that_is_damaged_does_not_come_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), segmented()).unwrap();
    let alice = account(&store).await;
    let large = [message("large"), vec![b'x'; 300_000]].concat();
    deliver(&store, &large, vec![target(alice)]).await.unwrap();
    let (_, body) = store.bodies(alice, INBOX, vec![Uid(1)]).await.unwrap().found.remove(0);
    assert_eq!(pieces(&store, &body, 0).await.0, large);
    assert_eq!(pieces(&store, &body, 70_000).await.0, large[70_000..]);
    write_at(&dir.path().join("segments/00000001.seg"), b"Y", 32 + 32 + 1_000);
    let (octets, end) = pieces(&store, &body, 0).await;
    assert!(octets.len() < large.len() && matches!(end, Err(Error::Damaged(_))), "{} {end:?}", octets.len());
    // A part says nothing of the whole.
    assert_eq!(pieces(&store, &body, 70_000).await.0, large[70_000..]);
}

#[tokio::test]
async fn a_check_leaves_no_file_behind() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a 100%? #b");
    three(&dir).await;
    let files = || {
        let mut names: Vec<_> =
            std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    assert_eq!(no_damage(&dir).messages, 3);
    assert_eq!(files(), before);
}

#[test]
fn what_is_no_data_directory_is_not_made_one_by_a_check() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(check(dir.path(), &mut |_, _| {}), Err(Error::Io(_))));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
