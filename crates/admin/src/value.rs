//! What flows through pipelines: values, and objects with named properties.
//!
//! Values are cheap to clone. What a value looks like as text is decided here and is the same in tables, lists and
//! strings; JSON is in `output`.

use crate::grammar::Block;
use directory::{ByteSize, Limit, TimeSpan};
use mail::Secret;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// One value.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// `$null`
    #[default]
    Null,
    /// `$true` or `$false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// A number of octets.
    Size(ByteSize),
    /// A length of time.
    Span(TimeSpan),
    /// A text.
    Text(Arc<str>),
    /// A text that is never shown.
    Secret(Secret),
    /// Several values.
    List(Arc<Vec<Value>>),
    /// A hashtable, in the order it was written.
    Table(Arc<Vec<(String, Value)>>),
    /// Something with properties.
    Object(Arc<Object>),
    /// A script block.
    Block(Arc<Block>),
    /// Text made by a Format- cmdlet: it can be shown, and nothing else.
    Shown(Arc<str>),
}

/// Something with named properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is.
    pub shape: &'static Shape,
    /// What a cmdlet finds the same thing by, when the object is piped to it.
    pub identity: Option<Arc<str>>,
    /// Names and values, in order.
    pub properties: Vec<(Cow<'static, str>, Value)>,
}

/// What all objects of a type have in common.
#[derive(Debug, PartialEq)]
pub struct Shape {
    /// The type's name.
    pub name: &'static str,
    /// The columns of its table; without any, it is shown as a list of all properties.
    pub columns: &'static [&'static str],
}

/// Objects made by Select-Object and the like.
pub static SELECTED: Shape = Shape { name: "Selected", columns: &[] };

/// An error.
pub static ERROR: Shape = Shape { name: "ErrorRecord", columns: &[] };

/// What is in an error.
pub static EXCEPTION: Shape = Shape { name: "Exception", columns: &["Message"] };

impl Object {
    /// An object that can be piped to cmdlets under this identity.
    pub fn new(shape: &'static Shape, identity: impl Into<Arc<str>>) -> Object {
        Object { shape, identity: Some(identity.into()), properties: Vec::new() }
    }

    /// An object that only has properties.
    pub fn plain(shape: &'static Shape) -> Object {
        Object { shape, identity: None, properties: Vec::new() }
    }

    /// Adds a property.
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Object {
        self.properties.push((name.into(), value.into()));
        self
    }

    /// The property of this name, without regard to case.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.properties.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Values shown of a list before the rest is left out.
const LIST_SHOWN: usize = 16;

impl Value {
    /// A text.
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    /// Several values.
    pub fn list<T: Into<Value>>(values: impl IntoIterator<Item = T>) -> Value {
        Value::List(Arc::new(values.into_iter().map(Into::into).collect()))
    }

    /// A list of values as they print.
    pub fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Value {
        Value::list(values.into_iter().map(|value| Value::text(value.to_string())))
    }

    /// Whether a condition holds with this value.
    pub fn truth(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Real(value) => *value != 0.0,
            Value::Size(size) => size.0 != 0,
            Value::Text(text) => !text.is_empty(),
            Value::List(values) => match values.as_slice() {
                [] => false,
                [only] => only.truth(),
                _ => true,
            },
            _ => true,
        }
    }

    /// Levels of lists, hashtables and objects within each other.
    pub fn depth(&self) -> usize {
        depth(self, &mut HashMap::new())
    }

    /// About how many octets of memory it takes, counted as often as it is there: what is shared in memory is not when it
    /// is printed.
    pub fn weight(&self) -> usize {
        weight(self, &mut HashMap::new())
    }

    /// The value's items: those of a list, nothing for null, else itself.
    pub fn items(self) -> Vec<Value> {
        match self {
            Value::Null => Vec::new(),
            Value::List(values) => Arc::unwrap_or_clone(values),
            value => vec![value],
        }
    }

    /// Null, the only one, or a list: what a pipeline's output is as a value.
    pub fn from_items(mut items: Vec<Value>) -> Value {
        match items.len() {
            0 => Value::Null,
            1 => items.pop().unwrap_or_default(),
            _ => Value::List(Arc::new(items)),
        }
    }

    /// The property of this name; of a list, the list of its items' properties, or its length.
    pub fn property(&self, name: &str) -> Value {
        match self {
            Value::Object(object) => object.property(name).cloned().unwrap_or_default(),
            Value::Table(entries) => {
                let found = entries.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                match found {
                    Some((_, value)) => value.clone(),
                    None if is_count(name) => Value::Int(entries.len() as i64),
                    None if name.eq_ignore_ascii_case("keys") => {
                        Value::list(entries.iter().map(|(key, _)| key))
                    }
                    None if name.eq_ignore_ascii_case("values") => {
                        Value::list(entries.iter().map(|(_, value)| value.clone()))
                    }
                    None => Value::Null,
                }
            }
            Value::List(values) if is_count(name) => Value::Int(values.len() as i64),
            Value::List(values) => {
                let all = values.iter().map(|value| value.property(name)).flat_map(Value::items);
                Value::from_items(all.collect())
            }
            Value::Text(text) if name.eq_ignore_ascii_case("length") => {
                Value::Int(text.chars().count() as i64)
            }
            Value::Null if is_count(name) => Value::Int(0),
            Value::Null => Value::Null,
            _ if is_count(name) => Value::Int(1),
            _ => Value::Null,
        }
    }
}

/// The depth of a value. What is there at several places is looked into once.
fn depth(value: &Value, known: &mut HashMap<*const (), usize>) -> usize {
    let place: *const () = match value {
        Value::List(items) => Arc::as_ptr(items).cast(),
        Value::Table(entries) => Arc::as_ptr(entries).cast(),
        Value::Object(object) => Arc::as_ptr(object).cast(),
        _ => return 0,
    };
    if let Some(depth) = known.get(&place) {
        return *depth;
    }
    let deepest = match value {
        Value::List(items) => items.iter().map(|item| depth(item, known)).max(),
        Value::Table(entries) => entries.iter().map(|(_, value)| depth(value, known)).max(),
        Value::Object(object) => object.properties.iter().map(|(_, value)| depth(value, known)).max(),
        _ => None,
    };
    let found = 1 + deepest.unwrap_or_default();
    known.insert(place, found);
    found
}

/// A value without what it points to.
const VALUE: usize = 64;

fn weight(value: &Value, known: &mut HashMap<*const (), usize>) -> usize {
    let place: *const () = match value {
        Value::Text(text) | Value::Shown(text) => return VALUE + text.len(),
        Value::List(items) => Arc::as_ptr(items).cast(),
        Value::Table(entries) => Arc::as_ptr(entries).cast(),
        Value::Object(object) => Arc::as_ptr(object).cast(),
        _ => return VALUE,
    };
    if let Some(weight) = known.get(&place) {
        return *weight;
    }
    let sum = |sum: usize, part: usize| sum.saturating_add(part);
    let parts = match value {
        Value::List(items) => items.iter().map(|item| weight(item, known)).fold(0, sum),
        Value::Table(entries) => {
            entries.iter().map(|(key, value)| key.len() + weight(value, known)).fold(0, sum)
        }
        Value::Object(object) => object.properties.iter().map(|(_, value)| weight(value, known)).fold(0, sum),
        _ => 0,
    };
    let found = parts.saturating_add(VALUE);
    known.insert(place, found);
    found
}

fn is_count(name: &str) -> bool {
    name.eq_ignore_ascii_case("count") || name.eq_ignore_ascii_case("length")
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Bool(true) => f.write_str("True"),
            Value::Bool(false) => f.write_str("False"),
            Value::Int(value) => value.fmt(f),
            Value::Real(value) => value.fmt(f),
            Value::Size(size) => size.fmt(f),
            Value::Span(span) => span.fmt(f),
            Value::Text(text) | Value::Shown(text) => f.write_str(text),
            Value::Secret(_) => f.write_str("SecureString"),
            Value::List(values) => list(f, values.iter().map(ToString::to_string)),
            Value::Table(entries) => list(f, entries.iter().map(|(key, value)| format!("{key}={value}"))),
            Value::Object(object) => match (object.property("Name"), &object.identity) {
                (Some(name), _) => name.fmt(f),
                (None, Some(identity)) => f.write_str(identity),
                (None, None) => {
                    list(f, object.properties.iter().map(|(key, value)| format!("{key}={value}")))
                }
            },
            Value::Block(block) => f.write_str(block.text()),
        }
    }
}

/// `{a, b}`, shortened where there are many.
fn list(f: &mut std::fmt::Formatter<'_>, values: impl Iterator<Item = String>) -> std::fmt::Result {
    f.write_str("{")?;
    for (index, value) in values.enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        if index == LIST_SHOWN {
            f.write_str("...")?;
            break;
        }
        f.write_str(&value)?;
    }
    f.write_str("}")
}

/// Values are the same where they are so to the letter; operators compare more loosely.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Real(a), Value::Real(b)) => a == b,
            (Value::Size(a), Value::Size(b)) => a == b,
            (Value::Span(a), Value::Span(b)) => a == b,
            (Value::Text(a), Value::Text(b)) | (Value::Shown(a), Value::Shown(b)) => a == b,
            (Value::Secret(a), Value::Secret(b)) => a == b,
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Table(a), Value::Table(b)) => a == b,
            (Value::Object(a), Value::Object(b)) => a == b,
            (Value::Block(a), Value::Block(b)) => a == b,
            _ => false,
        }
    }
}

macro_rules! from {
    ($($type:ty => |$value:ident| $made:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Value { $made }
        }
    )+};
}

from! {
    bool => |value| Value::Bool(value),
    i64 => |value| Value::Int(value),
    u32 => |value| Value::Int(i64::from(value)),
    u64 => |value| Value::Int(i64::try_from(value).unwrap_or(i64::MAX)),
    ByteSize => |value| Value::Size(value),
    TimeSpan => |value| Value::Span(value),
    &str => |value| Value::Text(value.into()),
    &String => |value| Value::Text(value.as_str().into()),
    String => |value| Value::Text(value.into()),
    Arc<str> => |value| Value::Text(value),
    Object => |value| Value::Object(Arc::new(value)),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Limit<T>> for Value {
    fn from(limit: Limit<T>) -> Value {
        match limit {
            Limit::Unlimited => Value::text("Unlimited"),
            Limit::To(value) => value.into(),
        }
    }
}
