//! Listening sockets: which the directory wants, and how one is opened.
//!
//! [`wanted`] reads a snapshot and says which endpoints should be open; [`open`] opens one, or says in words that help
//! why it cannot be. Accepting is the node's matter.

use directory::{Binding, ServiceName, Snapshot};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use tokio::net::TcpListener;

/// Connections the kernel keeps until we accept them.
const BACKLOG: i32 = 1024;

/// Whether an address is one of this machine: whether the system gives a port there. Nothing is sent.
pub fn has_address(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// A local address and port with what is served there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Address and port.
    pub address: SocketAddr,
    /// Whose it is.
    pub service: ServiceName,
    /// How a connection begins.
    pub begin: Begin,
}

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Begin {
    /// In clear, with STARTTLS or STLS on offer.
    Clear,
    /// With TLS from the first octet.
    Tls,
}

/// An endpoint that could not be opened.
#[derive(Debug)]
pub struct ListenError {
    /// Which.
    pub endpoint: Endpoint,
    /// What the system said.
    pub error: io::Error,
    /// The service of this server that is in the way, where one is.
    pub taken_by: Option<ServiceName>,
}

impl std::error::Error for ListenError {}

impl ListenError {
    /// What happened and why, without the command that changes it.
    pub fn reason(&self) -> String {
        let Endpoint { address, service, .. } = self.endpoint;
        let why = match (self.error.kind(), self.taken_by) {
            (io::ErrorKind::AddrInUse, Some(taker)) => {
                format!("port {} is taken by Gatepost itself ({})", address.port(), taker.display_name())
            }
            (io::ErrorKind::AddrInUse, None) => {
                format!("port {} is taken by another program", address.port())
            }
            (io::ErrorKind::PermissionDenied, _) => "this user has no right to".to_owned(),
            (io::ErrorKind::AddrNotAvailable, _) => "this machine has no such address".to_owned(),
            _ => self.error.to_string(),
        };
        format!("{} cannot listen on {address}: {why}", service.display_name())
    }

    /// What to do about it while the server runs.
    pub fn hint(&self) -> String {
        let port = self.endpoint.address.port();
        match self.error.kind() {
            io::ErrorKind::AddrInUse if self.taken_by.is_some() => {
                "One port serves one purpose: choose another with the command in parentheses".to_owned()
            }
            io::ErrorKind::AddrInUse => format!(
                "See which program has the port with `ss -ltnp 'sport = :{port}'` and stop it, or choose another port \
                 with the command in parentheses"
            ),
            io::ErrorKind::PermissionDenied => {
                "Ports below 1024 are for root only. Give the program the right with `setcap \
                 cap_net_bind_service=+ep $(command -v gatepost)` or AmbientCapabilities=CAP_NET_BIND_SERVICE in its \
                 unit, or choose higher ports with the commands in parentheses"
                    .to_owned()
            }
            io::ErrorKind::AddrNotAvailable => {
                "See the addresses of this machine with `ip addr`, and change the binding with the command in parentheses"
                    .to_owned()
            }
            _ => "Change the binding with the command in parentheses".to_owned(),
        }
    }
}

/// What happened to several endpoints, and each hint once, as a text of several lines.
pub fn explain(errors: &[ListenError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).chain(hints(errors)).collect();
    lines.join("\n")
}

/// What to do about several, each hint once.
pub fn hints(errors: &[ListenError]) -> Vec<String> {
    let (mut kinds, mut hints) = (Vec::new(), Vec::new());
    for error in errors {
        let kind = (error.error.kind(), error.taken_by.is_some());
        if !kinds.contains(&kind) {
            kinds.push(kind);
            hints.push(format!("{}.", error.hint()));
        }
    }
    hints
}

impl std::fmt::Display for ListenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Endpoint { service, begin, .. } = self.endpoint;
        write!(f, "{} ({})", self.reason(), setting(service, begin))
    }
}

fn setting(service: ServiceName, begin: Begin) -> &'static str {
    match (service, begin) {
        (ServiceName::Pop3, Begin::Clear) => "Set-PopSettings -UnencryptedOrTLSBindings",
        (ServiceName::Pop3, Begin::Tls) => "Set-PopSettings -SSLBindings",
        (ServiceName::Imap4, Begin::Clear) => "Set-ImapSettings -UnencryptedOrTLSBindings",
        (ServiceName::Imap4, Begin::Tls) => "Set-ImapSettings -SSLBindings",
        (ServiceName::Transport, Begin::Clear) => "Set-ReceiveConnector -Bindings",
        (ServiceName::Transport, Begin::Tls) => "Set-ReceiveConnector -SSLBindings",
        (ServiceName::Web, _) => "Set-WebSettings -SSLBindings",
    }
}

/// The endpoints that should be open now. Receive connectors may share one.
pub fn wanted(snapshot: &Snapshot) -> BTreeSet<Endpoint> {
    ServiceName::ALL
        .into_iter()
        .filter(|&name| snapshot.is_running(name))
        .flat_map(|name| endpoints(snapshot, name))
        .collect()
}

fn endpoints(snapshot: &Snapshot, service: ServiceName) -> Vec<Endpoint> {
    let with = |begin: Begin, bindings: &[Binding]| -> Vec<Endpoint> {
        bindings.iter().map(|binding| Endpoint { address: binding.0, service, begin }).collect()
    };
    let both =
        |clear: &[Binding], tls: &[Binding]| [with(Begin::Clear, clear), with(Begin::Tls, tls)].concat();
    match service {
        ServiceName::Pop3 => both(&snapshot.pop().unencrypted_or_tls_bindings, &snapshot.pop().ssl_bindings),
        ServiceName::Imap4 => {
            both(&snapshot.imap().unencrypted_or_tls_bindings, &snapshot.imap().ssl_bindings)
        }
        ServiceName::Web => with(Begin::Tls, &snapshot.web().ssl_bindings),
        ServiceName::Transport => snapshot
            .receive_connectors()
            .into_iter()
            .filter(|connector| connector.enabled)
            .flat_map(|connector| both(&connector.bindings, &connector.ssl_bindings))
            .collect(),
    }
}

/// Opens a listening socket. `None` where `[::]` is wanted and the machine has no IPv6.
pub fn open(endpoint: Endpoint) -> Result<Option<TcpListener>, ListenError> {
    match bind(endpoint.address) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if endpoint.address.ip() == std::net::Ipv6Addr::UNSPECIFIED && is_without_ipv6(&error) => {
            tracing::info!(address = %endpoint.address, "not listening: this machine has no IPv6");
            Ok(None)
        }
        Err(error) => Err(ListenError { endpoint, error, taken_by: None }),
    }
}

fn is_without_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.raw_os_error() == Some(EAFNOSUPPORT) || error.kind() == io::ErrorKind::AddrNotAvailable
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `[::]:25` and `0.0.0.0:25` stand side by side in every settings object.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(address: SocketAddr) -> Endpoint {
        Endpoint { address, service: ServiceName::Pop3, begin: Begin::Clear }
    }

    #[tokio::test]
    async fn a_taken_port_is_explained() {
        let first = open(endpoint("127.0.0.1:0".parse().unwrap())).unwrap().unwrap();
        let address = first.local_addr().unwrap();
        let text = explain(&[open(endpoint(address)).unwrap_err()]);
        for part in [&format!("port {} is taken", address.port()), "ss -ltnp", "Set-PopSettings"] {
            assert!(text.contains(part), "{text}");
        }
        drop(first);
        assert!(open(endpoint(address)).unwrap().is_some(), "free again at once");
    }

    #[test]
    fn a_port_that_we_hold_ourselves_is_not_blamed_on_others() {
        let error = ListenError {
            endpoint: endpoint("0.0.0.0:110".parse().unwrap()),
            error: io::ErrorKind::AddrInUse.into(),
            taken_by: Some(ServiceName::Imap4),
        };
        let text = explain(&[error]);
        assert!(text.contains("taken by Gatepost itself (Microsoft Exchange IMAP4)"), "{text}");
        assert!(!text.contains("ss -ltnp"), "{text}");
    }

    #[tokio::test]
    async fn both_families_share_a_port() {
        let four = open(endpoint("0.0.0.0:0".parse().unwrap())).unwrap().unwrap();
        let port = four.local_addr().unwrap().port();
        // `None` on a machine without IPv6.
        open(endpoint(SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), port))).unwrap();
    }

    #[tokio::test]
    async fn other_failures_name_the_setting() {
        let error = |kind: io::ErrorKind| ListenError {
            endpoint: Endpoint {
                address: "192.0.2.1:25".parse().unwrap(),
                service: ServiceName::Transport,
                begin: Begin::Clear,
            },
            error: kind.into(),
            taken_by: None,
        };
        for (kind, part) in [
            (io::ErrorKind::PermissionDenied, "cap_net_bind_service"),
            (io::ErrorKind::AddrNotAvailable, "no such address"),
            (io::ErrorKind::OutOfMemory, "cannot listen on 192.0.2.1:25"),
        ] {
            let text = explain(&[error(kind), error(kind)]);
            assert!(text.contains(part) && text.contains("Set-ReceiveConnector -Bindings"), "{text}");
            assert_eq!(text.lines().count(), 3, "one hint for both: {text}");
        }
    }
}
