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
fn connections_leave_files_for_the_administrator() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 400 && exec \"$@\"", "sh", GATEPOST]);
    let demo = Demo::start(command);
    let mut greetings = Vec::new();
    let mut connections: Vec<_> = (0..400).map(|_| demo.connect(110)).collect();
    for connection in &mut connections {
        greetings.push(line(connection));
    }
    let taken = greetings.iter().filter(|greeting| greeting.starts_with("+OK")).count();
    let refused = greetings.iter().filter(|greeting| greeting.starts_with("-ERR [SYS/TEMP]")).count();
    assert!(taken >= 100 && refused >= 100 && taken + refused == 400, "{taken} {refused}");
    for (port, word) in [(25, "421 4.3.2"), (143, "* BYE [UNAVAILABLE]")] {
        let said = line(&mut demo.connect(port));
        assert!(said.starts_with(word), "{said}");
    }
    for _ in 0..10 {
        let shell = demo.shell("Get-Mailbox alice");
        assert!(shell.status.success(), "{}", String::from_utf8_lossy(&shell.stderr));
    }
    drop(connections);
    while !line(&mut demo.connect(110)).starts_with("+OK") {
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn large_messages_leave_files_for_the_administrator() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 400 && exec \"$@\"", "sh", GATEPOST]);
    let demo = Demo::start(command);
    let all = "Get-ReceiveConnector | Set-ReceiveConnector -MaxInboundConnectionPerSource 1000";
    let shell = demo.shell(all);
    assert!(shell.status.success(), "{}", String::from_utf8_lossy(&shell.stderr));
    let mut connections: Vec<_> = (0..400).map(|_| demo.connect(25)).collect();
    connections.retain_mut(|connection| line(connection).starts_with("220"));
    assert!(connections.len() >= 100, "{}", connections.len());
    // More than is kept in memory of one message: each waits in a file.
    let part = [b"Subject: long\r\n\r\n".as_slice(), &b"x\r\n".repeat(120_000)].concat();
    for connection in &mut connections {
        for command in ["HELO there", "MAIL FROM:<a@remote.test>", "RCPT TO:<bob@example.test>", "DATA"] {
            let answer = ask(connection, command);
            assert!(answer.starts_with(['2', '3']), "{answer}");
        }
        connection.get_mut().write_all(&part).unwrap();
    }
    let shell = demo.shell("Get-Mailbox alice");
    assert!(shell.status.success(), "{}", String::from_utf8_lossy(&shell.stderr));
    for connection in &mut connections {
        let answer = ask(connection, ".");
        assert!(answer.starts_with("250"), "{answer}");
    }
}

#[test]
fn what_users_may_not_do_is_in_the_log() {
    let mut command = Command::new(GATEPOST);
    command.stderr(Stdio::piped());
    let mut demo = Demo::start(command);
    let clear = "Get-ReceiveConnector | Set-ReceiveConnector -AuthMechanism Tls,BasicAuth";
    assert!(demo.shell(clear).status.success());
    let mut smtp = demo.connect(587);
    line(&mut smtp);
    assert!(ask(&mut smtp, "HELO client.test").starts_with("250"));
    let login = ask(&mut smtp, "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABHYXRlcG9zdCEx");
    assert!(login.starts_with("235"), "{login}");
    assert!(ask(&mut smtp, "MAIL FROM:<eve@example.test>").starts_with("550 5.7.1"));
    Command::new("kill").arg(demo.process.id().to_string()).status().unwrap();
    let mut log = String::new();
    demo.process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    let said = log.lines().find(|line| line.contains("eve@example.test")).unwrap_or_else(|| panic!("{log}"));
    for word in ["WARN", "127.0.0.1", "lice", "does not have the address", "Set-Mailbox"] {
        assert!(said.contains(word), "{said}");
    }
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
    assert!(text.contains("The node stops."), "flushed at the end");
}
