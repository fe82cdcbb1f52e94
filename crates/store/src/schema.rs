//! The index's tables, and how they came to be: a numbered list of steps, one for each format there ever was.
//!
//! Every row of mail carries its account. Rows that lists are made of are narrow; what is read for few messages at a
//! time (envelopes, places of octets) lies in tables of its own.

use crate::sql::io;
use crate::{Error, files};
use rusqlite::{Connection, OpenFlags};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// The newest format this program knows: the number of steps.
pub(crate) const FORMAT: u32 = 3;

/// Step `n` turns format `n` into `n + 1`; an empty directory has format 0.
const STEPS: [&str; FORMAT as usize] = [FORMAT_1, FORMAT_2, FORMAT_3];

const FORMAT_1: &str = "
CREATE TABLE counters(
    one INTEGER PRIMARY KEY CHECK (one = 1), blob INTEGER NOT NULL, account INTEGER NOT NULL,
    queue INTEGER NOT NULL, item INTEGER NOT NULL);
INSERT INTO counters VALUES (1, 1, 1, 1, 1);

CREATE TABLE accounts(
    id INTEGER PRIMARY KEY, modseq INTEGER NOT NULL, next_folder INTEGER NOT NULL, validity INTEGER NOT NULL);

CREATE TABLE folders(
    account INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, role INTEGER NOT NULL,
    selectable INTEGER NOT NULL, validity INTEGER NOT NULL, uid_next INTEGER NOT NULL, recent INTEGER NOT NULL,
    modseq INTEGER NOT NULL, messages INTEGER NOT NULL, unseen INTEGER NOT NULL, deleted INTEGER NOT NULL,
    size INTEGER NOT NULL, PRIMARY KEY (account, id)) WITHOUT ROWID;
CREATE UNIQUE INDEX folder_names ON folders(account, name);

CREATE TABLE subscriptions(
    account INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account, name)) WITHOUT ROWID;

CREATE TABLE keywords(
    account INTEGER NOT NULL, folder INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (account, folder, position)) WITHOUT ROWID;

CREATE TABLE messages(
    account INTEGER NOT NULL, folder INTEGER NOT NULL, uid INTEGER NOT NULL, flags INTEGER NOT NULL,
    modseq INTEGER NOT NULL, size INTEGER NOT NULL, date INTEGER NOT NULL, zone INTEGER NOT NULL,
    blob INTEGER NOT NULL, PRIMARY KEY (account, folder, uid)) WITHOUT ROWID;
CREATE INDEX deleted ON messages(account, folder, uid) WHERE flags & 8 != 0;

CREATE TABLE expunged(
    account INTEGER NOT NULL, folder INTEGER NOT NULL, modseq INTEGER NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, PRIMARY KEY (account, folder, modseq, first)) WITHOUT ROWID;

CREATE TABLE recoverable(
    account INTEGER NOT NULL, id INTEGER NOT NULL, folder TEXT NOT NULL, removed INTEGER NOT NULL,
    flags INTEGER NOT NULL, size INTEGER NOT NULL, date INTEGER NOT NULL, zone INTEGER NOT NULL,
    blob INTEGER NOT NULL, PRIMARY KEY (account, id)) WITHOUT ROWID;
CREATE INDEX recoverable_by_time ON recoverable(removed);

CREATE TABLE blobs(
    id INTEGER PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    header INTEGER NOT NULL, checksum INTEGER NOT NULL, refs INTEGER NOT NULL);
CREATE TABLE summaries(blob INTEGER PRIMARY KEY, summary BLOB NOT NULL);
CREATE TABLE segments(id INTEGER PRIMARY KEY, end INTEGER NOT NULL, dead INTEGER NOT NULL);

CREATE TABLE queue(id INTEGER PRIMARY KEY, envelope TEXT NOT NULL, blob INTEGER NOT NULL);

CREATE TABLE objects(
    kind TEXT NOT NULL, key TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE audit(
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, caller TEXT NOT NULL, cmdlet TEXT NOT NULL,
    object TEXT NOT NULL, details TEXT NOT NULL);
";

/// Octets of small messages in the index; and up to which modseq a folder no longer knows what was removed.
const FORMAT_2: &str = "
CREATE TABLE bodies(blob INTEGER PRIMARY KEY, octets BLOB NOT NULL);
ALTER TABLE folders ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
";

/// The event log, whose numbers are never given twice; and how each account last logged in by each protocol.
const FORMAT_3: &str = "
CREATE TABLE events(
    id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, last INTEGER NOT NULL, log TEXT NOT NULL,
    source TEXT NOT NULL, event INTEGER NOT NULL, level INTEGER NOT NULL, message TEXT NOT NULL,
    data TEXT NOT NULL, count INTEGER NOT NULL);
CREATE INDEX events_by_kind ON events(event, source);
CREATE TABLE logons(
    account INTEGER NOT NULL, protocol TEXT NOT NULL, time INTEGER NOT NULL, mechanism TEXT NOT NULL,
    tls TEXT NOT NULL, address TEXT NOT NULL, client TEXT NOT NULL,
    PRIMARY KEY (account, protocol)) WITHOUT ROWID;
";

/// How much of the index a connection keeps in memory, in KiB. The system keeps the files too. SQLite empties the cache
/// of a reader with every commit of the writer, so more is of use to nobody where mail comes in; and it never gives it back.
const WRITER_CACHE: u32 = 4 << 10;
const READER_CACHE: u32 = 1 << 10;

/// Opens the index of a data directory for its one writer, creates it or brings it to the newest format.
///
/// `marked` is the format that the directory says it has.
pub(crate) fn open_writer(dir: &Path, marked: Option<u32>) -> Result<Connection, Error> {
    let path = dir.join("index.db");
    files::private_file(&path).map_err(io(path.display()))?;
    if marked != Some(FORMAT) {
        keep_older(dir)?;
    }
    let connection = Connection::open(&path)?;
    prepare(&connection, WRITER_CACHE)?;
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // The commit is what every acknowledgement waits for: FULL syncs it, NORMAL would lose it with the power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    if marked.is_some() && format(&connection)? == 0 {
        return Err(Error::Damaged(format!("{}: it is empty, but there was mail", path.display())));
    }
    migrate(&connection)?;
    // A change that changes nothing: from here on there is a log.
    connection.pragma_update(None, "user_version", FORMAT)?;
    Ok(connection)
}

/// Keeps an index of an older format as it is, so that the program that made it can be gone back to; only that of the
/// last step.
fn keep_older(dir: &Path) -> Result<(), Error> {
    let found = format(&open_still(dir)?)?;
    if !(1..FORMAT).contains(&found) {
        return Ok(());
    }
    let name = files::previous(FORMAT);
    let kept = files::keep_index(dir, &name)?;
    tracing::info!(
        "the index is brought from format {found} to {FORMAT}; as it was, it is kept in {}",
        kept.display()
    );
    for older in 1..FORMAT {
        let _ = std::fs::remove_dir_all(dir.join(files::previous(older))); // it takes room, no more
    }
    Ok(())
}

/// Opens the index of a data directory for writing back its log.
pub(crate) fn open_checkpointer(dir: &Path) -> Result<Connection, Error> {
    let connection = Connection::open(dir.join("index.db"))?;
    prepare(&connection, READER_CACHE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    Ok(connection)
}

/// Opens the index of a data directory for reading only.
pub(crate) fn open_reader(dir: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.join("index.db"), flags)?;
    prepare(&connection, READER_CACHE)?;
    Ok(connection)
}

/// Opens the index of a data directory that no store has open, for reading only. Where its log is empty, as after an orderly
/// end, no file is made beside it.
pub(crate) fn open_still(dir: &Path) -> Result<Connection, Error> {
    let has_log = dir.join("index.db-wal").metadata().is_ok_and(|log| log.len() > 0);
    if has_log {
        return open_reader(dir);
    }
    let path = std::fs::canonicalize(dir).map_err(io(dir.display()))?.join("index.db");
    let mut uri = "file:".to_owned();
    for octet in path.as_os_str().as_bytes() {
        match octet {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*octet))
            }
            _ => uri.push_str(&format!("%{octet:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags)?;
    prepare(&connection, READER_CACHE)?;
    Ok(connection)
}

/// An index in memory.
pub(crate) fn open_memory() -> Result<Connection, Error> {
    let connection = Connection::open_in_memory()?;
    prepare(&connection, WRITER_CACHE)?;
    migrate(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection, cache: u32) -> Result<(), Error> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.pragma_update(None, "cache_size", -i64::from(cache))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(())
}

/// The format of an index.
pub(crate) fn format(connection: &Connection) -> Result<u32, Error> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Puts empty tables in the place of those that an older index does not have, for this connection alone: so that it can
/// be asked what the newest is asked.
pub(crate) fn stand_in(connection: &Connection, found: u32) -> Result<(), Error> {
    if found < 2 {
        connection
            .execute_batch("CREATE TEMP TABLE bodies(blob INTEGER PRIMARY KEY, octets BLOB NOT NULL)")?;
    }
    Ok(())
}

/// Makes all tables of the newest format in an empty index.
pub(crate) fn build(connection: &Connection) -> Result<(), Error> {
    connection.pragma_update(None, "page_size", 8192)?;
    migrate(connection)
}

fn migrate(connection: &Connection) -> Result<(), Error> {
    let found = format(connection)?;
    if found > FORMAT {
        return Err(Error::TooNew { found, known: FORMAT });
    }
    for (step, number) in STEPS.iter().zip(1_u32..).skip(found as usize) {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail::{Flag, FlagSet};

    #[test]
    fn the_index_of_deleted_messages_names_the_flag_by_its_bit() {
        assert_eq!(FlagSet::NONE.with(Flag::Deleted).bits(), 8);
    }

    #[test]
    fn a_newer_format_is_refused() {
        let connection = open_memory().unwrap();
        assert_eq!(format(&connection).unwrap(), FORMAT);
        connection.pragma_update(None, "user_version", FORMAT + 1).unwrap();
        assert!(matches!(migrate(&connection), Err(Error::TooNew { found: 4, known: 3 })));
    }
}
