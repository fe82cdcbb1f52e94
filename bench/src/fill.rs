//! Messages for the mailboxes that are read later, put there by IMAP APPEND.

use crate::error::Error;
use crate::imap::Client;
use crate::measure::{Latencies, Report};
use crate::message::message;
use crate::spread;
use crate::target::Target;
use std::time::Instant;

/// What is put where.
#[derive(Clone, Debug, clap::Args)]
pub struct Load {
    /// Users whose INBOX gets messages
    #[arg(long, default_value_t = 1)]
    pub mailboxes: u32,
    /// Messages for each
    #[arg(long, default_value_t = 1_000)]
    pub messages: u32,
    /// Octets of a message
    #[arg(long, default_value_t = 4_096)]
    pub size: usize,
}

/// Appends them, each mailbox over its own connection.
pub async fn run(target: &Target, load: &Load) -> Result<Report, Error> {
    let tls = target.tls()?;
    let (times, time) = spread::run(1..=load.mailboxes.max(1), |user| {
        let (target, tls, load) = (target.clone(), tls.clone(), load.clone());
        async move {
            let to = target.user(user);
            let mut client = Client::login(&target, &tls, user).await?;
            let mut times = Latencies::default();
            for number in 1..=load.messages {
                let octets = message(number, load.size, &to);
                let start = Instant::now();
                client.command(&format!("APPEND INBOX {{{}}}", octets.len())).await?;
                client.send(&[octets.as_slice(), b"\r\n"].concat()).await?;
                client.reply().await?;
                times.since(start);
            }
            client.logout().await?;
            Ok(times)
        }
    })
    .await?;
    let setting = format!(
        "{} messages of {} octets into {} mailboxes",
        load.messages,
        load.size,
        load.mailboxes.max(1)
    );
    let mut report = Report::new("fill", &target.name, setting);
    report.rate("appended messages/s", times.count() as f64, time);
    report.latencies("APPEND", times);
    Ok(report)
}
