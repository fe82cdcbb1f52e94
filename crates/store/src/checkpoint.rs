//! Brings committed pages from the write-ahead log into the database file, on a thread of its own.
//!
//! Checkpoints are passive, so that they wait for nobody and nobody for them. Under unbroken load a passive one never
//! catches up and the log would grow for ever; so once it is long, the rest that came meanwhile is done while the
//! writer is held, which is short, and the writer then begins the log anew.

use crate::Error;
use crate::sql::Db;
use crate::writer::Gate;
use rusqlite::Connection;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};

/// Pages in the log before they are brought over: 16 MiB.
const PENDING: i64 = 2_000;
/// Pages in the log before the writer is held: 64 MiB.
const LONG: i64 = 8_000;

/// How the log stands: pages in it, and pages of these that the database file has.
struct Log {
    pages: i64,
    done: i64,
}

/// Works until the writer is gone.
pub(crate) fn work(connection: &Connection, gate: &Arc<Gate>, wake: &Receiver<()>) {
    while wake.recv().is_ok() {
        while wake.try_recv().is_ok() {}
        if let Err(error) = step(Db(connection), gate) {
            // The log keeps everything; the next commit tries again.
            tracing::warn!(%error, "the index's log could not be written back");
        }
    }
}

fn step(db: Db<'_>, gate: &Gate) -> Result<(), Error> {
    let log = run(db, "PRAGMA wal_checkpoint(NOOP)")?;
    if log.pages - log.done < PENDING {
        return Ok(());
    }
    let log = run(db, "PRAGMA wal_checkpoint(PASSIVE)")?;
    if log.pages >= LONG && log.done < log.pages {
        let _held = gate.commit.lock().unwrap_or_else(PoisonError::into_inner);
        run(db, "PRAGMA wal_checkpoint(PASSIVE)")?;
    }
    Ok(())
}

fn run(db: Db<'_>, sql: &str) -> Result<Log, Error> {
    let log = db.first(sql, [], |row| Ok(Log { pages: row.get(1)?, done: row.get(2)? }))?;
    Ok(log.unwrap_or(Log { pages: 0, done: 0 }))
}
