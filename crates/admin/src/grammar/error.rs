//! Why text is not understood, and how that is shown.

use super::Span;

/// Why a text is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Where.
    pub span: Span,
    /// Why.
    pub message: String,
    /// Whether more lines could make it good.
    pub incomplete: bool,
}

impl ParseError {
    /// The message with line and column, the line, and a mark under the place.
    pub fn render(&self, source: &str) -> String {
        point(source, self.span, &self.message)
    }
}

/// A message about a place: line and column from 1, the line itself, and a mark under the place.
pub fn point(source: &str, span: Span, message: &str) -> String {
    let start = floor(source, span.start);
    let before = source.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = source.get(line_start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let number = before.matches('\n').count() + 1;
    let column = source.get(line_start..start).unwrap_or_default().chars().count();
    let end = floor(source, span.end.max(start)).min(line_start + line.len()).max(start);
    let length = source.get(start..end).unwrap_or_default().chars().count().max(1);
    let (line, shift) = window(line, column);
    let marks = format!("^{}", "~".repeat(length.min(60) - 1));
    let indent = " ".repeat(column - shift);
    format!("{message}\nline {number}, column {}:\n  {line}\n  {indent}{marks}", column + 1)
}

/// Cuts a very long line around the column, and says how many characters were taken from its beginning.
fn window(line: &str, column: usize) -> (String, usize) {
    let shift = if column > 100 { column - 60 } else { 0 };
    let shown: String =
        line.chars().skip(shift).take(160).map(|c| if c.is_control() { ' ' } else { c }).collect();
    (shown, shift)
}

fn floor(source: &str, at: usize) -> usize {
    let at = at.min(source.len());
    (0..=at).rev().find(|&at| source.is_char_boundary(at)).unwrap_or(0)
}
