//! One connection of a dialogue: what was sent, what came and is not matched yet, and the transcript of both.

use crate::dialogue::Protocol;
use crate::world::{Conversation, Received, Trouble};
use std::time::{Duration, Instant};

/// How long "nothing" is waited for where it cannot be known at once.
const SILENCE: Duration = Duration::from_millis(300);

pub(super) struct Talk {
    name: String,
    pub(super) protocol: Protocol,
    conversation: Box<dyn Conversation>,
    patience: Duration,
    pub(super) to_send: Vec<u8>,
    received: Vec<u8>,
    ended: bool,
}

impl Talk {
    pub(super) fn new(
        number: usize,
        protocol: Protocol,
        conversation: Box<dyn Conversation>,
        patience: Duration,
    ) -> Talk {
        let name = if number == 1 { String::new() } else { number.to_string() };
        Talk {
            name,
            protocol,
            conversation,
            patience,
            to_send: Vec::new(),
            received: Vec::new(),
            ended: false,
        }
    }

    pub(super) fn flush(&mut self, transcript: &mut String) -> Result<(), Trouble> {
        if self.to_send.is_empty() {
            return Ok(());
        }
        self.nothing_left(transcript)?;
        let octets = std::mem::take(&mut self.to_send);
        note(transcript, &format!("C{}: ", self.name), &octets);
        self.conversation.send(&octets)
    }

    pub(super) fn start_tls(&mut self) -> Result<(), Trouble> {
        self.conversation.start_tls()
    }

    /// The next line without its CRLF, taken out.
    pub(super) fn line(&mut self, transcript: &mut String) -> Result<Vec<u8>, Trouble> {
        let line = self.peek(transcript)?;
        let whole: Vec<u8> = self.received.drain(..line.len() + 2).collect();
        note(transcript, &format!("S{}: ", self.name), &whole);
        Ok(line)
    }

    /// The next line without its CRLF.
    pub(super) fn peek(&mut self, transcript: &mut String) -> Result<Vec<u8>, Trouble> {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(end) = self.received.windows(2).position(|two| two == b"\r\n") {
                return Ok(self.received.get(..end).unwrap_or_default().to_vec());
            }
            self.more(deadline, transcript)?;
        }
    }

    /// Takes all that comes until the server is silent.
    pub(super) fn whatever(&mut self, transcript: &mut String) -> Result<(), Trouble> {
        while let Received::Octets(octets) = self.conversation.receive(SILENCE)? {
            self.received.extend_from_slice(&octets);
        }
        let all = std::mem::take(&mut self.received);
        note(transcript, &format!("S{}: ", self.name), &all);
        Ok(())
    }

    /// Waits for more octets.
    fn more(&mut self, deadline: Instant, transcript: &mut String) -> Result<(), Trouble> {
        let within = deadline.saturating_duration_since(Instant::now());
        let why = match self.conversation.receive(within)? {
            Received::Octets(octets) => {
                self.received.extend_from_slice(&octets);
                return Ok(());
            }
            Received::Closed => {
                self.ended = true;
                "the server closed the connection"
            }
            Received::Silence => "the server says nothing more",
        };
        let left = std::mem::take(&mut self.received);
        note(transcript, &format!("S{}, unfinished: ", self.name), &left);
        Err(Trouble::Failed(why.to_owned()))
    }

    pub(super) fn octets(&mut self, expected: &[u8], transcript: &mut String) -> Result<(), Trouble> {
        let deadline = Instant::now() + self.patience;
        while self.received.len() < expected.len() && expected.starts_with(&self.received) {
            self.more(deadline, transcript)?;
        }
        if self.received.starts_with(expected) {
            let octets: Vec<u8> = self.received.drain(..expected.len()).collect();
            note(transcript, &format!("S{}: ", self.name), &octets);
            return Ok(());
        }
        let same = self.received.iter().zip(expected).take_while(|(one, other)| one == other).count();
        let show = |octets: &[u8]| {
            let part = octets.get(same..).unwrap_or_default();
            part.get(..60.min(part.len())).unwrap_or_default().escape_ascii().to_string()
        };
        Err(Trouble::Failed(format!(
            "after {same} octets as expected there should be: {}\n                                     but there are: {}",
            show(expected),
            show(&self.received)
        )))
    }

    pub(super) fn silence(&mut self, transcript: &mut String) -> Result<(), Trouble> {
        self.nothing_left(transcript)?;
        match self.conversation.receive(SILENCE)? {
            Received::Silence => Ok(()),
            Received::Closed => Err(Trouble::Failed("the server closed the connection".to_owned())),
            Received::Octets(octets) => {
                self.received = octets;
                self.nothing_left(transcript)
            }
        }
    }

    pub(super) fn closed(&mut self, transcript: &mut String) -> Result<(), Trouble> {
        self.nothing_left(transcript)?;
        match if self.ended { Received::Closed } else { self.conversation.receive(self.patience)? } {
            Received::Closed => Ok(()),
            Received::Silence => Err(Trouble::Failed("the connection is still open".to_owned())),
            Received::Octets(octets) => {
                self.received = octets;
                self.nothing_left(transcript)
            }
        }
    }

    /// Fails where the server said something that nobody waited for.
    pub(super) fn nothing_left(&mut self, transcript: &mut String) -> Result<(), Trouble> {
        if let Received::Octets(octets) = self.conversation.receive(Duration::ZERO)? {
            self.received.extend_from_slice(&octets);
        }
        if self.received.is_empty() {
            return Ok(());
        }
        let left = std::mem::take(&mut self.received);
        note(transcript, &format!("S{}, not in the dialogue: ", self.name), &left);
        Err(Trouble::Failed("the server said more than the dialogue has".to_owned()))
    }

    /// Says something that is not in the dialogue.
    pub(super) fn say(&mut self, text: &str, end: &str, transcript: &mut String) -> Result<(), Trouble> {
        self.to_send.extend_from_slice(text.as_bytes());
        self.flush(transcript)?;
        self.until(end, transcript)
    }

    /// Passes over lines up to the one that begins like this.
    pub(super) fn until(&mut self, end: &str, transcript: &mut String) -> Result<(), Trouble> {
        loop {
            let line = self.line(transcript)?;
            let refused =
                [&b"-ERR"[..], b"log NO", b"log BAD", b"4", b"5"].iter().any(|no| line.starts_with(no));
            if line.starts_with(end.as_bytes()) {
                return Ok(());
            }
            if refused {
                return Err(Trouble::Failed(format!(
                    "logging in failed: {}",
                    String::from_utf8_lossy(&line)
                )));
            }
        }
    }
}

fn note(transcript: &mut String, who: &str, octets: &[u8]) {
    const SHOWN: usize = 1000;
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        let shown = text.get(..SHOWN.min(text.len())).unwrap_or_default();
        transcript.push_str(who);
        match std::str::from_utf8(shown) {
            Ok(text) if !text.contains(char::is_control) => transcript.push_str(text),
            _ => transcript.push_str(&shown.escape_ascii().to_string()),
        }
        transcript.push('\n');
    }
}
