//! Who may administer.

use crate::Refusal;
use directory::{Mailbox, Snapshot};
use mail::AccountId;

/// Who calls a cmdlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A process that could open the node's local socket, which only its owner can: no ban and no lost password locks
    /// the owner of the machine out.
    Local,
    /// A user who logged in over the network.
    User(AccountId),
}

/// Whether the caller may run cmdlets.
pub fn administer(all: &Snapshot, caller: Caller) -> Result<(), Refusal> {
    let Caller::User(account) = caller else { return Ok(()) };
    let mailbox = all.mailbox_by_account(account);
    let allowed = |mailbox: &Mailbox| mailbox.administrator && !mailbox.account_disabled;
    match mailbox {
        Some(mailbox) if allowed(mailbox) => Ok(()),
        Some(mailbox) => Err(Refusal::NotAdministrator { name: mailbox.name.clone() }),
        None => Err(Refusal::NotAdministrator { name: format!("account {account}") }),
    }
}
