//! fetchmail and getmail: mail taken off the server over POP3 and IMAP.

use crate::{PASSWORD, Scene, files, letter, with_lf};
use std::fs;
use std::path::Path;
use testkit::node::Port;
use testkit::programs;

/// fetchmail's exit code when there is no mail.
const NO_MAIL: i32 = 1;

fn letters() -> Vec<Vec<u8>> {
    (0..8).map(letter).collect()
}

/// All letters are in the directory, without what a program put before them or, as getmail does, into the header.
fn assert_all_there(dir: &Path) {
    let found: Vec<String> = files(dir).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let own = |line: &&str| !line.starts_with("X-getmail-");
    let found: Vec<String> =
        found.iter().map(|text| text.split_inclusive('\n').filter(own).collect()).collect();
    assert_eq!(found.len(), 8, "{found:?}");
    for number in 0..8 {
        let text = String::from_utf8(with_lf(&letter(number))).unwrap();
        assert!(found.iter().any(|file| file.ends_with(&text)), "letter {number} is not as it was");
    }
}

impl Scene {
    fn fetchmail(&self, protocol: &str, port: Port, options: &str) -> Option<i32> {
        let out = self.home().join("out");
        fs::create_dir_all(&out).unwrap();
        let rc = format!(
            "set invisible\npoll localhost protocol {protocol} service {}\n  user 'bob@example.test' password \
             '{PASSWORD}'\n  ssl sslproto 'TLS1.2+' sslcertck sslcertfile '{}'\n  {options} no rewrite pass8bits\n  \
             mda \"sh -c 'cat > $(mktemp {}/XXXXXXXX)'\"\n",
            self.port(port),
            self.ca(),
            out.display(),
        );
        let rc = self.file("fetchmailrc", rc.as_bytes());
        let command =
            self.command("fetchmail", ["-f", rc.to_str().unwrap(), "--nosyslog", "--nodetach", "-v"]);
        let outcome = programs::run(command, b"").unwrap();
        assert!(matches!(outcome.status.code(), Some(0 | NO_MAIL)), "{} {}", outcome.text(), outcome.stderr);
        outcome.status.code()
    }

    fn getmail(&self, retriever: &str, port: Port, options: &str) {
        for dir in ["out", "state"] {
            fs::create_dir_all(self.home().join(dir)).unwrap();
        }
        let home = self.home().display();
        // Its own Maildir writer refuses to work as root; a command may.
        let rc = format!(
            "[retriever]\ntype = {retriever}\nserver = localhost\nport = {}\nusername = bob@example.test\n\
             password = {PASSWORD}\nca_certs = {}\n\n[destination]\ntype = MDA_external\npath = /bin/sh\n\
             arguments = (\"-c\", \"cat > $(mktemp {home}/out/XXXXXXXX)\")\nallow_root_commands = true\n\n\
             [options]\nread_all = false\ndelivered_to = false\nreceived = false\n{options}",
            self.port(port),
            self.ca(),
        );
        let rc = self.file("getmailrc", rc.as_bytes());
        let state = format!("--getmaildir={home}/state");
        self.run("getmail", [state.as_str(), "--rcfile", rc.to_str().unwrap()]);
    }
}

#[test]
fn fetchmail_takes_all_over_pop3() {
    let Some(scene) = Scene::new(&["fetchmail"]) else { return };
    scene.fill("bob", &letters());
    assert_eq!(scene.fetchmail("POP3", Port::Pop3s, "fetchall"), Some(0));
    assert_all_there(&scene.home().join("out"));
    assert_eq!(scene.reader("bob").messages("INBOX").unwrap(), [], "taken is gone");
    assert_eq!(scene.fetchmail("POP3", Port::Pop3s, "fetchall"), Some(NO_MAIL));
}

#[test]
fn fetchmail_reads_over_imap_and_leaves_it() {
    let Some(scene) = Scene::new(&["fetchmail"]) else { return };
    scene.fill("bob", &letters());
    assert_eq!(scene.fetchmail("IMAP", Port::Imaps, "keep"), Some(0));
    assert_all_there(&scene.home().join("out"));
    let left = scene.reader("bob").messages("INBOX").unwrap();
    assert_eq!(left.len(), 8);
    assert!(left.iter().all(|message| message.flags.contains("\\Seen")), "read is seen");
    assert_eq!(scene.fetchmail("IMAP", Port::Imaps, "keep"), Some(NO_MAIL));
}

#[test]
fn getmail_knows_what_it_has_by_uidl() {
    let Some(scene) = Scene::new(&["getmail"]) else { return };
    scene.fill("bob", &letters());
    scene.getmail("SimplePOP3SSLRetriever", Port::Pop3s, "delete = false\n");
    assert_all_there(&scene.home().join("out"));
    assert_eq!(scene.reader("bob").messages("INBOX").unwrap().len(), 8);
    scene.getmail("SimplePOP3SSLRetriever", Port::Pop3s, "delete = true\n");
    assert_all_there(&scene.home().join("out"));
    assert_eq!(scene.reader("bob").messages("INBOX").unwrap(), [], "deleted without a second copy");
}

#[test]
fn getmail_takes_all_over_imap() {
    let Some(scene) = Scene::new(&["getmail"]) else { return };
    scene.fill("bob", &letters());
    scene.getmail("SimpleIMAPSSLRetriever", Port::Imaps, "delete = true\n");
    assert_all_there(&scene.home().join("out"));
    assert_eq!(scene.reader("bob").messages("INBOX").unwrap(), []);
}
