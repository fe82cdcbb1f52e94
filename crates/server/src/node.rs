//! The running node: accepts connections, starts a session for each, and follows the directory.
//!
//! [`Node::reconcile`] compares what is open with what the snapshot wants: new endpoints are opened before old ones are
//! closed, but for old ones that stand in their way; these are opened again if the new ones cannot be. A stopped service
//! tells its sessions good-bye, and a session of an endpoint that is only closed lives on. What cannot be opened is told
//! once, and tried again each time.
//! A session that panics ends alone.

use crate::admit::{self, Door};
use crate::http::Http;
use crate::listen::{self, Endpoint, ListenError};
use crate::tls::Tls;
use crate::{Context, SessionId};
use directory::{Binding, ServiceName, Snapshot};
use journal::{Journal, Source, event};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

/// How long sessions of a stopped service may take to say good-bye.
const GRACE: Duration = Duration::from_secs(5);

/// Listeners and sessions of this process. Cloning gives another handle to the same node.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    context: Arc<Context>,
    tls: Tls,
    http: OnceLock<Arc<dyn Http>>,
    sessions: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: BTreeMap<Endpoint, Listener>,
    /// Closed, but with sessions that may still live.
    retired: Vec<Listener>,
    /// Wanted, told to be impossible, and still tried.
    failed: BTreeSet<Endpoint>,
    /// Wanted no more, but open in place of what failed.
    kept: BTreeSet<Endpoint>,
    /// Told to sessions when their service stops.
    stopping: HashMap<ServiceName, watch::Sender<bool>>,
    /// Endpoints are opened no more.
    shut_down: bool,
}

struct Listener {
    service: ServiceName,
    phase: watch::Sender<Phase>,
    /// Ends when the socket is closed.
    closed: oneshot::Receiver<()>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Accepting,
    /// No new connections; sessions go on.
    Draining,
    /// Sessions are cut off.
    Ending,
}

impl Node {
    /// A node that listens nowhere yet.
    pub fn new(context: Context, tls: Tls) -> Node {
        let context = Arc::new(context);
        Node(Arc::new(Inner {
            context,
            tls,
            http: OnceLock::new(),
            sessions: AtomicU64::new(1),
            state: Mutex::default(),
        }))
    }

    /// Says who serves HTTP, once, before the first endpoint is opened. Without, such connections are closed.
    pub fn serve_http(&self, http: Arc<dyn Http>) {
        // A second one would be a bug of ours without harm: the first stays.
        let _ = self.0.http.set(http);
    }

    /// Whether all endpoints that should be open are.
    pub async fn is_complete(&self) -> bool {
        let state = self.0.state.lock().await;
        state.failed.is_empty() && !state.shut_down
    }

    /// What sessions are given.
    pub fn context(&self) -> &Arc<Context> {
        &self.0.context
    }

    /// Opens and closes endpoints until they agree with the current snapshot. What could not be opened is returned, and
    /// in that case nothing of the same service is closed: better an old port than none. As long as it is wanted it is
    /// tried again each time and not returned again: it has nothing to do with later changes.
    pub async fn reconcile(&self) -> Vec<ListenError> {
        let snapshot = self.0.context.directory.snapshot();
        let wanted = listen::wanted(&snapshot);
        let mut state = self.0.state.lock().await;
        if state.shut_down {
            return Vec::new();
        }
        let context = &self.0.context;
        context.protocol_logs.follow(&snapshot, context.store.dir());
        self.warn_of_clear_text(&snapshot, &state, &wanted);
        let before = state.services();
        let mut errors = self.open_new(&mut state, &wanted).await;
        let failing = services(&errors);
        let failed =
            errors.iter().map(|error| error.endpoint).filter(|failed| wanted.contains(failed)).collect();
        let known = std::mem::replace(&mut state.failed, failed);
        errors.retain(|error| !known.contains(&error.endpoint));
        let failing_now = services(&errors);
        let kept = std::mem::take(&mut state.kept);
        let stays = |open: &Endpoint| {
            let service = &open.service;
            wanted.contains(open)
                || failing_now.contains(service)
                || kept.contains(open) && failing.contains(service)
        };
        state.close(|open| !stays(open)).await;
        state.kept = state.open.keys().filter(|open| !wanted.contains(open)).copied().collect();
        state.stop_unwanted(&snapshot);
        self.tell_of_services(&before, &state.services());
        errors
    }

    async fn open_new(&self, state: &mut State, wanted: &BTreeSet<Endpoint>) -> Vec<ListenError> {
        let new: Vec<Endpoint> = wanted.iter().filter(|new| !state.open.contains_key(new)).copied().collect();
        let in_the_way: Vec<Endpoint> =
            state.open.keys().filter(|old| new.iter().any(|new| overlap(old, new))).copied().collect();
        // All of them before the first is opened: two endpoints may change places.
        state.close(|open| in_the_way.contains(open)).await;
        let mut errors = self.open(state, new);
        let put_back =
            in_the_way.into_iter().filter(|old| errors.iter().any(|new| overlap(old, &new.endpoint)));
        errors.extend(self.open(state, put_back.collect()));
        errors
    }

    fn open(&self, state: &mut State, endpoints: Vec<Endpoint>) -> Vec<ListenError> {
        let mut errors = Vec::new();
        for endpoint in endpoints {
            match listen::open(endpoint) {
                Ok(Some(socket)) => self.listen(state, endpoint, socket),
                Ok(None) => {}
                Err(error) => {
                    let taker = state.open.keys().find(|open| overlap(open, &endpoint));
                    let error = ListenError { taken_by: taker.map(|taker| taker.service), ..error };
                    if state.failed.contains(&endpoint) {
                        tracing::debug!("{error}, still");
                    } else {
                        let message = format!("{error}.");
                        self.journal().write(&event::CANNOT_LISTEN, source(endpoint.service), &message);
                    }
                    errors.push(error);
                }
            }
        }
        errors
    }

    fn listen(&self, state: &mut State, endpoint: Endpoint, socket: TcpListener) {
        let stopping =
            state.stopping.entry(endpoint.service).or_insert_with(|| watch::Sender::new(false)).subscribe();
        let phase = watch::Sender::new(Phase::Accepting);
        let acceptor = Acceptor { node: self.0.clone(), endpoint, stopping, sessions: JoinSet::new() };
        let (close, closed) = oneshot::channel();
        let task = tokio::spawn(acceptor.run(socket, phase.subscribe(), close));
        tracing::info!(address = %endpoint.address, service = %endpoint.service, begin = ?endpoint.begin, "listening");
        state.open.insert(endpoint, Listener { service: endpoint.service, phase, closed, task });
    }

    fn journal(&self) -> &Journal {
        self.0.context.store.journal()
    }

    /// The events of services that have opened their first port or closed their last one.
    fn tell_of_services(&self, before: &BTreeSet<ServiceName>, after: &BTreeSet<ServiceName>) {
        for service in after.difference(before) {
            let message = format!("The service {service} has started.");
            self.journal().write(&event::SERVICE_STARTED, source(*service), &message);
        }
        for service in before.difference(after) {
            let message = format!("The service {service} has stopped.");
            self.journal().write(&event::SERVICE_STOPPED, source(*service), &message);
        }
    }

    /// The event that Exchange writes as long as clear-text logins are allowed.
    fn warn_of_clear_text(&self, snapshot: &Snapshot, state: &State, wanted: &BTreeSet<Endpoint>) {
        let services = [
            (ServiceName::Pop3, policy::Door::Pop3(snapshot.pop())),
            (ServiceName::Imap4, policy::Door::Imap4(snapshot.imap())),
        ];
        for (service, door) in services {
            let is_new =
                |endpoint: &Endpoint| !state.open.contains_key(endpoint) && !state.failed.contains(endpoint);
            let starts = wanted.iter().any(|endpoint| endpoint.service == service && is_new(endpoint));
            if let Some(warning) = policy::clear_text_warning(door).filter(|_| starts) {
                self.journal().write(&event::CLEAR_TEXT_LOGIN, source(service), &warning);
            }
        }
    }

    /// Where the node listens now.
    pub async fn endpoints(&self) -> Vec<Endpoint> {
        self.0.state.lock().await.open.keys().copied().collect()
    }

    /// Stops all services: no new connections, a good-bye to every session, and the end of those who do not go.
    pub async fn shut_down(&self) {
        let mut state = self.0.state.lock().await;
        state.shut_down = true;
        let before = state.services();
        state.close(|_| true).await;
        self.tell_of_services(&before, &state.services());
        for stopping in state.stopping.values() {
            stopping.send_replace(true);
        }
        let retired = std::mem::take(&mut state.retired);
        drop(state);
        end(retired).await;
    }
}

impl State {
    /// Services with an open port.
    fn services(&self) -> BTreeSet<ServiceName> {
        self.open.keys().map(|endpoint| endpoint.service).collect()
    }

    /// Closes endpoints; when this returns their sockets are gone.
    async fn close(&mut self, old: impl Fn(&Endpoint) -> bool) {
        let closing: Vec<Endpoint> = self.open.keys().filter(|open| old(open)).copied().collect();
        for endpoint in closing {
            if let Some(mut listener) = self.open.remove(&endpoint) {
                tracing::info!(address = %endpoint.address, service = %endpoint.service, "no longer listening");
                listener.phase.send_replace(Phase::Draining);
                // Nothing is ever sent: the other end is dropped with the socket.
                let _ = (&mut listener.closed).await;
                self.retired.push(listener);
            }
        }
        self.retired.retain(|listener| !listener.task.is_finished());
    }

    /// Sessions of services that do not run any more are told so, and ended if they do not go.
    fn stop_unwanted(&mut self, snapshot: &Snapshot) {
        for name in ServiceName::ALL {
            if snapshot.is_running(name) {
                continue;
            }
            // The next start gets a signal of its own.
            if let Some(stopping) = self.stopping.remove(&name) {
                stopping.send_replace(true);
                let theirs = self.retired.extract_if(.., |listener| listener.service == name).collect();
                tokio::spawn(end(theirs));
            }
        }
    }
}

fn services(errors: &[ListenError]) -> BTreeSet<ServiceName> {
    errors.iter().map(|error| error.endpoint.service).collect()
}

/// Whether one socket would get connections of the other.
fn overlap(a: &Endpoint, b: &Endpoint) -> bool {
    Binding(a.address).overlaps(&Binding(b.address))
}

/// Waits for the sessions of closed listeners, then cuts off those that are left.
async fn end(listeners: Vec<Listener>) {
    let (phases, tasks): (Vec<_>, Vec<_>) =
        listeners.into_iter().map(|listener| (listener.phase, listener.task)).unzip();
    let mut waiting = JoinSet::new();
    for task in tasks {
        waiting.spawn(task);
    }
    if tokio::time::timeout(GRACE, async { while waiting.join_next().await.is_some() {} }).await.is_err() {
        for phase in &phases {
            phase.send_replace(Phase::Ending);
        }
        while waiting.join_next().await.is_some() {}
    }
}

/// The name under which events of a service are found.
pub(crate) fn source(service: ServiceName) -> Source {
    match service {
        ServiceName::Pop3 => Source::Pop3,
        ServiceName::Imap4 => Source::Imap4,
        ServiceName::Transport => Source::Transport,
        ServiceName::Web => Source::Web,
    }
}

struct Acceptor {
    node: Arc<Inner>,
    endpoint: Endpoint,
    stopping: watch::Receiver<bool>,
    sessions: JoinSet<()>,
}

impl Acceptor {
    async fn run(
        mut self,
        socket: TcpListener,
        mut phase: watch::Receiver<Phase>,
        close: oneshot::Sender<()>,
    ) {
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                biased;
                () = left(&mut phase, Phase::Accepting) => break,
                Some(_) = self.sessions.join_next() => {}
                accepted = accept(&socket, pause) => match accepted {
                    Ok(stream) => {
                        pause = Duration::ZERO;
                        self.admit(stream);
                    }
                    Err(error) => pause = self.pause_after(&error, pause),
                }
            }
        }
        drop(socket);
        drop(close);
        self.drain(phase).await;
    }

    fn admit(&mut self, stream: tokio::net::TcpStream) {
        let id = SessionId(self.node.sessions.fetch_add(1, Ordering::Relaxed));
        let door = Door {
            context: &self.node.context,
            tls: &self.node.tls,
            service: self.endpoint.service,
            begin: self.endpoint.begin,
            http: self.node.http.get(),
            stopping: &self.stopping,
        };
        if let Some(session) = admit::admit(door, id, stream) {
            self.sessions.spawn(session);
        }
    }

    /// Out of descriptors or memory, accepting again at once would only burn the processor.
    fn pause_after(&self, error: &std::io::Error, pause: Duration) -> Duration {
        use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            return Duration::ZERO;
        }
        if pause.is_zero() {
            tracing::error!(
                address = %self.endpoint.address, %error,
                "cannot accept connections for now; is the limit of open files (ulimit -n) too low?"
            );
        }
        (pause * 2).clamp(Duration::from_millis(20), Duration::from_secs(1))
    }

    async fn drain(mut self, mut phase: watch::Receiver<Phase>) {
        loop {
            tokio::select! {
                biased;
                () = left(&mut phase, Phase::Draining) => break,
                session = self.sessions.join_next() => if session.is_none() { return },
            }
        }
        self.sessions.shutdown().await;
    }
}

async fn accept(socket: &TcpListener, pause: Duration) -> std::io::Result<tokio::net::TcpStream> {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    socket.accept().await.map(|(stream, _)| stream)
}

async fn left(phase: &mut watch::Receiver<Phase>, is: Phase) {
    // Without a sender there is no node any more, which ends the phase too.
    let _ = phase.wait_for(|phase| *phase != is).await;
}
