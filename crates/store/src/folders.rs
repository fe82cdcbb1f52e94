//! What the writer does with accounts and folders.
//!
//! A folder's number is never used again, and neither is its UIDVALIDITY within the account; so whatever is made,
//! removed and made anew under one name, no client mistakes one for the other (RFC 9051 §2.3.1.1).

use crate::messages::{discard, move_all};
use crate::names;
use crate::rows::{FolderRow, MessageRow, role_number};
use crate::sql::{int, uint};
use crate::tx::{INBOX, Tx};
use crate::views::Effect;
use crate::{Error, SpecialUse, Subscription};
use mail::{AccountId, BlobId, FolderId};
use rusqlite::params;

/// Folders of an account, and names in its subscriptions. A change that began below it is completed.
const MOST: i64 = 10_000;

/// The folders that exist from the start. INBOX is the first, so that it has the number [`INBOX`] in every account.
const FIRST: [(&str, Option<SpecialUse>); 6] = [
    ("INBOX", None),
    ("Drafts", Some(SpecialUse::Drafts)),
    ("Sent", Some(SpecialUse::Sent)),
    ("Trash", Some(SpecialUse::Trash)),
    ("Junk", Some(SpecialUse::Junk)),
    ("Archive", Some(SpecialUse::Archive)),
];

/// Creates an account with its first folders, all subscribed.
pub(crate) fn create_account(tx: &mut Tx<'_>, account: AccountId) -> Result<(), Error> {
    let sql =
        "INSERT INTO accounts(id, modseq, next_folder, validity) VALUES (?1, 1, 1, 0) ON CONFLICT DO NOTHING";
    if tx.db.run(sql, [int(account.0)])? == 0 {
        return Err(Error::Exists);
    }
    tx.counters.account = tx.counters.account.max(account.0 + 1);
    for (name, role) in FIRST {
        insert(tx, account, name, role)?;
        subscribe(tx, account, name, Subscription::Subscribed)?;
    }
    Ok(())
}

/// Removes an account with all its mail.
pub(crate) fn remove_account(tx: &mut Tx<'_>, account: AccountId) -> Result<(), Error> {
    if tx.db.run("DELETE FROM accounts WHERE id = ?1", [int(account.0)])? == 0 {
        return Err(Error::NotFound);
    }
    for folder in FolderRow::all(tx.db, account)? {
        tx.effects.push(Effect::Gone(account, folder.id));
    }
    for sql in
        ["SELECT blob FROM messages WHERE account = ?1", "SELECT blob FROM recoverable WHERE account = ?1"]
    {
        for blob in tx.db.all(sql, [int(account.0)], |row| row.get(0).map(uint))? {
            tx.release(BlobId(blob))?;
        }
    }
    for table in ["folders", "subscriptions", "keywords", "messages", "expunged", "recoverable", "logons"] {
        tx.db.run(&format!("DELETE FROM {table} WHERE account = ?1"), [int(account.0)])?;
    }
    tx.effects.push(Effect::Folders(account));
    Ok(())
}

/// Adds a folder's row.
fn insert(
    tx: &mut Tx<'_>,
    account: AccountId,
    name: &str,
    role: Option<SpecialUse>,
) -> Result<FolderId, Error> {
    let sql = "UPDATE accounts SET modseq = modseq + 1, next_folder = next_folder + 1, \
               validity = max(validity + 1, ?2) WHERE id = ?1 RETURNING next_folder - 1, validity, modseq";
    // UIDVALIDITY has 32 bits; seconds fit until 2106, and a new folder each second catches up with nothing.
    let now = u32::try_from(tx.now).unwrap_or(1);
    let taken = tx.db.first(sql, params![int(account.0), now], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?, row.get::<_, i64>(2)?))
    })?;
    let (id, validity, modseq) = taken.ok_or(Error::NotFound)?;
    let sql = "INSERT INTO folders(account, id, name, role, selectable, validity, uid_next, recent, modseq, messages, \
               unseen, deleted, size) VALUES (?1, ?2, ?3, ?4, 1, ?5, 1, 1, ?6, 0, 0, 0, 0)";
    tx.db.run(sql, params![int(account.0), id, name, role_number(role), validity, modseq])?;
    tx.effects.push(Effect::Folders(account));
    Ok(FolderId(uint(id)))
}

/// Whether the account may have another row in this table.
fn has_room(tx: &Tx<'_>, account: AccountId, table: &str) -> Result<(), Error> {
    let sql = format!("SELECT count(*) FROM {table} WHERE account = ?1");
    let count: Option<i64> = tx.db.first(&sql, [int(account.0)], |row| row.get(0))?;
    if count.is_none_or(|count| count < MOST) { Ok(()) } else { Err(Error::TooManyFolders) }
}

/// Creates a folder and those above it.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    account: AccountId,
    name: &str,
    role: Option<SpecialUse>,
) -> Result<FolderId, Error> {
    let name = names::normalize(name)?;
    match FolderRow::named(tx.db, account, &name)? {
        Some(folder) if folder.selectable => return Err(Error::Exists),
        Some(folder) => drop_row(tx, account, folder.id)?,
        None => {
            has_room(tx, account, "folders")?;
            create_parents(tx, account, &name)?;
        }
    }
    insert(tx, account, &name, role)
}

/// Creates those above a folder that are missing; there must be room for the first.
fn create_parents(tx: &mut Tx<'_>, account: AccountId, name: &str) -> Result<(), Error> {
    let mut asked = false;
    for parent in names::parents(name) {
        if FolderRow::named(tx.db, account, parent)?.is_none() {
            if !std::mem::replace(&mut asked, true) {
                has_room(tx, account, "folders")?;
            }
            insert(tx, account, parent, None)?;
        }
    }
    Ok(())
}

fn drop_row(tx: &mut Tx<'_>, account: AccountId, folder: FolderId) -> Result<(), Error> {
    tx.db.run("DELETE FROM folders WHERE account = ?1 AND id = ?2", [int(account.0), int(folder.0)])?;
    tx.effects.push(Effect::Gone(account, folder));
    tx.effects.push(Effect::Folders(account));
    Ok(())
}

/// Removes a folder; its messages become recoverable.
pub(crate) fn delete(tx: &mut Tx<'_>, account: AccountId, folder: FolderId) -> Result<(), Error> {
    let row = FolderRow::any(tx.db, account, folder)?;
    if folder == INBOX {
        return Err(Error::BadName("INBOX cannot be removed"));
    }
    let parent =
        FolderRow::all(tx.db, account)?.iter().any(|other| names::below(&other.name, &row.name).is_some());
    if !row.selectable && parent {
        return Err(Error::BadName("there are folders below it"));
    }
    if row.selectable {
        let rows = MessageRow::all(tx.db, account, folder)?;
        discard(tx, account, folder, &rows)?;
        for table in ["keywords", "expunged"] {
            let sql = format!("DELETE FROM {table} WHERE account = ?1 AND folder = ?2");
            tx.db.run(&sql, [int(account.0), int(folder.0)])?;
        }
    }
    tx.touch(account)?;
    if !parent {
        return drop_row(tx, account, folder);
    }
    // RFC 9051 §6.3.5: a name with children stays, but nothing can be in it.
    let sql = "UPDATE folders SET selectable = 0, role = 0 WHERE account = ?1 AND id = ?2";
    tx.db.run(sql, [int(account.0), int(folder.0)])?;
    tx.effects.extend([Effect::Gone(account, folder), Effect::Folders(account)]);
    Ok(())
}

/// Renames a folder and those below it.
pub(crate) fn rename(tx: &mut Tx<'_>, account: AccountId, folder: FolderId, to: &str) -> Result<(), Error> {
    let to = names::normalize(to)?;
    let from = FolderRow::any(tx.db, account, folder)?.name;
    if FolderRow::named(tx.db, account, &to)?.is_some() {
        return Err(Error::Exists);
    }
    if folder == INBOX {
        // RFC 9051 §6.3.6: INBOX stays, its messages go; folders below it are not concerned.
        let new = create(tx, account, &to, None)?;
        return move_all(tx, account, INBOX, new);
    }
    if names::below(&to, &from).is_some() {
        return Err(Error::BadName("a folder cannot be moved below itself"));
    }
    create_parents(tx, account, &to)?;
    tx.touch(account)?;
    for row in FolderRow::all(tx.db, account)? {
        let rest = if row.id == folder { Some("") } else { names::below(&row.name, &from) };
        let Some(rest) = rest else { continue };
        let name = names::normalize(&format!("{to}{rest}"))?;
        let sql = "UPDATE folders SET name = ?3 WHERE account = ?1 AND id = ?2";
        tx.db.run(sql, params![int(account.0), int(row.id.0), name])?;
    }
    tx.effects.push(Effect::Folders(account));
    Ok(())
}

/// Subscribes a name, or not.
pub(crate) fn subscribe(
    tx: &mut Tx<'_>,
    account: AccountId,
    name: &str,
    subscription: Subscription,
) -> Result<(), Error> {
    let name = names::normalize(name)?;
    if subscription == Subscription::Subscribed {
        has_room(tx, account, "subscriptions")?;
    }
    tx.touch(account)?;
    let sql = match subscription {
        Subscription::Subscribed => {
            "INSERT INTO subscriptions(account, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
        }
        Subscription::Unsubscribed => "DELETE FROM subscriptions WHERE account = ?1 AND name = ?2",
    };
    tx.db.run(sql, params![int(account.0), name])?;
    tx.effects.push(Effect::Folders(account));
    Ok(())
}
