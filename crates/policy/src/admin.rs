//! Who may administer, and what.
//!
//! Two walls: [`administer`] judges the cmdlet before it runs, by the role that its definition names, and
//! [`change_objects`] judges each object before it is saved, whatever cmdlet asks for it.

use crate::Refusal;
use directory::{AccessToken, Change, Mailbox, Object, Recipient, Role, Snapshot};
use mail::AccountId;
use std::sync::Arc;

/// Who calls a cmdlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A process that could open the node's local socket, which only its owner can: no ban and no lost password locks
    /// the owner of the machine out.
    Local,
    /// A user who logged in over the network.
    User(AccountId),
    /// A program with an access token of a user, which may do no more than this.
    Token(AccountId, Role),
}

impl Caller {
    /// The user, where it is one.
    pub fn account(self) -> Option<AccountId> {
        match self {
            Caller::Local => None,
            Caller::User(account) | Caller::Token(account, _) => Some(account),
        }
    }
}

/// What the caller may do at the moment; `None` where he may not even see his own mailbox.
pub fn role(all: &Snapshot, caller: Caller) -> Option<Role> {
    let of_user = |account| {
        let mailbox = all.mailbox_by_account(account)?;
        (!mailbox.account_disabled).then(|| mailbox.role())
    };
    match caller {
        Caller::Local => Some(Role::Organization),
        Caller::User(account) => of_user(account),
        Caller::Token(account, most) => of_user(account).map(|role| role.min(most)),
    }
}

/// Whether the caller may run a cmdlet that needs this role.
pub fn administer(all: &Snapshot, caller: Caller, needed: Role) -> Result<(), Refusal> {
    if role(all, caller).is_some_and(|role| role >= needed) {
        return Ok(());
    }
    Err(Refusal::RoleNeeded { name: name(all, caller), needed })
}

/// Whether the caller may know of this mailbox; of others he is told that there are none.
pub fn see_mailbox(all: &Snapshot, caller: Caller, mailbox: &Mailbox) -> bool {
    match role(all, caller) {
        None => false,
        Some(Role::OwnMailbox) => caller.account() == Some(mailbox.account),
        Some(_) => true,
    }
}

/// Whether the caller may know of this recipient.
pub fn see_recipient(all: &Snapshot, caller: Caller, recipient: &Recipient) -> bool {
    match recipient {
        Recipient::Mailbox(mailbox) => see_mailbox(all, caller, mailbox),
        Recipient::Group(_) | Recipient::Contact(_) => {
            role(all, caller).is_some_and(|role| role >= Role::ViewOnly)
        }
    }
}

/// Whether the caller may save these changes. Nobody but an organisation administrator changes an administrator's mailbox:
/// who can set its password has all its rights.
pub fn change_objects(all: &Snapshot, caller: Caller, changes: &[Change]) -> Result<(), Refusal> {
    let role = role(all, caller);
    for change in changes {
        let needed = needed_for(all, caller, change);
        if role.is_none_or(|role| role < needed) {
            return Err(Refusal::RoleNeeded { name: name(all, caller), needed });
        }
    }
    Ok(())
}

fn needed_for(all: &Snapshot, caller: Caller, change: &Change) -> Role {
    match (change, change.object()) {
        (_, Object::Mailbox(new)) => needed_for_mailbox(all, caller, change, new),
        (_, Object::DistributionGroup(_) | Object::MailContact(_)) => Role::Recipients,
        // Tokens end with the mailbox for which they act, and who may remove that may end them.
        (Change::Remove(_), Object::AccessToken(token)) => match all.mailbox_by_guid(token.mailbox) {
            Some(mailbox) if !may_administer(mailbox) => Role::Recipients,
            _ => Role::Organization,
        },
        _ => Role::Organization,
    }
}

fn may_administer(mailbox: &Mailbox) -> bool {
    mailbox.role() > Role::OwnMailbox
}

fn needed_for_mailbox(all: &Snapshot, caller: Caller, change: &Change, new: &Mailbox) -> Role {
    let old = all.mailbox_by_guid(new.guid);
    let own = matches!(change, Change::Put(_)) && caller.account() == Some(new.account);
    if own && old.is_some_and(|old| differs_by_password(old, new)) {
        Role::OwnMailbox
    } else if may_administer(new) || old.is_some_and(|old| may_administer(old)) {
        Role::Organization
    } else {
        Role::Recipients
    }
}

fn differs_by_password(old: &Mailbox, new: &Mailbox) -> bool {
    Mailbox { password: old.password.clone(), ..new.clone() } == *old
}

fn name(all: &Snapshot, caller: Caller) -> String {
    match caller.account() {
        None => "the local administrator".to_owned(),
        Some(account) => all
            .mailbox_by_account(account)
            .map_or_else(|| format!("account {account}"), |mailbox| mailbox.name.clone()),
    }
}

/// Who calls with this access token, and his mailbox. `now` is in seconds since 1970.
pub fn use_token(
    all: &Snapshot,
    token: Option<&AccessToken>,
    now: i64,
) -> Result<(Caller, Arc<Mailbox>), Refusal> {
    let token = token.ok_or(Refusal::UnknownToken)?;
    if !token.expires.allows(&now) {
        return Err(Refusal::TokenExpired { name: token.name.clone() });
    }
    let mailbox = all.mailbox_by_guid(token.mailbox).ok_or(Refusal::UnknownToken)?;
    if mailbox.account_disabled {
        return Err(Refusal::AccountDisabled { mailbox: mailbox.name.clone() });
    }
    Ok((Caller::Token(mailbox.account, token.role), mailbox.clone()))
}
