//! LIST and LSUB (RFC 3501 §6.3.8, §6.3.9; RFC 3348 children; RFC 6154 special use).
//!
//! Of RFC 5258 only what clients use without asking for the rest: selection by SUBSCRIBED and SPECIAL-USE, several
//! patterns, and RETURN with SUBSCRIBED, CHILDREN and SPECIAL-USE.

mod pattern;

use super::at_once;
use crate::border::{Answer, Ask, Code, Folder, FolderKind, Subscription};
use crate::encode;
use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::session::{FLUSH, WORK};
use crate::state::{Core, Input, Task, Turn};
use pattern::Patterns;
use std::collections::HashSet;

/// Steps of matching after which a command is given up.
const MOST_WORK: usize = 64 * WORK;

#[derive(Default)]
struct List {
    only_subscribed: bool,
    only_special: bool,
    show_subscribed: bool,
}

/// Goes through all folders, piece by piece.
struct Walk {
    command: Command,
    patterns: Patterns,
    folders: Vec<Folder>,
    /// How many of them are dealt with.
    done: usize,
    /// Of LIST the names that have something below them, of LSUB those that are told or will be.
    names: HashSet<String>,
}

enum Command {
    List(List),
    Lsub,
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
    // RFC 3501 §6.3.8: an empty name asks for the hierarchy delimiter.
    if !extended && patterns.iter().all(Vec::is_empty) {
        return Ok(at_once(|core| {
            core.untagged("LIST (\\Noselect) \"/\" \"\"");
            Reply::ok("LIST completed")
        }));
    }
    Ok(walk(Command::List(list), &reference, &patterns))
}

fn walk(command: Command, reference: &[u8], patterns: &[Vec<u8>]) -> Box<dyn Task> {
    match Patterns::new(reference, patterns) {
        Some(patterns) => {
            let (folders, names) = (Vec::new(), HashSet::new());
            Box::new(Walk { command, patterns, folders, done: 0, names })
        }
        None => at_once(|_| Reply::no(Code::Limit, "The patterns are too long")),
    }
}

impl Task for Walk {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match input {
            Input::Start => Turn::Ask(Ask::Folders),
            Input::Answer(Answer::Folders(folders)) => {
                self.names = match self.command {
                    Command::List(_) => parents(&folders),
                    Command::Lsub => subscribed(&folders),
                };
                self.folders = folders;
                self.go_on(core)
            }
            Input::Again | Input::Answer(Answer::Done) => self.go_on(core),
            Input::Answer(Answer::Refused(refusal)) => Turn::Done(Reply::refused(&refusal)),
            _ => Turn::Done(Reply::bug()),
        }
    }
}

impl Walk {
    fn go_on(&mut self, core: &mut Core) -> Turn {
        let Walk { command, patterns, folders, done, names } = self;
        while let Some(folder) = folders.get(*done) {
            *done += 1;
            match command {
                Command::List(list) => list.write(&mut core.out, folder, patterns, names),
                Command::Lsub => write_subscribed(&mut core.out, folder, patterns, names),
            }
            if patterns.work >= MOST_WORK {
                let text = "Matching these patterns takes too long, use shorter ones or fewer wildcards";
                return Turn::Done(Reply::no(Code::Limit, text));
            }
            if patterns.worked_long() {
                return Turn::Ask(Ask::Pause);
            }
            if core.out.len() >= FLUSH {
                return Turn::Again;
            }
        }
        Turn::Done(Reply::ok(match command {
            Command::List(_) => "LIST completed",
            Command::Lsub => "LSUB completed",
        }))
    }
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
    fn shows(&self, folder: &Folder, patterns: &mut Patterns) -> bool {
        (!self.only_subscribed || folder.subscription == Subscription::Subscribed)
            && (!self.only_special || folder.role.is_some())
            && (self.only_subscribed || folder.kind != FolderKind::Missing)
            && patterns.match_name(&folder.name)
    }

    fn write(&self, out: &mut Vec<u8>, folder: &Folder, patterns: &mut Patterns, parents: &HashSet<String>) {
        if !self.shows(folder, patterns) {
            return;
        }
        let mut attributes = vec![match folder.kind {
            FolderKind::Selectable => "",
            FolderKind::Level => "\\Noselect",
            FolderKind::Missing => "\\NonExistent",
        }];
        attributes.push(match parents.contains(&folder.name) {
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

/// All names that have something below them.
fn parents(folders: &[Folder]) -> HashSet<String> {
    let real = folders.iter().filter(|folder| folder.kind != FolderKind::Missing);
    real.flat_map(|folder| above(&folder.name)).map(str::to_owned).collect()
}

fn subscribed(folders: &[Folder]) -> HashSet<String> {
    let subscribed = folders.iter().filter(|folder| folder.subscription == Subscription::Subscribed);
    subscribed.map(|folder| folder.name.clone()).collect()
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
    Ok(walk(Command::Lsub, &reference, &[pattern]))
}

fn write_subscribed(out: &mut Vec<u8>, folder: &Folder, patterns: &mut Patterns, told: &mut HashSet<String>) {
    if folder.subscription != Subscription::Subscribed {
        return;
    }
    if patterns.match_name(&folder.name) {
        // RFC 3501 §6.3.9: a subscription outlives its mailbox.
        let attribute = if folder.kind == FolderKind::Selectable { "" } else { "\\Noselect" };
        write_line(out, "LSUB", &[attribute], &folder.name);
    } else if patterns.stop_at_levels() {
        // RFC 3501 §6.3.9: a level above a subscribed name is shown where % stops at it.
        for level in above(&folder.name) {
            if !told.contains(level) && patterns.match_name(level) {
                told.insert(level.to_owned());
                write_line(out, "LSUB", &["\\Noselect"], level);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_above() {
        assert_eq!(above("a/b/c").collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(above("a").count(), 0);
    }
}
