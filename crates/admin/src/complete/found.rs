//! What there is for what is wanted at the cursor.

use super::place::{Origin, Wanted, What, shows, wanted};
use super::{Candidate, Completions, argument};
use crate::BoxFuture;
use crate::cmdlet::{Cmdlet, Kind, Parameter, Source};
use crate::cmdlets;
use crate::grammar::{Span, operator_names, parse, quoted};
use crate::run::{Env, Flow, Sink, Stop, run_all, wildcard};
use crate::value::{Object, Value};
use std::collections::HashSet;

/// Objects that are offered at most: more cannot be looked through, and one letter more makes them fewer.
const OBJECTS: usize = 50;

/// Properties that an object is known by, the best first.
const NAMES: &[&str] =
    &["Identity", "Name", "Alias", "DomainName", "PrimarySmtpAddress", "UserPrincipalName"];

/// What could stand at the end of this text.
pub async fn complete(env: &Env, text: &str) -> Completions {
    let wanted = wanted(text);
    let Span { start, end } = wanted.span;
    let mut candidates = match &wanted.what {
        What::Command => commands(&wanted.typed),
        What::Variable(set) => variables(env, set, &wanted.typed),
        What::Operator => operators(&wanted.typed),
        What::Parameter(cmdlet, given) => parameters(cmdlet, given, &wanted.typed),
        What::Property(origin) => properties(env, origin, &wanted.typed).await,
        What::Value(cmdlet, parameter, origin) => {
            values(env, cmdlet, parameter, origin.as_ref(), &wanted).await
        }
        What::Nothing => Vec::new(),
    };
    let mut seen = HashSet::new();
    candidates.retain(|candidate| seen.insert(candidate.text.to_lowercase()));
    Completions { start, end, candidates }
}

fn begins(text: &str, typed: &str) -> bool {
    text.to_lowercase().starts_with(&typed.to_lowercase())
}

fn commands(typed: &str) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for cmdlet in cmdlets::all() {
        let known = std::iter::once(&cmdlet.name).chain(cmdlet.aliases.iter().filter(|_| !typed.is_empty()));
        for name in known.filter(|name| begins(name, typed)) {
            let is_alias = *name != cmdlet.name;
            let about = if is_alias { cmdlet.name } else { cmdlet.synopsis };
            found.push(Candidate::new(*name, about));
        }
    }
    found.sort_by(|one, other| one.text.cmp(&other.text));
    found
}

fn variables(env: &Env, set: &[String], typed: &str) -> Vec<Candidate> {
    let mut names: Vec<String> = ["true", "false", "null", "_"].map(str::to_owned).to_vec();
    names.extend_from_slice(set);
    let mut known = env.variables().names();
    known.sort();
    names.extend(known);
    let all = names.into_iter().map(|name| format!("${name}"));
    all.filter(|name| begins(name, typed)).map(|name| Candidate::new(name, "")).collect()
}

fn operators(typed: &str) -> Vec<Candidate> {
    let all = operator_names().map(|name| format!("-{name}"));
    all.filter(|name| begins(name, typed)).map(|name| Candidate::new(name, "")).collect()
}

fn parameters(cmdlet: &'static Cmdlet, given: &[&'static Parameter], typed: &str) -> Vec<Candidate> {
    let typed = typed.trim_start_matches('-');
    let free = |parameter: &&'static Parameter| {
        begins(parameter.name, typed) && !given.iter().any(|known| std::ptr::eq(*known, *parameter))
    };
    let all = cmdlet.all_parameters().filter(free);
    all.map(|parameter| Candidate::new(format!("-{}", parameter.name), parameter.help)).collect()
}

/// Values of a parameter. Where none can be known and nothing was typed, the parameters are what could follow.
async fn values(
    env: &Env,
    cmdlet: &'static Cmdlet,
    parameter: &'static Parameter,
    origin: Option<&Origin>,
    wanted: &Wanted,
) -> Vec<Candidate> {
    let typed = wanted.typed.as_str();
    if !parameter.values.is_empty() {
        let fit = parameter.values.iter().filter(|value| begins(value, typed));
        return fit.map(|value| Candidate::new(argument(value, wanted.in_quotes), "")).collect();
    }
    if matches!(parameter.kind, Kind::Bool | Kind::Switch) {
        let fit = ["$true", "$false"].into_iter().filter(|value| begins(value, typed));
        return fit.map(|value| Candidate::new(value, "")).collect();
    }
    if matches!(cmdlet.name, "Get-Help" | "Get-Command") && parameter.name == "Name" {
        return commands(typed);
    }
    if names_properties(parameter) {
        return match origin {
            Some(origin) => properties(env, origin, typed).await,
            None => Vec::new(),
        };
    }
    match source(cmdlet, parameter) {
        Some(source) => identities(env, source, parameter, wanted).await,
        None if typed.is_empty() => parameters(cmdlet, &[], ""),
        None => Vec::new(),
    }
}

/// Whether a parameter takes names of properties of what is piped.
fn names_properties(parameter: &Parameter) -> bool {
    matches!(parameter.name, "Property" | "ExpandProperty" | "GroupBy" | "ExcludeProperty")
}

/// The cmdlet that shows the objects of which a parameter names one. What objects can be piped to is found by the types
/// that the cmdlet accepts, or by its noun; another parameter by its own name.
fn source(cmdlet: &'static Cmdlet, parameter: &'static Parameter) -> Option<&'static Cmdlet> {
    let noun = match parameter.name {
        "Server" => "ExchangeServer",
        "User" | "Trustee" | "Owner" | "Member" | "Members" | "ManagedBy" => "Recipient",
        "Database" => "MailboxDatabase",
        name => name,
    };
    let own = cmdlet.accepts.iter().copied().chain([cmdlet.noun()]);
    let own = own.filter(|_| parameter.source == Source::Pipeline || parameter.name == "Identity");
    let others = [noun, if noun == "Recipient" { "Mailbox" } else { noun }];
    own.chain(others).filter_map(|noun| cmdlets::find(&format!("Get-{noun}"))).find(|found| shows(found))
}

/// Names of objects that begin so.
async fn identities(
    env: &Env,
    source: &'static Cmdlet,
    parameter: &'static Parameter,
    wanted: &Wanted,
) -> Vec<Candidate> {
    let typed = wanted.typed.as_str();
    if wildcard::is_pattern(typed) {
        return Vec::new();
    }
    // Of many objects, the cmdlet itself chooses those that fit.
    let many = source.parameters.iter().any(|parameter| parameter.name == "ResultSize");
    let choice = if many && !typed.is_empty() {
        format!(" {} -ResultSize Unlimited", quoted(&format!("{typed}*")))
    } else {
        String::new()
    };
    let mut sink = Few { most: OBJECTS, typed, first: parameter.name, names: Vec::new() };
    run(env, &format!("{}{choice}", source.name), &mut sink).await;
    sink.names
        .into_iter()
        .map(|(name, about)| Candidate::new(argument(&name, wanted.in_quotes), about))
        .collect()
}

/// Keeps the names of the first objects that have one which begins so.
struct Few<'t> {
    most: usize,
    typed: &'t str,
    /// The property that the parameter is called after.
    first: &'static str,
    names: Vec<(String, String)>,
}

impl Few<'_> {
    fn take(&mut self, object: &Object) {
        let texts = std::iter::once(&self.first).chain(NAMES).filter_map(|name| object.property(name));
        let mut texts = texts.filter(|value| matches!(value, Value::Text(_))).map(ToString::to_string);
        if let Some(name) = texts.find(|text| !text.is_empty() && begins(text, self.typed)) {
            let about = object.property("DisplayName").map(ToString::to_string).unwrap_or_default();
            let about = if about == name { String::new() } else { about };
            self.names.push((name, about));
        }
    }
}

impl Sink for Few<'_> {
    fn accept(&mut self, value: Value) -> BoxFuture<'_, Flow> {
        if let Value::Object(object) = &value {
            self.take(object);
        }
        let flow = if self.names.len() < self.most { Ok(()) } else { Err(Stop::Enough) };
        Box::pin(std::future::ready(flow))
    }
}

/// Names of properties that begin so.
async fn properties(env: &Env, origin: &Origin, typed: &str) -> Vec<Candidate> {
    let value = match origin {
        Origin::Variable(name) => env.variables().get(name).items().into_iter().next(),
        Origin::Cmdlet(cmdlet) => {
            let mut sink = First(None);
            run(env, cmdlet.name, &mut sink).await;
            sink.0
        }
    };
    let names: Vec<String> = match value {
        Some(Value::Object(object)) => object.properties.iter().map(|(name, _)| name.to_string()).collect(),
        Some(Value::Table(entries)) => entries.iter().map(|(key, _)| key.clone()).collect(),
        _ => Vec::new(),
    };
    let fit = names.into_iter().filter(|name| begins(name, typed));
    fit.map(|name| Candidate::new(name, "")).collect()
}

/// Keeps the first object.
struct First(Option<Value>);

impl Sink for First {
    fn accept(&mut self, value: Value) -> BoxFuture<'_, Flow> {
        self.0 = Some(value);
        Box::pin(std::future::ready(Err(Stop::Enough)))
    }
}

/// Runs a cmdlet that only shows something. What it warns of, or why it shows nothing, is for nobody.
async fn run(env: &Env, text: &str, sink: &mut dyn Sink) {
    if let Ok(script) = parse(text) {
        let _ = run_all(env, &script.statements, sink).await;
    }
}
