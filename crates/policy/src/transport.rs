//! What an SMTP client may do: which sender, which recipients, how much.
//!
//! The rights are those that the permission groups of a receive connector stand for, and those of its own entries.

use crate::access::{self, Token, Verdict, connector_entries};
use crate::recipients::expand;
use crate::{Author, Channel, DomainFault, Door, LimitOf, Refusal, Route, offers};
use directory::{ByteSize, DomainType, Limit, Mailbox, ReceiveConnector, Right, Snapshot};
use mail::{AccountId, Address};
use std::sync::Arc;

/// Who an SMTP client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Nobody we know.
    Anonymous,
    /// Logged in as the user of this account.
    User(AccountId),
    /// One of our own servers, by its address alone.
    ExternallySecured,
}

/// Who a client of this connector is, given the account it logged in to.
pub fn client(connector: &ReceiveConnector, user: Option<AccountId>) -> Client {
    match user {
        Some(account) => Client::User(account),
        None if connector.auth_mechanism.external_authoritative => Client::ExternallySecured,
        None => Client::Anonymous,
    }
}

/// What a client may do on a connector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Use MAIL FROM at all.
    pub submit: bool,
    /// Send to recipients anywhere.
    pub any_recipient: bool,
    /// Use any sender address.
    pub any_sender: bool,
    /// Use sender addresses of our own domains.
    pub authoritative_sender: bool,
    /// The message counts as internal.
    pub authenticated: bool,
    /// Messages of any size.
    pub bypass_size_limit: bool,
}

/// The rights of a client on a connector: those of its permission groups and those that were given one by one, less what
/// was taken.
pub fn rights(all: &Snapshot, connector: &ReceiveConnector, client: Client) -> Rights {
    let token = Token::of_client(all, client);
    let has = |right| access::judge(connector_entries(connector), right, &token) == Verdict::Granted;
    let submit = has(Right::SmtpSubmit);
    Rights {
        submit,
        any_recipient: has(Right::AcceptAnyRecipient),
        any_sender: has(Right::AcceptAnySender),
        authoritative_sender: has(Right::AcceptAuthoritativeDomainSender),
        // Who a user is, is known without the right.
        authenticated: has(Right::AcceptAuthenticationFlag) || (submit && matches!(client, Client::User(_))),
        bypass_size_limit: has(Right::BypassMessageSizeLimit),
    }
}

/// Whether the client may begin a message from this sender; `None` is the empty sender of notices.
pub fn sender(
    all: &Snapshot,
    connector: &ReceiveConnector,
    client: Client,
    channel: Channel,
    from: Option<&Address>,
) -> Result<(), Refusal> {
    let rights = rights(all, connector, client);
    if connector.require_tls && channel == Channel::Clear {
        return Err(Refusal::TlsRequired { connector: connector.name.clone() });
    }
    if !rights.submit {
        return Err(not_submitting(connector, client, channel));
    }
    if let Client::User(account) = client {
        return own_sender(all, rights, account, from);
    }
    match from {
        Some(from) if !rights.allows(all, from) => {
            let sender = from.to_string();
            Err(Refusal::SenderNotAllowed { mailbox: None, sender, is_free: false, is_known: false })
        }
        _ => Ok(()),
    }
}

impl Rights {
    /// Whether they allow a sender that the client is not known to be.
    fn allows(self, all: &Snapshot, from: &Address) -> bool {
        self.any_sender && (self.authoritative_sender || !is_inside(all, from))
    }
}

/// Whether a user may send as this address: his own, or one of a mailbox with Send-As for him.
pub fn send_as(all: &Snapshot, user: &Mailbox, from: &Address) -> bool {
    let token = Token::of_mailbox_user(user, user);
    if user.has_address(from) {
        return access::judge(user.permissions.entries.iter().copied(), Right::SendAs, &token)
            != Verdict::Denied;
    }
    all.recipient(from).is_some_and(|other| access::on_mailbox(user, other, Right::SendAs))
}

/// Where a login would help, and TLS is what it lacks, the client hears of TLS: a login is the next that it is told of.
fn not_submitting(connector: &ReceiveConnector, client: Client, channel: Channel) -> Refusal {
    let (name, groups) = (connector.name.clone(), with_group(connector, client));
    let login = |channel| offers(Door::Smtp(connector), channel).basic;
    if client == Client::Anonymous && channel == Channel::Clear && !login(channel) && login(Channel::Tls) {
        return Refusal::TlsBeforeLogin { connector: name, groups };
    }
    Refusal::NotAuthenticated { connector: name, groups }
}

/// A user sends as himself. Notices have no sender; user agents send read receipts so (RFC 8098 §3).
fn own_sender(
    all: &Snapshot,
    rights: Rights,
    account: AccountId,
    from: Option<&Address>,
) -> Result<(), Refusal> {
    let Some(mailbox) = all.mailbox_by_account(account) else {
        return Err(Refusal::UnknownUser { name: format!("account {account}") });
    };
    if mailbox.account_disabled {
        return Err(Refusal::AccountDisabled { mailbox: mailbox.name.clone() });
    }
    match from {
        Some(from)
            if !rights.allows(all, from)
                && !send_as(all, mailbox, from)
                && !on_behalf(all, mailbox, from) =>
        {
            Err(Refusal::SenderNotAllowed {
                mailbox: Some(mailbox.name.clone()),
                sender: from.to_string(),
                is_free: is_free(all, from),
                is_known: all.addressee(from).is_some(),
            })
        }
        _ => Ok(()),
    }
}

/// Whom the header of a message names as its authors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authors {
    /// The addresses in From.
    pub from: Vec<String>,
    /// Those in Sender.
    pub sender: Vec<String>,
    /// That one of these fields whose author depends on who reads it: because it is there twice, or for what it holds.
    pub unclear: Option<&'static str>,
}

/// Whether the client's message may name these authors in its From and Sender fields (RFC 5322 §3.6.2). Readers see
/// them, and not the envelope: so a user who sends as himself is named there too. Who sends what several wrote is one of
/// them, and says so in Sender.
pub fn authors(
    all: &Snapshot,
    connector: &ReceiveConnector,
    client: Client,
    authors: &Authors,
) -> Result<(), Refusal> {
    let Authors { from, sender, unclear } = authors;
    let Client::User(account) = client else { return Ok(()) };
    if *authors == Authors::default() {
        return Ok(());
    }
    let rights = rights(all, connector, client);
    if rights.any_sender && rights.authoritative_sender {
        return Ok(());
    }
    let Some(mailbox) = all.mailbox_by_account(account) else {
        return Err(Refusal::UnknownUser { name: format!("account {account}") });
    };
    if let Some(field) = *unclear {
        return Err(Refusal::AuthorUnclear { mailbox: mailbox.name.clone(), field });
    }
    let is_own = |text: &String| {
        Address::parse(text)
            .is_ok_and(|address| send_as(all, mailbox, &address) || rights.allows(all, &address))
    };
    let strange = |list: &[String]| list.iter().find(|text| !is_own(text)).cloned();
    let granted = |text: &String| {
        is_own(text) || Address::parse(text).is_ok_and(|address| on_behalf(all, mailbox, &address))
    };
    let together = from.len() > 1 && from.iter().any(is_own);
    let for_others = !sender.is_empty() && (together || from.iter().all(granted));
    let found = match (strange(sender), strange(from)) {
        (Some(address), _) => ("Sender", address),
        (None, Some(address)) if !for_others => ("From", address),
        _ => return Ok(()),
    };
    let (field, address) = found;
    let parsed = Address::parse(&address).ok();
    let is_free = parsed.as_ref().is_some_and(|address| is_free(all, address));
    let is_known = parsed.is_some_and(|address| all.recipient(&address).is_some());
    Err(Refusal::AuthorNotAllowed { mailbox: mailbox.name.clone(), field, address, is_free, is_known })
}

/// Whether the user of a mailbox may send on behalf of whoever has this address: the user, or a group that holds the
/// user, was granted it. Such a message names its sender in Sender.
fn on_behalf(all: &Snapshot, user: &Mailbox, address: &Address) -> bool {
    let Some(owner) = all.recipient(address) else { return false };
    let granted = &owner.mail_flow.grant_send_on_behalf_to;
    if granted.is_empty() {
        return false;
    }
    let groups = all.membership().all(user.guid);
    granted.iter().any(|guid| *guid == user.guid || groups.contains(guid))
}

/// Whether an administrator could give a mailbox this address.
fn is_free(all: &Snapshot, address: &Address) -> bool {
    is_inside(all, address) && all.addressee(address).is_none()
}

fn is_inside(all: &Snapshot, address: &Address) -> bool {
    all.accepted_domain(address.domain())
        .is_some_and(|domain| domain.domain_type != DomainType::ExternalRelay)
}

fn with_group(connector: &ReceiveConnector, client: Client) -> String {
    let mut groups = connector.permission_groups;
    match client {
        Client::Anonymous => groups.anonymous_users = true,
        Client::User(_) => groups.exchange_users = true,
        Client::ExternallySecured => groups.exchange_servers = true,
    }
    groups.to_string().replace(", ", ",")
}

/// Where mail of this client, from this author, for this recipient goes.
pub fn recipient(
    all: &Snapshot,
    connector: &ReceiveConnector,
    client: Client,
    author: &Author,
    to: &Address,
) -> Result<Route, Refusal> {
    let Some(domain) = all.accepted_domain(to.domain()) else {
        elsewhere(connector, to)?;
        let relay = Refusal::RelayDenied { connector: connector.name.clone(), recipient: to.to_string() };
        return if rights(all, connector, client).any_recipient { Ok(Route::remote(to)) } else { Err(relay) };
    };
    if domain.domain_type == DomainType::ExternalRelay {
        return Ok(Route::remote(to));
    }
    if let Some(found) = all.addressee(to) {
        return expand(all, found, author);
    }
    if to.local().eq_ignore_ascii_case("postmaster") {
        // RFC 5321 §4.5.1: mail for postmaster is taken in every domain we serve.
        let administrators: Vec<_> = all.administrators().cloned().collect();
        if !administrators.is_empty() {
            return Ok(Route { local: administrators, remote: Vec::new() });
        }
    }
    match domain.domain_type {
        DomainType::Authoritative => Err(Refusal::UnknownRecipient { recipient: to.to_string() }),
        DomainType::InternalRelay | DomainType::ExternalRelay => Ok(Route::remote(to)),
    }
}

/// Names that belong to nobody (RFC 2606 §2).
const RESERVED: [&str; 4] = ["test", "example", "invalid", "localhost"];

/// Second-level names that belong to nobody (RFC 2606 §3).
const RESERVED_SECOND: [&str; 3] = ["example.com", "example.net", "example.org"];

/// Whether a recipient elsewhere has a domain to which mail can go at all, as far as the connector asks.
fn elsewhere(connector: &ReceiveConnector, to: &Address) -> Result<(), Refusal> {
    let domain = to.domain().as_str();
    let under =
        |name: &&str| domain.strip_suffix(*name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let asked = &connector.restrictions;
    let fault = if asked.reject_single_label_recipient_domains && !domain.contains(['.', '[']) {
        DomainFault::SingleLabel
    } else if asked.reject_reserved_top_level_recipient_domains && RESERVED.iter().any(under) {
        DomainFault::ReservedTopLevel
    } else if asked.reject_reserved_second_level_recipient_domains && RESERVED_SECOND.iter().any(under) {
        DomainFault::ReservedSecondLevel
    } else {
        return Ok(());
    };
    let (connector, recipient) = (connector.name.clone(), to.to_string());
    Err(Refusal::RecipientDomain { connector, recipient, fault })
}

/// The mailbox of the client who logged in.
fn user(all: &Snapshot, client: Client) -> Option<&Arc<Mailbox>> {
    match client {
        Client::User(account) => all.mailbox_by_account(account),
        Client::Anonymous | Client::ExternallySecured => None,
    }
}

fn within(
    mailbox: &Mailbox,
    parameter: &'static str,
    limit: Limit<ByteSize>,
    octets: u64,
) -> Result<(), Refusal> {
    match limit {
        Limit::To(limit) if octets > limit.0 => {
            Err(Refusal::MailboxSize { mailbox: mailbox.name.clone(), parameter, limit })
        }
        _ => Ok(()),
    }
}

/// The smallest of several limits, and what set it.
fn smallest<T: Copy + Ord>(
    connector: &ReceiveConnector,
    own: Limit<T>,
    parameter: &'static str,
    others: Limit<T>,
) -> Option<(T, LimitOf)> {
    let set = |limit, whose| match limit {
        Limit::To(limit) => Some((limit, whose)),
        Limit::Unlimited => None,
    };
    let own = set(own, LimitOf::Connector(connector.name.clone()));
    let others = set(others, LimitOf::Organization(parameter));
    own.into_iter().chain(others).min_by_key(|(limit, _)| *limit)
}

/// Whether a message that has so many recipients may have one more: the smaller limit of connector and organisation
/// counts, and that of the user. A group counts as one.
pub fn recipients(
    all: &Snapshot,
    connector: &ReceiveConnector,
    client: Client,
    have: u32,
) -> Result<(), Refusal> {
    let own = Limit::To(connector.max_recipients_per_message);
    let whole = all.organization().transport.max_recipient_envelope_limit;
    match smallest(connector, own, "MaxRecipientEnvelopeLimit", whole) {
        Some((limit, whose)) if have >= limit => return Err(Refusal::TooManyRecipients { whose, limit }),
        _ => {}
    }
    let Some(mailbox) = user(all, client) else { return Ok(()) };
    match mailbox.mail_flow.recipient_limits {
        Limit::To(limit) if have >= limit => {
            Err(Refusal::UserRecipients { mailbox: mailbox.name.clone(), limit })
        }
        _ => Ok(()),
    }
}

/// Whether a message of so many octets is taken; asked for the announced size, and while octets come in. The smaller
/// limit of connector and organisation counts, and that of the user; the right to bypass is one on the connector.
pub fn size(
    all: &Snapshot,
    connector: &ReceiveConnector,
    client: Client,
    octets: u64,
) -> Result<(), Refusal> {
    if let Some(mailbox) = user(all, client) {
        within(mailbox, "MaxSendSize", mailbox.mail_flow.max_send_size, octets)?;
    }
    let config = &all.organization().transport;
    let (parameter, whole) = match client {
        Client::User(_) => ("MaxSendSize", config.max_send_size),
        Client::Anonymous | Client::ExternallySecured => ("MaxReceiveSize", config.max_receive_size),
    };
    let exceeded = |own| smallest(connector, own, parameter, whole).filter(|(limit, _)| octets > limit.0);
    let Some(mut found) = exceeded(Limit::To(connector.max_message_size)) else { return Ok(()) };
    if rights(all, connector, client).bypass_size_limit {
        let Some(other) = exceeded(Limit::Unlimited) else { return Ok(()) };
        found = other;
    }
    let (limit, whose) = found;
    Err(Refusal::MessageTooLarge { whose, limit, octets })
}

/// The largest message that the connector announces to clients who have no right to send larger ones.
pub fn announced_size(all: &Snapshot, connector: &ReceiveConnector) -> ByteSize {
    let config = &all.organization().transport;
    let limits = [config.max_receive_size, config.max_send_size].map(|limit| match limit {
        Limit::To(limit) => limit,
        Limit::Unlimited => connector.max_message_size,
    });
    // Who the client will be is not known yet, and a limit that is announced is kept to.
    let [receive, send] = limits;
    receive.max(send).min(connector.max_message_size)
}

/// Whether a header of so many octets is taken; asked while octets come in.
pub fn header(connector: &ReceiveConnector, octets: u64) -> Result<(), Refusal> {
    let limit = connector.restrictions.max_header_size;
    let refusal = || Refusal::HeaderTooLarge { connector: connector.name.clone(), limit };
    if octets <= limit.0 { Ok(()) } else { Err(refusal()) }
}

/// Whether a message that has so many `Received` fields is no loop.
pub fn hops(connector: &ReceiveConnector, received: u32) -> Result<(), Refusal> {
    let limit = connector.max_hop_count;
    let refusal = || Refusal::TooManyHops { connector: connector.name.clone(), limit };
    if received <= limit { Ok(()) } else { Err(refusal()) }
}

/// Whether a mailbox that holds `used` octets takes a message of `octets`.
pub fn room(all: &Snapshot, mailbox: &Mailbox, used: u64, octets: u64) -> Result<(), Refusal> {
    within(mailbox, "MaxReceiveSize", mailbox.mail_flow.max_receive_size, octets)?;
    fits(all, mailbox, used, octets)
}

/// Whether `octets` more fit into a mailbox that holds `used` octets.
pub fn fits(all: &Snapshot, mailbox: &Mailbox, used: u64, octets: u64) -> Result<(), Refusal> {
    match all.quotas(mailbox).prohibit_send_receive {
        Limit::To(limit) if used.saturating_add(octets) > limit.0 => {
            Err(Refusal::MailboxFull { mailbox: mailbox.name.clone(), used, limit })
        }
        _ => Ok(()),
    }
}

/// Whether the user of a mailbox that holds `used` octets may send.
pub fn may_send(all: &Snapshot, mailbox: &Mailbox, used: u64) -> Result<(), Refusal> {
    match all.quotas(mailbox).prohibit_send {
        Limit::To(limit) if used >= limit.0 => {
            Err(Refusal::SendQuota { mailbox: mailbox.name.clone(), used, limit })
        }
        _ => Ok(()),
    }
}
