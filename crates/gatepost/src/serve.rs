//! `gatepost serve`: runs a server that quickstart has set up.
//!
//! It comes up whatever cannot be opened, even where that is everything: bindings are changed in the shell, which needs a
//! server that runs.

use crate::boot::Boot;
use crate::cli::Data;
use crate::failure::Failure;
use crate::running::{self, Opened, Running};
use crate::{logging, setup, terminal};
use server::listen::{self, Endpoint, ListenError};
use std::path::Path;

/// Runs until a signal ends it.
pub fn run(options: &Data) -> Result<(), Failure> {
    let dir = options.dir();
    let known = Boot::load(&dir)?;
    if known.is_none() && !setup::has_store(&dir) {
        return Err(no_server(&dir));
    }
    let lost = known.is_none();
    let boot = known.unwrap_or_default();
    setup::keep_private(&dir).map_err(|error| Failure::file(&dir, &error))?;
    logging::start(boot.log_level, boot.log_format);
    let runtime = running::runtime(&boot)?;
    let opened = Opened::new(&dir, boot)?;
    runtime.block_on(async {
        let snapshot = running::load(&opened).await?;
        if lost {
            opened.boot.save_again(&dir)?;
        }
        let unopened = |errors: &[ListenError], open: &[Endpoint]| {
            tell_unopened(&dir, errors, open);
            Ok(())
        };
        let running = Running::start(opened, snapshot, unopened).await?;
        terminal::say("ready");
        running.until_told().await
    })
}

/// Neither a boot file nor mail.
fn no_server(dir: &Path) -> Failure {
    let dir = dir.display();
    Failure::setup(format!(
        "there is no boot file {dir}/gatepost.toml; run `gatepost quickstart --data {dir}` first. Where a server was set \
         up before that keeps its mail elsewhere, create the file with the line: data = \"DIRECTORY\""
    ))
}

/// Says what to do about what could not be opened. What that is, the log has said.
fn tell_unopened(dir: &Path, errors: &[ListenError], open: &[Endpoint]) {
    logging::finish();
    let mut lines = listen::hints(errors);
    let (program, dir) = (terminal::program(), dir.display());
    lines.push(if open.is_empty() {
        format!(
            "No mail port is open. The server runs all the same, so that the bindings can be changed: give the commands in \
             parentheses in {program} shell --data {dir}"
        )
    } else {
        format!("The commands in parentheses are for {program} shell --data {dir}")
    });
    terminal::tell(&format!("gatepost: {}", lines.join("\n")));
}
