//! What happens between accepting a connection and running its session: limits, the connector, TLS, the protocol.

use crate::listen::Begin;
use crate::session::{self, Broken};
use crate::stream::Stream;
use crate::tls::Tls;
use crate::{Connection, Context, Place, Serve, SessionId, Slot, imap, pop3, smtp};
use directory::{Limit, ProtocolSettings, ReceiveConnector, ServiceName};
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::Instrument;

type SessionFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a connection came in.
pub(crate) struct Door<'a> {
    pub(crate) context: &'a Arc<Context>,
    pub(crate) tls: &'a Tls,
    pub(crate) service: ServiceName,
    pub(crate) begin: Begin,
    pub(crate) stopping: &'a watch::Receiver<bool>,
}

/// The session to run for a new connection; `None` where it was turned away.
pub(crate) fn admit(door: Door<'_>, id: SessionId, stream: TcpStream) -> Option<SessionFuture> {
    // Clients wait for our lines; we send no line in pieces.
    let _ = stream.set_nodelay(true);
    // A client that is gone already has no address any more.
    let (local, remote) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
    let admitted = match places(&door, local, remote.ip()) {
        Ok(admitted) => admitted,
        Err(reply) => {
            tracing::warn!(session = %id, %remote, service = %door.service, reply = reply.trim_end(), "turned away");
            if door.begin == Begin::Clear {
                // A few octets fit into the empty buffer of a new socket; waiting for a flood is what we refuse.
                let _ = stream.try_write(reply.as_bytes());
            }
            return None;
        }
    };
    let arrival = Arrival {
        context: door.context.clone(),
        tls: door.tls.clone(),
        begin: door.begin,
        stopping: door.stopping.clone(),
        connection: Connection { id, local, remote, tls: None },
    };
    // At the level of errors, so that it is there to name the session whatever is logged.
    let span = tracing::error_span!("session", %id, %remote, service = %door.service);
    Some(Box::pin(guard(id, Box::pin(arrival.run(door.service, admitted, stream).instrument(span)))))
}

/// What a connection holds while it lives.
struct Admitted {
    _places: [Place; 2],
    connector: Option<Arc<ReceiveConnector>>,
}

fn places(door: &Door<'_>, local: SocketAddr, remote: IpAddr) -> Result<Admitted, &'static str> {
    let snapshot = door.context.directory.snapshot();
    match door.service {
        ServiceName::Pop3 => of_settings(door, snapshot.pop(), remote)
            .ok_or("-ERR [SYS/TEMP] Too many connections, try again later.\r\n"),
        ServiceName::Imap4 => of_settings(door, snapshot.imap(), remote)
            .ok_or("* BYE [UNAVAILABLE] Too many connections, try again later.\r\n"),
        ServiceName::Transport => {
            let connector = policy::connector(&snapshot, local, remote)
                .map_err(|_| "421 4.3.2 Service not available\r\n")?;
            of_connector(door, connector, remote).ok_or(
                "421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission \
                 channel\r\n",
            )
        }
    }
}

fn of_settings(door: &Door<'_>, settings: &ProtocolSettings, remote: IpAddr) -> Option<Admitted> {
    let limits = &door.context.limits;
    let all = limits.take(Slot::Service(door.service), settings.max_connections)?;
    let source = limits.take(Slot::Source(door.service, remote), settings.max_connection_from_single_ip)?;
    Some(Admitted { _places: [all, source], connector: None })
}

fn of_connector(door: &Door<'_>, connector: Arc<ReceiveConnector>, remote: IpAddr) -> Option<Admitted> {
    let (limits, name) = (&door.context.limits, || connector.name.clone());
    let all = limits.take(Slot::Connector(name()), count(connector.max_inbound_connection))?;
    let source = Slot::ConnectorSource(name(), remote);
    let source = limits.take(source, count(connector.max_inbound_connection_per_source))?;
    Some(Admitted { _places: [all, source], connector: Some(connector) })
}

fn count(limit: Limit<u32>) -> u32 {
    match limit {
        Limit::Unlimited => u32::MAX,
        Limit::To(count) => count,
    }
}

/// An admitted connection.
struct Arrival {
    context: Arc<Context>,
    tls: Tls,
    begin: Begin,
    stopping: watch::Receiver<bool>,
    connection: Connection,
}

impl Arrival {
    async fn run(mut self, service: ServiceName, admitted: Admitted, stream: TcpStream) {
        let mut stream = Stream::Clear(stream);
        let result = match self.begin(&mut stream).await {
            Ok(()) => self.converse(stream, service, &admitted).await,
            Err(broken) => Err(broken),
        };
        match result {
            Ok(()) => tracing::debug!("ended"),
            Err(Broken::Store(error)) => tracing::error!(%error, "a message could not be sent to its end"),
            Err(broken) => tracing::debug!("{broken}"),
        }
    }

    async fn begin(&mut self, stream: &mut Stream) -> Result<(), Broken> {
        if self.begin == Begin::Tls {
            let info = Box::pin(stream.start_tls(&self.tls)).await.map_err(Broken::Handshake)?;
            self.connection.tls = Some(info);
        }
        Ok(())
    }

    async fn converse(self, stream: Stream, service: ServiceName, admitted: &Admitted) -> Result<(), Broken> {
        let (context, connection, now) = (&self.context, &self.connection, Instant::now());
        // Boxed, so that a session takes the room of its own protocol and not of the largest.
        match (service, &admitted.connector) {
            (ServiceName::Pop3, _) => {
                let (machine, serve) = pop3::open(context, connection, now);
                Box::pin(self.drive(stream, machine, serve)).await
            }
            (ServiceName::Imap4, _) => {
                let (machine, serve) = imap::open(context, connection, now);
                Box::pin(self.drive(stream, machine, serve)).await
            }
            (ServiceName::Transport, Some(connector)) => {
                let (machine, serve) = smtp::open(context, connection, connector, now);
                Box::pin(self.drive(stream, machine, serve)).await
            }
            (ServiceName::Transport, None) => Ok(()),
        }
    }

    async fn drive<S: Serve>(self, stream: Stream, machine: S::Machine, serve: S) -> Result<(), Broken> {
        session::run(stream, machine, serve, self.context, self.tls, self.stopping).await
    }
}

/// Runs a session and survives its bugs.
async fn guard(id: SessionId, mut session: SessionFuture) {
    let guarded = std::future::poll_fn(|cx| {
        // Whatever the session leaves broken is its own and is dropped; what it shares is behind the store's and the
        // limits' own guards.
        match std::panic::catch_unwind(AssertUnwindSafe(|| session.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    });
    if let Err(panic) = guarded.await {
        let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        tracing::error!(session = %id, panic = text, "a bug ended this session; please report it");
    }
}
