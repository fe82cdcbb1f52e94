//! The data directory: its lock, its format mark, and files and directories that only their owner can read.
//!
//! A file that is new is durable only when its directory is synced too; [`sync_dir`] does it.

use crate::sql::io;
use crate::{Error, schema};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// The file that says which format a data directory has.
const MARK: &str = "FORMAT";
const MARK_TEXT: &str = "gatepost data format ";
const NO_MARK: &str =
    "FORMAT: this is no format mark; put it back, or remove it and the next start writes it again";

/// Creates a directory, and those above it, readable for its owner only.
pub(crate) fn private_dir(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io(path.display()))
}

/// Opens a file for reading and writing, created readable for its owner only.
pub(crate) fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(io(path.display()))
}

/// Finds out whether files can be made in a directory: SQLite would not say why it cannot.
pub(crate) fn writable(dir: &Path) -> Result<(), Error> {
    let path = dir.join("writable");
    private_file(&path).and_then(|_| std::fs::remove_file(&path)).map_err(io(dir.display()))
}

/// Takes the data directory for this process, for as long as the file returned lives.
pub(crate) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let file = private_file(&path).map_err(io(path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked),
        Err(TryLockError::Error(error)) => Err(io(path.display())(error)),
    }
}

/// The format of a data directory; `None` where it has none yet.
pub(crate) fn format(dir: &Path) -> Result<Option<u32>, Error> {
    let path = dir.join(MARK);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(path.display())(error)),
    };
    let number = text.trim_end().strip_prefix(MARK_TEXT).and_then(|number| number.parse().ok());
    let found = number.ok_or_else(|| Error::Damaged(NO_MARK.to_owned()))?;
    if found > schema::FORMAT {
        return Err(Error::TooNew { found, known: schema::FORMAT });
    }
    Ok(Some(found))
}

/// There while a store has the directory open, and after it died: then the log holds what the index does not have yet.
const RUNNING: &str = "running";

/// Refuses a directory that has lost its index or the log of it. A new index would make an empty server of it, and garbage
/// of its mail.
pub(crate) fn whole(dir: &Path, marked: Option<u32>) -> Result<(), Error> {
    let empty = |name: &str| dir.join(name).metadata().map_or(0, |meta| meta.len()) == 0;
    let lost = |what: &str| Err(Error::Damaged(what.to_owned()));
    if (marked.is_some() || has_segments(dir)?) && empty("index.db") {
        return lost(if dir.join("index.db").exists() {
            "index.db is empty, but there was mail; put it back from a backup"
        } else {
            "index.db is missing, but there was mail; put it back, from a backup if need be"
        });
    }
    if dir.join(RUNNING).exists() && empty("index.db-wal") {
        return lost(
            "index.db-wal is missing, which holds the newest changes; put it back. Where another program has opened \
             index.db and so written it back, or to go on without those changes, remove the file `running`",
        );
    }
    Ok(())
}

fn has_segments(dir: &Path) -> Result<bool, Error> {
    let path = dir.join("segments");
    match std::fs::read_dir(&path) {
        Ok(mut entries) => {
            Ok(entries.any(|entry| entry.is_ok_and(|entry| entry.path().extension().is_some())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io(path.display())(error)),
    }
}

/// Notes that the log is needed from here on; it is on the disk already.
pub(crate) fn begin(dir: &Path) -> Result<(), Error> {
    let path = dir.join(RUNNING);
    private_file(&path).map_err(io(path.display()))?;
    sync_dir(dir)
}

/// Notes that it will be written back at once, before it goes.
pub(crate) fn end(dir: &Path) -> Result<(), Error> {
    let path = dir.join(RUNNING);
    match std::fs::remove_file(&path) {
        // A start that failed did not come so far.
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(path.display())(error)),
        _ => sync_dir(dir),
    }
}

/// Marks the directory as being of the newest format.
pub(crate) fn mark(dir: &Path) -> Result<(), Error> {
    let (new, path) = (dir.join("FORMAT.new"), dir.join(MARK));
    let mut file = private_file(&new).map_err(io(new.display()))?;
    file.set_len(0).map_err(io(new.display()))?;
    writeln!(file, "{MARK_TEXT}{}", schema::FORMAT).map_err(io(new.display()))?;
    file.sync_all().map_err(io(new.display()))?;
    std::fs::rename(&new, &path).map_err(io(path.display()))?;
    sync_dir(dir)
}

/// A file without a name in `dir`, which is gone when it is closed.
pub(crate) fn scratch(dir: &Path, number: u64) -> Result<File, Error> {
    let path = dir.join(format!("{number}.part"));
    let file = private_file(&path).map_err(io(path.display()))?;
    std::fs::remove_file(&path).map_err(io(path.display()))?;
    Ok(file)
}
