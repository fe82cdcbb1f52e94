//! The conversation with a person: a prompt, line editing, statements over several lines.

use crate::failure::Failure;
use crate::shell::client::Client;
use crate::shell::{colours, completer, history};
use crate::terminal;
use admin::Outcome;
use reedline::{Prompt, PromptEditMode, PromptHistorySearch, Reedline, Signal, ValidationResult, Validator};
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The terminal's width in columns.
pub fn width() -> u16 {
    let from_environment = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let measured = || {
        let output = std::process::Command::new("stty").arg("size").stdin(io::stderr()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.split_whitespace().nth(1)?.parse().ok()
    };
    from_environment.or_else(measured).filter(|width| *width > 0).unwrap_or(80)
}

/// Reads statements and runs them until `exit`, `quit` or the end of the input.
pub fn converse(client: Client, place: &str) -> Result<(), Failure> {
    terminal::tell(&format!(
        "Gatepost shell on {place}.\n`Get-Command` lists cmdlets, `Get-Help` explains, TAB completes, `exit` ends."
    ));
    client.stop_at_signals().map_err(Failure::failed)?;
    let client = Arc::new(Mutex::new(client));
    let mut reader = Reader::new(&client);
    let mut columns = width();
    loop {
        let text = match reader.read()? {
            Signal::Success(text) if text.trim().is_empty() => continue,
            Signal::Success(text) => text,
            Signal::CtrlD => return Ok(()),
            // Like everywhere, Ctrl-C throws the line away, not the shell.
            _ => continue,
        };
        let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
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
}

/// How lines are read.
enum Reader {
    /// With editing, history, colours and completion.
    Editor(Box<Reedline>),
    /// As they come, on a terminal that cannot move its cursor.
    Plain,
}

impl Reader {
    fn new(client: &Arc<Mutex<Client>>) -> Reader {
        if std::env::var("TERM").is_ok_and(|name| name == "dumb") {
            return Reader::Plain;
        }
        let editor = Reedline::create().with_validator(Box::new(Statements)).use_bracketed_paste(true);
        let mut editor = colours::with_colours(completer::with_completion(editor, client.clone()));
        if let Some(history) = history::open() {
            editor = editor.with_history(history);
        }
        Reader::Editor(Box::new(editor))
    }

    /// The next text, of as many lines as it needs.
    fn read(&mut self) -> Result<Signal, Failure> {
        match self {
            Reader::Editor(editor) => editor.read_line(&Arrow).map_err(Failure::failed),
            Reader::Plain => read_plain(),
        }
    }
}

fn read_plain() -> Result<Signal, Failure> {
    let mut text = String::new();
    loop {
        let _ = write!(io::stderr(), "{}", if text.is_empty() { PROMPT } else { CONTINUED });
        if io::stdin().read_line(&mut text).map_err(Failure::failed)? == 0 {
            return Ok(Signal::CtrlD);
        }
        if !admin::needs_more(&text) {
            return Ok(Signal::Success(text));
        }
    }
}

const PROMPT: &str = "[GP]> ";
const CONTINUED: &str = ">> ";

struct Statements;

impl Validator for Statements {
    fn validate(&self, line: &str) -> ValidationResult {
        if admin::needs_more(line) { ValidationResult::Incomplete } else { ValidationResult::Complete }
    }
}

struct Arrow;

impl Prompt for Arrow {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        PROMPT.into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        CONTINUED.into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!("(search: {}) ", search.term).into()
    }
}
