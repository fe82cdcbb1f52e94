//! Octets of messages, wherever they lie: small ones in the index, others in segments.
//!
//! A commit with small messages only needs one sync, that of the index; what it costs is that their octets are written
//! twice, to the log and to the database file. Most mail is small, most octets are not.

use crate::Error;
use crate::segments::{Octets, Place, Segments};
use crate::sql::{Db, int, uint};
use bytes::Bytes;
use journal::{Journal, Source, event};
use mail::BlobId;
use rusqlite::params;
use xxhash_rust::xxh3::xxh3_64;

/// Reads octets.
#[derive(Clone, Copy)]
pub(crate) struct Bodies<'a> {
    pub(crate) db: Db<'a>,
    pub(crate) segments: &'a Segments,
    /// Is told of what is damaged.
    pub(crate) journal: &'a Journal,
}

impl Bodies<'_> {
    /// Tells of a message that cannot be read, while others can.
    pub(crate) fn tell_damage(self, message: &str) {
        self.journal.write(&event::STORE_DAMAGED, Source::Gatepost, message);
    }

    /// Where a blob's octets are now.
    pub(crate) fn place(&self, blob: BlobId) -> Result<Place, Error> {
        let sql = "SELECT segment, offset, length, checksum FROM blobs WHERE id = ?1";
        self.db.first(sql, [int(blob.0)], |row| place(row, 0))?.ok_or(Error::NotFound)
    }

    /// All octets of a message, checked.
    pub(crate) fn whole(&self, blob: BlobId, place: &Place) -> Result<Bytes, Error> {
        match place.in_index() {
            true => self.small(blob, place),
            false => self.at_place(blob, place, |place| self.segments.whole(blob, place)),
        }
    }

    /// Some octets of a message, as many as there are from `start` on but at most `len`.
    pub(crate) fn part(&self, blob: BlobId, place: &Place, start: u32, len: u32) -> Result<Bytes, Error> {
        if place.in_index() {
            let octets = self.small(blob, place)?;
            let start = (start as usize).min(octets.len());
            return Ok(octets.slice(start..octets.len().min(start.saturating_add(len as usize))));
        }
        self.at_place(blob, place, |place| self.segments.part(place, start, len))
    }

    /// Makes sure that the octets of a large message are there, without reading them all.
    pub(crate) fn stands(&self, blob: BlobId, place: &Place) -> Result<(), Error> {
        match place.in_index() {
            true => self.small(blob, place).map(drop),
            false => self.at_place(blob, place, |place| self.segments.stands(blob, place)),
        }
    }

    fn small(&self, blob: BlobId, place: &Place) -> Result<Bytes, Error> {
        let sql = "SELECT octets FROM bodies WHERE blob = ?1";
        let Some(octets) = self.db.first(sql, [int(blob.0)], |row| row.get::<_, Vec<u8>>(0))? else {
            self.place(blob)?; // gone since the place was looked up, or indeed missing
            return Err(Error::Damaged(format!("index.db: octets {} are missing", blob.0)));
        };
        match xxh3_64(&octets) == place.checksum {
            true => Ok(Bytes::from(octets)),
            false => Err(Error::Damaged(format!("index.db: octets {} do not match their checksum", blob.0))),
        }
    }

    /// Reads at a place; at the new one, should the octets have been moved away from it since it was looked up.
    fn at_place<T>(
        &self,
        blob: BlobId,
        place: &Place,
        read: impl Fn(&Place) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match read(place) {
            Err(Error::Damaged(_)) if !self.segments.exists(place.segment) => read(&self.place(blob)?),
            result => result,
        }
    }
}

/// A place from four columns that begin at `at`.
pub(crate) fn place(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Place> {
    Ok(Place {
        segment: row.get(at)?,
        offset: uint(row.get(at + 1)?),
        length: row.get(at + 2)?,
        checksum: uint(row.get(at + 3)?),
    })
}

/// Puts the octets of a new small message into the index.
pub(crate) fn put(db: Db<'_>, blob: BlobId, octets: &Octets) -> Result<(), Error> {
    let Octets::Memory(octets) = octets else { return Ok(()) };
    db.run("INSERT INTO bodies(blob, octets) VALUES (?1, ?2)", params![int(blob.0), &octets[..]])?;
    Ok(())
}

/// Octets became garbage: those in the index go, those in a segment are counted as dead until it is emptied.
pub(crate) fn waste(db: Db<'_>, blob: BlobId, place: &Place) -> Result<(), Error> {
    if place.in_index() {
        db.run("DELETE FROM bodies WHERE blob = ?1", [int(blob.0)])?;
    } else {
        let sql = "UPDATE segments SET dead = dead + ?2 WHERE id = ?1";
        db.run(sql, params![place.segment, int(place.record())])?;
    }
    Ok(())
}
