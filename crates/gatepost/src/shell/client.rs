//! The client's end of the admin socket.

use crate::failure::Failure;
use crate::protocol::{MAX_LINE, Reply, Request, line};
use crate::shell::lost;
use crate::socket::ShortPath;
use crate::terminal;
use admin::{Channel, Echo, Outcome, Question, Terminal};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A connection to a server.
pub struct Client {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Client {
    /// Connects, and says what the output is shown on.
    pub fn connect(socket: &Path, terminal: Terminal) -> io::Result<Client> {
        let short = ShortPath::new(socket)?;
        let writer = UnixStream::connect(short.path())?;
        let mut client = Client { reader: BufReader::new(writer.try_clone()?), writer };
        client.send(&Request::Hello(terminal))?;
        Ok(client)
    }

    /// Says that the terminal has another width.
    pub fn resize(&mut self, width: u16) -> Result<(), Failure> {
        self.send(&Request::Resize(width)).map_err(|error| lost(&error))
    }

    /// Runs a text, shows its output, and asks its questions.
    pub fn run(&mut self, text: &str) -> Result<Outcome, Failure> {
        self.send(&Request::Run(text.to_owned())).map_err(|error| lost(&error))?;
        loop {
            match self.receive().map_err(|error| lost(&error))? {
                Reply::Text(channel, text) => show(channel, &text)?,
                Reply::Ask(question) => {
                    let answer = answer(&question)?;
                    self.send(&Request::Answer(answer)).map_err(|error| lost(&error))?;
                }
                Reply::Exit(outcome) => return Ok(outcome),
            }
        }
    }

    fn send(&mut self, request: &Request) -> io::Result<()> {
        self.writer.write_all(&line(request)?)
    }

    fn receive(&mut self) -> io::Result<Reply> {
        let mut line = Vec::new();
        // JSON may write an octet as six.
        (&mut self.reader).take(6 * MAX_LINE as u64).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it was stopped"));
        }
        Ok(serde_json::from_slice(&line)?)
    }
}

fn show(channel: Channel, text: &str) -> Result<(), Failure> {
    let written = match channel {
        Channel::Output => io::stdout().write_all(text.as_bytes()),
        Channel::Warning | Channel::Error | Channel::Verbose => io::stderr().write_all(text.as_bytes()),
    };
    match written {
        // `gatepost shell -c ... | head` has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Told),
        other => other.map_err(Failure::failed),
    }
}

fn answer(question: &Question) -> Result<String, Failure> {
    match question.echo {
        Echo::Shown => terminal::ask(&question.text, ""),
        Echo::Hidden => terminal::ask_hidden(&question.text),
    }
}
