//! `gatepost import`: takes mail in from files.
//!
//! Messages go to the server one after the other in pieces, so that memory does not grow with them. Line ends that are bare
//! become CRLF, as mail has them. What is in the folder already is not filed again, so an import that was stopped is given
//! again as a whole. A file that is no message, or cannot be read, is named, and the others are taken.

mod crlf;
mod folders;
mod mbox;

use crate::cli::{self, Format};
use crate::deposit::{Deposit, Server, Tally, named};
use crate::failure::Failure;
use crate::load::{Head, Load};
use crate::progress::Progress;
use crate::terminal;
use crlf::Crlf;
use mail::DateTime;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Octets at the beginning of a file in which a header field is looked for.
const BEGINNING: u64 = 64 << 10;

/// Imports one mailbox, or all.
pub fn run(options: &cli::Import) -> Result<(), Failure> {
    let server = Server::find(&options.data)?;
    let result = match &options.mailbox {
        Some(mailbox) => mailbox_from(&server, mailbox, &options.from, options).map(|bad| u64::from(bad > 0)),
        None => all(&server, options),
    };
    server.close();
    match result? {
        0 => Ok(()),
        _ => Err(Failure::failed("what is named above was not taken; all else was")),
    }
}

fn all(server: &Server, options: &cli::Import) -> Result<u64, Failure> {
    let mut bad = 0;
    let mut mailboxes = 0;
    for path in folders::children(&options.from).map_err(|error| Failure::file(&options.from, &error))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name.contains('@') {
            mailboxes += 1;
            bad += mailbox_from(server, &name, &path, options)?;
        }
    }
    if mailboxes == 0 {
        return Err(Failure::Usage(format!(
            "{}: there are no directories named by addresses in it; name the mailbox with --mailbox",
            options.from.display()
        )));
    }
    Ok(bad)
}

/// Imports into a mailbox; returns how much could not be taken.
fn mailbox_from(server: &Server, mailbox: &str, from: &Path, options: &cli::Import) -> Result<u64, Failure> {
    let format = match options.format {
        Some(format) => format,
        None => guess(from)?,
    };
    let files = folders::list(from, format, &options.folder).map_err(|error| Failure::file(from, &error))?;
    let load =
        Load { mailbox: mailbox.to_owned(), command: "gatepost import".to_owned(), source: named(from) };
    let mut import = Import {
        deposit: server.deposit(load)?,
        damaged: files.unreadable,
        progress: Progress::new("Importing"),
        done: 0,
        all: files.octets,
    };
    for file in &files.files {
        match format {
            Format::Mbox => import.mbox(file)?,
            Format::Maildir | Format::Eml => import.message(file, format)?,
        }
    }
    let Import { deposit, damaged, progress, .. } = import;
    let Tally { stored, present, refused } = deposit.finish()?;
    drop(progress);
    terminal::say(&format!(
        "{mailbox}: {stored} messages taken in, {present} were there, {} not taken",
        damaged.len() + refused.len()
    ));
    for what in damaged.iter().chain(&refused) {
        terminal::say(&format!("  {what}"));
    }
    Ok((damaged.len() + refused.len()) as u64)
}

/// What a path looks like.
fn guess(from: &Path) -> Result<Format, Failure> {
    let meta = std::fs::metadata(from).map_err(|error| Failure::file(from, &error))?;
    if meta.is_file() {
        return Ok(if is_mbox(from) { Format::Mbox } else { Format::Eml });
    }
    if ["cur", "new"].iter().any(|name| from.join(name).is_dir()) {
        return Ok(Format::Maildir);
    }
    let children = folders::children(from).map_err(|error| Failure::file(from, &error))?;
    if children.iter().any(|path| is_mbox(path)) {
        return Ok(Format::Mbox);
    }
    if children.iter().any(|path| path.is_dir() || path.extension().is_some_and(|end| end == "eml")) {
        return Ok(Format::Eml);
    }
    Err(Failure::Usage(format!(
        "{}: it is neither a Maildir nor a directory of mbox or EML files; say with --format what it is",
        from.display()
    )))
}

fn is_mbox(path: &Path) -> bool {
    let mut start = [0; 5];
    path.is_file()
        && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && &start == b"From "
}

/// A file with one message, or many.
pub struct Item {
    path: PathBuf,
    /// The folder it goes into.
    folder: String,
    flags: Vec<String>,
    keywords: Vec<String>,
    octets: u64,
    /// When the file was last written, seconds since 1970.
    written: i64,
}

struct Import {
    deposit: Deposit,
    /// Files and messages that were not taken, and why.
    damaged: Vec<String>,
    progress: Progress,
    done: u64,
    all: u64,
}

impl Import {
    /// A file that is one message.
    fn message(&mut self, item: &Item, format: Format) -> Result<(), Failure> {
        let opened = File::open(&item.path).and_then(|mut file| {
            let mut beginning = Vec::new();
            (&mut file).take(BEGINNING).read_to_end(&mut beginning)?;
            Ok((beginning, file))
        });
        let (beginning, rest) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.refuse(item, &error.to_string()),
        };
        if !is_message(&beginning) {
            return self.refuse(item, "it does not begin with a header field, so it is no message");
        }
        // A Maildir keeps the moment of arrival as that of the file.
        let sent = (format == Format::Eml).then(|| field(&beginning, "date")).flatten();
        let date = sent.and_then(DateTime::from_rfc5322).unwrap_or(DateTime::utc(item.written));
        let Item { folder, flags, keywords, .. } = item;
        let head = Head { folder: folder.clone(), flags: flags.clone(), keywords: keywords.clone(), date };
        let name = item.path.display().to_string();
        let put = self.deposit.put(&name, head, Crlf::new(beginning.as_slice().chain(rest)))?;
        if let Err(error) = put {
            self.damaged.push(format!("{name}: {error}"));
        }
        self.step(item.octets);
        Ok(())
    }

    fn refuse(&mut self, item: &Item, why: &str) -> Result<(), Failure> {
        self.damaged.push(format!("{}: {why}", item.path.display()));
        self.step(item.octets);
        Ok(())
    }

    fn step(&mut self, octets: u64) {
        self.done += octets;
        self.progress.show(self.done, self.all);
    }

    /// A file of messages one after the other.
    fn mbox(&mut self, item: &Item) -> Result<(), Failure> {
        let name = item.path.display().to_string();
        let mut mbox = match File::open(&item.path).and_then(|file| mbox::Mbox::open(BufReader::new(file))) {
            Ok(Some(mbox)) => mbox,
            Ok(None) => return self.refuse(item, "it does not begin with a line `From `, so it is no mbox"),
            Err(error) => return self.refuse(item, &error.to_string()),
        };
        let (before, mut number) = (self.done, 0_u64);
        loop {
            let at = mbox.position();
            self.done = before + at;
            self.progress.show(self.done, self.all);
            number += 1;
            let name = format!("{name}, message {number} at octet {at}");
            let begun = match mbox.next() {
                Ok(Some(begun)) => begun,
                Ok(None) => break,
                Err(error) => {
                    self.damaged.push(format!("{name}: {error}; what follows it cannot be read either"));
                    break;
                }
            };
            if !is_message(&begun.header) {
                self.damaged
                    .push(format!("{name}: it does not begin with a header field, so it is no message"));
                if io::copy(&mut mbox.body(), &mut io::sink()).is_err() {
                    break;
                }
                continue;
            }
            let date = begun.date.or_else(|| DateTime::from_rfc5322(field(&begun.header, "date")?));
            let head = Head {
                folder: item.folder.clone(),
                flags: begun.flags,
                keywords: begun.keywords,
                date: date.unwrap_or(DateTime::utc(item.written)),
            };
            let octets = Crlf::new(begun.header.as_slice().chain(mbox.body()));
            if let Err(error) = self.deposit.put(&name, head, octets)? {
                self.damaged.push(format!("{name}: {error}; what follows it cannot be read either"));
                break;
            }
        }
        self.done = before + item.octets;
        Ok(())
    }
}

/// Whether it begins as a message does: with the name of a header field (RFC 5322 §3.6.8) and a colon.
fn is_message(beginning: &[u8]) -> bool {
    let name = beginning.iter().take_while(|octet| (33..=126).contains(*octet) && **octet != b':').count();
    let rest = beginning.get(name..).unwrap_or_default();
    let rest = rest.iter().find(|octet| !matches!(octet, b' ' | b'\t'));
    name > 0 && rest == Some(&b':')
}

/// The value of the first header field of this name, which is in lower case; only its first line.
fn field<'h>(header: &'h [u8], name: &str) -> Option<&'h [u8]> {
    header.split(|octet| *octet == b'\n').take_while(|line| !matches!(*line, b"" | b"\r")).find_map(|line| {
        let (start, rest) = line.split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name.as_bytes()).then(|| rest.strip_prefix(b":"))?
    })
}

/// Seconds since 1970 at which a file was last written.
fn written(meta: &std::fs::Metadata) -> i64 {
    let since = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_begin_with_a_field() {
        for (text, expected) in [
            ("Subject: x\r\n\r\n", true),
            ("X-A :1\n", true),
            ("", false),
            ("\r\nbody", false),
            ("hello there: x\n", false),
            ("\u{7f}ELF:", false),
        ] {
            assert_eq!(is_message(text.as_bytes()), expected, "{text:?}");
        }
        let header = b"Subject: a\r\nDATE: Tue, 24 Nov 2026 16:00:00 +0000\r\n\r\nDate: no";
        let date = DateTime::from_rfc5322(field(header, "date").unwrap()).unwrap();
        assert_eq!(date.to_name(), "2026-11-24T16-00-00Z");
        assert_eq!(field(b"A: b\n\nDate: no\n", "date"), None);
    }
}
