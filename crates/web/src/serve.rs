//! One connection: its requests, one after the other, and the shell it may turn into.

use crate::{Gate, Io, routes, shell};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long a client may take for the head of a request, and between two.
const HEAD: Duration = Duration::from_secs(30);
/// Octets of the head of a request.
const HEAD_OCTETS: usize = 32 * 1024;
/// Fields in it.
const FIELDS: usize = 64;

/// What a connection has of the node.
pub struct Web {
    /// The administration as the machine's owner has it; each caller gets a copy in his name.
    pub context: admin::Context,
    /// The node, which knows where the connection comes from.
    pub gate: Arc<dyn Gate>,
}

/// What a request knows of its connection.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) web: Arc<Web>,
    pub(crate) peer: SocketAddr,
    /// The shell that the connection turns into when its request is answered.
    pub(crate) shell: Arc<Mutex<Option<shell::Waiting>>>,
}

/// Serves a connection to its end; `stopping` turns true when the service stops.
pub async fn serve(
    web: Arc<Web>,
    io: impl Io + 'static,
    peer: SocketAddr,
    mut stopping: watch::Receiver<bool>,
) {
    let session = Session { web, peer, shell: Arc::default() };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_OCTETS).max_headers(FIELDS);
    let answering = session.clone();
    let service = service_fn(move |request| {
        let session = answering.clone();
        async move { Ok::<_, Infallible>(routes::answer(&session, request).await) }
    });
    let connection = http.serve_connection(TokioIo::new(io), service).with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        ended = &mut connection => ended,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "the connection broke");
    }
    let waiting = session.shell.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(waiting) = waiting {
        tokio::select! {
            biased;
            () = stopped(&mut stopping) => {}
            () = waiting.converse(&session.web) => {}
        }
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
