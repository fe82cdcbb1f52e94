//! curl: SMTP, IMAP and POP3, each under TLS.

use crate::{PASSWORD, Scene, letter, subject};
use testkit::node::Port;
use testkit::programs;

/// Exit codes of curl.
const LOGIN_DENIED: i32 = 67;

impl Scene {
    fn curl(&self, scheme: &str, port: Port, path: &str, user: &str, more: &[&str]) -> std::process::Command {
        let url = format!("{scheme}://localhost:{}/{path}", self.port(port));
        let mut command = self.command("curl", ["--silent", "--show-error", "--cacert", &self.ca()]);
        command.args(["--user", &format!("{user}@example.test:{PASSWORD}"), "--url", &url]).args(more);
        command
    }

    fn curl_imap(&self, path: &str, more: &[&str]) -> Vec<u8> {
        let command = self.curl("imaps", Port::Imaps, path, "bob", more);
        programs::run(command, b"").unwrap().success().unwrap().stdout
    }

    fn curl_pop(&self, path: &str, more: &[&str]) -> Vec<u8> {
        let command = self.curl("pop3s", Port::Pop3s, path, "bob", more);
        programs::run(command, b"").unwrap().success().unwrap().stdout
    }

    fn curl_send(&self, number: usize, scheme: &str, port: Port, more: &[&str]) {
        let from_to =
            ["--mail-from", "alice@example.test", "--mail-rcpt", "bob@example.test", "--upload-file", "-"];
        let mut command = self.curl(scheme, port, "client.example.test", "alice", &from_to);
        command.args(more);
        programs::run(command, &letter(number)).unwrap().success().unwrap();
    }
}

#[test]
fn sends_what_arrives_to_the_octet() {
    let Some(scene) = Scene::new(&["curl"]) else { return };
    for number in 0..8 {
        match number % 2 {
            0 => scene.curl_send(number, "smtps", Port::Submissions, &[]),
            _ => scene.curl_send(number, "smtp", Port::Submission, &["--ssl-reqd"]),
        }
    }
    let mut reader = scene.reader("bob");
    for number in 0..8 {
        let message = reader.only("INBOX", &subject(number)).unwrap();
        let trace = message.trace_before(&letter(number)).expect("not the octets that were sent");
        assert!(trace.starts_with("Return-Path: <alice@example.test>\r\nReceived: from "), "{trace}");
    }
}

#[test]
fn reads_flags_moves_and_deletes_over_imap() {
    let Some(scene) = Scene::new(&["curl"]) else { return };
    scene.fill("bob", &[letter(1), letter(3)]);
    let listed = String::from_utf8(scene.curl_imap("", &["--request", "LIST \"\" *"])).unwrap();
    for folder in ["INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive"] {
        assert!(listed.contains(folder), "{folder}: {listed}");
    }
    let uid = scene.reader("bob").only("INBOX", &subject(1)).unwrap().uid;
    assert_eq!(scene.curl_imap(&format!("INBOX;UID={uid}"), &[]), letter(1));
    assert_eq!(scene.reader("bob").only("INBOX", &subject(1)).unwrap().flags, "\\Seen", "read is seen");

    scene.curl_imap("INBOX", &["--request", &format!("UID STORE {uid} +FLAGS (\\Flagged)")]);
    scene.curl_imap("INBOX", &["--request", &format!("UID MOVE {uid} Archive")]);
    let moved = scene.reader("bob").only("Archive", &subject(1)).unwrap();
    assert!(moved.flags.contains("\\Flagged"), "{}", moved.flags);
    assert_eq!(moved.octets, letter(1));
    assert_eq!(scene.reader("bob").with_subject("INBOX", &subject(1)).unwrap(), []);

    scene.curl_imap("INBOX", &["--request", "STORE 1 +FLAGS.SILENT (\\Deleted)"]);
    scene.curl_imap("INBOX", &["--request", "EXPUNGE"]);
    assert_eq!(scene.reader("bob").messages("INBOX").unwrap(), []);

    let draft = scene.file("draft.eml", &letter(2));
    scene.curl_imap("Drafts", &["--upload-file", draft.to_str().unwrap()]);
    assert_eq!(scene.reader("bob").only("Drafts", &subject(2)).unwrap().octets, letter(2));
}

#[test]
fn reads_and_deletes_over_pop3() {
    let Some(scene) = Scene::new(&["curl"]) else { return };
    let letters: Vec<Vec<u8>> = (0..8).map(letter).collect();
    scene.fill("bob", &letters);
    let listed = String::from_utf8(scene.curl_pop("", &[])).unwrap();
    let expected: String =
        (1..).zip(&letters).map(|(n, octets)| format!("{n} {}\r\n", octets.len())).collect();
    assert_eq!(listed, expected);
    for (number, octets) in (1..).zip(&letters) {
        assert_eq!(&scene.curl_pop(&number.to_string(), &[]), octets, "letter {number}");
    }
    scene.curl_pop("2", &["--request", "DELE", "--head"]);
    let left = scene.reader("bob").messages("INBOX").unwrap();
    assert_eq!(left.len(), 7);
    assert!(left.iter().all(|message| message.octets != letter(1)));
}

#[test]
fn gets_no_login_without_tls_or_with_a_wrong_password() {
    let Some(scene) = Scene::new(&["curl"]) else { return };
    let table = [("imap", Port::Imap), ("pop3", Port::Pop3), ("smtp", Port::Submission)];
    for (scheme, port) in table {
        let mut clear = scene.curl(scheme, port, "", "bob", &[]);
        if scheme == "smtp" {
            clear.args([
                "--mail-from",
                "bob@example.test",
                "--mail-rcpt",
                "bob@example.test",
                "--upload-file",
                "-",
            ]);
        }
        let outcome = programs::run(clear, &letter(0)).unwrap();
        assert!(!outcome.status.success(), "{scheme}: {outcome:?}");
    }
    let table = [("imaps", Port::Imaps), ("pop3s", Port::Pop3s)];
    for (scheme, port) in table {
        let wrong = scene.curl(scheme, port, "", "bob", &["--user", "bob@example.test:wrong"]);
        assert_eq!(programs::run(wrong, b"").unwrap().status.code(), Some(LOGIN_DENIED), "{scheme}");
    }
}
