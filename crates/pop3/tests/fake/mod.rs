//! A maildrop in memory that answers a session's asks, and a driver that moves octets between a script and a session.

#![allow(dead_code, reason = "each of those who use it uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a fake for tests")]

use mail::{BlobId, Body, DateTime, Entry, FlagSet, Listing, ModSeq, Uid, UidValidity};
use pop3::{Answer, Ask, Offers, Order, Refusal, Session, Settings, Stls};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::{Event, Machine, Mechanism, Shape, Step, TlsInfo};

pub const PLAIN: &str = "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"; // alice, secret

fn settings() -> Arc<Settings> {
    let all = Offers { mechanisms: vec![Mechanism::Plain, Mechanism::Login, Mechanism::Command] };
    Arc::new(Settings {
        banner: "ready".to_owned(),
        implementation: "Gatepost".to_owned(),
        clear: all.clone(),
        tls: all,
        stls: Stls::Offered,
        login_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(1800),
        max_line: 255,
        order: Order::OldestFirst,
    })
}

/// A maildrop whose message `n` has `n` octets.
fn listing(count: u32) -> Listing {
    let entry = |uid| Entry {
        uid: Uid(uid),
        size: uid,
        flags: FlagSet::NONE,
        modseq: ModSeq(1),
        date: DateTime::utc(0),
    };
    Listing::new((1..=count).map(entry).collect(), Arc::default(), UidValidity(9), Uid(count + 1), ModSeq(1))
}

fn body(uid: Uid) -> (Uid, Body) {
    (uid, Body { blob: BlobId(u64::from(uid.0)), size: uid.0, octets: None })
}

/// Drives a session by hand.
pub struct Driver {
    pub session: Session,
    pub now: Instant,
    pub messages: u32,
    /// All that was sent; a copied message as `<uid lines>`.
    pub sent: String,
    pub asks: Vec<String>,
    pub largest_write: usize,
    pub closed: bool,
    pub refuse: Option<Refusal>,
    /// The ask of this number is refused.
    pub refuse_at: Option<usize>,
    /// Another session has removed all messages.
    pub gone: bool,
    /// Leaves the conversation where TLS begins; what was sent in clear after the command is never carried out.
    pub stops_at_tls: bool,
    pub tls_begun: bool,
}

impl Driver {
    pub fn new(messages: u32) -> Driver {
        let mut driver = Driver {
            session: Session::new(settings(), None),
            now: Instant::now(),
            messages,
            sent: String::new(),
            asks: Vec::new(),
            largest_write: 0,
            closed: false,
            refuse: None,
            refuse_at: None,
            gone: false,
            stops_at_tls: false,
            tls_begun: false,
        };
        driver.run();
        driver
    }

    pub fn logged_in(messages: u32) -> Driver {
        let mut driver = Driver::new(messages);
        driver.say(PLAIN);
        driver.sent.clear();
        driver
    }

    /// Runs until the session waits; returns until when.
    pub fn run(&mut self) -> Option<Instant> {
        loop {
            match self.session.next(self.now) {
                Step::Write(octets) => {
                    self.largest_write = self.largest_write.max(octets.len());
                    self.sent.push_str(&String::from_utf8(octets).unwrap());
                }
                Step::Copy(copy) => {
                    assert_eq!((copy.start, copy.len), (0, copy.body.size));
                    let Shape::Dotted(lines) = copy.shape else { panic!("not dotted") };
                    self.sent.push_str(&format!("<{} {lines:?}>\r\n", copy.body.blob));
                }
                Step::Ask(ask) => {
                    self.asks.push(format!("{ask:?}"));
                    let answer = self.decide(ask);
                    self.session.answer(answer);
                }
                Step::StartTls if self.stops_at_tls => {
                    self.tls_begun = true;
                    self.session.feed(Event::TlsStarted(TlsInfo::default()), self.now);
                    let Step::Wait(wait) = self.session.next(self.now) else {
                        panic!("something was left over")
                    };
                    return Some(wait.until);
                }
                Step::StartTls => self.session.feed(Event::TlsStarted(TlsInfo::default()), self.now),
                Step::Wait(wait) => return Some(wait.until),
                Step::Close => {
                    self.closed = true;
                    return None;
                }
            }
        }
    }

    fn decide(&mut self, ask: Ask) -> Answer {
        if let Some(refusal) = self.refuse.take() {
            return Answer::Refused(refusal);
        }
        if self.refuse_at.is_some_and(|at| at + 1 == self.asks.len()) {
            return Answer::Refused(Refusal { code: None, text: "Not now.".to_owned() });
        }
        match ask {
            Ask::Bodies(_) if self.gone => Answer::Bodies(Vec::new()),
            Ask::Open(_) => Answer::Opened(listing(self.messages)),
            Ask::Bodies(uids) => Answer::Bodies(uids.into_iter().map(body).collect()),
            Ask::Update(_) => Answer::Updated,
        }
    }

    pub fn feed(&mut self, event: Event<'_>) -> Option<Instant> {
        self.session.feed(event, self.now);
        self.run()
    }

    pub fn say(&mut self, text: &str) -> Option<Instant> {
        self.feed(Event::Bytes(text.as_bytes()))
    }

    pub fn said(&mut self, text: &str) -> String {
        self.sent.clear();
        self.say(text);
        std::mem::take(&mut self.sent)
    }

    pub fn event(&mut self, event: Event<'_>) -> String {
        self.sent.clear();
        self.feed(event);
        std::mem::take(&mut self.sent)
    }
}
