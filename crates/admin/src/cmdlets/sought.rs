//! Filters that name one recipient: `-Filter "Alias -eq 'alice'"` is answered by the index of names and addresses instead
//! of looking at every recipient.
//!
//! Only what the index knows for certain is taken from it: who does not have the name or address cannot fit. Whether
//! the one who has it fits is for the filter to say, as without an index.

use crate::grammar::{Binary, Expr, ExprKind};
use directory::{Recipient, Snapshot};
use mail::Address;

/// The one recipient that can fit the filter, if it names one at all.
pub enum Sought {
    /// Anybody can fit.
    Anybody,
    /// At most this one.
    One(Option<Recipient>),
}

/// Who can fit this filter.
pub fn sought(snapshot: &Snapshot, filter: &Expr) -> Sought {
    let ExprKind::Binary(first, more) = &filter.kind else { return Sought::Anybody };
    match (&first.kind, more.as_slice()) {
        (ExprKind::Property(name), [(Binary::Eq, value)]) => match &value.kind {
            ExprKind::Text(text) => one(snapshot, name, text),
            _ => Sought::Anybody,
        },
        (_, all) if all.iter().all(|(operator, _)| *operator == Binary::And) => {
            let mut parts = std::iter::once(&**first).chain(all.iter().map(|(_, part)| part));
            let named = parts.find_map(|part| match sought(snapshot, part) {
                Sought::One(found) => Some(found),
                Sought::Anybody => None,
            });
            named.map_or(Sought::Anybody, Sought::One)
        }
        _ => Sought::Anybody,
    }
}

/// The recipient whose property has this value. Other alphabets are left to the filter, which folds them in its own way.
fn one(snapshot: &Snapshot, property: &str, value: &str) -> Sought {
    if !value.is_ascii() {
        return Sought::Anybody;
    }
    match property.to_ascii_lowercase().as_str() {
        "name" | "alias" => Sought::One(snapshot.recipient_by_identity(value)),
        "primarysmtpaddress" => {
            Address::parse(value).map_or(Sought::Anybody, |address| Sought::One(snapshot.addressee(&address)))
        }
        _ => Sought::Anybody,
    }
}
