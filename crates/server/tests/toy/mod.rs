//! A protocol for tests of the session loop. Commands: `echo TEXT`, `tls`, `starttls`, `octets`, `dotted`, `sleep MS`,
//! `watch`, `login` (which is never answered), `change` (which is done when `CHANGE` says so), `bye`.

use mail::{AccountId, Body, ModSeq};
use server::{Context, Serve};
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use wire::{Copy, Event, Machine, Shape, Step, Wait};

static BELL: LazyLock<watch::Sender<ModSeq>> = LazyLock::new(|| watch::Sender::new(ModSeq(0)));

/// Lets a `change` be done.
pub static CHANGE: Notify = Notify::const_new();
/// A `change` was done.
pub static CHANGED: Notify = Notify::const_new();

/// The account that has mail: the first of its store.
pub const ACCOUNT: AccountId = AccountId(1);

/// Wakes sessions that watch.
pub fn ring(_context: &Context) {
    BELL.send_modify(|modseq| modseq.0 += 1);
}

/// A session and what serves it.
pub fn session(context: Arc<Context>) -> (Toy, ToyServe) {
    let toy =
        Toy { input: Vec::new(), steps: VecDeque::new(), wake: None, watching: false, tls: "none".into() };
    (toy, ToyServe { context, changes: BELL.subscribe() })
}

pub enum Ask {
    Newest(Shape),
    Login,
    Change,
}

pub struct Toy {
    input: Vec<u8>,
    steps: VecDeque<Step<Ask>>,
    wake: Option<Instant>,
    watching: bool,
    tls: String,
}

impl Toy {
    fn say(&mut self, text: &str) {
        self.steps.push_back(Step::Write(format!("{text}\r\n").into_bytes()));
    }

    fn command(&mut self, line: &str, now: Instant) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "echo" => self.say(rest),
            "tls" => self.say(&self.tls.clone()),
            "starttls" => {
                self.say("go");
                self.steps.push_back(Step::StartTls);
                // RFC 3207 §6: what came with the command is thrown away.
                self.input.clear();
            }
            "octets" => self.steps.push_back(Step::Ask(Ask::Newest(Shape::Char8))),
            "dotted" => self.steps.push_back(Step::Ask(Ask::Newest(Shape::Dotted(None)))),
            "login" => self.steps.push_back(Step::Ask(Ask::Login)),
            "change" => self.steps.push_back(Step::Ask(Ask::Change)),
            "sleep" => self.wake = Some(now + Duration::from_millis(rest.parse().unwrap())),
            "watch" => {
                self.watching = true;
                self.say("watching");
            }
            _ => {
                self.say("bye");
                self.steps.push_back(Step::Close);
            }
        }
    }
}

impl Machine for Toy {
    type Ask = Ask;
    type Answer = (Body, Shape);

    fn next(&mut self, now: Instant) -> Step<Ask> {
        while self.steps.is_empty() {
            let Some(end) = self.input.windows(2).position(|two| two == b"\r\n") else { break };
            let line: Vec<u8> = self.input.drain(..end + 2).collect();
            self.command(std::str::from_utf8(&line[..end]).unwrap(), now);
        }
        let until = self.wake.unwrap_or(now + Duration::from_secs(60));
        self.steps.pop_front().unwrap_or(Step::Wait(Wait { until, changes: self.watching }))
    }

    fn answer(&mut self, (body, shape): (Body, Shape)) {
        let len = body.size;
        self.steps.push_front(Step::Copy(Copy { body, start: 0, len, shape }));
    }

    fn feed(&mut self, event: Event<'_>, _now: Instant) {
        match event {
            Event::Bytes(octets) => self.input.extend_from_slice(octets),
            Event::Time => {
                self.wake = None;
                self.say("time");
            }
            Event::Changed => self.say("changed"),
            Event::TlsStarted(info) => self.tls = info.version,
            Event::Closed => self.steps.push_back(Step::Close),
            Event::Shutdown | Event::Expelled => {
                self.say("going");
                self.steps.push_back(Step::Close);
            }
        }
    }
}

pub struct ToyServe {
    context: Arc<Context>,
    changes: watch::Receiver<ModSeq>,
}

impl Serve for ToyServe {
    type Machine = Toy;

    /// The newest message.
    async fn serve(&mut self, ask: Ask) -> (Body, Shape) {
        let shape = match ask {
            Ask::Newest(shape) => shape,
            Ask::Login => return std::future::pending().await,
            Ask::Change => {
                CHANGE.notified().await;
                CHANGED.notify_one();
                Shape::Char8
            }
        };
        let store = &self.context.store;
        let account = ACCOUNT;
        let inbox = store.folders(account).await.unwrap()[0].id;
        let uid = store.listing(account, inbox).await.unwrap().iter().last().unwrap().uid;
        let bodies = store.bodies(account, inbox, vec![uid]).await.unwrap().found;
        (bodies[0].1.clone(), shape)
    }

    fn may_drop(ask: &Ask) -> bool {
        matches!(ask, Ask::Login)
    }

    fn tls_started(&mut self, _tls: &wire::TlsInfo) {}

    fn user(&self) -> Option<&Arc<directory::Mailbox>> {
        None
    }

    fn changes(&mut self) -> Option<&mut watch::Receiver<ModSeq>> {
        Some(&mut self.changes)
    }
}
