//! Whom a permission is about: users and groups of the directory, and those that Windows knows everywhere.
//!
//! The well-known ones are found by their SIDs, and by their English and German names with or without the authority
//! before it, compared in Unicode's composed form and without regard to case: articles and consoles write `Ä`, `ä` and
//! `A` with a combining diaeresis.

use crate::{BadValue, Snapshot};
use serde::{Deserialize, Serialize};
use std::fmt;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

/// Whom a permission is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Trustee {
    /// One that Windows or Exchange knows everywhere.
    WellKnown(WellKnown),
    /// A mailbox or group, by its GUID; it may be gone.
    Object(Uuid),
}

macro_rules! well_known {
    ($($(#[$doc:meta])* $who:ident = $sid:expr, $english:literal, $german:literal;)+) => {
        /// Users and groups that have the same identity everywhere.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum WellKnown { $($(#[$doc])* $who),+ }

        impl WellKnown {
            /// All of them.
            pub const ALL: &'static [WellKnown] = &[$(WellKnown::$who),+];

            /// The security identifier, where it is the same everywhere.
            pub fn sid(self) -> Option<&'static str> {
                match self { $(WellKnown::$who => $sid),+ }
            }

            /// The English name with its authority.
            pub fn name(self) -> &'static str {
                match self { $(WellKnown::$who => $english),+ }
            }

            /// The German name with its authority.
            fn german(self) -> &'static str {
                match self { $(WellKnown::$who => $german),+ }
            }
        }
    };
}

well_known! {
    /// Whoever did not log in.
    AnonymousLogon = Some("S-1-5-7"), "NT AUTHORITY\\ANONYMOUS LOGON", "NT-AUTORITÄT\\ANONYMOUS-ANMELDUNG";
    /// Whoever logged in.
    AuthenticatedUsers = Some("S-1-5-11"),
        "NT AUTHORITY\\Authenticated Users", "NT-AUTORITÄT\\Authentifizierte Benutzer";
    /// The user of the mailbox itself.
    OwnUser = Some("S-1-5-10"), "NT AUTHORITY\\SELF", "NT-AUTORITÄT\\SELBST";
    /// The system.
    System = Some("S-1-5-18"), "NT AUTHORITY\\SYSTEM", "NT-AUTORITÄT\\SYSTEM";
    /// Everybody.
    Everyone = Some("S-1-1-0"), "Everyone", "Jeder";
    /// Servers of partners, known by mutual TLS.
    PartnerServers = Some("S-1-9-1419165041-1139599005-3936102811-1022490595-10"),
        "MS Exchange\\Partner Servers", "MS Exchange\\Partner Servers";
    /// Servers of the organisation.
    HubServers = Some("S-1-9-1419165041-1139599005-3936102811-1022490595-21"),
        "MS Exchange\\Hub Transport Servers", "MS Exchange\\Hub Transport Servers";
    /// Servers at its edge.
    EdgeServers = Some("S-1-9-1419165041-1139599005-3936102811-1022490595-22"),
        "MS Exchange\\Edge Transport Servers", "MS Exchange\\Edge Transport Servers";
    /// Whoever comes by a connector with ExternalAuthoritative.
    ExternallySecured = Some("S-1-9-1419165041-1139599005-3936102811-1022490595-23"),
        "MS Exchange\\Externally Secured Servers", "MS Exchange\\Externally Secured Servers";
    /// Servers of Exchange 2003, at the edge.
    LegacyServers = Some("S-1-9-1419165041-1139599005-3936102811-1022490595-24"),
        "MS Exchange\\Legacy Exchange Servers", "MS Exchange\\Legacy Exchange Servers";
    /// The domain's group of servers.
    ExchangeServers = None, "Exchange Servers", "Exchange Servers";
    /// The domain's group of servers of Exchange 2003.
    LegacyInterop = None, "ExchangeLegacyInterop", "ExchangeLegacyInterop";
}

/// A name as names are compared: composed, and in one case. Through the upper case, so that `ß` is `SS` and each form of
/// sigma the same.
fn folded(name: &str) -> String {
    let upper: String = name.trim().nfc().collect::<String>().to_uppercase();
    upper.nfc().collect::<String>().to_lowercase()
}

/// The authorities that stand before the names of Windows itself.
const AUTHORITIES: [&str; 2] = ["NT AUTHORITY", "NT-AUTORITÄT"];

impl WellKnown {
    /// The one of this SID or name.
    pub fn find(text: &str) -> Option<WellKnown> {
        let wanted = folded(text);
        let known = |who: &&WellKnown| {
            who.sid().is_some_and(|sid| folded(sid) == wanted)
                || [who.name(), who.german()].iter().any(|name| is_name(name, &wanted))
        };
        WellKnown::ALL.iter().find(known).copied()
    }

    /// Whether it is a group of the domain, and shown with the domain's name.
    pub fn is_of_domain(self) -> bool {
        self.sid().is_none()
    }
}

/// Whether the folded text is this name, with its authority in either language, or without.
fn is_name(full: &str, wanted: &str) -> bool {
    let (authority, name) = full.split_once('\\').unwrap_or(("", full));
    let Some((given, rest)) = wanted.split_once('\\') else { return folded(name) == *wanted };
    let same = |text: &str| folded(text) == given;
    let fits = same(authority) || (AUTHORITIES.contains(&authority) && AUTHORITIES.into_iter().any(same));
    fits && !authority.is_empty() && folded(name) == rest
}

impl Snapshot {
    /// Whom an administrator means: a well-known name or SID, or what names a mailbox, also `DOMAIN\user`.
    pub fn trustee(&self, text: &str) -> Option<Trustee> {
        if let Some(known) = WellKnown::find(text) {
            return Some(Trustee::WellKnown(known));
        }
        if let Some(mailbox) = self.mailbox(text) {
            return Some(Trustee::Object(mailbox.guid));
        }
        let (domain, name) = text.trim().split_once('\\')?;
        if let Some(user) = self.in_domain_named(domain, name) {
            return Some(Trustee::Object(user.guid));
        }
        let group = WellKnown::find(name).filter(|group| group.is_of_domain())?;
        self.has_domain_named(domain).then_some(Trustee::WellKnown(group))
    }

    /// The name by which a trustee is shown: `EXAMPLE\alice`. Of one that is gone, the GUID is left.
    pub fn trustee_name(&self, trustee: &Trustee) -> String {
        match trustee {
            Trustee::WellKnown(group) if group.is_of_domain() => {
                let domain =
                    self.default_domain().map_or("", |domain| first_label(domain.domain_name.as_str()));
                format!("{}\\{}", domain.to_uppercase(), group.name())
            }
            Trustee::WellKnown(known) => known.name().to_owned(),
            Trustee::Object(guid) => match self.mailbox_by_guid(*guid) {
                Some(user) => {
                    let domain = first_label(user.user_principal_name.domain().as_str()).to_uppercase();
                    format!("{domain}\\{}", user.alias)
                }
                None => guid.to_string(),
            },
        }
    }
}

/// The domain's NetBIOS name.
fn first_label(domain: &str) -> &str {
    domain.split('.').next().unwrap_or(domain)
}

impl fmt::Display for Trustee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trustee::WellKnown(known) => f.write_str(known.name()),
            Trustee::Object(guid) => guid.fmt(f),
        }
    }
}

impl TryFrom<String> for Trustee {
    type Error = BadValue;
    fn try_from(text: String) -> Result<Trustee, BadValue> {
        if let Some(known) = WellKnown::ALL.iter().find(|known| known.name() == text) {
            return Ok(Trustee::WellKnown(*known));
        }
        text.parse().map(Trustee::Object).map_err(|_| BadValue::new(&text, "a well-known name, or a GUID"))
    }
}

impl From<Trustee> for String {
    fn from(trustee: Trustee) -> String {
        trustee.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_names_in_both_languages() {
        let table = [
            ("NT AUTHORITY\\ANONYMOUS LOGON", Some(WellKnown::AnonymousLogon)),
            ("nt authority\\anonymous logon", Some(WellKnown::AnonymousLogon)),
            ("ANONYMOUS LOGON", Some(WellKnown::AnonymousLogon)),
            ("NT-AUTORITäT\\ANONYMOUS-Anmeldung", Some(WellKnown::AnonymousLogon)),
            ("NT-AUTORITÄT\\anonymous-anmeldung", Some(WellKnown::AnonymousLogon)),
            ("NT-AUTORITA\u{308}T\\ANONYMOUS-ANMELDUNG", Some(WellKnown::AnonymousLogon)),
            ("NT-Autorita\u{308}t\\Anonymous-Anmeldung", Some(WellKnown::AnonymousLogon)),
            ("NT-AUTORITÄT\\ANONYMOUS LOGON", Some(WellKnown::AnonymousLogon)),
            ("Anonymous-Anmeldung", Some(WellKnown::AnonymousLogon)),
            ("S-1-5-7", Some(WellKnown::AnonymousLogon)),
            ("s-1-5-7", Some(WellKnown::AnonymousLogon)),
            ("NT-AUTORITÄT\\Authentifizierte Benutzer", Some(WellKnown::AuthenticatedUsers)),
            ("Authenticated Users", Some(WellKnown::AuthenticatedUsers)),
            ("Jeder", Some(WellKnown::Everyone)),
            ("EVERYONE", Some(WellKnown::Everyone)),
            ("SELBST", Some(WellKnown::OwnUser)),
            ("MS Exchange\\Externally Secured Servers", Some(WellKnown::ExternallySecured)),
            ("NT AUTHORITY\\Externally Secured Servers", None),
            ("NT AUTHORITAT\\ANONYMOUS LOGON", None),
            ("\\Everyone", None),
            ("NT AUTHORITY\\Everyone", None),
            ("S-1-5-8", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(WellKnown::find(text), expected, "{text}");
        }
        for known in WellKnown::ALL {
            assert_eq!(WellKnown::find(known.name()), Some(*known));
            assert_eq!(WellKnown::find(known.german()), Some(*known));
            let saved = serde_json::to_string(&Trustee::WellKnown(*known)).unwrap();
            assert_eq!(serde_json::from_str::<Trustee>(&saved).unwrap(), Trustee::WellKnown(*known));
        }
    }

    #[test]
    fn all_cases_fold_together() {
        for (one, other) in [("Straße", "STRASSE"), ("ΌΔΟΣ", "όδος"), ("É", "e\u{301}"), ("ǅ", "ǆ")]
        {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("a"), folded("ä"));
    }
}
