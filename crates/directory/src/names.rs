//! Values that are chosen from a list of names: one of them, or a set of them.
//!
//! As in PowerShell a value is written as its name, as an unambiguous beginning of it, or as its number, without regard
//! to case; a set is written as names with commas between.

use crate::BadValue;

/// The value that `text` names among `(name, number, value)`.
pub(crate) fn choose<T: Copy>(text: &str, table: &[(&str, u32, T)]) -> Result<T, BadValue> {
    let wanted = text.trim().to_ascii_lowercase();
    let named = |row: &&(&str, u32, T)| row.0.eq_ignore_ascii_case(&wanted) || row.1.to_string() == wanted;
    if let Some((_, _, value)) = table.iter().find(named) {
        return Ok(*value);
    }
    let mut begun =
        table.iter().filter(|row| !wanted.is_empty() && row.0.to_ascii_lowercase().starts_with(&wanted));
    match (begun.next(), begun.next()) {
        (Some((_, _, value)), None) => Ok(*value),
        _ => Err(BadValue::new(text, list(table.iter().map(|row| row.0)))),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// Gives an enum its names: `FromStr`, `Display` and `ALL`.
macro_rules! named {
    ($type:ident { $($variant:ident = $number:literal),+ $(,)? }) => {
        impl $type {
            /// All values, in the order of their numbers.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// Their names.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($variant)),+];
        }

        impl std::str::FromStr for $type {
            type Err = $crate::BadValue;
            fn from_str(text: &str) -> Result<$type, $crate::BadValue> {
                $crate::names::choose(text, &[$((stringify!($variant), $number, $type::$variant)),+])
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $($type::$variant => stringify!($variant)),+ })
            }
        }
    };
}

/// Defines a set of named flags, `None` when empty: the struct, `FromStr`, `Display`, and serde by text.
macro_rules! flags {
    ($(#[$doc:meta])* $type:ident { $($(#[$field_doc:meta])* $field:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type { $($(#[$field_doc])* pub $field: bool),+ }

        impl $type {
            /// The names of all flags.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Whether none is set.
            pub fn is_empty(&self) -> bool {
                *self == $type::default()
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::BadValue;
            fn from_str(text: &str) -> Result<$type, $crate::BadValue> {
                let mut set = $type::default();
                for name in $crate::names::flag_names(text, $type::NAMES)? {
                    match name { $($name => set.$field = true,)+ _ => {} }
                }
                Ok(set)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let set = [$((self.$field, $name)),+];
                let names: Vec<&str> = set.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
                f.write_str(if names.is_empty() { "None".to_owned() } else { names.join(", ") }.as_str())
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::BadValue;
            fn try_from(text: String) -> Result<$type, $crate::BadValue> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(set: $type) -> String {
                set.to_string()
            }
        }
    };
}

pub(crate) use {flags, named};

/// The flags named in a list; `None` stands alone and is no flag.
pub(crate) fn flag_names(text: &str, names: &[&'static str]) -> Result<Vec<&'static str>, BadValue> {
    let table: Vec<(&str, u32, &'static str)> = names.iter().map(|name| (*name, u32::MAX, *name)).collect();
    if matches!(text.trim().to_ascii_lowercase().as_str(), "none" | "0") {
        return Ok(Vec::new());
    }
    let legal =
        || BadValue::new(text, format!("None alone, or one or more of {}", list(names.iter().copied())));
    text.split(',').map(|name| choose(name, &table).map_err(|_| legal())).collect()
}

#[cfg(test)]
mod tests {
    use crate::{AuthMechanism, LoginType, PermissionGroups, StartupType};

    #[test]
    fn enums() {
        let table = [
            ("SecureLogin", Ok("SecureLogin")),
            ("plaintextlogin", Ok("PlainTextLogin")),
            ("2", Ok("PlainTextAuthentication")),
            ("Sec", Ok("SecureLogin")),
            ("Plain", Err("PlainTextLogin, PlainTextAuthentication, SecureLogin")),
            ("", Err("PlainTextLogin, PlainTextAuthentication, SecureLogin")),
            ("4", Err("PlainTextLogin, PlainTextAuthentication, SecureLogin")),
        ];
        for (text, expected) in table {
            let got = text.parse::<LoginType>().map(|value| value.to_string()).map_err(|bad| bad.legal);
            assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
        assert_eq!(StartupType::ALL.len(), 3);
    }

    #[test]
    fn flag_sets() {
        let table = [
            ("Tls, BasicAuth", Some("Tls, BasicAuth")),
            ("basicauthrequiretls,TLS , basicauth", Some("Tls, BasicAuth, BasicAuthRequireTLS")),
            ("None", Some("None")),
            ("None, Tls", None),
            ("Tls,,BasicAuth", None),
            ("Kerberos", None),
            ("", None),
        ];
        for (text, printed) in table {
            let got = text.parse::<AuthMechanism>();
            assert_eq!(got.clone().ok().map(|set| set.to_string()).as_deref(), printed, "{text}");
            if let Err(bad) = got {
                assert!(
                    bad.legal.starts_with("None alone") && bad.legal.contains("BasicAuthRequireTLS"),
                    "{bad}"
                );
            }
        }
        let groups: PermissionGroups = "AnonymousUsers, exchangeusers".parse().unwrap();
        assert!(groups.anonymous_users && groups.exchange_users && !groups.exchange_servers);
        assert_eq!(serde_json::to_string(&groups).unwrap(), "\"AnonymousUsers, ExchangeUsers\"");
    }
}
