//! New-, Get- and Remove-AccessToken: what programs show instead of a password.
//!
//! A token is shown once, when it is made; what is saved is its hash. It acts for the user of a mailbox, with no more
//! rights than he has at that moment and than the token names.

use super::recipients::visible;
use super::{CHANGES, READS, REMOVES};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::token;
use crate::value::{Object, Shape, Value};
use directory::{AccessToken, Change, Limit, Mailbox, Role, Snapshot, TimeSpan};
use std::sync::Arc;
use uuid::Uuid;

static TOKEN: Shape =
    Shape { name: "AccessToken", columns: &["Name", "Mailbox", "Role", "Expires", "LastUsed"] };
static NEW_TOKEN: Shape = Shape { name: "NewAccessToken", columns: &[] };

/// Half a year: who wants it otherwise says so.
const USUAL_LIFE: i64 = 180 * 86_400;
const ROLES: &[&str] = &[
    "MyBaseOptions",
    "View-Only Organization Management",
    "Recipient Management",
    "Organization Management",
];

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "New-AccessToken",
        synopsis: "Makes a token with which a program acts for a user over HTTPS. It is shown once.",
        parameters: &[
            parameter("Name", Kind::Text, "Unique name.").at(1).mandatory(),
            parameter("Mailbox", Kind::Text, "The mailbox of the user; usually the caller's own."),
            parameter("Role", Kind::Text, "The most it may do; usually to look.").one_of(ROLES),
            parameter(
                "ValidFor",
                Kind::Text,
                "How long, such as 30.00:00:00, or Unlimited; usually 180 days.",
            ),
        ],
        examples: &[(
            "New-AccessToken monitoring -Mailbox admin -Role 'View-Only Organization Management'",
            "Makes one that may look at everything.",
        )],
        run: Run::Each(|call| Box::pin(new(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Get-AccessToken",
        synopsis: "Shows the access tokens, without what makes them work.",
        parameters: &[parameter("Identity", Kind::Text, "Name or GUID; * and ? stand for letters.")
            .at(1)
            .piped()],
        accepts: &["AccessToken"],
        examples: &[("Get-AccessToken | Sort-Object LastUsed", "Shows those that nobody uses first.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Remove-AccessToken",
        synopsis: "Takes an access token away; it does not work any more at once.",
        parameters: &[parameter("Identity", Kind::Text, "Name or GUID.").at(1).piped().mandatory()],
        accepts: &["AccessToken"],
        examples: &[("Remove-AccessToken monitoring -Confirm:$false", "Removes it without asking.")],
        run: Run::Each(|call| Box::pin(remove(call))),
        ..REMOVES
    },
];

fn view(snapshot: &Snapshot, token: &AccessToken) -> Object {
    let mailbox = snapshot.mailbox_by_guid(token.mailbox);
    let expires = match token.expires {
        Limit::To(time) => super::audit::moment(time),
        Limit::Unlimited => Value::text("Never"),
    };
    Object::new(&TOKEN, token.guid.to_string())
        .with("Name", &token.name)
        .with("Mailbox", mailbox.map_or_else(String::new, |mailbox| mailbox.name.clone()))
        .with("Role", token.role.group_name())
        .with("WhenCreated", super::audit::moment(token.when_created))
        .with("Expires", expires)
        .with("LastUsed", token.last_used.map_or(Value::Null, super::audit::moment))
        .with("Guid", token.guid.to_string())
}

async fn new(call: &mut Call<'_>) -> Result<(), Failure> {
    let name = call.arguments.text("Name").unwrap_or_default();
    if !call.may("Create the access token", &name).await? {
        return Ok(());
    }
    let role = match call.arguments.text("Role") {
        None => Role::ViewOnly,
        Some(text) => Role::find(&text)
            .ok_or_else(|| format!("There is no role '{text}'. There are: {}.", ROLES.join(", ")))?,
    };
    let now = call.context().node.now();
    let expires = expiry(call, now)?;
    let changing = change::begin(call.context()).await;
    let mailbox = owner(call, &changing.snapshot)?;
    if changing.snapshot.find::<AccessToken>(&name).is_some() {
        return Err(format!("There is an access token '{name}' already.").into());
    }
    let secret = token::random()?;
    let token = AccessToken {
        guid: Uuid::new_v4(),
        name,
        hash: token::hash(&secret),
        mailbox: mailbox.guid,
        role,
        when_created: now,
        expires,
        last_used: None,
    };
    let shown = view(&changing.snapshot, &token);
    let limited = role > mailbox.role();
    let edit = Edit { after: Some(shown), changes: vec![Change::put(token.clone())], ..Edit::default() };
    changing.commit(call, edit).await?;
    let made =
        Object::new(&NEW_TOKEN, token.guid.to_string()).with("Name", &token.name).with("Token", secret);
    call.emit(made).await?;
    call.warn("The token is shown this once. Keep it as you would keep a password.").await?;
    if limited {
        call.warn(format!(
            "'{}' is no member of '{}', and neither can the token do more than its user may.",
            mailbox.name,
            role.group_name()
        ))
        .await?;
    }
    Ok(())
}

fn expiry(call: &Call<'_>, now: i64) -> Result<Limit<i64>, Failure> {
    let given = call.arguments.text("ValidFor");
    if given.as_deref().is_some_and(|text| text.trim().eq_ignore_ascii_case("unlimited")) {
        return Ok(Limit::Unlimited);
    }
    let life = call.arguments.parse::<TimeSpan>("ValidFor")?;
    let seconds = life.map_or(USUAL_LIFE, |life| i64::try_from(life.0).unwrap_or(i64::MAX));
    Ok(Limit::To(now.saturating_add(seconds)))
}

/// The mailbox of the user for whom it is.
fn owner(call: &Call<'_>, snapshot: &Snapshot) -> Result<Arc<Mailbox>, Failure> {
    if let Some(identity) = call.arguments.text("Mailbox") {
        return visible(call, snapshot, &identity)
            .ok_or_else(|| super::recipients::not_found(call, &identity));
    }
    let own = call.context().who.account().and_then(|account| snapshot.mailbox_by_account(account));
    own.cloned().ok_or_else(|| "Whose token is it? Name the user's mailbox with -Mailbox.".into())
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let snapshot = call.context().directory.snapshot();
    let identity = call.arguments.text("Identity").filter(|text| !text.is_empty());
    if let Some(name) = identity.as_deref().filter(|name| !wildcard::is_pattern(name)) {
        let token = one(call, &snapshot, name)?;
        return Ok(call.emit(view(&snapshot, &token)).await?);
    }
    for token in snapshot.all::<AccessToken>() {
        if identity.as_deref().is_none_or(|pattern| wildcard::fits(pattern, &token.name)) {
            call.emit(view(&snapshot, token)).await?;
        }
    }
    Ok(())
}

fn one(call: &Call<'_>, snapshot: &Snapshot, identity: &str) -> Result<Arc<AccessToken>, Failure> {
    snapshot
        .find::<AccessToken>(identity)
        .cloned()
        .ok_or_else(|| super::recipients::not_found(call, identity))
}

async fn remove(call: &mut Call<'_>) -> Result<(), Failure> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    let known = one(call, &call.context().directory.snapshot(), &identity)?;
    if !call.may("Remove the access token", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let token = one(call, &changing.snapshot, &known.guid.to_string())?;
    let before = view(&changing.snapshot, &token);
    let edit = Edit { before: Some(before), changes: vec![Change::remove(token)], ..Edit::default() };
    changing.commit(call, edit).await
}
