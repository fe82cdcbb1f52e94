//! The session machine: reads commands, runs one at a time, and writes what they have to say.
//!
//! It does not know the commands: [`command::begin`] finds and parses them, and each is a [`Task`] that says by its
//! [`Turn`]s what it needs. Time, bad commands and the end of the session are dealt with here. RFC 3501 §3, §5.4, §7.1.5.

use crate::border::{Answer, Ask, Code};
use crate::command;
use crate::frame::{Announced, Framed, Framer};
use crate::reply::{Reply, Status};
use crate::settings::Settings;
use crate::state::{Changes, Channel, Core, Input, Stage, Task, Turn};
use crate::sync::{Expunges, Sync, SyncTurn};
use std::sync::Arc;
use std::time::Instant;
use wire::{Event, Machine, Step, Wait};

/// Octets written before they are sent.
pub(crate) const FLUSH: usize = 32 << 10;

/// Messages that are changed at a time: the store writes one change after the other, and others wait.
pub(crate) const CHANGES: usize = 5_000;

/// Steps of work, each some nanoseconds, after which others have their turn.
pub(crate) const WORK: usize = 1 << 20;

/// Octets of a whole command before login, literals included.
const FRESH_LIMIT: u64 = 8 << 10;

/// Bad commands in a row before the connection is closed, before and after login.
const FRESH_BAD: u32 = 10;
const BAD: u32 = 50;

/// Logins that fail before the connection is closed.
const FAILED_LOGINS: u32 = 5;

/// One IMAP session.
pub struct Session {
    core: Core,
    framer: Framer,
    state: State,
    /// To be given once the output before it is sent.
    held: Option<Step<Ask>>,
    /// When the client last did what lets it stay; before login, when it came.
    active: Instant,
    /// Bad commands in a row.
    bad: u32,
}

enum State {
    /// Between commands, or within the octets of one.
    Command,
    Run(Box<dyn Task>, Input),
    Asked(Box<dyn Task>),
    Line(Box<dyn Task>, Changes),
    Rest(Box<dyn Task>),
    Octets(Box<dyn Task>, u64),
    Sync(Sync, Then, Input),
    SyncAsked(Sync, Then),
    StartingTls,
    Closed,
}

/// What follows after changes were told.
enum Then {
    Task(Box<dyn Task>),
    Reply(Reply),
}

impl Session {
    /// A session on a new connection; its first step is the greeting.
    pub fn new(settings: Arc<Settings>, channel: Channel, now: Instant) -> Session {
        let framer = Framer::new(settings.command_limit);
        let mut core = Core {
            settings,
            channel,
            stage: Stage::Fresh,
            out: Vec::new(),
            tag: Vec::new(),
            condstore: false,
            stale: false,
            failed_logins: 0,
        };
        core.greet();
        Session { core, framer, state: State::Command, held: None, active: now, bad: 0 }
    }

    /// One move; `None` where there is more to do before a step is known.
    fn turn(&mut self, now: Instant) -> Option<Step<Ask>> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Command => self.read_command(now),
            State::Run(mut task, input) => {
                let fresh = self.is_fresh();
                let turn = task.run(&mut self.core, input);
                // The client's time is another one from its login on.
                if fresh && !self.is_fresh() {
                    self.active = now;
                }
                self.take_turn(task, turn)
            }
            State::Line(task, changes) => self.read_line(task, changes),
            State::Rest(task) => self.read_rest(task),
            State::Octets(task, at_most) => self.read_octets(task, at_most),
            State::Sync(mut sync, then, input) => {
                let turn = sync.run(&mut self.core, input);
                self.take_sync_turn(sync, then, turn)
            }
            // `answer` and `feed` bring these on; a driver that calls otherwise waits.
            state @ (State::Asked(_) | State::SyncAsked(..) | State::StartingTls) => {
                self.state = state;
                Some(self.wait(Changes::Ignored))
            }
            State::Closed => Some(Step::Close),
        }
    }

    /// Nothing can be done before something happens.
    fn wait(&self, changes: Changes) -> Step<Ask> {
        Step::Wait(Wait { until: self.deadline(), changes: changes == Changes::Wanted })
    }

    fn read_command(&mut self, now: Instant) -> Option<Step<Ask>> {
        self.state = State::Command;
        match self.framer.next() {
            Framed::Nothing => {
                let selected = matches!(self.core.stage, Stage::Selected(_));
                let wanted = selected && !self.core.stale;
                return Some(self.wait(if wanted { Changes::Wanted } else { Changes::Ignored }));
            }
            Framed::Command(text) => self.begin(&text, now),
            Framed::Literal(literal) => self.literal_announced(literal, now),
            Framed::Refused(text, why) => {
                self.core.tag = command::tag_of(&text);
                self.finish(Reply::bad(why));
            }
        }
        None
    }

    /// A complete command: it is found, checked and set to work, or refused.
    fn begin(&mut self, text: &[u8], now: Instant) {
        self.is_active(now);
        self.core.tag = command::tag_of(text);
        match command::begin(&self.core, text) {
            Ok(task) => self.state = State::Run(task, Input::Start),
            Err(reply) => self.finish(reply),
        }
    }

    fn is_fresh(&self) -> bool {
        matches!(self.core.stage, Stage::Fresh)
    }

    /// The client did something. Before login that does not let it stay: it has one time for all of it.
    fn is_active(&mut self, now: Instant) {
        if !self.is_fresh() {
            self.active = now;
        }
    }

    fn deadline(&self) -> Instant {
        let settings = &self.core.settings;
        let fresh = self.is_fresh();
        self.active + if fresh { settings.login_timeout } else { settings.idle_timeout }
    }

    /// A line ended by announcing a literal: the message of an APPEND goes to its task, any other must fit the limits.
    fn literal_announced(&mut self, literal: Announced, now: Instant) {
        let fresh = self.is_fresh();
        if !fresh && let Some(task) = command::append::begin(self.framer.text(), literal) {
            self.active = now;
            let text = self.framer.take_text();
            self.core.tag = command::tag_of(&text);
            self.state = State::Run(task, Input::Start);
            return;
        }
        let room = if fresh { FRESH_LIMIT } else { self.core.settings.literal_limit as u64 };
        if literal.size.saturating_add(self.framer.text().len() as u64) <= room {
            self.framer.accept(literal);
            if literal.waits {
                self.core.goes_on("OK");
            }
        } else if literal.waits {
            self.core.tag = command::tag_of(&self.framer.take_text());
            self.finish(Reply::bad("[TOOBIG] Literal too large"));
        } else if literal.size <= self.core.settings.append_limit {
            self.framer.doom(literal, "[TOOBIG] Literal too large");
        } else {
            // RFC 7888 §4: rather than read over this much, the server may close the connection.
            self.bye("[TOOBIG] Literal too large");
        }
    }

    /// Does what a task wants next.
    fn take_turn(&mut self, task: Box<dyn Task>, turn: Turn) -> Option<Step<Ask>> {
        match turn {
            Turn::Ask(ask) => {
                self.state = State::Asked(task);
                return Some(Step::Ask(ask));
            }
            Turn::Copy(copy) => {
                self.state = State::Run(task, Input::Again);
                return Some(Step::Copy(copy));
            }
            Turn::Again => self.state = State::Run(task, Input::Again),
            Turn::Line(changes) => self.state = State::Line(task, changes),
            Turn::Rest => self.state = State::Rest(task),
            Turn::Octets(at_most) => self.state = State::Octets(task, at_most),
            Turn::Sync => self.state = State::Sync(Sync::new(Expunges::Told), Then::Task(task), Input::Start),
            Turn::Done(reply) => self.done(reply, Expunges::Told),
            Turn::DoneNoExpunge(reply) => self.done(reply, Expunges::Withheld),
            Turn::StartTls(reply) => {
                self.finish(reply);
                // RFC 3501 §6.2.1, RFC 3207 §6: what came behind the command in clear text is never executed.
                self.framer.discard();
                self.state = State::StartingTls;
                return Some(Step::StartTls);
            }
            Turn::Logout(reply) => {
                self.finish(reply);
                self.state = State::Closed;
            }
        }
        None
    }

    /// A command is done: what changed is told, then its tagged response.
    fn done(&mut self, reply: Reply, expunges: Expunges) {
        if self.core.stale && self.core.view().is_some() {
            self.state = State::Sync(Sync::new(expunges), Then::Reply(reply), Input::Start);
        } else {
            self.finish(reply);
        }
    }

    /// Does what telling of changes needs next.
    fn take_sync_turn(&mut self, sync: Sync, then: Then, turn: SyncTurn) -> Option<Step<Ask>> {
        match turn {
            SyncTurn::Ask(ask) => {
                self.state = State::SyncAsked(sync, then);
                return Some(Step::Ask(ask));
            }
            SyncTurn::Again => self.state = State::Sync(sync, then, Input::Again),
            SyncTurn::Done => self.after_sync(then),
            SyncTurn::Failed(refusal) if refusal.code == Some(Code::NonExistent) => {
                // Another session deleted the mailbox (RFC 2180).
                self.after_sync(then);
                self.bye("The selected mailbox was deleted");
            }
            SyncTurn::Failed(refusal) => {
                self.core.stale = true;
                self.after_sync(then);
                if refusal.closes {
                    self.bye(&Reply::refused(&refusal).text);
                }
            }
        }
        None
    }

    /// Goes on with what waited for changes to be told.
    fn after_sync(&mut self, then: Then) {
        match then {
            Then::Task(task) => self.state = State::Run(task, Input::Again),
            Then::Reply(reply) => self.finish(reply),
        }
    }

    /// Writes the tagged response and goes on to the next command.
    fn finish(&mut self, reply: Reply) {
        self.core.tagged(&reply);
        self.core.tag.clear();
        self.state = State::Command;
        self.bad = if reply.status == Status::Bad { self.bad + 1 } else { 0 };
        let allowed = if matches!(self.core.stage, Stage::Fresh) { FRESH_BAD } else { BAD };
        if reply.closes {
            self.bye(&reply.text);
        } else if self.bad >= allowed {
            self.bye("Too many bad commands");
        } else if self.core.failed_logins >= FAILED_LOGINS {
            self.bye("Too many failed logins");
        }
    }

    /// RFC 3501 §7.1.5: the connection is closed after BYE.
    fn bye(&mut self, why: &str) {
        self.core.untagged(&format!("BYE {why}"));
        self.state = State::Closed;
    }

    /// Waits for a line that is no command.
    fn read_line(&mut self, task: Box<dyn Task>, changes: Changes) -> Option<Step<Ask>> {
        self.state = match self.framer.raw_line() {
            None => {
                self.state = State::Line(task, changes);
                return Some(self.wait(changes));
            }
            Some(Ok(line)) => State::Run(task, Input::Line(line)),
            Some(Err(why)) => State::Run(task, Input::BadLine(why)),
        };
        None
    }

    /// Waits for what follows the literal that a task took. Further literals are read over or refused.
    fn read_rest(&mut self, task: Box<dyn Task>) -> Option<Step<Ask>> {
        self.state = match self.framer.next() {
            Framed::Nothing => {
                self.state = State::Rest(task);
                return Some(self.wait(Changes::Ignored));
            }
            Framed::Command(text) => State::Run(task, Input::Line(text.into())),
            Framed::Refused(_, why) => State::Run(task, Input::BadLine(why)),
            Framed::Literal(literal) if literal.waits => {
                self.framer.take_text();
                State::Run(task, Input::BadLine("One message at a time"))
            }
            Framed::Literal(literal) => {
                self.framer.doom(literal, "One message at a time");
                State::Rest(task)
            }
        };
        None
    }

    /// Waits for octets of a literal; what has come of them is passed on at once.
    fn read_octets(&mut self, task: Box<dyn Task>, at_most: u64) -> Option<Step<Ask>> {
        let octets = self.framer.octets(at_most);
        if octets.is_empty() {
            self.state = State::Octets(task, at_most);
            return Some(self.wait(Changes::Ignored));
        }
        self.state = State::Run(task, Input::Octets(octets));
        None
    }

    /// The wait is over; whether the client's time is too depends on what it has done meanwhile.
    fn time_came(&mut self, now: Instant) {
        if now < self.deadline() {
            return;
        }
        match self.core.stage {
            Stage::Fresh => self.bye("Login took too long"),
            Stage::Authenticated | Stage::Selected(_) => self.bye("Autologout; idle for too long"),
        }
    }

    /// IDLE hears of it now, any other command when it ends.
    fn account_changed(&mut self) {
        self.core.stale = true;
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Line(task, Changes::Wanted) => State::Run(task, Input::Changed),
            state => state,
        };
    }

    /// RFC 3501 §6.2.1: what the client knew of the server is void; there is no second greeting.
    fn tls_started(&mut self) {
        self.core.channel = Channel::Tls;
        self.framer.discard();
        self.state = State::Command;
    }
}

impl Machine for Session {
    type Ask = Ask;
    type Answer = Answer;

    fn next(&mut self, now: Instant) -> Step<Ask> {
        loop {
            if self.core.out.len() >= FLUSH {
                return Step::Write(std::mem::take(&mut self.core.out));
            }
            let step = match self.held.take() {
                Some(step) => step,
                None => match self.turn(now) {
                    Some(step) => step,
                    None => continue,
                },
            };
            // An answer may be waited for with output at hand: more will follow it.
            if self.core.out.is_empty() || matches!(step, Step::Ask(_)) {
                return step;
            }
            self.held = Some(step);
            return Step::Write(std::mem::take(&mut self.core.out));
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Asked(task) => State::Run(task, Input::Answer(answer)),
            State::SyncAsked(sync, then) => State::Sync(sync, then, Input::Answer(answer)),
            state => state,
        };
    }

    fn feed(&mut self, event: Event<'_>, now: Instant) {
        self.held = None;
        match event {
            Event::Bytes(octets) => {
                self.framer.feed(octets);
                self.is_active(now);
            }
            Event::Closed => self.state = State::Closed,
            Event::Time => self.time_came(now),
            Event::Changed => self.account_changed(),
            Event::TlsStarted(_) => self.tls_started(),
            Event::Shutdown => self.bye("Server shutting down"),
            Event::Expelled => self.bye("Session ended by an administrator"),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("stage", &self.core.stage).finish_non_exhaustive()
    }
}
