//! `docs/interop.md`: what the dialogues know of other servers, collected from their `differs` lines.

use crate::source::{self, Source};
use crate::{Outcome, print, root};
use std::fmt::Write as _;

const PAGE: &str = "docs/interop.md";
const MARK: &str = "<!-- From here on written by `cargo xtask interop --write`. -->\n";

/// Fails where the page does not say what the dialogues say; with `write`, makes it do so.
pub fn run(write: bool) -> Outcome {
    let path = root().join(PAGE);
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{PAGE}: {e}"))?;
    let (head, old) = text.split_once(MARK).ok_or_else(|| format!("{PAGE}: the line {MARK} is missing"))?;
    let new = table(&source::files(&root(), &["dialogues"], &[".txt"])?);
    if write {
        std::fs::write(&path, format!("{head}{MARK}{new}")).map_err(|e| format!("{PAGE}: {e}"))?;
    } else if old != new {
        return Err(format!("{PAGE} is not what the dialogues say: run `cargo xtask interop --write`"));
    }
    print(&format!("{} differences", new.lines().filter(|line| line.starts_with("| `")).count()));
    Ok(())
}

fn table(dialogues: &[Source]) -> String {
    let mut out = String::new();
    for peer in ["dovecot", "postfix"] {
        let _ = write!(out, "\n## {peer}\n\n| dialogue | {peer} |\n| --- | --- |\n");
        for file in dialogues {
            let name = file.path.trim_start_matches("dialogues/").trim_end_matches(".txt");
            for difference in differences(&file.text, peer) {
                let _ = writeln!(out, "| `{name}` | {difference} |");
            }
        }
    }
    out
}

fn differences<'a>(text: &'a str, peer: &'a str) -> impl Iterator<Item = &'a str> {
    let said = move |line: &'a str| line.strip_prefix("differs ")?.strip_prefix(peer)?.strip_prefix(": ");
    text.lines().filter_map(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collects_what_differs() {
        let text = "# RFC 1939 §5\ndiffers dovecot: it says more\ndiffers postfix: it has none\nC: NOOP\n"
            .to_owned();
        let table = table(&[Source { path: "dialogues/pop3/noop.txt".into(), text }]);
        assert!(table.contains("| `pop3/noop` | it says more |\n\n## postfix"));
        assert!(table.ends_with("| `pop3/noop` | it has none |\n"));
    }
}
