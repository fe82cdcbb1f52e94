//! The client's end of the admin socket, or of what stands for it.

use crate::failure::Failure;
use crate::protocol::{MAX_LINE, Reply, Request};
use crate::shell::interrupt::Sender;
use crate::shell::lost;
use crate::socket::ShortPath;
use crate::terminal;
use admin::{Channel, Completions, Outcome, Question, Terminal};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A connection to a server.
pub struct Client {
    reader: BufReader<UnixStream>,
    sender: Sender,
}

impl Client {
    /// Connects to the socket of a server on this machine.
    pub fn connect(socket: &Path, terminal: Terminal) -> io::Result<Client> {
        let short = ShortPath::new(socket)?;
        Client::on(UnixStream::connect(short.path())?, terminal)
    }

    /// On a connection; says what the output is shown on.
    pub fn on(stream: UnixStream, terminal: Terminal) -> io::Result<Client> {
        let client = Client { reader: BufReader::new(stream.try_clone()?), sender: Sender::new(stream) };
        client.sender.send(&Request::Hello(terminal))?;
        Ok(client)
    }

    /// From now on Ctrl-C stops the text that runs, and no longer ends the program.
    pub fn stop_at_signals(&self) -> io::Result<()> {
        self.sender.stop_at_signals()
    }

    /// Says that the terminal has another width.
    pub fn resize(&mut self, width: u16) -> Result<(), Failure> {
        self.sender.send(&Request::Resize(width)).map_err(|error| lost(&error))
    }

    /// Runs a text, shows its output, and asks its questions.
    pub fn run(&mut self, text: &str) -> Result<Outcome, Failure> {
        self.sender.send(&Request::Run(text.to_owned())).map_err(|error| lost(&error))?;
        loop {
            match self.receive().map_err(|error| lost(&error))? {
                Reply::Text(channel, text) => show(channel, &text)?,
                Reply::Ask(question) => {
                    // Without an answer the server has been told to stop already.
                    if let Some(answer) = answer(&question, &self.sender)? {
                        self.sender.send(&Request::Answer(answer)).map_err(|error| lost(&error))?;
                    }
                }
                Reply::Exit(outcome) => return Ok(outcome),
                Reply::Completions(_) => return Err(lost(&io::ErrorKind::InvalidData.into())),
            }
        }
    }

    /// What could stand at the end of a text. Only for the prompt, where nothing runs.
    pub fn complete(&mut self, text: &str) -> io::Result<Completions> {
        self.sender.send(&Request::Complete(text.to_owned()))?;
        match self.receive()? {
            Reply::Completions(completions) => Ok(completions),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
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
        Channel::Output | Channel::Object => io::stdout().write_all(text.as_bytes()),
        Channel::Warning | Channel::Error | Channel::Verbose => io::stderr().write_all(text.as_bytes()),
    };
    match written {
        // `gatepost shell -c ... | head` has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Told(1)),
        other => other.map_err(Failure::failed),
    }
}

/// What the person answers; `None` after Ctrl-C.
fn answer(question: &Question, sender: &Sender) -> Result<Option<String>, Failure> {
    terminal::ask_unless(&question.text, question.echo, || sender.is_stopped())
}
