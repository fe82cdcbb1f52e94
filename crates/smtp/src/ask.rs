//! The border of the machine: what it is told at its start, what it asks, and what it is answered.

use crate::Reply;
use bytes::Bytes;
use mail::{AccountId, Address};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use wire::TlsInfo;
use wire::sasl::{Credentials, Mechanism};

/// How a session is to behave; fixed when it begins.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's name in greeting and EHLO.
    pub fqdn: String,
    /// The greeting's text, without its `220 `; `None` is the usual one.
    pub greeting: Option<String>,
    /// What is offered as long as the connection is in clear text.
    pub clear: Offers,
    /// What is offered inside TLS.
    pub tls: Offers,
    /// What EHLO offers on any connection, besides [`Offers`].
    pub extensions: Vec<Extension>,
    /// Protocol errors that are put up with.
    pub max_errors: Option<u32>,
    /// Failed logins after which the connection is closed.
    pub max_logon_failures: Option<u32>,
    /// How long the client may be silent.
    pub inactivity: Duration,
    /// How long the connection may last; a message that is coming in then is still taken.
    pub lifetime: Duration,
    /// How long a refusal to a client that is not logged in is held back.
    pub tarpit: Duration,
}

/// An extension that EHLO announces. What it stands for is understood whether or not it is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// RFC 1870, with the largest message in octets where it is told. Whether a message is too large is asked.
    Size(Option<u64>),
    /// RFC 2920
    Pipelining,
    /// RFC 2034
    EnhancedStatusCodes,
    /// RFC 6152
    EightBitMime,
    /// RFC 6531
    SmtpUtf8,
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extension::Size(Some(octets)) => write!(f, "SIZE {octets}"),
            Extension::Size(None) => f.write_str("SIZE"),
            Extension::Pipelining => f.write_str("PIPELINING"),
            Extension::EnhancedStatusCodes => f.write_str("ENHANCEDSTATUSCODES"),
            Extension::EightBitMime => f.write_str("8BITMIME"),
            Extension::SmtpUtf8 => f.write_str("SMTPUTF8"),
        }
    }
}

/// Extensions that depend on whether there is TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// STARTTLS; without meaning inside TLS.
    pub starttls: bool,
    /// Mechanisms of AUTH, in the order of EHLO.
    pub auth: Vec<Mechanism>,
}

/// Which greeting the client used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello {
    /// HELO
    Helo,
    /// EHLO
    Ehlo,
}

/// Who is at the other end of a message's last way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The name given in EHLO or HELO; anything without control characters.
    pub name: String,
    /// Which of the two.
    pub hello: Hello,
    /// Its address.
    pub address: IpAddr,
    /// Its TLS, if any.
    pub tls: Option<TlsInfo>,
    /// The account it logged in to.
    pub user: Option<AccountId>,
}

/// What BODY announces (RFC 6152).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyType {
    /// `7BIT`
    #[default]
    SevenBit,
    /// `8BITMIME`
    EightBit,
}

impl BodyType {
    pub(crate) fn parse(value: &str) -> Option<BodyType> {
        match value.to_ascii_uppercase().as_str() {
            "7BIT" => Some(BodyType::SevenBit),
            "8BITMIME" => Some(BodyType::EightBit),
            _ => None,
        }
    }
}

/// Where RCPT points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardPath {
    /// `<Postmaster>` without a domain (RFC 5321 §4.5.1).
    Postmaster,
    /// An address.
    Address(Address),
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForwardPath::Postmaster => f.write_str("postmaster"),
            ForwardPath::Address(address) => address.fmt(f),
        }
    }
}

/// Where an accepted recipient's copies will go: of a list or a forwarded mailbox there can be several, here and
/// elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destination {
    /// To these accounts here.
    pub local: Vec<AccountId>,
    /// To these addresses on other servers.
    pub remote: Vec<Address>,
}

/// A recipient that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// As given in RCPT.
    pub path: ForwardPath,
    /// As answered.
    pub destination: Destination,
}

/// What MAIL and RCPT collected: sender, recipients and parameters are one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The reverse path; `None` is the empty one.
    pub sender: Option<Address>,
    /// SIZE as announced; 0 where it was not.
    pub size: u64,
    /// BODY as announced.
    pub body: BodyType,
    /// Whether SMTPUTF8 was given.
    pub smtputf8: bool,
    /// Accepted recipients.
    pub recipients: Vec<Recipient>,
    /// Whether a recipient was refused.
    pub refused: bool,
}

/// A transaction at DATA, with the client that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Who sends it.
    pub client: Client,
    /// What was agreed.
    pub transaction: Transaction,
}

/// By what a client is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The account it logged in to.
    pub user: Option<AccountId>,
    /// Whether the connection is inside TLS.
    pub tls: bool,
}

/// The question at MAIL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderAsk {
    /// Who asks.
    pub standing: Standing,
    /// The reverse path.
    pub sender: Option<Address>,
    /// SIZE as announced; 0 where it was not.
    pub size: u64,
}

/// The question at RCPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientAsk {
    /// Who asks.
    pub standing: Standing,
    /// How many recipients the transaction has already.
    pub have: usize,
    /// SIZE as announced at MAIL; 0 where it was not.
    pub size: u64,
    /// The forward path.
    pub path: ForwardPath,
}

/// What the session needs to have decided or done.
#[derive(Debug)]
pub enum Ask {
    /// Are these credentials right? Answered by [`Answer::LoggedIn`].
    Login(Standing, Credentials),
    /// May this sender send? Answered by [`Answer::Granted`].
    Sender(SenderAsk),
    /// May this recipient be sent to? Answered by [`Answer::Recipient`].
    Recipient(RecipientAsk),
    /// Make ready to take a message in. Answered by [`Answer::Granted`].
    Begin(Box<Envelope>),
    /// The next octets of the message. Answered by [`Answer::Granted`]; after a refusal nothing more of this message
    /// comes.
    Chunk(Bytes),
    /// The message is complete: see to it durably. Answered by [`Answer::Accepted`].
    Finish,
    /// Forget the message; it is refused already. Answered by [`Answer::Granted`].
    Abandon,
}

/// What came of an [`Ask`]. A refusal brings the reply the client hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, or done.
    Granted,
    /// Logged in to this account.
    LoggedIn(AccountId),
    /// The recipient is accepted and goes there.
    Recipient(Destination),
    /// The message is ours now and on stable storage; with its Message-ID or another name for it.
    Accepted(String),
    /// No.
    Refused(Reply),
}
