//! Shows what comes out of a statement: objects as tables or lists as their type has it, all else as lines.

use super::columns::{Columns, all};
use super::table::{Cell, Table, Wrapping};
use super::{list, width};
use crate::run::{End, Env, Flow, Sink};
use crate::value::{ERROR, Object, Value};
use crate::{BoxFuture, Channel};

/// The end of every pipeline whose output is not used.
pub struct Printer {
    env: Env,
    current: Current,
    /// Whether something stands above that a table or list keeps away from.
    below_something: bool,
}

/// What is being shown.
enum Current {
    Nothing,
    Lines,
    List(Vec<String>),
    Table { titles: Vec<String>, columns: Columns, table: Table },
}

/// Objects of a type without columns are shown as a table up to so many properties.
const FEW: usize = 4;

impl Printer {
    /// Shows on the terminal of this run.
    pub fn new(env: Env) -> Printer {
        Printer { env, current: Current::Nothing, below_something: false }
    }

    /// Shows what is held back; what follows stands apart.
    async fn close(&mut self) -> Flow {
        if let Current::Table { table, .. } = &mut self.current
            && let Some(text) = table.finish()
        {
            self.env.show(Channel::Output, text).await?;
        }
        self.below_something |= !matches!(self.current, Current::Nothing);
        self.current = Current::Nothing;
        Ok(())
    }

    async fn show(&mut self, value: Value) -> Flow {
        match &value {
            Value::Null => Ok(()),
            // An error is its text.
            Value::Object(object) if std::ptr::eq(object.shape, &raw const ERROR) => {
                self.line(&value.to_string()).await
            }
            Value::Object(object) => self.show_object(object, &value).await,
            Value::Table(entries) => {
                for (key, entry) in entries.iter() {
                    let row = Object::plain(&ENTRY).with("Name", key).with("Value", entry.clone());
                    Box::pin(self.show(row.into())).await?;
                }
                Ok(())
            }
            Value::List(items) => {
                for item in items.iter() {
                    Box::pin(self.show(item.clone())).await?;
                }
                Ok(())
            }
            other => self.line(&other.to_string()).await,
        }
    }

    async fn line(&mut self, text: &str) -> Flow {
        if !matches!(self.current, Current::Lines) {
            self.finish().await?;
            self.current = Current::Lines;
        }
        self.env.show(Channel::Output, text).await
    }

    async fn show_object(&mut self, object: &Object, value: &Value) -> Flow {
        let columns = object.shape.columns;
        let names = || object.properties.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
        let titles = if columns.is_empty() {
            names()
        } else {
            columns.iter().map(|name| (*name).to_owned()).collect()
        };
        if columns.is_empty() && titles.len() > FEW {
            return self.show_list(object, titles).await;
        }
        let same = matches!(&self.current, Current::Table { titles: current, .. } if *current == titles);
        if !same {
            self.begin().await?;
            let named: Vec<&str> = titles.iter().map(String::as_str).collect();
            let table = Table::new(titles.clone(), self.env.terminal().width.into(), Wrapping::Shorten);
            self.current = Current::Table { columns: Columns::named(&named), titles, table };
        }
        let Current::Table { columns, table, .. } = &mut self.current else { return Ok(()) };
        let row = columns.pick(&self.env, value).await.iter().map(|picked| cell(&picked.value)).collect();
        match table.push(row) {
            Some(text) => self.env.show(Channel::Output, text).await,
            None => Ok(()),
        }
    }

    async fn show_list(&mut self, object: &Object, names: Vec<String>) -> Flow {
        let text = list(&all(object));
        match &self.current {
            Current::List(current) if *current == names => self.env.show(Channel::Output, "").await?,
            _ => self.begin().await?,
        }
        self.current = Current::List(names);
        self.env.show(Channel::Output, text).await
    }

    /// Begins a table or list.
    async fn begin(&mut self) -> Flow {
        self.close().await?;
        if self.below_something { self.env.show(Channel::Output, "").await } else { Ok(()) }
    }
}

static ENTRY: crate::value::Shape = crate::value::Shape { name: "Entry", columns: &["Name", "Value"] };

/// A value as a cell of a table.
pub fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Empty,
        Value::Int(_) | Value::Real(_) => Cell::Number(value.to_string()),
        other => Cell::Text(width::one_line(&other.to_string())),
    }
}

impl Sink for Printer {
    fn accept(&mut self, value: Value) -> BoxFuture<'_, Flow> {
        Box::pin(self.show(value))
    }
}

impl End for Printer {
    fn finish(&mut self) -> BoxFuture<'_, Flow> {
        Box::pin(self.close())
    }
}
