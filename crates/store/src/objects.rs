//! Administration objects and the audit log.

use crate::folders::{create_account, remove_account};
use crate::sql::{Db, uint};
use crate::tx::Tx;
use crate::{AuditEntry, Error, Object, ObjectChange};
use rusqlite::params;

/// Saves what is changed together.
pub(crate) fn save(tx: &mut Tx<'_>, change: &ObjectChange) -> Result<(), Error> {
    for (kind, key) in &change.remove {
        tx.db.run("DELETE FROM objects WHERE kind = ?1 AND key = ?2", [kind, key])?;
    }
    for Object { kind, key, json } in &change.put {
        let sql =
            "INSERT INTO objects(kind, key, json) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET json = ?3";
        tx.db.run(sql, [kind, key, json])?;
    }
    for account in &change.remove_accounts {
        remove_account(tx, *account)?;
    }
    for account in &change.create_accounts {
        create_account(tx, *account)?;
    }
    for AuditEntry { time, caller, cmdlet, object, details } in &change.audit {
        let sql = "INSERT INTO audit(time, caller, cmdlet, object, details) VALUES (?1, ?2, ?3, ?4, ?5)";
        tx.db.run(sql, params![time, caller, cmdlet, object, details])?;
    }
    Ok(())
}

/// All objects.
pub(crate) fn all(db: Db<'_>) -> Result<Vec<Object>, Error> {
    db.all("SELECT kind, key, json FROM objects", [], |row| {
        Ok(Object { kind: row.get(0)?, key: row.get(1)?, json: row.get(2)? })
    })
}

/// The newest audit entries before one of them, each with its number.
pub(crate) fn audit(db: Db<'_>, before: u64, limit: usize) -> Result<Vec<(u64, AuditEntry)>, Error> {
    let sql =
        "SELECT id, time, caller, cmdlet, object, details FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    db.all(sql, params![before, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        let entry = AuditEntry {
            time: row.get(1)?,
            caller: row.get(2)?,
            cmdlet: row.get(3)?,
            object: row.get(4)?,
            details: row.get(5)?,
        };
        Ok((uint(row.get(0)?), entry))
    })
}

/// Forgets at most `most` of the audit entries from before this time, the oldest first. Whether there may be more.
pub(crate) fn forget_audit(tx: &mut Tx<'_>, before: i64, most: u32) -> Result<bool, Error> {
    // The oldest have the smallest numbers: no entry is looked at that stays, but for a few at the front.
    let sql = "DELETE FROM audit WHERE time < ?1 AND id IN (SELECT id FROM audit ORDER BY id LIMIT ?2)";
    Ok(tx.db.run(sql, params![before, most])? == most as usize)
}
