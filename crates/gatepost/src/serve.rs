//! `gatepost serve`: runs a server that quickstart has set up.

use crate::boot::Boot;
use crate::cli::Data;
use crate::failure::Failure;
use crate::running::{self, Opened, Running, Strict};
use crate::{logging, setup, terminal};

/// Runs until a signal ends it.
pub fn run(options: &Data) -> Result<(), Failure> {
    let dir = options.dir();
    let boot = Boot::load(&dir)?.ok_or_else(|| {
        let dir = dir.display();
        Failure::setup(format!(
            "there is no boot file {dir}/gatepost.toml; run `gatepost quickstart --data {dir}` first"
        ))
    })?;
    setup::keep_private(&dir).map_err(|error| Failure::file(&dir, &error))?;
    logging::start(boot.log_level, boot.log_format);
    let runtime = running::runtime(&boot)?;
    let opened = Opened::new(&dir, boot)?;
    runtime.block_on(async {
        let snapshot = running::load(&opened).await?;
        let running = Running::start(opened, snapshot, Strict::Any).await?;
        terminal::say("ready");
        running.until_told().await
    })
}
