//! Real mail programs against the real binary: send, list, read, flag, move, delete; every message to the octet.
//!
//! Each test has a node and a home directory of its own. Programs that are not installed are skipped with a word, or
//! fail the test where `CI=true`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where it fails")]

mod curl;
mod fetch;
mod mbsync;
mod mutt;
mod python;
mod readme;
mod swaks;

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use testkit::node::{Node, Port};
use testkit::programs::{self, Outcome, Reader};

/// Every demo user's password.
const PASSWORD: &str = "Gatepost!1";

/// A node, and an empty home for the programs.
struct Scene {
    node: Node,
    home: TempDir,
}

impl Scene {
    /// Starts, where all these programs are installed.
    fn new(needed: &[&str]) -> Option<Scene> {
        let all = needed.iter().all(|program| programs::require(program));
        all.then(|| Scene { node: Node::start().unwrap(), home: tempfile::tempdir().unwrap() })
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn ca(&self) -> String {
        self.node.ca().to_str().unwrap().to_owned()
    }

    fn port(&self, port: Port) -> u16 {
        self.node.address(port).port()
    }

    fn command<'a>(&self, program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = programs::command(program, self.home());
        command.args(arguments);
        command
    }

    /// Runs a program that has to end well.
    fn run<'a>(&self, program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
        programs::run(self.command(program, arguments), b"").unwrap().success().unwrap()
    }

    /// Writes a file into the home, which only its owner may read, and gives its path.
    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.home().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn reader(&self, user: &str) -> Reader {
        Reader::connect(&self.node, user, PASSWORD).unwrap()
    }

    /// Replaces all that is in a user's INBOX.
    fn fill(&self, user: &str, messages: &[Vec<u8>]) {
        let mut reader = self.reader(user);
        reader.command("SELECT INBOX").unwrap();
        reader.command("STORE 1:* +FLAGS.SILENT (\\Deleted)").unwrap();
        reader.command("EXPUNGE").unwrap();
        reader.append("INBOX", messages.iter().map(Vec::as_slice)).unwrap();
    }
}

/// A message from alice to bob with a body that some program somewhere got wrong.
fn letter(number: usize) -> Vec<u8> {
    let bodies = [
        "Plain text.\r\n".to_owned(),
        ".\r\n..\r\n.dots first\r\n. \r\n".to_owned(),
        "From here on, an mbox would break.\r\n>From there on too.\r\n".to_owned(),
        "Gr\u{fc}\u{df}e, \u{4f60}\u{597d}\r\n".to_owned(),
        "\r\n\r\nBlank lines, trailing blanks   \r\n\t\r\n\r\n".to_owned(),
        format!("{}\r\n", "long ".repeat(190)),
        "a line of 72 characters, as base64 has them, is repeated here to be big.\r\n".repeat(600),
        "\r\n".to_owned(),
    ];
    let body = bodies.get(number % bodies.len()).unwrap();
    format!(
        "Date: Tue, 24 Nov 2026 09:00:00 +0000\r\nFrom: Alice <alice@example.test>\r\nTo: Bob <bob@example.test>\r\n\
         Subject: {}\r\nMessage-ID: <letter-{number}@example.test>\r\nX-Folded: one\r\n two\r\n\tthree\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}",
        subject(number)
    )
    .into_bytes()
}

fn subject(number: usize) -> String {
    format!("letter {number}")
}

/// A message as programs keep it in files.
fn with_lf(octets: &[u8]) -> Vec<u8> {
    String::from_utf8(octets.to_vec()).unwrap().replace("\r\n", "\n").into_bytes()
}

/// Every file below a directory, sorted.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
