//! Get- and Set-User, and Get-Recipient.
//!
//! In Exchange the user and the mailbox are two objects; here they are one, so Get-User shows of each mailbox whom it is
//! for.

use super::mailbox::{address, put};
use super::person::{self, COMPANY, DEPARTMENT, FIRST_NAME, INITIALS, LAST_NAME, OFFICE, PHONE, TITLE};
use super::recipients::{
    self, ANR, DOMAIN_CONTROLLER, FILTER, IDENTITY_CHANGE, IDENTITY_READ, MAILBOX_TYPES, ORGANIZATIONAL_UNIT,
    RESULT_SIZE, SORT_BY, TYPE_DETAILS,
};
use super::{CHANGES, READS};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::run::{Call, Failure};
use crate::value::{Object, Shape};
use directory::{Change, Mailbox, Recipient, Role, Snapshot};

static USER: Shape = Shape { name: "User", columns: &["Name", "RecipientType"] };
static RECIPIENT: Shape = Shape { name: "Recipient", columns: &["Name", "RecipientType"] };

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-User",
        synopsis: "Shows whom mailboxes are for.",
        parameters: &[
            IDENTITY_READ,
            ANR,
            FILTER,
            SORT_BY,
            TYPE_DETAILS,
            RESULT_SIZE,
            ORGANIZATIONAL_UNIT,
            DOMAIN_CONTROLLER,
        ],
        accepts: MAILBOX_TYPES,
        examples: &[(
            "Get-User -Filter \"Department -like 'Engineering*'\" | Set-CASMailbox -ImapEnabled $false",
            "Takes IMAP4 away from a department.",
        )],
        run: Run::Each(|call| Box::pin(recipients::emit_mailboxes(call, view))),
        ..READS
    },
    Cmdlet {
        name: "Set-User",
        synopsis: "Changes what is known of the person that a mailbox is for.",
        parameters: &[
            IDENTITY_CHANGE,
            parameter("Name", Kind::Text, "Unique name."),
            parameter("DisplayName", Kind::Text, "Shown to people."),
            parameter("UserPrincipalName", Kind::Text, "Login name, in the form of an address.")
                .alias(&["UPN"]),
            FIRST_NAME,
            INITIALS,
            LAST_NAME,
            DEPARTMENT,
            COMPANY,
            TITLE,
            OFFICE,
            PHONE,
            DOMAIN_CONTROLLER,
        ],
        accepts: MAILBOX_TYPES,
        examples: &[("Set-User alice -Department Engineering", "Says where she works.")],
        run: Run::Each(|call| Box::pin(set(call))),
        role: Role::Recipients,
        ..CHANGES
    },
    Cmdlet {
        name: "Get-Recipient",
        synopsis: "Shows everybody who can be sent to: mailboxes, distribution groups, contacts.",
        parameters: &[
            IDENTITY_READ,
            ANR,
            FILTER,
            SORT_BY,
            TYPE_DETAILS,
            RESULT_SIZE,
            ORGANIZATIONAL_UNIT,
            DOMAIN_CONTROLLER,
        ],
        accepts: &["Mailbox", "CASMailbox", "User", "Recipient", "DistributionGroup", "MailContact"],
        examples: &[("Get-Recipient sales@example.test", "Says who has this address.")],
        run: Run::Each(|call| Box::pin(recipients::emit_all(call, show))),
        ..READS
    },
];

fn show(_: &Snapshot, recipient: &Recipient, _: &str) -> Option<Object> {
    Some(super::groups::summary(&RECIPIENT, recipient))
}

/// A user as it is shown.
fn view(_: &Snapshot, mailbox: &Mailbox, _: &str) -> Object {
    let object = Object::new(&USER, mailbox.guid.to_string())
        .with("Name", &mailbox.name)
        .with("RecipientType", "UserMailbox")
        .with("RecipientTypeDetails", super::mailbox::type_details(mailbox))
        .with("DisplayName", &mailbox.display_name)
        .with("Identity", &mailbox.name)
        .with("UserPrincipalName", mailbox.user_principal_name.to_string())
        .with("WindowsEmailAddress", mailbox.primary_smtp_address.to_string())
        .with("AccountDisabled", mailbox.account_disabled);
    person::with(object, &mailbox.person).with("Guid", mailbox.guid.to_string())
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let server = call.context().server_name();
    let known = recipients::one(call, &call.context().directory.snapshot())?;
    if !call.may("Change the user", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin_together(call.context()).await;
    let all = changing.snapshot.clone();
    let old = recipients::one(call, &all)?;
    let mut mailbox = Mailbox::clone(&old);
    put(&mut mailbox.name, call.arguments.text("Name"));
    put(&mut mailbox.display_name, call.arguments.text("DisplayName"));
    put(&mut mailbox.user_principal_name, address(call, "UserPrincipalName")?);
    person::set(call, &mut mailbox.person)?;
    let edit = Edit {
        before: Some(view(&all, &old, &server)),
        after: Some(view(&all, &mailbox, &server)),
        changes: vec![Change::put(mailbox)],
        ..Edit::default()
    };
    changing.commit(call, edit).await
}
