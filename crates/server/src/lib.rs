//! Listeners, TLS, the session loop, and the serve function of each protocol.
//!
//! Each protocol module has one function that a listener calls for every connection, and that never waits:
//!
//! ```text
//! pub fn open(context: &Arc<Context>, connection: &Connection, now: Instant) -> (Session, impl Serve<Machine = Session>)
//! smtp::open(context, connection, connector: &ReceiveConnector, now)      // SMTP is told which connector took it
//! ```
//!
//! It reads the settings it needs from `context.directory.snapshot()`. Limits of connections to a service, to a
//! connector and from an address are kept by the listener; the limit per user by `Serve`, which holds the
//! [`Place`] from `context.limits.take(Slot::User(..), max)` after login.

mod admit;
mod auth;
pub mod certificate;
mod context;
pub mod housekeeping;
mod http;
pub mod imap;
mod limits;
pub mod listen;
pub mod login;
pub mod node;
pub mod pop3;
pub mod protocol_log;
pub mod renewal;
mod serve;
pub mod session;
pub mod smtp;
pub mod stream;
pub mod tls;
mod turns;

pub use auth::{Authenticator, Login, Settings as AuthSettings};
pub use context::{Connection, Context, SessionId, system_clock};
pub use http::{Http, HttpStream};
pub use limits::{Limits, Place, Slot};
pub use node::Node;
pub use serve::Serve;
