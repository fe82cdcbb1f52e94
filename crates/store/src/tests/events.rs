//! The event log and the last logons: bounded, kept over a restart, and nothing that a login waits for.

use super::*;
use journal::{Source, event};

const ALL: EventQuery = EventQuery { before: u64::MAX, from: 0, until: i64::MAX, limit: 100_000 };

#[tokio::test]
async fn events_are_kept_in_order_and_found_page_by_page() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    store.journal().write(&event::NODE_STARTED, Source::Gatepost, "first");
    store.journal().write(&event::CLEAR_TEXT_LOGIN, Source::Pop3, "second");
    store.close();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    store.journal().write(&event::NODE_STOPPED, Source::Gatepost, "third");
    let found = store.events(ALL).await.unwrap();
    let messages: Vec<&str> = found.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(messages, ["third", "second", "first"]);
    assert_eq!((found[1].source.as_str(), found[1].level, found[1].count), ("MSExchangePOP3", 2, 1));
    let page = EventQuery { before: found[0].index, limit: 1, ..ALL };
    assert_eq!(store.events(page).await.unwrap(), found[1..2]);
    assert!(store.events(EventQuery { from: i64::MAX, ..ALL }).await.unwrap().is_empty());
    store.forget_events(i64::MAX).await.unwrap();
    assert!(store.events(ALL).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_storm_counts_at_the_last_entry_that_is_kept() {
    let store = Store::in_memory().unwrap();
    for round in 0..3 {
        for number in 0..1_000 {
            store.journal().write(&event::WRONG_PASSWORDS, Source::Imap4, &format!("{round} {number}"));
        }
        store.events(ALL).await.unwrap();
    }
    let found = store.events(ALL).await.unwrap();
    assert_eq!(found.iter().map(|event| event.count).sum::<u32>(), 3_000);
    // Ten in each of the one or two minutes that this can be.
    assert!(found.len() <= 20, "{}", found.len());
}

#[tokio::test]
async fn the_log_has_an_end() {
    let store = Store::in_memory().unwrap();
    let insert = |tx: &mut Tx<'_>| {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000) \
                   INSERT INTO events(time, last, log, source, event, level, message, data, count) \
                   SELECT i, i, 'Application', 'Gatepost', 1000, 3, 'old', '', 1 FROM n";
        tx.db.run(sql, []).map(drop)
    };
    store.write(insert).await.unwrap();
    store.journal().write(&event::NODE_STARTED, Source::Gatepost, "new");
    let found = store.events(ALL).await.unwrap();
    assert_eq!((found.len() as u64, found[0].index), (crate::events::MOST, 25_001));
}

#[tokio::test]
async fn logons_cost_no_commit_and_are_seen_at_once_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let alice = account(&store).await;
    let commits = store.commits();
    for time in 0..1_000 {
        let protocol = if time % 2 == 0 { "POP3" } else { "IMAP4" };
        store.note_logon(alice, Logon { protocol: protocol.into(), time, ..Logon::default() });
    }
    store.note_logon(AccountId(99), Logon { protocol: "POP3".into(), time: 1, ..Logon::default() });
    let seen = store.logons(alice).await.unwrap();
    assert_eq!(seen.iter().map(|logon| logon.time).collect::<Vec<_>>(), [999, 998]);
    assert_eq!(store.commits(), commits);
    store.close();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    assert_eq!(store.logons(alice).await.unwrap(), seen);
    assert!(store.logons(AccountId(99)).await.unwrap().is_empty(), "there is no such account");
    let change = ObjectChange { remove_accounts: vec![alice], ..ObjectChange::default() };
    store.save(change).await.unwrap();
    assert!(store.logons(alice).await.unwrap().is_empty());
}

#[tokio::test]
async fn old_audit_entries_are_forgotten_and_pages_go_on_where_they_ended() {
    let store = Store::in_memory().unwrap();
    let entry = |time| AuditEntry {
        time,
        caller: String::new(),
        cmdlet: format!("Set-{time}"),
        object: String::new(),
        details: String::new(),
    };
    let audit = (0..2_500).map(entry).collect();
    store.save(ObjectChange { audit, ..ObjectChange::default() }).await.unwrap();
    let page = store.audit_before(u64::MAX, 2).await.unwrap();
    assert_eq!(page.iter().map(|(_, entry)| entry.time).collect::<Vec<_>>(), [2_499, 2_498]);
    let next = store.audit_before(page[1].0, 1).await.unwrap();
    assert_eq!(next[0].1.time, 2_497);
    store.forget_audit(2_400).await.unwrap();
    let left = store.audit(usize::MAX).await.unwrap();
    assert_eq!((left.len(), left.last().unwrap().time), (100, 2_400));
}
