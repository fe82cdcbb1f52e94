//! A node that is not there, an organisation in memory, and a shell whose output is kept.

#![allow(dead_code, clippy::unwrap_used, reason = "shared by tests, none of which uses all of it")]

use admin::{BoxFuture, Channel, Context, Gone, Node, Outcome, Output, Question, Shell, Terminal};
use directory::{Change, Directory, InitialNode, Mailbox, Snapshot, StartupType};
use mail::{Address, Domain};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use store::{Object, ObjectChange, Store};

/// A node that counts how often it was told of a change, and fails when it is told to.
#[derive(Default)]
pub struct FakeNode {
    pub reconciled: Mutex<usize>,
    pub failure: Mutex<Option<String>>,
}

impl Node for FakeNode {
    fn reconcile(&self) -> BoxFuture<'_, Result<(), String>> {
        *self.reconciled.lock().unwrap() += 1;
        let failure = self.failure.lock().unwrap().clone();
        Box::pin(std::future::ready(failure.map_or(Ok(()), Err)))
    }

    fn has_address(&self, address: IpAddr) -> bool {
        address.is_loopback()
    }

    fn now(&self) -> i64 {
        1_794_830_400
    }
}

/// What a shell has shown, and the answers to what it asks.
#[derive(Default)]
pub struct Shown {
    pub output: String,
    pub errors: String,
    pub questions: Vec<Question>,
    pub answers: VecDeque<String>,
    /// Texts after which nobody reads any more.
    pub reads: Option<usize>,
    /// The most octets that came at once.
    pub largest: usize,
}

impl Output for Shown {
    fn text<'a>(&'a mut self, channel: Channel, text: &'a str) -> BoxFuture<'a, Result<(), Gone>> {
        let gone = self.reads == Some(0);
        self.reads = self.reads.map(|left| left.saturating_sub(1));
        self.largest = self.largest.max(text.len());
        match channel {
            Channel::Output => self.output.push_str(text),
            _ => self.errors.push_str(text),
        }
        Box::pin(std::future::ready(if gone { Err(Gone) } else { Ok(()) }))
    }

    fn ask<'a>(&'a mut self, question: &'a Question) -> BoxFuture<'a, Result<String, Gone>> {
        self.questions.push(question.clone());
        let answer = self.answers.pop_front().ok_or(Gone);
        Box::pin(std::future::ready(answer))
    }
}

/// The organisation example.test with some mailboxes, and a shell on it.
pub struct Site {
    pub context: Context,
    pub node: Arc<FakeNode>,
    pub shell: Shell,
}

pub const TERMINAL: Terminal = Terminal { width: 120, interactive: false };

impl Site {
    /// With alice, bob and the administrator admin.
    pub async fn new() -> Site {
        Site::with(&["alice", "bob", "admin"]).await
    }

    /// With these mailboxes.
    pub async fn with(names: &[&str]) -> Site {
        let store = Store::in_memory().unwrap();
        let node = InitialNode {
            hostname: "mail.example.test".to_owned(),
            client_host: "localhost".to_owned(),
            domain: Domain::new("example.test").unwrap(),
            addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            port_offset: 10_000,
            pop_and_imap: StartupType::Automatic,
        };
        let mut changes = Vec::new();
        let mut accounts = Vec::new();
        for name in names {
            let account = store.reserve_account().await.unwrap();
            let address = Address::parse(&format!("{name}@example.test")).unwrap();
            let mut mailbox = Mailbox::new(name, address, account, 0);
            mailbox.administrator = *name == "admin";
            accounts.push(account);
            changes.push(Change::put(mailbox));
        }
        let snapshot = Snapshot::initial(&node).unwrap().apply(changes).unwrap().snapshot;
        let put = snapshot.records().into_iter().map(|record| Object {
            kind: record.kind,
            key: record.key,
            json: record.json,
        });
        let change =
            ObjectChange { put: put.collect(), create_accounts: accounts, ..ObjectChange::default() };
        store.save(change).await.unwrap();
        let node = Arc::new(FakeNode::default());
        let context = Context {
            store,
            directory: Arc::new(Directory::new(snapshot)),
            node: node.clone(),
            who: policy::Caller::Local,
            caller: "tester".to_owned(),
            changes: Arc::default(),
        };
        let shell = Shell::new(context.clone(), TERMINAL);
        Site { context, node, shell }
    }

    /// Runs text and gives what was shown, and how it ended.
    pub async fn run(&mut self, text: &str) -> (Shown, Outcome) {
        let mut shown = Shown::default();
        let outcome = self.shell.run(text, &mut shown).await;
        (shown, outcome)
    }

    /// Runs text that must succeed without a word on the side, and gives its output.
    pub async fn good(&mut self, text: &str) -> String {
        let (shown, outcome) = self.run(text).await;
        assert_eq!((shown.errors.as_str(), outcome), ("", Outcome::Done), "{text}");
        shown.output
    }

    /// Runs text that must fail, and gives its errors.
    pub async fn bad(&mut self, text: &str) -> String {
        let (shown, outcome) = self.run(text).await;
        assert_eq!(outcome, Outcome::Failed, "{text}\n{}", shown.output);
        shown.errors
    }

    /// The saved objects as a snapshot: what a restart would find.
    pub async fn saved(&self) -> Snapshot {
        let objects = self.context.store.objects().await.unwrap().into_iter();
        Snapshot::load(objects.map(|Object { kind, key, json }| directory::Record { kind, key, json }))
            .unwrap()
    }
}
