//! Reading over IMAP: logins, whole short sessions, lists, envelopes and bodies of a mailbox.
//!
//! The first users' INBOX holds messages already (`bench fill`). Every user logs in once before anything is measured:
//! servers may remember a password they have checked, and mail programs do come back. Answers are read, counted and not
//! understood.

use crate::connection::{Connection, Tls};
use crate::error::Error;
use crate::measure::{Better, Latencies, Report};
use crate::process::Usage;
use crate::spread::{self, Numbers};
use crate::target::Target;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Load {
    /// Connections at the same time
    #[arg(long, default_value_t = 4)]
    pub sessions: u32,
    /// Users whose INBOX is read, in turn
    #[arg(long, default_value_t = 4)]
    pub mailboxes: u32,
    /// Logins, and short sessions, all connections together
    #[arg(long, default_value_t = 400)]
    pub logins: u32,
    /// How often each connection fetches the list and the envelopes of its mailbox
    #[arg(long, default_value_t = 20)]
    pub fetches: u32,
    /// How often each connection fetches all bodies
    #[arg(long, default_value_t = 4)]
    pub downloads: u32,
}

const LIST: &str = "FETCH 1:* (FLAGS UID RFC822.SIZE)";
const ENVELOPES: &str = "FETCH 1:* (UID ENVELOPE)";
const BODIES: &str = "FETCH 1:* (UID BODY.PEEK[])";

/// Measures one after the other.
pub async fn run(target: &Target, load: &Load) -> Result<Report, Error> {
    let tls = target.tls()?;
    for user in 1..=load.mailboxes.max(1) {
        Client::login(target, &tls, user).await?.logout().await?;
    }
    let before = Usage::of(&target.pid)?;
    let setting = format!("{} connections, {} mailboxes", load.sessions, load.mailboxes);
    let mut report = Report::new("imap", &target.name, setting);

    let (times, time) = logins(target, load, &tls, Depth::Login).await?;
    report.rate("logins/s", times.count() as f64, time);
    report.latencies("login", times);
    let (times, time) = logins(target, load, &tls, Depth::List).await?;
    report.rate("login+select+fetch/s", times.count() as f64, time);
    report.latencies("login+select+fetch", times);

    let list = fetch(target, load, &tls, LIST, load.fetches).await?;
    report.rate("listed messages/s", list.messages, list.time);
    report.latencies("list", list.times);
    let envelopes = fetch(target, load, &tls, ENVELOPES, load.fetches).await?;
    report.rate("envelopes/s", envelopes.messages, envelopes.time);
    report.latencies("envelopes", envelopes.times);
    let bodies = fetch(target, load, &tls, BODIES, load.downloads).await?;
    report.rate("bodies MB/s", bodies.octets / 1e6, bodies.time);
    report.latencies("download", bodies.times);

    if !target.pid.is_empty() {
        let after = Usage::of(&target.pid)?;
        report.add("CPU s", after.cpu - before.cpu, Better::Less);
        report.add("memory MiB", after.memory, Better::Less);
    }
    Ok(report)
}

/// How far a short session goes.
#[derive(Clone, Copy)]
enum Depth {
    Login,
    List,
}

async fn logins(
    target: &Target,
    load: &Load,
    tls: &Tls,
    depth: Depth,
) -> Result<(Latencies, Duration), Error> {
    let numbers = Numbers::up_to(load.logins);
    spread::run(0..load.sessions.max(1), |_| {
        let (numbers, target, tls, mailboxes) =
            (Arc::clone(&numbers), target.clone(), tls.clone(), load.mailboxes);
        async move {
            let mut times = Latencies::default();
            while let Some(number) = numbers.next() {
                let start = Instant::now();
                let mut client = Client::login(&target, &tls, number % mailboxes.max(1) + 1).await?;
                if let Depth::List = depth {
                    client.command("SELECT INBOX").await?;
                    client.command(LIST).await?;
                }
                client.logout().await?;
                times.since(start);
            }
            Ok(times)
        }
    })
    .await
}

/// What fetching came to.
struct Fetched {
    times: Latencies,
    time: Duration,
    messages: f64,
    octets: f64,
}

async fn fetch(
    target: &Target,
    load: &Load,
    tls: &Tls,
    command: &'static str,
    count: u32,
) -> Result<Fetched, Error> {
    let mut clients = Vec::new();
    let (mut messages, mut octets) = (0.0, 0.0);
    for session in 0..load.sessions.max(1) {
        let mut client = Client::login(target, tls, session % load.mailboxes.max(1) + 1).await?;
        client.command("SELECT INBOX").await?;
        // Once without measuring: what is measured is a mailbox that is in use.
        let tally = client.command(command).await?;
        messages += tally.lines as f64 * f64::from(count);
        octets += tally.octets as f64 * f64::from(count);
        clients.push(client);
    }
    let (times, time) = spread::run(clients, |mut client| async move {
        let mut times = Latencies::default();
        for _ in 0..count {
            let start = Instant::now();
            client.command(command).await?;
            times.since(start);
        }
        client.logout().await?;
        Ok(times)
    })
    .await?;
    Ok(Fetched { times, time, messages, octets })
}

/// What came before a tagged reply.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Untagged replies.
    pub lines: usize,
    /// Octets of literals.
    pub octets: usize,
    /// The last untagged reply, without what follows a literal.
    pub last: Vec<u8>,
}

/// A logged-in session.
pub struct Client {
    connection: Connection,
}

impl Client {
    /// Connects over TLS and logs in.
    pub async fn login(target: &Target, tls: &Tls, user: u32) -> Result<Client, Error> {
        let connection = Connection::tls(target.host, target.imaps, tls).await?;
        let mut client = Client { connection };
        client.connection.line().await?;
        client.command(&format!("LOGIN \"{}\" \"{}\"", target.user(user), target.password)).await?;
        Ok(client)
    }

    /// Sends a command and reads up to its reply, which must be OK.
    pub async fn command(&mut self, command: &str) -> Result<Tally, Error> {
        self.connection.send(format!("a {command}\r\n").as_bytes()).await?;
        let reply = self.reply().await?;
        reply.ok_or_else(|| Error::new("the server says BYE")).map_err(|error| error.at(command))
    }

    /// Sends octets as they are.
    pub async fn send(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.connection.send(octets).await
    }

    /// Reads up to the tagged reply; `None` where the server closes the connection as it was asked to.
    pub async fn reply(&mut self) -> Result<Option<Tally>, Error> {
        let mut tally = Tally::default();
        let mut continued = false;
        loop {
            let line = self.connection.line().await?;
            if !continued && line.starts_with(b"a ") {
                let good = line.starts_with(b"a OK");
                let text = String::from_utf8_lossy(line).into_owned();
                return if good {
                    Ok(Some(tally))
                } else {
                    Err(Error::new(format!("IMAP server says {text}")))
                };
            }
            if !continued && line.starts_with(b"+") {
                return Ok(Some(tally));
            }
            tally.lines += usize::from(!continued);
            let literal = literal(line);
            if literal.is_none() && !continued && line.len() < 200 {
                tally.last = line.to_vec();
            }
            continued = literal.is_some();
            if let Some(octets) = literal {
                tally.octets += octets;
                self.connection.skip(octets).await?;
            }
        }
    }

    /// How many messages are in INBOX.
    pub async fn messages(&mut self) -> Result<u32, Error> {
        let tally = self.command("STATUS INBOX (MESSAGES)").await?;
        let text = String::from_utf8_lossy(&tally.last).into_owned();
        let digits = text.rsplit_once("MESSAGES ").map(|(_, rest)| rest.trim_end_matches(')').trim());
        let number = digits.and_then(|digits| digits.parse().ok());
        number.ok_or_else(|| Error::new(format!("no number of messages in {text}")))
    }

    /// Says good-bye and closes.
    pub async fn logout(mut self) -> Result<(), Error> {
        self.command("LOGOUT").await?;
        Ok(())
    }
}

/// The number in `{number}` at the end of a line.
fn literal(line: &[u8]) -> Option<usize> {
    let inner = line.strip_suffix(b"}")?;
    let at = memchr::memrchr(b'{', inner)?;
    std::str::from_utf8(inner.get(at + 1..)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        assert_eq!(literal(b"* 1 FETCH (BODY[] {12}"), Some(12));
        assert_eq!(literal(b"* 1 FETCH (UID 1)"), None);
        assert_eq!(literal(b"}"), None);
    }
}
