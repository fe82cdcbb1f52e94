//! What every session is given: the store, the directory, and what the node keeps in memory.
//!
//! A context is no place for settings: those are in the directory's snapshot, which each session reads when it begins,
//! logs in, or starts a transaction.

use crate::login::Failures;
use crate::protocol_log::ProtocolLogs;
use crate::{Authenticator, Limits};
use directory::Directory;
use mail::DateTime;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use store::Store;
use transport::HeaderSpace;
use wire::TlsInfo;

/// The node as sessions see it. Cheap to clone; usually shared as `Arc<Context>`.
#[derive(Clone)]
pub struct Context {
    /// All mail.
    pub store: Store,
    /// All administration objects.
    pub directory: Arc<Directory>,
    /// Checks passwords.
    pub auth: Authenticator,
    /// Counts connections of services, addresses and users.
    pub limits: Limits,
    /// What sessions say, in files.
    pub protocol_logs: ProtocolLogs,
    /// Counts failed logins.
    pub failures: Failures,
    /// Memory for the headers of messages that come in.
    pub header_space: HeaderSpace,
    /// Connections at a time, of all services: as many as leave files for the store and the administrator.
    pub max_connections: u32,
    /// The name of this server in greetings and `Received` fields.
    pub hostname: String,
    /// The wall clock.
    pub clock: fn() -> DateTime,
}

impl Context {
    /// A context with the system's clock.
    pub fn new(store: Store, directory: Arc<Directory>, hostname: String) -> Context {
        let auth = Authenticator::new(crate::AuthSettings::default());
        Context {
            store,
            directory,
            auth,
            limits: Limits::default(),
            protocol_logs: ProtocolLogs::default(),
            failures: Failures::default(),
            header_space: HeaderSpace::default(),
            max_connections: u32::MAX,
            hostname,
            clock: system_clock,
        }
    }

    /// The wall clock's time.
    pub fn now(&self) -> DateTime {
        (self.clock)()
    }
}

/// The time of day in UTC; 1970 where the system's clock is set before that.
pub fn system_clock() -> DateTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    DateTime::utc(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// One connection, as a protocol's `open` is told of it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name in the log.
    pub id: SessionId,
    /// Our end.
    pub local: SocketAddr,
    /// The client's end.
    pub remote: SocketAddr,
    /// Set where the connection began with TLS; the session is then not told by [`wire::Event::TlsStarted`].
    pub tls: Option<TlsInfo>,
}

/// The number of a session since the node started, printed as eight hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub u64);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}
