//! The table that users need, as text: which server, port and encryption for which service; and what is missing in it.

use directory::{Encryption, Snapshot};
use policy::ClientSetting;

/// The settings of all services that run, for everybody.
pub fn table(snapshot: &Snapshot) -> String {
    let rows = policy::client_settings(snapshot, None);
    let width = rows.iter().map(|row| row.server.len()).max().unwrap_or_default().max("Server".len());
    let mut text = format!("  {:<9} {:<width$}  {:>5}  Encryption\n", "Protocol", "Server", "Port");
    for ClientSetting { protocol, server, port, encryption, .. } in &rows {
        let encryption = match encryption {
            Encryption::Ssl => "SSL/TLS",
            Encryption::Tls => "STARTTLS",
            Encryption::Unencrypted => "none",
        };
        text.push_str(&format!("  {protocol:<9} {server:<width$}  {port:>5}  {encryption}\n"));
    }
    text
}

/// The services that do not run, with the commands that start them; nothing where all do.
pub fn stopped(snapshot: &Snapshot) -> String {
    let start = |name| format!("  Set-Service {name} -StartupType Automatic; Start-Service {name}\n");
    let commands: String = snapshot
        .services()
        .filter(|service| !service.running)
        .map(|service| start(service.name.to_string()))
        .collect();
    if commands.is_empty() {
        return commands;
    }
    format!("Services that are stopped, and how to start them in the shell:\n{commands}\n")
}
