//! Reads a whole data directory and says what is wrong with it. Nothing is changed or repaired.

use crate::bodies::{Bodies, place};
use crate::segments::{HEADER, Place, Segments};
use crate::sql::{Db, io, uint};
use crate::{Error, Report, files, objects, schema};
use journal::Journal;
use mail::{BlobId, Summary};
use std::collections::HashMap;
use std::path::Path;

/// More damage than this is only counted.
const LISTED: usize = 1_000;

/// Questions whose every row is a damage, in words.
const QUESTIONS: [&str; 13] = [
    "SELECT 'account ' || m.account || ', folder ' || m.folder || ', message ' || m.uid || ': its octets are missing'
     FROM messages m LEFT JOIN blobs b ON b.id = m.blob WHERE b.id IS NULL",
    "SELECT 'account ' || m.account || ', folder ' || m.folder || ', message ' || m.uid || ': its size is not that of its octets'
     FROM messages m JOIN blobs b ON b.id = m.blob WHERE b.length != m.size",
    "SELECT 'account ' || r.account || ', recoverable item ' || r.id || ': its octets are missing'
     FROM recoverable r LEFT JOIN blobs b ON b.id = r.blob WHERE b.id IS NULL",
    "SELECT 'queued message ' || q.id || ': its octets are missing'
     FROM queue q LEFT JOIN blobs b ON b.id = q.blob WHERE b.id IS NULL",
    "SELECT 'message octets ' || b.id || ': ' || b.refs || ' references are counted, ' || count(h.blob) || ' exist'
     FROM blobs b LEFT JOIN (SELECT blob FROM messages UNION ALL SELECT blob FROM recoverable
     UNION ALL SELECT blob FROM queue) h ON h.blob = b.id GROUP BY b.id HAVING b.refs != count(h.blob)",
    "SELECT 'message octets ' || b.id || ': they have no summary'
     FROM blobs b LEFT JOIN summaries s ON s.blob = b.id WHERE s.blob IS NULL",
    "SELECT 'account ' || f.account || ', folder ' || f.name || ': its counters are not those of its messages'
     FROM folders f LEFT JOIN (SELECT account, folder, count(*) AS messages, sum(flags & 1 = 0) AS unseen,
     sum(flags & 8 != 0) AS deleted, sum(size) AS size FROM messages GROUP BY account, folder) m
     ON m.account = f.account AND m.folder = f.id
     WHERE f.messages != coalesce(m.messages, 0) OR f.unseen != coalesce(m.unseen, 0)
     OR f.deleted != coalesce(m.deleted, 0) OR f.size != coalesce(m.size, 0)",
    "SELECT 'account ' || m.account || ', folder ' || m.folder || ', message ' || m.uid || ': it is in no folder'
     FROM messages m LEFT JOIN folders f ON f.account = m.account AND f.id = m.folder AND f.selectable = 1
     WHERE f.id IS NULL",
    "SELECT 'account ' || m.account || ', folder ' || f.name || ', message ' || m.uid || ': its number or modseq was never given out'
     FROM messages m JOIN folders f ON f.account = m.account AND f.id = m.folder
     WHERE m.uid >= f.uid_next OR m.modseq > f.modseq",
    "SELECT 'account ' || f.account || ', folder ' || f.name || ': its account does not know it'
     FROM folders f LEFT JOIN accounts a ON a.id = f.account AND f.modseq <= a.modseq AND f.id < a.next_folder
     AND f.validity <= a.validity WHERE a.id IS NULL",
    "SELECT 'account ' || m.account || ', folder ' || m.folder || ', message ' || m.uid || ': it is there and noted as removed'
     FROM expunged e JOIN messages m ON m.account = e.account AND m.folder = e.folder AND m.uid BETWEEN e.first AND e.last",
    "SELECT 'message octets ' || b.id || ': beyond the end of segment ' || b.segment
     FROM blobs b LEFT JOIN segments s ON s.id = b.segment AND b.offset + b.length + 32 <= s.end
     WHERE s.id IS NULL AND b.segment != 0",
    "SELECT 'message octets ' || o.blob || ': they are in the index, and nothing refers to them'
     FROM bodies o LEFT JOIN blobs b ON b.id = o.blob AND b.segment = 0 WHERE b.id IS NULL",
];

/// What refers to octets, and their summary.
const HOLDERS: &str = "SELECT h.what, s.summary FROM (
     SELECT m.blob, 'account ' || m.account || ', folder ' || f.name || ', message ' || m.uid AS what
     FROM messages m JOIN folders f ON f.account = m.account AND f.id = m.folder
     UNION ALL SELECT blob, 'account ' || account || ', recoverable item ' || id || ' of ' || folder FROM recoverable
     UNION ALL SELECT blob, 'queued message ' || id FROM queue) h JOIN summaries s ON s.blob = h.blob";

/// All that is kept as JSON, with what it is.
const JSON: &str = "SELECT 'object ' || kind || ' ' || key, json FROM objects
     UNION ALL SELECT 'queued message ' || id, envelope FROM queue
     UNION ALL SELECT 'audit entry ' || id, details FROM audit";

struct Check<'a> {
    db: Db<'a>,
    segments: Segments,
    report: Report,
    unlisted: u64,
    /// Nobody reads it: what is damaged stands in the report.
    journal: Journal,
}

/// Checks a data directory that no store has open.
pub(crate) fn check(dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
    let path = dir.join("segments");
    std::fs::read_dir(&path).map_err(io(path.display()))?;
    let _lock = files::lock(dir)?;
    let (marked, mark) = match files::format(dir) {
        Err(Error::Damaged(what)) => (Some(schema::FORMAT), Some(what)),
        result => (result?, None),
    };
    let mut report = match files::whole(dir, marked).and_then(|()| read(dir, progress)) {
        // An index that cannot even be opened.
        Err(Error::Damaged(what)) => Report { damage: vec![what], index_damaged: true, ..Report::default() },
        result => result?,
    };
    report.damage.extend(mark);
    if marked.is_none() {
        report.notes.push("FORMAT is missing; the next start writes it again".to_owned());
    }
    Ok(report)
}

fn read(dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
    let path = dir.join("index.db");
    std::fs::File::open(&path).map_err(io(path.display()))?;
    let connection = schema::open_still(dir)?;
    let found = schema::format(&connection)?;
    if found > schema::FORMAT {
        return Err(Error::TooNew { found, known: schema::FORMAT });
    }
    if found == 0 {
        return Err(Error::Damaged("index.db: it is empty".into()));
    }
    schema::stand_in(&connection, found)?;
    let segments = Segments::new(Some(dir.join("segments")), u64::MAX);
    let mut check = Check {
        db: Db(&connection),
        segments,
        report: Report::default(),
        unlisted: 0,
        journal: Journal::default(),
    };
    check.index()?;
    check.octets(progress)?;
    if check.unlisted > 0 {
        check.report.damage.push(format!("and {} more", check.unlisted));
    }
    Ok(check.report)
}

impl Check<'_> {
    fn damaged(&mut self, what: String) {
        self.report.index_damaged |= what.starts_with("index.db: ");
        if self.report.damage.len() < LISTED {
            self.report.damage.push(what);
        } else {
            self.unlisted += 1;
        }
    }

    /// Runs a question; one that cannot be answered is damage too.
    fn ask<T>(
        &mut self,
        question: &str,
        map: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        match self.db.all(question, [], map) {
            Err(Error::Damaged(what)) => {
                self.damaged(what);
                Ok(Vec::new())
            }
            result => result,
        }
    }

    fn index(&mut self) -> Result<(), Error> {
        for line in self.ask("PRAGMA integrity_check", |row| row.get::<_, String>(0))? {
            if line != "ok" {
                self.damaged(format!("index.db: {line}"));
            }
        }
        for question in QUESTIONS {
            for what in self.ask(question, |row| row.get::<_, String>(0))? {
                self.damaged(what);
            }
        }
        for (what, json) in self.ask(JSON, |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))? {
            if let Err(error) = serde_json::from_str::<serde_json::Value>(&json) {
                self.damaged(format!("{what}: {error}"));
            }
        }
        self.report.objects = objects::all(self.db).unwrap_or_default();
        let messages = self.ask("SELECT count(*) FROM messages", |row| row.get(0).map(uint))?;
        self.report.messages = messages.first().copied().unwrap_or(0);
        let unreadable = "SELECT blob, summary FROM summaries";
        let unreadable = self.ask(unreadable, |row| {
            Ok((row.get::<_, i64>(0)?, Summary::decode(row.get_ref(1)?.as_blob()?).is_err()))
        })?;
        for (blob, _) in unreadable.iter().filter(|(_, unreadable)| *unreadable) {
            self.damaged(format!("message octets {blob}: their summary cannot be read"));
        }
        Ok(())
    }

    /// Reads every message's octets, in the order in which they lie on the disk.
    fn octets(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
        let sizes = self.ask("SELECT id, end, dead FROM segments ORDER BY id", |row| {
            Ok((row.get::<_, u32>(0)?, uint(row.get(1)?), uint(row.get(2)?)))
        })?;
        for (segment, end, _) in &sizes {
            let checked = self.segments.check(*segment).and_then(|()| self.segments.length(*segment));
            match checked {
                Ok(length) if length < *end => {
                    self.damaged(format!("segment {segment}: it was cut to {length} octets"))
                }
                Ok(length) => self.report.unused_octets += length - end,
                // Who may not read it cannot know whether it is damaged.
                Err(error @ Error::Denied(_)) => return Err(error),
                Err(error) => self.damaged(error.to_string()),
            }
        }
        let total: u64 = sizes.iter().map(|(_, end, dead)| end.saturating_sub(HEADER + dead)).sum();
        let sql = "SELECT id, segment, offset, length, checksum FROM blobs ORDER BY segment, offset";
        let blobs = self.ask(sql, |row| Ok((BlobId(uint(row.get(0)?)), place(row, 1)?)))?;
        let mut done = 0;
        for (blob, place) in &blobs {
            match (Bodies { db: self.db, segments: &self.segments, journal: &self.journal })
                .whole(*blob, place)
            {
                Ok(_) => {}
                Err(Error::Damaged(what)) => self.lost(*blob, &what)?,
                Err(error @ Error::Denied(_)) => return Err(error),
                Err(error) => self.lost(*blob, &error.to_string())?,
            }
            self.report.octets += u64::from(place.length);
            done += place.record();
            progress(done, total.max(done));
        }
        self.space(&sizes, &blobs);
        Ok(())
    }

    /// Names all messages that have these octets.
    fn lost(&mut self, blob: BlobId, what: &str) -> Result<(), Error> {
        let subject = |row: &rusqlite::Row<'_>, at| -> rusqlite::Result<String> {
            let summary = Summary::decode(row.get_ref(at)?.as_blob()?).ok();
            let subject = summary.and_then(|summary| summary.envelope.subject).unwrap_or_default();
            Ok(String::from_utf8_lossy(&subject).into_owned())
        };
        let sql = format!("{HOLDERS} WHERE h.blob = {}", blob.0);
        let holders = self.ask(&sql, |row| Ok((row.get::<_, String>(0)?, subject(row, 1)?)))?;
        for (holder, subject) in &holders {
            self.damaged(format!("{holder}, {subject:?}: {what}"));
        }
        if holders.is_empty() {
            self.damaged(format!("message octets {blob}: {what}"));
        }
        Ok(())
    }

    /// Compares the count of garbage with what is left between the living.
    fn space(&mut self, sizes: &[(u32, u64, u64)], blobs: &[(BlobId, Place)]) {
        let mut living = HashMap::<u32, u64>::new();
        for (_, place) in blobs {
            *living.entry(place.segment).or_default() += place.record();
        }
        for (segment, end, dead) in sizes {
            let unused = end.saturating_sub(HEADER + living.get(segment).copied().unwrap_or(0));
            self.report.unused_octets += unused;
            if unused != *dead {
                self.damaged(format!("segment {segment}: {dead} octets are counted as unused, {unused} are"));
            }
        }
    }
}
