//! The event log and the last logons: written now and then, by a thread of its own, so that no session waits for them.
//!
//! Both may be lost with the process. What happened a moment before a crash is not worth a sync for each login.

use crate::sql::{Db, int, uint};
use crate::tx::Tx;
use crate::{Error, Event, EventQuery, Logon};
use journal::{Entry, Journal};
use mail::AccountId;
use rusqlite::{Row, params};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Events that are kept at most, and seconds for which they are.
pub(crate) const MOST: u64 = 20_000;
pub(crate) const KEPT: i64 = 180 * 24 * 60 * 60;
/// Events that come within this time share a commit.
const GATHER: Duration = Duration::from_millis(200);
/// After this time logons are written.
const LOGONS_EVERY: Duration = Duration::from_secs(30);
/// After this time what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// Logons that wait at most. Without them it is only told later who was there.
const MOST_LOGONS: usize = 100_000;

/// What waits to be written.
#[derive(Default)]
pub(crate) struct Lazy {
    pub(crate) journal: Arc<Journal>,
    logons: Mutex<Logons>,
}

#[derive(Default)]
struct Logons {
    waiting: HashMap<(AccountId, String), Logon>,
    /// Those that are on their way to the index.
    leaving: HashMap<(AccountId, String), Logon>,
}

/// What one commit takes.
#[derive(Clone)]
pub(crate) struct Batch {
    events: Vec<Entry>,
    logons: Vec<(AccountId, Logon)>,
}

impl Lazy {
    /// Takes note of a logon.
    pub(crate) fn note(&self, account: AccountId, logon: Logon) {
        let mut logons = self.logons();
        if logons.waiting.len() < MOST_LOGONS {
            logons.waiting.insert((account, logon.protocol.clone()), logon);
        }
    }

    /// Puts what is not written yet in the place of what is.
    pub(crate) fn overlay(&self, account: AccountId, saved: Vec<Logon>) -> Vec<Logon> {
        let mut all: HashMap<String, Logon> =
            saved.into_iter().map(|logon| (logon.protocol.clone(), logon)).collect();
        let logons = self.logons();
        for ((of, protocol), logon) in logons.leaving.iter().chain(&logons.waiting) {
            if *of == account {
                all.insert(protocol.clone(), logon.clone());
            }
        }
        drop(logons);
        let mut all: Vec<Logon> = all.into_values().collect();
        all.sort_by(|a, b| b.time.cmp(&a.time).then_with(|| a.protocol.cmp(&b.protocol)));
        all
    }

    /// All that waits, if anything does.
    pub(crate) fn take(&self) -> Option<Batch> {
        let mut logons = self.logons();
        if logons.leaving.is_empty() {
            logons.leaving = std::mem::take(&mut logons.waiting);
        }
        let leaving = logons.leaving.iter().map(|((account, _), logon)| (*account, logon.clone())).collect();
        drop(logons);
        let batch = Batch { events: self.journal.take(), logons: leaving };
        (!batch.events.is_empty() || !batch.logons.is_empty()).then_some(batch)
    }

    /// Takes note of how the commit ended.
    pub(crate) fn written(&self, batch: Batch, result: &Result<(), Error>) {
        match result {
            Ok(()) => self.logons().leaving.clear(),
            Err(_) => self.journal.give_back(batch.events),
        }
    }

    /// Writes what comes until the store closes.
    pub(crate) fn work(&self, write: impl Fn(&Batch) -> Result<(), Error>) {
        let mut written = Instant::now();
        let mut open = true;
        while open {
            open = self.journal.wait(LOGONS_EVERY) && self.journal.pause(GATHER);
            let result = self.take().map_or(Ok(()), |batch| {
                let result = write(&batch);
                self.written(batch, &result);
                result
            });
            match result {
                Ok(()) => written = Instant::now(),
                Err(_) if open => open = self.journal.pause(AGAIN),
                Err(error) => {
                    let lost = written.elapsed().as_secs();
                    tracing::warn!(%error, "events of the last {lost} seconds are lost");
                }
            }
        }
    }

    fn logons(&self) -> MutexGuard<'_, Logons> {
        // Nothing under this lock can panic half way.
        self.logons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Saves a batch, and forgets the oldest events where there are too many.
pub(crate) fn save(tx: &mut Tx<'_>, batch: &Batch) -> Result<(), Error> {
    for entry in &batch.events {
        save_event(tx, entry)?;
    }
    if !batch.events.is_empty() {
        let newest = tx.db.first("SELECT max(id) FROM events", [], |row| row.get::<_, Option<i64>>(0))?;
        let oldest = newest.flatten().map_or(0, uint).saturating_sub(MOST);
        tx.db.run("DELETE FROM events WHERE id <= ?1", [int(oldest)])?;
    }
    for (account, logon) in &batch.logons {
        // The account may have been removed meanwhile.
        let sql = "INSERT OR REPLACE INTO logons(account, protocol, time, mechanism, tls, address, client) \
                   SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM accounts WHERE id = ?1)";
        let Logon { protocol, time, mechanism, tls, address, client } = logon;
        tx.db.run(sql, params![int(account.0), protocol, time, mechanism, tls, address, client])?;
    }
    Ok(())
}

fn save_event(tx: &mut Tx<'_>, entry: &Entry) -> Result<(), Error> {
    let Entry { time, last, id, source, level, message, count, own } = entry;
    let counts = "UPDATE events SET count = count + ?1, last = ?2 \
                  WHERE id = (SELECT max(id) FROM events WHERE event = ?3 AND source = ?4)";
    if !own && tx.db.run(counts, params![count, last, id, source])? > 0 {
        return Ok(());
    }
    let sql = "INSERT INTO events(time, last, log, source, event, level, message, data, count) \
               VALUES (?1, ?2, 'Application', ?3, ?4, ?5, ?6, '', ?7)";
    tx.db.run(sql, params![time, last, source, id, *level as u8, message, count])?;
    Ok(())
}

/// Forgets at most `most` of the events from before this time, the oldest first. Whether there may be more.
pub(crate) fn forget(tx: &mut Tx<'_>, before: i64, most: u32) -> Result<bool, Error> {
    let sql = "DELETE FROM events WHERE last < ?1 AND id IN (SELECT id FROM events ORDER BY id LIMIT ?2)";
    Ok(tx.db.run(sql, params![before, most])? == most as usize)
}

/// The newest events that are wanted.
pub(crate) fn find(db: Db<'_>, query: &EventQuery) -> Result<Vec<Event>, Error> {
    let sql = "SELECT id, time, last, log, source, event, level, message, count FROM events \
               WHERE id < ?1 AND time >= ?2 AND time <= ?3 ORDER BY id DESC LIMIT ?4";
    let before = i64::try_from(query.before).unwrap_or(i64::MAX);
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    db.all(sql, params![before, query.from, query.until, limit], event)
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        index: uint(row.get(0)?),
        time: row.get(1)?,
        last: row.get(2)?,
        log: row.get(3)?,
        source: row.get(4)?,
        id: row.get(5)?,
        level: row.get(6)?,
        message: row.get(7)?,
        count: row.get(8)?,
    })
}

/// The saved logons of an account.
pub(crate) fn logons(db: Db<'_>, account: AccountId) -> Result<Vec<Logon>, Error> {
    let sql = "SELECT protocol, time, mechanism, tls, address, client FROM logons WHERE account = ?1";
    db.all(sql, [int(account.0)], |row| {
        Ok(Logon {
            protocol: row.get(0)?,
            time: row.get(1)?,
            mechanism: row.get(2)?,
            tls: row.get(3)?,
            address: row.get(4)?,
            client: row.get(5)?,
        })
    })
}
