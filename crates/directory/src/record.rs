//! Objects as they are saved: kind, key, and JSON.
//!
//! Unknown fields are refused, so that an older program never drops what a newer one saved; fields that came later
//! have defaults, so that an upgrade changes no setting.

use crate::check::Invalid;
use crate::lists::{InTable, List, Listed};
use crate::{
    AcceptedDomain, AccessToken, DistributionGroup, MailContact, Mailbox, Organization, ProtocolPolicy,
    ProtocolSettings, ReceiveConnector, RemoteDomain, Service, Snapshot, WebSettings,
};
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

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

/// Makes the types from the table of kinds.
macro_rules! kinds {
    (
        apart { $($(#[$apart_doc:meta])* $apart:ident($content:ty),)+ }
        lists { $($(#[$doc:meta])* $kind:ident in $list:ident,)+ }
    ) => {
        /// A kind of object.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$apart_doc])* $apart,)+
            $($(#[$doc])* $kind,)+
        }

        impl fmt::Display for Kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Kind::$apart => stringify!($apart),)+
                    $(Kind::$kind => stringify!($kind),)+
                })
            }
        }

        /// Any object.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Object {
            $($(#[$apart_doc])* $apart(Arc<$content>),)+
            $($(#[$doc])* $kind(Arc<$kind>),)+
        }

        impl Object {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Object::$apart(_) => Kind::$apart,)+
                    $(Object::$kind(_) => Kind::$kind,)+
                }
            }

            fn json(&self) -> serde_json::Result<String> {
                match self {
                    $(Object::$apart(object) => serde_json::to_string(object),)+
                    $(Object::$kind(object) => serde_json::to_string(object),)+
                }
            }

            fn read(record: &Record) -> Result<Object, LoadError> {
                Ok(match record.kind.as_str() {
                    $(stringify!($apart) => Object::$apart(read(record)?),)+
                    $(stringify!($kind) => Object::$kind(read(record)?),)+
                    _ => return Err(LoadError::new(record, "this kind of object is not known")),
                })
            }

            /// Its GUID, where it is one of a list.
            fn listed(&self) -> Option<Uuid> {
                match self {
                    $(Object::$kind(object) => Some(object.guid),)+
                    _ => None,
                }
            }

            /// What must hold for it as one of a list.
            pub(crate) fn check_listed(&self, all: &Snapshot) -> Result<(), Invalid> {
                match self {
                    $(Object::$kind(object) => object.check(all),)+
                    _ => Ok(()),
                }
            }
        }

        $(
            impl From<$kind> for Object {
                fn from(object: $kind) -> Object {
                    Object::$kind(Arc::new(object))
                }
            }

            impl From<Arc<$kind>> for Object {
                fn from(object: Arc<$kind>) -> Object {
                    Object::$kind(object)
                }
            }

            impl InTable for $kind {
                fn list(lists: &Lists) -> &List<$kind> {
                    &lists.$list
                }
            }
        )+

        /// All lists.
        #[derive(Clone, Debug, Default)]
        pub struct Lists {
            $($list: List<$kind>,)+
        }

        impl Lists {
            /// Takes out what has the key of this object, if its kind has a list.
            pub(crate) fn remove(&mut self, object: &Object) {
                match object {
                    $(Object::$kind(object) => self.$list.remove(object.guid),)+
                    _ => {}
                }
            }

            /// Puts it in, if its kind has a list.
            pub(crate) fn insert(&mut self, object: &Object) -> Result<(), Invalid> {
                match object {
                    $(Object::$kind(object) => self.$list.insert(object),)+
                    _ => Ok(()),
                }
            }

            /// Whether it is there as it is.
            pub(crate) fn has(&self, object: &Object) -> bool {
                match object {
                    $(Object::$kind(object) => self.$list.get(object.guid) == Some(object),)+
                    _ => false,
                }
            }

            pub(crate) fn objects(&self) -> Vec<Object> {
                let mut objects = Vec::new();
                $(objects.extend(self.$list.iter().cloned().map(Object::$kind));)+
                objects
            }
        }
    };
}

kinds! {
    apart {
        /// A mailbox.
        Mailbox(Mailbox),
        /// The settings of POP3.
        PopSettings(ProtocolSettings),
        /// The settings of IMAP4.
        ImapSettings(ProtocolSettings),
        /// A service.
        Service(Service),
        /// The organisation.
        Organization(Organization),
        /// The settings of HTTPS.
        WebSettings(WebSettings),
    }
    lists {
        /// An accepted domain.
        AcceptedDomain in accepted_domains,
        /// A receive connector.
        ReceiveConnector in receive_connectors,
        /// A distribution group.
        DistributionGroup in distribution_groups,
        /// A contact.
        MailContact in mail_contacts,
        /// A rule that says by group which protocols mailboxes may use.
        ProtocolPolicy in protocol_policies,
        /// An access token.
        AccessToken in access_tokens,
        /// What mail to domains elsewhere is like.
        RemoteDomain in remote_domains,
    }
}

impl Kind {
    /// As it stands in a sentence: `receive connector`.
    pub fn words(self) -> String {
        let mut words = String::new();
        for letter in self.to_string().chars() {
            if letter.is_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.extend(letter.to_lowercase());
        }
        words
    }
}

/// The key of kinds with one object.
const ONLY: &str = "1";

impl Object {
    /// Its key within its kind.
    pub fn key(&self) -> String {
        match self {
            Object::Mailbox(mailbox) => mailbox.guid.to_string(),
            Object::Service(service) => service.name.name().to_owned(),
            other => other.listed().map_or_else(|| ONLY.to_owned(), |guid| guid.to_string()),
        }
    }

    /// The object as it is saved.
    pub fn record(&self) -> Record {
        // Our types have text keys only and no serializer that fails, the two ways in which this could go wrong.
        Record { kind: self.kind().to_string(), key: self.key(), json: self.json().unwrap_or_default() }
    }

    /// The object of a record. Whether a service runs is not saved: it is as the start type says.
    pub(crate) fn from_record(record: &Record) -> Result<Object, LoadError> {
        Ok(match Object::read(record)? {
            Object::Service(saved) => Object::Service(Arc::new(Service::new(saved.name, saved.startup))),
            other => other,
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
