//! Which protocols a mailbox may use: its own word, else the first rule for a group it is in, else the default.
//!
//! The groups of a mailbox come from an index, so a login costs as much as the mailbox has groups, however many
//! mailboxes and rules there are; and since all is taken from the snapshot, a change holds for the next login.

use directory::{Choices, Mailbox, ProtocolPolicy, ProtocolSetting, Snapshot};
use std::collections::HashSet;
use std::fmt;
use uuid::Uuid;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything, or the organisation did.
    Default,
    /// An exception of the mailbox.
    Mailbox,
    /// The rule of this name.
    Policy(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("Default"),
            Origin::Mailbox => f.write_str("Mailbox"),
            Origin::Policy(name) => write!(f, "Policy '{name}'"),
        }
    }
}

/// A value that counts, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The value.
    pub value: bool,
    /// Where it comes from.
    pub origin: Origin,
}

/// The value of a setting that counts for a mailbox.
pub fn effective(all: &Snapshot, mailbox: &Mailbox, setting: ProtocolSetting) -> Effective {
    if let Some(value) = mailbox.cas.choice(setting) {
        return Effective { value, origin: Origin::Mailbox };
    }
    let says = |policy: &&ProtocolPolicy| policy.choice(setting).is_some();
    let mut rules = all.protocol_policies().filter(says).peekable();
    let groups = rules.peek().map(|_| all.membership().all(mailbox.guid)).unwrap_or_default();
    chosen(all, rules, &groups, setting)
}

/// The values of all settings that count for a mailbox, in the order of [`ProtocolSetting::ALL`].
pub fn all_effective(all: &Snapshot, mailbox: &Mailbox) -> Vec<(ProtocolSetting, Effective)> {
    let groups = match all.protocol_policies().next() {
        Some(_) => all.membership().all(mailbox.guid),
        None => HashSet::new(),
    };
    let of = |setting: &ProtocolSetting| {
        let own = mailbox.cas.choice(*setting);
        let own = own.map(|value| Effective { value, origin: Origin::Mailbox });
        (*setting, own.unwrap_or_else(|| chosen(all, all.protocol_policies(), &groups, *setting)))
    };
    ProtocolSetting::ALL.iter().map(of).collect()
}

/// What the first rule says that is for one of these groups, else the default.
fn chosen<'a>(
    all: &Snapshot,
    rules: impl Iterator<Item = &'a ProtocolPolicy>,
    groups: &HashSet<Uuid>,
    setting: ProtocolSetting,
) -> Effective {
    let mut fitting = rules.filter(|policy| groups.contains(&policy.member_of));
    let found = fitting.find_map(|policy| Some((policy.choice(setting)?, &policy.name)));
    match found {
        Some((value, name)) => Effective { value, origin: Origin::Policy(name.clone()) },
        None => Effective { value: default(all, setting), origin: Origin::Default },
    }
}

/// Everything is allowed that nobody forbids.
fn default(all: &Snapshot, setting: ProtocolSetting) -> bool {
    match setting {
        ProtocolSetting::SmtpClientAuthenticationDisabled => {
            all.organization().smtp_client_authentication_disabled
        }
        _ => true,
    }
}
