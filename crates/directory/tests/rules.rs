//! What is no valid change, and what the refusal says.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use directory::*;
use mail::{AccountId, Address, Domain};
use std::net::IpAddr;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn base() -> Snapshot {
    let node = InitialNode {
        hostname: "mail.example.test".into(),
        client_host: "mail.example.test".into(),
        domain: Domain::new("example.test").unwrap(),
        addresses: vec![IpAddr::from([0, 0, 0, 0])],
        port_offset: 0,
        pop_and_imap: StartupType::Manual,
    };
    let relay = AcceptedDomain {
        domain_type: DomainType::ExternalRelay,
        ..AcceptedDomain::new(Domain::new("outside.test").unwrap())
    };
    let bob = Mailbox::new("Bob", address("bob@example.test"), AccountId(1), 0);
    let changes = [Change::put(relay), Change::put(bob)];
    Snapshot::initial(&node).unwrap().apply(changes).unwrap().snapshot
}

/// Applies an edit to a copy and expects the parameter and a part of the text that is shown; nothing for a legal edit.
fn expect<T: Clone>(
    all: &Snapshot,
    what: &str,
    mut object: T,
    edit: fn(&mut T),
    put: fn(T) -> Object,
    expected: Expected,
) {
    edit(&mut object);
    let got = all.apply([Change::Put(put(object))]).map(drop);
    match (got, expected) {
        (Ok(()), None) => {}
        (Err(invalid), Some((parameter, text))) => {
            assert_eq!(invalid.parameter, parameter, "{what}: {invalid}");
            assert!(invalid.to_string().contains(text), "{what}: {invalid}");
        }
        (got, expected) => panic!("{what}: {got:?}, expected {expected:?}"),
    }
}

type Expected = Option<(&'static str, &'static str)>;
type Row<T> = (&'static str, fn(&mut T), Expected);

#[test]
fn mailboxes() {
    let all = base();
    let table: &[Row<Mailbox>] = &[
        ("as it is", |_| {}, None),
        ("no name", |m| m.name = String::new(), Some(("Name", "1 to 64"))),
        ("long name", |m| m.name = "x".repeat(65), Some(("Name", "1 to 64"))),
        ("line break", |m| m.name = "a\nb".into(), Some(("Name", "printable"))),
        ("name in use", |m| m.name = "BOB".into(), Some(("Name", "mailbox 'Bob'"))),
        ("alias in use", |m| m.alias = "bob".into(), Some(("Alias", "mailbox 'Bob'"))),
        ("own name as alias", |m| m.alias = "carol".into(), None),
        ("alias with blank", |m| m.alias = "a b".into(), Some(("Alias", "before @"))),
        ("alias with slash", |m| m.alias = "a/b".into(), Some(("Alias", "without /"))),
        (
            "address in use",
            |m| m.email_addresses.push(Address::parse("BOB@example.test").unwrap()),
            Some(("EmailAddresses", "belongs to mailbox 'Bob'")),
        ),
        (
            "address twice",
            |m| m.email_addresses.push(Address::parse("CAROL@example.test").unwrap()),
            Some(("EmailAddresses", "twice")),
        ),
        (
            "foreign domain",
            |m| m.email_addresses.push(Address::parse("c@elsewhere.test").unwrap()),
            Some(("EmailAddresses", "legal: example.test")),
        ),
        (
            "relay domain",
            |m| m.email_addresses.push(Address::parse("c@outside.test").unwrap()),
            Some(("EmailAddresses", "legal: example.test")),
        ),
        (
            "primary not listed",
            |m| m.primary_smtp_address = Address::parse("c2@example.test").unwrap(),
            Some(("PrimarySmtpAddress", "EmailAddresses")),
        ),
        (
            "login name in use",
            |m| m.user_principal_name = Address::parse("bob@example.test").unwrap(),
            Some(("UserPrincipalName", "mailbox 'Bob'")),
        ),
        ("login name elsewhere", |m| m.user_principal_name = Address::parse("c@corp.test").unwrap(), None),
        ("account in use", |m| m.account = AccountId(1), Some(("", "mailbox 'Bob'"))),
        (
            "quotas in order",
            |m| {
                m.prohibit_send_quota = Limit::To(ByteSize::mb(2));
                m.prohibit_send_receive_quota = Limit::To(ByteSize::mb(1));
            },
            Some(("ProhibitSendQuota", "1 MB")),
        ),
    ];
    for (what, edit, expected) in table {
        let carol = Mailbox::new("Carol", address("carol@example.test"), AccountId(2), 0);
        expect(&all, what, carol, *edit, Object::from, *expected);
    }
}

#[test]
fn accepted_domains() {
    let all = base();
    let table: &[Row<AcceptedDomain>] = &[
        ("as it is", |_| {}, None),
        ("second default", |d| d.default = true, Some(("Default", "not example.test and new.test"))),
        (
            "same domain",
            |d| d.domain_name = Domain::new("EXAMPLE.test").unwrap(),
            Some(("DomainName", "example.test")),
        ),
        ("same name", |d| d.name = "Example.Test".into(), Some(("Name", "this name"))),
        (
            "literal",
            |d| d.domain_name = Domain::new("[192.0.2.1]").unwrap(),
            Some(("DomainName", "domain name")),
        ),
    ];
    for (what, edit, expected) in table {
        let domain = AcceptedDomain::new(Domain::new("new.test").unwrap());
        expect(&all, what, domain, *edit, Object::from, *expected);
    }
    let example = || (**all.accepted_domain_by_identity("example.test").unwrap()).clone();
    let table: &[Row<AcceptedDomain>] = &[
        ("no default", |d| d.default = false, Some(("Default", "exactly one"))),
        ("other domain", |d| d.domain_name = Domain::new("other.test").unwrap(), Some(("", "mailbox 'Bob'"))),
        ("external", |d| d.domain_type = DomainType::ExternalRelay, Some(("", "bob@example.test"))),
        ("internal", |d| d.domain_type = DomainType::InternalRelay, None),
    ];
    for (what, edit, expected) in table {
        expect(&all, what, example(), *edit, Object::from, *expected);
    }
    assert_eq!(all.apply([Change::remove(example())]).unwrap_err().parameter, "Default");
    let outside = all.accepted_domain_by_identity("outside.test").unwrap().clone();
    assert!(all.apply([Change::remove(outside.clone())]).is_ok());
    // The default moves in one change.
    let moved = [
        Change::put(AcceptedDomain { default: false, ..example() }),
        Change::put(AcceptedDomain { default: true, ..(*outside).clone() }),
    ];
    assert!(all.apply(moved).is_ok());
}

#[test]
fn connectors_alone() {
    let all = base();
    let table: &[Row<ReceiveConnector>] = &[
        ("as it is", |_| {}, None),
        ("same name", |c| c.name = "client mail".into(), Some(("Name", "this name"))),
        ("no mechanism", |c| c.auth_mechanism = "None".parse().unwrap(), None),
        (
            "basic requires the rest",
            |c| c.auth_mechanism = "Tls, BasicAuthRequireTLS".parse().unwrap(),
            Some(("AuthMechanism", "needs BasicAuth and Tls")),
        ),
        (
            "basic requires tls",
            |c| c.auth_mechanism = "BasicAuth, BasicAuthRequireTLS".parse().unwrap(),
            Some(("AuthMechanism", "needs BasicAuth and Tls")),
        ),
        (
            "external with others",
            |c| {
                c.auth_mechanism = "BasicAuth, ExternalAuthoritative".parse().unwrap();
                c.permission_groups.exchange_servers = true;
            },
            Some(("AuthMechanism", "only Tls may accompany")),
        ),
        (
            "external without servers",
            |c| c.auth_mechanism = "Tls, ExternalAuthoritative".parse().unwrap(),
            Some(("AuthMechanism", "ExchangeServers")),
        ),
        (
            "external",
            |c| {
                c.auth_mechanism = "Tls, ExternalAuthoritative".parse().unwrap();
                c.permission_groups.exchange_servers = true;
            },
            None,
        ),
        (
            "require tls without tls",
            |c| {
                c.auth_mechanism = AuthMechanism::default();
                c.require_tls = true;
            },
            Some(("RequireTLS", "Tls")),
        ),
        ("require tls", |c| c.require_tls = true, None),
        (
            "idle as long as life",
            |c| c.connection_inactivity_timeout = TimeSpan(600),
            Some(("ConnectionInactivityTimeout", "less than 00:10:00")),
        ),
        (
            "life",
            |c| c.connection_timeout = TimeSpan(86_401),
            Some(("ConnectionTimeout", "00:00:01 to 1.00:00:00")),
        ),
        ("banner", |c| c.banner = Some("hello".into()), Some(("Banner", "220"))),
        ("two banners", |c| c.banner = Some("220 a\r\n250 b".into()), Some(("Banner", "printable"))),
        ("good banner", |c| c.banner = Some("220 hello".into()), None),
        ("fqdn", |c| c.fqdn = "no name".into(), Some(("Fqdn", "no host name"))),
        ("size", |c| c.max_message_size = ByteSize(1), Some(("MaxMessageSize", "64 KB (65,536 bytes) to"))),
        (
            "recipients",
            |c| c.max_recipients_per_message = 0,
            Some(("MaxRecipientsPerMessage", "1 to 512000")),
        ),
        ("hops", |c| c.max_hop_count = 501, Some(("MaxHopCount", "1 to 500"))),
        (
            "sources",
            |c| c.max_inbound_connection_per_source = Limit::To(10_001),
            Some(("MaxInboundConnectionPerSource", "1 to 10000, or unlimited")),
        ),
        ("unlimited", |c| c.max_inbound_connection_per_source = Limit::Unlimited, None),
        ("failures", |c| c.max_logon_failures = 11, Some(("MaxLogonFailures", "0 to 10"))),
        ("tarpit", |c| c.tarpit_interval = TimeSpan(601), Some(("TarpitInterval", "00:10:00"))),
        ("no bindings", |c| c.bindings.clear(), Some(("Bindings", "at least one"))),
        ("no ranges", |c| c.remote_ip_ranges.clear(), Some(("RemoteIPRanges", "at least one"))),
        ("no port", |c| c.bindings[0].0.set_port(0), Some(("Bindings", "1 to 65535"))),
    ];
    for (what, edit, expected) in table {
        let connector = relay("0.0.0.0:25", "192.168.5.10");
        expect(&all, what, connector, *edit, Object::from, *expected);
    }
}

fn relay(binding: &str, range: &str) -> ReceiveConnector {
    ReceiveConnector::new("Relay", vec![binding.parse().unwrap()], vec![range.parse().unwrap()])
}

#[test]
fn connectors_beside_each_other() {
    let first = ReceiveConnector { name: "First".into(), ..relay("0.0.0.0:2525", "10.0.0.0/24") };
    let all = base().apply([Change::put(first)]).unwrap().snapshot;
    let table = [
        ("within the other", "0.0.0.0:2525", "10.0.0.5", None),
        ("around the other", "0.0.0.0:2525", "10.0.0.0/8", None),
        ("apart", "0.0.0.0:2525", "10.0.1.0/24", None),
        ("the same", "0.0.0.0:2525", "10.0.0.0-10.0.0.255", Some("receive connector 'First'")),
        ("half", "0.0.0.0:2525", "10.0.0.128-10.0.1.127", Some("receive connector 'First'")),
        ("the same on another port", "0.0.0.0:2526", "10.0.0.0/24", None),
        ("the same on an exact address", "127.0.0.1:2525", "10.0.0.0/24", None),
        ("another family", "[::]:2525", "10.0.0.0/24", None),
        ("all clients of the default connector", "0.0.0.0:25", "0.0.0.0/0", Some("'Default MAIL'")),
    ];
    for (what, binding, range, expected) in table {
        let got = all.apply([Change::put(relay(binding, range))]).map(drop);
        match (&got, expected) {
            (Ok(()), None) => {}
            (Err(invalid), Some(text)) => {
                assert_eq!(invalid.parameter, "RemoteIPRanges", "{what}");
                assert!(invalid.to_string().contains(text), "{what}: {invalid}");
            }
            _ => panic!("{what}: {got:?}"),
        }
    }
}

#[test]
fn ports_are_taken_once() {
    let all = base();
    let binding = |text: &str| vec![text.parse::<Binding>().unwrap()];
    let pop = |bindings: Vec<Binding>| {
        let mut settings = (**all.pop()).clone();
        settings.unencrypted_or_tls_bindings = bindings;
        all.apply([Change::Put(Object::pop(settings))]).map(drop)
    };
    assert_eq!(pop(binding("0.0.0.0:1110")), Ok(()));
    assert_eq!(pop(Vec::new()), Ok(()), "no clear port at all");
    for taken in ["0.0.0.0:143", "127.0.0.1:143", "127.0.0.1:25", "0.0.0.0:995"] {
        let invalid = pop(binding(taken)).unwrap_err();
        assert!(invalid.to_string().contains("is taken by"), "{taken}: {invalid}");
    }
    let twice = [binding("0.0.0.0:1110"), binding("0.0.0.0:1110")].concat();
    let said = pop(twice).unwrap_err().to_string();
    assert_eq!(said, "PopSettings, UnencryptedOrTLSBindings: 0.0.0.0:1110 is given twice");
    let mut mixed = relay("0.0.0.0:2525", "10.0.0.1");
    mixed.ssl_bindings = binding("127.0.0.1:2525");
    assert_eq!(all.apply([Change::put(mixed)]).unwrap_err().parameter, "SSLBindings");
}

#[test]
fn whoever_had_a_port_has_it() {
    let all = base();
    let binding = |text: &str| vec![text.parse::<Binding>().unwrap()];
    let (mut pop, mut imap) = ((**all.pop()).clone(), (**all.imap()).clone());
    (pop.ssl_bindings, imap.ssl_bindings) = (binding("0.0.0.0:993"), binding("0.0.0.0:995"));
    let said = |object: Object| all.apply([Change::Put(object)]).map(drop).unwrap_err().to_string();
    // Neither way does the order of the two decide.
    assert_eq!(
        said(Object::pop(pop.clone())),
        "PopSettings, SSLBindings: 0.0.0.0:993 is taken by ImapSettings, SSLBindings"
    );
    assert_eq!(
        said(Object::imap(imap.clone())),
        "ImapSettings, SSLBindings: 0.0.0.0:995 is taken by PopSettings, SSLBindings"
    );
    pop.ssl_bindings = binding("127.0.0.1:993");
    assert_eq!(
        said(Object::pop(pop.clone())),
        "PopSettings, SSLBindings: 127.0.0.1:993 is taken by ImapSettings, SSLBindings, with 0.0.0.0:993"
    );
    let swapped = [Change::Put(Object::pop(pop)), Change::Put(Object::imap(imap))];
    assert!(all.apply(swapped).is_ok());
}

#[test]
fn settings() {
    let all = base();
    let table: &[Row<ProtocolSettings>] = &[
        ("as it is", |_| {}, None),
        (
            "idle",
            |s| s.authenticated_connection_timeout = TimeSpan(29),
            Some(("AuthenticatedConnectionTimeout", "00:00:30 to 1.00:00:00")),
        ),
        (
            "idle before login",
            |s| s.pre_authenticated_connection_timeout = TimeSpan(3601),
            Some(("PreAuthenticatedConnectionTimeout", "00:00:30 to 01:00:00")),
        ),
        (
            "order of the two",
            |s| s.authenticated_connection_timeout = TimeSpan(59),
            Some(("PreAuthenticatedConnectionTimeout", "00:00:59")),
        ),
        ("connections", |s| s.max_connections = 0, Some(("MaxConnections", "1 to 2147483647"))),
        (
            "from one address",
            |s| s.max_connection_from_single_ip = 0,
            Some(("MaxConnectionFromSingleIP", "1 to")),
        ),
        ("of a user", |s| s.max_connections_per_user = u32::MAX, Some(("MaxConnectionsPerUser", "1 to"))),
        ("banner", |s| s.banner = "a\r\nb".into(), Some(("Banner", "printable"))),
        (
            "certificate",
            |s| s.x509_certificate_name = "a b".into(),
            Some(("X509CertificateName", "no host name")),
        ),
        ("wildcard certificate", |s| s.x509_certificate_name = "*.example.test".into(), None),
    ];
    for (what, edit, expected) in table {
        expect(&all, what, (**all.pop()).clone(), *edit, Object::pop, *expected);
        expect(&all, what, (**all.imap()).clone(), *edit, Object::imap, *expected);
    }
    let command: Row<ProtocolSettings> =
        ("POP3 command", |s| s.max_command_size = 1025, Some(("MaxCommandSize", "40 to 1024")));
    expect(&all, command.0, (**all.pop()).clone(), command.1, Object::pop, command.2);
    expect(&all, "IMAP4 command", (**all.imap()).clone(), command.1, Object::imap, None);
}

#[test]
fn what_a_node_always_has_stays() {
    let all = base();
    let invalid = all.apply([Change::Remove(Object::pop((**all.pop()).clone()))]).unwrap_err();
    assert_eq!(invalid.to_string(), "PopSettings '1': it cannot be removed, only changed");
    let mut organization = (**all.organization()).clone();
    organization.hostname = "two words".into();
    assert_eq!(all.apply([Change::put(organization)]).unwrap_err().parameter, "Hostname");
}
