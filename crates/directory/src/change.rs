//! Changes: what is put and removed together, and the snapshot that results.

use crate::check::{self, Invalid};
use crate::record::{Kind, Object, Record};
use crate::{
    AcceptedDomain, DistributionGroup, Mailbox, Organization, ProtocolSettings, Recipient, Service, Snapshot,
    WebSettings,
};
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

    /// What is put or removed.
    pub fn object(&self) -> &Object {
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

into_object!(Mailbox, Service, Organization, WebSettings);

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
        if touches(&changes, Kind::AcceptedDomain) {
            next.index_domains();
        }
        // Recipients come last: their addresses are in domains.
        for change in &changes {
            if let Change::Put(object) = change {
                next.add_recipient(object)?;
            }
        }
        for change in &changes {
            if let Object::DistributionGroup(group) = change.object() {
                next.index_members(self, group.guid);
            }
        }
        if touches(&changes, Kind::ProtocolPolicy) {
            next.order_policies();
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
            Object::WebSettings(new) => self.web == *new,
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
            | Object::WebSettings(_)
            | Object::Organization(_) => match change {
                Change::Put(object) => self.put_only(object.clone()),
                Change::Remove(object) => return Err(check::not_removable(object)),
            },
            listed => {
                if let Some(guid) = listed.recipient_guid() {
                    self.take_recipient(guid);
                }
                self.lists.remove(listed);
            }
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
            Object::WebSettings(settings) => self.web = settings,
            _ => {}
        }
    }

    fn index_domains(&mut self) {
        let domains = self.all::<AcceptedDomain>();
        let by_name = domains.map(|domain| (domain.domain_name.clone(), domain.clone()));
        self.domains_by_name = Arc::new(by_name.collect());
    }

    /// Members of groups are many; only those that were not there before, or are not there any more, are looked up.
    fn index_members(&mut self, before: &Snapshot, group: Uuid) {
        let members = |all: &Snapshot| {
            all.by_guid::<DistributionGroup>(group).map(|group| group.members.clone()).unwrap_or_default()
        };
        let (old, new) = (members(before), members(self));
        self.membership.replace(group, &old, &new);
    }

    fn take_mailbox(&mut self, guid: Uuid) {
        self.take_recipient(guid);
        let Some(old) = self.mailboxes.remove(&guid) else { return };
        self.accounts.remove(&old.account);
        if old.administrator {
            Arc::make_mut(&mut self.administrators).remove(&guid);
        }
    }

    fn take_recipient(&mut self, guid: Uuid) {
        let Some(old) = self.recipient_by_guid(guid) else { return };
        for name in old.own_names() {
            self.names.remove(name.as_str());
        }
        for address in old.own_addresses() {
            self.addresses.remove(address.as_str());
        }
    }

    fn add_recipient(&mut self, object: &Object) -> Result<(), Invalid> {
        let recipient = match object {
            Object::Mailbox(mailbox) => {
                check::mailbox(self, mailbox)?;
                Recipient::Mailbox(mailbox.clone())
            }
            Object::DistributionGroup(group) => Recipient::Group(group.clone()),
            Object::MailContact(contact) => Recipient::Contact(contact.clone()),
            _ => return Ok(()),
        };
        check::recipient(self, &recipient)?;
        for name in recipient.own_names() {
            self.names.insert(name.into(), recipient.guid());
        }
        for address in recipient.own_addresses() {
            self.addresses.insert(address.into(), recipient.guid());
        }
        if let Recipient::Mailbox(mailbox) = recipient {
            self.add_mailbox(mailbox);
        }
        Ok(())
    }

    fn add_mailbox(&mut self, mailbox: Arc<Mailbox>) {
        self.accounts.insert(mailbox.account, mailbox.guid);
        if mailbox.administrator {
            Arc::make_mut(&mut self.administrators).insert(mailbox.guid);
        }
        self.mailboxes.insert(mailbox.guid, mailbox);
    }
}

impl Object {
    /// Its GUID, where it is a group or contact.
    fn recipient_guid(&self) -> Option<Uuid> {
        match self {
            Object::DistributionGroup(group) => Some(group.guid),
            Object::MailContact(contact) => Some(contact.guid),
            _ => None,
        }
    }
}

/// Whether a change can move a listener or the clients of a connector.
pub(crate) fn touches_listeners(changes: &[Change]) -> bool {
    let kinds = [Kind::ReceiveConnector, Kind::PopSettings, Kind::ImapSettings, Kind::WebSettings];
    changes.iter().any(|change| kinds.contains(&change.object().kind()))
}

/// Whether a change has objects of this kind.
pub(crate) fn touches(changes: &[Change], kind: Kind) -> bool {
    changes.iter().any(|change| change.object().kind() == kind)
}
