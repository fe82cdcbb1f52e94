//! The session loop over real sockets, with a small protocol of its own: TLS, messages, time, the end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod toy;

use directory::{Directory, InitialNode, ServiceName, Snapshot, StartupType};
use mail::DateTime;
use rustls::HandshakeKind;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use server::protocol_log::SessionLog;
use server::stream::Stream;
use server::tls::Tls;
use server::{Connection, Context, SessionId, certificate, session, system_clock};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A server of the toy protocol.
struct Server {
    address: std::net::SocketAddr,
    tls: Tls,
    context: Arc<Context>,
    dir: tempfile::TempDir,
    stop: watch::Sender<bool>,
    ended: tokio::sync::mpsc::UnboundedReceiver<Result<(), String>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Begin {
    Clear,
    Tls,
}

fn names() -> Vec<String> {
    ["mail.example.test", "localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec()
}

async fn context() -> Arc<Context> {
    let node = InitialNode {
        hostname: "mail.example.test".into(),
        client_host: "localhost".into(),
        domain: mail::Domain::new("example.test").unwrap(),
        addresses: vec!["127.0.0.1".parse().unwrap()],
        port_offset: 10_000,
        pop_and_imap: StartupType::Automatic,
    };
    let directory = Directory::new(Snapshot::initial(&node).unwrap());
    Arc::new(Context::new(Store::in_memory().unwrap(), Arc::new(directory), "mail.example.test".into()))
}

fn log(context: &Context) -> SessionLog {
    let anywhere = "127.0.0.1:1".parse().unwrap();
    let connection = Connection { id: SessionId(1), local: anywhere, remote: anywhere, tls: None };
    SessionLog::begin(&context.protocol_logs, context.store.journal(), ServiceName::Pop3, &connection)
}

async fn serve(begin: Begin) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let identity = certificate::ensure(dir.path(), &names(), system_clock().seconds).unwrap();
    let tls = Tls::new(&identity).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, context) = (listener.local_addr().unwrap(), context().await);
    let (stop, stopping) = watch::channel(false);
    let (sender, ended) = tokio::sync::mpsc::unbounded_channel();
    let (accept_tls, accept_context) = (tls.clone(), context.clone());
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (tls, context, stopping, sender) =
                (accept_tls.clone(), accept_context.clone(), stopping.clone(), sender.clone());
            tokio::spawn(async move {
                let mut stream = Stream::Clear(socket);
                if begin == Begin::Tls && stream.start_tls(&tls).await.is_err() {
                    return;
                }
                let (machine, serve) = toy::session(context.clone());
                let log = log(&context);
                let ended = session::run(stream, machine, serve, context, tls, stopping, log).await;
                let _ = sender.send(ended.map_err(|broken| broken.to_string()));
            });
        }
    });
    Server { address, tls, context, dir, stop, ended }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn client(&self, version: &'static rustls::SupportedProtocolVersion) -> TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate::ca_path(self.dir.path())).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    async fn connect_tls(&self, client: &TlsConnector, name: &str) -> io::Result<TlsStream<TcpStream>> {
        client.connect(ServerName::try_from(name.to_owned()).unwrap(), self.connect().await).await
    }
}

async fn ask(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), line: &str) -> String {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    answer(stream).await
}

async fn answer(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        match tokio::time::timeout(Duration::from_secs(10), stream.read_u8())
            .await
            .expect("an answer in time")
        {
            Ok(octet) => line.push(octet),
            Err(_) => break,
        }
    }
    String::from_utf8(line).unwrap()
}

const VERSIONS: [(&str, &rustls::SupportedProtocolVersion); 2] =
    [("TLSv1.2", &rustls::version::TLS12), ("TLSv1.3", &rustls::version::TLS13)];

#[tokio::test]
async fn both_versions_under_every_name() {
    let server = serve(Begin::Tls).await;
    for (text, version) in VERSIONS {
        for name in names() {
            let mut stream = server.connect_tls(&server.client(version), &name).await.unwrap();
            assert_eq!(ask(&mut stream, "echo hello").await, "hello\r\n", "{text} {name}");
        }
        assert!(server.connect_tls(&server.client(version), "other.test").await.is_err(), "{text}");
    }
}

#[tokio::test]
async fn sessions_are_resumed_until_the_certificate_changes() {
    let server = serve(Begin::Tls).await;
    for (text, version) in VERSIONS {
        let client = server.client(version);
        let mut kinds = Vec::new();
        for round in 0..3 {
            if round == 2 {
                let more = [names(), vec!["new.test".to_owned()]].concat();
                let identity = certificate::ensure(server.dir.path(), &more, system_clock().seconds).unwrap();
                server.tls.reload(&identity).unwrap();
            }
            let mut stream = server.connect_tls(&client, "localhost").await.unwrap();
            assert_eq!(ask(&mut stream, "echo hello").await, "hello\r\n");
            kinds.push(stream.get_ref().1.handshake_kind().unwrap());
        }
        let resumed: Vec<bool> = kinds.iter().map(|kind| *kind == HandshakeKind::Resumed).collect();
        assert_eq!(resumed, [false, true, false], "{text}: {kinds:?}");
    }
}

#[tokio::test]
async fn starttls_upgrades_and_injected_commands_are_lost() {
    let server = serve(Begin::Clear).await;
    for (text, version) in VERSIONS {
        let mut socket = server.connect().await;
        assert_eq!(ask(&mut socket, "tls").await, "none\r\n");
        assert_eq!(ask(&mut socket, "starttls\r\necho injected").await, "go\r\n");
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = server.client(version).connect(name, socket).await.unwrap();
        assert_eq!(
            ask(&mut stream, "tls").await,
            format!("{text}\r\n"),
            "the next answer is to the next command"
        );
    }
}

#[tokio::test]
async fn clear_text_instead_of_a_handshake_ends_the_connection() {
    let mut server = serve(Begin::Clear).await;
    let mut socket = server.connect().await;
    assert_eq!(ask(&mut socket, "starttls").await, "go\r\n");
    socket.write_all(b"echo injected\r\n").await.unwrap();
    let mut rest = Vec::new();
    // A TLS alert may come, but no answer.
    let _ = socket.read_to_end(&mut rest).await;
    assert!(!rest.windows(8).any(|part| part == b"injected"), "{rest:?}");
    assert!(server.ended.recv().await.unwrap().unwrap_err().starts_with("no TLS"));
}

async fn deliver(context: &Context, message: &[u8]) {
    let account = context.store.reserve_account().await.unwrap();
    assert_eq!(account, toy::ACCOUNT);
    let change = store::ObjectChange { create_accounts: vec![account], ..store::ObjectChange::default() };
    context.store.save(change).await.unwrap();
    let mut staging = context.store.stage();
    staging.write(message).await.unwrap();
    let target = Target {
        account,
        folder: None,
        flags: mail::FlagSet::default(),
        keywords: Vec::new(),
        date: DateTime::utc(0),
    };
    context.store.deliver(staging.finish().await.unwrap(), vec![target], None).await.unwrap();
}

#[tokio::test]
async fn messages_go_out_as_they_are() {
    for size in [10_usize, 20_000, 3_000_000] {
        let mut message = b"Subject: x\r\n\r\n.\r\n..two\r\n".to_vec();
        while message.len() < size {
            message.extend_from_slice(b"0123456789 .dots. abcdefghijklmnopqrstuvwxyz\r\n");
        }
        let dotted = {
            let mut out = Vec::new();
            let mut stuffer = wire::Stuffer::new(None);
            stuffer.push(&message, &mut out);
            stuffer.finish(&mut out);
            out
        };
        for begin in [Begin::Clear, Begin::Tls] {
            let server = serve(begin).await;
            deliver(&server.context, &message).await;
            for (command, expected) in [("octets", &message), ("dotted", &dotted)] {
                let text = format!("{command}\r\nbye\r\n");
                let mut got = Vec::new();
                if begin == Begin::Tls {
                    let client = server.client(&rustls::version::TLS13);
                    let mut stream = server.connect_tls(&client, "localhost").await.unwrap();
                    stream.write_all(text.as_bytes()).await.unwrap();
                    stream.read_to_end(&mut got).await.unwrap();
                } else {
                    let mut stream = server.connect().await;
                    stream.write_all(text.as_bytes()).await.unwrap();
                    stream.read_to_end(&mut got).await.unwrap();
                }
                assert!(got.ends_with(b"bye\r\n"));
                got.truncate(got.len() - 5);
                assert!(got == *expected, "{command} {size}: {} of {} octets", got.len(), expected.len());
            }
        }
    }
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_one_go() {
    let server = serve(Begin::Clear).await;
    let mut socket = server.connect().await;
    let commands: String = (0..1000).map(|number| format!("echo {number}\r\n")).collect();
    socket.write_all(commands.as_bytes()).await.unwrap();
    for number in 0..1000 {
        assert_eq!(answer(&mut socket).await, format!("{number}\r\n"));
    }
}

#[tokio::test]
async fn time_changes_and_the_end_reach_the_machine() {
    let server = serve(Begin::Clear).await;
    let mut socket = server.connect().await;
    assert_eq!(ask(&mut socket, "sleep 50").await, "time\r\n");
    let mut watcher = server.connect().await;
    assert_eq!(ask(&mut watcher, "watch").await, "watching\r\n");
    deliver(&server.context, b"Subject: x\r\n\r\nx\r\n").await;
    toy::ring(&server.context);
    assert_eq!(answer(&mut watcher).await, "changed\r\n");
    server.stop.send_replace(true);
    for socket in [&mut socket, &mut watcher] {
        assert_eq!(answer(socket).await, "going\r\n");
        assert_eq!(answer(socket).await, "", "closed");
    }
}

#[tokio::test]
async fn a_client_silent_before_tls_does_not_hold_up_the_end() {
    let mut server = serve(Begin::Clear).await;
    let mut socket = server.connect().await;
    assert_eq!(ask(&mut socket, "starttls").await, "go\r\n");
    server.stop.send_replace(true);
    let ended = server.ended.recv().await.unwrap().unwrap_err();
    assert!(ended.contains("stopping"), "{ended}");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_session() {
    let mut server = serve(Begin::Clear).await;
    let mut socket = server.connect().await;
    socket.write_all(b"half a line").await.unwrap();
    drop(socket);
    assert_eq!(server.ended.recv().await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_login_is_given_up_when_the_client_is_gone_and_a_change_is_not() {
    for begin in [Begin::Clear, Begin::Tls] {
        let mut server = serve(begin).await;
        // What was sent after the command stays unread.
        for command in ["change\r\n", "login\r\necho unread\r\n"] {
            if begin == Begin::Tls {
                let client = server.client(&rustls::version::TLS13);
                let mut stream = server.connect_tls(&client, "localhost").await.unwrap();
                stream.write_all(command.as_bytes()).await.unwrap();
            } else {
                server.connect().await.write_all(command.as_bytes()).await.unwrap();
            }
        }
        let ended = server.ended.recv().await.unwrap();
        assert!(ended.unwrap_err().contains("the connection broke"), "the login");
        assert!(server.ended.try_recv().is_err(), "the change goes on, though its client left first");
        deliver(&server.context, b"Subject: x\r\n\r\nx\r\n").await;
        toy::CHANGE.notify_one();
        toy::CHANGED.notified().await;
    }
}

#[tokio::test]
async fn a_waiting_session_is_small() {
    let server = serve(Begin::Clear).await;
    let (machine, serve) = toy::session(server.context.clone());
    let session = session::run(
        Stream::Gone,
        machine,
        serve,
        server.context.clone(),
        server.tls.clone(),
        server.stop.subscribe(),
        log(&server.context),
    );
    assert!(size_of_val(&session) < 2048, "{} octets", size_of_val(&session));
}
