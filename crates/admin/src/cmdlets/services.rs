//! Get-, Set-, Start-, Stop- and Restart-Service.
//!
//! Start type and running are two things, as in Windows: changing one leaves the other alone, and what runs is not
//! saved but follows the start type when the node starts. Starting what runs, or stopping what does not, is silent.
//! Newer versions of Exchange split POP3 and IMAP4 in two services each; their names mean the whole here, with a note.

use super::{CHANGES, READS};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::value::{Object, Shape};
use directory::{Change, EntryKind, SERVICES, Service, ServiceName, Snapshot, StartupType};

static SERVICE: Shape = Shape { name: "Service", columns: &["Status", "Name", "DisplayName"] };

const NAME_READ: Parameter =
    parameter("Name", Kind::List, "Names; * and ? stand for letters.").alias(&["Identity"]).at(1).piped();
const NAME: Parameter =
    parameter("Name", Kind::List, "Names of services.").alias(&["Identity"]).at(1).piped().mandatory();
const STARTUP_TYPES: &[&str] = &["Automatic", "Manual", "Disabled"];

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-Service",
        aliases: &["gsv"],
        synopsis: "Shows the services of the server.",
        parameters: &[NAME_READ, parameter("ComputerName", Kind::Text, "Accepted; has no effect.")],
        accepts: &["Service"],
        examples: &[("Get-Service MSExchange*", "Lists them."), ("Get-Service MSExchangePOP3", "Shows one.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Set-Service",
        synopsis: "Changes when a service starts.",
        parameters: &[
            NAME,
            parameter("StartupType", Kind::Text, "With the server, when told to, or never.")
                .one_of(STARTUP_TYPES),
            parameter("Status", Kind::Text, "Starts or stops it, too.").one_of(&["Running", "Stopped"]),
        ],
        accepts: &["Service"],
        examples: &[(
            "Set-Service MSExchangePOP3 -StartupType Automatic; Start-Service MSExchangePOP3",
            "Lets POP3 start with the server, and now.",
        )],
        run: Run::Each(|call| Box::pin(set(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Start-Service",
        aliases: &["sasv"],
        synopsis: "Starts a service.",
        parameters: &[NAME],
        accepts: &["Service"],
        examples: &[("Start-Service MSExchangeIMAP4", "Starts IMAP4.")],
        run: Run::Each(|call| Box::pin(switch(call, Order::Start))),
        ..CHANGES
    },
    Cmdlet {
        name: "Stop-Service",
        aliases: &["spsv"],
        synopsis: "Stops a service; its connections are closed.",
        parameters: &[NAME, parameter("Force", Kind::Switch, "Accepted; has no effect.")],
        accepts: &["Service"],
        examples: &[("Stop-Service MSExchangePOP3", "Stops POP3.")],
        run: Run::Each(|call| Box::pin(switch(call, Order::Stop))),
        ..CHANGES
    },
    Cmdlet {
        name: "Restart-Service",
        synopsis: "Stops a service and starts it again.",
        parameters: &[NAME, parameter("Force", Kind::Switch, "Accepted; has no effect.")],
        accepts: &["Service"],
        examples: &[("Restart-Service MSExchangeIMAP4", "Restarts IMAP4.")],
        run: Run::Each(|call| Box::pin(switch(call, Order::Restart))),
        ..CHANGES
    },
];

/// What a service is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Start,
    Stop,
    Restart,
}

/// A service as it is shown.
fn view(service: &Service) -> Object {
    Object::new(&SERVICE, service.name.name())
        .with("Status", if service.running { "Running" } else { "Stopped" })
        .with("Name", service.name.name())
        .with("DisplayName", service.name.display_name())
        .with("StartType", service.startup.to_string())
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let snapshot = call.context().directory.snapshot();
    let wanted = names(call);
    if wanted.is_empty() {
        for service in snapshot.services() {
            call.emit(view(service)).await?;
        }
        return Ok(());
    }
    for name in wanted {
        for service in matching(call, &name).await? {
            if let Some(service) = snapshot.service(service) {
                call.emit(view(service)).await?;
            }
        }
    }
    Ok(())
}

fn names(call: &Call<'_>) -> Vec<String> {
    let items = call.arguments.value("Name").cloned().unwrap_or_default().items();
    items.iter().map(ToString::to_string).collect()
}

/// The services of a name or pattern. A name that Exchange gives to a part means the whole, with a note.
async fn matching(call: &mut Call<'_>, name: &str) -> Result<Vec<ServiceName>, Failure> {
    if wildcard::is_pattern(name) {
        let fits = |service: &ServiceName| {
            wildcard::fits(name, service.name()) || wildcard::fits(name, service.display_name())
        };
        return Ok(ServiceName::ALL.into_iter().filter(fits).collect());
    }
    let Some(entry) = ServiceName::find(name) else {
        let known: Vec<&str> =
            SERVICES.iter().filter(|entry| entry.kind == EntryKind::Own).map(|entry| entry.name).collect();
        return Err(format!(
            "Cannot find any service with service name '{name}'. There are: {}.",
            known.join(", ")
        )
        .into());
    };
    if entry.kind == EntryKind::Alias {
        call.warn(format!("{} is one with {} here, which is meant.", entry.name, entry.service.name()))
            .await?;
    }
    Ok(vec![entry.service])
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let startup: Option<StartupType> = call.arguments.parse("StartupType")?;
    let order = match call.arguments.text("Status").map(|text| text.to_ascii_lowercase()).as_deref() {
        None => None,
        Some("running") => Some(Order::Start),
        Some("stopped") => Some(Order::Stop),
        Some(other) => {
            return Err(format!("The status '{other}' is not valid; legal: Running, Stopped.").into());
        }
    };
    for name in names(call) {
        for service in matching(call, &name).await? {
            if !call.may("Change the service", service.name()).await? {
                continue;
            }
            if let Some(startup) = startup {
                update(call, service, |service| service.startup = startup).await?;
            }
            if let Some(order) = order {
                give(call, service, order).await?;
            }
        }
    }
    Ok(())
}

async fn switch(call: &mut Call<'_>, order: Order) -> Result<(), Failure> {
    let action = match order {
        Order::Start => "Start the service",
        Order::Stop => "Stop the service",
        Order::Restart => "Restart the service",
    };
    for name in names(call) {
        for service in matching(call, &name).await? {
            if call.may(action, service.name()).await? {
                give(call, service, order).await?;
            }
        }
    }
    Ok(())
}

/// Starts or stops a service, or both. One that cannot start, because a port is taken, counts as stopped.
async fn give(call: &mut Call<'_>, service: ServiceName, order: Order) -> Result<(), Failure> {
    let known = current(&call.context().directory.snapshot(), service);
    if order != Order::Stop {
        policy::start_service(&known)?;
    }
    let given = match order {
        Order::Restart => restart(call, service).await,
        _ => update(call, service, |service| service.running = order == Order::Start).await,
    };
    let name = service.name();
    match given {
        Err(Failure::Error(why)) if order == Order::Restart && known.running => Err(format!(
            "Service '{name}' is stopped, and cannot be started again: {why} Start-Service {name} starts it when that is \
             corrected."
        )
        .into()),
        Err(Failure::Error(why)) if order != Order::Stop => {
            Err(format!("Service '{name}' cannot be started: {why}").into())
        }
        given => given,
    }
}

/// Stops a service and starts it again, as one change.
async fn restart(call: &mut Call<'_>, name: ServiceName) -> Result<(), Failure> {
    let changing = change::begin(call.context()).await;
    let old = current(&changing.snapshot, name);
    let stopped = Service { running: false, ..old.clone() };
    let started = Service { running: true, ..old.clone() };
    let edit = Edit {
        first: if old.running { vec![Change::put(stopped.clone())] } else { Vec::new() },
        before: Some(view(&old)),
        after: Some(view(&started)),
        undone: Some(view(&stopped)),
        undo: vec![Change::put(stopped)],
        changes: vec![Change::put(started)],
        ..Edit::default()
    };
    changing.commit(call, edit).await
}

fn current(snapshot: &Snapshot, service: ServiceName) -> Service {
    snapshot
        .service(service)
        .map_or_else(|| Service::new(service, StartupType::Manual), |known| Service::clone(known))
}

async fn update(
    call: &mut Call<'_>,
    name: ServiceName,
    change: impl FnOnce(&mut Service),
) -> Result<(), Failure> {
    let changing = change::begin(call.context()).await;
    let old = current(&changing.snapshot, name);
    let mut service = old.clone();
    change(&mut service);
    if service == old {
        return Ok(());
    }
    let starts = service.running && !old.running;
    let edit = Edit {
        undo: if starts { vec![Change::put(old.clone())] } else { Vec::new() },
        before: Some(view(&old)),
        after: Some(view(&service)),
        changes: vec![Change::put(service)],
        ..Edit::default()
    };
    changing.commit(call, edit).await
}
