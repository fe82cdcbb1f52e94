//! SMTP (RFC 5321) as a machine without I/O: the server's side of a session.
//!
//! [`Session`] reads commands, keeps the transaction, answers, and asks through [`Ask`] for what it cannot know: whether
//! a login is right, whether a sender and a recipient are allowed, and what becomes of the message. It knows neither
//! sockets nor store, policy or settings' origin. Extensions: STARTTLS (RFC 3207), AUTH (RFC 4954), PIPELINING
//! (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531), ENHANCEDSTATUSCODES (RFC 2034).

mod ask;
mod command;
mod data;
mod path;
mod reply;
mod session;

pub use ask::{
    Answer, Ask, BodyType, Client, Destination, Envelope, Extension, ForwardPath, Hello, Offers, Recipient,
    RecipientAsk, SenderAsk, Settings, Standing, Transaction,
};
pub use reply::Reply;
pub use session::Session;
