//! Refusals: what was refused, why, and what would change it.

use crate::Origin;
use directory::{ByteSize, Role};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// What a limit of connections counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All connections of the service or connector.
    Service,
    /// Those from one client address.
    Address,
    /// Those of one user.
    User,
}

impl Scope {
    pub(crate) fn parameter(self, smtp: bool) -> &'static str {
        match (self, smtp) {
            (Scope::Service, false) => "MaxConnections",
            (Scope::Address, false) => "MaxConnectionFromSingleIP",
            (Scope::Service, true) => "MaxInboundConnection",
            (Scope::Address, true) => "MaxInboundConnectionPerSource",
            (Scope::User, _) => "MaxConnectionsPerUser",
        }
    }
}

/// Who set a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitOf {
    /// The receive connector of this name.
    Connector(String),
    /// The organisation, by this parameter of Set-TransportConfig.
    Organization(&'static str),
}

impl fmt::Display for LimitOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LimitOf::Connector(name) => write!(f, "receive connector '{name}'"),
            LimitOf::Organization(parameter) => write!(f, "the organisation ({parameter})"),
        }
    }
}

impl LimitOf {
    /// The command that sets the limit, which the connector knows by another parameter than the organisation.
    fn command(&self, parameter: &str, value: &str) -> String {
        match self {
            LimitOf::Connector(name) => format!("Set-ReceiveConnector {} -{parameter} {value}", quoted(name)),
            LimitOf::Organization(parameter) => format!("Set-TransportConfig -{parameter} {value}"),
        }
    }
}

/// What is wrong with the domain of a recipient elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainFault {
    /// It is one label.
    SingleLabel,
    /// Its last label belongs to nobody.
    ReservedTopLevel,
    /// Its last two labels belong to nobody.
    ReservedSecondLevel,
}

impl DomainFault {
    fn parameter(self) -> &'static str {
        match self {
            DomainFault::SingleLabel => "RejectSingleLabelRecipientDomains",
            DomainFault::ReservedTopLevel => "RejectReservedTopLevelRecipientDomains",
            DomainFault::ReservedSecondLevel => "RejectReservedSecondLevelRecipientDomains",
        }
    }
}

/// Why something is not allowed. Reply codes are chosen by the protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No receive connector is for this client.
    NoConnector {
        /// Where it connected to.
        local: SocketAddr,
        /// Its address.
        remote: IpAddr,
    },
    /// A limit of connections is reached.
    TooManyConnections {
        /// The protocol.
        protocol: &'static str,
        /// What is counted.
        scope: Scope,
        /// The limit.
        limit: u32,
        /// The command that raises it.
        remedy: String,
    },
    /// The system would have no open file left for the store and the administrator.
    TooFewFiles {
        /// Connections that there is room for.
        limit: u32,
    },
    /// Name and password are not taken before TLS.
    LoginNeedsTls {
        /// The protocol.
        protocol: &'static str,
        /// The command that would allow it, and put the passwords at risk.
        remedy: String,
    },
    /// Nobody logs in here with name and password.
    LoginNotOffered {
        /// The protocol.
        protocol: &'static str,
        /// The command that would allow it.
        remedy: String,
    },
    /// No mailbox has this login name.
    UnknownUser {
        /// As given.
        name: String,
    },
    /// The password is wrong.
    BadPassword {
        /// The mailbox's name.
        mailbox: String,
    },
    /// The login name asks for another mailbox than the user's own.
    NotOwnMailbox {
        /// The user's mailbox.
        mailbox: String,
        /// The login name as given.
        name: String,
    },
    /// The account is disabled.
    AccountDisabled {
        /// The mailbox's name.
        mailbox: String,
    },
    /// No password is set.
    NoPassword {
        /// The mailbox's name.
        mailbox: String,
    },
    /// The password is another than the one that the session logged in with.
    PasswordChanged {
        /// The mailbox's name.
        mailbox: String,
    },
    /// The mailbox may not use this protocol.
    ProtocolDisabled {
        /// The mailbox's name.
        mailbox: String,
        /// The protocol.
        protocol: &'static str,
        /// The parameter that would allow it, with its value.
        parameter: String,
        /// Who says so.
        origin: Origin,
    },
    /// The connector takes no mail before STARTTLS.
    TlsRequired {
        /// The connector's name.
        connector: String,
    },
    /// The connector is not for clients of this kind.
    NotAuthenticated {
        /// The connector's name.
        connector: String,
        /// The permission groups that would let the client in.
        groups: String,
    },
    /// The connector is for users, and nobody can log in before STARTTLS.
    TlsBeforeLogin {
        /// The connector's name.
        connector: String,
        /// The permission groups that would let the client in.
        groups: String,
    },
    /// The client may not use this sender address.
    SenderNotAllowed {
        /// Whether the mailbox could be given the address.
        is_free: bool,
        /// Whether another mailbox has the address.
        is_known: bool,
        /// The mailbox of the user, where one logged in.
        mailbox: Option<String>,
        /// The sender.
        sender: String,
    },
    /// The message names an author that its user is not.
    AuthorNotAllowed {
        /// Whether the mailbox could be given the address.
        is_free: bool,
        /// Whether another mailbox has the address.
        is_known: bool,
        /// The mailbox of the user.
        mailbox: String,
        /// The header field.
        field: &'static str,
        /// What it names.
        address: String,
    },
    /// Readers of the message may take different people for its author.
    AuthorUnclear {
        /// The mailbox of the user.
        mailbox: String,
        /// The header field.
        field: &'static str,
    },
    /// The recipient is elsewhere, and the client may send only to our own.
    RelayDenied {
        /// The connector's name.
        connector: String,
        /// The recipient.
        recipient: String,
    },
    /// The connector takes no recipients elsewhere in such a domain.
    RecipientDomain {
        /// The connector's name.
        connector: String,
        /// The recipient.
        recipient: String,
        /// What is wrong with it.
        fault: DomainFault,
    },
    /// The domain is ours, but nobody in it has this address.
    UnknownRecipient {
        /// The recipient.
        recipient: String,
    },
    /// The recipient takes mail only from who logged in.
    RecipientNeedsLogin {
        /// The recipient, as it stands in a sentence.
        recipient: String,
        /// The command that changes it.
        command: String,
    },
    /// The recipient does not take mail from this sender.
    SenderNotWelcome {
        /// The recipient, as it stands in a sentence.
        recipient: String,
        /// The command that changes it.
        command: String,
    },
    /// The group has no member who would get the message.
    NobodyInGroup {
        /// The group's name.
        group: String,
    },
    /// The user may not send to so many at once.
    UserRecipients {
        /// The mailbox of the user.
        mailbox: String,
        /// The limit.
        limit: u32,
    },
    /// The message is larger than the mailbox of its sender or recipient allows.
    MailboxSize {
        /// The mailbox's name.
        mailbox: String,
        /// The parameter that sets the limit.
        parameter: &'static str,
        /// The limit.
        limit: ByteSize,
    },
    /// The message has as many recipients as it may.
    TooManyRecipients {
        /// Who set the limit.
        whose: LimitOf,
        /// The limit.
        limit: u32,
    },
    /// The message is too large.
    MessageTooLarge {
        /// Who set the limit.
        whose: LimitOf,
        /// The limit.
        limit: ByteSize,
        /// The message's size as far as it is known.
        octets: u64,
    },
    /// The header of the message is too large.
    HeaderTooLarge {
        /// The connector's name.
        connector: String,
        /// The limit.
        limit: ByteSize,
    },
    /// The message went through too many servers.
    TooManyHops {
        /// The connector's name.
        connector: String,
        /// The limit.
        limit: u32,
    },
    /// The mailbox has no room.
    MailboxFull {
        /// The mailbox's name.
        mailbox: String,
        /// Octets in it.
        used: u64,
        /// Its quota.
        limit: ByteSize,
    },
    /// The user has to delete something before sending.
    SendQuota {
        /// The mailbox's name.
        mailbox: String,
        /// Octets in it.
        used: u64,
        /// Its quota.
        limit: ByteSize,
    },
    /// Another POP3 session has the maildrop to itself.
    MaildropInUse {
        /// The mailbox's name.
        mailbox: String,
        /// The command that ends silent sessions sooner.
        remedy: String,
    },
    /// So many passwords wait to be checked that one more is not taken.
    TooManyLogins {
        /// Whether the client's own address is to blame.
        scope: Scope,
        /// The limit.
        limit: usize,
    },
    /// The caller has not the role that is needed.
    RoleNeeded {
        /// Who called.
        name: String,
        /// The least role that may do it.
        needed: Role,
    },
    /// No access token is this one.
    UnknownToken,
    /// The time of the access token is over.
    TokenExpired {
        /// The token's name.
        name: String,
    },
}

/// A name as it stands in a command line.
pub(crate) fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}

/// How somebody gets an access token who has none that is good.
const NEW_TOKEN: &str = "New-AccessToken NAME -Mailbox MAILBOX -Role 'View-Only Organization Management'";

impl Refusal {
    /// Whether a client must not learn more than "wrong name or password", be it by text, by order of events or by time.
    pub fn looks_like_bad_password(&self) -> bool {
        matches!(
            self,
            Refusal::UnknownUser { .. }
                | Refusal::BadPassword { .. }
                | Refusal::NotOwnMailbox { .. }
                | Refusal::AccountDisabled { .. }
                | Refusal::NoPassword { .. }
                | Refusal::ProtocolDisabled { .. }
        )
    }

    /// Why, in a sentence for the log and the administrator.
    pub fn reason(&self) -> String {
        match self {
            Refusal::NoConnector { local, remote } => {
                format!("no receive connector on {local} is for {remote}")
            }
            Refusal::TooManyConnections { protocol, scope, limit, .. } => {
                let whose = match scope {
                    Scope::Service => "in all",
                    Scope::Address => "from this address",
                    Scope::User => "of this user",
                };
                format!("there are {limit} {protocol} connections {whose}, which is the limit")
            }
            Refusal::TooFewFiles { limit } => {
                format!(
                    "there are {limit} connections, for more of which the limit of open files leaves no room"
                )
            }
            Refusal::TooManyLogins { scope, limit } => {
                let whose = if *scope == Scope::Address { "from this address" } else { "in all" };
                format!("there are {limit} passwords to be checked {whose}, which is the limit")
            }
            Refusal::LoginNeedsTls { protocol, .. } => {
                format!(
                    "{protocol} takes name and password only under TLS, so that nobody can read them on the way"
                )
            }
            Refusal::LoginNotOffered { protocol, .. } => {
                format!("nobody logs in to this {protocol} port by password")
            }
            Refusal::UnknownUser { name } => {
                format!("no mailbox has the login name '{}'", name.escape_debug())
            }
            Refusal::MaildropInUse { mailbox, .. } => {
                format!("another POP3 session has mailbox '{mailbox}' open, and RFC 1939 allows one")
            }
            Refusal::BadPassword { mailbox } => format!("the password for mailbox '{mailbox}' is wrong"),
            Refusal::NotOwnMailbox { mailbox, name } => {
                format!(
                    "'{}' asks for a mailbox that the user of '{mailbox}' may not open",
                    name.escape_debug()
                )
            }
            Refusal::AccountDisabled { mailbox } => format!("the account of mailbox '{mailbox}' is disabled"),
            Refusal::NoPassword { mailbox } => format!("mailbox '{mailbox}' has no password"),
            Refusal::PasswordChanged { mailbox } => {
                format!("the password of mailbox '{mailbox}' has been set since this session logged in")
            }
            Refusal::ProtocolDisabled { mailbox, protocol, origin: Origin::Policy(name), .. } => {
                format!("mailbox '{mailbox}' may not use {protocol}, as policy '{name}' says")
            }
            Refusal::ProtocolDisabled { mailbox, protocol, .. } => {
                format!("mailbox '{mailbox}' may not use {protocol}")
            }
            _ => self.transport_reason(),
        }
    }

    fn transport_reason(&self) -> String {
        match self {
            Refusal::TlsRequired { connector } => {
                format!("receive connector '{connector}' takes mail only under TLS")
            }
            Refusal::NotAuthenticated { connector, .. } => {
                format!(
                    "receive connector '{connector}' takes no mail from clients of this kind; log in first"
                )
            }
            Refusal::TlsBeforeLogin { connector, .. } => {
                format!(
                    "receive connector '{connector}' takes mail from users who log in, and they log in under TLS"
                )
            }
            Refusal::SenderNotAllowed { mailbox: Some(mailbox), sender, .. } => {
                format!("mailbox '{mailbox}' does not have the address {sender} and may not send as it")
            }
            Refusal::SenderNotAllowed { mailbox: None, sender, .. } => {
                format!("this client may not send as {sender}")
            }
            Refusal::AuthorNotAllowed { mailbox, field, address, .. } => {
                let address = address.escape_debug();
                format!("the field {field} names {address}, which mailbox '{mailbox}' may not send as")
            }
            Refusal::AuthorUnclear { mailbox, field } => format!(
                "a message of mailbox '{mailbox}' has the field {field} twice, or one that readers understand differently"
            ),
            Refusal::RelayDenied { connector, recipient } => {
                format!(
                    "{recipient} is in no accepted domain, and receive connector '{connector}' does not relay"
                )
            }
            Refusal::UnknownRecipient { recipient } => format!("nobody here has the address {recipient}"),
            Refusal::RecipientNeedsLogin { recipient, .. } => {
                format!("{recipient} takes mail only from who logged in")
            }
            Refusal::SenderNotWelcome { recipient, .. } => {
                format!("{recipient} does not take mail from this sender")
            }
            Refusal::NobodyInGroup { group } => {
                format!("distribution group '{group}' has no member who would get the message")
            }
            Refusal::UserRecipients { mailbox, limit } => {
                format!("mailbox '{mailbox}' may send to {limit} recipients per message")
            }
            Refusal::MailboxSize { mailbox, parameter, limit } => {
                format!("the message is larger than {parameter} of mailbox '{mailbox}' allows: {limit}")
            }
            Refusal::RecipientDomain { connector, recipient, fault } => {
                let parameter = fault.parameter();
                format!(
                    "{recipient} is in a domain that cannot be, which '{connector}' refuses ({parameter})"
                )
            }
            Refusal::TooManyRecipients { whose, limit } => {
                format!("{whose} takes {limit} recipients per message")
            }
            Refusal::MessageTooLarge { whose, limit, octets } => {
                format!("{octets} octets are more than {whose} takes: {limit}")
            }
            Refusal::HeaderTooLarge { connector, limit } => {
                format!("receive connector '{connector}' takes headers of at most {limit}")
            }
            Refusal::TooManyHops { limit, .. } => {
                format!("the message went through more than {limit} servers: a loop")
            }
            Refusal::MailboxFull { mailbox, used, limit } => {
                format!("mailbox '{mailbox}' holds {used} octets and may hold {limit}")
            }
            Refusal::SendQuota { mailbox, used, limit } => {
                format!("mailbox '{mailbox}' holds {used} octets and may send only below {limit}")
            }
            Refusal::RoleNeeded { name, needed } => {
                format!("it needs the role '{}', which '{name}' does not have here", needed.group_name())
            }
            Refusal::UnknownToken => "no access token is this one, or its mailbox is gone".to_owned(),
            Refusal::TokenExpired { name } => format!("the access token '{name}' has expired"),
            // The others have their text in `reason`.
            _ => String::new(),
        }
    }

    /// The command that would change it, where one command does. Some make things less safe: the reason says how.
    pub fn remedy(&self) -> Option<String> {
        let connector =
            |name: &str, rest: String| Some(format!("Set-ReceiveConnector {} {rest}", quoted(name)));
        let mailbox = |name: &str, rest: &str| Some(format!("Set-Mailbox {} {rest}", quoted(name)));
        match self {
            Refusal::NoConnector { local, remote } => Some(format!(
                "New-ReceiveConnector -Name 'From {remote}' -Custom -Bindings {local} -RemoteIPRanges {remote} \
                 -PermissionGroups AnonymousUsers"
            )),
            Refusal::TooManyConnections { remedy, .. }
            | Refusal::LoginNeedsTls { remedy, .. }
            | Refusal::MaildropInUse { remedy, .. }
            | Refusal::LoginNotOffered { remedy, .. } => Some(remedy.clone()),
            Refusal::TooFewFiles { .. } => Some(
                "LimitNOFILE=65536 in the service's unit, or `ulimit -n 65536` before the start".to_owned(),
            ),
            Refusal::UnknownUser { .. } => {
                Some("Get-Mailbox | Format-Table Name, UserPrincipalName".to_owned())
            }
            Refusal::BadPassword { mailbox: name } | Refusal::NoPassword { mailbox: name } => {
                mailbox(name, "-Password (Read-Host -AsSecureString)")
            }
            Refusal::AccountDisabled { mailbox: name } => mailbox(name, "-AccountDisabled $false"),
            Refusal::ProtocolDisabled { mailbox, parameter, .. } => {
                Some(format!("Set-CASMailbox {} {parameter}", quoted(mailbox)))
            }
            Refusal::TlsRequired { connector: name } => connector(name, "-RequireTLS $false".to_owned()),
            Refusal::NotAuthenticated { connector: name, groups }
            | Refusal::TlsBeforeLogin { connector: name, groups } => {
                connector(name, format!("-PermissionGroups {groups}"))
            }
            Refusal::SenderNotAllowed { mailbox: Some(name), sender: address, is_free: true, .. }
            | Refusal::AuthorNotAllowed { mailbox: name, address, is_free: true, .. } => {
                mailbox(name, &format!("-EmailAddresses @{{Add={}}}", quoted(address)))
            }
            Refusal::SenderNotAllowed { mailbox: Some(name), sender: address, is_known: true, .. }
            | Refusal::AuthorNotAllowed { mailbox: name, address, is_known: true, .. } => Some(format!(
                "Add-ADPermission {} -User {} -ExtendedRights Send-As",
                quoted(address),
                quoted(name)
            )),
            Refusal::RelayDenied { recipient, .. } => {
                let domain = recipient.rsplit_once('@').map_or("", |(_, domain)| domain);
                Some(format!(
                    "New-AcceptedDomain {0} -DomainName {0} -DomainType InternalRelay",
                    quoted(domain)
                ))
            }
            Refusal::UnknownRecipient { recipient } => {
                Some(format!("New-Mailbox {0} -UserPrincipalName {0}", quoted(recipient)))
            }
            Refusal::RecipientNeedsLogin { command, .. } => {
                Some(format!("{command} -RequireSenderAuthenticationEnabled $false"))
            }
            Refusal::SenderNotWelcome { command, .. } => {
                Some(format!("{command} -AcceptMessagesOnlyFrom $null -RejectMessagesFrom $null"))
            }
            Refusal::NobodyInGroup { group } => {
                Some(format!("Add-DistributionGroupMember {} -Member NAME", quoted(group)))
            }
            Refusal::UserRecipients { mailbox: name, limit } => {
                mailbox(name, &format!("-RecipientLimits {}", limit.saturating_mul(2)))
            }
            Refusal::MailboxSize { mailbox: name, parameter, .. } => {
                mailbox(name, &format!("-{parameter} unlimited"))
            }
            Refusal::RecipientDomain { connector: name, fault, .. } => {
                connector(name, format!("-{} $false", fault.parameter()))
            }
            Refusal::TooManyRecipients { whose, limit } => {
                let more = limit.saturating_mul(2).clamp(1, 512_000);
                Some(whose.command("MaxRecipientsPerMessage", &more.to_string()))
            }
            Refusal::MessageTooLarge { whose, octets, .. } => {
                Some(whose.command("MaxMessageSize", &format!("{}MB", octets.div_ceil(1 << 20))))
            }
            Refusal::HeaderTooLarge { connector: name, limit } => {
                let more = limit.0.saturating_mul(2).min(i32::MAX as u64);
                connector(name, format!("-MaxHeaderSize {}KB", more.div_ceil(1 << 10)))
            }
            Refusal::TooManyHops { connector: name, limit } => {
                connector(name, format!("-MaxHopCount {}", limit.saturating_mul(2).min(500)))
            }
            Refusal::MailboxFull { mailbox: name, .. } => {
                mailbox(name, "-ProhibitSendReceiveQuota unlimited")
            }
            Refusal::SendQuota { mailbox: name, .. } => mailbox(name, "-ProhibitSendQuota unlimited"),
            Refusal::NotOwnMailbox { .. }
            | Refusal::SenderNotAllowed { .. }
            | Refusal::AuthorNotAllowed { .. }
            | Refusal::AuthorUnclear { .. }
            | Refusal::TooManyLogins { .. }
            | Refusal::PasswordChanged { .. } => None,
            Refusal::RoleNeeded { name, needed } => {
                Some(format!("Add-RoleGroupMember {} -Member {}", quoted(needed.group_name()), quoted(name)))
            }
            Refusal::UnknownToken | Refusal::TokenExpired { .. } => Some(NEW_TOKEN.to_owned()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason())
    }
}

impl std::error::Error for Refusal {}
