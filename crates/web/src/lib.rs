//! HTTP: cmdlets for scripts, the shell from afar, and health.
//!
//! HTTP/1.1 on connections that are under TLS already; where they come from, and how many there may be, is decided
//! before. Nothing is kept between two requests: each says who asks, by name and password (RFC 7617) or by an access
//! token (RFC 6750), and there are no cookies. What a page of another site sends is refused. Requests, and the time they
//! take to arrive, are bounded; answers stream, and stop what makes them when nobody reads.
//!
//! [`Gate`] is what this crate needs of the node; everything else is `admin`'s.

mod access;
mod commands;
mod openapi;
mod reply;
mod routes;
mod serve;
mod shell;

use admin::BoxFuture;
use directory::Mailbox;
use mail::Secret;
use policy::Refusal;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

pub use serve::{Web, serve};

/// A connection.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What a connection needs of the node.
pub trait Gate: Send + Sync {
    /// The mailbox of this name and password, as for every other protocol.
    fn log_in(&self, name: String, password: Secret) -> BoxFuture<'_, Result<Arc<Mailbox>, Refusal>>;

    /// Whether all listeners are open that should be.
    fn is_listening(&self) -> BoxFuture<'_, bool>;

    /// The conversation of an administration shell.
    fn shell(&self, io: Box<dyn Io>, context: admin::Context) -> BoxFuture<'static, ()>;
}
