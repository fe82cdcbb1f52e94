//! The threads of an open store and what they share, and how calls reach them.
//!
//! A call is a closure that is sent to a thread and a channel on which its result comes back. Nothing here waits in a
//! blocking way but opening and closing.

use crate::bodies::Bodies;
use crate::events::{self, Batch, Lazy};
use crate::readers::Readers;
use crate::reserve::Reserve;
use crate::segments::{Appender, Segments};
use crate::sql::{Db, io};
use crate::staging::Budget;
use crate::tx::{Counters, Tx};
use crate::views::Views;
use crate::writer::{Command, Done, Gate, Incoming, Job, Stored, Writer};
use crate::{Error, Options, checkpoint, files, schema};
use journal::{Journal, Source, event};
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// An open store.
pub(crate) struct Core {
    commands: Sender<Command>,
    /// `None` in memory, where the writer reads too.
    readers: Option<Readers>,
    /// The thread that searches; `None` in memory too.
    searcher: Option<Readers>,
    pub(crate) views: Arc<Views>,
    pub(crate) segments: Arc<Segments>,
    pub(crate) staging: Arc<Budget>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) lazy: Arc<Lazy>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    lock: Mutex<Option<File>>,
    /// The data directory; `None` in memory.
    pub(crate) dir: Option<PathBuf>,
}

impl Core {
    /// Opens a data directory.
    pub(crate) fn open(dir: &Path, options: &Options) -> Result<Core, Error> {
        for path in [dir.to_owned(), dir.join("segments"), dir.join("tmp")] {
            files::private_dir(&path)?;
        }
        let lock = files::lock(dir)?;
        files::writable(dir)?;
        let marked = files::format(dir)?;
        files::whole(dir, marked)?;
        if marked.is_none() && dir.join("index.db").exists() {
            tracing::warn!("FORMAT was missing beside the index; it is written again");
        }
        let writer = schema::open_writer(dir, marked)?;
        if marked != Some(schema::FORMAT) {
            files::mark(dir, schema::FORMAT)?;
            if let Some(parent) = dir.canonicalize().ok().as_deref().and_then(Path::parent) {
                files::sync_dir(parent)?; // the directory itself is a new name
            }
        }
        let segments = Segments::new(Some(dir.join("segments")), options.segment_size);
        let lazy = Lazy::default();
        if let Some(old) = marked.filter(|old| *old < schema::FORMAT) {
            let new = schema::FORMAT;
            let message =
                format!("The data in {} was of format {old} and is of format {new} now.", dir.display());
            lazy.journal.write(&event::UPGRADED, Source::Gatepost, &message);
        }
        remove_leftovers(dir, Db(&writer))?;
        report_short(&segments, Db(&writer), &lazy.journal)?;
        let readers =
            (0..options.readers.max(1)).map(|_| schema::open_reader(dir)).collect::<Result<_, _>>()?;
        let budget = Budget::new(options.staging_memory, Some(dir.join("tmp")));
        let mut core = Core::start(
            writer,
            segments,
            budget,
            Some(Readers::start("store-reader", readers)?),
            options.small,
            Some(dir),
            lazy,
        )?;
        core.searcher = Some(Readers::start("store-search", vec![schema::open_reader(dir)?])?);
        *core.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
        // At last: a start that fails writes the log back and removes it, and must not look like a loss.
        files::begin(dir)?;
        Ok(core)
    }

    /// A store in memory.
    pub(crate) fn in_memory() -> Result<Core, Error> {
        let budget = Budget::new(usize::MAX, None);
        Core::start(
            schema::open_memory()?,
            Segments::new(None, Options::default().segment_size),
            budget,
            None,
            Options::default().small,
            None,
            Lazy::default(),
        )
    }

    fn start(
        connection: Connection,
        segments: Segments,
        budget: Budget,
        readers: Option<Readers>,
        small: u32,
        dir: Option<&Path>,
        lazy: Lazy,
    ) -> Result<Core, Error> {
        let segments = Arc::new(segments);
        let (gate, views) = (Arc::<Gate>::default(), Arc::<Views>::default());
        let counters = Counters::load(Db(&connection))?;
        let appender = Appender::new(Arc::clone(&segments), newest_segment(Db(&connection))?)?;
        let mut threads = Vec::new();
        let mut wake = None;
        if let Some(dir) = dir {
            let (sender, receiver) = channel();
            let (connection, gate) = (schema::open_checkpointer(dir)?, Arc::clone(&gate));
            let dir = dir.to_owned();
            threads.push(thread("store-checkpoint", move || {
                checkpoint::work(&connection, &gate, &receiver);
                if let Err(error) = files::end(&dir) {
                    tracing::warn!(%error, "the store was closed, but looks as if it had not been");
                }
            })?);
            wake = Some(sender);
        }
        let (commands, receiver): (_, Receiver<Command>) = channel();
        let saved = counters.clone();
        let reserve = Reserve::new(dir.map(|dir| dir.join("reserve")));
        let (views_too, gate_too) = (Arc::clone(&views), Arc::clone(&gate));
        let writer = Writer {
            connection,
            appender,
            small,
            counters,
            saved,
            reserve,
            views: views_too,
            gate: gate_too,
            wake,
            journal: Arc::clone(&lazy.journal),
        };
        threads.push(thread("store-writer", move || writer.work(&receiver))?);
        let (lazy, writes) = (Arc::new(lazy), commands.clone());
        let lazy_too = Arc::clone(&lazy);
        threads.push(thread("store-events", move || lazy_too.work(|batch| write_lazily(&writes, batch)))?);
        let (staging, threads, lock) = (Arc::new(budget), Mutex::new(threads), Mutex::default());
        let dir = dir.map(Path::to_owned);
        Ok(Core {
            commands,
            readers,
            searcher: None,
            views,
            segments,
            staging,
            gate,
            lazy,
            threads,
            lock,
            dir,
        })
    }

    /// Runs a job in the next commit; returns when that is durable.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        bodies: Vec<Incoming>,
        job: impl FnOnce(&mut Tx<'_>, &[Stored]) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let receiver = send(&self.commands, bodies, job)?;
        receiver.await.map_err(|_| Error::Closed)?
    }

    /// Runs a job on a thread that reads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(Db<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, receiver) = oneshot::channel();
        self.send_read(Box::new(move |db| {
            let _ = sender.send(job(db)); // a caller that went away wants no answer
        }))?;
        receiver.await.map_err(|_| Error::Closed)?
    }

    /// Runs a job that reads octets of messages on a thread that reads.
    pub(crate) async fn read_bodies<T: Send + 'static>(
        &self,
        job: impl FnOnce(Bodies<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (segments, lazy) = (Arc::clone(&self.segments), Arc::clone(&self.lazy));
        self.read(move |db| job(Bodies { db, segments: &segments, journal: &lazy.journal })).await
    }

    /// The same on the thread that searches.
    pub(crate) async fn search_bodies<T: Send + 'static>(
        &self,
        job: impl FnOnce(Bodies<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let Some(searcher) = &self.searcher else { return self.read_bodies(job).await };
        let (sender, receiver) = oneshot::channel();
        let (segments, lazy) = (Arc::clone(&self.segments), Arc::clone(&self.lazy));
        searcher.send(Box::new(move |db| {
            // A caller that went away wants no answer, and nothing is looked for.
            if !sender.is_closed() {
                let _ = sender.send(job(Bodies { db, segments: &segments, journal: &lazy.journal }));
            }
        }))?;
        receiver.await.map_err(|_| Error::Closed)?
    }

    /// Hands a job to a thread that reads, without waiting for it.
    pub(crate) fn send_read(&self, job: crate::readers::ReadJob) -> Result<(), Error> {
        match &self.readers {
            Some(readers) => readers.send(job),
            None => self.commands.send(Command::Read(job)).map_err(|_| Error::Closed),
        }
    }

    /// Finishes what was begun and ends all threads. The checkpoint thread is the last to close its connection, which
    /// makes SQLite write the log back.
    pub(crate) fn close(&self) {
        for readers in self.readers.iter().chain(&self.searcher) {
            readers.end();
        }
        let mut threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        // It writes what it has, for which it needs the writer.
        self.lazy.journal.close();
        if let Some(events) = threads.pop() {
            let _ = events.join(); // a panic was reported where it happened
        }
        let _ = self.commands.send(Command::Close); // fails if it is closed already
        while let Some(thread) = threads.pop() {
            let _ = thread.join(); // a panic was reported where it happened
        }
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.close();
    }
}

/// Sends a job to the writer; the answer comes when its commit is durable.
fn send<T: Send + 'static>(
    commands: &Sender<Command>,
    bodies: Vec<Incoming>,
    job: impl FnOnce(&mut Tx<'_>, &[Stored]) -> Result<T, Error> + Send + 'static,
) -> Result<oneshot::Receiver<Result<T, Error>>, Error> {
    let (sender, receiver) = oneshot::channel();
    let run = move |tx: Option<(&mut Tx<'_>, &[Stored])>| {
        let result = tx.map_or(Err(Error::Closed), |(tx, stored)| job(tx, stored));
        let refused = result.as_ref().err().cloned();
        let reply = move |group: Result<(), Error>| {
            let _ = sender.send(group.and(result)); // a caller that went away wants no answer
        };
        Done { refused, reply: Box::new(reply) }
    };
    let job = Job { bodies, run: Box::new(run) };
    commands.send(Command::Write(job)).map_err(|_| Error::Closed)?;
    Ok(receiver)
}

/// Writes events and logons, on a thread that may wait.
fn write_lazily(commands: &Sender<Command>, batch: &Batch) -> Result<(), Error> {
    let batch = batch.clone();
    let receiver = send(commands, Vec::new(), move |tx, _| events::save(tx, &batch))?;
    receiver.blocking_recv().map_err(|_| Error::Closed)?
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new().name(name.into()).spawn(work).map_err(io("starting a thread"))
}

/// The segment that is appended to, and its octets.
fn newest_segment(db: Db<'_>) -> Result<Option<(u32, u64)>, Error> {
    let sql = "SELECT id, end FROM segments ORDER BY id DESC LIMIT 1";
    db.first(sql, [], |row| Ok((row.get(0)?, crate::sql::uint(row.get(1)?))))
}

/// Says which segments are not as long as the index knows them; what lies in the rest of them can be read.
fn report_short(segments: &Segments, db: Db<'_>, journal: &Journal) -> Result<(), Error> {
    let known = db.all("SELECT id, end FROM segments", [], |row| {
        Ok((row.get::<_, u32>(0)?, crate::sql::uint(row.get(1)?)))
    })?;
    for (segment, end) in known {
        match segments.length(segment) {
            Ok(length) if length >= end => {}
            Ok(length) => {
                let message =
                    format!("Segment {segment} was cut to {length} of {end} octets: messages are lost.");
                journal.write(&event::STORE_DAMAGED, Source::Gatepost, &message);
            }
            Err(error @ Error::Denied(_)) => return Err(error),
            Err(error) => {
                let message = format!("The messages in segment {segment} cannot be read: {error}.");
                journal.write(&event::STORE_DAMAGED, Source::Gatepost, &message);
            }
        }
    }
    Ok(())
}

/// Removes what a crash left behind: parts of messages that never were complete, and segments that were reclaimed.
/// A segment newer than all in the index is left until others follow it.
fn remove_leftovers(dir: &Path, db: Db<'_>) -> Result<(), Error> {
    let known = db.all("SELECT id FROM segments ORDER BY id", [], |row| row.get::<_, u32>(0))?;
    let newest = known.last().copied().unwrap_or(0);
    let list = |path: &Path| std::fs::read_dir(path).map_err(io(path.display()));
    for entry in list(&dir.join("segments"))?.flatten() {
        let name = entry.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_suffix(".seg")).and_then(|n| n.parse::<u32>().ok());
        if number.is_some_and(|number| number < newest && known.binary_search(&number).is_err()) {
            std::fs::remove_file(entry.path()).map_err(io(entry.path().display()))?;
        }
    }
    for entry in list(&dir.join("tmp"))?.flatten() {
        std::fs::remove_file(entry.path()).map_err(io(entry.path().display()))?;
    }
    Ok(())
}
