//! mbsync: a large mailbox synchronised with a Maildir, in both directions.

use crate::{PASSWORD, Scene, files, letter, subject, with_lf};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use testkit::node::Port;

const MANY: usize = 2000;

impl Scene {
    fn mbsync_settings(&self) -> PathBuf {
        let (port, ca) = (self.port(Port::Imaps), self.ca());
        fs::create_dir(self.home().join("mail")).unwrap();
        let settings = format!(
            "IMAPAccount node\nHost localhost\nPort {port}\nUser bob@example.test\nPass {PASSWORD}\nSSLType IMAPS\n\
             SystemCertificates no\nCertificateFile {ca}\n\nIMAPStore far\nAccount node\n\n\
             MaildirStore near\nPath mail/\nInbox mail/INBOX\nSubFolders Verbatim\n\n\
             Channel all\nFar :far:\nNear :near:\nPatterns INBOX Archive Drafts\nCreate Both\nExpunge Both\n\
             SyncState *\n"
        );
        self.file("mbsyncrc", settings.as_bytes())
    }

    /// Synchronises; gives the commands that it sent.
    fn mbsync(&self, settings: &Path) -> Vec<String> {
        let outcome = self.run("mbsync", ["-Dn", "-c", settings.to_str().unwrap(), "all"]);
        let said = outcome.text() + &outcome.stderr;
        said.lines().filter_map(|line| line.strip_prefix(">>> ")).map(str::to_owned).collect()
    }
}

/// Commands that carry messages, flags or deletions.
fn transfers(commands: &[String]) -> Vec<&String> {
    let moving = ["BODY", "APPEND", "STORE", "COPY", "MOVE", "EXPUNGE"];
    commands.iter().filter(|command| moving.iter().any(|word| command.contains(word))).collect()
}

/// Messages of a Maildir folder by subject, as sent: mbsync stores lines with LF, and adds a field of its own.
fn maildir(folder: &Path) -> HashMap<String, (PathBuf, Vec<u8>)> {
    let messages = files(folder).into_iter().filter(|path| {
        let dir = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        matches!(dir, Some("cur" | "new"))
    });
    messages
        .map(|path| {
            let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
            let lines = text.split_inclusive('\n').filter(|line| !line.starts_with("X-TUID: "));
            let octets: String = lines.map(|line| line.replace('\n', "\r\n")).collect();
            let subject = octets.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned();
            (subject, (path, octets.into_bytes()))
        })
        .collect()
}

#[test]
fn synchronises_two_thousand_messages_and_then_nothing() {
    let Some(scene) = Scene::new(&["mbsync"]) else { return };
    let letters: Vec<Vec<u8>> = (0..MANY).map(letter).collect();
    scene.fill("bob", &letters);
    let settings = scene.mbsync_settings();
    assert!(!transfers(&scene.mbsync(&settings)).is_empty());
    let inbox = scene.home().join("mail/INBOX");
    let here = maildir(&inbox);
    assert_eq!(here.len(), MANY);
    for (number, octets) in letters.iter().enumerate() {
        let (path, copy) = here.get(&subject(number)).unwrap();
        assert!(copy == octets, "{} is not letter {number}", path.display());
    }

    let (before, there) = (files(&inbox), scene.reader("bob").messages("INBOX").unwrap());
    let second = scene.mbsync(&settings);
    assert!(!second.is_empty() && transfers(&second).is_empty(), "{second:?}");
    assert_eq!(files(&inbox), before);
    assert_eq!(scene.reader("bob").messages("INBOX").unwrap(), there);
}

#[test]
fn carries_changes_of_the_maildir_to_the_server() {
    let Some(scene) = Scene::new(&["mbsync"]) else { return };
    scene.fill("bob", &(0..8).map(letter).collect::<Vec<_>>());
    let settings = scene.mbsync_settings();
    scene.mbsync(&settings);
    let here = maildir(&scene.home().join("mail/INBOX"));
    let file = |number| here.get(&subject(number)).unwrap().0.clone();
    let flag = |number, flags: &str| {
        let path = file(number);
        let name = path.file_name().unwrap().to_str().unwrap();
        let base = name.split(":2,").next().unwrap();
        fs::rename(&path, scene.home().join(format!("mail/INBOX/cur/{base}:2,{flags}"))).unwrap();
    };
    flag(1, "FS");
    flag(2, "T");
    fs::rename(file(3), scene.home().join("mail/Archive/new/moved.1.host")).unwrap();
    fs::write(scene.home().join("mail/Drafts/new/draft.1.host"), with_lf(&letter(9))).unwrap();
    scene.mbsync(&settings);

    let mut reader = scene.reader("bob");
    let flags = reader.only("INBOX", &subject(1)).unwrap().flags;
    assert!(flags.contains("\\Flagged") && flags.contains("\\Seen"), "{flags}");
    assert_eq!(reader.with_subject("INBOX", &subject(2)).unwrap(), [], "deleted");
    assert_eq!(reader.with_subject("INBOX", &subject(3)).unwrap(), [], "moved");
    let moved = reader.only("Archive", &subject(3)).unwrap();
    assert_eq!(without_tuid(&moved.octets), letter(3));
    assert_eq!(without_tuid(&reader.only("Drafts", &subject(9)).unwrap().octets), letter(9));
    let again = scene.mbsync(&settings);
    assert!(!again.is_empty() && transfers(&again).is_empty(), "{again:?}");
}

fn without_tuid(octets: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(octets.to_vec()).unwrap();
    text.split_inclusive('\n').filter(|line| !line.starts_with("X-TUID: ")).collect::<String>().into_bytes()
}
