//! A little space that is kept for a full disk.
//!
//! When the disk is full the reserve is given up: users can still flag, move and remove, and administrators can still
//! change what must be changed. New messages are refused until it could be taken again.

use crate::sql::io;
use crate::{Error, files};
use std::path::PathBuf;

/// Its octets: room for some hundred small commits.
const SIZE: usize = 4 << 20;

/// The file that takes the space.
pub(crate) struct Reserve {
    /// `None` in memory, where nothing is reserved.
    path: Option<PathBuf>,
    held: bool,
}

impl Reserve {
    /// Takes the reserve, if there is room for it.
    pub(crate) fn new(path: Option<PathBuf>) -> Reserve {
        let size = path.as_ref().and_then(|path| path.metadata().ok()).map(|meta| meta.len());
        let held = path.is_none() || size == Some(SIZE as u64);
        let mut reserve = Reserve { path, held };
        if let Err(error) = reserve.take() {
            tracing::warn!(%error, "no space could be reserved; new messages are refused until it can");
        }
        reserve
    }

    /// Takes the reserve, where it is not held; [`Error::Full`] while there is no room.
    pub(crate) fn take(&mut self) -> Result<(), Error> {
        let Some(path) = self.path.as_ref().filter(|_| !self.held) else { return Ok(()) };
        let write = || {
            let file = files::private_file(path)?;
            std::os::unix::fs::FileExt::write_all_at(&file, &vec![0; SIZE], 0)?;
            file.sync_data()
        };
        let taken = write().map_err(io(path.display()));
        self.held = taken.is_ok();
        if taken.is_err() {
            self.give_up();
        }
        taken
    }

    /// Lets others have the space.
    pub(crate) fn give_up(&mut self) {
        if let Some(path) = &self.path {
            self.held = false;
            let _ = std::fs::remove_file(path); // it may not be there
        }
    }
}
