//! The reader of characters: places, blanks, comments, and the characters that only look different.
//!
//! Text pasted from articles has typographic quotes and dashes and non-breaking spaces; as PowerShell does, they count
//! as the plain ones, here and nowhere else.

use super::{ParseError, Span};
use std::sync::Arc;

/// What all parts of the parser work on.
pub struct Cursor {
    pub source: Arc<str>,
    pub pos: usize,
    /// Reading stops here: the end of the source, or of the braces being read.
    pub end: usize,
    /// Levels around this place: brackets, blocks, operators, parts of a pipeline. What nests too deeply is refused here,
    /// because everything that goes through the tree afterwards does so by recursion.
    pub depth: usize,
    /// In a filter, bare words are properties.
    pub filter: bool,
}

/// Levels within levels.
const DEEPEST: usize = 100;

/// What a character counts as.
pub fn plain(c: char) -> char {
    match c {
        '\u{201c}' | '\u{201d}' | '\u{201e}' => '"',
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' => '\'',
        '\u{2013}' | '\u{2014}' | '\u{2015}' => '-',
        '\u{a0}' | '\u{202f}' | '\u{feff}' => ' ',
        c => c,
    }
}

pub fn is_blank(c: char) -> bool {
    matches!(plain(c), ' ' | '\t' | '\r')
}

impl Cursor {
    pub fn new(source: Arc<str>, inner: Span) -> Cursor {
        Cursor { source, pos: inner.start, end: inner.end, depth: 0, filter: false }
    }

    pub fn rest(&self) -> &str {
        self.source.get(self.pos..self.end).unwrap_or_default()
    }

    /// The next character as it is.
    pub fn raw(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The next character as it counts.
    pub fn peek(&self) -> Option<char> {
        self.raw().map(plain)
    }

    /// The character after the next, as it counts.
    pub fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1).map(plain)
    }

    /// Takes the next character as it is.
    pub fn bump(&mut self) -> Option<char> {
        let c = self.raw()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    pub fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.bump();
        }
        found
    }

    pub fn take_str(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.pos += expected.len();
        }
        found
    }

    pub fn at_end(&self) -> bool {
        self.pos >= self.end
    }

    pub fn since(&self, start: usize) -> Span {
        Span { start, end: self.pos }
    }

    pub fn text(&self, span: Span) -> &str {
        self.source.get(span.start..span.end).unwrap_or_default()
    }

    /// An error at the next character; at the end of the source, more lines could help.
    pub fn fail<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        let len = self.raw().map_or(0, char::len_utf8);
        let span = Span { start: self.pos, end: self.pos + len };
        Err(ParseError { span, message: message.into(), incomplete: self.pos >= self.source.len() })
    }

    pub fn fail_at<T>(&self, span: Span, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { span, message: message.into(), incomplete: false })
    }

    /// Begins something that has levels within it.
    pub fn enter(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            self.fail_at(
                self.since(self.pos),
                format!("This is nested too deeply: brackets, blocks, operators and pipes have at most {DEEPEST} levels."),
            )
        } else {
            Ok(())
        }
    }

    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Skips blanks, continued line ends and comments, but no line end that ends a statement.
    pub fn skip_blanks(&mut self) -> Result<(), ParseError> {
        loop {
            match self.peek() {
                Some(c) if is_blank(c) => {
                    self.bump();
                }
                Some('`') if self.continues() => self.skip_continuation()?,
                Some('#') => self.skip_line(),
                Some('<') if self.peek_second() == Some('#') => self.skip_block_comment()?,
                _ => return Ok(()),
            }
        }
    }

    /// Skips blanks, comments and line ends.
    pub fn skip_lines(&mut self) -> Result<(), ParseError> {
        loop {
            self.skip_blanks()?;
            if !self.take('\n') {
                return Ok(());
            }
            self.skip_continuation_prompt();
        }
    }

    /// What PowerShell shows before the further lines of a statement, copied with them.
    fn skip_continuation_prompt(&mut self) {
        self.take_str(">> ");
    }

    /// Whether nothing but a line end follows the backtick.
    pub fn continues(&self) -> bool {
        let mut rest = self.rest().chars().skip(1);
        matches!((rest.next(), rest.next()), (None | Some('\n'), _) | (Some('\r'), None | Some('\n')))
    }

    fn skip_continuation(&mut self) -> Result<(), ParseError> {
        while self.bump().is_some_and(|c| c != '\n') {}
        self.skip_continuation_prompt();
        if self.pos >= self.source.len() {
            self.fail("The line continues after the backtick.")
        } else {
            Ok(())
        }
    }

    pub fn skip_line(&mut self) {
        self.pos = self.rest().find('\n').map_or(self.end, |at| self.pos + at);
    }

    fn skip_block_comment(&mut self) -> Result<(), ParseError> {
        match self.rest().find("#>") {
            Some(at) => {
                self.pos += at + 2;
                Ok(())
            }
            None => {
                self.pos = self.end;
                self.fail("The comment that begins with <# has no end; #> is missing.")
            }
        }
    }
}
