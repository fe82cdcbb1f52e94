//! Get-ClientSettings: what users enter into their mail programs.
//!
//! The table of the article. Which rows belong in it is `policy`'s to say, as for the table that the quickstart prints:
//! what is stopped, or switched off for the mailbox asked for, is left out, so that nobody enters what cannot work.

use super::FOR_ALL;
use super::recipients::{IDENTITY_READ, MAILBOX_TYPES, one};
use crate::cmdlet::{Cmdlet, Run};
use crate::run::{Call, Failure};
use crate::value::{Object, Shape, Value};
use directory::Encryption;
use policy::ClientSetting;

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
    ..FOR_ALL
}];

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let snapshot = call.context().directory.snapshot();
    let mailbox = if call.arguments.given("Identity") { Some(one(call, &snapshot)?) } else { None };
    let rows = policy::client_settings(&snapshot, mailbox.as_deref());
    if rows.is_empty() {
        let message = "No service that could be used is running and allowed. Get-Service and Get-CASMailbox show which are.";
        call.warn(message).await?;
    }
    for row in &rows {
        call.emit(view(row)).await?;
    }
    Ok(())
}

fn view(row: &ClientSetting) -> Object {
    let encryption = match row.encryption {
        Encryption::Ssl => "SSL/TLS",
        Encryption::Tls => "STARTTLS",
        Encryption::Unencrypted => "None",
    };
    Object::plain(&SETTING)
        .with("Protocol", row.protocol)
        .with("Server", &row.server)
        .with("Port", Value::Int(row.port.into()))
        .with("Encryption", encryption)
        .with("LoginName", &row.login_name)
}
