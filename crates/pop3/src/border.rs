//! What a session asks of its surroundings, and what it can be answered.

use crate::Code;
use mail::{Body, Listing, Uid};
use wire::{Credentials, TlsInfo};

/// What the session needs to have done.
#[derive(Debug)]
pub enum Ask {
    /// Check the credentials and open the account's INBOX for this session alone (RFC 1939 §4).
    /// Answered by [`Answer::Opened`].
    Open(Login),
    /// Find the octets of these messages; the first is wanted now, the others soon. Answered by [`Answer::Bodies`].
    Bodies(Vec<Uid>),
    /// UPDATE (RFC 1939 §6): remove these messages for good, all or none, and give the maildrop back in any case, before
    /// the client hears of it: it may come again at once. Answered by [`Answer::Updated`].
    Update(Vec<Uid>),
}

/// A login to be decided.
#[derive(Clone, Debug)]
pub struct Login {
    /// Who the client says it is.
    pub credentials: Credentials,
    /// The TLS connection; `None` is clear text.
    pub tls: Option<TlsInfo>,
}

/// What came of an [`Ask`]. Each of them can be refused.
#[derive(Debug)]
pub enum Answer {
    /// The maildrop is open and locked; these are its messages, which the session numbers.
    Opened(Listing),
    /// The messages that still exist, in order of UID.
    Bodies(Vec<(Uid, Body)>),
    /// The messages are removed.
    Updated,
    /// It was not done; the client hears this.
    Refused(Refusal),
}

/// Why something was not done, in words for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The response code, where one fits.
    pub code: Option<Code>,
    /// Text for people.
    pub text: String,
}
