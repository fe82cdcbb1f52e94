//! The organisation that every dialogue begins with: example.test with alice, bob and admin.

use crate::world::{PASSWORD, Trouble, address};
use directory::password::{self, Cost};
use directory::{
    Change, Directory, InitialNode, Mailbox, PasswordHash, ReceiveConnector, Snapshot, StartupType, TimeSpan,
};
use mail::{Address, DateTime, Domain, FlagSet, Secret};
use server::{AuthSettings, Authenticator, Context};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use store::{Object, ObjectChange, Store, Target};

const USERS: [&str; 3] = ["alice", "bob", "admin"];

/// What shells change, with who may change it now.
pub(super) struct Site {
    pub(super) context: Arc<Context>,
    changes: Arc<admin::Changes>,
}

fn failed(error: impl std::fmt::Display) -> Trouble {
    Trouble::Failed(error.to_string())
}

/// Hashed once: no dialogue is about the cost of a password.
fn password_hash() -> Option<PasswordHash> {
    static HASH: OnceLock<Option<PasswordHash>> = OnceLock::new();
    HASH.get_or_init(|| password::hash(&Secret::new(PASSWORD), Cost::Cheap).ok()).clone()
}

impl Site {
    /// The site in an empty store.
    pub(super) async fn create(store: Store, port_offset: u16) -> Result<Site, Trouble> {
        let mut changes = Vec::new();
        let mut accounts = Vec::new();
        for user in USERS {
            let account = store.reserve_account().await.map_err(failed)?;
            accounts.push(account);
            let mut mailbox = Mailbox::new(user, Address::parse(&address(user)).map_err(failed)?, account, 0);
            mailbox.password = password_hash();
            mailbox.administrator = user == "admin";
            changes.push(Change::put(mailbox));
        }
        let node = InitialNode {
            hostname: "mail.example.test".to_owned(),
            client_host: "localhost".to_owned(),
            domain: Domain::new("example.test").map_err(failed)?,
            addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            port_offset,
            pop_and_imap: StartupType::Automatic,
        };
        let initial = Snapshot::initial(&node).map_err(failed)?;
        changes.extend(initial.receive_connectors().into_iter().map(without_tarpit));
        let snapshot = initial.apply(changes).map_err(failed)?.snapshot;
        let put = snapshot.records().into_iter().map(object).collect();
        let change = ObjectChange { put, create_accounts: accounts, ..ObjectChange::default() };
        store.save(change).await.map_err(failed)?;
        Ok(Site::of(store, snapshot))
    }

    /// The site as it was saved.
    pub(super) async fn load(store: Store) -> Result<Site, Trouble> {
        let objects = store.objects().await.map_err(failed)?.into_iter();
        let records = objects.map(|Object { kind, key, json }| directory::Record { kind, key, json });
        let snapshot = Snapshot::load(records).map_err(failed)?;
        Ok(Site::of(store, snapshot))
    }

    fn of(store: Store, snapshot: Snapshot) -> Site {
        let directory = Arc::new(Directory::new(snapshot));
        let mut context = Context::new(store, directory, "mail.example.test".to_owned());
        let settings = AuthSettings { failure_delay: Duration::ZERO, ..AuthSettings::default() };
        context.auth = Authenticator::new(settings);
        Site { context: Arc::new(context), changes: Arc::default() }
    }

    /// Puts a message into a user's INBOX, as it is.
    pub(super) async fn deliver(&self, message: &[u8], user: &str) -> Result<(), Trouble> {
        let snapshot = self.context.directory.snapshot();
        let mailbox = snapshot.mailbox(user).ok_or_else(|| failed(format!("there is no {user}")))?;
        let mut staging = self.context.store.stage();
        staging.write(message).await.map_err(failed)?;
        let staged = staging.finish().await.map_err(failed)?;
        let target = Target {
            account: mailbox.account,
            folder: None,
            flags: FlagSet::NONE,
            keywords: Vec::new(),
            date: DateTime::utc(1_794_830_400), // 2026-11-16 12:00:00
        };
        self.context.store.deliver(staged, vec![target], None).await.map_err(failed)?;
        Ok(())
    }

    /// Where a shell works.
    pub(super) fn shell_context(&self, node: Arc<dyn admin::Node>) -> admin::Context {
        admin::Context {
            store: self.context.store.clone(),
            directory: self.context.directory.clone(),
            node,
            who: policy::Caller::Local,
            caller: "dialogue".to_owned(),
            changes: self.changes.clone(),
        }
    }
}

/// Refusals are not held back: where time is told to pass it would not, and elsewhere nobody wants to wait for it.
fn without_tarpit(connector: &Arc<ReceiveConnector>) -> Change {
    Change::put(ReceiveConnector { tarpit_interval: TimeSpan(0), ..ReceiveConnector::clone(connector) })
}

fn object(record: directory::Record) -> Object {
    Object { kind: record.kind, key: record.key, json: record.json }
}

/// Collects what a shell shows.
#[derive(Clone, Default)]
pub(super) struct Shown(Arc<Mutex<String>>);

impl Shown {
    pub(super) fn take(&self) -> String {
        self.0.lock().map(|mut text| std::mem::take(&mut *text)).unwrap_or_default()
    }
}

impl admin::Output for Shown {
    fn text<'a>(
        &'a mut self,
        _channel: admin::Channel,
        text: &'a str,
    ) -> admin::BoxFuture<'a, Result<(), admin::Gone>> {
        if let Ok(mut shown) = self.0.lock() {
            shown.push_str(text);
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn ask<'a>(
        &'a mut self,
        _question: &'a admin::Question,
    ) -> admin::BoxFuture<'a, Result<String, admin::Gone>> {
        Box::pin(std::future::ready(Err(admin::Gone)))
    }
}

/// The terminal of a dialogue's shell: wide enough that no table is cut, and nobody at it.
pub(super) const TERMINAL: admin::Terminal = admin::Terminal { width: 120, interactive: false };
