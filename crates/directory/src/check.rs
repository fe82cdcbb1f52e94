//! What must hold for an object, and for all of them together.

use crate::change::{touches, touches_listeners};
use crate::lists::Listed;
use crate::record::{Kind, Object};
use crate::snapshot::fold;
use crate::{
    AcceptedDomain, AccessList, AuthMechanism, Binding, ByteSize, Change, DistributionGroup, DomainType,
    IpRange, Limit, MailContact, Mailbox, ProtocolPolicy, ProtocolSettings, Quotas, ReceiveConnector,
    Recipient, Snapshot, TimeSpan, TransportConfig, WebSettings,
};
use mail::{Address, Domain};
use std::collections::HashSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use uuid::Uuid;

/// Why a change is refused: the object, its parameter, what is wrong, and what would be legal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// `Mailbox 'Alice'`
    pub object: String,
    /// The parameter's name, or nothing where the object as a whole is meant.
    pub parameter: &'static str,
    /// What is wrong and what would be legal.
    pub problem: String,
}

impl Invalid {
    /// One found fault.
    pub fn new(object: impl Into<String>, parameter: &'static str, problem: impl Into<String>) -> Invalid {
        Invalid { object: object.into(), parameter, problem: problem.into() }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.object)?;
        if !self.parameter.is_empty() {
            write!(f, ", {}", self.parameter)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for Invalid {}

pub(crate) fn not_removable(object: &Object) -> Invalid {
    Invalid::new(format!("{} '{}'", object.kind(), object.key()), "", "it cannot be removed, only changed")
}

/// Checks what changed, and what concerns several objects.
pub(crate) fn whole(old: &Snapshot, new: &Snapshot, changes: &[Change]) -> Result<(), Invalid> {
    for change in changes {
        if let Change::Put(object) = change {
            alone(object)?;
            object.check_listed(new)?;
        }
    }
    if touches(changes, Kind::AcceptedDomain) {
        domains(old, new)?;
    }
    if touches(changes, Kind::RemoteDomain) {
        crate::remote_domain::check_all(new)?;
    }
    if touches(changes, Kind::DistributionGroup) {
        policies_have_groups(new)?;
    }
    if touches_listeners(changes) {
        connectors(new)?;
        listeners(old, new)?;
    }
    Ok(())
}

fn alone(object: &Object) -> Result<(), Invalid> {
    match object {
        Object::PopSettings(found) => settings("PopSettings", found, 40..=1024),
        Object::ImapSettings(found) => settings("ImapSettings", found, 1024..=16_384),
        Object::Organization(found) => {
            host("Organization", "Hostname", &found.hostname)?;
            host("Organization", "ClientHost", &found.client_host)?;
            quotas("MailboxDatabase", &found.database_quotas)?;
            let legal = TimeSpan(0)..=LONGEST_RETENTION;
            within("Organization", "DeletedItemRetention", found.deleted_item_retention, legal)?;
            let legal = TimeSpan(24 * 60 * 60)..=crate::settings::a_hundred_years();
            within("Organization", "AdminAuditLogAgeLimit", found.admin_audit_log_age_limit, legal)?;
            transport(&found.transport)
        }
        Object::WebSettings(found) => web(found),
        // A service has no illegal values; a mailbox was checked when it was put in; the others check themselves.
        _ => Ok(()),
    }
}

// ---- mailboxes ----

/// Checks a mailbox against all others; it is not among them.
pub(crate) fn mailbox(all: &Snapshot, mailbox: &Mailbox) -> Result<(), Invalid> {
    let label = format!("Mailbox '{}'", mailbox.name);
    access(&label, &mailbox.permissions)?;
    if let Some(other) = all.mailbox_by_account(mailbox.account) {
        return Err(Invalid::new(label, "", format!("its account belongs to mailbox '{}'", other.name)));
    }
    let own = Quotas {
        issue_warning: mailbox.issue_warning_quota,
        prohibit_send: mailbox.prohibit_send_quota,
        prohibit_send_receive: mailbox.prohibit_send_receive_quota,
    };
    quotas(&label, &own)
}

/// IssueWarningQuota, ProhibitSendQuota, ProhibitSendReceiveQuota: none is more than the next.
fn quotas(label: &str, quotas: &Quotas) -> Result<(), Invalid> {
    let Quotas { issue_warning, prohibit_send, prohibit_send_receive } = *quotas;
    let steps = [
        ("IssueWarningQuota", issue_warning, "ProhibitSendQuota", prohibit_send),
        ("IssueWarningQuota", issue_warning, "ProhibitSendReceiveQuota", prohibit_send_receive),
        ("ProhibitSendQuota", prohibit_send, "ProhibitSendReceiveQuota", prohibit_send_receive),
    ];
    for (parameter, less, other, more) in steps {
        if let (Limit::To(less), Limit::To(more)) = (less, more)
            && less > more
        {
            let problem = format!("{less} is more than {other}; legal: up to {more}");
            return Err(Invalid::new(label, parameter, problem));
        }
    }
    Ok(())
}

// ---- recipients ----

/// Checks names and addresses of a recipient against all others; it is not among them.
pub(crate) fn recipient(all: &Snapshot, recipient: &Recipient) -> Result<(), Invalid> {
    let kind = match recipient {
        Recipient::Mailbox(_) => Kind::Mailbox,
        Recipient::Group(_) => Kind::DistributionGroup,
        Recipient::Contact(_) => Kind::MailContact,
    };
    let label = format!("{kind} '{}'", recipient.name());
    name_text(&label, "Name", recipient.name())?;
    alias_text(&label, recipient.alias())?;
    free_name(all, &label, "Name", recipient.name())?;
    free_name(all, &label, "Alias", recipient.alias())?;
    addresses(all, &label, recipient)?;
    let Recipient::Mailbox(mailbox) = recipient else { return Ok(()) };
    let upn = &mailbox.user_principal_name;
    match owner(all, upn) {
        None => Ok(()),
        Some(other) => {
            let problem = format!("{upn} belongs to {}", other.label());
            Err(Invalid::new(label, "UserPrincipalName", problem))
        }
    }
}

/// Who has this address or login name.
fn owner(all: &Snapshot, address: &Address) -> Option<Recipient> {
    all.addresses.get(address.key().as_str()).and_then(|guid| all.recipient_by_guid(*guid))
}

fn addresses(all: &Snapshot, label: &str, recipient: &Recipient) -> Result<(), Invalid> {
    let outside = matches!(recipient, Recipient::Contact(_));
    let parameter = if outside { "ExternalEmailAddress" } else { "EmailAddresses" };
    let mut seen = HashSet::new();
    for address in recipient.email_addresses() {
        let problem = if !seen.insert(address.key()) {
            format!("{address} is given twice")
        } else if let Some(other) = owner(all, address) {
            format!("{address} belongs to {}", other.label())
        } else if outside && has_mailboxes(all, address) {
            format!("{} is a domain of ours; legal: an address elsewhere", address.domain())
        } else if !outside && !has_mailboxes(all, address) {
            format!("{} is no domain with mailboxes here; legal: {}", address.domain(), domain_list(all))
        } else {
            continue;
        };
        return Err(Invalid::new(label, parameter, problem));
    }
    let primary = recipient.primary_smtp_address();
    if !seen.contains(&primary.key()) {
        let problem = format!("{primary} is not among EmailAddresses");
        return Err(Invalid::new(label, "PrimarySmtpAddress", problem));
    }
    Ok(())
}

/// Groups that rules are for stay. There are few rules.
fn policies_have_groups(new: &Snapshot) -> Result<(), Invalid> {
    let lost = |policy: &&Arc<ProtocolPolicy>| new.by_guid::<DistributionGroup>(policy.member_of).is_none();
    match new.all::<ProtocolPolicy>().find(lost) {
        None => Ok(()),
        Some(policy) => {
            let problem = "it is for the members of this group; remove it first, or give it another group";
            Err(Invalid::new(policy.label(), "MemberOf", problem))
        }
    }
}

impl Listed for DistributionGroup {
    const KIND: Kind = Kind::DistributionGroup;

    fn guid(&self) -> Uuid {
        self.guid
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// Its names and addresses were checked as those of a recipient.
    fn check(&self, _: &Snapshot) -> Result<(), Invalid> {
        if self.report_to_manager && self.report_to_originator {
            let problem = "ReportToOriginatorEnabled is on too; legal: one of them at a time";
            return Err(Invalid::new(self.label(), "ReportToManagerEnabled", problem));
        }
        Ok(())
    }
}

impl Listed for MailContact {
    const KIND: Kind = Kind::MailContact;

    fn guid(&self) -> Uuid {
        self.guid
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// Its names and address were checked as those of a recipient.
    fn check(&self, _: &Snapshot) -> Result<(), Invalid> {
        Ok(())
    }
}

/// Mail for an external relay domain is always sent on; an address in it would never get any.
fn has_mailboxes(all: &Snapshot, address: &Address) -> bool {
    all.accepted_domain(address.domain())
        .is_some_and(|domain| domain.domain_type != DomainType::ExternalRelay)
}

fn domain_list(all: &Snapshot) -> String {
    let domains = all.all::<AcceptedDomain>().filter(|d| d.domain_type != DomainType::ExternalRelay);
    domains.take(10).map(|domain| domain.domain_name.to_string()).collect::<Vec<_>>().join(", ")
}

fn free_name(all: &Snapshot, label: &str, parameter: &'static str, name: &str) -> Result<(), Invalid> {
    match all.names.get(fold(name).as_str()).and_then(|guid| all.recipient_by_guid(*guid)) {
        None => Ok(()),
        Some(other) => {
            let problem = format!("'{name}' is name or alias of {}; legal: one not in use", other.label());
            Err(Invalid::new(label, parameter, problem))
        }
    }
}

/// Names are shown in tables and stand in command lines.
pub(crate) fn name_text(label: &str, parameter: &'static str, name: &str) -> Result<(), Invalid> {
    let good = (1..=64).contains(&name.chars().count())
        && name.trim() == name
        && !name.chars().any(char::is_control);
    let problem = || format!("'{}' is no name; legal: 1 to 64 printable characters", name.escape_debug());
    if good { Ok(()) } else { Err(Invalid::new(label, parameter, problem())) }
}

fn alias_text(label: &str, alias: &str) -> Result<(), Invalid> {
    let good =
        Address::parse(&format!("{alias}@x.invalid")).is_ok() && !alias.contains(['/', '\\', '@', '"']);
    let problem = || {
        format!("'{}' is no alias; legal: what can stand before @, without / and \\", alias.escape_debug())
    };
    if good { Ok(()) } else { Err(Invalid::new(label, "Alias", problem())) }
}

// ---- accepted domains ----

impl Listed for AcceptedDomain {
    const KIND: Kind = Kind::AcceptedDomain;

    fn guid(&self) -> Uuid {
        self.guid
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// What concerns it concerns all domains together: see [`domains`].
    fn check(&self, _: &Snapshot) -> Result<(), Invalid> {
        Ok(())
    }
}

fn domains(old: &Snapshot, new: &Snapshot) -> Result<(), Invalid> {
    let mut domain_names = HashSet::new();
    for domain in new.all::<AcceptedDomain>() {
        if !domain_names.insert(&domain.domain_name) {
            let problem = format!("another accepted domain is for {}", domain.domain_name);
            return Err(Invalid::new(domain.label(), "DomainName", problem));
        }
        if domain.domain_name.as_str().starts_with('[') {
            return Err(Invalid::new(domain.label(), "DomainName", "legal: a domain name, no address"));
        }
        if domain.match_sub_domains && !domain.domain_name.as_str().contains('.') {
            let problem = "with its subdomains it would take mail for domains that are not ours; legal: such as *.example.test";
            return Err(Invalid::new(domain.label(), "DomainName", problem));
        }
    }
    default_domain(new)?;
    let had = |domain: &Arc<AcceptedDomain>| domain.domain_type != DomainType::ExternalRelay;
    let has = |old: &AcceptedDomain| {
        let now = new.accepted_domain(&old.domain_name).filter(|domain| had(domain));
        now.is_some_and(|now| now.match_sub_domains || !old.match_sub_domains)
    };
    let gone = old.all::<AcceptedDomain>().any(|domain| had(domain) && !has(domain));
    if gone { no_orphans(new) } else { Ok(()) }
}

fn default_domain(new: &Snapshot) -> Result<(), Invalid> {
    let defaults: Vec<String> =
        new.all::<AcceptedDomain>().filter(|d| d.default).map(|d| d.domain_name.to_string()).collect();
    match defaults.len() {
        1 => Ok(()),
        0 => Err(Invalid::new(
            "AcceptedDomain",
            "Default",
            "exactly one has to be the default; make another one it first",
        )),
        _ => Err(Invalid::new(
            "AcceptedDomain",
            "Default",
            format!("exactly one can be the default, not {}", defaults.join(" and ")),
        )),
    }
}

/// A domain can go only when no recipient has an address in it. Asked only when one goes, for it looks at all of them.
fn no_orphans(new: &Snapshot) -> Result<(), Invalid> {
    for recipient in new.recipients().filter(|recipient| !matches!(recipient, Recipient::Contact(_))) {
        if let Some(address) = recipient.email_addresses().iter().find(|address| !has_mailboxes(new, address))
        {
            let problem = format!("{} has the address {address}", recipient.label());
            return Err(Invalid::new(format!("AcceptedDomain '{}'", address.domain()), "", problem));
        }
    }
    Ok(())
}

// ---- receive connectors ----

impl Listed for ReceiveConnector {
    const KIND: Kind = Kind::ReceiveConnector;

    fn guid(&self) -> Uuid {
        self.guid
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &Snapshot) -> Result<(), Invalid> {
        connector(self)
    }
}

fn connector(connector: &ReceiveConnector) -> Result<(), Invalid> {
    let label = connector.label();
    mechanisms(&label, connector)?;
    connector_limits(&label, connector)?;
    restrictions(&label, connector)?;
    access(&label, &connector.permissions)?;
    if connector.extensions.binary_mime && !connector.extensions.chunking {
        return Err(Invalid::new(label, "BinaryMimeEnabled", "it needs ChunkingEnabled $true"));
    }
    if !connector.fqdn.is_empty() {
        host(&label, "Fqdn", &connector.fqdn)?;
    }
    if let Some(banner) = &connector.banner {
        line(&label, "Banner", banner)?;
        if !banner.starts_with("220 ") {
            return Err(Invalid::new(
                label,
                "Banner",
                format!("'{banner}' is not valid; legal: text that begins with 220"),
            ));
        }
    }
    if connector.all_bindings().next().is_none() {
        return Err(Invalid::new(label, "Bindings", "at least one is needed, such as 0.0.0.0:25"));
    }
    if connector.remote_ip_ranges.is_empty() {
        return Err(Invalid::new(label, "RemoteIPRanges", "at least one is needed, such as 192.168.1.0/24"));
    }
    Ok(())
}

/// The legality table of AuthMechanism.
fn mechanisms(label: &str, connector: &ReceiveConnector) -> Result<(), Invalid> {
    let auth = &connector.auth_mechanism;
    let only_tls = AuthMechanism { tls: false, external_authoritative: false, ..*auth }.is_empty();
    let problem = if auth.basic_auth_require_tls && !(auth.basic_auth && auth.tls) {
        "BasicAuthRequireTLS needs BasicAuth and Tls too; legal: Tls, BasicAuth, BasicAuthRequireTLS"
    } else if auth.external_authoritative && !only_tls {
        "only Tls may accompany ExternalAuthoritative; legal: ExternalAuthoritative or Tls, ExternalAuthoritative"
    } else if auth.external_authoritative && !connector.permission_groups.exchange_servers {
        "ExternalAuthoritative needs PermissionGroups with ExchangeServers"
    } else if connector.require_tls && !auth.tls {
        return Err(Invalid::new(label, "RequireTLS", "it needs AuthMechanism with Tls"));
    } else if connector.kept.domain_secure_enabled && (!auth.tls || auth.external_authoritative) {
        let problem = "it needs AuthMechanism with Tls and without ExternalAuthoritative";
        return Err(Invalid::new(label, "DomainSecureEnabled", problem));
    } else {
        return Ok(());
    };
    Err(Invalid::new(label, "AuthMechanism", problem))
}

fn connector_limits(label: &str, connector: &ReceiveConnector) -> Result<(), Invalid> {
    let day = TimeSpan(1)..=TimeSpan(86_400);
    let (life, idle) = (connector.connection_timeout, connector.connection_inactivity_timeout);
    within(
        label,
        "MaxMessageSize",
        connector.max_message_size,
        ByteSize::kb(64)..=ByteSize(i32::MAX as u64),
    )?;
    within(label, "MaxRecipientsPerMessage", connector.max_recipients_per_message, 1..=512_000)?;
    within(label, "MaxHopCount", connector.max_hop_count, 1..=500)?;
    within_limit(label, "MaxInboundConnection", connector.max_inbound_connection, 1..=i32::MAX as u32)?;
    within_limit(
        label,
        "MaxInboundConnectionPerSource",
        connector.max_inbound_connection_per_source,
        1..=10_000,
    )?;
    within(label, "ConnectionTimeout", life, day.clone())?;
    within(label, "ConnectionInactivityTimeout", idle, day)?;
    within_limit(label, "MaxProtocolErrors", connector.max_protocol_errors, 0..=i32::MAX as u32)?;
    within(label, "MaxLogonFailures", connector.max_logon_failures, 0..=10)?;
    within(label, "TarpitInterval", connector.tarpit_interval, TimeSpan(0)..=TimeSpan(600))?;
    if idle >= life {
        let problem = format!("{idle} is not less than ConnectionTimeout; legal: less than {life}");
        return Err(Invalid::new(label, "ConnectionInactivityTimeout", problem));
    }
    Ok(())
}

fn restrictions(label: &str, connector: &ReceiveConnector) -> Result<(), Invalid> {
    let found = &connector.restrictions;
    let any = ByteSize(1)..=ByteSize(i32::MAX as u64);
    within(label, "MaxHeaderSize", found.max_header_size, any)?;
    within(label, "MaxLocalHopCount", found.max_local_hop_count, 0..=50)?;
    let percentage = found.max_inbound_connection_percentage_per_source;
    within(label, "MaxInboundConnectionPercentagePerSource", percentage, 1..=100)?;
    within_limit(label, "MessageRateLimit", found.message_rate_limit, 1..=i32::MAX as u32)?;
    within(label, "AuthTarpitInterval", found.auth_tarpit_interval, TimeSpan(0)..=TimeSpan(600))?;
    within(
        label,
        "MaxAcknowledgementDelay",
        found.max_acknowledgement_delay,
        TimeSpan(0)..=TimeSpan(86_400),
    )?;
    let (short, kept) = (0..=256, &connector.kept);
    let texts = [
        ("Comment", &kept.comment),
        ("TlsCertificateName", &kept.tls_certificate_name),
        ("ServiceDiscoveryFqdn", &kept.service_discovery_fqdn),
        ("DefaultDomain", &kept.default_domain),
    ];
    for (parameter, text) in texts {
        let most = if parameter == "TlsCertificateName" { 0..=1024 } else { short.clone() };
        if !most.contains(&text.chars().count()) || text.chars().any(char::is_control) {
            let problem = format!("legal: up to {} printable characters", most.end());
            return Err(Invalid::new(label, parameter, problem));
        }
    }
    let capability = |text: &&String| !tls_capability(text);
    match kept.tls_domain_capabilities.iter().find(capability) {
        Some(wrong) => {
            let problem = format!(
                "'{}' is not valid; legal: domain:AcceptCloudServicesMail, domain:AcceptOorgProtocol, domain:NO-TLS",
                wrong.escape_debug()
            );
            Err(Invalid::new(label, "TlsDomainCapabilities", problem))
        }
        None => Ok(()),
    }
}

fn tls_capability(text: &str) -> bool {
    let known = ["AcceptCloudServicesMail", "AcceptOorgProtocol", "NO-TLS"];
    text.split_once(':').is_some_and(|(domain, capability)| {
        Domain::new(domain).is_ok() && known.iter().any(|known| known.eq_ignore_ascii_case(capability))
    })
}

/// Entries on one object, so that what every message asks stays cheap.
const MAX_ENTRIES: usize = 1_000;

fn access(label: &str, list: &AccessList) -> Result<(), Invalid> {
    let entries = list.entries.len();
    let problem =
        || format!("it has {entries} entries; legal: up to {MAX_ENTRIES}. Give the right to a group");
    if entries <= MAX_ENTRIES { Ok(()) } else { Err(Invalid::new(label, "permissions", problem())) }
}

fn connectors(all: &Snapshot) -> Result<(), Invalid> {
    let sorted: Vec<&Arc<ReceiveConnector>> = all.all().collect();
    for (place, one) in sorted.iter().enumerate() {
        for other in sorted.iter().skip(place + 1) {
            clash(one, other)?;
        }
    }
    Ok(())
}

/// Two connectors may share a binding when their ranges are apart or one range is within the other.
fn clash(one: &ReceiveConnector, other: &ReceiveConnector) -> Result<(), Invalid> {
    let Some(shared) = one.all_bindings().find(|binding| other.all_bindings().any(|b| b == *binding)) else {
        return Ok(());
    };
    let family = |range: &&IpRange| range.first().is_ipv4() == shared.0.is_ipv4();
    for mine in one.remote_ip_ranges.iter().filter(family) {
        for theirs in other.remote_ip_ranges.iter().filter(|range| range.overlaps(mine)) {
            let nested = mine != theirs && (mine.covers(theirs) || theirs.covers(mine));
            if !nested {
                let problem = format!(
                    "{theirs} overlaps {mine} of receive connector '{}' on the same binding {shared}; \
                     legal: ranges that are apart, or one within the other",
                    one.name
                );
                return Err(Invalid::new(other.label(), "RemoteIPRanges", problem));
            }
        }
    }
    Ok(())
}

// ---- listeners ----

/// Who opens a binding: connectors may share theirs, everything else may not.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Use {
    Pop,
    PopSsl,
    Imap,
    ImapSsl,
    Smtp,
    SmtpSsl,
    Web,
}

impl Use {
    fn parameter(self) -> &'static str {
        match self {
            Use::Pop | Use::Imap => "UnencryptedOrTLSBindings",
            Use::Smtp => "Bindings",
            Use::PopSsl | Use::ImapSsl | Use::SmtpSsl | Use::Web => "SSLBindings",
        }
    }

    fn is_smtp(self) -> bool {
        matches!(self, Use::Smtp | Use::SmtpSsl)
    }
}

/// What is opened.
#[derive(PartialEq, Eq)]
struct Listener {
    /// Whose it is.
    label: String,
    how: Use,
    binding: Binding,
}

/// One port of one address serves one protocol in one way. Of two that want it, the one that had it before has it, and the
/// change asked for the other.
fn listeners(old: &Snapshot, new: &Snapshot) -> Result<(), Invalid> {
    let (before, opened) = (opened(old), opened(new));
    for (place, one) in opened.iter().enumerate() {
        if one.binding.0.port() == 0 {
            let problem = format!("{} has no port; legal: 1 to 65535", one.binding);
            return Err(Invalid::new(&one.label, one.how.parameter(), problem));
        }
        for two in opened.iter().skip(place + 1) {
            let differ = one.label != two.label || one.binding != two.binding;
            let shared = one.how.is_smtp() && one.how == two.how && differ;
            if one.binding.overlaps(&two.binding) && !shared {
                let second_was_first = before.contains(two) && !before.contains(one);
                return Err(if second_was_first { taken(one, two) } else { taken(two, one) });
            }
        }
    }
    Ok(())
}

fn taken(wanted: &Listener, by: &Listener) -> Invalid {
    let binding = wanted.binding;
    let problem = if wanted == by {
        format!("{binding} is given twice")
    } else if binding == by.binding {
        format!("{binding} is taken by {}, {}", by.label, by.how.parameter())
    } else {
        format!("{binding} is taken by {}, {}, with {}", by.label, by.how.parameter(), by.binding)
    };
    Invalid::new(&wanted.label, wanted.how.parameter(), problem)
}

fn opened(all: &Snapshot) -> Vec<Listener> {
    let mut opened = Vec::new();
    let mut add = |label: &str, how: Use, bindings: &[Binding]| {
        let listener = |binding: &Binding| Listener { label: label.to_owned(), how, binding: *binding };
        opened.extend(bindings.iter().map(listener));
    };
    add("PopSettings", Use::Pop, &all.pop.unencrypted_or_tls_bindings);
    add("PopSettings", Use::PopSsl, &all.pop.ssl_bindings);
    add("ImapSettings", Use::Imap, &all.imap.unencrypted_or_tls_bindings);
    add("ImapSettings", Use::ImapSsl, &all.imap.ssl_bindings);
    add("WebSettings", Use::Web, &all.web.ssl_bindings);
    for connector in all.all::<ReceiveConnector>() {
        let label = connector.label();
        add(&label, Use::Smtp, &connector.bindings);
        add(&label, Use::SmtpSsl, &connector.ssl_bindings);
    }
    opened
}

// ---- settings ----

fn settings(label: &str, found: &ProtocolSettings, command: RangeInclusive<u32>) -> Result<(), Invalid> {
    let connections = 1..=i32::MAX as u32;
    let (before, after) =
        (found.pre_authenticated_connection_timeout, found.authenticated_connection_timeout);
    within(label, "AuthenticatedConnectionTimeout", after, TimeSpan(30)..=TimeSpan(86_400))?;
    within(label, "PreAuthenticatedConnectionTimeout", before, TimeSpan(30)..=TimeSpan(3_600))?;
    within(label, "MaxConnections", found.max_connections, connections.clone())?;
    within(label, "MaxConnectionFromSingleIP", found.max_connection_from_single_ip, connections.clone())?;
    within(label, "MaxConnectionsPerUser", found.max_connections_per_user, connections)?;
    within(label, "MaxCommandSize", found.max_command_size, command)?;
    line(label, "Banner", &found.banner)?;
    host(label, "X509CertificateName", found.x509_certificate_name.trim_start_matches("*."))?;
    logging(label, found)?;
    if before > after {
        let problem =
            format!("{before} is more than AuthenticatedConnectionTimeout; legal: 00:00:30 to {after}");
        return Err(Invalid::new(label, "PreAuthenticatedConnectionTimeout", problem));
    }
    Ok(())
}

fn transport(found: &TransportConfig) -> Result<(), Invalid> {
    let (label, most) = ("TransportConfig", i32::MAX as u32);
    for (parameter, limit) in
        [("MaxReceiveSize", found.max_receive_size), ("MaxSendSize", found.max_send_size)]
    {
        if let Limit::To(size) = limit {
            within(label, parameter, size, ByteSize::kb(64)..=ByteSize(i32::MAX as u64))?;
        }
    }
    within_limit(label, "MaxRecipientEnvelopeLimit", found.max_recipient_envelope_limit, 0..=most)?;
    match found.generate_copy_of_dsn_for.iter().find(|code| !is_status(code)) {
        Some(wrong) => {
            let problem = format!("'{}' is no status code; legal: such as 5.4.8", wrong.escape_debug());
            Err(Invalid::new(label, "GenerateCopyOfDSNFor", problem))
        }
        None => Ok(()),
    }
}

/// RFC 3463 §2: class, subject and detail.
fn is_status(code: &str) -> bool {
    let parts: Vec<&str> = code.split('.').collect();
    matches!(parts[..], ["2" | "4" | "5", subject, detail]
        if [subject, detail].iter().all(|part| part.len() <= 3 && part.parse::<u16>().is_ok()))
}

/// Smaller files of a protocol log would be more than a directory holds well.
const SMALLEST_LOG: ByteSize = ByteSize::kb(64);

fn logging(label: &str, found: &ProtocolSettings) -> Result<(), Invalid> {
    for (name, text) in
        [("LogFileLocation", &found.log_file_location), ("OwaServerUrl", &found.owa_server_url)]
    {
        // Empty is the usual place, and no URL.
        if !text.is_empty() {
            line(label, name, text)?;
        }
    }
    if std::path::Path::new(&found.log_file_location).components().any(|part| part.as_os_str() == "..") {
        let problem = format!("'{}' leads upwards; legal: a path without ..", found.log_file_location);
        return Err(Invalid::new(label, "LogFileLocation", problem));
    }
    match found.log_per_file_size_quota {
        Limit::To(size) if size.0 > 0 && size < SMALLEST_LOG => {
            let problem = format!(
                "{size} is too small; legal: 0 (a new file by time), {SMALLEST_LOG} or more, or unlimited"
            );
            Err(Invalid::new(label, "LogPerFileSizeQuota", problem))
        }
        _ => Ok(()),
    }
}

fn web(found: &WebSettings) -> Result<(), Invalid> {
    let (label, connections) = ("WebSettings", 1..=i32::MAX as u32);
    within(label, "MaxConnections", found.max_connections, connections.clone())?;
    within(label, "MaxConnectionFromSingleIP", found.max_connection_from_single_ip, connections)?;
    if found.external_host.is_empty() {
        return Ok(());
    }
    let (name, port) = found.external_host.rsplit_once(':').unwrap_or((&found.external_host, "443"));
    if !port.parse::<u16>().is_ok_and(|port| port > 0) {
        let problem = format!("'{port}' is no port; legal: a host name, or host:port");
        return Err(Invalid::new(label, "ExternalHost", problem));
    }
    host(label, "ExternalHost", name)
}

/// As in Exchange: the milliseconds fit into 31 bits.
const LONGEST_RETENTION: TimeSpan = TimeSpan(24_855 * 24 * 60 * 60);

fn within<T: PartialOrd + fmt::Display>(
    label: &str,
    parameter: &'static str,
    value: T,
    legal: RangeInclusive<T>,
) -> Result<(), Invalid> {
    if legal.contains(&value) {
        return Ok(());
    }
    let problem = format!("{value} is out of range; legal: {} to {}", legal.start(), legal.end());
    Err(Invalid::new(label, parameter, problem))
}

fn within_limit(
    label: &str,
    parameter: &'static str,
    value: Limit<u32>,
    legal: RangeInclusive<u32>,
) -> Result<(), Invalid> {
    match value {
        Limit::To(value) if !legal.contains(&value) => {
            let (least, most) = legal.into_inner();
            let problem = format!("{value} is out of range; legal: {least} to {most}, or unlimited");
            Err(Invalid::new(label, parameter, problem))
        }
        _ => Ok(()),
    }
}

fn host(label: &str, parameter: &'static str, name: &str) -> Result<(), Invalid> {
    let problem = |_| Invalid::new(label, parameter, format!("'{}' is no host name", name.escape_debug()));
    Domain::new(name).map(drop).map_err(problem)
}

/// Text of one protocol line: a line break in it would be a second reply.
fn line(label: &str, parameter: &'static str, text: &str) -> Result<(), Invalid> {
    let good = text.len() <= 400 && !text.is_empty() && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    let problem =
        || format!("'{}' is not valid; legal: 1 to 400 printable ASCII characters", text.escape_debug());
    if good { Ok(()) } else { Err(Invalid::new(label, parameter, problem())) }
}
