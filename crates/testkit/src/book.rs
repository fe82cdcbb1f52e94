//! The pages of `docs/book` as dialogues: what an administrator reads there is what happens.
//!
//! A block marked `powershell` is typed into one shell of the page, line by line, on a server with the mailboxes alice,
//! bob and admin. A block marked `text` that follows it is what the shell shows then: `…` alone on a line stands for any
//! lines, within a line for any text. Without such a block the lines say nothing. Blocks of other marks are only read.

use crate::dialogue::pattern::Template;
use crate::dialogue::{Dialogue, Protocol, Step};
use crate::messages::workspace;
use std::path::{Path, PathBuf};

/// The pages that have something to run, sorted.
pub fn pages() -> Result<Vec<Dialogue>, String> {
    let folder = workspace("docs").join("book/src");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    let load = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        page(path, &text)
    };
    let pages: Result<Vec<Dialogue>, String> = files.iter().map(load).collect();
    Ok(pages?.into_iter().filter(|page| !page.steps.is_empty()).collect())
}

/// What is in a block between fences.
#[derive(Clone, Copy, PartialEq)]
enum Block {
    Typed,
    Shown,
    Other,
}

/// Reads a page.
pub fn page(path: &Path, text: &str) -> Result<Dialogue, String> {
    let mut steps = Vec::new();
    let mut block = None;
    // Whether what was typed last has been answered for.
    let mut open = None;
    for (number, line) in (1_usize..).zip(text.lines()) {
        let at = |why: String| format!("{}:{number}: {why}", path.display());
        match (line.strip_prefix("```"), block) {
            (Some(_), Some(_)) => block = None,
            (Some("powershell"), None) => {
                silence(&mut steps, open.take())?;
                block = Some(Block::Typed);
            }
            (Some("text"), None) if open.take().is_some() => block = Some(Block::Shown),
            (Some(_), None) => block = Some(Block::Other),
            (None, Some(Block::Typed)) => {
                steps.push((number, Step::Client(1, Template::parse(line).map_err(at)?)));
                open = Some(number);
            }
            (None, Some(Block::Shown)) if !line.trim().is_empty() => {
                let pattern =
                    if line.trim() == "…" { "<lines>".to_owned() } else { line.replace('…', "<...>") };
                steps.push((number, Step::Server(1, Template::parse(&pattern).map_err(at)?)));
            }
            _ => {}
        }
    }
    silence(&mut steps, open)?;
    let title = text.lines().next().unwrap_or_default().trim_start_matches('#').trim().to_owned();
    let protocol = Protocol::Admin;
    Ok(Dialogue { path: path.to_owned(), title, protocol, differs: Vec::new(), given: Vec::new(), steps })
}

/// What was typed at this line has to say nothing.
fn silence(steps: &mut Vec<(usize, Step)>, typed: Option<usize>) -> Result<(), String> {
    if let Some(line) = typed {
        steps.push((line, Step::Server(1, Template::parse("<nothing>")?)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_steps() {
        let text = "# Title\n\n```powershell\nA\nB\n```\nwords\n```text\nx …\n…\n```\n```sh\nls\n```\n```text\nno\n```\n\
                    ```powershell\nC\n```\n";
        let page = page(Path::new("p.md"), text).unwrap();
        assert_eq!(page.title, "Title");
        let lines: Vec<usize> = page.steps.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [4, 5, 9, 10, 19, 19]);
        assert!(matches!(&page.steps[3].1, Step::Server(1, template) if template.is_lines()));
    }

    #[test]
    fn every_link_leads_somewhere() {
        let folder = workspace("docs").join("book/src");
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = target.split('#').next().unwrap();
                let there = target.is_empty() || target.contains("://") || folder.join(target).exists();
                assert!(there, "{}: {target}", path.display());
            }
        }
        let summary = std::fs::read_to_string(folder.join("SUMMARY.md")).unwrap();
        for page in pages().unwrap() {
            let name = page.path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(summary.contains(&format!("({name})")), "{name} is not in the summary");
        }
    }
}
