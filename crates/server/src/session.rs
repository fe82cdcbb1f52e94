//! The session loop: moves octets and time between a connection and any protocol's machine.
//!
//! It knows no protocol. What the machine writes is collected and sent before waiting; octets of stored messages go from
//! the store to the connection without passing through the machine; what the machine asks for, the protocol's [`Serve`]
//! does. A waiting session keeps no buffers.

use crate::protocol_log::SessionLog;
use crate::stream::Stream;
use crate::tls::Tls;
use crate::{Context, Serve};
use directory::Mailbox;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Instant;
use store::Reading;
use tokio::sync::watch;
use tokio::time::sleep_until;
use wire::{Copy, Event, Machine, Shape, Step, Stuffer, TlsInfo, Wait, char8};

/// Collected output is sent when there is this much of it.
const HIGH_WATER: usize = 32 * 1024;
/// Octets read from the store at a time.
const CHUNK: u32 = 64 * 1024;

/// Why a session ended early. A session that the machine closed ended well.
#[derive(Debug)]
pub enum Broken {
    /// The connection failed, or the client did not read.
    Connection(io::Error),
    /// TLS was not established.
    Handshake(io::Error),
    /// The service stopped before TLS was established.
    Stopping,
    /// The user may not stay, and was in the middle of a command.
    Expelled,
    /// The octets of a message could not be read while they were being sent.
    Store(store::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::Connection(error)
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Broken::Connection(error) => write!(f, "the connection broke: {error}"),
            Broken::Handshake(error) => write!(f, "no TLS: {error}"),
            Broken::Stopping => f.write_str("the service is stopping, and there is no TLS to say so"),
            Broken::Expelled => f.write_str("the user may not stay"),
            Broken::Store(error) => write!(f, "a message could not be read: {error}"),
        }
    }
}

/// Drives one session to its end. `stopping` turns true when the service is told to stop.
pub async fn run<S: Serve>(
    stream: Stream,
    machine: S::Machine,
    serve: S,
    context: Arc<Context>,
    tls: Tls,
    stopping: watch::Receiver<bool>,
    log: SessionLog,
) -> Result<(), Broken> {
    let directory = context.directory.changed();
    let mut driver = Driver {
        stream,
        machine,
        serve,
        context,
        tls,
        directory,
        stopping,
        log,
        told: false,
        ended: false,
        out: Vec::new(),
    };
    let result = loop {
        match driver.step().await {
            Ok(Next::Again) => {}
            Ok(Next::Close) => break Ok(()),
            Err(broken) => break Err(broken),
        }
    };
    // What the session holds, a maildrop say, is free before the client's end is waited for.
    let Driver { stream, serve, .. } = driver;
    drop(serve);
    match &result {
        Ok(()) => stream.close().await,
        Err(Broken::Store(_) | Broken::Expelled) => stream.reset(),
        Err(_) => {}
    }
    result
}

struct Driver<S: Serve> {
    stream: Stream,
    machine: S::Machine,
    serve: S,
    context: Arc<Context>,
    tls: Tls,
    /// Wakes with every change of the directory.
    directory: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    log: SessionLog,
    /// The machine knows that the service is stopping, or that its user must go.
    told: bool,
    /// The client's end was seen.
    ended: bool,
    /// What is to be sent.
    out: Vec<u8>,
}

#[derive(PartialEq, Eq)]
enum Next {
    Again,
    Close,
}

enum Happened {
    Stopping,
    Expelled,
    Read(io::Result<usize>),
    Changed,
    Time,
}

impl<S: Serve> Driver<S> {
    async fn step(&mut self) -> Result<Next, Broken> {
        let step = self.machine.next(Instant::now());
        if matches!(step, Step::Ask(_) | Step::Copy(_)) {
            self.may_go_on()?;
        }
        match step {
            Step::Write(octets) => self.write(octets).await?,
            Step::Copy(copy) if self.copy_at_hand(&copy) => {}
            // Boxed, as is all that a waiting session does not need: its future is as large as its largest part.
            Step::Copy(copy) => Box::pin(self.copy(copy)).await?,
            Step::Ask(ask) => {
                let answer = Box::pin(self.ask(ask)).await?;
                self.machine.answer(answer);
            }
            Step::Wait(wait) => {
                self.flush().await?;
                self.wait(wait).await?;
            }
            Step::StartTls => {
                self.flush().await?;
                Box::pin(self.start_tls()).await?;
            }
            Step::Close => {
                self.flush().await?;
                return Ok(Next::Close);
            }
        }
        Ok(Next::Again)
    }

    /// Who may not stay gets nothing more, and nothing more is done for him: a session that never waits would hear of
    /// it only when all it asked for is done.
    fn may_go_on(&mut self) -> Result<(), Broken> {
        if self.told || !self.directory.has_changed().unwrap_or(false) {
            return Ok(());
        }
        self.directory.mark_unchanged();
        match self.serve.user() {
            Some(user) if !may_stay(&self.context, user) => Err(Broken::Expelled),
            _ => Ok(()),
        }
    }

    async fn ask(
        &mut self,
        ask: <S::Machine as Machine>::Ask,
    ) -> Result<<S::Machine as Machine>::Answer, Broken> {
        if !S::may_drop(&ask) {
            return Ok(self.serve.serve(ask).await);
        }
        tokio::select! {
            biased;
            answer = self.serve.serve(ask) => Ok(answer),
            () = self.stream.gone() => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }

    async fn write(&mut self, octets: Vec<u8>) -> Result<(), Broken> {
        self.log.sent(&octets);
        if self.out.is_empty() {
            self.out = octets;
        } else {
            self.out.extend_from_slice(&octets);
        }
        if self.out.len() >= HIGH_WATER { self.send().await } else { Ok(()) }
    }

    /// Hands what is collected to the connection, and gives its memory back.
    async fn send(&mut self) -> Result<(), Broken> {
        if !self.out.is_empty() {
            let out = std::mem::take(&mut self.out);
            self.stream.write(&out).await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        self.send().await?;
        Ok(self.stream.flush().await?)
    }

    /// Collects the octets of a small message that the store has handed out with its body.
    fn copy_at_hand(&mut self, copy: &Copy) -> bool {
        let Some(octets) = at_hand(copy).filter(|octets| self.out.len() + octets.len() < HIGH_WATER) else {
            return false;
        };
        match copy.shape {
            Shape::Char8 => self.out.extend_from_slice(&char8(octets)),
            Shape::Dotted(lines) => {
                let mut stuffer = Stuffer::new(lines);
                stuffer.push(octets, &mut self.out);
                stuffer.finish(&mut self.out);
            }
        }
        true
    }

    async fn copy(&mut self, copy: Copy) -> Result<(), Broken> {
        match copy.shape {
            Shape::Char8 => self.copy_char8(&copy).await,
            Shape::Dotted(lines) => self.copy_dotted(&copy, Stuffer::new(lines)).await,
        }
    }

    async fn copy_char8(&mut self, copy: &Copy) -> Result<(), Broken> {
        self.send().await?;
        if let Some(octets) = at_hand(copy) {
            return Ok(self.stream.write(&char8(octets)).await?);
        }
        let mut source = Source::new(copy);
        while let Some(octets) = source.next(&self.context).await? {
            self.stream.write(&char8(&octets)).await?;
            self.may_go_on()?;
        }
        Ok(())
    }

    async fn copy_dotted(&mut self, copy: &Copy, mut stuffer: Stuffer) -> Result<(), Broken> {
        let mut source = Source::new(copy);
        while !stuffer.is_done()
            && let Some(octets) = source.next(&self.context).await?
        {
            stuffer.push(&octets, &mut self.out);
            if self.out.len() >= HIGH_WATER {
                self.send().await?;
                self.may_go_on()?;
            }
        }
        stuffer.finish(&mut self.out);
        Ok(())
    }

    async fn wait(&mut self, wait: Wait) -> Result<(), Broken> {
        let happened = {
            let user = self.serve.user().cloned();
            let (stream, machine, log) = (&mut self.stream, &mut self.machine, &mut self.log);
            let feed = |octets: &[u8]| {
                log.received(octets);
                machine.feed(Event::Bytes(octets), Instant::now());
            };
            tokio::select! {
                biased;
                () = stopped(&mut self.stopping), if !self.told => Happened::Stopping,
                () = expelled(&mut self.directory, &self.context, user), if !self.told => Happened::Expelled,
                read = stream.read(feed) => Happened::Read(read),
                () = changed(&mut self.serve), if wait.changes => Happened::Changed,
                () = sleep_until(wait.until.into()) => Happened::Time,
            }
        };
        let event = match happened {
            Happened::Read(Ok(0)) => self.end()?,
            Happened::Read(Ok(_)) => return Ok(()),
            // rustls reports a missing close_notify so; most mail programs leave without one.
            Happened::Read(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => self.end()?,
            Happened::Read(Err(error)) => return Err(error.into()),
            Happened::Changed => Event::Changed,
            Happened::Time => Event::Time,
            Happened::Stopping => {
                self.told = true;
                Event::Shutdown
            }
            Happened::Expelled => {
                self.told = true;
                Event::Expelled
            }
        };
        self.machine.feed(event, Instant::now());
        Ok(())
    }

    /// The client's end, once: a machine that waits on nevertheless would wait for nobody.
    fn end(&mut self) -> Result<Event<'static>, Broken> {
        if std::mem::replace(&mut self.ended, true) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(Event::Closed)
    }

    async fn start_tls(&mut self) -> Result<(), Broken> {
        let info = start_tls(&mut self.stream, &self.tls, &mut self.stopping).await?;
        self.log.information(&info.version);
        self.serve.tls_started(&info);
        self.machine.feed(Event::TlsStarted(info), Instant::now());
        Ok(())
    }
}

fn at_hand(copy: &Copy) -> Option<&[u8]> {
    let (start, end) = (copy.start as usize, copy.start as usize + copy.len as usize);
    copy.body.octets.as_ref()?.get(start..end)
}

/// Octets that are being copied.
struct Source {
    blob: mail::BlobId,
    reading: Reading,
    left: u32,
}

impl Source {
    fn new(copy: &Copy) -> Source {
        let reading = Reading::new(copy.body.clone(), copy.start);
        Source { blob: copy.body.blob, reading, left: copy.len }
    }

    /// The next ones.
    async fn next(&mut self, context: &Context) -> Result<Option<bytes::Bytes>, Broken> {
        if self.left == 0 {
            return Ok(None);
        }
        let len = self.left.min(CHUNK);
        let octets = context.store.read_next(&mut self.reading, len).await.map_err(Broken::Store)?;
        if octets.is_empty() {
            // The length was promised to the client already: only closing the connection can tell it the truth.
            return Err(Broken::Store(store::Error::Damaged(format!("blob {} ends early", self.blob))));
        }
        self.left -= octets.len() as u32;
        Ok(Some(octets))
    }
}

/// Begins TLS as the server, unless the service stops first: a client who says nothing must not hold it up.
pub(crate) async fn start_tls(
    stream: &mut Stream,
    tls: &Tls,
    stopping: &mut watch::Receiver<bool>,
) -> Result<TlsInfo, Broken> {
    tokio::select! {
        biased;
        () = stopped(stopping) => Err(Broken::Stopping),
        info = stream.start_tls(tls) => info.map_err(Broken::Handshake),
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Wakes when the user who logged in must go.
async fn expelled(directory: &mut watch::Receiver<u64>, context: &Context, user: Option<Arc<Mailbox>>) {
    if let Some(user) = user {
        while directory.changed().await.is_ok() {
            if !may_stay(context, &user) {
                return;
            }
        }
    }
    pending().await
}

fn may_stay(context: &Context, user: &Mailbox) -> bool {
    let stays = policy::may_stay(&context.directory.snapshot(), user);
    if let Err(refusal) = &stays {
        tracing::info!(mailbox = user.name, reason = refusal.reason(), "the session is ended");
    }
    stays.is_ok()
}

async fn changed<S: Serve>(serve: &mut S) {
    match serve.changes() {
        // Where the account is gone nothing changes any more; the next call of the store says so.
        Some(changes) => {
            if changes.changed().await.is_err() {
                pending::<()>().await;
            }
        }
        None => pending().await,
    }
}
