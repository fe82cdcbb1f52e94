//! The Gatepost mail server: arguments, the boot file, wiring, and exit codes.
//!
//! This crate joins the others and decides nothing about mail. Each subcommand is a module with one function that
//! returns a [`failure::Failure`] or nothing; what a failure says to the person at the terminal, and with which exit code, is
//! decided in [`failure`].

mod adapter;
mod backup;
mod boot;
mod boot_file;
mod check;
mod cli;
mod client_settings;
mod demo;
mod deposit;
mod export;
mod failure;
mod import;
mod load;
mod logging;
mod progress;
mod protocol;
mod quickstart;
mod ready;
mod restore;
mod running;
mod samples;
mod serve;
mod setup;
mod shell;
mod socket;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = cli::Arguments::of_process();
    let result = match arguments.command {
        cli::Command::Demo(options) => demo::run(&options),
        cli::Command::Quickstart(options) => quickstart::run(&options),
        cli::Command::Serve(options) => serve::run(&options),
        cli::Command::Shell(options) => shell::run(&options),
        cli::Command::Check(options) => check::run(&options),
        cli::Command::Backup(options) => backup::run(&options),
        cli::Command::Restore(options) => restore::run(&options),
        cli::Command::Import(options) => import::run(&options),
        cli::Command::Export(options) => export::run(&options),
    };
    logging::finish();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
