//! Gives many messages to a server: the one that runs, or, where none does, to the store itself, which speaks the same.

use crate::boot::Boot;
use crate::failure::Failure;
use crate::load::{ABANDONED, Answer, Frame, Head, Load, Outcome, PIECE};
use crate::protocol::{Request, line};
use crate::running::{self, Opened};
use crate::{backup, cli, load, socket};
use admin::{BoxFuture, Terminal};
use directory::Directory;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

/// Messages, and octets of them, in one commit.
const MESSAGES: usize = 200;
const OCTETS: u64 = 4 << 20;

/// What became of all messages.
#[derive(Debug, Default)]
pub struct Tally {
    /// Filed now.
    pub stored: u64,
    /// There before.
    pub present: u64,
    /// What could not be filed, and why.
    pub refused: Vec<String>,
}

/// A server that takes messages.
pub enum Server {
    /// One that runs, by its socket.
    Running(socket::ShortPath),
    /// None runs: the store is opened here.
    Stopped(Box<Stopped>),
}

/// An opened store.
pub struct Stopped {
    runtime: tokio::runtime::Runtime,
    opened: Opened,
    context: admin::Context,
}

impl Server {
    /// That of a data directory.
    pub fn find(data: &cli::Data) -> Result<Server, Failure> {
        let (dir, mail) = backup::existing(data)?;
        let boot = Boot::load(&dir)?.unwrap_or_default();
        let path = boot.socket(&dir);
        let short = socket::ShortPath::new(&path).map_err(|error| Failure::file(&path, &error))?;
        if UnixStream::connect(short.path()).is_ok() {
            return Ok(Server::Running(short));
        }
        if !crate::setup::has_store(&mail) {
            return Err(Failure::setup(format!(
                "{0} has no server set up in it; run `gatepost quickstart --data {0}` first",
                dir.display()
            )));
        }
        let runtime = running::runtime(&boot)?;
        let opened = Opened::new(&dir, boot)?;
        let snapshot = runtime.block_on(running::load(&opened))?;
        let context = admin::Context {
            store: opened.store.clone(),
            directory: Arc::new(Directory::new(snapshot)),
            node: Arc::new(NoNode),
            who: policy::Caller::Local,
            caller: "local administrator".to_owned(),
            changes: Arc::default(),
        };
        Ok(Server::Stopped(Box::new(Stopped { runtime, opened, context })))
    }

    /// Begins to give messages to a mailbox.
    pub fn deposit(&self, load: Load) -> Result<Deposit, Failure> {
        let stream = match self {
            Server::Running(path) => UnixStream::connect(path.path()).map_err(Failure::failed)?,
            Server::Stopped(stopped) => stopped.serve(&load)?,
        };
        let mut writer = io::BufWriter::with_capacity(PIECE, stream.try_clone().map_err(Failure::failed)?);
        if matches!(self, Server::Running(_)) {
            let hello = Request::Hello(Terminal { width: 80, interactive: false });
            let greeting = [line(&hello), line(&Request::Load(load))];
            for line in greeting {
                line.and_then(|line| writer.write_all(&line)).map_err(Failure::failed)?;
            }
            writer.flush().map_err(Failure::failed)?;
        }
        let mut deposit = Deposit {
            writer,
            reader: BufReader::new(stream),
            sent: VecDeque::new(),
            begun: Vec::new(),
            octets: 0,
            tally: Tally::default(),
        };
        match deposit.answer()? {
            Answer::Ready => Ok(deposit),
            Answer::Failed(why) => Err(Failure::Usage(why)),
            Answer::Filed(_) => Err(Failure::failed("the server answers out of turn")),
        }
    }

    /// Ends; what was answered is kept.
    pub fn close(self) {
        if let Server::Stopped(stopped) = self {
            stopped.opened.store.close();
        }
    }
}

impl Stopped {
    /// Does here what the running server does at the other end of its socket.
    fn serve(&self, load: &Load) -> Result<UnixStream, Failure> {
        let (ours, theirs) = UnixStream::pair().map_err(Failure::failed)?;
        theirs.set_nonblocking(true).map_err(Failure::failed)?;
        let (context, load) = (self.context.clone(), load.clone());
        let _entered = self.runtime.enter();
        let theirs = tokio::net::UnixStream::from_std(theirs).map_err(Failure::failed)?;
        self.runtime.spawn(async move {
            let (reader, mut writer) = theirs.into_split();
            let mut reader = tokio::io::BufReader::new(reader);
            // The other end notices what goes wrong.
            let _ = load::serve(&mut reader, &mut writer, &context, &load).await;
        });
        Ok(ours)
    }
}

/// There is no node to change.
struct NoNode;

impl admin::Node for NoNode {
    fn reconcile(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn has_address(&self, address: std::net::IpAddr) -> bool {
        server::listen::has_address(address)
    }

    fn now(&self) -> i64 {
        server::system_clock().seconds
    }
}

/// A mailbox that takes messages.
pub struct Deposit {
    writer: io::BufWriter<UnixStream>,
    reader: BufReader<UnixStream>,
    /// What the messages are called of each commit that is not answered yet.
    sent: VecDeque<Vec<String>>,
    /// And of those behind the last commit.
    begun: Vec<String>,
    octets: u64,
    tally: Tally,
}

impl Deposit {
    /// Gives a message; `name` is what it is called where it could not be filed. Returns its octets, or why it could not
    /// be read to its end, in which case it is not filed.
    pub fn put(&mut self, name: &str, head: Head, mut octets: impl Read) -> Result<io::Result<u64>, Failure> {
        let mut piece = vec![0; PIECE];
        self.write(&line(&Frame::Message(head)).map_err(Failure::failed)?)?;
        let mut all = 0;
        loop {
            let read = match octets.read(&mut piece) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.write(&ABANDONED.to_be_bytes())?;
                    return Ok(Err(error));
                }
            };
            let length = u32::try_from(read).map_err(Failure::failed)?;
            self.write(&length.to_be_bytes())?;
            self.write(piece.get(..read).unwrap_or_default())?;
            if read == 0 {
                break;
            }
            all += read as u64;
        }
        self.begun.push(name.to_owned());
        self.octets += all;
        if self.begun.len() >= MESSAGES || self.octets >= OCTETS {
            self.commit()?;
        }
        Ok(Ok(all))
    }

    /// All messages were given: what became of them.
    pub fn finish(mut self) -> Result<Tally, Failure> {
        self.commit()?;
        while !self.sent.is_empty() {
            self.settle()?;
        }
        Ok(self.tally)
    }

    /// While one batch is filed, the next one is sent.
    fn commit(&mut self) -> Result<(), Failure> {
        if self.begun.is_empty() {
            return Ok(());
        }
        self.write(&line(&Frame::Commit).map_err(Failure::failed)?)?;
        self.writer.flush().map_err(|error| lost(&error))?;
        self.sent.push_back(std::mem::take(&mut self.begun));
        self.octets = 0;
        if self.sent.len() > 1 { self.settle() } else { Ok(()) }
    }

    fn settle(&mut self) -> Result<(), Failure> {
        let names = self.sent.pop_front().unwrap_or_default();
        match self.answer()? {
            Answer::Filed(outcomes) if outcomes.len() == names.len() => {
                for (name, outcome) in names.into_iter().zip(outcomes) {
                    match outcome {
                        Outcome::Stored => self.tally.stored += 1,
                        Outcome::Present => self.tally.present += 1,
                        Outcome::Refused(why) => self.tally.refused.push(format!("{name}: {why}")),
                    }
                }
                Ok(())
            }
            Answer::Failed(why) => Err(Failure::Failed(format!(
                "the server could not go on: {why}. Give the same command again when that is mended: what is there is not \
                 filed twice"
            ))),
            _ => Err(Failure::failed("the server answers out of turn")),
        }
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Failure> {
        self.writer.write_all(octets).map_err(|error| lost(&error))
    }

    fn answer(&mut self) -> Result<Answer, Failure> {
        let mut line = String::new();
        let octets = self.reader.read_line(&mut line).map_err(|error| lost(&error))?;
        if octets == 0 {
            return Err(lost(&io::ErrorKind::UnexpectedEof.into()));
        }
        serde_json::from_str(&line).map_err(Failure::failed)
    }
}

fn lost(error: &io::Error) -> Failure {
    Failure::Failed(format!(
        "the connection to the server is lost: {error}. Give the same command again when it runs: what is there is not filed \
         twice"
    ))
}

/// Where messages come from, for the audit log.
pub fn named(path: &Path) -> String {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
