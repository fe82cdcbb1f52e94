//! Messages taken in with a store in memory: what is stored, for whom, and what is refused.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests")]

use directory::{Change, InitialNode, Mailbox, ReceiveConnector, Snapshot, StartupType};
use mail::{AccountId, Address, DateTime, Domain};
use policy::{Client, Refusal};
use proptest::prelude::*;
use std::net::IpAddr;
use std::sync::Arc;
use store::{ObjectChange, Store};
use transport::{Accepted, Envelope, Fault, HeaderSpace, Intake, Protocol, Recipient, Route, Rules, Trace};

const ALICE: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);
const DATE: &str = "Thu, 1 Jan 1970 00:00:00 +0000";
const RETURN: &str = "Return-Path: <alice@example.test>\r\n";

async fn store() -> Store {
    let store = Store::in_memory().expect("a store in memory");
    let change = ObjectChange { create_accounts: vec![ALICE, BOB], ..ObjectChange::default() };
    store.save(change).await.expect("accounts");
    store
}

fn to(address: &str, route: Route) -> Recipient {
    Recipient { address: Address::parse(address).unwrap(), route }
}

fn here(accounts: &[AccountId]) -> Route {
    Route { local: accounts.to_vec(), remote: Vec::new() }
}

fn elsewhere(addresses: &[&str]) -> Route {
    Route { local: Vec::new(), remote: addresses.iter().map(|text| Address::parse(text).unwrap()).collect() }
}

fn bob() -> Vec<Recipient> {
    vec![to("bob@example.test", here(&[BOB]))]
}

/// example.test with alice and bob.
fn organisation() -> Arc<Snapshot> {
    let node = InitialNode {
        hostname: "mail.example.test".to_owned(),
        client_host: "mail.example.test".to_owned(),
        domain: Domain::new("example.test").unwrap(),
        addresses: vec![IpAddr::from([0, 0, 0, 0])],
        port_offset: 0,
        pop_and_imap: StartupType::Manual,
    };
    let mailboxes = [("alice", ALICE), ("bob", BOB)].map(|(name, account)| {
        let address = Address::parse(&format!("{name}@example.test")).unwrap();
        Change::put(Mailbox::new(name, address, account, 0))
    });
    Arc::new(Snapshot::initial(&node).unwrap().apply(mailboxes).unwrap().snapshot)
}

fn intake(store: &Store, recipients: Vec<Recipient>, client: Client) -> Intake {
    intake_of(store, recipients, client, &HeaderSpace::default())
}

fn intake_within(store: &Store, space: &HeaderSpace) -> Intake {
    intake_of(store, bob(), Client::Anonymous, space)
}

fn intake_of(store: &Store, recipients: Vec<Recipient>, client: Client, space: &HeaderSpace) -> Intake {
    let connector = ReceiveConnector::new("test", Vec::new(), Vec::new());
    let rules = Rules { all: organisation(), connector: Arc::new(connector), client };
    let envelope =
        Envelope { sender: Some(Address::parse("alice@example.test").unwrap()), recipients, smtputf8: false };
    let trace = Trace {
        from: "client.test".to_owned(),
        address: IpAddr::from([192, 0, 2, 1]),
        by: "mail.example.test".to_owned(),
        with: Protocol { extended: true, ..Protocol::default() },
        tls: None,
        id: "id0".to_owned(),
        date: DateTime::utc(0),
    };
    Intake::new(store.stage(), envelope, trace, rules, space)
}

async fn take(mut intake: Intake, store: &Store, message: &[u8], chunk: usize) -> Result<Accepted, Fault> {
    for piece in message.chunks(chunk) {
        intake.write(piece).await?;
    }
    intake.finish(store).await
}

async fn inbox(store: &Store, account: AccountId) -> Vec<String> {
    let folders = store.folders(account).await.expect("folders");
    let inbox = folders.iter().find(|folder| folder.name == "INBOX").expect("INBOX").id;
    let listing = store.listing(account, inbox).await.expect("listing");
    let uids = listing.iter().map(|entry| entry.uid).collect();
    let mut out = Vec::new();
    for (_, body) in store.bodies(account, inbox, uids).await.expect("bodies").found {
        let octets = store.read(&body, 0, body.size).await.expect("octets");
        out.push(String::from_utf8(octets.to_vec()).expect("test messages are UTF-8"));
    }
    out
}

fn received(recipient: &str) -> String {
    let only = if recipient.is_empty() { String::new() } else { format!("\r\n\tfor <{recipient}>") };
    format!(
        "Received: from client.test ([192.0.2.1])\r\n\tby mail.example.test\r\n\twith ESMTP id id0{only}; {DATE}\r\n"
    )
}

#[tokio::test]
async fn what_is_put_before_a_message() {
    let (date, id) = (format!("Date: {DATE}\r\n"), "Message-ID: <id0@mail.example.test>\r\n");
    let whole = "Date: then\r\nMessage-ID: <a@b>\r\n\r\ntext\r\n";
    let none = String::new();
    let both = format!("{date}{id}");
    let separated = format!("{both}\r\n");
    let user = Client::User(ALICE);
    let table: [(Client, &str, &String, &str); 10] = [
        (Client::Anonymous, whole, &none, "<a@b>"),
        (user, whole, &none, "<a@b>"),
        (Client::Anonymous, "Subject: x\r\n\r\n", &none, "<id0@mail.example.test>"),
        (user, "Subject: x\r\n\r\nDate: text\r\n", &both, "<id0@mail.example.test>"),
        (user, "Date: then\r\n\r\n", &id.to_owned(), "<id0@mail.example.test>"),
        (user, "Hello,\r\n\r\nyou\r\n", &separated, "<id0@mail.example.test>"),
        // A person at a terminal who writes of such a field, and a message that is only passed on.
        (user, "Hello,\r\nBcc: you\r\n", &separated, "<id0@mail.example.test>"),
        (Client::Anonymous, "Bcc: a@b.test\r\nReturn-Path: <>\r\n\r\n", &none, "<id0@mail.example.test>"),
        (Client::Anonymous, "\r\ntext\r\n", &none, "<id0@mail.example.test>"),
        (Client::Anonymous, "", &none, "<id0@mail.example.test>"),
    ];
    for (client, message, added, message_id) in table {
        for chunk in [1, 5, 4096] {
            let store = store().await;
            let taken = take(intake(&store, bob(), client), &store, message.as_bytes(), chunk).await.unwrap();
            assert_eq!(taken.message_id, message_id, "{message:?}");
            let expected = format!("{RETURN}{}{added}{message}", received("bob@example.test"));
            assert_eq!(inbox(&store, BOB).await, [expected], "{message:?} by {chunk}");
        }
    }
}

#[tokio::test]
async fn a_user_sends_no_bcc_and_no_return_path() {
    let message = "Return-Path: <x@y.test>\r\nDate: then\r\nBcc: eve@else.test,\r\n\tcarol@else.test\r\n\
                   Message-ID: <a@b>\r\n\r\nBcc: text\r\n";
    for chunk in [1, 7, 4096] {
        let store = store().await;
        let user = Client::User(ALICE);
        take(intake(&store, bob(), user), &store, message.as_bytes(), chunk).await.unwrap();
        let rest = "Date: then\r\nMessage-ID: <a@b>\r\n\r\nBcc: text\r\n";
        let expected = format!("{RETURN}{}{rest}", received("bob@example.test"));
        assert_eq!(inbox(&store, BOB).await, [expected], "by {chunk}");
    }
}

#[tokio::test]
async fn a_user_is_the_author() {
    let table = [
        ("From: Alice <ALICE@example.test>\r\n\r\n", true),
        ("Subject: by nobody\r\n\r\nFrom: bob@example.test\r\n", true),
        ("Dear Bob,\r\nFrom: bob@example.test\r\n\r\n", true),
        ("From: Alice <bob@example.test>\r\n\r\n", false),
        ("From alice@example.test Tue\r\nFrom: bob@example.test\r\n\r\n", false),
        ("From: bob@example.test", false),
    ];
    for (message, taken) in table {
        for (client, taken) in [(Client::User(ALICE), taken), (Client::Anonymous, true)] {
            let store = store().await;
            let result = take(intake(&store, bob(), client), &store, message.as_bytes(), 64).await;
            let refused = matches!(result, Err(Fault::Refused(Refusal::AuthorNotAllowed { .. })));
            assert_eq!((result.is_ok(), refused), (taken, !taken), "{message:?} {client:?}");
        }
    }
}

#[tokio::test]
async fn the_author_is_the_same_for_every_reader() {
    for message in [
        "From: alice@example.test <bob@example.test>\r\n\r\n",
        "From: alice@example.test\r\nfrom :\r\n bob@example.test\r\n\r\n",
        "From: alice@example.test\r\nFrom: alice@example.test\r\n\r\n",
    ] {
        for (client, field) in [(Client::User(ALICE), Some("From")), (Client::Anonymous, None)] {
            let store = store().await;
            let result = take(intake(&store, bob(), client), &store, message.as_bytes(), 64).await;
            let unclear = match result {
                Err(Fault::Refused(Refusal::AuthorUnclear { field, .. })) => Some(field),
                other => other.map(|_| None).unwrap(),
            };
            assert_eq!(unclear, field, "{message:?} {client:?}");
        }
    }
}

#[tokio::test]
async fn lines_of_mbox_go_before_a_user_s_header_is_read() {
    let message = "From x@y.test Tue\r\n>From z\r\nDate: then\r\nBcc: eve@else.test\r\nMessage-ID: <a@b>\r\n\r\nFrom b\r\n";
    let store = store().await;
    take(intake(&store, bob(), Client::User(ALICE)), &store, message.as_bytes(), 7).await.unwrap();
    let rest = "Date: then\r\nMessage-ID: <a@b>\r\n\r\nFrom b\r\n";
    assert_eq!(inbox(&store, BOB).await, [format!("{RETURN}{}{rest}", received("bob@example.test"))]);
}

#[tokio::test]
async fn one_copy_for_each_account_and_one_entry_in_the_queue() {
    let store = store().await;
    let recipients = vec![
        to("bob@example.test", here(&[BOB])),
        to("postmaster@example.test", here(&[ALICE, BOB])),
        to("eve@else.test", elsewhere(&["eve@else.test"])),
        to("eve@else.test", elsewhere(&["eve@else.test"])),
        to("Eve@else.test", elsewhere(&["Eve@else.test"])),
    ];
    let taken =
        take(intake(&store, recipients, Client::Anonymous), &store, b"A: b\r\n\r\n", 64).await.unwrap();
    assert_eq!(taken.delivered.placed.len(), 2);
    let expected = format!("{RETURN}{}A: b\r\n\r\n", received(""));
    assert_eq!(inbox(&store, ALICE).await, [expected.as_str()]);
    assert_eq!(inbox(&store, BOB).await, [expected.as_str()]);

    let queue = store.queue().await.unwrap();
    let [queued] = queue.as_slice() else { unreachable!("one entry, and not {}", queue.len()) };
    assert_eq!(Some(queued.id), taken.delivered.queued);
    assert_eq!(queued.envelope.sender.as_deref(), Some("alice@example.test"));
    let names: Vec<&str> = queued.envelope.recipients.iter().map(|(to, _)| to.as_str()).collect();
    // RFC 5321 §2.4: only the owner of a domain knows whether two spellings are one mailbox.
    assert_eq!(names, ["eve@else.test", "Eve@else.test"]);
    let octets = store.read(&queued.body, 0, queued.body.size).await.unwrap();
    let start = usize::try_from(transport::outgoing_start(&octets)).unwrap();
    assert_eq!(octets.get(start..).unwrap(), format!("{}A: b\r\n\r\n", received("")).as_bytes());
}

#[tokio::test]
async fn what_is_not_taken() {
    let hop = "Received: from a by b; then\r\n";
    let long = format!("X: {}\r\n", "x".repeat(900)).repeat(300);
    let huge = "x".repeat(37 << 20);
    type Expected = fn(&Fault) -> bool;
    let table: [(String, Expected); 3] = [
        (format!("{}\r\n", hop.repeat(31)), |fault| {
            matches!(fault, Fault::Refused(Refusal::TooManyHops { .. }))
        }),
        (long, |fault| matches!(fault, Fault::Refused(Refusal::HeaderTooLarge { .. }))),
        (format!("A: b\r\n\r\n{huge}"), |fault| {
            matches!(fault, Fault::Refused(Refusal::MessageTooLarge { .. }))
        }),
    ];
    for (message, is_expected) in table {
        let store = store().await;
        let fault = take(intake(&store, bob(), Client::Anonymous), &store, message.as_bytes(), 64_000).await;
        assert!(is_expected(&fault.unwrap_err()));
        assert!(inbox(&store, BOB).await.is_empty());
    }
    let store = store().await;
    let hops = format!("{}\r\n", hop.repeat(30));
    assert!(take(intake(&store, bob(), Client::Anonymous), &store, hops.as_bytes(), 100).await.is_ok());
}

#[tokio::test]
async fn long_headers_share_what_there_is() {
    let (store, space) = (store().await, HeaderSpace::new(100_000));
    let lines = format!("X: {}\r\n", "x".repeat(95)).repeat(800);
    let mut first = intake_within(&store, &space);
    first.write(lines.as_bytes()).await.unwrap();
    let mut second = intake_within(&store, &space);
    assert!(matches!(second.write(lines.as_bytes()).await, Err(Fault::Busy)));
    let short = take(intake_within(&store, &space), &store, b"Subject: x\r\n\r\n", 1).await;
    assert!(short.is_ok(), "a short one needs none of it");
    first.write(b"\r\ntext").await.unwrap();
    assert!(intake_within(&store, &space).write(lines.as_bytes()).await.is_ok(), "a complete one is stored");
}

#[tokio::test]
async fn half_a_message_leaves_nothing() {
    let store = store().await;
    let mut half = intake(&store, bob(), Client::Anonymous);
    half.write(b"Subject: half\r\n\r\nand no").await.unwrap();
    drop(half);
    assert!(inbox(&store, BOB).await.is_empty());

    // A recipient who was removed meanwhile: the message is refused for all, and nobody gets it twice later.
    let gone = vec![to("bob@example.test", here(&[BOB])), to("x@example.test", here(&[AccountId(9)]))];
    let fault = take(intake(&store, gone, Client::Anonymous), &store, b"\r\n", 9).await.unwrap_err();
    assert!(matches!(fault, Fault::Store(store::Error::NotFound)), "{fault}");
    assert!(inbox(&store, BOB).await.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn octets_come_through_however_they_are_cut(
        message in "([A-Za-z-]{1,8}(: |)[a-z ]{0,9}\r\n){0,4}(\r\n)?[a-z\r\n]{0,60}",
        chunk in 1_usize..70,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = store().await;
            take(intake(&store, bob(), Client::Anonymous), &store, message.as_bytes(), chunk).await.unwrap();
            let [stored] = inbox(&store, BOB).await.try_into().unwrap();
            assert!(stored.ends_with(&message), "{message:?} is not at the end of {stored:?}");
            let head = stored.strip_suffix(message.as_str()).unwrap();
            let own = format!("{RETURN}{}", received("bob@example.test"));
            assert!(head == own || head == format!("{own}\r\n"), "{head:?}");
        });
    }
}
