//! Changes: what is put and removed together, and the snapshot that results.

use crate::check::{self, Invalid};
use crate::record::{Kind, Object, Record};
use crate::snapshot::fold;
use crate::{AcceptedDomain, Mailbox, Organization, ProtocolSettings, Service, Snapshot};
use std::sync::Arc;
use uuid::Uuid;

/// One part of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds an object, or replaces the one with the same key.
    Put(Object),
    /// Removes an object.
    Remove(Object),
}

impl Change {
    /// Adds an object, or replaces the one with the same key.
    pub fn put(object: impl Into<Object>) -> Change {
        Change::Put(object.into())
    }

    /// Removes an object.
    pub fn remove(object: impl Into<Object>) -> Change {
        Change::Remove(object.into())
    }

    fn object(&self) -> &Object {
        match self {
            Change::Put(object) | Change::Remove(object) => object,
        }
    }
}

macro_rules! into_object {
    ($($type:ident),+) => {$(
        impl From<$type> for Object {
            fn from(object: $type) -> Object {
                Object::$type(Arc::new(object))
            }
        }
        impl From<Arc<$type>> for Object {
            fn from(object: Arc<$type>) -> Object {
                Object::$type(object)
            }
        }
    )+};
}

into_object!(Mailbox, Service, Organization);

impl Object {
    /// The settings of POP3.
    pub fn pop(settings: ProtocolSettings) -> Object {
        Object::PopSettings(Arc::new(settings))
    }

    /// The settings of IMAP4.
    pub fn imap(settings: ProtocolSettings) -> Object {
        Object::ImapSettings(Arc::new(settings))
    }
}

/// The outcome of a change: save the records, then publish the snapshot.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The objects after the change.
    pub snapshot: Snapshot,
    /// Records to add or replace.
    pub put: Vec<Record>,
    /// Kind and key of records to remove.
    pub remove: Vec<(String, String)>,
}

impl Snapshot {
    /// The snapshot after these changes, all of them together, and what has to be saved; or why they are not valid.
    pub fn apply(&self, changes: impl IntoIterator<Item = Change>) -> Result<Applied, Invalid> {
        let changes: Vec<Change> = changes.into_iter().collect();
        let mut next = self.clone();
        // What was there goes first, so that two objects can swap their names or addresses in one change.
        for change in &changes {
            next.take(change)?;
        }
        for change in &changes {
            if let Change::Put(object) = change {
                next.lists.insert(object)?;
            }
        }
        if touches_domains(&changes) {
            next.index_domains();
        }
        // Mailboxes come last: their addresses are in domains.
        for change in &changes {
            if let Change::Put(Object::Mailbox(mailbox)) = change {
                next.add_mailbox(mailbox)?;
            }
        }
        check::whole(self, &next, &changes)?;
        let (mut put, mut remove) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Put(object) => put.push(object.record()),
                Change::Remove(object) => remove.push((object.kind().to_string(), object.key())),
            }
        }
        Ok(Applied { snapshot: next, put, remove })
    }

    /// Whether an object is there already as this change would put it.
    pub fn has(&self, change: &Change) -> bool {
        let Change::Put(object) = change else { return false };
        match object {
            Object::Mailbox(new) => self.mailboxes.get(&new.guid) == Some(new),
            Object::PopSettings(new) => self.pop == *new,
            Object::ImapSettings(new) => self.imap == *new,
            Object::Service(new) => self.services.get(&new.name) == Some(new),
            Object::Organization(new) => self.organization == *new,
            listed => self.lists.has(listed),
        }
    }

    /// Takes out what a change replaces or removes. Of some kinds there is always one: they are replaced at once.
    fn take(&mut self, change: &Change) -> Result<(), Invalid> {
        match change.object() {
            Object::Mailbox(mailbox) => self.take_mailbox(mailbox.guid),
            Object::PopSettings(_)
            | Object::ImapSettings(_)
            | Object::Service(_)
            | Object::Organization(_) => match change {
                Change::Put(object) => self.put_only(object.clone()),
                Change::Remove(object) => return Err(check::not_removable(object)),
            },
            listed => self.lists.remove(listed),
        }
        Ok(())
    }

    fn put_only(&mut self, object: Object) {
        match object {
            Object::PopSettings(settings) => self.pop = settings,
            Object::ImapSettings(settings) => self.imap = settings,
            Object::Service(service) => {
                Arc::make_mut(&mut self.services).insert(service.name, service);
            }
            Object::Organization(organization) => self.organization = organization,
            _ => {}
        }
    }

    fn index_domains(&mut self) {
        let domains = self.all::<AcceptedDomain>();
        let by_name = domains.map(|domain| (domain.domain_name.clone(), domain.clone()));
        self.domains_by_name = Arc::new(by_name.collect());
    }

    fn take_mailbox(&mut self, guid: Uuid) {
        let Some(old) = self.mailboxes.remove(&guid) else { return };
        for name in own_names(&old) {
            self.names.remove(name.as_str());
        }
        for address in own_addresses(&old) {
            self.addresses.remove(address.as_str());
        }
        self.accounts.remove(&old.account);
        if old.administrator {
            Arc::make_mut(&mut self.administrators).remove(&guid);
        }
    }

    fn add_mailbox(&mut self, mailbox: &Arc<Mailbox>) -> Result<(), Invalid> {
        self.take_mailbox(mailbox.guid);
        check::mailbox(self, mailbox)?;
        let guid = mailbox.guid;
        for name in own_names(mailbox) {
            self.names.insert(name.into(), guid);
        }
        for address in own_addresses(mailbox) {
            self.addresses.insert(address.into(), guid);
        }
        self.accounts.insert(mailbox.account, guid);
        if mailbox.administrator {
            Arc::make_mut(&mut self.administrators).insert(guid);
        }
        self.mailboxes.insert(guid, mailbox.clone());
        Ok(())
    }
}

fn own_names(mailbox: &Mailbox) -> [String; 2] {
    [fold(&mailbox.name), fold(&mailbox.alias)]
}

fn own_addresses(mailbox: &Mailbox) -> impl Iterator<Item = String> {
    std::iter::once(&mailbox.user_principal_name).chain(&mailbox.email_addresses).map(mail::Address::key)
}

/// Whether a change can move a listener or the clients of a connector.
pub(crate) fn touches_listeners(changes: &[Change]) -> bool {
    let kinds = [Kind::ReceiveConnector, Kind::PopSettings, Kind::ImapSettings];
    changes.iter().any(|change| kinds.contains(&change.object().kind()))
}

/// Whether a change can take away a domain.
pub(crate) fn touches_domains(changes: &[Change]) -> bool {
    changes.iter().any(|change| change.object().kind() == Kind::AcceptedDomain)
}
