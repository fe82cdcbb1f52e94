//! Get- and Set-MailboxDatabase: the store as an administrator of Exchange knows it.
//!
//! There is one, with all mailboxes of the node. What can be set is how long removed messages can be brought
//! back, and the quotas of mailboxes that have none of their own; its name is there so that scripts find it.

use super::mailbox::put;
use super::recipients::not_found;
use super::{CHANGES, READS};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::value::{Object, Shape};
use directory::{Change, Organization};

static DATABASE: Shape =
    Shape { name: "MailboxDatabase", columns: &["Name", "Server", "DeletedItemRetention"] };

pub const NAME: &str = "Mailbox Database";

const WHICH: Parameter =
    parameter("Identity", Kind::Text, "The database's name; there is one, and it is meant without this.")
        .at(1)
        .piped();

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-MailboxDatabase",
        synopsis: "Shows where mailboxes are kept, and for how long what is removed from them.",
        parameters: &[WHICH],
        accepts: &["MailboxDatabase"],
        examples: &[("Get-MailboxDatabase | Format-List", "Shows everything about it.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Set-MailboxDatabase",
        synopsis: "Changes for how long removed messages are kept, and the quotas of mailboxes.",
        parameters: &[
            WHICH,
            parameter(
                "DeletedItemRetention",
                Kind::Text,
                "How long removed messages can be brought back, such as 14.00:00:00.",
            ),
            parameter(
                "IssueWarningQuota",
                Kind::Text,
                "Size over which statistics warn, of mailboxes without quotas of their own.",
            ),
            parameter(
                "ProhibitSendQuota",
                Kind::Text,
                "Size from which on mailboxes without quotas of their own may not send.",
            ),
            parameter(
                "ProhibitSendReceiveQuota",
                Kind::Text,
                "Size from which on mailboxes without quotas of their own take no mail.",
            ),
        ],
        accepts: &["MailboxDatabase"],
        examples: &[(
            "Set-MailboxDatabase 'Mailbox Database' -DeletedItemRetention 30.00:00:00",
            "Keeps removed messages for thirty days.",
        )],
        run: Run::Each(|call| Box::pin(set(call))),
        ..CHANGES
    },
];

/// Whether the identity given means the database.
fn is_meant(call: &Call<'_>) -> Result<bool, Failure> {
    let Some(wanted) = call.arguments.text("Identity") else { return Ok(true) };
    match wildcard::fits(&wanted, NAME) {
        false if !wildcard::is_pattern(&wanted) => Err(not_found(call, &wanted)),
        meant => Ok(meant),
    }
}

fn view(organization: &Organization, server: &str) -> Object {
    Object::new(&DATABASE, NAME)
        .with("Name", NAME)
        .with("Identity", NAME)
        .with("Server", server)
        .with("DeletedItemRetention", organization.deleted_item_retention)
        .with("IssueWarningQuota", organization.database_quotas.issue_warning)
        .with("ProhibitSendQuota", organization.database_quotas.prohibit_send)
        .with("ProhibitSendReceiveQuota", organization.database_quotas.prohibit_send_receive)
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    if is_meant(call)? {
        let server = call.context().server_name();
        let object = view(call.context().directory.snapshot().organization(), &server);
        call.emit(object).await?;
    }
    Ok(())
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    if !is_meant(call)? || !call.may("Change", NAME).await? {
        return Ok(());
    }
    let server = call.context().server_name();
    let changing = change::begin(call.context()).await;
    let old = changing.snapshot.organization();
    let mut organization = Organization::clone(old);
    put(&mut organization.deleted_item_retention, call.arguments.parse("DeletedItemRetention")?);
    let quotas = &mut organization.database_quotas;
    put(&mut quotas.issue_warning, call.arguments.parse("IssueWarningQuota")?);
    put(&mut quotas.prohibit_send, call.arguments.parse("ProhibitSendQuota")?);
    put(&mut quotas.prohibit_send_receive, call.arguments.parse("ProhibitSendReceiveQuota")?);
    let edit = Edit {
        before: Some(view(old, &server)),
        after: Some(view(&organization, &server)),
        changes: vec![Change::Put(organization.into())],
        ..Edit::default()
    };
    changing.commit(call, edit).await
}
