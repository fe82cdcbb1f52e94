//! Dialogue runner and peers for the tests of every other crate.
//!
//! [`dialogue`] describes the format of the files under `dialogues/`; [`runner`] plays one against a [`world`]: the
//! session machine with the store in memory, a node of our own on real sockets, or another server.

pub mod book;
pub mod dialogue;
pub mod messages;
pub mod node;
pub mod programs;
pub mod runner;
pub mod suite;
pub mod world;
