//! The session machine, driven by hand: tables, and properties that hold for any input.

mod harness;
mod properties;
mod session;
