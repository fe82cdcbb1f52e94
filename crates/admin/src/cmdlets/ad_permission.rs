//! Add-, Get- and Remove-ADPermission: rights on receive connectors and mailboxes.
//!
//! What the permission groups of a connector stand for is shown among its entries, for that is where Exchange keeps it.

use super::access::{self, Target};
use super::recipients::DOMAIN_CONTROLLER;
use super::{CHANGES, READS, REMOVES};
use crate::change::{self, Changing};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure};
use crate::value::{Object, Shape, Value};
use directory::{Family, Permission, Right, Sense, Snapshot};

static AD_PERMISSION: Shape =
    Shape { name: "ADPermission", columns: &["Identity", "User", "Deny", "Inherited"] };
static OWNER: Shape = Shape { name: "ADPermissionOwner", columns: &["Identity", "Owner"] };

/// What permissions are on.
const TYPES: &[&str] = &["ReceiveConnector", "Mailbox", "CASMailbox", "MailboxStatistics", "ADPermission"];

const WHICH: Parameter =
    parameter("Identity", Kind::Text, "The receive connector or mailbox.").at(1).piped().mandatory();
const USER: Parameter = parameter(
    "User",
    Kind::Text,
    "Whose rights: a mailbox, or a name such as 'NT AUTHORITY\\ANONYMOUS LOGON', in English or German, or a SID.",
);
const EXTENDED: Parameter =
    parameter("ExtendedRights", Kind::List, "Rights such as ms-Exch-SMTP-Accept-Any-Recipient, or Send-As.");
const ACCESS: Parameter =
    parameter("AccessRights", Kind::List, "Rights such as GenericAll, which includes every other.");
const DENY: Parameter = parameter("Deny", Kind::Switch, "Takes the rights, whoever else gives them.");
const INHERITANCE: Parameter = parameter(
    "InheritanceType",
    Kind::Text,
    "Which objects it is about; All is usual, and those below have no effect.",
)
.one_of(&["None", "All", "Children", "Descendents", "SelfAndChildren"]);
const CHILD_TYPES: Parameter = parameter("ChildObjectTypes", Kind::List, "Accepted; has no effect.");
const INHERITED_TYPE: Parameter = parameter("InheritedObjectType", Kind::Text, "Accepted; has no effect.");
const PROPERTIES: Parameter = parameter("Properties", Kind::List, "Accepted; has no effect.");

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Add-ADPermission",
        synopsis: "Gives or takes rights on a receive connector or mailbox.",
        parameters: &[
            WHICH,
            USER,
            EXTENDED,
            ACCESS,
            DENY,
            INHERITANCE,
            parameter("Owner", Kind::Text, "Who owns the object, instead of -User and rights."),
            CHILD_TYPES,
            INHERITED_TYPE,
            PROPERTIES,
            DOMAIN_CONTROLLER,
        ],
        accepts: TYPES,
        examples: &[
            (
                "Get-ReceiveConnector Scanners | Add-ADPermission -User 'NT AUTHORITY\\ANONYMOUS LOGON' -ExtendedRights ms-Exch-SMTP-Accept-Any-Recipient",
                "Lets the clients of a connector send to any recipient without a login.",
            ),
            ("Add-ADPermission alice -User bob -ExtendedRights Send-As", "Lets Bob send mail as Alice."),
        ],
        run: Run::Each(|call| Box::pin(add(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Get-ADPermission",
        synopsis: "Shows who has which rights on a receive connector or mailbox.",
        parameters: &[
            WHICH,
            USER,
            parameter("Owner", Kind::Switch, "Shows who owns the object instead."),
            DOMAIN_CONTROLLER,
        ],
        accepts: TYPES,
        examples: &[(
            "Get-ReceiveConnector Scanners | Get-ADPermission | where {($_.Deny -eq $false) -and ($_.IsInherited -eq $false)} | Format-Table User,ExtendedRights",
            "Shows what its clients may do.",
        )],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Remove-ADPermission",
        synopsis: "Removes entries that give or take rights.",
        parameters: &[
            WHICH,
            USER,
            EXTENDED,
            ACCESS,
            DENY,
            INHERITANCE,
            CHILD_TYPES,
            INHERITED_TYPE,
            PROPERTIES,
            DOMAIN_CONTROLLER,
        ],
        accepts: TYPES,
        examples: &[(
            "Remove-ADPermission alice -User bob -ExtendedRights Send-As -Confirm:$false",
            "Bob may no longer send as Alice.",
        )],
        run: Run::Each(|call| Box::pin(remove(call))),
        ..REMOVES
    },
];

/// Entries as they are shown: each extended right alone, other rights together.
fn views(target: &Target, entries: &[Permission], all: &Snapshot, server: &str) -> Vec<Object> {
    let shown: Vec<Permission> =
        entries.iter().filter(|entry| entry.right.family() != Family::Mailbox).copied().collect();
    let groups = access::together(&shown, |right| right.family() == Family::Directory);
    groups.iter().filter_map(|group| view(target, group, all, server)).collect()
}

fn view(target: &Target, entries: &[Permission], all: &Snapshot, server: &str) -> Option<Object> {
    let first = entries.first()?;
    let of = |family| entries.iter().map(|entry| entry.right).filter(move |right| right.family() == family);
    let extended: Vec<Right> = of(Family::Extended).collect();
    let access: Vec<Right> = match extended.as_slice() {
        [] => of(Family::Directory).collect(),
        _ => vec![Right::ExtendedRight],
    };
    let object = Object::new(&AD_PERMISSION, access::key(target, entries))
        .with("Identity", target.identity(server))
        .with("User", all.trustee_name(&first.trustee))
        .with("Deny", first.sense == Sense::Deny)
        .with("Inherited", false)
        .with("IsInherited", false)
        .with("ExtendedRights", Value::texts(extended))
        .with("AccessRights", Value::texts(access))
        .with("ChildObjectTypes", Value::Null)
        .with("InheritedObjectType", Value::Null)
        .with("Properties", Value::Null)
        .with("InheritanceType", first.inheritance.to_string());
    Some(object)
}

fn target(call: &Call<'_>, all: &Snapshot) -> Result<Target, Failure> {
    Target::find(call, all, &call.arguments.text("Identity").unwrap_or_default())
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let all = call.context().directory.snapshot();
    let server = call.context().server_name();
    let target = target(call, &all)?;
    if call.arguments.switch("Owner") {
        let owner = target.list().owner.map(|owner| all.trustee_name(&owner));
        let shown = Object::new(&OWNER, target.guid()).with("Identity", target.identity(&server));
        call.emit(shown.with("Owner", owner)).await?;
        return Ok(());
    }
    let user = access::trustee(&call.arguments, &all, "User")?;
    let mut entries = target.of_groups();
    entries.extend(&target.list().entries);
    entries.retain(|entry| user.is_none_or(|user| entry.trustee == user));
    for view in views(&target, &entries, &all, &server) {
        call.emit(view).await?;
    }
    Ok(())
}

/// The entries that the arguments name, or that were piped.
fn wanted(call: &Call<'_>, all: &Snapshot) -> Result<Vec<Permission>, Failure> {
    let arguments = &call.arguments;
    let piped = access::entries_of(&arguments.text("Identity").unwrap_or_default());
    if !piped.is_empty() && !arguments.given("User") {
        return Ok(piped);
    }
    let Some(user) = access::trustee(arguments, all, "User")? else {
        return Err(Failure::Error(format!("{} needs a value for: User.", call.cmdlet().name)));
    };
    let mut rights = access::rights(arguments, "ExtendedRights", Family::Extended)?;
    let mut access = access::rights(arguments, "AccessRights", Family::Directory)?;
    if !rights.is_empty() {
        // It only says that there are some.
        access.retain(|right| *right != Right::ExtendedRight);
    }
    rights.extend(access);
    if rights.is_empty() {
        let name = call.cmdlet().name;
        return Err(Failure::Error(format!("{name} needs a value for: ExtendedRights, or AccessRights.")));
    }
    access::entries(arguments, user, rights)
}

/// A connector opens listeners, so its change is made alone.
async fn begin(call: &Call<'_>, target: &Target) -> Changing {
    match target {
        Target::Connector(_) => change::begin(call.context()).await,
        Target::Mailbox(_) => change::begin_together(call.context()).await,
    }
}

async fn add(call: &mut Call<'_>) -> Result<(), Failure> {
    let server = call.context().server_name();
    let known = target(call, &call.context().directory.snapshot())?;
    if !call.may("Add permissions on", &known.identity(&server)).await? {
        return Ok(());
    }
    let changing = begin(call, &known).await;
    let all = changing.snapshot.clone();
    let old = target(call, &all)?;
    let (after, new, mut remarks) = access::added(call, &all, &old, wanted)?;
    if let Target::Connector(connector) = &after {
        remarks.extend(access::open_relay(connector));
    }
    access::commit(call, changing, &old, &after).await?;
    for view in views(&after, &new, &all, &server) {
        call.emit(view).await?;
    }
    for remark in remarks {
        call.warn(remark).await?;
    }
    Ok(())
}

async fn remove(call: &mut Call<'_>) -> Result<(), Failure> {
    let server = call.context().server_name();
    let known = target(call, &call.context().directory.snapshot())?;
    if !call.may("Remove permissions on", &known.identity(&server)).await? {
        return Ok(());
    }
    let changing = begin(call, &known).await;
    let all = changing.snapshot.clone();
    let old = target(call, &all)?;
    let (after, remarks) = access::remove(&old, &wanted(call, &all)?, &all);
    access::commit(call, changing, &old, &after).await?;
    for remark in remarks {
        call.warn(remark).await?;
    }
    Ok(())
}
