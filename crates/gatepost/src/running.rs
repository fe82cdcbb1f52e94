//! A running server: opens the data, starts the services, waits for a signal, and ends in order.

use crate::adapter::{NodeForAdmin, WebForNode};
use crate::boot::Boot;
use crate::failure::Failure;
use crate::{setup, socket};
use directory::{Directory, Snapshot};
use journal::{Source, event};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::listen::{self, Endpoint, ListenError};
use server::renewal::Renewal;
use server::{Context, Node, housekeeping};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A data directory that is open.
pub struct Opened {
    /// The directory with the boot file.
    pub dir: PathBuf,
    /// The boot file.
    pub boot: Boot,
    /// The mail.
    pub store: Store,
}

impl Opened {
    /// Opens the store of a directory.
    pub fn new(dir: &Path, boot: Boot) -> Result<Opened, Failure> {
        let data = boot.data_dir(dir);
        let store = Store::open(&data, boot.store_options()).map_err(|error| Failure::data(&data, &error))?;
        Ok(Opened { dir: dir.to_owned(), boot, store })
    }
}

/// The runtime for everything.
pub fn runtime(boot: &Boot) -> Result<Runtime, Failure> {
    raise_open_files();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(boot.worker_threads.unwrap_or(cores).max(1))
        // Threads for passwords and the like come and go; idle ones would keep their memory.
        .thread_keep_alive(Duration::from_secs(2))
        .thread_name("gatepost")
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the system gives no threads: {error}")))
}

/// Each connection is an open file, and the usual soft limit of 1,024 is there for programs that use select(2).
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Files that are kept for administrators and for what the store opens later.
const RESERVE: u64 = 64;
/// Connections that are taken however low the limit is.
const FEWEST: u64 = 16;

/// How many connections leave enough of the open files; asked when the data is open.
fn max_connections() -> u32 {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return u32::MAX };
    let open = std::fs::read_dir("/proc/self/fd").map_or(RESERVE, |open| open.count() as u64);
    // Each may send a large message, which waits in a file of its own.
    let left = (limit.saturating_sub(open).saturating_sub(RESERVE.max(limit / 4)) / 2).max(FEWEST);
    tracing::info!(limit, connections = left, "open files");
    u32::try_from(left).unwrap_or(u32::MAX)
}

/// A server that accepts connections.
pub struct Running {
    opened: Opened,
    node: Node,
    renewal: Arc<Renewal>,
    signals: Signals,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Signals, Failure> {
        let wait = |kind| signal(kind).map_err(Failure::failed);
        Ok(Signals {
            terminate: wait(SignalKind::terminate())?,
            interrupt: wait(SignalKind::interrupt())?,
            hang_up: wait(SignalKind::hangup())?,
        })
    }
}

impl Running {
    /// Starts all services that should run. Where something could not be opened, `unopened` is told, with what is open,
    /// and decides whether to go on.
    pub async fn start(
        opened: Opened,
        snapshot: Snapshot,
        unopened: impl FnOnce(&[ListenError], &[Endpoint]) -> Result<(), Failure>,
    ) -> Result<Running, Failure> {
        // Before anything can be interrupted: a signal from here on ends the server in order.
        let signals = Signals::new()?;
        let names = certificate_names(&snapshot);
        let journal = opened.store.journal();
        let renewal =
            Renewal::start(opened.dir.clone(), names, server::system_clock().seconds, journal.clone());
        let renewal = Arc::new(renewal.map_err(|error| Failure::certificate(&error))?);
        let hostname = snapshot.organization().hostname.clone();
        let directory = Arc::new(Directory::new(snapshot));
        let context = Context::new(opened.store.clone(), directory.clone(), hostname);
        let context = Context { max_connections: max_connections(), ..context };
        let message = format!("Gatepost {} has started.", env!("CARGO_PKG_VERSION"));
        journal.write(&event::NODE_STARTED, Source::Gatepost, &message);
        let node = Node::new(context, renewal.tls().clone());
        let admin = admin::Context {
            store: opened.store.clone(),
            directory,
            node: Arc::new(NodeForAdmin(node.clone())),
            who: policy::Caller::Local,
            caller: String::new(),
            changes: Arc::default(),
        };
        node.serve_http(Arc::new(WebForNode { node: node.clone(), context: admin.clone() }));
        let errors = node.reconcile().await;
        if !errors.is_empty()
            && let Err(failure) = unopened(&errors, &node.endpoints().await)
        {
            node.shut_down().await;
            opened.store.close();
            return Err(failure);
        }
        let listener = socket::listen(&opened.boot.socket(&opened.dir))?;
        tokio::spawn(socket::serve(listener, admin));
        let (context, certificate) = (Arc::clone(node.context()), renewal.clone());
        tokio::spawn(async move { housekeeping::keep(&context, &certificate).await });
        Ok(Running { opened, node, renewal, signals })
    }

    /// Runs until told to end, then ends in order.
    pub async fn until_told(mut self) -> Result<(), Failure> {
        loop {
            tokio::select! {
                _ = self.signals.terminate.recv() => break,
                _ = self.signals.interrupt.recv() => break,
                _ = self.signals.hang_up.recv() => self.reload(),
            }
        }
        self.end().await
    }

    /// Ends in order.
    pub async fn end(self) -> Result<(), Failure> {
        let journal = self.opened.store.journal();
        journal.write(&event::NODE_STOPPED, Source::Gatepost, "The node stops.");
        self.node.shut_down().await;
        // A socket file without a server would only make the next shell wonder.
        let _ = std::fs::remove_file(self.opened.boot.socket(&self.opened.dir));
        let (store, logs) = (self.opened.store, self.node.context().protocol_logs.clone());
        let end = move || {
            logs.flush();
            store.close();
        };
        tokio::task::spawn_blocking(end).await.map_err(Failure::failed)
    }

    /// Takes the certificate from its file again, as after it was replaced.
    fn reload(&self) {
        match self.renewal.reload(self.node.context().now().seconds) {
            Ok(true) => {}
            Ok(false) => tracing::info!("the certificate in use is unchanged"),
            Err(error) => self.renewal.tell_failure(&error),
        }
    }
}

/// All names by which a client may reach this server.
fn certificate_names(snapshot: &Snapshot) -> Vec<String> {
    let organization = snapshot.organization();
    let mut names = vec![organization.hostname.clone(), organization.client_host.clone()];
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    let bound = listen::wanted(snapshot).into_iter().map(|endpoint| endpoint.address.ip());
    names.extend(bound.filter(|ip: &IpAddr| !ip.is_unspecified()).map(|ip| ip.to_string()));
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.to_lowercase()));
    names
}

/// Opens the data of a server that was set up before.
pub async fn load(opened: &Opened) -> Result<Snapshot, Failure> {
    let dir = opened.dir.display();
    setup::load(&opened.dir, &opened.store).await?.ok_or_else(|| {
        Failure::setup(format!(
            "{dir} has no server set up in it; run `gatepost quickstart --data {dir}` first"
        ))
    })
}
