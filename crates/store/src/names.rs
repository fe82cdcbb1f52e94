//! Which folder names are allowed, and how they are ordered.
//!
//! Names are UTF-8 with `/` between levels. INBOX is the same in any case (RFC 9051 §5.1); all others are told apart
//! by case.

use crate::Error;
use std::cmp::Ordering;

/// Octets in a name.
const MAX_OCTETS: usize = 1_000;
/// Octets in a level of it, as file systems and other servers allow.
const MAX_LEVEL: usize = 255;
/// Levels in a name.
const MAX_DEPTH: usize = 32;

/// The name as it is kept, or why it is not allowed.
pub(crate) fn normalize(name: &str) -> Result<String, Error> {
    if name.len() > MAX_OCTETS {
        return Err(Error::BadName("it is longer than 1,000 octets"));
    }
    if name.split('/').any(str::is_empty) {
        return Err(Error::BadName("a level of it is empty"));
    }
    if name.split('/').any(|level| level.len() > MAX_LEVEL) {
        return Err(Error::BadName("a level of it is longer than 255 octets"));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::BadName("it contains a control character"));
    }
    if name.split('/').count() > MAX_DEPTH {
        return Err(Error::BadName("it has more than 32 levels"));
    }
    let (first, rest) = name.split_at(name.find('/').unwrap_or(name.len()));
    Ok(if first.eq_ignore_ascii_case("INBOX") { format!("INBOX{rest}") } else { name.to_owned() })
}

/// The names above this one, the highest first.
pub(crate) fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').filter_map(|(at, _)| name.get(..at))
}

/// What follows `parent` in `name`, with its slash, where `name` lies below it.
pub(crate) fn below<'a>(name: &'a str, parent: &str) -> Option<&'a str> {
    name.strip_prefix(parent).filter(|rest| rest.starts_with('/'))
}

/// Parents before their children, INBOX before all others.
pub(crate) fn order(a: &str, b: &str) -> Ordering {
    let other = |name: &str| name.split('/').next() != Some("INBOX");
    other(a).cmp(&other(b)).then_with(|| a.split('/').cmp(b.split('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_inbox_is_folded() {
        let deep = ["a"; 33].join("/");
        for (name, expected) in [
            ("Work", Some("Work")),
            ("inbox", Some("INBOX")),
            ("InBox/a", Some("INBOX/a")),
            ("Work/inbox", Some("Work/inbox")),
            ("inboxes", Some("inboxes")),
            ("Entwürfe/größer", Some("Entwürfe/größer")),
            ("", None),
            ("/a", None),
            ("a/", None),
            ("a//b", None),
            ("a\u{7f}", None),
            ("a\r\nb", None),
            (deep.as_str(), None),
            (&deep[2..], Some(&deep[2..])),
            (&"x".repeat(256), None),
            (&"x".repeat(255), Some(&"x".repeat(255))),
            (&["x"; 501].join("/"), None),
        ] {
            assert_eq!(normalize(name).ok().as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn parents_children_and_order() {
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(below("a/b", "a"), Some("/b"));
        assert_eq!(below("ab", "a"), None);
        let mut names = ["a b", "a/c", "INBOX/z", "Z", "a", "INBOX"];
        names.sort_by(|a, b| order(a, b));
        assert_eq!(names, ["INBOX", "INBOX/z", "Z", "a", "a/c", "a b"]);
    }
}
