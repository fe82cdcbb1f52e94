//! Get-ClientSettings: what users enter into their mail programs.

use super::READS;
use super::recipients::{IDENTITY_READ, MAILBOX_TYPES, one};
use crate::cmdlet::{Cmdlet, Run};
use crate::run::{Call, Failure};
use crate::value::{Object, Shape, Value};
use directory::{ConnectionSetting, Encryption, ProtocolSettings, ServiceName, Snapshot};

static SETTING: Shape =
    Shape { name: "ClientSetting", columns: &["Protocol", "Server", "Port", "Encryption", "LoginName"] };

pub const CMDLETS: &[Cmdlet] = &[Cmdlet {
    name: "Get-ClientSettings",
    synopsis: "Shows what users enter into their mail programs.",
    parameters: &[IDENTITY_READ],
    accepts: MAILBOX_TYPES,
    examples: &[
        ("Get-ClientSettings", "Shows the table for all users."),
        ("Get-ClientSettings alice", "Shows it for one, with the login name."),
    ],
    run: Run::Each(|call| Box::pin(get(call))),
    ..READS
}];

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let snapshot = call.context().directory.snapshot();
    let (login, cas) = if call.arguments.given("Identity") {
        let mailbox = one(call, &snapshot)?;
        (mailbox.user_principal_name.to_string(), Some(mailbox.cas.clone()))
    } else {
        ("the user's login name".to_owned(), None)
    };
    let imap = cas.as_ref().is_none_or(|cas| cas.imap_enabled);
    let pop = cas.as_ref().is_none_or(|cas| cas.pop_enabled);
    let no_smtp = cas.as_ref().and_then(|cas| cas.smtp_client_authentication_disabled);
    let no_smtp = no_smtp.unwrap_or(snapshot.organization().smtp_client_authentication_disabled);
    let mut rows = Vec::new();
    if imap && snapshot.is_running(ServiceName::Imap4) {
        rows.extend(shown(snapshot.imap()).map(|setting| ("IMAP4", setting)));
    }
    if pop && snapshot.is_running(ServiceName::Pop3) {
        rows.extend(shown(snapshot.pop()).map(|setting| ("POP3", setting)));
    }
    if !no_smtp && snapshot.is_running(ServiceName::Transport) {
        rows.extend(submission(&snapshot).into_iter().map(|setting| ("SMTP", setting)));
    }
    if rows.is_empty() {
        call.warn(
            "No service that mail programs use is running. Get-Service shows them, Start-Service starts one.",
        )
        .await?;
    }
    for (protocol, setting) in rows {
        call.emit(view(protocol, &setting, &login)).await?;
    }
    Ok(())
}

fn view(protocol: &'static str, setting: &ConnectionSetting, login: &str) -> Object {
    let encryption = match setting.encryption {
        Encryption::Ssl => "SSL/TLS",
        Encryption::Tls => "STARTTLS",
        Encryption::Unencrypted => "None",
    };
    Object::plain(&SETTING)
        .with("Protocol", protocol)
        .with("Server", &setting.host)
        .with("Port", Value::Int(setting.port.into()))
        .with("Encryption", encryption)
        .with("LoginName", login)
}

/// Those for users outside where there are some, as they work inside, too.
fn shown(settings: &ProtocolSettings) -> impl Iterator<Item = ConnectionSetting> + '_ {
    let outside = &settings.external_connection_settings;
    let list = if outside.is_empty() { &settings.internal_connection_settings } else { outside };
    list.iter().cloned()
}

/// The connectors where users log in to send, each port once.
fn submission(snapshot: &Snapshot) -> Vec<ConnectionSetting> {
    let host = &snapshot.organization().client_host;
    let mut settings: Vec<ConnectionSetting> = Vec::new();
    for connector in snapshot.receive_connectors() {
        let logins = connector.auth_mechanism.basic_auth && connector.permission_groups.exchange_users;
        if !connector.enabled || !logins {
            continue;
        }
        let ssl = connector.ssl_bindings.iter().map(|binding| (binding, Encryption::Ssl));
        let tls = connector.bindings.iter().map(|binding| (binding, Encryption::Tls));
        for (binding, encryption) in tls.chain(ssl) {
            let setting = ConnectionSetting { host: host.clone(), port: binding.0.port(), encryption };
            if !settings.contains(&setting) {
                settings.push(setting);
            }
        }
    }
    settings
}
