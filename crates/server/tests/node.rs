//! Listeners follow the directory: also where a new endpoint needs the port of an old one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where it fails")]

use directory::{
    Binding, Change, Directory, InitialNode, Object, Service, ServiceName, Snapshot, StartupType,
};
use server::tls::Tls;
use server::{Context, Node, Slot, certificate, system_clock};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use store::Store;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

struct Site {
    node: Node,
    directory: Arc<Directory>,
    _dir: tempfile::TempDir,
}

/// Ports that were free a moment ago.
fn free<const N: usize>() -> [u16; N] {
    let sockets = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port())
}

fn local(port: u16) -> Binding {
    Binding(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn everywhere(port: u16) -> Binding {
    Binding(SocketAddr::from(([0, 0, 0, 0], port)))
}

impl Site {
    /// A node with POP3 only.
    async fn new(clear: Binding, tls: Binding) -> Site {
        let initial = InitialNode {
            hostname: "mail.example.test".into(),
            client_host: "localhost".into(),
            domain: mail::Domain::new("example.test").unwrap(),
            addresses: vec!["127.0.0.1".parse().unwrap()],
            port_offset: 10_000,
            pop_and_imap: StartupType::Automatic,
        };
        let mut snapshot = Snapshot::initial(&initial).unwrap();
        for name in [ServiceName::Imap4, ServiceName::Transport, ServiceName::Web] {
            let off = Service::new(name, StartupType::Disabled);
            snapshot = snapshot.apply(vec![Change::put(off)]).unwrap().snapshot;
        }
        let dir = tempfile::tempdir().unwrap();
        let identity =
            certificate::ensure(dir.path(), &["localhost".into()], system_clock().seconds).unwrap();
        let directory = Arc::new(Directory::new(snapshot));
        let context =
            Context::new(Store::in_memory().unwrap(), directory.clone(), "mail.example.test".into());
        let node = Node::new(context, Tls::new(&identity).unwrap());
        let site = Site { node, directory, _dir: dir };
        assert_eq!(site.bind(clear, tls).await, [""; 0]);
        site
    }

    /// Changes the bindings of POP3; returns what went wrong.
    async fn bind(&self, clear: Binding, tls: Binding) -> Vec<String> {
        self.bind_all(vec![clear], tls).await
    }

    async fn bind_all(&self, clear: Vec<Binding>, tls: Binding) -> Vec<String> {
        let snapshot = self.directory.snapshot();
        let mut settings = snapshot.pop().as_ref().clone();
        (settings.unencrypted_or_tls_bindings, settings.ssl_bindings) = (clear, vec![tls]);
        let applied = snapshot.apply(vec![Change::Put(Object::pop(settings))]).unwrap();
        self.directory.publish(applied.snapshot);
        self.node.reconcile().await.iter().map(ToString::to_string).collect()
    }

    /// Whether POP3 greets in clear at this port.
    async fn greets(&self, port: u16) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
        let mut greeting = [0; 3];
        let read = tokio::time::timeout(std::time::Duration::from_secs(2), stream.read_exact(&mut greeting));
        read.await.is_ok_and(|read| read.is_ok()) && &greeting == b"+OK"
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_can_be_widened_and_narrowed() {
    let [clear, tls] = free();
    let site = Site::new(local(clear), local(tls)).await;
    for binding in [everywhere(clear), local(clear)] {
        assert_eq!(site.bind(binding, local(tls)).await, [""; 0]);
        assert!(site.greets(clear).await, "{binding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ports_can_change_places() {
    let [one, two] = free();
    let site = Site::new(local(one), local(two)).await;
    for (clear, tls) in [(two, one), (one, two), (two, one)] {
        assert_eq!(site.bind(local(clear), local(tls)).await, [""; 0]);
        assert!(site.greets(clear).await && !site.greets(tls).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stood_in_the_way_is_put_back_where_the_new_fails() {
    let [clear, tls] = free();
    let site = Site::new(local(clear), local(tls)).await;
    // Another program has the port at another address of this machine.
    let _other = TcpListener::bind(("127.0.0.2", clear)).unwrap();
    let errors = site.bind(everywhere(clear), local(tls)).await;
    assert!(errors.len() == 1 && errors[0].contains("taken by another program"), "{errors:?}");
    assert!(site.greets(clear).await, "at the old address");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_once_and_tried_again() {
    let [clear, tls, other_tls] = free();
    let site = Site::new(local(clear), local(tls)).await;
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [one, two] = taken.each_ref().map(|socket| socket.local_addr().unwrap().port());
    let errors = site.bind(local(one), local(tls)).await;
    assert!(errors.len() == 1 && errors[0].contains(&one.to_string()), "{errors:?}");
    assert!(site.node.reconcile().await.is_empty(), "another change has nothing to do with it");
    assert!(site.greets(clear).await, "the old port stays as long as there is no new one");
    assert_eq!(site.bind(local(one), local(other_tls)).await, [""; 0]);
    assert!(TcpStream::connect(("127.0.0.1", tls)).await.is_err(), "this one was replaced");
    assert!(site.greets(clear).await);
    let errors = site.bind(local(two), local(other_tls)).await;
    assert!(errors.len() == 1 && errors[0].contains(&two.to_string()), "{errors:?}");
    drop(taken);
    assert!(site.node.reconcile().await.is_empty());
    assert!(site.greets(two).await && !site.greets(clear).await, "it was tried again");
    assert_eq!(site.bind(local(clear), local(other_tls)).await, [""; 0]);
    let _taken = TcpListener::bind(("127.0.0.1", two)).unwrap();
    assert_eq!(site.bind(local(two), local(other_tls)).await.len(), 1, "it had succeeded in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_we_hold_ourselves_is_not_blamed_on_others() {
    let [clear, tls] = free();
    let site = Site::new(everywhere(clear), local(tls)).await;
    // This machine has not the second address, and the first is in the way of what is put back for it.
    let nowhere = Binding(SocketAddr::from(([192, 0, 2, 1], clear)));
    let errors = site.bind_all(vec![local(clear), nowhere], local(tls)).await;
    let by_us = "taken by Gatepost itself (Microsoft Exchange POP3)";
    assert!(errors.len() == 2 && errors[1].contains(by_us), "{errors:?}");
    assert!(site.greets(clear).await);
}

#[tokio::test]
async fn a_client_silent_before_tls_does_not_hold_up_the_end() {
    let [clear, tls] = free();
    let site = Site::new(local(clear), local(tls)).await;
    let _silent = TcpStream::connect(("127.0.0.1", tls)).await.unwrap();
    while site.node.context().limits.taken(&Slot::Service(ServiceName::Pop3)) == 0 {
        tokio::task::yield_now().await;
    }
    // This clock moves only when all others wait for it: for a grace period, say.
    tokio::time::pause();
    let begin = tokio::time::Instant::now();
    site.node.shut_down().await;
    assert_eq!(begin.elapsed(), std::time::Duration::ZERO, "nobody had to be cut off");
}
