//! References to RFC sections: `RFC 9051 §6.3.2` in code, dialogues and documents.

use crate::source;
use crate::{Outcome, print, root};
use std::collections::{BTreeMap, BTreeSet};

/// Fails on a section that does not exist; with `list`, prints where each section is kept.
pub fn run(list: bool) -> Outcome {
    let root = root();
    let known =
        sections(&std::fs::read_to_string(root.join("xtask/rfc-sections.txt")).map_err(|e| e.to_string())?);
    let mut kept: BTreeMap<(u32, String), BTreeSet<String>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for file in source::files(&root, &["crates", "dialogues", "docs"], &[".rs", ".txt", ".md"])? {
        for (number, line) in file.text.lines().enumerate() {
            for (rfc, section) in references(line) {
                let place = format!("{}:{}", file.path, number + 1);
                if !known.get(&rfc).is_some_and(|sections| sections.contains(&section)) {
                    unknown.push(format!("{place}: RFC {rfc} §{section}"));
                }
                kept.entry((rfc, section)).or_default().insert(place);
            }
        }
    }
    if list {
        for ((rfc, section), places) in &kept {
            print(&format!("RFC {rfc} §{section}"));
            places.iter().for_each(|place| print(&format!("    {place}")));
        }
    }
    print(&format!("{} sections of RFCs are referred to", kept.len()));
    if unknown.is_empty() { Ok(()) } else { Err(format!("no such section:\n  {}", unknown.join("\n  "))) }
}

fn sections(table: &str) -> BTreeMap<u32, BTreeSet<String>> {
    table
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter_map(|(rfc, list)| Some((rfc.parse().ok()?, list.split(' ').map(str::to_owned).collect())))
        .collect()
}

/// The references in a line; `RFC 5321 §4.1.1, §4.5` names two.
fn references(line: &str) -> Vec<(u32, String)> {
    let mut out = Vec::new();
    for part in line.split("RFC ").skip(1) {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let Some((number, mut rest)) = part.split_at_checked(digits) else { continue };
        let Ok(rfc) = number.parse() else { continue };
        while let Some(after) = rest.trim_start_matches([',', ' ']).strip_prefix('§') {
            let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(after.len());
            let Some((section, later)) = after.split_at_checked(end) else { break };
            out.push((rfc, section.trim_end_matches('.').to_owned()));
            rest = later;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_references() {
        let line = "// RFC 9051 §6.3.2, §6.4. See RFC 1939, and RFC 5321 §A.";
        let expected = [(9051, "6.3.2"), (9051, "6.4"), (5321, "A")];
        assert_eq!(references(line), expected.map(|(rfc, section)| (rfc, section.to_owned())));
    }
}
