//! The index in a backup: all tables of the live one, of which those for octets and summaries are empty. Octets lie in packs,
//! and summaries are made from them.

use crate::bodies::place;
use crate::segments::Place;
use crate::sql::{Db, io, uint};
use crate::{Error, files, schema};
use mail::BlobId;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use std::path::Path;

/// Tables whose rows a backup has elsewhere.
const ELSEWHERE: [&str; 2] = ["bodies", "summaries"];

/// Copies the index to a new file, which is synced; returns how many messages are in it. What `db` reads must be of one
/// moment.
pub(crate) fn copy(db: Db<'_>, to: &Path) -> Result<u64, Error> {
    let file = files::private_file(to).map_err(io(to.display()))?;
    let copy = Connection::open(to)?;
    copy.pragma_update(None, "page_size", 8192)?;
    // Nobody knows of the file before it is whole.
    copy.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    copy.pragma_update(None, "synchronous", "OFF")?;
    copy.execute_batch("BEGIN")?;
    let sql = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let schema =
        db.all(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?)))?;
    let is_table = |(kind, ..): &&(String, String, String)| kind == "table";
    for (_, table, sql) in schema.iter().filter(is_table) {
        copy.execute_batch(sql)?;
        if !ELSEWHERE.contains(&table.as_str()) {
            rows(db, &copy, table)?;
        }
    }
    for (_, _, sql) in schema.iter().filter(|entry| !is_table(entry)) {
        copy.execute_batch(sql)?;
    }
    copy.pragma_update(None, "user_version", schema::format(db.0)?)?;
    copy.execute_batch("COMMIT")?;
    let messages = Db(&copy).first("SELECT count(*) FROM messages", [], |row| row.get(0).map(uint))?;
    copy.close().map_err(|(_, error)| error)?;
    file.sync_all().map_err(io(to.display()))?;
    Ok(messages.unwrap_or(0))
}

/// Copies all rows of a table.
fn rows(db: Db<'_>, copy: &Connection, table: &str) -> Result<(), Error> {
    let table = table.replace('"', "\"\"");
    let mut read = db.0.prepare(&format!("SELECT * FROM \"{table}\""))?;
    let columns = read.column_count();
    let marks = vec!["?"; columns].join(", ");
    let mut write = copy.prepare(&format!("INSERT INTO \"{table}\" VALUES ({marks})"))?;
    let mut rows = read.query([])?;
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|at| row.get::<_, Value>(at)).collect::<Result<Vec<_>, _>>()?;
        write.execute(params_from_iter(values))?;
    }
    Ok(())
}

/// Opens the index of a generation for reading.
pub(crate) fn open(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    std::fs::File::open(path).map_err(io(path.display()))?;
    let connection = Connection::open_with_flags(path, flags)?;
    let found = schema::format(&connection)?;
    if found > schema::FORMAT {
        return Err(Error::TooNew { found, known: schema::FORMAT });
    }
    schema::stand_in(&connection, found)?;
    Ok(connection)
}

/// All octets that an index refers to; their places are those of the live store.
pub(crate) fn blobs(index: &Connection) -> Result<Vec<(BlobId, Place)>, Error> {
    let sql = "SELECT id, segment, offset, length, checksum FROM blobs ORDER BY id";
    Db(index).all(sql, [], |row| Ok((BlobId(uint(row.get(0)?)), place(row, 1)?)))
}
