//! Commands: the table of their names and where they are legal, and their arguments.
//!
//! A keyword is not case-sensitive, arguments are parted by one space (RFC 1939 §3). Arguments are typed here once;
//! what does not fit is a [`Fault`], whose text says what was expected.

use std::num::ParseIntError;

/// A command that can be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Auth(Option<Auth>),
    Capa,
    Dele(usize),
    List(Option<usize>),
    Noop,
    Pass(Vec<u8>),
    Quit,
    Retr(usize),
    Rset,
    Stat,
    Stls,
    Top(usize, u32),
    Uidl(Option<usize>),
    User(Vec<u8>),
}

/// AUTH with a mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Auth {
    pub(crate) mechanism: Vec<u8>,
    pub(crate) initial: Option<Vec<u8>>,
}

/// Where a command is legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stages {
    Authorization,
    Transaction,
    Both,
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Unknown,
    Arguments(&'static str),
    /// A number that names no message.
    NoSuchMessage,
}

impl Fault {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Fault::Unknown => "Unknown command.",
            Fault::Arguments(usage) => usage,
            Fault::NoSuchMessage => "No such message.",
        }
    }
}

/// Reads the arguments, which are what follows the first space.
type Parser = fn(Option<&[u8]>) -> Result<Command, Fault>;

const TABLE: [(&str, Stages, Parser); 14] = [
    ("AUTH", Stages::Authorization, auth),
    ("CAPA", Stages::Both, |rest| none(rest, Command::Capa)),
    ("DELE", Stages::Transaction, |rest| number(rest, "Usage: DELE message").map(Command::Dele)),
    ("LIST", Stages::Transaction, |rest| optional(rest, "Usage: LIST [message]").map(Command::List)),
    ("NOOP", Stages::Transaction, |rest| none(rest, Command::Noop)),
    ("PASS", Stages::Authorization, |rest| text(rest, "Usage: PASS password").map(Command::Pass)),
    ("QUIT", Stages::Both, |rest| none(rest, Command::Quit)),
    ("RETR", Stages::Transaction, |rest| number(rest, "Usage: RETR message").map(Command::Retr)),
    ("RSET", Stages::Transaction, |rest| none(rest, Command::Rset)),
    ("STAT", Stages::Transaction, |rest| none(rest, Command::Stat)),
    ("STLS", Stages::Authorization, |rest| none(rest, Command::Stls)),
    ("TOP", Stages::Transaction, top),
    ("UIDL", Stages::Transaction, |rest| optional(rest, "Usage: UIDL [message]").map(Command::Uidl)),
    ("USER", Stages::Authorization, |rest| text(rest, "Usage: USER name").map(Command::User)),
];

/// Reads a line: where its command is legal, and the command itself or what is wrong with its arguments. The stage comes
/// first, so that a command in the wrong place is told so whatever its arguments are.
pub(crate) fn parse(line: &[u8]) -> Result<(Stages, Result<Command, Fault>), Fault> {
    let (keyword, rest) = match line.iter().position(|octet| *octet == b' ') {
        Some(at) => (line.get(..at), line.get(at + 1..)),
        None => (Some(line), None),
    };
    let keyword = keyword.unwrap_or_default();
    let found = TABLE.iter().find(|(name, _, _)| name.as_bytes().eq_ignore_ascii_case(keyword));
    let (_, stages, parser) = found.ok_or(Fault::Unknown)?;
    Ok((*stages, parser(rest)))
}

fn none(rest: Option<&[u8]>, command: Command) -> Result<Command, Fault> {
    if rest.is_none() { Ok(command) } else { Err(Fault::Arguments("This command has no arguments.")) }
}

/// The rest of the line as it stands: names and passwords may have spaces (RFC 1939 §7, PASS).
fn text(rest: Option<&[u8]>, usage: &'static str) -> Result<Vec<u8>, Fault> {
    rest.filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec).ok_or(Fault::Arguments(usage))
}

fn number(rest: Option<&[u8]>, usage: &'static str) -> Result<usize, Fault> {
    message(rest.ok_or(Fault::Arguments(usage))?, usage)
}

fn optional(rest: Option<&[u8]>, usage: &'static str) -> Result<Option<usize>, Fault> {
    rest.map(|rest| message(rest, usage)).transpose()
}

fn message(argument: &[u8], usage: &'static str) -> Result<usize, Fault> {
    // A number too large for any maildrop is a number all the same.
    digits(argument).ok_or(Fault::Arguments(usage))?.parse().map_err(|_: ParseIntError| Fault::NoSuchMessage)
}

fn digits(argument: &[u8]) -> Option<&str> {
    let good = !argument.is_empty() && argument.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(argument).ok().filter(|_| good)
}

fn top(rest: Option<&[u8]>) -> Result<Command, Fault> {
    const USAGE: &str = "Usage: TOP message lines";
    let rest = rest.unwrap_or_default();
    let space = rest.iter().position(|octet| *octet == b' ').ok_or(Fault::Arguments(USAGE))?;
    let (first, second) = rest.split_at(space);
    let lines = second.get(1..).and_then(digits).ok_or(Fault::Arguments(USAGE))?;
    // More lines than can be counted are all lines.
    Ok(Command::Top(message(first, USAGE)?, lines.parse().unwrap_or(u32::MAX)))
}

fn auth(rest: Option<&[u8]>) -> Result<Command, Fault> {
    let Some(rest) = rest else { return Ok(Command::Auth(None)) };
    let mut arguments = rest.split(|octet| *octet == b' ').map(<[u8]>::to_vec);
    let mechanism = arguments.next().unwrap_or_default();
    let initial = arguments.next();
    if mechanism.is_empty() || initial.as_ref().is_some_and(Vec::is_empty) || arguments.next().is_some() {
        return Err(Fault::Arguments("Usage: AUTH mechanism [initial-response]"));
    }
    Ok(Command::Auth(Some(Auth { mechanism, initial })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands_and_nothing_else() {
        let auth = |mechanism: &str, initial: Option<&str>| {
            let initial = initial.map(|text| text.as_bytes().to_vec());
            Command::Auth(Some(Auth { mechanism: mechanism.into(), initial }))
        };
        let table: &[(&str, Option<Command>)] = &[
            ("NOOP", Some(Command::Noop)),
            ("noop", Some(Command::Noop)),
            ("NOOP ", None),
            (" NOOP", None),
            ("NOOP x", None),
            ("", None),
            ("APOP a b", None),
            ("LIST", Some(Command::List(None))),
            ("LIST 12", Some(Command::List(Some(12)))),
            ("LIST ", None),
            ("LIST -1", None),
            ("LIST +1", None),
            ("LIST 1 2", None),
            ("LIST 99999999999999999999999", None),
            ("RETR", None),
            ("RETR 1", Some(Command::Retr(1))),
            ("TOP 1 0", Some(Command::Top(1, 0))),
            ("TOP 1 99999999999", Some(Command::Top(1, u32::MAX))),
            ("TOP 1", None),
            ("TOP 1 x", None),
            ("PASS a b ", Some(Command::Pass(b"a b ".to_vec()))),
            ("PASS", None),
            ("USER j\u{fc}rgen", Some(Command::User("j\u{fc}rgen".into()))),
            ("AUTH", Some(Command::Auth(None))),
            ("AUTH PLAIN", Some(auth("PLAIN", None))),
            ("AUTH PLAIN =", Some(auth("PLAIN", Some("=")))),
            ("AUTH PLAIN a b", None),
            ("AUTH PLAIN ", None),
            ("AUTH ", None),
        ];
        for (line, expected) in table {
            let command = parse(line.as_bytes()).and_then(|(_, command)| command);
            assert_eq!(command.ok(), *expected, "{line:?}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        assert!(TABLE.iter().all(|(name, _, _)| matches!(name.len(), 3 | 4)));
    }
}
