//! Gatepost and a peer in turn: each round starts first the peer and then Gatepost, each alone and on an empty store,
//! runs the same load on both, and stops them. At the end stands a table.

use crate::error::Error;
use crate::measure::{Better, Report};
use crate::server::{Kind, Server, USERS};
use crate::{admin, disk, fill, idle, imap, pop3, show, smtp, start, table};
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Messages sent and shown, in several sizes
    Smtp,
    /// Logins, lists, envelopes and bodies
    Imap,
    /// A mailbox downloaded
    Pop3,
    /// Memory of idle sessions
    Idle,
    /// Gatepost alone: time until ready, and memory then, on existing data
    Start,
    /// Gatepost alone: lists and changes of many mailboxes in the shell
    Admin,
}

/// Options of `compare`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// What is compared
    #[arg(value_enum)]
    what: What,
    /// The other server [default: postfix for smtp, dovecot for all else]
    #[arg(long, value_enum)]
    peer: Option<Kind>,
    /// How often both are measured
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Gatepost's program
    #[arg(long, default_value = "target/release/gatepost")]
    gatepost: PathBuf,
    /// Directory for the stores of both [default: one in the directory for temporary files]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Octets of a message [default: 4096,51200 for smtp, 4096 for all else]
    #[arg(long, value_delimiter = ',')]
    size: Vec<usize>,
    /// Messages sent, or in each mailbox [default: 3000 for smtp, 1000 for imap and start, 5000 for pop3]
    #[arg(long)]
    messages: Option<u32>,
    /// Connections [default: 10 for smtp, 4 for imap, 1000 for idle, mailboxes for start: 20, for admin: 100000]
    #[arg(long)]
    sessions: Option<u32>,
    /// Seconds that idle sessions rest before the memory is looked at
    #[arg(long, default_value_t = 5)]
    settle: u64,
    /// Measure this one only
    #[arg(long, value_enum)]
    only: Option<Kind>,
}

/// Measures and prints.
pub fn run(runtime: &Runtime, options: &Options) -> Result<(), Error> {
    let usual = if options.what == What::Smtp { Kind::Postfix } else { Kind::Dovecot };
    let peer = options.peer.unwrap_or(usual);
    // Dovecot's socket paths are limited, hence the short name.
    let dir = options.dir.clone().unwrap_or_else(std::env::temp_dir);
    let dir = dir.join(format!("gatepost-bench-{}", std::process::id()));
    // What is measured must not be exchanged by a build in the meantime.
    let program = dir.with_extension("program");
    std::fs::copy(&options.gatepost, &program)
        .map_err(|error| Error::from(error).at(&options.gatepost.display().to_string()))?;
    let result = rounds(runtime, options, peer, &program, &dir);
    std::fs::remove_file(&program)?;
    result
}

fn rounds(runtime: &Runtime, options: &Options, peer: Kind, program: &Path, dir: &Path) -> Result<(), Error> {
    let sizes: &[usize] = match (options.what, options.size.as_slice()) {
        (What::Smtp, []) => &[4_096, 51_200],
        (_, []) => &[4_096],
        (_, sizes) => sizes,
    };
    let only = options.only.or(matches!(options.what, What::Start | What::Admin).then_some(Kind::Gatepost));
    for &size in sizes {
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds.max(1) {
            for (kind, reports) in [(peer, &mut theirs), (Kind::Gatepost, &mut ours)] {
                if only.is_none_or(|only| only == kind) {
                    let syncs = disk::syncs_per_second(dir)?;
                    let mut report = measure(runtime, options, kind, size, program, dir)?;
                    report.add("(disk: syncs/s before)", syncs, Better::More);
                    show(&report);
                    reports.push(report);
                }
            }
        }
        if only.is_none() {
            println!("\n{}", table::compare(&theirs, &ours));
        }
        eprintln!("load average at the end {}\n", load_average());
    }
    Ok(())
}

fn measure(
    runtime: &Runtime,
    options: &Options,
    kind: Kind,
    size: usize,
    program: &Path,
    dir: &Path,
) -> Result<Report, Error> {
    let mut server = Server::start(kind, program, dir)?;
    let result = runtime.block_on(load(options, &mut server, size, program, dir));
    // Also after a failure: nothing that was started may stay behind.
    let stopped = server.stop(dir);
    let report = result?;
    stopped.map(|()| report)
}

async fn load(
    options: &Options,
    server: &mut Server,
    size: usize,
    program: &Path,
    dir: &Path,
) -> Result<Report, Error> {
    let target = &server.target;
    let messages = |usual| options.messages.unwrap_or(usual);
    let sessions = |usual| options.sessions.unwrap_or(usual);
    match options.what {
        What::Smtp => {
            let load = smtp::Load { sessions: sessions(10), messages: messages(3_000), size, recipients: 20 };
            smtp::run(target, &load).await
        }
        What::Imap => {
            let sessions = sessions(4);
            let filled = fill::Load { mailboxes: sessions.min(USERS), messages: messages(1_000), size };
            fill::run(target, &filled).await?;
            let load = imap::Load {
                sessions,
                mailboxes: filled.mailboxes,
                logins: 1_000,
                lists: 400,
                envelopes: 60,
                downloads: 20,
            };
            imap::run(target, &load).await
        }
        What::Pop3 => {
            fill::run(target, &fill::Load { mailboxes: 1, messages: messages(5_000), size }).await?;
            pop3::run(target, &pop3::Load { pipeline: 1, downloads: 2 }).await
        }
        What::Start => {
            let filled = fill::Load { mailboxes: sessions(20), messages: messages(1_000), size };
            start::run(server, &start::Load { filled, starts: 20 }, program, dir).await
        }
        What::Admin => {
            let load = admin::Load { mailboxes: sessions(100_000), lists: 20 };
            admin::run(target, &load, program, &dir.join("data"))
        }
        What::Idle => {
            let load = idle::Load { sessions: sessions(1_000), settle: options.settle };
            idle::run(target, &load).await
        }
    }
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
