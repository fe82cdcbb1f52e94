//! What happens between accepting a connection and running its session: limits, the connector, TLS, the protocol.

use crate::http::{Http, HttpStream};
use crate::listen::Begin;
use crate::node::source;
use crate::protocol_log::SessionLog;
use crate::session::{self, Broken};
use crate::stream::Stream;
use crate::tls::Tls;
use crate::{Connection, Context, Place, Serve, SessionId, Slot, imap, pop3, smtp};
use directory::{ReceiveConnector, ServiceName};
use journal::event;
use policy::Refusal;
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
    pub(crate) http: Option<&'a Arc<dyn Http>>,
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
        Err(refusal) => {
            let (reason, remedy) = (refusal.reason(), refusal.remedy());
            tracing::warn!(session = %id, %remote, service = %door.service, reason, remedy, "turned away");
            if door.begin == Begin::Clear {
                // A few octets fit into the empty buffer of a new socket; waiting for a flood is what we refuse.
                let _ = stream.try_write(reply(&refusal, door.service).as_bytes());
            }
            return None;
        }
    };
    let arrival = Arrival {
        context: door.context.clone(),
        tls: door.tls.clone(),
        begin: door.begin,
        http: door.http.cloned(),
        stopping: door.stopping.clone(),
        connection: Connection { id, local, remote, tls: None },
    };
    // At the level of errors, so that it is there to name the session whatever is logged.
    let span = tracing::error_span!("session", %id, %remote, service = %door.service);
    let (journal, source) = (Arc::clone(door.context.store.journal()), source(door.service));
    let session = Box::pin(arrival.run(door.service, admitted, stream).instrument(span));
    Some(Box::pin(guard(session, move |panic| {
        let message = format!("A bug ended session {id} from {remote}: {panic}. Please report it.");
        journal.write(&event::SESSION_BUG, source, &message);
    })))
}

/// What a connection holds while it lives.
struct Admitted {
    _places: [Option<Place>; 3],
    connector: Option<Arc<ReceiveConnector>>,
}

fn places(door: &Door<'_>, local: SocketAddr, remote: IpAddr) -> Result<Admitted, Refusal> {
    // Taken first and counted then: of two that come at once, neither can overlook the other.
    let limits = &door.context.limits;
    let others = |slot: &Slot| limits.taken(slot).saturating_sub(1);
    let take = |slot: &Slot| limits.take(slot.clone(), u32::MAX);
    let node = take(&Slot::Node);
    policy::admit_node(others(&Slot::Node), door.context.max_connections)?;
    let all = door.context.directory.snapshot();
    let (connector, slots) = match door.service {
        ServiceName::Pop3 | ServiceName::Imap4 | ServiceName::Web => {
            (None, [Slot::Service(door.service), Slot::Source(door.service, remote)])
        }
        ServiceName::Transport => {
            let connector = policy::connector(&all, local, remote)?;
            let name = connector.name.clone();
            (Some(connector), [Slot::Connector(name.clone()), Slot::ConnectorSource(name, remote)])
        }
    };
    let [in_all, of_source] = slots.each_ref().map(take);
    let open = policy::Connections { total: others(&slots[0]), from_address: others(&slots[1]) };
    let whose = match (door.service, &connector) {
        (_, Some(connector)) => policy::Door::Smtp(connector),
        (ServiceName::Imap4, None) => policy::Door::Imap4(all.imap()),
        (ServiceName::Web, None) => policy::Door::Web(all.web()),
        (_, None) => policy::Door::Pop3(all.pop()),
    };
    policy::admit(whose, open)?;
    Ok(Admitted { _places: [node, in_all, of_source], connector })
}

/// What a client hears that is turned away at once.
fn reply(refusal: &Refusal, service: ServiceName) -> &'static str {
    match (service, refusal) {
        (ServiceName::Pop3, _) => "-ERR [SYS/TEMP] Too many connections, try again later.\r\n",
        (ServiceName::Imap4, _) => "* BYE [UNAVAILABLE] Too many connections, try again later.\r\n",
        (ServiceName::Transport, Refusal::TooManyConnections { .. } | Refusal::TooFewFiles { .. }) => {
            "421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission \
             channel\r\n"
        }
        (ServiceName::Transport, _) => "421 4.3.2 Service not available\r\n",
        // It begins with TLS, and has no words before that.
        (ServiceName::Web, _) => "",
    }
}

/// An admitted connection.
struct Arrival {
    context: Arc<Context>,
    tls: Tls,
    begin: Begin,
    http: Option<Arc<dyn Http>>,
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
            let info = Box::pin(session::start_tls(stream, &self.tls, &mut self.stopping)).await?;
            self.connection.tls = Some(info);
        }
        Ok(())
    }

    async fn converse(self, stream: Stream, service: ServiceName, admitted: &Admitted) -> Result<(), Broken> {
        let (context, connection, now) = (&self.context, &self.connection, Instant::now());
        let log = SessionLog::begin(&context.protocol_logs, context.store.journal(), service, connection);
        // Boxed, so that a session takes the room of its own protocol and not of the largest.
        match (service, &admitted.connector) {
            (ServiceName::Pop3, _) => {
                let (machine, serve) = pop3::open(context, connection, now);
                Box::pin(self.drive(stream, machine, serve, log)).await
            }
            (ServiceName::Imap4, _) => {
                let (machine, serve) = imap::open(context, connection, now);
                Box::pin(self.drive(stream, machine, serve, log)).await
            }
            (ServiceName::Transport, Some(connector)) => {
                let (machine, serve) = smtp::open(context, connection, connector, now);
                Box::pin(self.drive(stream, machine, serve, log)).await
            }
            (ServiceName::Web, _) => {
                if let (Some(http), Some(stream)) = (&self.http, HttpStream::new(stream)) {
                    http.serve(stream, self.connection.clone(), self.stopping.clone()).await;
                }
                Ok(())
            }
            (ServiceName::Transport, None) => Ok(()),
        }
    }

    async fn drive<S: Serve>(
        self,
        stream: Stream,
        machine: S::Machine,
        serve: S,
        log: SessionLog,
    ) -> Result<(), Broken> {
        session::run(stream, machine, serve, self.context, self.tls, self.stopping, log).await
    }
}

/// Runs a session and survives its bugs.
async fn guard(mut session: SessionFuture, tell: impl FnOnce(&str)) {
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
        tell(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_that_panics_ends_alone() {
        let limits = crate::Limits::default();
        let slot = Slot::Service(ServiceName::Pop3);
        let place = limits.take(slot.clone(), 1);
        let session = async move {
            let _place = place;
            tokio::task::yield_now().await;
            panic!("a bug");
        };
        let mut told = String::new();
        guard(Box::pin(session), |panic| told = panic.to_owned()).await;
        assert_eq!(told, "a bug");
        assert_eq!(limits.taken(&slot), 0, "its place is free again");
    }
}
