//! The event log as those who write it see it: the catalogue of all events, and a journal that takes them.
//!
//! Writing never waits and never grows memory: a storm of one event is collapsed, and what waits to be kept is bounded.
//! Each event goes to the program's log too, with its number and source as fields. Keeping events is the store's work.

mod catalogue;
mod pending;

pub use catalogue::{KINDS, Kind, Level, Source};
pub use pending::{Entry, Journal};

pub mod event {
    //! The events by name.
    pub use crate::catalogue::kinds::*;
}
