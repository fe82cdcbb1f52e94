//! Search-AdminAuditLog: who changed what; Get- and Set-AdminAuditLogConfig: for how long it is kept.
//!
//! The entries were saved in the same transaction as the changes they tell of (`crate::change`), secrets left out.
//! Here they are only read: the details, kept as JSON, become the two properties that Exchange has for them.

use super::mailbox::put;
use super::{CHANGES, READS, events};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::value::{Object, Shape, Value};
use directory::{Change, Organization};
use std::sync::Arc;
use store::AuditEntry;

static ENTRY: Shape =
    Shape { name: "AdminAuditLogEntry", columns: &["RunDate", "Caller", "CmdletName", "ObjectModified"] };

static CONFIG: Shape = Shape {
    name: "AdminAuditLogConfig",
    columns: &["AdminAuditLogEnabled", "AdminAuditLogCmdlets", "AdminAuditLogAgeLimit"],
};

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Search-AdminAuditLog",
        synopsis: "Shows who changed what, the newest first.",
        parameters: &[
            parameter("Cmdlets", Kind::List, "Only changes by these cmdlets."),
            parameter("Parameters", Kind::List, "Only changes with one of these parameters."),
            parameter("ObjectIds", Kind::List, "Only changes of these objects."),
            parameter("UserIds", Kind::List, "Only changes by these callers."),
            parameter("StartDate", Kind::Text, "Only changes from then on, such as 2026-11-24 08:00 (UTC)."),
            parameter("EndDate", Kind::Text, "Only changes until then."),
            parameter("ResultSize", Kind::Text, "At most so many; Unlimited for all. Usually 1000."),
        ],
        examples: &[
            (
                "Search-AdminAuditLog -Cmdlets Set-PopSettings | Format-List",
                "Shows who changed the settings of POP3, and how.",
            ),
            (
                "Search-AdminAuditLog -Parameters Password -StartDate 2026-11-01",
                "Shows whose passwords were set since then.",
            ),
        ],
        run: Run::Each(|call| Box::pin(search(call))),
        ..READS
    },
    Cmdlet {
        name: "Get-AdminAuditLogConfig",
        synopsis: "Shows for how long the audit log is kept.",
        parameters: &[super::recipients::DOMAIN_CONTROLLER],
        examples: &[("Get-AdminAuditLogConfig", "Shows it.")],
        run: Run::Each(|call| Box::pin(get_config(call))),
        ..READS
    },
    Cmdlet {
        name: "Set-AdminAuditLogConfig",
        synopsis: "Changes for how long the audit log is kept.",
        parameters: &[parameter(
            "AdminAuditLogAgeLimit",
            Kind::Text,
            "Entries older than this are forgotten, such as 90.00:00:00.",
        )],
        examples: &[("Set-AdminAuditLogConfig -AdminAuditLogAgeLimit 365.00:00:00", "Keeps a year.")],
        run: Run::Each(|call| Box::pin(set_config(call))),
        ..CHANGES
    },
];

/// Entries read at a time.
const PAGE: usize = 500;

/// What is looked for.
struct Wanted {
    cmdlets: Vec<String>,
    parameters: Vec<String>,
    objects: Vec<String>,
    callers: Vec<String>,
    until: i64,
}

impl Wanted {
    fn fits(&self, entry: &AuditEntry) -> bool {
        let named =
            [(&self.cmdlets, &entry.cmdlet), (&self.objects, &entry.object), (&self.callers, &entry.caller)];
        entry.time <= self.until
            && named.iter().all(|(patterns, field)| any_fits(patterns, field))
            && (self.parameters.is_empty() || self.has_parameter(entry))
    }

    fn has_parameter(&self, entry: &AuditEntry) -> bool {
        let details: serde_json::Value = serde_json::from_str(&entry.details).unwrap_or_default();
        let given = details.get("parameters").and_then(serde_json::Value::as_object);
        given.into_iter().flatten().any(|(name, _)| any_fits(&self.parameters, name))
    }
}

fn any_fits(patterns: &[String], field: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| wildcard::fits(pattern, field))
}

async fn search(call: &mut Call<'_>) -> Result<(), Failure> {
    let limit = super::recipients::result_size(call)?;
    let wanted = Wanted {
        cmdlets: patterns(call, "Cmdlets"),
        parameters: patterns(call, "Parameters"),
        objects: patterns(call, "ObjectIds"),
        callers: patterns(call, "UserIds"),
        until: events::time(call, "EndDate")?.unwrap_or(i64::MAX),
    };
    let from = events::time(call, "StartDate")?.unwrap_or(i64::MIN);
    let (mut given, mut before) = (0, u64::MAX);
    loop {
        let page = call.context().store.audit_before(before, PAGE).await?;
        let Some((last, oldest)) = page.last() else { return Ok(()) };
        before = *last;
        let ended = oldest.time < from;
        for (_, entry) in page.iter().filter(|(_, entry)| entry.time >= from && wanted.fits(entry)) {
            if !limit.allows(&(given + 1)) {
                return Ok(());
            }
            given += 1;
            call.emit(view(entry)).await?;
        }
        if ended {
            return Ok(());
        }
    }
}

fn config(organization: &Organization) -> Object {
    Object::new(&CONFIG, "Admin Audit Log Settings")
        .with("Name", "Admin Audit Log Settings")
        .with("AdminAuditLogEnabled", true)
        .with("AdminAuditLogCmdlets", Value::texts(["*"]))
        .with("AdminAuditLogParameters", Value::texts(["*"]))
        .with("AdminAuditLogAgeLimit", organization.admin_audit_log_age_limit)
        .with("Identity", "Admin Audit Log Settings")
}

async fn get_config(call: &mut Call<'_>) -> Result<(), Failure> {
    let object = config(call.context().directory.snapshot().organization());
    call.emit(object).await?;
    Ok(())
}

async fn set_config(call: &mut Call<'_>) -> Result<(), Failure> {
    if !call.may("Change", "Admin Audit Log Settings").await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = changing.snapshot.organization();
    let mut organization = Organization::clone(old);
    put(&mut organization.admin_audit_log_age_limit, call.arguments.parse("AdminAuditLogAgeLimit")?);
    let edit = Edit {
        before: Some(config(old)),
        after: Some(config(&organization)),
        changes: vec![Change::Put(organization.into())],
        ..Edit::default()
    };
    changing.commit(call, edit).await
}

fn patterns(call: &Call<'_>, name: &str) -> Vec<String> {
    let items = call.arguments.value(name).cloned().unwrap_or_default().items();
    items.iter().map(ToString::to_string).collect()
}

fn view(entry: &AuditEntry) -> Object {
    let details: serde_json::Value = serde_json::from_str(&entry.details).unwrap_or_default();
    Object::plain(&ENTRY)
        .with("RunDate", moment(entry.time))
        .with("Caller", &entry.caller)
        .with("CmdletName", &entry.cmdlet)
        .with("ObjectModified", &entry.object)
        .with("CmdletParameters", parameters(&details))
        .with("ModifiedProperties", modified(&details))
}

/// `{Name=value, …}`
fn parameters(details: &serde_json::Value) -> Value {
    let entries = details.get("parameters").and_then(serde_json::Value::as_object);
    let entries = entries.into_iter().flatten().map(|(name, value)| (name.clone(), from_json(value)));
    Value::Table(Arc::new(entries.collect()))
}

/// `{Name: old -> new, …}`
fn modified(details: &serde_json::Value) -> Value {
    let rows = details.get("modified").and_then(serde_json::Value::as_array);
    let field = |row: &serde_json::Value, name: &str| row.get(name).map(from_json).unwrap_or_default();
    let shown = |row: &serde_json::Value| {
        format!("{}: {} -> {}", field(row, "name"), field(row, "old"), field(row, "new"))
    };
    Value::texts(rows.into_iter().flatten().map(shown))
}

fn from_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Real(number.as_f64().unwrap_or_default()),
        },
        serde_json::Value::String(text) => Value::text(text.as_str()),
        serde_json::Value::Array(items) => Value::list(items.iter().map(from_json)),
        serde_json::Value::Object(entries) => Value::Table(Arc::new(
            entries.iter().map(|(key, value)| (key.clone(), from_json(value))).collect(),
        )),
    }
}

/// A moment as text, in UTC.
pub fn moment(seconds: i64) -> Value {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => Value::text(time.to_string()),
        Err(_) => Value::Int(seconds),
    }
}
