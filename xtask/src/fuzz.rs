//! Builds the fuzz targets and runs them: for as long as one likes, or briefly and always the same in CI.
//!
//! What a target begins with lies in `fuzz/corpus`, and is made anew from the dialogues and messages each time. What
//! it finds out goes to `fuzz/target`.

use crate::ci::run_program;
use crate::{Outcome, print, root, source};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// One binary of `fuzz/`.
struct Target {
    name: &'static str,
    /// Its words, in `fuzz/dictionaries`.
    dictionary: &'static str,
    seeds: Seeds,
    /// Inputs tried in CI, a matter of some seconds.
    runs: u32,
}

/// What a target begins with besides its corpus.
#[derive(Clone, Copy)]
enum Seeds {
    Nothing,
    /// What the client says in the dialogues of a protocol, behind octets that choose no surprise and large pieces.
    Dialogues(&'static str),
    /// What is typed in the dialogues with the shell.
    Shell,
    /// Messages, behind so many octets that choose cuts.
    Messages(usize),
    /// Administration objects, one a file.
    Records,
}

const fn target(name: &'static str, dictionary: &'static str, seeds: Seeds, runs: u32) -> Target {
    Target { name, dictionary, seeds, runs }
}

use Seeds::{Dialogues, Messages, Nothing, Records, Shell};

const TARGETS: [Target; 24] = [
    target("imap_not_authenticated", "imap", Dialogues("imap"), 20_000),
    target("imap_authenticated", "imap", Dialogues("imap"), 20_000),
    target("imap_selected", "imap", Dialogues("imap"), 20_000),
    target("imap_message", "mail", Messages(0), 10_000),
    target("pop3_authorization", "pop3", Dialogues("pop3"), 40_000),
    target("pop3_transaction", "pop3", Dialogues("pop3"), 40_000),
    target("smtp_port25", "smtp", Dialogues("smtp"), 40_000),
    target("smtp_submission", "smtp", Dialogues("smtp"), 40_000),
    target("smtp_logged_in", "smtp", Dialogues("smtp"), 40_000),
    target("smtp_data", "smtp", Dialogues("smtp"), 40_000),
    target("lines", "smtp", Nothing, 200_000),
    target("dots", "smtp", Nothing, 200_000),
    target("sasl", "smtp", Nothing, 200_000),
    target("address", "mail", Nothing, 200_000),
    target("date", "mail", Nothing, 200_000),
    target("text", "mail", Messages(0), 100_000),
    target("header", "mail", Messages(4), 100_000),
    target("message", "mail", Messages(4), 40_000),
    target("summary", "mail", Nothing, 100_000),
    target("shell", "shell", Shell, 40_000),
    target("shell_run", "shell", Shell, 1_000),
    target("boot", "boot", Nothing, 40_000),
    target("records", "records", Records, 6_000),
    target("disk", "mail", Nothing, 400),
];

/// Octets of one input. All limits of the protocols that matter are below it or lowered in the target.
const LONGEST: &str = "-max_len=4096";

/// `cargo xtask fuzz [TARGET] [--seconds N]`, or `--brief` for what CI does.
pub fn run(args: &[String]) -> Outcome {
    let (mut wanted, mut seconds) = (None, "60");
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--brief" => return ci(),
            "--seconds" => seconds = args.next().ok_or("--seconds needs a number")?,
            name if TARGETS.iter().any(|target| target.name == name) => wanted = Some(name),
            other => {
                let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
                return Err(format!("no target is called {other}; there are: {}", names.join(", ")));
            }
        }
    }
    let built = build()?;
    for target in TARGETS.iter().filter(|target| wanted.is_none_or(|name| name == target.name)) {
        let found = folder(&format!("target/corpus/{}", target.name))?;
        let time = format!("-max_total_time={seconds}");
        print(&format!("== {}", target.name));
        run_program(command(&built, target, &found, &[&time])?)?;
    }
    Ok(())
}

/// Replays what is known and tries a fixed number of inputs that are the same each time, two targets at once.
pub fn ci() -> Outcome {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let there = Command::new(compiler).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there && std::env::var("CI").is_ok_and(|value| value == "true") {
        return Err("libFuzzer needs a C++ compiler; bench/peers/install.sh installs one".to_owned());
    }
    if !there {
        print("skipped: libFuzzer needs a C++ compiler; bench/peers/install.sh installs one");
        return Ok(());
    }
    let built = build()?;
    let queue = Mutex::new(TARGETS.iter());
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    let work = || {
        let mut runs = 0;
        while let Some(target) = next() {
            runs += briefly(&built, target)?;
        }
        Ok(runs)
    };
    let results: Vec<Result<u64, String>> = std::thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|_| Err("a worker ended".to_owned()))
        };
        workers.map(join).into_iter().collect()
    });
    let runs: u64 = results.into_iter().sum::<Result<u64, String>>()?;
    print(&format!("{} targets, {runs} inputs", TARGETS.len()));
    Ok(())
}

/// Returns how many inputs were tried.
fn briefly(built: &Path, target: &Target) -> Result<u64, String> {
    // Nothing may be left over from the last time, or the inputs would not be the same.
    let found = folder(&format!("target/brief/{}", target.name))?;
    fs::remove_dir_all(&found).map_err(|error| error.to_string())?;
    let found = folder(&format!("target/brief/{}", target.name))?;
    let runs = format!("-runs={}", target.runs);
    let brief = ["-seed=1", "-verbosity=0", "-print_final_stats=1", &runs];
    let output = command(built, target, &found, &brief)?.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{}: {}\n{said}", target.name, output.status));
    }
    let count = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    count
        .and_then(|count| count.trim().parse().ok())
        .ok_or_else(|| format!("{}: no count:\n{said}", target.name))
}

/// A target's run, with all that it begins with; what is new goes to `found`.
fn command(built: &Path, target: &Target, found: &Path, args: &[&str]) -> Result<Command, String> {
    let seeds = folder(&format!("target/seeds/{}", target.name))?;
    plant(target.seeds, &seeds)?;
    let finds = folder("target/finds")?;
    let mut command = Command::new(built.join(target.name));
    command.env("RUST_BACKTRACE", "0");
    command.args([LONGEST, "-rss_limit_mb=1024", "-timeout=30"]).args(args);
    command.arg(format!("-artifact_prefix={}/{}-", finds.display(), target.name));
    command.arg(format!("-dict={}", fuzz().join("dictionaries").join(target.dictionary).display()));
    command.args([found, &folder(&format!("corpus/{}", target.name))?, &seeds]);
    Ok(command)
}

fn fuzz() -> PathBuf {
    root().join("fuzz")
}

fn folder(name: &str) -> Result<PathBuf, String> {
    let path = fuzz().join(name);
    fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// Builds all targets, as `fuzz/.cargo/config.toml` says; returns where they are.
fn build() -> Result<PathBuf, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--bins"]).current_dir(fuzz()).env_remove("RUSTFLAGS");
    match cargo.status() {
        Ok(status) if status.success() => {}
        outcome => return Err(format!("the targets do not build: {outcome:?}")),
    }
    let version = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    Ok(fuzz().join("target").join(host).join("release"))
}

/// Writes what a target begins with.
fn plant(seeds: Seeds, folder: &Path) -> Outcome {
    let texts = match seeds {
        Nothing => Vec::new(),
        Dialogues(protocol) => dialogues(protocol, &[0xff; 8], "\r\n")?,
        Shell => dialogues("admin", &[], "\n")?,
        Messages(cuts) => {
            let mut messages = Vec::new();
            let samples =
                fs::read_dir(root().join("fixtures/messages")).map_err(|error| error.to_string())?;
            for path in samples.flatten().map(|entry| entry.path()) {
                let octets = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                messages.push([vec![0xff; cuts], octets].concat());
            }
            messages.sort();
            messages
        }
        Records => {
            let file = root().join("crates/directory/tests/records-v1.txt");
            let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            text.lines().map(|line| line.as_bytes().to_vec()).collect()
        }
    };
    for (number, text) in texts.iter().enumerate() {
        let path = folder.join(number.to_string());
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// What the client says in each dialogue of a protocol, lines with placeholders left out.
fn dialogues(protocol: &str, before: &[u8], line_end: &str) -> Result<Vec<Vec<u8>>, String> {
    let files = source::files(&root(), &[&format!("dialogues/{protocol}")], &[".txt"])?;
    let said = |file: &source::Source| {
        let lines = file
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("C: ").or_else(|| line.strip_prefix("C2: ")));
        let plain =
            lines.filter(|line| protocol == "admin" || !PLACEHOLDERS.iter().any(|word| line.contains(word)));
        let text: String = plain.map(|line| format!("{line}{line_end}")).collect();
        [before, text.replace("Gatepost!1", "secret").as_bytes()].concat()
    };
    Ok(files.iter().map(said).collect())
}

const PLACEHOLDERS: [&str; 7] = ["<base64", "<file", "<hex", "<cut", "<repeat", "<limit", "<top"];
