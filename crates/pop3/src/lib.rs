//! POP3 (RFC 1939) as a machine without I/O: commands, replies and the session.
//!
//! [`Session`] takes octets, answers and time, and gives steps ([`wire::Machine`]). What it needs to have done it says
//! as an [`Ask`]: check a password and open the maildrop, find a message, remove messages. It knows no socket, store,
//! policy or administration object; [`Settings`] is all it is told.
//!
//! Extensions: CAPA (RFC 2449) with TOP, UIDL, USER, SASL (RFC 5034), RESP-CODES, AUTH-RESP-CODE (RFC 3206), PIPELINING,
//! EXPIRE NEVER, IMPLEMENTATION, and STLS (RFC 2595).

mod border;
mod command;
mod maildrop;
mod reply;
mod session;
mod settings;

pub use border::{Answer, Ask, Login, Refusal};
pub use reply::Code;
pub use session::Session;
pub use settings::{Offers, Order, Settings, Stls};
