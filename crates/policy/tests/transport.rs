//! What SMTP clients may do.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod common;

use common::{address, connector, organisation, with, with_alice};
use directory::*;
use mail::{AccountId, Domain};
use policy::*;

const ALICE: Client = Client::User(AccountId(1));

fn word<T: std::fmt::Debug>(got: Result<T, Refusal>) -> String {
    match got {
        Ok(value) => format!("{value:?}"),
        Err(refusal) => format!("{refusal:?}").split([' ', '{']).next().unwrap().to_owned(),
    }
}

#[test]
fn clients() {
    let external = connector("Tls, ExternalAuthoritative", "ExchangeServers");
    let plain = connector("Tls", "AnonymousUsers");
    assert_eq!(client(&plain, None), Client::Anonymous);
    assert_eq!(client(&external, None), Client::ExternallySecured);
    assert_eq!(client(&external, Some(AccountId(1))), ALICE);
}

#[test]
fn rights_of_groups() {
    let all = organisation();
    // Client; groups; submit, any recipient, any sender, authoritative sender, authenticated, any size.
    let table = [
        (Client::Anonymous, "AnonymousUsers", "x-xx--"),
        (Client::Anonymous, "ExchangeUsers, ExchangeServers", "------"),
        (Client::Anonymous, "None", "------"),
        (ALICE, "ExchangeUsers", "xx--x-"),
        (ALICE, "AnonymousUsers, ExchangeServers", "------"),
        (Client::ExternallySecured, "ExchangeServers", "xxxxxx"),
        (Client::ExternallySecured, "AnonymousUsers, ExchangeUsers", "------"),
    ];
    for (client, groups, expected) in table {
        let r = rights(&all, &connector("Tls", groups), client);
        let all = [
            r.submit,
            r.any_recipient,
            r.any_sender,
            r.authoritative_sender,
            r.authenticated,
            r.bypass_size_limit,
        ];
        let got: String = all.iter().map(|on| if *on { 'x' } else { '-' }).collect();
        assert_eq!(got, expected, "{client:?} with {groups}");
    }
}

#[test]
fn senders() {
    let all = with_alice(|alice| alice.email_addresses.push(address("a@example.test")));
    let table = [
        ("AnonymousUsers", Client::Anonymous, Some("x@remote.test"), "()"),
        ("AnonymousUsers", Client::Anonymous, Some("alice@example.test"), "()"),
        ("AnonymousUsers", Client::Anonymous, None, "()"),
        ("ExchangeUsers", Client::Anonymous, Some("x@remote.test"), "NotAuthenticated"),
        ("None", Client::Anonymous, None, "NotAuthenticated"),
        ("ExchangeUsers", ALICE, Some("alice@example.test"), "()"),
        ("ExchangeUsers", ALICE, Some("ALICE@Example.test"), "()"),
        ("ExchangeUsers", ALICE, Some("a@example.test"), "()"),
        ("ExchangeUsers", ALICE, Some("bob@example.test"), "SenderNotAllowed"),
        ("ExchangeUsers", ALICE, Some("alice@remote.test"), "SenderNotAllowed"),
        ("ExchangeUsers", ALICE, None, "()"),
        ("AnonymousUsers", ALICE, Some("alice@example.test"), "NotAuthenticated"),
        ("ExchangeUsers", Client::User(AccountId(9)), Some("alice@example.test"), "UnknownUser"),
        ("ExchangeServers", Client::ExternallySecured, Some("bob@example.test"), "()"),
        ("AnonymousUsers", Client::ExternallySecured, Some("bob@example.test"), "NotAuthenticated"),
    ];
    for (groups, client, from, expected) in table {
        let from_address = from.map(address);
        let got = sender(&all, &connector("Tls", groups), client, Channel::Tls, from_address.as_ref());
        assert_eq!(word(got), expected, "{groups} {client:?} {from:?}");
    }
}

#[test]
fn authors_are_who_sends() {
    let all = with_alice(|alice| alice.email_addresses.push(address("a@example.test")));
    let (own, bob) = ("Alice@example.test", "bob@example.test");
    // From, Sender; what a user hears.
    let table: [(&[&str], &[&str], &str); 12] = [
        (&[], &[], "()"),
        (&[own], &[], "()"),
        (&["a@example.test"], &[own], "()"),
        (&[own, "a@example.test"], &[], "()"),
        (&[own, bob], &[own], "()"),
        (&[own, bob], &[], "AuthorNotAllowed"),
        (&[bob, "eve@remote.test"], &[own], "AuthorNotAllowed"),
        (&[bob], &[own], "AuthorNotAllowed"),
        (&[own], &[bob], "AuthorNotAllowed"),
        (&[own], &[own, bob], "AuthorNotAllowed"),
        (&["@"], &[], "AuthorNotAllowed"),
        (&[], &["eve@remote.test"], "AuthorNotAllowed"),
    ];
    let everybody = connector("Tls", "AnonymousUsers, ExchangeUsers, ExchangeServers");
    for (address, remedy) in [("new@example.test", true), (bob, true), ("eve@remote.test", false)] {
        let named = Authors { from: vec![address.to_owned()], ..Authors::default() };
        let refusal = authors(&all, &everybody, ALICE, &named).unwrap_err();
        assert_eq!(
            refusal.remedy().is_some(),
            remedy,
            "whether an administrator can let alice write as {address}"
        );
    }
    for (from, sender, expected) in table {
        let [from, sender] = [from, sender].map(|list| list.iter().map(|text| (*text).to_owned()).collect());
        let named = Authors { from, sender, unclear: None };
        let got = |client, named: &Authors| word(authors(&all, &everybody, client, named));
        assert_eq!(got(ALICE, &named), expected, "{named:?}");
        let unclear = Authors { unclear: Some("From"), ..named.clone() };
        assert_eq!(got(ALICE, &unclear), "AuthorUnclear", "{unclear:?}");
        assert_eq!(got(Client::Anonymous, &unclear), "()");
        assert_eq!(got(Client::ExternallySecured, &unclear), "()");
    }
}

#[test]
fn senders_need_tls_where_it_is_required() {
    let all = organisation();
    let strict = ReceiveConnector { require_tls: true, ..connector("Tls", "AnonymousUsers") };
    let got = |channel| word(sender(&all, &strict, Client::Anonymous, channel, None));
    assert_eq!((got(Channel::Clear).as_str(), got(Channel::Tls).as_str()), ("TlsRequired", "()"));
}

#[test]
fn strangers_hear_what_they_lack() {
    let all = organisation();
    let table = [
        ("Tls, BasicAuth, BasicAuthRequireTLS", "ExchangeUsers", "TlsBeforeLogin", "NotAuthenticated"),
        ("Tls, BasicAuth", "ExchangeUsers", "NotAuthenticated", "NotAuthenticated"),
        ("Tls", "ExchangeUsers", "NotAuthenticated", "NotAuthenticated"),
        ("Tls, BasicAuth, BasicAuthRequireTLS", "ExchangeServers", "NotAuthenticated", "NotAuthenticated"),
    ];
    for (mechanisms, groups, clear, tls) in table {
        let connector = connector(mechanisms, groups);
        let got = |channel| word(sender(&all, &connector, Client::Anonymous, channel, None));
        assert_eq!((got(Channel::Clear).as_str(), got(Channel::Tls).as_str()), (clear, tls), "{mechanisms}");
    }
}

#[test]
fn a_disabled_user_sends_no_more() {
    let all = with_alice(|alice| alice.account_disabled = true);
    let from = address("alice@example.test");
    let got = sender(&all, &connector("Tls", "ExchangeUsers"), ALICE, Channel::Tls, Some(&from));
    assert_eq!(word(got), "AccountDisabled");
}

#[test]
fn recipients_by_route() {
    let mut all = with_alice(|alice| {
        alice.administrator = true;
        alice.user_principal_name = address("login@example.test");
    });
    for (name, domain_type) in
        [("shared.test", DomainType::InternalRelay), ("away.test", DomainType::ExternalRelay)]
    {
        all = with(&all, AcceptedDomain { domain_type, ..AcceptedDomain::new(Domain::new(name).unwrap()) });
    }
    let mut bob = (**all.mailbox("bob").unwrap()).clone();
    bob.email_addresses.push(address("bob@shared.test"));
    all = with(&all, bob);
    // Recipient; where it goes for anybody, and for a user.
    let table = [
        ("alice@example.test", "alice", "alice"),
        ("Alice@EXAMPLE.test", "alice", "alice"),
        ("login@example.test", "UnknownRecipient", "UnknownRecipient"),
        ("nobody@example.test", "UnknownRecipient", "UnknownRecipient"),
        ("Postmaster@example.test", "alice", "alice"),
        ("postmaster@shared.test", "alice", "alice"),
        ("bob@shared.test", "bob", "bob"),
        ("other@shared.test", "Remote other@shared.test", "Remote other@shared.test"),
        ("x@away.test", "Remote x@away.test", "Remote x@away.test"),
        ("x@remote.test", "RelayDenied", "Remote x@remote.test"),
        ("x@sub.example.test", "RelayDenied", "Remote x@sub.example.test"),
        ("x@[127.0.0.1]", "RelayDenied", "Remote x@[127.0.0.1]"),
        ("\"x@remote.test\"@example.test", "UnknownRecipient", "UnknownRecipient"),
    ];
    let everybody = connector("Tls", "AnonymousUsers, ExchangeUsers");
    let route = |client, to: &str| match recipient(&all, &everybody, client, &Author::default(), &address(to))
    {
        Ok(Route { local, remote }) if remote.is_empty() => {
            local.iter().map(|m| m.name.clone()).collect::<Vec<_>>().join(",")
        }
        Ok(Route { remote, .. }) => format!("Remote {}", remote[0]),
        other => word(other),
    };
    for (to, anybody, user) in table {
        assert_eq!(
            (route(Client::Anonymous, to).as_str(), route(ALICE, to).as_str()),
            (anybody, user),
            "{to}"
        );
    }
    let nobody = organisation();
    let got = recipient(&nobody, &everybody, ALICE, &Author::default(), &address("postmaster@example.test"));
    assert_eq!(word(got), "UnknownRecipient", "no administrator to take it");
}

#[test]
fn sizes_and_counts() {
    let all = organisation();
    let small = ReceiveConnector {
        max_message_size: ByteSize::kb(64),
        max_recipients_per_message: 2,
        max_hop_count: 3,
        ..connector("Tls", "AnonymousUsers, ExchangeServers")
    };
    assert!(size(&all, &small, Client::Anonymous, 65_536).is_ok());
    let refusal = size(&all, &small, Client::Anonymous, 65_537).unwrap_err();
    assert_eq!(refusal.remedy().unwrap(), "Set-ReceiveConnector 'Relay' -MaxMessageSize 1MB");
    assert!(size(&all, &small, Client::ExternallySecured, u64::MAX).is_ok());
    assert!(header(&small, 256 << 10).is_ok());
    assert_eq!(word(header(&small, (256 << 10) + 1)), "HeaderTooLarge");
    assert!(recipients(&all, &small, Client::Anonymous, 1).is_ok());
    assert_eq!(word(recipients(&all, &small, Client::Anonymous, 2)), "TooManyRecipients");
    assert!(hops(&small, 3).is_ok());
    assert_eq!(word(hops(&small, 4)), "TooManyHops");
}

#[test]
fn the_smallest_limit_counts() {
    let mut organization = (**organisation().organization()).clone();
    organization.transport.max_receive_size = Limit::To(ByteSize::kb(64));
    organization.transport.max_send_size = Limit::To(ByteSize::mb(50));
    organization.transport.max_recipient_envelope_limit = Limit::To(5);
    let all = with(&organisation(), organization);
    let any = connector("Tls", "AnonymousUsers, ExchangeUsers, ExchangeServers");
    let remedy = |client, octets| size(&all, &any, client, octets).err().and_then(|refusal| refusal.remedy());
    let receive = Some("Set-TransportConfig -MaxReceiveSize 1MB".to_owned());
    // Client; octets; what would help: the organisation has 64 KB and 50 MB, the connector 36 MB.
    let table = [
        (Client::Anonymous, 65_536, None),
        (Client::Anonymous, 65_537, receive.clone()),
        (ALICE, 36 << 20, None),
        (ALICE, (36 << 20) + 1, Some("Set-ReceiveConnector 'Relay' -MaxMessageSize 37MB".to_owned())),
        // The right to bypass is one on the connector.
        (Client::ExternallySecured, 65_537, receive),
    ];
    for (client, octets, expected) in table {
        assert_eq!(remedy(client, octets), expected, "{client:?} {octets}");
    }
    assert_eq!(announced_size(&all, &any), ByteSize::mb(36));
    assert_eq!(announced_size(&organisation(), &any), ByteSize::mb(36));
    assert!(recipients(&all, &any, Client::Anonymous, 4).is_ok());
    let refusal = recipients(&all, &any, Client::Anonymous, 5).unwrap_err();
    assert_eq!(refusal.remedy().unwrap(), "Set-TransportConfig -MaxRecipientEnvelopeLimit 10");
}

#[test]
fn recipients_that_cannot_be() {
    let all = organisation();
    let restrictions = Restrictions {
        reject_reserved_top_level_recipient_domains: true,
        reject_reserved_second_level_recipient_domains: true,
        reject_single_label_recipient_domains: true,
        ..Restrictions::default()
    };
    let strict = ReceiveConnector { restrictions, ..connector("Tls", "ExchangeUsers") };
    let table = [
        ("alice@example.test", "Local"),
        ("x@remote.org", "Remote"),
        ("x@myexample.com", "Remote"),
        ("x@[192.0.2.1]", "Remote"),
        ("x@sub.example.com", "RecipientDomain"),
        ("x@example.org", "RecipientDomain"),
        ("x@remote.test", "RecipientDomain"),
        ("x@localhost", "RecipientDomain"),
        ("x@printer", "RecipientDomain"),
    ];
    for (to, expected) in table {
        assert_eq!(way(recipient(&all, &strict, ALICE, &Author::default(), &address(to))), expected, "{to}");
    }
    let lax = connector("Tls", "ExchangeUsers");
    assert_eq!(way(recipient(&all, &lax, ALICE, &Author::default(), &address("x@printer"))), "Remote");
}

/// Where mail for a recipient goes, or why it is not taken.
fn way(found: Result<Route, Refusal>) -> String {
    match found {
        Ok(route) if route.remote.is_empty() => "Local".to_owned(),
        Ok(_) => "Remote".to_owned(),
        refused => word(refused),
    }
}

#[test]
fn subdomains_where_they_belong_to_a_domain() {
    let all = organisation();
    let wide = AcceptedDomain {
        match_sub_domains: true,
        domain_type: DomainType::InternalRelay,
        ..AcceptedDomain::new(Domain::new("wide.test").unwrap())
    };
    let all = with(&all, wide);
    let own = connector("Tls", "AnonymousUsers");
    let table = [
        ("x@wide.test", "Remote"),
        ("x@a.b.wide.test", "Remote"),
        ("x@awide.test", "RelayDenied"),
        ("x@sub.example.test", "RelayDenied"),
    ];
    for (to, expected) in table {
        assert_eq!(
            way(recipient(&all, &own, Client::Anonymous, &Author::default(), &address(to))),
            expected,
            "{to}"
        );
    }
}

#[test]
fn quotas() {
    let all = with_alice(|alice| {
        alice.prohibit_send_quota = Limit::To(ByteSize(500));
        alice.prohibit_send_receive_quota = Limit::To(ByteSize(1000));
    });
    let (alice, bob) = (all.mailbox("alice").unwrap(), all.mailbox("bob").unwrap());
    assert!(room(&all, alice, 900, 100).is_ok());
    assert_eq!(word(room(&all, alice, 900, 101)), "MailboxFull");
    assert_eq!(word(room(&all, alice, u64::MAX, u64::MAX)), "MailboxFull");
    assert!(room(&all, bob, u64::MAX, u64::MAX).is_ok());
    assert!(may_send(&all, alice, 499).is_ok());
    assert_eq!(word(may_send(&all, alice, 500)), "SendQuota");
    assert!(may_send(&all, bob, u64::MAX).is_ok());
}
