//! `gatepost check`: reads a whole data directory, or a backup, and reports damage; with `--repair` it makes a data directory
//! whole again. Without, nothing is changed.

use crate::cli;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{backup, setup, terminal};
use directory::{Mailbox, Snapshot};
use mail::DateTime;
use std::path::Path;
use std::sync::Arc;

/// Checks; damage is a failure of exit code 3.
pub fn run(options: &cli::Check) -> Result<(), Failure> {
    if let Some(backup) = &options.backup {
        return verify(backup);
    }
    let (dir, data) = backup::existing(&options.data)?;
    if options.repair {
        repair(&data)?;
    }
    check(&dir, &data)
}

/// Reads a backup.
fn verify(backup: &Path) -> Result<(), Failure> {
    let mut progress = Progress::new("Reading");
    let damage = store::backup::verify(backup, &mut |done, all| progress.show(done, all));
    drop(progress);
    let damage = damage.map_err(|error| Failure::backup(backup, backup, &error))?;
    terminal::say(&format!("{}: damage: {}", backup.display(), damage.len()));
    for damage in &damage {
        terminal::say(&format!("  {damage}"));
    }
    if damage.is_empty() {
        return Ok(());
    }
    Err(Failure::setup(
        "the backup is damaged; begin another one in a new directory, and keep this one until that is complete",
    ))
}

/// Repairs, and says what was done.
fn repair(data: &Path) -> Result<(), Failure> {
    let name = DateTime::utc(server::system_clock().seconds).to_name();
    let mut progress = Progress::new("Repairing");
    let repaired = store::repair(data, &name, &mut |done, all| progress.show(done, all));
    drop(progress);
    let repaired = repaired.map_err(|error| Failure::data(data, &error))?;
    for mended in &repaired.mended {
        terminal::say(&format!("mended: {mended}"));
    }
    for lost in &repaired.lost {
        terminal::say(&format!("lost: {lost}"));
    }
    terminal::say(&format!("note: the index as it was is kept in {}", repaired.before.display()));
    if repaired.quarantine.exists() {
        let kept = repaired.quarantine.display();
        terminal::say(&format!("note: what can be read of damaged messages is in {kept}"));
    }
    Ok(())
}

fn check(dir: &Path, data: &Path) -> Result<(), Failure> {
    let mut progress = Progress::new("Reading");
    let report = store::check(data, &mut |done, all| progress.show(done, all));
    drop(progress);
    let report = report.map_err(|error| Failure::data(data, &error))?;
    let damage = report.damage.len();
    terminal::say(&if report.index_damaged {
        format!("the index cannot be read as a whole, damage: {damage}")
    } else {
        let (messages, octets, unused) = (report.messages, report.octets, report.unused_octets);
        format!("{messages} messages, {octets} octets read, {unused} octets unused, damage: {damage}")
    });
    for damage in &report.damage {
        terminal::say(&format!("  {damage}"));
    }
    for owner in owners(&report) {
        terminal::say(&owner);
    }
    for note in &report.notes {
        terminal::say(&format!("note: {note}"));
    }
    if !dir.join("tls").exists() {
        terminal::say(
            "note: there is no certificate in tls; only mail is checked here. The next start makes a certificate \
             authority, and mail programs must trust the new one",
        );
    }
    let data = data.display();
    if report.damage.is_empty() {
        return Ok(());
    }
    if report.index_damaged {
        return Err(Failure::setup(format!(
            "{data} has a damaged index, without which nothing is known of the mail; nothing was changed. Copy the \
             directory, then restore index.db from a backup, or run this with --repair to save what can be read, unless \
             something else is said above"
        )));
    }
    Err(Failure::setup(format!(
        "{data} is damaged; nothing was changed. Copy the directory, then restore what is named above from a backup, or run \
         this with --repair to take it out; what is not named is whole and can be served"
    )))
}

/// Whose the accounts are that are damaged.
fn owners(report: &store::Report) -> Vec<String> {
    let records = report.objects.iter().cloned().map(setup::record);
    let Ok(snapshot) = Snapshot::load(records) else { return Vec::new() };
    let concerned = |mailbox: &&Arc<Mailbox>| {
        let account = format!("account {},", mailbox.account);
        report.damage.iter().any(|damage| damage.starts_with(&account))
    };
    let owner = |mailbox: &Arc<Mailbox>| {
        format!("  account {} is {} ({})", mailbox.account, mailbox.name, mailbox.primary_smtp_address)
    };
    snapshot.mailboxes().filter(concerned).map(owner).collect()
}
