//! Makes a data directory of a generation.
//!
//! The new directory is marked as unfinished until all is in it, so that no server starts on the half of it; the same call
//! goes on where it was stopped. Numbers that were given out after the backup was made must not be given out again for other
//! messages (RFC 9051 §2.3.1.1), so the restored store steps over as many of them as can have been.

use super::{catalog::Catalog, is_backup, manifest, sum, write};
use crate::bodies::put;
use crate::segments::{Appender, Octets, Place, Segments};
use crate::sql::{Db, int, io, uint};
use crate::{Error, Options, files, repair, schema};
use mail::BlobId;
use mail::summary::Builder;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Message numbers of a folder that are stepped over.
const UIDS: u32 = 1 << 20;
/// Modification sequences that are, and the numbers of octets, accounts and the like.
const NUMBERS: i64 = 1 << 32;

/// Octets brought over in one transaction.
const STEP: u64 = 16 << 20;

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The generation.
    pub name: String,
    /// Messages in folders.
    pub messages: u64,
    /// Octets of all messages.
    pub octets: u64,
    /// Messages that the backup does not have, or not whole.
    pub lost: Vec<String>,
    /// The other files of the backup, by name, and where they lie in it.
    pub files: Vec<(String, PathBuf)>,
}

/// Makes a store of a generation in an empty directory, or goes on doing so. `finish` puts the other files to their places;
/// after it the directory is complete.
pub fn restore(
    dir: &Path,
    generation: &str,
    data: &Path,
    progress: super::Progress<'_>,
    finish: &mut dyn FnMut(&Restored) -> Result<(), Error>,
) -> Result<Restored, Error> {
    is_backup(dir)?;
    let _in_use = files::lock(dir)?;
    let manifest = manifest(dir, generation)?;
    let from = dir.join("generations").join(generation);
    for (name, length, checksum) in &manifest.files {
        if sum(&from.join(name))? != (*length, *checksum) {
            let path = from.join(name);
            return Err(Error::Damaged(format!(
                "{}: it is not what was written; restore another generation",
                path.display()
            )));
        }
    }
    let _lock = begin(data, generation)?;
    let index = data.join("index.restoring");
    prepare(&from.join("index.db"), &index)?;
    let connection = Connection::open(&index)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let catalog = Catalog::open(dir)?;
    let mut filling = Filling::new(data, &connection, &catalog)?;
    filling.all(progress)?;
    let lost = repair::drop_absent(Db(&connection))?;
    let format = schema::format(&connection)?;
    let messages = Db(&connection).first("SELECT count(*) FROM messages", [], |row| row.get(0).map(uint))?;
    let files = manifest
        .files
        .iter()
        .filter_map(|(name, ..)| Some((name.strip_prefix("files/")?.to_owned(), from.join(name))));
    let restored = Restored {
        name: generation.to_owned(),
        messages: messages.unwrap_or(0),
        octets: manifest.octets,
        lost,
        files: files.collect(),
    };
    drop(filling);
    connection.close().map_err(|(_, error)| error)?;
    finish(&restored)?;
    std::fs::rename(&index, data.join("index.db")).map_err(io(index.display()))?;
    files::mark(data, format)?;
    let marker = data.join(files::RESTORING);
    std::fs::remove_file(&marker).map_err(io(marker.display()))?;
    files::sync_dir(data)?;
    Ok(restored)
}

/// Takes a directory that is empty, or in which the same was begun.
fn begin(data: &Path, generation: &str) -> Result<std::fs::File, Error> {
    files::private_dir(data)?;
    let marker = data.join(files::RESTORING);
    match std::fs::read_to_string(&marker) {
        Ok(text) if text == generation => {}
        Ok(text) => {
            return Err(Error::Unfit(format!(
                "{}: a restore of {text} was begun here; finish it, or empty the directory",
                data.display()
            )));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if std::fs::read_dir(data).map_err(io(data.display()))?.next().is_some() {
                return Err(Error::Unfit(format!(
                    "{}: it is not empty; restore into an empty directory, or one that does not exist. To bring back \
                     parts into a server, name a mailbox with --mailbox",
                    data.display()
                )));
            }
            let new = data.join("restoring.new");
            write(&new, generation.as_bytes())?;
            std::fs::rename(&new, &marker).map_err(io(marker.display()))?;
        }
        Err(error) => return Err(io(marker.display())(error)),
    }
    files::private_dir(&data.join("segments"))?;
    files::private_dir(&data.join("tmp"))?;
    files::sync_dir(data)?;
    files::lock(data)
}

/// Puts the index into the directory, with no octets yet; does nothing where that was done.
fn prepare(from: &Path, index: &Path) -> Result<(), Error> {
    if index.exists() {
        return Ok(());
    }
    let new = index.with_extension("new");
    let mut file = files::private_file(&new).map_err(io(new.display()))?;
    file.set_len(0).map_err(io(new.display()))?;
    let mut source = std::fs::File::open(from).map_err(io(from.display()))?;
    std::io::copy(&mut source, &mut file).map_err(io(new.display()))?;
    let connection = Connection::open(&new)?;
    step_over(&connection)?;
    connection.close().map_err(|(_, error)| error)?;
    std::fs::rename(&new, index).map_err(io(index.display()))?;
    index.parent().map_or(Ok(()), files::sync_dir)
}

/// No octets are there yet, and no number is given out twice. Clients are told of everything anew: flags may be older than
/// those they know, and messages that came after the backup are gone.
fn step_over(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch(&format!(
        "BEGIN;
         UPDATE blobs SET segment = -1, offset = 0;
         DELETE FROM segments;
         UPDATE counters SET blob = blob + {NUMBERS}, account = account + {UIDS}, queue = queue + {NUMBERS}, item = item + {NUMBERS};
         UPDATE accounts SET modseq = modseq + {NUMBERS}, next_folder = next_folder + {UIDS};
         UPDATE messages SET modseq = (SELECT modseq FROM accounts a WHERE a.id = account);
         UPDATE folders SET modseq = (SELECT modseq FROM accounts a WHERE a.id = account),
             uid_next = min(uid_next + {UIDS}, 4294967295);
         COMMIT"
    ))?;
    if schema::format(connection)? >= 2 {
        connection.execute_batch("DELETE FROM expunged; UPDATE folders SET forgotten = modseq")?;
    }
    Ok(())
}

/// Brings octets from packs into the new store.
struct Filling<'a> {
    db: Db<'a>,
    catalog: &'a Catalog,
    appender: Appender,
    /// Octets of at most so many go into the index; none do in a format that cannot.
    small: u32,
}

impl<'a> Filling<'a> {
    fn new(data: &Path, connection: &'a Connection, catalog: &'a Catalog) -> Result<Filling<'a>, Error> {
        let usual = Options::default();
        let small = if schema::format(connection)? >= 2 { usual.small } else { 0 };
        let segments = Arc::new(Segments::new(Some(data.join("segments")), usual.segment_size));
        let newest = "SELECT id, end FROM segments ORDER BY id DESC LIMIT 1";
        let newest = Db(connection).first(newest, [], |row| Ok((row.get(0)?, uint(row.get(1)?))))?;
        let appender = Appender::new(segments, newest)?;
        Ok(Filling { db: Db(connection), catalog, appender, small })
    }

    fn all(&mut self, progress: super::Progress<'_>) -> Result<(), Error> {
        let sum = |condition: &str| {
            let sql = format!("SELECT coalesce(sum(length), 0) FROM blobs {condition}");
            self.db.first(&sql, [], |row| row.get(0).map(uint)).map(Option::unwrap_or_default)
        };
        let (all, mut done) = (sum("")?, sum("WHERE segment != -1")?);
        let mut last = BlobId(0);
        loop {
            let sql =
                "SELECT id, length, checksum FROM blobs WHERE segment = -1 AND id > ?1 ORDER BY id LIMIT 512";
            let step = self.db.all(sql, [int(last.0)], |row| {
                Ok((BlobId(uint(row.get(0)?)), Place::index(row.get(1)?, uint(row.get(2)?))))
            })?;
            if step.is_empty() {
                return Ok(());
            }
            let (mut placed, mut octets) = (Vec::new(), 0);
            self.db.run("BEGIN IMMEDIATE", [])?;
            for (blob, like) in step {
                if octets >= STEP {
                    break;
                }
                last = blob;
                octets += u64::from(like.length);
                placed.extend(self.one(blob, &like)?.map(|place| (blob, place)));
                progress(done + octets, all);
            }
            done += octets;
            self.commit(&placed)?;
        }
    }

    /// Brings the octets of one message over; `None` where the backup does not have them.
    fn one(&mut self, blob: BlobId, like: &Place) -> Result<Option<Place>, Error> {
        let Some(there) = self.catalog.find(blob, like)? else { return Ok(None) };
        let octets = match self.catalog.read(blob, &there) {
            Err(Error::Damaged(what)) => {
                tracing::error!("octets that cannot be restored: {what}");
                return Ok(None);
            }
            result => result?,
        };
        let mut builder = Builder::new();
        builder.push(&octets);
        let sql = "INSERT OR REPLACE INTO summaries(blob, summary) VALUES (?1, ?2)";
        self.db.run(sql, params![int(blob.0), builder.finish().encode()])?;
        let octets = Octets::Memory(octets);
        if like.length <= self.small {
            put(self.db, blob, &octets)?;
            return Ok(Some(*like));
        }
        self.appender.append(blob, &octets, like.length, like.checksum).map(Some)
    }

    fn commit(&mut self, placed: &[(BlobId, Place)]) -> Result<(), Error> {
        self.appender.sync()?;
        for (blob, place) in placed {
            let sql = "UPDATE blobs SET segment = ?2, offset = ?3 WHERE id = ?1";
            self.db.run(sql, params![int(blob.0), place.segment, int(place.offset)])?;
        }
        if self.appender.has_grown() {
            let (segment, end) = self.appender.end();
            let sql = "INSERT INTO segments(id, end, dead) VALUES (?1, ?2, 0) ON CONFLICT(id) DO UPDATE SET end = ?2";
            self.db.run(sql, params![segment, int(end)])?;
        }
        self.db.run("COMMIT", [])?;
        self.appender.keep();
        Ok(())
    }
}
