//! Cmdlets for programs: their definitions as data, and their parameters from JSON.

use crate::cmdlet::{Cmdlet, Kind, Need, Parameter, Run};
use crate::cmdlets;
use crate::value::Value;
use directory::Role;
use std::sync::Arc;

/// A cmdlet that can be called alone. Those that work only on what is piped to them stand in texts.
#[derive(Clone, Copy)]
pub struct Definition(pub(crate) &'static Cmdlet);

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// One text, number or anything that is one when it is written.
    Text,
    /// A whole number.
    Integer,
    /// Yes or no.
    Boolean,
    /// Texts, or `{"Add": [...], "Remove": [...]}`.
    List,
    /// A text that is not shown.
    Password,
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub schema: Schema,
    /// Whether it must be given.
    pub mandatory: bool,
    /// Legal values, where they are few.
    pub values: &'static [&'static str],
    /// What it is for.
    pub help: &'static str,
}

impl Definition {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Definition> {
        cmdlets::all().filter(|cmdlet| matches!(cmdlet.run, Run::Each(_))).map(Definition)
    }

    /// The cmdlet of this name or alias, or what to say of a name that is none.
    pub fn find(name: &str) -> Result<Definition, String> {
        match cmdlets::find(name) {
            Some(cmdlet) if matches!(cmdlet.run, Run::Each(_)) => Ok(Definition(cmdlet)),
            Some(cmdlet) => Err(format!("{} needs something piped to it.", cmdlet.name)),
            None => Err(cmdlets::unknown(name)),
        }
    }

    /// `Get-Mailbox`
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What it does, in a sentence.
    pub fn synopsis(self) -> &'static str {
        self.0.synopsis
    }

    /// The least role that may call it.
    pub fn role(self) -> Role {
        self.0.role
    }

    /// Its parameters; script blocks cannot be written in JSON.
    pub fn fields(self) -> impl Iterator<Item = Field> {
        self.0.all_parameters().filter(|parameter| parameter.kind != Kind::Block).map(field)
    }
}

fn field(parameter: &'static Parameter) -> Field {
    let schema = match parameter.kind {
        Kind::Text | Kind::Filter | Kind::Any | Kind::Block => Schema::Text,
        Kind::Number => Schema::Integer,
        Kind::Bool | Kind::Switch => Schema::Boolean,
        Kind::List => Schema::List,
        Kind::Secret => Schema::Password,
    };
    let Parameter { name, values, help, need, .. } = *parameter;
    Field { name, schema, mandatory: need == Need::Mandatory, values, help }
}

impl From<serde_json::Value> for Value {
    /// Nested as deeply as the JSON, whose reader has a limit.
    fn from(value: serde_json::Value) -> Value {
        use serde_json::Value as Json;
        match value {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(value),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Value::Int(number),
                None => Value::Real(number.as_f64().unwrap_or_default()),
            },
            Json::String(text) => Value::text(text),
            Json::Array(items) => Value::list(items),
            Json::Object(entries) => {
                let entries = entries.into_iter().map(|(key, value)| (key, value.into()));
                Value::Table(Arc::new(entries.collect()))
            }
        }
    }
}
