//! The protocol logs of a real server: everything is in them but what is secret, and they follow the settings at once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;
use testkit::node::{Node, Port};

/// Sends the steps, and reads after each until a line begins as expected.
fn talk(node: &Node, port: Port, steps: &[(&str, &str)]) {
    let socket = TcpStream::connect(node.address(port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut stream = BufReader::new(socket);
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    for (step, expected) in steps {
        stream.get_mut().write_all(step.as_bytes()).unwrap();
        line.clear();
        while !line.starts_with(expected) {
            line.clear();
            assert_ne!(stream.read_line(&mut line).unwrap(), 0, "{step} {expected}");
        }
    }
}

/// All files of a directory as one text.
fn read(dir: &Path) -> String {
    let files = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    files.map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn shell(node: &Node, line: &str) -> String {
    let output = node.shell(line).unwrap();
    let shown = [output.stdout, output.stderr].concat();
    String::from_utf8(shown).unwrap()
}

const PLAIN: &str = "AGFsaWNlQGV4YW1wbGUudGVzdABHYXRlcG9zdCEx";
const NAME: &str = "YWxpY2VAZXhhbXBsZS50ZXN0";
const PASSWORD: &str = "R2F0ZXBvc3QhMQ==";

#[test]
fn a_log_of_all_forms_of_login_contains_no_secret() {
    let mut node = Node::start().unwrap();
    talk(&node, Port::Pop3, &[("NOOP\r\n", "-ERR"), ("QUIT\r\n", "+OK")]);
    shell(&node, "Set-PopSettings -LoginType PlainTextLogin -ProtocolLogEnabled $true");
    shell(&node, "Set-ImapSettings -LoginType PlainTextLogin -ProtocolLogEnabled $true");
    let user = "USER alice@example.test\r\n";
    let pop: &[&[(&str, &str)]] = &[
        &[(user, "+OK"), ("PASS Gatepost!1\r\n", "+OK"), ("STAT\r\n", "+OK"), ("QUIT\r\n", "+OK")],
        &[("USER alice@example.test\r\nPASS Gatepost!1\r\n", "+OK"), ("QUIT\r\n", "+OK")],
        &[(&format!("AUTH PLAIN {PLAIN}\r\n"), "+OK"), ("QUIT\r\n", "+OK")],
        &[("AUTH PLAIN\r\n", "+"), (&format!("{PLAIN}\r\n"), "+OK"), ("QUIT\r\n", "+OK")],
        &[
            ("AUTH LOGIN\r\n", "+"),
            (&format!("{NAME}\r\n"), "+"),
            (&format!("{PASSWORD}\r\n"), "+OK"),
            ("QUIT\r\n", "+OK"),
        ],
    ];
    let imap: &[&[(&str, &str)]] = &[
        &[("a LOGIN alice@example.test Gatepost!1\r\n", "a OK"), ("b NOOP\r\n", "b OK")],
        &[("a LOGIN \"alice@example.test\" \"Gatepost!1\"\r\n", "a OK")],
        &[("a LOGIN alice@example.test {10}\r\n", "+"), ("Gatepost!1\r\n", "a OK")],
        &[("a LOGIN alice@example.test {10+}\r\nGatepost!1\r\n", "a OK")],
        &[(&format!("a AUTHENTICATE PLAIN {PLAIN}\r\n"), "a OK")],
        &[("a AUTHENTICATE PLAIN\r\n", "+"), (&format!("{PLAIN}\r\n"), "a OK")],
        &[
            ("a AUTHENTICATE LOGIN\r\n", "+"),
            (&format!("{NAME}\r\n"), "+"),
            (&format!("{PASSWORD}\r\n"), "a OK"),
        ],
    ];
    pop.iter().for_each(|steps| talk(&node, Port::Pop3, steps));
    imap.iter().for_each(|steps| talk(&node, Port::Imap, steps));
    shell(&node, "Set-PopSettings -ProtocolLogEnabled $false");
    talk(&node, Port::Pop3, &[("RSET\r\n", "-ERR"), ("QUIT\r\n", "+OK")]);
    let logons = shell(&node, "Get-LogonStatistics alice | Sort-Object Protocol | ForEach-Object Protocol");
    assert_eq!(logons.split_whitespace().collect::<Vec<_>>(), ["IMAP4", "POP3"]);
    assert_eq!(node.stop().unwrap(), Some(0));
    let (pop, imap) = (read(&node.data().join("Logging/Pop3")), read(&node.data().join("Logging/Imap4")));
    for log in [&pop, &imap] {
        for secret in ["Gatepost!1", PLAIN, PASSWORD] {
            assert!(!log.contains(secret), "{log}");
        }
        assert!(log.starts_with("#Software: Gatepost\r\n#Version: "), "{log}");
        assert_eq!(log.matches("#Fields: ").count(), 1);
        let rows = log.lines().filter(|line| !line.starts_with('#'));
        for row in rows {
            assert!(row.split(',').count() >= 9, "{row}");
        }
    }
    let count = |log: &str, event: &str| log.matches(&format!(",{event},")).count();
    assert_eq!((count(&pop, "+"), count(&imap, "+")), (5, 7));
    assert!(
        pop.contains(",<,STAT,") && pop.contains(",<,PASS *****,") && imap.contains(",<,b NOOP,"),
        "{pop}{imap}"
    );
    assert!(!pop.contains("RSET") && !pop.contains(",<,NOOP,"), "before it was on, and after: {pop}");
}

#[test]
fn a_place_that_cannot_be_written_is_refused_with_its_reason() {
    let node = Node::start().unwrap();
    fs::write(node.data().join("taken"), "a file").unwrap();
    let said = shell(&node, "Set-ImapSettings -ProtocolLogEnabled $true -LogFileLocation taken/logs");
    assert!(said.contains("cannot be written to") && said.contains("taken/logs"), "{said}");
    assert!(shell(&node, "(Get-ImapSettings).ProtocolLogEnabled").starts_with("False"));
    let said = shell(&node, "Set-ImapSettings -LogFileLocation ../elsewhere");
    assert!(said.contains("leads upwards"), "{said}");
    let elsewhere = node.data().join("elsewhere");
    shell(
        &node,
        &format!("Set-PopSettings -ProtocolLogEnabled $true -LogFileLocation '{}'", elsewhere.display()),
    );
    talk(&node, Port::Pop3, &[("QUIT\r\n", "+OK")]);
    let mut node = node;
    assert_eq!(node.stop().unwrap(), Some(0));
    assert!(read(&elsewhere).contains(",<,QUIT,"));
}
