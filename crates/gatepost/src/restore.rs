//! `gatepost restore`: makes a server of a backup.

use crate::boot::Boot;
use crate::cli;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{backup, terminal};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use store::backup::{Generation, Restored, generations, restore};

/// Restores what the options say.
pub fn run(options: &cli::Restore) -> Result<(), Failure> {
    let Some(from) = &options.from else { return step_back(options) };
    let states = generations(from).map_err(|error| Failure::backup(from, from, &error))?;
    if options.list {
        for Generation { name, messages, octets, damaged, .. } in &states {
            let damaged =
                if damaged.is_empty() { String::new() } else { format!(", {} not in it", damaged.len()) };
            terminal::say(&format!("{name}: {messages} messages, {octets} octets{damaged}"));
        }
        return Ok(());
    }
    let state = chosen(&states, options.state.as_deref(), from)?;
    all(from, &state.name, &options.data.dir())
}

/// The state that was asked for, or the newest.
pub fn chosen<'s>(
    states: &'s [Generation],
    name: Option<&str>,
    from: &Path,
) -> Result<&'s Generation, Failure> {
    let Some(newest) = states.last() else {
        return Err(Failure::setup(format!(
            "{}: no backup was completed in it; run `gatepost backup` again",
            from.display()
        )));
    };
    let Some(name) = name else { return Ok(newest) };
    states.iter().find(|state| state.name == name).ok_or_else(|| {
        let names: Vec<&str> = states.iter().map(|state| state.name.as_str()).collect();
        Failure::Usage(format!("{}: there is no state {name}; it has: {}", from.display(), names.join(", ")))
    })
}

fn all(from: &Path, state: &str, data: &Path) -> Result<(), Failure> {
    let mut progress = Progress::new("Restoring");
    let restored = restore(from, state, data, &mut |done, all| progress.show(done, all), &mut |restored| {
        others(restored, data).map_err(|error| store::Error::Io(format!("{}: {error}", data.display())))
    });
    drop(progress);
    let restored = restored.map_err(|error| Failure::backup(from, data, &error))?;
    let shown = data.display();
    terminal::say(&format!(
        "{}: {} messages, {} octets are in {shown}; start it with `gatepost serve --data {shown}`",
        restored.name, restored.messages, restored.octets
    ));
    for lost in &restored.lost {
        terminal::say(&format!("  not in the backup: {lost}"));
    }
    if restored.lost.is_empty() {
        return Ok(());
    }
    Err(Failure::setup(
        "what is named above was damaged when the backup was made, or is damaged in it; the rest is there",
    ))
}

/// Puts boot file and certificates to their places. A boot file that says that the mail is elsewhere no longer does.
fn others(restored: &Restored, data: &Path) -> std::io::Result<()> {
    for (name, from) in &restored.files {
        let to = data.join(name);
        if let Some(parent) = to.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        let mut octets = fs::read(from)?;
        if name == "gatepost.toml"
            && let Ok(text) = std::str::from_utf8(&octets)
            && let Ok(boot) = Boot::parse(text)
            && boot.data.is_some()
            && let Ok(text) = (Boot { data: None, ..boot }).to_text()
        {
            octets = text.into_bytes();
        }
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&to)?;
        std::io::Write::write_all(&mut file, &octets)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Puts the index back that was kept before the last upgrade.
fn step_back(options: &cli::Restore) -> Result<(), Failure> {
    let (_, data) = backup::existing(&options.data)?;
    let (format, newer) = store::step_back(&data).map_err(|error| Failure::data(&data, &error))?;
    terminal::say(&format!(
        "{} has format {format} again, as before the upgrade: start the older program. What came since is not in it; it is \
         kept in {}",
        data.display(),
        newer.display()
    ));
    Ok(())
}
