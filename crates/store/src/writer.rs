//! The one thread that writes: it takes all jobs that wait, appends their octets and syncs them, runs the jobs in one
//! transaction of the index, commits once, and only then answers. Small messages are part of the transaction, so that
//! a group with no others has nothing to append and one sync.
//!
//! A job that is refused is undone alone (a savepoint). A failure of the machine fails the whole group: nothing of it
//! is kept, and the thread goes on, so that a full disk heals without a restart.

use crate::Error;
use crate::bodies::{put, waste};
use crate::readers::ReadJob;
use crate::reserve::Reserve;
use crate::segments::{Appender, Octets, Place};
use crate::sql::{Db, int};
use crate::tx::{Counters, Tx};
use crate::views::{Effect, Views};
use journal::{Journal, Source, event};
use mail::BlobId;
use rusqlite::{Connection, params};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

/// Jobs in one commit, and octets they bring. More wait for the next one, so that answers do not.
const GROUP_JOBS: usize = 1_024;
const GROUP_OCTETS: u64 = 64 << 20;

/// A message's octets that a job brings.
pub(crate) struct Incoming {
    pub(crate) octets: Octets,
    pub(crate) length: u32,
    pub(crate) checksum: u64,
    /// The blob whose octets are moved; new ones get a new number.
    pub(crate) blob: Option<BlobId>,
}

/// Where a job's octets were put.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) blob: BlobId,
    pub(crate) place: Place,
    /// Octets that are still to be put: small ones go into the index, in the job's transaction.
    small: Option<Octets>,
}

/// Tells a job's caller; `Err` is what the whole group failed of.
type Reply = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// What a job did: whether the store agreed, and how to say so.
pub(crate) struct Done {
    pub(crate) refused: Option<Error>,
    pub(crate) reply: Reply,
}

type Run = Box<dyn FnOnce(Option<(&mut Tx<'_>, &[Stored])>) -> Done + Send>;

/// Something to be written. `run` is called once: with the transaction, or with `None` where it cannot even begin.
pub(crate) struct Job {
    pub(crate) bodies: Vec<Incoming>,
    pub(crate) run: Run,
}

/// What the writer is sent.
pub(crate) enum Command {
    Write(Job),
    /// A read of a store in memory, which has no other connection.
    Read(ReadJob),
    Close,
}

/// What the writer shares with the checkpoint thread.
#[derive(Default)]
pub(crate) struct Gate {
    /// Held while a transaction is open.
    pub(crate) commit: Mutex<()>,
    /// Commits so far.
    pub(crate) commits: AtomicU64,
}

/// All that the writing thread owns.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) appender: Appender,
    /// Messages of up to so many octets go into the index.
    pub(crate) small: u32,
    pub(crate) counters: Counters,
    /// The counters as the index has them.
    pub(crate) saved: Counters,
    pub(crate) reserve: Reserve,
    pub(crate) views: Arc<Views>,
    pub(crate) gate: Arc<Gate>,
    /// Wakes the checkpoint thread after a commit, and ends it when the writer ends.
    pub(crate) wake: Option<Sender<()>>,
    pub(crate) journal: Arc<Journal>,
}

/// A job whose octets are in the segment.
struct Placed {
    run: Run,
    stored: Vec<Stored>,
}

impl Writer {
    /// Works until told to close, or until nobody can send any more.
    pub(crate) fn work(mut self, commands: &Receiver<Command>) {
        while let Ok(command) = commands.recv() {
            let mut group = Vec::new();
            let mut octets = 0;
            let mut next = Some(command);
            let mut closing = false;
            while let Some(command) = next.take() {
                match command {
                    Command::Write(job) => {
                        octets += job.bodies.iter().map(|body| u64::from(body.length)).sum::<u64>();
                        group.push(job);
                    }
                    Command::Read(job) => {
                        self.commit_group(std::mem::take(&mut group));
                        job(Db(&self.connection));
                    }
                    Command::Close => closing = true,
                }
                if !closing && group.len() < GROUP_JOBS && octets < GROUP_OCTETS {
                    next = commands.try_recv().ok();
                }
            }
            self.commit_group(group);
            if closing {
                return;
            }
        }
    }

    fn commit_group(&mut self, group: Vec<Job>) {
        if group.is_empty() {
            return;
        }
        let jobs = match self.append(group) {
            Ok(jobs) => jobs,
            Err((error, jobs)) => {
                // Jobs that bring no octets are not concerned.
                self.appender.forget();
                if matches!(error, Error::Full) {
                    self.reserve.give_up();
                }
                let (failed, rest): (Vec<Job>, Vec<Job>) =
                    jobs.into_iter().partition(|job| !job.bodies.is_empty());
                report(&self.journal, &error);
                for job in failed {
                    ((job.run)(None).reply)(Err(error.clone()));
                }
                rest.into_iter().map(|job| Placed { run: job.run, stored: Vec::new() }).collect()
            }
        };
        if !jobs.is_empty() {
            self.transact(jobs);
        }
    }

    /// Puts the octets of all jobs into the segment, but for small ones, and syncs it.
    fn append(&mut self, group: Vec<Job>) -> Result<Vec<Placed>, (Error, Vec<Job>)> {
        let mut stored = Vec::with_capacity(group.len());
        // Octets that are only moved make room in the end.
        let grows = group.iter().flat_map(|job| &job.bodies).any(|body| body.blob.is_none());
        if grows && let Err(error) = self.reserve.take() {
            return Err((error, group));
        }
        for job in &group {
            match self.append_job(job) {
                Ok(places) => stored.push(places),
                Err(error) => return Err((error, group)),
            }
        }
        if let Err(error) = self.appender.sync() {
            return Err((error, group));
        }
        Ok(group.into_iter().zip(stored).map(|(job, stored)| Placed { run: job.run, stored }).collect())
    }

    fn append_job(&mut self, job: &Job) -> Result<Vec<Stored>, Error> {
        let mut stored = Vec::with_capacity(job.bodies.len());
        for body in &job.bodies {
            let blob = body.blob.unwrap_or_else(|| BlobId(Counters::take(&mut self.counters.blob)));
            let new = body.blob.is_none();
            let Incoming { octets, length, checksum, .. } = body;
            stored.push(match octets {
                Octets::Memory(_) if new && *length <= self.small => {
                    Stored { blob, place: Place::index(*length, *checksum), small: Some(octets.clone()) }
                }
                _ => Stored {
                    blob,
                    place: self.appender.append(blob, octets, *length, *checksum)?,
                    small: None,
                },
            });
        }
        Ok(stored)
    }

    /// Runs the jobs in one transaction, commits it, and answers.
    fn transact(&mut self, jobs: Vec<Placed>) {
        let gate = Arc::clone(&self.gate);
        let open = gate.commit.lock().unwrap_or_else(PoisonError::into_inner);
        let mut jobs = jobs.into_iter();
        let mut replies = Vec::new();
        let mut effects = Vec::new();
        let prepared = self.run_jobs(&mut jobs, &mut replies, &mut effects);
        let result = self.commit(prepared);
        drop(open);
        if let Err(error) = &result {
            report(&self.journal, error);
        }
        if matches!(result, Err(Error::Full)) {
            self.reserve.give_up();
        }
        if let Some(wake) = &self.wake {
            let _ = wake.send(()); // it has ended only if the store is closing
        }
        if result.is_ok() {
            self.views.publish(effects);
        }
        replies.extend(jobs.map(|job| (job.run)(None).reply)); // those that were not reached
        for reply in replies {
            reply(result.clone());
        }
    }

    fn run_jobs(
        &mut self,
        jobs: &mut impl Iterator<Item = Placed>,
        replies: &mut Vec<Reply>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Error> {
        let db = Db(&self.connection);
        db.run("BEGIN IMMEDIATE", [])?;
        self.note_end(db)?;
        for Placed { run, stored } in jobs {
            let seen = effects.len();
            let refused = match begin_job(db, &stored) {
                Ok(()) => {
                    let mut tx = Tx { db, counters: &mut self.counters, effects, now: now() };
                    // A bug in one job must not end the thread: it is undone, and its caller hears that the answer was lost.
                    match catch_unwind(AssertUnwindSafe(|| run(Some((&mut tx, &stored))))) {
                        Ok(done) => {
                            replies.push(done.reply);
                            done.refused
                        }
                        Err(_) => Some(Error::Closed),
                    }
                }
                Err(error) => {
                    replies.push(run(None).reply);
                    Some(error)
                }
            };
            if let Some(error) = refused {
                effects.truncate(seen);
                self.undo(db, error, &stored)?;
            }
            db.run("RELEASE job", [])?;
        }
        if self.counters != self.saved {
            self.counters.save(db)?;
        }
        Ok(())
    }

    /// Commits what was prepared, or undoes it.
    fn commit(&mut self, prepared: Result<(), Error>) -> Result<(), Error> {
        let db = Db(&self.connection);
        let begun = prepared.is_ok();
        let result = prepared.and_then(|()| db.run("COMMIT", []));
        if result.is_ok() {
            self.appender.keep();
            self.saved = self.counters.clone();
            self.gate.commits.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        if !self.connection.is_autocommit() {
            let _ = db.run("ROLLBACK", []); // what cannot be undone now is at the next start
        }
        match &result {
            // A log that could not be synced may all the same reach the disk before the power fails, and its rows with
            // it. Then their octets must be there too.
            Err(error) if begun && !matches!(error, Error::Full) => self.appender.skip(),
            _ => self.appender.forget(),
        }
        result.map(drop)
    }

    /// Undoes one job; its octets are garbage. A failure of the machine is passed on, for it concerns all.
    fn undo(&self, db: Db<'_>, error: Error, stored: &[Stored]) -> Result<(), Error> {
        if self.connection.is_autocommit()
            || matches!(error, Error::Full | Error::Denied(_) | Error::ReadOnly(_) | Error::Io(_))
        {
            return Err(error);
        }
        db.run("ROLLBACK TO job", [])?;
        stored.iter().try_for_each(|Stored { blob, place, .. }| waste(db, *blob, place))
    }

    /// Says in the index how far the segment reaches, if it has grown.
    fn note_end(&self, db: Db<'_>) -> Result<(), Error> {
        let (segment, end) = self.appender.end();
        if self.appender.has_grown() {
            let sql = "INSERT INTO segments(id, end, dead) VALUES (?1, ?2, ?3) \
                       ON CONFLICT(id) DO UPDATE SET end = ?2, dead = dead + ?3";
            db.run(sql, params![segment, int(end), int(self.appender.skipped())])?;
        }
        Ok(())
    }
}

/// Opens the savepoint that a job can be undone to, and puts its small messages into the index.
fn begin_job(db: Db<'_>, stored: &[Stored]) -> Result<(), Error> {
    db.run("SAVEPOINT job", [])?;
    let mut small = stored.iter().filter_map(|stored| Some((stored.blob, stored.small.as_ref()?)));
    small.try_for_each(|(blob, octets)| put(db, blob, octets))
}

/// A failure of the machine concerns more than the calls that are told of it.
fn report(journal: &Journal, error: &Error) {
    let kind = match error {
        Error::Full => &event::DISK_FULL,
        Error::Damaged(_) => &event::STORE_DAMAGED,
        _ => &event::STORE_FAILED,
    };
    let message = format!("A commit failed, and nothing of it was kept: {error}.");
    journal.write(kind, Source::Gatepost, &message);
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
