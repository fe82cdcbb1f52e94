//! The session machines on the store in memory: no sockets, no TLS, and time that passes when it is told to.

use super::setup::Site;
use super::shell::{ShellTalk, run_line};
use super::{Conversation, Received, Trouble, World};
use crate::dialogue::{Protocol, Security};
use server::{Connection, Context, Serve, SessionId};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use tokio::runtime::Runtime;
use wire::{Copy, Event, Machine, Shape, Step, Stuffer, TlsInfo, Wait};

/// How what the client sends reaches the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// As it was written.
    Whole,
    /// Octet by octet.
    EveryOctet,
}

/// A site in memory.
pub struct MachineWorld {
    runtime: Rc<Runtime>,
    store: Store,
    site: Site,
    clock: Rc<Cell<Instant>>,
    cut: Cut,
    sessions: u64,
}

impl MachineWorld {
    /// A new one.
    pub fn new(cut: Cut) -> Result<MachineWorld, Trouble> {
        let runtime = Rc::new(tokio::runtime::Builder::new_current_thread().enable_all().build()?);
        let _inside = runtime.enter();
        let store = Store::in_memory().map_err(|error| Trouble::Failed(error.to_string()))?;
        let site = runtime.block_on(Site::create(store.clone(), 0))?;
        let clock = Rc::new(Cell::new(Instant::now()));
        drop(_inside);
        Ok(MachineWorld { runtime, store, site, clock, cut, sessions: 0 })
    }

    fn talk<S: Serve + 'static>(&self, (machine, serve): (S::Machine, S)) -> Box<dyn Conversation> {
        let mut talk = MachineTalk {
            machine,
            serve,
            runtime: self.runtime.clone(),
            context: self.site.context.clone(),
            clock: self.clock.clone(),
            cut: self.cut,
            out: Vec::new(),
            state: State::Closed,
        };
        talk.pump();
        Box::new(talk)
    }
}

fn standard_port(protocol: Protocol, security: Security) -> u16 {
    match (protocol, security) {
        (Protocol::Pop3, Security::Clear) => 110,
        (Protocol::Pop3, Security::Tls) => 995,
        (Protocol::Imap, Security::Clear) => 143,
        (Protocol::Imap, Security::Tls) => 993,
        (Protocol::Submission, Security::Clear) => 587,
        (Protocol::Submission, Security::Tls) => 465,
        (Protocol::Smtp | Protocol::Admin, _) => 25,
    }
}

impl World for MachineWorld {
    fn connect(&mut self, protocol: Protocol, security: Security) -> Result<Box<dyn Conversation>, Trouble> {
        self.sessions += 1;
        let (context, now) = (&self.site.context, self.clock.get());
        let connection = Connection {
            id: SessionId(self.sessions),
            local: SocketAddr::from((Ipv4Addr::LOCALHOST, standard_port(protocol, security))),
            remote: SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)),
            tls: (security == Security::Tls).then(tls_info),
        };
        // Sessions may begin tasks of their own.
        let runtime = self.runtime.clone();
        let _inside = runtime.enter();
        Ok(match protocol {
            Protocol::Pop3 => self.talk(server::pop3::open(context, &connection, now)),
            Protocol::Imap => self.talk(server::imap::open(context, &connection, now)),
            Protocol::Smtp | Protocol::Submission => {
                let all = context.directory.snapshot();
                let connector = policy::connector(&all, connection.local, connection.remote.ip());
                let connector = connector.map_err(|refusal| Trouble::Failed(refusal.reason()))?;
                self.talk(server::smtp::open(context, &connection, &connector, now))
            }
            Protocol::Admin => {
                let context = self.site.shell_context(Arc::new(NoNode));
                Box::new(ShellTalk::new(self.runtime.clone(), context))
            }
        })
    }

    fn deliver(&mut self, message: &[u8], user: &str) -> Result<(), Trouble> {
        self.runtime.block_on(self.site.deliver(message, user))
    }

    fn advance(&mut self, by: Duration) -> Result<(), Trouble> {
        self.clock.set(self.clock.get() + by);
        Ok(())
    }

    /// All but the store begins anew.
    fn restart(&mut self) -> Result<(), Trouble> {
        self.site = self.runtime.block_on(Site::load(self.store.clone()))?;
        Ok(())
    }

    fn shell(&mut self, line: &str) -> Result<(String, bool), Trouble> {
        Ok(run_line(&self.runtime, self.site.shell_context(Arc::new(NoNode)), line))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(2)
    }
}

/// There are no listeners to follow the settings.
struct NoNode;

impl admin::Node for NoNode {
    fn reconcile(&self) -> admin::BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn has_address(&self, address: std::net::IpAddr) -> bool {
        server::listen::has_address(address)
    }

    fn now(&self) -> i64 {
        server::system_clock().seconds
    }
}

fn tls_info() -> TlsInfo {
    TlsInfo { version: "TLSv1.3".to_owned(), cipher: "TLS_AES_256_GCM_SHA384".to_owned() }
}

/// A session machine that is driven by hand, as [`server::session`] does it.
struct MachineTalk<S: Serve> {
    machine: S::Machine,
    serve: S,
    runtime: Rc<Runtime>,
    context: Arc<Context>,
    clock: Rc<Cell<Instant>>,
    cut: Cut,
    out: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting(Wait),
    /// The next octets are TLS.
    BeginsTls,
    Closed,
}

impl<S: Serve> MachineTalk<S> {
    /// Does what the machine says until it waits.
    fn pump(&mut self) {
        let runtime = self.runtime.clone();
        let _inside = runtime.enter();
        loop {
            match self.machine.next(self.clock.get()) {
                Step::Write(octets) => self.out.extend_from_slice(&wire::char8(&octets)),
                Step::Copy(copy) => self.copy(&copy),
                Step::Ask(ask) => {
                    let answer = runtime.block_on(self.serve.serve(ask));
                    self.machine.answer(answer);
                }
                Step::Wait(wait) => return self.state = State::Waiting(wait),
                Step::StartTls => return self.state = State::BeginsTls,
                Step::Close => return self.state = State::Closed,
            }
        }
    }

    #[expect(clippy::expect_used, reason = "a message that cannot be read has no place in a test")]
    fn copy(&mut self, copy: &Copy) {
        let mut octets = Vec::new();
        while octets.len() < copy.len as usize {
            let done = octets.len() as u32;
            // In pieces, so that those of the dotted form are cut somewhere.
            let piece = self.context.store.read(&copy.body, copy.start + done, (copy.len - done).min(997));
            let piece = self.runtime.block_on(piece).expect("the message can be read");
            assert!(!piece.is_empty(), "the message has the length that was promised");
            octets.extend_from_slice(&piece);
        }
        match copy.shape {
            Shape::Char8 => self.out.extend_from_slice(&wire::char8(&octets)),
            Shape::Dotted(lines) => {
                let mut dots = Stuffer::new(lines);
                octets.chunks(61).for_each(|piece| dots.push(piece, &mut self.out));
                dots.finish(&mut self.out);
            }
        }
    }

    fn feed(&mut self, event: Event<'_>) {
        self.machine.feed(event, self.clock.get());
        self.pump();
    }

    /// Lets the machine know of time and changes.
    fn settle(&mut self) {
        let State::Waiting(wait) = self.state else { return };
        if self.clock.get() >= wait.until {
            return self.feed(Event::Time);
        }
        let changed = wait.changes
            && self.serve.changes().is_some_and(|changes| {
                let changed = changes.has_changed().unwrap_or(false);
                if changed {
                    changes.borrow_and_update();
                }
                changed
            });
        if changed {
            self.feed(Event::Changed);
        }
    }
}

impl<S: Serve> Conversation for MachineTalk<S> {
    fn send(&mut self, octets: &[u8]) -> Result<(), Trouble> {
        self.settle();
        if self.state == State::BeginsTls {
            // Clear text is no handshake.
            self.state = State::Closed;
        }
        let size = if self.cut == Cut::Whole { octets.len() } else { 1 };
        for piece in octets.chunks(size.max(1)) {
            // What was written together with STLS is thrown away with it.
            if let State::Waiting(_) = self.state {
                self.feed(Event::Bytes(piece));
            }
        }
        Ok(())
    }

    fn receive(&mut self, within: Duration) -> Result<Received, Trouble> {
        let deadline = Instant::now() + within;
        loop {
            self.settle();
            if !self.out.is_empty() {
                return Ok(Received::Octets(std::mem::take(&mut self.out)));
            }
            if self.state == State::Closed {
                return Ok(Received::Closed);
            }
            if Instant::now() >= deadline {
                return Ok(Received::Silence);
            }
            // The store's own threads may have something to tell.
            self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(2)).await });
        }
    }

    fn start_tls(&mut self) -> Result<(), Trouble> {
        if self.state != State::BeginsTls {
            return Err(Trouble::Failed("the server does not begin TLS".to_owned()));
        }
        self.feed(Event::TlsStarted(tls_info()));
        Ok(())
    }
}

impl<S: Serve> Drop for MachineTalk<S> {
    fn drop(&mut self) {
        if let State::Waiting(_) = self.state {
            self.feed(Event::Closed);
        }
    }
}
