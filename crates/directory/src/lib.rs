//! Administration objects, typed and validated, and the immutable [`Snapshot`] of all of them.
//!
//! Names, values and defaults are those an Exchange administrator knows. An object is valid alone by its types; what
//! concerns several objects is checked by [`Snapshot::apply`], so that a change is either valid as a whole or refused
//! with an [`Invalid`] that says what would be legal. Saving is left to the caller: a change gives [`Record`]s, and a
//! snapshot is made from records. [`Directory`] holds the snapshot that is current.

mod change;
mod check;
mod connector;
mod holder;
mod initial;
mod lists;
mod login;
mod map;
mod membership;
mod names;
mod objects;
pub mod password;
mod permissions;
mod protocol_policy;
mod range;
mod recipients;
mod record;
mod remote_domain;
mod service;
mod settings;
mod snapshot;
mod transport_config;
mod trustee;
mod values;
mod web;

pub use change::{Applied, Change};
pub use check::Invalid;
pub use connector::*;
pub use holder::Directory;
pub use initial::InitialNode;
pub use lists::{InTable, Listed};
pub use login::{LoginName, Principal};
pub use membership::Membership;
pub use objects::*;
pub use permissions::{AccessList, Family, Inheritance, Permission, Right, Sense};
pub use protocol_policy::{Choices, ProtocolPolicy, ProtocolSetting};
pub use range::IpRange;
pub use recipients::*;
pub use record::{Kind, LoadError, Object, Record};
pub use remote_domain::{AllowedOofType, ContentType, DomainPattern, RemoteDomain};
pub use service::*;
pub use settings::*;
pub use snapshot::Snapshot;
pub use transport_config::TransportConfig;
pub use trustee::{Trustee, WellKnown};
pub use values::*;
pub use web::{AccessToken, Role, WebSettings};
