//! Get- and Set-WebSettings: the HTTPS listener, which is the service W3SVC.

use super::mailbox::put;
use super::recipients::DOMAIN_CONTROLLER;
use super::servers::{self, SERVER};
use super::settings::change_list;
use super::{CHANGES, READS};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::run::{Call, Failure};
use crate::value::{Object, Shape, Value};
use directory::{Change, ServiceName, WebSettings};

static SETTINGS: Shape =
    Shape { name: "WebSettings", columns: &["SSLBindings", "ExternalHost", "MaxConnections"] };

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-WebSettings",
        synopsis: "Shows the settings of HTTPS.",
        parameters: &[SERVER, DOMAIN_CONTROLLER],
        accepts: servers::SERVER_TYPES,
        examples: &[("Get-WebSettings | Format-List", "Shows all of them.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Set-WebSettings",
        synopsis: "Changes the settings of HTTPS, at once.",
        parameters: &[
            parameter("SSLBindings", Kind::List, "Addresses and ports with TLS from the first octet."),
            parameter(
                "ExternalHost",
                Kind::Text,
                "Name, or name:port, under which clients reach them, where it is not ClientHost.",
            ),
            parameter("MaxConnections", Kind::Text, "Connections to the service."),
            parameter("MaxConnectionFromSingleIP", Kind::Text, "Connections from one client address."),
            SERVER,
            DOMAIN_CONTROLLER,
        ],
        accepts: servers::SERVER_TYPES,
        examples: &[("Set-WebSettings -SSLBindings 0.0.0.0:443,[::]:443", "Listens on all addresses.")],
        run: Run::Each(|call| Box::pin(set(call))),
        ..CHANGES
    },
];

fn view(settings: &WebSettings, server: &str) -> Object {
    Object::new(&SETTINGS, server)
        .with("Name", "1")
        .with("Server", server)
        .with("SSLBindings", Value::texts(&settings.ssl_bindings))
        .with("ExternalHost", &settings.external_host)
        .with("MaxConnections", settings.max_connections)
        .with("MaxConnectionFromSingleIP", settings.max_connection_from_single_ip)
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    servers::check(call)?;
    let server = call.context().server_name();
    let object = view(call.context().directory.snapshot().web(), &server);
    call.emit(object).await?;
    Ok(())
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    servers::check(call)?;
    let server = call.context().server_name();
    if !call.may("Change the settings of HTTPS on", &server).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = WebSettings::clone(changing.snapshot.web());
    let (mut settings, mut remarks) = (old.clone(), Vec::new());
    change_list(&call.arguments, "SSLBindings", &mut settings.ssl_bindings, &mut remarks)?;
    put(&mut settings.external_host, call.arguments.text("ExternalHost"));
    put(&mut settings.max_connections, call.arguments.parse("MaxConnections")?);
    put(&mut settings.max_connection_from_single_ip, call.arguments.parse("MaxConnectionFromSingleIP")?);
    if !settings.ssl_bindings.is_empty() && !changing.snapshot.is_running(ServiceName::Web) {
        remarks.push(
            "HTTPS is stopped. Set-Service W3SVC -StartupType Automatic; Start-Service W3SVC starts it."
                .to_owned(),
        );
    }
    let edit = Edit {
        before: Some(view(&old, &server)),
        after: Some(view(&settings, &server)),
        changes: vec![Change::put(settings)],
        ..Edit::default()
    };
    let committed = changing.commit(call, edit).await;
    for remark in remarks {
        call.warn(remark).await?;
    }
    committed
}
