//! Quoted texts, bare words, numbers and variables.

use super::ast::{Expr, ExprKind, Number, Piece};
use super::cursor::{Cursor, is_blank, plain};
use super::{ParseError, Span};

impl Cursor {
    /// `'…'`, where a doubled quote is one.
    pub fn single_quoted(&mut self) -> Result<String, ParseError> {
        self.bump();
        let mut text = String::new();
        while let Some(c) = self.bump() {
            match plain(c) {
                '\'' if self.peek() == Some('\'') => {
                    self.bump();
                    text.push(c);
                }
                '\'' => return Ok(text),
                _ => text.push(c),
            }
        }
        self.fail("The text has no end; ' is missing.")
    }

    /// `"…"`, where variables are replaced.
    pub fn double_quoted(&mut self) -> Result<Vec<Piece>, ParseError> {
        self.bump();
        let mut pieces = Pieces::default();
        loop {
            match self.peek() {
                None => return self.fail("The text has no end; \" is missing."),
                Some('"') => {
                    let quote = self.bump();
                    if self.peek() != Some('"') {
                        return Ok(pieces.done());
                    }
                    self.bump();
                    pieces.text.extend(quote);
                }
                Some(_) => self.piece(&mut pieces)?,
            }
        }
    }

    /// One character, escape or variable of a text with variables in it.
    fn piece(&mut self, pieces: &mut Pieces) -> Result<(), ParseError> {
        match self.peek() {
            Some('`') => {
                self.bump();
                match self.bump() {
                    Some(c) => pieces.text.push(unescape(c)),
                    None => return self.fail("Something follows a backtick."),
                }
            }
            Some('$') => match self.expansion()? {
                Some(value) => pieces.value(value),
                None => pieces.text.extend(self.bump()),
            },
            _ => pieces.text.extend(self.bump()),
        }
        Ok(())
    }

    /// `$name` or `$( … )` within a text; a `$` alone is only a character.
    fn expansion(&mut self) -> Result<Option<Expr>, ParseError> {
        match self.peek_second() {
            Some('(') => self.dollar().map(Some),
            Some(c) if c == '{' || is_name(c) || c == '$' || c == '?' => self.dollar().map(Some),
            _ => Ok(None),
        }
    }

    /// `$name`, `${name}`, `$env:NAME` or `$( … )`.
    pub fn dollar(&mut self) -> Result<Expr, ParseError> {
        let start = self.pos;
        self.bump();
        if self.peek() == Some('(') {
            let statements = self.bracketed()?;
            return Ok(Expr { kind: ExprKind::Statements(statements), span: self.since(start) });
        }
        let name = if self.take('{') {
            let from = self.pos;
            while self.peek().is_some_and(|c| c != '}') {
                self.bump();
            }
            let name = self.text(self.since(from)).to_owned();
            if !self.take('}') {
                return self.fail("The variable's name has no end; } is missing.");
            }
            name
        } else {
            self.variable_name()
        };
        if name.is_empty() {
            return self.fail_at(self.since(start), "A variable has a name: $name.");
        }
        Ok(Expr { kind: ExprKind::Variable(name), span: self.since(start) })
    }

    fn variable_name(&mut self) -> String {
        let from = self.pos;
        if matches!(self.peek(), Some('?' | '$' | '^')) {
            self.bump();
            return self.text(self.since(from)).to_owned();
        }
        while self.peek().is_some_and(is_name) || self.is_scope_colon() {
            self.bump();
        }
        self.text(self.since(from)).to_owned()
    }

    /// The colon of `$env:NAME`; in `"$x: text"` it is none.
    fn is_scope_colon(&self) -> bool {
        self.peek() == Some(':') && self.peek_second().is_some_and(is_name)
    }

    /// `@"`, line end, text, line end, `"@`; or the same with `'`.
    pub fn here_text(&mut self) -> Result<Expr, ParseError> {
        let start = self.pos;
        self.bump();
        let quote = self.peek().unwrap_or('"');
        self.bump();
        while self.peek().is_some_and(is_blank) {
            self.bump();
        }
        if !self.take('\n') {
            return self.fail("A text that begins with @\" or @' starts on the next line.");
        }
        let from = self.pos;
        let Some((end, after)) = self.here_end(quote) else {
            self.pos = self.end;
            return self
                .fail(format!("The text has no end; {quote}@ at the beginning of a line is missing."));
        };
        let kind = if quote == '\'' {
            ExprKind::Text(self.text(Span { start: from, end }).to_owned())
        } else {
            let mut inner = Cursor::new(self.source.clone(), Span { start: from, end });
            inner.depth = self.depth;
            let mut pieces = Pieces::default();
            while !inner.at_end() {
                inner.piece(&mut pieces)?;
            }
            expandable(pieces.done())
        };
        self.pos = after;
        Ok(Expr { kind, span: self.since(start) })
    }

    /// Where a text of several lines ends, and where reading goes on.
    fn here_end(&self, quote: char) -> Option<(usize, usize)> {
        let mut at = self.pos;
        for line in self.rest().split_inclusive('\n') {
            let mut chars = line.chars();
            if let (Some(first), Some('@')) = (chars.next(), chars.next())
                && plain(first) == quote
            {
                let text_end = self
                    .text(Span { start: self.pos, end: at })
                    .trim_end_matches('\n')
                    .trim_end_matches('\r')
                    .len();
                return Some((self.pos + text_end, at + first.len_utf8() + 1));
            }
            at += line.len();
        }
        None
    }

    /// A word without quotes: everything up to a blank or a character that means something. Variables and quoted
    /// parts in it are replaced.
    pub fn word(&mut self) -> Result<Expr, ParseError> {
        let start = self.pos;
        let mut pieces = Pieces::default();
        let mut quoted = false;
        while let Some(c) = self.peek() {
            match c {
                c if is_blank(c) || ends_word(c) => break,
                '`' if self.continues() => break,
                '"' => {
                    quoted = true;
                    let inner = self.double_quoted()?;
                    pieces.all.push(Piece::Text(std::mem::take(&mut pieces.text)));
                    pieces.all.extend(inner);
                }
                '\'' => {
                    quoted = true;
                    let text = self.single_quoted()?;
                    pieces.text.push_str(&text);
                }
                _ => self.piece(&mut pieces)?,
            }
        }
        let span = self.since(start);
        let kind = match expandable(pieces.done()) {
            ExprKind::Text(text) if !quoted => match number(&text) {
                Some(value) => ExprKind::Number(value, text),
                None => ExprKind::Text(text),
            },
            kind => kind,
        };
        Ok(Expr { kind, span })
    }
}

/// Collects pieces, with neighbouring characters in one.
#[derive(Default)]
struct Pieces {
    all: Vec<Piece>,
    text: String,
}

impl Pieces {
    fn value(&mut self, value: Expr) {
        if !self.text.is_empty() {
            self.all.push(Piece::Text(std::mem::take(&mut self.text)));
        }
        self.all.push(Piece::Value(value));
    }

    fn done(mut self) -> Vec<Piece> {
        if !self.text.is_empty() {
            self.all.push(Piece::Text(self.text));
        }
        self.all
    }
}

/// A plain text where no piece is a variable.
pub fn expandable(pieces: Vec<Piece>) -> ExprKind {
    let mut text = String::new();
    for piece in &pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Value(_) => return ExprKind::Expandable(pieces),
        }
    }
    ExprKind::Text(text)
}

pub fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Characters that end a word.
pub fn ends_word(c: char) -> bool {
    matches!(c, '\n' | ';' | '|' | '&' | '(' | ')' | '{' | '}' | ',' | '<' | '>')
}

fn unescape(c: char) -> char {
    match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        'e' => '\u{1b}',
        c => c,
    }
}

/// The number that a whole word is: `12`, `-1`, `1.5`, `0x1F`, `10MB`.
pub fn number(word: &str) -> Option<Number> {
    let (negative, digits) = match word.chars().next().map(plain)? {
        '-' => (true, word.char_indices().nth(1).and_then(|(at, _)| word.get(at..))?),
        '+' => (false, word.get(1..)?),
        _ => (false, word),
    };
    let sign = if negative { -1 } else { 1 };
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return i64::from_str_radix(hex, 16)
            .ok()
            .filter(|_| !hex.starts_with(['+', '-']))
            .map(|n| Number::Int(sign * n));
    }
    let (digits, factor) = unit(digits);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if digits.bytes().all(|c| c.is_ascii_digit()) {
        return digits.parse::<i64>().ok()?.checked_mul(factor * sign).map(Number::Int);
    }
    let plain =
        digits.bytes().all(|c| c.is_ascii_digit() || c == b'.') && digits.bytes().any(|c| c.is_ascii_digit());
    let value = digits.parse::<f64>().ok().filter(|_| plain)? * factor as f64 * sign as f64;
    let whole = factor > 1 && value.fract() == 0.0 && value.abs() < 9e15;
    Some(if whole { Number::Int(value as i64) } else { Number::Real(value) })
}

/// Parts a number from the multiplier behind it.
fn unit(word: &str) -> (&str, i64) {
    let units = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30), ("tb", 1 << 40), ("pb", 1 << 50)];
    let split = word.len().checked_sub(2).filter(|&at| word.is_char_boundary(at));
    let Some((digits, suffix)) = split.and_then(|at| word.split_at_checked(at)) else { return (word, 1) };
    match units.iter().find(|(name, _)| suffix.eq_ignore_ascii_case(name)) {
        Some((_, factor)) => (digits, *factor),
        None => (word, 1),
    }
}
