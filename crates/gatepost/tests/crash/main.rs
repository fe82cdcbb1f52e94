//! kill -9, again and again, while clients submit, append, flag and expunge over real connections.
//!
//! After each restart everything that was acknowledged is there, the one change under way is there whole or not at all,
//! and nothing is there twice. `gatepost check` finds no damage. `GATEPOST_CRASH_ROUNDS` says how often (100).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops where it fails"
)]

mod client;
mod folder;
mod inbox;

use client::Connector;
use folder::FolderWorker;
use inbox::{Inbox, Submitter};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::node::Node;

const GATEPOST: &str = env!("CARGO_BIN_EXE_gatepost");
/// Rounds between two looks at everything, inside and outside.
const THOROUGH: u32 = 10;

/// Small, repeatable, good enough (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// A message that is recognised, and whose every octet follows from its name.
fn message(name: &str) -> Vec<u8> {
    let seed = name.bytes().fold(7, |seed: u64, octet| seed.wrapping_mul(31).wrapping_add(octet.into()));
    let mut random = Random(seed);
    let lines = 1 + random.below(8) * random.below(40);
    let mut text = format!("From: alice@example.test\r\nSubject: {name}\r\n\r\n");
    for _ in 0..lines {
        text.push_str(&format!(
            "{:016x}{:016x}{:016x}{:016x}\r\n",
            random.next(),
            random.next(),
            random.next(),
            random.next()
        ));
    }
    text.into_bytes()
}

fn rounds() -> u32 {
    std::env::var("GATEPOST_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(100)
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_doubled() {
    let begin = Instant::now();
    let mut node = Node::start().unwrap();
    let connector = Arc::new(Connector::new(&node));
    let mut folders: Vec<FolderWorker> = (0..3).map(|number| FolderWorker::new(&connector, number)).collect();
    let mut submitters: Vec<Submitter> = (0..3).map(Submitter::new).collect();
    let mut inbox = Inbox::new(&connector);
    let mut random = Random(1);
    for round in 1..=rounds() {
        let time = Duration::from_millis(20 + random.below(500));
        interrupt(&mut node, &connector, &mut folders, &mut submitters, time);
        let thorough = round % THOROUGH == 0 || round == rounds();
        if thorough {
            no_damage(&node);
        }
        node.restart().unwrap();
        folders.iter_mut().for_each(|folder| folder.verify(&connector));
        inbox.verify(&connector, &mut submitters);
        if thorough {
            folders.iter_mut().for_each(|folder| folder.verify_octets(&connector));
            inbox.verify_octets(&connector, &mut random);
            let changes: u32 = folders.iter().map(|folder| folder.changes).sum();
            println!("{round} rounds, {} submitted, {changes} changes, {:.0?}", inbox.len(), begin.elapsed());
        }
    }
    // A test in which nothing happens shows nothing.
    assert!(inbox.len() > rounds() as usize / 2, "{} messages were submitted", inbox.len());
    assert!(folders.iter().all(|folder| folder.changes > rounds() / 2), "too few changes were made");
}

/// Lets all clients work for some time, then kills the server under them.
fn interrupt(
    node: &mut Node,
    connector: &Arc<Connector>,
    folders: &mut [FolderWorker],
    submitters: &mut [Submitter],
    time: Duration,
) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for folder in folders.iter_mut() {
            scope.spawn(|| folder.work(connector, &stop));
        }
        for submitter in submitters.iter_mut() {
            scope.spawn(|| submitter.work(connector, &stop));
        }
        std::thread::sleep(time);
        node.kill9().unwrap();
        stop.store(true, Ordering::Relaxed);
    });
}

fn no_damage(node: &Node) {
    let check = Command::new(GATEPOST)
        .arg("check")
        .arg("--data")
        .arg(node.data())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&check.stdout), String::from_utf8_lossy(&check.stderr));
    assert!(check.status.success(), "gatepost check: {}\n{out}\n{err}", check.status);
}
