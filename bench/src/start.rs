//! Starting on existing data: how long until `ready`, and what memory it takes then.

use crate::error::Error;
use crate::fill;
use crate::measure::{Better, Latencies, Report};
use crate::process::Usage;
use crate::server::Server;
use std::path::Path;

/// What is there before, and how often it is started.
#[derive(Clone, Debug)]
pub struct Load {
    /// What the mailboxes hold.
    pub filled: fill::Load,
    /// Starts after each way to end.
    pub starts: u32,
}

/// Fills mailboxes, then ends the server in order and by SIGKILL, and starts it again, as often as asked.
pub async fn run(server: &mut Server, load: &Load, program: &Path, dir: &Path) -> Result<Report, Error> {
    fill::run(&server.target, &load.filled).await?;
    let setting = format!(
        "{} messages of {} octets in {} mailboxes, {} starts each",
        load.filled.messages, load.filled.size, load.filled.mailboxes, load.starts
    );
    let mut report = Report::new("start", &server.target.name, setting);
    let mut memory: f64 = 0.0;
    for (signal, name) in [("TERM", "ready after an orderly end"), ("KILL", "ready after kill -9")] {
        let mut times = Latencies::default();
        for _ in 0..load.starts {
            // Something to recover: what was written since the start.
            fill::run(&server.target, &fill::Load { messages: 20, ..load.filled.clone() }).await?;
            times.add(server.restart(signal, program, dir)?);
            memory = memory.max(Usage::of(&server.target.pid)?.resident);
        }
        report.latencies(name, times);
    }
    report.add("resident MiB, the most after a start", memory, Better::Less);
    Ok(report)
}
