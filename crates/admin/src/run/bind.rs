//! Binding of arguments to parameters: by name, other name or unique beginning, then by position.

use super::arguments::Arguments;
use super::evaluate::Halt;
use crate::cmdlet::{CHANGING, COMMON, Cmdlet, Kind, Need, Parameter, Source};
use crate::cmdlets::nearest_of;
use crate::grammar::{Name, Span};
use crate::value::Value;
use mail::Secret;
use std::sync::Arc;

/// An argument with its value.
pub enum Given {
    /// `-Name`, `-Name:value`
    Parameter(Name, Option<Item>),
    /// A value.
    Value(Item),
}

/// A value that was given.
#[derive(Clone)]
pub struct Item {
    pub value: Value,
    /// How a number was written.
    pub literal: Option<String>,
    pub span: Span,
}

/// The outcome: the cmdlet's own arguments, and those all cmdlets have.
pub struct Bound {
    pub arguments: Arguments,
    pub common: Arguments,
}

/// Binds the arguments of a command.
pub fn bind(cmdlet: &'static Cmdlet, given: Vec<Given>, name: &Name) -> Result<Bound, Halt> {
    let mut bound: Vec<(&'static Parameter, Value)> = Vec::new();
    let mut plain = Vec::new();
    let mut positional = Vec::new();
    let mut given = given.into_iter().peekable();
    while let Some(argument) = given.next() {
        let (name, colon) = match argument {
            Given::Value(item) => {
                positional.push(item);
                continue;
            }
            Given::Parameter(name, colon) => (name, colon),
        };
        let parameter = resolve(cmdlet, &name)?;
        let item = match colon {
            Some(item) => item,
            None if parameter.kind == Kind::Switch => switched_on(name.span),
            None => match given.next_if(|next| matches!(next, Given::Value(_))) {
                Some(Given::Value(item)) => item,
                _ => {
                    return Err(Halt::fault(
                        name.span,
                        format!("Parameter '{}' needs a value.", parameter.name),
                    ));
                }
            },
        };
        if bound.iter().any(|(known, _)| std::ptr::eq(*known, parameter)) {
            return Err(Halt::fault(name.span, format!("Parameter '{}' is given twice.", parameter.name)));
        }
        if parameter.kind == Kind::Secret && matches!(item.value, Value::Text(_) | Value::Int(_)) {
            plain.push(parameter.name);
        }
        let value = convert(parameter, item)?;
        bound.push((parameter, value));
    }
    bind_positions(cmdlet, positional, &mut bound, name)?;
    let mut bound = sorted(bound);
    plain.into_iter().for_each(|name| bound.arguments.put_plain(name));
    Ok(bound)
}

fn switched_on(span: Span) -> Item {
    Item { value: Value::Bool(true), literal: None, span }
}

/// What was given without a name goes to the free parameters in the order of their positions.
fn bind_positions(
    cmdlet: &'static Cmdlet,
    positional: Vec<Item>,
    bound: &mut Vec<(&'static Parameter, Value)>,
    name: &Name,
) -> Result<(), Halt> {
    let mut free: Vec<&'static Parameter> = cmdlet
        .parameters
        .iter()
        .filter(|parameter| parameter.position.is_some())
        .filter(|parameter| !bound.iter().any(|(known, _)| std::ptr::eq(*known, *parameter)))
        .collect();
    free.sort_by_key(|parameter| parameter.position);
    let mut free = free.into_iter();
    for item in positional {
        let Some(parameter) = free.next() else {
            let message = format!(
                "A positional parameter cannot be found that accepts argument '{}'. Get-Help {} shows the parameters.",
                item.value, cmdlet.name
            );
            let span = if item.span.end > item.span.start { item.span } else { name.span };
            return Err(Halt::fault(span, message));
        };
        let value = convert(parameter, item)?;
        bound.push((parameter, value));
    }
    Ok(())
}

/// Parts the cmdlet's own arguments from those that all cmdlets have.
fn sorted(bound: Vec<(&'static Parameter, Value)>) -> Bound {
    let (mut arguments, mut common) = (Arguments::default(), Arguments::default());
    for (parameter, value) in bound {
        let is_common = COMMON.iter().chain(CHANGING).any(|known| std::ptr::eq(known, parameter));
        if is_common { common.put(parameter, value) } else { arguments.put(parameter, value) }
    }
    Bound { arguments, common }
}

/// The parameter of this name.
fn resolve(cmdlet: &'static Cmdlet, name: &Name) -> Result<&'static Parameter, Halt> {
    let found = cmdlet.parameters_named(&name.text);
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Halt::fault(name.span, unknown(cmdlet, &name.text))),
        several => {
            let names: Vec<String> = several.iter().map(|parameter| format!("-{}", parameter.name)).collect();
            let message = format!("Parameter '{}' could be any of {}.", name.text, names.join(", "));
            Err(Halt::fault(name.span, message))
        }
    }
}

/// What to say of a parameter that is not there.
fn unknown(cmdlet: &'static Cmdlet, name: &str) -> String {
    let hint = match nearest_of(name, cmdlet.all_parameters().map(|parameter| parameter.name)) {
        Some(nearest) => format!("Did you mean -{nearest}?"),
        None => format!("Get-Help {} shows the parameters.", cmdlet.name),
    };
    format!("A parameter cannot be found that matches parameter name '{name}'. {hint}")
}

/// A value as the parameter's kind has it.
fn convert(parameter: &'static Parameter, item: Item) -> Result<Value, Halt> {
    let span = item.span;
    as_kind(parameter, item.value, item.literal).map_err(|why| {
        Halt::fault(span, format!("The value of parameter '{}' is not valid: {why}", parameter.name))
    })
}

/// Here every value gets its type, once: what a cmdlet finds among its arguments needs no more doubt.
fn as_kind(parameter: &'static Parameter, value: Value, literal: Option<String>) -> Result<Value, String> {
    match parameter.kind {
        Kind::Any => Ok(value),
        Kind::Text => text(parameter, value, literal),
        Kind::Filter => match value {
            Value::Text(_) | Value::Block(_) => Ok(value),
            other => Err(format!("'{other}' is no filter; it stands in braces or quotes.")),
        },
        Kind::Number => number(value),
        Kind::Bool | Kind::Switch => boolean(value),
        Kind::List => Ok(match value {
            Value::Table(_) => value,
            other => Value::texts(other.items().into_iter().map(|item| identity(&item))),
        }),
        Kind::Secret => match value {
            Value::Secret(_) | Value::Null => Ok(value),
            Value::Text(text) => Ok(Value::Secret(Secret::new(&*text))),
            // A number that was written as a password keeps its digits.
            Value::Int(_) => Ok(Value::Secret(Secret::new(literal.unwrap_or_default()))),
            other => Err(format!("'{other}' is no password.")),
        },
        Kind::Block => match value {
            Value::Block(_) => Ok(value),
            other => Err(format!("'{other}' is no script block; it stands in braces.")),
        },
    }
}

fn text(parameter: &'static Parameter, value: Value, literal: Option<String>) -> Result<Value, String> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Secret(_) => Err("it is a SecureString, which is not shown.".to_owned()),
        Value::List(items) => match items.as_slice() {
            [one] => text(parameter, one.clone(), None),
            // Several flags of one set are one value.
            several if !parameter.values.is_empty() => {
                let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                Ok(Value::text(names.join(", ")))
            }
            _ => Err("it is a list, where one value is due.".to_owned()),
        },
        Value::Table(_) => Err("it is a hashtable, where one value is due.".to_owned()),
        value => Ok(Value::text(literal.unwrap_or_else(|| identity(&value)))),
    }
}

/// What a value is found by, where it is an object, else its text.
pub fn identity(value: &Value) -> String {
    match value {
        Value::Object(object) => object.identity.as_deref().map_or_else(|| value.to_string(), str::to_owned),
        other => other.to_string(),
    }
}

fn number(value: Value) -> Result<Value, String> {
    match &value {
        Value::Int(_) => Ok(value),
        Value::Text(text) => match crate::grammar::parse_number(text) {
            Some(number) => Ok(Value::Int(number)),
            None => Err(format!("'{text}' is no whole number.")),
        },
        other => Err(format!("'{other}' is no whole number.")),
    }
}

/// `$true`, `1` and the texts that people write for them; anything else is more likely a slip than meant.
fn boolean(value: Value) -> Result<Value, String> {
    let known = match &value {
        Value::Bool(value) => Some(*value),
        Value::Null => return Ok(Value::Null),
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        Value::Text(text) => match text.to_ascii_lowercase().trim_start_matches('$') {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    };
    known.map(Value::Bool).ok_or_else(|| format!("'{value}' is neither $true nor $false."))
}

/// Whether all is there that must be; what can be piped may still come.
pub fn check_mandatory(
    cmdlet: &'static Cmdlet,
    arguments: &Arguments,
    piped: bool,
    name: &Name,
) -> Result<(), Halt> {
    let missing = |parameter: &&Parameter| {
        let null = arguments.value(parameter.name).is_none_or(|value| matches!(value, Value::Null));
        parameter.need == Need::Mandatory && null && !(piped && parameter.source == Source::Pipeline)
    };
    let missing: Vec<&str> =
        cmdlet.parameters.iter().filter(missing).map(|parameter| parameter.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("{} needs a value for: {}.", cmdlet.name, missing.join(", "));
    Err(Halt::fault(name.span, message))
}

/// Binds an object that was piped.
pub fn bind_piped(cmdlet: &'static Cmdlet, arguments: &mut Arguments, value: Value) -> Result<(), String> {
    let takes = cmdlet.parameters.iter().find(|parameter| parameter.source == Source::Pipeline);
    let Some(parameter) = takes else {
        return Err(format!("{} takes nothing from a pipeline.", cmdlet.name));
    };
    if arguments.given(parameter.name) {
        return Err(format!("Parameter '{}' is given, so nothing can be piped to it.", parameter.name));
    }
    let value = match &value {
        Value::Shown(_) => {
            return Err("What a Format- cmdlet gives can be shown, and nothing else.".to_owned());
        }
        Value::Object(object) if !accepts(cmdlet, object.shape.name) => match object.property(parameter.name)
        {
            Some(named) if object.identity.is_none() => named.clone(),
            _ => return Err(format!("{} takes no {} from a pipeline.", cmdlet.name, object.shape.name)),
        },
        _ => value,
    };
    let value = as_kind(parameter, value, None)?;
    arguments.put(parameter, value);
    Ok(())
}

/// Whether objects of this type stand for what the cmdlet works on.
fn accepts(cmdlet: &'static Cmdlet, type_name: &str) -> bool {
    cmdlet.accepts.contains(&type_name)
}

/// The block or text of a filter.
pub fn filter_text(value: &Value) -> Arc<str> {
    match value {
        Value::Block(block) => block.text().into(),
        other => other.to_string().into(),
    }
}
