//! New-, Get-, Set- and Remove-DistributionGroup, and Add-, Remove-, Get- and Update-DistributionGroupMember.
//!
//! Members are mailboxes, contacts and groups; a group may hold groups that hold it again, which does no harm. Whoever is
//! a member is found by GUID, so renames change nothing.

use super::mailbox::{address, put};
use super::recipients::{
    self, ACCEPT_ONLY, ANR, DOMAIN_CONTROLLER, FILTER, HIDDEN, IDENTITY_CHANGE, IDENTITY_READ,
    ORGANIZATIONAL_UNIT, REJECT_FROM, REQUIRE_AUTHENTICATION, RESULT_SIZE, SORT_BY, named_recipients,
    not_found,
};
use super::{CHANGES, READS, REMOVES};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure, ListChange};
use crate::value::{Object, Shape, Value};
use directory::{Change, DistributionGroup, GroupType, Recipient, Role, Snapshot};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

static GROUP: Shape =
    Shape { name: "DistributionGroup", columns: &["Name", "DisplayName", "GroupType", "PrimarySmtpAddress"] };
static MEMBER: Shape = Shape { name: "Recipient", columns: &["Name", "RecipientType"] };

const TYPES: &[&str] = &["DistributionGroup", "Recipient"];
const MEMBER_NAME: Parameter =
    parameter("Member", Kind::Text, "Name, alias, address or GUID of a mailbox, contact or group.");
const BYPASS: Parameter = parameter(
    "BypassSecurityGroupManagerCheck",
    Kind::Switch,
    "Accepted; administrators may change every group.",
);
const MANAGED_BY: Parameter = parameter("ManagedBy", Kind::List, "Who looks after it.");

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "New-DistributionGroup",
        synopsis: "Creates a distribution group.",
        parameters: &[
            parameter("Name", Kind::Text, "Unique name.").at(1).mandatory(),
            parameter("Type", Kind::Text, "Distribution, or Security where rights are given to it.")
                .one_of(&["Distribution", "Security"]),
            parameter("Members", Kind::List, "Its first members."),
            parameter(
                "PrimarySmtpAddress",
                Kind::Text,
                "Its address; usually the alias in the default domain.",
            ),
            parameter("Alias", Kind::Text, "Unique short name; usually the name without blanks."),
            parameter("DisplayName", Kind::Text, "Shown to people; usually the name."),
            MANAGED_BY,
            REQUIRE_AUTHENTICATION,
            parameter("SamAccountName", Kind::Text, "Accepted; has no effect."),
            ORGANIZATIONAL_UNIT,
            DOMAIN_CONTROLLER,
        ],
        examples: &[(
            "New-DistributionGroup Sales -Members alice,bob",
            "Creates a group with two members, for senders who log in.",
        )],
        run: Run::Each(|call| Box::pin(new(call))),
        role: Role::Recipients,
        ..CHANGES
    },
    Cmdlet {
        name: "Get-DistributionGroup",
        synopsis: "Shows distribution groups.",
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
        examples: &[("Get-DistributionGroup", "Lists them.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Set-DistributionGroup",
        synopsis: "Changes a distribution group.",
        parameters: &[
            IDENTITY_CHANGE,
            parameter("Name", Kind::Text, "Unique name."),
            parameter("Alias", Kind::Text, "Unique short name."),
            parameter("DisplayName", Kind::Text, "Shown to people."),
            parameter("PrimarySmtpAddress", Kind::Text, "Its address."),
            parameter("EmailAddresses", Kind::List, "All addresses, as in Set-Mailbox."),
            MANAGED_BY,
            REQUIRE_AUTHENTICATION,
            ACCEPT_ONLY,
            REJECT_FROM,
            HIDDEN,
            kept("ReportToOriginatorEnabled", Kind::Bool),
            kept("ReportToManagerEnabled", Kind::Bool),
            kept("SendOofMessageToOriginatorEnabled", Kind::Bool),
            kept("MemberJoinRestriction", Kind::Text).one_of(RESTRICTIONS),
            kept("MemberDepartRestriction", Kind::Text).one_of(RESTRICTIONS),
            BYPASS,
            DOMAIN_CONTROLLER,
        ],
        accepts: TYPES,
        examples: &[(
            "Set-DistributionGroup Sales -RequireSenderAuthenticationEnabled $false",
            "Lets everybody write to it.",
        )],
        run: Run::Each(|call| Box::pin(set(call))),
        role: Role::Recipients,
        ..CHANGES
    },
    Cmdlet {
        name: "Remove-DistributionGroup",
        synopsis: "Removes a distribution group; its members stay.",
        parameters: &[IDENTITY_CHANGE, BYPASS, DOMAIN_CONTROLLER],
        accepts: TYPES,
        examples: &[("Remove-DistributionGroup Sales -Confirm:$false", "Removes it without asking.")],
        run: Run::Each(|call| Box::pin(remove(call))),
        role: Role::Recipients,
        ..REMOVES
    },
    Cmdlet {
        name: "Add-DistributionGroupMember",
        synopsis: "Adds a member to a distribution group.",
        parameters: &[IDENTITY, MEMBER_NAME.piped().mandatory(), BYPASS, DOMAIN_CONTROLLER],
        accepts: MEMBER_TYPES,
        examples: &[
            ("Add-DistributionGroupMember Sales -Member carol", "Adds one."),
            (
                "Get-User -Filter \"Department -eq 'Sales'\" | Add-DistributionGroupMember Sales",
                "Adds everybody of a department.",
            ),
        ],
        run: Run::Each(|call| Box::pin(add_member(call))),
        role: Role::Recipients,
        ..CHANGES
    },
    Cmdlet {
        name: "Remove-DistributionGroupMember",
        synopsis: "Takes a member out of a distribution group.",
        parameters: &[IDENTITY, MEMBER_NAME.piped().mandatory(), BYPASS, DOMAIN_CONTROLLER],
        accepts: MEMBER_TYPES,
        examples: &[("Remove-DistributionGroupMember Sales -Member carol -Confirm:$false", "Takes one out.")],
        run: Run::Each(|call| Box::pin(remove_member(call))),
        role: Role::Recipients,
        ..REMOVES
    },
    Cmdlet {
        name: "Update-DistributionGroupMember",
        synopsis: "Replaces all members of a distribution group.",
        parameters: &[
            IDENTITY_CHANGE,
            parameter("Members", Kind::List, "The members from now on.").mandatory(),
            BYPASS,
            DOMAIN_CONTROLLER,
        ],
        accepts: TYPES,
        examples: &[(
            "Update-DistributionGroupMember Sales -Members alice,bob -Confirm:$false",
            "Leaves exactly two members.",
        )],
        run: Run::Each(|call| Box::pin(update_members(call))),
        role: Role::Recipients,
        ..REMOVES
    },
    Cmdlet {
        name: "Get-DistributionGroupMember",
        synopsis: "Shows the direct members of a distribution group.",
        parameters: &[IDENTITY_CHANGE, RESULT_SIZE, DOMAIN_CONTROLLER],
        accepts: TYPES,
        examples: &[("Get-DistributionGroupMember Sales", "Lists them.")],
        run: Run::Each(|call| Box::pin(members(call))),
        ..READS
    },
];

/// The group where members are piped.
const IDENTITY: Parameter =
    parameter("Identity", Kind::Text, "Name, alias, address or GUID of the group.").at(1).mandatory();
const MEMBER_TYPES: &[&str] =
    &["Mailbox", "CASMailbox", "MailboxStatistics", "User", "Recipient", "DistributionGroup", "MailContact"];
const RESTRICTIONS: &[&str] = &["Closed", "Open", "ApprovalRequired"];

const fn kept(name: &'static str, kind: Kind) -> Parameter {
    parameter(name, kind, "Kept for scripts; has no effect in this version.")
}

/// A group as it is shown.
fn view(all: &Snapshot, group: &DistributionGroup) -> Object {
    let primary = group.primary_smtp_address.key();
    let tagged = group.email_addresses.iter().map(|address| {
        let tag = if address.key() == primary { "SMTP" } else { "smtp" };
        format!("{tag}:{address}")
    });
    let (group_type, details) = match group.group_type {
        GroupType::Distribution => ("Universal", "MailUniversalDistributionGroup"),
        GroupType::Security => ("Universal, SecurityEnabled", "MailUniversalSecurityGroup"),
    };
    let object = Object::new(&GROUP, group.guid.to_string())
        .with("Name", &group.name)
        .with("DisplayName", &group.display_name)
        .with("GroupType", group_type)
        .with("PrimarySmtpAddress", group.primary_smtp_address.to_string())
        .with("Alias", &group.alias)
        .with("Identity", &group.name)
        .with("EmailAddresses", Value::texts(tagged))
        .with("RecipientType", details)
        .with("RecipientTypeDetails", details)
        .with("ManagedBy", recipients::reference_names(all, &group.managed_by))
        .with("HiddenFromAddressListsEnabled", group.hidden_from_address_lists)
        .with("ReportToOriginatorEnabled", group.report_to_originator)
        .with("ReportToManagerEnabled", group.report_to_manager)
        .with("SendOofMessageToOriginatorEnabled", group.send_oof_to_originator)
        .with("MemberJoinRestriction", group.member_join_restriction.to_string())
        .with("MemberDepartRestriction", group.member_depart_restriction.to_string())
        .with("WhenCreated", super::audit::moment(group.when_created));
    recipients::with_acceptance(object, all, &group.acceptance).with("Guid", group.guid.to_string())
}

/// A group with its members, for the audit log of a change of them.
fn with_members(all: &Snapshot, group: &DistributionGroup) -> Object {
    view(all, group).with("Members", recipients::reference_names(all, &group.members))
}

/// The group that is meant.
pub fn one(call: &Call<'_>, all: &Snapshot, parameter: &str) -> Result<Arc<DistributionGroup>, Failure> {
    let identity = call.arguments.text(parameter).unwrap_or_default();
    match all.recipient_by_identity(&identity) {
        Some(Recipient::Group(group)) => Ok(group),
        _ => Err(not_found(call, &identity)),
    }
}

/// The changes that take a recipient who goes out of the groups it is in.
pub fn without(all: &Snapshot, member: Uuid) -> Vec<Change> {
    let groups = all.membership().direct(member).into_iter();
    let groups = groups.filter_map(|guid| all.by_guid::<DistributionGroup>(guid));
    let smaller = |group: &Arc<DistributionGroup>| {
        let mut group = DistributionGroup::clone(group);
        group.members.remove(&member);
        Change::put(group)
    };
    groups.map(smaller).collect()
}

async fn new(call: &mut Call<'_>) -> Result<(), Failure> {
    let name = call.arguments.text("Name").unwrap_or_default();
    let snapshot = call.context().directory.snapshot();
    recipients::unknown(&snapshot, &name)?;
    let alias = call.arguments.text("Alias").unwrap_or_else(|| name.split_whitespace().collect());
    let address = match address(call, "PrimarySmtpAddress")? {
        Some(address) => address,
        None => default_address(&snapshot, &alias)?,
    };
    let mut group = DistributionGroup::new(&name, address, call.context().node.now());
    group.alias = alias;
    put(&mut group.display_name, call.arguments.text("DisplayName").filter(|text| !text.is_empty()));
    put(&mut group.group_type, call.arguments.parse("Type")?);
    if !call.may("Create the distribution group", &name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let all = changing.snapshot.clone();
    recipients::unknown(&all, &name)?;
    recipients::set_references(call, &all, "ManagedBy", &mut group.managed_by)?;
    recipients::set_acceptance(call, &all, &mut group.acceptance)?;
    group.members = given_members(call, &all)?.unwrap_or_default();
    let (after, shown) = (with_members(&all, &group), view(&all, &group));
    let edit = Edit { changes: vec![Change::put(group)], after: Some(after), ..Edit::default() };
    changing.commit(call, edit).await?;
    call.emit(shown).await?;
    Ok(())
}

/// The alias in the default domain.
pub fn default_address(all: &Snapshot, alias: &str) -> Result<mail::Address, Failure> {
    let domain = all.default_domain().ok_or("There is no default accepted domain.")?;
    mail::Address::parse(&format!("{alias}@{}", domain.domain_name)).map_err(|error| {
        Failure::Error(format!("'{alias}' is no part of an address: {error}. Give -PrimarySmtpAddress."))
    })
}

fn given_members(call: &Call<'_>, all: &Snapshot) -> Result<Option<BTreeSet<Uuid>>, Failure> {
    match call.arguments.list("Members")? {
        None => Ok(None),
        Some(ListChange::Replace(identities)) => {
            let identities: Vec<String> = identities.into_iter().filter(|text| !text.is_empty()).collect();
            Ok(Some(named_recipients(call, all, &identities)?.into_iter().collect()))
        }
        Some(ListChange::Edit { .. }) => {
            Err("Members takes a list. Add-DistributionGroupMember adds one member.".into())
        }
    }
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let show = |all: &Snapshot, recipient: &Recipient, _: &str| match recipient {
        Recipient::Group(group) => Some(view(all, group)),
        Recipient::Mailbox(_) | Recipient::Contact(_) => None,
    };
    recipients::emit_all(call, show).await
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot(), "Identity")?;
    if !call.may("Change the distribution group", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let all = changing.snapshot.clone();
    let old = one(call, &all, "Identity")?;
    let mut group = DistributionGroup::clone(&old);
    let mut remarks = set_names(call, &mut group)?;
    remarks.extend(recipients::set_references(call, &all, "ManagedBy", &mut group.managed_by)?);
    remarks.extend(recipients::set_acceptance(call, &all, &mut group.acceptance)?);
    put(&mut group.hidden_from_address_lists, call.arguments.bool("HiddenFromAddressListsEnabled"));
    set_kept(call, &mut group)?;
    let (before, after) = (Some(view(&all, &old)), Some(view(&all, &group)));
    let unlike = group.report_to_manager != old.report_to_manager
        || group.send_oof_to_originator != old.send_oof_to_originator
        || group.member_join_restriction != old.member_join_restriction;
    changing
        .commit(call, Edit { changes: vec![Change::put(group)], before, after, ..Edit::default() })
        .await?;
    if unlike {
        remarks.push(
            "Reports, absence notices and restrictions on joining are kept, but have no effect in this version. \
             Administrators change the members: Add-DistributionGroupMember."
                .to_owned(),
        );
    }
    for remark in remarks {
        call.warn(remark).await?;
    }
    Ok(())
}

fn set_names(call: &Call<'_>, group: &mut DistributionGroup) -> Result<Vec<String>, Failure> {
    put(&mut group.name, call.arguments.text("Name"));
    put(&mut group.alias, call.arguments.text("Alias"));
    put(&mut group.display_name, call.arguments.text("DisplayName"));
    super::mailbox::set_address_list(call, &mut group.email_addresses, &mut group.primary_smtp_address)
}

fn set_kept(call: &Call<'_>, group: &mut DistributionGroup) -> Result<(), Failure> {
    put(&mut group.report_to_originator, call.arguments.bool("ReportToOriginatorEnabled"));
    put(&mut group.report_to_manager, call.arguments.bool("ReportToManagerEnabled"));
    put(&mut group.send_oof_to_originator, call.arguments.bool("SendOofMessageToOriginatorEnabled"));
    put(&mut group.member_join_restriction, call.arguments.parse("MemberJoinRestriction")?);
    put(&mut group.member_depart_restriction, call.arguments.parse("MemberDepartRestriction")?);
    Ok(())
}

async fn remove(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot(), "Identity")?;
    if !call.may("Remove the distribution group", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let all = changing.snapshot.clone();
    let old = one(call, &all, "Identity")?;
    let before = Some(with_members(&all, &old));
    let mut changes: Vec<Change> = without(&all, old.guid);
    // A group that holds itself goes too.
    changes.retain(|change| *change != Change::put(old.clone()) && !is_of(change, old.guid));
    changes.push(Change::remove(old));
    changing.commit(call, Edit { before, changes, ..Edit::default() }).await
}

fn is_of(change: &Change, guid: Uuid) -> bool {
    matches!(change, Change::Put(directory::Object::DistributionGroup(group)) if group.guid == guid)
}

async fn add_member(call: &mut Call<'_>) -> Result<(), Failure> {
    let member = call.arguments.text("Member").unwrap_or_default();
    edit_members(call, "Add a member to the distribution group", |call, all, group| {
        let found = all.recipient_by_identity(&member).ok_or_else(|| not_found(call, &member))?;
        if group.members.insert(found.guid()) {
            return Ok(());
        }
        Err(format!("{} is a member of '{}' already.", found.name(), group.name).into())
    })
    .await
}

async fn remove_member(call: &mut Call<'_>) -> Result<(), Failure> {
    let member = call.arguments.text("Member").unwrap_or_default();
    edit_members(call, "Take a member out of the distribution group", |call, all, group| {
        let found = all.recipient_by_identity(&member).ok_or_else(|| not_found(call, &member))?;
        if group.members.remove(&found.guid()) {
            return Ok(());
        }
        Err(format!(
            "{} is no member of '{}'. Get-DistributionGroupMember lists the members.",
            found.name(),
            group.name
        )
        .into())
    })
    .await
}

async fn update_members(call: &mut Call<'_>) -> Result<(), Failure> {
    edit_members(call, "Replace all members of the distribution group", |call, all, group| {
        group.members = given_members(call, all)?.unwrap_or_default();
        Ok(())
    })
    .await
}

async fn edit_members(
    call: &mut Call<'_>,
    action: &str,
    edit: impl Fn(&Call<'_>, &Snapshot, &mut DistributionGroup) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot(), "Identity")?;
    if !call.may(action, &known.name).await? {
        return Ok(());
    }
    let changing = change::begin_together(call.context()).await;
    let all = changing.snapshot.clone();
    let old = one(call, &all, "Identity")?;
    let mut group = DistributionGroup::clone(&old);
    edit(call, &all, &mut group)?;
    let (before, after) = (Some(with_members(&all, &old)), Some(with_members(&all, &group)));
    changing.commit(call, Edit { changes: vec![Change::put(group)], before, after, ..Edit::default() }).await
}

async fn members(call: &mut Call<'_>) -> Result<(), Failure> {
    let all = call.context().directory.snapshot();
    let group = one(call, &all, "Identity")?;
    let limit = recipients::result_size(call)?;
    let mut found: Vec<Recipient> =
        group.members.iter().filter_map(|guid| all.recipient_by_guid(*guid)).collect();
    found.sort_by_cached_key(|recipient| recipient.name().to_lowercase());
    for (place, recipient) in (1u32..).zip(found) {
        if !limit.allows(&place) {
            let text =
                format!("There are more results than {limit}. -ResultSize Unlimited gives all of them.");
            call.warn(text).await?;
            break;
        }
        call.emit(summary(&MEMBER, &recipient)).await?;
    }
    Ok(())
}

/// What all recipients have.
pub fn summary(shape: &'static Shape, recipient: &Recipient) -> Object {
    let (kind, details) = match recipient {
        Recipient::Mailbox(mailbox) => ("UserMailbox", super::mailbox::type_details(mailbox)),
        Recipient::Contact(_) => ("MailContact", "MailContact"),
        Recipient::Group(group) => match group.group_type {
            GroupType::Distribution => ("MailUniversalDistributionGroup", "MailUniversalDistributionGroup"),
            GroupType::Security => ("MailUniversalSecurityGroup", "MailUniversalSecurityGroup"),
        },
    };
    Object::new(shape, recipient.guid().to_string())
        .with("Name", recipient.name())
        .with("RecipientType", kind)
        .with("RecipientTypeDetails", details)
        .with("DisplayName", recipient.display_name())
        .with("Alias", recipient.alias())
        .with("Identity", recipient.name())
        .with("PrimarySmtpAddress", recipient.primary_smtp_address().to_string())
        .with("EmailAddresses", Value::texts(recipient.email_addresses()))
        .with("Guid", recipient.guid().to_string())
}
