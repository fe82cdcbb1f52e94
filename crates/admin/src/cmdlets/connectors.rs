//! New-, Get-, Set- and Remove-ReceiveConnector.
//!
//! Sets of flags (AuthMechanism, PermissionGroups) are replaced as a whole, lists (Bindings, RemoteIPRanges) also know
//! `@{Add=…; Remove=…}`, both as in Exchange. Which combinations are legal, and which connectors may share a binding, is
//! the snapshot's to check. A usage type says what a new connector begins with; it is not kept. SSLBindings is ours (RFC 8314 §3.3).

use super::connector_settings::{SETTINGS, with_settings};
use super::mailbox::put;
use super::recipients::not_found;
use super::settings::change_list;
use super::{CHANGES, READS, REMOVES, setting};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Arguments, Call, Failure, wildcard};
use crate::value::{Object, Shape, Value};
use directory::{AuthMechanism, Binding, Change, PermissionGroups, ReceiveConnector, Snapshot, Usage};
use std::sync::Arc;

static RECEIVE_CONNECTOR: Shape =
    Shape { name: "ReceiveConnector", columns: &["Identity", "Bindings", "SSLBindings", "Enabled"] };

const WHICH: Parameter =
    parameter("Identity", Kind::Text, "Name, SERVER\\Name or GUID.").at(1).piped().mandatory();
const BINDINGS: Parameter =
    parameter("Bindings", Kind::List, "Addresses and ports that begin in clear text.");
const SSL_BINDINGS: Parameter =
    parameter("SSLBindings", Kind::List, "Addresses and ports with TLS from the first octet.");
const RANGES: Parameter =
    parameter("RemoteIPRanges", Kind::List, "Clients it is for: addresses, a-b, or CIDR.");
const AUTH: Parameter =
    parameter("AuthMechanism", Kind::Text, "What it offers for logging in; replaces the whole set. Integrated and ExchangeServer have no effect in this version.")
        .one_of(AuthMechanism::NAMES);
const GROUPS: Parameter =
    parameter("PermissionGroups", Kind::Text, "Who may use it; replaces the whole set.")
        .one_of(PermissionGroups::NAMES);
const ENABLED: Parameter = parameter("Enabled", Kind::Bool, "Whether it takes connections.");

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-ReceiveConnector",
        synopsis: "Shows where SMTP clients connect.",
        parameters: &[
            parameter("Identity", Kind::Text, "Name, SERVER\\Name or GUID; * and ? stand for letters.")
                .at(1)
                .piped(),
            super::servers::SERVER_ONLY,
            super::recipients::DOMAIN_CONTROLLER,
        ],
        accepts: &["ReceiveConnector"],
        examples: &[(
            "Get-ReceiveConnector | Format-List Name,Bindings,RemoteIPRanges,PermissionGroups",
            "Shows who may connect where.",
        )],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "New-ReceiveConnector",
        synopsis: "Lets SMTP clients connect in another way.",
        parameters: with_settings![
            parameter("Name", Kind::Text, "Unique name.").at(1).mandatory(),
            BINDINGS,
            RANGES,
            SSL_BINDINGS,
            AUTH,
            GROUPS,
            ENABLED,
            parameter("Usage", Kind::Text, "What it is for: what it begins with where nothing else is said.")
                .one_of(Usage::NAMES),
            parameter("Client", Kind::Switch, "As -Usage Client: users who log in, on port 587."),
            parameter("Internal", Kind::Switch, "As -Usage Internal: our own servers, on port 25."),
            parameter("Internet", Kind::Switch, "As -Usage Internet: anybody, for our own recipients."),
            parameter("Partner", Kind::Switch, "As -Usage Partner: servers known by mutual TLS."),
            parameter("Custom", Kind::Switch, "As -Usage Custom, which is usual: nobody, until it is said."),
            super::servers::SERVER_ONLY,
            super::recipients::DOMAIN_CONTROLLER,
        ],
        examples: &[(
            "New-ReceiveConnector Scanners -Bindings 0.0.0.0:25 -RemoteIPRanges 192.168.5.10,192.168.5.11 -PermissionGroups AnonymousUsers",
            "Lets two devices send to our own recipients.",
        )],
        run: Run::Each(|call| Box::pin(new(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Set-ReceiveConnector",
        synopsis: "Changes where and how SMTP clients connect, at once.",
        parameters: with_settings![
            WHICH,
            parameter("Name", Kind::Text, "Unique name."),
            BINDINGS,
            SSL_BINDINGS,
            RANGES,
            AUTH,
            GROUPS,
            ENABLED,
            super::recipients::DOMAIN_CONTROLLER,
        ],
        accepts: &["ReceiveConnector"],
        examples: &[("Set-ReceiveConnector 'Client MAIL' -MaxMessageSize 50MB", "Allows larger messages.")],
        run: Run::Each(|call| Box::pin(set(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Remove-ReceiveConnector",
        synopsis: "Takes away a way for SMTP clients to connect.",
        parameters: &[WHICH, super::recipients::DOMAIN_CONTROLLER],
        accepts: &["ReceiveConnector"],
        examples: &[("Remove-ReceiveConnector Scanners -Confirm:$false", "Removes it without asking.")],
        run: Run::Each(|call| Box::pin(remove(call))),
        ..REMOVES
    },
];

/// A connector as it is shown.
fn view(connector: &ReceiveConnector, server: &str) -> Object {
    let object = Object::new(&RECEIVE_CONNECTOR, connector.guid.to_string())
        .with("Name", &connector.name)
        .with("Identity", format!("{server}\\{}", connector.name))
        .with("Enabled", connector.enabled)
        .with("Bindings", Value::texts(&connector.bindings))
        .with("SSLBindings", Value::texts(&connector.ssl_bindings))
        .with("RemoteIPRanges", Value::texts(&connector.remote_ip_ranges))
        .with("AuthMechanism", connector.auth_mechanism.to_string())
        .with("PermissionGroups", connector.shown_groups().to_string())
        .with("OpenRelay", policy::open_relay(connector).map(|why| format!("Anyone: {why}")));
    setting::show(SETTINGS, connector, object).with("Server", server).with("Guid", connector.guid.to_string())
}

/// The usage type that the arguments name; two are one too many.
fn usage(arguments: &Arguments) -> Result<Usage, Failure> {
    let switches = Usage::ALL.iter().copied().filter(|usage| arguments.switch(&usage.to_string()));
    let named: Vec<Usage> = switches.chain(arguments.parse("Usage")?).collect();
    match named.as_slice() {
        [] => Ok(Usage::Custom),
        [only] => Ok(*only),
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            let names = names.join(" and ");
            Err(format!("A connector has one usage type, not {names}; name one of them.").into())
        }
    }
}

/// Refuses a new connector that says what its usage type has fixed, or leaves open what it has not.
fn check_usage(arguments: &Arguments, usage: Usage, begun: &ReceiveConnector) -> Result<(), Failure> {
    let bindings = arguments.given("Bindings") || arguments.given("SSLBindings");
    let parts = [
        ("Bindings", bindings, texts(&begun.bindings)),
        ("RemoteIPRanges", arguments.given("RemoteIPRanges"), texts(&begun.remote_ip_ranges)),
    ];
    for (part, given, fixed) in parts {
        let open = fixed.is_empty();
        if open && !given {
            return Err(format!("A connector of usage type {usage} needs -{part}.").into());
        }
        if !open && given {
            return Err(format!(
                "Usage type {usage} begins with {part} {fixed}; leave -{part} away, and change it with \
                 Set-ReceiveConnector afterwards."
            )
            .into());
        }
    }
    Ok(())
}

fn texts<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

fn one(call: &Call<'_>, snapshot: &Snapshot) -> Result<Arc<ReceiveConnector>, Failure> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    snapshot.receive_connector(&identity).cloned().ok_or_else(|| not_found(call, &identity))
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    super::servers::check(call)?;
    let snapshot = call.context().directory.snapshot();
    let server = call.context().server_name();
    let pattern = call.arguments.text("Identity").unwrap_or_else(|| "*".to_owned());
    if !wildcard::is_pattern(&pattern) {
        let found = view(&*one(call, &snapshot)?, &server);
        call.emit(found).await?;
        return Ok(());
    }
    for connector in snapshot.receive_connectors() {
        let full = format!("{server}\\{}", connector.name);
        if wildcard::fits(&pattern, &connector.name) || wildcard::fits(&pattern, &full) {
            call.emit(view(connector, &server)).await?;
        }
    }
    Ok(())
}

async fn new(call: &mut Call<'_>) -> Result<(), Failure> {
    super::servers::check(call)?;
    let server = call.context().server_name();
    let name = call.arguments.text("Name").unwrap_or_default();
    let usage = usage(&call.arguments)?;
    if !call.may("Create the receive connector", &name).await? {
        return Ok(());
    }
    let mut connector = ReceiveConnector::of_usage(usage, &name);
    check_usage(&call.arguments, usage, &connector)?;
    let remarks = apply(&call.arguments, &mut connector)?;
    local_addresses(call, &connector, &[])?;
    let after = view(&connector, &server);
    let changing = change::begin(call.context()).await;
    if changing.snapshot.receive_connector(&name).is_some() {
        return Err(format!("There is a receive connector '{name}' already.").into());
    }
    let edit = Edit { changes: vec![Change::put(connector)], after: Some(after.clone()), ..Edit::default() };
    let committed = changing.commit(call, edit).await;
    for remark in remarks {
        call.warn(remark).await?;
    }
    committed?;
    call.emit(after).await?;
    Ok(())
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let server = call.context().server_name();
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Change the receive connector", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = one(call, &changing.snapshot)?;
    let mut connector = ReceiveConnector::clone(&old);
    put(&mut connector.name, call.arguments.text("Name"));
    let remarks = apply(&call.arguments, &mut connector)?;
    let known: Vec<Binding> = old.all_bindings().copied().collect();
    local_addresses(call, &connector, &known)?;
    let edit = Edit {
        before: Some(view(&old, &server)),
        after: Some(view(&connector, &server)),
        changes: vec![Change::put(connector)],
        ..Edit::default()
    };
    let committed = changing.commit(call, edit).await;
    for remark in remarks {
        call.warn(remark).await?;
    }
    committed
}

fn apply(arguments: &Arguments, connector: &mut ReceiveConnector) -> Result<Vec<String>, Failure> {
    put(&mut connector.enabled, arguments.bool("Enabled"));
    put(&mut connector.auth_mechanism, arguments.parse("AuthMechanism")?);
    put(&mut connector.permission_groups, arguments.parse("PermissionGroups")?);
    // Shown, not kept: it says that there are entries, and these stay whatever the groups are.
    connector.permission_groups.custom = false;
    let mut remarks = Vec::new();
    change_list(arguments, "Bindings", &mut connector.bindings, &mut remarks)?;
    change_list(arguments, "SSLBindings", &mut connector.ssl_bindings, &mut remarks)?;
    change_list(arguments, "RemoteIPRanges", &mut connector.remote_ip_ranges, &mut remarks)?;
    if arguments.given("AuthMechanism") {
        remarks.extend(without_effect(&connector.auth_mechanism));
    }
    remarks.extend(setting::put(
        SETTINGS,
        connector,
        &ReceiveConnector::new("", Vec::new(), Vec::new()),
        arguments,
    )?);
    remarks.extend(super::access::open_relay(connector));
    Ok(remarks)
}

/// New bindings have to be addresses of this machine: others could not be opened, at the latest after its next start.
fn local_addresses(call: &Call<'_>, connector: &ReceiveConnector, known: &[Binding]) -> Result<(), Failure> {
    let strange = |binding: &&Binding| {
        let ip = binding.0.ip();
        !known.contains(binding) && !ip.is_unspecified() && !call.context().node.has_address(ip)
    };
    match connector.all_bindings().find(strange) {
        Some(binding) => Err(Failure::Error(format!(
            "ReceiveConnector '{}', Bindings: {} is no address of this server; legal: its addresses, 0.0.0.0 for all of \
             IPv4, and [::] for all of IPv6.",
            connector.name,
            binding.0.ip()
        ))),
        None => Ok(()),
    }
}

/// Mechanisms that do something in Exchange and nothing here, with what to do instead.
fn without_effect(mechanism: &AuthMechanism) -> Vec<String> {
    let remark = |name: &str, instead: &str| {
        format!("AuthMechanism {name} is kept, but has no effect in this version. {instead}")
    };
    let all = [
        mechanism.integrated.then(|| {
            remark("Integrated", "Let clients log in with BasicAuth under TLS: -AuthMechanism Tls,BasicAuth,BasicAuthRequireTLS")
        }),
        mechanism.exchange_server.then(|| {
            remark("ExchangeServer", "Let other servers of yours in by their addresses: a connector of their own with -AuthMechanism ExternalAuthoritative -PermissionGroups ExchangeServers")
        }),
    ];
    all.into_iter().flatten().collect()
}

async fn remove(call: &mut Call<'_>) -> Result<(), Failure> {
    let server = call.context().server_name();
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Remove the receive connector", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = one(call, &changing.snapshot)?;
    let edit =
        Edit { before: Some(view(&old, &server)), changes: vec![Change::remove(old)], ..Edit::default() };
    changing.commit(call, edit).await
}
