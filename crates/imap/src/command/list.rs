//! LIST and LSUB (RFC 3501 §6.3.8, §6.3.9; RFC 3348 children; RFC 6154 special use).
//!
//! Of RFC 5258 only what clients use without asking for the rest: selection by SUBSCRIBED and SPECIAL-USE, several
//! patterns, and RETURN with SUBSCRIBED, CHILDREN and SPECIAL-USE.

use super::ask_once;
use crate::border::{Answer, Ask, Folder, FolderKind, Subscription};
use crate::encode;
use crate::parse::{Bad, Parser, capital_inbox};
use crate::reply::Reply;
use crate::state::Task;
use std::collections::HashSet;

/// Longest pattern; matching costs its length times that of every name.
const LONGEST_PATTERN: usize = 1024;

#[derive(Default)]
struct List {
    only_subscribed: bool,
    only_special: bool,
    show_subscribed: bool,
    patterns: Vec<String>,
}

pub(super) fn list(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    let mut list = List::default();
    parser.space()?;
    if parser.peek() == Some(b'(') {
        parser.list(|parser| list.selection(parser.atom()?))?;
        parser.space()?;
    }
    let reference = parser.astring()?;
    parser.space()?;
    let mut patterns = Vec::new();
    let extended = parser.peek() == Some(b'(');
    if extended {
        parser.list(|parser| {
            patterns.push(parser.list_mailbox()?);
            Ok(())
        })?;
    } else {
        patterns.push(parser.list_mailbox()?);
    }
    if parser.eat(" RETURN ") {
        parser.list(|parser| list.returned(parser.atom()?))?;
    }
    let only_separator = !extended && patterns.iter().all(Vec::is_empty);
    list.patterns = interpret(&reference, &patterns)?;
    Ok(ask_once(Ask::Folders, move |core, answer| {
        let Answer::Folders(folders) = answer else { return Reply::bug() };
        // RFC 3501 §6.3.8.
        if only_separator {
            // RFC 3501 §6.3.8: an empty name asks for the hierarchy delimiter.
            core.untagged("LIST (\\Noselect) \"/\" \"\"");
        } else {
            list.write(&mut core.out, &folders);
        }
        Reply::ok("LIST completed")
    }))
}

/// The patterns with the reference before them. What is not the encoding of a name matches no name.
fn interpret(reference: &[u8], patterns: &[Vec<u8>]) -> Result<Vec<String>, Bad> {
    if patterns.iter().any(|pattern| pattern.len() + reference.len() > LONGEST_PATTERN) {
        return Err(Bad("Pattern too long"));
    }
    let join = |pattern: &Vec<u8>| {
        let text = String::from_utf8([reference, pattern].concat()).ok()?;
        mail::utf7::decode(&text).map(capital_inbox)
    };
    Ok(patterns.iter().filter_map(join).collect())
}

impl List {
    fn selection(&mut self, option: &str) -> Result<(), Bad> {
        // RFC 5258 §3.1: selecting by subscription shows it too, and shows names that are only subscribed.
        match option.to_ascii_uppercase().as_str() {
            "SUBSCRIBED" => (self.only_subscribed, self.show_subscribed) = (true, true),
            "SPECIAL-USE" => self.only_special = true,
            // There is nothing remote to show.
            "REMOTE" => {}
            _ => return Err(Bad("Unknown selection option")),
        }
        Ok(())
    }

    fn returned(&mut self, option: &str) -> Result<(), Bad> {
        match option.to_ascii_uppercase().as_str() {
            "SUBSCRIBED" => self.show_subscribed = true,
            // These are always shown.
            "CHILDREN" | "SPECIAL-USE" => {}
            _ => return Err(Bad("Unknown return option")),
        }
        Ok(())
    }

    /// Whether the name is among those asked for.
    fn shows(&self, folder: &Folder) -> bool {
        (!self.only_subscribed || folder.subscription == Subscription::Subscribed)
            && (!self.only_special || folder.role.is_some())
            && (self.only_subscribed || folder.kind != FolderKind::Missing)
            && self.patterns.iter().any(|pattern| matches(pattern, &folder.name))
    }

    fn write(&self, out: &mut Vec<u8>, folders: &[Folder]) {
        let parents = parents(folders);
        for folder in folders.iter().filter(|folder| self.shows(folder)) {
            let mut attributes = vec![match folder.kind {
                FolderKind::Selectable => "",
                FolderKind::Level => "\\Noselect",
                FolderKind::Missing => "\\NonExistent",
            }];
            attributes.push(match parents.contains(folder.name.as_str()) {
                true => "\\HasChildren",
                false => "\\HasNoChildren",
            });
            if self.show_subscribed && folder.subscription == Subscription::Subscribed {
                attributes.push("\\Subscribed");
            }
            attributes.extend(folder.role.map(|role| role.name()));
            write_line(out, "LIST", &attributes, &folder.name);
        }
    }
}

/// All names that have something below them.
fn parents(folders: &[Folder]) -> HashSet<&str> {
    let real = folders.iter().filter(|folder| folder.kind != FolderKind::Missing);
    real.flat_map(|folder| above(&folder.name)).collect()
}

/// The names of the levels above, nearest first.
fn above(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(name.rsplit_once('/'), |(above, _)| above.rsplit_once('/')).map(|(above, _)| above)
}

pub(super) fn lsub(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let reference = parser.astring()?;
    parser.space()?;
    let pattern = parser.list_mailbox()?;
    let patterns = interpret(&reference, &[pattern])?;
    Ok(ask_once(Ask::Folders, move |core, answer| {
        let Answer::Folders(folders) = answer else { return Reply::bug() };
        for pattern in &patterns {
            write_subscribed(&mut core.out, pattern, &folders);
        }
        Reply::ok("LSUB completed")
    }))
}

fn write_subscribed(out: &mut Vec<u8>, pattern: &str, folders: &[Folder]) {
    let subscribed: Vec<&Folder> =
        folders.iter().filter(|folder| folder.subscription == Subscription::Subscribed).collect();
    let mut told: HashSet<&str> = subscribed.iter().map(|folder| folder.name.as_str()).collect();
    for folder in subscribed {
        if matches(pattern, &folder.name) {
            // RFC 3501 §6.3.9: a subscription outlives its mailbox.
            let attribute = if folder.kind == FolderKind::Selectable { "" } else { "\\Noselect" };
            write_line(out, "LSUB", &[attribute], &folder.name);
        } else if pattern.ends_with('%') {
            // RFC 3501 §6.3.9: a level above a subscribed name is shown where % stops at it.
            for level in above(&folder.name).filter(|level| matches(pattern, level)) {
                if told.insert(level) {
                    write_line(out, "LSUB", &["\\Noselect"], level);
                }
            }
        }
    }
}

/// `* LIST (\HasNoChildren) "/" INBOX`
fn write_line(out: &mut Vec<u8>, command: &str, attributes: &[&str], name: &str) {
    out.extend_from_slice(b"* ");
    out.extend_from_slice(command.as_bytes());
    out.extend_from_slice(b" (");
    let mut separator = "";
    for attribute in attributes.iter().filter(|attribute| !attribute.is_empty()) {
        out.extend_from_slice(separator.as_bytes());
        out.extend_from_slice(attribute.as_bytes());
        separator = " ";
    }
    out.extend_from_slice(b") \"/\" ");
    encode::mailbox(out, name);
    out.extend_from_slice(b"\r\n");
}

/// Whether the name fits the pattern: `*` is any text, `%` any text without `/`. The time is bounded by the product
/// of the lengths, whatever the pattern.
fn matches(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    // Whether the pattern so far fits the first `n` characters, for every n.
    let mut fits = vec![false; name.len() + 1];
    fits.first_mut().into_iter().for_each(|start| *start = true);
    for wanted in pattern.chars() {
        let mut before = false;
        let mut next = Vec::with_capacity(fits.len());
        for (at, fit) in fits.iter().enumerate() {
            let last = at.checked_sub(1).and_then(|at| name.get(at));
            let fit = match wanted {
                '*' => *fit || before,
                '%' => *fit || before && last != Some(&'/'),
                wanted => at > 0 && fits.get(at - 1) == Some(&true) && last == Some(&wanted),
            };
            next.push(fit);
            before = fit;
        }
        fits = next;
    }
    fits.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let table = [
            ("INBOX", "INBOX", true),
            ("*", "a/b/c", true),
            ("*", "", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("%/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a/*", "a/b/c", true),
            ("a/*", "a", false),
            ("a*c", "a/b/c", true),
            ("a%c", "abc", true),
            ("a%c", "a/c", false),
            ("%b*", "ab/c/d", true),
            ("*b%", "a/b/b", true),
            ("*b%", "a/b/c", false),
            ("", "a", false),
            ("ä%", "äöü", true),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        // A pattern that would take a backtracking matcher for ever.
        assert!(!matches(&format!("{}b", "*a".repeat(400)), &"a".repeat(1000)));
    }

    #[test]
    fn levels_above() {
        assert_eq!(above("a/b/c").collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(above("a").count(), 0);
    }
}
