//! All that a session is told about how it shall behave.

use std::time::Duration;
use wire::Mechanism;

/// How a session behaves. Shared by all sessions of a listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Greeting text after `+OK `.
    pub banner: String,
    /// What IMPLEMENTATION says (RFC 2449 §6.9).
    pub implementation: String,
    /// How one can log in without TLS.
    pub clear: Offers,
    /// How one can log in under TLS.
    pub tls: Offers,
    /// Whether TLS can be begun on a connection without.
    pub stls: Stls,
    /// How long a client may take to log in, whatever it does meanwhile.
    pub login_timeout: Duration,
    /// How long a client may be silent after that.
    pub idle_timeout: Duration,
    /// Octets in a command line without its CRLF.
    pub max_line: usize,
    /// How messages are numbered.
    pub order: Order,
}

/// How one can log in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Mechanisms, best first; [`Mechanism::Command`] stands for USER and PASS.
    pub mechanisms: Vec<Mechanism>,
}

impl Offers {
    /// Whether the mechanism is offered.
    pub fn has(&self, mechanism: Mechanism) -> bool {
        self.mechanisms.contains(&mechanism)
    }

    /// The SASL mechanisms among them.
    pub fn sasl(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.mechanisms
            .iter()
            .filter(|mechanism| **mechanism != Mechanism::Command)
            .map(|mechanism| mechanism.name())
    }
}

/// Whether STLS is offered (RFC 2595).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stls {
    /// There is a certificate.
    Offered,
    /// There is none.
    Unavailable,
}

/// How messages are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The oldest is number 1.
    OldestFirst,
    /// The newest is number 1.
    NewestFirst,
}
