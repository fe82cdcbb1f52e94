//! New-, Get-, Set- and Remove-Mailbox.
//!
//! In Exchange the user and the mailbox are two objects; here they are one, and the cmdlets take the parameters of
//! both. What must hold between mailboxes (unique names, addresses in accepted domains, quotas in order) is checked by
//! the snapshot; here texts become typed values. A password is hashed before the change begins, because hashing takes
//! long on purpose and changes wait for one another.

use super::recipients::{
    self, ANR, DOMAIN_CONTROLLER, FILTER, IDENTITY_CHANGE, IDENTITY_READ, MAILBOX_TYPES, RESULT_SIZE,
};
use super::{CHANGES, READS, REMOVES};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::run::{Call, Failure, ListChange};
use crate::value::{Object, Shape, Value};
use crate::{Channel, Echo, Question};
use directory::password::{self, Cost};
use directory::{Change, Mailbox, PasswordHash, Snapshot};
use mail::{Address, Secret};
use std::fmt::Display;
use std::str::FromStr;

static MAILBOX: Shape =
    Shape { name: "Mailbox", columns: &["Name", "Alias", "ServerName", "ProhibitSendQuota"] };

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
            parameter("FirstName", Kind::Text, "Part of the display name where none is given."),
            parameter("LastName", Kind::Text, "Part of the display name where none is given."),
            parameter("PrimarySmtpAddress", Kind::Text, "Where answers go; usually the login name."),
            parameter("ProhibitSendQuota", Kind::Text, "Size from which on it may not send."),
            parameter("ProhibitSendReceiveQuota", Kind::Text, "Size from which on it takes no mail."),
            parameter("OrganizationalUnit", Kind::Text, "Accepted; has no effect."),
            parameter("Database", Kind::Text, "Accepted; has no effect."),
            parameter("SamAccountName", Kind::Text, "Accepted; has no effect."),
            parameter("ResetPasswordOnNextLogon", Kind::Bool, "Accepted; has no effect."),
            DOMAIN_CONTROLLER,
        ],
        examples: &[(
            "New-Mailbox Carol -UserPrincipalName carol@example.test -Password (ConvertTo-SecureString 'a secret' -AsPlainText -Force)",
            "Creates the mailbox carol@example.test.",
        )],
        run: Run::Each(|call| Box::pin(new(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Get-Mailbox",
        synopsis: "Shows mailboxes.",
        parameters: &[
            IDENTITY_READ,
            ANR,
            FILTER,
            RESULT_SIZE,
            super::servers::SERVER_ONLY,
            DOMAIN_CONTROLLER,
        ],
        accepts: MAILBOX_TYPES,
        examples: &[
            ("Get-Mailbox", "Lists all mailboxes."),
            ("Get-Mailbox alice | Format-List", "Shows everything about one."),
            ("Get-Mailbox -Filter {Name -like 'a*'}", "Lists those whose name begins with a."),
        ],
        run: Run::Each(|call| Box::pin(recipients::emit_all(call, view))),
        ..READS
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
            parameter("ProhibitSendQuota", Kind::Text, "Size from which on it may not send, or Unlimited."),
            parameter(
                "ProhibitSendReceiveQuota",
                Kind::Text,
                "Size from which on it takes no mail, or Unlimited.",
            ),
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
        ..REMOVES
    },
];

/// A mailbox as it is shown.
fn view(mailbox: &Mailbox, server: &str) -> Object {
    Object::new(&MAILBOX, mailbox.guid.to_string())
        .with("Name", &mailbox.name)
        .with("Alias", &mailbox.alias)
        .with("DisplayName", &mailbox.display_name)
        .with("Identity", &mailbox.name)
        .with("UserPrincipalName", mailbox.user_principal_name.to_string())
        .with("PrimarySmtpAddress", mailbox.primary_smtp_address.to_string())
        .with("EmailAddresses", Value::texts(proxy_addresses(mailbox)))
        .with("RecipientTypeDetails", "UserMailbox")
        .with("ServerName", server)
        .with("ProhibitSendQuota", mailbox.prohibit_send_quota)
        .with("ProhibitSendReceiveQuota", mailbox.prohibit_send_receive_quota)
        .with("AccountDisabled", mailbox.account_disabled)
        .with("Administrator", mailbox.administrator)
        .with("WhenCreated", super::audit::moment(mailbox.when_created))
        .with("Guid", mailbox.guid.to_string())
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
    let hash = if call.arguments.given("Password") {
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
    set_quotas(call, &mut mailbox)?;
    let after = view(&mailbox, &server);
    let changing = change::begin(call.context()).await;
    unknown(&changing.snapshot, &name)?;
    let forgotten = mailbox.password.is_none() && !call.arguments.given("Password");
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
    Ok(())
}

fn unknown(snapshot: &Snapshot, name: &str) -> Result<(), Failure> {
    match snapshot.mailbox(name) {
        None => Ok(()),
        Some(known) => {
            let known = &known.name;
            let message =
                format!("There is a mailbox '{known}' already, with the name, alias or address '{name}'.");
            Err(message.into())
        }
    }
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
    let old = recipients::one(call, &changing.snapshot)?;
    let mut mailbox = Mailbox::clone(&old);
    let remarks = set_names(call, &mut mailbox)?;
    set_quotas(call, &mut mailbox)?;
    put(&mut mailbox.account_disabled, call.arguments.bool("AccountDisabled"));
    put(&mut mailbox.administrator, call.arguments.bool("Administrator"));
    put(&mut mailbox.password, hash);
    if !mailbox.administrator || mailbox.account_disabled {
        policy::lose_administrator(&changing.snapshot, &old)?;
    }
    let edit = Edit {
        before: Some(view(&old, &server)),
        after: Some(view(&mailbox, &server)),
        changes: vec![Change::put(mailbox)],
        ..Edit::default()
    };
    changing.commit(call, edit).await?;
    for remark in remarks {
        call.warn(remark).await?;
    }
    Ok(())
}

/// Replaces what was given.
pub fn put<T>(place: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *place = value;
    }
}

fn set_names(call: &Call<'_>, mailbox: &mut Mailbox) -> Result<Vec<String>, Failure> {
    put(&mut mailbox.name, call.arguments.text("Name"));
    put(&mut mailbox.alias, call.arguments.text("Alias"));
    put(&mut mailbox.display_name, display_name(call)?);
    put(&mut mailbox.user_principal_name, address(call, "UserPrincipalName")?);
    let remarks = match call.arguments.list("EmailAddresses")? {
        Some(change) => set_addresses(mailbox, &change)?,
        None => Vec::new(),
    };
    if let Some(primary) = address(call, "PrimarySmtpAddress")? {
        if !mailbox.has_address(&primary) {
            mailbox.email_addresses.insert(0, primary.clone());
        }
        mailbox.primary_smtp_address = primary;
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

fn set_addresses(mailbox: &mut Mailbox, change: &ListChange) -> Result<Vec<String>, Failure> {
    let old: Vec<Proxy> = mailbox
        .email_addresses
        .iter()
        .map(|address| Proxy { address: address.clone(), primary: false })
        .collect();
    let (list, remarks) = change.apply("EmailAddresses", &old)?;
    if let Some(primary) = list.iter().find(|proxy| proxy.primary) {
        mailbox.primary_smtp_address = primary.address.clone();
    } else if let (ListChange::Replace(_), Some(first)) = (change, list.first())
        && !list.iter().any(|proxy| proxy.address.key() == mailbox.primary_smtp_address.key())
    {
        // A whole new list without a mark: the first address takes over, as in Exchange.
        mailbox.primary_smtp_address = first.address.clone();
    }
    mailbox.email_addresses = list.into_iter().map(|proxy| proxy.address).collect();
    Ok(remarks)
}

fn set_quotas(call: &Call<'_>, mailbox: &mut Mailbox) -> Result<(), Failure> {
    put(&mut mailbox.prohibit_send_quota, call.arguments.parse("ProhibitSendQuota")?);
    put(&mut mailbox.prohibit_send_receive_quota, call.arguments.parse("ProhibitSendReceiveQuota")?);
    Ok(())
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
    let edit = Edit {
        before: Some(view(&old, &server)),
        remove_account: Some(old.account),
        changes: vec![Change::remove(old)],
        ..Edit::default()
    };
    changing.commit(call, edit).await
}

/// An address among the arguments.
fn address(call: &Call<'_>, name: &str) -> Result<Option<Address>, Failure> {
    let Some(text) = call.arguments.text(name) else { return Ok(None) };
    match Address::parse(text.trim()) {
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
