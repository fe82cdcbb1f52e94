//! A data directory that is read from outside, whether a server works on it or not, or a state in a backup: for backup,
//! export, and for bringing parts back.
//!
//! The index is read over a connection that cannot write. Where no server runs, none can start meanwhile; where one runs, it
//! goes on, and is only kept from removing segments that it has emptied.

use crate::backup::{Catalog, tables};
use crate::bodies::{Bodies, place};
use crate::rows::MessageRow;
use crate::segments::{Place, Segments};
use crate::sql::{Db, int, uint};
use crate::tx::keyword_table;
use crate::{Error, Kept, Object, files, objects, schema};
use bytes::Bytes;
use journal::Journal;
use mail::{AccountId, BlobId, FolderId, Uid};
use rusqlite::{Connection, params};
use std::fs::File;
use std::path::Path;

/// Messages that [`Source::messages`] gives at a time.
const STEP: u32 = 512;

/// A data directory, or a state in a backup, that is only read.
pub struct Source {
    connection: Connection,
    segments: Segments,
    /// Where octets are, of a backup.
    catalog: Option<Catalog>,
    /// Nobody reads it: what is damaged is an answer here.
    journal: Journal,
    /// Keeps others from changing what is read.
    _locks: Vec<File>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

impl Source {
    /// Opens a data directory that has a store in it.
    pub fn open(dir: &Path) -> Result<Source, Error> {
        let marked = files::format(dir)?;
        let index = dir.join("index.db");
        File::open(&index).map_err(crate::sql::io(index.display()))?;
        let mut locks = vec![files::pause(dir)?];
        let connection = match files::lock(dir) {
            Ok(lock) => {
                locks.push(lock);
                files::whole(dir, marked)?;
                schema::open_still(dir)?
            }
            Err(Error::Locked) => schema::open_reader(dir)?,
            Err(error) => return Err(error),
        };
        let found = schema::format(&connection)?;
        if found > schema::FORMAT {
            return Err(Error::TooNew { found, known: schema::FORMAT });
        }
        schema::stand_in(&connection, found)?;
        let segments = Segments::new(Some(dir.join("segments")), u64::MAX);
        Ok(Source { connection, segments, catalog: None, journal: Journal::default(), _locks: locks })
    }

    /// Opens a state of a backup.
    pub fn backup(dir: &Path, state: &str) -> Result<Source, Error> {
        crate::backup::is_backup(dir)?;
        let locks = vec![files::lock(dir)?];
        let connection = tables::open(&dir.join("generations").join(state).join("index.db"))?;
        let segments = Segments::new(None, u64::MAX);
        Ok(Source {
            connection,
            segments,
            catalog: Some(Catalog::open(dir)?),
            journal: Journal::default(),
            _locks: locks,
        })
    }

    pub(crate) fn db(&self) -> Db<'_> {
        Db(&self.connection)
    }

    /// All administration objects.
    pub fn objects(&self) -> Result<Vec<Object>, Error> {
        objects::all(self.db())
    }

    /// The account's folders that messages can be in: number and name, in order of name.
    pub fn folders(&self, account: AccountId) -> Result<Vec<(FolderId, String)>, Error> {
        // Asked so that older formats can answer too.
        let sql = "SELECT id, name FROM folders WHERE account = ?1 AND selectable = 1";
        let row = |row: &rusqlite::Row<'_>| Ok((FolderId(uint(row.get(0)?)), row.get::<_, String>(1)?));
        let mut folders = self.db().all(sql, [int(account.0)], row)?;
        folders.sort_by(|(_, a), (_, b)| crate::names::order(a, b));
        Ok(folders)
    }

    /// How many messages the account has in its folders, and their octets.
    pub fn size(&self, account: AccountId) -> Result<(u64, u64), Error> {
        let sql = "SELECT coalesce(sum(messages), 0), coalesce(sum(size), 0) FROM folders WHERE account = ?1";
        let sums =
            self.db().first(sql, [int(account.0)], |row| Ok((uint(row.get(0)?), uint(row.get(1)?))))?;
        Ok(sums.unwrap_or_default())
    }

    /// The next messages of a folder behind this one, in order; none at its end.
    pub fn messages(&self, account: AccountId, folder: FolderId, after: Uid) -> Result<Vec<Kept>, Error> {
        messages(self.db(), account, folder, after)
    }

    /// The octets of a message, checked. [`Error::NotFound`] where it has gone since, [`Error::Damaged`] where they are
    /// not what was received.
    pub fn octets(&self, blob: BlobId) -> Result<Bytes, Error> {
        let bodies = self.bodies();
        let place = bodies.place(blob)?;
        let Some(catalog) = &self.catalog else { return bodies.whole(blob, &place) };
        let there = catalog.find(blob, &place)?;
        catalog.read(blob, &there.ok_or_else(|| Error::Damaged("it is not in the backup".into()))?)
    }

    pub(crate) fn bodies(&self) -> Bodies<'_> {
        Bodies { db: self.db(), segments: &self.segments, journal: &self.journal }
    }

    /// The next octets by number, and where they are; none at the end.
    pub(crate) fn blobs(&self, after: BlobId) -> Result<Vec<(BlobId, Place)>, Error> {
        let sql =
            "SELECT id, segment, offset, length, checksum FROM blobs WHERE id > ?1 ORDER BY id LIMIT ?2";
        let row = |row: &rusqlite::Row<'_>| Ok((BlobId(uint(row.get(0)?)), place(row, 1)?));
        self.db().all(sql, params![int(after.0), STEP], row)
    }
}

/// The next messages of a folder in an index.
pub(crate) fn messages(
    db: Db<'_>,
    account: AccountId,
    folder: FolderId,
    after: Uid,
) -> Result<Vec<Kept>, Error> {
    db.snapshot(|db| {
        let table = keyword_table(db, account, folder)?;
        let rows = MessageRow::after(db, account, folder, after, STEP)?;
        let kept = |MessageRow { entry, blob }| Kept {
            uid: entry.uid,
            size: entry.size,
            flags: crate::messages::system(entry.flags),
            keywords: table.names(entry.flags).cloned().collect(),
            date: entry.date,
            blob,
        };
        Ok(rows.into_iter().map(kept).collect())
    })
}
