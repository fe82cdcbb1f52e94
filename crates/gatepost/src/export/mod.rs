//! `gatepost export`: writes mail as files, from the data of a server that runs or not, or from a backup.
//!
//! Each message is read whole and checked, and none is in memory longer than it is written. What was written by an earlier run
//! is not written again (a file of many messages is, as a whole, in place of the old one), so a run that was stopped is given
//! again. Messages that cannot be read are named, and the others written.

mod files;

use crate::cli::{self, Format};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::restore::chosen;
use crate::{backup, setup, terminal};
use directory::{Mailbox, Snapshot};
use mail::{FolderId, Uid};
use std::path::Path;
use std::sync::Arc;
use store::{Error, Source};

/// Exports one mailbox, or all.
pub fn run(options: &cli::Export) -> Result<(), Failure> {
    let (source, from) = match &options.backup {
        Some(backup) => (from_backup(backup, options.state.as_deref())?, backup.clone()),
        None => {
            let (_, data) = backup::existing(&options.data)?;
            (Source::open(&data).map_err(|error| Failure::data(&data, &error))?, data)
        }
    };
    let mailboxes = mailboxes(&source, &from, options.mailbox.as_deref())?;
    let mut export = Export { source: &source, damaged: Vec::new(), written: 0, present: 0, done: 0, all: 0 };
    for mailbox in &mailboxes {
        export.all += source.size(mailbox.account).map_err(|error| Failure::data(&from, &error))?.1;
    }
    let mut progress = Progress::new("Exporting");
    let mut folders = 0;
    for mailbox in &mailboxes {
        let dir = options.to.join(mailbox.primary_smtp_address.to_string().replace('/', "%2F"));
        let there = source.folders(mailbox.account).map_err(|error| Failure::data(&from, &error))?;
        for (folder, name) in there {
            if options.folder.as_ref().is_none_or(|wanted| names_folder(&name, wanted)) {
                folders += 1;
                export.folder(mailbox, folder, &name, &dir, options.format, &mut progress)?;
            }
        }
    }
    drop(progress);
    if folders == 0 {
        let wanted = options.folder.as_deref().unwrap_or_default();
        return Err(Failure::Usage(format!("there is no folder {wanted:?} in what was named")));
    }
    let Export { damaged, written, present, .. } = export;
    terminal::say(&format!(
        "{written} messages written, {present} were there, {} cannot be read",
        damaged.len()
    ));
    for what in &damaged {
        terminal::say(&format!("  {what}"));
    }
    if damaged.is_empty() {
        return Ok(());
    }
    Err(Failure::setup("what is named above is damaged and was left out; `gatepost check` tells more"))
}

/// Whether a folder is the one that is meant.
pub fn names_folder(name: &str, wanted: &str) -> bool {
    name == wanted || name == "INBOX" && wanted.eq_ignore_ascii_case("INBOX")
}

/// A state of a backup, the newest where none is named.
pub fn from_backup(backup: &Path, state: Option<&str>) -> Result<Source, Failure> {
    let failed = |error: Error| Failure::backup(backup, backup, &error);
    let states = store::backup::generations(backup).map_err(failed)?;
    Source::backup(backup, &chosen(&states, state, backup)?.name).map_err(failed)
}

/// The mailbox of this name, or all.
pub fn mailboxes(source: &Source, from: &Path, name: Option<&str>) -> Result<Vec<Arc<Mailbox>>, Failure> {
    let objects = source.objects().map_err(|error| Failure::data(from, &error))?;
    let snapshot = Snapshot::load(objects.into_iter().map(setup::record));
    let snapshot = snapshot.map_err(|error| Failure::setup(format!("{}: {error}", from.display())))?;
    let Some(name) = name else { return Ok(snapshot.mailboxes().cloned().collect()) };
    match snapshot.mailbox(name) {
        Some(mailbox) => Ok(vec![Arc::clone(mailbox)]),
        None => {
            let mut names: Vec<String> = snapshot
                .mailboxes()
                .take(10)
                .map(|mailbox| mailbox.primary_smtp_address.to_string())
                .collect();
            names.sort();
            Err(Failure::Usage(format!("there is no mailbox {name}; there are: {}", names.join(", "))))
        }
    }
}

struct Export<'a> {
    source: &'a Source,
    damaged: Vec<String>,
    written: u64,
    present: u64,
    done: u64,
    all: u64,
}

impl Export<'_> {
    fn folder(
        &mut self,
        mailbox: &Mailbox,
        folder: FolderId,
        name: &str,
        dir: &Path,
        format: Format,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let failed = |error: &std::io::Error| Failure::file(dir, error);
        let mut files = files::Folder::open(dir, name, format).map_err(|error| failed(&error))?;
        let mut last = Uid(0);
        loop {
            let messages = self.source.messages(mailbox.account, folder, last);
            let messages = messages.map_err(|error| Failure::data(dir, &error))?;
            let Some(end) = messages.last() else { break };
            last = end.uid;
            for message in &messages {
                self.done += u64::from(message.size);
                progress.show(self.done, self.all);
                if files.has(message) {
                    self.present += 1;
                    continue;
                }
                match self.source.octets(message.blob) {
                    Ok(octets) => {
                        files.put(message, &octets).map_err(|error| failed(&error))?;
                        self.written += 1;
                    }
                    // It went since it was listed.
                    Err(Error::NotFound) => {}
                    Err(Error::Damaged(what)) => {
                        let address = &mailbox.primary_smtp_address;
                        self.damaged
                            .push(format!("{address}, folder {name}, message {}: {what}", message.uid));
                    }
                    Err(error) => return Err(Failure::data(dir, &error)),
                }
            }
        }
        files.finish().map_err(|error| failed(&error))
    }
}
