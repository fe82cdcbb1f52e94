//! `gatepost restore`: makes a server of a backup, or brings parts of a mailbox back into one that is there.

use crate::boot::Boot;
use crate::cli;
use crate::deposit::{self, Server, Tally};
use crate::failure::Failure;
use crate::load::{Head, Load};
use crate::progress::Progress;
use crate::{backup, export, terminal};
use mail::summary::Builder;
use mail::{Flag, Uid};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use store::backup::{Generation, Restored, generations, restore};
use store::{Kept, Source};

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
    if let Some(mailbox) = &options.mailbox {
        return parts(from, &state.name, mailbox, options);
    }
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

/// Brings back messages of a mailbox that are not in their folders any more. What is there keeps its number and its flags.
fn parts(from: &Path, state: &str, name: &str, options: &cli::Restore) -> Result<(), Failure> {
    let failed = |error: store::Error| Failure::backup(from, from, &error);
    let source = Source::backup(from, state).map_err(failed)?;
    let mailboxes = export::mailboxes(&source, from, Some(name))?;
    let mailbox = mailboxes.first().ok_or_else(|| Failure::failed("there is no such mailbox"))?;
    let server = Server::find(&options.data)?;
    let load = Load {
        mailbox: mailbox.primary_smtp_address.to_string(),
        command: "gatepost restore".to_owned(),
        source: format!("{}, {state}", deposit::named(from)),
    };
    let mut deposit = server.deposit(load)?;
    let (mut wanted, mut damaged) = (0_u64, Vec::new());
    let all = source.size(mailbox.account).map_err(failed)?.1;
    let (mut done, mut progress) = (0, Progress::new("Restoring"));
    for (folder, name) in source.folders(mailbox.account).map_err(failed)? {
        if options.folder.as_ref().is_some_and(|wanted| !export::names_folder(&name, wanted)) {
            continue;
        }
        let to = options.into.as_ref().map_or_else(|| name.clone(), |into| format!("{into}/{name}"));
        let mut last = Uid(0);
        loop {
            let messages = source.messages(mailbox.account, folder, last).map_err(failed)?;
            let Some(end) = messages.last() else { break };
            last = end.uid;
            for message in messages {
                done += u64::from(message.size);
                progress.show(done, all);
                let called = format!("folder {name}, message {}", message.uid);
                match source.octets(message.blob) {
                    Ok(octets) if is_wanted(options.message.as_deref(), &message, &octets) => {
                        wanted += 1;
                        // What is in memory can be read to its end.
                        let _ = deposit.put(&called, head(&to, &message), octets.as_ref())?;
                    }
                    Ok(_) => {}
                    Err(store::Error::Damaged(what)) => damaged.push(format!("{called}: {what}")),
                    Err(error) => return Err(failed(error)),
                }
            }
        }
    }
    let Tally { stored, present, refused } = deposit.finish()?;
    drop(progress);
    server.close();
    terminal::say(&format!("{state}: {stored} messages brought back, {present} were there"));
    for what in damaged.iter().chain(&refused) {
        terminal::say(&format!("  not brought back: {what}"));
    }
    if wanted == 0 {
        return Err(Failure::failed(
            "nothing in this state of the backup is what was asked for; `gatepost export --backup` shows all that is in it",
        ));
    }
    if damaged.is_empty() && refused.is_empty() {
        return Ok(());
    }
    Err(Failure::setup("what is named above could not be brought back; all else was"))
}

fn head(folder: &str, message: &Kept) -> Head {
    let flags = Flag::ALL.into_iter().filter(|flag| message.flags.contains(*flag));
    Head {
        folder: folder.to_owned(),
        flags: flags.map(|flag| flag.name().to_owned()).collect(),
        keywords: message.keywords.iter().map(|keyword| keyword.as_str().to_owned()).collect(),
        date: message.date,
    }
}

/// Whether a message has this UID or Message-ID.
fn is_wanted(wanted: Option<&str>, message: &Kept, octets: &[u8]) -> bool {
    let Some(wanted) = wanted else { return true };
    if let Ok(uid) = wanted.parse::<u32>() {
        return message.uid == Uid(uid);
    }
    let mut builder = Builder::new();
    builder.push(octets);
    let id = builder.finish().envelope.message_id.unwrap_or_default();
    bare(&id) == bare(wanted.as_bytes())
}

/// A Message-ID without its brackets, which the person at the terminal may have left out.
fn bare(id: &[u8]) -> &[u8] {
    let id = id.trim_ascii();
    id.strip_prefix(b"<").and_then(|id| id.strip_suffix(b">")).unwrap_or(id)
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
