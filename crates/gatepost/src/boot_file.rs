//! The boot file `DIR/gatepost.toml` on disk.

use crate::boot::Boot;
use crate::failure::Failure;
use crate::terminal;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

const NAME: &str = "gatepost.toml";

impl Boot {
    /// Reads the boot file of a directory; `None` where there is none.
    pub fn load(dir: &Path) -> Result<Option<Boot>, Failure> {
        let path = dir.join(NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file(&path, &error)),
        };
        let boot = Boot::parse(&text);
        boot.map(Some).map_err(|problem| Failure::setup(format!("{}: {problem}", path.display())))
    }

    /// Writes the boot file, as a whole or not at all.
    pub fn save(&self, dir: &Path) -> Result<(), Failure> {
        let path = dir.join(NAME);
        let text = self.to_text().map_err(Failure::failed)?;
        let whole = || {
            let new = path.with_extension("new");
            let mut file = fs::File::create(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            // Only then the new name is there after a crash, too.
            fs::File::open(dir)?.sync_all()
        };
        whole().map_err(|error| Failure::file(&path, &error))
    }

    /// Writes a boot file where it was lost and the server is there: all that counts stands in the store.
    pub fn save_again(&self, dir: &Path) -> Result<(), Failure> {
        self.save(dir)?;
        terminal::tell(&format!(
            "gatepost: {}/{NAME} was missing, and was written again with the usual settings; if it had others, write \
             them in and start again",
            dir.display()
        ));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::{DemoPlace, LogLevel};

    #[test]
    fn what_is_written_is_read() {
        let demo = DemoPlace { bind: "127.0.0.1".parse().unwrap(), port_offset: 10_000, complete: true };
        let boot =
            Boot { log_level: LogLevel::Debug, demo: Some(demo), worker_threads: Some(3), ..Boot::default() };
        let dir = tempfile::tempdir().unwrap();
        boot.save(dir.path()).unwrap();
        assert_eq!(Boot::load(dir.path()).unwrap(), Some(boot));
    }

    #[test]
    fn a_mistake_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), "reader_threads = 0").unwrap();
        let error = Boot::load(dir.path()).unwrap_err();
        assert!(matches!(&error, Failure::Setup(text) if text.contains("gatepost.toml: ")), "{error:?}");
    }

    #[test]
    fn no_file_is_no_error() {
        assert_eq!(Boot::load(tempfile::tempdir().unwrap().path()).unwrap(), None);
    }
}
