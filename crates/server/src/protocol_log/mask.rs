//! What of a session may stand in a log: lines, without secrets and without messages.
//!
//! Whatever follows PASS, AUTH, AUTHENTICATE or LOGIN is left out, and so is every line of the client until the server
//! has answered all commands: a client may send on without waiting, and then nobody can tell what belongs to what.

use directory::ServiceName;
use std::collections::VecDeque;

/// Octets of a line that are kept; what follows is left out.
const LONGEST: usize = 1_000;
/// Commands that a client may have sent ahead; of one that sends more nothing more is shown.
const AHEAD: usize = 100;
/// What stands for a secret.
const MASKED: &str = "*****";
/// Words after which a secret comes.
const SECRET: [&str; 5] = ["PASS", "AUTH", "AUTHENTICATE", "LOGIN", "APOP"];

/// Makes lines of a log from what is sent to and fro.
pub(crate) struct Transcript {
    is_imap: bool,
    client: Line,
    server: Line,
    /// The tags of commands that wait for an answer, the oldest first; without tags, empty texts.
    waiting: VecDeque<Vec<u8>>,
    hidden: Hidden,
    /// Octets of a literal that follow.
    literal: u64,
    /// The line that comes goes on after a literal.
    goes_on: bool,
}

/// Whether what the client sends may be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hidden {
    No,
    /// Until all commands are answered.
    UntilAnswered,
    /// It is not known what it belongs to.
    ForEver,
}

/// A line that is not complete yet.
#[derive(Default)]
struct Line {
    octets: Vec<u8>,
    cut: bool,
}

impl Line {
    fn push(&mut self, octet: u8) {
        match self.octets.len() < LONGEST {
            true => self.octets.push(octet),
            false => self.cut = true,
        }
    }

    fn take(&mut self) -> (Vec<u8>, bool) {
        let mut octets = std::mem::take(&mut self.octets);
        if octets.last() == Some(&b'\r') {
            octets.pop();
        }
        (octets, std::mem::take(&mut self.cut))
    }
}

impl Transcript {
    /// Of a session that has just begun.
    pub(crate) fn begin(service: ServiceName) -> Transcript {
        Transcript {
            is_imap: service == ServiceName::Imap4,
            client: Line::default(),
            server: Line::default(),
            waiting: VecDeque::new(),
            hidden: Hidden::No,
            literal: 0,
            goes_on: false,
        }
    }

    /// Of a session that has been going on: what the client sends may belong to a secret until the server has spoken.
    pub(crate) fn midway(service: ServiceName) -> Transcript {
        Transcript { hidden: Hidden::UntilAnswered, ..Transcript::begin(service) }
    }

    /// The lines of what the client has sent.
    pub(crate) fn client(&mut self, octets: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for octet in octets {
            if self.literal > 0 {
                self.literal -= 1;
            } else if *octet == b'\n' {
                let (line, cut) = self.client.take();
                lines.extend(self.client_line(&line, cut));
            } else {
                self.client.push(*octet);
            }
        }
        lines
    }

    fn client_line(&mut self, line: &[u8], cut: bool) -> Option<String> {
        let goes_on = std::mem::take(&mut self.goes_on);
        if self.is_imap
            && let Some(length) = literal(line)
        {
            (self.literal, self.goes_on) = (length, true);
        }
        if self.hidden != Hidden::No {
            return Some(MASKED.to_owned());
        }
        let mut words = line.split(|octet| *octet == b' ' || *octet == b'\t').filter(|word| !word.is_empty());
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if !goes_on {
            self.waiting.push_back(if self.is_imap { first.to_vec() } else { Vec::new() });
        }
        let secret = |word: &[u8]| SECRET.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
        let shown = match (secret(first), secret(second)) {
            // The name of a mechanism or user may be shown nowhere: it can be the secret, wrongly typed.
            (true, _) => Some(format!("{} {MASKED}", text(first, false))),
            (_, true) => Some(format!("{} {} {MASKED}", text(first, false), text(second, false))),
            _ => None,
        };
        self.hidden = match (&shown, self.waiting.len() > AHEAD) {
            (_, true) => Hidden::ForEver,
            (Some(_), false) => Hidden::UntilAnswered,
            (None, false) => Hidden::No,
        };
        Some(shown.unwrap_or_else(|| text(line, cut)))
    }

    /// The lines of what the server sends.
    pub(crate) fn server(&mut self, octets: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for octet in octets {
            if *octet == b'\n' {
                let (line, cut) = self.server.take();
                self.answered(&line);
                lines.push(text(&line, cut));
            } else {
                self.server.push(*octet);
            }
        }
        lines
    }

    fn answered(&mut self, line: &[u8]) {
        let first = line.split(|octet| *octet == b' ').next().unwrap_or_default();
        let is_answer = match self.is_imap {
            true => self.waiting.front().map_or(first != b"+" && first != b"*", |tag| tag == first),
            false => line.starts_with(b"+OK") || line.starts_with(b"-ERR"),
        };
        if is_answer {
            self.waiting.pop_front();
            if self.waiting.is_empty() && self.hidden == Hidden::UntilAnswered {
                self.hidden = Hidden::No;
            }
        }
    }
}

/// The length of the literal that a line ends with (RFC 9051 §4.3).
fn literal(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"}")?;
    let line = line.strip_suffix(b"+").unwrap_or(line);
    let begin = line.iter().rposition(|octet| *octet == b'{')?;
    std::str::from_utf8(line.get(begin + 1..)?).ok()?.parse().ok()
}

fn text(octets: &[u8], cut: bool) -> String {
    let mut text = String::from_utf8_lossy(octets).into_owned();
    if cut {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a conversation of `C` and `S` pieces; all that would be in the log.
    fn log(service: ServiceName, pieces: &[(char, &str)]) -> String {
        let mut transcript = Transcript::begin(service);
        let mut log = String::new();
        for (who, piece) in pieces {
            // However it is cut.
            for octet in piece.bytes() {
                let lines = match who {
                    'C' => transcript.client(&[octet]),
                    _ => transcript.server(&[octet]),
                };
                lines.iter().for_each(|line| log.extend([&who.to_string(), ": ", line, "\n"]));
            }
        }
        log
    }

    #[test]
    fn no_form_of_a_login_shows_a_secret() {
        let (pop, imap) = (ServiceName::Pop3, ServiceName::Imap4);
        let table: &[(ServiceName, &[(char, &str)])] = &[
            (pop, &[('C', "USER alice\r\nPASS secret\r\nSTAT\r\n"), ('S', "+OK\r\n+OK\r\n")]),
            (pop, &[('C', " pass secret\r\n")]),
            (pop, &[('C', "AUTH PLAIN secret\r\n")]),
            (pop, &[('C', "APOP alice secret\r\n")]),
            (pop, &[('C', "USER a\r\nAUTH PLAIN\r\n"), ('S', "+OK\r\n+ \r\n"), ('C', "secret\r\n")]),
            (
                pop,
                &[
                    ('C', "AUTH LOGIN\r\n"),
                    ('S', "+ VXNlcm5hbWU6\r\n"),
                    ('C', "secret\r\n"),
                    ('S', "+ \r\n"),
                    ('C', "secret\r\n"),
                ],
            ),
            (imap, &[('C', "a LOGIN alice secret\r\n")]),
            (imap, &[('C', "LOGIN alice secret\r\n")]),
            (
                imap,
                &[
                    ('C', "a login {5}\r\n"),
                    ('S', "+ go\r\n"),
                    ('C', "alice {6}\r\n"),
                    ('S', "+ go\r\n"),
                    ('C', "secret\r\n"),
                ],
            ),
            (imap, &[('C', "a LOGIN alice {6+}\r\nsecret\r\nb NOOP\r\n")]),
            (imap, &[('C', "a LOGIN {5+}\r\nalice \"secret\"\r\n")]),
            (imap, &[('C', "a AUTHENTICATE PLAIN secret\r\n")]),
            (
                imap,
                &[('C', "a NOOP\r\na AUTHENTICATE PLAIN\r\n"), ('S', "a OK\r\n+ \r\n"), ('C', "secret\r\n")],
            ),
            (
                imap,
                &[
                    ('C', "a AUTHENTICATE LOGIN\r\n"),
                    ('S', "+ x\r\n"),
                    ('C', "secret\r\n"),
                    ('S', "+ x\r\n"),
                    ('C', "secret\r\n"),
                ],
            ),
        ];
        for (service, pieces) in table {
            let log = log(*service, pieces);
            assert!(log.contains(MASKED) && !log.contains("secret"), "{log}");
        }
    }

    #[test]
    fn what_follows_a_login_is_shown_again() {
        let pieces = [
            ('C', "a LOGIN alice secret\r\n"),
            ('S', "* CAPABILITY x\r\na OK\r\n"),
            ('C', "b SELECT INBOX\r\n"),
            ('S', "b OK\r\n"),
            ('C', "c APPEND INBOX {5}\r\n"),
            ('S', "+ go\r\n"),
            ('C', "a\r\nb\n\r\n"),
            ('S', "c OK\r\n"),
        ];
        let expected = "C: a LOGIN *****\nS: * CAPABILITY x\nS: a OK\nC: b SELECT INBOX\nS: b OK\nC: c APPEND INBOX {5}\nS: + go\nC: \nS: c OK\n";
        assert_eq!(log(ServiceName::Imap4, &pieces), expected);
    }

    #[test]
    fn a_log_that_is_turned_on_within_a_login_shows_nothing_of_it() {
        let mut transcript = Transcript::midway(ServiceName::Pop3);
        assert_eq!(transcript.client(b"secret\r\n"), [MASKED]);
        assert_eq!(transcript.server(b"+OK\r\n"), ["+OK"]);
        assert_eq!(transcript.client(b"STAT\r\n"), ["STAT"]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut transcript = Transcript::begin(ServiceName::Imap4);
        for _ in 0..10_000 {
            transcript.client(&[b'x'; 1_000]);
        }
        assert_eq!(transcript.client(b"\n").first().unwrap().chars().count(), LONGEST + 1);
        for _ in 0..10_000 {
            transcript.client(b"a NOOP\r\n");
        }
        assert!(transcript.waiting.len() <= AHEAD + 1);
        assert_eq!(transcript.client(b"a NOOP\r\n"), [MASKED], "too many to tell what they are");
    }
}
