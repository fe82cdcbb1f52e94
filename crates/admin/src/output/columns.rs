//! Which properties are shown: names, patterns, and calculated ones (`@{n='X'; e={$_.Y}}`).

use crate::grammar::Block;
use crate::run::{Env, Failure, block_value, wildcard};
use crate::value::{Object, Value};
use std::sync::Arc;

/// What is shown of an object.
#[derive(Clone, Debug)]
pub struct Picked {
    /// The title.
    pub name: String,
    /// The value.
    pub value: Value,
}

/// The choice of properties.
#[derive(Clone, Debug, Default)]
pub struct Columns(Vec<Column>);

#[derive(Clone, Debug)]
enum Column {
    Named(String),
    Property(String, String),
    Block(String, Arc<Block>),
}

impl Columns {
    /// The columns of a `-Property` argument.
    pub fn parse(value: Option<&Value>) -> Result<Columns, Failure> {
        let items = value.cloned().unwrap_or_default().items();
        items.iter().map(column).collect::<Result<Vec<Column>, Failure>>().map(Columns)
    }

    /// Columns of these names.
    pub fn named(names: &[&str]) -> Columns {
        Columns(names.iter().map(|name| Column::Named((*name).to_owned())).collect())
    }

    /// Whether none was named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The choice with patterns replaced by the properties of this object that fit.
    pub fn resolved(&self, value: &Value) -> Columns {
        let mut columns = Vec::new();
        for column in &self.0 {
            match column {
                Column::Named(pattern) if wildcard::is_pattern(pattern) => {
                    columns.extend(fitting(value, pattern))
                }
                Column::Named(name) => columns.push(Column::Named(spelled(value, name))),
                other => columns.push(other.clone()),
            }
        }
        Columns(columns)
    }

    /// The titles.
    pub fn titles(&self) -> Vec<String> {
        let title = |column: &Column| match column {
            Column::Named(name) | Column::Property(name, _) | Column::Block(name, _) => name.clone(),
        };
        self.0.iter().map(title).collect()
    }

    /// The chosen values of an object; choose [`Columns::resolved`] first.
    pub async fn pick(&self, env: &Env, value: &Value) -> Vec<Picked> {
        let mut picked = Vec::with_capacity(self.0.len());
        for column in &self.0 {
            picked.push(match column {
                Column::Named(name) => Picked { name: name.clone(), value: value.property(name) },
                Column::Property(title, name) => Picked { name: title.clone(), value: value.property(name) },
                Column::Block(title, block) => {
                    // As in PowerShell, a calculation that fails leaves its column empty.
                    let value = block_value(env, block, value.clone()).await.unwrap_or_default();
                    Picked { name: title.clone(), value }
                }
            });
        }
        picked
    }
}

/// All properties of an object.
pub fn all(object: &Object) -> Vec<Picked> {
    let picked = |(name, value): &(std::borrow::Cow<'static, str>, Value)| Picked {
        name: name.to_string(),
        value: value.clone(),
    };
    object.properties.iter().map(picked).collect()
}

fn fitting(value: &Value, pattern: &str) -> Vec<Column> {
    let Value::Object(object) = value else { return Vec::new() };
    let names = object.properties.iter().map(|(name, _)| name.to_string());
    names.filter(|name| wildcard::fits(pattern, name)).map(Column::Named).collect()
}

/// The name as the object spells it, so that `ft name` has the title `Name`.
fn spelled(value: &Value, name: &str) -> String {
    let Value::Object(object) = value else { return name.to_owned() };
    let known = object.properties.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map_or_else(|| name.to_owned(), |(known, _)| known.to_string())
}

fn column(item: &Value) -> Result<Column, Failure> {
    match item {
        Value::Table(entries) => calculated(entries),
        Value::Block(block) => Ok(Column::Block(block.text().trim().to_owned(), block.clone())),
        other => Ok(Column::Named(other.to_string())),
    }
}

fn calculated(entries: &[(String, Value)]) -> Result<Column, Failure> {
    let (mut title, mut what) = (None, None);
    for (key, value) in entries {
        match key.to_ascii_lowercase().as_str() {
            "n" | "name" | "l" | "label" => title = Some(value.to_string()),
            "e" | "expression" => what = Some(value.clone()),
            "width" | "w" | "alignment" | "align" | "a" | "f" | "formatstring" => {}
            _ => {
                return Err(format!(
                    "A calculated property is @{{n='Name'; e={{…}}}}; '{key}' is not known."
                )
                .into());
            }
        }
    }
    match what {
        Some(Value::Block(block)) => {
            let title = title.unwrap_or_else(|| block.text().trim().to_owned());
            Ok(Column::Block(title, block))
        }
        Some(name) => Ok(Column::Property(title.unwrap_or_else(|| name.to_string()), name.to_string())),
        None => Err("A calculated property is @{n='Name'; e={…}}; its expression is missing.".into()),
    }
}
