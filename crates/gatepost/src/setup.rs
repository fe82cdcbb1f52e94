//! Makes a new server's objects: what quickstart asks for and the demo has as usual, saved in one transaction.

use crate::failure::Failure;
use crate::terminal;
use directory::password::{self, Cost};
use directory::{Change, InitialNode, Mailbox, Snapshot};
use mail::{Address, Secret};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use store::{AuditEntry, Object, ObjectChange, Store};

/// A mailbox to be made.
pub struct NewMailbox {
    /// Its address, which is the login name too.
    pub address: Address,
    /// Its password.
    pub password: Secret,
    /// Whether its user administers the server.
    pub administrator: bool,
}

/// A server to be made.
pub struct NewServer {
    /// Names, ports and services.
    pub node: InitialNode,
    /// The first mailboxes.
    pub mailboxes: Vec<NewMailbox>,
    /// What else differs from a new node.
    pub changes: Vec<Change>,
    /// For the audit log.
    pub caller: &'static str,
}

/// Makes the data directory, for its owner only.
pub fn make_dir(dir: &Path) -> Result<(), Failure> {
    let create = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    create.and_then(|()| keep_private(dir)).map_err(|error| Failure::file(dir, &error))
}

/// Takes the rights of others away where the directory is ours alone; where other files are in it, others may need them.
pub fn keep_private(dir: &Path) -> io::Result<()> {
    let mode = fs::metadata(dir)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let ours = dir.join("gatepost.toml").exists() || fs::read_dir(dir)?.next().is_none();
    if ours {
        return fs::set_permissions(dir, fs::Permissions::from_mode(mode & 0o700));
    }
    terminal::tell(&format!(
        "gatepost: other users may look into {0}, where mail is going to be; `chmod 700 {0}` keeps them out",
        dir.display()
    ));
    Ok(())
}

/// Whether there is a store: with its mark or its index, either of which may be lost.
pub fn has_store(dir: &Path) -> bool {
    ["FORMAT", "index.db"].iter().any(|name| dir.join(name).exists())
}

/// The directory of a data directory; `None` where nothing was set up yet.
pub async fn load(dir: &Path, store: &Store) -> Result<Option<Snapshot>, Failure> {
    let objects = store.objects().await.map_err(|error| Failure::data(dir, &error))?;
    if objects.is_empty() {
        return Ok(None);
    }
    let snapshot = Snapshot::load(objects.into_iter().map(record));
    snapshot.map(Some).map_err(|error| Failure::setup(format!("{}: {error}", dir.display())))
}

/// An object as the directory reads it.
pub fn record(Object { kind, key, json }: Object) -> directory::Record {
    directory::Record { kind, key, json }
}

/// Saves a new server's objects with its mailboxes.
pub async fn create(dir: &Path, store: &Store, server: NewServer, now: i64) -> Result<Snapshot, Failure> {
    let mut changes = server.changes;
    let mut accounts = Vec::new();
    for new in server.mailboxes {
        let account = store.reserve_account().await.map_err(|error| Failure::data(dir, &error))?;
        accounts.push(account);
        let mut mailbox = Mailbox::new(new.address.local(), new.address.clone(), account, now);
        mailbox.password = Some(password::hash(&new.password, Cost::Standard).map_err(Failure::failed)?);
        mailbox.administrator = new.administrator;
        changes.push(Change::put(mailbox));
    }
    let initial = Snapshot::initial(&server.node).map_err(|error| Failure::Usage(error.to_string()))?;
    let snapshot = initial.apply(changes).map_err(|error| Failure::Usage(error.to_string()))?.snapshot;
    let change = ObjectChange {
        put: snapshot.records().into_iter().map(object).collect(),
        create_accounts: accounts,
        audit: vec![audit(server.caller, &server.node, now)],
        ..ObjectChange::default()
    };
    store.save(change).await.map_err(|error| Failure::data(dir, &error))?;
    Ok(snapshot)
}

/// A directory record as the store keeps it.
pub fn object(record: directory::Record) -> Object {
    Object { kind: record.kind, key: record.key, json: record.json }
}

fn audit(caller: &str, node: &InitialNode, now: i64) -> AuditEntry {
    AuditEntry {
        time: now,
        caller: caller.to_owned(),
        cmdlet: "New-Organization".to_owned(),
        object: node.domain.to_string(),
        details: serde_json::json!({ "HostName": node.hostname, "PortOffset": node.port_offset }).to_string(),
    }
}
