//! The files of one exported folder.
//!
//! Files get their names when they are whole: a file that is there needs no second look.

use crate::cli::Format;
use mail::{DateTime, Flag};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use store::Kept;

/// Keywords that a Maildir has letters for.
const LETTERS: usize = 26;

/// A folder that is written.
pub enum Folder {
    /// One file a message.
    Maildir {
        /// The directory of the folder, with `cur`, `new` and `tmp` in it.
        dir: PathBuf,
        /// Names that are there, without flags.
        present: BTreeSet<String>,
        /// What the letters from `a` mean.
        keywords: Vec<String>,
    },
    /// The same without flags.
    Eml {
        /// The directory of the folder.
        dir: PathBuf,
    },
    /// One file, which gets its name when it is whole.
    Mbox {
        /// What is written.
        file: BufWriter<File>,
        /// Its name.
        path: PathBuf,
    },
}

impl Folder {
    /// Begins to write a folder of a mailbox.
    pub fn open(mailbox: &Path, name: &str, format: Format) -> io::Result<Folder> {
        let levels: Vec<&str> = name.split('/').collect();
        match format {
            Format::Maildir => {
                // A dot parts levels, so one in a name is encoded as no name of ours has it.
                let encoded = |level: &&str| mail::utf7::encode(level).replace('.', "&AC4-");
                let encoded: Vec<String> = levels.iter().map(encoded).collect();
                let dir = match name {
                    "INBOX" => mailbox.to_owned(),
                    _ => mailbox.join(format!(".{}", encoded.join("."))),
                };
                ["cur", "new", "tmp"].iter().try_for_each(|part| private_dir(&dir.join(part)))?;
                let mut present = BTreeSet::new();
                for entry in fs::read_dir(dir.join("cur"))? {
                    let name = entry?.file_name().to_string_lossy().into_owned();
                    present.insert(name.split(":2,").next().unwrap_or_default().to_owned());
                }
                let text = fs::read_to_string(dir.join("dovecot-keywords")).unwrap_or_default();
                let keywords =
                    text.lines().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect();
                Ok(Folder::Maildir { dir, present, keywords })
            }
            Format::Eml => {
                let dir = levels.iter().fold(mailbox.to_owned(), |dir, level| dir.join(escape(level)));
                private_dir(&dir)?;
                Ok(Folder::Eml { dir })
            }
            Format::Mbox => {
                let (last, above) = levels.split_last().ok_or(io::ErrorKind::InvalidInput)?;
                let dir = above.iter().fold(mailbox.to_owned(), |dir, level| dir.join(escape(level)));
                private_dir(&dir)?;
                let path = dir.join(format!("{}.mbox", escape(last)));
                let file = new_file(&path.with_extension("part"))?;
                Ok(Folder::Mbox { file: BufWriter::new(file), path })
            }
        }
    }

    /// Whether a message was written by an earlier run.
    pub fn has(&self, message: &Kept) -> bool {
        match self {
            Folder::Maildir { present, .. } => present.contains(&maildir_name(message)),
            Folder::Eml { dir } => dir.join(eml_name(message)).exists(),
            Folder::Mbox { .. } => false,
        }
    }

    /// Writes a message.
    pub fn put(&mut self, message: &Kept, octets: &[u8]) -> io::Result<()> {
        match self {
            Folder::Maildir { dir, keywords, .. } => {
                let letters = letters(message, keywords, dir)?;
                let (part, name) = (dir.join("tmp").join(maildir_name(message)), maildir_name(message));
                whole(&part, &dir.join("cur").join(format!("{name}:2,{letters}")), message, octets)
            }
            Folder::Eml { dir } => {
                let name = eml_name(message);
                whole(&dir.join(format!("{name}.part")), &dir.join(name), message, octets)
            }
            Folder::Mbox { file, .. } => mbox(file, message, octets),
        }
    }

    /// All messages are written.
    pub fn finish(self) -> io::Result<()> {
        let Folder::Mbox { file, path } = self else { return Ok(()) };
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(path.with_extension("part"), path)
    }
}

fn private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn new_file(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Writes a file that has its name only as a whole. It says when the message arrived.
fn whole(part: &Path, path: &Path, message: &Kept, octets: &[u8]) -> io::Result<()> {
    let mut file = new_file(part)?;
    file.write_all(octets)?;
    let seconds = Duration::from_secs(message.date.seconds.max(0).unsigned_abs());
    file.set_modified(UNIX_EPOCH + seconds)?;
    fs::rename(part, path)
}

fn maildir_name(message: &Kept) -> String {
    format!("{}.U{}.gatepost", message.date.seconds, message.uid)
}

fn eml_name(message: &Kept) -> String {
    format!("{:010}.eml", message.uid.0)
}

/// A level of a folder's name as that of a file.
fn escape(level: &str) -> String {
    let escaped = level.replace('%', "%25").replace('/', "%2F");
    match escaped.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => escaped,
    }
}

/// The flags in a file's name, in the order of the alphabet. A keyword that is new gets the next letter, while there are some.
fn letters(message: &Kept, known: &mut Vec<String>, dir: &Path) -> io::Result<String> {
    let flags = [
        (Flag::Draft, 'D'),
        (Flag::Flagged, 'F'),
        (Flag::Answered, 'R'),
        (Flag::Seen, 'S'),
        (Flag::Deleted, 'T'),
    ];
    let mut letters: Vec<char> = flags
        .into_iter()
        .filter(|(flag, _)| message.flags.contains(*flag))
        .map(|(_, letter)| letter)
        .collect();
    for keyword in &message.keywords {
        let at = known.iter().position(|name| name == keyword.as_str());
        if at.is_none() && known.len() < LETTERS {
            known.push(keyword.as_str().to_owned());
            let lines: Vec<String> =
                known.iter().enumerate().map(|(at, name)| format!("{at} {name}\n")).collect();
            fs::write(dir.join("dovecot-keywords"), lines.concat())?;
        }
        let at = known.iter().position(|name| name == keyword.as_str());
        letters.extend(('a'..='z').nth(at.unwrap_or(LETTERS)));
    }
    letters.sort_unstable();
    Ok(letters.into_iter().collect())
}

/// One message of a file of many (mboxrd): behind a line `From `, with flags in fields at the beginning of its header, and
/// lines that look like that line quoted.
fn mbox(file: &mut impl Write, message: &Kept, octets: &[u8]) -> io::Result<()> {
    writeln!(file, "From MAILER-DAEMON {}", asctime(message.date))?;
    let of = |pairs: &[(Flag, char)]| -> String {
        pairs.iter().filter(|(flag, _)| message.flags.contains(*flag)).map(|(_, letter)| *letter).collect()
    };
    writeln!(file, "Status: {}O", of(&[(Flag::Seen, 'R')]))?;
    let others = of(&[(Flag::Answered, 'A'), (Flag::Flagged, 'F'), (Flag::Draft, 'T'), (Flag::Deleted, 'D')]);
    if !others.is_empty() {
        writeln!(file, "X-Status: {others}")?;
    }
    if !message.keywords.is_empty() {
        let names: Vec<&str> = message.keywords.iter().map(|keyword| keyword.as_str()).collect();
        writeln!(file, "X-Keywords: {}", names.join(" "))?;
    }
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        let quotes = line.iter().take_while(|octet| **octet == b'>').count();
        if line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From ")) {
            file.write_all(b">")?;
        }
        match line.strip_suffix(b"\r\n") {
            Some(text) => {
                file.write_all(text)?;
                file.write_all(b"\n")?;
            }
            None => file.write_all(line)?,
        }
    }
    file.write_all(if octets.ends_with(b"\n") { b"\n" } else { b"\n\n" })
}

/// `Tue Nov 24 16:30:05 2026`, in UTC.
fn asctime(date: DateTime) -> String {
    let text = DateTime::utc(date.seconds).to_rfc5322();
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let mut word = || words.next().unwrap_or_default();
    let (weekday, day, month, year, time) = (word(), word(), word(), word(), word());
    format!("{weekday} {month} {day:>2} {time} {year}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_moments() {
        assert_eq!(asctime(DateTime::utc(1_795_537_805)), "Tue Nov 24 16:30:05 2026");
        assert_eq!(escape(".a%b"), "%2Ea%25b");
    }
}
