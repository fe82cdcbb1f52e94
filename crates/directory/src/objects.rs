//! Mailboxes, accepted domains and receive connectors.
//!
//! A field that is added after the first release gets `#[serde(default = ...)]` with the value that keeps the old
//! behaviour, so that a record of an older version loads with all its settings; unknown fields are refused.

use crate::names::{flags, named};
use crate::protocol_policy::exception;
use crate::{Binding, ByteSize, IpRange, Limit, MailFlow, MailboxType, Person, TimeSpan};
use mail::{AccountId, Address, Domain};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// Whether the user may log in at all.
    pub account_disabled: bool,
    /// May use the administration, and gets the mail for postmaster where no mailbox has that address.
    pub administrator: bool,
    /// Protocols.
    pub cas: CasMailbox,
    /// Total of its messages from which on it may not send; at most `prohibit_send_receive_quota`.
    pub prohibit_send_quota: Limit<ByteSize>,
    /// Largest total of its messages; over it, mail is refused.
    pub prohibit_send_receive_quota: Limit<ByteSize>,
    /// When it was made, seconds since 1970.
    pub when_created: i64,
    /// Total of its messages over which statistics warn; at most `prohibit_send_quota`.
    #[serde(default = "unlimited")]
    pub issue_warning_quota: Limit<ByteSize>,
    /// Whether the quotas of the database count instead of its own, which before were all that there was.
    #[serde(default)]
    pub use_database_quota_defaults: bool,
    /// What it is for.
    #[serde(default)]
    pub mailbox_type: MailboxType,
    /// Whom it is for.
    #[serde(default)]
    pub person: Person,
    /// What it sends, takes, and passes on.
    #[serde(default)]
    pub mail_flow: MailFlow,
}

fn unlimited() -> Limit<ByteSize> {
    Limit::Unlimited
}

impl Mailbox {
    /// A mailbox with one address that is also its login name, no password, all protocols and no limits.
    pub fn new(name: &str, address: Address, account: AccountId, when_created: i64) -> Mailbox {
        Mailbox {
            guid: Uuid::new_v4(),
            name: name.to_owned(),
            alias: address.local().to_owned(),
            display_name: name.to_owned(),
            user_principal_name: address.clone(),
            primary_smtp_address: address.clone(),
            email_addresses: vec![address],
            account,
            password: None,
            account_disabled: false,
            administrator: false,
            cas: CasMailbox::default(),
            prohibit_send_quota: Limit::Unlimited,
            prohibit_send_receive_quota: Limit::Unlimited,
            when_created,
            issue_warning_quota: Limit::Unlimited,
            use_database_quota_defaults: false,
            mailbox_type: MailboxType::Regular,
            person: Person::default(),
            mail_flow: MailFlow::default(),
        }
    }

    /// Whether mail to this address is for it.
    pub fn has_address(&self, address: &Address) -> bool {
        let key = address.key();
        self.email_addresses.iter().any(|own| own.key() == key)
    }
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

/// Which protocols a mailbox may use (Get-CASMailbox). `None` is where the mailbox says nothing: then rules by group
/// decide, and where they say nothing either, everything is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CasMailbox {
    /// POP3.
    #[serde(with = "exception")]
    pub pop_enabled: Option<bool>,
    /// IMAP4.
    #[serde(with = "exception")]
    pub imap_enabled: Option<bool>,
    /// Webmail.
    #[serde(with = "exception")]
    pub owa_enabled: Option<bool>,
    /// Kept for scripts.
    #[serde(with = "exception")]
    pub mapi_enabled: Option<bool>,
    /// Kept for scripts.
    #[serde(with = "exception")]
    pub active_sync_enabled: Option<bool>,
    /// Refuses SMTP AUTH; `None` is the rules' or the organisation's value.
    pub smtp_client_authentication_disabled: Option<bool>,
    /// Parameters of Set-CASMailbox that are only kept, by name, where they are not as they come.
    #[serde(default)]
    pub kept: BTreeMap<String, Kept>,
}

/// The value of a parameter that is only kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Kept {
    /// `$true` or `$false`.
    Bool(bool),
    /// One text.
    Text(String),
    /// Several texts.
    List(Vec<String>),
}

/// A domain we take mail for. Object kind `AcceptedDomain`, key `guid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedDomain {
    /// Never changes.
    pub guid: Uuid,
    /// Unique name.
    pub name: String,
    /// The domain.
    pub domain_name: Domain,
    /// Whether all its recipients are here.
    pub domain_type: DomainType,
    /// Completes names without a domain; exactly one.
    pub default: bool,
}

impl AcceptedDomain {
    /// An authoritative domain named as itself, not the default.
    pub fn new(domain: Domain) -> AcceptedDomain {
        AcceptedDomain {
            guid: Uuid::new_v4(),
            name: domain.as_str().to_owned(),
            domain_name: domain,
            domain_type: DomainType::Authoritative,
            default: false,
        }
    }
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

named!(DomainType { Authoritative = 0, ExternalRelay = 1, InternalRelay = 2 });

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
