//! Every question that a protocol's machine asks, with what policy says to it, so that none is forgotten: a new variant
//! of an `Ask` does not build until it stands here, and what stands here has to be what the code does.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::Path;

/// Nothing to refuse: it concerns what the user who logged in owns, or goes on with what was decided before.
const OWN: &[&str] = &[];

macro_rules! asks {
    ($name:ident, $ask:path, $($variant:pat => $policy:expr),* $(,)?) => {
        fn $name() -> Vec<(&'static str, &'static [&'static str])> {
            // Never called: the compiler checks that all variants are there.
            fn _all(ask: &$ask) {
                match ask { $($variant => {})* }
            }
            vec![$((stringify!($variant), $policy)),*]
        }
    };
}

asks!(pop3, pop3::Ask,
    pop3::Ask::Open(_) => &["login", "admit_user"],
    pop3::Ask::Bodies(_) => OWN,
    pop3::Ask::Update(_) => OWN,
);

asks!(imap, imap::Ask,
    imap::Ask::Pause => OWN,
    imap::Ask::Login(..) => &["login", "admit_user"],
    imap::Ask::Folders => OWN,
    imap::Ask::Open(..) => OWN,
    imap::Ask::Status(_) => OWN,
    imap::Ask::Create(..) => OWN,
    imap::Ask::Delete(_) => OWN,
    imap::Ask::Rename(..) => OWN,
    imap::Ask::Subscribe(..) => OWN,
    imap::Ask::Listing(_) => OWN,
    imap::Ask::Recent(_) => OWN,
    imap::Ask::Summaries(..) => OWN,
    imap::Ask::Sent(..) => OWN,
    imap::Ask::Bodies(..) => OWN,
    imap::Ask::Headers(..) => OWN,
    imap::Ask::Read(..) => OWN,
    imap::Ask::Store(..) => OWN,
    imap::Ask::Copy(..) => &["room"],
    imap::Ask::Move(..) => OWN,
    imap::Ask::Expunge(..) => OWN,
    imap::Ask::Search(..) => OWN,
    imap::Ask::AppendBegin(..) => &["room"],
    imap::Ask::AppendChunk(_) => OWN,
    imap::Ask::AppendEnd { .. } => OWN,
    imap::Ask::AppendAbort => OWN,
);

asks!(smtp, smtp::Ask,
    smtp::Ask::Login(..) => &["login"],
    smtp::Ask::Sender(_) => &["sender", "size", "may_send"],
    smtp::Ask::Recipient(_) => &["recipients", "recipient", "room"],
    smtp::Ask::Begin(_) => OWN,
    smtp::Ask::Chunk(_) => &["size"],
    smtp::Ask::Finish => &["hops"],
    smtp::Ask::Abandon => OWN,
);

/// What an administrator and a connection are judged by.
const OTHERS: &[&str] = &[
    "administer",
    "connector",
    "admit",
    "admit_node",
    "offers",
    "check_password",
    "may_stay",
    "client_settings",
];

/// All Rust sources of these crates, without tests.
fn sources(crates: &[&str]) -> String {
    let mut pending: Vec<_> = crates
        .iter()
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"))
        .collect();
    let mut all = String::new();
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if !path.ends_with("tests.rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}

#[test]
fn every_question_has_its_policy() {
    let (policy, users) = (sources(&["policy"]), sources(&["server", "transport", "admin", "gatepost"]));
    let asked = [pop3(), imap(), smtp()].concat();
    let named = asked.iter().flat_map(|(ask, functions)| functions.iter().map(move |name| (*ask, *name)));
    for (ask, name) in named.chain(OTHERS.iter().map(|name| ("", *name))) {
        assert!(policy.contains(&format!("pub fn {name}(")), "{ask}: policy has no {name}");
        let used = users.contains(&format!("policy::{name}(")) || users.contains(&format!(" {name}("));
        assert!(used, "{ask}: {name} is asked nowhere");
    }
}
