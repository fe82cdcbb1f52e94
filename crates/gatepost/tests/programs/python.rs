//! Python's smtplib, imaplib and poplib, whose checks are in a script of their own.

use crate::{PASSWORD, Scene, letter, subject};
use testkit::node::Port;
use testkit::programs;

const SCRIPT: &str = include_str!("client.py");

impl Scene {
    fn python(&self, task: &str) {
        let names = [Port::Submission, Port::Submissions, Port::Imap, Port::Imaps, Port::Pop3, Port::Pop3s];
        let ports: Vec<String> = names.iter().map(|port| self.port(*port).to_string()).collect();
        let mut command = self.command("python3", ["-c", SCRIPT, task, &self.ca(), PASSWORD]);
        command.args(ports);
        for number in 0..8 {
            command.arg(self.file(&format!("{number}.eml"), &letter(number)));
        }
        programs::run(command, b"").unwrap().success().unwrap();
    }
}

#[test]
fn smtplib_sends_to_the_octet() {
    let Some(scene) = Scene::new(&["python3"]) else { return };
    scene.python("send");
    for number in 0..8 {
        let message = scene.reader("bob").only("INBOX", &subject(number)).unwrap();
        assert!(
            message.trace_before(&letter(number)).is_some(),
            "{}",
            String::from_utf8_lossy(&message.octets)
        );
    }
}

#[test]
fn imaplib_reads_flags_moves_and_deletes() {
    let Some(scene) = Scene::new(&["python3"]) else { return };
    scene.python("imap");
    let mut reader = scene.reader("bob");
    assert_eq!(reader.only("Archive", &subject(1)).unwrap().octets, letter(1));
    assert_eq!(reader.with_subject("INBOX", &subject(2)).unwrap(), [], "deleted");
    let flagged = reader.only("INBOX", &subject(3)).unwrap().flags;
    assert!(flagged.contains("\\Flagged") && flagged.contains("$Work"), "{flagged}");
}

#[test]
fn poplib_reads_and_deletes() {
    let Some(scene) = Scene::new(&["python3"]) else { return };
    scene.fill("bob", &(0..8).map(letter).collect::<Vec<_>>());
    scene.python("pop");
    let left = scene.reader("bob").messages("INBOX").unwrap();
    assert_eq!(left.iter().map(|message| message.octets.clone()).collect::<Vec<_>>(), [letter(7)]);
}
