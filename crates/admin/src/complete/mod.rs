//! What could stand where the cursor is.
//!
//! [`place`] reads the text before the cursor and says what is wanted there: a cmdlet, one of its parameters, a value of
//! one, a property. [`found`] looks for what there is. Both go by the definitions of cmdlets, so that a new cmdlet is
//! completed like the others: values of `one_of`, and for what it finds objects by, the objects that the Get- cmdlet of
//! the same noun shows. Objects are read by running that cmdlet, with the rights of who asks; nothing is changed.

mod found;
mod place;

use crate::grammar::{parse, quoted};
use serde::{Deserialize, Serialize};

pub use found::complete;

/// What could stand in the place of a piece of text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completions {
    /// The first octet of what is replaced.
    pub start: usize,
    /// The octet behind it, which is where the cursor is.
    pub end: usize,
    /// The best first.
    pub candidates: Vec<Candidate>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// What to write there, in quotes where it needs them.
    pub text: String,
    /// What it is, or nothing.
    pub about: String,
}

impl Candidate {
    fn new(text: impl Into<String>, about: impl Into<String>) -> Candidate {
        Candidate { text: text.into(), about: about.into() }
    }
}

/// A text as an argument: as it is where that is read back the same, else as a literal.
fn argument(text: &str, in_quotes: bool) -> String {
    let bare = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '\\' | '/' | '=' | '+');
    let is_word = text.starts_with(char::is_alphanumeric) && text.chars().all(bare);
    if is_word && !in_quotes && parse(&format!("X {text}")).is_ok() { text.to_owned() } else { quoted(text) }
}
