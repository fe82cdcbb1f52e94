//! Load generators for mail servers, and the driver that measures two servers in turn.
//!
//! `bench smtp|imap|pop3|idle` run against any server by address and ports; `bench compare` starts Gatepost and a peer
//! itself. A run prints one line of JSON on standard output, and the same for people on standard error.

mod admin;
mod compare;
mod connection;
mod disk;
mod error;
mod fill;
mod idle;
mod imap;
mod measure;
mod message;
mod pop3;
mod process;
mod server;
mod smtp;
mod spread;
mod start;
mod table;
mod target;

use clap::{Parser, Subcommand};
use error::Error;
use measure::Report;
use std::process::ExitCode;
use target::Target;

#[derive(Debug, Parser)]
#[command(name = "bench", about = "Measures mail servers")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send messages, and wait until IMAP shows them
    Smtp(Run<smtp::Load>),
    /// Log in, select, and fetch lists, envelopes and bodies
    Imap(Run<imap::Load>),
    /// Download a mailbox
    Pop3(Run<pop3::Load>),
    /// Hold idle IMAP sessions and look at the server's memory
    Idle(Run<idle::Load>),
    /// Put messages into the mailbox of the first users by IMAP APPEND
    Fill(Run<fill::Load>),
    /// Start Gatepost and a peer, measure them in turn, and print a table
    Compare(compare::Options),
}

#[derive(Debug, clap::Args)]
struct Run<L: clap::Args> {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    load: L,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = match command {
        Command::Smtp(run) => runtime.block_on(smtp::run(&run.target, &run.load))?,
        Command::Imap(run) => runtime.block_on(imap::run(&run.target, &run.load))?,
        Command::Pop3(run) => runtime.block_on(pop3::run(&run.target, &run.load))?,
        Command::Idle(run) => runtime.block_on(idle::run(&run.target, &run.load))?,
        Command::Fill(run) => runtime.block_on(fill::run(&run.target, &run.load))?,
        Command::Compare(options) => return compare::run(&runtime, &options),
    };
    show(&report);
    Ok(())
}

/// Prints a report for programs and for people.
fn show(report: &Report) {
    println!("{}", report.json());
    eprintln!("{report}");
}
