//! The server's side of SASL, for every protocol that has AUTH (RFC 4422): PLAIN (RFC 4616) and LOGIN.
//!
//! An [`Exchange`] takes the client's lines as they came and says what to send next, or that the credentials are
//! complete. It decides nothing: whether the mechanism may be used here and whether the password is right is the
//! caller's question to others. Framing (`+ `, `334 `) is the protocol's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail::Secret;

/// Longest line of an exchange in base64 (RFC 4954 §4 asks for room for 12,288 octets).
pub const MAX_RESPONSE: usize = 12_288;

/// Longest name or password, in octets.
const MAX_FIELD: usize = 1024;

/// How a client showed who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// SASL PLAIN.
    Plain,
    /// SASL LOGIN, never standardised and still common.
    Login,
    /// No SASL: USER and PASS, or IMAP's LOGIN.
    Command,
}

impl Mechanism {
    /// All that can be named in AUTH or AUTHENTICATE, best first.
    pub const SASL: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

    /// Its registered name, or `command`.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
            Mechanism::Command => "command",
        }
    }

    /// The SASL mechanism of that name, in any case.
    pub fn from_name(name: &[u8]) -> Option<Mechanism> {
        Mechanism::SASL.into_iter().find(|mechanism| mechanism.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// Who a client says it is, and its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Whom it wants to act as, where it named somebody (RFC 4616 §2).
    pub authorization: Option<String>,
    /// Its login name as given.
    pub login: String,
    /// Its password.
    pub password: Secret,
    /// How it told us.
    pub mechanism: Mechanism,
}

impl Credentials {
    /// Those of USER and PASS, or of IMAP's LOGIN; `None` where they cannot be any (too long, control characters).
    pub fn from_command(login: &[u8], password: &[u8]) -> Option<Credentials> {
        Some(Credentials {
            authorization: None,
            login: name(login)?,
            password: password_of(password)?,
            mechanism: Mechanism::Command,
        })
    }
}

/// Why an exchange came to nothing before a password could be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslError {
    /// The client sent `*` (RFC 4422 §3.5).
    Cancelled,
    /// A line was not base64.
    BadBase64,
    /// What it decoded to is no response of this mechanism, or longer than any name or password may be.
    Malformed,
}

impl std::fmt::Display for SaslError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SaslError::Cancelled => "Authentication cancelled",
            SaslError::BadBase64 => "Invalid base64",
            SaslError::Malformed => "Malformed authentication response",
        })
    }
}

impl std::error::Error for SaslError {}

/// What comes next in an exchange.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Send this challenge, in base64 already (it may be empty), and give the client's next line to [`Exchange::respond`].
    Challenge(&'static str),
    /// The credentials are complete; nothing is proved yet.
    Complete(Credentials),
    /// It is over.
    Failed(SaslError),
}

/// One authentication in progress.
#[derive(Debug)]
pub struct Exchange(State);

#[derive(Debug)]
enum State {
    Plain,
    LoginName,
    LoginPassword(String),
    Over,
}

impl Exchange {
    /// Begins, with the initial response as it stood in the command, if there was one (`=` is an empty one).
    pub fn begin(mechanism: Mechanism, initial: Option<&[u8]>) -> (Exchange, Outcome) {
        let mut exchange = Exchange(match mechanism {
            Mechanism::Plain => State::Plain,
            Mechanism::Login => State::LoginName,
            Mechanism::Command => State::Over,
        });
        let outcome = match (initial, &exchange.0) {
            (Some(b"="), _) => exchange.decoded(&[]),
            (Some(response), _) => exchange.respond(response),
            (None, State::LoginName) => Outcome::Challenge("VXNlcm5hbWU6"), // "Username:"
            (None, State::Over) => Outcome::Failed(SaslError::Malformed),
            (None, _) => Outcome::Challenge(""),
        };
        (exchange, outcome)
    }

    /// Goes on with the client's next line.
    pub fn respond(&mut self, line: &[u8]) -> Outcome {
        if line == b"*" {
            return self.fail(SaslError::Cancelled);
        }
        if line.len() > MAX_RESPONSE {
            return self.fail(SaslError::Malformed);
        }
        match STANDARD.decode(line) {
            Ok(octets) => self.decoded(&zeroize::Zeroizing::new(octets)),
            Err(_) => self.fail(SaslError::BadBase64),
        }
    }

    fn decoded(&mut self, octets: &[u8]) -> Outcome {
        let credentials = match std::mem::replace(&mut self.0, State::Over) {
            State::Plain => plain(octets),
            State::LoginName => match name(octets) {
                Some(login) => {
                    self.0 = State::LoginPassword(login);
                    return Outcome::Challenge("UGFzc3dvcmQ6"); // "Password:"
                }
                None => None,
            },
            State::LoginPassword(login) => password_of(octets).map(|password| Credentials {
                authorization: None,
                login,
                password,
                mechanism: Mechanism::Login,
            }),
            State::Over => None,
        };
        credentials.map_or(Outcome::Failed(SaslError::Malformed), Outcome::Complete)
    }

    fn fail(&mut self, error: SaslError) -> Outcome {
        self.0 = State::Over;
        Outcome::Failed(error)
    }
}

// RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
fn plain(octets: &[u8]) -> Option<Credentials> {
    let mut fields = octets.split(|octet| *octet == 0);
    let (authorization, login, password) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let authorization = if authorization.is_empty() { None } else { Some(name(authorization)?) };
    Some(Credentials {
        authorization,
        login: name(login)?,
        password: password_of(password)?,
        mechanism: Mechanism::Plain,
    })
}

/// A name that could be somebody's; it may be logged and shown without care.
fn name(octets: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(octets).ok()?;
    let good = (1..=MAX_FIELD).contains(&text.len()) && !text.contains(char::is_control);
    good.then(|| text.to_owned())
}

fn password_of(octets: &[u8]) -> Option<Secret> {
    let text = std::str::from_utf8(octets).ok()?;
    ((1..=MAX_FIELD).contains(&text.len()) && !text.contains('\0')).then(|| Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64(text: &str) -> Vec<u8> {
        STANDARD.encode(text).into_bytes()
    }

    fn credentials(
        authorization: Option<&str>,
        login: &str,
        password: &str,
        mechanism: Mechanism,
    ) -> Outcome {
        Outcome::Complete(Credentials {
            authorization: authorization.map(str::to_owned),
            login: login.to_owned(),
            password: Secret::new(password),
            mechanism,
        })
    }

    #[test]
    fn plain_takes_what_rfc_4616_allows() {
        let long = "x".repeat(MAX_FIELD + 1);
        let failed = |error| Outcome::Failed(error);
        let table: Vec<(Vec<u8>, Outcome)> = vec![
            (
                base64("\0tim\0tanstaaftanstaaf"),
                credentials(None, "tim", "tanstaaftanstaaf", Mechanism::Plain),
            ),
            (
                base64("Ursel\0Kurt\0xipj3plmq"),
                credentials(Some("Ursel"), "Kurt", "xipj3plmq", Mechanism::Plain),
            ),
            (base64("\0jürgen\0pässword"), credentials(None, "jürgen", "pässword", Mechanism::Plain)),
            (base64("\0tim\0"), failed(SaslError::Malformed)),
            (base64("\0\0secret"), failed(SaslError::Malformed)),
            (base64("tim\0secret"), failed(SaslError::Malformed)),
            (base64("\0tim\0a\0b"), failed(SaslError::Malformed)),
            (base64("\0t\r\nim\0secret"), failed(SaslError::Malformed)),
            (base64(&format!("\0{long}\0secret")), failed(SaslError::Malformed)),
            (base64(&format!("\0tim\0{long}")), failed(SaslError::Malformed)),
            (STANDARD.encode(b"\0tim\0\xff").into_bytes(), failed(SaslError::Malformed)),
            (b"=".to_vec(), failed(SaslError::Malformed)),
            (b"not base64!".to_vec(), failed(SaslError::BadBase64)),
            (b"AHRpbQBzZWNyZXQ".to_vec(), failed(SaslError::BadBase64)),
            (vec![b'A'; MAX_RESPONSE + 4], failed(SaslError::Malformed)),
            (b"*".to_vec(), failed(SaslError::Cancelled)),
        ];
        for (response, expected) in table {
            let (_, outcome) = Exchange::begin(Mechanism::Plain, Some(&response));
            assert_eq!(outcome, expected, "{}", String::from_utf8_lossy(&response));
            if response != b"=" {
                let (mut exchange, first) = Exchange::begin(Mechanism::Plain, None);
                assert_eq!(first, Outcome::Challenge(""));
                assert_eq!(exchange.respond(&response), expected);
                assert_eq!(exchange.respond(&base64("\0tim\0x")), failed(SaslError::Malformed), "it is over");
            }
        }
    }

    #[test]
    fn login_asks_for_name_and_password() {
        let (mut exchange, first) = Exchange::begin(Mechanism::Login, None);
        assert_eq!(first, Outcome::Challenge("VXNlcm5hbWU6"));
        assert_eq!(exchange.respond(&base64("alice")), Outcome::Challenge("UGFzc3dvcmQ6"));
        assert_eq!(
            exchange.respond(&base64("secret")),
            credentials(None, "alice", "secret", Mechanism::Login)
        );

        let (mut exchange, first) = Exchange::begin(Mechanism::Login, Some(&base64("alice")));
        assert_eq!(first, Outcome::Challenge("UGFzc3dvcmQ6"));
        assert_eq!(exchange.respond(b"*"), Outcome::Failed(SaslError::Cancelled));
        assert_eq!(exchange.respond(&base64("secret")), Outcome::Failed(SaslError::Malformed));
    }

    #[test]
    fn names_mechanisms_in_any_case() {
        assert_eq!(Mechanism::from_name(b"plain"), Some(Mechanism::Plain));
        assert_eq!(Mechanism::from_name(b"LOGIN"), Some(Mechanism::Login));
        assert_eq!(Mechanism::from_name(b"command"), None);
        assert_eq!(Mechanism::from_name(b"CRAM-MD5"), None);
    }

    #[test]
    fn passwords_are_not_printed() {
        let (_, outcome) = Exchange::begin(Mechanism::Plain, Some(&base64("\0tim\0tanstaaf")));
        assert!(!format!("{outcome:?}").contains("tanstaaf"));
    }
}
