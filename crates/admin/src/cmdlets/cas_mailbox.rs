//! Get- and Set-CASMailbox: which protocols a mailbox may use.
//!
//! The flags take effect at the next login, without a restart of a service, other than in Exchange. Webmail,
//! MAPI and ActiveSync do not exist here; their flags are kept because scripts set and read them. In Exchange the filter on
//! OWAEnabled works backwards; that is not copied.

use super::mailbox::put;
use super::recipients::{
    self, ANR, DOMAIN_CONTROLLER, FILTER, IDENTITY_CHANGE, IDENTITY_READ, MAILBOX_TYPES, RESULT_SIZE,
};
use super::{CHANGES, READS};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::run::{Call, Failure};
use crate::value::{Object, Shape, Value};
use directory::{Change, Mailbox};

static CAS_MAILBOX: Shape = Shape {
    name: "CASMailbox",
    columns: &["Name", "ActiveSyncEnabled", "OWAEnabled", "PopEnabled", "ImapEnabled", "MapiEnabled"],
};

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-CASMailbox",
        synopsis: "Shows which protocols mailboxes may use.",
        parameters: &[IDENTITY_READ, ANR, FILTER, RESULT_SIZE, DOMAIN_CONTROLLER],
        accepts: MAILBOX_TYPES,
        examples: &[
            ("Get-CASMailbox", "Lists all mailboxes."),
            ("Get-CASMailbox -Filter {PopEnabled -eq $true}", "Lists those that may use POP3."),
        ],
        run: Run::Each(|call| Box::pin(recipients::emit_all(call, view))),
        ..READS
    },
    Cmdlet {
        name: "Set-CASMailbox",
        synopsis: "Says which protocols a mailbox may use, from its next login on.",
        parameters: &[
            IDENTITY_CHANGE,
            parameter("PopEnabled", Kind::Bool, "Whether it may use POP3."),
            parameter("ImapEnabled", Kind::Bool, "Whether it may use IMAP4."),
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
            DOMAIN_CONTROLLER,
        ],
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
        ..CHANGES
    },
];

/// A mailbox as it is shown.
fn view(mailbox: &Mailbox, server: &str) -> Object {
    let cas = &mailbox.cas;
    Object::new(&CAS_MAILBOX, mailbox.guid.to_string())
        .with("Name", &mailbox.name)
        .with("DisplayName", &mailbox.display_name)
        .with("Identity", &mailbox.name)
        .with("PrimarySmtpAddress", mailbox.primary_smtp_address.to_string())
        .with("ServerName", server)
        .with("ActiveSyncEnabled", cas.active_sync_enabled)
        .with("OWAEnabled", cas.owa_enabled)
        .with("PopEnabled", cas.pop_enabled)
        .with("ImapEnabled", cas.imap_enabled)
        .with("MapiEnabled", cas.mapi_enabled)
        .with("SmtpClientAuthenticationDisabled", cas.smtp_client_authentication_disabled)
        .with("Guid", mailbox.guid.to_string())
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let server = call.context().server_name();
    let known = recipients::one(call, &call.context().directory.snapshot())?;
    if !call.may("Change the protocols of the mailbox", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin_together(call.context()).await;
    let old = recipients::one(call, &changing.snapshot)?;
    let mut mailbox = Mailbox::clone(&old);
    let cas = &mut mailbox.cas;
    put(&mut cas.pop_enabled, call.arguments.bool("PopEnabled"));
    put(&mut cas.imap_enabled, call.arguments.bool("ImapEnabled"));
    put(&mut cas.owa_enabled, call.arguments.bool("OWAEnabled"));
    put(&mut cas.mapi_enabled, call.arguments.bool("MAPIEnabled"));
    put(&mut cas.active_sync_enabled, call.arguments.bool("ActiveSyncEnabled"));
    let smtp = call.arguments.value("SmtpClientAuthenticationDisabled");
    let chosen = |value: &Value| if let Value::Bool(value) = value { Some(*value) } else { None };
    put(&mut cas.smtp_client_authentication_disabled, smtp.map(chosen));
    let edit = Edit {
        before: Some(view(&old, &server)),
        after: Some(view(&mailbox, &server)),
        changes: vec![Change::put(mailbox)],
        ..Edit::default()
    };
    changing.commit(call, edit).await?;
    for (name, service) in
        [("OWAEnabled", "webmail"), ("MAPIEnabled", "MAPI"), ("ActiveSyncEnabled", "ActiveSync")]
    {
        if call.arguments.given(name) {
            let instead = if call.arguments.switch(name) {
                "Let the user read mail with a program that knows IMAP4 or POP3.".to_owned()
            } else {
                format!("There is no {service} that could be taken away from the user.")
            };
            call.warn(format!("{name} is kept, but has no effect in this version. {instead}")).await?;
        }
    }
    Ok(())
}
