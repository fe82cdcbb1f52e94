//! What the index keeps of a message: its envelope, and where its MIME parts lie.
//!
//! Ranges are octets from the first octet of the whole message, so that any `BODY[section]` is a range of the stored
//! octets and no part is ever parsed again.

mod builder;
mod code;
mod fields;
#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use code::DecodeError;

use serde::{Deserialize, Serialize};

/// A run of octets of the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Its first octet, counted from the beginning of the message.
    pub start: u32,
    /// Its length in octets.
    pub len: u32,
}

/// Envelope and structure of a message, or of a message within a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The header fields that ENVELOPE shows.
    pub envelope: Envelope,
    /// The whole message as a part: its header is the message header.
    pub root: Part,
}

/// The header fields of ENVELOPE (RFC 9051 §7.5.2), as they stand in the message: unfolded, not decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// `Date`, as text.
    pub date: Option<Vec<u8>>,
    /// `Date`, understood; for searching and sorting.
    pub sent: Option<crate::DateTime>,
    /// `Subject`.
    pub subject: Option<Vec<u8>>,
    /// `From`.
    pub from: Vec<EnvelopeAddress>,
    /// `Sender`; empty where the message has none (IMAP then shows `From`).
    pub sender: Vec<EnvelopeAddress>,
    /// `Reply-To`; empty where the message has none (IMAP then shows `From`).
    pub reply_to: Vec<EnvelopeAddress>,
    /// `To`.
    pub to: Vec<EnvelopeAddress>,
    /// `Cc`.
    pub cc: Vec<EnvelopeAddress>,
    /// `Bcc`.
    pub bcc: Vec<EnvelopeAddress>,
    /// `In-Reply-To`.
    pub in_reply_to: Option<Vec<u8>>,
    /// `Message-ID`.
    pub message_id: Option<Vec<u8>>,
}

/// One member of an address list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvelopeAddress {
    /// A mailbox.
    Mailbox {
        /// Display name, not decoded.
        name: Option<Vec<u8>>,
        /// Local part.
        local: Vec<u8>,
        /// Domain; empty where the address had none.
        domain: Vec<u8>,
    },
    /// The beginning of a group, with its name.
    GroupStart(Vec<u8>),
    /// The end of the group.
    GroupEnd,
}

/// One MIME part (RFC 2045, RFC 2046).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The part's header with the empty line that ends it.
    pub header: Range,
    /// What follows the header.
    pub body: Range,
    /// Lines in the body.
    pub lines: u32,
    /// Media type, as written; `text` where none is given.
    pub media_type: String,
    /// Media subtype, as written; `plain` where none is given.
    pub media_subtype: String,
    /// Parameters of Content-Type, RFC 2231 continuations left as written.
    pub parameters: Vec<(String, Vec<u8>)>,
    /// `Content-ID`.
    pub id: Option<Vec<u8>>,
    /// `Content-Description`.
    pub description: Option<Vec<u8>>,
    /// `Content-Transfer-Encoding`, as written; `7bit` where none is given.
    pub encoding: String,
    /// `Content-MD5`.
    pub md5: Option<Vec<u8>>,
    /// `Content-Disposition` with its parameters.
    #[expect(clippy::type_complexity, reason = "a name with its parameters, as for the media type")]
    pub disposition: Option<(String, Vec<(String, Vec<u8>)>)>,
    /// `Content-Language`.
    pub language: Vec<String>,
    /// `Content-Location`.
    pub location: Option<Vec<u8>>,
    /// What the body consists of.
    pub content: Content,
}

/// What a part's body consists of. It follows from the part's type alone: a multipart in which no part was found has one
/// plain part that is its whole body, and so has a message that is encoded or nested too deeply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Octets.
    #[default]
    Leaf,
    /// The parts of a multipart, at least one.
    Multipart(Vec<Part>),
    /// The message in a `message/rfc822` or `message/global`.
    Message(Box<Summary>),
}
