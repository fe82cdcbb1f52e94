//! `gatepost demo`: a complete server with sample users and mail on local ports, without any question.
//!
//! The first start makes everything; the boot file says at last that it is complete, so that a first start that was cut
//! short is finished by the next. Later starts continue with the data as it is; another address or port
//! offset moves the bindings that the demo made, and leaves others alone.

use crate::boot::{Boot, DemoPlace, LogLevel};
use crate::cli;
use crate::client_settings;
use crate::failure::Failure;
use crate::ready::ReadyFile;
use crate::running::{self, Opened, Running};
use crate::setup::{self, NewMailbox, NewServer};
use crate::{logging, samples, terminal};
use directory::{Binding, Change, InitialNode, Object, ProtocolSettings, Snapshot, StartupType, WebSettings};
use mail::{Address, Domain, Secret};
use server::listen::{self, Endpoint, ListenError};
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use store::{AuditEntry, ObjectChange};

const DOMAIN: &str = "example.test";
const HOSTNAME: &str = "mail.example.test";
const PASSWORD: &str = "Gatepost!1";
const CALLER: &str = "gatepost demo";
const FIRST_PLACE: DemoPlace =
    DemoPlace { bind: IpAddr::V4(Ipv4Addr::LOCALHOST), port_offset: 10_000, complete: false };

/// Runs until a signal ends it.
pub fn run(options: &cli::Demo) -> Result<(), Failure> {
    let dir = &options.data;
    let ready = options.once_ready_file.as_deref().map(ReadyFile::new);
    let known = Boot::load(dir)?;
    let boot = known.clone().unwrap_or(Boot { log_level: LogLevel::Warn, ..Boot::default() });
    logging::start(boot.log_level, boot.log_format);
    setup::make_dir(dir)?;
    if let Some(ready) = &ready {
        ready.prepare()?;
    }
    let runtime = running::runtime(&boot)?;
    let opened = Opened::new(dir, boot)?;
    runtime.block_on(async {
        let snapshot = prepare(&opened, known.and_then(|boot| boot.demo), options).await?;
        let (settings, stopped) = (client_settings::table(&snapshot), client_settings::stopped(&snapshot));
        let place = place_now(&snapshot);
        let unopened = |errors: &[ListenError], _: &[Endpoint]| Err(refused(errors, place));
        let running = Running::start(opened, snapshot, unopened).await?;
        present(dir, &settings, &stopped);
        if let Some(Err(failure)) = ready.map(ReadyFile::tell) {
            running.end().await?;
            return Err(failure);
        }
        if !place.bind.is_loopback() {
            terminal::tell(OPEN_TO_OTHERS);
        }
        terminal::say("ready");
        running.until_told().await
    })
}

/// The objects to start with: made, finished, or moved to where they are wanted now.
async fn prepare(opened: &Opened, last: Option<DemoPlace>, options: &cli::Demo) -> Result<Snapshot, Failure> {
    let known = setup::load(&opened.dir, &opened.store).await?;
    let lost = known.is_some() && last.is_none();
    if lost && !is_a_demo(opened).await? {
        return Err(not_a_demo(&opened.dir));
    }
    // Where the boot file was lost, the samples were delivered long ago, and may have been removed since.
    let last_or_first = last.unwrap_or(DemoPlace { complete: lost, ..FIRST_PLACE });
    let before = known
        .as_ref()
        .and_then(|snapshot| place_of(snapshot, last_or_first.complete))
        .unwrap_or(last_or_first);
    let wanted = DemoPlace {
        bind: options.bind.unwrap_or(before.bind),
        port_offset: options.port_offset.unwrap_or(before.port_offset),
        complete: before.complete,
    };
    let snapshot = match known {
        Some(snapshot) => move_to(opened, snapshot, before, wanted).await?,
        None => {
            let new = new_server(wanted)?;
            let initial = Snapshot::initial(&new.node).map_err(|error| Failure::Usage(error.to_string()))?;
            check_listeners(&initial)?;
            save_place(opened, wanted)?;
            let now = server::system_clock().seconds;
            setup::create(&opened.dir, &opened.store, new, now).await?
        }
    };
    if !wanted.complete {
        samples::deliver(&opened.store, &snapshot)
            .await
            .map_err(|error| Failure::data(&opened.dir, &error))?;
    }
    let complete = DemoPlace { complete: true, ..wanted };
    if last != Some(complete) {
        save_place(opened, complete)?;
    }
    Ok(snapshot)
}

/// Whether a demo has made this server: the audit log tells it, where the boot file does not.
async fn is_a_demo(opened: &Opened) -> Result<bool, Failure> {
    let audit = opened.store.audit(usize::MAX).await.map_err(|error| Failure::data(&opened.dir, &error))?;
    Ok(audit.iter().any(|entry| entry.cmdlet == "New-Organization" && entry.caller == CALLER))
}

fn save_place(opened: &Opened, place: DemoPlace) -> Result<(), Failure> {
    Boot { demo: Some(place), ..opened.boot.clone() }.save(&opened.dir)
}

fn not_a_demo(dir: &Path) -> Failure {
    let dir = dir.display();
    Failure::setup(format!(
        "{dir} belongs to a server that quickstart has set up, not to a demo; run it with `gatepost serve --data {dir}`, \
         or give the demo a directory of its own with --data"
    ))
}

fn new_server(place: DemoPlace) -> Result<NewServer, Failure> {
    let mailbox = |name: &str| -> Result<NewMailbox, Failure> {
        Ok(NewMailbox {
            address: Address::parse(&format!("{name}@{DOMAIN}")).map_err(Failure::failed)?,
            password: Secret::new(PASSWORD),
            administrator: name == "admin",
        })
    };
    let node = InitialNode {
        hostname: HOSTNAME.to_owned(),
        client_host: client_host(place.bind),
        domain: Domain::new(DOMAIN).map_err(Failure::failed)?,
        addresses: vec![place.bind],
        port_offset: place.port_offset,
        pop_and_imap: StartupType::Automatic,
    };
    let mailboxes = ["alice", "bob", "admin"].into_iter().map(mailbox).collect::<Result<_, _>>()?;
    Ok(NewServer { node, mailboxes, changes: Vec::new(), caller: CALLER })
}

fn client_host(bind: IpAddr) -> String {
    if bind.is_loopback() || bind.is_unspecified() { "localhost".to_owned() } else { bind.to_string() }
}

/// Where the demo's bindings are: where most of the standard ports are. The objects tell it, not the boot file, which a
/// crash may have left behind.
fn place_of(all: &Snapshot, complete: bool) -> Option<DemoPlace> {
    let mut places: Vec<(DemoPlace, usize)> = Vec::new();
    for (binding, standard) in standard_ports(all) {
        let Some(port_offset) = binding.0.port().checked_sub(standard) else { continue };
        let place = DemoPlace { bind: binding.0.ip(), port_offset, complete };
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, count)) => *count += 1,
            None => places.push((place, 1)),
        }
    }
    places.into_iter().max_by_key(|(_, count)| *count).map(|(place, _)| place)
}

fn place_now(all: &Snapshot) -> DemoPlace {
    place_of(all, true).unwrap_or(FIRST_PLACE)
}

/// All bindings, with the standard ports that they may stand for.
fn standard_ports(all: &Snapshot) -> Vec<(Binding, u16)> {
    let connectors = all.receive_connectors();
    let groups = [(&all.pop(), POP), (&all.imap(), IMAP)]
        .map(|(settings, ports)| (&settings.unencrypted_or_tls_bindings, &settings.ssl_bindings, ports));
    let groups = groups
        .into_iter()
        .chain(connectors.into_iter().map(|connector| (&connector.bindings, &connector.ssl_bindings, SMTP)));
    let web = all.web().ssl_bindings.iter().map(|binding| (*binding, HTTPS));
    let mut found: Vec<(Binding, u16)> = web.collect();
    for (clear, tls, ports) in groups {
        found.extend(clear.iter().flat_map(|binding| ports.clear.iter().map(|port| (*binding, *port))));
        found.extend(tls.iter().map(|binding| (*binding, ports.tls)));
    }
    found
}

/// The standard ports of a protocol.
#[derive(Clone, Copy)]
struct Ports {
    clear: &'static [u16],
    tls: u16,
}

const POP: Ports = Ports { clear: &[110], tls: 995 };
const IMAP: Ports = Ports { clear: &[143], tls: 993 };
const SMTP: Ports = Ports { clear: &[25, 587], tls: 465 };
const HTTPS: u16 = 443;

/// Moves the bindings that the demo made, where it is started with another address or port offset.
async fn move_to(
    opened: &Opened,
    old: Snapshot,
    from: DemoPlace,
    to: DemoPlace,
) -> Result<Snapshot, Failure> {
    if (from.bind, from.port_offset) == (to.bind, to.port_offset) {
        check_listeners(&old)?;
        return Ok(old);
    }
    let applied = old.apply(moved(&old, from, to)).map_err(|error| Failure::Usage(error.to_string()))?;
    check_listeners(&applied.snapshot)?;
    let audit = AuditEntry {
        time: server::system_clock().seconds,
        caller: CALLER.to_owned(),
        cmdlet: "Move-Demo".to_owned(),
        object: DOMAIN.to_owned(),
        details: serde_json::json!({
            "parameters": { "Bind": to.bind, "PortOffset": to.port_offset },
            "modified": [
                { "name": "Bind", "old": from.bind, "new": to.bind },
                { "name": "PortOffset", "old": from.port_offset, "new": to.port_offset },
            ],
        })
        .to_string(),
    };
    let change = ObjectChange {
        put: applied.put.into_iter().map(setup::object).collect(),
        audit: vec![audit],
        ..ObjectChange::default()
    };
    opened.store.save(change).await.map_err(|error| Failure::data(&opened.dir, &error))?;
    Ok(applied.snapshot)
}

/// What stands at a standard port of the one place stands at that of the other; everything else was made by an
/// administrator, and stays.
fn moved(old: &Snapshot, from: DemoPlace, to: DemoPlace) -> Vec<Change> {
    let port = |port: u16, standard: &[u16]| {
        let standard = port.checked_sub(from.port_offset).filter(|port| standard.contains(port))?;
        standard.checked_add(to.port_offset)
    };
    let bindings = |bindings: &mut Vec<Binding>, standard: &[u16]| {
        for binding in bindings.iter_mut().filter(|binding| binding.0.ip() == from.bind) {
            if let Some(port) = port(binding.0.port(), standard) {
                *binding = Binding(SocketAddr::new(to.bind, port));
            }
        }
    };
    let settings = |old: &ProtocolSettings, ports: Ports| {
        let mut new = old.clone();
        bindings(&mut new.unencrypted_or_tls_bindings, ports.clear);
        bindings(&mut new.ssl_bindings, &[ports.tls]);
        for shown in &mut new.internal_connection_settings {
            let known = port(shown.port, ports.clear).or_else(|| port(shown.port, &[ports.tls]));
            shown.port = known.unwrap_or(shown.port);
            shown.host = client_host(to.bind);
        }
        Arc::new(new)
    };
    let mut organization = (**old.organization()).clone();
    organization.client_host = client_host(to.bind);
    let mut changes = vec![
        Change::Put(Object::PopSettings(settings(old.pop(), POP))),
        Change::Put(Object::ImapSettings(settings(old.imap(), IMAP))),
        Change::Put(Object::Organization(Arc::new(organization))),
    ];
    let mut web = WebSettings::clone(old.web());
    bindings(&mut web.ssl_bindings, &[HTTPS]);
    changes.push(Change::put(web));
    for connector in old.receive_connectors() {
        let mut new = (**connector).clone();
        bindings(&mut new.bindings, SMTP.clear);
        bindings(&mut new.ssl_bindings, &[SMTP.tls]);
        changes.push(Change::Put(Object::ReceiveConnector(Arc::new(new))));
    }
    changes
}

/// Opens all listeners once and closes them again: a place that cannot be had must not be remembered for the next start.
fn check_listeners(all: &Snapshot) -> Result<(), Failure> {
    let open = |endpoint| listen::open(endpoint).err();
    let errors: Vec<_> = listen::wanted(all).into_iter().filter_map(open).collect();
    if errors.is_empty() { Ok(()) } else { Err(refused(&errors, place_now(all))) }
}

/// Why the demo does not start. Its bindings are best changed all at once, and without a server there is no shell in which
/// a single one could be.
fn refused(errors: &[ListenError], place: DemoPlace) -> Failure {
    let mut lines: Vec<String> = errors.iter().map(ListenError::reason).collect();
    let is_missing = |error: &ListenError| error.error.kind() == ErrorKind::AddrNotAvailable;
    if !errors.iter().all(is_missing) {
        let offset = place.port_offset;
        let other = if offset < 30_000 { offset + 10_000 } else { offset - 10_000 };
        lines.push(format!("Move all ports of the demo: --port-offset {other}"));
    }
    if let Some(taken) = errors.iter().find(|error| error.error.kind() == ErrorKind::AddrInUse) {
        let port = taken.endpoint.address.port();
        lines.push(format!(
            "Or see which program has the port with `ss -ltnp 'sport = :{port}'`, and stop it."
        ));
    }
    if errors.iter().any(is_missing) {
        lines.push("Let the demo listen on an address that this machine has: --bind 127.0.0.1".to_owned());
    }
    Failure::Setup(lines.join("\n"))
}

const OPEN_TO_OTHERS: &str = "WARNING: Other machines can reach this demo, and its passwords are known to everybody. Change \
    them\n(Set-Mailbox -Password), or let only this machine in: --bind 127.0.0.1";

fn present(dir: &Path, settings: &str, stopped: &str) {
    let ca = server::certificate::ca_path(&fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned()));
    let (ca, dir, program) = (ca.display(), dir.display(), terminal::program());
    terminal::say(&format!(
        "Gatepost demo: a mail server for this machine. Settings for a mail program:\n\n{settings}\n{stopped}  \
         Address and login name  alice@{DOMAIN}, bob@{DOMAIN}, or\n  \
         {:24}admin@{DOMAIN}, the administrator\n  \
         Password                {PASSWORD}\n\n\
         Let the mail program trust the certificate authority of this demo: import\n\n  \
         {ca}\n\n\
         In Thunderbird: Settings > Privacy & Security > Manage Certificates >\n\
         Authorities > Import. In Evolution: Preferences > Certificates > Authorities >\n\
         Import. Most others trust what the system trusts. (Accepting the certificate\n\
         unseen does for a demo on your own machine, and nowhere else.)\n\n\
         Administer it in another terminal:\n\n  \
         {program} shell --data {dir}\n\n\
         End it with Ctrl-C; all is kept for the next time.\n",
        ""
    ));
}
