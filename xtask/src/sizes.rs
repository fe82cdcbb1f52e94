//! Lengths of functions and files, and the share of comments; tests are left out.

use crate::source::{self, Source};
use crate::{Outcome, print, root};

const LONGEST_FUNCTION: usize = 100;
const LONGEST_FILE: usize = 800;

/// Prints the project's row and names what is too long.
pub fn run() -> Outcome {
    let sources = source::files(&root(), &["crates", "xtask/src", "bench/src", "fuzz/src"], &[".rs"])?;
    let sources: Vec<Source> = sources.into_iter().filter(|s| !is_test(&s.path)).collect();
    let mut functions: Vec<(usize, String)> = Vec::new();
    let mut files: Vec<(usize, String)> = Vec::new();
    let (mut comments, mut lines) = (0, 0);
    for file in &sources {
        let code = source::without_tests(&file.text);
        files.push((code.lines().count(), file.path.clone()));
        functions.extend(
            function_lengths(code).into_iter().map(|(len, name)| (len, format!("{}: {name}", file.path))),
        );
        for line in code.lines().map(str::trim).filter(|line| !line.is_empty()) {
            lines += 1;
            comments += usize::from(line.starts_with("//"));
        }
    }
    functions.sort();
    files.sort();
    print(&format!(
        "functions: {} of median {} / p90 {} / worst {}; files: p90 {} / worst {}; {} lines, {} % comments",
        functions.len(),
        at(&functions, 50),
        at(&functions, 90),
        at(&functions, 100),
        at(&files, 90),
        at(&files, 100),
        lines,
        100 * comments / lines.max(1),
    ));
    let too_long = |list: &[(usize, String)], limit| {
        list.iter()
            .filter(|(len, _)| *len > limit)
            .map(|(len, name)| format!("{len} lines: {name}"))
            .collect()
    };
    let mut bad: Vec<String> = too_long(&functions, LONGEST_FUNCTION);
    bad.extend(too_long(&files, LONGEST_FILE));
    if bad.is_empty() { Ok(()) } else { Err(format!("too long:\n  {}", bad.join("\n  "))) }
}

fn is_test(path: &str) -> bool {
    ["/tests/", "/tests.rs", "/examples/"].iter().any(|part| path.contains(part))
}

fn at(sorted: &[(usize, String)], percent: usize) -> usize {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(0, |(len, _)| *len)
}

/// Name and length of each function with a body. Relies on rustfmt: a body ends at the first line that holds only
/// `}` at the indentation of its `fn`.
fn function_lengths(code: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut out = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let Some(name) = function_name(trimmed) else { continue };
        let end = format!("{}}}", " ".repeat(indent));
        let declaration = format!("{};", " ".repeat(indent));
        let length = lines.iter().skip(start).position(|line| *line == end || line.starts_with(&declaration));
        let one_line = trimmed.ends_with('}') || trimmed.ends_with(';');
        out.push((if one_line { 1 } else { length.map_or(1, |length| length + 1) }, name.to_owned()));
    }
    out
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line;
    for word in ["pub ", "pub(crate) ", "pub(super) ", "const ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let name = rest.strip_prefix("fn ")?;
    name.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_functions() {
        let code = "pub async fn long(\n    a: u8,\n) {\n    fn inner() {}\n}\n\nfn short() -> u8 { 1 }\n";
        let names: Vec<_> = function_lengths(code);
        assert_eq!(names, [(5, "long".into()), (1, "inner".into()), (1, "short".into())]);
    }
}
