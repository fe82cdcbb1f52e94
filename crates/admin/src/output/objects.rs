//! Gives values to programs, each as one line of JSON with its type.

use super::Json;
use crate::run::{End, Env, Flow, Sink};
use crate::value::Value;
use crate::{BoxFuture, Channel};

/// Levels of objects and lists within each other; what is deeper becomes text.
const DEPTH: usize = 8;

/// The end of every pipeline whose output goes to a program.
pub struct Objects(pub Env);

impl Objects {
    async fn give(&self, value: Value) -> Flow {
        match &value {
            Value::Null => Ok(()),
            Value::List(items) => {
                for item in items.iter() {
                    Box::pin(self.give(item.clone())).await?;
                }
                Ok(())
            }
            // Made by a Format- cmdlet: it is there to be read by people.
            Value::Shown(text) => self.0.show(Channel::Output, text.to_string()).await,
            other => {
                let line = serde_json::to_string(&Line(other)).unwrap_or_default();
                self.0.show(Channel::Object, line).await
            }
        }
    }
}

/// `{"type": "Mailbox", "value": {...}}`
struct Line<'v>(&'v Value);

impl serde::Serialize for Line<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("type", type_name(self.0))?;
        map.serialize_entry("value", &Json { value: self.0, depth: DEPTH })?;
        map.end()
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Object(object) => object.shape.name,
        Value::Bool(_) => "Boolean",
        Value::Int(_) => "Int64",
        Value::Real(_) => "Double",
        Value::Size(_) => "ByteQuantifiedSize",
        Value::Span(_) => "TimeSpan",
        Value::Table(_) => "Hashtable",
        Value::Secret(_) => "SecureString",
        Value::Block(_) => "ScriptBlock",
        Value::Text(_) | Value::Shown(_) | Value::List(_) | Value::Null => "String",
    }
}

impl Sink for Objects {
    fn accept(&mut self, value: Value) -> BoxFuture<'_, Flow> {
        Box::pin(self.give(value))
    }
}

impl End for Objects {
    fn finish(&mut self) -> BoxFuture<'_, Flow> {
        Box::pin(std::future::ready(Ok(())))
    }
}
