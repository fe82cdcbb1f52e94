//! swaks: what SMTP clients may and may not do.

use crate::{PASSWORD, Scene, letter, subject, with_lf};
use testkit::node::Port;
use testkit::programs::{self, Outcome};

/// Exit codes of swaks.
const MAIL_REFUSED: i32 = 23;
const RCPT_REFUSED: i32 = 24;
const AUTH_FAILED: i32 = 28;

impl Scene {
    fn swaks(&self, number: usize, port: Port, to: &str, more: &[&str]) -> Outcome {
        let server = format!("localhost:{}", self.port(port));
        let data = self.file(&format!("letter-{number}.eml"), &with_lf(&letter(number)));
        let data = format!("@{}", data.display());
        let mut command = self.command("swaks", ["--server", &server, "--helo", "client.example.test"]);
        command
            .args(["--from", "alice@example.test", "--to", to, "--data", &data, "--suppress-data"])
            .args(more);
        programs::run(command, b"").unwrap()
    }
}

#[test]
fn sends_by_every_way_in() {
    let Some(scene) = Scene::new(&["swaks"]) else { return };
    let ca = scene.ca();
    let login = [
        "--auth-user",
        "alice@example.test",
        "--auth-password",
        PASSWORD,
        "--tls-verify",
        "--tls-ca-path",
        &ca,
    ];
    let with = |more: &[&'static str]| [more, &login].concat();
    let to = "bob@example.test";
    for (number, port, more) in [
        (0, Port::Submission, with(&["--tls", "--auth", "PLAIN"])),
        (1, Port::Submission, with(&["--tls", "--auth", "LOGIN"])),
        (2, Port::Submissions, with(&["--tlsc", "--auth", "PLAIN"])),
        (3, Port::Submission, with(&["--tls", "--auth", "PLAIN", "--pipeline"])),
        (4, Port::Smtp, vec![]),
        (5, Port::Smtp, vec!["--tls", "--tls-verify", "--tls-ca-path", &ca]),
    ] {
        scene.swaks(number, port, to, &more).success().unwrap();
        let message = scene.reader("bob").only("INBOX", &subject(number)).unwrap();
        // swaks ends the data with a line end of its own.
        let sent = [letter(number), b"\r\n".to_vec()].concat();
        let same = message.trace_before(&letter(number)).or_else(|| message.trace_before(&sent));
        assert!(same.is_some(), "{number}: {}", String::from_utf8_lossy(&message.octets));
    }
}

#[test]
fn is_refused_what_it_may_not() {
    let Some(scene) = Scene::new(&["swaks"]) else { return };
    let (to, elsewhere) = ("bob@example.test", "someone@remote.test");
    let login = ["--auth", "PLAIN", "--auth-user", "alice@example.test", "--auth-password"];
    let with = |more: &[&'static str]| [&login, more].concat();
    for (what, port, to, more, code) in [
        ("relay", Port::Smtp, elsewhere, vec![], RCPT_REFUSED),
        ("unknown recipient", Port::Smtp, "nobody@example.test", vec![], RCPT_REFUSED),
        ("submission without login", Port::Submission, to, vec!["--tls"], MAIL_REFUSED),
        ("login without TLS", Port::Submission, to, with(&[PASSWORD]), AUTH_FAILED),
        ("wrong password", Port::Submission, to, with(&["wrong", "--tls"]), AUTH_FAILED),
        ("another's sender", Port::Submission, to, with(&[PASSWORD, "--tls", "--from", to]), MAIL_REFUSED),
    ] {
        let outcome = scene.swaks(9, port, to, &more);
        assert_eq!(outcome.status.code(), Some(code), "{what}: {}", outcome.text());
    }
    assert_eq!(scene.reader("bob").with_subject("INBOX", &subject(9)).unwrap(), []);
}
