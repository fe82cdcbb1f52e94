//! What an administrator decides about IMAP sessions, as the machine needs it.

use std::time::Duration;

/// Values that a session keeps from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Greeting text after `* OK [CAPABILITY ...] `.
    pub banner: String,
    /// Octets of one command, literals not counted.
    pub command_limit: usize,
    /// Octets of all literals of one command, the message of APPEND not counted.
    pub literal_limit: usize,
    /// Octets of one message in APPEND.
    pub append_limit: u64,
    /// How long a client may take until it is logged in, whatever it does meanwhile.
    pub login_timeout: Duration,
    /// How long a client may be silent once it is logged in (RFC 3501 §5.4: at least 30 minutes).
    pub idle_timeout: Duration,
    /// What may be used to log in without TLS.
    pub clear: Offer,
    /// What may be used to log in under TLS.
    pub tls: Offer,
    /// Whether TLS can be started.
    pub start_tls: StartTls,
}

/// What may be used to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// LOGIN, AUTHENTICATE PLAIN and AUTHENTICATE LOGIN.
    Passwords,
    /// Nothing: LOGINDISABLED.
    Nothing,
}

/// Whether a connection in clear text can go on under TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// STARTTLS is offered.
    Offered,
    /// There is no certificate.
    Unavailable,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            banner: "Gatepost IMAP4 service ready.".to_owned(),
            command_limit: 10_240,
            literal_limit: 64 << 10,
            append_limit: 36 << 20,
            login_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(1800),
            clear: Offer::Nothing,
            tls: Offer::Passwords,
            start_tls: StartTls::Offered,
        }
    }
}
