//! Every check that a change must pass, in the order in which it fails soonest.

use crate::{Outcome, bench, fuzz, interop, print, rfc, root, sizes, tree};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// The pages are for developers and show private items, so links to these are good.
const DOC_FLAGS: &str = "-D warnings -A rustdoc::private_intra_doc_links";

/// Runs all checks and stops at the first that fails.
pub fn run() -> Outcome {
    step("format", || {
        cargo(&["fmt", "--all", "--check"])?;
        cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])
    })?;
    step("tree", tree::run)?;
    step("sizes", sizes::run)?;
    step("rfc", || rfc::run(false))?;
    step("interop", || interop::run(false))?;
    step("licences", || cargo(&["deny", "check", "licenses", "bans", "sources"]))?;
    step("lints", || {
        let lints =
            ["clippy", "--release", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
        cargo(&lints)
    })?;
    step("docs", || {
        cargo(&["doc", "--release", "--locked", "--workspace", "--no-deps", "--document-private-items"])
    })?;
    step("bench builds", || cargo(&["check", "--locked", "--manifest-path", "bench/Cargo.toml"]))?;
    step("fuzz", fuzz::ci)?;
    for peer in ["dovecot", "postfix"] {
        step(&format!("dialogues with {peer}"), || dialogues(peer))?;
    }
    step("tests", || run_program(Command::new(root().join("test"))))
}

/// Plays the dialogues on another server, where that is installed; in CI it has to be.
fn dialogues(peer: &str) -> Outcome {
    let installed = ["/usr/sbin", "/usr/bin"].iter().any(|dir| Path::new(dir).join(peer).is_file());
    if installed || std::env::var("CI").is_ok_and(|value| value == "true") {
        return bench::dialogues(&["--peer".to_owned(), peer.to_owned()]);
    }
    print(&format!("skipped: {peer} is not installed; bench/peers/install.sh does it"));
    Ok(())
}

fn step(name: &str, check: impl FnOnce() -> Outcome) -> Outcome {
    print(&format!("== {name}"));
    let begun = Instant::now();
    check().map_err(|why| format!("{name}: {why}"))?;
    print(&format!("== {name}: good after {} s", begun.elapsed().as_secs()));
    Ok(())
}

fn cargo(args: &[&str]) -> Outcome {
    let mut command = Command::new("cargo");
    command.args(args).env("RUSTDOCFLAGS", DOC_FLAGS);
    run_program(command)
}

/// Runs a program in the repository's top folder and fails as it does.
pub fn run_program(mut command: Command) -> Outcome {
    let shown = format!("{command:?}");
    match command.current_dir(root()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown}: {status}")),
        Err(e) => Err(format!("{shown}: {e}")),
    }
}
