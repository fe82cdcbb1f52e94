//! Receive connectors.
//!
//! The rule for fields added later is that of [`crate::Mailbox`]: a default with the old behaviour.

use crate::names::flags;
use crate::{Binding, ByteSize, IpRange, Limit, TimeSpan};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where SMTP clients connect, and what they may do there. Object kind `ReceiveConnector`, key `guid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiveConnector {
    /// Never changes.
    pub guid: Uuid,
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
    pub max_inbound_connection: Limit<u32>,
    /// Connections at a time from one address.
    pub max_inbound_connection_per_source: Limit<u32>,
    /// Life of a connection.
    pub connection_timeout: TimeSpan,
    /// Idle limit.
    pub connection_inactivity_timeout: TimeSpan,
    /// Errors before the connection is closed.
    pub max_protocol_errors: Limit<u32>,
    /// Failed logins before the connection is closed; 0 is never.
    pub max_logon_failures: u32,
    /// Delay before refusals to clients that are not logged in.
    pub tarpit_interval: TimeSpan,
}

impl ReceiveConnector {
    /// A connector of usage type Custom for these clients: STARTTLS, no permissions, default limits.
    pub fn new(name: &str, bindings: Vec<Binding>, remote_ip_ranges: Vec<IpRange>) -> ReceiveConnector {
        ReceiveConnector {
            guid: Uuid::new_v4(),
            name: name.to_owned(),
            enabled: true,
            bindings,
            ssl_bindings: Vec::new(),
            remote_ip_ranges,
            auth_mechanism: AuthMechanism { tls: true, ..AuthMechanism::default() },
            permission_groups: PermissionGroups::default(),
            require_tls: false,
            fqdn: String::new(),
            banner: None,
            max_message_size: ByteSize::mb(36),
            max_recipients_per_message: 200,
            max_hop_count: 30,
            max_inbound_connection: Limit::To(5000),
            max_inbound_connection_per_source: Limit::To(20),
            connection_timeout: TimeSpan(10 * 60),
            connection_inactivity_timeout: TimeSpan(5 * 60),
            max_protocol_errors: Limit::To(5),
            max_logon_failures: 3,
            tarpit_interval: TimeSpan(5),
        }
    }

    /// All its local addresses, those in clear text first.
    pub fn all_bindings(&self) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().chain(&self.ssl_bindings)
    }
}

flags! {
    /// What a connector offers for logging in; a set, printed as `Tls, BasicAuth`.
    AuthMechanism {
        /// STARTTLS.
        tls = "Tls",
        /// Kept: NTLM and GSSAPI.
        integrated = "Integrated",
        /// AUTH PLAIN and LOGIN.
        basic_auth = "BasicAuth",
        /// AUTH PLAIN and LOGIN only under TLS.
        basic_auth_require_tls = "BasicAuthRequireTLS",
        /// Kept: server to server.
        exchange_server = "ExchangeServer",
        /// Every client counts as one of our own servers.
        external_authoritative = "ExternalAuthoritative",
    }
}

flags! {
    /// Who may use a connector; a set, printed as `AnonymousUsers, ExchangeUsers`.
    PermissionGroups {
        /// Anybody, for our own recipients.
        anonymous_users = "AnonymousUsers",
        /// Users who logged in, for any recipient.
        exchange_users = "ExchangeUsers",
        /// Our own servers.
        exchange_servers = "ExchangeServers",
        /// Kept.
        exchange_legacy_servers = "ExchangeLegacyServers",
        /// Kept.
        partners = "Partners",
    }
}
