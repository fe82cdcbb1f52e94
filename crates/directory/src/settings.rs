//! The node's services and the settings of POP3 and IMAP4.

use crate::{Binding, Limit, TimeSpan};
use serde::{Deserialize, Serialize};

/// A service that can be started and stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ServiceName {
    /// `MSExchangePOP3`
    Pop3,
    /// `MSExchangeIMAP4`
    Imap4,
    /// `MSExchangeTransport`: all receive connectors, submission and delivery.
    Transport,
}

/// When a service starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartupType {
    /// With the node.
    Automatic,
    /// When told to.
    Manual,
    /// Never.
    Disabled,
}

/// A service's start type and whether it should run now. Object kind `Service`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Which.
    pub name: ServiceName,
    /// When it starts.
    pub startup: StartupType,
    /// Whether an administrator started (or stopped) it since the node started; follows `startup` at start.
    #[serde(skip)]
    pub running: bool,
}

/// Which logins a connection without TLS may try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoginType {
    /// User name and password in clear text, everywhere.
    PlainTextLogin = 1,
    /// Clear text only inside TLS; challenge-response everywhere.
    PlainTextAuthentication = 2,
    /// TLS or challenge-response before any login.
    SecureLogin = 3,
}

/// The settings of POP3 (`PopSettings`) or IMAP4 (`ImapSettings`). Object kinds `PopSettings` and `ImapSettings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolSettings {
    /// Which logins a connection without TLS may try.
    pub login_type: LoginType,
    /// Listeners that start in clear text and offer STLS or STARTTLS.
    pub unencrypted_or_tls_bindings: Vec<Binding>,
    /// Listeners with TLS from the first octet.
    pub ssl_bindings: Vec<Binding>,
    /// Shown to users inside: `host:port:SSL`, `host:port:TLS` or `host:port:`.
    pub internal_connection_settings: Vec<String>,
    /// Shown to users outside.
    pub external_connection_settings: Vec<String>,
    /// The name by which the certificate is chosen.
    pub x509_certificate_name: String,
    /// Greeting text after `+OK ` or `* OK `.
    pub banner: String,
    /// Idle limit after login.
    pub authenticated_connection_timeout: TimeSpan,
    /// Idle limit before login.
    pub pre_authenticated_connection_timeout: TimeSpan,
    /// Connections to the service.
    pub max_connections: u32,
    /// Connections from one client address.
    pub max_connection_from_single_ip: u32,
    /// Connections of one user.
    pub max_connections_per_user: u32,
    /// Octets in one command line.
    pub max_command_size: u32,
    /// Newest first, for POP3.
    pub message_retrieval_sort_order: SortOrder,
    /// Accepted and kept; sizes are always exact.
    pub enable_exact_rfc822_size: bool,
    /// Write the protocol log.
    pub protocol_log_enabled: bool,
}

/// In which order POP3 numbers messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortOrder {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// A limit of connections or messages.
pub type CountLimit = Limit<u32>;
