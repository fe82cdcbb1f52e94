//! Who may connect: the receive connector that takes a connection, and how many connections there may be.

use crate::{Refusal, Scope};
use directory::{Limit, Mailbox, ProtocolSettings, ReceiveConnector, Snapshot, WebSettings};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The object that decides about a connection.
#[derive(Clone, Copy, Debug)]
pub enum Door<'a> {
    /// POP3 with its settings.
    Pop3(&'a ProtocolSettings),
    /// IMAP4 with its settings.
    Imap4(&'a ProtocolSettings),
    /// SMTP with the connector that took the connection.
    Smtp(&'a ReceiveConnector),
    /// HTTPS with its settings.
    Web(&'a WebSettings),
}

impl Door<'_> {
    /// The protocol's name.
    pub fn protocol(&self) -> &'static str {
        match self {
            Door::Pop3(_) => "POP3",
            Door::Imap4(_) => "IMAP4",
            Door::Smtp(_) => "SMTP",
            Door::Web(_) => "HTTPS",
        }
    }

    /// The command that changes the object, up to its parameters.
    pub(crate) fn set_command(&self) -> String {
        match self {
            Door::Pop3(_) => "Set-PopSettings".to_owned(),
            Door::Imap4(_) => "Set-ImapSettings".to_owned(),
            Door::Web(_) => "Set-WebSettings".to_owned(),
            Door::Smtp(connector) => {
                format!("Set-ReceiveConnector {}", crate::refusal::quoted(&connector.name))
            }
        }
    }
}

/// Connections that are open besides the one in question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// To the service or connector.
    pub total: u32,
    /// To it from the same client address.
    pub from_address: u32,
}

/// The connector for a connection: enabled, bound to the local address (an exact address before the wildcard), and
/// with the smallest range of client addresses that has the client in it.
pub fn connector(
    all: &Snapshot,
    local: SocketAddr,
    remote: IpAddr,
) -> Result<Arc<ReceiveConnector>, Refusal> {
    // A socket for both families shows IPv4 clients as mapped addresses.
    let (local, remote) = (SocketAddr::new(local.ip().to_canonical(), local.port()), remote.to_canonical());
    let rank = |connector: &ReceiveConnector| Some((bound(connector, local)?, narrowest(connector, remote)?));
    let ranked = all.receive_connectors().into_iter().filter(|connector| connector.enabled);
    let best = ranked.filter_map(|found| rank(found).map(|rank| (rank, found))).min_by_key(|(rank, _)| *rank);
    best.map(|(_, found)| found.clone()).ok_or(Refusal::NoConnector { local, remote })
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    Exact,
    Wildcard,
}

fn bound(connector: &ReceiveConnector, local: SocketAddr) -> Option<Match> {
    let same_port =
        connector.all_bindings().map(|binding| binding.0).filter(|bound| bound.port() == local.port());
    same_port
        .filter_map(|bound| match bound.ip() {
            ip if ip == local.ip() => Some(Match::Exact),
            ip if ip.is_unspecified() && ip.is_ipv4() == local.is_ipv4() => Some(Match::Wildcard),
            _ => None,
        })
        .min()
}

fn narrowest(connector: &ReceiveConnector, remote: IpAddr) -> Option<u128> {
    connector.remote_ip_ranges.iter().filter(|range| range.contains(remote)).map(|range| range.span()).min()
}

/// Whether one more connection is taken.
pub fn admit(door: Door<'_>, open: Connections) -> Result<(), Refusal> {
    let (total, from_address) = match door {
        Door::Pop3(settings) | Door::Imap4(settings) => {
            (Limit::To(settings.max_connections), Limit::To(settings.max_connection_from_single_ip))
        }
        Door::Smtp(connector) => {
            (connector.max_inbound_connection, connector.max_inbound_connection_per_source)
        }
        Door::Web(settings) => {
            (Limit::To(settings.max_connections), Limit::To(settings.max_connection_from_single_ip))
        }
    };
    below(door, Scope::Service, total, open.total)?;
    below(door, Scope::Address, from_address, open.from_address)?;
    match door {
        Door::Smtp(connector) => fair_share(connector, open),
        Door::Pop3(_) | Door::Imap4(_) | Door::Web(_) => Ok(()),
    }
}

/// One address may have its share of the connections that are left, and one connection at least.
fn fair_share(connector: &ReceiveConnector, open: Connections) -> Result<(), Refusal> {
    let percentage = connector.restrictions.max_inbound_connection_percentage_per_source;
    let Limit::To(total) = connector.max_inbound_connection else { return Ok(()) };
    let left = u64::from(total.saturating_sub(open.total));
    let share = u32::try_from(left * u64::from(percentage) / 100).unwrap_or(u32::MAX).max(1);
    if percentage >= 100 || open.from_address < share {
        return Ok(());
    }
    let (door, more) = (Door::Smtp(connector), percentage.saturating_mul(2).min(100));
    Err(Refusal::TooManyConnections {
        protocol: door.protocol(),
        scope: Scope::Address,
        limit: share,
        remedy: format!("{} -MaxInboundConnectionPercentagePerSource {more}", door.set_command()),
    })
}

/// Whether a node that has so many connections open has files left for one more.
pub fn admit_node(open: u32, limit: u32) -> Result<(), Refusal> {
    if open < limit { Ok(()) } else { Err(Refusal::TooFewFiles { limit }) }
}

/// Whether a user who has so many sessions open may have one more.
pub fn admit_user(door: Door<'_>, open: u32) -> Result<(), Refusal> {
    match door {
        Door::Pop3(settings) | Door::Imap4(settings) => {
            below(door, Scope::User, Limit::To(settings.max_connections_per_user), open)
        }
        Door::Smtp(_) | Door::Web(_) => Ok(()),
    }
}

/// Whether a POP3 session has the maildrop to itself when so many others have it open (RFC 1939 §4). That bounds a user
/// more than MaxConnectionsPerUser can. A session that was forgotten goes on until it has been silent for too long.
pub fn maildrop(all: &Snapshot, mailbox: &Mailbox, open: u32) -> Result<(), Refusal> {
    let command = Door::Pop3(all.pop()).set_command();
    let remedy = format!("{command} -AuthenticatedConnectionTimeout 00:05:00");
    let refusal = || Refusal::MaildropInUse { mailbox: mailbox.name.clone(), remedy };
    if open == 0 { Ok(()) } else { Err(refusal()) }
}

fn below(door: Door<'_>, scope: Scope, limit: Limit<u32>, open: u32) -> Result<(), Refusal> {
    match limit {
        Limit::To(limit) if open >= limit => {
            let smtp = matches!(door, Door::Smtp(_));
            Err(Refusal::TooManyConnections {
                protocol: door.protocol(),
                scope,
                limit,
                remedy: format!(
                    "{} -{} {}",
                    door.set_command(),
                    scope.parameter(smtp),
                    limit.saturating_mul(2)
                ),
            })
        }
        _ => Ok(()),
    }
}
