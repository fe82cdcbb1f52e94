//! The calls of the store, one after the other, in memory and on disk.

use super::*;

#[tokio::test]
async fn the_folders_of_an_account_are_bounded() {
    let store = Store::in_memory().unwrap();
    let alice = account(&store).await;
    let levels = ["x"; 31].join("/");
    let mut made = Ok(FolderId(0));
    for n in 0..400 {
        made = store.create_folder(alice, &format!("{n}/{levels}"), None).await;
        if made.is_err() {
            break;
        }
    }
    assert!(matches!(made, Err(Error::TooManyFolders)));
    let count = names(&store, alice).await.len();
    assert!((10_000..10_032).contains(&count), "{count}");
    let work = folder(&store, alice, "0").await;
    let refused = store.rename_folder(alice, work, "other/0").await;
    assert!(matches!(refused, Err(Error::TooManyFolders)), "other would be one more");
    store.rename_folder(alice, work, "renamed").await.unwrap();
    assert_eq!(names(&store, alice).await.len(), count, "a new name adds none");
    store.delete_folder(alice, folder(&store, alice, &format!("1/{levels}")).await).await.unwrap();
}

#[tokio::test]
async fn large_summaries_come_a_few_at_a_time() {
    on_both(|store| async move {
        let alice = account(&store).await;
        let subject = format!("{}\r\nDate: Thu, 1 Jan 1970 00:00:01 +0000", "x".repeat(60_000));
        for _ in 0..10 {
            send(&store, alice, &subject).await;
        }
        let mut left: Vec<Uid> = (1..=11).map(Uid).collect();
        let mut calls = Vec::new();
        while !left.is_empty() {
            let summaries = store.summaries(alice, INBOX, left.clone()).await.unwrap();
            assert_eq!(summaries.found[0].0, left[0]);
            calls.push(summaries.found.len());
            left = summaries.left;
        }
        assert_eq!(calls, [4, 4, 2]);
        // When they were sent takes no room.
        let sent = store.sent(alice, INBOX, vec![Uid(3), Uid(10), Uid(11)]).await.unwrap();
        assert_eq!(sent, [3, 10].map(|uid| (Uid(uid), Some(DateTime::utc(1)))));
    })
    .await;
}

#[tokio::test]
async fn a_message_is_delivered_listed_and_read() {
    on_both(|store| async move {
        let alice = account(&store).await;
        let bob = account(&store).await;
        assert_eq!(uids(&store, alice, INBOX).await, [0; 0]);
        let placed = deliver(&store, &message("one"), vec![target(alice), target(bob), target(alice)])
            .await
            .unwrap()
            .placed;
        assert_eq!(placed.iter().map(|(_, _, uid)| uid.0).collect::<Vec<_>>(), [1, 1, 2]);
        assert_eq!(uids(&store, alice, INBOX).await, [1, 2]);
        assert_eq!(uids(&store, bob, INBOX).await, [1]);
        assert_eq!(octets(&store, bob, INBOX, Uid(1)).await, message("one"));
        let (_, summary) = store.summaries(bob, INBOX, vec![Uid(1), Uid(7)]).await.unwrap().found.remove(0);
        assert_eq!(summary.envelope.subject.as_deref(), Some(&b"one"[..]));
        let (_, header) = store.headers(bob, INBOX, vec![Uid(1)]).await.unwrap().found.remove(0);
        let text = b"From: a@example.test\r\nSubject: one\r\n\r\n";
        assert_eq!((header.octets.as_deref(), header.size as usize), (Some(&text[..]), text.len()));
        let status = store.status(alice, INBOX).await.unwrap();
        assert_eq!((status.messages, status.unseen, status.recent, status.uid_next), (2, 2, 2, Uid(3)));
        assert_eq!(status.size, 2 * message("one").len() as u64);
        let usage = store.usage(alice).await.unwrap();
        assert_eq!((usage.messages, usage.octets), (2, status.size));
    })
    .await;
}

#[tokio::test]
async fn large_messages_pass_through_files() {
    on_both(|store| async move {
        let alice = account(&store).await;
        let mut large = message("large");
        large.extend((0..3_000_000_u32).map(|n| b'a' + (n % 23) as u8));
        deliver(&store, &large, vec![target(alice)]).await.unwrap();
        deliver(&store, &message("small"), vec![target(alice)]).await.unwrap();
        let bodies = store.bodies(alice, INBOX, vec![Uid(1), Uid(2)]).await.unwrap().found;
        assert!(bodies[0].1.octets.is_none() && bodies[1].1.octets.is_some());
        assert!(octets(&store, alice, INBOX, Uid(1)).await == large);
        assert_eq!(store.read(&bodies[0].1, 3_000_000, u32::MAX).await.unwrap(), large[3_000_000..]);
    })
    .await;
}

#[tokio::test]
async fn small_messages_are_read_along_or_left_for_the_next_call() {
    on_both(|store| async move {
        let alice = account(&store).await;
        for _ in 0..20 {
            deliver(&store, &message(&"x".repeat(30_000)), vec![target(alice)]).await.unwrap();
        }
        let mut left: Vec<Uid> = (1..=20).map(Uid).collect();
        let mut calls = Vec::new();
        while !left.is_empty() {
            let bodies = store.bodies(alice, INBOX, left.clone()).await.unwrap();
            assert!(bodies.found.iter().all(|(_, body)| body.octets.is_some()));
            assert_eq!(bodies.found[0].0, left[0]);
            calls.push(bodies.found.len());
            left = bodies.left;
        }
        assert_eq!(calls, [17, 3]);
    })
    .await;
}

#[tokio::test]
async fn messages_in_the_index_and_in_segments_come_in_their_order() {
    on_both(|store| async move {
        let alice = account(&store).await;
        let text = |uid: u32| message(&"x".repeat(if uid % 2 == 1 { 30_000 } else { 7_000 }));
        for uid in 1..=40 {
            deliver(&store, &text(uid), vec![target(alice)]).await.unwrap();
        }
        let mut left: Vec<Uid> = (1..=40).map(Uid).collect();
        let mut calls = Vec::new();
        while !left.is_empty() {
            let bodies = store.bodies(alice, INBOX, left.clone()).await.unwrap();
            assert_eq!(bodies.found[0].0, left[0]);
            assert!(bodies.found.iter().all(|(uid, body)| body.octets.as_deref() == Some(&text(uid.0)[..])));
            calls.push(bodies.found.len());
            left = bodies.left;
        }
        // In the first call there is no room for the next large message; small ones behind it wait for their turn.
        assert_eq!(calls, [28, 12]);
        let headers = store.headers(alice, INBOX, (1..=40).map(Uid).collect()).await.unwrap();
        assert!(
            headers
                .found
                .iter()
                .all(|(uid, header)| text(uid.0).starts_with(header.octets.as_deref().unwrap()))
        );
        assert_eq!((headers.found.len(), headers.left.len()), (40, 0));
    })
    .await;
}

#[tokio::test]
async fn flags_change_and_listings_follow() {
    on_both(|store| async move {
        let alice = account(&store).await;
        for subject in ["a", "b", "c"] {
            send(&store, alice, subject).await;
        }
        let before = store.listing(alice, INBOX).await.unwrap();
        let change = flags(FlagOperation::Add, &[Flag::Seen], &["$Work"]);
        let changed =
            store.set_flags(alice, INBOX, vec![Uid(3), Uid(1), Uid(9)], change.clone()).await.unwrap();
        assert_eq!(changed.entries.iter().map(|entry| entry.uid.0).collect::<Vec<_>>(), [1, 3]);
        assert!(changed.modified.is_empty());
        let after = store.listing(alice, INBOX).await.unwrap();
        assert!(after.highest_modseq > before.highest_modseq);
        assert_eq!(before.differences(&after).len(), 2);
        let entry = after.find(Uid(1)).unwrap().1;
        assert!(entry.flags.contains(Flag::Seen) && entry.flags.contains_keyword(0));
        assert_eq!(after.keywords.names(entry.flags).next().unwrap().as_str(), "$Work");
        // What changes nothing leaves the modseq alone.
        let again = store.set_flags(alice, INBOX, vec![Uid(1)], change).await.unwrap();
        assert_eq!(again.entries, [entry]);
        assert_eq!(store.listing(alice, INBOX).await.unwrap().highest_modseq, after.highest_modseq);
        let unchanged_since = Some(before.highest_modseq);
        let change = FlagChange { unchanged_since, ..flags(FlagOperation::Replace, &[Flag::Deleted], &[]) };
        let changed = store.set_flags(alice, INBOX, vec![Uid(1), Uid(2)], change).await.unwrap();
        assert_eq!(changed.modified, [Uid(1)]);
        assert_eq!(changed.entries[0].flags, FlagSet::NONE.with(Flag::Deleted));
        let removed = flags(FlagOperation::Remove, &[Flag::Seen], &["$work", "$Other"]);
        let changed = store.set_flags(alice, INBOX, vec![Uid(3)], removed).await.unwrap();
        assert!(changed.entries[0].flags.is_empty());
        let status = store.status(alice, INBOX).await.unwrap();
        assert_eq!((status.unseen, status.deleted), (2, 1));
        let changes = store.changes(alice, INBOX, after.highest_modseq).await.unwrap();
        assert_eq!(changes.entries.iter().map(|entry| entry.uid.0).collect::<Vec<_>>(), [2, 3]);
    })
    .await;
}

#[tokio::test]
async fn a_folder_holds_so_many_keywords_and_no_more() {
    on_both(|store| async move {
        let alice = account(&store).await;
        send(&store, alice, "a").await;
        let all: Vec<String> = (0..mail::KeywordTable::CAPACITY).map(|n| format!("k{n}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        store.set_flags(alice, INBOX, vec![Uid(1)], flags(FlagOperation::Add, &[], &all)).await.unwrap();
        let before = entry(&store, alice, INBOX, Uid(1)).await;
        let more = flags(FlagOperation::Add, &[Flag::Seen], &["one-more"]);
        let refused = store.set_flags(alice, INBOX, vec![Uid(1)], more).await;
        assert!(matches!(refused, Err(Error::TooManyKeywords)));
        assert_eq!(entry(&store, alice, INBOX, Uid(1)).await, before);
        assert_eq!(store.status(alice, INBOX).await.unwrap().unseen, 1);
        // What no message has any more makes room, for as many as that.
        let two = flags(FlagOperation::Remove, &[], &["k3", "k55"]);
        store.set_flags(alice, INBOX, vec![Uid(1)], two).await.unwrap();
        let three = flags(FlagOperation::Add, &[], &["x", "y", "z"]);
        let refused = store.set_flags(alice, INBOX, vec![Uid(1)], three).await;
        assert!(matches!(refused, Err(Error::TooManyKeywords)));
        let two = flags(FlagOperation::Add, &[], &["x", "y"]);
        store.set_flags(alice, INBOX, vec![Uid(1)], two).await.unwrap();
        let names = |listing: &Listing| -> Vec<String> {
            let entry = listing.find(Uid(1)).unwrap().1;
            listing.keywords.names(entry.flags).map(|keyword| keyword.as_str().to_owned()).collect()
        };
        let listing = store.listing(alice, INBOX).await.unwrap();
        assert_eq!(names(&listing).len(), mail::KeywordTable::CAPACITY);
        assert_eq!((names(&listing)[3].as_str(), names(&listing)[55].as_str()), ("x", "y"));
        let read = store.core.read(move |db| reads::listing(db, alice, INBOX)).await.unwrap();
        assert_eq!(names(&read), names(&listing));
    })
    .await;
}

#[tokio::test]
async fn what_went_long_ago_is_forgotten_and_changes_stay_right() {
    on_both(|store| async move {
        let alice = account(&store).await;
        for subject in ["a", "b", "c", "d", "e", "f"] {
            send(&store, alice, subject).await;
        }
        let mut seen = vec![ModSeq(0)];
        for uid in [2, 4, 5] {
            store.remove(alice, INBOX, vec![Uid(uid)]).await.unwrap();
            seen.push(store.listing(alice, INBOX).await.unwrap().highest_modseq);
        }
        assert_eq!(store.forget_removals(3).await.unwrap(), 0);
        assert_eq!(store.changes(alice, INBOX, seen[1]).await.unwrap().gone, [4, 5].map(Uid));
        assert_eq!(store.forget_removals(1).await.unwrap(), 1);
        for (at, gone) in [(0, &[2, 4, 5][..]), (1, &[2, 4, 5]), (2, &[5]), (3, &[])] {
            let gone: Vec<Uid> = gone.iter().copied().map(Uid).collect();
            assert_eq!(store.changes(alice, INBOX, seen[at]).await.unwrap().gone, gone, "since {at}");
        }
    })
    .await;
}

#[tokio::test]
async fn messages_are_copied_and_moved_with_flags_and_dates() {
    on_both(|store| async move {
        let alice = account(&store).await;
        let archive = folder(&store, alice, "Archive").await;
        for subject in ["a", "b", "c"] {
            send(&store, alice, subject).await;
        }
        let other = flags(FlagOperation::Add, &[], &["Other"]);
        send(&store, alice, "d").await;
        store.move_messages(alice, INBOX, vec![Uid(4)], archive, Absent::Skip).await.unwrap();
        store.set_flags(alice, archive, vec![Uid(1)], other).await.unwrap();
        store
            .set_flags(alice, INBOX, vec![Uid(2)], flags(FlagOperation::Add, &[Flag::Flagged], &["Work"]))
            .await
            .unwrap();
        let copied =
            store.copy(alice, INBOX, vec![Uid(2), Uid(3), Uid(8)], archive, Absent::Skip).await.unwrap();
        assert_eq!(copied.uids, [(Uid(2), Uid(2)), (Uid(3), Uid(3))]);
        let listing = store.listing(alice, archive).await.unwrap();
        assert_eq!(copied.uid_validity, listing.uid_validity);
        let copy = listing.find(Uid(2)).unwrap().1;
        assert!(copy.flags.contains(Flag::Flagged) && copy.flags.contains_keyword(1));
        assert_eq!(copy.date, target(alice).date);
        let moved = store.move_messages(alice, INBOX, vec![Uid(2)], archive, Absent::Skip).await.unwrap();
        assert_eq!(moved.uids, [(Uid(2), Uid(4))]);
        assert_eq!(uids(&store, alice, INBOX).await, [1, 3]);
        assert_eq!(uids(&store, alice, archive).await, [1, 2, 3, 4]);
        assert_eq!(octets(&store, alice, archive, Uid(4)).await, message("b"));
        let within = store.move_messages(alice, INBOX, vec![Uid(1)], INBOX, Absent::Skip).await.unwrap();
        assert_eq!(within.uids, [(Uid(1), Uid(5))]);
        assert_eq!(uids(&store, alice, INBOX).await, [3, 5]);
        let named = vec![Uid(3), Uid(4)];
        let refused = store.copy(alice, INBOX, named.clone(), archive, Absent::Refuse).await.unwrap();
        assert!(refused.uids.is_empty());
        let refused = store.move_messages(alice, INBOX, named, archive, Absent::Refuse).await.unwrap();
        assert!(refused.uids.is_empty());
        assert_eq!(uids(&store, alice, INBOX).await, [3, 5]);
        assert_eq!(uids(&store, alice, archive).await, [1, 2, 3, 4]);
        assert!(matches!(
            store.copy(alice, INBOX, vec![Uid(3)], FolderId(99), Absent::Skip).await,
            Err(Error::NotFound)
        ));
        assert_eq!(store.usage(alice).await.unwrap().recoverable_messages, 0);
    })
    .await;
}

#[tokio::test]
async fn removed_messages_are_noted_and_can_be_brought_back() {
    on_both(|store| async move {
        let alice = account(&store).await;
        for subject in ["a", "b", "c", "d"] {
            send(&store, alice, subject).await;
        }
        let seen = store.listing(alice, INBOX).await.unwrap().highest_modseq;
        let deleted = flags(FlagOperation::Add, &[Flag::Deleted, Flag::Seen], &["Work"]);
        store.set_flags(alice, INBOX, vec![Uid(1), Uid(2), Uid(4)], deleted).await.unwrap();
        assert_eq!(store.expunge(alice, INBOX, Some(vec![Uid(2), Uid(3)])).await.unwrap(), [Uid(2)]);
        assert_eq!(store.expunge(alice, INBOX, None).await.unwrap(), [Uid(1), Uid(4)]);
        assert!(store.expunge(alice, INBOX, None).await.unwrap().is_empty());
        assert_eq!(store.remove(alice, INBOX, vec![Uid(3), Uid(4)]).await.unwrap(), [Uid(3)]);
        assert_eq!(store.changes(alice, INBOX, seen).await.unwrap().gone, [1, 2, 3, 4].map(Uid));
        let items = store.recoverable(alice).await.unwrap();
        let subjects = items.iter().map(|item| item.summary.envelope.subject.clone().unwrap());
        assert_eq!(subjects.collect::<Vec<_>>(), [b"c", b"d", b"a", b"b"]);
        assert_eq!(items[0].folder, "INBOX");
        assert_eq!(store.read(&items[3].body, 0, u32::MAX).await.unwrap(), message("b"));
        let uid = store.restore(alice, items[3].id, INBOX).await.unwrap();
        assert_eq!(uid, Uid(5));
        let back = entry(&store, alice, INBOX, uid).await;
        assert_eq!((back.flags, back.date), (FlagSet::NONE.with(Flag::Seen), target(alice).date));
        assert!(matches!(store.restore(alice, items[3].id, INBOX).await, Err(Error::NotFound)));
        assert_eq!(store.purge_recoverable(0).await.unwrap(), 0);
        assert_eq!(store.purge_recoverable(i64::MAX).await.unwrap(), 3);
        assert!(matches!(store.read(&items[0].body, 0, 1).await, Err(Error::NotFound)));
        assert_eq!(store.usage(alice).await.unwrap().recoverable_octets, 0);
        assert_eq!(store.changes(alice, INBOX, ModSeq(0)).await.unwrap().entries, [back]);
    })
    .await;
}

#[tokio::test]
async fn folders_are_made_renamed_and_removed() {
    on_both(|store| async move {
        let alice = account(&store).await;
        assert_eq!(names(&store, alice).await, ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]);
        let deep = store.create_folder(alice, "Work/2024/July", None).await.unwrap();
        assert!(matches!(store.create_folder(alice, "Work", None).await, Err(Error::Exists)));
        assert!(matches!(store.create_folder(alice, "inbox", None).await, Err(Error::Exists)));
        assert!(matches!(store.create_folder(alice, "a//b", None).await, Err(Error::BadName(_))));
        let work = folder(&store, alice, "Work").await;
        store.rename_folder(alice, work, "Old/Work").await.unwrap();
        assert_eq!(folder(&store, alice, "Old/Work/2024/July").await, deep);
        assert!(matches!(store.rename_folder(alice, work, "Old/Work/x").await, Err(Error::BadName(_))));
        assert!(matches!(store.rename_folder(alice, work, "INBOX").await, Err(Error::Exists)));
        send(&store, alice, "a").await;
        store.copy(alice, INBOX, vec![Uid(1)], work, Absent::Skip).await.unwrap();
        store.delete_folder(alice, work).await.unwrap();
        assert_eq!(store.recoverable(alice).await.unwrap()[0].folder, "Old/Work");
        let folders = store.folders(alice).await.unwrap();
        assert!(!folders.iter().find(|folder| folder.name == "Old/Work").unwrap().selectable);
        assert!(matches!(store.listing(alice, work).await, Err(Error::NotFound)));
        assert!(matches!(store.status(alice, work).await, Err(Error::NotFound)));
        assert!(matches!(store.delete_folder(alice, work).await, Err(Error::BadName(_))));
        let again = store.create_folder(alice, "Old/Work", Some(SpecialUse::Archive)).await.unwrap();
        assert_ne!(again, work);
        store.delete_folder(alice, deep).await.unwrap();
        assert!(matches!(store.delete_folder(alice, deep).await, Err(Error::NotFound)));
        assert!(matches!(store.delete_folder(alice, INBOX).await, Err(Error::BadName(_))));
    })
    .await;
}

#[tokio::test]
async fn renaming_inbox_moves_its_messages() {
    on_both(|store| async move {
        let alice = account(&store).await;
        store.create_folder(alice, "INBOX/below", None).await.unwrap();
        send(&store, alice, "a").await;
        send(&store, alice, "b").await;
        store.rename_folder(alice, INBOX, "Kept").await.unwrap();
        let kept = folder(&store, alice, "Kept").await;
        assert_eq!(uids(&store, alice, kept).await, [1, 2]);
        assert_eq!(uids(&store, alice, INBOX).await, [0; 0]);
        assert_eq!(folder(&store, alice, "INBOX").await, INBOX);
        folder(&store, alice, "INBOX/below").await;
        assert_eq!(send(&store, alice, "c").await, Uid(3));
    })
    .await;
}

#[tokio::test]
async fn subscriptions_are_names_of_their_own() {
    on_both(|store| async move {
        let alice = account(&store).await;
        let work = store.create_folder(alice, "Work", None).await.unwrap();
        store.subscribe(alice, "Work", Subscription::Subscribed).await.unwrap();
        store.subscribe(alice, "Junk", Subscription::Unsubscribed).await.unwrap();
        let find = |folders: &[Folder], name: &str| folders.iter().find(|f| f.name == name).cloned().unwrap();
        let folders = store.folders(alice).await.unwrap();
        assert!(find(&folders, "Work").subscribed && !find(&folders, "Junk").subscribed);
        store.delete_folder(alice, work).await.unwrap();
        let left = find(&store.folders(alice).await.unwrap(), "Work");
        assert!(left.missing && left.subscribed && !left.selectable);
        store.subscribe(alice, "Work", Subscription::Unsubscribed).await.unwrap();
        assert!(!names(&store, alice).await.contains(&"Work".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn the_first_caller_is_told_of_recent_messages() {
    on_both(|store| async move {
        let alice = account(&store).await;
        send(&store, alice, "a").await;
        assert_eq!(store.claim_recent(alice, INBOX).await.unwrap(), Uid(1));
        assert_eq!(store.status(alice, INBOX).await.unwrap().recent, 0);
        assert_eq!(store.claim_recent(alice, INBOX).await.unwrap(), Uid(2));
        send(&store, alice, "b").await;
        assert_eq!(store.status(alice, INBOX).await.unwrap().recent, 1);
        assert_eq!(store.claim_recent(alice, INBOX).await.unwrap(), Uid(2));
    })
    .await;
}

#[tokio::test]
async fn watchers_wake_after_changes_of_their_account() {
    on_both(|store| async move {
        let (alice, bob) = (account(&store).await, account(&store).await);
        let mut watch = store.watch(alice);
        watch.borrow_and_update();
        send(&store, bob, "a").await;
        assert!(!watch.has_changed().unwrap());
        send(&store, alice, "a").await;
        assert!(watch.has_changed().unwrap());
        watch.borrow_and_update();
        store.create_folder(alice, "New", None).await.unwrap();
        assert!(watch.has_changed().unwrap());
    })
    .await;
}

#[tokio::test]
async fn texts_are_found() {
    on_both(|store| async move {
        let alice = account(&store).await;
        for subject in ["Lunch", "Dinner", "lunch again"] {
            send(&store, alice, subject).await;
        }
        let query = |place, text: &str| TextQuery { place, text: text.into() };
        let texts = vec![
            query(TextPlace::Header("subject".into()), "LUNCH"),
            query(TextPlace::Body, "hello, d"),
            query(TextPlace::Anywhere, "example.test"),
            query(TextPlace::Header("x-none".into()), ""),
        ];
        let found = store.search(alice, INBOX, vec![Uid(1), Uid(2), Uid(3), Uid(4)], texts).await.unwrap();
        assert_eq!(found, [vec![Uid(1), Uid(3)], vec![Uid(2)], vec![Uid(1), Uid(2), Uid(3)], vec![]]);
    })
    .await;
}

#[tokio::test]
async fn messages_for_elsewhere_wait_in_the_queue() {
    on_both(|store| async move {
        let alice = account(&store).await;
        let recipients = vec![("x@example.net".to_owned(), "NOTIFY=NEVER".to_owned())];
        let envelope = Envelope { sender: None, recipients, smtputf8: false, accepted: 5 };
        let message = staged(&store, &message("out")).await.unwrap();
        let delivered = store.deliver(message, vec![target(alice)], Some(envelope.clone())).await.unwrap();
        let queued = store.queue().await.unwrap().remove(0);
        assert_eq!((Some(queued.id), &queued.envelope), (delivered.queued, &envelope));
        assert_eq!(queued.body.blob, delivered.blob);
        store.dequeue(queued.id).await.unwrap();
        assert!(store.queue().await.unwrap().is_empty());
        assert!(matches!(store.dequeue(queued.id).await, Err(Error::NotFound)));
        assert_eq!(octets(&store, alice, INBOX, Uid(1)).await, super::message("out"));
    })
    .await;
}

#[tokio::test]
async fn objects_and_accounts_change_together_or_not_at_all() {
    on_both(|store| async move {
        let object =
            |key: &str, json: &str| Object { kind: "Mailbox".into(), key: key.into(), json: json.into() };
        let audit = |time| AuditEntry {
            time,
            caller: "root".into(),
            cmdlet: "New-Mailbox".into(),
            object: "alice".into(),
            details: "{}".into(),
        };
        let alice = store.reserve_account().await.unwrap();
        let create = ObjectChange {
            put: vec![object("alice", "1"), object("bob", "2")],
            create_accounts: vec![alice],
            audit: vec![audit(1), audit(2)],
            ..ObjectChange::default()
        };
        store.save(create.clone()).await.unwrap();
        let again = ObjectChange { put: vec![object("carol", "3")], ..create };
        assert!(matches!(store.save(again).await, Err(Error::Exists)));
        assert_eq!(store.objects().await.unwrap(), [object("alice", "1"), object("bob", "2")]);
        assert_eq!(store.audit(1).await.unwrap(), [audit(2)]);
        assert_eq!(store.audit(9).await.unwrap().len(), 2);
        send(&store, alice, "a").await;
        store.listing(alice, INBOX).await.unwrap();
        let remove = ObjectChange {
            put: vec![object("bob", "4")],
            remove: vec![("Mailbox".into(), "alice".into())],
            remove_accounts: vec![alice],
            ..ObjectChange::default()
        };
        store.save(remove).await.unwrap();
        assert_eq!(store.objects().await.unwrap(), [object("bob", "4")]);
        assert!(matches!(store.listing(alice, INBOX).await, Err(Error::NotFound)));
        assert!(matches!(store.folders(alice).await, Err(Error::NotFound)));
        assert!(matches!(deliver(&store, &message("x"), vec![target(alice)]).await, Err(Error::NotFound)));
        assert_ne!(store.reserve_account().await.unwrap(), alice);
    })
    .await;
}

#[tokio::test]
async fn closed_stores_say_so_and_open_ones_are_locked() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let alice = account(&store).await;
    assert!(matches!(Store::open(dir.path(), Options::default()), Err(Error::Locked)));
    assert!(matches!(check(dir.path(), &mut |_, _| {}), Err(Error::Locked)));
    store.close();
    store.close();
    assert!(matches!(store.folders(alice).await, Err(Error::Closed)));
    assert!(matches!(store.listing(alice, INBOX).await, Err(Error::Closed)));
    assert!(matches!(deliver(&store, b"x", vec![target(alice)]).await, Err(Error::Closed)));
    let store = Store::open(dir.path(), Options::default()).unwrap();
    assert_eq!(send(&store, alice, "a").await, Uid(1));
    drop(store);
    Store::open(dir.path(), Options::default()).unwrap();
}
