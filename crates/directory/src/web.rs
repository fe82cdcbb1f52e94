//! HTTPS and what is reached by it: the settings of the listener, roles of administration, and access tokens.

use crate::check::Invalid;
use crate::lists::Listed;
use crate::record::Kind;
use crate::{Binding, Limit, Snapshot};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The settings of HTTPS (`WebSettings`). Object kind `WebSettings`; a node that has none saved listens nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSettings {
    /// Listeners, with TLS from the first octet.
    pub ssl_bindings: Vec<Binding>,
    /// The host name and port under which clients reach them, where these are others than ours: `mail.example.test:443`.
    pub external_host: String,
    /// Connections to the service.
    pub max_connections: u32,
    /// Connections from one client address.
    pub max_connection_from_single_ip: u32,
}

impl Default for WebSettings {
    /// Nothing listens.
    fn default() -> WebSettings {
        WebSettings {
            ssl_bindings: Vec::new(),
            external_host: String::new(),
            max_connections: 2_000,
            max_connection_from_single_ip: 100,
        }
    }
}

/// What an administrator may do; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// What every user may: see his own mailbox, and set its password.
    OwnMailbox,
    /// Read everything, change nothing.
    ViewOnly,
    /// Change mailboxes and other recipients, but none of administrators.
    Recipients,
    /// Everything.
    Organization,
}

impl Role {
    /// The role groups that give a role, as Exchange names them, the smallest first.
    pub const GROUPS: [Role; 3] = [Role::ViewOnly, Role::Recipients, Role::Organization];

    /// The name that administrators of Exchange know: that of the role group, or of the role that every user has.
    pub const fn group_name(self) -> &'static str {
        match self {
            Role::OwnMailbox => "MyBaseOptions",
            Role::ViewOnly => "View-Only Organization Management",
            Role::Recipients => "Recipient Management",
            Role::Organization => "Organization Management",
        }
    }

    /// The role of such a name, without regard to case.
    pub fn find(name: &str) -> Option<Role> {
        let wanted = name.trim();
        [Role::OwnMailbox, Role::ViewOnly, Role::Recipients, Role::Organization]
            .into_iter()
            .find(|role| role.group_name().eq_ignore_ascii_case(wanted))
    }
}

/// Lets a program act for a mailbox's user without his password. Object kind `AccessToken`, key `guid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessToken {
    /// Never changes.
    pub guid: Uuid,
    /// Unique name.
    pub name: String,
    /// SHA-256 of the token in hexadecimal digits. The token is random, so that a hash without salt gives nothing away.
    pub hash: String,
    /// The mailbox for whose user it acts.
    pub mailbox: Uuid,
    /// The most it may do; its user's own role is a limit too.
    pub role: Role,
    /// When it was made, seconds since 1970.
    pub when_created: i64,
    /// When it ends, seconds since 1970.
    pub expires: Limit<i64>,
    /// When it was used last, to the hour, seconds since 1970.
    pub last_used: Option<i64>,
}

impl Listed for AccessToken {
    const KIND: Kind = Kind::AccessToken;

    fn guid(&self) -> Uuid {
        self.guid
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// Its mailbox may be gone, which ends it too.
    fn check(&self, _: &Snapshot) -> Result<(), Invalid> {
        Ok(())
    }
}
