//! Get-MailboxStatistics: how much is in a mailbox.
//!
//! The store keeps these counts with every change, so nothing is counted here. An identity is mandatory, other than in
//! Exchange where a whole database can be asked for: `Get-Mailbox | Get-MailboxStatistics` says the same. When a user
//! last logged in is not kept yet, so LastLogonTime is empty.

use super::READS;
use super::recipients::{DOMAIN_CONTROLLER, IDENTITY_CHANGE, MAILBOX_TYPES, one};
use crate::cmdlet::{Cmdlet, Run};
use crate::run::{Call, Failure};
use crate::value::{Object, Shape, Value};
use directory::ByteSize;

static STATISTICS: Shape = Shape {
    name: "MailboxStatistics",
    columns: &["DisplayName", "ItemCount", "StorageLimitStatus", "LastLogonTime"],
};

pub const CMDLETS: &[Cmdlet] = &[Cmdlet {
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
    ..READS
}];

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let mailbox = one(call, &call.context().directory.snapshot())?;
    let usage = call.context().store.usage(mailbox.account).await?;
    let size = ByteSize(usage.octets);
    let status = if !mailbox.prohibit_send_receive_quota.allows(&size) {
        "MailboxDisabled"
    } else if !mailbox.prohibit_send_quota.allows(&size) {
        "ProhibitSend"
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
        .with("LastLogonTime", Value::Null)
        .with("ServerName", call.context().server_name());
    call.emit(object).await?;
    Ok(())
}
