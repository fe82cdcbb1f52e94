//! The session: its stage, its time limits, and the order of steps.
//!
//! What a command does is in `command`, message data in `data`. RFC 5321 §4.1.4 (order of commands), §4.5.3.2 (timeouts);
//! RFC 2920 (pipelined commands are answered together); RFC 3207 §4.2 (after STARTTLS nothing is remembered).

use crate::command::{self, MAX_LINE};
use crate::data::Body;
use crate::reply::{self, Reply};
use crate::{Answer, Ask, Client, ForwardPath, Hello, Recipient, Settings, Standing, Transaction};
use mail::AccountId;
use std::net::IpAddr;
use std::time::Instant;
use wire::sasl::Exchange;
use wire::{Event, LineReader, Machine, Step, TlsInfo, Wait, one_line};

/// Replies collected before they are handed out although more commands wait.
const MAX_REPLIES: usize = 8 * 1024;

/// Octets of a message that break the silence of a connection whose time is over; one at a time would keep it for ever.
const PROGRESS: usize = 32 * 1024;

/// Octets that may come while a refusal is held back.
const MAX_AHEAD: usize = 128 * 1024;

/// What the client called itself.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub name: String,
    pub hello: Hello,
}

/// Where the session stands (RFC 5321 §4.1.4). It is a value that moves.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Before EHLO.
    Fresh,
    /// Between transactions.
    Greeted(Greeting),
    /// Between transactions, after a MAIL that was refused: the rest of its transaction may have been sent ahead.
    Refused(Greeting),
    /// In the dialogue of AUTH.
    Auth(Greeting, Exchange),
    /// After MAIL.
    Mail(Greeting, Transaction),
    /// After DATA.
    Body(Greeting, Body),
    /// An [`Ask`] is open.
    Asked(Greeting, Question),
    /// STARTTLS was answered; the handshake comes next.
    Tls,
    /// Nothing is left but to close.
    Over,
}

/// What the open [`Ask`] is about, with what it will go on with.
#[derive(Debug)]
pub(crate) enum Question {
    Login,
    Sender(Transaction),
    Recipient(Transaction, ForwardPath),
    Begin,
    Chunk(Body),
    Abandon(Body),
    Finish,
}

/// The server's side of one SMTP connection.
#[derive(Debug)]
pub struct Session {
    pub(crate) settings: Settings,
    pub(crate) address: IpAddr,
    pub(crate) tls: Option<TlsInfo>,
    pub(crate) user: Option<AccountId>,
    pub(crate) stage: Stage,
    pub(crate) reader: LineReader,
    ask: Option<Ask>,
    /// Replies not handed out yet.
    out: Vec<u8>,
    /// A step that comes after they are.
    parked: Option<Step<Ask>>,
    /// A refusal that is held back, and until when once that is known.
    held: Option<(Reply, Option<Instant>)>,
    errors: u32,
    failures: u32,
    /// When silence ends the session; set when the wait begins.
    idle_until: Option<Instant>,
    ends: Instant,
    /// Octets since the silence was last broken, where that takes more than one.
    progress: usize,
}

impl Session {
    /// A session with the client at `address`. With `tls`, the connection began inside TLS (RFC 8314 §3.3).
    pub fn new(settings: Settings, address: IpAddr, tls: Option<TlsInfo>, now: Instant) -> Session {
        let usual = || format!("{} Gatepost ESMTP service ready", settings.fqdn);
        let greeting = settings.greeting.clone().unwrap_or_else(usual);
        let mut out = Vec::new();
        Reply::new(220, one_line(&greeting).into_owned()).write(&mut out);
        Session {
            ends: now + settings.lifetime,
            settings,
            address,
            tls,
            user: None,
            stage: Stage::Fresh,
            reader: LineReader::new(MAX_LINE),
            ask: None,
            out,
            parked: None,
            held: None,
            errors: 0,
            failures: 0,
            idle_until: None,
            progress: 0,
        }
    }

    /// The account the client logged in to.
    pub fn user(&self) -> Option<AccountId> {
        self.user
    }

    /// Does what can be done without the driver; a step where that needs the driver.
    fn advance(&mut self, now: Instant) -> Option<Step<Ask>> {
        if self.held.is_some() {
            return self.hold(now);
        }
        if let Some(ask) = self.ask.take() {
            return Some(Step::Ask(ask));
        }
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => Some(Step::Close),
            stage if self.is_over(&stage, now) => {
                self.stage = stage;
                self.time_out();
                None
            }
            Stage::Tls => {
                self.stage = Stage::Tls;
                Some(Step::StartTls)
            }
            Stage::Body(greeting, body) => self.advance_body(greeting, body).then(|| self.wait(now)),
            stage => {
                self.stage = stage;
                self.advance_line().then(|| self.wait(now))
            }
        }
    }

    /// Executes the next command; true where there is none yet.
    fn advance_line(&mut self) -> bool {
        match self.reader.line() {
            Some(line) => command::execute(self, line),
            None => return true,
        }
        false
    }

    /// Waits with the refusal that is held back, or gives it.
    fn hold(&mut self, now: Instant) -> Option<Step<Ask>> {
        let (reply, until) = self.held.take()?;
        let until = until.unwrap_or_else(|| now + self.settings.tarpit).min(self.ends);
        if now >= until {
            self.write(&reply);
            return None;
        }
        self.held = Some((reply, Some(until)));
        Some(Step::Wait(Wait { until, changes: false }))
    }

    fn wait(&mut self, now: Instant) -> Step<Ask> {
        let idle = *self.idle_until.get_or_insert(now + self.settings.inactivity);
        let until = idle.min(self.end_of(&self.stage));
        Step::Wait(Wait { until, changes: false })
    }

    fn is_over(&self, stage: &Stage, now: Instant) -> bool {
        now >= self.end_of(stage)
    }

    /// When the connection's time is over. A message that is coming in may come to its end, for cut off, it would only be
    /// sent again from the beginning; but not for ever, and not where it has been refused already.
    fn end_of(&self, stage: &Stage) -> Instant {
        match stage {
            Stage::Body(_, body) if body.refusal().is_none() => self.ends + self.settings.lifetime,
            _ => self.ends,
        }
    }

    /// Ends a session whose time is over; whose message was refused, hears so first.
    fn time_out(&mut self) {
        if let Stage::Body(_, body) = std::mem::replace(&mut self.stage, Stage::Over)
            && let Some(refusal) = body.refusal()
        {
            self.write(refusal);
        }
        self.end(&reply::TIMED_OUT);
    }

    pub(crate) fn write(&mut self, reply: &Reply) {
        reply.write(&mut self.out);
    }

    /// Answers a mistake of the client's in the protocol. After too many since the last message the session ends.
    pub(crate) fn error(&mut self, reply: &Reply) {
        self.write(reply);
        self.errors += 1;
        if self.settings.max_errors.is_some_and(|max| self.errors > max) {
            self.end(&reply::TOO_MANY_ERRORS);
        }
    }

    /// Gives a refusal; a client who is not logged in waits for a final one.
    fn refuse(&mut self, reply: Reply) {
        if reply.code() >= 500 && self.user.is_none() && !self.settings.tarpit.is_zero() {
            self.held = Some((reply, None));
        } else {
            self.write(&reply);
        }
    }

    /// Says good-bye; what was open is forgotten.
    pub(crate) fn end(&mut self, reply: &Reply) {
        self.write(reply);
        self.held = None;
        self.ask = None;
        self.stage = Stage::Over;
    }

    /// Asks, and goes on with the question's stage when the answer is there.
    pub(crate) fn ask(&mut self, greeting: Greeting, question: Question, ask: Ask) {
        self.stage = Stage::Asked(greeting, question);
        self.ask = Some(ask);
    }

    /// By what the client is judged.
    pub(crate) fn standing(&self) -> Standing {
        Standing { user: self.user, tls: self.tls.is_some() }
    }

    /// What is known of the client.
    pub(crate) fn client(&self, greeting: &Greeting) -> Client {
        Client {
            name: greeting.name.clone(),
            hello: greeting.hello,
            address: self.address,
            tls: self.tls.clone(),
            user: self.user,
        }
    }

    fn answer_sender(&mut self, greeting: Greeting, transaction: Transaction, answer: Answer) {
        self.stage = match answer {
            Answer::Granted => {
                self.write(&reply::SENDER_OK);
                Stage::Mail(greeting, transaction)
            }
            other => match self.refused(greeting, other) {
                Stage::Greeted(greeting) => Stage::Refused(greeting),
                stage => stage,
            },
        };
    }

    fn answer_recipient(
        &mut self,
        greeting: Greeting,
        mut transaction: Transaction,
        path: ForwardPath,
        answer: Answer,
    ) {
        match answer {
            Answer::Recipient(destination) => {
                transaction.recipients.push(Recipient { path, destination });
                self.write(&reply::RECIPIENT_OK);
                self.stage = Stage::Mail(greeting, transaction);
            }
            Answer::Refused(reply) => {
                self.refuse(reply);
                transaction.refused = true;
                self.stage = Stage::Mail(greeting, transaction);
            }
            other => self.stage = self.refused(greeting, other),
        }
    }

    fn answer_login(&mut self, greeting: Greeting, answer: Answer) {
        match answer {
            Answer::LoggedIn(account) => {
                self.user = Some(account);
                self.write(&reply::AUTHENTICATED);
                self.stage = Stage::Greeted(greeting);
            }
            Answer::Refused(reply) => {
                // Not held back: whoever checks passwords takes their time already.
                self.write(&reply);
                self.stage = Stage::Greeted(greeting);
                self.failures += u32::from(reply.code() >= 500);
                if self.settings.max_logon_failures.is_some_and(|max| self.failures >= max) {
                    self.end(&reply::TOO_MANY_ERRORS);
                }
            }
            other => self.stage = self.refused(greeting, other),
        }
    }

    fn answer_data(&mut self, greeting: Greeting, answer: Answer) {
        self.stage = match answer {
            Answer::Granted => {
                self.write(&reply::START_INPUT);
                Stage::Body(greeting, Body::new())
            }
            other => self.refused(greeting, other),
        };
    }

    fn answer_body(&mut self, greeting: Greeting, mut body: Body, answer: Answer) {
        match answer {
            Answer::Granted => {}
            Answer::Refused(reply) => body.refuse_told(reply),
            other => return self.stage = self.refused(greeting, other),
        }
        self.stage = Stage::Body(greeting, body);
    }

    fn answer_finish(&mut self, greeting: Greeting, answer: Answer) {
        self.stage = match answer {
            Answer::Accepted(id) => {
                self.errors = 0;
                self.write(&Reply::new(250, format!("2.6.0 {} Queued mail for delivery", one_line(&id))));
                Stage::Greeted(greeting)
            }
            other => self.refused(greeting, other),
        };
    }

    /// The transaction came to nothing. An answer to another question is a bug in the caller; it ends the session.
    fn refused(&mut self, greeting: Greeting, answer: Answer) -> Stage {
        match answer {
            Answer::Refused(reply) => {
                self.refuse(reply);
                Stage::Greeted(greeting)
            }
            _ => {
                self.write(&reply::BROKEN);
                Stage::Over
            }
        }
    }

    /// The message at its end was refused by ourselves.
    pub(crate) fn refuse_body(&mut self, greeting: Greeting, reply: Reply) {
        self.refuse(reply);
        self.stage = Stage::Greeted(greeting);
    }

    /// Every octet breaks the silence, but none prolongs the connection's life: whoever sends one a minute is done with
    /// when that is over. After that only a message is taken, and only as long as it makes progress.
    fn feed_bytes(&mut self, octets: &[u8], now: Instant) {
        if self.is_over(&self.stage, now) {
            return self.time_out();
        }
        self.progress += octets.len();
        if now < self.ends || self.progress >= PROGRESS {
            self.idle_until = None;
            self.progress = 0;
        }
        self.reader.feed(octets);
        if self.held.is_some() && self.reader.pending().len() > MAX_AHEAD {
            self.end(&reply::TOO_MUCH_INPUT);
        }
    }

    fn feed_time(&mut self, now: Instant) {
        let silent = self.held.is_none() && self.idle_until.is_some_and(|until| now >= until);
        if silent || self.is_over(&self.stage, now) {
            self.time_out();
        }
    }

    /// RFC 3207 §4.2: everything learnt before TLS is forgotten, octets sent ahead with it.
    fn feed_tls(&mut self, tls: TlsInfo) {
        self.tls = Some(tls);
        self.reader.discard();
        self.stage = Stage::Fresh;
        self.idle_until = None;
    }
}

impl Machine for Session {
    type Ask = Ask;
    type Answer = Answer;

    fn next(&mut self, now: Instant) -> Step<Ask> {
        if let Some(step) = self.parked.take() {
            return step;
        }
        loop {
            if self.out.len() >= MAX_REPLIES {
                return Step::Write(std::mem::take(&mut self.out));
            }
            let Some(step) = self.advance(now) else { continue };
            if self.out.is_empty() || matches!(step, Step::Ask(_)) {
                return step;
            }
            self.parked = Some(step);
            return Step::Write(std::mem::take(&mut self.out));
        }
    }

    fn answer(&mut self, answer: Answer) {
        let Stage::Asked(greeting, question) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return;
        };
        match question {
            Question::Login => self.answer_login(greeting, answer),
            Question::Sender(transaction) => self.answer_sender(greeting, transaction, answer),
            Question::Recipient(transaction, path) => {
                self.answer_recipient(greeting, transaction, path, answer)
            }
            Question::Begin => self.answer_data(greeting, answer),
            Question::Chunk(body) | Question::Abandon(body) => self.answer_body(greeting, body, answer),
            Question::Finish => self.answer_finish(greeting, answer),
        }
    }

    fn feed(&mut self, event: Event<'_>, now: Instant) {
        match event {
            _ if matches!(self.stage, Stage::Over) => {}
            Event::Bytes(octets) => self.feed_bytes(octets, now),
            Event::Time => self.feed_time(now),
            Event::TlsStarted(tls) => self.feed_tls(tls),
            Event::Shutdown => self.end(&reply::SHUTTING_DOWN),
            Event::Expelled => self.end(&reply::EXPELLED),
            Event::Closed => self.stage = Stage::Over,
            Event::Changed => {}
        }
    }
}
