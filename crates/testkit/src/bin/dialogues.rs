//! Plays dialogues on another server and says where it differs: `dialogues --peer dovecot [FILE…]`.
//!
//! Without `--peer` the given files (or all) are played on our own server in every way. The exit status is 0 when
//! everything was as the files say, differences included.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::path::PathBuf;
use std::process::ExitCode;
use testkit::dialogue::{Dialogue, Protocol};
use testkit::runner::{self, Outcome};
use testkit::suite::{self, Mode};
use testkit::world::{Peer, PeerWorld, Trouble};

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("dialogues: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Vec<String>) -> Result<bool, String> {
    let mut peer = None;
    let mut paths = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--peer" => {
                let name = arguments.next().unwrap_or_default();
                peer = Some(Peer::from_name(&name).ok_or("--peer is dovecot or postfix")?);
            }
            option if option.starts_with('-') => return Err(format!("no such option: {option}")),
            path => paths.push(std::path::absolute(path).map_err(|error| error.to_string())?),
        }
    }
    match peer {
        Some(peer) => with_peer(peer, &chosen(paths, peer.protocols())?),
        None => Ok(on_our_own(&chosen(paths, &Protocol::FOLDERS)?)),
    }
}

fn chosen(paths: Vec<PathBuf>, protocols: &[Protocol]) -> Result<Vec<Dialogue>, String> {
    let mut files = paths;
    if files.is_empty() {
        for protocol in protocols {
            files.extend(suite::files(*protocol)?);
        }
    }
    files.iter().map(suite::load).collect()
}

fn on_our_own(dialogues: &[Dialogue]) -> bool {
    let mut good = true;
    for dialogue in dialogues {
        for mode in Mode::ALL.into_iter().filter(|mode| mode.suits(dialogue)) {
            good &= tell(dialogue, mode.name(), &mode.play(dialogue));
        }
    }
    good
}

fn with_peer(peer: Peer, dialogues: &[Dialogue]) -> Result<bool, String> {
    let failed = |trouble: Trouble| match trouble {
        Trouble::NotHere(why) | Trouble::Failed(why) => why,
    };
    let mut world = PeerWorld::start(peer).map_err(failed)?;
    let mut good = true;
    for dialogue in dialogues {
        world.reset().map_err(failed)?;
        let outcome = runner::run(dialogue, &mut world);
        let differs = dialogue.differs.iter().find(|(server, _)| server == peer.name());
        good &= match (differs, &outcome) {
            (Some((_, why)), Outcome::Failed(_)) => {
                println!("differs  {}: {why}", name(dialogue));
                true
            }
            (Some(_), Outcome::Passed) => {
                println!("FAILED   {}: said to differ, but does not", name(dialogue));
                false
            }
            _ => tell(dialogue, peer.name(), &outcome),
        };
    }
    Ok(good)
}

fn tell(dialogue: &Dialogue, how: &str, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Passed => println!("passed   {} ({how})", name(dialogue)),
        Outcome::NotHere(why) => println!("not here {} ({how}): {why}", name(dialogue)),
        Outcome::Failed(report) => println!("FAILED   {} ({how})\n{report}", name(dialogue)),
    }
    !matches!(outcome, Outcome::Failed(_))
}

fn name(dialogue: &Dialogue) -> String {
    let file = dialogue.path.file_stem().unwrap_or_default().to_string_lossy();
    format!("{}/{file}", dialogue.protocol.name())
}
