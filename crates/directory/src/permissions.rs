//! Permissions on objects: who has which right, entry by entry, as Add-ADPermission and Add-MailboxPermission keep them.
//!
//! An entry names one right, so that adding and removing need not take others apart. What an entry means for a session
//! is decided in `policy`; here stands only what the permission groups of a connector stand for. Source of the names and
//! of the groups' rights: the Receive connector pages of Exchange.

use crate::names::named;
use crate::{BadValue, PermissionGroups, Trustee, WellKnown};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The permissions on an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessList {
    /// Who owns the object, where that was set.
    pub owner: Option<Trustee>,
    /// What was added one by one.
    pub entries: Vec<Permission>,
}

impl AccessList {
    /// Whether nothing was ever set.
    pub fn is_unset(&self) -> bool {
        self.owner.is_none() && self.entries.is_empty()
    }
}

/// One right of one trustee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// Who has it, or has it not.
    pub trustee: Trustee,
    /// The right.
    pub right: Right,
    /// Whether it is given or taken.
    pub sense: Sense,
    /// For which objects: this one, or those below it, of which there are none.
    #[serde(default)]
    pub inheritance: Inheritance,
}

impl Permission {
    /// An entry that gives a right on the object itself.
    pub fn allow(trustee: Trustee, right: Right) -> Permission {
        Permission { trustee, right, sense: Sense::Allow, inheritance: Inheritance::All }
    }
}

/// Whether an entry gives or takes; what is taken is not given by another entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sense {
    /// It gives the right.
    Allow,
    /// It takes the right.
    Deny,
}

/// Which objects an entry is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Inheritance {
    /// This object.
    None,
    /// This object and all below.
    #[default]
    All,
    /// All below this object. The spelling is Exchange's.
    Descendents,
    /// This object and the next below.
    SelfAndChildren,
    /// The next below.
    Children,
}

named!(Inheritance { None = 0, All = 1, Descendents = 2, SelfAndChildren = 3, Children = 4 });

impl Inheritance {
    /// Whether the entry is about the object that it stands on.
    pub fn is_for_object(self) -> bool {
        !matches!(self, Inheritance::Descendents | Inheritance::Children)
    }
}

/// Which cmdlet parameter names a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `-ExtendedRights` of Add-ADPermission.
    Extended,
    /// `-AccessRights` of Add-ADPermission.
    Directory,
    /// `-AccessRights` of Add-MailboxPermission.
    Mailbox,
}

macro_rules! rights {
    ($($family:ident { $($(#[$doc:meta])* $right:ident = $name:literal),+ $(,)? })+) => {
        /// A right, by the name that administrators use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Right { $($($(#[$doc])* $right),+),+ }

        impl Right {
            /// All rights.
            pub const ALL: &'static [Right] = &[$($(Right::$right),+),+];

            /// As it is written.
            pub fn name(self) -> &'static str {
                match self { $($(Right::$right => $name),+),+ }
            }

            /// By which parameter it is named.
            pub fn family(self) -> Family {
                match self { $($(Right::$right)|+ => Family::$family),+ }
            }
        }
    };
}

rights! {
    Extended {
        /// MAIL FROM and AUTH.
        SmtpSubmit = "ms-Exch-SMTP-Submit",
        /// Recipients anywhere: relaying.
        AcceptAnyRecipient = "ms-Exch-SMTP-Accept-Any-Recipient",
        /// Senders that the client is not known to be.
        AcceptAnySender = "ms-Exch-SMTP-Accept-Any-Sender",
        /// Senders of our own domains.
        AcceptAuthoritativeDomainSender = "ms-Exch-SMTP-Accept-Authoritative-Domain-Sender",
        /// Its messages count as sent by one of us.
        AcceptAuthenticationFlag = "ms-Exch-SMTP-Accept-Authentication-Flag",
        /// Kept: the blob of Exchange 2003.
        AcceptExch50 = "ms-Exch-SMTP-Accept-Exch50",
        /// Kept: Received and Resent- fields are never removed.
        AcceptHeadersRouting = "ms-Exch-Accept-Headers-Routing",
        /// Kept: X-MS-Exchange-Organization- fields mean nothing here.
        AcceptHeadersOrganization = "ms-Exch-Accept-Headers-Organization",
        /// Kept: X-MS-Exchange-Forest- fields mean nothing here.
        AcceptHeadersForest = "ms-Exch-Accept-Headers-Forest",
        /// Kept: there is no filter to bypass.
        BypassAntiSpam = "ms-Exch-Bypass-Anti-Spam",
        /// Messages larger than the connector's limit.
        BypassMessageSizeLimit = "ms-Exch-Bypass-Message-Size-Limit",
        /// Kept: between servers of Exchange.
        AcceptXAttr = "ms-Exch-SMTP-Accept-XAttr",
        /// Kept: between servers of Exchange.
        AcceptXProxyFrom = "ms-Exch-SMTP-Accept-XProxyFrom",
        /// Kept: between servers of Exchange.
        AcceptXSessionParams = "ms-Exch-SMTP-Accept-XSessionParams",
        /// Kept: between servers of Exchange.
        AcceptXShadow = "ms-Exch-SMTP-Accept-XShadow",
        /// Kept: between servers of Exchange.
        AcceptXSysProbe = "ms-Exch-SMTP-Accept-XSysProbe",
        /// Send mail as this mailbox.
        SendAs = "Send-As",
        /// Open this mailbox.
        ReceiveAs = "Receive-As",
    }
    Directory {
        /// All extended rights.
        ExtendedRight = "ExtendedRight",
        /// Every right.
        GenericAll = "GenericAll",
        /// Kept.
        ReadProperty = "ReadProperty",
        /// Kept.
        WriteProperty = "WriteProperty",
        /// Kept.
        CreateChild = "CreateChild",
        /// Kept.
        DeleteChild = "DeleteChild",
        /// Kept.
        ListChildren = "ListChildren",
        /// Kept.
        ListObject = "ListObject",
        /// Kept.
        ValidatedWrite = "Self",
        /// Kept.
        Delete = "Delete",
        /// Kept.
        DeleteTree = "DeleteTree",
        /// Kept.
        ReadControl = "ReadControl",
        /// Kept.
        WriteDacl = "WriteDacl",
        /// Kept.
        WriteOwner = "WriteOwner",
        /// Kept.
        GenericRead = "GenericRead",
        /// Kept.
        GenericWrite = "GenericWrite",
        /// Kept.
        GenericExecute = "GenericExecute",
        /// Kept.
        Synchronize = "Synchronize",
        /// Kept.
        AccessSystemSecurity = "AccessSystemSecurity",
    }
    Mailbox {
        /// Open the mailbox and everything in it.
        FullAccess = "FullAccess",
        /// Kept: read its permissions.
        ReadPermission = "ReadPermission",
        /// Kept: change its permissions.
        ChangePermission = "ChangePermission",
        /// Kept: change its owner.
        ChangeOwner = "ChangeOwner",
        /// Kept: delete the mailbox.
        DeleteItem = "DeleteItem",
        /// Kept: the account outside that is its owner.
        ExternalAccount = "ExternalAccount",
    }
}

/// Another name of a right, in the documentation of Exchange 2013.
const EXCH50: &str = "ms-Exch-Accept-Exch50";

impl Right {
    /// The right of this name that the parameter knows, without regard to case, and with blanks for dashes (`Send As`).
    pub fn find(family: Family, text: &str) -> Result<Right, BadValue> {
        let wanted = text.trim().replace(' ', "-");
        let known = || Right::ALL.iter().filter(|right| right.family() == family);
        let alias = family == Family::Extended && wanted.eq_ignore_ascii_case(EXCH50);
        let found = known().find(|right| right.name().eq_ignore_ascii_case(&wanted));
        found.copied().or(alias.then_some(Right::AcceptExch50)).ok_or_else(|| {
            BadValue::new(text, known().map(|right| right.name()).collect::<Vec<_>>().join(", "))
        })
    }

    /// Whether whoever has this right has the other one with it.
    pub fn implies(self, other: Right) -> bool {
        self == other
            || self == Right::GenericAll
            || self == Right::ExtendedRight && other.family() == Family::Extended
    }

    /// Whether it makes a difference in this version.
    pub fn has_effect(self) -> bool {
        use Right::*;
        matches!(
            self,
            SmtpSubmit
                | AcceptAnyRecipient
                | AcceptAnySender
                | AcceptAuthoritativeDomainSender
                | AcceptAuthenticationFlag
                | BypassMessageSizeLimit
                | SendAs
                | ExtendedRight
                | GenericAll
        )
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for Right {
    type Error = BadValue;
    fn try_from(text: String) -> Result<Right, BadValue> {
        let found = Right::ALL.iter().find(|right| right.name() == text);
        found.copied().ok_or_else(|| BadValue::new(&text, "the name of a right"))
    }
}

impl From<Right> for String {
    fn from(right: Right) -> String {
        right.name().to_owned()
    }
}

// ---- permission groups ----

const ANONYMOUS: &[Right] = &[
    Right::SmtpSubmit,
    Right::AcceptAnySender,
    Right::AcceptAuthoritativeDomainSender,
    Right::AcceptHeadersRouting,
];

const USERS: &[Right] =
    &[Right::SmtpSubmit, Right::AcceptAnyRecipient, Right::AcceptHeadersRouting, Right::BypassAntiSpam];

const SECURED: &[Right] = &[
    Right::SmtpSubmit,
    Right::AcceptAnyRecipient,
    Right::AcceptAnySender,
    Right::AcceptAuthoritativeDomainSender,
    Right::AcceptAuthenticationFlag,
    Right::AcceptExch50,
    Right::AcceptHeadersRouting,
    Right::BypassAntiSpam,
    Right::BypassMessageSizeLimit,
];

/// What other servers of Exchange have besides.
const SERVERS: &[Right] = &[
    Right::AcceptHeadersOrganization,
    Right::AcceptHeadersForest,
    Right::AcceptXAttr,
    Right::AcceptXProxyFrom,
    Right::AcceptXSessionParams,
    Right::AcceptXShadow,
    Right::AcceptXSysProbe,
];

const PARTNERS: &[Right] = &[Right::SmtpSubmit, Right::AcceptHeadersRouting];

impl PermissionGroups {
    /// The rights that the groups stand for, with those who have them.
    pub fn grants(self) -> impl Iterator<Item = (WellKnown, Right)> {
        let servers = [WellKnown::ExchangeServers, WellKnown::EdgeServers, WellKnown::HubServers];
        let mut lists: Vec<(WellKnown, &'static [Right])> = Vec::new();
        let mut add = |on: bool, who: WellKnown, rights| {
            if on {
                lists.push((who, rights));
            }
        };
        add(self.anonymous_users, WellKnown::AnonymousLogon, ANONYMOUS);
        add(self.exchange_users, WellKnown::AuthenticatedUsers, USERS);
        for server in servers {
            add(self.exchange_servers, server, SECURED);
            add(self.exchange_servers, server, SERVERS);
        }
        add(self.exchange_servers, WellKnown::ExternallySecured, SECURED);
        add(self.exchange_legacy_servers, WellKnown::LegacyInterop, SECURED);
        add(self.partners, WellKnown::PartnerServers, PARTNERS);
        lists.into_iter().flat_map(|(who, rights)| rights.iter().map(move |right| (who, *right)))
    }

    /// Each group alone.
    pub fn each(self) -> impl Iterator<Item = PermissionGroups> {
        let none = PermissionGroups::default();
        [
            PermissionGroups { anonymous_users: self.anonymous_users, ..none },
            PermissionGroups { exchange_users: self.exchange_users, ..none },
            PermissionGroups { exchange_servers: self.exchange_servers, ..none },
            PermissionGroups { exchange_legacy_servers: self.exchange_legacy_servers, ..none },
            PermissionGroups { partners: self.partners, ..none },
        ]
        .into_iter()
        .filter(|group| !group.is_empty())
    }

    /// These groups without those of another set.
    pub fn without(self, other: PermissionGroups) -> PermissionGroups {
        PermissionGroups {
            anonymous_users: self.anonymous_users && !other.anonymous_users,
            exchange_users: self.exchange_users && !other.exchange_users,
            exchange_servers: self.exchange_servers && !other.exchange_servers,
            exchange_legacy_servers: self.exchange_legacy_servers && !other.exchange_legacy_servers,
            partners: self.partners && !other.partners,
            custom: self.custom && !other.custom,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_found_by_any_spelling() {
        let table = [
            (Family::Extended, "ms-exch-smtp-accept-any-recipient", Some(Right::AcceptAnyRecipient)),
            (Family::Extended, "Ms-Exch-SMTP-Submit", Some(Right::SmtpSubmit)),
            (Family::Extended, "Send As", Some(Right::SendAs)),
            (Family::Extended, " send-as ", Some(Right::SendAs)),
            (Family::Extended, "ms-Exch-Accept-Exch50", Some(Right::AcceptExch50)),
            (Family::Extended, "ms-Exch-SMTP-Accept-Exch50", Some(Right::AcceptExch50)),
            (Family::Extended, "FullAccess", None),
            (Family::Extended, "", None),
            (Family::Directory, "self", Some(Right::ValidatedWrite)),
            (Family::Directory, "GenericAll", Some(Right::GenericAll)),
            (Family::Mailbox, "fullaccess", Some(Right::FullAccess)),
            (Family::Mailbox, "Send-As", None),
        ];
        for (family, text, expected) in table {
            let got = Right::find(family, text);
            assert_eq!(got.as_ref().ok().copied(), expected, "{family:?} {text}");
            if let Err(bad) = got {
                assert!(bad.legal.contains(", "), "{bad}: names what is legal");
            }
        }
    }

    #[test]
    fn rights_are_saved_by_their_names() {
        for right in Right::ALL {
            let text = serde_json::to_string(right).unwrap();
            assert_eq!(text, format!("\"{}\"", right.name()));
            assert_eq!(serde_json::from_str::<Right>(&text).unwrap(), *right);
            assert_eq!(Right::find(right.family(), right.name()), Ok(*right));
        }
        assert!(serde_json::from_str::<Right>("\"Sing\"").is_err());
    }

    #[test]
    fn groups_stand_for_rights() {
        // Group; trustee; how many rights; one that it has; one that it has not.
        let table = [
            (
                "AnonymousUsers",
                WellKnown::AnonymousLogon,
                4,
                Right::AcceptAnySender,
                Right::AcceptAnyRecipient,
            ),
            (
                "ExchangeUsers",
                WellKnown::AuthenticatedUsers,
                4,
                Right::AcceptAnyRecipient,
                Right::AcceptAnySender,
            ),
            (
                "ExchangeServers",
                WellKnown::ExternallySecured,
                9,
                Right::BypassMessageSizeLimit,
                Right::AcceptXShadow,
            ),
            ("ExchangeServers", WellKnown::HubServers, 16, Right::AcceptXShadow, Right::SendAs),
            ("ExchangeLegacyServers", WellKnown::LegacyInterop, 9, Right::AcceptExch50, Right::AcceptXAttr),
            ("Partners", WellKnown::PartnerServers, 2, Right::SmtpSubmit, Right::AcceptAnyRecipient),
        ];
        for (groups, who, count, has, lacks) in table {
            let groups: PermissionGroups = groups.parse().unwrap();
            let rights: Vec<Right> =
                groups.grants().filter(|(trustee, _)| *trustee == who).map(|(_, right)| right).collect();
            assert_eq!(rights.len(), count, "{groups} {who:?}");
            assert!(rights.contains(&has) && !rights.contains(&lacks), "{groups} {who:?}");
        }
        assert_eq!(PermissionGroups::default().grants().count(), 0);
    }

    #[test]
    fn some_rights_include_others() {
        let table = [
            (Right::GenericAll, Right::SendAs, true),
            (Right::GenericAll, Right::FullAccess, true),
            (Right::ExtendedRight, Right::SmtpSubmit, true),
            (Right::ExtendedRight, Right::FullAccess, false),
            (Right::FullAccess, Right::SendAs, false),
            (Right::SendAs, Right::SendAs, true),
        ];
        for (one, other, expected) in table {
            assert_eq!(one.implies(other), expected, "{one} {other}");
        }
    }
}
