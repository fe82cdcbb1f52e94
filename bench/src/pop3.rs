//! Downloading a mailbox over POP3: one session, RETR for every message.
//!
//! The first user's INBOX holds messages already (`bench fill`). Nothing is deleted, so that runs repeat.

use crate::connection::Connection;
use crate::error::Error;
use crate::measure::{Better, Latencies, Report};
use crate::process::Usage;
use crate::target::Target;
use std::time::Instant;

/// What is downloaded.
#[derive(Clone, Debug, clap::Args)]
pub struct Load {
    /// RETR commands on their way before the first is answered; 1 waits for each answer
    #[arg(long, default_value_t = 1)]
    pub pipeline: u32,
    /// How many sessions, one after the other, download the mailbox
    #[arg(long, default_value_t = 2)]
    pub downloads: u32,
}

/// Logs in and downloads.
pub async fn run(target: &Target, load: &Load) -> Result<Report, Error> {
    let tls = target.tls()?;
    let before = Usage::of(&target.pid)?;
    let (mut times, mut messages, mut octets) = (Latencies::default(), 0, 0);
    let (mut logins, mut downloading) = (Latencies::default(), std::time::Duration::ZERO);
    let mut count = 0;
    for _ in 0..load.downloads.max(1) {
        let start = Instant::now();
        let connection = Connection::tls(target.host, target.pop3s, &tls).await?;
        let mut client = Client { connection };
        client.expect().await?;
        client.command(&format!("USER {}", target.user(1))).await?;
        client.command(&format!("PASS {}", target.password)).await?;
        let size;
        (count, size) = client.stat().await?;
        logins.since(start);

        let start = Instant::now();
        let downloaded = client.download(count, load.pipeline.max(1), &mut times).await?;
        downloading += start.elapsed();
        // Exact: the messages that `fill` makes have no line that begins with a dot.
        if count == 0 || downloaded != size {
            return Err(Error::new(format!("{downloaded} octets of {size} in {count} messages came")));
        }
        octets += downloaded;
        messages += count;
        client.command("QUIT").await?;
    }
    let setting =
        format!("{} sessions of {count} messages, pipeline {}", load.downloads.max(1), load.pipeline);
    let mut report = Report::new("pop3", &target.name, setting);
    report.rate("downloaded messages/s", f64::from(messages), downloading);
    report.rate("downloaded MB/s", octets as f64 / 1e6, downloading);
    report.latencies("RETR", times);
    report.latencies("login to STAT", logins);
    if !target.pid.is_empty() {
        let after = Usage::of(&target.pid)?;
        report.add(
            "CPU ms/message",
            (after.cpu - before.cpu) * 1_000.0 / f64::from(messages.max(1)),
            Better::Less,
        );
        report.add("memory MiB afterwards", after.memory, Better::Less);
    }
    Ok(report)
}

struct Client {
    connection: Connection,
}

impl Client {
    async fn command(&mut self, command: &str) -> Result<String, Error> {
        self.connection.send(format!("{command}\r\n").as_bytes()).await?;
        self.expect().await
    }

    /// Reads a first line, which must be +OK.
    async fn expect(&mut self) -> Result<String, Error> {
        let line = self.connection.line().await?;
        let text = String::from_utf8_lossy(line).into_owned();
        if line.starts_with(b"+OK") { Ok(text) } else { Err(Error::new(format!("POP3 server says {text}"))) }
    }

    /// Messages, and octets of all of them.
    async fn stat(&mut self) -> Result<(u32, usize), Error> {
        let reply = self.command("STAT").await?;
        let mut words = reply.split(' ').skip(1);
        let count = words.next().and_then(|number| number.parse().ok());
        let size = words.next().and_then(|number| number.parse().ok());
        count.zip(size).ok_or_else(|| Error::new(format!("no numbers in {reply}")))
    }

    async fn download(&mut self, count: u32, window: u32, times: &mut Latencies) -> Result<usize, Error> {
        let mut octets = 0;
        let mut asked = 0;
        let mut starts = std::collections::VecDeque::new();
        for number in 1..=count {
            let ahead = (number + window - 1).min(count);
            // As one write: a write for each command would be a TLS record for each.
            let commands: String = (asked + 1..=ahead).map(|number| format!("RETR {number}\r\n")).collect();
            if !commands.is_empty() {
                self.connection.send(commands.as_bytes()).await?;
                starts.extend((asked..ahead).map(|_| Instant::now()));
                asked = ahead;
            }
            self.expect().await?;
            octets += self.connection.skip_dotted().await?;
            if let Some(start) = starts.pop_front() {
                times.since(start);
            }
        }
        Ok(octets)
    }
}
