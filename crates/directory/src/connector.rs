//! Receive connectors.
//!
//! The rule for fields added later is that of [`crate::Mailbox`]: a default with the old behaviour.

use crate::names::{flags, named};
use crate::{AccessList, Binding, ByteSize, IpRange, Limit, TimeSpan};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
    /// What Add-ADPermission gave and took, besides the groups.
    #[serde(default, skip_serializing_if = "AccessList::is_unset")]
    pub permissions: AccessList,
    /// What EHLO offers.
    #[serde(default)]
    pub extensions: SmtpExtensions,
    /// More limits and refusals.
    #[serde(default)]
    pub restrictions: Restrictions,
    /// What is kept for scripts.
    #[serde(default)]
    pub kept: Kept,
}

/// What a connector offers in EHLO; each switches one keyword.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpExtensions {
    /// SIZE (RFC 1870).
    pub size: SizeEnabled,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtp_utf8: bool,
    /// Kept: CHUNKING (RFC 3030).
    pub chunking: bool,
    /// Kept: BINARYMIME (RFC 3030), which needs CHUNKING.
    pub binary_mime: bool,
    /// Kept: DSN (RFC 3461).
    pub delivery_status_notification: bool,
    /// Kept: XLONGADDR.
    pub long_addresses: bool,
    /// Kept: XORAR.
    pub orar: bool,
}

impl Default for SmtpExtensions {
    fn default() -> SmtpExtensions {
        SmtpExtensions {
            size: SizeEnabled::Enabled,
            pipelining: true,
            eight_bit_mime: true,
            enhanced_status_codes: true,
            smtp_utf8: true,
            chunking: true,
            binary_mime: true,
            delivery_status_notification: true,
            long_addresses: false,
            orar: false,
        }
    }
}

/// Whether EHLO offers SIZE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SizeEnabled {
    /// With the largest size.
    Enabled,
    /// Not at all.
    Disabled,
    /// Without a number.
    EnabledWithoutValue,
}

named!(SizeEnabled { Disabled = 0, Enabled = 1, EnabledWithoutValue = 2 });

/// More limits and refusals of a connector; the defaults are the behaviour of a version that did not know them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Restrictions {
    /// Largest header.
    pub max_header_size: ByteSize,
    /// Kept: `Received` fields that name our own servers; 0 is off.
    pub max_local_hop_count: u32,
    /// Share of the connections left that one address may have, in percent; 100 is no such limit.
    pub max_inbound_connection_percentage_per_source: u32,
    /// Kept: messages per minute and source.
    pub message_rate_limit: Limit<u32>,
    /// Kept: what the rate is counted by.
    pub message_rate_source: MessageRateSource,
    /// Kept: delay after a failed login.
    pub auth_tarpit_interval: TimeSpan,
    /// Kept: delay of the answer to a message until it is known to be delivered.
    pub max_acknowledgement_delay: TimeSpan,
    /// Kept: EHLO without a name is always refused.
    pub require_ehlo_domain: bool,
    /// Kept: LF without CR is always refused.
    pub bare_linefeed_rejection: bool,
    /// Refuses recipients elsewhere in top-level domains that RFC 2606 reserves.
    pub reject_reserved_top_level_recipient_domains: bool,
    /// Refuses recipients elsewhere in second-level domains that RFC 2606 reserves.
    pub reject_reserved_second_level_recipient_domains: bool,
    /// Refuses recipients elsewhere whose domain is one label.
    pub reject_single_label_recipient_domains: bool,
}

impl Default for Restrictions {
    fn default() -> Restrictions {
        Restrictions {
            max_header_size: ByteSize::kb(256),
            max_local_hop_count: 8,
            max_inbound_connection_percentage_per_source: 100,
            message_rate_limit: Limit::Unlimited,
            message_rate_source: MessageRateSource::IPAddress,
            auth_tarpit_interval: TimeSpan(5),
            max_acknowledgement_delay: TimeSpan(30),
            require_ehlo_domain: false,
            bare_linefeed_rejection: false,
            reject_reserved_top_level_recipient_domains: false,
            reject_reserved_second_level_recipient_domains: false,
            reject_single_label_recipient_domains: false,
        }
    }
}

/// What the rate of messages is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageRateSource {
    /// Nothing.
    None,
    /// The user who logged in.
    User,
    /// The client's address.
    IPAddress,
    /// Both.
    All,
}

named!(MessageRateSource { None = 0, User = 1, IPAddress = 2, All = 3 });

/// Settings of a connector that scripts set and read, and that do nothing in this version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kept {
    /// A note; has no other meaning in Exchange either.
    pub comment: String,
    /// The role it belongs to.
    pub transport_role: TransportRole,
    /// Whether there is a protocol log.
    pub protocol_logging_level: ProtocolLoggingLevel,
    /// The certificate, as `<I>issuer<S>subject`.
    pub tls_certificate_name: String,
    /// What the domains of partners may, as `domain:capability`.
    pub tls_domain_capabilities: Vec<String>,
    /// Mutual TLS.
    pub domain_secure_enabled: bool,
    /// GSSAPI besides NTLM.
    pub enable_auth_gssapi: bool,
    /// Binding of logins to the TLS channel.
    pub extended_protection_policy: ExtendedProtectionPolicy,
    /// Whether users are shown how to reach it.
    pub advertise_client_settings: bool,
    /// Hides X-ANONYMOUSTLS.
    pub suppress_x_anonymous_tls: bool,
    /// The name by which services are found.
    pub service_discovery_fqdn: String,
    /// The accepted domain that completes addresses without one.
    pub default_domain: String,
}

/// Which role a connector belongs to; there is one process here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransportRole {
    /// The one that takes mail from outside.
    FrontendTransport,
    /// The one that delivers.
    #[default]
    HubTransport,
}

named!(TransportRole { HubTransport = 32, FrontendTransport = 16384 });

/// Whether there is a protocol log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProtocolLoggingLevel {
    /// There is none.
    #[default]
    None,
    /// Every line.
    Verbose,
}

named!(ProtocolLoggingLevel { None = 0, Verbose = 1 });

/// Whether logins are bound to the TLS channel (RFC 5929).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExtendedProtectionPolicy {
    /// Not at all.
    #[default]
    None,
    /// Where the client does it.
    Allow,
    /// Always.
    Require,
}

named!(ExtendedProtectionPolicy { None = 0, Allow = 1, Require = 2 });

/// What a new connector is for. It is not kept: it only says what the connector begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Nobody, until it is said.
    Custom,
    /// Anybody, for our own recipients.
    Internet,
    /// Our own servers.
    Internal,
    /// Users who log in.
    Client,
    /// Servers known by mutual TLS.
    Partner,
}

named!(Usage { Custom = 0, Internet = 1, Internal = 2, Client = 3, Partner = 4 });

impl ReceiveConnector {
    /// A connector as its usage type has it. Bindings or ranges that the type leaves open are empty.
    pub fn of_usage(usage: Usage, name: &str) -> ReceiveConnector {
        let everywhere = |port| {
            let any = [IpAddr::from(Ipv6Addr::UNSPECIFIED), Ipv4Addr::UNSPECIFIED.into()];
            any.map(|ip| Binding(SocketAddr::new(ip, port))).to_vec()
        };
        let (tls, none) =
            (AuthMechanism { tls: true, ..AuthMechanism::default() }, PermissionGroups::default());
        let (bindings, ranges, permission_groups, auth_mechanism) = match usage {
            Usage::Custom => (Vec::new(), Vec::new(), none, tls),
            Usage::Internet => {
                let anybody = PermissionGroups { anonymous_users: true, ..none };
                (Vec::new(), vec![IpRange::ALL_V6, IpRange::ALL_V4], anybody, tls)
            }
            Usage::Internal => {
                let servers =
                    PermissionGroups { exchange_servers: true, exchange_legacy_servers: true, ..none };
                (everywhere(25), Vec::new(), servers, AuthMechanism { exchange_server: true, ..tls })
            }
            Usage::Client => {
                let users = PermissionGroups { exchange_users: true, ..none };
                (everywhere(587), Vec::new(), users, AuthMechanism::LOGIN)
            }
            Usage::Partner => (Vec::new(), Vec::new(), PermissionGroups { partners: true, ..none }, tls),
        };
        let begun = ReceiveConnector::new(name, bindings, ranges);
        ReceiveConnector { permission_groups, auth_mechanism, ..begun }
    }

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
            permissions: AccessList::default(),
            extensions: SmtpExtensions::default(),
            restrictions: Restrictions {
                max_inbound_connection_percentage_per_source: 2,
                ..Restrictions::default()
            },
            kept: Kept::default(),
        }
    }

    /// Its permission groups as they are shown: `Custom` with them where entries were added one by one.
    pub fn shown_groups(&self) -> PermissionGroups {
        PermissionGroups { custom: !self.permissions.entries.is_empty(), ..self.permission_groups }
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

impl AuthMechanism {
    /// What connectors for users who log in begin with.
    pub(crate) const LOGIN: AuthMechanism = AuthMechanism {
        tls: true,
        integrated: true,
        basic_auth: true,
        basic_auth_require_tls: true,
        exchange_server: false,
        external_authoritative: false,
    };
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
        /// Never kept: it is shown where entries were added one by one.
        custom = "Custom",
    }
}
