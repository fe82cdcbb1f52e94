//! All dialogues, and the ways in which each of them is played.

use crate::dialogue::{Action, Dialogue, Protocol, Step, parse};
use crate::messages::workspace;
use crate::runner::{self, Outcome};
use crate::world::{Cut, MachineWorld, NodeWorld, Trouble};
use std::path::PathBuf;

/// A way to play a dialogue on our own server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// On the session machine with the store in memory; lines arrive whole.
    Machine,
    /// The same, octet by octet.
    Cut,
    /// On a node with sockets, TLS and the store on disk.
    Sockets,
}

impl Mode {
    /// All of them.
    pub const ALL: [Mode; 3] = [Mode::Machine, Mode::Cut, Mode::Sockets];

    /// Its name in those of tests.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Machine => "machine",
            Mode::Cut => "cut",
            Mode::Sockets => "sockets",
        }
    }

    /// Whether the dialogue can be played like this: a machine has no disk, a node has a clock of its own, and
    /// cutting the lines of a shell shows nothing.
    pub fn suits(self, dialogue: &Dialogue) -> bool {
        let has = |wanted: fn(&Action) -> bool| {
            dialogue.steps.iter().any(|(_, step)| matches!(step, Step::Act(action) if wanted(action)))
        };
        match self {
            Mode::Machine | Mode::Cut
                if has(|action| matches!(action, Action::DiskFull | Action::Damage(_))) =>
            {
                false
            }
            Mode::Machine | Mode::Cut if dialogue.differs.iter().any(|(server, _)| server == "machine") => {
                false
            }
            Mode::Machine => true,
            Mode::Cut => dialogue.protocol != Protocol::Admin,
            Mode::Sockets => !has(|action| matches!(action, Action::Advance(_))),
        }
    }

    /// Plays it on a world of its own.
    pub fn play(self, dialogue: &Dialogue) -> Outcome {
        let outcome = match self {
            Mode::Machine => MachineWorld::new(Cut::Whole).map(|mut world| runner::run(dialogue, &mut world)),
            Mode::Cut => {
                MachineWorld::new(Cut::EveryOctet).map(|mut world| runner::run(dialogue, &mut world))
            }
            Mode::Sockets => {
                NodeWorld::new(dialogue.disk()).map(|mut world| runner::run(dialogue, &mut world))
            }
        };
        outcome.unwrap_or_else(|trouble| match trouble {
            Trouble::NotHere(why) => Outcome::NotHere(why),
            Trouble::Failed(why) => Outcome::Failed(why),
        })
    }
}

/// The files of a folder, sorted.
pub fn files(protocol: Protocol) -> Result<Vec<PathBuf>, String> {
    let folder = workspace("dialogues").join(protocol.name());
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    Ok(files)
}

/// Reads one file.
pub fn load(path: &PathBuf) -> Result<Dialogue, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(path, &text).map_err(|error| format!("{}:{}: {}", path.display(), error.line, error.why))
}
