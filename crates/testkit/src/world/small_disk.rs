//! A file system that can be filled: a small one in memory, mounted at the data directory. Mounting needs to be root.

use super::Trouble;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// It is unmounted when dropped.
pub(super) struct SmallDisk(PathBuf);

impl SmallDisk {
    pub(super) fn mount(at: &Path) -> Result<SmallDisk, Trouble> {
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "gatepost-test"])
            .arg(at)
            .output()?;
        if output.status.success() {
            Ok(SmallDisk(at.to_owned()))
        } else {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Trouble::NotHere(format!("a small disk cannot be mounted here, which takes root: {why}")))
        }
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves not one block.
    pub(super) fn fill(&self) -> Result<(), Trouble> {
        let mut file = File::create(self.filler())?;
        let block = vec![0; 4096];
        loop {
            match file.write(&block) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn empty(&self) -> Result<(), Trouble> {
        Ok(fs::remove_file(self.filler())?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a file that is still open somewhere must not leave the mount behind.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
