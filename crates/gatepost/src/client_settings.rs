//! The table that users need: which server, port and encryption for which service.

use directory::{Binding, Snapshot};

/// One line of the table.
struct Line {
    service: &'static str,
    port: u16,
    encryption: &'static str,
}

/// The table of client settings, with the server's name and the ports as they are bound.
pub fn table(snapshot: &Snapshot) -> String {
    let host = &snapshot.organization().client_host;
    let width = host.len().max("Server".len());
    let mut text = format!("  {:<28}  {:<width$}  {:>5}  {}\n", "Service", "Server", "Port", "Encryption");
    for Line { service, port, encryption } in lines(snapshot) {
        text.push_str(&format!("  {service:<28}  {host:<width$}  {port:>5}  {encryption}\n"));
    }
    text
}

fn lines(snapshot: &Snapshot) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |service, bindings: &[Binding], encryption| {
        let mut ports: Vec<u16> = bindings.iter().map(|binding| binding.0.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        lines.extend(ports.into_iter().map(|port| Line { service, port, encryption }));
    };
    let (imap, pop) = (snapshot.imap(), snapshot.pop());
    add("IMAP (reading)", &imap.ssl_bindings, "SSL/TLS");
    add("IMAP (reading)", &imap.unencrypted_or_tls_bindings, "STARTTLS");
    add("POP3 (fetching)", &pop.ssl_bindings, "SSL/TLS");
    add("POP3 (fetching)", &pop.unencrypted_or_tls_bindings, "STARTTLS");
    let connectors = snapshot.receive_connectors();
    for connector in connectors.iter().filter(|connector| connector.enabled) {
        let service = match connector.permission_groups.exchange_users {
            true => "SMTP (sending, with login)",
            false => "SMTP (from other servers)",
        };
        add(service, &connector.ssl_bindings, "SSL/TLS");
        add(service, &connector.bindings, "STARTTLS");
    }
    lines
}
