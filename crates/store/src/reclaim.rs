//! Gives back the space of octets that nothing refers to.
//!
//! A segment that is mostly garbage is emptied: its live octets are appended to the newest segment like new ones, the
//! index is switched to them in the same commit, and when none is left the file is removed. Every step is a commit of
//! its own, so it can be stopped, by a crash too, and taken up again anywhere.

use crate::bodies::{place, waste};
use crate::core::Core;
use crate::segments::{Octets, Place};
use crate::sql::{Db, int, uint};
use crate::tx::Tx;
use crate::writer::{Incoming, Stored};
use crate::{Error, files};
use mail::BlobId;
use rusqlite::params;

/// Octets moved in one commit, about.
const STEP: u64 = 4 << 20;

/// Empties segments until about `budget` octets were copied; returns whether more is left to do.
pub(crate) async fn reclaim(core: &Core, budget: u64) -> Result<bool, Error> {
    let mut left = budget;
    let mut passed_over = Vec::new();
    loop {
        let not_these = passed_over.clone();
        let Some((segment, living)) = core.read(move |db| victim(db, &not_these)).await? else {
            return Ok(false);
        };
        let mut living = living.into_iter().peekable();
        let mut whole = true;
        while living.peek().is_some() {
            if left == 0 {
                return Ok(true);
            }
            let mut step = Vec::new();
            let mut octets = 0;
            while octets < STEP.min(left)
                && let Some(next) = living.next()
            {
                octets += next.1.record();
                step.push(next);
            }
            left = left.saturating_sub(octets);
            whole &= relocate(core, segment, step).await?;
        }
        if !whole || !remove(core, segment).await? {
            passed_over.push(segment);
        }
    }
}

type Living = Vec<(BlobId, Place)>;

/// The segment with most garbage, if that is more than half of it; and what lives in it.
fn victim(db: Db<'_>, passed_over: &[u32]) -> Result<Option<(u32, Living)>, Error> {
    db.snapshot(|db| {
        // The newest is still being appended to.
        let sql = "SELECT id FROM segments WHERE dead * 2 > end AND id < (SELECT max(id) FROM segments) ORDER BY dead DESC";
        let candidates = db.all(sql, [], |row| row.get::<_, u32>(0))?;
        let mut candidates = candidates.into_iter().filter(|segment| !passed_over.contains(segment));
        let Some(segment) = candidates.next() else { return Ok(None) };
        let sql =
            "SELECT id, segment, offset, length, checksum FROM blobs WHERE segment = ?1 ORDER BY offset";
        let living = db.all(sql, [segment], |row| Ok((BlobId(uint(row.get(0)?)), place(row, 1)?)))?;
        Ok(Some((segment, living)))
    })
}

/// Moves some octets to the newest segment; returns whether all could be read. Damaged ones stay where they are, and so
/// does their segment: somebody may know how to save something of them.
async fn relocate(core: &Core, from: u32, step: Living) -> Result<bool, Error> {
    let wanted = step.len();
    let bodies = core.read_bodies(move |bodies| {
        let mut found = Vec::with_capacity(step.len());
        for (blob, place) in step {
            match bodies.whole(blob, &place) {
                Ok(octets) => {
                    let (octets, Place { length, checksum, .. }) = (Octets::Memory(octets), place);
                    found.push(Incoming { octets, length, checksum, blob: Some(blob) });
                }
                Err(Error::Damaged(what)) => {
                    bodies.tell_damage(&format!("There are octets that cannot be moved: {what}."));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    });
    let bodies = bodies.await?;
    let all = bodies.len() == wanted;
    let switch_all = move |tx: &mut Tx<'_>, stored: &[Stored]| {
        stored.iter().try_for_each(|stored| switch(tx, from, stored))
    };
    core.write(bodies, switch_all).await.map(|()| all)
}

/// Points the index at the copy; the original becomes garbage. What was removed meanwhile is not there to be pointed.
fn switch(tx: &mut Tx<'_>, from: u32, stored: &Stored) -> Result<(), Error> {
    let Stored { blob, place, .. } = stored;
    let sql = "UPDATE blobs SET segment = ?3, offset = ?4 WHERE id = ?1 AND segment = ?2";
    let switched = tx.db.run(sql, params![int(blob.0), from, place.segment, int(place.offset)])?;
    let garbage = if switched == 0 { *place } else { Place { segment: from, ..*place } };
    waste(tx.db, *blob, &garbage)
}

/// Removes a segment in which nothing lives: nothing is ever added to one that is not the newest.
/// Returns whether it was: not while others read from outside.
async fn remove(core: &Core, segment: u32) -> Result<bool, Error> {
    let delete =
        move |tx: &mut Tx<'_>, _: &[Stored]| tx.db.run("DELETE FROM segments WHERE id = ?1", [segment]);
    let Some(dir) = &core.dir else {
        core.write(Vec::new(), delete).await?;
        return core.segments.remove(segment).map(|()| true);
    };
    // A backup that read the index before this has yet to read the segment.
    let Some(_allowed) = files::may_remove(dir)? else { return Ok(false) };
    if files::may_step_back(dir)? {
        return Ok(false);
    }
    core.write(Vec::new(), delete).await?;
    core.segments.remove(segment).map(|()| true)
}
