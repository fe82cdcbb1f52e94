//! Threads that read the index and the segments, each with a connection of its own.
//!
//! A job runs from beginning to end on one thread and waits for no client; so no read transaction outlives a job.

use crate::Error;
use crate::sql::Db;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Something to be done on a connection that reads.
pub(crate) type ReadJob = Box<dyn FnOnce(Db<'_>) + Send>;

#[derive(Default)]
struct Queue {
    jobs: Mutex<(VecDeque<ReadJob>, Ended)>,
    wake: Condvar,
}

#[derive(Default, PartialEq)]
enum Ended {
    #[default]
    No,
    Yes,
}

/// The threads.
pub(crate) struct Readers {
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    /// Starts a thread for each connection.
    pub(crate) fn start(name: &str, connections: Vec<Connection>) -> Result<Readers, Error> {
        let queue = Arc::<Queue>::default();
        let start = |connection| {
            let queue = Arc::clone(&queue);
            let work = move || while queue.run_one(&connection) {};
            std::thread::Builder::new()
                .name(name.into())
                .spawn(work)
                .map_err(crate::sql::io("starting a thread"))
        };
        let threads = connections.into_iter().map(start).collect::<Result<_, _>>()?;
        Ok(Readers { queue, threads: Mutex::new(threads) })
    }

    /// Hands a job to the next thread that is free.
    pub(crate) fn send(&self, job: ReadJob) -> Result<(), Error> {
        let mut jobs = self.queue.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.1 == Ended::Yes {
            return Err(Error::Closed);
        }
        jobs.0.push_back(job);
        drop(jobs);
        self.queue.wake.notify_one();
        Ok(())
    }

    /// Finishes what was sent and ends the threads.
    pub(crate) fn end(&self) {
        self.queue.jobs.lock().unwrap_or_else(PoisonError::into_inner).1 = Ended::Yes;
        self.queue.wake.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join(); // a panic was reported where it happened
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.end(); // does nothing where they have ended
    }
}

impl Queue {
    /// Waits for a job and runs it; false once there are none and none will come.
    fn run_one(&self, connection: &Connection) -> bool {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        while jobs.0.is_empty() && jobs.1 == Ended::No {
            jobs = self.wake.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(job) = jobs.0.pop_front() else { return false };
        drop(jobs);
        // A bug in one job must not take the thread away from all others; its caller hears that the answer was lost.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(Db(connection))));
        true
    }
}
