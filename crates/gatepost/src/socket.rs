//! The admin socket: runs shells for the owner of the data directory, and the conversation of shells from afar.
//!
//! Who may open the socket file may administer the node, so it is for its owner only from the first moment on. A file
//! left behind by a crash is replaced: the store's lock has already made sure that no other server uses the directory.

use crate::failure::Failure;
use crate::load;
use crate::protocol::{MAX_LINE, Reply, Request, line};
use admin::{BoxFuture, Channel, Gone, Outcome, Output, Question, Shell, Terminal};
use serde::Serialize;
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, split};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

/// Longest path that fits into a socket address everywhere.
const MAX_PATH: usize = 100;

/// A socket's path as the system takes it: one that is too long is reached through its directory's descriptor, which
/// must stay open meanwhile.
pub struct ShortPath {
    path: PathBuf,
    _dir: Option<fs::File>,
}

impl ShortPath {
    /// For this socket file.
    pub fn new(path: &Path) -> io::Result<ShortPath> {
        if path.as_os_str().len() <= MAX_PATH {
            return Ok(ShortPath { path: path.to_owned(), _dir: None });
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let dir = fs::File::open(parent)?;
        let name = path.file_name().unwrap_or_default();
        let short = Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string()).join(name);
        Ok(ShortPath { path: short, _dir: Some(dir) })
    }

    /// The path to use.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens the socket.
pub fn listen(path: &Path) -> Result<UnixListener, Failure> {
    // Bound in a directory that only its owner may enter, and moved out when its rights are set: a socket is made with
    // the rights of the umask, and nobody must reach it with others.
    let private = path.with_extension("new");
    let bind = || {
        let new = private.join("sock");
        // Left behind by a crash; an earlier version made the socket itself there.
        absent(fs::remove_file(&new))?;
        absent(fs::remove_dir(&private).or_else(|_| fs::remove_file(&private)))?;
        fs::DirBuilder::new().mode(0o700).create(&private)?;
        let short = ShortPath::new(&new)?;
        let listener = UnixListener::bind(short.path())?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
        fs::rename(&new, path)?;
        fs::remove_dir(&private)?;
        Ok(listener)
    };
    bind().map_err(|error| Failure::file(path, &error))
}

/// Nothing to remove is no failure.
fn absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(())
        }
        other => other,
    }
}

/// How long is looked for what could stand at the prompt.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Serves shells for ever.
pub async fn serve(listener: UnixListener, context: admin::Context) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let context = admin::Context { caller: caller(&stream), ..context.clone() };
                tokio::spawn(async move {
                    converse(stream, context).await;
                });
            }
            Err(error) => {
                tracing::error!(%error, "the admin socket cannot accept connections for now");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
    }
}

/// Serves one shell, wherever its client is.
pub async fn converse(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, context: admin::Context) {
    if let Err(error) = Client::new(io).converse(context).await {
        tracing::debug!(%error, "an admin shell ended early");
    }
}

fn caller(stream: &UnixStream) -> String {
    match stream.peer_cred() {
        Ok(peer) => format!("local administrator (uid {})", peer.uid()),
        Err(_) => "local administrator".to_owned(),
    }
}

/// What comes from a client.
struct Requests {
    reader: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
}

impl Requests {
    /// The next request; `None` at the client's end. Nothing is lost when the future is dropped.
    async fn next(&mut self) -> io::Result<Option<Request>> {
        let room = MAX_LINE.saturating_sub(self.begun.len()) as u64;
        (&mut self.reader).take(room).read_until(b'\n', &mut self.begun).await?;
        let line = std::mem::take(&mut self.begun);
        if line.is_empty() {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&line)?))
    }

    /// Takes what comes while a text runs, until it is to end.
    async fn attend(&mut self, answers: mpsc::Sender<String>) -> io::Result<End> {
        loop {
            match self.next().await? {
                None => return Ok(End::Gone),
                Some(Request::Stop) => return Ok(End::Stopped),
                // One that nobody waits for has come too late.
                Some(Request::Answer(answer)) => drop(answers.try_send(answer)),
                Some(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }
}

/// Why a text ends before its end.
enum End {
    /// It was told to.
    Stopped,
    /// The client is gone.
    Gone,
}

/// What goes to a client.
struct Replies {
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// Lines, or the rest of them. What is stopped in the middle of a line leaves it here, so that the next one does not
    /// begin within it.
    unsent: VecDeque<u8>,
}

impl Replies {
    async fn send(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.unsent.extend(line(value)?);
        while !self.unsent.is_empty() {
            self.writer.write_buf(&mut self.unsent).await?;
        }
        // TLS may hold octets back.
        self.writer.flush().await
    }
}

struct Client {
    requests: Requests,
    replies: Replies,
}

impl Client {
    fn new(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Client {
        let (reader, writer) = split(io);
        Client {
            requests: Requests { reader: BufReader::new(Box::new(reader)), begun: Vec::new() },
            replies: Replies { writer: Box::new(writer), unsent: VecDeque::new() },
        }
    }

    async fn converse(mut self, context: admin::Context) -> io::Result<()> {
        let Some(Request::Hello(terminal)) = self.requests.next().await? else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut shell = Shell::new(context.clone(), terminal);
        while let Some(request) = self.requests.next().await? {
            match request {
                Request::Run(text) => {
                    let Some(outcome) = self.run(&mut shell, &text).await? else { return Ok(()) };
                    self.replies.send(&Reply::Exit(outcome)).await?;
                }
                Request::Complete(text) => {
                    // Whoever types does not wait for long.
                    let found = tokio::time::timeout(PATIENCE, shell.complete(&text)).await;
                    self.replies.send(&Reply::Completions(found.unwrap_or_default())).await?;
                }
                Request::Resize(width) => shell.resize(width),
                // They are for a text that has just ended.
                Request::Answer(_) | Request::Stop => {}
                Request::Load(load) => {
                    let (reader, writer) = (&mut self.requests.reader, &mut self.replies.writer);
                    return load::serve(reader, writer, &context, &load).await;
                }
                Request::Hello(Terminal { .. }) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        Ok(())
    }

    /// Runs a text, as long as somebody waits for it; `None` where nobody does.
    async fn run(&mut self, shell: &mut Shell, text: &str) -> io::Result<Option<Outcome>> {
        let (sender, answers) = mpsc::channel(1);
        let mut talk = Talk { replies: &mut self.replies, answers };
        tokio::select! {
            biased;
            end = self.requests.attend(sender) => Ok(match end? {
                End::Stopped => Some(Outcome::Failed),
                End::Gone => None,
            }),
            outcome = shell.run(text, &mut talk) => Ok(Some(outcome)),
        }
    }
}

/// What a running text has of the client.
struct Talk<'c> {
    replies: &'c mut Replies,
    answers: mpsc::Receiver<String>,
}

impl Output for Talk<'_> {
    fn text<'a>(&'a mut self, channel: Channel, text: &'a str) -> BoxFuture<'a, Result<(), Gone>> {
        Box::pin(
            async move { self.replies.send(&Reply::Text(channel, text.to_owned())).await.map_err(|_| Gone) },
        )
    }

    fn ask<'a>(&'a mut self, question: &'a Question) -> BoxFuture<'a, Result<String, Gone>> {
        Box::pin(async move {
            while self.answers.try_recv().is_ok() {}
            self.replies.send(&Reply::Ask(question.clone())).await.map_err(|_| Gone)?;
            self.answers.recv().await.ok_or(Gone)
        })
    }
}
