//! Idle IMAP sessions: what memory the server needs for each.

use crate::error::Error;
use crate::imap::Client;
use crate::measure::{Better, Latencies, Report};
use crate::process::Usage;
use crate::spread::{self, Numbers};
use crate::target::Target;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How many sessions.
#[derive(Clone, Debug, clap::Args)]
pub struct Load {
    /// Sessions, spread over the users
    #[arg(long, default_value_t = 1_000)]
    pub sessions: u32,
    /// Seconds between the last IDLE and the look at the memory
    #[arg(long, default_value_t = 5)]
    pub settle: u64,
}

/// Opens the sessions, looks, and closes them.
pub async fn run(target: &Target, load: &Load) -> Result<Report, Error> {
    if target.pid.is_empty() {
        return Err(Error::new("name the server's process with --pid"));
    }
    let tls = target.tls()?;
    // The first logins load what every server loads once, and check passwords that may then be remembered.
    for user in 1..=target.users.min(load.sessions).max(1) {
        Client::login(target, &tls, user).await?.logout().await?;
    }
    let before = Usage::of(&target.pid)?;
    let clients = Arc::new(Mutex::new(Vec::new()));
    let numbers = Numbers::up_to(load.sessions);
    let (times, time) = spread::run(0..8, |_| {
        let (numbers, target, tls, clients) =
            (Arc::clone(&numbers), target.clone(), tls.clone(), Arc::clone(&clients));
        async move {
            let mut times = Latencies::default();
            while let Some(number) = numbers.next() {
                let start = Instant::now();
                let mut client = Client::login(&target, &tls, number).await?;
                client.command("SELECT INBOX").await?;
                client.command("IDLE").await?;
                times.since(start);
                if let Ok(mut clients) = clients.lock() {
                    clients.push(client);
                }
            }
            Ok(times)
        }
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(load.settle)).await;
    let after = Usage::of(&target.pid)?;

    let setting = format!("{} sessions over {} users", load.sessions, target.users.min(load.sessions));
    let mut report = Report::new("idle", &target.name, setting);
    let each = (after.memory - before.memory) * 1_024.0 / f64::from(load.sessions.max(1));
    report.add("memory KiB/session", each, Better::Less);
    report.add("memory MiB", after.memory, Better::Less);
    report.add("memory MiB without sessions", before.memory, Better::Less);
    report.add("processes", after.processes as f64, Better::Less);
    report.rate("sessions opened/s", f64::from(load.sessions), time);
    report.latencies("login+select+idle", times);
    report.add(
        "CPU ms/session",
        (after.cpu - before.cpu) * 1_000.0 / f64::from(load.sessions.max(1)),
        Better::Less,
    );
    Ok(report)
}
