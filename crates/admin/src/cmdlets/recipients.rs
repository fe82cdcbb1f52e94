//! What the cmdlets about recipients share: finding, filtering, limits of results, lists of other recipients.
//!
//! A Get- cmdlet walks the snapshot it began with and gives each object before it makes the next, so a list of 100,000
//! mailboxes costs the memory of one. A name without pattern that nobody has is an error; a pattern that fits nobody is
//! not.

use super::sought::{Sought, sought};
use crate::cmdlet::{Kind, Parameter, parameter};
use crate::grammar::{Expr, parse_filter};
use crate::run::{Call, Env, Failure, ListChange, evaluate_filter, filter_text, wildcard};
use crate::value::{Object, Value};
use directory::{Acceptance, Limit, Mailbox, Person, Recipient, Snapshot};
use std::sync::Arc;
use uuid::Uuid;

/// The recipient to read, piped or by name or pattern.
pub const IDENTITY_READ: Parameter =
    parameter("Identity", Kind::Text, "Name, alias, login name, address or GUID; * and ? stand for letters.")
        .at(1)
        .piped();
/// The recipient to change, piped or by name.
pub const IDENTITY_CHANGE: Parameter =
    parameter("Identity", Kind::Text, "Name, alias, login name, address or GUID.").at(1).piped().mandatory();
/// A part of the name.
pub const ANR: Parameter =
    parameter("Anr", Kind::Text, "The beginning of a name, display name, first or last name, or alias.");
/// A condition.
pub const FILTER: Parameter =
    parameter("Filter", Kind::Filter, "A condition, such as {PopEnabled -eq $true}.");
/// How many at most.
pub const RESULT_SIZE: Parameter =
    parameter("ResultSize", Kind::Text, "At most so many; Unlimited for all. Usually 1000.");
/// The order of results.
pub const SORT_BY: Parameter = parameter("SortBy", Kind::Text, "The property to sort by; usually Name.")
    .one_of(&["Name", "DisplayName", "Alias"]);
/// What they are for.
pub const TYPE_DETAILS: Parameter =
    parameter("RecipientTypeDetails", Kind::List, "Only recipients of these types, such as SharedMailbox.");
/// Kept for scripts.
pub const ORGANIZATIONAL_UNIT: Parameter =
    parameter("OrganizationalUnit", Kind::Text, "Accepted; has no effect.");
/// Kept for scripts.
pub const DOMAIN_CONTROLLER: Parameter =
    parameter("DomainController", Kind::Text, "Accepted; has no effect.");
/// Whom it takes mail from.
pub const ACCEPT_ONLY: Parameter = parameter(
    "AcceptMessagesOnlyFrom",
    Kind::List,
    "Takes mail from these recipients and members of these groups only; $null from everybody.",
)
.alias(&["AcceptMessagesOnlyFromSendersOrMembers"]);
/// Whom it takes no mail from.
pub const REJECT_FROM: Parameter = parameter(
    "RejectMessagesFrom",
    Kind::List,
    "Takes no mail from these recipients and members of these groups.",
)
.alias(&["RejectMessagesFromSendersOrMembers"]);
/// Whether senders log in.
pub const REQUIRE_AUTHENTICATION: Parameter = parameter(
    "RequireSenderAuthenticationEnabled",
    Kind::Bool,
    "Whether it takes mail only from users who log in.",
);
/// Whether address lists leave it out.
pub const HIDDEN: Parameter =
    parameter("HiddenFromAddressListsEnabled", Kind::Bool, "Whether address lists leave it out.");

/// Object types that stand for a mailbox.
pub const MAILBOX_TYPES: &[&str] = &["Mailbox", "CASMailbox", "MailboxStatistics", "User", "Recipient"];

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
    visible(call, snapshot, &identity).ok_or_else(|| not_found(call, &identity))
}

/// The mailbox of this identity, where the caller may know of it.
pub fn visible(call: &Call<'_>, snapshot: &Snapshot, identity: &str) -> Option<Arc<Mailbox>> {
    let who = call.context().who;
    snapshot.mailbox(identity).filter(|mailbox| policy::see_mailbox(snapshot, who, mailbox)).cloned()
}

/// Whether no recipient has this name yet.
pub fn unknown(snapshot: &Snapshot, name: &str) -> Result<(), Failure> {
    match snapshot.recipient_by_identity(name) {
        None => Ok(()),
        Some(known) => Err(Failure::Error(format!(
            "There is a {} already, with the name, alias or address '{name}'.",
            known.label()
        ))),
    }
}

/// Gives each mailbox that was asked for, as `view` shows it.
pub async fn emit_mailboxes(
    call: &mut Call<'_>,
    view: fn(&Snapshot, &Mailbox, &str) -> Object,
) -> Result<(), Failure> {
    let show = |all: &Snapshot, recipient: &Recipient, server: &str| match recipient {
        Recipient::Mailbox(mailbox) => Some(view(all, mailbox, server)),
        Recipient::Group(_) | Recipient::Contact(_) => None,
    };
    emit_all(call, show).await
}

/// Gives each recipient that was asked for and that `view` shows.
pub async fn emit_all(
    call: &mut Call<'_>,
    view: impl Fn(&Snapshot, &Recipient, &str) -> Option<Object>,
) -> Result<(), Failure> {
    super::servers::check(call)?;
    let snapshot = call.context().directory.snapshot();
    let server = call.context().server_name();
    let identity = call.arguments.text("Identity").filter(|text| !text.is_empty());
    let filter = filter(call)?;
    let types = types(call)?;
    let is_wanted = |object: &Object| types.is_empty() || is_of(object, &types);
    if let Some(identity) = identity.as_deref().filter(|text| !wildcard::is_pattern(text)) {
        let found = snapshot.recipient_by_identity(identity);
        let found = found.filter(|found| policy::see_recipient(&snapshot, call.context().who, found));
        let found = found.and_then(|found| view(&snapshot, &found, &server));
        let found = found.ok_or_else(|| not_found(call, identity))?;
        let (wanted, value) = (is_wanted(&found), Value::from(found));
        if wanted && fits(call.env(), filter.as_ref(), &value).await? {
            call.emit(value).await?;
        }
        return Ok(());
    }
    let anr = call.arguments.text("Anr").map(|text| format!("{text}*"));
    let who = call.context().who;
    let named = |recipient: &Recipient| {
        policy::see_recipient(&snapshot, who, recipient)
            && identity.as_deref().is_none_or(|pattern| is_named(recipient, pattern))
            && anr
                .as_deref()
                .is_none_or(|pattern| is_named(recipient, pattern) || is_person(recipient, pattern))
    };
    let limit = result_size(call)?;
    let mut given = 0;
    let all = match filter.as_ref().map_or(Sought::Anybody, |filter| sought(&snapshot, filter)) {
        Sought::One(found) => Box::new(found.into_iter()),
        Sought::Anybody => sorted(call, &snapshot)?,
    };
    for recipient in all.filter(named) {
        let Some(object) = view(&snapshot, &recipient, &server).filter(is_wanted) else { continue };
        let value = Value::from(object);
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

/// All recipients in the order that was asked for; by name they need not be collected.
fn sorted<'a>(
    call: &Call<'_>,
    snapshot: &'a Snapshot,
) -> Result<Box<dyn Iterator<Item = Recipient> + Send + 'a>, Failure> {
    let key: fn(&Recipient) -> String = match call.arguments.text("SortBy").as_deref() {
        Some(by) if by.eq_ignore_ascii_case("DisplayName") => |found| found.display_name().to_lowercase(),
        Some(by) if by.eq_ignore_ascii_case("Alias") => |found| found.alias().to_lowercase(),
        Some(by) if !by.eq_ignore_ascii_case("Name") => {
            return Err(format!(
                "The value of parameter 'SortBy' is not valid: '{by}'; legal: Name, DisplayName, Alias."
            )
            .into());
        }
        _ => return Ok(Box::new(snapshot.recipients())),
    };
    let mut all: Vec<Recipient> = snapshot.recipients().collect();
    all.sort_by_cached_key(key);
    Ok(Box::new(all.into_iter()))
}

fn types(call: &Call<'_>) -> Result<Vec<String>, Failure> {
    match call.arguments.list("RecipientTypeDetails")? {
        Some(ListChange::Replace(types)) => Ok(types),
        Some(ListChange::Edit { .. }) => Err("RecipientTypeDetails takes a list of types.".into()),
        None => Ok(Vec::new()),
    }
}

fn is_of(object: &Object, types: &[String]) -> bool {
    let own = object.property("RecipientTypeDetails").map(ToString::to_string).unwrap_or_default();
    types.iter().any(|name| name.eq_ignore_ascii_case(&own))
}

fn is_named(recipient: &Recipient, pattern: &str) -> bool {
    let address = recipient.primary_smtp_address().to_string();
    [recipient.name(), recipient.alias(), recipient.display_name(), &address]
        .iter()
        .any(|name| wildcard::fits(pattern, name))
}

fn is_person(recipient: &Recipient, pattern: &str) -> bool {
    let person: Option<&Person> = match recipient {
        Recipient::Mailbox(mailbox) => Some(&mailbox.person),
        Recipient::Contact(contact) => Some(&contact.person),
        Recipient::Group(_) => None,
    };
    person.is_some_and(|person| {
        wildcard::fits(pattern, &person.first_name) || wildcard::fits(pattern, &person.last_name)
    })
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

// ---- lists of recipients ----

/// The recipients among the arguments.
pub fn named_recipients(
    call: &Call<'_>,
    snapshot: &Snapshot,
    identities: &[String],
) -> Result<Vec<Uuid>, Failure> {
    let find = |identity: &String| {
        let found = snapshot.recipient_by_identity(identity).map(|found| found.guid());
        found.ok_or_else(|| not_found(call, identity))
    };
    identities.iter().map(find).collect()
}

/// A list of recipients after what the argument says, with remarks.
pub fn set_references(
    call: &Call<'_>,
    snapshot: &Snapshot,
    name: &str,
    list: &mut Vec<Uuid>,
) -> Result<Vec<String>, Failure> {
    let (add, remove) = match call.arguments.list(name)? {
        None => return Ok(Vec::new()),
        Some(ListChange::Replace(identities)) => {
            let identities: Vec<String> =
                identities.into_iter().filter(|identity| !identity.is_empty()).collect();
            *list = named_recipients(call, snapshot, &identities)?;
            return Ok(Vec::new());
        }
        Some(ListChange::Edit { add, remove }) => (add, remove),
    };
    let mut remarks = Vec::new();
    for (guid, identity) in named_recipients(call, snapshot, &remove)?.into_iter().zip(&remove) {
        match list.iter().position(|known| *known == guid) {
            Some(at) => drop(list.remove(at)),
            None => remarks.push(format!("{name} has no value '{identity}' that could be removed.")),
        }
    }
    for (guid, identity) in named_recipients(call, snapshot, &add)?.into_iter().zip(&add) {
        if list.contains(&guid) {
            remarks.push(format!("{name} has the value '{identity}' already."));
        } else {
            list.push(guid);
        }
    }
    Ok(remarks)
}

/// Recipients by name; whoever is gone, by GUID.
pub fn reference_names<'a>(snapshot: &Snapshot, list: impl IntoIterator<Item = &'a Uuid>) -> Value {
    let name = |guid: &Uuid| match snapshot.recipient_by_guid(*guid) {
        Some(found) => found.name().to_owned(),
        None => guid.to_string(),
    };
    Value::texts(list.into_iter().map(name))
}

/// Sets whom a recipient takes mail from.
pub fn set_acceptance(
    call: &Call<'_>,
    snapshot: &Snapshot,
    acceptance: &mut Acceptance,
) -> Result<Vec<String>, Failure> {
    let mut remarks =
        set_references(call, snapshot, "AcceptMessagesOnlyFrom", &mut acceptance.accept_only_from)?;
    remarks.extend(set_references(call, snapshot, "RejectMessagesFrom", &mut acceptance.reject_from)?);
    if let Some(required) = call.arguments.bool("RequireSenderAuthenticationEnabled") {
        acceptance.require_sender_authentication = required;
    }
    Ok(remarks)
}

/// Adds whom a recipient takes mail from to what is shown of it.
pub fn with_acceptance(object: Object, snapshot: &Snapshot, acceptance: &Acceptance) -> Object {
    object
        .with("AcceptMessagesOnlyFrom", reference_names(snapshot, &acceptance.accept_only_from))
        .with("RejectMessagesFrom", reference_names(snapshot, &acceptance.reject_from))
        .with("RequireSenderAuthenticationEnabled", acceptance.require_sender_authentication)
}
