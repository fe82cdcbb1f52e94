//! New-, Get-, Set- and Remove-Mailbox.
//!
//! In Exchange the user and the mailbox are two objects; here they are one, and the cmdlets take the parameters of
//! both. What must hold between mailboxes (unique names, addresses in accepted domains, quotas in order) is checked by
//! the snapshot; here texts become typed values. A password is hashed before the change begins, because hashing takes
//! long on purpose and changes wait for one another.

use super::person::{self, COMPANY, DEPARTMENT, FIRST_NAME, INITIALS, LAST_NAME, OFFICE, PHONE, TITLE};
use super::recipients::{
    self, ACCEPT_ONLY, ANR, DOMAIN_CONTROLLER, FILTER, HIDDEN, IDENTITY_CHANGE, IDENTITY_READ, MAILBOX_TYPES,
    ORGANIZATIONAL_UNIT, REJECT_FROM, REQUIRE_AUTHENTICATION, RESULT_SIZE, SORT_BY, TYPE_DETAILS, unknown,
};
use super::{CHANGES, FOR_ALL, REMOVES};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure, ListChange};
use crate::value::{Object, Shape, Value};
use crate::{Channel, Echo, Question};
use directory::password::{self, Cost};
use directory::{AccessToken, Change, Limit, Mailbox, MailboxType, PasswordHash, Role, Snapshot};
use mail::{Address, Secret};
use std::fmt::Display;
use std::str::FromStr;

static MAILBOX: Shape =
    Shape { name: "Mailbox", columns: &["Name", "Alias", "ServerName", "ProhibitSendQuota"] };

const ISSUE_WARNING: Parameter =
    parameter("IssueWarningQuota", Kind::Text, "Size over which statistics warn, or Unlimited.");
const PROHIBIT_SEND: Parameter =
    parameter("ProhibitSendQuota", Kind::Text, "Size from which on it may not send, or Unlimited.");
const PROHIBIT_SEND_RECEIVE: Parameter =
    parameter("ProhibitSendReceiveQuota", Kind::Text, "Size from which on it takes no mail, or Unlimited.");
const RESET_PASSWORD: Parameter =
    parameter("ResetPasswordOnNextLogon", Kind::Bool, "Accepted; has no effect in this version.");

const fn custom(name: &'static str) -> Parameter {
    parameter(name, Kind::Text, "What the organisation likes to keep; $null clears.")
}

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "New-Mailbox",
        synopsis: "Creates a mailbox and the user that owns it.",
        parameters: &[
            parameter("Name", Kind::Text, "Unique name.").at(1).mandatory(),
            parameter("UserPrincipalName", Kind::Text, "Login name, in the form of an address.")
                .alias(&["UPN"])
                .mandatory(),
            parameter(
                "Password",
                Kind::Secret,
                "Password; is asked for at a terminal. Without one nobody can log in.",
            ),
            parameter("Alias", Kind::Text, "Part before @ of the address; usually that of the login name."),
            parameter("DisplayName", Kind::Text, "Shown to people; usually the name."),
            FIRST_NAME,
            INITIALS,
            LAST_NAME,
            parameter("PrimarySmtpAddress", Kind::Text, "Where answers go; usually the login name."),
            parameter("Shared", Kind::Switch, "Nobody logs in to it: several people use it as themselves."),
            parameter("Room", Kind::Switch, "It is for a room; nobody logs in to it."),
            parameter("Equipment", Kind::Switch, "It is for a thing that is booked; nobody logs in to it."),
            ISSUE_WARNING,
            PROHIBIT_SEND,
            PROHIBIT_SEND_RECEIVE,
            ORGANIZATIONAL_UNIT,
            parameter("Database", Kind::Text, "Accepted; has no effect."),
            parameter("SamAccountName", Kind::Text, "Accepted; has no effect."),
            RESET_PASSWORD,
            DOMAIN_CONTROLLER,
        ],
        examples: &[(
            "New-Mailbox Carol -UserPrincipalName carol@example.test -Password (ConvertTo-SecureString 'a secret' -AsPlainText -Force)",
            "Creates the mailbox carol@example.test.",
        )],
        run: Run::Each(|call| Box::pin(new(call))),
        role: Role::Recipients,
        ..CHANGES
    },
    Cmdlet {
        name: "Get-Mailbox",
        synopsis: "Shows mailboxes.",
        parameters: &[
            IDENTITY_READ,
            ANR,
            FILTER,
            SORT_BY,
            TYPE_DETAILS,
            RESULT_SIZE,
            super::servers::SERVER_ONLY,
            parameter("Database", Kind::Text, "Accepted; there is one database."),
            ORGANIZATIONAL_UNIT,
            DOMAIN_CONTROLLER,
        ],
        accepts: MAILBOX_TYPES,
        examples: &[
            ("Get-Mailbox", "Lists all mailboxes."),
            ("Get-Mailbox alice | Format-List", "Shows everything about one."),
            ("Get-Mailbox -Filter {Name -like 'a*'}", "Lists those whose name begins with a."),
        ],
        run: Run::Each(|call| Box::pin(recipients::emit_mailboxes(call, view))),
        ..FOR_ALL
    },
    Cmdlet {
        name: "Set-Mailbox",
        synopsis: "Changes a mailbox.",
        parameters: &[
            IDENTITY_CHANGE,
            parameter("Name", Kind::Text, "Unique name."),
            parameter("Alias", Kind::Text, "Unique short name."),
            parameter("DisplayName", Kind::Text, "Shown to people."),
            parameter("UserPrincipalName", Kind::Text, "Login name, in the form of an address.")
                .alias(&["UPN"]),
            parameter(
                "Password",
                Kind::Secret,
                "New password; $null takes it away. Sessions that logged in with the old one end.",
            ),
            parameter("PrimarySmtpAddress", Kind::Text, "Where answers go."),
            parameter(
                "EmailAddresses",
                Kind::List,
                "All addresses; SMTP: marks the primary one. Knows @{Add=…; Remove=…}.",
            ),
            ISSUE_WARNING,
            PROHIBIT_SEND,
            PROHIBIT_SEND_RECEIVE,
            parameter(
                "UseDatabaseQuotaDefaults",
                Kind::Bool,
                "Whether the quotas of the database count instead of its own; giving it one of its own switches it off.",
            ),
            parameter("MaxSendSize", Kind::Text, "Largest message its user may send, or Unlimited."),
            parameter("MaxReceiveSize", Kind::Text, "Largest message it takes, or Unlimited."),
            parameter("RecipientLimits", Kind::Text, "Recipients of one message of its user, or Unlimited."),
            parameter(
                "ForwardingAddress",
                Kind::Text,
                "The recipient here that gets its mail; wins over ForwardingSmtpAddress. $null ends it.",
            ),
            parameter("ForwardingSmtpAddress", Kind::Text, "The address that gets its mail; $null ends it."),
            parameter(
                "DeliverToMailboxAndForward",
                Kind::Bool,
                "Whether it keeps a copy of what is forwarded.",
            ),
            parameter(
                "GrantSendOnBehalfTo",
                Kind::List,
                "Who may name it as the author and himself as the sender: users and groups.",
            ),
            ACCEPT_ONLY,
            REJECT_FROM,
            REQUIRE_AUTHENTICATION,
            HIDDEN,
            parameter("Type", Kind::Text, "What it is for; only into a Regular one somebody logs in.")
                .one_of(&["Regular", "Shared", "Room", "Equipment"]),
            FIRST_NAME,
            INITIALS,
            LAST_NAME,
            DEPARTMENT,
            COMPANY,
            TITLE,
            OFFICE,
            PHONE,
            custom("CustomAttribute1"),
            custom("CustomAttribute2"),
            custom("CustomAttribute3"),
            custom("CustomAttribute4"),
            custom("CustomAttribute5"),
            custom("CustomAttribute6"),
            custom("CustomAttribute7"),
            custom("CustomAttribute8"),
            custom("CustomAttribute9"),
            custom("CustomAttribute10"),
            custom("CustomAttribute11"),
            custom("CustomAttribute12"),
            custom("CustomAttribute13"),
            custom("CustomAttribute14"),
            custom("CustomAttribute15"),
            RESET_PASSWORD,
            parameter("AccountDisabled", Kind::Bool, "Whether its user cannot log in."),
            parameter("Administrator", Kind::Bool, "Whether its user may use the administration."),
            DOMAIN_CONTROLLER,
        ],
        accepts: MAILBOX_TYPES,
        examples: &[
            ("Set-Mailbox alice -ProhibitSendReceiveQuota 2GB", "Limits its size."),
            ("Set-Mailbox alice -EmailAddresses @{Add='sales@example.test'}", "Gives it another address."),
        ],
        run: Run::Each(|call| Box::pin(set(call))),
        // Every user sets his own password.
        role: Role::OwnMailbox,
        ..CHANGES
    },
    Cmdlet {
        name: "Remove-Mailbox",
        synopsis: "Removes a mailbox with all its mail, and its user.",
        parameters: &[
            IDENTITY_CHANGE,
            parameter("Permanent", Kind::Bool, "Accepted; the mail is always removed."),
            DOMAIN_CONTROLLER,
        ],
        accepts: MAILBOX_TYPES,
        examples: &[("Remove-Mailbox carol -Confirm:$false", "Removes it without asking.")],
        run: Run::Each(|call| Box::pin(remove(call))),
        role: Role::Recipients,
        ..REMOVES
    },
];

/// A mailbox as it is shown.
fn view(all: &Snapshot, mailbox: &Mailbox, server: &str) -> Object {
    let object = Object::new(&MAILBOX, mailbox.guid.to_string())
        .with("Name", &mailbox.name)
        .with("Alias", &mailbox.alias)
        .with("DisplayName", &mailbox.display_name)
        .with("Identity", &mailbox.name)
        .with("UserPrincipalName", mailbox.user_principal_name.to_string())
        .with("PrimarySmtpAddress", mailbox.primary_smtp_address.to_string())
        .with("EmailAddresses", Value::texts(proxy_addresses(mailbox)))
        .with("RecipientType", "UserMailbox")
        .with("RecipientTypeDetails", type_details(mailbox))
        .with("ServerName", server)
        .with("Database", super::database::NAME)
        .with("UseDatabaseQuotaDefaults", mailbox.use_database_quota_defaults)
        .with("IssueWarningQuota", mailbox.issue_warning_quota)
        .with("ProhibitSendQuota", mailbox.prohibit_send_quota)
        .with("ProhibitSendReceiveQuota", mailbox.prohibit_send_receive_quota)
        .with("AccountDisabled", mailbox.account_disabled)
        .with("Administrator", mailbox.administrator)
        .with("WhenCreated", super::audit::moment(mailbox.when_created))
        .with("Guid", mailbox.guid.to_string());
    person::with_custom_attributes(with_flow(object, all, mailbox), &mailbox.person)
}

fn with_flow(object: Object, all: &Snapshot, mailbox: &Mailbox) -> Object {
    let flow = &mailbox.mail_flow;
    let forwarding = flow.forwarding_address.map(|guid| match all.recipient_by_guid(guid) {
        Some(found) => found.name().to_owned(),
        None => guid.to_string(),
    });
    let object = object
        .with("MaxSendSize", flow.max_send_size)
        .with("MaxReceiveSize", flow.max_receive_size)
        .with("RecipientLimits", flow.recipient_limits)
        .with("ForwardingAddress", forwarding)
        .with("ForwardingSmtpAddress", flow.forwarding_smtp_address.as_ref().map(ToString::to_string))
        .with("DeliverToMailboxAndForward", flow.deliver_to_mailbox_and_forward)
        .with("GrantSendOnBehalfTo", recipients::reference_names(all, &flow.grant_send_on_behalf_to))
        .with("HiddenFromAddressListsEnabled", flow.hidden_from_address_lists);
    recipients::with_acceptance(object, all, &flow.acceptance)
}

/// What Exchange calls a mailbox of this type.
pub fn type_details(mailbox: &Mailbox) -> &'static str {
    match mailbox.mailbox_type {
        MailboxType::Regular => "UserMailbox",
        MailboxType::Shared => "SharedMailbox",
        MailboxType::Room => "RoomMailbox",
        MailboxType::Equipment => "EquipmentMailbox",
    }
}

/// Addresses as Exchange writes them: `SMTP:` before the primary one, `smtp:` before others.
fn proxy_addresses(mailbox: &Mailbox) -> Vec<String> {
    let primary = mailbox.primary_smtp_address.key();
    let tag = |address: &Address| if address.key() == primary { "SMTP" } else { "smtp" };
    mailbox.email_addresses.iter().map(|address| format!("{}:{address}", tag(address))).collect()
}

async fn new(call: &mut Call<'_>) -> Result<(), Failure> {
    let server = call.context().server_name();
    let name = call.arguments.text("Name").unwrap_or_default();
    if !call.may("Create the mailbox", &name).await? {
        return Ok(());
    }
    let upn = address(call, "UserPrincipalName")?.ok_or("The login name is missing.")?;
    let display_name = display_name(call)?.unwrap_or_else(|| name.clone());
    unknown(&call.context().directory.snapshot(), &name)?;
    let mailbox_type = new_type(call)?;
    let hash = if call.arguments.given("Password") || mailbox_type != MailboxType::Regular {
        password(call).await?
    } else {
        ask_password(call, &name).await?
    };
    let account = call.context().store.reserve_account().await?;
    let mut mailbox = Mailbox::new(&name, upn, account, call.context().node.now());
    mailbox.password = hash.flatten();
    mailbox.display_name = display_name;
    if let Some(alias) = call.arguments.text("Alias") {
        mailbox.alias = alias;
    }
    if let Some(primary) = address(call, "PrimarySmtpAddress")? {
        mailbox.email_addresses = vec![primary.clone()];
        mailbox.primary_smtp_address = primary;
    }
    mailbox.use_database_quota_defaults = true;
    set_quotas(call, &mut mailbox)?;
    set_type(&mut mailbox, mailbox_type);
    person::set(call, &mut mailbox.person)?;
    let changing = change::begin(call.context()).await;
    let after = view(&changing.snapshot, &mailbox, &server);
    unknown(&changing.snapshot, &name)?;
    let nobody_logs_in = mailbox.account_disabled || call.arguments.given("Password");
    let forgotten = mailbox.password.is_none() && !nobody_logs_in;
    let edit = Edit {
        changes: vec![Change::put(mailbox)],
        create_account: Some(account),
        after: Some(after.clone()),
        ..Edit::default()
    };
    changing.commit(call, edit).await?;
    call.emit(after).await?;
    if forgotten {
        call.warn(format!(
            "Nobody can log in to '{name}', because it has no password. To give it one: Set-Mailbox '{}' -Password \
             (ConvertTo-SecureString 'several words' -AsPlainText -Force)",
            name.replace('\'', "''")
        ))
        .await?;
    }
    warn_reset(call).await
}

/// What a new mailbox is for.
fn new_type(call: &Call<'_>) -> Result<MailboxType, Failure> {
    let known =
        [("Shared", MailboxType::Shared), ("Room", MailboxType::Room), ("Equipment", MailboxType::Equipment)];
    let given: Vec<_> = known.iter().filter(|(name, _)| call.arguments.switch(name)).collect();
    match given.as_slice() {
        [] => Ok(MailboxType::Regular),
        [(_, chosen)] => Ok(*chosen),
        _ => Err("A mailbox is Shared, Room or Equipment, one of them.".into()),
    }
}

/// Into a mailbox that is not a person's nobody logs in; one that becomes a person's can be logged in to again.
fn set_type(mailbox: &mut Mailbox, mailbox_type: MailboxType) {
    if mailbox_type != mailbox.mailbox_type {
        mailbox.account_disabled = mailbox_type != MailboxType::Regular;
        mailbox.mailbox_type = mailbox_type;
    }
}

async fn warn_reset(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.arguments.switch("ResetPasswordOnNextLogon") {
        let text = "ResetPasswordOnNextLogon is accepted, but has no effect in this version. Users cannot set their \
                    passwords themselves; Set-Mailbox NAME -Password does.";
        call.warn(text).await?;
    }
    Ok(())
}

/// The name shown to people, where the arguments have one.
fn display_name(call: &Call<'_>) -> Result<Option<String>, Failure> {
    if let Some(given) = call.arguments.text("DisplayName") {
        if given.trim().is_empty() {
            return Err(
                "The value of parameter 'DisplayName' is not valid: it is empty; legal: a name to be shown \
                        to people, such as 'Alice Example'."
                    .into(),
            );
        }
        return Ok(Some(given));
    }
    let parts = [call.arguments.text("FirstName"), call.arguments.text("LastName")];
    let whole = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Ok(Some(whole).filter(|whole| !whole.trim().is_empty()))
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let server = call.context().server_name();
    let known = recipients::one(call, &call.context().directory.snapshot())?;
    if !call.may("Change the mailbox", &known.name).await? {
        return Ok(());
    }
    let hash = password(call).await?;
    let changing = change::begin(call.context()).await;
    let all = changing.snapshot.clone();
    let old = recipients::one(call, &all)?;
    let mut mailbox = Mailbox::clone(&old);
    let mut remarks = set_names(call, &mut mailbox)?;
    set_quotas(call, &mut mailbox)?;
    remarks.extend(set_flow(call, &changing.snapshot, &mut mailbox)?);
    person::set(call, &mut mailbox.person)?;
    if let Some(mailbox_type) = call.arguments.parse("Type")? {
        set_type(&mut mailbox, mailbox_type);
    }
    put(&mut mailbox.account_disabled, call.arguments.bool("AccountDisabled"));
    put(&mut mailbox.administrator, call.arguments.bool("Administrator"));
    put(&mut mailbox.password, hash);
    if !mailbox.administrator || mailbox.account_disabled {
        policy::lose_administrator(&changing.snapshot, &old)?;
    }
    let edit = Edit {
        before: Some(view(&all, &old, &server)),
        after: Some(view(&all, &mailbox, &server)),
        changes: vec![Change::put(mailbox)],
        ..Edit::default()
    };
    changing.commit(call, edit).await?;
    for remark in remarks {
        call.warn(remark).await?;
    }
    warn_reset(call).await
}

/// Replaces what was given.
pub fn put<T>(place: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *place = value;
    }
}

pub fn set_names(call: &Call<'_>, mailbox: &mut Mailbox) -> Result<Vec<String>, Failure> {
    put(&mut mailbox.name, call.arguments.text("Name"));
    put(&mut mailbox.alias, call.arguments.text("Alias"));
    put(&mut mailbox.display_name, display_name(call)?);
    put(&mut mailbox.user_principal_name, address(call, "UserPrincipalName")?);
    set_address_list(call, &mut mailbox.email_addresses, &mut mailbox.primary_smtp_address)
}

/// Sets a recipient's addresses as EmailAddresses and PrimarySmtpAddress say.
pub fn set_address_list(
    call: &Call<'_>,
    addresses: &mut Vec<Address>,
    primary: &mut Address,
) -> Result<Vec<String>, Failure> {
    let remarks = match call.arguments.list("EmailAddresses")? {
        Some(change) => set_addresses(addresses, primary, &change)?,
        None => Vec::new(),
    };
    if let Some(given) = address(call, "PrimarySmtpAddress")? {
        if !addresses.iter().any(|known| known.key() == given.key()) {
            addresses.insert(0, given.clone());
        }
        *primary = given;
    }
    Ok(remarks)
}

/// An address with an optional `SMTP:` or `smtp:` before it.
#[derive(Clone)]
struct Proxy {
    address: Address,
    primary: bool,
}

impl FromStr for Proxy {
    type Err = mail::AddressError;

    fn from_str(text: &str) -> Result<Proxy, mail::AddressError> {
        let (tag, rest) =
            text.split_once(':').filter(|(tag, _)| tag.eq_ignore_ascii_case("smtp")).unwrap_or(("", text));
        Ok(Proxy { address: Address::parse(rest.trim())?, primary: tag == "SMTP" })
    }
}

impl Display for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.address.fmt(f)
    }
}

impl PartialEq for Proxy {
    fn eq(&self, other: &Proxy) -> bool {
        self.address.key() == other.address.key()
    }
}

fn set_addresses(
    addresses: &mut Vec<Address>,
    primary: &mut Address,
    change: &ListChange,
) -> Result<Vec<String>, Failure> {
    let old: Vec<Proxy> =
        addresses.iter().map(|address| Proxy { address: address.clone(), primary: false }).collect();
    let (list, remarks) = change.apply("EmailAddresses", &old)?;
    // What is there already and is added again with the mark becomes the primary one.
    let given = match change {
        ListChange::Replace(texts) => texts,
        ListChange::Edit { add, .. } => add,
    };
    let given: Vec<Proxy> = given.iter().filter_map(|text| text.parse().ok()).collect();
    let mut marked = given.iter().filter(|proxy| proxy.primary);
    match (marked.next(), marked.next()) {
        (Some(_), Some(_)) => {
            return Err(
                "EmailAddresses marks several as primary; legal: SMTP: once, smtp: for others.".into()
            );
        }
        (Some(proxy), None) => *primary = proxy.address.clone(),
        (None, _) => {
            let has_primary = list.iter().any(|proxy| proxy.address.key() == primary.key());
            if let (ListChange::Replace(_), Some(first), false) = (change, list.first(), has_primary) {
                // A whole new list without a mark: the first address takes over, as in Exchange.
                *primary = first.address.clone();
            }
        }
    }
    *addresses = list.into_iter().map(|proxy| proxy.address).collect();
    Ok(remarks)
}

/// In Exchange a quota has no effect while UseDatabaseQuotaDefaults is on, which many find out when a mailbox is full;
/// here who gives a quota means it.
fn set_quotas(call: &Call<'_>, mailbox: &mut Mailbox) -> Result<(), Failure> {
    put(&mut mailbox.issue_warning_quota, call.arguments.parse("IssueWarningQuota")?);
    put(&mut mailbox.prohibit_send_quota, call.arguments.parse("ProhibitSendQuota")?);
    put(&mut mailbox.prohibit_send_receive_quota, call.arguments.parse("ProhibitSendReceiveQuota")?);
    let names = ["IssueWarningQuota", "ProhibitSendQuota", "ProhibitSendReceiveQuota"];
    if names.iter().any(|name| call.arguments.given(name)) {
        mailbox.use_database_quota_defaults = false;
    }
    put(&mut mailbox.use_database_quota_defaults, call.arguments.bool("UseDatabaseQuotaDefaults"));
    Ok(())
}

fn set_flow(call: &Call<'_>, all: &Snapshot, mailbox: &mut Mailbox) -> Result<Vec<String>, Failure> {
    let own = mailbox.guid;
    let flow = &mut mailbox.mail_flow;
    put(&mut flow.max_send_size, call.arguments.parse("MaxSendSize")?);
    put(&mut flow.max_receive_size, call.arguments.parse("MaxReceiveSize")?);
    put(&mut flow.recipient_limits, call.arguments.parse::<Limit<u32>>("RecipientLimits")?);
    if let Some(identity) = call.arguments.text("ForwardingAddress") {
        let none = identity.is_empty();
        let found = if none { Vec::new() } else { recipients::named_recipients(call, all, &[identity])? };
        if found.contains(&own) {
            return Err("A mailbox cannot forward to itself.".into());
        }
        flow.forwarding_address = found.first().copied();
    }
    if call.arguments.given("ForwardingSmtpAddress") {
        let none = call.arguments.text("ForwardingSmtpAddress").is_some_and(|text| text.is_empty());
        flow.forwarding_smtp_address = if none { None } else { address(call, "ForwardingSmtpAddress")? };
    }
    put(&mut flow.deliver_to_mailbox_and_forward, call.arguments.bool("DeliverToMailboxAndForward"));
    put(&mut flow.hidden_from_address_lists, call.arguments.bool("HiddenFromAddressListsEnabled"));
    let granted = &mut flow.grant_send_on_behalf_to;
    let mut remarks = recipients::set_references(call, all, "GrantSendOnBehalfTo", granted)?;
    remarks.extend(recipients::set_acceptance(call, all, &mut flow.acceptance)?);
    Ok(remarks)
}

async fn remove(call: &mut Call<'_>) -> Result<(), Failure> {
    let server = call.context().server_name();
    let known = recipients::one(call, &call.context().directory.snapshot())?;
    if !call.may("Remove with all its mail the mailbox", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = recipients::one(call, &changing.snapshot)?;
    policy::lose_administrator(&changing.snapshot, &old)?;
    let mut changes = super::groups::without(&changing.snapshot, old.guid);
    // Tokens act for its user, and end with it.
    let tokens = changing.snapshot.all::<AccessToken>().filter(|token| token.mailbox == old.guid);
    changes.extend(tokens.cloned().map(Change::remove));
    changes.push(Change::remove(old.clone()));
    let edit = Edit {
        before: Some(view(&changing.snapshot, &old, &server)),
        remove_account: Some(old.account),
        changes,
        ..Edit::default()
    };
    changing.commit(call, edit).await
}

/// An address among the arguments.
pub fn address(call: &Call<'_>, name: &str) -> Result<Option<Address>, Failure> {
    let Some(text) = call.arguments.text(name) else { return Ok(None) };
    let plain = text.trim();
    let plain = plain
        .split_once(':')
        .filter(|(tag, _)| tag.eq_ignore_ascii_case("smtp"))
        .map_or(plain, |(_, rest)| rest);
    match Address::parse(plain) {
        Ok(address) => Ok(Some(address)),
        Err(error) => Err(format!("The value of parameter '{name}' is not valid: '{text}': {error}.").into()),
    }
}

/// The hash of the password that was given; the inner `None` takes the password away.
async fn password(call: &mut Call<'_>) -> Result<Option<Option<PasswordHash>>, Failure> {
    let secret = match call.arguments.value("Password") {
        None => return Ok(None),
        Some(Value::Secret(secret)) => secret.clone(),
        Some(_) => return Ok(Some(None)),
    };
    if call.arguments.was_plain("Password") {
        call.warn("The password was given in clear text and may now be in a history or script. Use ConvertTo-SecureString or Read-Host -AsSecureString.").await?;
    }
    hash(secret).await.map(|hash| Some(Some(hash)))
}

/// The hash of a password that the person at the terminal types twice, as Exchange asks for it; none where nobody is
/// there to be asked.
async fn ask_password(call: &mut Call<'_>, name: &str) -> Result<Option<Option<PasswordHash>>, Failure> {
    if !call.env().terminal().interactive {
        return Ok(None);
    }
    loop {
        let password = ask_hidden(call, format!("Password of {name}: ")).await?;
        policy::new_password(&password)?;
        if ask_hidden(call, "Again: ".to_owned()).await?.reveal() == password.reveal() {
            return hash(password).await.map(|hash| Some(Some(hash)));
        }
        call.env().show(Channel::Warning, "These are two different passwords.").await?;
    }
}

async fn ask_hidden(call: &mut Call<'_>, text: String) -> Result<Secret, Failure> {
    let answer = call.env().ask(Question { text, echo: Echo::Hidden }).await?;
    Ok(Secret::new(answer))
}

/// Hashing takes long on purpose, so it has a thread to itself.
async fn hash(secret: Secret) -> Result<PasswordHash, Failure> {
    policy::new_password(&secret)?;
    let hashed = tokio::task::spawn_blocking(move || password::hash(&secret, Cost::Standard)).await;
    match hashed {
        Ok(Ok(hash)) => Ok(hash),
        Ok(Err(error)) => Err(format!("{error}.").into()),
        Err(_) => Err("The password could not be hashed.".into()),
    }
}
