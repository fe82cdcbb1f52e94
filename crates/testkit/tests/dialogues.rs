//! Plays every dialogue in every way it can be played, each as a test of its own.

#![allow(clippy::print_stderr, reason = "a test that is not played says why")]

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::sync::Arc;
use testkit::book;
use testkit::dialogue::{Dialogue, Protocol};
use testkit::runner::Outcome;
use testkit::suite::{self, Mode};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, trials()).exit_code()
}

fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for protocol in Protocol::FOLDERS {
        for path in suite::files(protocol).unwrap_or_default() {
            let file = path.file_stem().unwrap_or_default().to_string_lossy();
            let name = format!("{}::{file}", protocol.name());
            match suite::load(&path) {
                Ok(dialogue) => trials.extend(of(&name, dialogue)),
                Err(why) => trials.push(Trial::test(name, || Err(Failed::from(why)))),
            }
        }
    }
    match book::pages() {
        Ok(pages) => {
            for page in pages {
                let name = page.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                // On the machine world, whose ports are the standard ones that a reader expects.
                let trial = move || result(Mode::Machine.play(&page));
                trials.push(Trial::test(format!("book::{name}"), trial));
            }
        }
        Err(why) => trials.push(Trial::test("book", || Err(Failed::from(why)))),
    }
    trials
}

fn of(name: &str, dialogue: Dialogue) -> Vec<Trial> {
    let dialogue = Arc::new(dialogue);
    let modes: Vec<Mode> = Mode::ALL.into_iter().filter(|mode| mode.suits(&dialogue)).collect();
    if modes.is_empty() {
        let why = "this dialogue can be played in no way at all";
        return vec![Trial::test(name, move || Err(Failed::from(why)))];
    }
    let trial = |mode: Mode| {
        let dialogue = dialogue.clone();
        Trial::test(format!("{name}::{}", mode.name()), move || result(mode.play(&dialogue)))
    };
    modes.into_iter().map(trial).collect()
}

fn result(outcome: Outcome) -> Result<(), Failed> {
    match outcome {
        Outcome::Passed => Ok(()),
        Outcome::Failed(report) => Err(Failed::from(report)),
        Outcome::NotHere(why) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
            Err(Failed::from(why))
        }
        Outcome::NotHere(why) => {
            eprintln!("not played: {why}");
            Ok(())
        }
    }
}
