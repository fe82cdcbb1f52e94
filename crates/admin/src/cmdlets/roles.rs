//! Get-RoleGroup, and Get-, Add- and Remove-RoleGroupMember.
//!
//! The role groups are fixed, and known by the names they have in Exchange. A mailbox's groups are flags of the mailbox:
//! they go where it goes. Who is in Organization Management also gets the mail for postmaster.

use super::recipients::{DOMAIN_CONTROLLER, visible};
use super::{CHANGES, READS, REMOVES};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::value::{Object, Shape, Value};
use directory::{Change, Mailbox, Role, Snapshot};

static ROLE_GROUP: Shape = Shape { name: "RoleGroup", columns: &["Name", "AssignedRoles", "Description"] };
static MEMBER: Shape = Shape { name: "Mailbox", columns: &["Name", "RecipientType"] };

const GROUP_NAMES: &str = "View-Only Organization Management, Recipient Management, Organization Management";

const GROUP_READ: Parameter =
    parameter("Identity", Kind::Text, "The role group's name; * and ? stand for letters.").at(1).piped();
const GROUP: Parameter =
    parameter("Identity", Kind::Text, "The role group's name.").at(1).piped().mandatory();
const MEMBER_PARAMETER: Parameter =
    parameter("Member", Kind::Text, "The mailbox of the user.").at(2).mandatory();

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-RoleGroup",
        synopsis: "Shows the role groups: who may administer what.",
        parameters: &[GROUP_READ, DOMAIN_CONTROLLER],
        accepts: &["RoleGroup"],
        examples: &[("Get-RoleGroup | Format-List", "Shows them with their members.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Get-RoleGroupMember",
        synopsis: "Shows who is in a role group.",
        parameters: &[GROUP, DOMAIN_CONTROLLER],
        accepts: &["RoleGroup"],
        examples: &[("Get-RoleGroupMember 'Recipient Management'", "Lists its members.")],
        run: Run::Each(|call| Box::pin(members(call))),
        ..READS
    },
    Cmdlet {
        name: "Add-RoleGroupMember",
        synopsis: "Lets a user administer what a role group may.",
        parameters: &[GROUP, MEMBER_PARAMETER, DOMAIN_CONTROLLER],
        accepts: &["RoleGroup"],
        examples: &[(
            "Add-RoleGroupMember 'Recipient Management' -Member alice",
            "Lets alice make and change mailboxes.",
        )],
        run: Run::Each(|call| Box::pin(change_member(call, true))),
        ..CHANGES
    },
    Cmdlet {
        name: "Remove-RoleGroupMember",
        synopsis: "Takes a user out of a role group.",
        parameters: &[GROUP, MEMBER_PARAMETER, DOMAIN_CONTROLLER],
        accepts: &["RoleGroup"],
        examples: &[(
            "Remove-RoleGroupMember 'Recipient Management' -Member alice -Confirm:$false",
            "Takes alice out without asking.",
        )],
        run: Run::Each(|call| Box::pin(change_member(call, false))),
        ..REMOVES
    },
];

fn members_of(snapshot: &Snapshot, group: Role) -> impl Iterator<Item = &Mailbox> {
    snapshot.mailboxes().map(|mailbox| &**mailbox).filter(move |mailbox| mailbox.is_member(group))
}

fn view(snapshot: &Snapshot, group: Role) -> Object {
    let (roles, description) = match group {
        Role::Organization => ("Everything", "Everything, also the access of others."),
        Role::Recipients => ("Recipients", "Makes and changes mailboxes, but none of administrators."),
        Role::ViewOnly => ("View-Only", "Sees everything that administrators see, and changes nothing."),
        Role::OwnMailbox => ("MyBaseOptions", "Sees his own mailbox, and sets its password."),
    };
    Object::new(&ROLE_GROUP, group.group_name())
        .with("Name", group.group_name())
        .with("AssignedRoles", roles)
        .with("Description", description)
        .with("Members", Value::texts(members_of(snapshot, group).map(|mailbox| mailbox.name.as_str())))
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let snapshot = call.context().directory.snapshot();
    let identity = call.arguments.text("Identity").filter(|text| !text.is_empty());
    if let Some(name) = identity.as_deref().filter(|name| !wildcard::is_pattern(name)) {
        let group = view(&snapshot, named(name)?);
        return Ok(call.emit(group).await?);
    }
    for group in Role::GROUPS {
        if identity.as_deref().is_none_or(|pattern| wildcard::fits(pattern, group.group_name())) {
            call.emit(view(&snapshot, group)).await?;
        }
    }
    Ok(())
}

fn named(name: &str) -> Result<Role, Failure> {
    Role::find(name)
        .filter(|role| Role::GROUPS.contains(role))
        .ok_or_else(|| Failure::Error(format!("There is no role group '{name}'. There are: {GROUP_NAMES}.")))
}

async fn members(call: &mut Call<'_>) -> Result<(), Failure> {
    let snapshot = call.context().directory.snapshot();
    let group = named(&call.arguments.text("Identity").unwrap_or_default())?;
    for mailbox in members_of(&snapshot, group) {
        let member = Object::new(&MEMBER, mailbox.guid.to_string())
            .with("Name", &mailbox.name)
            .with("RecipientType", "UserMailbox")
            .with("PrimarySmtpAddress", mailbox.primary_smtp_address.to_string());
        call.emit(member).await?;
    }
    Ok(())
}

async fn change_member(call: &mut Call<'_>, belongs: bool) -> Result<(), Failure> {
    let group = named(&call.arguments.text("Identity").unwrap_or_default())?;
    let member = call.arguments.text("Member").unwrap_or_default();
    let name = group.group_name();
    let action = if belongs { "Add to" } else { "Remove from" };
    if !call.may(&format!("{action} the role group '{name}' the user"), &member).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = visible(call, &changing.snapshot, &member)
        .ok_or_else(|| super::recipients::not_found(call, &member))?;
    if old.is_member(group) == belongs {
        let already = if belongs { "already" } else { "not" };
        return Err(format!("'{}' is {already} a member of the role group '{name}'.", old.name).into());
    }
    let mut mailbox = Mailbox::clone(&old);
    match group {
        Role::Organization => mailbox.administrator = belongs,
        Role::Recipients => mailbox.recipient_management = belongs,
        Role::ViewOnly | Role::OwnMailbox => mailbox.view_only_management = belongs,
    }
    if group == Role::Organization && !belongs {
        policy::lose_administrator(&changing.snapshot, &old)?;
    }
    let shown = |snapshot: &Snapshot| view(snapshot, group);
    let before = shown(&changing.snapshot);
    let after =
        changing.snapshot.apply([Change::put(mailbox.clone())]).map(|applied| shown(&applied.snapshot));
    let edit = Edit {
        before: Some(before),
        after: after.ok(),
        changes: vec![Change::put(mailbox)],
        ..Edit::default()
    };
    changing.commit(call, edit).await
}
