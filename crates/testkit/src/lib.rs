//! Dialogue runner and peers for the tests of every other crate.

pub mod node;
