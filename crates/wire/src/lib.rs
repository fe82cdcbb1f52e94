//! What all session machines share: their contract with the connection, bounded readers, dot-stuffing and SASL.
//!
//! A protocol is a [`Machine`]: it takes octets, answers and time, and gives [`Step`]s. It has no socket, no clock and
//! no task. `server` drives it; a test can drive it by hand, cut at any octet.

mod dots;
mod lines;
mod machine;
pub mod sasl;
mod text;

pub use dots::{Piece, Stuffer, Unstuffer, Violation};
pub use lines::{LineError, LineReader};
pub use machine::{Copy, Event, Machine, Shape, Step, TlsInfo, Wait};
pub use sasl::{Credentials, Mechanism};
pub use text::{char8, one_line};
