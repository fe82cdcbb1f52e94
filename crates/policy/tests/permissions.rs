//! What permissions that were added one by one give and take.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod common;

use common::{address, connector, organisation, with};
use directory::*;
use mail::AccountId;
use policy::*;

const ALICE: Client = Client::User(AccountId(1));
const BOB: Client = Client::User(AccountId(2));

/// `+Everyone ms-Exch-SMTP-Submit`, `-alice Send-As`: what is given and taken.
fn entries(all: &Snapshot, text: &str) -> Vec<Permission> {
    let one = |line: &str| {
        let (trustee, right) = line[1..].rsplit_once(' ').unwrap();
        let families = [Family::Extended, Family::Directory, Family::Mailbox];
        let right = families.iter().find_map(|family| Right::find(*family, right).ok()).unwrap();
        let sense = if line.starts_with('-') { Sense::Deny } else { Sense::Allow };
        Permission { sense, ..Permission::allow(all.trustee(trustee).unwrap(), right) }
    };
    text.split(", ").filter(|line| !line.is_empty()).map(one).collect()
}

fn letters(r: Rights) -> String {
    let all = [
        r.submit,
        r.any_recipient,
        r.any_sender,
        r.authoritative_sender,
        r.authenticated,
        r.bypass_size_limit,
    ];
    all.iter().map(|on| if *on { 'x' } else { '-' }).collect()
}

#[test]
fn rights_on_a_connector() {
    let all = organisation();
    const ANY: &str = "ms-Exch-SMTP-Accept-Any-Recipient";
    // Groups; entries; the client; submit, any recipient, any sender, authoritative sender, authenticated, any size.
    let table = [
        ("AnonymousUsers", "+ANONYMOUS LOGON {ANY}", Client::Anonymous, "xxxx--"),
        ("AnonymousUsers", "+S-1-5-7 {ANY}", Client::Anonymous, "xxxx--"),
        ("AnonymousUsers", "+Everyone {ANY}", Client::Anonymous, "x-xx--"),
        ("AnonymousUsers", "-Everyone {ANY}, +ANONYMOUS LOGON {ANY}", Client::Anonymous, "x-xx--"),
        ("AnonymousUsers", "-Everyone ms-Exch-SMTP-Submit", Client::Anonymous, "--xx--"),
        ("AnonymousUsers", "+ANONYMOUS LOGON ms-Exch-Bypass-Message-Size-Limit", Client::Anonymous, "x-xx-x"),
        ("AnonymousUsers", "+ANONYMOUS LOGON GenericAll", Client::Anonymous, "xxxxxx"),
        ("AnonymousUsers", "+alice {ANY}", Client::Anonymous, "x-xx--"),
        ("None", "+alice ms-Exch-SMTP-Submit", ALICE, "x---x-"),
        ("None", "+alice ms-Exch-SMTP-Submit", BOB, "------"),
        ("ExchangeUsers", "-alice {ANY}", ALICE, "x---x-"),
        ("ExchangeUsers", "-alice {ANY}", BOB, "xx--x-"),
        ("ExchangeUsers", "-Everyone GenericAll", BOB, "------"),
        ("ExchangeUsers", "+EXAMPLE\\bob ms-Exch-SMTP-Accept-Any-Sender", BOB, "xxx-x-"),
        ("ExchangeServers", "-Externally Secured Servers {ANY}", Client::ExternallySecured, "x-xxxx"),
    ];
    for (groups, list, client, expected) in table {
        let mut connector = connector("Tls, BasicAuth", groups);
        connector.permissions.entries = entries(&all, &list.replace("{ANY}", ANY));
        assert_eq!(letters(rights(&all, &connector, client)), expected, "{groups} {list} {client:?}");
    }
}

#[test]
fn entries_for_what_is_below_are_not_for_the_object() {
    let all = organisation();
    for (inheritance, expected) in [
        (Inheritance::All, true),
        (Inheritance::None, true),
        (Inheritance::SelfAndChildren, true),
        (Inheritance::Children, false),
        (Inheritance::Descendents, false),
    ] {
        let mut connector = connector("Tls", "AnonymousUsers");
        let [entry] = entries(&all, "+ANONYMOUS LOGON ms-Exch-SMTP-Accept-Any-Recipient")[..] else {
            panic!()
        };
        connector.permissions.entries = vec![Permission { inheritance, ..entry }];
        assert_eq!(rights(&all, &connector, Client::Anonymous).any_recipient, expected, "{inheritance}");
    }
}

#[test]
fn whoever_may_submit_may_log_in() {
    let all = organisation();
    for (list, expected) in [
        ("", false),
        ("+alice ms-Exch-SMTP-Submit", true),
        ("-alice ms-Exch-SMTP-Submit", false),
        ("+ANONYMOUS LOGON ms-Exch-SMTP-Submit", false),
    ] {
        let mut connector = connector("Tls, BasicAuth", "None");
        connector.permissions.entries = entries(&all, list);
        assert_eq!(offers(Door::Smtp(&connector), Channel::Tls).basic, expected, "{list}");
    }
}

#[test]
fn senders_that_a_stranger_may_be() {
    let all = organisation();
    // Entries besides the right to submit; sender; whether it may.
    let table = [
        ("", None, true),
        ("", Some("x@remote.test"), false),
        ("", Some("bob@example.test"), false),
        (", +ANONYMOUS LOGON ms-Exch-SMTP-Accept-Any-Sender", Some("x@remote.test"), true),
        (", +ANONYMOUS LOGON ms-Exch-SMTP-Accept-Any-Sender", Some("bob@example.test"), false),
        (", +ANONYMOUS LOGON ExtendedRight", Some("bob@example.test"), true),
    ];
    for (more, from, expected) in table {
        let mut connector = connector("Tls", "None");
        connector.permissions.entries = entries(&all, &format!("+ANONYMOUS LOGON ms-Exch-SMTP-Submit{more}"));
        let from = from.map(address);
        let got = sender(&all, &connector, Client::Anonymous, Channel::Tls, from.as_ref());
        assert_eq!(got.is_ok(), expected, "{more} {from:?}: {got:?}");
    }
}

#[test]
fn sending_as_somebody_else() {
    // Entries on alice's mailbox; who sends as her; whether he may.
    let table = [
        ("", BOB, false),
        ("", ALICE, true),
        ("+bob Send-As", BOB, true),
        ("+Authenticated Users Send-As", BOB, true),
        ("+bob Send-As, -Everyone Send-As", BOB, false),
        ("+bob FullAccess", BOB, false),
        ("+bob GenericAll", BOB, true),
        ("+bob Receive-As", BOB, false),
        ("-SELF Send-As", ALICE, false),
        ("-SELF Send-As, +bob Send-As", BOB, true),
    ];
    let everybody = connector("Tls", "ExchangeUsers");
    for (list, client, expected) in table {
        let all = organisation();
        let mut mailbox = (**all.mailbox("alice").unwrap()).clone();
        mailbox.permissions.entries = entries(&all, list);
        let all = with(&all, mailbox);
        let alice = address("alice@example.test");
        let got = sender(&all, &everybody, client, Channel::Tls, Some(&alice));
        assert_eq!(got.is_ok(), expected, "{list} {client:?}: {got:?}");
        let named = Authors { from: vec![alice.to_string()], ..Authors::default() };
        let got = authors(&all, &everybody, client, &named);
        assert_eq!(got.is_ok(), expected, "the header: {list} {client:?}: {got:?}");
    }
}

#[test]
fn opening_the_mailbox_of_somebody_else() {
    let table = [
        ("", false),
        ("+bob FullAccess", true),
        ("+bob Receive-As", true),
        ("+bob Send-As", false),
        ("+bob ReadPermission", false),
        ("+Authenticated Users FullAccess", true),
        ("+Authenticated Users FullAccess, -bob FullAccess", false),
    ];
    for (list, expected) in table {
        let all = organisation();
        let mut alice = (**all.mailbox("alice").unwrap()).clone();
        alice.permissions.entries = entries(&all, list);
        let all = with(&all, alice);
        let (alice, bob) = (all.mailbox("alice").unwrap(), all.mailbox("bob").unwrap());
        assert_eq!(may_open(bob, alice), expected, "{list}");
        assert!(may_open(alice, alice), "her own");
    }
}

#[test]
fn open_relays_are_seen() {
    let all = organisation();
    let any = "+ANONYMOUS LOGON ms-Exch-SMTP-Accept-Any-Recipient";
    let table = [
        ("Tls", "AnonymousUsers", "", "0.0.0.0/0", false),
        ("Tls", "AnonymousUsers", any, "0.0.0.0/0", true),
        ("Tls", "AnonymousUsers", any, "192.168.5.0/24", false),
        ("Tls", "None", any, "0.0.0.0/0", false),
        ("Tls", "AnonymousUsers", "+Everyone ms-Exch-SMTP-Accept-Any-Recipient", "0.0.0.0/0", false),
        ("ExternalAuthoritative", "ExchangeServers", "", "0.0.0.0/0", true),
        ("ExternalAuthoritative", "ExchangeServers", "", "10.0.0.1", false),
    ];
    for (mechanisms, groups, list, range, expected) in table {
        let mut connector = connector(mechanisms, groups);
        connector.permissions.entries = entries(&all, list);
        connector.remote_ip_ranges = vec![range.parse().unwrap()];
        assert_eq!(open_relay(&connector).is_some(), expected, "{mechanisms} {groups} {list} {range}");
    }
}
