//! Parameters of Set-CASMailbox that are kept for scripts, and what they are without being set.
//!
//! They stand for things that this version has not, or that it always does in one way. Whoever sets one so that Exchange
//! would do something is told so.

use crate::cmdlet::{Kind, Parameter, parameter};
use crate::run::{Call, Failure, ListChange};
use crate::value::{Object, Value};
use directory::{CasKept, CasMailbox};

const fn kept(name: &'static str, kind: Kind) -> Parameter {
    parameter(name, kind, "Kept for scripts; has no effect in this version.")
}

/// How messages are given to clients: numbers and names of 2010.
const FORMATS: &[&str] = &[
    "TextOnly",
    "HtmlOnly",
    "HtmlAndTextAlternative",
    "TextEnrichedOnly",
    "TextEnrichedAndTextAlternative",
    "BestBodyFormat",
    "Tnef",
];

const fn format(name: &'static str) -> Parameter {
    parameter(name, Kind::Text, "Kept for scripts; messages are given as they were received.").one_of(FORMATS)
}

/// The parameters, each with what it is without being set, where Exchange has a value for that.
const KEPT: [(Parameter, Option<bool>); 29] = [
    (kept("ECPEnabled", Kind::Bool), Some(true)),
    (kept("EwsEnabled", Kind::Bool), Some(true)),
    (kept("PopUseProtocolDefaults", Kind::Bool), Some(true)),
    (kept("ImapUseProtocolDefaults", Kind::Bool), Some(true)),
    (kept("PopEnableExactRFC822Size", Kind::Bool), Some(false)),
    (kept("ImapEnableExactRFC822Size", Kind::Bool), Some(false)),
    (kept("PopSuppressReadReceipt", Kind::Bool), Some(false)),
    (kept("ImapSuppressReadReceipt", Kind::Bool), Some(false)),
    (kept("PopForceICalForCalendarRetrievalOption", Kind::Bool), Some(false)),
    (kept("ImapForceICalForCalendarRetrievalOption", Kind::Bool), Some(false)),
    (kept("OWAforDevicesEnabled", Kind::Bool), Some(true)),
    (kept("EwsAllowOutlook", Kind::Bool), None),
    (kept("EwsAllowMacOutlook", Kind::Bool), None),
    (kept("EwsAllowEntourage", Kind::Bool), None),
    (kept("MAPIBlockOutlookNonCachedMode", Kind::Bool), Some(false)),
    (kept("MAPIBlockOutlookRpcHttp", Kind::Bool), Some(false)),
    (kept("MapiHttpEnabled", Kind::Bool), None),
    (kept("ActiveSyncDebugLogging", Kind::Bool), Some(false)),
    (kept("ActiveSyncSuppressReadReceipt", Kind::Bool), Some(false)),
    (kept("ShowGalAsDefaultView", Kind::Bool), Some(true)),
    (kept("PublicFolderClientAccess", Kind::Bool), Some(false)),
    (kept("EwsApplicationAccessPolicy", Kind::Text), None),
    (kept("MAPIBlockOutlookVersions", Kind::Text), None),
    (kept("ActiveSyncMailboxPolicy", Kind::Text), None),
    (kept("OwaMailboxPolicy", Kind::Text), None),
    (kept("EwsAllowList", Kind::List), None),
    (kept("EwsBlockList", Kind::List), None),
    (kept("ActiveSyncAllowedDeviceIDs", Kind::List), None),
    (kept("ActiveSyncBlockedDeviceIDs", Kind::List), None),
];

/// Formats are never empty: without being set they are BestBodyFormat.
const KEPT_FORMATS: [Parameter; 2] =
    [format("PopMessagesRetrievalMimeFormat"), format("ImapMessagesRetrievalMimeFormat")];

/// How many these are.
pub const KEPT_PARAMETERS: usize = KEPT.len() + KEPT_FORMATS.len();

/// All parameters of a cmdlet: its own, and these.
#[expect(clippy::indexing_slicing, reason = "a constant: what is out of bounds does not compile")]
pub const fn with_kept<const OWN: usize, const ALL: usize>(own: [Parameter; OWN]) -> [Parameter; ALL] {
    let mut all = [own[0]; ALL];
    let mut place = 0;
    while place < ALL {
        all[place] = if place < OWN {
            own[place]
        } else if place < OWN + KEPT.len() {
            KEPT[place - OWN].0
        } else {
            KEPT_FORMATS[place - OWN - KEPT.len()]
        };
        place += 1;
    }
    all
}

const BEST: &str = "BestBodyFormat";

/// Sets what was given, and says what of it has no effect.
pub fn set(call: &Call<'_>, cas: &mut CasMailbox) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    for (parameter, usual) in &KEPT {
        let Some(value) = given(call, parameter, cas)? else { continue };
        keep(cas, parameter.name, value, usual.map(CasKept::Bool), &mut warnings);
    }
    for parameter in &KEPT_FORMATS {
        let Some(text) = call.arguments.text(parameter.name) else { continue };
        let by_number = text.parse().ok().and_then(|number: usize| FORMATS.get(number));
        let by_name = || FORMATS.iter().find(|name| name.eq_ignore_ascii_case(&text));
        let Some(name) = by_number.or_else(by_name) else {
            return Err(format!(
                "The value of parameter '{}' is not valid: '{text}'; legal: {}.",
                parameter.name,
                FORMATS.join(", ")
            )
            .into());
        };
        let value = Some(CasKept::Text((*name).to_owned()));
        keep(cas, parameter.name, value, Some(CasKept::Text(BEST.to_owned())), &mut warnings);
    }
    Ok(warnings)
}

/// Keeps a value unless it is the usual one. The outer `None` of what was given has been dealt with: `None` clears.
fn keep(
    cas: &mut CasMailbox,
    name: &'static str,
    value: Option<CasKept>,
    usual: Option<CasKept>,
    warnings: &mut Vec<String>,
) {
    match value {
        Some(value) if Some(&value) != usual.as_ref() => {
            cas.kept.insert(name.to_owned(), value);
            warnings.push(format!("{name} is kept, but has no effect in this version. {}", instead(name)));
        }
        _ => drop(cas.kept.remove(name)),
    }
}

/// The value given, with `None` inside for one that clears.
fn given(
    call: &Call<'_>,
    parameter: &Parameter,
    cas: &CasMailbox,
) -> Result<Option<Option<CasKept>>, Failure> {
    let name = parameter.name;
    let value = match call.arguments.value(name) {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(None)),
        Some(Value::Bool(value)) => CasKept::Bool(*value),
        Some(_) if parameter.kind == Kind::List => return list(call, name, cas).map(Some),
        Some(text) => CasKept::Text(text.to_string()),
    };
    Ok(Some(Some(value)))
}

fn list(call: &Call<'_>, name: &str, cas: &CasMailbox) -> Result<Option<CasKept>, Failure> {
    let old = match cas.kept.get(name) {
        Some(CasKept::List(list)) => list.clone(),
        _ => Vec::new(),
    };
    let change = call.arguments.list(name)?.unwrap_or(ListChange::Replace(Vec::new()));
    let (list, _) = change.apply::<String>(name, &old)?;
    Ok(Some(list).filter(|list| !list.is_empty()).map(CasKept::List))
}

/// What an administrator can know or do instead.
fn instead(name: &str) -> &'static str {
    match name {
        _ if name.ends_with("ExactRFC822Size") => "Sizes are always exact.",
        _ if name.ends_with("ProtocolDefaults") => {
            "There are no settings per mailbox that would count instead."
        }
        _ if name.ends_with("MimeFormat") || name.contains("ForceICal") => {
            "Messages are given as they were received."
        }
        "PopSuppressReadReceipt" | "ImapSuppressReadReceipt" => {
            "The server never sends read receipts for messages that are fetched."
        }
        _ if name.starts_with("Ews") => "There are no Exchange Web Services.",
        _ if name.starts_with("ActiveSync") => "There is no ActiveSync.",
        _ if name.starts_with("MAPI") || name.starts_with("Mapi") => "There is no MAPI.",
        _ => "There is no webmail of that kind.",
    }
}

/// Adds what is kept to what is shown.
pub fn with(mut object: Object, cas: &CasMailbox) -> Object {
    for (parameter, usual) in &KEPT {
        let value = match cas.kept.get(parameter.name) {
            Some(CasKept::Bool(value)) => Value::Bool(*value),
            Some(CasKept::Text(text)) => Value::from(text),
            Some(CasKept::List(list)) => Value::texts(list),
            None => usual.map_or(Value::Null, Value::Bool),
        };
        object = object.with(parameter.name, value);
    }
    for parameter in &KEPT_FORMATS {
        let value = match cas.kept.get(parameter.name) {
            Some(CasKept::Text(text)) => text.as_str(),
            _ => BEST,
        };
        object = object.with(parameter.name, value);
    }
    object
}
