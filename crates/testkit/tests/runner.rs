//! A dialogue that does not agree with the server fails, and the report says where.

#![allow(clippy::panic, reason = "a test that finds a surprise ends")]

use std::path::Path;
use testkit::dialogue::parse;
use testkit::runner::{self, Outcome};
use testkit::world::{Cut, MachineWorld};

const GIVEN: &str = "# Title\ngiven alice, logged in: hello.eml, lunch.eml\n";

fn play(steps: &str) -> Outcome {
    let text = format!("{GIVEN}{steps}");
    let dialogue = match parse(Path::new("dialogues/pop3/x.txt"), &text) {
        Ok(dialogue) => dialogue,
        Err(error) => panic!("line {}: {}", error.line, error.why),
    };
    match MachineWorld::new(Cut::Whole) {
        Ok(mut world) => runner::run(&dialogue, &mut world),
        Err(trouble) => panic!("{trouble:?}"),
    }
}

#[test]
fn what_agrees_passes() {
    for steps in [
        "C: NOOP\nS: +OK\n",
        "C: NOOP\nC: STAT\nS: +OK\nS: +OK <count> <octets>\nC: STAT\nS: +OK <count> <octets>\n",
        "C: RETR 1\nS: +OK<...>\nS: <file hello.eml>\nS: .\n",
        "C: LIST\nS: +OK<...>\n{\nS: 2 <...>\nS: 1 <...>\n}\nS: .\n",
        "C: CAPA\nS: +OK<...>\n{\nS: UIDL\nS: <lines>\n}\nS: .\n",
        "C: CAPA\nS: +OK<...>\nS: <lines>\nS: .\nS: <nothing>\n",
        "C: CAPA\nS: <lines>\n",
        "C: QUIT\nS: +OK<...>\n-- the server closes\n",
        "C: DELE 1\nS: +OK<...>\n-- drop the connection; bob logs in as C2\nC2: STAT\nS2: +OK 0 0\n",
    ] {
        let outcome = play(steps);
        assert!(matches!(outcome, Outcome::Passed), "{steps}: {outcome:?}");
    }
}

#[test]
fn what_does_not_agree_fails_where_it_does_not() {
    for (steps, line, why) in [
        ("C: NOOP\nS: -ERR\n", 4, "got:      +OK"),
        ("C: STAT\nS: +OK <n> <...>\nC: LIST 1\nS: +OK <n> <...>\n", 6, "got:      +OK 1 354"),
        ("C: NOOP\n", 3, "more than the dialogue has"),
        ("C: NOOP\nC: STAT\nS: +OK\nC: NOOP\nS: +OK\n", 7, "more than the dialogue has"),
        ("C: NOOP\nS: <nothing>\n", 4, "more than the dialogue has"),
        ("C: NOOP\nS: +OK\nS: +OK\n", 5, "says nothing more"),
        ("C: RETR 1\nS: +OK<...>\nS: <file lunch.eml>\nS: .\n", 5, "after 0 octets as expected"),
        ("C: RETR 1\nS: +OK<...>\nS: <top hello.eml 2>\nS: .\n", 6, "got:      this line is"),
        ("C: LIST\nS: +OK<...>\n{\nS: 1 <...>\nS: 3 <...>\n}\nS: .\n", 5, "got:      2 370"),
        ("C: CAPA\nS: +OK<...>\n{\nS: XYZZY\nS: <lines>\n}\nS: .\n", 6, "ended without this line"),
        ("C: QUIT\nS: +OK<...>\nC: NOOP\nS: +OK\n", 6, "closed the connection"),
        ("C: NOOP\nS: +OK\n-- the server closes\n", 5, "still open"),
        ("-- stls\n", 3, "does not begin TLS"),
        ("-- shell: Get-Nonsense\n", 3, "the shell says"),
    ] {
        let Outcome::Failed(report) = play(steps) else { panic!("passes: {steps}") };
        assert!(report.starts_with(&format!("dialogues/pop3/x.txt:{line}: Title\n")), "{steps}\n{report}");
        assert!(report.contains(why), "{steps}\n{report}");
        assert!(report.contains("What was said:\n"), "{report}");
    }
}

#[test]
fn what_cannot_be_done_here_is_told_apart() {
    assert!(matches!(play("-- disk full\n"), Outcome::NotHere(_)));
}
