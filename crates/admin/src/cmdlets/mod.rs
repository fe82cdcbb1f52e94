//! All cmdlets, and how they are found.
//!
//! A new cmdlet is a definition in its topic's `CMDLETS`, and a dialogue. The tests here check what all definitions
//! must keep: names and positions that are there once, help for everything, examples that are read without error.

mod access;
mod ad_permission;
mod audit;
mod cas_kept;
mod cas_mailbox;
mod client_settings;
mod connector_settings;
mod connectors;
mod contacts;
mod database;
mod domains;
mod events;
mod format;
mod groups;
mod help;
mod mailbox;
mod mailbox_permission;
mod objects;
mod person;
mod protocol_policies;
mod recipients;
mod remote_domains;
mod roles;
mod secrets;
mod servers;
mod services;
mod setting;
mod settings;
mod sought;
mod statistics;
mod tokens;
mod transport_config;
mod users;
mod web;

use crate::cmdlet::{Cmdlet, Effect, Run};
use directory::Role;

pub use help::help_stage;

/// All cmdlets by topic.
static TOPICS: &[&[Cmdlet]] = &[
    ad_permission::CMDLETS,
    audit::CMDLETS,
    cas_mailbox::CMDLETS,
    client_settings::CMDLETS,
    connectors::CMDLETS,
    contacts::CMDLETS,
    database::CMDLETS,
    domains::CMDLETS,
    events::CMDLETS,
    format::CMDLETS,
    groups::CMDLETS,
    help::CMDLETS,
    mailbox::CMDLETS,
    mailbox_permission::CMDLETS,
    objects::CMDLETS,
    protocol_policies::CMDLETS,
    remote_domains::CMDLETS,
    roles::CMDLETS,
    secrets::CMDLETS,
    servers::CMDLETS,
    services::CMDLETS,
    settings::CMDLETS,
    statistics::CMDLETS,
    tokens::CMDLETS,
    transport_config::CMDLETS,
    users::CMDLETS,
    web::CMDLETS,
];

/// All cmdlets.
pub fn all() -> impl Iterator<Item = &'static Cmdlet> {
    TOPICS.iter().copied().flatten()
}

/// The cmdlet of this name or alias.
pub fn find(name: &str) -> Option<&'static Cmdlet> {
    let known = |cmdlet: &&Cmdlet| {
        std::iter::once(&cmdlet.name).chain(cmdlet.aliases).any(|known| known.eq_ignore_ascii_case(name))
    };
    all().find(known)
}

/// Cmdlets that administrators of Exchange know and this version does not have. To be told so is worth more than a
/// suggestion of something else.
const LATER: &[&str] = &[
    "Add-MailboxFolderPermission",
    "Add-PublicFolderClientPermission",
    "Compare-Configuration",
    "ConvertTo-Csv",
    "ConvertTo-Html",
    "Disable-Mailbox",
    "Disable-TransportRule",
    "Enable-ExchangeCertificate",
    "Enable-Mailbox",
    "Enable-TransportRule",
    "Export-Configuration",
    "Export-Csv",
    "Export-ExchangeCertificate",
    "Format-Wide",
    "Get-Content",
    "Get-Credential",
    "Get-ExchangeCertificate",
    "Get-MailboxFolderPermission",
    "Get-Member",
    "Get-Message",
    "Get-MessageTrackingLog",
    "Get-PublicFolder",
    "Get-Queue",
    "Get-SendConnector",
    "Get-TransportRule",
    "Get-TransportService",
    "Import-Csv",
    "Import-ExchangeCertificate",
    "New-ExchangeCertificate",
    "New-PublicFolder",
    "New-SendConnector",
    "New-TransportRule",
    "Out-File",
    "Out-String",
    "Retry-Queue",
    "Set-SendConnector",
    "Set-TransportRule",
    "Tee-Object",
    "Test-ClientLogin",
    "Test-ImapConnectivity",
    "Test-PopConnectivity",
    "Test-ReceiveConnector",
    "Test-SmtpConnectivity",
    "Write-Host",
];

/// Why there is no cmdlet of this name, and what may have been meant.
pub fn unknown(name: &str) -> String {
    if let Some(known) = LATER.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return format!("{known} is not part of this version. Get-Command lists what is.");
    }
    match nearest(name) {
        Some(nearest) => format!("'{name}' is no cmdlet of this shell. Did you mean {nearest}?"),
        None => format!("'{name}' is no cmdlet of this shell. Get-Command lists what there is."),
    }
}

/// The cmdlet whose name is most like this one.
fn nearest(name: &str) -> Option<&'static str> {
    nearest_of(name, all().map(|cmdlet| cmdlet.name))
}

/// The name that is most like this one, if any is near enough to be meant.
pub fn nearest_of(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let wanted = name.to_lowercase();
    let limit = (wanted.chars().count() / 4).max(1);
    let near = known.map(|known| (distance(&wanted, &known.to_lowercase()), known));
    near.filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Letters to put in, leave out, replace or swap to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    let mut above: Vec<usize> = Vec::new();
    let mut previous = None;
    for (line, c) in from.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(line + 1);
        for (at, d) in to.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (cell(&row, at) + usize::from(c != *d)).min(cell(&row, at + 1) + 1).min(cell(&next, at) + 1);
            let swapped = at > 0 && previous == Some(*d) && to.get(at - 1) == Some(&c);
            if swapped {
                best = best.min(cell(&above, at - 1) + 1);
            }
            next.push(best);
        }
        above = std::mem::replace(&mut row, next);
        previous = Some(c);
    }
    row.last().copied().unwrap_or_default()
}

/// What most cmdlets that read have in common.
const READS: Cmdlet = Cmdlet {
    name: "",
    aliases: &[],
    synopsis: "",
    parameters: &[],
    accepts: &[],
    examples: &[],
    effect: Effect::Reads,
    role: Role::ViewOnly,
    run: Run::Each(|_| Box::pin(std::future::ready(Ok(())))),
};

/// What those have in common that work on values only, or on what every user may see of himself.
const FOR_ALL: Cmdlet = Cmdlet { role: Role::OwnMailbox, ..READS };

/// What most cmdlets that change something have in common.
const CHANGES: Cmdlet = Cmdlet { effect: Effect::Changes, role: Role::Organization, ..READS };

/// What cmdlets that take something away have in common.
const REMOVES: Cmdlet = Cmdlet { effect: Effect::Removes, ..CHANGES };

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_found_and_suggested() {
        let table = [
            ("GET-CASMAilbox", Some("Get-CASMailbox")),
            ("ft", Some("Format-Table")),
            ("?", Some("Where-Object")),
            ("Get-Mailbx", None),
        ];
        for (name, expected) in table {
            assert_eq!(find(name).map(|cmdlet| cmdlet.name), expected, "{name}");
        }
        let table = [
            ("Get-Mailbx", Some("Get-Mailbox")),
            ("Get-Maiblox", Some("Get-Mailbox")),
            ("Set-PopSetings", Some("Set-PopSettings")),
            ("rm", None),
            ("Get-Weather", None),
        ];
        for (name, expected) in table {
            assert_eq!(nearest(name), expected, "{name}");
        }
    }

    #[test]
    fn definitions_are_consistent() {
        let mut names = HashSet::new();
        for cmdlet in all() {
            for name in std::iter::once(&cmdlet.name).chain(cmdlet.aliases) {
                assert!(names.insert(name.to_lowercase()), "{name} is there twice");
            }
            assert!(!LATER.contains(&cmdlet.name), "{} is here", cmdlet.name);
            assert!(cmdlet.synopsis.ends_with('.'), "{}", cmdlet.name);
            assert!(!cmdlet.examples.is_empty(), "{} has no example", cmdlet.name);
            let mut seen = HashSet::new();
            let mut positions = HashSet::new();
            for parameter in cmdlet.all_parameters() {
                for name in std::iter::once(&parameter.name).chain(parameter.aliases) {
                    assert!(seen.insert(name.to_lowercase()), "{} -{name} is there twice", cmdlet.name);
                }
                assert!(
                    parameter.position.is_none_or(|at| positions.insert(at)),
                    "{} -{}",
                    cmdlet.name,
                    parameter.name
                );
                assert!(parameter.help.ends_with('.'), "{} -{}", cmdlet.name, parameter.name);
            }
            for (line, _) in cmdlet.examples {
                assert!(crate::grammar::parse(line).is_ok(), "{line}");
            }
        }
    }

    /// What reads needs somebody who may look; what changes recipients, one who may; and all else an organisation
    /// administrator.
    #[test]
    fn who_may_call_what() {
        let for_all =
            ["Get-Mailbox", "Get-CASMailbox", "Get-MailboxStatistics", "Get-ClientSettings", "Set-Mailbox"];
        let topics = [
            cas_mailbox::CMDLETS,
            contacts::CMDLETS,
            groups::CMDLETS,
            mailbox::CMDLETS,
            mailbox_permission::CMDLETS,
            users::CMDLETS,
        ];
        let recipients =
            |cmdlet: &Cmdlet| topics.iter().any(|topic| topic.iter().any(|known| known.name == cmdlet.name));
        let language = [format::CMDLETS, help::CMDLETS, objects::CMDLETS, secrets::CMDLETS];
        let values_only = |cmdlet: &Cmdlet| {
            language.iter().any(|topic| topic.iter().any(|known| known.name == cmdlet.name))
        };
        for cmdlet in all() {
            let expected = if for_all.contains(&cmdlet.name) || values_only(cmdlet) {
                Role::OwnMailbox
            } else if cmdlet.effect == Effect::Reads {
                Role::ViewOnly
            } else if recipients(cmdlet) {
                Role::Recipients
            } else {
                Role::Organization
            };
            assert_eq!(cmdlet.role, expected, "{}", cmdlet.name);
        }
    }
}
