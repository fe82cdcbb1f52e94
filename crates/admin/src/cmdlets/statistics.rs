//! Get-MailboxStatistics: how much is in a mailbox.
//!
//! The store keeps these counts with every change, so nothing is counted here. An identity is mandatory, other than in
//! Exchange where a whole database can be asked for: `Get-Mailbox | Get-MailboxStatistics` says the same. When
//! users last logged in is written lazily, so that a crash can lose the last half minute of it.

use super::audit::moment;
use super::recipients::{DOMAIN_CONTROLLER, IDENTITY_CHANGE, MAILBOX_TYPES, one};
use super::{FOR_ALL, READS};
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::run::{Call, Failure};
use crate::value::{Object, Shape, Value};
use directory::{ByteSize, Mailbox};

static STATISTICS: Shape = Shape {
    name: "MailboxStatistics",
    columns: &["DisplayName", "ItemCount", "StorageLimitStatus", "LastLogonTime"],
};

static LOGON: Shape = Shape {
    name: "LogonStatistics",
    columns: &["UserName", "Protocol", "LogonTime", "TlsVersion", "ClientIPAddress"],
};

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-MailboxStatistics",
        synopsis: "Shows how much is in a mailbox.",
        parameters: &[IDENTITY_CHANGE, DOMAIN_CONTROLLER],
        accepts: MAILBOX_TYPES,
        examples: &[
            ("Get-MailboxStatistics alice | Format-List", "Shows everything about one."),
            (
                "Get-Mailbox | Get-MailboxStatistics | Sort-Object TotalItemSize -Descending",
                "The largest mailboxes first.",
            ),
        ],
        run: Run::Each(|call| Box::pin(get(call))),
        ..FOR_ALL
    },
    Cmdlet {
        name: "Get-LogonStatistics",
        synopsis: "Shows how each user last logged in, by protocol: so that nobody is surprised when an old way is closed.",
        parameters: &[
            parameter("Identity", Kind::Text, "A user; everybody without it.").at(1).piped(),
            DOMAIN_CONTROLLER,
        ],
        accepts: MAILBOX_TYPES,
        examples: &[
            ("Get-LogonStatistics | Where-Object { -not $_.TlsVersion }", "Shows who logs in without TLS."),
            ("Get-LogonStatistics alice | Format-List", "Shows everything about one."),
        ],
        run: Run::Each(|call| Box::pin(logons(call))),
        ..READS
    },
];

async fn logons(call: &mut Call<'_>) -> Result<(), Failure> {
    let snapshot = call.context().directory.snapshot();
    if call.arguments.given("Identity") {
        let mailbox = one(call, &snapshot)?;
        return logons_of(call, &mailbox).await;
    }
    for mailbox in snapshot.mailboxes() {
        logons_of(call, mailbox).await?;
    }
    Ok(())
}

async fn logons_of(call: &mut Call<'_>, mailbox: &Mailbox) -> Result<(), Failure> {
    for logon in call.context().store.logons(mailbox.account).await? {
        let object = Object::new(&LOGON, mailbox.guid.to_string())
            .with("UserName", &mailbox.name)
            .with("Identity", &mailbox.name)
            .with("Protocol", logon.protocol)
            .with("LogonTime", moment(logon.time))
            .with("Mechanism", logon.mechanism)
            .with("TlsVersion", logon.tls)
            .with("ClientIPAddress", logon.address)
            .with("ServerName", call.context().server_name());
        call.emit(object).await?;
    }
    Ok(())
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let all = call.context().directory.snapshot();
    let mailbox = one(call, &all)?;
    let quotas = all.quotas(&mailbox);
    let usage = call.context().store.usage(mailbox.account).await?;
    let logons = call.context().store.logons(mailbox.account).await?;
    let last = logons.first();
    let size = ByteSize(usage.octets);
    let status = if !quotas.prohibit_send_receive.allows(&size) {
        "MailboxDisabled"
    } else if !quotas.prohibit_send.allows(&size) {
        "ProhibitSend"
    } else if !quotas.issue_warning.allows(&size) {
        "IssueWarning"
    } else {
        "BelowLimit"
    };
    let object = Object::new(&STATISTICS, mailbox.guid.to_string())
        .with("DisplayName", &mailbox.display_name)
        .with("Identity", &mailbox.name)
        .with("ItemCount", usage.messages)
        .with("TotalItemSize", size)
        .with("DeletedItemCount", usage.recoverable_messages)
        .with("TotalDeletedItemSize", ByteSize(usage.recoverable_octets))
        .with("StorageLimitStatus", status)
        .with("LastLogonTime", last.map_or(Value::Null, |logon| moment(logon.time)))
        .with("ServerName", call.context().server_name());
    call.emit(object).await?;
    Ok(())
}
