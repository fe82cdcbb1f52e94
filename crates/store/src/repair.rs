//! Makes a damaged data directory whole again, at the price of what cannot be read.
//!
//! The index is kept as it was beside the data first. Messages whose octets are damaged leave their folders; what can be read
//! of them goes into files of a directory of its own, for somebody may know how to save something of it. Numbers of other
//! messages stay, and clients are told that those are gone. What can be counted or made up anew, is. Nothing that can be
//! read is lost.

mod salvage;

use crate::bodies::{Bodies, place};
use crate::segments::{HEADER, Place, Segments};
use crate::sql::{Db, int, io, uint};
use crate::{Error, files, schema};
use journal::Journal;
use mail::summary::Builder;
use mail::{BlobId, Summary};
use rusqlite::params;
use std::path::{Path, PathBuf};

/// What was done, in words.
#[derive(Clone, Debug, Default)]
pub struct Repaired {
    /// Messages that could not be saved whole, and why.
    pub lost: Vec<String>,
    /// What was put right.
    pub mended: Vec<String>,
    /// Where the index is as it was before.
    pub before: PathBuf,
    /// Where the remains of damaged messages are.
    pub quarantine: PathBuf,
}

/// Repairs a data directory that no store has open. `name` tells this repair from others.
pub fn repair(dir: &Path, name: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<Repaired, Error> {
    let _lock = files::lock(dir)?;
    let marked = match files::format(dir) {
        Err(Error::Damaged(_)) => None,
        result => result?,
    };
    files::whole(dir, marked)?;
    let before = files::keep_index(dir, &format!("before-repair-{name}"))?;
    let quarantine = dir.join("quarantine").join(name);
    let mut repaired = Repaired { before, quarantine, ..Repaired::default() };
    salvage::index(dir, &mut repaired)?;
    let connection = schema::open_writer(dir, marked)?;
    let segments = Segments::new(Some(dir.join("segments")), u64::MAX);
    let journal = Journal::default();
    let mut work = Work { db: Db(&connection), segments: &segments, journal: &journal, repaired };
    work.db.run("BEGIN IMMEDIATE", [])?;
    work.segments(dir)?;
    salvage::refind(&mut work)?;
    work.octets(progress)?;
    work.objects()?;
    let lost = drop_absent(work.db)?;
    work.repaired.lost.extend(lost);
    work.rehome()?;
    work.count()?;
    work.db.run("COMMIT", [])?;
    let repaired = work.repaired;
    connection.close().map_err(|(_, error)| error)?;
    files::mark(dir, schema::FORMAT)?;
    files::end(dir)?;
    Ok(repaired)
}

pub(crate) struct Work<'a> {
    db: Db<'a>,
    segments: &'a Segments,
    /// Nobody reads it: what is damaged is an answer here.
    journal: &'a Journal,
    repaired: Repaired,
}

impl Work<'_> {
    fn mended(&mut self, what: impl Into<String>) {
        self.repaired.mended.push(what.into());
    }

    /// Puts something into the quarantine.
    fn keep(&self, name: &str, octets: &[u8]) -> Result<(), Error> {
        let dir = &self.repaired.quarantine;
        files::private_dir(dir)?;
        let path = dir.join(name);
        let write = || {
            let mut file = files::private_file(&path)?;
            std::io::Write::write_all(&mut file, octets)?;
            file.sync_all()
        };
        write().map_err(io(path.display()))?;
        files::sync_dir(dir)
    }

    /// Segments that are there, as long as they are, are what the index knows.
    fn segments(&mut self, dir: &Path) -> Result<(), Error> {
        let known = self
            .db
            .all("SELECT id, end FROM segments", [], |row| Ok((row.get::<_, u32>(0)?, uint(row.get(1)?))))?;
        for (segment, end) in &known {
            if !self.segments.exists(*segment) {
                self.db.run("DELETE FROM segments WHERE id = ?1", [segment])?;
                self.mended(format!("segment {segment} is missing; it is not counted any more"));
                continue;
            }
            if let Err(Error::Damaged(what)) = self.segments.check(*segment) {
                self.segments.mend(*segment)?;
                self.mended(format!("{what}; its header was written anew"));
            }
            let length = self.segments.length(*segment)?;
            if length < *end {
                self.db.run("UPDATE segments SET end = ?2 WHERE id = ?1", params![segment, int(length)])?;
                self.mended(format!("segment {segment} was cut to {length} octets, and ends there now"));
            }
        }
        // Of a salvaged index, whose table of segments may have been lost.
        let path = dir.join("segments");
        for entry in std::fs::read_dir(&path).map_err(io(path.display()))?.flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            let Some(number) = name.strip_suffix(".seg").and_then(|number| number.parse::<u32>().ok()) else {
                continue;
            };
            let in_use = "SELECT 1 FROM blobs WHERE segment = ?1 LIMIT 1";
            let in_use = self.db.first(in_use, [number], |_| Ok(()))?.is_some();
            if in_use && known.iter().all(|(segment, _)| *segment != number) {
                let length = self.segments.length(number)?;
                let sql = "INSERT INTO segments(id, end, dead) VALUES (?1, ?2, 0)";
                self.db.run(sql, params![number, int(length)])?;
                self.mended(format!("segment {number} is counted again"));
            }
        }
        Ok(())
    }

    /// Reads all octets; damaged ones go into the quarantine, and summaries that are missing are made anew.
    fn octets(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
        let sql = "SELECT id, segment, offset, length, checksum FROM blobs ORDER BY segment, offset";
        let blobs = self.db.all(sql, [], |row| Ok((BlobId(uint(row.get(0)?)), place(row, 1)?)))?;
        let all = blobs.iter().map(|(_, place)| u64::from(place.length)).sum();
        let mut done = 0;
        for (blob, place) in &blobs {
            match (Bodies { db: self.db, segments: self.segments, journal: self.journal }).whole(*blob, place)
            {
                Ok(octets) => self.summary(*blob, &octets)?,
                Err(Error::Damaged(what) | Error::Io(what)) => self.quarantine(*blob, place, &what)?,
                Err(error) => return Err(error),
            }
            done += u64::from(place.length);
            progress(done, all);
        }
        Ok(())
    }

    fn summary(&mut self, blob: BlobId, octets: &[u8]) -> Result<(), Error> {
        let sql = "SELECT summary FROM summaries WHERE blob = ?1";
        let decode = |row: &rusqlite::Row<'_>| Ok(Summary::decode(row.get_ref(0)?.as_blob()?).is_ok());
        if self.db.first(sql, [int(blob.0)], decode)? == Some(true) {
            return Ok(());
        }
        let mut builder = Builder::new();
        builder.push(octets);
        let summary = builder.finish();
        let sql = "INSERT OR REPLACE INTO summaries(blob, summary) VALUES (?1, ?2)";
        self.db.run(sql, params![int(blob.0), summary.encode()])?;
        self.db.run(
            "UPDATE blobs SET header = ?2 WHERE id = ?1",
            params![int(blob.0), summary.root.header.len],
        )?;
        self.mended(format!("message octets {blob}: their summary was made anew"));
        Ok(())
    }

    /// Keeps what can be read of damaged octets, and marks them as lost.
    fn quarantine(&mut self, blob: BlobId, place: &Place, what: &str) -> Result<(), Error> {
        let remains = if place.in_index() {
            let sql = "SELECT octets FROM bodies WHERE blob = ?1";
            self.db.first(sql, [int(blob.0)], |row| row.get::<_, Vec<u8>>(0)).ok().flatten()
        } else {
            Some(self.segments.remains(place))
        };
        let holders = holders(self.db, blob)?;
        for (at, holder) in holders.iter().enumerate() {
            self.repaired.lost.push(format!("{holder}: {what}"));
            if let Some(octets) = remains.as_deref().filter(|octets| !octets.is_empty()) {
                self.keep(&format!("{blob}-{at}.eml"), octets)?;
                self.keep(&format!("{blob}-{at}.txt"), format!("{holder}: {what}\n").as_bytes())?;
            }
        }
        let sql = "UPDATE blobs SET segment = -1, offset = 0 WHERE id = ?1";
        self.db.run(sql, [int(blob.0)])?;
        Ok(())
    }

    /// Objects that cannot be read would keep the server from starting.
    fn objects(&mut self) -> Result<(), Error> {
        for object in crate::objects::all(self.db)? {
            let Err(error) = serde_json::from_str::<serde_json::Value>(&object.json) else { continue };
            let what = format!("object {} {}", object.kind, object.key);
            self.keep(
                &format!("object-{}-{:016x}.json", object.kind, hash(&object.key)),
                object.json.as_bytes(),
            )?;
            self.db.run("DELETE FROM objects WHERE kind = ?1 AND key = ?2", [&object.kind, &object.key])?;
            self.repaired.lost.push(format!("{what}: {error}"));
        }
        let sql = "SELECT id, envelope FROM queue";
        let queue = self.db.all(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        for (id, envelope) in queue {
            let Err(error) = serde_json::from_str::<crate::Envelope>(&envelope) else { continue };
            self.keep(&format!("queue-{id}.json"), envelope.as_bytes())?;
            self.db.run("DELETE FROM queue WHERE id = ?1", [id])?;
            self.repaired.lost.push(format!("queued message {id}: {error}"));
        }
        let sql = "UPDATE audit SET details = '{}' WHERE NOT json_valid(details)";
        let audit = self.db.run(sql, [])?;
        if audit > 0 {
            self.mended(format!(
                "{audit} audit entries had details that could not be read; these are empty now"
            ));
        }
        Ok(())
    }

    /// Messages whose folder, and folders whose account, were lost get others.
    fn rehome(&mut self) -> Result<(), Error> {
        let accounts = "SELECT account, max(id), max(validity), max(modseq) FROM folders \
                        GROUP BY account HAVING account NOT IN (SELECT id FROM accounts)";
        for (account, folder, validity, modseq) in self.db.all(accounts, [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
        })? {
            let sql = "INSERT INTO accounts(id, modseq, next_folder, validity) VALUES (?1, ?2, ?3, ?4)";
            self.db.run(sql, [account, modseq, folder + 1, validity])?;
            self.mended(format!("account {account}: it is known again"));
        }
        let homeless = "SELECT account, folder, max(uid), max(modseq) FROM messages m WHERE NOT EXISTS \
                        (SELECT 1 FROM folders f WHERE f.account = m.account AND f.id = m.folder AND f.selectable = 1) \
                        GROUP BY account, folder";
        for (account, folder, uid, modseq) in self.db.all(homeless, [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
        })? {
            let name = if folder == 1 { "INBOX".to_owned() } else { format!("Recovered {folder}") };
            let sql = "INSERT INTO accounts(id, modseq, next_folder, validity) VALUES (?1, ?2, ?3, ?4) \
                       ON CONFLICT DO NOTHING";
            self.db.run(sql, [account, modseq, folder + 1, 0])?;
            // With another UIDVALIDITY: which one it had is not known.
            let sql = "UPDATE accounts SET validity = max(validity + 1, unixepoch()) WHERE id = ?1 RETURNING validity";
            let validity = self.db.first(sql, [account], |row| row.get::<_, i64>(0))?;
            let sql = "INSERT OR REPLACE INTO folders(account, id, name, role, selectable, validity, uid_next, recent, \
                       modseq, messages, unseen, deleted, size) VALUES (?1, ?2, ?3, 0, 1, ?4, ?5, ?5, ?6, 0, 0, 0, 0)";
            self.db.run(sql, params![account, folder, name, validity, uid + 1, modseq])?;
            self.mended(format!("account {account}: messages without a folder are in {name}"));
        }
        Ok(())
    }

    /// Counts anew all that is counted.
    fn count(&mut self) -> Result<(), Error> {
        for (what, sql) in COUNTS {
            let rows = self.db.run(sql, [])?;
            if rows > 0 {
                self.mended(format!("{what}: {rows}"));
            }
        }
        let sizes = self.db.all("SELECT id, end, dead FROM segments", [], |row| {
            Ok((row.get::<_, u32>(0)?, uint(row.get(1)?), uint(row.get(2)?)))
        })?;
        for (segment, end, dead) in sizes {
            let sql = "SELECT coalesce(sum(length + 32), 0) FROM blobs WHERE segment = ?1";
            let living = self.db.first(sql, [segment], |row| row.get(0).map(uint))?.unwrap_or(0);
            let unused = end.saturating_sub(HEADER + living);
            if unused != dead {
                self.db.run("UPDATE segments SET dead = ?2 WHERE id = ?1", params![segment, int(unused)])?;
                self.mended(format!("segment {segment}: its unused octets were counted anew"));
            }
        }
        Ok(())
    }
}

const COUNT_FOLDERS: &str = "UPDATE folders SET (messages, unseen, deleted, size) = (SELECT count(*), \
         coalesce(sum(flags & 1 = 0), 0), coalesce(sum(flags & 8 != 0), 0), coalesce(sum(size), 0) FROM messages m \
         WHERE m.account = folders.account AND m.folder = folders.id) WHERE (messages, unseen, deleted, size) != \
         (SELECT count(*), coalesce(sum(flags & 1 = 0), 0), coalesce(sum(flags & 8 != 0), 0), coalesce(sum(size), 0) \
         FROM messages m WHERE m.account = folders.account AND m.folder = folders.id)";

/// What can be counted from what else is known: what it is, and how. Each changes only what is wrong.
const COUNTS: [(&str, &str); 11] = [
    (
        "message numbers that were noted as removed, and are there",
        "DELETE FROM expunged WHERE EXISTS (SELECT 1 FROM messages m WHERE m.account = expunged.account \
         AND m.folder = expunged.folder AND m.uid BETWEEN expunged.first AND expunged.last)",
    ),
    (
        "sizes of messages",
        "UPDATE messages SET size = (SELECT length FROM blobs b WHERE b.id = blob) \
         WHERE size != (SELECT length FROM blobs b WHERE b.id = blob)",
    ),
    (
        "next numbers of folders",
        "UPDATE folders SET uid_next = (SELECT max(uid) + 1 FROM messages m \
         WHERE m.account = folders.account AND m.folder = folders.id) WHERE uid_next <= (SELECT max(uid) \
         FROM messages m WHERE m.account = folders.account AND m.folder = folders.id)",
    ),
    (
        "change numbers of folders",
        "UPDATE folders SET modseq = (SELECT max(modseq) FROM messages m \
         WHERE m.account = folders.account AND m.folder = folders.id) WHERE modseq < (SELECT max(modseq) \
         FROM messages m WHERE m.account = folders.account AND m.folder = folders.id)",
    ),
    ("counters of folders", COUNT_FOLDERS),
    (
        "counters of accounts",
        "UPDATE accounts SET modseq = max(modseq, (SELECT max(modseq) FROM folders WHERE account = accounts.id)), \
         next_folder = max(next_folder, (SELECT max(id) + 1 FROM folders WHERE account = accounts.id)), \
         validity = max(validity, (SELECT max(validity) FROM folders WHERE account = accounts.id)) \
         WHERE EXISTS (SELECT 1 FROM folders f WHERE f.account = accounts.id AND (f.modseq > accounts.modseq \
         OR f.id >= accounts.next_folder OR f.validity > accounts.validity))",
    ),
    (
        "octets that nothing refers to",
        "DELETE FROM blobs WHERE id NOT IN (SELECT blob FROM messages) \
         AND id NOT IN (SELECT blob FROM recoverable) AND id NOT IN (SELECT blob FROM queue)",
    ),
    (
        "small octets that nothing refers to",
        "DELETE FROM bodies WHERE blob NOT IN (SELECT id FROM blobs WHERE segment = 0)",
    ),
    ("summaries that nothing refers to", "DELETE FROM summaries WHERE blob NOT IN (SELECT id FROM blobs)"),
    (
        "references to octets",
        "UPDATE blobs SET refs = (SELECT count(*) FROM messages WHERE blob = blobs.id) \
         + (SELECT count(*) FROM recoverable WHERE blob = blobs.id) + (SELECT count(*) FROM queue WHERE blob = blobs.id) \
         WHERE refs != (SELECT count(*) FROM (SELECT blob FROM messages UNION ALL SELECT blob FROM recoverable \
         UNION ALL SELECT blob FROM queue) WHERE blob = blobs.id)",
    ),
    (
        "numbers to be given out",
        "UPDATE counters SET blob = max(blob, (SELECT coalesce(max(id), 0) + 1 FROM blobs)), \
         account = max(account, (SELECT coalesce(max(id), 0) + 1 FROM accounts)) \
         WHERE blob <= (SELECT max(id) FROM blobs) OR account <= (SELECT max(id) FROM accounts)",
    ),
];

/// Takes what has no octets out of folders, recoverable items and queue; says what that was. Octets that are lost have the
/// segment -1, or are not known at all.
pub(crate) fn drop_absent(db: Db<'_>) -> Result<Vec<String>, Error> {
    const LOST: &str = "blob NOT IN (SELECT id FROM blobs WHERE segment != -1)";
    let sql = format!(
        "SELECT 'account ' || m.account || ', folder ' || coalesce(f.name, m.folder) || ', message ' || m.uid, m.account, \
         m.folder, m.uid FROM messages m LEFT JOIN folders f ON f.account = m.account AND f.id = m.folder WHERE {LOST}"
    );
    let messages = db.all(&sql, [], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
    })?;
    let mut lost = Vec::new();
    for (what, account, folder, uid) in messages {
        lost.push(format!("{what}: it was taken out of its folder"));
        let sql = "UPDATE accounts SET modseq = modseq + 1 WHERE id = ?1 RETURNING modseq";
        let modseq = db.first(sql, [account], |row| row.get::<_, i64>(0))?;
        db.run(
            "DELETE FROM messages WHERE account = ?1 AND folder = ?2 AND uid = ?3",
            [account, folder, uid],
        )?;
        if let Some(modseq) = modseq {
            let sql = "INSERT OR IGNORE INTO expunged(account, folder, modseq, first, last) VALUES (?1, ?2, ?3, ?4, ?4)";
            db.run(sql, [account, folder, modseq, uid])?;
            db.run(
                "UPDATE folders SET modseq = ?3 WHERE account = ?1 AND id = ?2",
                [account, folder, modseq],
            )?;
        }
    }
    for (table, name) in [("recoverable", "recoverable items"), ("queue", "queued messages")] {
        let dropped = db.run(&format!("DELETE FROM {table} WHERE {LOST}"), [])?;
        if dropped > 0 {
            lost.push(format!("{dropped} {name} without octets"));
        }
    }
    db.run("DELETE FROM summaries WHERE blob IN (SELECT id FROM blobs WHERE segment = -1)", [])?;
    db.run("DELETE FROM blobs WHERE segment = -1", [])?;
    if !lost.is_empty() {
        db.run(COUNT_FOLDERS, [])?;
    }
    Ok(lost)
}

/// What refers to octets, in words.
fn holders(db: Db<'_>, blob: BlobId) -> Result<Vec<String>, Error> {
    let sql = "SELECT 'account ' || m.account || ', folder ' || coalesce(f.name, m.folder) || ', message ' || m.uid \
               FROM messages m LEFT JOIN folders f ON f.account = m.account AND f.id = m.folder WHERE m.blob = ?1 \
               UNION ALL SELECT 'account ' || account || ', recoverable item ' || id || ' of ' || folder \
               FROM recoverable WHERE blob = ?1 UNION ALL SELECT 'queued message ' || id FROM queue WHERE blob = ?1";
    db.all(sql, [int(blob.0)], |row| row.get(0))
}

fn hash(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}
