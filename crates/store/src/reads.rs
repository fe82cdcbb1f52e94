//! What readers do: lists, counts, summaries, octets.
//!
//! Index rows are read in one short transaction; octets after it, by the places found. A segment that was reclaimed in
//! between is noticed, and the place is looked up again.

use crate::bodies::{Bodies, place};
use crate::rows::{FolderRow, MessageRow, ascending, spans};
use crate::segments::Place;
use crate::sql::{Db, int, uint};
use crate::tx::keyword_table;
use crate::{Error, Folder, Gathered, OctetsKey, Queued, RecoverableItem, Status, Usage, names};
use bytes::Bytes;
use mail::{AccountId, BlobId, Body, DateTime, FolderId, Listing, ModSeq, QueueId, Summary, Uid};
use rusqlite::params;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Octets of a message that are read along.
const INLINE: u32 = 64 << 10;
/// Octets that are read along in one call.
const INLINE_ALL: u32 = 1 << 20;

/// The account's folders and names.
pub(crate) fn folders(db: Db<'_>, account: AccountId) -> Result<Vec<Folder>, Error> {
    let (rows, subscribed) = db.snapshot(|db| {
        let sql = "SELECT name FROM subscriptions WHERE account = ?1";
        let subscribed = db.all(sql, [int(account.0)], |row| row.get::<_, String>(0))?;
        Ok((FolderRow::all(db, account)?, subscribed.into_iter().collect::<BTreeSet<_>>()))
    })?;
    if rows.is_empty() {
        return Err(Error::NotFound); // an account always has its INBOX
    }
    let mut missing = subscribed.clone();
    let mut folders = Vec::with_capacity(rows.len());
    for FolderRow { id, name, role, selectable, .. } in rows {
        missing.remove(&name);
        let subscribed = subscribed.contains(&name);
        folders.push(Folder { id, name, role, selectable, subscribed, missing: false });
    }
    folders.extend(missing.into_iter().map(|name| Folder {
        id: FolderId(0),
        name,
        role: None,
        selectable: false,
        subscribed: true,
        missing: true,
    }));
    folders.sort_by(|a, b| names::order(&a.name, &b.name));
    Ok(folders)
}

/// A folder's messages.
pub(crate) fn listing(db: Db<'_>, account: AccountId, folder: FolderId) -> Result<Listing, Error> {
    db.snapshot(|db| {
        let status = FolderRow::find(db, account, folder)?.status;
        let keywords = Arc::new(keyword_table(db, account, folder)?);
        let entries = MessageRow::all(db, account, folder)?.into_iter().map(|row| row.entry).collect();
        Ok(Listing::new(entries, keywords, status.uid_validity, status.uid_next, status.highest_modseq))
    })
}

/// A folder's counts.
pub(crate) fn status(db: Db<'_>, account: AccountId, folder: FolderId) -> Result<Status, Error> {
    db.snapshot(|db| {
        let row = FolderRow::find(db, account, folder)?;
        let sql = "SELECT count(*) FROM messages WHERE account = ?1 AND folder = ?2 AND uid >= ?3";
        let recent = db.first(sql, params![int(account.0), int(folder.0), row.recent.0], |row| row.get(0))?;
        Ok(Status { recent: recent.unwrap_or(0), ..row.status })
    })
}

/// UIDs that went after one modseq and not after another; `None` where that is no longer known.
pub(crate) fn gone(
    db: Db<'_>,
    account: AccountId,
    folder: FolderId,
    since: ModSeq,
    until: ModSeq,
) -> Result<Option<Vec<Uid>>, Error> {
    let sql = "SELECT first, last FROM expunged WHERE account = ?1 AND folder = ?2 AND modseq > ?3 AND modseq <= ?4";
    let from = i64::try_from(since.0).unwrap_or(i64::MAX);
    db.snapshot(|db| {
        if since < FolderRow::find(db, account, folder)?.forgotten {
            return Ok(None);
        }
        let runs = db.all(sql, params![int(account.0), int(folder.0), from, int(until.0)], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?))
        })?;
        Ok(Some(ascending(runs.into_iter().flat_map(|(first, last)| first..=last).map(Uid).collect())))
    })
}

/// Folders that note more than `keep` removals.
pub(crate) fn long_memories(db: Db<'_>, keep: u32) -> Result<Vec<(AccountId, FolderId)>, Error> {
    let sql = "SELECT account, folder FROM expunged GROUP BY account, folder HAVING count(*) > ?1";
    db.all(sql, [keep], |row| Ok((AccountId(uint(row.get(0)?)), FolderId(uint(row.get(1)?)))))
}

/// A message, where its octets are, and how many of them are header.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) uid: Uid,
    pub(crate) blob: BlobId,
    pub(crate) place: Place,
    pub(crate) header: u32,
}

/// Where the octets of these messages are. `uids` ascend.
pub(crate) fn find(
    db: Db<'_>,
    account: AccountId,
    folder: FolderId,
    uids: &[Uid],
) -> Result<Vec<Found>, Error> {
    let sql = "SELECT m.uid, b.id, b.segment, b.offset, b.length, b.checksum, b.header \
               FROM messages m CROSS JOIN blobs b ON b.id = m.blob \
               WHERE m.account = ?1 AND m.folder = ?2 AND m.uid BETWEEN ?3 AND ?4 ORDER BY m.uid";
    let mut found = Vec::with_capacity(uids.len());
    for span in spans(uids) {
        let (Some(first), Some(last)) = (span.first(), span.last()) else { continue };
        let rows = db.all(sql, params![int(account.0), int(folder.0), first.0, last.0], |row| {
            let (uid, blob) = (Uid(row.get(0)?), BlobId(uint(row.get(1)?)));
            Ok(Found { uid, blob, place: place(row, 2)?, header: row.get(6)? })
        })?;
        found.extend(rows.into_iter().filter(|found| span.binary_search(&found.uid).is_ok()));
    }
    Ok(found)
}

/// Octets of messages, or of their first so many octets, small ones read along as long as there is room. Of large ones
/// at least the ends are looked at: who announces octets must be able to send them.
///
/// What lies in the index is read in the moment in which it was found: beginning to read costs as much as reading a small
/// message. Segments are read after that, because they can be reclaimed meanwhile.
fn gather(
    bodies: Bodies<'_>,
    find: impl FnOnce(Db<'_>) -> Result<Vec<Found>, Error>,
    size: impl Fn(&Found) -> u32,
    read: impl Fn(&Found) -> Result<Bytes, Error>,
) -> Result<Gathered<Body>, Error> {
    let (found, small) = bodies.db.snapshot(|db| {
        let (found, mut room) = (find(db)?, INLINE_ALL);
        let in_index = |found: &Found| {
            let size = size(found);
            if size > INLINE {
                return None;
            }
            let left = room.checked_sub(size);
            room = left.unwrap_or(0);
            (left.is_some() && found.place.in_index()).then(|| read(found))
        };
        let small: Vec<_> = found.iter().map(in_index).collect();
        Ok((found, small))
    })?;
    let (mut out, mut room) = (Gathered::new(), INLINE_ALL);
    for (at, (message, small)) in found.iter().zip(small).enumerate() {
        let (blob, size) = (message.blob, size(message));
        let octets = if size > INLINE {
            bodies.stands(blob, &message.place).map(|()| None)
        } else if size > room {
            out.left.extend(found.iter().skip(at).map(|message| message.uid));
            break;
        } else {
            room -= size;
            small.unwrap_or_else(|| read(message)).map(Some)
        };
        out.take(bodies, message.uid, octets.map(|octets| Body { blob, size, octets }))?;
    }
    Ok(out)
}

/// The octets of messages.
pub(crate) fn bodies(
    bodies: Bodies<'_>,
    account: AccountId,
    folder: FolderId,
    uids: &[Uid],
) -> Result<Gathered<Body>, Error> {
    let read = |found: &Found| bodies.whole(found.blob, &found.place);
    gather(bodies, |db| find(db, account, folder, uids), |found| found.place.length, read)
}

/// The headers of messages.
pub(crate) fn headers(
    bodies: Bodies<'_>,
    account: AccountId,
    folder: FolderId,
    uids: &[Uid],
) -> Result<Gathered<Body>, Error> {
    let read = |found: &Found| bodies.part(found.blob, &found.place, 0, found.header);
    gather(bodies, |db| find(db, account, folder, uids), |found| found.header, read)
}

/// Some octets of a body.
pub(crate) fn part(bodies: Bodies<'_>, blob: BlobId, start: u32, len: u32) -> Result<Bytes, Error> {
    piece(bodies, blob, start, len).map(|(octets, _)| octets)
}

/// The same, and the checksum of all octets where these are the last ones.
pub(crate) fn piece(
    bodies: Bodies<'_>,
    blob: BlobId,
    start: u32,
    len: u32,
) -> Result<(Bytes, Option<u64>), Error> {
    let place = bodies.place(blob)?;
    let octets = match start {
        // The whole can be checked; a part cannot.
        0 if len >= place.length && place.length <= INLINE_ALL => bodies.whole(blob, &place)?,
        _ => bodies.part(blob, &place, start, len)?,
    };
    let is_end = u64::from(start) + octets.len() as u64 >= u64::from(place.length);
    Ok((octets, is_end.then_some(place.checksum)))
}

/// Octets of encoded summaries that are read in one call. In memory they take up to some twenty times as much.
const SUMMARY_OCTETS: usize = 256 << 10;

const SUMMARIES: &str = "SELECT m.uid, m.blob, s.summary FROM messages m CROSS JOIN summaries s ON s.blob = m.blob \
                         WHERE m.account = ?1 AND m.folder = ?2 AND m.uid BETWEEN ?3 AND ?4 ORDER BY m.uid";

/// Envelopes and structures.
pub(crate) fn summaries(
    bodies: Bodies<'_>,
    account: AccountId,
    folder: FolderId,
    uids: &[Uid],
) -> Result<Gathered<Arc<Summary>>, Error> {
    let (mut out, mut room, mut until) = (Gathered::new(), SUMMARY_OCTETS, None);
    for span in spans(uids) {
        let (Some(first), Some(last)) = (span.first(), span.last()) else { continue };
        let values = params![int(account.0), int(folder.0), first.0, last.0];
        let rows = bodies.db.all(SUMMARIES, values, |row| {
            let uid = Uid(row.get(0)?);
            if until.is_some() || span.binary_search(&uid).is_err() {
                return Ok(None);
            }
            let octets = row.get_ref(2)?.as_blob()?;
            let fits = octets.len() <= room || room == SUMMARY_OCTETS;
            room = room.saturating_sub(octets.len());
            if !fits {
                until = Some(uid);
                return Ok(None);
            }
            Ok(Some((uid, BlobId(uint(row.get(1)?)), Summary::decode(octets).ok())))
        })?;
        for (uid, blob, summary) in rows.into_iter().flatten() {
            out.take(bodies, uid, summary.map_or_else(|| summarize(bodies, blob), Ok).map(Arc::new))?;
        }
        if until.is_some() {
            break;
        }
    }
    if let Some(until) = until {
        out.left.extend(uids.iter().skip_while(|uid| **uid < until));
    }
    Ok(out)
}

/// The moments of the `Date` fields, without the rest of the summaries.
pub(crate) fn sent(
    bodies: Bodies<'_>,
    account: AccountId,
    folder: FolderId,
    uids: &[Uid],
) -> Result<Vec<(Uid, Option<DateTime>)>, Error> {
    let mut out = Gathered::new();
    for span in spans(uids) {
        let (Some(first), Some(last)) = (span.first(), span.last()) else { continue };
        let values = params![int(account.0), int(folder.0), first.0, last.0];
        let rows = bodies.db.all(SUMMARIES, values, |row| {
            let uid = Uid(row.get(0)?);
            if span.binary_search(&uid).is_err() {
                return Ok(None);
            }
            let sent = Summary::decode_sent(row.get_ref(2)?.as_blob()?).ok();
            Ok(Some((uid, BlobId(uint(row.get(1)?)), sent)))
        })?;
        for (uid, blob, sent) in rows.into_iter().flatten() {
            let anew = || summarize(bodies, blob).map(|summary| summary.envelope.sent);
            out.take(bodies, uid, sent.map_or_else(anew, Ok))?;
        }
    }
    Ok(out.found)
}

/// Makes up a summary anew from the octets: where the stored one cannot be read.
fn summarize(bodies: Bodies<'_>, blob: BlobId) -> Result<Summary, Error> {
    let octets = part(bodies, blob, 0, u32::MAX)?;
    let mut builder = mail::summary::Builder::new();
    builder.push(&octets);
    Ok(builder.finish())
}

/// How often a folder has which octets.
pub(crate) fn held(
    db: Db<'_>,
    account: AccountId,
    folder: FolderId,
) -> Result<HashMap<OctetsKey, u32>, Error> {
    let sql = "SELECT b.checksum, b.length FROM messages m CROSS JOIN blobs b ON b.id = m.blob \
               WHERE m.account = ?1 AND m.folder = ?2";
    let keys = db.all(sql, [int(account.0), int(folder.0)], |row| {
        Ok(OctetsKey { checksum: uint(row.get(0)?), size: row.get(1)? })
    })?;
    let mut held = HashMap::with_capacity(keys.len());
    keys.into_iter().for_each(|key| *held.entry(key).or_default() += 1);
    Ok(held)
}

/// Removed messages that can be put back.
pub(crate) fn recoverable(bodies: Bodies<'_>, account: AccountId) -> Result<Vec<RecoverableItem>, Error> {
    let sql = "SELECT r.id, r.folder, r.removed, r.blob, r.size, s.summary FROM recoverable r \
               CROSS JOIN summaries s ON s.blob = r.blob WHERE r.account = ?1 ORDER BY r.id DESC";
    let rows = bodies.db.all(sql, [int(account.0)], |row| {
        let body = Body { blob: BlobId(uint(row.get(3)?)), size: row.get(4)?, octets: None };
        let summary = Summary::decode(row.get_ref(5)?.as_blob()?).ok();
        Ok((uint(row.get(0)?), row.get::<_, String>(1)?, row.get::<_, i64>(2)?, body, summary))
    })?;
    let item = |(id, folder, removed, body, summary): (_, _, _, Body, Option<Summary>)| {
        let summary = summary.map_or_else(|| summarize(bodies, body.blob), Ok)?;
        Ok(RecoverableItem { id, folder, removed, body, summary: Arc::new(summary) })
    };
    rows.into_iter().map(item).collect()
}

/// Octets of an account's messages in folders.
pub(crate) fn used(db: Db<'_>, account: AccountId) -> Result<u64, Error> {
    let sql = "SELECT coalesce(sum(size), 0) FROM folders WHERE account = ?1";
    Ok(db.first(sql, [int(account.0)], |row| row.get(0).map(uint))?.unwrap_or(0))
}

/// What an account takes.
pub(crate) fn usage(db: Db<'_>, account: AccountId) -> Result<Usage, Error> {
    let two = |sql: &str| {
        let sums = db.first(sql, [int(account.0)], |row| Ok((uint(row.get(0)?), uint(row.get(1)?))))?;
        Ok::<_, Error>(sums.unwrap_or_default())
    };
    db.snapshot(|_| {
        let (messages, octets) =
            two("SELECT coalesce(sum(messages), 0), coalesce(sum(size), 0) FROM folders WHERE account = ?1")?;
        let (recoverable_messages, recoverable_octets) =
            two("SELECT count(*), coalesce(sum(size), 0) FROM recoverable WHERE account = ?1")?;
        Ok(Usage { messages, octets, recoverable_messages, recoverable_octets })
    })
}

/// Messages waiting for recipients elsewhere.
pub(crate) fn queue(db: Db<'_>) -> Result<Vec<Queued>, Error> {
    let sql =
        "SELECT q.id, q.envelope, b.id, b.length FROM queue q JOIN blobs b ON b.id = q.blob ORDER BY q.id";
    let rows = db.all(sql, [], |row| {
        let body = Body { blob: BlobId(uint(row.get(2)?)), size: row.get(3)?, octets: None };
        Ok((QueueId(uint(row.get(0)?)), row.get::<_, String>(1)?, body))
    })?;
    let queued = |(id, json, body): (QueueId, String, Body)| {
        let envelope = serde_json::from_str(&json);
        let envelope =
            envelope.map_err(|error| Error::Damaged(format!("envelope of queued message {id}: {error}")))?;
        Ok(Queued { id, envelope, body })
    };
    rows.into_iter().map(queued).collect()
}
