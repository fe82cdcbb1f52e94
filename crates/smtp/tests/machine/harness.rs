//! Drives a session by hand: a fake world that answers what it asks, and a clock that is only moved.

#![expect(clippy::expect_used, clippy::panic, reason = "test code outside of #[test] functions")]

use mail::AccountId;
use smtp::{Answer, Ask, Destination, Extension, ForwardPath, Offers, Reply, Session, Settings};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use wire::sasl::Mechanism;
use wire::{Event, Machine, Step, TlsInfo};

/// Recipients and octets.
pub type Message = (Vec<String>, Vec<u8>);

/// Alice and Bob are here; who logged in may send elsewhere.
#[derive(Default)]
pub struct World {
    /// Messages accepted, with their recipients.
    pub accepted: Vec<Message>,
    pub coming: Option<Message>,
    pub abandoned: usize,
    /// What the next Chunk or Finish is answered.
    pub disk_full_at: Option<usize>,
    pub largest_chunk: usize,
}

pub const TOO_LARGE: Reply = Reply::fixed(552, "5.3.4 Message size exceeds fixed maximum message size");
pub const TOO_MANY: Reply = Reply::fixed(452, "4.5.3 Too many recipients");
pub const FULL: Reply = Reply::fixed(452, "4.3.1 Insufficient system resources");

fn here(account: u64) -> Destination {
    Destination { local: vec![AccountId(account)], ..Destination::default() }
}

impl World {
    pub fn answer(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Login(_, found) if found.login == "alice" && found.password.reveal() == "secret" => {
                Answer::LoggedIn(AccountId(1))
            }
            Ask::Login(..) => Answer::Refused(Reply::fixed(535, "5.7.3 Authentication unsuccessful")),
            Ask::Sender(ask) if ask.size > 100_000 => Answer::Refused(TOO_LARGE),
            Ask::Sender(_) => Answer::Granted,
            Ask::Recipient(ask) if ask.have >= 3 => Answer::Refused(TOO_MANY),
            Ask::Recipient(ask) => match &ask.path {
                ForwardPath::Postmaster => Answer::Recipient(here(3)),
                ForwardPath::Address(to) if to.domain().as_str() != "example.test" => match ask.standing.user
                {
                    Some(_) => {
                        Answer::Recipient(Destination { remote: vec![to.clone()], ..Destination::default() })
                    }
                    None => Answer::Refused(Reply::fixed(550, "5.7.1 Unable to relay")),
                },
                ForwardPath::Address(to) => match to.local() {
                    "alice" => Answer::Recipient(here(1)),
                    "bob" => Answer::Recipient(here(2)),
                    _ => Answer::Refused(Reply::fixed(550, "5.1.1 User unknown")),
                },
            },
            Ask::Begin(envelope) => {
                let to = envelope.transaction.recipients.iter().map(|to| to.path.to_string()).collect();
                self.coming = Some((to, Vec::new()));
                Answer::Granted
            }
            Ask::Chunk(octets) => {
                self.largest_chunk = self.largest_chunk.max(octets.len());
                let (_, message) = self.coming.as_mut().expect("a chunk belongs to a message");
                message.extend_from_slice(&octets);
                if self.disk_full_at.is_some_and(|at| message.len() >= at) {
                    self.coming = None;
                    return Answer::Refused(FULL);
                }
                if message.len() > 100_000 {
                    self.coming = None;
                    return Answer::Refused(TOO_LARGE);
                }
                Answer::Granted
            }
            Ask::Finish => {
                self.accepted.push(self.coming.take().expect("a message ends once"));
                Answer::Accepted("<id@example.test>".to_owned())
            }
            Ask::Abandon => {
                self.coming = None;
                self.abandoned += 1;
                Answer::Granted
            }
        }
    }
}

pub fn settings() -> Settings {
    Settings {
        fqdn: "mail.example.test".to_owned(),
        greeting: None,
        clear: Offers { starttls: true, auth: Vec::new() },
        tls: Offers { starttls: false, auth: Mechanism::SASL.to_vec() },
        extensions: vec![
            Extension::Size(Some(100_000)),
            Extension::Pipelining,
            Extension::EnhancedStatusCodes,
            Extension::EightBitMime,
            Extension::SmtpUtf8,
        ],
        max_errors: Some(5),
        max_logon_failures: Some(3),
        inactivity: Duration::from_secs(300),
        lifetime: Duration::from_secs(600),
        tarpit: Duration::ZERO,
    }
}

pub fn tls() -> TlsInfo {
    TlsInfo { version: "TLSv1.3".to_owned(), cipher: "TLS13_AES_256_GCM_SHA384".to_owned() }
}

pub struct Client {
    pub session: Session,
    pub world: World,
    pub now: Instant,
    pub closed: bool,
    /// Write steps of the last run.
    pub writes: usize,
    /// How long the session wants to wait.
    pub wait: Duration,
    /// Leaves the conversation where TLS begins; what was sent in clear after the command is never carried out.
    pub stops_at_tls: bool,
    pub tls_begun: bool,
}

impl Client {
    pub fn new(settings: Settings, tls: Option<TlsInfo>) -> Client {
        let now = Instant::now();
        let session = Session::new(settings, IpAddr::from([192, 0, 2, 1]), tls, now);
        Client {
            session,
            world: World::default(),
            now,
            closed: false,
            writes: 0,
            wait: Duration::ZERO,
            stops_at_tls: false,
            tls_begun: false,
        }
    }

    pub fn clear() -> Client {
        Client::new(settings(), None)
    }

    pub fn inside_tls() -> Client {
        Client::new(settings(), Some(tls()))
    }

    /// Runs until the session waits or is over; what it wrote.
    pub fn run(&mut self) -> String {
        let mut out = Vec::new();
        self.writes = 0;
        for _ in 0..1_000_000 {
            match self.session.next(self.now) {
                Step::Write(octets) => {
                    assert!(octets.len() < 16 * 1024, "replies are handed out in time");
                    self.writes += 1;
                    out.extend(octets);
                }
                Step::Ask(ask) => {
                    let answer = self.world.answer(ask);
                    self.session.answer(answer);
                }
                Step::Wait(wait) => {
                    self.wait = wait.until - self.now;
                    return String::from_utf8(out).expect("replies are UTF-8");
                }
                Step::StartTls if self.stops_at_tls => {
                    self.tls_begun = true;
                    self.session.feed(Event::TlsStarted(tls()), self.now);
                    let Step::Wait(_) = self.session.next(self.now) else {
                        panic!("something was left over")
                    };
                    return String::from_utf8(out).expect("replies are UTF-8");
                }
                Step::StartTls => self.session.feed(Event::TlsStarted(tls()), self.now),
                Step::Close => {
                    self.closed = true;
                    return String::from_utf8(out).expect("replies are UTF-8");
                }
                Step::Copy(_) => panic!("SMTP copies nothing"),
            }
        }
        panic!("the session neither waits nor ends");
    }

    pub fn send(&mut self, octets: impl AsRef<[u8]>) -> String {
        self.session.feed(Event::Bytes(octets.as_ref()), self.now);
        self.run()
    }

    /// Sends it cut into pieces.
    pub fn send_cut(&mut self, octets: &[u8], cuts: &[usize]) -> String {
        let (mut out, mut rest, mut cuts) = (String::new(), octets, cuts.iter().cycle());
        while !rest.is_empty() && !self.closed {
            let at = cuts.next().map_or(1, |cut| *cut).clamp(1, rest.len());
            let (piece, more) = rest.split_at(at);
            out.push_str(&self.send(piece));
            rest = more;
        }
        out
    }

    pub fn after(&mut self, time: Duration) -> String {
        self.now += time;
        self.event(Event::Time)
    }

    pub fn event(&mut self, event: Event<'_>) -> String {
        self.session.feed(event, self.now);
        self.run()
    }

    /// Sends lines one by one and compares each answer.
    pub fn talk(&mut self, lines: &[(&str, &str)]) {
        for (line, expected) in lines {
            let answer = self.send(format!("{line}\r\n"));
            assert_eq!(answer.trim_end(), *expected, "{line}");
        }
    }
}
