//! What the cmdlets about mailboxes share: finding, filtering, limits of results.
//!
//! A Get- cmdlet walks the snapshot it began with and gives each object before it makes the next, so a list of 100,000
//! mailboxes costs the memory of one. A name without pattern that nobody has is an error; a pattern that fits nobody is
//! not.

use crate::cmdlet::{Kind, Parameter, parameter};
use crate::grammar::{Expr, parse_filter};
use crate::run::{Call, Env, Failure, evaluate_filter, filter_text, wildcard};
use crate::value::{Object, Value};
use directory::{Limit, Mailbox, Snapshot};
use std::sync::Arc;

/// The mailbox to read, piped or by name or pattern.
pub const IDENTITY_READ: Parameter =
    parameter("Identity", Kind::Text, "Name, alias, login name, address or GUID; * and ? stand for letters.")
        .at(1)
        .piped();
/// The mailbox to change, piped or by name.
pub const IDENTITY_CHANGE: Parameter =
    parameter("Identity", Kind::Text, "Name, alias, login name, address or GUID.").at(1).piped().mandatory();
/// A part of the name.
pub const ANR: Parameter = parameter("Anr", Kind::Text, "The beginning of a name, display name or alias.");
/// A condition.
pub const FILTER: Parameter =
    parameter("Filter", Kind::Filter, "A condition, such as {PopEnabled -eq $true}.");
/// How many at most.
pub const RESULT_SIZE: Parameter =
    parameter("ResultSize", Kind::Text, "At most so many; Unlimited for all. Usually 1000.");
/// Kept for scripts.
pub const DOMAIN_CONTROLLER: Parameter =
    parameter("DomainController", Kind::Text, "Accepted; has no effect.");

/// Object types that stand for a mailbox.
pub const MAILBOX_TYPES: &[&str] = &["Mailbox", "CASMailbox", "MailboxStatistics"];

/// Results without `-ResultSize`.
const USUAL_SIZE: u32 = 1000;

/// The error about an object that is not there.
pub fn not_found(call: &Call<'_>, identity: &str) -> Failure {
    let server = call.context().server_name();
    Failure::Error(format!(
        "The operation couldn't be performed because object '{identity}' couldn't be found on '{server}'."
    ))
}

/// The mailbox that a cmdlet is to change.
pub fn one(call: &Call<'_>, snapshot: &Snapshot) -> Result<Arc<Mailbox>, Failure> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    snapshot.mailbox(&identity).cloned().ok_or_else(|| not_found(call, &identity))
}

/// Gives each mailbox that was asked for, as `view` shows it.
pub async fn emit_all(call: &mut Call<'_>, view: fn(&Mailbox, &str) -> Object) -> Result<(), Failure> {
    super::servers::check(call)?;
    let snapshot = call.context().directory.snapshot();
    let server = call.context().server_name();
    let identity = call.arguments.text("Identity").filter(|text| !text.is_empty());
    let filter = filter(call)?;
    if let Some(identity) = identity.as_deref().filter(|text| !wildcard::is_pattern(text)) {
        let found = snapshot.mailbox(identity).ok_or_else(|| not_found(call, identity))?;
        let value = Value::from(view(found, &server));
        if fits(call.env(), filter.as_ref(), &value).await? {
            call.emit(value).await?;
        }
        return Ok(());
    }
    let anr = call.arguments.text("Anr").map(|text| format!("{text}*"));
    let wanted = |mailbox: &Mailbox| {
        identity.as_deref().is_none_or(|pattern| named(mailbox, pattern))
            && anr.as_deref().is_none_or(|pattern| named(mailbox, pattern))
    };
    let limit = result_size(call)?;
    let mut given = 0;
    for mailbox in snapshot.mailboxes().filter(|mailbox| wanted(mailbox)) {
        let value = Value::from(view(mailbox, &server));
        if !fits(call.env(), filter.as_ref(), &value).await? {
            continue;
        }
        if !limit.allows(&(given + 1)) {
            call.warn(format!(
                "There are more results than {limit}. -ResultSize Unlimited gives all of them."
            ))
            .await?;
            break;
        }
        given += 1;
        call.emit(value).await?;
    }
    Ok(())
}

fn named(mailbox: &Mailbox, pattern: &str) -> bool {
    let address = mailbox.primary_smtp_address.to_string();
    [mailbox.name.as_str(), &mailbox.alias, &mailbox.display_name, &address]
        .iter()
        .any(|name| wildcard::fits(pattern, name))
}

/// The limit of results.
pub fn result_size(call: &Call<'_>) -> Result<Limit<u32>, Failure> {
    Ok(call.arguments.parse("ResultSize")?.unwrap_or(Limit::To(USUAL_SIZE)))
}

/// The condition of `-Filter`.
fn filter(call: &Call<'_>) -> Result<Option<Expr>, Failure> {
    let Some(value) = call.arguments.value("Filter") else { return Ok(None) };
    let text = filter_text(value);
    match parse_filter(&text) {
        Ok(filter) => Ok(Some(filter)),
        Err(error) => Err(Failure::Error(format!("The filter is not understood: {}", error.render(&text)))),
    }
}

async fn fits(env: &Env, filter: Option<&Expr>, value: &Value) -> Result<bool, Failure> {
    let Some(filter) = filter else { return Ok(true) };
    match evaluate_filter(env, filter, value.clone()).await {
        Ok(holds) => Ok(holds.truth()),
        Err(halt) => Err(halt.into()),
    }
}
