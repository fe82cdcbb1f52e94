//! Administration objects and the audit log.

use crate::folders::{create_account, remove_account};
use crate::sql::Db;
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

/// The newest audit entries.
pub(crate) fn audit(db: Db<'_>, limit: usize) -> Result<Vec<AuditEntry>, Error> {
    let sql = "SELECT time, caller, cmdlet, object, details FROM audit ORDER BY id DESC LIMIT ?1";
    db.all(sql, [i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        Ok(AuditEntry {
            time: row.get(0)?,
            caller: row.get(1)?,
            cmdlet: row.get(2)?,
            object: row.get(3)?,
            details: row.get(4)?,
        })
    })
}
