//! `gatepost backup`: adds a state of the server to a backup.

use crate::boot::Boot;
use crate::cli;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal;
use mail::DateTime;
use std::path::{Path, PathBuf};
use store::backup::{Plan, backup};

/// What a backup has beside the store: the boot file, and the certificates with their keys.
fn files(dir: &Path) -> Vec<(String, PathBuf)> {
    let mut files: Vec<(String, PathBuf)> =
        ["gatepost.toml", "ca.pem"].map(|name| (name.to_owned(), dir.join(name))).into();
    if let Ok(entries) = std::fs::read_dir(dir.join("tls")) {
        let entries = entries.flatten().filter(|entry| entry.path().is_file());
        files.extend(
            entries.map(|entry| (format!("tls/{}", entry.file_name().to_string_lossy()), entry.path())),
        );
    }
    files
}

/// The data directory of an existing server: where its boot file is, and where its mail is.
pub fn existing(data: &cli::Data) -> Result<(PathBuf, PathBuf), Failure> {
    let dir = data.existing();
    let mail = Boot::load(&dir)?.unwrap_or_default().data_dir(&dir);
    if mail.is_dir() {
        return Ok((dir, mail));
    }
    Err(Failure::setup(format!(
        "{}: there is no such data directory; name the right one with --data",
        mail.display()
    )))
}

/// Makes one more state. Damaged messages are named, and a failure of exit code 3; the rest is backed up all the same.
pub fn run(options: &cli::Backup) -> Result<(), Failure> {
    let (dir, data) = existing(&options.data)?;
    let plan = Plan {
        files: files(&dir),
        to: options.to.clone(),
        name: DateTime::utc(server::system_clock().seconds).to_name(),
        keep: options.keep as usize,
        data,
    };
    let mut progress = Progress::new("Backing up");
    let made = backup(&plan, &mut |done, all| progress.show(done, all));
    drop(progress);
    let made = made.map_err(|error| Failure::backup(&plan.to, &plan.data, &error))?;
    terminal::say(&format!(
        "{}: {} messages, {} octets, {} of them copied now",
        made.name, made.messages, made.octets, made.added
    ));
    for damage in &made.damaged {
        terminal::say(&format!("  not in the backup: {damage}"));
    }
    if made.damaged.is_empty() {
        return Ok(());
    }
    Err(Failure::setup(format!(
        "{} cannot be read, and all others are backed up; stop the server, and `gatepost check` tells whose they are",
        if made.damaged.len() == 1 {
            "one message".to_owned()
        } else {
            format!("{} messages", made.damaged.len())
        }
    )))
}
