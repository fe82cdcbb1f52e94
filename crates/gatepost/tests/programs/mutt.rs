//! mutt: the screen of a person, driven by keys.

use crate::{PASSWORD, Scene, letter, subject, with_lf};
use std::path::PathBuf;
use testkit::node::Port;
use testkit::programs;

impl Scene {
    fn muttrc(&self, user: &str) -> PathBuf {
        let (imap, smtp, ca) = (self.port(Port::Imaps), self.port(Port::Submission), self.ca());
        let settings = format!(
            "set ssl_force_tls=yes ssl_starttls=yes ssl_ca_certificates_file=\"{ca}\"\n\
             set certificate_file=\"\"\n\
             set imap_user=\"{user}@example.test\" imap_pass=\"{PASSWORD}\" smtp_pass=\"{PASSWORD}\"\n\
             set folder=\"imaps://localhost:{imap}/\" spoolfile=\"=INBOX\" record=\"=Sent\" postponed=\"=Drafts\"\n\
             set smtp_url=\"smtp://{user}%40example.test@localhost:{smtp}/\"\n\
             set from=\"{user}@example.test\" realname=\"{user}\" use_from=yes hostname=client.example.test\n\
             set sleep_time=0 wait_key=no confirmappend=no confirmcreate=no delete=yes quit=yes move=no\n\
             set pipe_decode=no mark_old=no auto_tag=no sort=mailbox-order beep=no send_charset=utf-8\n"
        );
        self.file("muttrc", settings.as_bytes())
    }

    /// Presses keys on bob's INBOX, and leaves.
    fn mutt_keys(&self, keys: &str) {
        let rc = self.muttrc("bob");
        let line = format!("mutt -n -F {} -e \"push '{keys}<sync-mailbox><exit>'\"", rc.display());
        // A person has a terminal; `script` is one.
        let command = self.command("script", ["-qefc", &line, "/dev/null"]);
        programs::run(command, b"").unwrap().success().unwrap();
    }
}

#[test]
fn sends_and_keeps_a_copy() {
    let Some(scene) = Scene::new(&["mutt"]) else { return };
    let rc = scene.muttrc("alice");
    let attachment = scene.file("numbers.csv", &b"1,2,3\n".repeat(200));
    let arguments = ["-n", "-F", rc.to_str().unwrap(), "-s", "from mutt", "-a", attachment.to_str().unwrap()];
    let mut command = scene.command("mutt", arguments);
    command.args(["--", "bob@example.test"]);
    programs::run(command, "Gr\u{fc}\u{df}e.\n.\n..\n".as_bytes()).unwrap().success().unwrap();
    let arrived = scene.reader("bob").only("INBOX", "from mutt").unwrap();
    let copy = scene.reader("alice").only("Sent", "from mutt").unwrap();
    assert!(copy.flags.contains("\\Seen"), "{}", copy.flags);
    // mutt writes the copy anew, so that its Date may be a second later; all else arrived as it was sent.
    let (_, sent) = divide(&copy.octets);
    let (trace, arrived) = divide(&arrived.octets);
    assert!(
        trace.starts_with("Return-Path: <alice@example.test>\r\nReceived: from client.example.test "),
        "{trace}"
    );
    assert_eq!(arrived, sent);
}

/// What comes before the Date field, and what comes after it.
fn divide(octets: &[u8]) -> (String, String) {
    let text = String::from_utf8(octets.to_vec()).unwrap();
    let (before, date) =
        text.split_once("\r\nDate: ").unwrap_or_else(|| ("", text.strip_prefix("Date: ").unwrap()));
    let (_, after) = date.split_once("\r\n").unwrap();
    (before.to_owned(), after.to_owned())
}

#[test]
fn reads_flags_moves_and_deletes() {
    let Some(scene) = Scene::new(&["mutt", "script"]) else { return };
    scene.fill("bob", &(0..4).map(letter).collect::<Vec<_>>());
    let out = scene.home().join("read.eml");
    scene.mutt_keys(&format!(
        "<first-entry><display-message><exit><pipe-message>cat>{}<enter><flag-message>\
         <jump>2<enter><save-message>=Archive<enter><jump>3<enter><delete-message>",
        out.display()
    ));
    assert_eq!(std::fs::read(out).unwrap(), with_lf(&letter(0)));
    let mut reader = scene.reader("bob");
    let flags = reader.only("INBOX", &subject(0)).unwrap().flags;
    assert!(flags.contains("\\Flagged") && flags.contains("\\Seen"), "{flags}");
    assert_eq!(reader.only("Archive", &subject(1)).unwrap().octets, letter(1));
    assert_eq!(reader.with_subject("INBOX", &subject(1)).unwrap(), []);
    assert_eq!(reader.with_subject("INBOX", &subject(2)).unwrap(), []);
    assert_eq!(reader.only("INBOX", &subject(3)).unwrap().octets, letter(3));
}
