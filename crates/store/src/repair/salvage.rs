//! What can be read of an index that SQLite itself finds damaged, and octets that the index has lost sight of.

use super::{Repaired, Work};
use crate::sql::{Db, int, io, uint};
use crate::{Error, files, schema};
use mail::BlobId;
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// Makes an index of what can be read of a damaged one; does nothing where it is whole.
pub(super) fn index(dir: &Path, repaired: &mut Repaired) -> Result<(), Error> {
    let path = dir.join("index.db");
    let connection = Connection::open(&path)?;
    if whole(&connection) {
        return Ok(());
    }
    if connection.execute_batch("REINDEX").is_ok() && whole(&connection) {
        repaired.mended.push("index.db: what it finds rows by was made anew".to_owned());
        return Ok(());
    }
    let new = dir.join("index.repaired");
    for leftover in [&new, &dir.join("index.repaired-wal")] {
        let _ = std::fs::remove_file(leftover); // of a repair that was stopped
    }
    files::private_file(&new).map_err(io(new.display()))?;
    let copy = Connection::open(&new)?;
    schema::build(&copy)?;
    for table in tables(&copy)? {
        let (rows, complete) = rows(&connection, &copy, &table)?;
        let rest = if complete { "" } else { "; others are lost" };
        repaired.mended.push(format!("index.db: {rows} rows of {table} were saved{rest}"));
    }
    let saved = "SELECT (SELECT count(*) FROM objects) + (SELECT count(*) FROM accounts) + (SELECT count(*) FROM messages)";
    let saved = Db(&copy).first(saved, [], |row| row.get::<_, i64>(0))?;
    copy.close().map_err(|(_, error)| error)?;
    if saved == Some(0) {
        return Err(Error::Damaged("index.db: nothing in it can be read; put it back from a backup".into()));
    }
    // It may find no way to write its log back; that is read already.
    drop(connection);
    std::fs::File::open(&new).and_then(|file| file.sync_all()).map_err(io(new.display()))?;
    for log in ["index.db-wal", "index.db-shm"] {
        let _ = std::fs::remove_file(dir.join(log)); // of the old index
    }
    std::fs::rename(&new, &path).map_err(io(path.display()))?;
    files::sync_dir(dir)
}

/// Whether SQLite finds the index in order, and each row has the form in which rows are written.
fn whole(connection: &Connection) -> bool {
    let check = Db(connection).all("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    check.is_ok_and(|lines| lines == ["ok"]) && every_row_fits(connection).unwrap_or(false)
}

fn every_row_fits(connection: &Connection) -> Result<bool, Error> {
    let empty = Connection::open_in_memory()?;
    schema::build(&empty)?;
    for table in tables(&empty)? {
        let columns = Column::all(&empty, &table)?;
        let list: Vec<String> = columns.iter().map(Column::narrow).collect();
        let Ok(mut read) = connection.prepare(&format!("SELECT {} FROM {table}", list.join(", "))) else {
            continue; // an older format does not have it
        };
        let mut rows = read.query([])?;
        while let Some(row) = rows.next()? {
            if fitting(row, &columns).is_none() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn tables(connection: &Connection) -> Result<Vec<String>, Error> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'";
    Db(connection).all(sql, [], |row| row.get(0))
}

/// A column of a table, and what may stand in it.
struct Column {
    name: String,
    kind: String,
}

impl Column {
    fn all(connection: &Connection, table: &str) -> Result<Vec<Column>, Error> {
        let sql = "SELECT name, type FROM pragma_table_info(?1) ORDER BY cid";
        Db(connection).all(sql, [table], |row| Ok(Column { name: row.get(0)?, kind: row.get(1)? }))
    }

    /// What is read to find out whether the value fits: not the octets of messages.
    fn narrow(&self) -> String {
        let Column { name, kind } = self;
        if kind == "BLOB" { format!("substr({name}, 1, 1)") } else { name.clone() }
    }

    fn fits(&self, value: &Value) -> bool {
        match (value, self.kind.as_str()) {
            (Value::Integer(number), "INTEGER") => self.range().contains(number),
            (Value::Text(_), "TEXT") | (Value::Blob(_), "BLOB") => true,
            _ => false,
        }
    }

    /// Numbers that are narrower than SQLite's.
    fn range(&self) -> std::ops::RangeInclusive<i64> {
        match self.name.as_str() {
            "uid" | "first" | "last" | "uid_next" | "recent" => 1..=i64::from(u32::MAX),
            "validity" | "segment" | "length" | "header" | "position" | "messages" | "unseen" | "deleted" => {
                0..=i64::from(u32::MAX)
            }
            "size" => 0..=i64::MAX,
            "selectable" => 0..=1,
            "zone" => -1439..=1439,
            _ => i64::MIN..=i64::MAX,
        }
    }
}

/// The values of a row, if all fit.
fn fitting(row: &rusqlite::Row<'_>, columns: &[Column]) -> Option<Vec<Value>> {
    let value =
        |(at, column): (usize, &Column)| row.get::<_, Value>(at).ok().filter(|value| column.fits(value));
    columns.iter().enumerate().map(value).collect()
}

/// Copies the rows of a table that can be read: from its beginning to the damage, and from its end back to it. Returns how
/// many, and whether these are all.
fn rows(from: &Connection, to: &Connection, table: &str) -> Result<(usize, bool), Error> {
    let key = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk";
    let key = Db(to).all(key, [table], |row| row.get::<_, String>(0))?;
    let columns = Column::all(to, table)?;
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let (list, marks) = (names.join(", "), vec!["?"; columns.len()].join(", "));
    to.execute_batch("BEGIN")?;
    let mut write = to.prepare(&format!("INSERT OR REPLACE INTO {table}({list}) VALUES ({marks})"))?;
    let (mut saved, mut complete) = (0, false);
    for order in ["ASC", "DESC"] {
        if complete {
            break;
        }
        let by: Vec<String> = key.iter().map(|column| format!("{column} {order}")).collect();
        let sql = format!("SELECT {list} FROM {table} ORDER BY {}", by.join(", "));
        // A table that an older format does not have cannot be asked, and has no rows.
        let Ok(mut read) = from.prepare(&sql) else { break };
        let Ok(mut rows) = read.query([]) else { continue };
        complete = true;
        loop {
            match rows.next() {
                Ok(None) => break,
                // A row that does not fit its table is damage too.
                Ok(Some(row)) => {
                    let written =
                        fitting(row, &columns).map(|values| write.execute(params_from_iter(values)));
                    match written {
                        Some(Ok(_)) => saved += 1,
                        _ => complete = false,
                    }
                }
                Err(_) => {
                    complete = false;
                    break;
                }
            }
        }
    }
    drop(write);
    to.execute_batch("COMMIT")?;
    Ok((saved, complete))
}

/// Finds octets again that messages refer to and the list of octets does not have: small ones in the index, others in the
/// segments, whose records say whose they are.
pub(super) fn refind(work: &mut Work<'_>) -> Result<(), Error> {
    const WANTED: &str = "SELECT blob FROM messages UNION SELECT blob FROM recoverable UNION SELECT blob FROM queue \
                          EXCEPT SELECT id FROM blobs";
    let wanted = work.db.all(WANTED, [], |row| row.get(0).map(uint))?;
    if wanted.is_empty() {
        return Ok(());
    }
    let mut wanted: std::collections::HashSet<u64> = wanted.into_iter().collect();
    let insert = "INSERT OR IGNORE INTO blobs(id, segment, offset, length, header, checksum, refs) \
                  VALUES (?1, ?2, ?3, ?4, 0, ?5, 0)";
    for blob in wanted.clone() {
        let sql = "SELECT octets FROM bodies WHERE blob = ?1";
        let Some(octets) = work.db.first(sql, [int(blob)], |row| row.get::<_, Vec<u8>>(0))? else { continue };
        let values = params![int(blob), 0, 0, octets.len() as i64, int(xxh3_64(&octets))];
        work.db.run(insert, values)?;
        again(work, blob, &mut wanted);
    }
    for segment in work.db.all("SELECT id FROM segments ORDER BY id DESC", [], |row| row.get::<_, u32>(0))? {
        for (blob, place) in work.segments.records(segment)? {
            if !wanted.contains(&blob.0) || work.segments.whole(blob, &place).is_err() {
                continue;
            }
            let values = params![int(blob.0), segment, int(place.offset), place.length, int(place.checksum)];
            work.db.run(insert, values)?;
            again(work, blob.0, &mut wanted);
        }
    }
    Ok(())
}

fn again(work: &mut Work<'_>, blob: u64, wanted: &mut std::collections::HashSet<u64>) {
    wanted.remove(&blob);
    let _ = work.db.run("DELETE FROM summaries WHERE blob = ?1", [int(blob)]); // it is made anew with the header's length
    work.repaired.mended.push(format!("message octets {}: they were found again", BlobId(blob)));
}
