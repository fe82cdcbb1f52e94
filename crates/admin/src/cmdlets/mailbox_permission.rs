//! Add-, Get- and Remove-MailboxPermission: who may open a mailbox.
//!
//! FullAccess does not include Send-As; that is given by Add-ADPermission.

use super::access::{self, Target};
use super::recipients::{self, DOMAIN_CONTROLLER, IDENTITY_CHANGE};
use super::{CHANGES, READS, REMOVES};
use crate::change;
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::value::{Object, Shape, Value};
use directory::{Family, Mailbox, Permission, Right, Role, Sense, Snapshot, Trustee, WellKnown};
use std::sync::Arc;

static MAILBOX_PERMISSION: Shape = Shape {
    name: "MailboxPermission",
    columns: &["Identity", "User", "AccessRights", "IsInherited", "Deny"],
};

static OWNER: Shape = Shape { name: "MailboxOwner", columns: &["Identity", "Owner"] };

/// Mailboxes, and entries on them.
const TYPES: &[&str] = &["Mailbox", "CASMailbox", "MailboxStatistics", "MailboxPermission"];

const USER: Parameter = parameter("User", Kind::Text, "Whose rights: a mailbox, or a well-known name.");
const RIGHTS: Parameter = parameter("AccessRights", Kind::List, "FullAccess opens it; others are kept.");
const DENY: Parameter = parameter("Deny", Kind::Switch, "Takes the rights, whoever else gives them.");
const INHERITANCE: Parameter = parameter(
    "InheritanceType",
    Kind::Text,
    "Which objects it is about; All is usual, and those below have no effect.",
)
.one_of(&["None", "All", "Children", "Descendents", "SelfAndChildren"]);

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Add-MailboxPermission",
        synopsis: "Gives or takes rights on a mailbox.",
        parameters: &[
            IDENTITY_CHANGE,
            USER,
            RIGHTS,
            DENY,
            INHERITANCE,
            parameter("AutoMapping", Kind::Bool, "Accepted; has no effect, for it is about Outlook."),
            parameter("Owner", Kind::Text, "Who owns the mailbox, instead of -User and rights."),
            DOMAIN_CONTROLLER,
        ],
        accepts: TYPES,
        examples: &[(
            "Add-MailboxPermission alice -User bob -AccessRights FullAccess",
            "Lets Bob open Alice's mailbox.",
        )],
        run: Run::Each(|call| Box::pin(add(call))),
        role: Role::Recipients,
        ..CHANGES
    },
    Cmdlet {
        name: "Get-MailboxPermission",
        synopsis: "Shows who may open a mailbox.",
        parameters: &[
            IDENTITY_CHANGE,
            USER,
            parameter("Owner", Kind::Switch, "Shows who owns the mailbox instead."),
            DOMAIN_CONTROLLER,
        ],
        accepts: TYPES,
        examples: &[("Get-Mailbox | Get-MailboxPermission", "Shows it for all mailboxes.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Remove-MailboxPermission",
        synopsis: "Removes entries that give or take rights on a mailbox.",
        parameters: &[IDENTITY_CHANGE, USER, RIGHTS, DENY, INHERITANCE, DOMAIN_CONTROLLER],
        accepts: TYPES,
        examples: &[(
            "Remove-MailboxPermission alice -User bob -AccessRights FullAccess -Confirm:$false",
            "Bob may no longer open it.",
        )],
        run: Run::Each(|call| Box::pin(remove(call))),
        role: Role::Recipients,
        ..REMOVES
    },
];

/// What the user of the mailbox itself has; it comes with the mailbox.
const OWN: [Right; 2] = [Right::FullAccess, Right::ReadPermission];

/// Rights of one trustee in one sense, as they are shown.
fn view(target: &Target, entries: &[Permission], all: &Snapshot) -> Option<Object> {
    let first = entries.first()?;
    let object = Object::new(&MAILBOX_PERMISSION, access::key(target, entries))
        .with("Identity", target.identity(""))
        .with("User", all.trustee_name(&first.trustee))
        .with("AccessRights", Value::texts(entries.iter().map(|entry| entry.right)))
        .with("IsInherited", false)
        .with("Deny", first.sense == Sense::Deny)
        .with("InheritanceType", first.inheritance.to_string());
    Some(object)
}

fn views(target: &Target, entries: &[Permission], all: &Snapshot) -> Vec<Object> {
    let shown: Vec<Permission> =
        entries.iter().filter(|entry| entry.right.family() == Family::Mailbox).copied().collect();
    let groups = access::together(&shown, |_| true);
    groups.iter().filter_map(|group| view(target, group, all)).collect()
}

fn one(call: &Call<'_>, all: &Snapshot) -> Result<Arc<Mailbox>, Failure> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    let name = identity.split('|').next().unwrap_or_default();
    all.mailbox(name).cloned().ok_or_else(|| recipients::not_found(call, name))
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let all = call.context().directory.snapshot();
    let identity = call.arguments.text("Identity").unwrap_or_default();
    let user = access::trustee(&call.arguments, &all, "User")?;
    if !wildcard::is_pattern(&identity) {
        let mailbox = one(call, &all)?;
        return show(call, &all, mailbox, user).await;
    }
    for mailbox in all.mailboxes().filter(|mailbox| wildcard::fits(&identity, &mailbox.name)) {
        show(call, &all, mailbox.clone(), user).await?;
    }
    Ok(())
}

async fn show(
    call: &mut Call<'_>,
    all: &Snapshot,
    mailbox: Arc<Mailbox>,
    user: Option<Trustee>,
) -> Result<(), Failure> {
    let target = Target::Mailbox(mailbox);
    if call.arguments.switch("Owner") {
        let owner = target.list().owner.map(|owner| all.trustee_name(&owner));
        let shown = Object::new(&OWNER, target.guid()).with("Identity", target.identity(""));
        call.emit(shown.with("Owner", owner)).await?;
        return Ok(());
    }
    let own = Trustee::WellKnown(WellKnown::OwnUser);
    let mut entries: Vec<Permission> = OWN.iter().map(|right| Permission::allow(own, *right)).collect();
    entries.extend(&target.list().entries);
    entries.retain(|entry| user.is_none_or(|user| entry.trustee == user));
    for view in views(&target, &entries, all) {
        call.emit(view).await?;
    }
    Ok(())
}

fn wanted(call: &Call<'_>, all: &Snapshot) -> Result<Vec<Permission>, Failure> {
    let arguments = &call.arguments;
    let piped = access::entries_of(&arguments.text("Identity").unwrap_or_default());
    if !piped.is_empty() && !arguments.given("User") {
        return Ok(piped);
    }
    let name = call.cmdlet().name;
    let Some(user) = access::trustee(arguments, all, "User")? else {
        return Err(Failure::Error(format!("{name} needs a value for: User.")));
    };
    let rights = access::rights(arguments, "AccessRights", Family::Mailbox)?;
    if rights.is_empty() {
        return Err(Failure::Error(format!("{name} needs a value for: AccessRights.")));
    }
    access::entries(arguments, user, rights)
}

async fn add(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Add permissions on the mailbox", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin_together(call.context()).await;
    let all = changing.snapshot.clone();
    let old = Target::Mailbox(one(call, &all)?);
    let (after, new, mut remarks) = access::added(call, &all, &old, wanted)?;
    if call.arguments.switch("AutoMapping") {
        remarks.push(
            "AutoMapping has no effect: clients of POP3 and IMAP4 open a mailbox by its name.".to_owned(),
        );
    }
    access::commit(call, changing, &old, &after).await?;
    for view in views(&after, &new, &all) {
        call.emit(view).await?;
    }
    for remark in remarks {
        call.warn(remark).await?;
    }
    Ok(())
}

async fn remove(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Remove permissions on the mailbox", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin_together(call.context()).await;
    let all = changing.snapshot.clone();
    let old = Target::Mailbox(one(call, &all)?);
    let unwanted = wanted(call, &all)?;
    let own = Trustee::WellKnown(WellKnown::OwnUser);
    if unwanted.iter().any(|entry| entry.trustee == own && !old.list().entries.contains(entry)) {
        return Err("What NT AUTHORITY\\SELF has comes with the mailbox and cannot be removed.".into());
    }
    let (after, remarks) = access::remove(&old, &unwanted, &all);
    access::commit(call, changing, &old, &after).await?;
    for remark in remarks {
        call.warn(remark).await?;
    }
    Ok(())
}
