//! How values are shown: tables, lists, JSON, and the choice between them.
//!
//! All of it streams: a table looks at its first rows to choose its widths, and keeps none after that.

mod columns;
mod json;
mod objects;
mod printer;
mod table;
mod width;

pub use columns::{Columns, Picked, all};
pub use json::Json;
pub use objects::Objects;
pub use printer::{Printer, cell};
pub use table::{Heads, Table, Wrapping};

/// An object as lines of `Name : value`, names filled up to the longest.
pub fn list(picked: &[Picked]) -> String {
    let longest = picked.iter().map(|column| width::of(&column.name)).max().unwrap_or_default();
    let mut text = String::new();
    for (index, column) in picked.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let fill = " ".repeat(longest - width::of(&column.name));
        let value = width::printable(&column.value.to_string());
        text.push_str(format!("{}{fill} : {value}", column.name).trim_end());
    }
    text
}
