//! What users enter in their mail programs.

use crate::effective;
use directory::{
    ConnectionSetting, Encryption, Mailbox, ProtocolSetting, ProtocolSettings, ReceiveConnector, ServiceName,
    Snapshot,
};

/// One row of the table of client settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSetting {
    /// `IMAP4`, `POP3` or `SMTP`.
    pub protocol: &'static str,
    /// The server's name.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// What to choose under "security".
    pub encryption: Encryption,
    /// What to enter as user name; a description where the table is for everybody.
    pub login_name: String,
}

/// The rows for one mailbox, or for everybody: only services that run and that the mailbox may use. The external
/// settings where there are any, as most programs are used outside too.
pub fn client_settings(all: &Snapshot, mailbox: Option<&Mailbox>) -> Vec<ClientSetting> {
    let login_name =
        mailbox.map_or("user@domain".to_owned(), |mailbox| mailbox.user_principal_name.to_string());
    let may = |setting| mailbox.is_none_or(|mailbox| effective(all, mailbox, setting).value);
    let mut rows: Vec<(&'static str, ConnectionSetting)> = Vec::new();
    if all.is_running(ServiceName::Imap4) && may(ProtocolSetting::ImapEnabled) {
        rows.extend(advertised(all.imap()).iter().cloned().map(|setting| ("IMAP4", setting)));
    }
    if all.is_running(ServiceName::Pop3) && may(ProtocolSetting::PopEnabled) {
        rows.extend(advertised(all.pop()).iter().cloned().map(|setting| ("POP3", setting)));
    }
    if all.is_running(ServiceName::Transport) && may_submit(all, mailbox) {
        rows.extend(submission(all).into_iter().map(|setting| ("SMTP", setting)));
    }
    let row = |(protocol, setting): (&'static str, ConnectionSetting)| ClientSetting {
        protocol,
        server: setting.host,
        port: setting.port,
        encryption: setting.encryption,
        login_name: login_name.clone(),
    };
    rows.into_iter().map(row).collect()
}

fn advertised(settings: &ProtocolSettings) -> &[ConnectionSetting] {
    match settings.external_connection_settings.as_slice() {
        [] => &settings.internal_connection_settings,
        external => external,
    }
}

fn may_submit(all: &Snapshot, mailbox: Option<&Mailbox>) -> bool {
    match mailbox {
        Some(mailbox) => !effective(all, mailbox, ProtocolSetting::SmtpClientAuthenticationDisabled).value,
        None => !all.organization().smtp_client_authentication_disabled,
    }
}

/// The ports of connectors where users log in, STARTTLS first, each once.
fn submission(all: &Snapshot) -> Vec<ConnectionSetting> {
    let host = &all.organization().client_host;
    let mut rows: Vec<ConnectionSetting> = Vec::new();
    for connector in all.receive_connectors().into_iter().filter(|connector| for_users(connector)) {
        let clear = if connector.auth_mechanism.tls { Encryption::Tls } else { Encryption::Unencrypted };
        let starttls = connector.bindings.iter().map(|binding| (binding, clear));
        let ssl = connector.ssl_bindings.iter().map(|binding| (binding, Encryption::Ssl));
        for (binding, encryption) in starttls.chain(ssl) {
            let port = binding.0.port();
            if !rows.iter().any(|row| row.port == port) {
                rows.push(ConnectionSetting { host: host.clone(), port, encryption });
            }
        }
    }
    rows
}

fn for_users(connector: &ReceiveConnector) -> bool {
    connector.enabled && connector.permission_groups.exchange_users && connector.auth_mechanism.basic_auth
}
