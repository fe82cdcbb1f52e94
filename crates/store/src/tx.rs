//! What a job of the writer sees: the open transaction, counters of the whole store, and a list for what it did that
//! others may have in memory.
//!
//! The functions here change one row or one folder; what users ask for is put together from them in the modules for
//! folders, messages and objects.

use crate::Error;
use crate::bodies::{place, waste};
use crate::rows::FolderRow;
use crate::segments::Place;
use crate::sql::{Db, int, uint};
use crate::views::{Delta, Effect};
use mail::{
    AccountId, BlobId, Entry, Flag, FlagSet, FolderId, Keyword, KeywordTable, KeywordTableFull, ModSeq, Uid,
    UidValidity,
};
use rusqlite::params;
use std::sync::Arc;

/// Every account's INBOX: the first folder that is made in it.
pub(crate) const INBOX: FolderId = FolderId(1);

/// Numbers that are given out once in the life of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) blob: u64,
    pub(crate) account: u64,
    pub(crate) queue: u64,
    pub(crate) item: u64,
}

impl Counters {
    pub(crate) fn load(db: Db<'_>) -> Result<Counters, Error> {
        let sql = "SELECT blob, account, queue, item FROM counters";
        let counters = db.first(sql, [], |row| {
            let at = |column| row.get(column).map(uint);
            Ok(Counters { blob: at(0)?, account: at(1)?, queue: at(2)?, item: at(3)? })
        })?;
        counters.ok_or_else(|| Error::Damaged("index.db: no counters".into()))
    }

    pub(crate) fn save(&self, db: Db<'_>) -> Result<(), Error> {
        let values = params![int(self.blob), int(self.account), int(self.queue), int(self.item)];
        db.run("UPDATE counters SET blob = ?1, account = ?2, queue = ?3, item = ?4", values)?;
        Ok(())
    }

    /// Takes the next of one kind.
    pub(crate) fn take(counter: &mut u64) -> u64 {
        let taken = *counter;
        *counter += 1;
        taken
    }
}

/// How a folder's counters change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) messages: i64,
    pub(crate) unseen: i64,
    pub(crate) deleted: i64,
    pub(crate) size: i64,
}

impl Counts {
    pub(crate) fn add(&mut self, entry: &Entry) {
        self.change(entry, 1);
    }

    pub(crate) fn take(&mut self, entry: &Entry) {
        self.change(entry, -1);
    }

    fn change(&mut self, entry: &Entry, sign: i64) {
        self.messages += sign;
        self.unseen += sign * i64::from(!entry.flags.contains(Flag::Seen));
        self.deleted += sign * i64::from(entry.flags.contains(Flag::Deleted));
        self.size += sign * i64::from(entry.size);
    }
}

/// The writer's transaction, for one job.
pub(crate) struct Tx<'a> {
    pub(crate) db: Db<'a>,
    pub(crate) counters: &'a mut Counters,
    pub(crate) effects: &'a mut Vec<Effect>,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

impl Tx<'_> {
    /// Something in the account changes: the modseq it does so at.
    pub(crate) fn touch(&self, account: AccountId) -> Result<ModSeq, Error> {
        let sql = "UPDATE accounts SET modseq = modseq + 1 WHERE id = ?1 RETURNING modseq";
        let modseq = self.db.first(sql, [int(account.0)], |row| row.get(0))?;
        modseq.map(|modseq| ModSeq(uint(modseq))).ok_or(Error::NotFound)
    }

    /// The folder, which messages can be in.
    pub(crate) fn folder(&self, account: AccountId, folder: FolderId) -> Result<FolderRow, Error> {
        FolderRow::find(self.db, account, folder)
    }

    /// Gives out `count` UIDs of a folder: the first of them, and the folder's generation.
    pub(crate) fn take_uids(
        &self,
        account: AccountId,
        folder: FolderId,
        count: u32,
    ) -> Result<(Uid, UidValidity), Error> {
        let sql = "UPDATE folders SET uid_next = uid_next + ?3 WHERE account = ?1 AND id = ?2 AND selectable = 1 \
                   RETURNING uid_next - ?3, validity";
        let taken = self.db.first(sql, params![int(account.0), int(folder.0), count], |row| {
            Ok((Uid(row.get(0)?), UidValidity(row.get(1)?)))
        })?;
        let (first, validity) = taken.ok_or(Error::NotFound)?;
        match first.0.checked_add(count) {
            Some(_) => Ok((first, validity)),
            None => Err(Error::Damaged("the folder has used up its 4,294,967,295 message numbers".into())),
        }
    }

    /// Adds to a folder's counters and raises its modseq.
    pub(crate) fn count(
        &self,
        account: AccountId,
        folder: FolderId,
        counts: Counts,
        modseq: ModSeq,
    ) -> Result<(), Error> {
        let sql = "UPDATE folders SET messages = messages + ?3, unseen = unseen + ?4, deleted = deleted + ?5, \
                   size = size + ?6, modseq = ?7 WHERE account = ?1 AND id = ?2";
        let Counts { messages, unseen, deleted, size } = counts;
        let values = params![int(account.0), int(folder.0), messages, unseen, deleted, size, int(modseq.0)];
        self.db.run(sql, values)?;
        Ok(())
    }

    /// Adds a row for a message.
    pub(crate) fn insert(
        &self,
        account: AccountId,
        folder: FolderId,
        entry: &Entry,
        blob: BlobId,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO messages(account, folder, uid, flags, modseq, size, date, zone, blob) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let Entry { uid, size, flags, modseq, date } = *entry;
        let (flags, modseq) = (int(flags.bits()), int(modseq.0));
        let values = params![
            int(account.0),
            int(folder.0),
            uid.0,
            flags,
            modseq,
            size,
            date.seconds,
            date.offset,
            int(blob.0)
        ];
        self.db.run(sql, values)?;
        Ok(())
    }

    /// The flags that these names are in a folder. New keywords are added to its table, which is then returned too.
    pub(crate) fn intern<'k>(
        &self,
        account: AccountId,
        folder: FolderId,
        keywords: impl IntoIterator<Item = &'k Keyword>,
    ) -> Result<(FlagSet, Option<Arc<KeywordTable>>), Error> {
        let mut keywords = keywords.into_iter().peekable();
        if keywords.peek().is_none() {
            return Ok((FlagSet::NONE, None));
        }
        let mut table = keyword_table(self.db, account, folder)?;
        let mut flags = FlagSet::NONE;
        let mut changed = false;
        for keyword in keywords {
            let known = table.position(keyword);
            let position = match known.map_or_else(|| table.intern(keyword), Ok) {
                Ok(position) => position,
                Err(KeywordTableFull) => {
                    let unused =
                        self.unused_keyword(account, folder, flags)?.ok_or(Error::TooManyKeywords)?;
                    table.replace(unused, keyword);
                    unused
                }
            };
            flags = flags.with_keyword(position);
            if known.is_none() {
                let sql = "INSERT OR REPLACE INTO keywords(account, folder, position, name) VALUES (?1, ?2, ?3, ?4)";
                self.db.run(sql, params![int(account.0), int(folder.0), position, keyword.as_str()])?;
                changed = true;
            }
        }
        Ok((flags, changed.then(|| Arc::new(table))))
    }

    /// A position in the folder's full table of keywords that no message has set, and that is not in `taken`. It reads
    /// all the folder's flags, which is dear, but a folder with so many keywords is rare.
    fn unused_keyword(
        &self,
        account: AccountId,
        folder: FolderId,
        taken: FlagSet,
    ) -> Result<Option<u32>, Error> {
        let sql = "SELECT DISTINCT flags FROM messages WHERE account = ?1 AND folder = ?2";
        let all = self.db.all(sql, [int(account.0), int(folder.0)], |row| row.get(0).map(uint))?;
        let used = all.into_iter().fold(taken, |used, bits| used.union(FlagSet::from_bits(bits)));
        Ok((0..KeywordTable::CAPACITY)
            .filter_map(|at| u32::try_from(at).ok())
            .find(|at| !used.contains_keyword(*at)))
    }

    /// Notes what a folder's listing must be told after the commit.
    pub(crate) fn changed(&mut self, account: AccountId, folder: FolderId, delta: Delta) {
        self.effects.push(Effect::Changed(account, folder, delta));
    }

    /// Adds a message's octets, known to the index from here on.
    pub(crate) fn insert_blob(
        &self,
        blob: BlobId,
        place: &Place,
        header: u32,
        refs: u64,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO blobs(id, segment, offset, length, header, checksum, refs) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let Place { segment, offset, length, checksum } = *place;
        let values = params![int(blob.0), segment, int(offset), length, header, int(checksum), int(refs)];
        self.db.run(sql, values)?;
        Ok(())
    }

    /// One more row refers to the octets.
    pub(crate) fn hold(&self, blob: BlobId) -> Result<(), Error> {
        self.db.run("UPDATE blobs SET refs = refs + 1 WHERE id = ?1", [int(blob.0)])?;
        Ok(())
    }

    /// One row less refers to the octets; with the last one they become garbage.
    pub(crate) fn release(&self, blob: BlobId) -> Result<(), Error> {
        let sql = "UPDATE blobs SET refs = refs - 1 WHERE id = ?1 RETURNING refs, segment, offset, length, checksum";
        let left = self.db.first(sql, [int(blob.0)], |row| Ok((row.get::<_, i64>(0)?, place(row, 1)?)))?;
        let Some((0, place)) = left else { return Ok(()) };
        self.db.run("DELETE FROM blobs WHERE id = ?1", [int(blob.0)])?;
        self.db.run("DELETE FROM summaries WHERE blob = ?1", [int(blob.0)])?;
        waste(self.db, blob, &place)
    }
}

/// A folder's keywords.
pub(crate) fn keyword_table(db: Db<'_>, account: AccountId, folder: FolderId) -> Result<KeywordTable, Error> {
    let sql = "SELECT name FROM keywords WHERE account = ?1 AND folder = ?2 ORDER BY position";
    let names = db.all(sql, [int(account.0), int(folder.0)], |row| row.get::<_, String>(0))?;
    let keyword =
        |name: &String| Keyword::new(name).ok_or_else(|| Error::Damaged(format!("keyword {name:?}")));
    Ok(KeywordTable::new(names.iter().map(keyword).collect::<Result<Vec<_>, _>>()?))
}
