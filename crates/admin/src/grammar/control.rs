//! Loops, choices, functions, and what handles errors.

use super::ast::{Assignment, Binary, Declared, Expr, ExprKind, Function, Loop, Pipeline, Statement};
use super::cursor::Cursor;
use super::expression::shown;
use super::texts::is_name;
use super::{ParseError, Span};
use std::sync::Arc;

impl Cursor {
    /// The statement that this word begins, if it is one of these.
    pub fn control(&mut self, keyword: &str) -> Option<Result<Statement, ParseError>> {
        let parse: fn(&mut Cursor) -> Result<Statement, ParseError> = match keyword {
            "while" => Cursor::while_loop,
            "do" => Cursor::do_loop,
            "for" => Cursor::for_loop,
            "switch" => Cursor::switch,
            "try" => Cursor::try_statement,
            "function" => Cursor::function,
            "break" => |_| Ok(Statement::Break),
            "continue" => |_| Ok(Statement::Continue),
            "return" => |cursor| cursor.value_after().map(|(value, span)| Statement::Return(value, span)),
            "throw" => |cursor| cursor.value_after().map(|(value, span)| Statement::Throw(value, span)),
            _ => return None,
        };
        self.pos += keyword.len();
        Some(parse(self))
    }

    /// `( pipeline )`
    fn condition(&mut self) -> Result<Pipeline, ParseError> {
        self.open('(')?;
        let condition = self.pipeline()?;
        self.close(')')?;
        Ok(condition)
    }

    fn while_loop(&mut self) -> Result<Statement, ParseError> {
        let condition = self.condition()?;
        Ok(Statement::Loop { kind: Loop::While, condition, body: self.body()? })
    }

    fn do_loop(&mut self) -> Result<Statement, ParseError> {
        let body = self.body()?;
        self.skip_lines()?;
        let (kind, word) = match self.keyword().as_str() {
            "while" => (Loop::DoWhile, "while"),
            "until" => (Loop::DoUntil, "until"),
            _ => return self.fail("while or until is missing: do {…} while (…)"),
        };
        self.pos += word.len();
        Ok(Statement::Loop { kind, condition: self.condition()?, body })
    }

    /// `(first; condition; step) {…}`, where each may be left out.
    fn for_loop(&mut self) -> Result<Statement, ParseError> {
        self.open('(')?;
        let first = self.part(';')?.map(Box::new);
        self.close(';')?;
        self.skip_lines()?;
        let condition = match self.part(';')? {
            None => None,
            Some(Statement::Pipeline(condition)) => Some(condition),
            Some(_) => return self.fail("A condition is missing: for ($i = 0; $i -lt 3; $i++) {…}"),
        };
        self.close(';')?;
        self.skip_lines()?;
        let step = self.part(')')?.map(Box::new);
        self.close(')')?;
        Ok(Statement::For { first, condition, step, body: self.body()? })
    }

    /// A statement, unless what ends it stands here already.
    fn part(&mut self, end: char) -> Result<Option<Statement>, ParseError> {
        if self.peek() == Some(end) { Ok(None) } else { self.statement().map(Some) }
    }

    fn switch(&mut self) -> Result<Statement, ParseError> {
        self.skip_blanks()?;
        let start = self.pos;
        let mut how = Binary::Eq;
        while self.peek() == Some('-') {
            self.bump();
            let word = self.keyword();
            self.pos += word.len();
            how = match word.as_str() {
                "wildcard" => Binary::Like,
                "regex" => Binary::Match,
                "exact" => Binary::Eq,
                _ => {
                    let span = self.since(start);
                    return self.fail_at(span, "switch has -Wildcard, -Regex and -Exact here.");
                }
            };
            self.skip_blanks()?;
        }
        let of = self.condition()?;
        self.open('{')?;
        let mut cases = Vec::new();
        loop {
            self.skip_separators()?;
            if self.take('}') {
                return Ok(Statement::Switch { how, of, cases });
            }
            cases.push((self.case()?, self.body()?));
        }
    }

    /// What a case is compared with; nothing for `default`.
    fn case(&mut self) -> Result<Option<Expr>, ParseError> {
        if self.keyword() == "default" {
            self.pos += "default".len();
            return Ok(None);
        }
        match self.peek() {
            None => self.fail("} is missing."),
            Some(c) if is_name(c) && !c.is_ascii_digit() => self.word().map(Some),
            Some('{') => {
                self.fail("Conditions in braces are not part of this shell's switch; a value stands here.")
            }
            Some(_) => self.postfix(true).map(Some),
        }
    }

    fn try_statement(&mut self) -> Result<Statement, ParseError> {
        let body = self.body()?;
        let catch = self.further("catch")?;
        let finally = self.further("finally")?;
        if catch.is_none() && finally.is_none() {
            return self.fail("catch or finally is missing: try {…} catch {…}");
        }
        Ok(Statement::Try { body, catch, finally: finally.unwrap_or_default() })
    }

    /// A further part of a statement, which may stand on the next line.
    fn further(&mut self, word: &str) -> Result<Option<Vec<Statement>>, ParseError> {
        let before = self.pos;
        self.skip_lines()?;
        if self.keyword() != word {
            // At the end of the text more of it could follow.
            self.pos = if self.at_end() { self.pos } else { before };
            return Ok(None);
        }
        self.pos += word.len();
        self.skip_blanks()?;
        if self.peek() == Some('[') {
            return self.fail("catch has no types here: it gets every error.");
        }
        self.body().map(Some)
    }

    fn function(&mut self) -> Result<Statement, ParseError> {
        self.skip_blanks()?;
        let start = self.pos;
        while self.peek().is_some_and(|c| is_name(c) || c == '-') {
            self.bump();
        }
        let name = self.text(self.since(start)).to_owned();
        if name.is_empty() {
            return self.fail("A function has a name: function Name {…}");
        }
        self.skip_lines()?;
        let mut parameters = if self.peek() == Some('(') { self.declared()? } else { Vec::new() };
        self.open('{')?;
        self.skip_separators()?;
        if self.keyword() == "param" {
            self.pos += "param".len();
            parameters = self.declared()?;
        }
        let body = self.statements(Some('}'))?;
        self.close('}')?;
        let (source, span) = (self.source.clone(), self.since(start));
        Ok(Statement::Function(Arc::new(Function { name, parameters, body, source, span })))
    }

    /// `($a, [int]$b = 5)`
    fn declared(&mut self) -> Result<Vec<Declared>, ParseError> {
        self.enter()?;
        self.open('(')?;
        let mut all = Vec::new();
        while self.peek() != Some(')') {
            let kind = if self.peek() == Some('[') { Some(self.type_name()?) } else { None };
            self.skip_lines()?;
            let variable = match self.peek() {
                Some('$') => self.dollar()?,
                None => return self.fail(") is missing."),
                Some(c) => return self.fail(format!("A variable is missing before {}.", shown(c))),
            };
            let ExprKind::Variable(name) = variable.kind else {
                return self.fail_at(variable.span, "A parameter is a variable: param($Name)");
            };
            self.skip_lines()?;
            let default = if self.take('=') {
                self.skip_lines()?;
                Some(self.postfix(true)?)
            } else {
                None
            };
            all.push(Declared { name, kind, default });
            self.skip_lines()?;
            if !self.take(',') {
                break;
            }
            self.skip_lines()?;
        }
        self.close(')')?;
        self.leave();
        Ok(all)
    }

    /// What follows `return` or `throw` on its line, and where the whole stands.
    fn value_after(&mut self) -> Result<(Option<Pipeline>, Span), ParseError> {
        self.skip_blanks()?;
        let start = self.pos;
        let value = match self.peek() {
            None | Some('\n' | ';' | '}' | ')') => None,
            _ => Some(self.pipeline()?),
        };
        Ok((value, self.since(start)))
    }

    /// `++` or `--` behind a variable.
    pub fn counting(&mut self) -> Option<Assignment> {
        let how = match (self.peek(), self.peek_second()) {
            (Some('+'), Some('+')) => Assignment::Add,
            (Some('-'), Some('-')) => Assignment::Subtract,
            _ => return None,
        };
        self.bump();
        self.bump();
        Some(how)
    }
}
