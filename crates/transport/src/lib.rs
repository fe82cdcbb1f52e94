//! From an accepted message to a folder or the queue.
//!
//! [`Intake`] takes a message's octets as they come, puts the trace fields of RFC 5321 §4.4 before them, and at the end
//! files it with one call of the store: in the INBOX of each local recipient and, for recipients elsewhere, in the
//! queue, all or nothing and the octets once. Who may send what to whom was decided before, by policy.
//!
//! Invariant: a message that came in here begins with its Return-Path. Final delivery asks for that field, a message on
//! its way must not carry it, and the octets are stored once for both; so whoever sends a queued message begins at
//! [`outgoing_start`].

mod header;
mod intake;
mod space;
mod trace;

pub use intake::{Accepted, Envelope, Fault, Intake, Recipient, Route, Rules};
pub use space::HeaderSpace;
pub use trace::{Protocol, Trace, outgoing_start};
