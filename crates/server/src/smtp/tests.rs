//! Sessions with the real policy, transport and store, the store in memory and no sockets.

use super::*;
use crate::{AuthSettings, Authenticator, SessionId};
use directory::password::{Cost, hash};
use directory::{AcceptedDomain, ByteSize, Change, Directory, InitialNode, StartupType};
use mail::{Domain, Secret};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use store::{ObjectChange, Store};
use wire::{Event, Machine, Step, TlsInfo};

const USERS: [&str; 3] = ["alice", "bob", "admin"];
const PORT_25: u16 = 25;
const PORT_587: u16 = 587;

fn account(user: &str) -> AccountId {
    AccountId(USERS.iter().position(|name| *name == user).unwrap() as u64 + 1)
}

fn mailbox(user: &str, password: &directory::PasswordHash) -> Mailbox {
    let address = Address::parse(&format!("{user}@example.test")).unwrap();
    let mut mailbox = Mailbox::new(user, address, account(user), 0);
    mailbox.password = Some(password.clone());
    mailbox.administrator = user == "admin";
    mailbox
}

async fn world(change: impl Fn(&mut Mailbox)) -> Arc<Context> {
    let node = InitialNode {
        hostname: "mail.example.test".to_owned(),
        client_host: "mail.example.test".to_owned(),
        domain: Domain::new("example.test").unwrap(),
        addresses: vec![IpAddr::from(Ipv4Addr::LOCALHOST)],
        port_offset: 0,
        pop_and_imap: StartupType::Manual,
    };
    let password = hash(&Secret::new("secret"), Cost::Cheap).unwrap();
    let mailboxes = USERS.map(|user| {
        let mut mailbox = mailbox(user, &password);
        change(&mut mailbox);
        Change::put(mailbox)
    });
    let shared = AcceptedDomain {
        domain_type: directory::DomainType::InternalRelay,
        ..AcceptedDomain::new(Domain::new("shared.test").unwrap())
    };
    let snapshot = Snapshot::initial(&node).unwrap().apply(mailboxes).unwrap().snapshot;
    let snapshot = snapshot.apply([Change::put(shared)]).unwrap().snapshot;
    let store = Store::in_memory().unwrap();
    let create_accounts = USERS.map(account).to_vec();
    store.save(ObjectChange { create_accounts, ..ObjectChange::default() }).await.unwrap();
    let mut context = Context::new(store, Arc::new(Directory::new(snapshot)), "mail.example.test".to_owned());
    context.auth =
        Authenticator::new(AuthSettings { failure_delay: Duration::ZERO, ..AuthSettings::default() });
    context.clock = || mail::DateTime::utc(0);
    Arc::new(context)
}

struct Client {
    session: Session,
    serve: SmtpServe,
    now: Instant,
}

impl Client {
    fn connect(context: &Arc<Context>, port: u16, tls: Option<TlsInfo>) -> Client {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let remote = SocketAddr::from(([192, 0, 2, 7], 40_000));
        let connector = policy::connector(&context.directory.snapshot(), local, remote.ip()).unwrap();
        let now = Instant::now();
        let connection = Connection { id: SessionId(1), local, remote, tls };
        let (session, serve) = open(context, &connection, &connector, now);
        Client { session, serve, now }
    }

    async fn greeted(context: &Arc<Context>, port: u16, tls: Option<TlsInfo>) -> Client {
        let mut client = Client::connect(context, port, tls);
        client.say("EHLO client.test\r\n").await;
        client
    }

    /// Alice, logged in on port 587.
    async fn alice(context: &Arc<Context>) -> Client {
        let mut client = Client::greeted(context, PORT_587, Some(TlsInfo::default())).await;
        let answer = client.say("AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABzZWNyZXQ=\r\n").await;
        assert_eq!(answer, "235 2.7.0 Authentication successful\r\n");
        client
    }

    /// What is answered, a tarpit waited for.
    async fn run(&mut self) -> String {
        let mut out = Vec::new();
        loop {
            match self.session.next(self.now) {
                Step::Write(octets) => out.extend(octets),
                Step::Ask(ask) => {
                    let answer = self.serve.serve(ask).await;
                    self.session.answer(answer);
                }
                Step::Wait(wait) if wait.until <= self.now + Duration::from_secs(5) => {
                    self.now = wait.until;
                    self.session.feed(Event::Time, self.now);
                }
                Step::Wait(_) | Step::Close => return String::from_utf8(out).unwrap(),
                Step::StartTls | Step::Copy(_) => unreachable!("not in these tests"),
            }
        }
    }

    async fn say(&mut self, text: impl AsRef<[u8]>) -> String {
        self.run().await;
        self.session.feed(Event::Bytes(text.as_ref()), self.now);
        self.run().await
    }

    async fn talk(&mut self, lines: &[(&str, &str)]) {
        for (line, expected) in lines {
            let answer = self.say(format!("{line}\r\n")).await;
            assert_eq!(answer.trim_end(), *expected, "{line}");
        }
    }
}

async fn inbox(context: &Context, user: &str) -> Vec<Vec<u8>> {
    let (store, account) = (&context.store, account(user));
    let folders = store.folders(account).await.unwrap();
    let inbox = folders.iter().find(|folder| folder.name == "INBOX").unwrap().id;
    let listing = store.listing(account, inbox).await.unwrap();
    let uids = listing.iter().map(|entry| entry.uid).collect();
    let mut out = Vec::new();
    for (_, body) in store.bodies(account, inbox, uids).await.unwrap().found {
        out.push(store.read(&body, 0, body.size).await.unwrap().to_vec());
    }
    out
}

const SENDER: &str = "250 2.1.0 Sender OK";
const RECIPIENT: &str = "250 2.1.5 Recipient OK";
const START: &str = "354 Start mail input; end with <CRLF>.<CRLF>";
const RELAY: &str = "550 5.7.1 Unable to relay";
const UNKNOWN: &str = "550 5.1.1 User unknown";
const NOT_AS: &str = "550 5.7.1 Client does not have permissions to send as this sender";
const LOG_IN: &str = "530 5.7.1 Client was not authenticated";

#[tokio::test]
async fn port_25_takes_mail_for_us_and_relays_nothing() {
    let context = world(|_| {}).await;
    let mut client = Client::greeted(&context, PORT_25, None).await;
    client
        .talk(&[
            ("AUTH PLAIN", "504 5.5.4 Unrecognized authentication type"),
            (
                "MAIL FROM:<carol@example.org> SIZE=99999999",
                "552 5.3.4 Message size exceeds fixed maximum message size",
            ),
            ("MAIL FROM:<carol@example.org>", SENDER),
            ("RCPT TO:<eve@example.org>", RELAY),
            ("RCPT TO:<eve@[192.0.2.1]>", RELAY),
            ("RCPT TO:<nobody@example.test>", UNKNOWN),
            ("RCPT TO:<BOB@Example.Test>", RECIPIENT),
            ("RCPT TO:<any@shared.test>", RECIPIENT),
            ("RCPT TO:<Postmaster>", RECIPIENT),
            ("RCPT TO:<PostMaster@shared.test>", RECIPIENT),
            ("DATA", START),
            ("Message-ID: <1@x>", ""),
            ("", ""),
            (".", "250 2.6.0 <1@x> Queued mail for delivery"),
        ])
        .await;
    assert_eq!(inbox(&context, "bob").await.len(), 1);
    assert_eq!(inbox(&context, "admin").await.len(), 1, "postmaster is the administrators");
    assert!(inbox(&context, "alice").await.is_empty());
    let queue = context.store.queue().await.unwrap();
    assert_eq!(queue.len(), 1);
    assert_eq!(queue[0].envelope.recipients, [("any@shared.test".to_owned(), String::new())]);
}

#[tokio::test]
async fn submission_is_for_users_as_themselves() {
    let context = world(|_| {}).await;
    let mut stranger = Client::greeted(&context, PORT_587, None).await;
    stranger
        .talk(&[
            ("MAIL FROM:<alice@example.test>", "530 5.7.0 Must issue a STARTTLS command first"),
            (
                "AUTH PLAIN",
                "538 5.7.11 Encryption required for requested authentication mechanism - send STARTTLS first",
            ),
        ])
        .await;
    let mut stranger = Client::greeted(&context, PORT_587, Some(TlsInfo::default())).await;
    stranger.talk(&[("MAIL FROM:<>", LOG_IN)]).await;
    let mut alice = Client::alice(&context).await;
    alice
        .talk(&[
            ("MAIL FROM:<bob@example.test>", NOT_AS),
            ("MAIL FROM:<carol@example.org>", NOT_AS),
            ("MAIL FROM:<>", SENDER),
            ("RSET", "250 2.0.0 Resetting"),
            ("MAIL FROM:<ALICE@example.test>", SENDER),
            ("RCPT TO:<eve@example.org>", RECIPIENT),
            ("RCPT TO:<nobody@example.test>", UNKNOWN),
            ("DATA", START),
            ("Subject: x", ""),
            ("", ""),
        ])
        .await;
    let answer = alice.say(".\r\n").await;
    let id = answer.strip_prefix("250 2.6.0 ").and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    let queue = context.store.queue().await.unwrap();
    let body = &queue[0].body;
    let stored = String::from_utf8(context.store.read(body, 0, body.size).await.unwrap().to_vec()).unwrap();
    assert!(stored.contains("\r\n\twith ESMTPSA id "), "{stored}");
    assert!(stored.contains("\r\n\tfor <eve@example.org>; Thu, 1 Jan 1970 00:00:00 +0000\r\n"), "{stored}");
    assert!(stored.contains(&format!("\r\nMessage-ID: {id}\r\nSubject: x\r\n\r\n")), "{stored}");
    assert!(id.ends_with("@mail.example.test>"), "{id}");
}

#[tokio::test]
async fn logins() {
    let failed = "535 5.7.3 Authentication unsuccessful";
    let context = world(|mailbox| {
        mailbox.cas.smtp_client_authentication_disabled = (mailbox.name == "bob").then_some(true);
    })
    .await;
    // alice:wrong, nobody:secret, bob:secret, as bob alice:secret, as alice alice:secret
    let table = [
        ("AGFsaWNlQGV4YW1wbGUudGVzdAB3cm9uZw==", failed),
        ("AG5vYm9keUBleGFtcGxlLnRlc3QAc2VjcmV0", failed),
        ("AGJvYkBleGFtcGxlLnRlc3QAc2VjcmV0", failed),
        ("Ym9iQGV4YW1wbGUudGVzdABhbGljZUBleGFtcGxlLnRlc3QAc2VjcmV0", failed),
        ("YWxpY2UAYWxpY2VAZXhhbXBsZS50ZXN0AHNlY3JldA==", "235 2.7.0 Authentication successful"),
    ];
    for (response, expected) in table {
        let mut client = Client::greeted(&context, PORT_587, Some(TlsInfo::default())).await;
        client.talk(&[(&format!("AUTH PLAIN {response}"), expected)]).await;
    }
}

#[tokio::test]
async fn full_mailboxes() {
    let context = world(|mailbox| {
        mailbox.prohibit_send_quota = Limit::To(ByteSize(1));
        mailbox.prohibit_send_receive_quota = Limit::To(ByteSize(1_000));
    })
    .await;
    let full = "552 5.2.2 Mailbox full";
    let mut client = Client::greeted(&context, PORT_25, None).await;
    let text = "x".repeat(900);
    client
        .talk(&[("MAIL FROM:<>", SENDER), ("RCPT TO:<alice@example.test>", RECIPIENT), ("DATA", START)])
        .await;
    assert!(client.say(format!("Subject: x\r\n\r\n{text}\r\n.\r\n")).await.starts_with("250 "));
    client
        .talk(&[
            ("MAIL FROM:<>", SENDER),
            ("RCPT TO:<alice@example.test>", full),
            ("RCPT TO:<bob@example.test>", RECIPIENT),
            ("RSET", "250 2.0.0 Resetting"),
            ("MAIL FROM:<> SIZE=3000", SENDER),
            ("RCPT TO:<bob@example.test>", full),
        ])
        .await;
    let mut alice = Client::alice(&context).await;
    let answer = alice.say("MAIL FROM:<alice@example.test>\r\n").await;
    assert_eq!(answer, "552 5.2.2 Mailbox full, delete messages to send again\r\n");
}

#[tokio::test]
async fn more_than_was_announced() {
    let context = world(|mailbox| {
        let limit = if mailbox.name == "bob" { Limit::Unlimited } else { Limit::To(ByteSize(20_000)) };
        mailbox.prohibit_send_receive_quota = limit;
        mailbox.administrator = mailbox.name != "alice";
    })
    .await;
    let full = "552 5.2.2 Mailbox full\r\n";
    let large = format!("Subject: x\r\n\r\n{}", format!("{}\r\n", "x".repeat(98)).repeat(210));
    let table =
        [("", "alice", false), (" SIZE=100", "alice", false), ("", "bob", true), ("", "postmaster", true)];
    for (size, to, taken) in table {
        let mut client = Client::greeted(&context, PORT_25, None).await;
        client
            .talk(&[
                (&format!("MAIL FROM:<>{size}"), SENDER),
                (&format!("RCPT TO:<{to}@example.test>"), RECIPIENT),
                ("DATA", START),
            ])
            .await;
        let answer = client.say(format!("{large}.\r\n")).await;
        assert_eq!(answer.starts_with("250 "), taken, "{size} {to}: {answer}");
        assert!(taken || answer == full);
    }
    assert!(inbox(&context, "alice").await.is_empty());
    assert!(inbox(&context, "admin").await.is_empty(), "of the administrators, the one with room has it");
    assert_eq!(inbox(&context, "bob").await.len(), 2);

    // One answer for both: none is given what its sender believes refused.
    let mut client = Client::greeted(&context, PORT_25, None).await;
    let both = "MAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n";
    client.say(both).await;
    assert_eq!(client.say(format!("{large}.\r\n")).await, full);
    assert_eq!(inbox(&context, "bob").await.len(), 2);

    // Long before its end nothing more of it is kept.
    client.say("MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n").await;
    client.say(large.repeat(4)).await;
    assert!(client.serve.coming.is_none());
    assert_eq!(client.say(".\r\n").await, full);
}

#[tokio::test]
async fn mailboxes_removed_while_the_message_comes() {
    let begin = "MAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\n";
    let table = [
        ("DATA\r\n", "550 5.1.1 User unknown"),
        ("RCPT TO:<alice@example.test>\r\nDATA\r\n", "250 "),
        ("RCPT TO:<postmaster@example.test>\r\nDATA\r\n", "250 "),
    ];
    for (more, expected) in table {
        let context = world(|_| {}).await;
        let mut client = Client::greeted(&context, PORT_25, None).await;
        client.say(format!("{begin}{more}Subject: x\r\n")).await;
        let snapshot = context.directory.snapshot();
        let bob = snapshot.mailbox_by_account(account("bob")).unwrap();
        let change = snapshot.apply([Change::remove(Mailbox::clone(bob))]).unwrap();
        context.directory.publish(change.snapshot);
        let remove_accounts = vec![account("bob")];
        context.store.save(ObjectChange { remove_accounts, ..ObjectChange::default() }).await.unwrap();
        let answer = client.say("\r\ntext\r\n.\r\n").await;
        assert!(answer.starts_with(expected), "{more}: {answer}");
        let taken = inbox(&context, "alice").await.len() + inbox(&context, "admin").await.len();
        assert_eq!(taken, usize::from(expected == "250 "), "{more}");
    }
}

#[tokio::test]
async fn a_connection_that_drops_in_data_delivers_nothing() {
    let context = world(|_| {}).await;
    for end in [None, Some(Event::Closed), Some(Event::Shutdown)] {
        let mut client = Client::greeted(&context, PORT_25, None).await;
        client
            .say("MAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nSubject: half\r\n\r\nhalf a li")
            .await;
        if let Some(end) = end {
            client.session.feed(end, client.now);
            client.run().await;
        }
        drop(client);
        assert!(inbox(&context, "bob").await.is_empty());
    }
}

/// A message of its own for every number, with what could be spoiled on the way.
fn message(number: usize) -> String {
    let mut lines: String =
        (0..number % 57).map(|line| format!("line {line} of {number}\r\n.\r\n..dots\r\n")).collect();
    if number.is_multiple_of(10) {
        lines.push_str(&format!("{}\r\n", "long ".repeat(40_000)));
    }
    format!("Message-ID: <{number}@load.test>\r\nSubject: {number}\r\n\r\n{lines}end äöü\r\n")
}

async fn session_of_the_load(context: Arc<Context>, first: usize, count: usize) {
    let mut client = Client::greeted(&context, PORT_25, None).await;
    for number in first..first + count {
        let user = if number.is_multiple_of(2) { "alice" } else { "bob" };
        let mut dotted = Vec::new();
        let mut stuffer = wire::Stuffer::new(None);
        stuffer.push(message(number).as_bytes(), &mut dotted);
        stuffer.finish(&mut dotted);
        let envelope = format!("MAIL FROM:<{number}@load.test>\r\nRCPT TO:<{user}@example.test>\r\nDATA\r\n");
        let answer = client.say(envelope).await;
        assert_eq!(answer, format!("{SENDER}\r\n{RECIPIENT}\r\n{START}\r\n"));
        let mut answer = String::new();
        for piece in dotted.chunks(1 + number * 997 % 9_000) {
            answer.push_str(&client.say(piece).await);
            tokio::task::yield_now().await;
        }
        assert_eq!(answer, format!("250 2.6.0 <{number}@load.test> Queued mail for delivery\r\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_sessions_deliver_a_thousand_messages_with_every_octet() {
    const SESSIONS: usize = 50;
    const EACH: usize = 20;
    let context = world(|_| {}).await;
    let mut sessions = tokio::task::JoinSet::new();
    for session in 0..SESSIONS {
        sessions.spawn(session_of_the_load(context.clone(), session * EACH, EACH));
    }
    while let Some(done) = sessions.join_next().await {
        done.unwrap();
    }
    let mut stored = inbox(&context, "alice").await;
    stored.extend(inbox(&context, "bob").await);
    assert_eq!(stored.len(), SESSIONS * EACH);
    for number in 0..SESSIONS * EACH {
        let (return_path, message) = (format!("Return-Path: <{number}@load.test>\r\n"), message(number));
        let found =
            stored.iter().filter(|stored| stored.starts_with(return_path.as_bytes())).collect::<Vec<_>>();
        assert_eq!(found.len(), 1, "message {number} is there once");
        assert!(found[0].ends_with(format!("+0000\r\n{message}").as_bytes()), "message {number} is whole");
    }
}
