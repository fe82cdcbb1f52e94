//! Builds what is needed and hands over to the load generators and to the dialogue runner.

use crate::Outcome;
use crate::ci::run_program;
use std::process::Command;

/// `cargo xtask bench WHAT ...`: both servers in turn, in one run, reported as a ratio.
pub fn run(args: &[String]) -> Outcome {
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--locked", "--package", "gatepost"]);
    run_program(build)?;
    let mut bench = Command::new("cargo");
    bench.args([
        "run",
        "--release",
        "--locked",
        "--quiet",
        "--manifest-path",
        "bench/Cargo.toml",
        "--",
        "compare",
    ]);
    bench.args(args);
    run_program(bench)
}

/// `cargo xtask dialogues ...`: the dialogues against any server.
pub fn dialogues(args: &[String]) -> Outcome {
    let mut command = Command::new("cargo");
    command.args([
        "run",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "testkit",
        "--bin",
        "dialogues",
        "--",
    ]);
    command.args(args);
    run_program(command)
}
