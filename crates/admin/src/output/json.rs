//! Values as JSON: properties in their order, sizes as a number of octets, time spans and sets as text.

use crate::value::Value;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// A value, down to a depth; what is deeper becomes text.
pub struct Json<'a> {
    /// The value.
    pub value: &'a Value,
    /// Levels of objects and lists within it.
    pub depth: usize,
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = |value| Json { value, depth: self.depth.saturating_sub(1) };
        match self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Real(value) => serializer.serialize_f64(*value),
            Value::Size(size) => serializer.serialize_u64(size.0),
            Value::Secret(_) => serializer.serialize_unit(),
            Value::List(items) if self.depth > 0 => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&inner(item)))?;
                list.end()
            }
            Value::Table(entries) if self.depth > 0 => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, &inner(value)))?;
                map.end()
            }
            Value::Object(object) if self.depth > 0 => {
                let mut map = serializer.serialize_map(Some(object.properties.len()))?;
                object
                    .properties
                    .iter()
                    .try_for_each(|(key, value)| map.serialize_entry(key, &inner(value)))?;
                map.end()
            }
            other => serializer.collect_str(other),
        }
    }
}
