//! Expressions: values, properties, operators.
//!
//! Precedence is PowerShell's, lowest first: `-and -or -xor`, comparison, `+ -`, `* / %`, `..`, `,`, then what stands
//! before a value. The two levels of `-and` and `-or` are one there, too.

use super::ast::{Binary, Block, Expr, ExprKind, Piece, Statement, Suffix, Unary};
use super::cursor::{Cursor, plain};
use super::texts::{ends_word, expandable, is_name, number};
use super::{Name, ParseError, Span};
use std::sync::Arc;

/// Named operators between two values, and how strongly they bind.
const OPERATORS: &[(&str, Binary, u8)] = &[
    ("and", Binary::And, 1),
    ("or", Binary::Or, 1),
    ("xor", Binary::Xor, 1),
    ("eq", Binary::Eq, 2),
    ("ne", Binary::Ne, 2),
    ("gt", Binary::Gt, 2),
    ("ge", Binary::Ge, 2),
    ("lt", Binary::Lt, 2),
    ("le", Binary::Le, 2),
    ("like", Binary::Like, 2),
    ("notlike", Binary::NotLike, 2),
    ("contains", Binary::Contains, 2),
    ("notcontains", Binary::NotContains, 2),
    ("in", Binary::In, 2),
    ("notin", Binary::NotIn, 2),
    ("join", Binary::Join, 2),
    ("split", Binary::Split, 2),
    ("replace", Binary::Replace, 2),
    ("match", Binary::Match, 2),
    ("notmatch", Binary::NotMatch, 2),
    ("is", Binary::Is, 2),
    ("isnot", Binary::IsNot, 2),
    ("as", Binary::As, 2),
    ("f", Binary::Format, 5),
];

/// Operators of PowerShell that this shell does not have.
const FOREIGN: &[&str] = &["band", "bor", "bnot", "bxor", "shl", "shr"];

/// Named operators before a value.
const PREFIXES: &[(&str, Unary)] = &[("-not", Unary::Not), ("-join", Unary::Join), ("-split", Unary::Split)];

/// The names of all operators that have one, without the dash.
pub fn operator_names() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().map(|(name, ..)| *name).chain(["not"])
}

impl Cursor {
    /// A whole expression.
    pub fn expression(&mut self) -> Result<Expr, ParseError> {
        self.binary(0)
    }

    fn binary(&mut self, least: u8) -> Result<Expr, ParseError> {
        let first = self.unary()?;
        let mut more = Vec::new();
        loop {
            let before = self.pos;
            self.skip_blanks()?;
            let Some((operator, level)) = self.operator()?.filter(|&(_, level)| level > least) else {
                self.pos = before;
                return Ok(chain(first, more));
            };
            self.skip_lines()?;
            self.enter()?;
            more.push((operator, self.binary(level)?));
            self.leave();
        }
    }

    fn operator(&mut self) -> Result<Option<(Binary, u8)>, ParseError> {
        if self.take_str("..") {
            return Ok(Some((Binary::Range, 6)));
        }
        let symbol = match self.peek() {
            Some('+') => (Binary::Add, 3),
            Some('*') => (Binary::Multiply, 4),
            Some('/') => (Binary::Divide, 4),
            Some('%') => (Binary::Remainder, 4),
            Some('-') if self.peek_second().is_some_and(|c| c.is_ascii_alphabetic()) => {
                return self.named_operator();
            }
            Some('-') => (Binary::Subtract, 3),
            _ => return Ok(None),
        };
        self.bump();
        Ok(Some(symbol))
    }

    /// `-eq`, also as `-ceq` and `-ieq`; the shell never distinguishes case.
    fn named_operator(&mut self) -> Result<Option<(Binary, u8)>, ParseError> {
        let start = self.pos;
        self.bump();
        while self.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
            self.bump();
        }
        let span = self.since(start);
        let name = self.text(span).chars().skip(1).collect::<String>().to_ascii_lowercase();
        let find = |name: &str| {
            OPERATORS.iter().find(|(known, ..)| *known == name).map(|(_, op, level)| (*op, *level))
        };
        let insensitive = || name.strip_prefix(['i', 'c']).and_then(find);
        match find(&name).or_else(insensitive) {
            Some(found) => Ok(Some(found)),
            None if FOREIGN.contains(&name.as_str()) => {
                self.fail_at(span, format!("The operator -{name} is not part of this shell's language."))
            }
            None => self.fail_at(span, format!("-{name} is no operator. Known are -eq, -ne, -gt, -ge, -lt, -le, -like, -and, -or, -not and others.")),
        }
    }

    fn unary(&mut self) -> Result<Expr, ParseError> {
        self.skip_blanks()?;
        let start = self.pos;
        let Some(operator) = self.unary_operator() else { return self.list() };
        self.enter()?;
        let value = self.unary()?;
        self.leave();
        let span = self.since(start);
        Ok(Expr { kind: ExprKind::Unary(operator, Box::new(value)), span })
    }

    fn unary_operator(&mut self) -> Option<Unary> {
        if let Some((word, operator)) = self.prefix() {
            self.pos += word;
            return Some(operator);
        }
        match (self.peek(), self.peek_second()) {
            (Some('!'), _) => {
                self.bump();
                Some(Unary::Not)
            }
            (Some('-'), Some(c)) if !c.is_ascii_digit() && !c.is_ascii_alphabetic() => {
                self.bump();
                Some(Unary::Negate)
            }
            _ => None,
        }
    }

    /// The named operator that a value begins with, and the octets it takes.
    pub fn prefix(&self) -> Option<(usize, Unary)> {
        let word = |c: &(usize, char)| c.0 == 0 || c.1.is_ascii_alphabetic();
        let found: Vec<(usize, char)> = self.rest().char_indices().take_while(word).take(8).collect();
        let name: String = found.iter().map(|(_, c)| plain(*c).to_ascii_lowercase()).collect();
        let length = found.iter().map(|(_, c)| c.len_utf8()).sum();
        PREFIXES.iter().find(|(known, _)| *known == name).map(|(_, operator)| (length, *operator))
    }

    /// `a, b, c`, or one value.
    fn list(&mut self) -> Result<Expr, ParseError> {
        if self.take(',') {
            // A comma before a value makes a list of one.
            let start = self.pos;
            self.skip_lines()?;
            let only = self.postfix(true)?;
            return Ok(Expr { kind: ExprKind::List(vec![only]), span: self.since(start) });
        }
        let mut items = vec![self.postfix(true)?];
        loop {
            let before = self.pos;
            self.skip_blanks()?;
            if !self.take(',') {
                self.pos = before;
                break;
            }
            self.skip_lines()?;
            items.push(self.postfix(true)?);
        }
        Ok(one_or_list(items))
    }

    /// A value with what follows it directly: `.Name`, `[0]`.
    pub fn postfix(&mut self, in_expression: bool) -> Result<Expr, ParseError> {
        let value = if in_expression { self.primary()? } else { self.bracketed_or_variable()? };
        let mut suffixes = Vec::new();
        loop {
            match (self.peek(), self.peek_second()) {
                (Some('.'), Some(c)) if is_name(c) || c == '$' || c == '(' || c == '"' || c == '\'' => {
                    self.bump();
                    suffixes.push(self.member()?);
                }
                (Some('['), _) => {
                    self.enter()?;
                    self.bump();
                    self.skip_lines()?;
                    let index = self.expression()?;
                    self.close(']')?;
                    self.leave();
                    suffixes.push(Suffix::Index(index));
                }
                (Some(':'), Some(':')) => {
                    return self.fail(".NET calls are not part of this shell's language.");
                }
                _ if suffixes.is_empty() => return Ok(value),
                _ => {
                    let span = Span { start: value.span.start, end: self.pos };
                    return Ok(Expr { kind: ExprKind::Postfix(Box::new(value), suffixes), span });
                }
            }
        }
    }

    fn member(&mut self) -> Result<Suffix, ParseError> {
        let start = self.pos;
        let name = match self.peek() {
            Some('$') => self.dollar()?,
            Some('(') => self.primary()?,
            Some('"' | '\'') => self.quoted()?,
            _ => {
                while self.peek().is_some_and(is_name) {
                    self.bump();
                }
                let span = self.since(start);
                Expr { kind: ExprKind::Text(self.text(span).to_owned()), span }
            }
        };
        if self.peek() == Some('(') {
            return self.method(name);
        }
        Ok(Suffix::Member(name))
    }

    fn method(&mut self, name: Expr) -> Result<Suffix, ParseError> {
        let ExprKind::Text(text) = name.kind else {
            return self.fail_at(name.span, "A method has a plain name.");
        };
        self.enter()?;
        self.bump();
        self.skip_lines()?;
        let mut arguments = Vec::new();
        while self.peek() != Some(')') {
            arguments.push(self.postfix(true)?);
            self.skip_lines()?;
            if !self.take(',') {
                break;
            }
            self.skip_lines()?;
        }
        self.close(')')?;
        self.leave();
        Ok(Suffix::Method(Name { text, span: name.span }, arguments))
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        match self.peek() {
            None => self.fail("A value is missing here."),
            Some('"' | '\'') => self.quoted(),
            Some('$' | '(' | '@' | '{') => self.bracketed_or_variable(),
            Some('[') => self.cast(),
            Some(c) if c.is_ascii_digit() || c == '.' || c == '-' || c == '+' => self.number_or_word(),
            Some(_) if self.filter => self.number_or_word(),
            Some(c) if ends_word(c) => self.fail(format!("A value is missing before {}.", shown(c))),
            Some(_) => {
                let word = self.word()?;
                let text = self.text(word.span).to_owned();
                self.fail_at(
                    word.span,
                    format!(
                        "Within an expression a text stands in quotes: '{text}'. A cmdlet stands in ( )."
                    ),
                )
            }
        }
    }

    /// Something in quotes.
    fn quoted(&mut self) -> Result<Expr, ParseError> {
        let start = self.pos;
        let kind = match self.peek() {
            Some('\'') => ExprKind::Text(self.single_quoted()?),
            _ => expandable(self.double_quoted()?),
        };
        Ok(Expr { kind, span: self.since(start) })
    }

    /// A number; in filters also the name of a property.
    fn number_or_word(&mut self) -> Result<Expr, ParseError> {
        let start = self.pos;
        self.bump();
        while self.peek().is_some_and(|c| is_name(c) || (c == '.' && self.peek_second() != Some('.'))) {
            self.bump();
        }
        let span = self.since(start);
        let word = self.text(span).to_owned();
        let kind = match number(&word) {
            Some(value) => ExprKind::Number(value, word),
            None if self.filter && word.starts_with(is_name) => ExprKind::Property(word),
            None => return self.fail_at(span, format!("'{word}' is no number; a text stands in quotes.")),
        };
        Ok(Expr { kind, span })
    }

    fn bracketed_or_variable(&mut self) -> Result<Expr, ParseError> {
        let start = self.pos;
        let kind = match (self.peek(), self.peek_second()) {
            (Some('$'), _) => return self.dollar(),
            (Some('('), _) => self.group()?,
            (Some('{'), _) => ExprKind::Block(self.block()?),
            (Some('@'), Some('(')) => {
                self.bump();
                ExprKind::Array(self.bracketed()?)
            }
            (Some('@'), Some('{')) => {
                self.bump();
                ExprKind::Table(self.table()?)
            }
            (Some('@'), Some('"' | '\'')) => return self.here_text(),
            _ => return self.fail("Splatting with @ is not part of this shell's language."),
        };
        Ok(Expr { kind, span: self.since(start) })
    }

    /// `( pipeline )`
    fn group(&mut self) -> Result<ExprKind, ParseError> {
        self.enter()?;
        self.bump();
        self.skip_lines()?;
        let pipeline = self.pipeline()?;
        self.close(')')?;
        self.leave();
        Ok(ExprKind::Group(Box::new(pipeline)))
    }

    /// `( statements )`
    pub fn bracketed(&mut self) -> Result<Vec<Statement>, ParseError> {
        self.enter()?;
        self.bump();
        let outer = std::mem::replace(&mut self.filter, false);
        let statements = self.statements(Some(')'))?;
        self.filter = outer;
        self.close(')')?;
        self.leave();
        Ok(statements)
    }

    /// Skips to a closing bracket and takes it.
    pub fn close(&mut self, bracket: char) -> Result<(), ParseError> {
        self.skip_lines()?;
        if self.take(bracket) {
            return Ok(());
        }
        match self.peek() {
            None => self.fail(format!("{bracket} is missing.")),
            Some(c) => self.fail(format!("{bracket} is missing before {}.", shown(c))),
        }
    }

    /// `{ … }`, read twice: once to its end, then for its statements, which it need not have.
    pub fn block(&mut self) -> Result<Arc<Block>, ParseError> {
        self.enter()?;
        self.bump();
        let from = self.pos;
        self.skip_braces()?;
        let inner = self.since(from);
        self.bump();
        self.leave();
        let mut reader = Cursor::new(self.source.clone(), inner);
        reader.depth = self.depth + 1;
        let body = reader.statements(None);
        Ok(Arc::new(Block { source: self.source.clone(), inner, body }))
    }

    /// Goes to the brace that closes, past texts, comments and braces within.
    fn skip_braces(&mut self) -> Result<(), ParseError> {
        let mut open = 0usize;
        loop {
            match self.peek() {
                None => return self.fail("} is missing."),
                Some('}') if open == 0 => return Ok(()),
                Some('}') => open -= 1,
                Some('{') => open += 1,
                Some('\'') => {
                    self.single_quoted()?;
                    continue;
                }
                Some('"') => {
                    self.skip_double_quoted()?;
                    continue;
                }
                Some('#' | '<') => {
                    let before = self.pos;
                    self.skip_blanks()?;
                    if self.pos > before {
                        continue;
                    }
                }
                Some('`') => {
                    self.bump();
                }
                Some(_) => {}
            }
            self.bump();
        }
    }

    /// Goes past a text without looking into what its variables are.
    fn skip_double_quoted(&mut self) -> Result<(), ParseError> {
        self.bump();
        loop {
            match self.bump().map(plain) {
                None => return self.fail("The text has no end; \" is missing."),
                Some('`') => {
                    self.bump();
                }
                Some('"') => return Ok(()),
                Some(_) => {}
            }
        }
    }

    /// `{ key = value; … }` after the `@`.
    fn table(&mut self) -> Result<Vec<(Expr, Statement)>, ParseError> {
        self.enter()?;
        self.bump();
        let mut entries = Vec::new();
        loop {
            self.skip_separators()?;
            if self.take('}') {
                self.leave();
                return Ok(entries);
            }
            let key = self.table_key()?;
            self.skip_blanks()?;
            if !self.take('=') {
                return self.fail("= is missing: an entry has the form key = value.");
            }
            self.skip_lines()?;
            entries.push((key, self.statement()?));
            self.skip_blanks()?;
            if !matches!(self.peek(), Some('\n' | ';' | '}')) {
                return self.fail("; or } is missing after the entry.");
            }
        }
    }

    fn table_key(&mut self) -> Result<Expr, ParseError> {
        let start = self.pos;
        match self.peek() {
            Some('"' | '\'') => self.quoted(),
            Some('$' | '(') => self.postfix(true),
            Some(c) if is_name(c) => {
                while self.peek().is_some_and(|c| is_name(c) || c == '-') {
                    self.bump();
                }
                let span = self.since(start);
                Ok(Expr { kind: ExprKind::Text(self.text(span).to_owned()), span })
            }
            None => self.fail("} is missing."),
            Some(_) => self.fail("A key is missing: an entry has the form key = value."),
        }
    }

    /// A value as an argument of a cmdlet: a word needs no quotes there.
    pub fn argument_value(&mut self) -> Result<Expr, ParseError> {
        let mut items = vec![self.argument_item()?];
        loop {
            let before = self.pos;
            self.skip_blanks()?;
            if !self.take(',') {
                self.pos = before;
                return Ok(one_or_list(items));
            }
            self.skip_lines()?;
            items.push(self.argument_item()?);
        }
    }

    fn argument_item(&mut self) -> Result<Expr, ParseError> {
        let start = self.pos;
        match (self.peek(), self.peek_second()) {
            (None, _) => self.fail("A value is missing here."),
            (Some('$' | '(' | '{'), _) | (Some('@'), Some('(' | '{' | '"' | '\'')) => {
                let value = self.postfix(false)?;
                let ended = self.peek().is_none_or(|c| c.is_whitespace() || ends_word(c));
                // `$server\name` is a word with a variable in it. Brackets are not read twice.
                if ended || self.text(value.span).contains(['(', '[', '{']) {
                    return Ok(value);
                }
                self.pos = start;
                self.word()
            }
            (Some('@'), _) => self.fail("Splatting with @ is not part of this shell's language."),
            (Some('"' | '\''), _) => self.quoted_argument(),
            (Some(c), _) if ends_word(c) => self.fail(format!("A value is missing before {}.", shown(c))),
            _ => self.word(),
        }
    }

    /// A quoted text, also with more characters directly behind it.
    fn quoted_argument(&mut self) -> Result<Expr, ParseError> {
        let value = self.quoted()?;
        if self.peek().is_none_or(|c| c.is_whitespace() || ends_word(c)) {
            return Ok(value);
        }
        let rest = self.word()?;
        let span = Span { start: value.span.start, end: rest.span.end };
        let pieces = [value, rest].into_iter().flat_map(|part| pieces(part.kind)).collect();
        Ok(Expr { kind: expandable(pieces), span })
    }
}

/// What a part of a word is made of.
fn pieces(part: ExprKind) -> Vec<Piece> {
    match part {
        ExprKind::Text(text) | ExprKind::Number(_, text) => vec![Piece::Text(text)],
        ExprKind::Expandable(pieces) => pieces,
        _ => Vec::new(),
    }
}

/// Operators from left to right, or the one value.
fn chain(first: Expr, more: Vec<(Binary, Expr)>) -> Expr {
    let Some((_, last)) = more.last() else { return first };
    let span = Span { start: first.span.start, end: last.span.end };
    Expr { kind: ExprKind::Binary(Box::new(first), more), span }
}

fn one_or_list(mut items: Vec<Expr>) -> Expr {
    match (items.len(), items.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            let start = items.first().map_or(last.span.start, |first| first.span.start);
            let span = Span { start, end: last.span.end };
            items.push(last);
            Expr { kind: ExprKind::List(items), span }
        }
        (_, None) => Expr { kind: ExprKind::List(items), span: Span::default() },
    }
}

/// How a character is named in a message.
pub fn shown(c: char) -> String {
    match c {
        '\n' | '\r' => "the end of the line".to_owned(),
        c => c.to_string(),
    }
}
