//! Real mail programs in tests: is it there, run it, and see with a reader of our own what it did.
//!
//! A program that is not installed skips its test, which says so with the name of the Debian package; with `CI=true` it
//! fails the test instead, so that nothing is skipped where everything is installed. Programs run without the user's own
//! files (`HOME` is an empty directory) and not for ever.

mod reader;

pub use reader::{Message, Reader};

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longest run of one program, on a machine that builds and tests at once.
const PATIENCE: Duration = Duration::from_secs(120);

/// Programs and the Debian packages that have them.
const PACKAGES: [(&str, &str); 9] = [
    ("curl", "curl"),
    ("fetchmail", "fetchmail"),
    ("getmail", "getmail6"),
    ("mbsync", "isync"),
    ("mutt", "mutt"),
    ("python3", "python3"),
    ("script", "bsdutils"),
    ("swaks", "swaks"),
    ("tmux", "tmux"),
];

/// The Debian package that has the program.
pub fn package(program: &str) -> &str {
    PACKAGES.iter().find(|(name, _)| *name == program).map_or(program, |(_, package)| package)
}

/// Whether the program is installed. Where it is not, says what is skipped; with `CI=true` that is an error.
pub fn require(program: &str) -> bool {
    if find(program) {
        return true;
    }
    let missing = format!("{program} is not installed: apt-get install {}", package(program));
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!ci, "{missing}");
    tell(&format!("skipped: {missing}"));
    false
}

fn find(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// The test harness shows what a test prints only when it fails; what goes straight to the stream is always seen.
fn tell(text: &str) {
    // Without a standard error nobody is there to be told.
    let _ = writeln!(io::stderr(), "{text}");
}

/// What a program did.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it said, as text.
    pub stderr: String,
}

impl Outcome {
    /// What it wrote, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Itself when the program ended well, else an error with all it said.
    pub fn success(self) -> io::Result<Outcome> {
        if self.status.success() {
            return Ok(self);
        }
        Err(io::Error::other(format!("{}\n{}\n{}", self.status, self.text(), self.stderr)))
    }
}

/// A command with an empty home, messages in English, and UTC.
pub fn command(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env("TERM", "xterm")
        .current_dir(home);
    command
}

/// Runs a command with this input to its end.
pub fn run(mut command: Command, input: &[u8]) -> io::Result<Outcome> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // A program that does not read its input to the end is its own business.
            stdin.map(|mut pipe| pipe.write_all(input))
        });
        let stdout = scope.spawn(move || read_all(stdout));
        let stderr = scope.spawn(move || read_all(stderr));
        let status = wait(&mut child)?;
        let joined = |handle: thread::ScopedJoinHandle<'_, _>| handle.join().unwrap_or_default();
        let stderr = String::from_utf8_lossy(&joined(stderr)).into_owned();
        Ok(Outcome { status, stdout: joined(stdout), stderr })
    })
}

fn read_all(pipe: Option<impl Read>) -> Vec<u8> {
    let mut octets = Vec::new();
    if let Some(mut pipe) = pipe {
        // What could be read before an error is what the test has to judge by.
        let _ = pipe.read_to_end(&mut octets);
    }
    octets
}

fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > until {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the program did not end"));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_package() {
        for (program, expected) in
            [("mbsync", "isync"), ("getmail", "getmail6"), ("curl", "curl"), ("x", "x")]
        {
            assert_eq!(package(program), expected);
        }
    }

    #[test]
    fn finds_programs_and_only_programs() {
        assert!(find("sh"));
        assert!(!find("no-such-mail-program"));
    }

    #[test]
    fn gives_input_and_takes_all_output() {
        let home = tempfile::tempdir().unwrap();
        let mut shell = command("sh", home.path());
        shell.args(["-c", "pwd >&2; cat; exit 3"]);
        // More than a pipe holds, both ways.
        let input = vec![b'x'; 1 << 20];
        let outcome = run(shell, &input).unwrap();
        assert_eq!((outcome.status.code(), outcome.stdout == input), (Some(3), true));
        assert_eq!(Path::new(outcome.stderr.trim()), home.path().canonicalize().unwrap());
        assert!(outcome.success().is_err());
    }
}
