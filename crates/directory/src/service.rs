//! The services of a node, under the names that administrators and their scripts know.

use crate::names::named;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A service that can be started and stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ServiceName {
    /// `MSExchangePOP3`
    Pop3,
    /// `MSExchangeIMAP4`
    Imap4,
    /// `MSExchangeTransport`: all receive connectors, submission and delivery.
    Transport,
    /// `W3SVC`: HTTPS, for administration from afar and for clients that look for their settings.
    Web,
}

/// A name under which a service is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceEntry {
    /// The name in commands.
    pub name: &'static str,
    /// The name for people.
    pub display_name: &'static str,
    /// The service behind it.
    pub service: ServiceName,
    /// Whether it is the service's own name, or that of a part which newer versions of Exchange run apart.
    pub kind: EntryKind,
}

/// Whether a service name is the service's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// It is.
    Own,
    /// It belongs to a part that is one with the service here; commands are carried out on the service, with a note.
    Alias,
}

/// All service names.
pub const SERVICES: [ServiceEntry; 7] = [
    entry("MSExchangePOP3", "Microsoft Exchange POP3", ServiceName::Pop3, EntryKind::Own),
    entry("MSExchangeIMAP4", "Microsoft Exchange IMAP4", ServiceName::Imap4, EntryKind::Own),
    entry("MSExchangeTransport", "Microsoft Exchange Transport", ServiceName::Transport, EntryKind::Own),
    entry("W3SVC", "World Wide Web Publishing Service", ServiceName::Web, EntryKind::Own),
    entry("MSExchangePOP3BE", "Microsoft Exchange POP3 Backend", ServiceName::Pop3, EntryKind::Alias),
    entry("MSExchangeIMAP4BE", "Microsoft Exchange IMAP4 Backend", ServiceName::Imap4, EntryKind::Alias),
    entry(
        "MSExchangeFrontEndTransport",
        "Microsoft Exchange Frontend Transport",
        ServiceName::Transport,
        EntryKind::Alias,
    ),
];

const fn entry(
    name: &'static str,
    display_name: &'static str,
    service: ServiceName,
    kind: EntryKind,
) -> ServiceEntry {
    ServiceEntry { name, display_name, service, kind }
}

impl ServiceName {
    /// All services.
    pub const ALL: [ServiceName; 4] =
        [ServiceName::Pop3, ServiceName::Imap4, ServiceName::Transport, ServiceName::Web];

    /// Its name in commands.
    pub const fn name(self) -> &'static str {
        match self {
            ServiceName::Pop3 => "MSExchangePOP3",
            ServiceName::Imap4 => "MSExchangeIMAP4",
            ServiceName::Transport => "MSExchangeTransport",
            ServiceName::Web => "W3SVC",
        }
    }

    /// Its name for people.
    pub const fn display_name(self) -> &'static str {
        match self {
            ServiceName::Pop3 => "Microsoft Exchange POP3",
            ServiceName::Imap4 => "Microsoft Exchange IMAP4",
            ServiceName::Transport => "Microsoft Exchange Transport",
            ServiceName::Web => "World Wide Web Publishing Service",
        }
    }

    /// The entry of a name or display name, without regard to case.
    pub fn find(name: &str) -> Option<&'static ServiceEntry> {
        let wanted = name.trim();
        SERVICES.iter().find(|entry| {
            [entry.name, entry.display_name].iter().any(|known| known.eq_ignore_ascii_case(wanted))
        })
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// When a service starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartupType {
    /// With the node.
    Automatic,
    /// When told to.
    Manual,
    /// Never.
    Disabled,
}

named!(StartupType { Automatic = 2, Manual = 3, Disabled = 4 });

/// A service's start type and whether it should run now. Object kind `Service`, key its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Which.
    pub name: ServiceName,
    /// When it starts.
    pub startup: StartupType,
    /// Whether it should run now: as `startup` says when the node starts, then as an administrator says. Not saved.
    #[serde(skip)]
    pub running: bool,
}

impl Service {
    /// The service as it is when a node starts.
    pub fn new(name: ServiceName, startup: StartupType) -> Service {
        Service { name, startup, running: startup == StartupType::Automatic }
    }
}
