//! Reads a dialogue's file; the format is described in [`super`].

use super::pattern::Template;
use super::{Action, Dialogue, Given, Protocol, Security, Step};
use std::path::Path;
use std::time::Duration;

/// A line of a file that is none of a dialogue.
#[derive(Debug)]
pub struct ParseError {
    /// Its number.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// Reads the text of the file at `path`.
pub fn parse(path: &Path, text: &str) -> Result<Dialogue, ParseError> {
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    let protocol = Protocol::from_name(folder)
        .ok_or_else(|| ParseError { line: 0, why: format!("no protocol has the folder '{folder}'") })?;
    let mut reader = Reader {
        dialogue: Dialogue {
            path: path.to_owned(),
            title: String::new(),
            protocol,
            differs: Vec::new(),
            given: Vec::new(),
            steps: Vec::new(),
        },
        group: None,
    };
    for (number, line) in (1..).zip(text.lines()) {
        reader.line(number, line).map_err(|why| ParseError { line: number, why })?;
    }
    reader.end()
}

struct Reader {
    dialogue: Dialogue,
    /// The group that is open: where it began, its connection and lines.
    group: Option<Group>,
}

struct Group {
    begun: usize,
    connection: usize,
    lines: Vec<(usize, Template)>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(comment) = line.strip_prefix('#') {
            if self.dialogue.title.is_empty() {
                self.dialogue.title = comment.trim().to_owned();
            }
        } else if let Some(rest) = line.strip_prefix("differs ") {
            let (server, why) = rest.split_once(':').ok_or("expected: differs SERVER: WHY")?;
            self.dialogue.differs.push((server.trim().to_owned(), why.trim().to_owned()));
        } else if let Some(rest) = line.strip_prefix("given ") {
            self.dialogue.given.push(given(rest)?);
        } else if let Some(rest) = line.strip_prefix("-- ") {
            self.actions(number, rest)?;
        } else {
            match line.trim_end() {
                "" => {}
                "{" => self.open(number)?,
                "}" => self.close()?,
                _ => self.spoken(number, line)?,
            }
        }
        Ok(())
    }

    fn actions(&mut self, number: usize, text: &str) -> Result<(), String> {
        // A line for the shell may have semicolons of its own.
        let parts = if text.starts_with("shell:") { vec![text] } else { text.split(';').collect() };
        for part in parts {
            self.push(number, Step::Act(action(part.trim())?))?;
        }
        Ok(())
    }

    fn spoken(&mut self, number: usize, line: &str) -> Result<(), String> {
        let (speaker, text) = line.split_once(':').ok_or("expected C:, S:, --, #, given, differs, { or }")?;
        let text = Template::parse(text.strip_prefix(' ').unwrap_or(text))?;
        let connection = connection(speaker).ok_or_else(|| format!("nobody is called '{speaker}'"))?;
        match (&mut self.group, speaker.starts_with('S')) {
            (Some(group), true) => {
                if !group.lines.is_empty() && group.connection != connection {
                    return Err("a group is of one connection".to_owned());
                }
                group.connection = connection;
                group.lines.push((number, text));
                Ok(())
            }
            (None, true) => self.push(number, Step::Server(connection, text)),
            (_, false) => self.push(number, Step::Client(connection, text)),
        }
    }

    fn push(&mut self, number: usize, step: Step) -> Result<(), String> {
        if self.group.is_some() {
            return Err("a group has only S: lines".to_owned());
        }
        self.dialogue.steps.push((number, step));
        Ok(())
    }

    fn open(&mut self, number: usize) -> Result<(), String> {
        let group = Group { begun: number, connection: 1, lines: Vec::new() };
        if self.group.replace(group).is_some() { Err("a group within a group".to_owned()) } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), String> {
        let group = self.group.take().ok_or("no group is open")?;
        self.push(group.begun, Step::Group(group.connection, group.lines))
    }

    fn end(self) -> Result<Dialogue, ParseError> {
        match self.group {
            Some(group) => {
                Err(ParseError { line: group.begun, why: "this group is never closed".to_owned() })
            }
            None if self.dialogue.title.is_empty() => {
                Err(ParseError { line: 1, why: "a dialogue begins with # and what it shows".to_owned() })
            }
            None => Ok(self.dialogue),
        }
    }
}

/// `C` or `S` is 1, `C2` is 2.
fn connection(name: &str) -> Option<usize> {
    match name.as_bytes() {
        [b'C' | b'S'] => Some(1),
        [b'C' | b'S', digit @ b'2'..=b'9'] => Some(usize::from(digit - b'0')),
        _ => None,
    }
}

fn given(text: &str) -> Result<Given, String> {
    let (who, files) = text.split_once(':').unwrap_or((text, ""));
    let (who, logged_in) = match who.split_once(',') {
        Some((who, " logged in")) => (who, true),
        Some(_) => return Err("expected: given WHO, logged in: FILES".to_owned()),
        None => (who, false),
    };
    let files = files.split(',').map(str::trim).filter(|file| !file.is_empty()).map(str::to_owned).collect();
    Ok(Given { who: who.trim().to_owned(), logged_in, files })
}

fn action(text: &str) -> Result<Action, String> {
    if let Some(line) = text.strip_prefix("shell:") {
        return Ok(Action::Shell(line.trim().to_owned()));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let (who, words) = match words.split_first() {
        Some((first, rest)) if first.starts_with('C') && connection(first).is_some() => {
            (connection(first).unwrap_or(1), rest)
        }
        _ => (1, words.as_slice()),
    };
    let security = |words: &[&str]| match words {
        [] => Some(Security::Clear),
        ["with", "TLS"] => Some(Security::Tls),
        _ => None,
    };
    let found = match words {
        ["connect" | "connects", "to", protocol, rest @ ..] => Protocol::from_name(protocol)
            .and_then(|protocol| Some(Action::Connect(who, Some(protocol), security(rest)?))),
        ["connect" | "connects", rest @ ..] => {
            security(rest).map(|security| Action::Connect(who, None, security))
        }
        ["starttls" | "stls"] => Some(Action::StartTls(who)),
        [user, "logs", "in"] => Some(Action::LogIn(1, (*user).to_owned())),
        [user, "logs", "in", "as", name] => {
            connection(name).map(|who| Action::LogIn(who, (*user).to_owned()))
        }
        ["drop" | "drops", "the", "connection"] => Some(Action::Drop(who)),
        ["drop", name] => connection(name).map(Action::Drop),
        ["the", "server", "closes"] => Some(Action::Closes(1)),
        ["the", "server", "closes", name] => connection(name).map(Action::Closes),
        ["deliver", file, "to", user] => Some(Action::Deliver((*file).to_owned(), (*user).to_owned())),
        ["advance", "the", "clock", number, unit] => duration(number, unit).map(Action::Advance),
        ["restart"] => Some(Action::Restart),
        ["restart", "with", file, "damaged"] => Some(Action::Damage((*file).to_owned())),
        ["disk", "full"] => Some(Action::DiskFull),
        ["disk", "has", "space"] => Some(Action::DiskHasSpace),
        _ => None,
    };
    found.ok_or_else(|| format!("no such action: '{text}'"))
}

fn duration(number: &str, unit: &str) -> Option<Duration> {
    let seconds = match unit.trim_end_matches('s') {
        "second" => 1,
        "minute" => 60,
        "hour" => 3600,
        _ => return None,
    };
    number.parse::<u64>().ok().map(|number| Duration::from_secs(number * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Dialogue, ParseError> {
        super::parse(Path::new("dialogues/pop3/x.txt"), text)
    }

    #[test]
    fn reads_what_the_format_describes() {
        let dialogue = parse(
            "# Title\n# more\ndiffers dovecot: it is older\ngiven alice, logged in: a.eml, b.eml\ngiven bob\n\nC: NOOP\n\
             S: +OK<...>\n{\nS2: a\nS2: b\n}\n-- drop the connection; alice logs in\n",
        )
        .unwrap();
        assert_eq!(dialogue.title, "Title");
        assert_eq!(dialogue.differs, [("dovecot".to_owned(), "it is older".to_owned())]);
        assert!(dialogue.given[0].logged_in && !dialogue.given[1].logged_in);
        assert_eq!(dialogue.given[0].files, ["a.eml", "b.eml"]);
        assert_eq!(dialogue.steps.len(), 5);
        assert!(matches!(&dialogue.steps[2], (9, Step::Group(2, lines)) if lines.len() == 2));
    }

    #[test]
    fn reads_actions() {
        let minutes = |minutes: u64| Action::Advance(Duration::from_secs(minutes * 60));
        let table = [
            ("connect with TLS", Action::Connect(1, None, Security::Tls)),
            ("C2 connects", Action::Connect(2, None, Security::Clear)),
            ("C2 connects to imap with TLS", Action::Connect(2, Some(Protocol::Imap), Security::Tls)),
            ("stls", Action::StartTls(1)),
            ("C3 starttls", Action::StartTls(3)),
            ("alice logs in", Action::LogIn(1, "alice".into())),
            ("bob logs in as C2", Action::LogIn(2, "bob".into())),
            ("drop the connection", Action::Drop(1)),
            ("drop C2", Action::Drop(2)),
            ("the server closes", Action::Closes(1)),
            ("the server closes C2", Action::Closes(2)),
            ("deliver a.eml to bob", Action::Deliver("a.eml".into(), "bob".into())),
            ("advance the clock 30 minutes", minutes(30)),
            ("advance the clock 1 hour", minutes(60)),
            ("restart", Action::Restart),
            ("restart with a.eml damaged", Action::Damage("a.eml".into())),
            ("disk full", Action::DiskFull),
            ("disk has space", Action::DiskHasSpace),
            ("shell: Get-Mailbox; Get-Service", Action::Shell("Get-Mailbox; Get-Service".into())),
        ];
        for (text, expected) in table {
            assert_eq!(action(text), Ok(expected), "{text}");
        }
        for text in
            ["", "explode", "advance the clock 1 year", "connect to gopher", "C2 connects without TLS"]
        {
            assert!(action(text).is_err(), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        for (text, line) in [
            ("C: NOOP\n", 1),
            ("# x\n{\nS: a\n", 2),
            ("# x\n}\n", 2),
            ("# x\n{\nC: a\n}\n", 3),
            ("# x\nX: a\n", 2),
            ("# x\nhello\n", 2),
            ("# x\nS: <size>\n", 2),
        ] {
            assert_eq!(parse(text).map(|_| ()).map_err(|error| error.line), Err(line), "{text:?}");
        }
    }
}
