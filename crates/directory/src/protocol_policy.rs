//! Rules that say by group which protocols mailboxes may use, and what a mailbox itself says.

use crate::check::Invalid;
use crate::lists::Listed;
use crate::names::named;
use crate::record::Kind;
use crate::snapshot::Snapshot;
use crate::{CasMailbox, DistributionGroup};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What can be set for a mailbox and by group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtocolSetting {
    /// POP3.
    PopEnabled,
    /// IMAP4.
    ImapEnabled,
    /// Webmail.
    OWAEnabled,
    /// Kept for scripts.
    ActiveSyncEnabled,
    /// Kept for scripts.
    MAPIEnabled,
    /// Whether SMTP AUTH is refused.
    SmtpClientAuthenticationDisabled,
}

named!(ProtocolSetting {
    PopEnabled = 0,
    ImapEnabled = 1,
    OWAEnabled = 2,
    ActiveSyncEnabled = 3,
    MAPIEnabled = 4,
    SmtpClientAuthenticationDisabled = 5,
});

/// A value, or nothing, for each setting.
pub trait Choices {
    /// Where a setting's value is.
    fn choice_mut(&mut self, setting: ProtocolSetting) -> &mut Option<bool>;
    /// A setting's value.
    fn choice(&self, setting: ProtocolSetting) -> Option<bool>;
}

macro_rules! choices {
    ($type:ident) => {
        impl Choices for $type {
            fn choice_mut(&mut self, setting: ProtocolSetting) -> &mut Option<bool> {
                match setting {
                    ProtocolSetting::PopEnabled => &mut self.pop_enabled,
                    ProtocolSetting::ImapEnabled => &mut self.imap_enabled,
                    ProtocolSetting::OWAEnabled => &mut self.owa_enabled,
                    ProtocolSetting::ActiveSyncEnabled => &mut self.active_sync_enabled,
                    ProtocolSetting::MAPIEnabled => &mut self.mapi_enabled,
                    ProtocolSetting::SmtpClientAuthenticationDisabled => {
                        &mut self.smtp_client_authentication_disabled
                    }
                }
            }

            fn choice(&self, setting: ProtocolSetting) -> Option<bool> {
                match setting {
                    ProtocolSetting::PopEnabled => self.pop_enabled,
                    ProtocolSetting::ImapEnabled => self.imap_enabled,
                    ProtocolSetting::OWAEnabled => self.owa_enabled,
                    ProtocolSetting::ActiveSyncEnabled => self.active_sync_enabled,
                    ProtocolSetting::MAPIEnabled => self.mapi_enabled,
                    ProtocolSetting::SmtpClientAuthenticationDisabled => {
                        self.smtp_client_authentication_disabled
                    }
                }
            }
        }
    };
}

choices!(CasMailbox);
choices!(ProtocolPolicy);

/// What holds for the members of a group. Object kind `ProtocolPolicy`, key `guid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolPolicy {
    /// Never changes.
    pub guid: Uuid,
    /// Unique name.
    pub name: String,
    /// Whether it counts.
    pub enabled: bool,
    /// Of two rules that say something, the one with the smaller number counts; of two with the same number, the one
    /// whose name comes first.
    pub priority: u32,
    /// The group whose members it is for, with those of groups in it.
    pub member_of: Uuid,
    /// POP3.
    pub pop_enabled: Option<bool>,
    /// IMAP4.
    pub imap_enabled: Option<bool>,
    /// Webmail.
    pub owa_enabled: Option<bool>,
    /// Kept for scripts.
    pub active_sync_enabled: Option<bool>,
    /// Kept for scripts.
    pub mapi_enabled: Option<bool>,
    /// Refuses SMTP AUTH.
    pub smtp_client_authentication_disabled: Option<bool>,
}

impl ProtocolPolicy {
    /// A rule that says nothing yet.
    pub fn new(name: &str, member_of: Uuid, priority: u32) -> ProtocolPolicy {
        ProtocolPolicy {
            guid: Uuid::new_v4(),
            name: name.to_owned(),
            enabled: true,
            priority,
            member_of,
            pop_enabled: None,
            imap_enabled: None,
            owa_enabled: None,
            active_sync_enabled: None,
            mapi_enabled: None,
            smtp_client_authentication_disabled: None,
        }
    }
}

impl Listed for ProtocolPolicy {
    const KIND: Kind = Kind::ProtocolPolicy;

    fn guid(&self) -> Uuid {
        self.guid
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, all: &Snapshot) -> Result<(), Invalid> {
        match all.by_guid::<DistributionGroup>(self.member_of) {
            Some(_) => Ok(()),
            None => {
                let problem = "there is no such distribution group; Get-DistributionGroup lists them";
                Err(Invalid::new(self.label(), "MemberOf", problem))
            }
        }
    }
}

impl Snapshot {
    /// The rules that count, the first to be asked first.
    pub fn protocol_policies(&self) -> impl Iterator<Item = &ProtocolPolicy> {
        self.policies.iter().filter_map(|guid| self.by_guid(*guid)).map(|policy| &**policy)
    }

    pub(crate) fn order_policies(&mut self) {
        let mut policies: Vec<_> =
            self.all::<ProtocolPolicy>().filter(|policy| policy.enabled).cloned().collect();
        // Sorting keeps the order of names within a priority.
        policies.sort_by_key(|policy| policy.priority);
        self.policies = policies.iter().map(|policy| policy.guid).collect();
    }
}

/// How an exception of a mailbox is saved. The first format had `true` where nothing was said, because everything was
/// allowed unless an administrator forbade it; so `true` is nothing, `false` an exception, and what is allowed in spite of
/// the rules has a word of its own.
pub(crate) mod exception {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Saved {
        Plain(bool),
        Word(Word),
    }

    #[derive(Serialize, Deserialize)]
    enum Word {
        Allowed,
    }

    pub fn serialize<S: Serializer>(value: &Option<bool>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            None => Saved::Plain(true),
            Some(false) => Saved::Plain(false),
            Some(true) => Saved::Word(Word::Allowed),
        }
        .serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
        Ok(match Saved::deserialize(deserializer)? {
            Saved::Plain(true) => None,
            Saved::Plain(false) => Some(false),
            Saved::Word(Word::Allowed) => Some(true),
        })
    }
}
