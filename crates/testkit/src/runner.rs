//! Plays a dialogue against a world.

mod talk;

use crate::dialogue::pattern::{Expected, Names, Template, base64};
use crate::dialogue::{Action, Dialogue, Protocol, Security, Step};
use crate::messages;
use crate::world::{Disk, PASSWORD, Trouble, World, address};
use std::collections::BTreeMap;
use std::path::Path;
use talk::Talk;

/// How a dialogue went.
#[derive(Debug)]
pub enum Outcome {
    /// As written.
    Passed,
    /// It asks for something that cannot be done in this world.
    NotHere(String),
    /// Otherwise; the report says where, what was expected, what came, and all that was said before.
    Failed(String),
}

/// Plays a dialogue.
pub fn run(dialogue: &Dialogue, world: &mut dyn World) -> Outcome {
    let mut stage = Stage {
        dialogue,
        world,
        talks: BTreeMap::new(),
        names: Names::new(),
        transcript: String::new(),
        line: 0,
    };
    match stage.play() {
        Ok(()) => Outcome::Passed,
        Err(Trouble::NotHere(why)) => Outcome::NotHere(why),
        Err(Trouble::Failed(why)) => Outcome::Failed(stage.report(&why)),
    }
}

struct Stage<'a> {
    dialogue: &'a Dialogue,
    world: &'a mut dyn World,
    talks: BTreeMap<usize, Talk>,
    names: Names,
    transcript: String,
    line: usize,
}

type Done = Result<(), Trouble>;

impl Stage<'_> {
    fn play(&mut self) -> Done {
        for given in &self.dialogue.given {
            for file in &given.files {
                let message = messages::load(file).map_err(Trouble::Failed)?;
                self.world.deliver(&message, &given.who)?;
            }
        }
        for given in &self.dialogue.given {
            if given.logged_in {
                self.log_in(1, &given.who)?;
            }
        }
        let mut steps = self.dialogue.steps.iter().peekable();
        while let Some((line, step)) = steps.next() {
            self.line = *line;
            self.step(step, steps.peek().map(|(_, step)| step))?;
        }
        self.flush(None)?;
        self.nothing_unsaid()
    }

    fn step(&mut self, step: &Step, next: Option<&Step>) -> Done {
        match step {
            Step::Client(who, text) => self.client(*who, text),
            Step::Server(who, text) => {
                self.flush(None)?;
                self.server(*who, text, next)
            }
            Step::Group(who, lines) => {
                self.flush(None)?;
                self.group(*who, lines, next)
            }
            Step::Act(action) => {
                self.flush(None)?;
                self.transcript.push_str(&format!("-- {action:?}\n"));
                self.act(action)
            }
        }
    }

    /// Lines that follow one another go out in one write.
    fn client(&mut self, who: usize, text: &Template) -> Done {
        self.flush(Some(who))?;
        let protocol = self.protocol_of(who);
        let octets = text.to_send(protocol, &self.names).map_err(Trouble::Failed)?;
        self.talk(who)?.to_send.extend_from_slice(&octets);
        Ok(())
    }

    /// Sends what waits to be sent, of all connections but this one.
    fn flush(&mut self, but: Option<usize>) -> Done {
        for (who, talk) in &mut self.talks {
            if Some(*who) != but {
                talk.flush(&mut self.transcript)?;
            }
        }
        Ok(())
    }

    fn protocol_of(&self, who: usize) -> Protocol {
        self.talks.get(&who).map_or(self.dialogue.protocol, |talk| talk.protocol)
    }

    /// The connection of that number, which is opened in clear where it is not.
    fn talk(&mut self, who: usize) -> Result<&mut Talk, Trouble> {
        if !self.talks.contains_key(&who) {
            self.connect(who, self.dialogue.protocol, Security::Clear)?;
        }
        self.talks.get_mut(&who).ok_or_else(|| Trouble::Failed("not connected".to_owned()))
    }

    fn connect(&mut self, who: usize, protocol: Protocol, security: Security) -> Done {
        let patience = self.world.patience();
        let conversation = self.world.connect(protocol, security)?;
        self.talks.insert(who, Talk::new(who, protocol, conversation, patience));
        Ok(())
    }

    fn server(&mut self, who: usize, text: &Template, next: Option<&Step>) -> Done {
        let expected = text.expected(self.protocol_of(who), &self.names).map_err(Trouble::Failed)?;
        self.talk(who)?;
        let (Some(talk), transcript) = (self.talks.get_mut(&who), &mut self.transcript) else {
            return Ok(());
        };
        match expected {
            Expected::Line => {
                let line = talk.line(transcript)?;
                if text.matches(&line, &mut self.names) { Ok(()) } else { Err(mismatch(&line)) }
            }
            Expected::Octets(octets) => talk.octets(&octets, transcript),
            Expected::Nothing => talk.silence(transcript),
            Expected::Lines => {
                let Some(Step::Server(_, end)) = next else { return talk.whatever(transcript) };
                loop {
                    let line = talk.peek(transcript)?;
                    if end.matches(&line, &mut self.names.clone()) {
                        return Ok(());
                    }
                    talk.line(transcript)?;
                }
            }
        }
    }

    fn group(&mut self, who: usize, lines: &[(usize, Template)], next: Option<&Step>) -> Done {
        self.talk(who)?;
        let (Some(talk), transcript) = (self.talks.get_mut(&who), &mut self.transcript) else {
            return Ok(());
        };
        let (others, mut missing): (Vec<_>, Vec<_>) = lines.iter().partition(|(_, text)| text.is_lines());
        while !missing.is_empty() || !others.is_empty() {
            let line = talk.peek(transcript)?;
            let found = missing.iter().position(|(_, text)| text.matches(&line, &mut self.names));
            match (found, others.is_empty(), next) {
                (Some(at), _, _) => drop(missing.remove(at)),
                (None, true, _) => return Err(mismatch(&line)),
                (None, false, Some(Step::Server(_, end))) if end.matches(&line, &mut self.names.clone()) => {
                    let Some((line, _)) = missing.first() else { return Ok(()) };
                    self.line = *line;
                    return Err(Trouble::Failed("the group ended without this line".to_owned()));
                }
                (None, false, _) => {}
            }
            talk.line(transcript)?;
        }
        Ok(())
    }

    fn act(&mut self, action: &Action) -> Done {
        match action {
            Action::Connect(who, protocol, security) => {
                self.connect(*who, protocol.unwrap_or(self.dialogue.protocol), *security)
            }
            Action::StartTls(who) => self.talk(*who)?.start_tls(),
            Action::LogIn(who, user) => self.log_in(*who, user),
            Action::Drop(who) => {
                self.talks.remove(who);
                Ok(())
            }
            Action::Closes(who) => {
                self.talk(*who)?;
                match self.talks.get_mut(who) {
                    Some(talk) => talk.closed(&mut self.transcript),
                    None => Ok(()),
                }
            }
            Action::Deliver(file, user) => {
                let message = messages::load(file).map_err(Trouble::Failed)?;
                self.world.deliver(&message, user)
            }
            Action::Advance(by) => self.world.advance(*by),
            Action::Restart => {
                self.talks.clear();
                self.world.restart()
            }
            Action::Damage(file) => {
                self.talks.clear();
                self.world.damage(&messages::load(file).map_err(Trouble::Failed)?)
            }
            Action::DiskFull => self.world.disk(Disk::Full),
            Action::DiskHasSpace => self.world.disk(Disk::HasSpace),
            Action::Shell(line) => match self.world.shell(line)? {
                (_, true) => Ok(()),
                (shown, false) => Err(Trouble::Failed(format!("the shell says: {shown}"))),
            },
        }
    }

    /// Opens a connection under TLS and logs in, without a trace in the dialogue.
    fn log_in(&mut self, who: usize, user: &str) -> Done {
        let protocol = match self.dialogue.protocol {
            Protocol::Smtp => Protocol::Submission,
            other => other,
        };
        // Port 465 is rarer than 587 with STARTTLS, and peers may lack it.
        let security = if protocol == Protocol::Submission { Security::Clear } else { Security::Tls };
        self.connect(who, protocol, security)?;
        let Some(talk) = self.talks.get_mut(&who) else { return Ok(()) };
        let transcript = &mut self.transcript;
        let name = address(user);
        let plain = String::from_utf8_lossy(&base64(&format!("\0{name}\0{PASSWORD}"))).into_owned();
        match protocol {
            Protocol::Pop3 => {
                talk.until("+OK", transcript)?;
                talk.say(&format!("USER {name}\r\n"), "+OK", transcript)?;
                talk.say(&format!("PASS {PASSWORD}\r\n"), "+OK", transcript)
            }
            Protocol::Imap => {
                talk.until("* OK", transcript)?;
                talk.say(&format!("log LOGIN {name} {PASSWORD}\r\n"), "log OK", transcript)
            }
            Protocol::Smtp | Protocol::Submission => {
                talk.until("220 ", transcript)?;
                talk.say("EHLO client.example.test\r\n", "250 ", transcript)?;
                talk.say("STARTTLS\r\n", "220 ", transcript)?;
                talk.start_tls()?;
                talk.say("EHLO client.example.test\r\n", "250 ", transcript)?;
                talk.say(&format!("AUTH PLAIN {plain}\r\n"), "235 ", transcript)
            }
            Protocol::Admin => Ok(()),
        }
    }

    /// What the server said and the dialogue does not have is a mistake in one of them.
    fn nothing_unsaid(&mut self) -> Done {
        self.talks.values_mut().try_for_each(|talk| talk.nothing_left(&mut self.transcript))
    }

    fn report(&self, why: &str) -> String {
        let path = self.dialogue.path.strip_prefix(messages::workspace("")).unwrap_or(&self.dialogue.path);
        let line = source_line(&self.dialogue.path, self.line);
        format!(
            "{}:{}: {}\n  expected: {line}\n  {why}\n\nWhat was said:\n{}",
            path.display(),
            self.line,
            self.dialogue.title,
            self.transcript
        )
    }
}

fn mismatch(line: &[u8]) -> Trouble {
    Trouble::Failed(format!("got:      {}", String::from_utf8_lossy(line)))
}

fn source_line(path: &Path, number: usize) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    number.checked_sub(1).and_then(|at| text.lines().nth(at)).unwrap_or_default().to_owned()
}
