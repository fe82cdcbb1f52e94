//! New-, Get-, Set- and Remove-MailContact: people elsewhere under a name here, mostly as members of groups.

use super::mailbox::{address, put};
use super::person::{self, COMPANY, DEPARTMENT, FIRST_NAME, INITIALS, LAST_NAME, OFFICE, PHONE, TITLE};
use super::recipients::{
    self, ACCEPT_ONLY, ANR, DOMAIN_CONTROLLER, FILTER, HIDDEN, IDENTITY_CHANGE, IDENTITY_READ,
    ORGANIZATIONAL_UNIT, REJECT_FROM, REQUIRE_AUTHENTICATION, RESULT_SIZE, SORT_BY, not_found,
};
use super::{CHANGES, READS, REMOVES};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::run::{Call, Failure};
use crate::value::{Object, Shape, Value};
use directory::{Change, MailContact, Recipient, Role, Snapshot};
use std::sync::Arc;

static CONTACT: Shape = Shape { name: "MailContact", columns: &["Name", "Alias", "ExternalEmailAddress"] };

const TYPES: &[&str] = &["MailContact", "Recipient"];

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "New-MailContact",
        synopsis: "Gives somebody elsewhere a name here.",
        parameters: &[
            parameter("Name", Kind::Text, "Unique name.").at(1).mandatory(),
            parameter("ExternalEmailAddress", Kind::Text, "Where its mail goes.").mandatory(),
            parameter("Alias", Kind::Text, "Unique short name; usually the name without blanks."),
            parameter("DisplayName", Kind::Text, "Shown to people; usually the name."),
            FIRST_NAME,
            INITIALS,
            LAST_NAME,
            ORGANIZATIONAL_UNIT,
            DOMAIN_CONTROLLER,
        ],
        examples: &[(
            "New-MailContact 'Eve Elsewhere' -ExternalEmailAddress eve@elsewhere.test",
            "Makes a contact that can be a member of groups.",
        )],
        run: Run::Each(|call| Box::pin(new(call))),
        role: Role::Recipients,
        ..CHANGES
    },
    Cmdlet {
        name: "Get-MailContact",
        synopsis: "Shows contacts.",
        parameters: &[
            IDENTITY_READ,
            ANR,
            FILTER,
            SORT_BY,
            RESULT_SIZE,
            ORGANIZATIONAL_UNIT,
            DOMAIN_CONTROLLER,
        ],
        accepts: TYPES,
        examples: &[("Get-MailContact", "Lists them.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Set-MailContact",
        synopsis: "Changes a contact.",
        parameters: &[
            IDENTITY_CHANGE,
            parameter("Name", Kind::Text, "Unique name."),
            parameter("ExternalEmailAddress", Kind::Text, "Where its mail goes."),
            parameter("Alias", Kind::Text, "Unique short name."),
            parameter("DisplayName", Kind::Text, "Shown to people."),
            FIRST_NAME,
            INITIALS,
            LAST_NAME,
            DEPARTMENT,
            COMPANY,
            TITLE,
            OFFICE,
            PHONE,
            ACCEPT_ONLY,
            REJECT_FROM,
            REQUIRE_AUTHENTICATION,
            HIDDEN,
            DOMAIN_CONTROLLER,
        ],
        accepts: TYPES,
        examples: &[("Set-MailContact Eve -ExternalEmailAddress eve@new.test", "Gives it another address.")],
        run: Run::Each(|call| Box::pin(set(call))),
        role: Role::Recipients,
        ..CHANGES
    },
    Cmdlet {
        name: "Remove-MailContact",
        synopsis: "Removes a contact.",
        parameters: &[IDENTITY_CHANGE, DOMAIN_CONTROLLER],
        accepts: TYPES,
        examples: &[("Remove-MailContact Eve -Confirm:$false", "Removes it without asking.")],
        run: Run::Each(|call| Box::pin(remove(call))),
        role: Role::Recipients,
        ..REMOVES
    },
];

/// A contact as it is shown.
fn view(all: &Snapshot, contact: &MailContact) -> Object {
    let address = format!("SMTP:{}", contact.external_email_address);
    let object = Object::new(&CONTACT, contact.guid.to_string())
        .with("Name", &contact.name)
        .with("Alias", &contact.alias)
        .with("ExternalEmailAddress", &address)
        .with("DisplayName", &contact.display_name)
        .with("Identity", &contact.name)
        .with("PrimarySmtpAddress", contact.external_email_address.to_string())
        .with("EmailAddresses", Value::texts([address]))
        .with("RecipientType", "MailContact")
        .with("RecipientTypeDetails", "MailContact")
        .with("HiddenFromAddressListsEnabled", contact.hidden_from_address_lists)
        .with("WhenCreated", super::audit::moment(contact.when_created));
    let object = recipients::with_acceptance(object, all, &contact.acceptance);
    person::with(object, &contact.person).with("Guid", contact.guid.to_string())
}

fn one(call: &Call<'_>, all: &Snapshot) -> Result<Arc<MailContact>, Failure> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    match all.recipient_by_identity(&identity) {
        Some(Recipient::Contact(contact)) => Ok(contact),
        _ => Err(not_found(call, &identity)),
    }
}

async fn new(call: &mut Call<'_>) -> Result<(), Failure> {
    let name = call.arguments.text("Name").unwrap_or_default();
    recipients::unknown(&call.context().directory.snapshot(), &name)?;
    let address = address(call, "ExternalEmailAddress")?.ok_or("The address is missing.")?;
    let mut contact = MailContact::new(&name, address, call.context().node.now());
    contact.alias = call.arguments.text("Alias").unwrap_or_else(|| name.split_whitespace().collect());
    put(&mut contact.display_name, call.arguments.text("DisplayName").filter(|text| !text.is_empty()));
    person::set(call, &mut contact.person)?;
    if !call.may("Create the contact", &name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    recipients::unknown(&changing.snapshot, &name)?;
    let after = view(&changing.snapshot, &contact);
    let edit = Edit { changes: vec![Change::put(contact)], after: Some(after.clone()), ..Edit::default() };
    changing.commit(call, edit).await?;
    call.emit(after).await?;
    Ok(())
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let show = |all: &Snapshot, recipient: &Recipient, _: &str| match recipient {
        Recipient::Contact(contact) => Some(view(all, contact)),
        Recipient::Mailbox(_) | Recipient::Group(_) => None,
    };
    recipients::emit_all(call, show).await
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Change the contact", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let all = changing.snapshot.clone();
    let old = one(call, &all)?;
    let mut contact = MailContact::clone(&old);
    put(&mut contact.name, call.arguments.text("Name"));
    put(&mut contact.alias, call.arguments.text("Alias"));
    put(&mut contact.display_name, call.arguments.text("DisplayName"));
    put(&mut contact.external_email_address, address(call, "ExternalEmailAddress")?);
    put(&mut contact.hidden_from_address_lists, call.arguments.bool("HiddenFromAddressListsEnabled"));
    person::set(call, &mut contact.person)?;
    let remarks = recipients::set_acceptance(call, &all, &mut contact.acceptance)?;
    let (before, after) = (Some(view(&all, &old)), Some(view(&all, &contact)));
    changing
        .commit(call, Edit { changes: vec![Change::put(contact)], before, after, ..Edit::default() })
        .await?;
    for remark in remarks {
        call.warn(remark).await?;
    }
    Ok(())
}

async fn remove(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Remove the contact", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let all = changing.snapshot.clone();
    let old = one(call, &all)?;
    let before = Some(view(&all, &old));
    let mut changes = super::groups::without(&all, old.guid);
    changes.push(Change::remove(old));
    changing.commit(call, Edit { before, changes, ..Edit::default() }).await
}
