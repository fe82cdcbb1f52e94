//! Groups that hold each other, forwards, restrictions, and which protocols rules by group leave to mailboxes.

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
use proptest::prelude::*;
use std::collections::BTreeSet;
use uuid::Uuid;

fn group(all: &Snapshot, name: &str, members: &[&str]) -> Snapshot {
    let mut group = DistributionGroup::new(name, address(&format!("{name}@example.test")), 0);
    group.acceptance.require_sender_authentication = false;
    group.members = members.iter().map(|name| guid(all, name)).collect();
    with(all, group)
}

fn guid(all: &Snapshot, name: &str) -> Uuid {
    all.recipient_by_identity(name).unwrap().guid()
}

fn edit_mailbox(all: &Snapshot, name: &str, edit: impl FnOnce(&mut Mailbox)) -> Snapshot {
    let mut mailbox = (**all.mailbox(name).unwrap()).clone();
    edit(&mut mailbox);
    with(all, mailbox)
}

fn edit_group(all: &Snapshot, name: &str, edit: impl FnOnce(&mut DistributionGroup)) -> Snapshot {
    let mut group = (**all.find::<DistributionGroup>(name).unwrap()).clone();
    edit(&mut group);
    with(all, group)
}

/// alice, bob, carol; eve is a contact; Inner holds bob and eve, Outer holds alice, carol, Inner and itself by a circle.
fn nested() -> Snapshot {
    let mut all = organisation();
    all = with(&all, Mailbox::new("carol", address("carol@example.test"), AccountId(3), 0));
    all = with(&all, MailContact::new("eve", address("eve@elsewhere.test"), 0));
    all = group(&all, "inner", &["bob", "eve"]);
    all = group(&all, "outer", &["alice", "carol", "inner", "bob"]);
    let outer = guid(&all, "outer");
    edit_group(&all, "inner", |inner| inner.members.extend([outer]))
}

/// Where mail goes: names and addresses, sorted, or the refusal.
fn route(all: &Snapshot, client: Client, from: &str, to: &str) -> String {
    let connector = connector("Tls", "AnonymousUsers, ExchangeUsers");
    let from = (!from.is_empty()).then(|| address(from));
    let author = author(all, rights(all, &connector, client), client, from.as_ref());
    match recipient(all, &connector, client, &author, &address(to)) {
        Ok(route) => {
            let local = route.local.iter().map(|mailbox| mailbox.name.clone());
            let mut names: Vec<String> = local.chain(route.remote.iter().map(ToString::to_string)).collect();
            names.sort();
            names.join(" ")
        }
        Err(refusal) => format!("{refusal:?}").split([' ', '{']).next().unwrap().to_owned(),
    }
}

const ALICE: Client = Client::User(AccountId(1));
const BOB: Client = Client::User(AccountId(2));

#[test]
fn groups_are_taken_apart() {
    let all = nested();
    let everybody = "alice bob carol eve@elsewhere.test";
    assert_eq!(route(&all, Client::Anonymous, "x@remote.test", "outer@example.test"), everybody);
    assert_eq!(route(&all, Client::Anonymous, "", "inner@example.test"), everybody);
    let empty = group(&all, "empty", &[]);
    assert_eq!(route(&empty, ALICE, "", "empty@example.test"), "NobodyInGroup");
    let circle = edit_group(&all, "inner", |inner| inner.members.retain(|guid| *guid == inner.guid));
    let outer = guid(&circle, "outer");
    let circle = edit_group(&circle, "outer", |group| group.members = BTreeSet::from([outer]));
    assert_eq!(route(&circle, ALICE, "", "outer@example.test"), "NobodyInGroup");
}

#[test]
fn restrictions_of_senders() {
    let all = nested();
    let closed = edit_group(&all, "outer", |group| group.acceptance.require_sender_authentication = true);
    assert_eq!(
        route(&closed, Client::Anonymous, "alice@example.test", "outer@example.test"),
        "RecipientNeedsLogin"
    );
    assert_eq!(route(&closed, BOB, "", "outer@example.test"), "alice bob carol eve@elsewhere.test");
    let nobody = edit_group(&all, "inner", |group| group.acceptance.require_sender_authentication = true);
    assert_eq!(
        route(&nobody, Client::Anonymous, "", "outer@example.test"),
        "alice bob carol",
        "a group within that takes nothing is left out"
    );
    // Who sends; whether carol takes it only from alice, only from members of inner, and not from bob.
    let table = [
        (ALICE, "alice@example.test", ["carol", "carol", "carol"]),
        (BOB, "alice@example.test", ["SenderNotWelcome", "carol", "SenderNotWelcome"]),
        (Client::Anonymous, "alice@example.test", ["SenderNotWelcome", "SenderNotWelcome", "carol"]),
        (Client::Anonymous, "eve@elsewhere.test", ["SenderNotWelcome", "carol", "carol"]),
        (Client::Anonymous, "", ["SenderNotWelcome", "SenderNotWelcome", "carol"]),
    ];
    let (alice, bob, inner) = (guid(&all, "alice"), guid(&all, "bob"), guid(&all, "inner"));
    for (client, from, expected) in table {
        let lists: [fn(&mut Acceptance) -> &mut Vec<Uuid>; 3] =
            [|a| &mut a.accept_only_from, |a| &mut a.accept_only_from, |a| &mut a.reject_from];
        for ((list, who), expected) in lists.iter().zip([alice, inner, bob]).zip(expected) {
            let all = edit_mailbox(&all, "carol", |carol| list(&mut carol.mail_flow.acceptance).push(who));
            assert_eq!(route(&all, client, from, "carol@example.test"), expected, "{client:?} {from}");
        }
    }
}

#[test]
fn forwards_are_followed_and_never_lose() {
    type Edit = fn(&Snapshot, &mut MailFlow);
    let to_bob: Edit = |all, flow| flow.forwarding_address = Some(guid(all, "bob"));
    let table: [(&str, Edit, &str); 7] = [
        ("none", |_, _| {}, "alice"),
        ("to bob", to_bob, "bob"),
        (
            "and keep",
            |all, flow| {
                flow.forwarding_address = Some(guid(all, "bob"));
                flow.deliver_to_mailbox_and_forward = true;
            },
            "alice bob",
        ),
        (
            "elsewhere",
            |_, flow| flow.forwarding_smtp_address = Some(address("a@remote.test")),
            "a@remote.test",
        ),
        (
            "the address here wins",
            |all, flow| {
                flow.forwarding_address = Some(guid(all, "carol"));
                flow.forwarding_smtp_address = Some(address("a@remote.test"));
            },
            "carol",
        ),
        ("to nobody", |_, flow| flow.forwarding_smtp_address = Some(address("gone@example.test")), "alice"),
        (
            "to a group with himself",
            |all, flow| flow.forwarding_address = Some(guid(all, "outer")),
            "bob carol eve@elsewhere.test",
        ),
    ];
    let all = nested();
    for (what, edit, expected) in table {
        let all = edit_mailbox(&all, "alice", |alice| edit(&all, &mut alice.mail_flow));
        assert_eq!(route(&all, Client::Anonymous, "", "alice@example.test"), expected, "{what}");
    }
    let circle = edit_mailbox(&all, "alice", |alice| to_bob(&all, &mut alice.mail_flow));
    let alice = guid(&all, "alice");
    let circle = edit_mailbox(&circle, "bob", |bob| bob.mail_flow.forwarding_address = Some(alice));
    assert_eq!(route(&circle, Client::Anonymous, "", "alice@example.test"), "bob", "where the circle closes");
}

#[test]
fn sizes_and_counts_of_mailboxes() {
    let all = edit_mailbox(&nested(), "alice", |alice| {
        alice.mail_flow.max_send_size = Limit::To(ByteSize(100));
        alice.mail_flow.max_receive_size = Limit::To(ByteSize(50));
        alice.mail_flow.recipient_limits = Limit::To(2);
    });
    let connector = connector("Tls", "ExchangeUsers");
    let word =
        |got: Result<(), Refusal>| got.map_or_else(|refusal| refusal.remedy().unwrap(), |()| String::new());
    assert_eq!(word(size(&all, &connector, ALICE, 100)), "");
    assert_eq!(word(size(&all, &connector, ALICE, 101)), "Set-Mailbox 'alice' -MaxSendSize unlimited");
    assert_eq!(word(size(&all, &connector, BOB, 101)), "");
    let alice = all.mailbox("alice").unwrap();
    assert_eq!(word(room(&all, alice, 0, 50)), "");
    assert_eq!(word(room(&all, alice, 0, 51)), "Set-Mailbox 'alice' -MaxReceiveSize unlimited");
    assert_eq!(word(fits(&all, alice, 0, 51)), "", "APPEND is no mail that is received");
    assert_eq!(word(recipients(&all, &connector, ALICE, 1)), "");
    assert_eq!(word(recipients(&all, &connector, ALICE, 2)), "Set-Mailbox 'alice' -RecipientLimits 4");
    assert_eq!(word(recipients(&all, &connector, BOB, 2)), "");
}

#[test]
fn quotas_of_the_database() {
    let mut organization = Organization::clone(organisation().organization());
    organization.database_quotas.prohibit_send_receive = Limit::To(ByteSize(10));
    let all = with(&organisation(), organization);
    let alice = |edit: fn(&mut Mailbox)| {
        let all = edit_mailbox(&all, "alice", edit);
        room(&all, all.mailbox("alice").unwrap(), 0, 11).is_ok()
    };
    assert!(alice(|_| {}), "its own quotas count");
    assert!(!alice(|alice| alice.use_database_quota_defaults = true));
}

#[test]
fn on_behalf_is_named_as_sender() {
    let all = nested();
    let inner = guid(&all, "inner");
    let all = edit_mailbox(&all, "carol", |carol| carol.mail_flow.grant_send_on_behalf_to = vec![inner]);
    let connector = connector("Tls", "ExchangeUsers");
    let judged = |from: &str, sender: &str| {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let found = Authors { from: list(from), sender: list(sender), unclear: None };
        authors(&all, &connector, BOB, &found).is_ok()
    };
    // bob is in inner.
    let table = [
        ("carol@example.test", "bob@example.test", true),
        ("carol@example.test", "", false),
        ("carol@example.test", "carol@example.test", false),
        ("alice@example.test", "bob@example.test", false),
        ("bob@example.test", "", true),
    ];
    for (from, by, expected) in table {
        assert_eq!(judged(from, by), expected, "From {from}, Sender {by}");
    }
    let envelope = |from: &str| sender(&all, &connector, BOB, Channel::Tls, Some(&address(from))).is_ok();
    assert!(envelope("carol@example.test") && !envelope("alice@example.test"));
}

// ---- rules by group ----

fn rule(all: &Snapshot, name: &str, group: &str, priority: u32, pop: Option<bool>) -> Snapshot {
    let mut rule = ProtocolPolicy::new(name, guid(all, group), priority);
    rule.pop_enabled = pop;
    with(all, rule)
}

fn pop(all: &Snapshot, name: &str) -> String {
    let found = effective(all, all.mailbox(name).unwrap(), ProtocolSetting::PopEnabled);
    format!("{} {}", found.value, found.origin)
}

#[test]
fn exception_then_rule_then_default() {
    let mut all = organisation();
    all = group(&all, "staff", &["alice"]);
    all = group(&all, "firm", &["staff", "bob"]);
    assert_eq!(pop(&all, "alice"), "true Default");
    all = rule(&all, "nobody", "firm", 5, Some(false));
    assert_eq!(
        (pop(&all, "alice").as_str(), pop(&all, "bob").as_str()),
        ("false Policy 'nobody'", "false Policy 'nobody'")
    );
    all = rule(&all, "but staff", "staff", 1, Some(true));
    assert_eq!(
        (pop(&all, "alice").as_str(), pop(&all, "bob").as_str()),
        ("true Policy 'but staff'", "false Policy 'nobody'")
    );
    all = rule(&all, "says nothing", "staff", 0, None);
    assert_eq!(pop(&all, "alice"), "true Policy 'but staff'");
    // A membership that changes counts at once.
    let alice = guid(&all, "alice");
    let left = edit_group(&all, "staff", |staff| staff.members.retain(|guid| *guid != alice));
    assert_eq!(pop(&left, "alice"), "true Default");
    let mut resting = (**all.find::<ProtocolPolicy>("but staff").unwrap()).clone();
    resting.enabled = false;
    assert_eq!(pop(&with(&all, resting), "alice"), "false Policy 'nobody'");
    let own = edit_mailbox(&all, "alice", |alice| alice.cas.pop_enabled = Some(false));
    assert_eq!(pop(&own, "alice"), "false Mailbox");
    let own = edit_mailbox(&all, "bob", |bob| bob.cas.pop_enabled = Some(true));
    assert_eq!(pop(&own, "bob"), "true Mailbox");
    // What is saved is what is loaded.
    let again = Snapshot::load(own.records()).unwrap();
    assert_eq!((pop(&again, "alice"), pop(&again, "bob")), (pop(&own, "alice"), pop(&own, "bob")));
    // A group that a rule is for stays.
    let group = all.find::<DistributionGroup>("firm").unwrap().clone();
    let refused = all.apply([Change::remove(group)]).unwrap_err();
    assert_eq!((refused.object.as_str(), refused.parameter), ("ProtocolPolicy 'nobody'", "MemberOf"));
}

#[test]
fn a_rule_refuses_the_login_and_says_so() {
    let mut all = organisation();
    all = group(&all, "staff", &["alice"]);
    all = rule(&all, "no POP3", "staff", 0, Some(false));
    let refused = login(&all, Door::Pop3(all.pop()), Channel::Tls, "alice@example.test").unwrap_err();
    assert_eq!(refused.reason(), "mailbox 'alice' may not use POP3, as policy 'no POP3' says");
    assert_eq!(refused.remedy().unwrap(), "Set-CASMailbox 'alice' -PopEnabled $true");
    assert!(refused.looks_like_bad_password());
    assert!(login(&all, Door::Imap4(all.imap()), Channel::Tls, "alice@example.test").is_ok());
    assert!(login(&all, Door::Pop3(all.pop()), Channel::Tls, "bob@example.test").is_ok());
}

const GROUPS: usize = 6;

/// Members of each group by number: groups come first, then the mailboxes alice and bob.
fn world(members: &[Vec<usize>]) -> Snapshot {
    let mut all = organisation();
    let mut guids = Vec::new();
    for number in 0..GROUPS {
        all = group(&all, &format!("g{number}"), &[]);
        guids.push(guid(&all, &format!("g{number}")));
    }
    guids.extend([guid(&all, "alice"), guid(&all, "bob")]);
    for (number, list) in members.iter().enumerate() {
        all = edit_group(&all, &format!("g{number}"), |group| {
            group.members = list.iter().map(|at| guids[*at]).collect();
        });
    }
    all
}

/// Whether `member` is in `group`, by looking at everything again until nothing changes.
fn naive(members: &[Vec<usize>], member: usize, group: usize) -> bool {
    let mut inside = BTreeSet::from([member]);
    loop {
        let more = (0..GROUPS).filter(|at| members[*at].iter().any(|one| inside.contains(one)));
        let next: BTreeSet<usize> = inside.iter().copied().chain(more).collect();
        if next == inside {
            // A mailbox is in no group by being itself.
            return inside.contains(&group);
        }
        inside = next;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Membership, rules and delivery agree with a model that knows no index and no order, for any groups in groups.
    #[test]
    fn nested_groups_are_as_the_model_says(
        first in proptest::collection::vec(proptest::collection::vec(0..GROUPS + 2, 0..5), GROUPS),
        second in proptest::collection::vec(proptest::collection::vec(0..GROUPS + 2, 0..5), GROUPS),
        choices in proptest::collection::vec(proptest::option::of(any::<bool>()), GROUPS),
    ) {
        // The second world is made from the first, so that the index has to forget.
        let mut all = world(&first);
        let wanted = world(&second);
        for number in 0..GROUPS {
            let name = format!("g{number}");
            let names: Vec<String> = wanted.find::<DistributionGroup>(&name).unwrap().members.iter()
                .map(|guid| wanted.recipient_by_guid(*guid).unwrap().name().to_owned()).collect();
            let members = names.iter().map(|name| guid(&all, name)).collect();
            all = edit_group(&all, &name, |group| group.members = members);
        }
        for (number, choice) in choices.iter().enumerate() {
            all = rule(&all, &format!("r{number}"), &format!("g{number}"), number as u32, *choice);
        }
        for (name, place) in [("alice", GROUPS), ("bob", GROUPS + 1)] {
            let groups = all.membership().all(guid(&all, name));
            for number in 0..GROUPS {
                let is_in = groups.contains(&guid(&all, &format!("g{number}")));
                prop_assert_eq!(is_in, naive(&second, place, number), "{} in g{}", name, number);
                let reached = route(&all, ALICE, "", &format!("g{number}@example.test"));
                prop_assert_eq!(reached.split(' ').any(|one| one == name), is_in, "mail to g{}", number);
            }
            let first_rule = (0..GROUPS).find_map(|number| choices[number].filter(|_| naive(&second, place, number)));
            let found = effective(&all, all.mailbox(name).unwrap(), ProtocolSetting::PopEnabled);
            prop_assert_eq!(found.value, first_rule.unwrap_or(true));
        }
        let again = Snapshot::load(all.records()).unwrap();
        for name in ["alice", "bob"] {
            let own = guid(&all, name);
            prop_assert_eq!(again.membership().all(own), all.membership().all(own));
        }
    }
}
