//! `gatepost check`: reads a whole data directory and reports damage, without changing anything.

use crate::boot::Boot;
use crate::cli::Data;
use crate::failure::Failure;
use crate::{setup, terminal};
use directory::{Mailbox, Snapshot};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Checks; damage is a failure of exit code 3.
pub fn run(options: &Data) -> Result<(), Failure> {
    let dir = options.existing();
    let data = Boot::load(&dir)?.unwrap_or_default().data_dir(&dir);
    if !data.is_dir() {
        return Err(Failure::setup(format!(
            "{}: there is no such data directory; name the right one with --data",
            data.display()
        )));
    }
    let mut progress = Progress::new();
    let report = store::check(&data, &mut |done, all| progress.show(done, all));
    let report = report.map_err(|error| Failure::data(&data, &error))?;
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
             directory, then restore index.db from a backup, unless something else is said above"
        )));
    }
    Err(Failure::setup(format!(
        "{data} is damaged; nothing was changed. Copy the directory, then restore what is named above from a backup; what \
         is not named is whole and can be served"
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

/// Progress on standard error, for those who look at it.
struct Progress {
    next: Instant,
}

impl Progress {
    fn new() -> Progress {
        Progress { next: Instant::now() + Duration::from_secs(1) }
    }

    fn show(&mut self, done: u64, all: u64) {
        if terminal::is_watched() && Instant::now() >= self.next {
            self.next = Instant::now() + Duration::from_secs(1);
            terminal::tell(&format!("{} of {} MiB", done >> 20, all >> 20));
        }
    }
}
