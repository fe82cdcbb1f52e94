//! Backup, restore, repair, import and export of real servers: while they run, and where they are stopped or killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use testkit::node::Node;
use testkit::programs::Reader;

const GATEPOST: &str = env!("CARGO_BIN_EXE_gatepost");

fn gatepost(arguments: &[&str]) -> Output {
    Command::new(GATEPOST).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs it; what it said must contain all of these.
#[track_caller]
fn does(code: i32, arguments: &[&str], parts: &[&str]) -> String {
    let output = gatepost(arguments);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{arguments:?}: {part}: {said}");
    }
    said
}

/// All files below a directory, by their paths within it.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut pending) = (BTreeMap::new(), vec![dir.to_owned()]);
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.insert(path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap());
        }
    }
    found
}

/// The octets of all messages of an exported mailbox, in order.
fn octets(dir: &Path) -> Vec<Vec<u8>> {
    let mut octets: Vec<_> = files(dir)
        .into_iter()
        .filter(|(path, _)| !path.ends_with("dovecot-keywords"))
        .map(|(_, octets)| octets)
        .collect();
    octets.sort();
    octets
}

struct Paths(tempfile::TempDir);

impl Paths {
    fn new() -> Paths {
        Paths(tempfile::tempdir().unwrap())
    }

    fn of(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

/// A file of messages, some of them large.
fn mbox(path: &str, messages: u32) {
    let mut text = String::new();
    for number in 1..=messages {
        let padding = if number % 50 == 0 { 30_000 } else { 20 };
        text += &format!(
            "From a@example.test Tue Nov 24 16:{:02}:05 2026\nFrom: a@example.test\nSubject: {number}\nStatus: RO\n\n\
             >From line\n{}\n\n",
            number % 60,
            "x".repeat(padding)
        );
    }
    fs::write(path, text).unwrap();
}

#[test]
fn a_server_that_runs_is_backed_up_and_made_anew() {
    let (node, paths) = (Node::start().unwrap(), Paths::new());
    let data = node.data().to_str().unwrap();
    let (backup, again) = (paths.of("backup"), paths.of("again"));
    mbox(&paths.of("mail"), 200);
    does(
        0,
        &["import", &paths.of("mail"), "--mailbox", "bob", "--data", data],
        &["200 messages taken in, 0 were"],
    );
    does(0, &["backup", &backup, "--data", data], &["messages"]);
    let one_more = "Subject: one more\r\n\r\nx\r\n";
    fs::write(paths.of("one.eml"), one_more).unwrap();
    does(0, &["import", &paths.of("one.eml"), "--mailbox", "bob", "--data", data], &["1 messages taken in"]);
    let copied = format!("{} of them copied now", one_more.len());
    does(0, &["backup", &backup, "--data", data], &[&copied]);
    assert_eq!(does(0, &["restore", &backup, "--list"], &[]).lines().count(), 2);
    does(0, &["check", "--backup", &backup], &["damage: 0"]);
    does(2, &["restore", &backup, "--data", data], &["not empty", "--mailbox"]);
    does(2, &["backup", &paths.of("."), "--data", data], &["no backup", "empty directory"]);
    does(0, &["restore", &backup, "--data", &again], &["gatepost serve"]);
    does(0, &["check", "--data", &again], &["damage: 0"]);
    let restored = Node::start_on(Path::new(&again)).unwrap();
    assert_eq!(fs::read(restored.ca()).unwrap(), fs::read(node.ca()).unwrap());
    for (data, to) in [(data, "1"), (again.as_str(), "2")] {
        does(0, &["export", &paths.of(to), "--data", data], &["0 cannot be read"]);
    }
    let (original, restored_files) = (files(Path::new(&paths.of("1"))), files(Path::new(&paths.of("2"))));
    assert!(original.len() > 200);
    assert_eq!(original.keys().collect::<Vec<_>>(), restored_files.keys().collect::<Vec<_>>());
    assert!(original == restored_files);
    let mut alice = Reader::connect(&restored, "alice", "Gatepost!1").unwrap();
    assert!(!alice.messages("INBOX").unwrap().is_empty());
}

#[test]
fn parts_come_back_while_the_server_runs_and_nothing_comes_twice() {
    let (mut node, paths) = (Node::start().unwrap(), Paths::new());
    let data = node.data().to_str().unwrap().to_owned();
    let backup = paths.of("backup");
    mbox(&paths.of("mail"), 20);
    let import = ["import", &paths.of("mail"), "--mailbox", "bob", "--folder", "Old/Mail", "--data", &data];
    does(0, &import, &["20 messages taken in"]);
    does(0, &["backup", &backup, "--data", &data], &[]);
    let mut bob = Reader::connect(&node, "bob", "Gatepost!1").unwrap();
    for command in
        ["SELECT Old/Mail", "STORE 1:5 +FLAGS (\\Deleted)", "EXPUNGE", "STORE 1 +FLAGS (\\Flagged)"]
    {
        bob.command(command).unwrap();
    }
    let restore =
        ["restore", &backup, "--data", &data, "--mailbox", "bob@example.test", "--folder", "Old/Mail"];
    let run = |more: &[&str], parts: &[&str]| does(0, &[&restore[..], more].concat(), parts);
    run(&["--message", "3"], &["1 messages brought back"]);
    run(&[], &["4 messages brought back, 16 were there"]);
    run(&[], &["0 messages brought back, 20 were there"]);
    let messages = bob.messages("Old/Mail").unwrap();
    assert_eq!(messages.len(), 20);
    let uids = bob.command("UID SEARCH FLAGGED").unwrap();
    assert!(format!("{uids:?}").contains("SEARCH 6"), "{uids:?}");
    run(&["--into", "Brought-back"], &["20 messages brought back"]);
    assert_eq!(bob.messages("Brought-back/Old/Mail").unwrap().len(), 20);
    does(2, &["restore", &backup, "--data", &data, "--mailbox", "nobody"], &["no mailbox nobody", "alice@"]);
    does(1, &[&restore[..], &["--message", "<none@x>"]].concat(), &["nothing in this state"]);
    node.stop().unwrap();
    run(&["--into", "Later"], &["20 messages brought back"]);
    does(0, &["check", "--data", &data], &["damage: 0"]);
}

#[test]
fn what_is_exported_can_be_imported_in_every_form() {
    let (mut node, paths) = (Node::start().unwrap(), Paths::new());
    let data = node.data().to_str().unwrap().to_owned();
    mbox(&paths.of("mail"), 60);
    let import = |from: &str, mailbox: &str, folder: &str, parts: &[&str]| {
        does(0, &["import", from, "--mailbox", mailbox, "--folder", folder, "--data", &data], parts);
    };
    import(&paths.of("mail"), "bob", "Some.thing/Äpfel & Birnen", &["60 messages taken in"]);
    let mut bob = Reader::connect(&node, "bob", "Gatepost!1").unwrap();
    let octets_of_bob = |dir: &str| octets(&Path::new(&paths.of(dir)).join("bob@example.test"));
    bob.command("SELECT INBOX").unwrap();
    bob.command("STORE 1 +FLAGS (\\Answered \\Flagged Later)").unwrap();
    drop(bob);
    does(
        0,
        &["export", &paths.of("before"), "--data", &data, "--mailbox", "bob"],
        &["messages written, 0 were"],
    );
    let written = octets_of_bob("before");
    assert!(written.len() > 60);
    for (format, stopped) in [("maildir", false), ("mbox", false), ("eml", true)] {
        if stopped {
            node.stop().unwrap();
        }
        let to = paths.of(format);
        let export = ["export", &to, "--data", &data, "--mailbox", "bob", "--format", format];
        does(0, &export, &[&format!("{} messages written", written.len())]);
        let again = if format == "mbox" { ", 0 were there" } else { "0 messages written" };
        does(0, &export, &[again, "0 cannot be read"]);
        let from = Path::new(&to).join("bob@example.test");
        import(from.to_str().unwrap(), "alice", format, &[", 0 were there, 0 not taken"]);
        import(from.to_str().unwrap(), "alice", format, &["0 messages taken in"]);
        let after = paths.of(&format!("{format}-after"));
        does(0, &["export", &after, "--data", &data, "--mailbox", "alice"], &[]);
        let mut came = files(&Path::new(&after).join("alice@example.test"));
        came.retain(|path, _| path.to_str().unwrap().starts_with(&format!(".{format}")));
        let flags = |files: &BTreeMap<PathBuf, Vec<u8>>| {
            let flags = files.keys().filter_map(|path| Some(path.to_str()?.split_once(":2,")?.1.to_owned()));
            let mut flags: Vec<String> = flags.collect();
            flags.sort();
            flags
        };
        if format != "eml" {
            let before = flags(&files(Path::new(&paths.of("before"))));
            assert!(before.contains(&"FRSa".to_owned()) || before.contains(&"FRa".to_owned()), "{before:?}");
            assert_eq!(flags(&came), before, "{format}");
        }
        let mut came: Vec<_> = came
            .into_iter()
            .filter(|(path, _)| !path.ends_with("dovecot-keywords"))
            .map(|(_, octets)| octets)
            .collect();
        came.sort();
        assert!(came == written, "{format}");
    }
    does(0, &["check", "--data", &data], &["damage: 0"]);
}

#[test]
fn an_import_that_was_killed_goes_on_without_duplicates() {
    let (mut node, paths) = (Node::start().unwrap(), Paths::new());
    let data = node.data().to_str().unwrap().to_owned();
    let mail = paths.of("mail");
    mbox(&mail, 4_000);
    let import = ["import", &mail, "--mailbox", "bob", "--folder", "Mail", "--data", &data];
    let process =
        Command::new(GATEPOST).args(import).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let items = |node: &Node| {
        let said = node.shell("(Get-MailboxStatistics bob).ItemCount").unwrap();
        String::from_utf8_lossy(&said.stdout).trim().parse::<u32>().unwrap_or(0)
    };
    let before = items(&node);
    while items(&node) < before + 50 {}
    node.kill9().unwrap();
    let killed = process.wait_with_output().unwrap();
    assert!(
        killed.status.success() || said(&killed).contains("Give the same command again"),
        "{}",
        said(&killed)
    );
    node.restart().unwrap();
    does(0, &import, &[", 0 not taken"]);
    let mut bob = Reader::connect(&node, "bob", "Gatepost!1").unwrap();
    let messages = bob.messages("Mail").unwrap();
    assert_eq!(messages.len(), 4_000);
    let subjects: std::collections::BTreeSet<_> = messages
        .iter()
        .map(|message| {
            String::from_utf8_lossy(&message.octets)
                .lines()
                .find(|line| line.starts_with("Subject"))
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(subjects.len(), 4_000);
}

#[test]
fn files_that_are_no_messages_are_named_and_the_others_taken() {
    let (node, paths) = (Node::start().unwrap(), Paths::new());
    let data = node.data().to_str().unwrap();
    let dir = paths.0.path().join("eml");
    fs::create_dir_all(dir.join("Sub")).unwrap();
    for (name, text) in [
        ("good.eml", "Date: Tue, 24 Nov 2026 16:00:00 +0000\nSubject: good\n\nx\n"),
        ("bad.eml", "\u{0}\u{1}binary"),
        ("empty.eml", ""),
        ("Sub/also.eml", "Subject: also\r\n\r\nx\r\n"),
    ] {
        fs::write(dir.join(name), text).unwrap();
    }
    let import = ["import", dir.to_str().unwrap(), "--mailbox", "bob", "--data", data];
    does(1, &import, &["2 messages taken in", "2 not taken", "bad.eml: it does not begin", "empty.eml"]);
    does(1, &import, &["0 messages taken in, 2 were there"]);
    let mut bob = Reader::connect(&node, "bob", "Gatepost!1").unwrap();
    assert_eq!(bob.only("Sub", "also").unwrap().octets, b"Subject: also\r\n\r\nx\r\n");
    assert!(bob.only("INBOX", "good").unwrap().octets.ends_with(b"Subject: good\r\n\r\nx\r\n"));
    does(2, &["import", dir.to_str().unwrap(), "--data", data], &["named by addresses", "--mailbox"]);
    does(
        2,
        &["import", dir.to_str().unwrap(), "--mailbox", "x", "--data", data],
        &["no mailbox x", "Get-Mailbox"],
    );
}

#[test]
fn damage_is_repaired_and_the_rest_is_served() {
    let (mut node, paths) = (Node::start().unwrap(), Paths::new());
    let data = node.data().to_owned();
    let shown = data.to_str().unwrap();
    mbox(&paths.of("mail"), 100);
    does(0, &["import", &paths.of("mail"), "--mailbox", "bob", "--folder", "Mail", "--data", shown], &[]);
    does(1, &["check", "--repair", "--data", shown], &["in use by another Gatepost"]);
    node.stop().unwrap();
    let segment = fs::OpenOptions::new().write(true).open(data.join("segments/00000001.seg")).unwrap();
    segment.write_all_at(b"damage", 32 + 32 + 500).unwrap();
    does(3, &["check", "--data", shown], &["folder Mail, message 50", "--repair"]);
    does(
        0,
        &["check", "--repair", "--data", shown],
        &["lost: ", "message 50", "index as it was", "damage: 0"],
    );
    does(0, &["check", "--data", shown], &["damage: 0"]);
    node.restart().unwrap();
    let mut bob = Reader::connect(&node, "bob", "Gatepost!1").unwrap();
    assert_eq!(bob.messages("Mail").unwrap().len(), 99);
}
