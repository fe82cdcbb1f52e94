//! New-, Get-, Set- and Remove-ReceiveConnector.
//!
//! Sets of flags (AuthMechanism, PermissionGroups) are replaced as a whole, lists (Bindings, RemoteIPRanges) also know
//! `@{Add=…; Remove=…}`, both as in Exchange. Which combinations are legal, and which connectors may share a binding, is
//! the snapshot's to check. Of the usage types only Custom exists so far; SSLBindings is ours (RFC 8314 §3.3).

use super::mailbox::put;
use super::recipients::not_found;
use super::settings::change_list;
use super::{CHANGES, READS, REMOVES};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Arguments, Call, Failure, wildcard};
use crate::value::{Object, Shape, Value};
use directory::{AuthMechanism, Change, PermissionGroups, ReceiveConnector, Snapshot};
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
        parameters: &[
            parameter("Name", Kind::Text, "Unique name.").at(1).mandatory(),
            parameter("Bindings", Kind::List, "Addresses and ports that begin in clear text.").mandatory(),
            parameter("RemoteIPRanges", Kind::List, "Clients it is for: addresses, a-b, or CIDR.")
                .mandatory(),
            SSL_BINDINGS,
            AUTH,
            GROUPS,
            ENABLED,
            parameter("Custom", Kind::Switch, "Accepted; every new connector is of this type."),
            super::servers::SERVER_ONLY,
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
        parameters: &[
            WHICH,
            parameter("Name", Kind::Text, "Unique name."),
            BINDINGS,
            SSL_BINDINGS,
            RANGES,
            AUTH,
            GROUPS,
            ENABLED,
            parameter("RequireTLS", Kind::Bool, "Whether it refuses MAIL FROM before STARTTLS."),
            parameter("Fqdn", Kind::Text, "Name in banner, EHLO and Received; $null is the server's."),
            parameter("Banner", Kind::Text, "Replaces the greeting; starts with 220. $null restores it."),
            parameter("MaxMessageSize", Kind::Text, "Largest message, such as 36MB."),
            parameter("MaxRecipientsPerMessage", Kind::Text, "Recipients of one message."),
            parameter("MaxHopCount", Kind::Text, "Received fields before a message counts as looping."),
            parameter("MaxInboundConnection", Kind::Text, "Connections at a time, or Unlimited."),
            parameter(
                "MaxInboundConnectionPerSource",
                Kind::Text,
                "Connections at a time from one address, or Unlimited.",
            ),
            parameter("ConnectionTimeout", Kind::Text, "Life of a connection, such as 00:10:00."),
            parameter("ConnectionInactivityTimeout", Kind::Text, "Idle limit, such as 00:05:00."),
            parameter(
                "MaxProtocolErrors",
                Kind::Text,
                "Errors before the connection is closed, or Unlimited.",
            ),
            parameter(
                "MaxLogonFailures",
                Kind::Text,
                "Failed logins before the connection is closed; 0 is never.",
            ),
            parameter(
                "TarpitInterval",
                Kind::Text,
                "Delay before refusals to clients not logged in, such as 00:00:05.",
            ),
        ],
        accepts: &["ReceiveConnector"],
        examples: &[("Set-ReceiveConnector 'Client MAIL' -MaxMessageSize 50MB", "Allows larger messages.")],
        run: Run::Each(|call| Box::pin(set(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Remove-ReceiveConnector",
        synopsis: "Takes away a way for SMTP clients to connect.",
        parameters: &[WHICH],
        accepts: &["ReceiveConnector"],
        examples: &[("Remove-ReceiveConnector Scanners -Confirm:$false", "Removes it without asking.")],
        run: Run::Each(|call| Box::pin(remove(call))),
        ..REMOVES
    },
];

/// A connector as it is shown.
fn view(connector: &ReceiveConnector, server: &str) -> Object {
    Object::new(&RECEIVE_CONNECTOR, connector.guid.to_string())
        .with("Name", &connector.name)
        .with("Identity", format!("{server}\\{}", connector.name))
        .with("Enabled", connector.enabled)
        .with("Bindings", Value::texts(&connector.bindings))
        .with("SSLBindings", Value::texts(&connector.ssl_bindings))
        .with("RemoteIPRanges", Value::texts(&connector.remote_ip_ranges))
        .with("AuthMechanism", connector.auth_mechanism.to_string())
        .with("PermissionGroups", connector.shown_groups().to_string())
        .with("RequireTLS", connector.require_tls)
        .with("Fqdn", &connector.fqdn)
        .with("Banner", connector.banner.as_ref())
        .with("MaxMessageSize", connector.max_message_size)
        .with("MaxRecipientsPerMessage", connector.max_recipients_per_message)
        .with("MaxHopCount", connector.max_hop_count)
        .with("MaxInboundConnection", connector.max_inbound_connection)
        .with("MaxInboundConnectionPerSource", connector.max_inbound_connection_per_source)
        .with("ConnectionTimeout", connector.connection_timeout)
        .with("ConnectionInactivityTimeout", connector.connection_inactivity_timeout)
        .with("MaxProtocolErrors", connector.max_protocol_errors)
        .with("MaxLogonFailures", connector.max_logon_failures)
        .with("TarpitInterval", connector.tarpit_interval)
        .with("Server", server)
        .with("Guid", connector.guid.to_string())
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
    if !call.may("Create the receive connector", &name).await? {
        return Ok(());
    }
    let mut connector = ReceiveConnector::new(&name, Vec::new(), Vec::new());
    let remarks = apply(&call.arguments, &mut connector)?;
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
    put(&mut connector.require_tls, arguments.bool("RequireTLS"));
    put(&mut connector.auth_mechanism, arguments.parse("AuthMechanism")?);
    put(&mut connector.permission_groups, arguments.parse("PermissionGroups")?);
    // It follows from the entries.
    connector.permission_groups.custom = false;
    put(&mut connector.fqdn, arguments.text("Fqdn"));
    put(
        &mut connector.banner,
        arguments.text("Banner").map(|text| Some(text).filter(|text| !text.is_empty())),
    );
    put(&mut connector.max_message_size, arguments.parse("MaxMessageSize")?);
    put(&mut connector.max_recipients_per_message, arguments.parse("MaxRecipientsPerMessage")?);
    put(&mut connector.max_hop_count, arguments.parse("MaxHopCount")?);
    put(&mut connector.max_inbound_connection, arguments.parse("MaxInboundConnection")?);
    put(&mut connector.max_inbound_connection_per_source, arguments.parse("MaxInboundConnectionPerSource")?);
    put(&mut connector.connection_timeout, arguments.parse("ConnectionTimeout")?);
    put(&mut connector.connection_inactivity_timeout, arguments.parse("ConnectionInactivityTimeout")?);
    put(&mut connector.max_protocol_errors, arguments.parse("MaxProtocolErrors")?);
    put(&mut connector.max_logon_failures, arguments.parse("MaxLogonFailures")?);
    put(&mut connector.tarpit_interval, arguments.parse("TarpitInterval")?);
    let mut remarks = Vec::new();
    change_list(arguments, "Bindings", &mut connector.bindings, &mut remarks)?;
    change_list(arguments, "SSLBindings", &mut connector.ssl_bindings, &mut remarks)?;
    change_list(arguments, "RemoteIPRanges", &mut connector.remote_ip_ranges, &mut remarks)?;
    if arguments.given("AuthMechanism") {
        remarks.extend(without_effect(&connector.auth_mechanism));
    }
    Ok(remarks)
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
