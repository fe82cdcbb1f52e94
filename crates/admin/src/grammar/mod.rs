//! The language of the shell: a subset of PowerShell, as Exchange administrators write it.
//!
//! [`parse`] makes statements of text, [`parse_filter`] an expression of what stands after `-Filter`. Reading is by
//! recursive descent over the characters themselves, because what a word means depends on what is being read:
//! arguments need no quotes, expressions do. What PowerShell has and this shell has not is refused with its place, not
//! misread. Nothing is run here.

mod ast;
mod control;
mod cursor;
mod error;
mod expression;
mod quote;
mod statement;
mod texts;
mod tokens;
mod types;

#[cfg(test)]
mod tests;

pub use ast::*;
pub use error::{ParseError, point};
pub use expression::operator_names;
pub use quote::{quoted, quoted_list};
pub use tokens::{Place, Token, TokenKind, Tokens, tokens};

use cursor::Cursor;
use std::sync::Arc;

/// Octets of one text.
const LONGEST: usize = 1 << 20;

/// The statements of a text.
pub fn parse(text: &str) -> Result<Script, ParseError> {
    short_enough(text)?;
    let source: Arc<str> = Arc::from(text);
    let whole = Span { start: 0, end: text.len() };
    let statements = Cursor::new(source.clone(), whole).statements(None)?;
    Ok(Script { source, statements })
}

/// A text has a limit, so that reading it ends soon and fits into memory.
fn short_enough(text: &str) -> Result<(), ParseError> {
    if text.len() <= LONGEST {
        return Ok(());
    }
    let message = format!(
        "This text has {} octets, and at most {LONGEST} (1 MiB) are read at once. Run it in parts.",
        text.len()
    );
    Err(ParseError { span: Span::default(), message, incomplete: false })
}

/// The expression of a filter, where bare words are names of properties: `PopEnabled -eq $true`.
pub fn parse_filter(text: &str) -> Result<Expr, ParseError> {
    short_enough(text)?;
    let mut cursor = Cursor::new(Arc::from(text), Span { start: 0, end: text.len() });
    cursor.filter = true;
    cursor.skip_lines()?;
    let expression = cursor.expression()?;
    cursor.skip_lines()?;
    match cursor.peek() {
        None => {
            let mut filter = expression;
            compare_with_values(&mut filter);
            Ok(filter)
        }
        Some(c) => cursor.fail(format!("{c} is not expected here.")),
    }
}

/// In a filter a word to the right of a comparison is a value, and not a property: in double quotes `$true` and `$name`
/// have become words before the filter is read.
fn compare_with_values(filter: &mut Expr) {
    match &mut filter.kind {
        ExprKind::Unary(_, value) => compare_with_values(value),
        ExprKind::Group(pipeline) => {
            for element in &mut pipeline.elements {
                if let Element::Expression(value) = element {
                    compare_with_values(value);
                }
            }
        }
        ExprKind::Binary(first, more) => {
            compare_with_values(first);
            for (operator, value) in more {
                match &value.kind {
                    ExprKind::Property(word) if operator.compares() => value.kind = word_value(word),
                    _ => compare_with_values(value),
                }
            }
        }
        _ => {}
    }
}

fn word_value(word: &str) -> ExprKind {
    match word.to_ascii_lowercase().as_str() {
        known @ ("true" | "false") => ExprKind::Variable(known.to_owned()),
        _ => ExprKind::Text(word.to_owned()),
    }
}

/// The whole number that a text is: `12`, `0x10`, `10MB`.
pub fn parse_number(text: &str) -> Option<i64> {
    match texts::number(text.trim())? {
        Number::Int(value) => Some(value),
        Number::Real(_) => None,
    }
}

/// Whether `text` is the beginning of something that needs more lines: an open bracket, string or comment, or a line
/// that ends with a pipe, a comma or a backtick.
pub fn needs_more(text: &str) -> bool {
    parse(text).is_err_and(|error| error.incomplete)
}
