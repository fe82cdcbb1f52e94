//! Search-AdminAuditLog: who changed what.
//!
//! The entries were saved in the same transaction as the changes they tell of (`crate::change`), secrets left out.
//! Here they are only read: the details, kept as JSON, become the two properties that Exchange has for them.

use super::READS;
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::value::{Object, Shape, Value};
use directory::Limit;
use std::sync::Arc;
use store::AuditEntry;

static ENTRY: Shape =
    Shape { name: "AdminAuditLogEntry", columns: &["RunDate", "Caller", "CmdletName", "ObjectModified"] };

pub const CMDLETS: &[Cmdlet] = &[Cmdlet {
    name: "Search-AdminAuditLog",
    synopsis: "Shows who changed what, the newest first.",
    parameters: &[
        parameter("Cmdlets", Kind::List, "Only changes by these cmdlets."),
        parameter("ObjectIds", Kind::List, "Only changes of these objects."),
        parameter("UserIds", Kind::List, "Only changes by these callers."),
        parameter("ResultSize", Kind::Text, "At most so many; Unlimited for all. Usually 1000."),
    ],
    examples: &[(
        "Search-AdminAuditLog -Cmdlets Set-PopSettings | Format-List",
        "Shows who changed the settings of POP3, and how.",
    )],
    run: Run::Each(|call| Box::pin(search(call))),
    ..READS
}];

/// Entries read at most.
const MOST: usize = 100_000;

async fn search(call: &mut Call<'_>) -> Result<(), Failure> {
    let limit = super::recipients::result_size(call)?;
    let filters = ["Cmdlets", "ObjectIds", "UserIds"].map(|name| patterns(call, name));
    let unfiltered = filters.iter().all(Vec::is_empty);
    let read = match limit {
        Limit::To(most) if unfiltered => most as usize,
        _ => MOST,
    };
    let mut given = 0;
    for entry in call.context().store.audit(read).await? {
        let fields = [&entry.cmdlet, &entry.object, &entry.caller];
        let wanted = filters.iter().zip(fields).all(|(patterns, field)| {
            patterns.is_empty() || patterns.iter().any(|pattern| wildcard::fits(pattern, field))
        });
        if !wanted {
            continue;
        }
        if !limit.allows(&(given + 1)) {
            break;
        }
        given += 1;
        call.emit(view(&entry)).await?;
    }
    Ok(())
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
