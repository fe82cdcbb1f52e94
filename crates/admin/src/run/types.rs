//! The types that a value can be asked for and made to: `[int]'5'`, `$x -is [string]`.

use super::operators;
use crate::grammar::{Type, parse_number};
use crate::value::{Object, SELECTED, Value};
use directory::TimeSpan;
use std::sync::Arc;

/// Whether a value is of a type.
pub fn is(value: &Value, kind: Type) -> bool {
    match kind {
        Type::String => matches!(value, Value::Text(_) | Value::Shown(_)),
        Type::Int => matches!(value, Value::Int(_)),
        Type::Double => matches!(value, Value::Real(_)),
        Type::Bool | Type::Switch => matches!(value, Value::Bool(_)),
        Type::Array => matches!(value, Value::List(_)),
        Type::Hashtable => matches!(value, Value::Table(_)),
        Type::TimeSpan => matches!(value, Value::Span(_)),
        Type::Object => matches!(value, Value::Object(_)),
        Type::Void => false,
    }
}

/// The value as one of a type.
pub fn cast(value: Value, kind: Type) -> Result<Value, String> {
    let refused = |value: &Value| format!("'{value}' cannot be made a [{}].", kind.name());
    Ok(match kind {
        Type::String => match value {
            Value::List(items) => Value::text(operators::joined(&items, " ")?),
            value => Value::text(value.to_string()),
        },
        Type::Int => int(&value).map(Value::Int).ok_or_else(|| refused(&value))?,
        Type::Double => match operators::real(&value) {
            Some(number) => Value::Real(number),
            None if matches!(value, Value::Null) => Value::Real(0.0),
            None => return Err(refused(&value)),
        },
        Type::Bool | Type::Switch => Value::Bool(value.truth()),
        Type::Array => Value::List(Arc::new(value.items())),
        Type::Hashtable if matches!(value, Value::Table(_)) => value,
        Type::TimeSpan => match &value {
            Value::Span(_) => value,
            other => Value::Span(other.to_string().parse::<TimeSpan>().map_err(|_| refused(other))?),
        },
        Type::Object => match value {
            Value::Table(entries) => object(&entries),
            value => value,
        },
        Type::Void => Value::Null,
        Type::Hashtable => return Err(refused(&value)),
    })
}

/// A whole number; as in PowerShell a fraction is rounded, half to even.
fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Null => Some(0),
        Value::Text(text) if text.trim().is_empty() => Some(0),
        Value::Text(text) if parse_number(text).is_some() => parse_number(text),
        value => {
            let rounded = operators::real(value)?.round_ties_even();
            (rounded.abs() < 9e15).then_some(rounded as i64)
        }
    }
}

/// An object with the entries of a hashtable.
fn object(entries: &[(String, Value)]) -> Value {
    let add = |object: Object, (key, value): &(String, Value)| object.with(key.clone(), value.clone());
    entries.iter().fold(Object::plain(&SELECTED), add).into()
}
