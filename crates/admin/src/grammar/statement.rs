//! Statements, pipelines and commands.

use super::ast::{Argument, Assignment, Command, Element, Expr, ExprKind, Number, Pipeline, Statement};
use super::cursor::{Cursor, is_blank, plain};
use super::expression::shown;
use super::texts::{ends_word, is_name, number};
use super::{Name, ParseError};

/// Words of PowerShell that begin statements this shell does not have.
const FOREIGN: &[&str] = &[
    "begin",
    "class",
    "clean",
    "data",
    "dynamicparam",
    "end",
    "enum",
    "filter",
    "param",
    "process",
    "trap",
    "using",
    "workflow",
];

/// Words that begin a statement, or a further part of one, and cannot stand elsewhere.
const KEYWORDS: &[&str] = &[
    "break", "catch", "continue", "do", "else", "elseif", "finally", "for", "function", "if", "in", "return",
    "switch", "throw", "try", "until", "while",
];

impl Cursor {
    /// Statements up to the end, or up to a closing bracket, which is left.
    pub fn statements(&mut self, closing: Option<char>) -> Result<Vec<Statement>, ParseError> {
        let mut statements = Vec::new();
        loop {
            self.skip_separators()?;
            match self.peek() {
                None => return Ok(statements),
                c if c == closing => return Ok(statements),
                _ => statements.push(self.statement()?),
            }
            self.skip_blanks()?;
            match self.peek() {
                None | Some('\n' | ';') => {}
                c if c == closing => {}
                Some(c) => return self.fail(format!("{} is not expected here.", shown(c))),
            }
        }
    }

    /// Skips what separates statements, and what is no statement: prompts, and the article's comments.
    pub fn skip_separators(&mut self) -> Result<(), ParseError> {
        loop {
            self.skip_lines()?;
            if self.skip_prompt() || self.skip_quote_comment() {
                continue;
            }
            if !self.take(';') {
                return Ok(());
            }
        }
    }

    /// A line copied with its prompt: `[PS] C:\>Get-Mailbox`, `PS C:\> …`, `>> …`.
    fn skip_prompt(&mut self) -> bool {
        let begins = ["[PS]", "PS ", "PS>"].iter().any(|begin| self.rest().starts_with(begin));
        if !begins {
            return self.take_str(">> ");
        }
        let line = self.rest().lines().next().unwrap_or_default();
        let Some(at) = line.find('>') else { return false };
        self.pos += at + 1;
        true
    }

    /// A line that begins with `'` and has no second one: a comment in the article's scripts.
    fn skip_quote_comment(&mut self) -> bool {
        let mut line = self.rest().chars().take_while(|&c| c != '\n').map(plain);
        let comment = line.next() == Some('\'') && !line.any(|c| c == '\'');
        if comment {
            self.skip_line();
        }
        comment
    }

    /// One statement.
    pub fn statement(&mut self) -> Result<Statement, ParseError> {
        self.enter()?;
        let keyword = self.keyword();
        let statement = match keyword.as_str() {
            "if" => self.if_statement(),
            "foreach" if self.follows("foreach", '(') => self.for_each(),
            "exit" | "quit" => self.exit(),
            _ => match self.control(&keyword) {
                Some(statement) => statement,
                None => self.assignment_or_pipeline(),
            },
        };
        self.leave();
        statement
    }

    /// `exit` and `quit`, with or without a code.
    fn exit(&mut self) -> Result<Statement, ParseError> {
        self.pos += "exit".len();
        self.skip_blanks()?;
        Ok(Statement::Exit(match self.peek() {
            None | Some('\n' | ';' | '}' | ')') => None,
            _ => Some(self.expression()?),
        }))
    }

    /// The word that a statement begins with, in lower case; empty where it is longer than a keyword.
    pub fn keyword(&self) -> String {
        let word: String =
            self.rest().chars().take_while(|&c| is_name(c) || plain(c) == '-').take(12).collect();
        word.to_ascii_lowercase()
    }

    fn follows(&self, word: &str, bracket: char) -> bool {
        self.rest()
            .get(word.len()..)
            .is_some_and(|rest| rest.trim_start_matches(is_blank).starts_with(bracket))
    }

    fn if_statement(&mut self) -> Result<Statement, ParseError> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        self.pos += "if".len();
        branches.push(self.branch()?);
        loop {
            let before = self.pos;
            self.skip_lines()?;
            match self.keyword().as_str() {
                "elseif" => {
                    self.pos += "elseif".len();
                    branches.push(self.branch()?);
                }
                "else" => {
                    self.pos += "else".len();
                    otherwise = self.body()?;
                    break;
                }
                _ => {
                    self.pos = before;
                    break;
                }
            }
        }
        Ok(Statement::If { branches, otherwise })
    }

    fn branch(&mut self) -> Result<(Pipeline, Vec<Statement>), ParseError> {
        self.open('(')?;
        let condition = self.pipeline()?;
        self.close(')')?;
        Ok((condition, self.body()?))
    }

    fn for_each(&mut self) -> Result<Statement, ParseError> {
        self.pos += "foreach".len();
        self.open('(')?;
        let variable = self.dollar()?;
        let ExprKind::Variable(variable) = variable.kind else {
            return self.fail_at(variable.span, "foreach needs a variable: foreach ($x in …) {…}");
        };
        self.skip_blanks()?;
        if self.keyword() != "in" {
            return self.fail("'in' is missing: foreach ($x in …) {…}");
        }
        self.pos += "in".len();
        self.skip_lines()?;
        let items = self.pipeline()?;
        self.close(')')?;
        Ok(Statement::ForEach { variable, items, body: self.body()? })
    }

    /// Skips to an opening bracket, takes it, and skips to what follows.
    pub fn open(&mut self, bracket: char) -> Result<(), ParseError> {
        self.skip_lines()?;
        if !self.take(bracket) {
            return self.fail(format!("{bracket} is missing here."));
        }
        self.skip_lines()
    }

    /// `{ statements }`
    pub fn body(&mut self) -> Result<Vec<Statement>, ParseError> {
        self.open('{')?;
        let statements = self.statements(Some('}'))?;
        self.close('}')?;
        Ok(statements)
    }

    fn assignment_or_pipeline(&mut self) -> Result<Statement, ParseError> {
        if !self.assigns() {
            return self.pipeline().map(Statement::Pipeline);
        }
        let target = self.postfix(true)?;
        self.skip_blanks()?;
        if let Some(how) = self.counting() {
            let one = Expr { kind: ExprKind::Number(Number::Int(1), "1".to_owned()), span: target.span };
            let value = Pipeline { elements: vec![Element::Expression(one)], span: target.span };
            return Ok(Statement::Assign { target, how, value: Box::new(Statement::Pipeline(value)) });
        }
        match (self.assignment(), &target.kind) {
            (Some(how), ExprKind::Variable(_) | ExprKind::Postfix(..) | ExprKind::Cast(..)) => {
                self.skip_lines()?;
                let value = Box::new(self.statement()?);
                Ok(Statement::Assign { target, how, value })
            }
            _ => self.fail_at(target.span, "Only a variable or a property of one can be assigned to."),
        }
    }

    /// Whether `$name` or `$name.property` stands here with an assignment behind it. Looking ahead over characters, not
    /// by trying to parse: what is parsed twice at each level of nesting takes forever.
    fn assigns(&self) -> bool {
        let letter = |c: char| is_name(c) || matches!(c, '.' | '[');
        let rest = match self.rest().strip_prefix('[') {
            // A type before the variable.
            Some(rest) => rest.trim_start_matches(letter).trim_start_matches(']'),
            None => self.rest(),
        };
        let Some(rest) = rest.trim_start_matches(is_blank).strip_prefix('$') else { return false };
        let name = |c: char| is_name(c) || matches!(c, '.' | ':' | '{' | '}');
        let rest = rest.trim_start_matches(name).trim_start_matches(is_blank);
        let mut next = rest.chars().map(plain);
        match (next.next(), next.next()) {
            (Some('='), second) => second != Some('='),
            (Some(sign @ ('+' | '-')), second) => second == Some('=') || second == Some(sign),
            _ => false,
        }
    }

    fn assignment(&mut self) -> Option<Assignment> {
        match (self.peek(), self.peek_second()) {
            (Some('='), _) => {
                self.bump();
                Some(Assignment::Set)
            }
            (Some(sign @ ('+' | '-')), Some('=')) => {
                self.pos += self.raw().map_or(1, char::len_utf8) + 1;
                Some(if sign == '+' { Assignment::Add } else { Assignment::Subtract })
            }
            _ => None,
        }
    }

    /// Commands joined by `|`; an expression may come first.
    pub fn pipeline(&mut self) -> Result<Pipeline, ParseError> {
        let start = self.pos;
        let mut elements = vec![self.first_element()?];
        let outside = self.depth;
        loop {
            self.skip_blanks()?;
            match (self.peek(), self.peek_second()) {
                (Some('|'), Some('|')) | (Some('&'), _) => {
                    return self.fail("&& , || and & are not part of this shell's language.");
                }
                (Some('|'), _) => {}
                (Some('>'), _) => {
                    return self.fail("Redirection to files is not part of this shell's language yet.");
                }
                _ => break,
            }
            // Each part is called by the one before it.
            self.enter()?;
            self.bump();
            self.skip_lines()?;
            elements.push(Element::Command(self.command()?));
        }
        self.depth = outside;
        Ok(Pipeline { elements, span: self.since(start) })
    }

    fn first_element(&mut self) -> Result<Element, ParseError> {
        self.skip_blanks()?;
        let word: String = self.rest().chars().take_while(|c| !c.is_whitespace() && !ends_word(*c)).collect();
        let expression = match self.peek() {
            Some('"' | '\'' | '$' | '(' | '@' | '{' | '[' | '!' | '.' | ',') => true,
            Some('-') => {
                self.prefix().is_some() || self.peek_second().is_some_and(|c| !c.is_ascii_alphabetic())
            }
            Some(c) => self.filter || c.is_ascii_digit() && starts_number(&word),
            None => false,
        };
        if expression {
            self.expression().map(Element::Expression)
        } else {
            self.command().map(Element::Command)
        }
    }

    fn command(&mut self) -> Result<Command, ParseError> {
        let start = self.pos;
        let name = self.command_name()?;
        let mut arguments = Vec::new();
        loop {
            self.skip_blanks()?;
            match self.peek() {
                None | Some('\n' | ';' | '|' | ')' | '}' | '&' | '>') => break,
                Some('<') => return self.fail("< is not part of this shell's language."),
                Some(',') => return self.fail("A value is missing before the comma."),
                Some('-') if self.is_parameter() => arguments.push(self.parameter()?),
                Some(_) => arguments.push(Argument::Value(self.argument_value()?)),
            }
        }
        Ok(Command { name, arguments, span: self.since(start) })
    }

    /// A cmdlet's name or alias; `%` and `?` are aliases, too.
    fn command_name(&mut self) -> Result<Name, ParseError> {
        let start = self.pos;
        if let Some('%' | '?') = self.peek() {
            self.bump();
        } else {
            while self.peek().is_some_and(|c| is_name(c) || matches!(c, '-' | '.' | '\\' | ':')) {
                self.bump();
            }
        }
        let span = self.since(start);
        let text: String = self.text(span).chars().map(plain).collect();
        if FOREIGN.contains(&text.to_ascii_lowercase().as_str()) {
            return self.fail_at(span, format!("'{text}' is not part of this shell's language."));
        }
        if KEYWORDS.contains(&text.to_ascii_lowercase().as_str()) {
            return self.fail_at(span, format!("'{text}' belongs to a statement, and cannot stand here."));
        }
        match self.peek() {
            _ if !text.is_empty() => Ok(Name { text, span }),
            None => self.fail("A cmdlet is missing here."),
            Some(c) => self.fail(format!("A cmdlet is missing before {}.", shown(c))),
        }
    }

    /// Whether a dash begins a parameter and not a number.
    fn is_parameter(&self) -> bool {
        self.peek_second().is_some_and(|c| c.is_alphabetic() || c == '?' || c == '_')
    }

    fn parameter(&mut self) -> Result<Argument, ParseError> {
        let start = self.pos;
        self.bump();
        let from = self.pos;
        if !self.take('?') {
            while self.peek().is_some_and(|c| is_name(c) || c == '-') {
                self.bump();
            }
        }
        let name = Name { text: self.text(self.since(from)).to_owned(), span: self.since(start) };
        let value = if self.take(':') {
            self.skip_blanks()?;
            Some(self.argument_value()?)
        } else {
            None
        };
        Ok(Argument::Parameter { name, value })
    }
}

/// Whether a word at the beginning of a statement is a number and no cmdlet: `5`, `1..3`, `10MB`.
fn starts_number(word: &str) -> bool {
    let digits = word.split_once("..").map_or(word, |(first, _)| first);
    number(digits).is_some()
        || digits.split(['+', '*', '/', '-', '%']).next().is_some_and(|first| number(first).is_some())
}
