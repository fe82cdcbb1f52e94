//! The program where its surroundings fail it: nobody reads its log, the system gives it few files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use testkit::node::free_offset;

const GATEPOST: &str = env!("CARGO_BIN_EXE_gatepost");

/// A demo that was started by a command of the test's own.
struct Demo {
    process: Child,
    offset: u16,
    data: PathBuf,
    _dir: tempfile::TempDir,
}

impl Demo {
    /// Runs `command`, which ends in the program's name, and waits until it is ready.
    fn start(mut command: Command) -> Demo {
        let (dir, offset) = (tempfile::tempdir().unwrap(), free_offset());
        let data = dir.path().join("data");
        command.args(["demo", "--port-offset", &offset.to_string(), "--data"]).arg(&data);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "ready"));
        Demo { process, offset, data, _dir: dir }
    }

    fn connect(&self, port: u16) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port + self.offset))).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        BufReader::new(stream)
    }

    fn shell(&self, cmdlets: &str) -> Output {
        shell(&self.data, cmdlets)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn shell(data: &Path, cmdlets: &str) -> Output {
    Command::new(GATEPOST).args(["shell", "--data"]).arg(data).args(["-c", cmdlets]).output().unwrap()
}

fn ask(stream: &mut BufReader<TcpStream>, command: &str) -> String {
    stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
    line(stream)
}

fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line
}

const LOGIN: &str = "a LOGIN alice@example.test Gatepost!1";

/// Allows logins without TLS, for clients that are easily written.
fn allow_clear_text(demo: &Demo) {
    let allowed = demo.shell("Set-ImapSettings -LoginType PlainTextLogin");
    assert!(allowed.status.success(), "{}", String::from_utf8_lossy(&allowed.stderr));
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let mut command = Command::new(GATEPOST);
    command.env("GATEPOST_LOG", "debug").stderr(Stdio::piped());
    let mut demo = Demo::start(command);
    allow_clear_text(&demo);
    // Each is a line of the log. A pipe holds 64 KiB.
    for _ in 0..2_000 {
        let mut imap = demo.connect(143);
        assert!(line(&mut imap).starts_with("* OK"));
    }
    let mut imap = demo.connect(143);
    line(&mut imap);
    let login = ask(&mut imap, LOGIN);
    assert!(login.starts_with("a OK"), "{login}");
    assert!(demo.shell("Get-Mailbox alice").status.success());
    // Ended in order, it writes the rest.
    let mut log = demo.process.stderr.take().unwrap();
    Command::new("kill").arg(demo.process.id().to_string()).status().unwrap();
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    assert_eq!(demo.process.wait().unwrap().code(), Some(0));
    assert!(text.lines().filter(|line| line.contains("ended")).count() > 2_000);
    assert!(text.contains("stopping"), "flushed at the end");
}
