//! What an earlier version has kept is there after an upgrade: mail, settings, users and their passwords.
//!
//! `fixtures/node-v1` was made by the first version with format 1, as a demo in which some settings were changed; its
//! keys are left out, and made anew.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::Path;
use testkit::node::Node;
use testkit::programs::Reader;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn a_node_of_the_first_format_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/node-v1"), &data);
    let node = Node::start_on(&data).unwrap();
    for (question, expected) in [
        ("Get-PopSettings | % Banner", "Post office"),
        ("Get-ImapSettings | % MaxConnections", "77"),
        ("Get-ReceiveConnector 'Default MAIL' | % MaxRecipientsPerMessage", "55"),
        ("(Get-CASMailbox bob).PopEnabled", "False"),
        ("(Get-Mailbox bob).ProhibitSendReceiveQuota", "1 GB (1,073,741,824 bytes)"),
        ("(Get-Mailbox carol).UserPrincipalName", "carol@example.test"),
        ("Get-AcceptedDomain Sales | % DomainName", "sales.example.test"),
        ("Get-MailboxStatistics bob | % ItemCount", "2"),
        ("Get-MailboxDatabase | % DeletedItemRetention", "14.00:00:00"),
    ] {
        let said = node.shell(question).unwrap();
        assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), expected, "{question}: {said:?}");
    }
    let mut carol = Reader::connect(&node, "carol", "Carol!2026").unwrap();
    let kept = carol.only("INBOX", "before the upgrade").unwrap();
    assert!(kept.octets.ends_with(b"\r\nstill here\r\n"));
    // Large enough for a segment, then and now.
    assert!(carol.only("INBOX", "large").unwrap().octets.len() > 100_000);
}
