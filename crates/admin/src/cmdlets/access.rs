//! What the cmdlets about permissions share: the object they are on, the entries that are meant, and how these are added
//! to a list and taken out of it.
//!
//! An entry that is piped on is found by a key with all its parts, so that `Get-ADPermission … | where … |
//! Remove-ADPermission` removes exactly what was shown.

use super::recipients::not_found;
use crate::change::{Changing, Edit};
use crate::run::{Arguments, Call, Failure, ListChange};
use crate::value::{Object, Shape, Value};
use directory::{
    AccessList, Change, Family, Inheritance, Mailbox, Permission, PermissionGroups, ReceiveConnector, Right,
    Sense, Snapshot, Trustee,
};
use std::sync::Arc;
use uuid::Uuid;

static PERMISSIONS: Shape = Shape { name: "Permissions", columns: &[] };

/// An object with permissions.
pub enum Target {
    /// A receive connector.
    Connector(Arc<ReceiveConnector>),
    /// A mailbox.
    Mailbox(Arc<Mailbox>),
}

impl Target {
    /// The object of this name; one that names two is refused.
    pub fn find(call: &Call<'_>, all: &Snapshot, identity: &str) -> Result<Target, Failure> {
        let name = object_of(identity);
        match (all.receive_connector(name), all.mailbox(name)) {
            (Some(connector), None) => Ok(Target::Connector(connector.clone())),
            (None, Some(mailbox)) => Ok(Target::Mailbox(mailbox.clone())),
            (None, None) => Err(not_found(call, name)),
            (Some(connector), Some(mailbox)) => Err(Failure::Error(format!(
                "'{name}' is a receive connector and a mailbox. Say '{}\\{}', or '{}'.",
                call.context().server_name(),
                connector.name,
                mailbox.primary_smtp_address
            ))),
        }
    }

    pub fn guid(&self) -> String {
        match self {
            Target::Connector(connector) => connector.guid.to_string(),
            Target::Mailbox(mailbox) => mailbox.guid.to_string(),
        }
    }

    /// As it is shown.
    pub fn identity(&self, server: &str) -> String {
        match self {
            Target::Connector(connector) => format!("{server}\\{}", connector.name),
            Target::Mailbox(mailbox) => mailbox.name.clone(),
        }
    }

    pub fn list(&self) -> &AccessList {
        match self {
            Target::Connector(connector) => &connector.permissions,
            Target::Mailbox(mailbox) => &mailbox.permissions,
        }
    }

    /// The object with another list.
    pub fn with(&self, list: AccessList) -> Target {
        match self {
            Target::Connector(connector) => {
                let connector = ReceiveConnector::clone(connector);
                Target::Connector(Arc::new(ReceiveConnector { permissions: list, ..connector }))
            }
            Target::Mailbox(mailbox) => {
                Target::Mailbox(Arc::new(Mailbox { permissions: list, ..Mailbox::clone(mailbox) }))
            }
        }
    }

    pub fn change(&self) -> Change {
        match self {
            Target::Connector(connector) => Change::put(connector.clone()),
            Target::Mailbox(mailbox) => Change::put(mailbox.clone()),
        }
    }

    /// What the permission groups of a connector stand for.
    pub fn of_groups(&self) -> Vec<Permission> {
        match self {
            Target::Connector(connector) => of_groups(connector.permission_groups),
            Target::Mailbox(_) => Vec::new(),
        }
    }

    /// What is wrong with a right on this kind of object, in words for a warning.
    pub fn remark(&self, right: Right) -> Option<String> {
        let mailbox = matches!(right, Right::SendAs | Right::ReceiveAs | Right::FullAccess);
        let any = matches!(right, Right::GenericAll | Right::ExtendedRight);
        let fits = any || mailbox == matches!(self, Target::Mailbox(_));
        match (right.has_effect(), fits) {
            (false, _) => Some(format!("{right} is kept, but has no effect in this version.")),
            (true, false) if mailbox => {
                Some(format!("{right} is kept, but is a right on mailboxes, and has no effect here."))
            }
            (true, false) => Some(format!(
                "{right} is kept, but is a right on receive connectors, and has no effect here."
            )),
            _ => None,
        }
    }
}

fn of_groups(groups: PermissionGroups) -> Vec<Permission> {
    groups.grants().map(|(who, right)| Permission::allow(Trustee::WellKnown(who), right)).collect()
}

/// What stands between the parts of a key, which begins with a GUID; no name of a right or trustee has it, but that of an
/// object may.
const BETWEEN: char = '|';

/// What an entry on an object is found by when it is piped on.
pub fn key(target: &Target, entries: &[Permission]) -> String {
    let mut key = target.guid();
    for Permission { trustee, right, sense, inheritance } in entries {
        let deny = if *sense == Sense::Deny { "deny" } else { "allow" };
        key.push_str(&format!("{BETWEEN}{trustee}{BETWEEN}{right}{BETWEEN}{deny}{BETWEEN}{inheritance}"));
    }
    key
}

/// The object in a key.
fn object_of(identity: &str) -> &str {
    match identity.split_once(BETWEEN) {
        Some((object, _)) if Uuid::parse_str(object).is_ok() => object,
        _ => identity,
    }
}

/// The entries in a key; none where it is only an object.
pub fn entries_of(identity: &str) -> Vec<Permission> {
    let Some(entries) = identity.strip_prefix(object_of(identity)) else { return Vec::new() };
    let parts: Vec<&str> = entries.split(BETWEEN).skip(1).collect();
    let entry = |parts: &[&str]| match parts {
        [trustee, right, sense, inheritance] => Some(Permission {
            trustee: Trustee::try_from((*trustee).to_owned()).ok()?,
            right: Right::try_from((*right).to_owned()).ok()?,
            sense: if *sense == "deny" { Sense::Deny } else { Sense::Allow },
            inheritance: inheritance.parse().ok()?,
        }),
        _ => None,
    };
    parts.chunks(4).filter_map(entry).collect()
}

/// Whom a parameter names.
pub fn trustee(arguments: &Arguments, all: &Snapshot, parameter: &str) -> Result<Option<Trustee>, Failure> {
    let Some(text) = arguments.text(parameter) else { return Ok(None) };
    all.trustee(&text).map(Some).ok_or_else(|| {
        Failure::Error(format!(
            "The value of parameter '{parameter}' is not valid: nobody is called '{text}'; legal: a mailbox, or a \
             name such as 'NT AUTHORITY\\ANONYMOUS LOGON' or 'NT AUTHORITY\\Authenticated Users', in English or German."
        ))
    })
}

/// The rights that a parameter names, also as one text with commas.
pub fn rights(arguments: &Arguments, parameter: &str, family: Family) -> Result<Vec<Right>, Failure> {
    let texts = match arguments.list(parameter)? {
        None => return Ok(Vec::new()),
        Some(ListChange::Replace(texts)) => texts,
        Some(ListChange::Edit { .. }) => {
            return Err(Failure::Error(format!(
                "Parameter '{parameter}' takes names of rights, no hashtable."
            )));
        }
    };
    let wrong =
        |error| Failure::Error(format!("The value of parameter '{parameter}' is not valid: {error}."));
    let names = texts.iter().flat_map(|text| text.split(','));
    names.map(|name| Right::find(family, name).map_err(wrong)).collect()
}

/// The entries of these rights as `-Deny` and `-InheritanceType` have them.
pub fn entries(
    arguments: &Arguments,
    trustee: Trustee,
    rights: Vec<Right>,
) -> Result<Vec<Permission>, Failure> {
    let sense = if arguments.switch("Deny") { Sense::Deny } else { Sense::Allow };
    let inheritance: Inheritance = arguments.parse("InheritanceType")?.unwrap_or_default();
    Ok(rights.into_iter().map(|right| Permission { trustee, right, sense, inheritance }).collect())
}

/// The list with more entries, which of them are new, and remarks about those that are not.
fn add(
    target: &Target,
    wanted: Vec<Permission>,
    all: &Snapshot,
) -> (AccessList, Vec<Permission>, Vec<String>) {
    let (mut list, mut new, mut remarks) = (target.list().clone(), Vec::new(), Vec::new());
    let groups = target.of_groups();
    for entry in wanted {
        if list.entries.contains(&entry) || groups.contains(&entry) {
            let who = all.trustee_name(&entry.trustee);
            remarks.push(format!("The entry {} for '{who}' is there already.", entry.right));
        } else {
            list.entries.push(entry);
            new.push(entry);
        }
    }
    (list, new, remarks)
}

/// The object without these entries, and remarks about those that are not there.
///
/// A permission group stands or falls as a whole: where one of its entries goes, the group goes, and what is left of it
/// stays as entries of its own.
pub fn remove(target: &Target, unwanted: &[Permission], all: &Snapshot) -> (Target, Vec<String>) {
    let mut list = target.list().clone();
    let mut groups = match target {
        Target::Connector(connector) => connector.permission_groups,
        Target::Mailbox(_) => PermissionGroups::default(),
    };
    let mut remarks = Vec::new();
    for entry in unwanted {
        if let Some(at) = list.entries.iter().position(|known| known == entry) {
            list.entries.remove(at);
        } else if let Some(group) = groups.each().find(|group| of_groups(*group).contains(entry)) {
            groups = groups.without(group);
            list.entries.extend(of_groups(group).into_iter().filter(|left| left != entry));
            remarks.push(format!(
                "{} came from the permission group {group}, which is taken apart: its other rights stay as entries.",
                entry.right
            ));
        } else {
            let who = all.trustee_name(&entry.trustee);
            remarks.push(format!("There is no entry {} for '{who}' that could be removed.", entry.right));
        }
    }
    let mut changed = target.with(list);
    if let Target::Connector(connector) = &mut changed {
        Arc::make_mut(connector).permission_groups = groups;
    }
    (changed, remarks)
}

/// Entries that are shown together: those of one trustee in one sense, where `joins` says so of the right.
pub fn together(entries: &[Permission], joins: fn(Right) -> bool) -> Vec<Vec<Permission>> {
    let mut groups: Vec<Vec<Permission>> = Vec::new();
    for entry in entries {
        let same = |group: &&mut Vec<Permission>| {
            group.first().is_some_and(|first| {
                let like = Permission { right: entry.right, ..*first };
                joins(first.right) && joins(entry.right) && like == *entry
            })
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(*entry),
            None => groups.push(vec![*entry]),
        }
    }
    groups
}

/// The object with its entries, for the audit log.
fn whole(target: &Target, all: &Snapshot, server: &str) -> Object {
    let line = |entry: &Permission| {
        let deny = if entry.sense == Sense::Deny { "deny " } else { "" };
        format!("{}: {deny}{}", all.trustee_name(&entry.trustee), entry.right)
    };
    let groups = match target {
        Target::Connector(connector) => Value::text(connector.shown_groups().to_string()),
        Target::Mailbox(_) => Value::Null,
    };
    Object::new(&PERMISSIONS, target.guid())
        .with("Identity", target.identity(server))
        .with("Owner", target.list().owner.map(|owner| all.trustee_name(&owner)))
        .with("PermissionGroups", groups)
        .with("Permissions", Value::texts(target.list().entries.iter().map(line)))
}

/// Makes the change what the cmdlet has made of the permissions. Where nothing is another, remarks have said why.
pub async fn commit(
    call: &mut Call<'_>,
    changing: Changing,
    old: &Target,
    after: &Target,
) -> Result<(), Failure> {
    if old.change() == after.change() {
        return Ok(());
    }
    let (all, server) = (changing.snapshot.clone(), call.context().server_name());
    let (before, shown) = (Some(whole(old, &all, &server)), Some(whole(after, &all, &server)));
    let edit = Edit { before, after: shown, changes: vec![after.change()], ..Edit::default() };
    changing.commit(call, edit).await
}

/// What Add- makes of the permissions: an owner, or more entries; with the new entries, and remarks.
pub fn added(
    call: &Call<'_>,
    all: &Snapshot,
    old: &Target,
    wanted: fn(&Call<'_>, &Snapshot) -> Result<Vec<Permission>, Failure>,
) -> Result<(Target, Vec<Permission>, Vec<String>), Failure> {
    let owner = trustee(&call.arguments, all, "Owner")?;
    if owner.is_some() {
        if call.arguments.given("User") {
            return Err("Owner stands alone: it cannot be given together with User.".into());
        }
        let list = AccessList { owner, ..old.list().clone() };
        let remark = "The owner is kept, but has no more rights by that in this version.".to_owned();
        return Ok((old.with(list), Vec::new(), vec![remark]));
    }
    let (list, new, mut remarks) = add(old, wanted(call, all)?, all);
    remarks.extend(new.iter().filter_map(|entry| old.remark(entry.right)));
    Ok((old.with(list), new, remarks))
}

/// The warning about a connector through which anybody can send to anybody.
pub fn open_relay(connector: &ReceiveConnector) -> Option<String> {
    let why = policy::open_relay(connector)?;
    let name = connector.name.replace('\'', "''");
    Some(format!(
        "Receive connector '{}' is an open relay: {why}, and RemoteIPRanges covers all addresses. Name those who may: \
         Set-ReceiveConnector '{name}' -RemoteIPRanges 192.168.5.10,192.168.5.11",
        connector.name
    ))
}
