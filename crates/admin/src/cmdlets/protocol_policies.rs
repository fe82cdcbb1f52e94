//! New-, Get-, Set-, Remove- and Test-ProtocolPolicy: which protocols the members of a group may use.
//!
//! Nothing is written into mailboxes: what counts is computed from rules and memberships whenever somebody logs in, so
//! there is no run to wait for, and no difference to repair. Test-ProtocolPolicy makes the change in mind only and lists
//! whom it would concern.

use super::cas_mailbox::set_choices;
use super::mailbox::put;
use super::recipients::not_found;
use super::{CHANGES, READS, REMOVES, groups};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::value::{Object, Shape, Value};
use directory::{Change, Choices, DistributionGroup, ProtocolPolicy, ProtocolSetting, Snapshot};
use std::sync::Arc;
use uuid::Uuid;

static POLICY: Shape = Shape {
    name: "ProtocolPolicy",
    columns: &["Name", "Priority", "Enabled", "MemberOf", "PopEnabled", "ImapEnabled", "OWAEnabled"],
};
static DIFFERENCE: Shape =
    Shape { name: "ProtocolDifference", columns: &["Mailbox", "Setting", "Current", "New", "Rule"] };

const TYPES: &[&str] = &["ProtocolPolicy"];
const WHICH: Parameter =
    parameter("Identity", Kind::Text, "The rule's name or GUID.").at(1).piped().mandatory();
const ENABLED: Parameter = parameter("Enabled", Kind::Bool, "Whether the rule counts.");
const PRIORITY: Parameter = parameter(
    "Priority",
    Kind::Text,
    "The rule with the smallest number is asked first; usually behind all others.",
);

const fn choice(name: &'static str) -> Parameter {
    parameter(name, Kind::Bool, "What holds for the members; $null leaves it to other rules.")
}

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "New-ProtocolPolicy",
        synopsis: "Says which protocols the members of a group may use, from their next login on.",
        parameters: &[
            parameter("Name", Kind::Text, "Unique name.").at(1).mandatory(),
            parameter("MemberOf", Kind::Text, "The distribution group, with groups in it.").mandatory(),
            PRIORITY,
            ENABLED,
            choice("PopEnabled"),
            choice("ImapEnabled"),
            choice("OWAEnabled"),
            choice("ActiveSyncEnabled"),
            choice("MAPIEnabled"),
            choice("SmtpClientAuthenticationDisabled"),
        ],
        examples: &[(
            "New-ProtocolPolicy 'No POP3 for sales' -MemberOf Sales -PopEnabled $false",
            "Takes POP3 away from the members of a group.",
        )],
        run: Run::Each(|call| Box::pin(new(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Get-ProtocolPolicy",
        synopsis: "Shows the rules that say by group which protocols mailboxes may use, in their order.",
        parameters: &[parameter("Identity", Kind::Text, "Name or GUID; * and ? stand for letters.")
            .at(1)
            .piped()],
        accepts: TYPES,
        examples: &[("Get-ProtocolPolicy", "Lists them.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Set-ProtocolPolicy",
        synopsis: "Changes a rule that says by group which protocols mailboxes may use.",
        parameters: &[
            WHICH,
            parameter("Name", Kind::Text, "Unique name."),
            parameter("MemberOf", Kind::Text, "The distribution group, with groups in it."),
            PRIORITY,
            ENABLED,
            choice("PopEnabled"),
            choice("ImapEnabled"),
            choice("OWAEnabled"),
            choice("ActiveSyncEnabled"),
            choice("MAPIEnabled"),
            choice("SmtpClientAuthenticationDisabled"),
        ],
        accepts: TYPES,
        examples: &[("Set-ProtocolPolicy 'No POP3 for sales' -Enabled $false", "Lets it rest.")],
        run: Run::Each(|call| Box::pin(set(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Remove-ProtocolPolicy",
        synopsis: "Removes a rule that says by group which protocols mailboxes may use.",
        parameters: &[WHICH],
        accepts: TYPES,
        examples: &[(
            "Remove-ProtocolPolicy 'No POP3 for sales' -Confirm:$false",
            "Removes it without asking.",
        )],
        run: Run::Each(|call| Box::pin(remove(call))),
        ..REMOVES
    },
    Cmdlet {
        name: "Test-ProtocolPolicy",
        synopsis: "Lists what a rule, or a change of it, would change for mailboxes, and changes nothing.",
        parameters: &[
            parameter("Identity", Kind::Text, "The rule that would be changed; without it, a new one.")
                .at(1)
                .piped(),
            parameter("MemberOf", Kind::Text, "The distribution group, with groups in it."),
            PRIORITY,
            ENABLED,
            choice("PopEnabled"),
            choice("ImapEnabled"),
            choice("OWAEnabled"),
            choice("ActiveSyncEnabled"),
            choice("MAPIEnabled"),
            choice("SmtpClientAuthenticationDisabled"),
        ],
        accepts: TYPES,
        examples: &[
            ("Test-ProtocolPolicy -MemberOf Sales -PopEnabled $false", "Whom a new rule would concern."),
            ("Test-ProtocolPolicy 'No POP3 for sales' -Enabled $false", "What would be without it."),
        ],
        run: Run::Each(|call| Box::pin(test(call))),
        ..READS
    },
];

/// A rule as it is shown.
fn view(all: &Snapshot, rule: &ProtocolPolicy) -> Object {
    let group = all.by_guid::<DistributionGroup>(rule.member_of).map(|group| group.name.clone());
    let mut object = Object::new(&POLICY, rule.guid.to_string())
        .with("Name", &rule.name)
        .with("Identity", &rule.name)
        .with("Priority", rule.priority)
        .with("Enabled", rule.enabled)
        .with("MemberOf", group);
    for setting in ProtocolSetting::ALL {
        object = object.with(setting.to_string(), rule.choice(*setting));
    }
    object.with("Guid", rule.guid.to_string())
}

fn one(call: &Call<'_>, all: &Snapshot) -> Result<Arc<ProtocolPolicy>, Failure> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    all.find(&identity).cloned().ok_or_else(|| not_found(call, &identity))
}

/// A priority behind all others, with room for rules between.
fn last(all: &Snapshot) -> u32 {
    let greatest = all.all::<ProtocolPolicy>().map(|rule| rule.priority).max();
    greatest.map_or(0, |greatest| greatest.saturating_add(1))
}

async fn new(call: &mut Call<'_>) -> Result<(), Failure> {
    let name = call.arguments.text("Name").unwrap_or_default();
    if !call.may("Create the rule", &name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let all = changing.snapshot.clone();
    let mut rule = ProtocolPolicy::new(&name, groups::one(call, &all, "MemberOf")?.guid, last(&all));
    edit(call, &all, &mut rule)?;
    let after = view(&all, &rule);
    let edit = Edit { changes: vec![Change::put(rule)], after: Some(after.clone()), ..Edit::default() };
    changing.commit(call, edit).await?;
    call.emit(after).await?;
    Ok(())
}

fn edit(call: &Call<'_>, all: &Snapshot, rule: &mut ProtocolPolicy) -> Result<(), Failure> {
    if call.arguments.given("MemberOf") {
        rule.member_of = groups::one(call, all, "MemberOf")?.guid;
    }
    put(&mut rule.priority, call.arguments.parse("Priority")?);
    put(&mut rule.enabled, call.arguments.bool("Enabled"));
    set_choices(call, rule);
    Ok(())
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let all = call.context().directory.snapshot();
    let pattern = call.arguments.text("Identity").unwrap_or_else(|| "*".to_owned());
    if !wildcard::is_pattern(&pattern) {
        let found = view(&all, &*one(call, &all)?);
        call.emit(found).await?;
        return Ok(());
    }
    let mut rules: Vec<_> = all.all::<ProtocolPolicy>().collect();
    rules.sort_by_key(|rule| rule.priority);
    for rule in rules.into_iter().filter(|rule| wildcard::fits(&pattern, &rule.name)) {
        call.emit(view(&all, rule)).await?;
    }
    Ok(())
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Change the rule", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let all = changing.snapshot.clone();
    let old = one(call, &all)?;
    let mut rule = ProtocolPolicy::clone(&old);
    put(&mut rule.name, call.arguments.text("Name"));
    edit(call, &all, &mut rule)?;
    let (before, after) = (Some(view(&all, &old)), Some(view(&all, &rule)));
    changing.commit(call, Edit { changes: vec![Change::put(rule)], before, after, ..Edit::default() }).await
}

async fn remove(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Remove the rule", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = one(call, &changing.snapshot)?;
    let edit = Edit {
        before: Some(view(&changing.snapshot, &old)),
        changes: vec![Change::remove(old)],
        ..Edit::default()
    };
    changing.commit(call, edit).await
}

/// Compares the snapshot with the one that the change would make.
async fn test(call: &mut Call<'_>) -> Result<(), Failure> {
    let all = call.context().directory.snapshot();
    let old = match call.arguments.given("Identity") {
        true => Some(one(call, &all)?),
        false => None,
    };
    let mut rule = match &old {
        Some(old) => ProtocolPolicy::clone(old),
        None if !call.arguments.given("MemberOf") => {
            return Err("Name a rule that would be changed, or -MemberOf for a new one.".into());
        }
        None => ProtocolPolicy::new(NEW_RULE, Uuid::nil(), last(&all)),
    };
    edit(call, &all, &mut rule)?;
    let next = all.apply([Change::put(rule)]).map_err(|invalid| Failure::Error(format!("{invalid}.")))?;
    for mailbox in all.mailboxes() {
        let before = policy::all_effective(&all, mailbox);
        let after = policy::all_effective(&next.snapshot, mailbox);
        for ((setting, before), (_, after)) in before.into_iter().zip(after) {
            if before.value != after.value {
                let difference = Object::new(&DIFFERENCE, mailbox.guid.to_string())
                    .with("Mailbox", &mailbox.name)
                    .with("Setting", setting.to_string())
                    .with("Current", before.value)
                    .with("New", after.value)
                    .with("Rule", Value::from(after.origin.to_string()));
                call.emit(difference).await?;
            }
        }
    }
    Ok(())
}

/// What a rule is called that is only thought of.
const NEW_RULE: &str = "(new)";
