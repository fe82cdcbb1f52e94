//! Every yes or no of the product, as pure functions.
//!
//! Each function gets the [`directory::Snapshot`] or the object that decides, and facts that the caller measured
//! (counts, usage, channel). It returns what is allowed, or a [`Refusal`] that knows its reason and the command that
//! would change it. Reply codes, I/O and time are left to the callers. Login is decided in two parts: [`login()`] says
//! whose password is to be checked, the caller checks it, and spends the same time where there is none to check.

mod access;
mod admin;
mod change;
mod client_settings;
mod connect;
mod login;
mod protocols;
mod recipients;
mod refusal;
mod remote_domain;
mod transport;

pub use access::{may_open, open_relay};
pub use admin::{Caller, administer, change_objects, role, see_mailbox, see_recipient, use_token};
pub use change::{ChangeRefusal, lose_administrator, new_password, start_service};
pub use client_settings::{ClientSetting, client_settings};
pub use connect::{Connections, Door, admit, admit_node, admit_user, connector, maildrop};
pub use login::{
    CHECKS, CHECKS_PER_SOURCE, Channel, Checks, Offers, check_password, clear_text_warning, login, may_stay,
    offers,
};
pub use protocols::{Effective, Origin, all_effective, effective};
pub use recipients::{Author, Route, author};
pub use refusal::{DomainFault, LimitOf, Refusal, Scope};
pub use remote_domain::remote_domain;
pub use transport::{
    Authors, Client, Rights, announced_size, authors, client, fits, header, hops, may_send, recipient,
    recipients, rights, room, send_as, sender, size,
};
