//! Snapshots: what is found, what may change, what is saved.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use directory::*;
use mail::{AccountId, Address, Domain};
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn node() -> InitialNode {
    InitialNode {
        hostname: "mail.example.test".into(),
        client_host: "localhost".into(),
        domain: Domain::new("example.test").unwrap(),
        addresses: vec![IpAddr::from([127, 0, 0, 1])],
        port_offset: 10_000,
        pop_and_imap: StartupType::Manual,
    }
}

fn initial() -> Snapshot {
    Snapshot::initial(&node()).unwrap()
}

fn put(snapshot: &Snapshot, object: impl Into<Object>) -> Result<Snapshot, Invalid> {
    snapshot.apply([Change::put(object)]).map(|applied| applied.snapshot)
}

/// Alice with a second address and another login name; Bob as he comes.
fn alice_and_bob() -> Snapshot {
    let mut alice = Mailbox::new("Alice Alder", address("alice@example.test"), AccountId(1), 0);
    alice.user_principal_name = address("a.alder@corp.test");
    alice.email_addresses.push(address("Alice.Alder@example.test"));
    let bob = Mailbox::new("Bob", address("bob@example.test"), AccountId(2), 0);
    let corp = AcceptedDomain::new(Domain::new("corp.test").unwrap());
    let changes = [Change::put(corp), Change::put(alice), Change::put(bob)];
    initial().apply(changes).unwrap().snapshot
}

fn name(found: Option<&Arc<Mailbox>>) -> Option<&str> {
    found.map(|mailbox| mailbox.name.as_str())
}

#[test]
fn a_new_node_is_safe() {
    let new = initial();
    assert_eq!(new.pop().login_type, LoginType::SecureLogin);
    assert_eq!(new.imap().unencrypted_or_tls_bindings, ["127.0.0.1:10143".parse().unwrap()]);
    assert_eq!(new.pop().ssl_bindings, ["127.0.0.1:10995".parse().unwrap()]);
    assert!(!new.is_running(ServiceName::Pop3) && !new.is_running(ServiceName::Imap4));
    assert!(new.is_running(ServiceName::Transport));
    let connectors: Vec<_> = new
        .receive_connectors()
        .iter()
        .map(|c| (c.name.as_str(), c.auth_mechanism.to_string(), c.permission_groups.to_string()))
        .collect();
    assert_eq!(
        connectors.iter().map(|(n, a, p)| (*n, a.as_str(), p.as_str())).collect::<Vec<_>>(),
        [
            ("Client MAIL", "Tls, Integrated, BasicAuth, BasicAuthRequireTLS", "ExchangeUsers"),
            (
                "Default MAIL",
                "Tls, Integrated, BasicAuth, BasicAuthRequireTLS, ExchangeServer",
                "AnonymousUsers, ExchangeServers, ExchangeLegacyServers"
            ),
        ]
    );
    let automatic = InitialNode { pop_and_imap: StartupType::Automatic, ..node() };
    assert!(Snapshot::initial(&automatic).unwrap().is_running(ServiceName::Pop3));
    let too_far = InitialNode { port_offset: 65_000, ..node() };
    assert_eq!(Snapshot::initial(&too_far).unwrap_err().parameter, "port offset");
}

#[test]
fn mailboxes_are_found_by_every_identity() {
    let all = alice_and_bob();
    let guid = all.mailbox("Bob").unwrap().guid.to_string();
    let table = [
        ("alice alder", Some("Alice Alder")),
        ("ALICE", Some("Alice Alder")),
        ("A.Alder@corp.test", Some("Alice Alder")),
        ("alice.alder@EXAMPLE.test", Some("Alice Alder")),
        (guid.as_str(), Some("Bob")),
        ("carol", None),
        ("", None),
    ];
    for (identity, expected) in table {
        assert_eq!(name(all.mailbox(identity)), expected, "{identity}");
    }
    assert_eq!(all.mailboxes().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["Alice Alder", "Bob"]);
    assert_eq!(name(all.mailbox_by_account(AccountId(2))), Some("Bob"));
    assert_eq!(name(all.recipient(&address("ALICE.alder@example.test"))), Some("Alice Alder"));
    // A login name alone takes no mail.
    assert_eq!(name(all.recipient(&address("a.alder@corp.test"))), None);
}

#[test]
fn login_names() {
    let all = alice_and_bob();
    let mut strict = (**all.organization()).clone();
    strict.login_names = LoginNames::UpnOnly;
    let upn_only = put(&all, strict).unwrap();
    // Text; who it is with all forms, and with login names only.
    let table = [
        ("bob", Some("Bob"), None),
        ("BOB", Some("Bob"), None),
        ("bob@example.test", Some("Bob"), Some("Bob")),
        ("a.alder@corp.test", Some("Alice Alder"), Some("Alice Alder")),
        ("alice@example.test", Some("Alice Alder"), None),
        ("alice.alder@example.test", None, None),
        ("alice", Some("Alice Alder"), None),
        ("example\\bob", Some("Bob"), None),
        ("EXAMPLE.test/bob", Some("Bob"), None),
        ("corp\\alice", Some("Alice Alder"), None),
        ("corp/a.alder", Some("Alice Alder"), None),
        ("corp\\bob", None, None),
        ("other\\bob", None, None),
        ("Alice Alder", None, None),
        ("carol", None, None),
        ("", None, None),
        ("/bob", None, None),
        ("bob/", None, None),
        ("example\\\\bob", None, None),
        ("bob@example.test/x/y", None, None),
        ("a/b/c/d", None, None),
    ];
    for (text, every, strictly) in table {
        let who = LoginName::parse(text).map(|login| login.who);
        assert_eq!(name(who.as_ref().and_then(|who| all.principal(who))), every, "{text}");
        assert_eq!(
            name(who.as_ref().and_then(|who| upn_only.principal(who))),
            strictly,
            "{text}, login names only"
        );
    }
}

#[test]
fn login_names_with_another_mailbox() {
    let account = |text: &str| Principal::Account(text.into());
    let upn = |text: &str| Principal::Upn(text.into());
    let in_domain = Principal::InDomain("example".into(), "bob".into());
    let table = [
        ("bob@example.test/shared", upn("bob@example.test"), Some(account("shared"))),
        ("bob@example.test\\s@x.test", upn("bob@example.test"), Some(upn("s@x.test"))),
        ("example\\bob\\shared", in_domain.clone(), Some(account("shared"))),
        ("example/bob/s@x.test", in_domain.clone(), Some(upn("s@x.test"))),
        ("example/bob", in_domain, None),
    ];
    for (text, who, mailbox) in table {
        assert_eq!(LoginName::parse(text), Some(LoginName { who, mailbox }), "{text}");
    }
}

#[test]
fn connectors_and_domains_are_found() {
    let all = initial();
    let guid = all.receive_connector("Client MAIL").unwrap().guid.to_string();
    for identity in ["client mail", "MAIL\\Client MAIL", guid.as_str()] {
        assert_eq!(all.receive_connector(identity).unwrap().name, "Client MAIL", "{identity}");
    }
    assert!(all.receive_connector("Client").is_none());
    assert!(all.accepted_domain_by_identity("EXAMPLE.TEST").unwrap().default);
    assert!(all.accepted_domain(&Domain::new("sub.example.test").unwrap()).is_none());
    assert_eq!(all.default_domain().unwrap().domain_name.as_str(), "example.test");
}

#[test]
fn services_are_found_by_every_name() {
    let table = [
        ("MSExchangePOP3", Some((ServiceName::Pop3, EntryKind::Own))),
        ("msexchangeimap4be", Some((ServiceName::Imap4, EntryKind::Alias))),
        ("Microsoft Exchange Transport", Some((ServiceName::Transport, EntryKind::Own))),
        ("MSExchangeFrontEndTransport", Some((ServiceName::Transport, EntryKind::Alias))),
        ("MSExchange", None),
    ];
    for (text, expected) in table {
        assert_eq!(ServiceName::find(text).map(|entry| (entry.service, entry.kind)), expected, "{text}");
    }
    for name in ServiceName::ALL {
        let own: Vec<_> = SERVICES.iter().filter(|e| e.service == name && e.kind == EntryKind::Own).collect();
        assert_eq!((own[0].name, own[0].display_name, own.len()), (name.name(), name.display_name(), 1));
    }
}

#[test]
fn records_bring_everything_back() {
    let all = alice_and_bob();
    let started =
        put(&all, Service { running: true, ..Service::new(ServiceName::Pop3, StartupType::Manual) }).unwrap();
    let again = Snapshot::load(started.records()).unwrap();
    assert_eq!(again.records(), started.records());
    assert!(started.is_running(ServiceName::Pop3), "started by hand");
    assert!(!again.is_running(ServiceName::Pop3), "and not started by itself the next time");
}

#[test]
fn a_change_names_its_records() {
    let all = alice_and_bob();
    let bob = all.mailbox("bob").unwrap().clone();
    let renamed = Mailbox { name: "Robert".into(), ..(*bob).clone() };
    let applied = all.apply([Change::put(renamed)]).unwrap();
    assert_eq!(applied.put.len(), 1);
    assert_eq!((applied.put[0].kind.as_str(), applied.put[0].key.clone()), ("Mailbox", bob.guid.to_string()));
    assert_eq!(name(applied.snapshot.mailbox("robert")), Some("Robert"));
    assert_eq!(name(applied.snapshot.mailbox("bob")), Some("Robert"), "the alias stays");
    assert_eq!(name(all.mailbox("Robert")), None, "the older snapshot is as it was");

    let applied = all.apply([Change::remove(bob.clone())]).unwrap();
    assert_eq!(applied.remove, [("Mailbox".to_owned(), bob.guid.to_string())]);
    assert_eq!((applied.snapshot.mailbox_count(), name(applied.snapshot.mailbox("bob"))), (1, None));
    assert!(
        put(&applied.snapshot, Mailbox::new("Bob", address("bob@example.test"), AccountId(3), 0)).is_ok()
    );
}

#[test]
fn two_mailboxes_swap_names_and_addresses_in_one_change() {
    let all = alice_and_bob();
    let bob = (**all.mailbox("bob").unwrap()).clone();
    let carol = Mailbox::new("Carol", address("carol@example.test"), AccountId(3), 0);
    let all = put(&all, carol.clone()).unwrap();
    let new_bob = Mailbox { guid: bob.guid, account: bob.account, ..carol.clone() };
    let new_carol = Mailbox { guid: carol.guid, account: carol.account, ..bob.clone() };
    assert!(put(&all, new_bob.clone()).is_err());
    let swapped = all.apply([Change::put(new_bob), Change::put(new_carol)]).unwrap().snapshot;
    assert_eq!(swapped.recipient(&address("bob@example.test")).unwrap().guid, carol.guid);
}

#[test]
fn administrators_are_known() {
    let all = alice_and_bob();
    assert_eq!(all.administrators().count(), 0);
    let mut bob = (**all.mailbox("bob").unwrap()).clone();
    bob.administrator = true;
    let all = put(&all, bob.clone()).unwrap();
    assert_eq!(all.administrators().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["Bob"]);
    bob.administrator = false;
    assert_eq!(put(&all, bob).unwrap().administrators().count(), 0);
}

#[test]
fn broken_records_are_refused_with_a_hint() {
    let good = alice_and_bob().records();
    let with = |kind: &str, json: &str| {
        let mut records = good.clone();
        records.push(Record { kind: kind.into(), key: "x".into(), json: json.into() });
        Snapshot::load(records).unwrap_err().to_string()
    };
    assert!(with("SendConnector", "{}").contains("SendConnector 'x'"));
    assert!(
        with("Service", "{\"name\":\"Pop3\",\"startup\":\"Manual\",\"later\":1}")
            .contains("unknown field `later`")
    );
    assert!(with("Service", "{").contains("newer Gatepost"));
    let without = good.iter().filter(|record| record.kind != "PopSettings").cloned();
    assert!(Snapshot::load(without).unwrap_err().to_string().contains("PopSettings is missing"));
    let default = good.iter().filter(|record| record.kind != "AcceptedDomain").cloned();
    assert!(Snapshot::load(default).is_err(), "mailboxes without their domain");
}

#[test]
fn records_of_the_first_format_load_unchanged() {
    // These texts are never edited: a version that cannot read them would reset settings on upgrade.
    let records: Vec<Record> = include_str!("records-v1.txt")
        .lines()
        .map(|line| {
            let mut parts = line.splitn(3, '\t');
            let mut next = || parts.next().unwrap().to_owned();
            Record { kind: next(), key: next(), json: next() }
        })
        .collect();
    let loaded = Snapshot::load(records.clone()).unwrap();
    assert_eq!(loaded.pop().login_type, LoginType::PlainTextLogin);
    assert_eq!(loaded.imap().max_connections_per_user, 77);
    assert_eq!(loaded.service(ServiceName::Pop3).unwrap().startup, StartupType::Disabled);
    let for_all = loaded.find::<RemoteDomain>("Default").unwrap();
    assert_eq!(**for_all, RemoteDomain::for_all(), "what came later is there as on a new node");
    let alice = loaded.mailbox("alice").unwrap();
    assert!(alice.cas.pop_enabled == Some(false) && alice.administrator);
    assert_eq!(alice.cas.imap_enabled, None, "what was allowed by default is no exception now");
    assert!(!alice.use_database_quota_defaults, "its own quotas still count");
    assert_eq!(alice.prohibit_send_receive_quota, Limit::To(ByteSize::mb(100)));
    let relay = loaded.receive_connector("Default MAIL").unwrap();
    assert_eq!(relay.max_inbound_connection_per_source, Limit::Unlimited);
    for (kind, key) in records.iter().map(|record| (&record.kind, &record.key)) {
        assert!(loaded.records().iter().any(|now| (&now.kind, &now.key) == (kind, key)), "{kind} {key}");
    }
}

#[test]
fn one_change_copies_one_mailbox_of_many() {
    let make = |n: u64| {
        let mailbox =
            Mailbox::new(&format!("user {n}"), address(&format!("u{n}@example.test")), AccountId(n), 0);
        Change::put(mailbox)
    };
    let all = initial().apply((0..20_000).map(make)).unwrap().snapshot;
    assert_eq!(all.mailbox_count(), 20_000);
    assert_eq!(name(all.mailbox("u19999@example.test")), Some("user 19999"));
    let mut one = (**all.mailbox("u5").unwrap()).clone();
    one.cas.pop_enabled = Some(false);
    let next = put(&all, one).unwrap();
    let shared = next.mailboxes().zip(all.mailboxes()).filter(|(new, old)| Arc::ptr_eq(new, old)).count();
    assert_eq!(shared, 19_999);
}

#[tokio::test]
async fn the_directory_wakes_who_waits() {
    let directory = Directory::new(initial());
    let before = directory.snapshot();
    let mut changed = directory.changed();
    assert!(!changed.has_changed().unwrap());
    directory.publish(alice_and_bob());
    changed.changed().await.unwrap();
    assert_eq!((before.mailbox_count(), directory.snapshot().mailbox_count()), (0, 2));
}

#[test]
fn guids_are_unique() {
    let (a, b) = (
        Mailbox::new("a", address("a@x.test"), AccountId(1), 0),
        AcceptedDomain::new(Domain::new("x").unwrap()),
    );
    assert!(a.guid != b.guid && a.guid != Uuid::nil());
}
