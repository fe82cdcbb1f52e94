//! The organisation that the tables speak of.

use directory::*;
use mail::{AccountId, Address, Domain};
use std::net::IpAddr;

pub fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// A new node for example.test with POP3 and IMAP4 running; alice (account 1) and bob (account 2) have passwords.
pub fn organisation() -> Snapshot {
    let node = InitialNode {
        hostname: "mail.example.test".into(),
        client_host: "localhost".into(),
        domain: Domain::new("example.test").unwrap(),
        addresses: vec![IpAddr::from([0, 0, 0, 0])],
        port_offset: 0,
        pop_and_imap: StartupType::Automatic,
    };
    let with_password = |name: &str, account| {
        let mut mailbox = Mailbox::new(name, address(&format!("{name}@example.test")), AccountId(account), 0);
        mailbox.password = Some(PasswordHash("$argon2id$".into()));
        Change::put(mailbox)
    };
    let changes = [with_password("alice", 1), with_password("bob", 2)];
    Snapshot::initial(&node).unwrap().apply(changes).unwrap().snapshot
}

/// The organisation after one more object.
pub fn with(all: &Snapshot, object: impl Into<Object>) -> Snapshot {
    all.apply([Change::put(object)]).unwrap().snapshot
}

/// The organisation with alice changed.
#[allow(dead_code, reason = "each test file is a crate of its own and uses what it needs")]
pub fn with_alice(edit: impl FnOnce(&mut Mailbox)) -> Snapshot {
    let all = organisation();
    let mut alice = (**all.mailbox("alice").unwrap()).clone();
    edit(&mut alice);
    with(&all, alice)
}

/// A connector as it is after installation, with these mechanisms and groups.
#[allow(dead_code, reason = "each test file is a crate of its own and uses what it needs")]
pub fn connector(mechanisms: &str, groups: &str) -> ReceiveConnector {
    let bindings = vec!["0.0.0.0:2525".parse().unwrap()];
    ReceiveConnector {
        auth_mechanism: mechanisms.parse().unwrap(),
        permission_groups: groups.parse().unwrap(),
        ..ReceiveConnector::new("Relay", bindings, vec![IpRange::ALL_V4])
    }
}
