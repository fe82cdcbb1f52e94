//! The octets in a backup: packs, which are segments, and a list of what lies where in them.
//!
//! Octets are known by number, length and checksum. A number alone would not do: after an older state was restored, the
//! same number means another message. What stands in a pack behind its listed end was never listed, and is written over.

use crate::bodies::place;
use crate::segments::{Appender, Octets, Place, Segments};
use crate::sql::{Db, int, io, uint};
use crate::{Error, files};
use bytes::Bytes;
use mail::BlobId;
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Arc;

/// Octets of a pack after which another one begins.
const PACK: u64 = 256 << 20;
/// Octets that are written before they are synced and listed: what an interruption costs at most.
const STEP: u64 = 32 << 20;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS octets(
    blob INTEGER NOT NULL, checksum INTEGER NOT NULL, length INTEGER NOT NULL,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY (blob, checksum, length)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS segments(id INTEGER PRIMARY KEY, end INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_segment ON octets(segment, offset);
";

/// The list of a backup's octets, for adding to it.
pub(crate) struct Catalog {
    connection: Connection,
    packs: Arc<Segments>,
    appender: Appender,
    /// Written, but neither synced nor listed.
    pending: Vec<(BlobId, Place)>,
    pending_octets: u64,
    /// Octets added since it was opened.
    pub(crate) added: u64,
}

impl Catalog {
    /// Opens the list of a backup directory, or begins it.
    pub(crate) fn open(dir: &Path) -> Result<Catalog, Error> {
        let path = dir.join("catalog.db");
        let packs = dir.join("packs");
        files::private_dir(&packs)?;
        files::private_file(&path).map_err(io(path.display()))?;
        let connection = Connection::open(&path)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.execute_batch(TABLES)?;
        files::sync_dir(dir)?;
        let packs = Arc::new(Segments::new(Some(packs), PACK));
        let newest =
            Db(&connection).first("SELECT id, end FROM segments ORDER BY id DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, uint(row.get(1)?)))
            })?;
        let appender = Appender::new(Arc::clone(&packs), newest)?;
        Ok(Catalog { connection, packs, appender, pending: Vec::new(), pending_octets: 0, added: 0 })
    }

    fn db(&self) -> Db<'_> {
        Db(&self.connection)
    }

    /// Where these octets lie, if they are listed.
    pub(crate) fn find(&self, blob: BlobId, like: &Place) -> Result<Option<Place>, Error> {
        let sql = "SELECT segment, offset, length, checksum FROM octets \
                   WHERE blob = ?1 AND checksum = ?2 AND length = ?3";
        let key = params![int(blob.0), int(like.checksum), like.length];
        self.db().first(sql, key, |row| place(row, 0))
    }

    /// Reads octets that are listed, checked.
    pub(crate) fn read(&self, blob: BlobId, place: &Place) -> Result<Bytes, Error> {
        self.packs.whole(blob, place)
    }

    /// Adds octets. They are listed with those that follow, at the latest by [`Catalog::commit`].
    pub(crate) fn add(&mut self, blob: BlobId, like: &Place, octets: Bytes) -> Result<(), Error> {
        let place = self.appender.append(blob, &Octets::Memory(octets), like.length, like.checksum)?;
        self.pending.push((blob, place));
        self.pending_octets += place.record();
        self.added += u64::from(place.length);
        if self.pending_octets >= STEP { self.commit() } else { Ok(()) }
    }

    /// Makes what was added durable, first the octets, then the list.
    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.appender.sync()?;
        let transaction = self.connection.unchecked_transaction()?;
        let db = Db(&self.connection);
        for (blob, place) in &self.pending {
            let sql = "INSERT OR REPLACE INTO octets(blob, checksum, length, segment, offset) VALUES (?1, ?2, ?3, ?4, ?5)";
            let Place { segment, offset, length, checksum } = *place;
            db.run(sql, params![int(blob.0), int(checksum), length, segment, int(offset)])?;
        }
        let (segment, end) = self.appender.end();
        let sql = "INSERT INTO segments(id, end) VALUES (?1, ?2) ON CONFLICT(id) DO UPDATE SET end = ?2";
        db.run(sql, params![segment, int(end)])?;
        transaction.commit()?;
        self.appender.keep();
        self.pending.clear();
        self.pending_octets = 0;
        Ok(())
    }

    /// Forgets octets that none of these indexes refers to, and gives their space back.
    pub(crate) fn prune(&mut self, indexes: &[std::path::PathBuf]) -> Result<(), Error> {
        self.commit()?;
        self.connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS living(blob INTEGER, checksum INTEGER, length INTEGER, \
             PRIMARY KEY (blob, checksum, length)) WITHOUT ROWID; DELETE FROM living;",
        )?;
        for index in indexes {
            self.connection.execute("ATTACH ?1 AS kept", [index.to_string_lossy()])?;
            let sql = "INSERT OR IGNORE INTO living SELECT id, checksum, length FROM kept.blobs";
            let copied = self.connection.execute(sql, []);
            self.connection.execute_batch("DETACH kept")?;
            copied?;
        }
        let sql = "DELETE FROM octets WHERE NOT EXISTS (SELECT 1 FROM living l WHERE l.blob = octets.blob \
                   AND l.checksum = octets.checksum AND l.length = octets.length)";
        self.connection.execute(sql, [])?;
        self.empty_packs()
    }

    /// Copies what lives in packs that are mostly garbage behind all others, and removes them.
    fn empty_packs(&mut self) -> Result<(), Error> {
        let sql = "SELECT s.id FROM segments s LEFT JOIN octets o ON o.segment = s.id \
                   WHERE s.id < (SELECT max(id) FROM segments) \
                   GROUP BY s.id HAVING 2 * coalesce(sum(o.length + 32), 0) < s.end";
        let packs = self.db().all(sql, [], |row| row.get::<_, u32>(0))?;
        for pack in packs {
            let sql = "SELECT blob, segment, offset, length, checksum FROM octets WHERE segment = ?1 ORDER BY offset";
            let living = self.db().all(sql, [pack], |row| Ok((BlobId(uint(row.get(0)?)), place(row, 1)?)))?;
            let mut whole = true;
            for (blob, place) in living {
                match self.read(blob, &place) {
                    Ok(octets) => self.add(blob, &place, octets)?,
                    // It stays with its pack: somebody may know how to save something of it.
                    Err(Error::Damaged(what)) => {
                        tracing::error!("octets that cannot be moved: {what}");
                        whole = false;
                    }
                    Err(error) => return Err(error),
                }
            }
            self.commit()?;
            if whole {
                self.db().run("DELETE FROM segments WHERE id = ?1", [pack])?;
                self.packs.remove(pack)?;
            }
        }
        Ok(())
    }
}
