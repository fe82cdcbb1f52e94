//! The conversation with a person: a prompt, line editing, statements over several lines.

use crate::failure::Failure;
use crate::shell::client::Client;
use crate::shell::history;
use crate::terminal;
use admin::Outcome;
use reedline::{Prompt, PromptEditMode, PromptHistorySearch, Reedline, Signal, ValidationResult, Validator};
use std::borrow::Cow;
use std::path::Path;

/// The terminal's width in columns.
pub fn width() -> u16 {
    let from_environment = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let measured = || {
        let output = std::process::Command::new("stty").arg("size").stdin(std::io::stderr()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.split_whitespace().nth(1)?.parse().ok()
    };
    from_environment.or_else(measured).filter(|width| *width > 0).unwrap_or(80)
}

/// Reads statements and runs them until `exit`, `quit` or the end of the input.
pub fn converse(mut client: Client, dir: &Path) -> Result<(), Failure> {
    terminal::tell(&format!(
        "Gatepost shell on {}. `Get-Command` lists all cmdlets; `exit` ends.",
        dir.display()
    ));
    let mut editor = Reedline::create().with_validator(Box::new(Statements)).use_bracketed_paste(true);
    if let Some(history) = history::open() {
        editor = editor.with_history(history);
    }
    client.stop_at_signals().map_err(Failure::failed)?;
    let mut columns = width();
    loop {
        match editor.read_line(&Arrow).map_err(Failure::failed)? {
            Signal::Success(text) if text.trim().is_empty() => {}
            Signal::Success(text) => {
                let now = width();
                if now != columns {
                    columns = now;
                    client.resize(now)?;
                }
                match client.run(&text)? {
                    Outcome::Exit(0) => return Ok(()),
                    Outcome::Exit(code) => return Err(Failure::Told(code)),
                    Outcome::Done | Outcome::Failed => {}
                }
            }
            // Like everywhere: it throws the line away, not the shell.
            Signal::CtrlC => {}
            Signal::CtrlD => return Ok(()),
            _ => {}
        }
    }
}

struct Statements;

impl Validator for Statements {
    fn validate(&self, line: &str) -> ValidationResult {
        if admin::needs_more(line) { ValidationResult::Incomplete } else { ValidationResult::Complete }
    }
}

struct Arrow;

impl Prompt for Arrow {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "[GP]".into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        ">> ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!("(search: {}) ", search.term).into()
    }
}
