//! The settings of POP3, IMAP4 and the organisation.
//!
//! The rule for fields added later is that of [`crate::Mailbox`]: `#[serde(default = ...)]` with the old behaviour.

use crate::names::named;
use crate::{Binding, ByteSize, ConnectionSetting, Limit, Quotas, TimeSpan, TransportConfig};
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
    /// Where the protocol log is, from the data directory; empty is the usual place.
    #[serde(default)]
    pub log_file_location: String,
    /// How often a new file of the protocol log begins, where it is not by size.
    #[serde(default)]
    pub log_file_roll_over_settings: RollOver,
    /// The size at which a new file of the protocol log begins; 0 is by time.
    #[serde(default = "by_time")]
    pub log_per_file_size_quota: Limit<ByteSize>,
    /// Kept: how bodies are converted when they are fetched; they never are.
    #[serde(default)]
    pub message_retrieval_mime_format: MimeTextFormat,
    /// Kept: how calendar items are shown.
    #[serde(default)]
    pub calendar_item_retrieval_option: CalendarItems,
    /// Kept: where calendar items are shown.
    #[serde(default)]
    pub owa_server_url: String,
    /// Kept: no "read" receipt is ever made when a message is fetched.
    #[serde(default)]
    pub suppress_read_receipt: bool,
    /// Kept: channel binding of integrated logins.
    #[serde(default)]
    pub extended_protection_policy: ExtendedProtection,
    /// Kept: refuse another server's bad certificate.
    #[serde(default)]
    pub enforce_certificate_errors: bool,
    /// Kept: the port of another server; 0 is the usual one.
    #[serde(default)]
    pub proxy_target_port: u16,
    /// Kept: show hidden folders over IMAP4; there are none.
    #[serde(default)]
    pub show_hidden_folders_enabled: bool,
}

impl ProtocolSettings {
    /// The values of settings that came after the first version, for a new object and for an old record.
    pub(crate) const BY_TIME: Limit<ByteSize> = Limit::To(ByteSize(0));
}

/// Where the protocol logs are, from the data directory, if nothing else was said.
pub const POP_LOG: &str = "Logging/Pop3";
/// The same of IMAP4.
pub const IMAP_LOG: &str = "Logging/Imap4";
/// The same of receive connectors.
pub const SMTP_LOG: &str = "Logging/SmtpReceive";

fn by_time() -> Limit<ByteSize> {
    ProtocolSettings::BY_TIME
}

/// How often a new file begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RollOver {
    /// Each hour.
    Hourly,
    /// Each day.
    #[default]
    Daily,
    /// Each week, on Monday.
    Weekly,
    /// Each month.
    Monthly,
}

named!(RollOver { Hourly = 1, Daily = 2, Weekly = 3, Monthly = 4 });

/// How bodies are converted when they are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it, and none has an effect")]
pub enum MimeTextFormat {
    TextOnly,
    HtmlOnly,
    HtmlAndTextAlternative,
    TextEnrichedOnly,
    TextEnrichedAndTextAlternative,
    #[default]
    BestBodyFormat,
    Tnef,
}

named!(MimeTextFormat {
    TextOnly = 0,
    HtmlOnly = 1,
    HtmlAndTextAlternative = 2,
    TextEnrichedOnly = 3,
    TextEnrichedAndTextAlternative = 4,
    BestBodyFormat = 5,
    Tnef = 6,
});

/// How calendar items are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it, and none has an effect")]
#[expect(non_camel_case_types, reason = "administrators read and write the name so")]
pub enum CalendarItems {
    #[default]
    iCalendar,
    IntranetUrl,
    InternetUrl,
    Custom,
}

named!(CalendarItems { iCalendar = 0, IntranetUrl = 1, InternetUrl = 2, Custom = 3 });

/// Channel binding of integrated logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it, and none has an effect")]
pub enum ExtendedProtection {
    #[default]
    None,
    Allow,
    Require,
}

named!(ExtendedProtection { None = 0, Allow = 1, Require = 2 });

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
