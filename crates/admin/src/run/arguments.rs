//! Arguments after binding: each has a parameter and a value of the parameter's kind.

use super::call::Failure;
use crate::cmdlet::Parameter;
use crate::value::Value;
use std::any::Any;
use std::fmt::Display;
use std::num::ParseIntError;
use std::str::FromStr;

/// The arguments of one call.
#[derive(Clone, Default)]
pub struct Arguments {
    values: Vec<(&'static Parameter, Value)>,
    /// Secrets that were given in clear text.
    plain: Vec<&'static str>,
}

/// What is to become of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListChange {
    /// These instead.
    Replace(Vec<String>),
    /// These more, and these no longer.
    Edit {
        /// To add.
        add: Vec<String>,
        /// To take away.
        remove: Vec<String>,
    },
}

impl Arguments {
    /// Binds a value to a parameter.
    pub fn put(&mut self, parameter: &'static Parameter, value: Value) {
        self.values.push((parameter, value));
    }

    /// A secret was given in clear text.
    pub fn put_plain(&mut self, name: &'static str) {
        self.plain.push(name);
    }

    /// Whether a secret was given in clear text.
    pub fn was_plain(&self, name: &str) -> bool {
        self.plain.contains(&name)
    }

    /// What is bound, in the order it was given.
    pub fn all(&self) -> &[(&'static Parameter, Value)] {
        &self.values
    }

    /// Whether the parameter was given, even as null.
    pub fn given(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The value of a parameter.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(parameter, _)| parameter.name == name).map(|(_, value)| value)
    }

    /// The text of a parameter; null is an empty text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(ToString::to_string)
    }

    /// Whether a switch is there and not `:$false`; the truth of a boolean that was given.
    pub fn switch(&self, name: &str) -> bool {
        self.value(name).is_some_and(Value::truth)
    }

    /// A boolean that was given.
    pub fn bool(&self, name: &str) -> Option<bool> {
        self.value(name).map(Value::truth)
    }

    /// The value read as a type; what is no such value is an error that names the parameter.
    pub fn parse<T>(&self, name: &str) -> Result<Option<T>, Failure>
    where
        T: FromStr,
        T::Err: Display + 'static,
    {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|error: T::Err| {
            // The library's words for a number that is none say nothing of what would be one.
            let why = match (&error as &dyn Any).downcast_ref::<ParseIntError>() {
                Some(_) => format!("'{text}' is not valid; legal: a whole number that is not negative"),
                None => error.to_string(),
            };
            Failure::Error(format!("The value of parameter '{name}' is not valid: {why}."))
        })
    }

    /// What is to become of a list.
    pub fn list(&self, name: &str) -> Result<Option<ListChange>, Failure> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Table(entries)) => edit(name, entries).map(Some),
            Some(value) => Ok(Some(ListChange::Replace(texts(value)))),
        }
    }
}

fn edit(name: &str, entries: &[(String, Value)]) -> Result<ListChange, Failure> {
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    for (key, value) in entries {
        match key.to_ascii_lowercase().as_str() {
            "add" => add.extend(texts(value)),
            "remove" => remove.extend(texts(value)),
            _ => {
                return Err(Failure::Error(format!(
                    "Parameter '{name}' knows @{{Add=…; Remove=…}}, not '{key}'."
                )));
            }
        }
    }
    Ok(ListChange::Edit { add, remove })
}

fn texts(value: &Value) -> Vec<String> {
    value.clone().items().iter().map(ToString::to_string).collect()
}

impl ListChange {
    /// The list after the change, and remarks: what was there already, or was not there to be removed.
    pub fn apply<T>(&self, name: &str, old: &[T]) -> Result<(Vec<T>, Vec<String>), Failure>
    where
        T: FromStr + Clone + PartialEq + Display,
        T::Err: Display,
    {
        let read = |texts: &[String]| -> Result<Vec<T>, Failure> {
            let wrong =
                |error| Failure::Error(format!("The value of parameter '{name}' is not valid: {error}."));
            texts.iter().map(|text| text.parse().map_err(|error: T::Err| wrong(error.to_string()))).collect()
        };
        let (add, remove) = match self {
            ListChange::Replace(texts) => return Ok((read(texts)?, Vec::new())),
            ListChange::Edit { add, remove } => (read(add)?, read(remove)?),
        };
        let mut list = old.to_vec();
        let mut remarks = Vec::new();
        for value in remove {
            match list.iter().position(|known| *known == value) {
                Some(at) => drop(list.remove(at)),
                None => remarks.push(format!("{name} has no value '{value}' that could be removed.")),
            }
        }
        for value in add {
            if list.contains(&value) {
                remarks.push(format!("{name} has the value '{value}' already."));
            } else {
                list.push(value);
            }
        }
        Ok((list, remarks))
    }
}
