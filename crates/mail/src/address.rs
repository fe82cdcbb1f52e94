//! Mail addresses and domains as SMTP carries them (RFC 5321 §4.1.2, RFC 6531 §3.3).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a text is no address or domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// No `@`, or nothing on one side of it.
    Incomplete,
    /// The local part is no dot-string and no quoted-string, or longer than 64 octets (RFC 5321 §4.5.3.1.1).
    LocalPart,
    /// The domain is no name and no address literal, or longer than 255 octets (RFC 5321 §4.5.3.1.2).
    Domain,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressError::Incomplete => "an address has the form local-part@domain",
            AddressError::LocalPart => "the part before @ is not valid",
            AddressError::Domain => "the domain is not valid",
        })
    }
}

impl std::error::Error for AddressError {}

/// A domain name or an address literal such as `[192.0.2.1]`, lower-cased, without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

impl Domain {
    /// The domain, checked and in lower case.
    pub fn new(text: &str) -> Result<Domain, AddressError> {
        // What is kept is what is checked: some capital letters become two characters, not all of them letters.
        let text = text.strip_suffix('.').unwrap_or(text).to_lowercase();
        let good = match text.strip_prefix('[') {
            Some(literal) => is_literal(literal),
            None => text.len() <= 255 && text.split('.').all(is_label),
        };
        if good { Ok(Domain(text)) } else { Err(AddressError::Domain) }
    }

    /// The domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it needs SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }
}

fn is_label(label: &str) -> bool {
    let inner =
        |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || (!c.is_ascii() && c.is_alphanumeric());
    (1..=63).contains(&label.len())
        && label.chars().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_literal(rest: &str) -> bool {
    let Some(inner) = rest.strip_suffix(']') else { return false };
    match inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")) {
        Some(_) => inner.get(5..).is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok()),
        None => inner.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}

/// A mailbox address. The local part keeps its case and loses quoting that it does not need; [`Address::key`] is the form
/// for look-ups.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    local: String,
    domain: Domain,
}

impl Address {
    /// The address in `text`, without angle brackets.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Incomplete)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::Incomplete);
        }
        if local.len() > 64 || !(is_dot_string(local) || is_quoted_string(local)) {
            return Err(AddressError::LocalPart);
        }
        Ok(Address { local: least_quoted(local), domain: Domain::new(domain)? })
    }

    /// The address of these two parts, the first one without quotes.
    pub fn new(local: &str, domain: &str) -> Result<Address, AddressError> {
        let local = if is_dot_string(local) { local.to_owned() } else { quoted(local) };
        Address::parse(&format!("{local}@{domain}"))
    }

    /// The part before `@`, with the quotes that it needs.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part after `@`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The address in lower case: two addresses of ours with the same key are the same mailbox.
    pub fn key(&self) -> String {
        format!("{}@{}", self.local.to_lowercase(), self.domain.0)
    }

    /// Whether it can be sent without SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain.is_ascii()
    }
}

fn is_dot_string(local: &str) -> bool {
    let atext = |c: char| {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && !c.is_control())
    };
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

fn is_quoted_string(local: &str) -> bool {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let good = match c {
            '\\' => chars.next().is_some_and(|c| (' '..='~').contains(&c)),
            '"' => false,
            c => !c.is_control(),
        };
        if !good {
            return false;
        }
    }
    local.len() >= 2
}

/// RFC 5321 §4.1.2: all quoted forms of a local part are the same mailbox, and the one with the least quoting is to be
/// sent on.
fn least_quoted(local: &str) -> String {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return local.to_owned();
    };
    let mut chars = inner.chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    if is_dot_string(&plain) { plain } else { quoted(&plain) }
}

fn quoted(plain: &str) -> String {
    format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\""))
}

impl FromStr for Domain {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Domain, AddressError> {
        Domain::new(text)
    }
}

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Address, AddressError> {
        Address::parse(text)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> String {
        domain.0
    }
}

impl TryFrom<String> for Domain {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Domain, AddressError> {
        Domain::new(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Address, AddressError> {
        Address::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let table = [
            ("alice@example.test", Ok("alice@example.test")),
            ("Alice.B+tag@EXAMPLE.test.", Ok("Alice.B+tag@example.test")),
            ("\"a b\"@example.test", Ok("\"a b\"@example.test")),
            ("\"a@b\"@[192.0.2.1]", Ok("\"a@b\"@[192.0.2.1]")),
            ("\"Bob\"@example.test", Ok("Bob@example.test")),
            ("\"b\\ob.b\"@example.test", Ok("bob.b@example.test")),
            ("\"a\\ \\b\"@example.test", Ok("\"a b\"@example.test")),
            ("\"a\\\"b\\\\\"@example.test", Ok("\"a\\\"b\\\\\"@example.test")),
            ("\".a\"@example.test", Ok("\".a\"@example.test")),
            ("\"\"@example.test", Ok("\"\"@example.test")),
            ("a@[IPv6:2001:db8::1]", Ok("a@[ipv6:2001:db8::1]")),
            ("jürgen@müller.test", Ok("jürgen@müller.test")),
            ("alice", Err(AddressError::Incomplete)),
            ("@example.test", Err(AddressError::Incomplete)),
            ("alice@", Err(AddressError::Incomplete)),
            ("a..b@example.test", Err(AddressError::LocalPart)),
            ("a b@example.test", Err(AddressError::LocalPart)),
            ("a\u{0}b@example.test", Err(AddressError::LocalPart)),
            ("\"a\"b\"@example.test", Err(AddressError::LocalPart)),
            ("\"@example.test", Err(AddressError::LocalPart)),
            ("a@-example.test", Err(AddressError::Domain)),
            ("a@example..test", Err(AddressError::Domain)),
            ("a@[192.0.2]", Err(AddressError::Domain)),
            ("a@example test", Err(AddressError::Domain)),
            ("a@MÜLLER.test", Ok("a@müller.test")),
            ("a@İstanbul.test", Err(AddressError::Domain)),
        ];
        for (text, expected) in table {
            let got = Address::parse(text).map(|address| address.to_string());
            assert_eq!(got, expected.map(str::to_owned), "{text}");
        }
    }
}
