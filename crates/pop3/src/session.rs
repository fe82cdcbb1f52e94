//! The session: AUTHORIZATION, TRANSACTION and UPDATE (RFC 1939 §4 to §6).

mod authorization;
mod transaction;

use crate::command::{self, Command, Fault, Stages};
use crate::maildrop::Maildrop;
use crate::{Answer, Ask, Code, Refusal, Settings, Stls, reply};
use mail::{Body, Uid};
use std::sync::Arc;
use std::time::{Duration, Instant};
use transaction::Scan;
use wire::sasl::{Exchange, MAX_RESPONSE};
use wire::{Event, LineError, LineReader, Machine, Step, TlsInfo, Wait};

/// Octets of replies that are collected before they are given out: what one client pipelines does not add up.
const COLLECT: usize = 32 * 1024;

/// Lines that were no command, or failed logins, after which a client is let go.
const PATIENCE_BEFORE_LOGIN: u32 = 10;
const PATIENCE_AFTER_LOGIN: u32 = 20;

/// Where the session stands. A value moves from stage to stage; what belongs to one cannot outlive it.
#[derive(Debug)]
enum Stage {
    /// Nobody is logged in; the name that USER gave waits for PASS.
    Authorization(Option<Vec<u8>>),
    /// AUTH has begun, the client's next line is its response.
    Exchange(Exchange),
    /// Waiting for the decision on a login.
    Opening,
    /// Waiting for TLS.
    Stls,
    Transaction(Maildrop),
    /// Waiting for a message, to be sent up to this many lines of its body.
    Fetching(Maildrop, Uid, Option<u32>),
    /// Waiting for the removal at QUIT.
    Update,
    Closed,
}

/// One client's session.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    tls: Option<TlsInfo>,
    lines: LineReader,
    stage: Stage,
    /// Replies that were not given out yet.
    out: Vec<u8>,
    /// The step after them.
    then: Option<Step<Ask>>,
    /// A listing that is being written.
    scan: Option<Scan>,
    /// Messages that were found ahead of being asked for.
    ahead: Vec<(Uid, Body)>,
    /// The number of the message last sent.
    last_fetched: usize,
    bad_lines: u32,
    /// When the client has been silent, or not logged in, for too long; `None` until it is to be counted from now.
    deadline: Option<Instant>,
}

impl Machine for Session {
    type Ask = Ask;
    type Answer = Answer;

    fn next(&mut self, now: Instant) -> Step<Ask> {
        loop {
            let full = self.out.len() >= COLLECT || self.then.is_some();
            if full && !self.out.is_empty() {
                return Step::Write(std::mem::take(&mut self.out));
            }
            if let Some(step) = self.then.take() {
                return step;
            }
            if matches!(self.stage, Stage::Closed) {
                self.then = Some(Step::Close);
            } else if self.scan.is_some() {
                self.write_scan();
            } else if let Some(line) = self.lines.line() {
                self.heard();
                match line {
                    Ok(line) => self.line(&line),
                    Err(error) => self.broken_line(error),
                }
            } else if self.out.is_empty() {
                return Step::Wait(self.wait(now));
            } else {
                return Step::Write(std::mem::take(&mut self.out));
            }
        }
    }

    fn answer(&mut self, answer: Answer) {
        match (std::mem::replace(&mut self.stage, Stage::Closed), answer) {
            (Stage::Opening, Answer::Opened(listing)) => self.opened(listing),
            (Stage::Opening, Answer::Refused(refusal)) => self.login_refused(&refusal),
            (Stage::Fetching(maildrop, uid, lines), Answer::Bodies(bodies)) => {
                self.found(maildrop, uid, lines, bodies)
            }
            (Stage::Fetching(maildrop, ..), Answer::Refused(refusal)) => {
                self.stage = Stage::Transaction(maildrop);
                self.refused(&refusal);
            }
            (Stage::Update, Answer::Updated) => self.farewell(),
            // RFC 1939 §6: the client hears that its messages are still there.
            (Stage::Update, Answer::Refused(refusal)) => self.refused(&refusal),
            (stage, answer) => debug_assert!(false, "{answer:?} does not answer {stage:?}"),
        }
        self.heard();
    }

    fn feed(&mut self, event: Event<'_>, now: Instant) {
        match event {
            Event::Bytes(_) if self.is_late(now) => self.stage = Stage::Closed,
            Event::Bytes(octets) => self.lines.feed(octets),
            Event::TlsStarted(info) => self.tls_started(info),
            // RFC 1939 §3: no reply, and nothing is removed.
            Event::Closed | Event::Time => self.stage = Stage::Closed,
            Event::Shutdown => {
                reply::err(&mut self.out, Some(Code::SysTemp), "The service is stopping, try again later.");
                self.stage = Stage::Closed;
            }
            Event::Expelled => {
                reply::err(&mut self.out, Some(Code::Auth), "The session was ended by an administrator.");
                self.stage = Stage::Closed;
            }
            Event::Changed => {}
        }
    }
}

impl Session {
    /// A session that has just been connected to, with TLS already or without.
    pub fn new(settings: Arc<Settings>, tls: Option<TlsInfo>) -> Session {
        let mut out = Vec::new();
        reply::ok(&mut out, &settings.banner);
        Session {
            lines: LineReader::new(settings.max_line),
            settings,
            tls,
            stage: Stage::Authorization(None),
            out,
            then: None,
            scan: None,
            ahead: Vec::new(),
            last_fetched: 0,
            bad_lines: 0,
            deadline: None,
        }
    }

    fn wait(&mut self, now: Instant) -> Wait {
        let timeout = self.timeout();
        // Single octets do not extend it: only whole lines count as being there.
        let until = *self.deadline.get_or_insert(now + timeout);
        Wait { until, changes: false }
    }

    /// The client is there. Before login that gives it no more time: one that only asks for CAPA now and then would stay
    /// for ever.
    fn heard(&mut self) {
        if self.is_logged_in() {
            self.deadline = None;
        }
    }

    /// Whether the time to log in is over. Who never pauses must learn of it too.
    fn is_late(&self, now: Instant) -> bool {
        !self.is_logged_in() && self.deadline.is_some_and(|deadline| now >= deadline)
    }

    fn is_logged_in(&self) -> bool {
        matches!(self.stage, Stage::Transaction(_) | Stage::Fetching(..) | Stage::Update)
    }

    // RFC 1939 §3 says 10 minutes; we close sooner before login.
    fn timeout(&self) -> Duration {
        match self.stage {
            Stage::Transaction(_) => self.settings.idle_timeout,
            _ => self.settings.login_timeout,
        }
    }

    fn line(&mut self, line: &[u8]) {
        if let Stage::Exchange(_) = self.stage {
            return self.sasl_response(line);
        }
        match command::parse(line) {
            Ok((stages, command)) if self.is_legal(stages) => match command {
                Ok(command) => self.carry_out(command),
                Err(Fault::NoSuchMessage) => self.no_such_message(),
                Err(fault) => self.bad_line(fault.text()),
            },
            Ok(_) => self.bad_line("Command is not valid in this state."),
            Err(fault) => self.bad_line(fault.text()),
        }
    }

    fn is_legal(&self, stages: Stages) -> bool {
        match stages {
            Stages::Both => true,
            Stages::Authorization => matches!(self.stage, Stage::Authorization(_)),
            Stages::Transaction => matches!(self.stage, Stage::Transaction(_)),
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Auth(None) => self.list_mechanisms(),
            Command::Auth(Some(auth)) => self.auth(auth),
            Command::Capa => self.capa(),
            Command::Dele(number) => self.dele(number),
            Command::List(None) => self.list_all(),
            Command::List(Some(number)) => self.list(number),
            Command::Noop => self.ok(""),
            Command::Pass(password) => self.pass(&password),
            Command::Quit => self.quit(),
            Command::Retr(number) => self.fetch(number, None),
            Command::Rset => self.rset(),
            Command::Stat => self.stat(),
            Command::Stls => self.stls(),
            Command::Top(number, lines) => self.fetch(number, Some(lines)),
            Command::Uidl(None) => self.uidl_all(),
            Command::Uidl(Some(number)) => self.uidl(number),
            Command::User(name) => self.user(name),
        }
    }

    fn ok(&mut self, text: &str) {
        reply::ok(&mut self.out, text);
    }

    fn err(&mut self, text: &str) {
        reply::err(&mut self.out, None, text);
    }

    fn refused(&mut self, refusal: &Refusal) {
        reply::err(&mut self.out, refusal.code, &refusal.text);
    }

    fn no_such_message(&mut self) {
        self.err(Fault::NoSuchMessage.text());
    }

    /// A line that cannot be read ends an authentication it stands in.
    fn broken_line(&mut self, error: LineError) {
        if matches!(self.stage, Stage::Exchange(_)) {
            self.stage = Stage::Authorization(None);
            self.set_line_limit();
        }
        self.bad_line(&format!("{error}."));
    }

    /// A line that is no command here. A client that goes on like this is let go.
    fn bad_line(&mut self, text: &str) {
        self.err(text);
        self.lose_patience();
    }

    fn lose_patience(&mut self) {
        self.bad_lines += 1;
        let patience = match self.stage {
            Stage::Transaction(_) => PATIENCE_AFTER_LOGIN,
            _ => PATIENCE_BEFORE_LOGIN,
        };
        if self.bad_lines >= patience {
            self.err("Too many errors, closing.");
            self.stage = Stage::Closed;
        }
    }

    /// RFC 2449 §5: what is announced before login is announced after it too.
    fn capa(&mut self) {
        self.ok("Capability list follows");
        let offers = self.offers();
        let sasl: Vec<&str> = offers.sasl().collect();
        let mut lines =
            vec!["TOP".to_owned(), "UIDL".to_owned(), "RESP-CODES".to_owned(), "AUTH-RESP-CODE".to_owned()];
        lines.push("PIPELINING".to_owned());
        lines.push("EXPIRE NEVER".to_owned());
        if offers.has(wire::Mechanism::Command) {
            lines.push("USER".to_owned());
        }
        if !sasl.is_empty() {
            lines.push(format!("SASL {}", sasl.join(" ")));
        }
        if self.can_start_tls() {
            lines.push("STLS".to_owned());
        }
        lines.push(format!("IMPLEMENTATION {}", wire::one_line(&self.settings.implementation)));
        for line in lines {
            self.out.extend_from_slice(line.as_bytes());
            self.out.extend_from_slice(b"\r\n");
        }
        self.out.extend_from_slice(b".\r\n");
    }

    fn offers(&self) -> &crate::Offers {
        if self.tls.is_some() { &self.settings.tls } else { &self.settings.clear }
    }

    fn can_start_tls(&self) -> bool {
        self.tls.is_none() && self.settings.stls == Stls::Offered
    }

    fn stls(&mut self) {
        if self.tls.is_some() {
            return self.err("TLS is already active.");
        }
        if !self.can_start_tls() {
            return self.err("TLS is not available.");
        }
        self.ok("Begin TLS negotiation now.");
        // RFC 2595 §4: what was said in clear text, read or not, does not count any more.
        self.lines.discard();
        self.stage = Stage::Stls;
        self.then = Some(Step::StartTls);
    }

    fn tls_started(&mut self, info: TlsInfo) {
        self.tls = Some(info);
        if matches!(self.stage, Stage::Stls) {
            self.stage = Stage::Authorization(None);
        }
    }

    fn set_line_limit(&mut self) {
        let limit =
            if matches!(self.stage, Stage::Exchange(_)) { MAX_RESPONSE } else { self.settings.max_line };
        self.lines.set_limit(limit);
    }

    fn farewell(&mut self) {
        self.ok("Gatepost POP3 service signing off.");
        self.stage = Stage::Closed;
    }
}
