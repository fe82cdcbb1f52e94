//! Rows of the index as values, for readers and the writer alike.

use crate::sql::{Db, int, uint};
use crate::{Error, SpecialUse, Status};
use mail::{AccountId, BlobId, DateTime, Entry, FlagSet, FolderId, ModSeq, Uid, UidValidity};
use rusqlite::{Row, params};

/// A folder as the index has it.
#[derive(Clone, Debug)]
pub(crate) struct FolderRow {
    pub(crate) id: FolderId,
    pub(crate) name: String,
    pub(crate) role: Option<SpecialUse>,
    pub(crate) selectable: bool,
    /// The first UID that no session was told of.
    pub(crate) recent: Uid,
    /// Up to this modseq it is no longer known what was removed.
    pub(crate) forgotten: ModSeq,
    /// Its counts; `recent` in it is left at 0.
    pub(crate) status: Status,
}

const FOLDER: &str = "SELECT id, name, role, selectable, validity, uid_next, recent, modseq, messages, unseen, \
                      deleted, size, forgotten FROM folders WHERE account = ?1";

impl FolderRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<FolderRow> {
        Ok(FolderRow {
            id: FolderId(uint(row.get(0)?)),
            name: row.get(1)?,
            role: role(row.get(2)?),
            selectable: row.get(3)?,
            recent: Uid(row.get(6)?),
            forgotten: ModSeq(uint(row.get(12)?)),
            status: Status {
                messages: row.get(8)?,
                unseen: row.get(9)?,
                deleted: row.get(10)?,
                recent: 0,
                size: uint(row.get(11)?),
                uid_next: Uid(row.get(5)?),
                uid_validity: UidValidity(row.get(4)?),
                highest_modseq: ModSeq(uint(row.get(7)?)),
            },
        })
    }

    /// The folder, messages can be in it or not.
    pub(crate) fn any(db: Db<'_>, account: AccountId, folder: FolderId) -> Result<FolderRow, Error> {
        let sql = format!("{FOLDER} AND id = ?2");
        db.first(&sql, [int(account.0), int(folder.0)], FolderRow::read)?.ok_or(Error::NotFound)
    }

    /// The folder, which messages can be in.
    pub(crate) fn find(db: Db<'_>, account: AccountId, folder: FolderId) -> Result<FolderRow, Error> {
        FolderRow::any(db, account, folder)
            .and_then(|row| if row.selectable { Ok(row) } else { Err(Error::NotFound) })
    }

    /// The folder of this name.
    pub(crate) fn named(db: Db<'_>, account: AccountId, name: &str) -> Result<Option<FolderRow>, Error> {
        db.first(&format!("{FOLDER} AND name = ?2"), params![int(account.0), name], FolderRow::read)
    }

    /// All folders of the account.
    pub(crate) fn all(db: Db<'_>, account: AccountId) -> Result<Vec<FolderRow>, Error> {
        db.all(FOLDER, [int(account.0)], FolderRow::read)
    }
}

/// The number a folder's purpose is kept as; 0 is none.
pub(crate) fn role_number(role: Option<SpecialUse>) -> i64 {
    match role {
        None => 0,
        Some(SpecialUse::Drafts) => 1,
        Some(SpecialUse::Sent) => 2,
        Some(SpecialUse::Trash) => 3,
        Some(SpecialUse::Junk) => 4,
        Some(SpecialUse::Archive) => 5,
    }
}

fn role(number: i64) -> Option<SpecialUse> {
    match number {
        1 => Some(SpecialUse::Drafts),
        2 => Some(SpecialUse::Sent),
        3 => Some(SpecialUse::Trash),
        4 => Some(SpecialUse::Junk),
        5 => Some(SpecialUse::Archive),
        _ => None,
    }
}

/// A message in a folder, and where its octets are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageRow {
    pub(crate) entry: Entry,
    pub(crate) blob: BlobId,
}

const MESSAGE: &str =
    "SELECT uid, flags, modseq, size, date, zone, blob FROM messages WHERE account = ?1 AND folder = ?2";

impl MessageRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
        let entry = Entry {
            uid: Uid(row.get(0)?),
            flags: FlagSet::from_bits(uint(row.get(1)?)),
            modseq: ModSeq(uint(row.get(2)?)),
            size: row.get(3)?,
            date: DateTime { seconds: row.get(4)?, offset: row.get(5)? },
        };
        Ok(MessageRow { entry, blob: BlobId(uint(row.get(6)?)) })
    }

    /// All messages of a folder in order of UID.
    pub(crate) fn all(db: Db<'_>, account: AccountId, folder: FolderId) -> Result<Vec<MessageRow>, Error> {
        db.all(MESSAGE, [int(account.0), int(folder.0)], MessageRow::read)
    }

    /// The first `limit` messages of a folder behind this one.
    pub(crate) fn after(
        db: Db<'_>,
        account: AccountId,
        folder: FolderId,
        uid: Uid,
        limit: u32,
    ) -> Result<Vec<MessageRow>, Error> {
        let sql = format!("{MESSAGE} AND uid > ?3 ORDER BY uid LIMIT ?4");
        db.all(&sql, params![int(account.0), int(folder.0), uid.0, limit], MessageRow::read)
    }

    /// Those of these messages that exist. `uids` ascend.
    pub(crate) fn some(
        db: Db<'_>,
        account: AccountId,
        folder: FolderId,
        uids: &[Uid],
    ) -> Result<Vec<MessageRow>, Error> {
        let sql = format!("{MESSAGE} AND uid BETWEEN ?3 AND ?4");
        let mut found = Vec::with_capacity(uids.len());
        for span in spans(uids) {
            let (Some(first), Some(last)) = (span.first(), span.last()) else { continue };
            let rows =
                db.all(&sql, params![int(account.0), int(folder.0), first.0, last.0], MessageRow::read)?;
            found.extend(rows.into_iter().filter(|row| span.binary_search(&row.entry.uid).is_ok()));
        }
        Ok(found)
    }

    /// The messages with `\Deleted`, all of the folder's or those of `uids`.
    pub(crate) fn deleted(
        db: Db<'_>,
        account: AccountId,
        folder: FolderId,
        uids: Option<&[Uid]>,
    ) -> Result<Vec<MessageRow>, Error> {
        let mut rows = match uids {
            Some(uids) => MessageRow::some(db, account, folder, uids)?,
            // The condition is written as in the index of deleted messages, so that it is used.
            None => {
                let sql = format!("{MESSAGE} AND flags & 8 != 0 ORDER BY uid");
                db.all(&sql, [int(account.0), int(folder.0)], MessageRow::read)?
            }
        };
        rows.retain(|row| row.entry.flags.contains(mail::Flag::Deleted));
        Ok(rows)
    }
}

/// Cuts ascending UIDs into runs that are dense enough to be read as one range of the index.
pub(crate) fn spans(uids: &[Uid]) -> impl Iterator<Item = &[Uid]> {
    /// Rows passed over are cheaper than a new search, up to about this many.
    const GAP: u32 = 8;
    uids.chunk_by(|a, b| b.0.saturating_sub(a.0) <= GAP)
}

/// Ascending, each once.
pub(crate) fn ascending(mut uids: Vec<Uid>) -> Vec<Uid> {
    uids.sort_unstable();
    uids.dedup();
    uids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_kept_by_number() {
        use SpecialUse::*;
        for purpose in [None, Some(Drafts), Some(Sent), Some(Trash), Some(Junk), Some(Archive)] {
            assert_eq!(role(role_number(purpose)), purpose);
        }
    }

    #[test]
    fn uids_are_cut_into_dense_runs() {
        let uids = ascending([9, 1, 3, 3, 30, 31].map(Uid).to_vec());
        let runs: Vec<Vec<u32>> = spans(&uids).map(|run| run.iter().map(|uid| uid.0).collect()).collect();
        assert_eq!(runs, [vec![1, 3, 9], vec![30, 31]]);
    }
}
