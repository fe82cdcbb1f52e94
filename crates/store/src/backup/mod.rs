//! Backups: several generations of one store in one directory, in which each message lies once.
//!
//! A backup is made from outside, over a connection that cannot write, so it needs nothing of the server but that it leaves
//! emptied segments where they are. First all octets that the backup does not have yet are copied, in short readings; then, in
//! one reading, all of the index but octets and summaries, and the few octets that came meanwhile. A generation counts
//! when its directory has its final name, which it gets when all in it is synced. Whatever stops it, the next run goes on with
//! the octets that are there.

mod catalog;
mod restore;
pub(crate) mod tables;

use crate::reading::Source;
use crate::segments::Place;
use crate::sql::io;
use crate::{Error, files};
pub(crate) use catalog::Catalog;
use mail::BlobId;
pub use restore::{Restored, restore};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3Default;

/// The file that makes a directory a backup.
const MARK: &str = "BACKUP";
const MARK_TEXT: &str = "gatepost backup format 1\n";
/// Ends the name of a generation that is not complete, or is being removed.
const UNFINISHED: &str = ".part";

/// Called with octets done and octets in all.
pub type Progress<'p> = &'p mut dyn FnMut(u64, u64);

/// What is to be backed up, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The data directory.
    pub data: PathBuf,
    /// Other files: the name each has in the backup, and where it is.
    pub files: Vec<(String, PathBuf)>,
    /// The backup.
    pub to: PathBuf,
    /// The new generation's name; later ones sort behind earlier ones. A number is put behind one that is taken.
    pub name: String,
    /// Generations that are kept, this one included; at least one is.
    pub keep: usize,
}

/// What a generation says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Its name.
    pub name: String,
    /// Messages in folders.
    pub messages: u64,
    /// Octets of all messages.
    pub octets: u64,
    /// Of these, octets that no earlier generation had.
    pub added: u64,
    /// Octets that could not be read, and whose they are: they are not in the backup.
    pub damaged: Vec<String>,
    /// Files with their lengths and xxh3-64 checksums.
    files: Vec<(String, u64, u64)>,
}

/// Makes one more generation.
pub fn backup(plan: &Plan, progress: Progress<'_>) -> Result<Generation, Error> {
    apart(&plan.data, &plan.to)?;
    let source = Source::open(&plan.data)?;
    let _lock = begin(&plan.to)?;
    let mut catalog = Catalog::open(&plan.to)?;
    let mut copy = Copy { source: &source, catalog: &mut catalog, damaged: Vec::new(), done: 0 };
    copy.missing(progress)?;
    let name = unused(&plan.to, &plan.name);
    let part = plan.to.join("generations").join(format!("{name}{UNFINISHED}"));
    remove_dir(&part)?;
    files::private_dir(&part)?;
    let messages = source.db().snapshot(|db| {
        let messages = tables::copy(db, &part.join("index.db"))?;
        copy.missing(progress)?;
        Ok(messages)
    })?;
    let Copy { damaged, done: octets, .. } = copy;
    let added = catalog.added;
    let mut generation = Generation { name, messages, octets, added, damaged, files: Vec::new() };
    generation.files = files_of(&part, &plan.files)?;
    complete(&plan.to, &part, &generation)?;
    prune(&plan.to, &mut catalog, plan.keep)?;
    Ok(generation)
}

/// The complete generations of a backup, the oldest first.
pub fn generations(dir: &Path) -> Result<Vec<Generation>, Error> {
    is_backup(dir)?;
    names(dir)?.iter().map(|name| manifest(dir, name)).collect()
}

/// Reads all of a backup and says what is damaged in it.
pub fn verify(dir: &Path, progress: Progress<'_>) -> Result<Vec<String>, Error> {
    is_backup(dir)?;
    let _lock = files::lock(dir)?;
    let catalog = Catalog::open(dir)?;
    let mut damage = Vec::new();
    let (mut done, mut checked) = (0, std::collections::HashSet::new());
    for generation in generations(dir)? {
        let path = dir.join("generations").join(&generation.name);
        for (name, length, checksum) in &generation.files {
            if sum(&path.join(name)).ok() != Some((*length, *checksum)) {
                damage.push(format!("{}/{name}: it is not what was written", generation.name));
            }
        }
        let blobs = tables::open(&path.join("index.db")).and_then(|index| tables::blobs(&index));
        let blobs = blobs.unwrap_or_else(|error| {
            damage.push(format!("{}: {error}", generation.name));
            Vec::new()
        });
        for (blob, like) in blobs {
            if !checked.insert((blob, like.checksum, like.length)) {
                continue;
            }
            let read = match catalog.find(blob, &like)? {
                Some(place) => catalog.read(blob, &place).map(drop),
                None => Err(Error::Damaged("not in the backup".to_owned())),
            };
            if let Err(error) = read
                && !generation.damaged.iter().any(|known| known.starts_with(&known_as(blob)))
            {
                damage.push(format!("{}: {}{error}", generation.name, known_as(blob)));
            }
            done += u64::from(like.length);
            progress(done, generation.octets.max(done));
        }
    }
    Ok(damage)
}

fn known_as(blob: BlobId) -> String {
    format!("message octets {blob}: ")
}

struct Copy<'a> {
    source: &'a Source,
    catalog: &'a mut Catalog,
    damaged: Vec<String>,
    /// Octets looked at in the last round.
    done: u64,
}

impl Copy<'_> {
    /// Copies all octets that the backup does not have.
    fn missing(&mut self, progress: Progress<'_>) -> Result<(), Error> {
        let sql = "SELECT coalesce(sum(length), 0) FROM blobs";
        let all = self.source.db().first(sql, [], |row| row.get(0).map(crate::sql::uint))?.unwrap_or(0);
        let mut last = BlobId(0);
        self.done = 0;
        self.damaged.clear();
        loop {
            let blobs = self.source.blobs(last)?;
            let Some((end, _)) = blobs.last() else { break };
            last = *end;
            for (blob, place) in &blobs {
                self.one(*blob, place)?;
                self.done += u64::from(place.length);
                progress(self.done, all.max(self.done));
            }
        }
        self.catalog.commit()
    }

    fn one(&mut self, blob: BlobId, place: &Place) -> Result<(), Error> {
        if self.catalog.find(blob, place)?.is_some() {
            return Ok(());
        }
        match self.source.bodies().whole(blob, place) {
            Ok(octets) => self.catalog.add(blob, place, octets),
            // The message is named by its octets alone: whose they are, the index in the backup says.
            Err(Error::Damaged(what)) => {
                self.damaged.push(format!("{}{what}", known_as(blob)));
                Ok(())
            }
            // It went since it was looked up.
            Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A backup must not lie in what it is of, nor the other way round.
fn apart(data: &Path, to: &Path) -> Result<(), Error> {
    files::private_dir(to)?;
    let whole = |path: &Path| std::fs::canonicalize(path).map_err(io(path.display()));
    let (data, to) = (whole(data)?, whole(to)?);
    if to.starts_with(&data) || data.starts_with(&to) {
        return Err(Error::Unfit(format!(
            "{}: a backup must not lie within the data directory, nor the data in it; name another directory",
            to.display()
        )));
    }
    Ok(())
}

/// Takes a directory for a backup: one that is, or an empty one.
fn begin(to: &Path) -> Result<File, Error> {
    let mark = to.join(MARK);
    if !mark.exists() {
        let mut entries = std::fs::read_dir(to).map_err(io(to.display()))?;
        if entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != "lock")) {
            return Err(Error::Unfit(format!(
                "{}: it is no backup, and there are files in it; name an empty directory, or one that does not exist",
                to.display()
            )));
        }
    }
    let lock = files::lock(to)?;
    if mark.exists() {
        is_backup(to)?;
    } else {
        files::private_dir(&to.join("generations"))?;
        write(&mark, MARK_TEXT.as_bytes())?;
        files::sync_dir(to)?;
    }
    Ok(lock)
}

/// Makes sure that a directory is a backup that this program understands.
pub(crate) fn is_backup(dir: &Path) -> Result<(), Error> {
    let path = dir.join(MARK);
    match std::fs::read_to_string(&path) {
        Ok(text) if text == MARK_TEXT => Ok(()),
        Ok(text) => Err(Error::Unfit(format!(
            "{}: it says {:?}, and this program knows {:?}; use the program that made it",
            path.display(),
            text.trim_end(),
            MARK_TEXT.trim_end()
        ))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::Unfit(format!(
            "{}: it is no backup; name the directory that was given to `gatepost backup`",
            dir.display()
        ))),
        Err(error) => Err(io(path.display())(error)),
    }
}

/// Copies the other files of a generation; returns the checksums of all its files.
fn files_of(part: &Path, others: &[(String, PathBuf)]) -> Result<Vec<(String, u64, u64)>, Error> {
    let mut kept = vec![("index.db".to_owned(), PathBuf::new())];
    for (name, from) in others {
        let octets = match std::fs::read(from) {
            Ok(octets) => octets,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(io(from.display())(error)),
        };
        let (name, path) = (format!("files/{name}"), part.join("files").join(name));
        path.parent().map_or(Ok(()), files::private_dir)?;
        write(&path, &octets)?;
        path.parent().map_or(Ok(()), files::sync_dir)?;
        kept.push((name, path));
    }
    let with_sum = |(name, _): (String, PathBuf)| {
        let (length, checksum) = sum(&part.join(&name))?;
        Ok((name, length, checksum))
    };
    kept.into_iter().map(with_sum).collect()
}

/// Writes the manifest, syncs everything, and gives the generation its name.
fn complete(to: &Path, part: &Path, generation: &Generation) -> Result<(), Error> {
    let json = serde_json::to_vec_pretty(generation).map_err(|error| Error::Io(error.to_string()))?;
    write(&part.join("manifest.json"), &json)?;
    files::sync_dir(part)?;
    let (all, path) = (to.join("generations"), to.join("generations").join(&generation.name));
    std::fs::rename(part, &path).map_err(io(path.display()))?;
    files::sync_dir(&all)
}

/// Removes generations beyond those to be kept, with what only they had, and what earlier runs left unfinished.
fn prune(to: &Path, catalog: &mut Catalog, keep: usize) -> Result<(), Error> {
    let all = to.join("generations");
    let names = names(to)?;
    let surplus = names.len().saturating_sub(keep.max(1));
    for name in names.iter().take(surplus) {
        let part = all.join(format!("{name}{UNFINISHED}"));
        std::fs::rename(all.join(name), &part).map_err(io(part.display()))?;
    }
    files::sync_dir(&all)?;
    for entry in std::fs::read_dir(&all).map_err(io(all.display()))?.flatten() {
        if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
            remove_dir(&entry.path())?;
        }
    }
    if surplus == 0 {
        return Ok(());
    }
    let kept: Vec<PathBuf> = names.iter().skip(surplus).map(|name| all.join(name).join("index.db")).collect();
    catalog.prune(&kept)
}

/// The name, or, where a generation has it, the next one that sorts behind it.
fn unused(to: &Path, name: &str) -> String {
    let names = std::iter::once(name.to_owned()).chain((2..).map(|number| format!("{name}-{number:03}")));
    let mut free = names.filter(|name| !to.join("generations").join(name).exists());
    free.next().unwrap_or_else(|| name.to_owned())
}

/// Names of the complete generations, in order.
fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let path = dir.join("generations");
    let entries = std::fs::read_dir(&path).map_err(io(path.display()))?;
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    let mut names: Vec<String> =
        entries.filter_map(name).filter(|name| !name.ends_with(UNFINISHED)).collect();
    names.sort();
    Ok(names)
}

fn manifest(dir: &Path, name: &str) -> Result<Generation, Error> {
    let path = dir.join("generations").join(name).join("manifest.json");
    let octets = std::fs::read(&path).map_err(io(path.display()))?;
    serde_json::from_slice(&octets).map_err(|error| Error::Damaged(format!("{}: {error}", path.display())))
}

fn write(path: &Path, octets: &[u8]) -> Result<(), Error> {
    let file = || {
        let mut file = files::private_file(path)?;
        file.set_len(0)?;
        file.write_all(octets)?;
        file.sync_all()
    };
    file().map_err(io(path.display()))
}

/// Length and checksum of a file.
fn sum(path: &Path) -> Result<(u64, u64), Error> {
    let mut file = File::open(path).map_err(io(path.display()))?;
    let mut hash = Xxh3Default::new();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        let read = std::io::Read::read(&mut file, &mut buffer).map_err(io(path.display()))?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        length += read as u64;
    }
    Ok((length, hash.digest()))
}

fn remove_dir(path: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(path.display())(error)),
        _ => Ok(()),
    }
}
