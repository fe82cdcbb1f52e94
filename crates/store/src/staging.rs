//! Messages on their way in.
//!
//! A small message stays in memory; a large one, or one that would exceed what all may use together, goes on into a
//! nameless file in the data directory. Structure and checksum are made up while the octets pass, so that nothing is
//! read twice.

use crate::core::Core;
use crate::segments::Octets;
use crate::sql::io;
use crate::{Error, OctetsKey, files};
use bytes::Bytes;
use mail::Summary;
use mail::summary::Builder;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use xxhash_rust::xxh3::Xxh3Default;

/// Octets of one message kept in memory.
const IN_MEMORY: usize = 256 << 10;
/// Octets gathered before they are written to the file.
const GATHER: usize = 64 << 10;

/// What all messages on their way in may use together.
pub(crate) struct Budget {
    left: AtomicUsize,
    /// Where files go; `None` keeps all in memory.
    dir: Option<PathBuf>,
    files: AtomicU64,
}

impl Budget {
    pub(crate) fn new(octets: usize, dir: Option<PathBuf>) -> Budget {
        Budget { left: AtomicUsize::new(octets), dir, files: AtomicU64::new(0) }
    }

    fn take(&self, octets: usize) -> bool {
        let less = |left: usize| left.checked_sub(octets);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// A message's share of the budget, given back when dropped.
struct Share {
    budget: Arc<Budget>,
    octets: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.octets, Ordering::Relaxed);
    }
}

/// A message that is coming in.
pub struct Staging {
    core: Arc<Core>,
    memory: Vec<u8>,
    file: Option<Arc<File>>,
    /// Octets in the file.
    filed: u64,
    size: u64,
    checksum: Xxh3Default,
    builder: Builder,
    share: Share,
}

impl std::fmt::Debug for Staging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Staging({} octets)", self.size)
    }
}

impl Staging {
    pub(crate) fn new(core: Arc<Core>) -> Staging {
        let share = Share { budget: Arc::clone(&core.staging), octets: 0 };
        let (checksum, builder) = (Xxh3Default::new(), Builder::new());
        Staging { core, memory: Vec::new(), file: None, filed: 0, size: 0, checksum, builder, share }
    }

    /// Takes the next octets.
    pub async fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        let size = self.size + octets.len() as u64;
        if u32::try_from(size).is_err() {
            return Err(Error::Io("a message cannot be larger than 4 GiB".into()));
        }
        self.size = size;
        self.checksum.update(octets);
        self.builder.push(octets);
        self.memory.extend_from_slice(octets);
        if self.file.is_none() && self.fits(octets.len()) {
            return Ok(());
        }
        if self.memory.len() >= GATHER || self.file.is_none() {
            self.flush().await?;
        }
        Ok(())
    }

    /// Whether the message can stay in memory with these octets more.
    fn fits(&mut self, more: usize) -> bool {
        let fits =
            self.share.budget.dir.is_none() || self.memory.len() <= IN_MEMORY && self.share.budget.take(more);
        self.share.octets += if fits && self.share.budget.dir.is_some() { more } else { 0 };
        fits
    }

    /// Writes what is in memory to the file, on a thread that may wait for the disk.
    async fn flush(&mut self) -> Result<(), Error> {
        let (octets, at, file) = (std::mem::take(&mut self.memory), self.filed, self.file.clone());
        let budget = Arc::clone(&self.share.budget);
        let (file, written) = self
            .core
            .read(move |_| {
                let file = file.map_or_else(|| scratch(&budget).map(Arc::new), Ok)?;
                file.write_all_at(&octets, at).map_err(io("storing a message on its way in"))?;
                Ok((file, octets.len() as u64))
            })
            .await?;
        self.filed = at + written;
        self.file = Some(file);
        self.share = Share { budget: Arc::clone(&self.share.budget), octets: 0 };
        Ok(())
    }

    /// Octets so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The message is complete: its envelope and structure are known from here on.
    pub async fn finish(mut self) -> Result<Staged, Error> {
        if self.file.is_some() {
            self.flush().await?;
        }
        let octets = match &self.file {
            None => Octets::Memory(Bytes::from(std::mem::take(&mut self.memory))),
            // A write that was given up in the middle is missing in the file.
            Some(_) if self.filed != self.size => {
                return Err(Error::Io("a message on its way in was cut".into()));
            }
            Some(file) => Octets::File(Arc::clone(file)),
        };
        let size = u32::try_from(self.size)
            .map_err(|_| Error::Io("a message cannot be larger than 4 GiB".into()))?;
        let summary = Arc::new(self.builder.finish());
        Ok(Staged { octets, size, checksum: self.checksum.digest(), summary, share: Arc::new(self.share) })
    }
}

fn scratch(budget: &Budget) -> Result<File, Error> {
    let number = budget.files.fetch_add(1, Ordering::Relaxed);
    let dir = budget.dir.as_ref().ok_or(Error::Closed)?;
    files::scratch(dir, number)
}

/// A complete message that is not filed yet. Cloning gives another handle to the same octets.
#[derive(Clone)]
pub struct Staged {
    pub(crate) octets: Octets,
    pub(crate) size: u32,
    pub(crate) checksum: u64,
    pub(crate) summary: Arc<Summary>,
    share: Arc<Share>,
}

impl std::fmt::Debug for Staged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Staged({} octets)", self.size)
    }
}

impl Staged {
    /// Envelope and structure.
    pub fn summary(&self) -> &Arc<Summary> {
        &self.summary
    }

    /// Octets.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// What tells these octets from others.
    pub fn key(&self) -> OctetsKey {
        OctetsKey { checksum: self.checksum, size: self.size }
    }

    /// What must live until the octets are stored.
    pub(crate) fn into_share(self) -> impl Send + 'static {
        self.share
    }
}
