//! Who may log in, and by which means on which connection.

use crate::{Door, Refusal, Scope, effective};
use directory::{
    LoginName, LoginType, Mailbox, ProtocolSetting, ProtocolSettings, ReceiveConnector, Snapshot,
};
use std::sync::Arc;

/// How a connection is protected at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Not at all.
    Clear,
    /// By TLS, from the start or by STARTTLS.
    Tls,
}

/// What is offered on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// STLS or STARTTLS.
    pub start_tls: bool,
    /// Name and password: USER/PASS, LOGIN, AUTH PLAIN and LOGIN.
    pub basic: bool,
}

/// Passwords from one address (or one IPv6 /64) that may be in the making at a time. A whole office behind one address
/// comes at once when a server has started, and programs that are refused ask their users for a new password; waiting
/// does no harm, for sources take turns, and so many checks take some ten seconds on two cores.
pub const CHECKS_PER_SOURCE: usize = 512;
/// Passwords in all that may be in the making at a time, so that nobody waits longer than a client's patience.
pub const CHECKS: usize = 4_096;

/// Passwords that are being checked or wait for it, besides the one in question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// From the same source.
    pub from_source: usize,
    /// In all.
    pub total: usize,
}

/// Whether one more password is taken to be checked. Says nothing about the user, and must not be asked differently for
/// one who exists.
pub fn check_password(pending: Checks) -> Result<(), Refusal> {
    if pending.from_source >= CHECKS_PER_SOURCE {
        return Err(Refusal::TooManyLogins { scope: Scope::Address, limit: CHECKS_PER_SOURCE });
    }
    if pending.total >= CHECKS {
        return Err(Refusal::TooManyLogins { scope: Scope::Service, limit: CHECKS });
    }
    Ok(())
}

/// What a connection through this door is offered.
pub fn offers(door: Door<'_>, channel: Channel) -> Offers {
    match door {
        Door::Pop3(settings) | Door::Imap4(settings) => protocol_offers(settings, channel),
        Door::Smtp(connector) => connector_offers(connector, channel),
        Door::Web(_) => Offers { start_tls: false, basic: channel == Channel::Tls },
    }
}

fn protocol_offers(settings: &ProtocolSettings, channel: Channel) -> Offers {
    match channel {
        Channel::Tls => Offers { start_tls: false, basic: true },
        Channel::Clear => Offers { start_tls: true, basic: settings.login_type == LoginType::PlainTextLogin },
    }
}

/// The warning that stays as long as passwords can be read on the network: for the log at each start of the service, and
/// for the administrator at each change of its settings.
pub fn clear_text_warning(door: Door<'_>) -> Option<String> {
    let (Door::Pop3(settings) | Door::Imap4(settings)) = door else { return None };
    let warned = offers(door, Channel::Clear).basic && !settings.unencrypted_or_tls_bindings.is_empty();
    warned.then(|| {
        format!(
            "{} accepts user names and passwords in clear text on connections without TLS: anyone on the network can \
             read them. {} -LoginType SecureLogin forbids it again.",
            door.protocol(),
            door.set_command()
        )
    })
}

fn connector_offers(connector: &ReceiveConnector, channel: Channel) -> Offers {
    let auth = &connector.auth_mechanism;
    // Logging in where users have no permission would only expose passwords.
    let users = crate::access::users_submit(connector);
    let clear_allowed = !auth.basic_auth_require_tls && !connector.require_tls;
    Offers {
        start_tls: channel == Channel::Clear && auth.tls,
        basic: users && auth.basic_auth && (channel == Channel::Tls || clear_allowed),
    }
}

/// The mailbox whose password is to be checked for a login with name and password.
///
/// Refusals for which [`Refusal::looks_like_bad_password`] is true are answered exactly, and as slowly, as a wrong
/// password.
pub fn login(all: &Snapshot, door: Door<'_>, channel: Channel, name: &str) -> Result<Arc<Mailbox>, Refusal> {
    if !offers(door, channel).basic {
        return Err(not_offered(door, channel));
    }
    let unknown = || Refusal::UnknownUser { name: name.to_owned() };
    let login = LoginName::parse(name).ok_or_else(unknown)?;
    let user = all.principal(&login.who).ok_or_else(unknown)?;
    if let Some(opened) = &login.mailbox {
        let own = all.principal(opened).is_some_and(|mailbox| mailbox.guid == user.guid);
        if !own {
            return Err(Refusal::NotOwnMailbox { mailbox: user.name.clone(), name: name.to_owned() });
        }
    }
    may_use(all, door, user)?;
    Ok(user.clone())
}

fn not_offered(door: Door<'_>, channel: Channel) -> Refusal {
    if channel == Channel::Clear && offers(door, Channel::Tls).basic {
        let remedy = match door {
            Door::Pop3(_) | Door::Imap4(_) => format!("{} -LoginType PlainTextLogin", door.set_command()),
            Door::Smtp(connector) => clear_login_remedy(connector, &door.set_command()),
            // There is no listener without TLS that could be asked.
            Door::Web(_) => "https://".to_owned(),
        };
        return Refusal::LoginNeedsTls { protocol: door.protocol(), remedy };
    }
    let remedy = format!(
        "{} -AuthMechanism Tls,BasicAuth,BasicAuthRequireTLS -PermissionGroups ExchangeUsers",
        door.set_command()
    );
    Refusal::LoginNotOffered { protocol: door.protocol(), remedy }
}

fn clear_login_remedy(connector: &ReceiveConnector, command: &str) -> String {
    let mechanism = directory::AuthMechanism { basic_auth_require_tls: false, ..connector.auth_mechanism };
    let mut line = format!("{command} -AuthMechanism {}", mechanism.to_string().replace(", ", ","));
    if connector.require_tls {
        line.push_str(" -RequireTLS $false");
    }
    line
}

/// Whether a user who logged in may go on; `user` is the mailbox as it was then. What a mailbox may use is asked at the
/// next login only; a session of an account that is disabled or removed ends, and so does one whose password has been set
/// again: who knows no more than the old one may be the reason for the new one.
pub fn may_stay(all: &Snapshot, user: &Mailbox) -> Result<(), Refusal> {
    let name = |mailbox: &Mailbox| mailbox.name.clone();
    match all.mailbox_by_account(user.account) {
        Some(mailbox) if mailbox.account_disabled => Err(Refusal::AccountDisabled { mailbox: name(mailbox) }),
        // Hashes are compared, and each has a salt of its own: the same password set again is a new one.
        Some(mailbox) if mailbox.password != user.password => {
            Err(Refusal::PasswordChanged { mailbox: name(mailbox) })
        }
        Some(_) => Ok(()),
        None => Err(Refusal::UnknownUser { name: name(user) }),
    }
}

/// Whether this mailbox may log in here at all. Asked at login; the flags of the moment decide.
fn may_use(all: &Snapshot, door: Door<'_>, mailbox: &Mailbox) -> Result<(), Refusal> {
    let name = || mailbox.name.clone();
    if mailbox.account_disabled {
        return Err(Refusal::AccountDisabled { mailbox: name() });
    }
    if mailbox.password.is_none() {
        return Err(Refusal::NoPassword { mailbox: name() });
    }
    let (setting, wanted) = match door {
        Door::Pop3(_) => (ProtocolSetting::PopEnabled, true),
        Door::Imap4(_) => (ProtocolSetting::ImapEnabled, true),
        Door::Smtp(_) => (ProtocolSetting::SmtpClientAuthenticationDisabled, false),
        // What its user may do there is a matter of his roles.
        Door::Web(_) => return Ok(()),
    };
    let found = effective(all, mailbox, setting);
    if found.value == wanted {
        return Ok(());
    }
    Err(Refusal::ProtocolDisabled {
        mailbox: name(),
        protocol: door.protocol(),
        parameter: format!("-{setting} ${wanted}"),
        origin: found.origin,
    })
}
