//! The administration shell from afar: a request that turns its connection into the conversation of the local socket.
//!
//! RFC 9110 §7.8 lets a client ask for another protocol on its connection. After the answer 101 both sides say what they
//! say on the local socket, so that nothing of the shell is written twice.

use crate::access::Access;
use crate::reply::{Reply, problem, refused, reply};
use crate::serve::{Session, Web};
use directory::Role;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::sync::PoisonError;

/// The protocol's name in `Upgrade`.
const PROTOCOL: &str = "gatepost-shell";

/// A shell that begins when its request is answered.
pub(crate) struct Waiting {
    upgrade: OnUpgrade,
    access: Access,
}

/// Answers the request for a shell.
pub(crate) async fn begin(session: &Session, mut request: Request<Incoming>) -> Reply {
    let access = match Access::of(session, request.headers()).await {
        Ok(access) => access,
        Err(reply) => return reply,
    };
    // Every user has some cmdlets; one that is disabled has none.
    if let Err(refusal) = access.needs(&session.web, Role::OwnMailbox) {
        return refused(&refusal);
    }
    let wanted = request.headers().get(UPGRADE).is_some_and(|value| value == PROTOCOL);
    if !wanted {
        return problem(StatusCode::UPGRADE_REQUIRED, "this is for `gatepost shell --server`");
    }
    let waiting = Waiting { upgrade: hyper::upgrade::on(&mut request), access };
    *session.shell.lock().unwrap_or_else(PoisonError::into_inner) = Some(waiting);
    let mut reply = reply(StatusCode::SWITCHING_PROTOCOLS, "application/octet-stream", "");
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    reply.headers_mut().insert(UPGRADE, HeaderValue::from_static(PROTOCOL));
    reply
}

impl Waiting {
    /// The conversation, until the client ends it, or may not stay.
    pub(crate) async fn converse(self, web: &Web) {
        let io = match self.upgrade.await {
            Ok(io) => io,
            Err(error) => {
                tracing::debug!(%error, "a shell did not begin");
                return;
            }
        };
        let context = self.access.context(web);
        tracing::info!(caller = context.caller, "a shell begins");
        let mut directory = context.directory.changed();
        let shell = web.gate.shell(Box::new(TokioIo::new(io)), context);
        let expelled = async {
            while directory.changed().await.is_ok() {
                if !self.access.may_stay(web) {
                    return;
                }
            }
        };
        tokio::select! {
            () = shell => {}
            () = expelled => tracing::info!("a shell is ended: its password or token is good no more"),
        }
    }
}
