//! IMAP4rev1 as a session machine without I/O.
//!
//! [`Session`] frames and parses what the client sends, checks that each command fits the state, asks for what it needs
//! by [`Ask`], and alone writes responses. It keeps the [`mail::Listing`] that its client knows and answers flags, UIDs,
//! sizes and dates from it; message octets never pass through it. Who may log in, what is stored and how, and the
//! wording of refusals are left to whoever answers.
//!
//! RFC 3501; RFC 2177 (IDLE), 2342 (NAMESPACE), 2971 (ID), 3691 (UNSELECT), 4315 (UIDPLUS), 4731 (ESEARCH), 4959
//! (SASL-IR), 5161 (ENABLE), 5530 (response codes), 6154 (SPECIAL-USE), 6851 (MOVE), 7162 (CONDSTORE), 7888 (LITERAL+).

mod border;
mod command;
mod encode;
mod frame;
mod parse;
mod reply;
mod sequence;
mod session;
mod settings;
mod state;
mod sync;
mod view;

pub use border::{
    Absent, Access, Answer, Ask, Code, FlagChange, FlagOperation, Folder, FolderKind, Gathered, Opened,
    Refusal, Role, Status, Subscription, Text, TextPlace,
};

pub use session::Session;
pub use settings::{Offer, Settings, StartTls};
pub use state::Channel;
