//! Listeners, TLS, the session loop, and the serve function of each protocol.

pub mod imap;
pub mod pop3;
mod serve;
pub mod smtp;

pub use serve::Serve;
