//! Who may connect and log in.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod common;

use common::{connector, organisation, with, with_alice};
use directory::*;
use mail::AccountId;
use policy::*;

#[test]
fn the_most_specific_connector_takes_the_connection() {
    let mut all = organisation();
    let add = |all: &Snapshot, name: &str, binding: &str, range: &str, enabled: bool| {
        let ranges = vec![range.parse().unwrap()];
        with(
            all,
            ReceiveConnector {
                enabled,
                ..ReceiveConnector::new(name, vec![binding.parse().unwrap()], ranges)
            },
        )
    };
    all = add(&all, "Net", "0.0.0.0:25", "192.168.1.0-192.168.1.255", true);
    all = add(&all, "One", "0.0.0.0:25", "192.168.1.75", true);
    all = add(&all, "Off", "0.0.0.0:25", "192.168.1.76", false);
    all = add(&all, "Exact", "192.168.1.1:25", "192.168.0.0/16", true);
    all = add(&all, "Six", "[::]:25", "2001:db8::/32", true);
    all = add(&all, "Inner", "0.0.0.0:2525", "10.0.0.0/8", true);
    let table = [
        ("10.0.0.1:25", "192.168.1.75", Some("One")),
        ("10.0.0.1:25", "192.168.1.100", Some("Net")),
        ("10.0.0.1:25", "192.168.2.1", Some("Default MAIL")),
        ("10.0.0.1:25", "192.168.1.76", Some("Net")),
        ("192.168.1.1:25", "192.168.1.75", Some("Exact")),
        ("192.168.1.1:25", "203.0.113.1", Some("Default MAIL")),
        ("[::ffff:10.0.0.1]:25", "::ffff:192.168.1.75", Some("One")),
        ("[2001:db8::1]:25", "2001:db8::2", Some("Six")),
        ("[2001:db8::1]:25", "2001:db9::2", None),
        ("10.0.0.1:2525", "10.1.1.1", Some("Inner")),
        ("10.0.0.1:2525", "11.1.1.1", None),
        ("10.0.0.1:587", "203.0.113.1", Some("Client MAIL")),
        ("10.0.0.1:465", "203.0.113.1", Some("Client MAIL")),
        ("10.0.0.1:26", "203.0.113.1", None),
    ];
    for (local, remote, expected) in table {
        let got = policy::connector(&all, local.parse().unwrap(), remote.parse().unwrap());
        assert_eq!(got.as_ref().ok().map(|found| found.name.as_str()), expected, "{local} from {remote}");
        if let Err(refusal) = got {
            let remedy = refusal.remedy().unwrap();
            assert!(remedy.starts_with("New-ReceiveConnector") && remedy.contains(remote), "{remedy}");
        }
    }
}

#[test]
fn login_matrix() {
    let offer = |start_tls, basic| Offers { start_tls, basic };
    let table = [
        (LoginType::PlainTextLogin, offer(true, true)),
        (LoginType::PlainTextAuthentication, offer(true, false)),
        (LoginType::SecureLogin, offer(true, false)),
    ];
    let all = organisation();
    for (login_type, clear) in table {
        let settings = ProtocolSettings { login_type, ..(**all.pop()).clone() };
        for door in [Door::Pop3(&settings), Door::Imap4(&settings)] {
            assert_eq!(offers(door, Channel::Clear), clear, "{login_type}");
            assert_eq!(offers(door, Channel::Tls), offer(false, true), "{login_type}");
        }
    }
}

#[test]
fn connector_offers() {
    // Mechanisms; groups; STARTTLS and AUTH in clear text; AUTH under TLS.
    let table = [
        ("Tls, BasicAuth, BasicAuthRequireTLS", "ExchangeUsers", true, false, true),
        ("Tls, BasicAuth", "ExchangeUsers", true, true, true),
        ("BasicAuth", "ExchangeUsers", false, true, true),
        ("Tls", "ExchangeUsers", true, false, false),
        ("Tls, BasicAuth", "AnonymousUsers", true, false, false),
        ("None", "ExchangeUsers", false, false, false),
    ];
    for (mechanisms, groups, start_tls, clear, tls) in table {
        let found = connector(mechanisms, groups);
        let got = (offers(Door::Smtp(&found), Channel::Clear), offers(Door::Smtp(&found), Channel::Tls));
        assert_eq!(
            (got.0.start_tls, got.0.basic, got.1.basic),
            (start_tls, clear, tls),
            "{mechanisms}, {groups}"
        );
        assert!(!got.1.start_tls, "never twice");
    }
    let strict = ReceiveConnector { require_tls: true, ..connector("Tls, BasicAuth", "ExchangeUsers") };
    assert!(!offers(Door::Smtp(&strict), Channel::Clear).basic);
}

/// What came out of a login, in a word.
fn outcome(got: &Result<std::sync::Arc<Mailbox>, Refusal>) -> String {
    match got {
        Ok(mailbox) => mailbox.name.clone(),
        Err(refusal) => format!("{refusal:?}").split([' ', '{']).next().unwrap().to_owned(),
    }
}

#[test]
fn logins() {
    let all = organisation();
    let table = [
        ("alice", Channel::Tls, "alice", false),
        ("ALICE@example.test", Channel::Tls, "alice", false),
        ("example\\alice", Channel::Tls, "alice", false),
        ("alice@example.test/alice", Channel::Tls, "alice", false),
        ("alice@example.test/bob", Channel::Tls, "NotOwnMailbox", true),
        ("alice@example.test/carol", Channel::Tls, "NotOwnMailbox", true),
        ("carol", Channel::Tls, "UnknownUser", true),
        ("", Channel::Tls, "UnknownUser", true),
        ("alice", Channel::Clear, "LoginNeedsTls", false),
        ("carol", Channel::Clear, "LoginNeedsTls", false),
    ];
    let submission = all.receive_connector("Client MAIL").unwrap();
    for (name, channel, expected, hidden) in table {
        for door in [Door::Pop3(all.pop()), Door::Imap4(all.imap()), Door::Smtp(submission)] {
            let got = login(&all, door, channel, name);
            assert_eq!(outcome(&got), expected, "{name} {channel:?}");
            assert_eq!(got.is_err_and(|refusal| refusal.looks_like_bad_password()), hidden, "{name}");
        }
    }
    let default = all.receive_connector("Default MAIL").unwrap();
    assert_eq!(outcome(&login(&all, Door::Smtp(default), Channel::Tls, "alice")), "LoginNotOffered");
}

#[test]
fn mailbox_flags_decide_at_login() {
    type Edit = fn(&mut Mailbox);
    let table: [(&str, Edit, [&str; 3]); 7] = [
        ("all on", |_| {}, ["alice", "alice", "alice"]),
        ("no POP3", |m| m.cas.pop_enabled = Some(false), ["ProtocolDisabled", "alice", "alice"]),
        ("no IMAP4", |m| m.cas.imap_enabled = Some(false), ["alice", "ProtocolDisabled", "alice"]),
        (
            "no SMTP",
            |m| m.cas.smtp_client_authentication_disabled = Some(true),
            ["alice", "alice", "ProtocolDisabled"],
        ),
        ("disabled", |m| m.account_disabled = true, ["AccountDisabled"; 3]),
        ("no password", |m| m.password = None, ["NoPassword"; 3]),
        ("other protocols", |m| m.cas.owa_enabled = Some(false), ["alice"; 3]),
    ];
    for (what, edit, expected) in table {
        let all = with_alice(edit);
        let submission = all.receive_connector("Client MAIL").unwrap();
        let doors = [Door::Pop3(all.pop()), Door::Imap4(all.imap()), Door::Smtp(submission)];
        for (door, expected) in doors.into_iter().zip(expected) {
            let got = login(&all, door, Channel::Tls, "alice");
            assert_eq!(outcome(&got), expected, "{what}, {}", door.protocol());
            if let Err(refusal) = got {
                assert!(refusal.looks_like_bad_password() && refusal.remedy().is_some(), "{what}");
            }
        }
    }
}

#[test]
fn smtp_login_follows_the_organisation_unless_the_mailbox_says_otherwise() {
    for (organisation, own, allowed) in [
        (false, None, true),
        (true, None, false),
        (true, Some(false), true),
        (false, Some(true), false),
        (true, Some(true), false),
    ] {
        let all = with_alice(|alice| alice.cas.smtp_client_authentication_disabled = own);
        let mut whole = (**all.organization()).clone();
        whole.smtp_client_authentication_disabled = organisation;
        let all = with(&all, whole);
        let submission = all.receive_connector("Client MAIL").unwrap();
        let got = login(&all, Door::Smtp(submission), Channel::Tls, "alice");
        assert_eq!(got.is_ok(), allowed, "{organisation} {own:?}");
    }
}

#[test]
fn connections_are_limited() {
    let all = organisation();
    let settings = ProtocolSettings {
        max_connections: 10,
        max_connection_from_single_ip: 3,
        max_connections_per_user: 2,
        ..(**all.pop()).clone()
    };
    let relay = ReceiveConnector {
        max_inbound_connection: Limit::To(10),
        max_inbound_connection_per_source: Limit::To(3),
        restrictions: Restrictions::default(),
        ..connector("Tls", "AnonymousUsers")
    };
    let open = |total, from_address| Connections { total, from_address };
    let table = [
        (open(0, 0), None, None),
        (open(9, 2), None, None),
        (open(10, 2), Some("-MaxConnections 20"), Some("-MaxInboundConnection 20")),
        (open(9, 3), Some("-MaxConnectionFromSingleIP 6"), Some("-MaxInboundConnectionPerSource 6")),
    ];
    for (open, protocol, smtp) in table {
        for (door, expected, command) in [
            (Door::Pop3(&settings), protocol, "Set-PopSettings"),
            (Door::Imap4(&settings), protocol, "Set-ImapSettings"),
            (Door::Smtp(&relay), smtp, "Set-ReceiveConnector 'Relay'"),
        ] {
            let remedy = admit(door, open).err().and_then(|refusal| refusal.remedy());
            assert_eq!(remedy, expected.map(|parameter| format!("{command} {parameter}")), "{open:?}");
        }
    }
    assert!(admit_user(Door::Pop3(&settings), 1).is_ok());
    let refusal = admit_user(Door::Imap4(&settings), 2).unwrap_err();
    assert_eq!(refusal.remedy().unwrap(), "Set-ImapSettings -MaxConnectionsPerUser 4");
    assert!(admit_user(Door::Smtp(&relay), 1000).is_ok());
    let unlimited = ReceiveConnector { max_inbound_connection: Limit::Unlimited, ..relay.clone() };
    assert!(admit(Door::Smtp(&unlimited), open(1_000_000, 0)).is_ok());
    // One address may have a fifth of what the others leave: of 10 it is 2, of the last 4 there is 1 at least.
    let restrictions =
        Restrictions { max_inbound_connection_percentage_per_source: 20, ..Restrictions::default() };
    let fair = ReceiveConnector { restrictions, ..relay };
    let table = [
        (open(0, 0), None),
        (open(0, 1), None),
        (open(0, 2), Some("40")),
        (open(6, 0), None),
        (open(6, 1), Some("40")),
    ];
    for (open, percentage) in table {
        let remedy = admit(Door::Smtp(&fair), open).err().and_then(|refusal| refusal.remedy());
        let expected = percentage.map(|more| {
            format!("Set-ReceiveConnector 'Relay' -MaxInboundConnectionPercentagePerSource {more}")
        });
        assert_eq!(remedy, expected, "{open:?}");
    }
}

#[test]
fn roles_of_callers() {
    let alice = Caller::User(AccountId(1));
    let token = |role| Caller::Token(AccountId(1), role);
    type Row = (&'static str, fn(&mut Mailbox), Caller, Option<Role>);
    let table: [Row; 9] = [
        ("the machine's owner", |_| {}, Caller::Local, Some(Role::Organization)),
        ("a user", |_| {}, alice, Some(Role::OwnMailbox)),
        ("an administrator", |m| m.administrator = true, alice, Some(Role::Organization)),
        ("one of recipients", |m| m.recipient_management = true, alice, Some(Role::Recipients)),
        ("one who may look", |m| m.view_only_management = true, alice, Some(Role::ViewOnly)),
        ("a token for less", |m| m.administrator = true, token(Role::ViewOnly), Some(Role::ViewOnly)),
        ("a token for more", |_| {}, token(Role::Organization), Some(Role::OwnMailbox)),
        (
            "a disabled one",
            |m| {
                m.administrator = true;
                m.account_disabled = true;
            },
            alice,
            None,
        ),
        ("nobody", |_| {}, Caller::User(AccountId(9)), None),
    ];
    for (what, edit, caller, expected) in table {
        let all = with_alice(edit);
        assert_eq!(role(&all, caller), expected, "{what}");
        for needed in [Role::OwnMailbox, Role::ViewOnly, Role::Recipients, Role::Organization] {
            let allowed = expected.is_some_and(|role| role >= needed);
            assert_eq!(administer(&all, caller, needed).is_ok(), allowed, "{what}: {needed:?}");
        }
    }
    let refusal = administer(&organisation(), alice, Role::Organization).unwrap_err();
    assert!(refusal.reason().contains("'Organization Management'"), "{refusal}");
    assert_eq!(refusal.remedy().unwrap(), "Add-RoleGroupMember 'Organization Management' -Member 'alice'");
}

fn administrator() -> Mailbox {
    let address = mail::Address::parse("admin@example.test").unwrap();
    Mailbox { administrator: true, ..Mailbox::new("admin", address, AccountId(3), 0) }
}

#[test]
fn objects_are_changed_by_who_may() {
    let password = |m: &mut Mailbox| m.password = Some(PasswordHash("new".to_owned()));
    let quota = |m: &mut Mailbox| m.prohibit_send_quota = Limit::To(ByteSize(1));
    type Row = (&'static str, fn(&mut Mailbox), Role, &'static str, fn(&mut Mailbox), bool);
    let table: [Row; 10] = [
        ("own password", |_| {}, Role::OwnMailbox, "alice", password, true),
        ("own quota", |_| {}, Role::OwnMailbox, "alice", quota, false),
        ("another's password", |_| {}, Role::OwnMailbox, "bob", password, false),
        ("viewing", |m| m.view_only_management = true, Role::ViewOnly, "bob", quota, false),
        ("another's quota", |m| m.recipient_management = true, Role::Recipients, "bob", quota, true),
        ("an administrator's", |m| m.recipient_management = true, Role::Recipients, "admin", password, false),
        (
            "more rights",
            |m| m.recipient_management = true,
            Role::Recipients,
            "bob",
            |m| m.administrator = true,
            false,
        ),
        (
            "own rights",
            |m| m.recipient_management = true,
            Role::Recipients,
            "alice",
            |m| m.administrator = true,
            false,
        ),
        (
            "own password, with rights",
            |m| m.recipient_management = true,
            Role::Recipients,
            "alice",
            password,
            true,
        ),
        ("everything", |m| m.administrator = true, Role::Organization, "admin", password, true),
    ];
    for (what, edit, role, target, change, allowed) in table {
        let all = with(&with_alice(edit), administrator());
        let mut mailbox = Mailbox::clone(all.mailbox(target).unwrap());
        change(&mut mailbox);
        let changes = [Change::put(mailbox)];
        for caller in [Caller::User(AccountId(1)), Caller::Token(AccountId(1), role)] {
            assert_eq!(change_objects(&all, caller, &changes).is_ok(), allowed, "{what}");
        }
    }
    let all = with_alice(|m| m.recipient_management = true);
    let address = |local: &str| mail::Address::parse(&format!("{local}@example.test")).unwrap();
    let group = Change::put(DistributionGroup::new("staff", address("staff"), 0));
    let contact = Change::put(MailContact::new("carol", address("carol"), 0));
    assert!(change_objects(&all, Caller::User(AccountId(1)), &[group.clone(), contact]).is_ok());
    assert!(change_objects(&organisation(), Caller::User(AccountId(1)), &[group]).is_err());
    // Tokens end with their mailbox, and are made by organisation administrators only.
    let with_admin = with(&all, administrator());
    for (of, ends) in [("bob", true), ("admin", false)] {
        let token = token_of(with_admin.mailbox(of).unwrap());
        let may = |change| change_objects(&with_admin, Caller::User(AccountId(1)), &[change]).is_ok();
        assert!(!may(Change::put(token.clone())), "{of}");
        assert_eq!(may(Change::remove(token)), ends, "{of}");
    }
    let domain = Change::put(all.accepted_domain_by_identity("example.test").unwrap().clone());
    assert!(change_objects(&all, Caller::User(AccountId(1)), &[domain]).is_err(), "no recipient");
    let remove_self = Change::remove(organisation().mailbox("alice").unwrap().clone());
    assert!(change_objects(&organisation(), Caller::User(AccountId(1)), &[remove_self]).is_err());
}

#[test]
fn users_know_of_themselves_only() {
    let all = with(&with_alice(|_| {}), administrator());
    let looks = with_alice(|mailbox| mailbox.view_only_management = true);
    let address = mail::Address::parse("staff@example.test").unwrap();
    let group = Recipient::Group(DistributionGroup::new("staff", address, 0).into());
    let alice = Caller::User(AccountId(1));
    for (name, own) in [("alice", true), ("bob", false)] {
        let found = all.recipient_by_identity(name).unwrap();
        assert_eq!(see_recipient(&all, alice, &found), own, "{name}");
        assert!(see_recipient(&looks, alice, &found), "{name}");
        assert!(!see_recipient(&all, Caller::User(AccountId(9)), &found), "nobody, {name}");
    }
    assert!(!see_recipient(&all, alice, &group) && see_recipient(&looks, alice, &group));
}

fn token_of(mailbox: &Mailbox) -> AccessToken {
    AccessToken {
        guid: mailbox.guid,
        name: "backup".to_owned(),
        hash: String::new(),
        mailbox: mailbox.guid,
        role: Role::ViewOnly,
        when_created: 0,
        expires: Limit::To(100),
        last_used: None,
    }
}

#[test]
fn tokens_act_for_their_users_for_a_while() {
    let all = organisation();
    let alice = all.mailbox("alice").unwrap();
    let token = token_of(alice);
    let (caller, mailbox) = use_token(&all, Some(&token), 100).unwrap();
    assert_eq!((caller, mailbox.guid), (Caller::Token(alice.account, Role::ViewOnly), alice.guid));
    assert!(matches!(use_token(&all, Some(&token), 101), Err(Refusal::TokenExpired { .. })));
    assert_eq!(use_token(&all, None, 0).unwrap_err(), Refusal::UnknownToken);
    let disabled = with_alice(|m| m.account_disabled = true);
    let token = AccessToken { mailbox: disabled.mailbox("alice").unwrap().guid, ..token };
    assert!(matches!(use_token(&disabled, Some(&token), 0), Err(Refusal::AccountDisabled { .. })));
}

#[test]
fn one_session_has_a_maildrop() {
    let all = organisation();
    let alice = all.mailbox("alice").unwrap();
    assert!(maildrop(&all, alice, 0).is_ok());
    let refusal = maildrop(&all, alice, 1).unwrap_err();
    assert_eq!(refusal.remedy().unwrap(), "Set-PopSettings -AuthenticatedConnectionTimeout 00:05:00");
}

#[test]
fn client_settings_show_what_works() {
    let rows = |all: &Snapshot, mailbox: Option<&str>| -> Vec<String> {
        let mailbox = mailbox.map(|name| all.mailbox(name).unwrap().clone());
        client_settings(all, mailbox.as_deref())
            .into_iter()
            .map(|r| format!("{} {}:{}:{} {}", r.protocol, r.server, r.port, r.encryption, r.login_name))
            .collect()
    };
    let all = organisation();
    assert_eq!(
        rows(&all, Some("alice")),
        [
            "IMAP4 localhost:993:SSL alice@example.test",
            "IMAP4 localhost:143:TLS alice@example.test",
            "POP3 localhost:995:SSL alice@example.test",
            "POP3 localhost:110:TLS alice@example.test",
            "SMTP localhost:587:TLS alice@example.test",
            "SMTP localhost:465:SSL alice@example.test",
        ]
    );
    assert!(rows(&all, None)[0].ends_with(" user@domain"));
    let no_pop = with_alice(|alice| alice.cas.pop_enabled = Some(false));
    assert_eq!(rows(&no_pop, Some("alice")).iter().filter(|row| row.starts_with("POP3")).count(), 0);
    assert_eq!(rows(&no_pop, Some("bob")).iter().filter(|row| row.starts_with("POP3")).count(), 2);
    let stopped = with(&all, Service::new(ServiceName::Imap4, StartupType::Manual));
    assert!(!rows(&stopped, None).iter().any(|row| row.starts_with("IMAP4")));
    let no_smtp = with_alice(|alice| alice.cas.smtp_client_authentication_disabled = Some(true));
    assert!(!rows(&no_smtp, Some("alice")).iter().any(|row| row.starts_with("SMTP")));
    let mut pop = (**all.pop()).clone();
    pop.external_connection_settings = vec!["pop.example.test:995:SSL".parse().unwrap()];
    let outside = with(&all, Object::pop(pop));
    assert_eq!(rows(&outside, None)[2], "POP3 pop.example.test:995:SSL user@domain");
}

#[test]
fn clear_text_logins_are_warned_of_where_there_can_be_any() {
    let all = organisation();
    let mut settings = (**all.imap()).clone();
    settings.unencrypted_or_tls_bindings = vec!["0.0.0.0:143".parse().unwrap()];
    settings.login_type = LoginType::SecureLogin;
    assert_eq!(clear_text_warning(Door::Imap4(&settings)), None);
    settings.login_type = LoginType::PlainTextLogin;
    let warning = clear_text_warning(Door::Imap4(&settings)).unwrap();
    assert!(warning.starts_with("IMAP4 accepts user names and passwords in clear text"), "{warning}");
    assert!(warning.ends_with("Set-ImapSettings -LoginType SecureLogin forbids it again."), "{warning}");
    settings.unencrypted_or_tls_bindings.clear();
    assert_eq!(clear_text_warning(Door::Imap4(&settings)), None, "no port without TLS");
}
