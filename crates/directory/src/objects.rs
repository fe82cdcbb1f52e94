//! Mailboxes and accepted domains.
//!
//! A field that is added after the first release gets `#[serde(default = ...)]` with the value that keeps the old
//! behaviour, so that a record of an older version loads with all its settings; unknown fields are refused.

use crate::names::named;
use crate::protocol_policy::exception;
use crate::{AccessList, ByteSize, Limit, MailFlow, MailboxType, Person, Role};
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
    /// May administer recipients.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recipient_management: bool,
    /// May see everything that administrators see.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub view_only_management: bool,
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
    /// Who else may open it, and send as it.
    #[serde(default, skip_serializing_if = "AccessList::is_unset")]
    pub permissions: AccessList,
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
            recipient_management: false,
            view_only_management: false,
            cas: CasMailbox::default(),
            prohibit_send_quota: Limit::Unlimited,
            prohibit_send_receive_quota: Limit::Unlimited,
            when_created,
            issue_warning_quota: Limit::Unlimited,
            use_database_quota_defaults: false,
            mailbox_type: MailboxType::Regular,
            person: Person::default(),
            mail_flow: MailFlow::default(),
            permissions: AccessList::default(),
        }
    }

    /// The greatest role that its role groups give its user.
    pub fn role(&self) -> Role {
        Role::GROUPS.into_iter().rev().find(|role| self.is_member(*role)).unwrap_or(Role::OwnMailbox)
    }

    /// Whether its user is a member of a role group.
    pub fn is_member(&self, group: Role) -> bool {
        match group {
            Role::Organization => self.administrator,
            Role::Recipients => self.recipient_management,
            Role::ViewOnly => self.view_only_management,
            Role::OwnMailbox => true,
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
    pub kept: BTreeMap<String, CasKept>,
}

/// The value of a parameter that is only kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CasKept {
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
    /// Whether its subdomains are accepted with it.
    #[serde(default)]
    pub match_sub_domains: bool,
    /// Kept: whether its recipients are looked up; `None` is as its type has it.
    #[serde(default)]
    pub address_book_enabled: Option<bool>,
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
            match_sub_domains: false,
            address_book_enabled: None,
        }
    }
}

impl AcceptedDomain {
    /// The domain as it is shown and written: with `*.` where its subdomains belong to it.
    pub fn pattern(&self) -> String {
        let wildcard = if self.match_sub_domains { "*." } else { "" };
        format!("{wildcard}{}", self.domain_name)
    }

    /// Whether its recipients are looked up.
    pub fn is_address_book_enabled(&self) -> bool {
        self.address_book_enabled.unwrap_or(self.domain_type == DomainType::Authoritative)
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
