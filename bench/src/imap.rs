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
    /// How often each connection fetches the list of its mailbox
    #[arg(long, default_value_t = 400)]
    pub lists: u32,
    /// How often each connection fetches the envelopes
    #[arg(long, default_value_t = 60)]
    pub envelopes: u32,
    /// How often each connection fetches all bodies
    #[arg(long, default_value_t = 20)]
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
    let setting = format!("{} connections, {} mailboxes", load.sessions, load.mailboxes);
    let mut report = Report::new("imap", &target.name, setting);
    for (name, depth) in [("login", Depth::Login), ("login+select+fetch", Depth::List)] {
        let before = Usage::of(&target.pid)?;
        let (times, time) = logins(target, load, &tls, depth).await?;
        let count = times.count() as f64;
        report.rate(&format!("{name}/s"), count, time);
        report.latencies(name, times);
        report.cpu(&format!("{name} CPU ms"), before, target, count)?;
    }
    for (name, command, count) in [
        ("list", LIST, load.lists),
        ("envelopes", ENVELOPES, load.envelopes),
        ("bodies", BODIES, load.downloads),
    ] {
        let fetched = fetch(target, load, &tls, command, count).await?;
        if fetched.octets > 0.0 {
            report.rate(&format!("{name} MB/s"), fetched.octets / 1e6, fetched.time);
        }
        report.rate(&format!("{name} messages/s"), fetched.messages, fetched.time);
        report.latencies(name, fetched.times);
        report.cpu(
            &format!("{name} CPU ms/1000 messages"),
            fetched.before,
            target,
            fetched.messages / 1e3,
        )?;
    }
    if !target.pid.is_empty() {
        report.add("memory MiB afterwards", Usage::of(&target.pid)?.memory, Better::Less);
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
    /// What the server had used before.
    before: Usage,
}

/// Each connection fetches the same again and again. A server is not fast that leaves something out: every answer must
/// have a line for each message that STATUS counts, and as many octets of bodies as the first one.
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
        let there = client.messages().await?;
        client.command("SELECT INBOX").await?;
        // Once without measuring: what is measured is a mailbox that is in use.
        let first = client.command(command).await?;
        if there == 0 || first.fetched != there as usize {
            return Err(Error::new(format!("{command}: {} answers for {there} messages", first.fetched)));
        }
        messages += f64::from(there) * f64::from(count);
        octets += first.octets as f64 * f64::from(count);
        clients.push((client, first));
    }
    let before = Usage::of(&target.pid)?;
    let (times, time) = spread::run(clients, |(mut client, first)| async move {
        let mut times = Latencies::default();
        for _ in 0..count {
            let start = Instant::now();
            let tally = client.command(command).await?;
            times.since(start);
            if (tally.fetched, tally.octets) != (first.fetched, first.octets) {
                return Err(Error::new(format!("{command}: the answer is not the same as before")));
            }
        }
        client.logout().await?;
        Ok(times)
    })
    .await?;
    Ok(Fetched { times, time, messages, octets, before })
}

/// What came before a tagged reply.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// FETCH replies.
    pub fetched: usize,
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
            tally.fetched += usize::from(!continued && is_fetch(line));
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

/// Whether the line begins `* 12 FETCH (`.
fn is_fetch(line: &[u8]) -> bool {
    let number = line.strip_prefix(b"* ").unwrap_or_default();
    let digits = number.iter().take_while(|c| c.is_ascii_digit()).count();
    digits > 0 && number.get(digits..).is_some_and(|rest| rest.starts_with(b" FETCH ("))
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
    fn fetches() {
        assert!(is_fetch(b"* 12 FETCH (UID 1)"));
        assert!(!is_fetch(b"* 12 EXISTS") && !is_fetch(b"* FETCH (") && !is_fetch(b""));
    }

    #[test]
    fn literals() {
        assert_eq!(literal(b"* 1 FETCH (BODY[] {12}"), Some(12));
        assert_eq!(literal(b"* 1 FETCH (UID 1)"), None);
        assert_eq!(literal(b"}"), None);
    }
}
