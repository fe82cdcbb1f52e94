//! The contract between a protocol's session machine and whoever moves its octets.

use mail::Body;
use std::time::Instant;

/// A session of one protocol, without I/O.
///
/// The driver calls [`Machine::next`] again and again and does what it says. After [`Step::Ask`] it calls
/// [`Machine::answer`] before the next `next`; after [`Step::Wait`] and [`Step::StartTls`] it calls [`Machine::feed`].
pub trait Machine {
    /// What the session needs to have done or decided.
    type Ask;
    /// What came of it.
    type Answer;

    /// The next thing to do.
    fn next(&mut self, now: Instant) -> Step<Self::Ask>;

    /// The answer to the last [`Step::Ask`].
    fn answer(&mut self, answer: Self::Answer);

    /// Something happened on the connection.
    fn feed(&mut self, event: Event<'_>, now: Instant);
}

/// What the driver does next.
#[derive(Debug)]
pub enum Step<Ask> {
    /// Send these octets (they may be collected, and are sent at the latest before waiting).
    Write(Vec<u8>),
    /// Send octets of a stored message.
    Copy(Copy),
    /// Do or decide this, and give the answer.
    Ask(Ask),
    /// Send what is collected, then wait for the next [`Event`].
    Wait(Wait),
    /// Send what is collected, begin TLS, and feed [`Event::TlsStarted`]. The machine has thrown away whatever it had
    /// read beyond the command; so does the driver (RFC 3207 §6).
    StartTls,
    /// Send what is collected and close the connection.
    Close,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Feed [`Event::Time`] when this moment comes first.
    pub until: Instant,
    /// Also feed [`Event::Changed`] when the account changed in the store.
    pub changes: bool,
}

/// Octets of a stored message, to be sent in some shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The message.
    pub body: Body,
    /// First octet.
    pub start: u32,
    /// How many octets.
    pub len: u32,
    /// How they are sent.
    pub shape: Shape,
}

/// How the octets of a [`struct@Copy`] are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As they are, except for NUL, by [`crate::char8`]: an IMAP literal.
    Char8,
    /// As lines with dots doubled, ended by `.` on a line of its own (RFC 1939 §3); at most this many lines of the
    /// body after the header's empty line, where a number is given (TOP).
    Dotted(Option<u32>),
}

/// What happened on the connection.
#[derive(Debug)]
pub enum Event<'a> {
    /// Octets came from the peer.
    Bytes(&'a [u8]),
    /// The peer sends no more.
    Closed,
    /// The moment of [`Wait::until`] has come.
    Time,
    /// The account changed in the store.
    Changed,
    /// TLS is established.
    TlsStarted(TlsInfo),
    /// The service is stopping: say good-bye and close.
    Shutdown,
    /// The user who logged in may not stay: say good-bye and close.
    Expelled,
}

/// What is known of the TLS connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: String,
    /// The cipher suite's name.
    pub cipher: String,
}
