//! Pipelines that change many objects: few commits, nothing lost, nothing published that is not saved.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use admin::{Outcome, Shell};
use common::{Shown, Site, TERMINAL};

const MANY: usize = 300;

async fn site() -> Site {
    let names: Vec<String> = (0..MANY).map(|n| format!("user{n:03}")).collect();
    Site::with(&names.iter().map(String::as_str).collect::<Vec<_>>()).await
}

fn with_pop(snapshot: &directory::Snapshot) -> usize {
    snapshot.mailboxes().filter(|mailbox| mailbox.cas.pop_enabled != Some(false)).count()
}

#[tokio::test]
async fn a_pipeline_shares_commits_and_audits_each_change() {
    let mut site = site().await;
    let before = site.context.store.commits();
    site.good("Get-CASMailbox -ResultSize unlimited | Set-CASMailbox -PopEnabled $false").await;
    let commits = site.context.store.commits() - before;
    assert!(commits < MANY as u64 / 4, "{commits} commits for {MANY} changes");
    assert_eq!((with_pop(&site.context.directory.snapshot()), with_pop(&site.saved().await)), (0, 0));
    let audit = site.context.store.audit(2 * MANY).await.unwrap();
    let mut objects: Vec<_> = audit.iter().map(|entry| entry.object.as_str()).collect();
    objects.sort_unstable();
    objects.dedup();
    assert_eq!((audit.len(), objects.len()), (MANY, MANY));
}

#[tokio::test]
async fn what_was_changed_before_an_error_is_saved_when_the_pipeline_ends() {
    let mut site = site().await;
    let text = "'user000','user001','nobody','user002' | Set-CASMailbox -PopEnabled $false -ErrorAction Stop";
    let errors = site.bad(text).await;
    assert!(errors.contains("'nobody' couldn't be found"), "{errors}");
    assert_eq!(with_pop(&site.saved().await), MANY - 2);
}

#[tokio::test]
async fn one_object_changed_twice_keeps_both_changes() {
    let mut site = Site::new().await;
    let (shown, outcome) = site.run("'alice','alice' | Set-CASMailbox -PopEnabled $false").await;
    assert_eq!(outcome, Outcome::Done);
    assert!(shown.errors.contains("no settings of 'alice' have been modified"), "{}", shown.errors);
    site.good(
        "Get-CASMailbox alice | Set-CASMailbox -ImapEnabled $false; Set-CASMailbox alice -PopEnabled $true",
    )
    .await;
    let saved = site.saved().await;
    let alice = saved.mailbox("alice").unwrap();
    assert_eq!((alice.cas.pop_enabled, alice.cas.imap_enabled), (None, Some(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelines_and_single_changes_at_once_lose_nothing() {
    let site = site().await;
    let texts = [
        "Get-CASMailbox -ResultSize unlimited | Set-CASMailbox -PopEnabled $false",
        "Get-CASMailbox -ResultSize unlimited | Set-CASMailbox -ImapEnabled $false",
        "foreach ($n in 1..40) { Set-PopSettings -Banner \"Ready $n\" }",
        "foreach ($n in 1..40) { New-AcceptedDomain \"d$n.example.test\" -DomainName \"d$n.example.test\" | Out-Null }",
    ];
    let shells = texts.map(|text| {
        let mut shell = Shell::new(site.context.clone(), TERMINAL);
        tokio::spawn(async move {
            let mut shown = Shown::default();
            let outcome = shell.run(text, &mut shown).await;
            (outcome, shown.errors)
        })
    });
    for shell in shells {
        assert_eq!(shell.await.unwrap(), (Outcome::Done, String::new()));
    }
    let (published, saved) = (site.context.directory.snapshot(), site.saved().await);
    for snapshot in [&*published, &saved] {
        let imap = snapshot.mailboxes().filter(|mailbox| mailbox.cas.imap_enabled != Some(false)).count();
        assert_eq!((with_pop(snapshot), imap, snapshot.accepted_domains().len()), (0, 0, 41));
        assert_eq!(snapshot.pop().banner, "Ready 40");
    }
    assert_eq!(site.context.store.audit(10_000).await.unwrap().len(), 2 * MANY + 80);
}

#[tokio::test]
async fn what_cannot_be_saved_is_told_for_each_object_and_not_published() {
    let mut site = Site::new().await;
    site.context.store.close();
    let errors = site.bad("Get-CASMailbox | Set-CASMailbox -PopEnabled $false").await;
    let told = |name: &str| errors.lines().any(|line| line.starts_with(&format!("Set-CASMailbox: {name}: ")));
    assert!(["admin", "alice", "bob"].into_iter().all(told), "{errors}");
    assert_eq!(with_pop(&site.context.directory.snapshot()), 3);
}
