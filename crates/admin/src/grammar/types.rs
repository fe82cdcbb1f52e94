//! Types in square brackets: `[int]$x`.

use super::ParseError;
use super::ast::{Expr, ExprKind, Type};
use super::cursor::Cursor;
use super::texts::is_name;

/// The types there are, by their names.
const TYPES: &[(&str, Type)] = &[
    ("string", Type::String),
    ("int", Type::Int),
    ("int32", Type::Int),
    ("int64", Type::Int),
    ("long", Type::Int),
    ("double", Type::Double),
    ("decimal", Type::Double),
    ("bool", Type::Bool),
    ("boolean", Type::Bool),
    ("switch", Type::Switch),
    ("array", Type::Array),
    ("object[]", Type::Array),
    ("string[]", Type::Array),
    ("hashtable", Type::Hashtable),
    ("ordered", Type::Hashtable),
    ("timespan", Type::TimeSpan),
    ("pscustomobject", Type::Object),
    ("psobject", Type::Object),
    ("void", Type::Void),
];

impl Type {
    /// The type of this name.
    pub fn named(name: &str) -> Option<Type> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_prefix("system.").unwrap_or(&name);
        let name = name.strip_prefix("management.automation.").unwrap_or(name);
        TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

impl Cursor {
    /// `[int]` before a value, or alone.
    pub fn cast(&mut self) -> Result<Expr, ParseError> {
        let start = self.pos;
        let kind = self.type_name()?;
        let after = self.pos;
        self.skip_blanks()?;
        let value = match (self.peek(), self.peek_second()) {
            (Some('$' | '(' | '@' | '"' | '\'' | '['), _) => true,
            (Some('-'), Some(c)) => c.is_ascii_digit(),
            (Some(c), _) => c.is_ascii_digit(),
            _ => false,
        };
        if !value {
            self.pos = after;
            return Ok(Expr { kind: ExprKind::Type(kind), span: self.since(start) });
        }
        self.enter()?;
        let value = self.postfix(true)?;
        self.leave();
        Ok(Expr { kind: ExprKind::Cast(kind, Box::new(value)), span: self.since(start) })
    }

    /// `[int]`
    pub fn type_name(&mut self) -> Result<Type, ParseError> {
        let start = self.pos;
        self.bump();
        let from = self.pos;
        while self.peek().is_some_and(|c| is_name(c) || c == '.' || c == '[') || self.rest().starts_with("]]")
        {
            self.bump();
        }
        let name = self.text(self.since(from)).to_ascii_lowercase();
        let closed = self.take(']');
        let known = Type::named(&name);
        let span = self.since(start);
        match known {
            _ if self.rest().starts_with("::") => {
                self.fail_at(span, "Calls of .NET with :: are not part of this shell's language.")
            }
            Some(kind) if closed => Ok(kind),
            _ => self.fail_at(
                span,
                "This type or attribute is not part of this shell's language. Types are [string], [int], [double], \
                 [bool], [switch], [array], [hashtable], [timespan], [pscustomobject] and [void].",
            ),
        }
    }
}
