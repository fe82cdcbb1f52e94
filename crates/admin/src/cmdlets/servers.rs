//! Get-ExchangeServer and Get-ClientAccessServer, and the `-Server` parameter.
//!
//! There is one server so far, but scripts loop over all of them and name the server they mean. So the cmdlets exist,
//! and `-Server` accepts this server's names and refuses others instead of silently changing the wrong one.

use super::READS;
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::value::{Object, Shape};

static SERVER_SHAPE: Shape = Shape {
    name: "ExchangeServer",
    columns: &["Name", "Site", "ServerRole", "Edition", "AdminDisplayVersion"],
};
static CLIENT_ACCESS: Shape = Shape { name: "ClientAccessServer", columns: &["Name"] };

/// The server, piped or by name; there is one.
pub const SERVER: Parameter =
    parameter("Server", Kind::Text, "The server; there is one, and it is meant without this.")
        .alias(&["Identity"])
        .piped();

/// The server by name, where something else is piped.
pub const SERVER_ONLY: Parameter =
    parameter("Server", Kind::Text, "The server; there is one, and it is meant without this.");

/// Object types that stand for a server.
pub const SERVER_TYPES: &[&str] = &["ExchangeServer", "ClientAccessServer", "ProtocolSettings"];

const WHICH: Parameter =
    parameter("Identity", Kind::Text, "The server's name; * and ? stand for letters.").at(1).piped();

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-ExchangeServer",
        synopsis: "Shows the servers of the organisation.",
        parameters: &[WHICH],
        accepts: SERVER_TYPES,
        examples: &[("Get-ExchangeServer", "Lists them.")],
        run: Run::Each(|call| Box::pin(get(call, &SERVER_SHAPE))),
        ..READS
    },
    Cmdlet {
        name: "Get-ClientAccessServer",
        aliases: &["Get-ClientAccessService"],
        synopsis: "Shows the servers that clients reach.",
        parameters: &[WHICH],
        accepts: SERVER_TYPES,
        examples: &[(
            "Get-ClientAccessServer | Set-PopSettings -LoginType SecureLogin",
            "Changes a setting on all of them.",
        )],
        run: Run::Each(|call| Box::pin(get(call, &CLIENT_ACCESS))),
        ..READS
    },
];

async fn get(call: &mut Call<'_>, shape: &'static Shape) -> Result<(), Failure> {
    let name = call.context().server_name();
    let host = call.context().directory.snapshot().organization().hostname.clone();
    if let Some(wanted) = call.arguments.text("Identity")
        && ![&name, &host].iter().any(|known| wildcard::fits(&wanted, known))
    {
        return if wildcard::is_pattern(&wanted) {
            Ok(())
        } else {
            Err(super::recipients::not_found(call, &wanted))
        };
    }
    let version = concat!("Gatepost ", env!("CARGO_PKG_VERSION"));
    let object = Object::new(shape, name.as_str())
        .with("Name", name)
        .with("Fqdn", host)
        .with("Site", "Default")
        .with("ServerRole", "Mailbox, ClientAccess")
        .with("Edition", "Standard")
        .with("AdminDisplayVersion", version);
    call.emit(object).await?;
    Ok(())
}

/// Whether `-Server` names this server, by short or full name.
pub fn check(call: &Call<'_>) -> Result<(), Failure> {
    let Some(wanted) = call.arguments.text("Server").filter(|wanted| !wanted.is_empty()) else {
        return Ok(());
    };
    let host = call.context().directory.snapshot().organization().hostname.clone();
    let known = [call.context().server_name(), host, "localhost".to_owned()];
    if known.iter().any(|known| known.eq_ignore_ascii_case(&wanted)) {
        return Ok(());
    }
    Err(super::recipients::not_found(call, &wanted))
}
