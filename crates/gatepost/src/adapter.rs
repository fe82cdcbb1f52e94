//! The node as the administration and HTTP see it, and back: `server` knows neither `admin` nor `web`.

use crate::socket;
use admin::BoxFuture;
use directory::Mailbox;
use mail::Secret;
use policy::{Channel, Door, Refusal};
use server::login::{self, Origin};
use server::{Connection, HttpStream, Node, listen};
use std::sync::Arc;
use tokio::sync::watch;
use web::{Io, Web};
use wire::{Credentials, Mechanism};

/// The running node for cmdlets.
pub struct NodeForAdmin(pub Node);

impl admin::Node for NodeForAdmin {
    fn reconcile(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            let node = self.0.clone();
            // A task of its own: a shell that is closed meanwhile must not leave a port closed that was to be opened.
            let errors = tokio::spawn(async move { node.reconcile().await }).await;
            match errors {
                Ok(errors) if errors.is_empty() => Ok(()),
                Ok(errors) => Err(listen::explain(&errors)),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    fn has_address(&self, address: std::net::IpAddr) -> bool {
        listen::has_address(address)
    }

    fn now(&self) -> i64 {
        self.0.context().now().seconds
    }
}

/// The running node for a connection that speaks HTTP.
struct NodeForWeb {
    node: Node,
    connection: Connection,
}

impl web::Gate for NodeForWeb {
    fn log_in(&self, name: String, password: Secret) -> BoxFuture<'_, Result<Arc<Mailbox>, Refusal>> {
        Box::pin(async move {
            let context = self.node.context();
            let all = context.directory.snapshot();
            // RFC 7617 sends what SASL PLAIN sends, in another place.
            let from = Origin { remote: self.connection.remote.ip(), tls: self.connection.tls.as_ref() };
            let credentials =
                Credentials { authorization: None, login: name, password, mechanism: Mechanism::Plain };
            login::log_in(context, &all, Door::Web(all.web()), Channel::Tls, from, &credentials).await
        })
    }

    fn is_listening(&self) -> BoxFuture<'_, bool> {
        Box::pin(self.node.is_complete())
    }

    fn shell(&self, io: Box<dyn Io>, context: admin::Context) -> BoxFuture<'static, ()> {
        Box::pin(socket::converse(io, context))
    }
}

/// HTTP for the running node.
pub struct WebForNode {
    /// The node.
    pub node: Node,
    /// The administration as the machine's owner has it.
    pub context: admin::Context,
}

impl server::Http for WebForNode {
    fn serve(
        &self,
        stream: HttpStream,
        connection: Connection,
        stopping: watch::Receiver<bool>,
    ) -> BoxFuture<'static, ()> {
        let peer = connection.remote;
        let gate = Arc::new(NodeForWeb { node: self.node.clone(), connection });
        Box::pin(web::serve(Web { context: self.context.clone(), gate }.into(), stream, peer, stopping))
    }
}
