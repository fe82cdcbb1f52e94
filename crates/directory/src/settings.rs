//! The settings of POP3, IMAP4 and the organisation.
//!
//! The rule for fields added later is that of [`crate::Mailbox`]: `#[serde(default = ...)]` with the old behaviour.

use crate::names::named;
use crate::{Binding, ConnectionSetting, Quotas, TimeSpan, TransportConfig};
use serde::{Deserialize, Serialize};

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

named!(LoginType { PlainTextLogin = 1, PlainTextAuthentication = 2, SecureLogin = 3 });

/// The settings of POP3 (`PopSettings`) or IMAP4 (`ImapSettings`). Object kinds `PopSettings` and `ImapSettings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolSettings {
    /// Which logins a connection without TLS may try.
    pub login_type: LoginType,
    /// Whether challenge-response logins are offered on connections without TLS.
    pub enable_gssapi_and_ntlm_auth: bool,
    /// Listeners that start in clear text and offer STLS or STARTTLS.
    pub unencrypted_or_tls_bindings: Vec<Binding>,
    /// Listeners with TLS from the first octet.
    pub ssl_bindings: Vec<Binding>,
    /// Shown to users inside.
    pub internal_connection_settings: Vec<ConnectionSetting>,
    /// Shown to users outside.
    pub external_connection_settings: Vec<ConnectionSetting>,
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

named!(SortOrder { Ascending = 0, Descending = 1 });

/// What holds for the whole organisation. Object kind `Organization`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// The node's name: in greetings, `Received` fields and certificates.
    pub hostname: String,
    /// The name under which users reach it, in the table of client settings.
    pub client_host: String,
    /// Which forms of login names are known.
    pub login_names: LoginNames,
    /// Refuses SMTP AUTH to all mailboxes that do not say otherwise.
    pub smtp_client_authentication_disabled: bool,
    /// How long removed messages can be brought back.
    #[serde(default = "fourteen_days")]
    pub deleted_item_retention: TimeSpan,
    /// How long the audit log is kept; for ever on nodes from before there was a limit.
    #[serde(default = "a_hundred_years")]
    pub admin_audit_log_age_limit: TimeSpan,
    /// Quotas of mailboxes that have none of their own.
    #[serde(default)]
    pub database_quotas: Quotas,
    /// What holds for all connectors.
    #[serde(default)]
    pub transport: TransportConfig,
}

/// No entry of the audit log is ever so old.
pub(crate) fn a_hundred_years() -> TimeSpan {
    TimeSpan(36_500 * 24 * 60 * 60)
}

/// How long a new node keeps its audit log.
pub(crate) fn ninety_days() -> TimeSpan {
    TimeSpan(90 * 24 * 60 * 60)
}

/// What Exchange keeps them for.
pub(crate) fn fourteen_days() -> TimeSpan {
    TimeSpan(14 * 24 * 60 * 60)
}

/// Which forms of login names are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoginNames {
    /// `user`, `user@domain` (login name or primary address), `domain\\user`, `domain/user`.
    All,
    /// Only the user principal name.
    UpnOnly,
}

named!(LoginNames { All = 0, UpnOnly = 1 });
