//! The project's own tools: `cargo xtask <command>`.
//!
//! `ci` runs every check; the others are its parts, and what developers and operators run by hand.

mod bench;
mod ci;
mod fuzz;
mod interop;
mod rfc;
mod sizes;
mod source;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <command>
  ci                     all checks: format, lints, docs, tree, sizes, rfc, licences, fuzzing in brief, tests
  tree                   compares the crates' real dependencies with those ARCHITECTURE.md allows
  sizes                  lengths of functions and files, share of comments
  rfc [--list]           checks every reference to an RFC section, or lists where each is kept
  interop [--write]      docs/interop.md against what the dialogues say of other servers
  dialogues [ARGS]       runs the dialogues, also against another server: --peer dovecot|postfix
  fuzz [TARGET] [--seconds N] | --brief
                         runs the fuzz targets, each for a minute or as long as said, or as CI does
  bench WHAT [ARGS]      measures smtp, imap, pop3 or idle side by side with a peer, or Gatepost's start";

/// What a command reports: nothing, or why it failed.
pub type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", [].as_slice()),
    };
    let outcome = match command {
        "ci" => ci::run(),
        "tree" => tree::run(),
        "sizes" => sizes::run(),
        "rfc" => rfc::run(rest.first().map(String::as_str) == Some("--list")),
        "interop" => interop::run(rest.first().map(String::as_str) == Some("--write")),
        "dialogues" => bench::dialogues(rest),
        "fuzz" => fuzz::run(rest),
        "bench" => bench::run(rest),
        _ => {
            print(USAGE);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            print(&format!("xtask {command}: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// The repository's top folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "a command-line tool")]
/// Prints one line.
pub fn print(text: &str) {
    println!("{text}");
}
