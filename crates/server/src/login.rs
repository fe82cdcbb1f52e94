//! Logging in by name and password, the same for every protocol that has it.
//!
//! Policy says whose password is to be checked, the authenticator checks it, and the log learns what the client does not:
//! the reason, and the command that would change it.

use crate::Context;
use crate::auth::Login;
use directory::{Mailbox, Snapshot};
use policy::{Channel, Door, Refusal};
use std::net::IpAddr;
use std::sync::Arc;
use wire::Credentials;

/// The mailbox of the user who logs in from this address. Where the refusal must look like a wrong password it comes as
/// late as one.
///
/// Everything is decided on the given snapshot, which should be the current one.
pub async fn log_in(
    context: &Context,
    all: &Snapshot,
    door: Door<'_>,
    channel: Channel,
    from: IpAddr,
    credentials: &Credentials,
) -> Result<Arc<Mailbox>, Refusal> {
    let login = Login { name: &credentials.login, password: &credentials.password };
    let result = match decide(all, door, channel, credentials) {
        Ok(mailbox) => match context.auth.verify(Some(&mailbox), &login, from).await {
            Ok(true) => Ok(mailbox),
            Ok(false) => Err(Refusal::BadPassword { mailbox: mailbox.name.clone() }),
            Err(busy) => Err(busy),
        },
        Err(refusal) if refusal.looks_like_bad_password() => {
            context.auth.verify(None, &login, from).await.and(Err(refusal))
        }
        Err(refusal) => Err(refusal),
    };
    tell(door.protocol(), channel, credentials, &result);
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

fn tell(protocol: &str, channel: Channel, credentials: &Credentials, result: &Result<Arc<Mailbox>, Refusal>) {
    let mechanism = credentials.mechanism.name();
    match result {
        Ok(mailbox) => tracing::info!(protocol, mailbox = mailbox.name, mechanism, ?channel, "logged in"),
        Err(refusal) => {
            let (reason, remedy) = (refusal.reason(), refusal.remedy().unwrap_or_default());
            tracing::warn!(protocol, mechanism, ?channel, reason, remedy, "login refused");
        }
    }
}
