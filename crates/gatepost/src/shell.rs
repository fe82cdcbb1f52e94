//! `gatepost shell`: sends cmdlets to a running server and shows what comes back.
//!
//! Results go to standard output and nothing else does; warnings and errors go to standard error. A script (`-c`, a
//! file, or standard input that is no terminal) that had an error ends with a non-zero exit status; `exit N`
//! chooses it.

mod client;
mod colours;
mod completer;
mod history;
mod interrupt;
mod prompt;
mod remote;

use crate::boot::Boot;
use crate::cli;
use crate::failure::Failure;
use crate::{setup, terminal};
use admin::{Outcome, Terminal};
use client::Client;
use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

/// Columns where the output is no terminal: wide enough to cut nothing.
const WIDE: u16 = 10_000;

/// Runs a script, or a conversation.
pub fn run(options: &cli::Shell) -> Result<(), Failure> {
    let dir = options.data.existing();
    let script = script(options)?;
    let terminal = Terminal {
        width: if io::stdout().is_terminal() { prompt::width() } else { WIDE },
        interactive: script.is_none(),
    };
    let (client, place) = match &options.server {
        Some(server) => {
            let (stream, url) = remote::connect(server, &options.remote)?;
            (Client::on(stream, terminal).map_err(Failure::failed)?, url)
        }
        None => (connect(&dir, terminal)?, dir.display().to_string()),
    };
    match script {
        Some(script) => run_script(client, &script),
        None => prompt::converse(client, &place),
    }
}

/// The text to run; `None` where a person types it.
fn script(options: &cli::Shell) -> Result<Option<String>, Failure> {
    if let Some(cmdlets) = &options.cmdlets {
        return Ok(Some(cmdlets.clone()));
    }
    match &options.file {
        Some(path) if path != Path::new("-") => {
            let shown = path.display();
            let octets = fs::read(path).map_err(|error| {
                Failure::Usage(format!(
                    "the script {shown} cannot be read: {error}; to run cmdlets instead of a file, put them in quotes \
                     after -c: gatepost shell -c '{shown}'"
                ))
            })?;
            text(octets).map(Some)
        }
        None if io::stdin().is_terminal() => Ok(None),
        _ => {
            let mut octets = Vec::new();
            io::stdin().read_to_end(&mut octets).map_err(Failure::failed)?;
            text(octets).map(Some)
        }
    }
}

fn text(octets: Vec<u8>) -> Result<String, Failure> {
    let text = String::from_utf8(octets)
        .map_err(|_| Failure::Usage("the script is not in UTF-8; save it so and try again".to_owned()))?;
    // Editors of the administrators' usual system write a byte order mark.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn run_script(mut client: Client, script: &str) -> Result<(), Failure> {
    match client.run(script)? {
        Outcome::Done | Outcome::Exit(0) => Ok(()),
        Outcome::Exit(code) => Err(Failure::Told(code)),
        Outcome::Failed => Err(Failure::Told(1)),
    }
}

fn connect(dir: &Path, terminal: Terminal) -> Result<Client, Failure> {
    let boot = Boot::load(dir)?;
    let socket = boot.clone().unwrap_or_default().socket(dir);
    Client::connect(&socket, terminal).map_err(|error| {
        let shown = dir.display();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                if boot.is_some() || setup::has_store(dir) =>
            {
                Failure::Failed(format!(
                    "no server is running on {shown}; start it with `gatepost {} --data {shown}`",
                    if boot.is_some_and(|boot| boot.demo.is_some()) { "demo" } else { "serve" }
                ))
            }
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Failure::Setup(format!(
                "{shown} is no data directory of Gatepost; name the right one with --data, or make one with \
                 `gatepost quickstart --data {shown}`"
            )),
            io::ErrorKind::PermissionDenied => Failure::Setup(format!(
                "{}: only the user whom the server runs as may administer it; try again as that user",
                socket.display()
            )),
            _ => Failure::Failed(format!("{}: {error}", socket.display())),
        }
    })
}

/// The server went away in the middle.
fn lost(error: &io::Error) -> Failure {
    terminal::tell("");
    Failure::Failed(format!(
        "the connection to the server is lost: {error}; start it, or look into its log, and try again"
    ))
}
