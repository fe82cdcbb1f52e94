//! Get-EventLog and Get-WinEvent: the event log, the newest event first.
//!
//! Both read the same log, page by page, and print it as their models in Windows do. The catalogue of events is in
//! `journal`; times are in UTC.

use super::READS;
use super::audit::moment;
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::value::{Object, Shape, Value};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use journal::Level;
use store::{Event, EventQuery};

static EVENT_LOG: Shape = Shape {
    name: "EventLogEntry",
    columns: &["Index", "Time", "EntryType", "Source", "InstanceID", "Message"],
};
static WIN_EVENT: Shape =
    Shape { name: "EventLogRecord", columns: &["TimeCreated", "Id", "LevelDisplayName", "Message"] };

/// The log there is.
const APPLICATION: &str = "Application";
/// Events read at a time.
const PAGE: usize = 500;

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-EventLog",
        synopsis: "Shows what happened on this node, the newest first.",
        parameters: &[
            parameter("LogName", Kind::Text, "The log: Application.").at(1).mandatory(),
            parameter("InstanceId", Kind::List, "Only events of these numbers.").at(2),
            parameter("Source", Kind::List, "Only events from these, such as MSExchangePOP3."),
            parameter("EntryType", Kind::List, "Only events of these levels.").one_of(&[
                "Error",
                "Warning",
                "Information",
            ]),
            parameter("Newest", Kind::Number, "At most so many."),
            parameter("After", Kind::Text, "Only events after then, such as 2026-11-24 08:00 (UTC)."),
            parameter("Before", Kind::Text, "Only events before then."),
            parameter("Message", Kind::Text, "Only events with such a message; * and ? stand for letters."),
        ],
        examples: &[
            (
                "Get-EventLog -LogName Application -Source MSExchangePOP3 -Newest 5",
                "Shows the newest events of POP3.",
            ),
            ("Get-EventLog Application -EntryType Error,Warning", "Shows what should be looked at."),
        ],
        run: Run::Each(|call| Box::pin(event_log(call))),
        ..READS
    },
    Cmdlet {
        name: "Get-WinEvent",
        synopsis: "Shows what happened on this node, the newest first.",
        parameters: &[
            parameter("LogName", Kind::Text, "The log: Application.").at(1),
            parameter("ProviderName", Kind::List, "Only events from these, such as MSExchangePOP3."),
            parameter("MaxEvents", Kind::Number, "At most so many."),
            parameter(
                "FilterHashtable",
                Kind::Any,
                "Several conditions: @{LogName=\'Application\'; ProviderName=…; Id=…; Level=…; StartTime=…; EndTime=…}.",
            ),
        ],
        examples: &[
            ("Get-WinEvent -LogName Application -MaxEvents 10", "Shows the newest events."),
            (
                "Get-WinEvent -FilterHashtable @{LogName=\'Application\'; ProviderName=\'MSExchangePOP3\'; Level=3}",
                "Shows the warnings of POP3; 2 is an error, 4 an information.",
            ),
        ],
        run: Run::Each(|call| Box::pin(win_event(call))),
        ..READS
    },
];

/// Which events are wanted; what is empty asks for nothing.
struct Wanted {
    sources: Vec<String>,
    ids: Vec<String>,
    levels: Vec<String>,
    message: Option<String>,
    from: i64,
    until: i64,
    most: u64,
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted {
            sources: Vec::new(),
            ids: Vec::new(),
            levels: Vec::new(),
            message: None,
            from: i64::MIN,
            until: i64::MAX,
            most: u64::MAX,
        }
    }
}

impl Wanted {
    fn fits(&self, event: &Event) -> bool {
        let any = |patterns: &[String], value: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| wildcard::fits(pattern, value))
        };
        any(&self.sources, &event.source)
            && any(&self.ids, &event.id.to_string())
            && any(&self.levels, level(event))
            && self.message.as_ref().is_none_or(|pattern| wildcard::fits(pattern, &message(event)))
    }
}

async fn event_log(call: &mut Call<'_>) -> Result<(), Failure> {
    known_log(&call.arguments.text("LogName").unwrap_or_default())?;
    let wanted = Wanted {
        sources: texts(call.arguments.value("Source")),
        ids: texts(call.arguments.value("InstanceId")),
        levels: texts(call.arguments.value("EntryType")),
        message: call.arguments.text("Message"),
        // Windows leaves out the moments themselves.
        from: time(call, "After")?.map_or(i64::MIN, |after| after.saturating_add(1)),
        until: time(call, "Before")?.map_or(i64::MAX, |before| before.saturating_sub(1)),
        most: call.arguments.parse("Newest")?.unwrap_or(u64::MAX),
    };
    give(call, &wanted, |event| {
        Object::plain(&EVENT_LOG)
            .with("Index", i64::try_from(event.index).unwrap_or(i64::MAX))
            .with("Time", moment(event.time))
            .with("EntryType", level(event))
            .with("Source", &event.source)
            .with("InstanceID", i64::from(event.id))
            .with("Message", message(event))
    })
    .await
}

async fn win_event(call: &mut Call<'_>) -> Result<(), Failure> {
    let mut wanted = match call.arguments.value("FilterHashtable") {
        Some(Value::Table(entries)) => from_table(entries)?,
        Some(_) => return Err("FilterHashtable takes @{LogName='Application'; Id=1020; …}.".into()),
        None => Wanted::default(),
    };
    if let Some(name) = call.arguments.text("LogName") {
        known_log(&name)?;
    }
    if call.arguments.given("ProviderName") {
        wanted.sources = texts(call.arguments.value("ProviderName"));
    }
    wanted.most = call.arguments.parse("MaxEvents")?.unwrap_or(u64::MAX);
    give(call, &wanted, |event| {
        Object::plain(&WIN_EVENT)
            .with("TimeCreated", moment(event.time))
            .with("Id", i64::from(event.id))
            .with("LevelDisplayName", level(event))
            .with("Message", message(event))
            .with("ProviderName", &event.source)
            .with("LogName", &event.log)
            .with("RecordId", i64::try_from(event.index).unwrap_or(i64::MAX))
    })
    .await
}

fn from_table(entries: &[(String, Value)]) -> Result<Wanted, Failure> {
    let mut wanted = Wanted::default();
    for (key, value) in entries {
        match key.to_ascii_lowercase().as_str() {
            "logname" => known_log(&value.to_string())?,
            "providername" => wanted.sources = texts(Some(value)),
            "id" => wanted.ids = texts(Some(value)),
            "level" => wanted.levels = levels(value)?,
            "starttime" => wanted.from = read_time(key, &value.to_string())?,
            "endtime" => wanted.until = read_time(key, &value.to_string())?,
            _ => {
                return Err(Failure::Error(format!(
                    "FilterHashtable knows LogName, ProviderName, Id, Level, StartTime and EndTime, not '{key}'."
                )));
            }
        }
    }
    Ok(wanted)
}

/// Levels by the numbers that Windows gives them.
fn levels(value: &Value) -> Result<Vec<String>, Failure> {
    let name = |text: String| match text.as_str() {
        "2" => Ok(Level::Error.name().to_owned()),
        "3" => Ok(Level::Warning.name().to_owned()),
        "4" | "0" => Ok(Level::Information.name().to_owned()),
        _ if Level::ALL.iter().any(|level| level.name().eq_ignore_ascii_case(&text)) => Ok(text),
        _ => Err(Failure::Error(format!(
            "Level {text} is not known; legal: 2 (Error), 3 (Warning), 4 (Information)."
        ))),
    };
    texts(Some(value)).into_iter().map(name).collect()
}

async fn give(call: &mut Call<'_>, wanted: &Wanted, view: impl Fn(&Event) -> Object) -> Result<(), Failure> {
    let (mut before, mut given) = (u64::MAX, 0);
    loop {
        let query = EventQuery { before, from: wanted.from, until: wanted.until, limit: PAGE };
        let page = call.context().store.events(query).await?;
        let Some(last) = page.last() else { return Ok(()) };
        before = last.index;
        for event in page.iter().filter(|event| wanted.fits(event)) {
            if given >= wanted.most {
                return Ok(());
            }
            given += 1;
            call.emit(view(event)).await?;
        }
    }
}

fn known_log(name: &str) -> Result<(), Failure> {
    if wildcard::fits(name, APPLICATION) {
        return Ok(());
    }
    Err(Failure::Error(format!(
        "There is no event log '{name}'; legal: {APPLICATION}. Who changed what is told by Search-AdminAuditLog."
    )))
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value.cloned().unwrap_or_default().items().iter().map(ToString::to_string).collect()
}

fn level(event: &Event) -> &'static str {
    Level::ALL.iter().find(|level| **level as u8 == event.level).map_or("Information", |level| level.name())
}

/// The message, with how often it happened where that is more than once.
fn message(event: &Event) -> String {
    if event.count < 2 {
        return event.message.clone();
    }
    let (count, last) = (event.count, moment(event.last));
    format!("{} (this or the like happened {count} times, the last time at {last})", event.message)
}

/// The moment that a parameter names, in seconds since 1970.
pub fn time(call: &Call<'_>, parameter: &str) -> Result<Option<i64>, Failure> {
    call.arguments.text(parameter).map(|text| read_time(parameter, &text)).transpose()
}

/// `2026-11-24`, `2026-11-24 08:00`, `2026-11-24T08:00:00Z`, `11/24/2026`, all in UTC where they do not say otherwise.
fn read_time(parameter: &str, text: &str) -> Result<i64, Failure> {
    let text = text.trim();
    let zoned = || text.parse::<jiff::Timestamp>().ok();
    let day = |format: &str| Date::strptime(format, text).ok().map(|date| date.at(0, 0, 0, 0));
    let local = || {
        let moment = text.parse::<DateTime>().ok();
        let moment = moment.or_else(|| DateTime::strptime("%Y-%m-%d %H:%M", text).ok());
        let moment = moment.or_else(|| day("%Y-%m-%d")).or_else(|| day("%m/%d/%Y"));
        moment.or_else(|| DateTime::strptime("%m/%d/%Y %H:%M:%S", text).ok())
    };
    let in_utc = || TimeZone::UTC.to_timestamp(local()?).ok();
    zoned().or_else(in_utc).map(jiff::Timestamp::as_second).ok_or_else(|| {
        Failure::Error(format!(
            "The value of parameter '{parameter}' is not valid: '{text}' is no date; legal: 2026-11-24, 2026-11-24 \
             08:00, 2026-11-24T08:00:00Z or 11/24/2026, in UTC."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_administrators_write_them() {
        let table = [
            ("2026-11-24", Some(1_795_478_400)),
            ("2026-11-24 08:00", Some(1_795_507_200)),
            ("2026-11-24T08:00:00Z", Some(1_795_507_200)),
            ("2026-11-24T08:00:00+02:00", Some(1_795_500_000)),
            ("2026-11-24 08:00:01", Some(1_795_507_201)),
            ("11/24/2026", Some(1_795_478_400)),
            ("24.11.2026", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(read_time("After", text).ok(), expected, "{text}");
        }
    }
}
