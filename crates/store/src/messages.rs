//! What the writer does with messages: file, flag, copy, move, remove, bring back.
//!
//! Each function is one job, all or nothing. The cost is that of the messages named, never that of the folder.

use crate::bodies::waste;
use crate::rows::{MessageRow, ascending};
use crate::sql::{int, uint};
use crate::tx::{Counters, Counts, INBOX, Tx, keyword_table};
use crate::views::Delta;
use crate::writer::Stored;
use crate::{Absent, Copied, Delivered, Envelope, Error, FlagChange, FlagOperation, FlagsChanged, Target};
use mail::{
    AccountId, BlobId, DateTime, Entry, Flag, FlagSet, FolderId, KeywordTable, ModSeq, QueueId, Uid,
    UidValidity,
};
use rusqlite::params;

/// The part of [`FlagSet`] that means the same in every folder.
pub(crate) fn system(flags: FlagSet) -> FlagSet {
    Flag::ALL.into_iter().filter(|flag| flags.contains(*flag)).collect()
}

/// What is known of a message whose octets were just stored.
pub(crate) struct Arrival {
    /// Envelope and structure, encoded.
    pub(crate) summary: Vec<u8>,
    /// Octets of the header.
    pub(crate) header: u32,
}

/// Files a message into folders and the queue.
pub(crate) fn deliver(
    tx: &mut Tx<'_>,
    message: &Arrival,
    stored: &Stored,
    to: &[Target],
    queue: Option<&Envelope>,
) -> Result<Delivered, Error> {
    let Stored { blob, place, .. } = *stored;
    let refs = to.len() + usize::from(queue.is_some());
    if refs == 0 {
        waste(tx.db, blob, &place)?; // nobody wants it
        return Ok(Delivered { blob, placed: Vec::new(), queued: None });
    }
    tx.insert_blob(blob, &place, message.header, refs as u64)?;
    tx.db
        .run("INSERT INTO summaries(blob, summary) VALUES (?1, ?2)", params![int(blob.0), message.summary])?;
    let mut placed = Vec::with_capacity(to.len());
    for target in to {
        placed.push(file(tx, target, blob, place.length)?);
    }
    let queued = queue.map(|envelope| enqueue(tx, envelope, blob)).transpose()?;
    Ok(Delivered { blob, placed, queued })
}

fn file(
    tx: &mut Tx<'_>,
    target: &Target,
    blob: BlobId,
    size: u32,
) -> Result<(FolderId, UidValidity, Uid), Error> {
    let (account, folder) = (target.account, target.folder.unwrap_or(INBOX));
    let modseq = tx.touch(account)?;
    let (keywords, table) = tx.intern(account, folder, &target.keywords)?;
    let (uid, validity) = tx.take_uids(account, folder, 1)?;
    let entry = Entry { uid, size, flags: target.flags.union(keywords), modseq, date: target.date };
    add(
        tx,
        account,
        folder,
        &[MessageRow { entry, blob }],
        Delta { keywords: table, modseq, ..Delta::default() },
    )?;
    Ok((folder, validity, uid))
}

/// Adds messages with new UIDs to a folder.
fn add(
    tx: &mut Tx<'_>,
    account: AccountId,
    folder: FolderId,
    rows: &[MessageRow],
    mut delta: Delta,
) -> Result<(), Error> {
    let mut counts = Counts::default();
    for MessageRow { entry, blob } in rows {
        tx.insert(account, folder, entry, *blob)?;
        counts.add(entry);
        delta.put.insert(entry.uid, *entry);
        delta.uid_next = Some(Uid(entry.uid.0 + 1));
    }
    tx.count(account, folder, counts, delta.modseq)?;
    tx.changed(account, folder, delta);
    Ok(())
}

fn enqueue(tx: &mut Tx<'_>, envelope: &Envelope, blob: BlobId) -> Result<QueueId, Error> {
    let id = Counters::take(&mut tx.counters.queue);
    let json = serde_json::to_string(envelope).map_err(|error| Error::Io(error.to_string()))?;
    tx.db.run(
        "INSERT INTO queue(id, envelope, blob) VALUES (?1, ?2, ?3)",
        params![int(id), json, int(blob.0)],
    )?;
    Ok(QueueId(id))
}

/// Takes a message off the queue.
pub(crate) fn dequeue(tx: &mut Tx<'_>, id: QueueId) -> Result<(), Error> {
    let sql = "DELETE FROM queue WHERE id = ?1 RETURNING blob";
    let blob = tx.db.first(sql, [int(id.0)], |row| row.get(0).map(uint))?;
    tx.release(BlobId(blob.ok_or(Error::NotFound)?))
}

/// Changes flags.
pub(crate) fn set_flags(
    tx: &mut Tx<'_>,
    account: AccountId,
    folder: FolderId,
    uids: &[Uid],
    change: &FlagChange,
) -> Result<FlagsChanged, Error> {
    tx.folder(account, folder)?;
    let rows = MessageRow::some(tx.db, account, folder, uids)?;
    let mut result = FlagsChanged::default();
    let allowed = |entry: &Entry| change.unchanged_since.is_none_or(|since| entry.modseq <= since);
    if !rows.iter().any(|row| allowed(&row.entry)) {
        result.modified = rows.iter().map(|row| row.entry.uid).collect();
        return Ok(result);
    }
    let (named, table) = named_flags(tx, account, folder, change)?;
    let mut counts = Counts::default();
    let mut delta = Delta { keywords: table, ..Delta::default() };
    for MessageRow { mut entry, .. } in rows {
        if !allowed(&entry) {
            result.modified.push(entry.uid);
            continue;
        }
        let flags = match change.how {
            FlagOperation::Add => entry.flags.union(named),
            FlagOperation::Remove => entry.flags.minus(named),
            FlagOperation::Replace => named,
        };
        if flags != entry.flags {
            if delta.put.is_empty() {
                delta.modseq = tx.touch(account)?;
            }
            counts.take(&entry);
            (entry.flags, entry.modseq) = (flags, delta.modseq);
            counts.add(&entry);
            write_flags(tx, account, folder, &entry)?;
            delta.put.insert(entry.uid, entry);
        }
        result.entries.push(entry);
    }
    if !delta.put.is_empty() {
        tx.count(account, folder, counts, delta.modseq)?;
        tx.changed(account, folder, delta);
    }
    Ok(result)
}

fn write_flags(tx: &Tx<'_>, account: AccountId, folder: FolderId, entry: &Entry) -> Result<(), Error> {
    let sql = "UPDATE messages SET flags = ?4, modseq = ?5 WHERE account = ?1 AND folder = ?2 AND uid = ?3";
    let (flags, modseq) = (int(entry.flags.bits()), int(entry.modseq.0));
    tx.db.run(sql, params![int(account.0), int(folder.0), entry.uid.0, flags, modseq])?;
    Ok(())
}

/// The flags a change names; keywords that are only removed are not added to the folder's table.
fn named_flags(
    tx: &Tx<'_>,
    account: AccountId,
    folder: FolderId,
    change: &FlagChange,
) -> Result<(FlagSet, Option<std::sync::Arc<KeywordTable>>), Error> {
    let system: FlagSet = change.flags.iter().copied().collect();
    if change.how == FlagOperation::Remove && !change.keywords.is_empty() {
        let table = keyword_table(tx.db, account, folder)?;
        let known = change.keywords.iter().filter_map(|keyword| table.position(keyword));
        return Ok((known.fold(system, FlagSet::with_keyword), None));
    }
    let (keywords, table) = tx.intern(account, folder, &change.keywords)?;
    Ok((system.union(keywords), table))
}

/// Those of the messages that exist; none where one is gone and must not be.
fn present(
    tx: &Tx<'_>,
    account: AccountId,
    folder: FolderId,
    uids: &[Uid],
    absent: Absent,
) -> Result<Vec<MessageRow>, Error> {
    tx.folder(account, folder)?;
    let rows = MessageRow::some(tx.db, account, folder, uids)?;
    let is_refused = absent == Absent::Refuse && rows.len() < uids.len();
    Ok(if is_refused { Vec::new() } else { rows })
}

/// Copies messages.
pub(crate) fn copy(
    tx: &mut Tx<'_>,
    account: AccountId,
    from: FolderId,
    uids: &[Uid],
    to: FolderId,
    absent: Absent,
) -> Result<Copied, Error> {
    let rows = present(tx, account, from, uids, absent)?;
    for row in &rows {
        tx.hold(row.blob)?;
    }
    transfer(tx, account, from, &rows, to)
}

/// Moves messages.
pub(crate) fn relocate(
    tx: &mut Tx<'_>,
    account: AccountId,
    from: FolderId,
    uids: &[Uid],
    to: FolderId,
    absent: Absent,
) -> Result<Copied, Error> {
    let rows = present(tx, account, from, uids, absent)?;
    let copied = transfer(tx, account, from, &rows, to)?;
    take_out(tx, account, from, &rows)?;
    Ok(copied)
}

/// Gives messages new rows in another folder, or the same, with the flags and dates they have.
fn transfer(
    tx: &mut Tx<'_>,
    account: AccountId,
    from: FolderId,
    rows: &[MessageRow],
    to: FolderId,
) -> Result<Copied, Error> {
    let target = tx.folder(account, to)?;
    let mut copied =
        Copied { uid_validity: target.status.uid_validity, uids: Vec::with_capacity(rows.len()) };
    if rows.is_empty() {
        return Ok(copied);
    }
    let used = rows.iter().fold(FlagSet::NONE, |used, row| used.union(row.entry.flags));
    let source = keyword_table(tx.db, account, from)?;
    let (_, table) = tx.intern(account, to, source.names(used))?;
    let names = keyword_table(tx.db, account, to)?;
    let modseq = tx.touch(account)?;
    let count = u32::try_from(rows.len()).map_err(|_| Error::NotFound)?;
    let (first, _) = tx.take_uids(account, to, count)?;
    let mut new = Vec::with_capacity(rows.len());
    for (row, uid) in rows.iter().zip(first.0..) {
        let keywords = source.names(row.entry.flags).filter_map(|keyword| names.position(keyword));
        let flags = keywords.fold(system(row.entry.flags), FlagSet::with_keyword);
        new.push(MessageRow { entry: Entry { uid: Uid(uid), flags, modseq, ..row.entry }, blob: row.blob });
        copied.uids.push((row.entry.uid, Uid(uid)));
    }
    add(tx, account, to, &new, Delta { keywords: table, modseq, ..Delta::default() })?;
    Ok(copied)
}

/// Removes rows of messages from a folder, and notes that they are gone; their octets are the caller's concern.
fn take_out(tx: &mut Tx<'_>, account: AccountId, folder: FolderId, rows: &[MessageRow]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let modseq = tx.touch(account)?;
    let mut counts = Counts::default();
    for row in rows {
        let sql = "DELETE FROM messages WHERE account = ?1 AND folder = ?2 AND uid = ?3";
        tx.db.run(sql, params![int(account.0), int(folder.0), row.entry.uid.0])?;
        counts.take(&row.entry);
    }
    let gone: Vec<Uid> = rows.iter().map(|row| row.entry.uid).collect();
    for run in gone.chunk_by(|a, b| a.0 + 1 == b.0) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let sql = "INSERT INTO expunged(account, folder, modseq, first, last) VALUES (?1, ?2, ?3, ?4, ?5)";
        tx.db.run(sql, params![int(account.0), int(folder.0), int(modseq.0), first.0, last.0])?;
    }
    tx.count(account, folder, counts, modseq)?;
    tx.changed(account, folder, Delta { gone: gone.into_iter().collect(), modseq, ..Delta::default() });
    Ok(())
}

/// Removes messages that have `\Deleted`.
pub(crate) fn expunge(
    tx: &mut Tx<'_>,
    account: AccountId,
    folder: FolderId,
    uids: Option<Vec<Uid>>,
) -> Result<Vec<Uid>, Error> {
    if tx.folder(account, folder)?.status.deleted == 0 {
        return Ok(Vec::new());
    }
    let rows = MessageRow::deleted(tx.db, account, folder, uids.map(ascending).as_deref())?;
    discard(tx, account, folder, &rows)
}

/// Removes messages.
pub(crate) fn remove(
    tx: &mut Tx<'_>,
    account: AccountId,
    folder: FolderId,
    uids: &[Uid],
) -> Result<Vec<Uid>, Error> {
    tx.folder(account, folder)?;
    let rows = MessageRow::some(tx.db, account, folder, uids)?;
    discard(tx, account, folder, &rows)
}

/// Removes messages from a folder and makes them recoverable.
pub(crate) fn discard(
    tx: &mut Tx<'_>,
    account: AccountId,
    folder: FolderId,
    rows: &[MessageRow],
) -> Result<Vec<Uid>, Error> {
    let name = tx.folder(account, folder)?.name;
    for MessageRow { entry, blob } in rows {
        let id = Counters::take(&mut tx.counters.item);
        let sql = "INSERT INTO recoverable(account, id, folder, removed, flags, size, date, zone, blob) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let Entry { size, flags, date, .. } = *entry;
        let flags = int(system(flags).minus(FlagSet::NONE.with(Flag::Deleted)).bits());
        let values = params![
            int(account.0),
            int(id),
            name,
            tx.now,
            flags,
            size,
            date.seconds,
            date.offset,
            int(blob.0)
        ];
        tx.db.run(sql, values)?;
    }
    take_out(tx, account, folder, rows)?;
    Ok(rows.iter().map(|row| row.entry.uid).collect())
}

/// Moves all messages of a folder into another.
pub(crate) fn move_all(
    tx: &mut Tx<'_>,
    account: AccountId,
    from: FolderId,
    to: FolderId,
) -> Result<(), Error> {
    let rows = MessageRow::all(tx.db, account, from)?;
    transfer(tx, account, from, &rows, to)?;
    take_out(tx, account, from, &rows)
}

/// Puts a recoverable message back.
pub(crate) fn restore(tx: &mut Tx<'_>, account: AccountId, item: u64, to: FolderId) -> Result<Uid, Error> {
    tx.folder(account, to)?;
    let sql =
        "DELETE FROM recoverable WHERE account = ?1 AND id = ?2 RETURNING flags, size, date, zone, blob";
    let found = tx.db.first(sql, [int(account.0), int(item)], |row| {
        let date = DateTime { seconds: row.get(2)?, offset: row.get(3)? };
        let flags = FlagSet::from_bits(uint(row.get(0)?));
        let entry = Entry { uid: Uid(0), size: row.get(1)?, flags, modseq: ModSeq(0), date };
        Ok(MessageRow { entry, blob: BlobId(uint(row.get(4)?)) })
    })?;
    let MessageRow { entry, blob } = found.ok_or(Error::NotFound)?;
    let modseq = tx.touch(account)?;
    let (uid, _) = tx.take_uids(account, to, 1)?;
    let row = MessageRow { entry: Entry { uid, modseq, ..entry }, blob };
    add(tx, account, to, &[row], Delta { modseq, ..Delta::default() })?;
    Ok(uid)
}

/// Forgets some of the recoverable messages removed before a moment; returns how many. None are left when it is less
/// than `limit`.
pub(crate) fn purge(tx: &mut Tx<'_>, removed_before: i64, limit: u32) -> Result<u64, Error> {
    let sql = "SELECT account, id, blob FROM recoverable WHERE removed < ?1 ORDER BY removed LIMIT ?2";
    let items = tx.db.all(sql, params![removed_before, limit], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, BlobId(uint(row.get(2)?))))
    })?;
    for (account, id, blob) in &items {
        tx.db.run("DELETE FROM recoverable WHERE account = ?1 AND id = ?2", [account, id])?;
        tx.release(*blob)?;
    }
    Ok(items.len() as u64)
}

/// Forgets some of a folder's oldest notes of removals, until `keep` are left; returns whether more are to be forgotten.
pub(crate) fn forget(
    tx: &mut Tx<'_>,
    account: AccountId,
    folder: FolderId,
    keep: u32,
    limit: u32,
) -> Result<bool, Error> {
    let place = [int(account.0), int(folder.0)];
    let sql = "SELECT count(*) FROM expunged WHERE account = ?1 AND folder = ?2";
    let notes = tx.db.first(sql, place, |row| row.get::<_, u32>(0))?.unwrap_or(0);
    let Some(last) = notes.saturating_sub(keep).min(limit).checked_sub(1) else { return Ok(false) };
    let sql =
        "SELECT modseq FROM expunged WHERE account = ?1 AND folder = ?2 ORDER BY modseq LIMIT 1 OFFSET ?3";
    let until = tx.db.first(sql, params![place[0], place[1], last], |row| row.get::<_, i64>(0))?;
    let values = params![place[0], place[1], until];
    // What went in one change is forgotten together, or a part of it would be taken for the whole.
    tx.db.run("DELETE FROM expunged WHERE account = ?1 AND folder = ?2 AND modseq <= ?3", values)?;
    tx.db.run("UPDATE folders SET forgotten = ?3 WHERE account = ?1 AND id = ?2", values)?;
    Ok(notes - last - 1 > keep)
}

/// What the caller is the first to be told of: the folder's end becomes its recent mark.
pub(crate) fn claim_recent(tx: &mut Tx<'_>, account: AccountId, folder: FolderId) -> Result<Uid, Error> {
    let row = tx.folder(account, folder)?;
    let sql = "UPDATE folders SET recent = uid_next WHERE account = ?1 AND id = ?2 AND recent != uid_next";
    tx.db.run(sql, [int(account.0), int(folder.0)])?;
    Ok(row.recent)
}
