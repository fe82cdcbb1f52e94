//! A node of our own in this process: real listeners, TLS and the store on disk.

use super::setup::Site;
use super::shell::{ShellTalk, run_line};
use super::small_disk::SmallDisk;
use super::socket::{Socket, trusting};
use super::{Conversation, Disk, Trouble, World};
use crate::dialogue::{DiskSize, Protocol, Security};
use crate::node::{Port, free_offset};
use rustls::ClientConfig;
use server::certificate;
use server::node::Node;
use server::tls::Tls;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use store::{Options, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A running node with its data directory.
pub struct NodeWorld {
    runtime: Rc<Runtime>,
    /// Before the directory, which is removed when nothing is mounted there any more.
    running: Option<Running>,
    small: Option<SmallDisk>,
    dir: TempDir,
    offset: u16,
    client: Arc<ClientConfig>,
}

struct Running {
    site: Site,
    node: Node,
    store: Store,
}

impl NodeWorld {
    /// A new node on new data.
    pub fn new(disk: DiskSize) -> Result<NodeWorld, Trouble> {
        let runtime =
            Rc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?);
        let dir = tempfile::tempdir()?;
        let small = match disk {
            DiskSize::Small => Some(SmallDisk::mount(dir.path())?),
            DiskSize::Any => None,
        };
        let offset = free_offset();
        let tls = tls(&dir)?;
        let client = trusting(&certificate::ca_path(dir.path()))?;
        let store = open(&dir)?;
        let running = runtime.block_on(async {
            let site = Site::create(store.clone(), offset).await?;
            start(site, store, tls).await
        })?;
        Ok(NodeWorld { runtime, running: Some(running), small, dir, offset, client })
    }

    fn running(&self) -> Result<&Running, Trouble> {
        self.running.as_ref().ok_or_else(|| Trouble::Failed("the node is down".to_owned()))
    }

    fn shell_context(&self) -> Result<admin::Context, Trouble> {
        let running = self.running()?;
        Ok(running.site.shell_context(Arc::new(Adapter(running.node.clone()))))
    }
}

fn failed(error: impl std::fmt::Display) -> Trouble {
    Trouble::Failed(error.to_string())
}

fn open(dir: &TempDir) -> Result<Store, Trouble> {
    Store::open(dir.path(), Options::default()).map_err(failed)
}

fn tls(dir: &TempDir) -> Result<Tls, Trouble> {
    let names = ["mail.example.test", "localhost"].map(str::to_owned);
    let identity = certificate::ensure(dir.path(), &names, server::system_clock().seconds).map_err(failed)?;
    Tls::new(&identity).map_err(failed)
}

async fn start(site: Site, store: Store, tls: Tls) -> Result<Running, Trouble> {
    let node = Node::new(server::Context::clone(&site.context), tls);
    match node.reconcile().await.first() {
        None => Ok(Running { site, node, store }),
        Some(error) => Err(failed(error)),
    }
}

impl World for NodeWorld {
    fn connect(&mut self, protocol: Protocol, security: Security) -> Result<Box<dyn Conversation>, Trouble> {
        let port = match (protocol, security) {
            (Protocol::Pop3, Security::Clear) => Port::Pop3,
            (Protocol::Pop3, Security::Tls) => Port::Pop3s,
            (Protocol::Imap, Security::Clear) => Port::Imap,
            (Protocol::Imap, Security::Tls) => Port::Imaps,
            (Protocol::Submission, Security::Clear) => Port::Submission,
            (Protocol::Submission, Security::Tls) => Port::Submissions,
            (Protocol::Smtp, _) => Port::Smtp,
            (Protocol::Admin, _) => {
                return Ok(Box::new(ShellTalk::new(self.runtime.clone(), self.shell_context()?)));
            }
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.standard() + self.offset));
        let mut socket = Socket::connect(address, self.client.clone())?;
        if security == Security::Tls {
            socket.start_tls()?;
        }
        Ok(Box::new(socket))
    }

    fn deliver(&mut self, message: &[u8], user: &str) -> Result<(), Trouble> {
        self.runtime.block_on(self.running()?.site.deliver(message, user))
    }

    fn restart(&mut self) -> Result<(), Trouble> {
        self.stop();
        let (store, tls) = (open(&self.dir)?, tls(&self.dir)?);
        self.running = Some(self.runtime.block_on(async {
            let site = Site::load(store.clone()).await?;
            start(site, store, tls).await
        })?);
        Ok(())
    }

    fn damage(&mut self, message: &[u8]) -> Result<(), Trouble> {
        self.stop();
        // A small message lies in the index, in one piece.
        let path = self.dir.path().join("index.db");
        let mut index = std::fs::read(&path)?;
        let places: Vec<usize> = (0..index.len())
            .filter(|at| index.get(*at..).is_some_and(|rest| rest.starts_with(message)))
            .collect();
        if places.is_empty() {
            return Err(failed("the message is not in the index"));
        }
        for place in places {
            if let Some(octet) = index.get_mut(place + message.len() / 2) {
                *octet ^= 1;
            }
        }
        std::fs::write(&path, index)?;
        self.restart()
    }

    fn disk(&mut self, disk: Disk) -> Result<(), Trouble> {
        let small = self.small.as_ref().ok_or_else(|| failed("this disk is not small"))?;
        match disk {
            Disk::Full => small.fill(),
            Disk::HasSpace => small.empty(),
        }
    }

    fn shell(&mut self, line: &str) -> Result<(String, bool), Trouble> {
        Ok(run_line(&self.runtime, self.shell_context()?, line))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

impl NodeWorld {
    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.node.shut_down());
            running.store.close();
        }
    }
}

impl Drop for NodeWorld {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The node as the shell sees it.
struct Adapter(Node);

impl admin::Node for Adapter {
    fn reconcile(&self) -> admin::BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            let errors = self.0.reconcile().await;
            let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
            if text.is_empty() { Ok(()) } else { Err(text.join("\n")) }
        })
    }

    fn has_address(&self, address: std::net::IpAddr) -> bool {
        server::listen::has_address(address)
    }

    fn now(&self) -> i64 {
        server::system_clock().seconds
    }
}
