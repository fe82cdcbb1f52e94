//! Objects as they are saved: kind, key, and JSON.
//!
//! Unknown fields are refused, so that an older program never drops what a newer one saved; fields that came later
//! have defaults, so that an upgrade changes no setting.

use crate::{AcceptedDomain, Mailbox, Organization, ProtocolSettings, ReceiveConnector, Service};
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// An object as it is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its kind's name.
    pub kind: String,
    /// What it is found by within its kind: a GUID, or the service's name, or `1` where there is but one object.
    pub key: String,
    /// Its content.
    pub json: String,
}

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Mailbox`]
    Mailbox,
    /// [`AcceptedDomain`]
    AcceptedDomain,
    /// [`ReceiveConnector`]
    ReceiveConnector,
    /// [`ProtocolSettings`] of POP3
    PopSettings,
    /// [`ProtocolSettings`] of IMAP4
    ImapSettings,
    /// [`Service`]
    Service,
    /// [`Organization`]
    Organization,
}

crate::names::named!(Kind {
    Mailbox = 1,
    AcceptedDomain = 2,
    ReceiveConnector = 3,
    PopSettings = 4,
    ImapSettings = 5,
    Service = 6,
    Organization = 7,
});

/// Any object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A mailbox.
    Mailbox(Arc<Mailbox>),
    /// An accepted domain.
    AcceptedDomain(Arc<AcceptedDomain>),
    /// A receive connector.
    ReceiveConnector(Arc<ReceiveConnector>),
    /// The settings of POP3.
    PopSettings(Arc<ProtocolSettings>),
    /// The settings of IMAP4.
    ImapSettings(Arc<ProtocolSettings>),
    /// A service.
    Service(Arc<Service>),
    /// The organisation.
    Organization(Arc<Organization>),
}

/// The key of kinds with one object.
const ONLY: &str = "1";

impl Object {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Object::Mailbox(_) => Kind::Mailbox,
            Object::AcceptedDomain(_) => Kind::AcceptedDomain,
            Object::ReceiveConnector(_) => Kind::ReceiveConnector,
            Object::PopSettings(_) => Kind::PopSettings,
            Object::ImapSettings(_) => Kind::ImapSettings,
            Object::Service(_) => Kind::Service,
            Object::Organization(_) => Kind::Organization,
        }
    }

    /// Its key within its kind.
    pub fn key(&self) -> String {
        match self {
            Object::Mailbox(mailbox) => mailbox.guid.to_string(),
            Object::AcceptedDomain(domain) => domain.guid.to_string(),
            Object::ReceiveConnector(connector) => connector.guid.to_string(),
            Object::Service(service) => service.name.name().to_owned(),
            Object::PopSettings(_) | Object::ImapSettings(_) | Object::Organization(_) => ONLY.to_owned(),
        }
    }

    /// The object as it is saved.
    pub fn record(&self) -> Record {
        let json = match self {
            Object::Mailbox(object) => serde_json::to_string(object),
            Object::AcceptedDomain(object) => serde_json::to_string(object),
            Object::ReceiveConnector(object) => serde_json::to_string(object),
            Object::PopSettings(object) | Object::ImapSettings(object) => serde_json::to_string(object),
            Object::Service(object) => serde_json::to_string(object),
            Object::Organization(object) => serde_json::to_string(object),
        };
        // Our types have text keys only and no serializer that fails, the two ways in which this could go wrong.
        Record { kind: self.kind().to_string(), key: self.key(), json: json.unwrap_or_default() }
    }

    /// The object of a record.
    pub(crate) fn from_record(record: &Record) -> Result<Object, LoadError> {
        let kind = Kind::ALL.iter().find(|kind| kind.to_string() == record.kind);
        let Some(kind) = kind else { return Err(LoadError::new(record, "this kind of object is not known")) };
        Ok(match kind {
            Kind::Mailbox => Object::Mailbox(read(record)?),
            Kind::AcceptedDomain => Object::AcceptedDomain(read(record)?),
            Kind::ReceiveConnector => Object::ReceiveConnector(read(record)?),
            Kind::PopSettings => Object::PopSettings(read(record)?),
            Kind::ImapSettings => Object::ImapSettings(read(record)?),
            Kind::Service => {
                let saved: Arc<Service> = read(record)?;
                Object::Service(Arc::new(Service::new(saved.name, saved.startup)))
            }
            Kind::Organization => Object::Organization(read(record)?),
        })
    }
}

fn read<T: DeserializeOwned>(record: &Record) -> Result<Arc<T>, LoadError> {
    serde_json::from_str(&record.json)
        .map(Arc::new)
        .map_err(|error| LoadError::new(record, &error.to_string()))
}

/// Saved objects that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError(String);

impl LoadError {
    fn new(record: &Record, why: &str) -> LoadError {
        LoadError(format!("{} '{}': {why}", record.kind, record.key))
    }

    pub(crate) fn whole(why: impl fmt::Display) -> LoadError {
        LoadError(why.to_string())
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the saved configuration cannot be used: {} (was it written by a newer Gatepost?)", self.0)
    }
}

impl std::error::Error for LoadError {}
