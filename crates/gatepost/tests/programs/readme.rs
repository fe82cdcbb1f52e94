//! The lines of the README, as a reader pastes them.

use crate::Scene;
use testkit::node::Port;
use testkit::programs::Reader;

const README: &str = include_str!("../../../../README.md");
/// By how much the ports in the README are higher than the standard ones.
const OFFSET: u16 = 10_000;

/// The code blocks of the README.
fn blocks() -> impl Iterator<Item = &'static str> {
    README.split("```\n").skip(1).step_by(2)
}

impl Scene {
    /// Lines from the README, with this node's ports and authority.
    fn here(&self, lines: &str) -> String {
        let ports = Port::ALL.map(|port| (port.standard() + OFFSET, self.port(port)));
        let lines = lines.replace("gatepost-demo/ca.pem", &self.ca());
        ports.iter().fold(lines, |lines, (written, port)| {
            lines.replace(&format!("localhost:{written}"), &format!("localhost:{port}"))
        })
    }
}

#[test]
fn mail_is_sent_and_read_as_written() {
    let Some(scene) = Scene::new(&["curl"]) else { return };
    let block = blocks().find(|block| block.starts_with("curl ")).expect("the README sends a message");
    let said = scene.run("sh", ["-ec", &scene.here(block)]).text();
    assert!(said.contains("* STATUS INBOX (MESSAGES 3)"), "{said}");
    let message = scene.reader("bob").only("INBOX", "Hello").unwrap();
    assert!(message.octets.ends_with(b"\r\nHello Bob.\r\n"));
}

#[test]
fn cmdlets_are_done_as_written() {
    let Some(scene) = Scene::new(&[]) else { return };
    let block = blocks().find(|block| block.contains("[GP]>")).expect("the README administers");
    let lines: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("[GP]> ")).collect();
    assert!(lines.len() >= 4, "{block}");
    let inline = README.split("shell --data DIR -c '").nth(1).and_then(|rest| rest.split('\'').next());
    for line in lines.into_iter().chain(inline) {
        let outcome = scene.node.shell(line).unwrap();
        assert!(outcome.status.success() && outcome.stderr.is_empty(), "{line}: {outcome:?}");
    }
    Reader::connect(&scene.node, "carol", "Carol!2026").unwrap();
}

#[test]
fn the_table_of_ports_is_the_demos() {
    for (protocol, port) in [
        ("IMAP4", Port::Imaps),
        ("IMAP4", Port::Imap),
        ("POP3", Port::Pop3s),
        ("POP3", Port::Pop3),
        ("SMTP (sending)", Port::Submissions),
        ("SMTP (sending)", Port::Submission),
    ] {
        let row = format!("| {protocol} | localhost | {} |", port.standard() + OFFSET);
        assert!(README.contains(&row), "{row}");
    }
}
