//! Sending: how fast messages are accepted, and how soon IMAP shows them.
//!
//! Each session keeps one connection with STARTTLS and sends one message after the other, MAIL, RCPT and DATA in one
//! write where the server offers PIPELINING. The times are those from MAIL to the reply after the message.

use crate::connection::{Connection, Tls};
use crate::error::Error;
use crate::imap::Client;
use crate::measure::{Better, Latencies, Report};
use crate::message::message;
use crate::process::Usage;
use crate::spread::{self, Numbers};
use crate::target::Target;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is sent.
#[derive(Clone, Debug, clap::Args)]
pub struct Load {
    /// Connections at the same time
    #[arg(long, default_value_t = 10)]
    pub sessions: u32,
    /// Messages, all sessions together
    #[arg(long, default_value_t = 2_000)]
    pub messages: u32,
    /// Octets of a message
    #[arg(long, default_value_t = 4_096)]
    pub size: usize,
    /// How many users the messages go to, in turn
    #[arg(long, default_value_t = 20)]
    pub recipients: u32,
}

/// How long to wait for messages that were accepted.
const PATIENCE: Duration = Duration::from_secs(300);

/// Sends and waits.
pub async fn run(target: &Target, load: &Load) -> Result<Report, Error> {
    let tls = target.tls()?;
    let mut readers = readers(target, load, &tls).await?;
    let before = Usage::of(&target.pid)?;
    let mut sessions = Vec::new();
    for _ in 0..load.sessions.max(1) {
        sessions.push(Sender::connect(target, &tls).await?);
    }

    let numbers = Numbers::up_to(load.messages);
    let start = Instant::now();
    let (times, accepted) =
        spread::run(sessions, |sender| send(sender, Arc::clone(&numbers), target.clone(), load.clone()))
            .await?;
    for reader in &mut readers {
        reader.wait().await?;
    }
    let readable = start.elapsed();

    let count = f64::from(load.messages);
    let after = Usage::of(&target.pid)?;
    let setting = format!("{} messages of {} octets, {} sessions", load.messages, load.size, load.sessions);
    let mut report = Report::new("smtp", &target.name, setting);
    report.rate("readable messages/s", count, readable);
    report.rate("accepted messages/s", count, accepted);
    report.latencies("message", times);
    if !target.pid.is_empty() {
        report.add("CPU ms/message", (after.cpu - before.cpu) * 1_000.0 / count, Better::Less);
        report.add("memory MiB afterwards", after.memory, Better::Less);
    }
    Ok(report)
}

async fn send(
    mut sender: Sender,
    numbers: Arc<Numbers>,
    target: Target,
    load: Load,
) -> Result<Latencies, Error> {
    let mut times = Latencies::default();
    while let Some(number) = numbers.next() {
        let to = target.user(recipient(number, &load));
        let mut octets = message(number, load.size, &to);
        octets.extend_from_slice(b".\r\n");
        let start = Instant::now();
        sender.message(&to, &octets).await?;
        times.since(start);
    }
    sender.quit().await?;
    Ok(times)
}

fn recipient(number: u32, load: &Load) -> u32 {
    (number - 1) % load.recipients.max(1) + 1
}

/// A session that sends.
struct Sender {
    connection: Connection,
    pipelining: bool,
}

impl Sender {
    async fn connect(target: &Target, tls: &Tls) -> Result<Sender, Error> {
        let connection = Connection::plain(target.host, target.smtp).await?;
        let mut sender = Sender { connection, pipelining: false };
        sender.expect(b'2').await?;
        sender.ehlo().await?;
        sender.connection.send(b"STARTTLS\r\n").await?;
        sender.expect(b'2').await?;
        sender.connection.start_tls(tls).await?;
        sender.ehlo().await?;
        Ok(sender)
    }

    async fn ehlo(&mut self) -> Result<(), Error> {
        self.connection.send(b"EHLO bench.example.test\r\n").await?;
        self.pipelining = self.expect(b'2').await?;
        Ok(())
    }

    async fn message(&mut self, to: &str, octets: &[u8]) -> Result<(), Error> {
        let envelope = [
            "MAIL FROM:<bench@example.test>\r\n".to_owned(),
            format!("RCPT TO:<{to}>\r\n"),
            "DATA\r\n".to_owned(),
        ];
        if self.pipelining {
            self.connection.send(envelope.concat().as_bytes()).await?;
            self.expect(b'2').await?;
            self.expect(b'2').await?;
        } else {
            let [mail, rcpt, data] = envelope;
            for line in [mail, rcpt] {
                self.connection.send(line.as_bytes()).await?;
                self.expect(b'2').await?;
            }
            self.connection.send(data.as_bytes()).await?;
        }
        self.expect(b'3').await?;
        self.connection.send(octets).await?;
        self.expect(b'2').await?;
        Ok(())
    }

    async fn quit(&mut self) -> Result<(), Error> {
        self.connection.send(b"QUIT\r\n").await?;
        self.expect(b'2').await?;
        Ok(())
    }

    /// Reads a reply, which must begin with this digit. Returns whether one of its lines offers PIPELINING.
    async fn expect(&mut self, digit: u8) -> Result<bool, Error> {
        let mut offers = false;
        loop {
            let line = self.connection.line().await?;
            if line.first() != Some(&digit) {
                return Err(Error::new(format!("SMTP server says {}", String::from_utf8_lossy(line))));
            }
            offers |= line.get(4..) == Some(b"PIPELINING");
            if line.get(3) != Some(&b'-') {
                return Ok(offers);
            }
        }
    }
}

/// A session that waits for one recipient's messages.
struct Reader {
    client: Client,
    wanted: u32,
}

async fn readers(target: &Target, load: &Load, tls: &Tls) -> Result<Vec<Reader>, Error> {
    let mut readers = Vec::new();
    for user in 1..=load.recipients.max(1) {
        let mut client = Client::login(target, tls, user).await?;
        let expected = (1..=load.messages).filter(|&number| recipient(number, load) == user).count();
        let wanted = client.messages().await? + u32::try_from(expected).unwrap_or(0);
        readers.push(Reader { client, wanted });
    }
    Ok(readers)
}

impl Reader {
    async fn wait(&mut self) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            let there = self.client.messages().await?;
            if there >= self.wanted {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err(Error::new(format!("{} messages of {} arrived", there, self.wanted)));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
