//! Which files there are to import, and which folder each goes into.

use super::{Item, written};
use crate::cli::Format;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Directories within directories that are looked into.
const DEPTH: usize = 32;

/// What was found.
#[derive(Default)]
pub struct Files {
    pub files: Vec<Item>,
    /// What could not be looked into, and why.
    pub unreadable: Vec<String>,
    /// Octets of all files.
    pub octets: u64,
}

/// What is in a directory, in order of name.
pub fn children(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// All files to import; what lies at the top goes into the folder `top`.
pub fn list(from: &Path, format: Format, top: &str) -> io::Result<Files> {
    let mut files = Files::default();
    match format {
        Format::Maildir => maildir(from, top, &mut files)?,
        Format::Mbox | Format::Eml if from.is_file() => files.add(from, top.to_owned()),
        Format::Mbox => tree(from, &Tree { top, format }, None, DEPTH, &mut files)?,
        Format::Eml => tree(from, &Tree { top, format }, None, DEPTH, &mut files)?,
    }
    Ok(files)
}

impl Files {
    fn add(&mut self, path: &Path, folder: String) {
        match fs::metadata(path) {
            Ok(meta) => {
                self.octets += meta.len();
                let (path, octets, written) = (path.to_owned(), meta.len(), written(&meta));
                let (flags, keywords) = (Vec::new(), Vec::new());
                self.files.push(Item { path, folder, flags, keywords, octets, written });
            }
            Err(error) => self.unreadable.push(format!("{}: {error}", path.display())),
        }
    }
}

/// A folder of the source in the mailbox.
fn placed(top: &str, folder: &str) -> String {
    if folder.eq_ignore_ascii_case("INBOX") {
        return top.to_owned();
    }
    if top.eq_ignore_ascii_case("INBOX") { folder.to_owned() } else { format!("{top}/{folder}") }
}

struct Tree<'t> {
    top: &'t str,
    format: Format,
}

/// Files of mail in directories: in one mbox each is a folder, and of EML each directory is.
fn tree(
    dir: &Path,
    tree_of: &Tree<'_>,
    folder: Option<&str>,
    depth: usize,
    files: &mut Files,
) -> io::Result<()> {
    for path in children(dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let below = |name: &str| folder.map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"));
        if path.is_dir() {
            if depth > 0
                && let Err(error) = tree(&path, tree_of, Some(&below(&unescape(&name))), depth - 1, files)
            {
                files.unreadable.push(format!("{}: {error}", path.display()));
            }
            continue;
        }
        match tree_of.format {
            Format::Eml if !name.to_ascii_lowercase().ends_with(".eml") => {}
            Format::Eml => {
                let folder =
                    folder.map_or_else(|| tree_of.top.to_owned(), |folder| placed(tree_of.top, folder));
                files.add(&path, folder);
            }
            _ => {
                let stem = name.strip_suffix(".mbox").unwrap_or(&name);
                files.add(&path, placed(tree_of.top, &below(&unescape(stem))));
            }
        }
    }
    Ok(())
}

/// A Maildir and its folders, which lie in it with a dot before their names (Maildir++).
fn maildir(from: &Path, top: &str, files: &mut Files) -> io::Result<()> {
    messages(from, top, files)?;
    for path in children(from)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(name) = name.strip_prefix('.').filter(|name| !name.is_empty() && path.join("cur").is_dir())
        else {
            continue;
        };
        let levels: Vec<String> = name
            .split('.')
            .map(|level| mail::utf7::decode(level).unwrap_or_else(|| level.to_owned()))
            .collect();
        messages(&path, &placed(top, &levels.join("/")), files)?;
    }
    Ok(())
}

/// The messages of one folder, the oldest first.
fn messages(dir: &Path, folder: &str, files: &mut Files) -> io::Result<()> {
    let keywords = keywords(dir);
    let first = files.files.len();
    for part in ["cur", "new"] {
        let path = dir.join(part);
        if !path.is_dir() {
            continue;
        }
        for path in children(&path)?.into_iter().filter(|path| path.is_file()) {
            let added = files.files.len();
            files.add(&path, folder.to_owned());
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let (Some(item), Some((_, info))) = (files.files.get_mut(added), name.rsplit_once(":2,")) {
                item.flags = info.chars().filter_map(flag).map(str::to_owned).collect();
                item.keywords = info.chars().filter_map(|letter| keywords.get(&letter).cloned()).collect();
            }
        }
    }
    if let Some(new) = files.files.get_mut(first..) {
        new.sort_by(|a, b| {
            a.written.cmp(&b.written).then_with(|| a.path.file_name().cmp(&b.path.file_name()))
        });
    }
    Ok(())
}

fn flag(letter: char) -> Option<&'static str> {
    Some(match letter {
        'S' => "\\Seen",
        'R' => "\\Answered",
        'F' => "\\Flagged",
        'T' => "\\Deleted",
        'D' => "\\Draft",
        _ => return None,
    })
}

/// What the letters `a` to `z` mean, by the file that Dovecot keeps.
fn keywords(dir: &Path) -> HashMap<char, String> {
    let text = fs::read_to_string(dir.join("dovecot-keywords")).unwrap_or_default();
    let keyword = |line: &str| {
        let (number, name) = line.split_once(' ')?;
        let letter = number.parse::<u8>().ok().filter(|number| *number < 26)?;
        Some((char::from(b'a' + letter), name.trim().to_owned()))
    };
    text.lines().filter_map(keyword).collect()
}

/// Undoes what export does to names that a file cannot have.
pub fn unescape(name: &str) -> String {
    name.replace("%2F", "/").replace("%2E", ".").replace("%25", "%")
}
