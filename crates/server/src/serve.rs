//! What a protocol gives the session loop besides its machine.

use directory::Mailbox;
use mail::ModSeq;
use std::sync::Arc;
use tokio::sync::watch;
use wire::{Machine, TlsInfo};

/// Does what a session machine asks for: at most one question to policy, then one call of store or transport.
pub trait Serve: Send {
    /// The protocol's session.
    type Machine: Machine + Send;

    /// Does or decides what was asked. Never fails: what goes wrong becomes an answer, and is logged here.
    fn serve(
        &mut self,
        ask: <Self::Machine as Machine>::Ask,
    ) -> impl Future<Output = <Self::Machine as Machine>::Answer> + Send;

    /// Whether the question may be given up when the client is gone before it is answered: only where its future can
    /// be dropped at any moment without harm. Logging in is such a question, and the one that may wait long for its turn.
    /// What changes mail is always done to its end, for the client may have counted on it.
    fn may_drop(ask: &<Self::Machine as Machine>::Ask) -> bool;

    /// TLS began within the session.
    fn tls_started(&mut self, tls: &TlsInfo);

    /// The mailbox of the user as it was at login, once one has logged in.
    fn user(&self) -> Option<&Arc<Mailbox>>;

    /// Wakes when the account of the session changed, once there is one.
    fn changes(&mut self) -> Option<&mut watch::Receiver<ModSeq>>;
}
