//! Logging in by name and password, the same for every protocol that has it.
//!
//! Policy says whose password is to be checked, the authenticator checks it, and the log learns what the client does not:
//! the reason, and the command that would change it.

use crate::Context;
use crate::auth::Login;
use directory::{Mailbox, Snapshot};
use journal::{Source, event};
use policy::{Channel, Door, Refusal};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use store::Logon;
use wire::{Credentials, TlsInfo};

/// Where a login comes from.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// The client's address.
    pub remote: IpAddr,
    /// How the connection is protected.
    pub tls: Option<&'a TlsInfo>,
}

/// The mailbox of the user who logs in from this address. Where the refusal must look like a wrong password it comes as
/// late as one.
///
/// Everything is decided on the given snapshot, which should be the current one.
pub async fn log_in(
    context: &Context,
    all: &Snapshot,
    door: Door<'_>,
    channel: Channel,
    from: Origin<'_>,
    credentials: &Credentials,
) -> Result<Arc<Mailbox>, Refusal> {
    let login = Login { name: &credentials.login, password: &credentials.password };
    let result = match decide(all, door, channel, credentials) {
        Ok(mailbox) => match context.auth.verify(Some(&mailbox), &login, from.remote).await {
            Ok(true) => Ok(mailbox),
            Ok(false) => Err(Refusal::BadPassword { mailbox: mailbox.name.clone() }),
            Err(busy) => Err(busy),
        },
        Err(refusal) if refusal.looks_like_bad_password() => {
            context.auth.verify(None, &login, from.remote).await.and(Err(refusal))
        }
        Err(refusal) => Err(refusal),
    };
    tell(context, door, channel, from, credentials, &result);
    result
}

fn decide(
    all: &Snapshot,
    door: Door<'_>,
    channel: Channel,
    credentials: &Credentials,
) -> Result<Arc<Mailbox>, Refusal> {
    let mailbox = policy::login(all, door, channel, &credentials.login)?;
    match &credentials.authorization {
        None => Ok(mailbox),
        // RFC 4616 §2: to act as somebody else needs a right, and so far there is none to give.
        Some(other) => match policy::login(all, door, channel, other) {
            Ok(same) if same.guid == mailbox.guid => Ok(mailbox),
            _ => Err(Refusal::NotOwnMailbox { mailbox: mailbox.name.clone(), name: other.clone() }),
        },
    }
}

fn tell(
    context: &Context,
    door: Door<'_>,
    channel: Channel,
    from: Origin<'_>,
    credentials: &Credentials,
    result: &Result<Arc<Mailbox>, Refusal>,
) {
    let (protocol, mechanism) = (door.protocol(), credentials.mechanism.name());
    match result {
        Ok(mailbox) => {
            tracing::info!(protocol, mailbox = mailbox.name, mechanism, ?channel, "logged in");
            context.store.note_logon(mailbox.account, logon(context, protocol, mechanism, from));
        }
        Err(refusal) => {
            let (reason, remedy) = (refusal.reason(), refusal.remedy().unwrap_or_default());
            tracing::warn!(protocol, mechanism, ?channel, reason, remedy, "login refused");
            tell_of_refusal(context, source(door), from.remote, refusal);
        }
    }
}

fn logon(context: &Context, protocol: &str, mechanism: &str, from: Origin<'_>) -> Logon {
    Logon {
        protocol: protocol.to_owned(),
        time: context.now().seconds,
        mechanism: mechanism.to_owned(),
        tls: from.tls.map_or_else(String::new, |tls| tls.version.clone()),
        address: from.remote.to_string(),
        client: String::new(),
    }
}

/// What an administrator should know of a refusal without looking for it.
fn tell_of_refusal(context: &Context, source: Source, remote: IpAddr, refusal: &Refusal) {
    let journal = context.store.journal();
    if matches!(refusal, Refusal::LoginNeedsTls { .. }) {
        let (reason, remedy) = (refusal.reason(), refusal.remedy().unwrap_or_default());
        let message = format!("{reason} The client {remote} should use TLS. {remedy}");
        journal.write(&event::CLEAR_TEXT_REFUSED, source, message.trim_end());
    }
    if refusal.looks_like_bad_password() && context.failures.is_many(remote, context.now().seconds) {
        let message = format!(
            "{MANY} logins with a wrong name or password came from {remote} within {} minutes. The last: {}",
            WITHIN / 60,
            refusal.reason()
        );
        journal.write(&event::WRONG_PASSWORDS, source, &message);
    }
}

/// The event of a mailbox that takes no more.
pub(crate) fn tell_of_quota(context: &Context, source: Source, refusal: &Refusal) {
    let (reason, remedy) = (refusal.reason(), refusal.remedy().unwrap_or_default());
    context.store.journal().write(&event::QUOTA_REACHED, source, format!("{reason} {remedy}").trim_end());
}

/// The name under which events of a door are found.
pub(crate) fn source(door: Door<'_>) -> Source {
    match door {
        Door::Pop3(_) => Source::Pop3,
        Door::Imap4(_) => Source::Imap4,
        Door::Smtp(_) => Source::Transport,
        Door::Web(_) => Source::Web,
    }
}

/// Failed logins from one address that are many, within so many seconds.
const MANY: u32 = 10;
const WITHIN: i64 = 10 * 60;
/// Addresses that are counted at a time.
const ADDRESSES: usize = 10_000;

/// Counts failed logins of client addresses.
#[derive(Clone, Debug, Default)]
pub struct Failures(Arc<Mutex<HashMap<IpAddr, (i64, u32)>>>);

impl Failures {
    /// Counts one; true for the one that makes them many, and again after as many more.
    fn is_many(&self, remote: IpAddr, now: i64) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |began: i64| (0..WITHIN).contains(&now.saturating_sub(began));
        if all.len() >= ADDRESSES && !all.contains_key(&remote) {
            all.retain(|_, (began, _)| is_fresh(*began));
        }
        if all.len() >= ADDRESSES && !all.contains_key(&remote) {
            return false; // so many addresses are no one's forgotten password
        }
        let (began, count) = all.entry(remote).or_insert((now, 0));
        if !is_fresh(*began) {
            (*began, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count % MANY == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_address_and_time() {
        let failures = Failures::default();
        let (a, b) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let many = |address, now| (0..10).filter(|_| failures.is_many(address, now)).count();
        assert_eq!((many(a, 0), many(b, 0)), (1, 1));
        assert_eq!(many(a, 599), 1, "ten more");
        assert!((0..9).all(|_| !failures.is_many(b, 600)), "another time");
    }

    #[test]
    fn only_so_many_addresses_are_counted() {
        let failures = Failures::default();
        for number in 0..20_000_u32 {
            failures.is_many(IpAddr::from(number.to_be_bytes()), 0);
        }
        assert_eq!(failures.0.lock().unwrap().len(), ADDRESSES);
        failures.is_many(IpAddr::from([255, 0, 0, 1]), WITHIN);
        assert_eq!(failures.0.lock().unwrap().len(), 1, "old ones make room");
    }
}
