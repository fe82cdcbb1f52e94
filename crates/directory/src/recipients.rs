//! Who can be sent to: what mailboxes have besides their mail, distribution groups, contacts, and how all are found.
//!
//! Names and addresses of all three share one space each. Recipients refer to one another by GUID, so that a rename
//! changes nothing else; a GUID whose recipient is gone stands for nobody.

use crate::names::named;
use crate::snapshot::{Snapshot, fold};
use crate::{ByteSize, Limit, Mailbox};
use mail::Address;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// What is known of the person or thing that a mailbox is for. Empty texts are what is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Person {
    /// Given name.
    pub first_name: String,
    /// Initials of middle names.
    pub initials: String,
    /// Family name.
    pub last_name: String,
    /// Part of the company.
    pub department: String,
    /// Company.
    pub company: String,
    /// What the person does there.
    pub title: String,
    /// Room.
    pub office: String,
    /// Telephone number, as text.
    pub phone: String,
    /// CustomAttribute1 to 15: what the organisation likes to keep.
    pub custom_attributes: BTreeMap<u8, String>,
}

/// Whom a recipient takes mail from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Acceptance {
    /// Only from these recipients and members of these groups, where there are any.
    pub accept_only_from: Vec<Uuid>,
    /// Never from these.
    pub reject_from: Vec<Uuid>,
    /// Only from who logged in, or from servers of our own.
    pub require_sender_authentication: bool,
}

/// What a mailbox sends, takes, and passes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailFlow {
    /// Largest message its user may send.
    pub max_send_size: Limit<ByteSize>,
    /// Largest message it takes.
    pub max_receive_size: Limit<ByteSize>,
    /// Recipients of one message of its user.
    pub recipient_limits: Limit<u32>,
    /// The recipient here that gets its mail; wins over `forwarding_smtp_address`.
    pub forwarding_address: Option<Uuid>,
    /// The address that gets its mail.
    pub forwarding_smtp_address: Option<Address>,
    /// Whether it keeps a copy of what is forwarded.
    pub deliver_to_mailbox_and_forward: bool,
    /// Who may send on its behalf: users, and members of groups.
    pub grant_send_on_behalf_to: Vec<Uuid>,
    /// Whom it takes mail from.
    pub acceptance: Acceptance,
    /// Whether address lists leave it out.
    pub hidden_from_address_lists: bool,
}

impl Default for MailFlow {
    /// No limits, no forwarding, mail from anybody.
    fn default() -> MailFlow {
        MailFlow {
            max_send_size: Limit::Unlimited,
            max_receive_size: Limit::Unlimited,
            recipient_limits: Limit::Unlimited,
            forwarding_address: None,
            forwarding_smtp_address: None,
            deliver_to_mailbox_and_forward: false,
            grant_send_on_behalf_to: Vec::new(),
            acceptance: Acceptance::default(),
            hidden_from_address_lists: false,
        }
    }
}

/// What a mailbox is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailboxType {
    /// A person.
    #[default]
    Regular,
    /// Several people, who log in as themselves.
    Shared,
    /// A room.
    Room,
    /// A thing that can be booked.
    Equipment,
}

named!(MailboxType { Regular = 0, Shared = 1, Room = 2, Equipment = 3 });

/// Totals of a mailbox's messages at which something happens, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// Over it, statistics warn.
    pub issue_warning: Limit<ByteSize>,
    /// From it on, the user may not send.
    pub prohibit_send: Limit<ByteSize>,
    /// Over it, no mail is taken.
    pub prohibit_send_receive: Limit<ByteSize>,
}

impl Default for Quotas {
    /// None. Exchange begins with about 2 GB; here an upgrade must not begin to refuse mail.
    fn default() -> Quotas {
        let none = Limit::Unlimited;
        Quotas { issue_warning: none, prohibit_send: none, prohibit_send_receive: none }
    }
}

/// A list of recipients with an address. Object kind `DistributionGroup`, key `guid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistributionGroup {
    /// Never changes.
    pub guid: Uuid,
    /// Unique name.
    pub name: String,
    /// Unique short name.
    pub alias: String,
    /// Shown to people.
    pub display_name: String,
    /// One of `email_addresses`.
    pub primary_smtp_address: Address,
    /// All addresses; unique in the organisation.
    pub email_addresses: Vec<Address>,
    /// Whether rights can be given to it.
    pub group_type: GroupType,
    /// Its direct members: mailboxes, contacts, groups.
    pub members: BTreeSet<Uuid>,
    /// Who looks after it.
    pub managed_by: Vec<Uuid>,
    /// Whom it takes mail from.
    pub acceptance: Acceptance,
    /// Whether address lists leave it out.
    pub hidden_from_address_lists: bool,
    /// Kept: notices about lost mail go to the sender.
    pub report_to_originator: bool,
    /// Kept: notices about lost mail go to the managers.
    pub report_to_manager: bool,
    /// Kept: absence notices of members go to the sender.
    pub send_oof_to_originator: bool,
    /// Kept: who may join.
    pub member_join_restriction: MemberRestriction,
    /// Kept: who may leave.
    pub member_depart_restriction: MemberRestriction,
    /// When it was made, seconds since 1970.
    pub when_created: i64,
}

impl DistributionGroup {
    /// An empty group for senders who are authenticated, as Exchange makes it.
    pub fn new(name: &str, address: Address, when_created: i64) -> DistributionGroup {
        DistributionGroup {
            guid: Uuid::new_v4(),
            name: name.to_owned(),
            alias: address.local().to_owned(),
            display_name: name.to_owned(),
            primary_smtp_address: address.clone(),
            email_addresses: vec![address],
            group_type: GroupType::Distribution,
            members: BTreeSet::new(),
            managed_by: Vec::new(),
            acceptance: Acceptance { require_sender_authentication: true, ..Acceptance::default() },
            hidden_from_address_lists: false,
            report_to_originator: true,
            report_to_manager: false,
            send_oof_to_originator: false,
            member_join_restriction: MemberRestriction::Closed,
            member_depart_restriction: MemberRestriction::Open,
            when_created,
        }
    }
}

/// What a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupType {
    /// Mail only.
    Distribution,
    /// Mail and rights.
    Security,
}

named!(GroupType { Distribution = 0, Security = 1 });

/// Who may change his own membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberRestriction {
    /// Nobody.
    Closed,
    /// Anybody.
    Open,
    /// Whom the managers let.
    ApprovalRequired,
}

named!(MemberRestriction { Closed = 0, Open = 1, ApprovalRequired = 2 });

/// Somebody elsewhere under a name here. Object kind `MailContact`, key `guid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailContact {
    /// Never changes.
    pub guid: Uuid,
    /// Unique name.
    pub name: String,
    /// Unique short name.
    pub alias: String,
    /// Shown to people.
    pub display_name: String,
    /// Where its mail goes; unique in the organisation, and in no domain of ours.
    pub external_email_address: Address,
    /// What is known of the person.
    pub person: Person,
    /// Whom it takes mail from.
    pub acceptance: Acceptance,
    /// Whether address lists leave it out.
    pub hidden_from_address_lists: bool,
    /// When it was made, seconds since 1970.
    pub when_created: i64,
}

impl MailContact {
    /// A contact with this address.
    pub fn new(name: &str, address: Address, when_created: i64) -> MailContact {
        MailContact {
            guid: Uuid::new_v4(),
            name: name.to_owned(),
            alias: address.local().to_owned(),
            display_name: name.to_owned(),
            external_email_address: address,
            person: Person::default(),
            acceptance: Acceptance::default(),
            hidden_from_address_lists: false,
            when_created,
        }
    }
}

/// Anybody who can be sent to.
#[derive(Clone, Debug)]
pub enum Recipient {
    /// A mailbox here.
    Mailbox(Arc<Mailbox>),
    /// A group.
    Group(Arc<DistributionGroup>),
    /// Somebody elsewhere.
    Contact(Arc<MailContact>),
}

impl Recipient {
    /// Never changes.
    pub fn guid(&self) -> Uuid {
        match self {
            Recipient::Mailbox(mailbox) => mailbox.guid,
            Recipient::Group(group) => group.guid,
            Recipient::Contact(contact) => contact.guid,
        }
    }

    /// Unique name.
    pub fn name(&self) -> &str {
        match self {
            Recipient::Mailbox(mailbox) => &mailbox.name,
            Recipient::Group(group) => &group.name,
            Recipient::Contact(contact) => &contact.name,
        }
    }

    /// Unique short name.
    pub fn alias(&self) -> &str {
        match self {
            Recipient::Mailbox(mailbox) => &mailbox.alias,
            Recipient::Group(group) => &group.alias,
            Recipient::Contact(contact) => &contact.alias,
        }
    }

    /// Shown to people.
    pub fn display_name(&self) -> &str {
        match self {
            Recipient::Mailbox(mailbox) => &mailbox.display_name,
            Recipient::Group(group) => &group.display_name,
            Recipient::Contact(contact) => &contact.display_name,
        }
    }

    /// Where mail to it goes.
    pub fn primary_smtp_address(&self) -> &Address {
        match self {
            Recipient::Mailbox(mailbox) => &mailbox.primary_smtp_address,
            Recipient::Group(group) => &group.primary_smtp_address,
            Recipient::Contact(contact) => &contact.external_email_address,
        }
    }

    /// All its addresses.
    pub fn email_addresses(&self) -> &[Address] {
        match self {
            Recipient::Mailbox(mailbox) => &mailbox.email_addresses,
            Recipient::Group(group) => &group.email_addresses,
            Recipient::Contact(contact) => std::slice::from_ref(&contact.external_email_address),
        }
    }

    /// Whom it takes mail from.
    pub fn acceptance(&self) -> &Acceptance {
        match self {
            Recipient::Mailbox(mailbox) => &mailbox.mail_flow.acceptance,
            Recipient::Group(group) => &group.acceptance,
            Recipient::Contact(contact) => &contact.acceptance,
        }
    }

    /// `mailbox 'Alice'`
    pub fn label(&self) -> String {
        let kind = match self {
            Recipient::Mailbox(_) => "mailbox",
            Recipient::Group(_) => "distribution group",
            Recipient::Contact(_) => "contact",
        };
        format!("{kind} '{}'", self.name())
    }

    pub(crate) fn own_names(&self) -> [String; 2] {
        [fold(self.name()), fold(self.alias())]
    }

    /// What nobody else may have as an address or login name.
    pub(crate) fn own_addresses(&self) -> impl Iterator<Item = String> {
        let login = match self {
            Recipient::Mailbox(mailbox) => Some(&mailbox.user_principal_name),
            Recipient::Group(_) | Recipient::Contact(_) => None,
        };
        login.into_iter().chain(self.email_addresses()).map(Address::key)
    }
}

impl Snapshot {
    /// The recipient of this GUID.
    pub fn recipient_by_guid(&self, guid: Uuid) -> Option<Recipient> {
        let mailbox = || self.mailbox_by_guid(guid).cloned().map(Recipient::Mailbox);
        let group = || self.by_guid(guid).cloned().map(Recipient::Group);
        let contact = || self.by_guid(guid).cloned().map(Recipient::Contact);
        mailbox().or_else(group).or_else(contact)
    }

    /// The recipient of this name, alias, login name, address or GUID.
    pub fn recipient_by_identity(&self, identity: &str) -> Option<Recipient> {
        let wanted = fold(identity);
        let by_guid = || wanted.parse().ok();
        let key = wanted.as_str();
        let guid = self.names.get(key).or_else(|| self.addresses.get(key)).copied().or_else(by_guid);
        self.recipient_by_guid(guid?)
    }

    /// The recipient that has this address.
    pub fn addressee(&self, address: &Address) -> Option<Recipient> {
        let guid = self.addresses.get(address.key().as_str())?;
        let key = address.key();
        // The index has login names too, which take no mail by themselves.
        self.recipient_by_guid(*guid).filter(|found| found.email_addresses().iter().any(|a| a.key() == key))
    }

    /// All recipients, sorted by name.
    pub fn recipients(&self) -> impl Iterator<Item = Recipient> {
        let named = |(name, guid): (&Arc<str>, &Uuid)| {
            // An alias is in the same index; it is passed over.
            self.recipient_by_guid(*guid).filter(|found| fold(found.name()) == **name)
        };
        self.names.iter().filter_map(named)
    }

    /// The quotas that count for a mailbox: its own, or those of the database.
    pub fn quotas(&self, mailbox: &Mailbox) -> Quotas {
        if mailbox.use_database_quota_defaults {
            return self.organization.database_quotas;
        }
        Quotas {
            issue_warning: mailbox.issue_warning_quota,
            prohibit_send: mailbox.prohibit_send_quota,
            prohibit_send_receive: mailbox.prohibit_send_receive_quota,
        }
    }
}
