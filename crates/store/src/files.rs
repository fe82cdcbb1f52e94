//! The data directory: its lock, its format mark, and files and directories that only their owner can read.
//!
//! A file that is new is durable only when its directory is synced too; [`sync_dir`] does it.

use crate::sql::io;
use crate::{Error, schema};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file that says which format a data directory has.
const MARK: &str = "FORMAT";
const MARK_TEXT: &str = "gatepost data format ";
/// Locked, shared, by whoever reads segments from outside.
const PAUSE: &str = "reading";
/// There while a restore into the directory is not finished.
pub(crate) const RESTORING: &str = "restoring";
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

/// Keeps segments from being removed, for as long as the file returned lives.
pub(crate) fn pause(dir: &Path) -> Result<File, Error> {
    let path = dir.join(PAUSE);
    let file = private_file(&path).map_err(io(path.display()))?;
    file.lock_shared().map_err(io(path.display()))?;
    Ok(file)
}

/// Whether segments may be removed while the file returned lives: `None` while somebody outside reads them.
pub(crate) fn may_remove(dir: &Path) -> Result<Option<File>, Error> {
    let path = dir.join(PAUSE);
    let file = private_file(&path).map_err(io(path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
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
    if dir.join(RESTORING).exists() {
        return lost(
            "a restore into this directory was not finished; run the same `gatepost restore` again, it goes on",
        );
    }
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

/// Marks the directory as being of this format.
pub(crate) fn mark(dir: &Path, format: u32) -> Result<(), Error> {
    let (new, path) = (dir.join("FORMAT.new"), dir.join(MARK));
    let mut file = private_file(&new).map_err(io(new.display()))?;
    file.set_len(0).map_err(io(new.display()))?;
    writeln!(file, "{MARK_TEXT}{format}").map_err(io(new.display()))?;
    file.sync_all().map_err(io(new.display()))?;
    std::fs::rename(&new, &path).map_err(io(path.display()))?;
    sync_dir(dir)
}

/// The name of the directory that has the index as it was before a format.
pub(crate) fn previous(format: u32) -> String {
    format!("before-format-{format}")
}

/// How long an index of the previous format can be gone back to. Until then, no segment is removed that it may need.
const STEP_BACK: std::time::Duration = std::time::Duration::from_secs(14 * 86_400);

/// Whether an index of the previous format is kept that can be gone back to; one that is too old is removed.
pub(crate) fn may_step_back(dir: &Path) -> Result<bool, Error> {
    let kept = dir.join(previous(schema::FORMAT));
    let Ok(made) = kept.metadata().and_then(|meta| meta.modified()) else { return Ok(false) };
    if made.elapsed().is_ok_and(|age| age < STEP_BACK) {
        return Ok(true);
    }
    std::fs::remove_dir_all(&kept).map_err(io(kept.display()))?;
    Ok(false)
}

/// Puts the index back that was kept before the last change of format; the present one is kept beside it. Returns the format
/// gone back to, and where the present index is now. No store may have the directory open.
pub(crate) fn step_back(dir: &Path) -> Result<(u32, PathBuf), Error> {
    let _lock = lock(dir)?;
    let kept = dir.join(previous(schema::FORMAT));
    if !kept.join("index.db").exists() {
        return Err(Error::Unfit(format!(
            "{}: no index of an earlier format is kept here; it is for 14 days after an upgrade that changed the format",
            dir.display()
        )));
    }
    let newer = keep_index(dir, &format!("newer-format-{}", schema::FORMAT))?;
    let format = schema::format(&schema::open_still(&kept)?)?;
    for log in ["index.db-wal", "index.db-shm", RUNNING] {
        let _ = std::fs::remove_file(dir.join(log)); // they are kept with the newer index, or of no use
    }
    // The mark goes last: until then the older program refuses the directory.
    for file in ["index.db-wal", "index.db", MARK] {
        let (from, to) = (kept.join(file), dir.join(file));
        if from.exists() {
            std::fs::rename(&from, &to).map_err(io(to.display()))?;
        }
    }
    mark(dir, format)?;
    let _ = std::fs::remove_dir_all(&kept); // it is empty but for what SQLite made
    sync_dir(dir)?;
    Ok((format, newer))
}

/// Copies the index, its log and its mark into a directory beside them, before something changes them that might go wrong;
/// returns where. It is done before anything is touched: where there is no room for it, nothing was changed.
pub(crate) fn keep_index(dir: &Path, name: &str) -> Result<PathBuf, Error> {
    let kept = dir.join(name);
    if kept.exists() {
        return Ok(kept); // it was made before an earlier try, and that was the beginning
    }
    let new = dir.join(format!("{name}.new"));
    let copy = || {
        private_dir(&new)?;
        for file in ["index.db", "index.db-wal", MARK] {
            let (from, to) = (dir.join(file), new.join(file));
            if from.exists() {
                let mut to = private_file(&to).map_err(io(to.display()))?;
                to.set_len(0).map_err(io(new.display()))?;
                let mut from = File::open(&from).map_err(io(from.display()))?;
                std::io::copy(&mut from, &mut to).and_then(|_| to.sync_all()).map_err(io(new.display()))?;
            }
        }
        sync_dir(&new)?;
        std::fs::rename(&new, &kept).map_err(io(kept.display()))?;
        sync_dir(dir)
    };
    copy().map(|()| kept.clone()).map_err(|error: Error| {
        let _ = std::fs::remove_dir_all(&new); // a part of a copy is of no use
        match error {
            Error::Full => Error::Unfit(format!(
                "{}: there is no room to keep the index as it was, which takes {} MiB; nothing was changed. Make room, and \
                 try again",
                dir.display(),
                dir.join("index.db").metadata().map_or(0, |meta| (meta.len() >> 20) + 1)
            )),
            error => error,
        }
    })
}

/// A file without a name in `dir`, which is gone when it is closed.
pub(crate) fn scratch(dir: &Path, number: u64) -> Result<File, Error> {
    let path = dir.join(format!("{number}.part"));
    let file = private_file(&path).map_err(io(path.display()))?;
    std::fs::remove_file(&path).map_err(io(path.display()))?;
    Ok(file)
}
