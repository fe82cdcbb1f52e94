//! What permissions mean: whom an entry is about, and which entries win.
//!
//! An entry that takes a right wins over all that give it. `Everyone` is read to the safe side for whoever did not log in:
//! what is given to everyone is not given to him (so it is in Windows since 2003), what is taken from everyone is taken
//! from him too.

use crate::Client;
use directory::{Mailbox, Permission, ReceiveConnector, Right, Sense, Snapshot, Trustee, WellKnown};

/// All that a client is: itself, the groups it is in, and what it is by the way it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Token(Vec<Trustee>);

impl Token {
    fn of_known(known: &[WellKnown]) -> Token {
        Token(known.iter().copied().map(Trustee::WellKnown).collect())
    }

    /// Of an SMTP client.
    pub(crate) fn of_client(all: &Snapshot, client: Client) -> Token {
        match client {
            Client::Anonymous => Token::of_known(&[WellKnown::AnonymousLogon]),
            Client::ExternallySecured => {
                Token::of_known(&[WellKnown::ExternallySecured, WellKnown::Everyone])
            }
            Client::User(account) => {
                let user = all.mailbox_by_account(account);
                Token::of_user(user.map(|user| Trustee::Object(user.guid)))
            }
        }
    }

    /// Of a user who logged in, and may have been removed since.
    fn of_user(user: Option<Trustee>) -> Token {
        let mut token = Token::of_known(&[WellKnown::AuthenticatedUsers, WellKnown::Everyone]);
        token.0.extend(user);
        token
    }

    /// Of a user who logged in, towards a mailbox: his own one knows him as SELF.
    pub(crate) fn of_mailbox_user(user: &Mailbox, mailbox: &Mailbox) -> Token {
        let mut token = Token::of_user(Some(Trustee::Object(user.guid)));
        if user.guid == mailbox.guid {
            token.0.push(Trustee::WellKnown(WellKnown::OwnUser));
        }
        token
    }

    fn is_meant(&self, entry: &Permission) -> bool {
        let everyone = entry.trustee == Trustee::WellKnown(WellKnown::Everyone);
        everyone && entry.sense == Sense::Deny || self.0.contains(&entry.trustee)
    }
}

/// What the entries say of a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An entry gives it, and none takes it.
    Granted,
    /// An entry takes it.
    Denied,
    /// No entry is about it.
    Silent,
}

/// What the entries say of a right for whoever has this token.
pub(crate) fn judge(entries: impl Iterator<Item = Permission>, right: Right, token: &Token) -> Verdict {
    let mut verdict = Verdict::Silent;
    let about = |entry: &Permission| entry.inheritance.is_for_object() && entry.right.implies(right);
    for entry in entries.filter(about).filter(|entry| token.is_meant(entry)) {
        match entry.sense {
            Sense::Deny => return Verdict::Denied,
            Sense::Allow => verdict = Verdict::Granted,
        }
    }
    verdict
}

/// All entries of a connector: those of its permission groups, and its own.
pub(crate) fn connector_entries(connector: &ReceiveConnector) -> impl Iterator<Item = Permission> {
    let groups = connector.permission_groups.grants();
    let granted = groups.map(|(who, right)| Permission::allow(Trustee::WellKnown(who), right));
    granted.chain(connector.permissions.entries.iter().copied())
}

/// Whether a user has a right on another's mailbox.
pub(crate) fn on_mailbox(user: &Mailbox, mailbox: &Mailbox, right: Right) -> bool {
    let token = Token::of_mailbox_user(user, mailbox);
    judge(mailbox.permissions.entries.iter().copied(), right, &token) == Verdict::Granted
}

/// Whether a user may open a mailbox: his own, or one with FullAccess or Receive-As for him.
pub fn may_open(user: &Mailbox, mailbox: &Mailbox) -> bool {
    let token = Token::of_mailbox_user(user, mailbox);
    let own = user.guid == mailbox.guid;
    let says = |right| judge(mailbox.permissions.entries.iter().copied(), right, &token);
    match [says(Right::FullAccess), says(Right::ReceiveAs)] {
        [Verdict::Denied, _] => own,
        [full, receive] => own || [full, receive].contains(&Verdict::Granted),
    }
}

/// Whether somebody other than a user has a right on a connector by its groups or entries; for a warning, and not for a
/// session.
fn well_known_has(connector: &ReceiveConnector, known: WellKnown, right: Right) -> bool {
    let token = Token::of_known(&[known]);
    judge(connector_entries(connector), right, &token) == Verdict::Granted
}

/// Whether users may submit mail by this connector, some of them at least: whether to log in makes sense.
pub(crate) fn users_submit(connector: &ReceiveConnector) -> bool {
    connector_entries(connector).any(|entry| {
        let user = match entry.trustee {
            Trustee::WellKnown(known) => {
                matches!(known, WellKnown::AuthenticatedUsers | WellKnown::Everyone)
            }
            Trustee::Object(_) => true,
        };
        user && entry.sense == Sense::Allow && entry.right.implies(Right::SmtpSubmit)
    })
}

/// Why a connector is an open relay: anybody anywhere may send through it to anybody. `None` where it is none.
pub fn open_relay(connector: &ReceiveConnector) -> Option<&'static str> {
    if !connector.remote_ip_ranges.iter().any(|range| range.is_everyone()) {
        return None;
    }
    let anonymous = |right| well_known_has(connector, WellKnown::AnonymousLogon, right);
    let secured = |right| well_known_has(connector, WellKnown::ExternallySecured, right);
    if connector.auth_mechanism.external_authoritative {
        let relays = secured(Right::SmtpSubmit) && secured(Right::AcceptAnyRecipient);
        return relays.then_some("every client counts as one of our own servers");
    }
    let relays = anonymous(Right::SmtpSubmit) && anonymous(Right::AcceptAnyRecipient);
    relays.then_some("whoever did not log in may send to any recipient")
}
