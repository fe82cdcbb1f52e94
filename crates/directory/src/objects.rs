//! Mailboxes, accepted domains and receive connectors.

use crate::{Binding, ByteSize, CountLimit, IpRange, Limit, TimeSpan};
use mail::{AccountId, Address, Domain};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A mailbox with the user that owns it. Object kind `Mailbox`, key `guid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mailbox {
    /// Never changes.
    pub guid: Uuid,
    /// Unique name.
    pub name: String,
    /// Part before `@` of new addresses; unique.
    pub alias: String,
    /// Shown to people.
    pub display_name: String,
    /// Login name, in the form of an address; unique.
    pub user_principal_name: Address,
    /// Where answers go; one of `email_addresses`.
    pub primary_smtp_address: Address,
    /// All addresses; unique in the organisation.
    pub email_addresses: Vec<Address>,
    /// Where its mail is.
    pub account: AccountId,
    /// The password's argon2id hash in PHC form; `None` cannot log in.
    pub password: Option<PasswordHash>,
    /// May use the administration (the demo's admin@).
    pub administrator: bool,
    /// Protocols.
    pub cas: CasMailbox,
    /// Largest total of its messages; over it, mail is refused with 5.2.2.
    pub prohibit_send_receive_quota: Limit<ByteSize>,
    /// When it was made, seconds since 1970.
    pub when_created: i64,
}

/// An argon2id hash in PHC form. Not shown in debug output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// Which protocols a mailbox may use (Get-CASMailbox).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CasMailbox {
    /// POP3.
    pub pop_enabled: bool,
    /// IMAP4.
    pub imap_enabled: bool,
    /// Webmail.
    pub owa_enabled: bool,
    /// Kept for scripts.
    pub mapi_enabled: bool,
    /// Kept for scripts.
    pub active_sync_enabled: bool,
    /// Refuses SMTP AUTH; `None` is the organisation's value.
    pub smtp_client_authentication_disabled: Option<bool>,
}

/// A domain we take mail for. Object kind `AcceptedDomain`, key `name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedDomain {
    /// Unique name.
    pub name: String,
    /// The domain.
    pub domain_name: Domain,
    /// Whether all its recipients are here.
    pub domain_type: DomainType,
    /// Completes names without a domain; exactly one.
    pub default: bool,
}

/// What we are for a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DomainType {
    /// All recipients are here; others are refused.
    Authoritative,
    /// Recipients not here are sent on.
    InternalRelay,
    /// All are sent on.
    ExternalRelay,
}

/// Where SMTP clients connect, and what they may do there. Object kind `ReceiveConnector`, key `name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiveConnector {
    /// Unique name.
    pub name: String,
    /// Whether it takes connections.
    pub enabled: bool,
    /// Local addresses and ports that start in clear text.
    pub bindings: Vec<Binding>,
    /// Local addresses and ports with TLS from the first octet (RFC 8314 §3.3).
    pub ssl_bindings: Vec<Binding>,
    /// Clients it is for; the connector with the smallest matching range takes the connection.
    pub remote_ip_ranges: Vec<IpRange>,
    /// What it offers for logging in.
    pub auth_mechanism: AuthMechanism,
    /// Who may use it.
    pub permission_groups: PermissionGroups,
    /// Refuses MAIL FROM before STARTTLS.
    pub require_tls: bool,
    /// Name in banner, EHLO and Received; empty is the server's name.
    pub fqdn: String,
    /// Replaces the greeting; starts with `220`.
    pub banner: Option<String>,
    /// Largest message.
    pub max_message_size: ByteSize,
    /// Recipients of one message.
    pub max_recipients_per_message: u32,
    /// `Received` fields before a message counts as looping.
    pub max_hop_count: u32,
    /// Connections at a time.
    pub max_inbound_connection: CountLimit,
    /// Connections at a time from one address.
    pub max_inbound_connection_per_source: CountLimit,
    /// Life of a connection.
    pub connection_timeout: TimeSpan,
    /// Idle limit.
    pub connection_inactivity_timeout: TimeSpan,
    /// Errors before the connection is closed.
    pub max_protocol_errors: CountLimit,
    /// Failed logins before the connection is closed; 0 is never.
    pub max_logon_failures: u32,
    /// Delay before refusals to clients that are not logged in.
    pub tarpit_interval: TimeSpan,
}

/// What a connector offers for logging in; a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthMechanism {
    /// STARTTLS.
    pub tls: bool,
    /// AUTH PLAIN and LOGIN.
    pub basic_auth: bool,
    /// AUTH PLAIN and LOGIN only under TLS.
    pub basic_auth_require_tls: bool,
    /// Kept: NTLM and GSSAPI.
    pub integrated: bool,
    /// Kept: server to server.
    pub exchange_server: bool,
    /// Every client counts as one of our own servers.
    pub external_authoritative: bool,
}

/// Who may use a connector; a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionGroups {
    /// Anybody, for our own recipients.
    pub anonymous_users: bool,
    /// Users who logged in, for any recipient.
    pub exchange_users: bool,
    /// Our own servers.
    pub exchange_servers: bool,
    /// Kept.
    pub exchange_legacy_servers: bool,
    /// Kept.
    pub partners: bool,
}
