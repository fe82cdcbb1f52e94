//! Get- and Set-CASMailbox: which protocols a mailbox may use.
//!
//! The flags take effect at the next login, without a restart of a service, other than in Exchange. Webmail,
//! MAPI and ActiveSync do not exist here; their flags are kept because scripts set and read them. In Exchange the filter on
//! OWAEnabled works backwards; that is not copied.

use super::cas_kept::{self, KEPT_PARAMETERS, with_kept};
use super::mailbox::set_names;
use super::recipients::{
    self, ANR, DOMAIN_CONTROLLER, FILTER, IDENTITY_CHANGE, IDENTITY_READ, MAILBOX_TYPES, ORGANIZATIONAL_UNIT,
    RESULT_SIZE, SORT_BY,
};
use super::{CHANGES, FOR_ALL};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure};
use crate::value::{Object, Shape, Value};
use directory::{Change, Choices, Mailbox, ProtocolSetting, ProtocolSettings, Role, Snapshot};
use policy::Effective;

static CAS_MAILBOX: Shape = Shape {
    name: "CASMailbox",
    columns: &["Name", "ActiveSyncEnabled", "OWAEnabled", "PopEnabled", "ImapEnabled", "MapiEnabled"],
};

/// Parameters of Set-CASMailbox that do something.
const SET_EFFECTIVE: [Parameter; 13] = [
    IDENTITY_CHANGE,
    parameter("PopEnabled", Kind::Bool, "Whether it may use POP3; $null lets the rules by group decide."),
    parameter("ImapEnabled", Kind::Bool, "Whether it may use IMAP4; $null lets the rules by group decide."),
    parameter(
        "OWAEnabled",
        Kind::Bool,
        "Kept for scripts; has no effect in this version, which has no webmail.",
    ),
    parameter(
        "MAPIEnabled",
        Kind::Bool,
        "Kept for scripts; has no effect in this version, which has no MAPI.",
    ),
    parameter(
        "ActiveSyncEnabled",
        Kind::Bool,
        "Kept for scripts; has no effect in this version, which has no ActiveSync.",
    ),
    parameter(
        "SmtpClientAuthenticationDisabled",
        Kind::Bool,
        "Whether it may not log in to send; $null as the organisation.",
    ),
    parameter("Name", Kind::Text, "Unique name."),
    parameter("DisplayName", Kind::Text, "Shown to people."),
    parameter("EmailAddresses", Kind::List, "All addresses, as in Set-Mailbox."),
    parameter("PrimarySmtpAddress", Kind::Text, "Where answers go."),
    parameter("SamAccountName", Kind::Text, "Accepted; has no effect."),
    DOMAIN_CONTROLLER,
];

static SET_PARAMETERS: [Parameter; SET_EFFECTIVE.len() + KEPT_PARAMETERS] = with_kept(SET_EFFECTIVE);

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-CASMailbox",
        synopsis: "Shows which protocols mailboxes may use.",
        parameters: &[
            IDENTITY_READ,
            ANR,
            FILTER,
            SORT_BY,
            RESULT_SIZE,
            parameter(
                "ProtocolSettings",
                Kind::Switch,
                "Adds what its user enters in a mail program, as Get-PopSettings and the like have it.",
            ),
            ORGANIZATIONAL_UNIT,
            parameter("ReadFromDomainController", Kind::Switch, "Accepted; has no effect."),
            parameter("IgnoreDefaultScope", Kind::Switch, "Accepted; has no effect."),
            DOMAIN_CONTROLLER,
        ],
        accepts: MAILBOX_TYPES,
        examples: &[
            ("Get-CASMailbox", "Lists all mailboxes."),
            ("Get-CASMailbox -Filter {PopEnabled -eq $true}", "Lists those that may use POP3."),
        ],
        run: Run::Each(|call| Box::pin(get(call))),
        ..FOR_ALL
    },
    Cmdlet {
        name: "Set-CASMailbox",
        synopsis: "Says which protocols a mailbox may use, from its next login on.",
        parameters: &SET_PARAMETERS,
        accepts: MAILBOX_TYPES,
        examples: &[
            (
                "Set-CASMailbox alice -PopEnabled $false -ImapEnabled $false",
                "Takes POP3 and IMAP4 away from one.",
            ),
            (
                "Get-CASMailbox -ResultSize unlimited | Set-CASMailbox -PopEnabled $false",
                "Takes POP3 away from all.",
            ),
        ],
        run: Run::Each(|call| Box::pin(set(call))),
        role: Role::Recipients,
        ..CHANGES
    },
];

/// A mailbox as it is shown: the values that count, and where each comes from.
fn view(all: &Snapshot, mailbox: &Mailbox, server: &str) -> Object {
    let found = policy::all_effective(all, mailbox);
    let of = |setting| found.iter().find(|(known, _)| *known == setting).map(|(_, effective)| effective);
    let value = |setting| Value::from(of(setting).map(|found| found.value));
    // As Exchange shows it: nothing where only the organisation has a word.
    let smtp = match of(ProtocolSetting::SmtpClientAuthenticationDisabled) {
        Some(Effective { origin: policy::Origin::Default, .. }) | None => Value::Null,
        Some(found) => Value::Bool(found.value),
    };
    let mut object = Object::new(&CAS_MAILBOX, mailbox.guid.to_string())
        .with("Name", &mailbox.name)
        .with("DisplayName", &mailbox.display_name)
        .with("Identity", &mailbox.name)
        .with("PrimarySmtpAddress", mailbox.primary_smtp_address.to_string())
        .with("ServerName", server)
        .with("ActiveSyncEnabled", value(ProtocolSetting::ActiveSyncEnabled))
        .with("OWAEnabled", value(ProtocolSetting::OWAEnabled))
        .with("PopEnabled", value(ProtocolSetting::PopEnabled))
        .with("ImapEnabled", value(ProtocolSetting::ImapEnabled))
        .with("MapiEnabled", value(ProtocolSetting::MAPIEnabled))
        .with("SmtpClientAuthenticationDisabled", smtp);
    for (setting, effective) in &found {
        object = object.with(format!("{setting}Source"), effective.origin.to_string());
    }
    cas_kept::with(object, &mailbox.cas).with("Guid", mailbox.guid.to_string())
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.arguments.switch("ProtocolSettings") {
        return recipients::emit_mailboxes(call, view_with_settings).await;
    }
    recipients::emit_mailboxes(call, view).await
}

/// With the settings of the protocols, which are the same for all mailboxes of a server.
fn view_with_settings(all: &Snapshot, mailbox: &Mailbox, server: &str) -> Object {
    let external = |settings: &ProtocolSettings| Value::texts(&settings.external_connection_settings);
    let internal = |settings: &ProtocolSettings| Value::texts(&settings.internal_connection_settings);
    let rows = policy::client_settings(all, None);
    let smtp = rows.iter().filter(|row| row.protocol == "SMTP");
    let smtp = smtp.map(|row| format!("{}:{}:{}", row.server, row.port, row.encryption));
    view(all, mailbox, server)
        .with("InternalPopSettings", internal(all.pop()))
        .with("ExternalPopSettings", external(all.pop()))
        .with("InternalImapSettings", internal(all.imap()))
        .with("ExternalImapSettings", external(all.imap()))
        .with("InternalSmtpSettings", Value::texts(smtp))
        .with("ExternalSmtpSettings", Value::list(Vec::<Value>::new()))
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let server = call.context().server_name();
    let known = recipients::one(call, &call.context().directory.snapshot())?;
    if !call.may("Change the protocols of the mailbox", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin_together(call.context()).await;
    let all = changing.snapshot.clone();
    let old = recipients::one(call, &all)?;
    let mut mailbox = Mailbox::clone(&old);
    let mut remarks = set_names(call, &mut mailbox)?;
    set_choices(call, &mut mailbox.cas);
    drop_vain_exceptions(call, &all, &mut mailbox);
    remarks.extend(cas_kept::set(call, &mut mailbox.cas)?);
    let edit = Edit {
        before: Some(view(&all, &old, &server)),
        after: Some(view(&all, &mailbox, &server)),
        changes: vec![Change::put(mailbox)],
        ..Edit::default()
    };
    changing.commit(call, edit).await?;
    for remark in remarks {
        call.warn(remark).await?;
    }
    for (name, service) in
        [("OWAEnabled", "webmail"), ("MAPIEnabled", "MAPI"), ("ActiveSyncEnabled", "ActiveSync")]
    {
        if let Some(Value::Bool(allowed)) = call.arguments.value(name) {
            let instead = if *allowed {
                "Let the user read mail with a program that knows IMAP4 or POP3.".to_owned()
            } else {
                format!("There is no {service} that could be taken away from the user.")
            };
            call.warn(format!("{name} is kept, but has no effect in this version. {instead}")).await?;
        }
    }
    Ok(())
}

/// Of what was given: what holds anyway, because no rule says anything, is no exception: else a line for all mailboxes would shield every one
/// of them from rules to come. For SMTP the organisation has a word that may change, so there it is one.
fn drop_vain_exceptions(call: &Call<'_>, all: &Snapshot, mailbox: &mut Mailbox) {
    let protocols = ProtocolSetting::ALL.iter().copied();
    let given = |setting: &ProtocolSetting| call.arguments.given(&setting.to_string());
    for setting in protocols
        .filter(|setting| *setting != ProtocolSetting::SmtpClientAuthenticationDisabled)
        .filter(given)
    {
        let Some(value) = mailbox.cas.choice_mut(setting).take() else { continue };
        let without = policy::effective(all, mailbox, setting);
        if without.value != value || without.origin != policy::Origin::Default {
            *mailbox.cas.choice_mut(setting) = Some(value);
        }
    }
}

/// Sets the values of protocols that were given; `$null` takes one back.
pub fn set_choices(call: &Call<'_>, place: &mut impl Choices) {
    for setting in ProtocolSetting::ALL {
        let value = call.arguments.value(&setting.to_string());
        if let Some(value) = value {
            *place.choice_mut(*setting) = if let Value::Bool(value) = value { Some(*value) } else { None };
        }
    }
}
