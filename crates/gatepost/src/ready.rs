//! The file that tells a script that the server is ready.
//!
//! Whether it can be made is found out before anything is started: what is to be its content waits beside it under another
//! name, and is given its own when the time has come, so that it is never seen half written.

use crate::failure::Failure;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file, which is not there yet.
pub struct ReadyFile {
    path: PathBuf,
    waiting: PathBuf,
}

impl ReadyFile {
    /// Removes the file of an earlier run, which would tell of a server that is not there yet.
    pub fn new(path: &Path) -> ReadyFile {
        if path.is_file() {
            // What is still there is found by `prepare`.
            let _ = fs::remove_file(path);
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        ReadyFile { path: path.to_owned(), waiting: path.with_file_name(name) }
    }

    /// Makes sure that the file can be made.
    pub fn prepare(&self) -> Result<(), Failure> {
        let prepared = if self.path.exists() {
            Err(io::Error::other("something is there that is no file, or cannot be removed"))
        } else {
            fs::write(&self.waiting, "ready\n")
        };
        prepared.map_err(|error| self.failure(&error))
    }

    /// Tells it.
    pub fn tell(self) -> Result<(), Failure> {
        fs::rename(&self.waiting, &self.path).map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure::setup(format!(
            "the ready file {} cannot be written: {error}; name a file with --once-ready-file whose directory exists and can \
             be written by this user",
            self.path.display()
        ))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Once it is told there is none.
        let _ = fs::remove_file(&self.waiting);
    }
}
