//! Text as tokens, for who looks at it while it is typed: colours, and what could come next.
//!
//! Other than the parser, this reads every text, however unfinished or wrong, and never fails. It keeps to the same
//! characters, words and quotes; what a word is follows from its place, as it does in the parser. Where the two differ,
//! a colour is wrong and nothing else.

use super::cursor::{Cursor, is_blank, plain};
use super::texts::{ends_word, is_name, number};
use super::{LONGEST, Span};
use std::sync::Arc;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The name of a cmdlet.
    Command,
    /// `if`, `foreach`, `in`
    Keyword,
    /// `-Name`, dash included.
    Parameter,
    /// A text in quotes.
    Text,
    /// A text whose closing quote is missing.
    OpenText,
    /// `$name`
    Variable,
    /// A number.
    Number,
    /// An argument without quotes.
    Word,
    /// The name of a property, which may still be empty: what follows a dot, a bare word in a filter, a key.
    Member,
    /// `-eq`, `+`, `=`
    Operator,
    /// A comment.
    Comment,
    /// An opening bracket with what belongs to it: `(`, `$(`, `@{`
    Open,
    /// A closing bracket.
    Close,
    /// `|`
    Pipe,
    /// A line end or semicolon that ends a statement.
    End,
    /// `,`
    Comma,
}

/// A piece of text that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where.
    pub span: Span,
}

/// What a word would be at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The beginning of a statement or a part of a pipeline.
    Command,
    /// Among the arguments of a cmdlet.
    Argument,
    /// Within an expression.
    Expression,
    /// Within the expression of a filter, where words are properties.
    Filter,
    /// The beginning of an entry of a hashtable.
    Key,
}

/// The tokens of a text.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// In order; blanks are between them.
    pub list: Vec<Token>,
    /// What a word at the end of the text would be.
    pub place: Place,
}

/// Words that begin statements, or parts of them.
const KEYWORDS: &[&str] = &[
    "break", "catch", "continue", "do", "else", "elseif", "exit", "finally", "for", "foreach", "function",
    "if", "in", "param", "quit", "return", "switch", "throw", "try", "until", "while",
];

/// Reads a text. One that is too long to be run has no tokens.
pub fn tokens(text: &str) -> Tokens {
    let end = if text.len() > LONGEST { 0 } else { text.len() };
    let cursor = Cursor::new(Arc::from(text), Span { start: 0, end });
    let mut scanner = Scanner { cursor, list: Vec::new(), place: Place::Command, brackets: Vec::new() };
    while let Some(c) = scanner.cursor.peek() {
        scanner.step(c);
    }
    Tokens { list: scanner.list, place: scanner.place }
}

struct Scanner {
    cursor: Cursor,
    list: Vec<Token>,
    place: Place,
    brackets: Vec<Bracket>,
}

/// An open bracket.
struct Bracket {
    /// What a word is at the beginning of a statement in it.
    begin: Place,
    /// Where reading goes on behind it.
    outside: Place,
}

impl Scanner {
    /// Takes the next token, or what stands between tokens.
    fn step(&mut self, c: char) {
        let start = self.cursor.pos;
        match (c, self.cursor.peek_second()) {
            (c, _) if is_blank(c) => {
                self.cursor.bump();
            }
            ('`', _) if self.cursor.continues() => while self.cursor.bump().is_some_and(|c| c != '\n') {},
            ('#', _) => {
                self.cursor.skip_line();
                self.push(TokenKind::Comment, start);
            }
            ('<', Some('#')) => self.block_comment(),
            ('\n' | ';', _) => self.end(c),
            ('|', _) => self.symbol(TokenKind::Pipe, Place::Command),
            (',', _) => self.symbol(TokenKind::Comma, self.place),
            (')' | '}', _) | (']', _) if self.closes(c) => self.close(),
            ('@' | '$', Some('(')) | ('@', Some('{')) => self.open(2),
            ('(' | '{', _) => self.open(1),
            ('[', _) if self.place != Place::Argument || self.follows_value() => self.open(1),
            ('@', Some('"' | '\'')) => self.here_text(),
            ('\'', _) if self.place == Place::Command && self.is_quote_comment() => {
                self.cursor.skip_line();
                self.push(TokenKind::Comment, start);
            }
            ('"' | '\'', _) => self.text(),
            ('$', _) => self.variable(),
            ('.', Some(next)) if next != '.' && self.follows_value() => self.member(),
            ('.', None) if self.follows_value() => self.member(),
            _ => self.word(c),
        }
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.list.push(Token { kind, span: self.cursor.since(start) });
    }

    /// A token of one character.
    fn symbol(&mut self, kind: TokenKind, place: Place) {
        let start = self.cursor.pos;
        self.cursor.bump();
        self.push(kind, start);
        self.place = place;
    }

    /// Where a statement begins here.
    fn begin(&self) -> Place {
        self.brackets.last().map_or(Place::Command, |bracket| bracket.begin)
    }

    /// A line end or semicolon. A line does not end behind what needs something after it.
    fn end(&mut self, c: char) {
        let last = self.list.last().map(|token| token.kind);
        let goes_on = matches!(last, Some(TokenKind::Comma | TokenKind::Pipe | TokenKind::Operator));
        if c == '\n' && goes_on {
            self.cursor.bump();
        } else {
            self.symbol(TokenKind::End, self.begin());
        }
    }

    fn closes(&self, c: char) -> bool {
        c != ']' || self.place != Place::Argument
    }

    fn close(&mut self) {
        let outside = self.brackets.pop().map_or(Place::Expression, |bracket| bracket.outside);
        self.symbol(TokenKind::Close, outside);
    }

    /// An opening bracket of so many characters.
    fn open(&mut self, characters: usize) {
        let start = self.cursor.pos;
        let begin = match (self.cursor.peek(), self.cursor.peek_second()) {
            (Some('@'), Some('{')) => Place::Key,
            (Some('{'), _) if self.after_filter() => Place::Filter,
            (Some('('), _) if self.place == Place::Filter || self.is_method() => self.place,
            (Some('['), _) => Place::Expression,
            _ => Place::Command,
        };
        for _ in 0..characters {
            self.cursor.bump();
        }
        self.push(TokenKind::Open, start);
        self.brackets.push(Bracket { begin, outside: self.behind_value() });
        self.place = begin;
    }

    /// Whether the block that begins here is the condition of a filter.
    fn after_filter(&self) -> bool {
        let last = self.list.last().filter(|token| token.kind == TokenKind::Parameter);
        last.is_some_and(|token| self.cursor.text(token.span).eq_ignore_ascii_case("-Filter"))
    }

    fn is_method(&self) -> bool {
        self.follows_value() && self.list.last().is_some_and(|token| token.kind == TokenKind::Member)
    }

    /// Where reading goes on behind a value that begins here.
    fn behind_value(&self) -> Place {
        match self.place {
            Place::Command | Place::Key => Place::Expression,
            other => other,
        }
    }

    /// Whether a value ends directly before this place.
    fn follows_value(&self) -> bool {
        self.list.last().is_some_and(|token| {
            token.span.end == self.cursor.pos
                && matches!(
                    token.kind,
                    TokenKind::Variable | TokenKind::Close | TokenKind::Member | TokenKind::Text
                )
        })
    }

    /// `.Name`, or only the dot so far; the token is the name.
    fn member(&mut self) {
        self.cursor.bump();
        let start = self.cursor.pos;
        while self.cursor.peek().is_some_and(is_name) {
            self.cursor.bump();
        }
        self.push(TokenKind::Member, start);
    }

    fn variable(&mut self) {
        let start = self.cursor.pos;
        if self.cursor.dollar().is_err() && self.cursor.pos == start {
            self.cursor.bump();
        }
        self.push(TokenKind::Variable, start);
        self.place = self.behind_value();
    }

    fn block_comment(&mut self) {
        let start = self.cursor.pos;
        let end = self.cursor.rest().find("#>").map_or(self.cursor.end, |at| start + at + 2);
        self.cursor.pos = end;
        self.push(TokenKind::Comment, start);
    }

    /// A statement that begins with `'` and has no second one on its line is a comment.
    fn is_quote_comment(&self) -> bool {
        !self.cursor.rest().chars().skip(1).take_while(|&c| c != '\n').any(|c| plain(c) == '\'')
    }

    fn text(&mut self) {
        let start = self.cursor.pos;
        let closed = self.past_text();
        self.push(if closed { TokenKind::Text } else { TokenKind::OpenText }, start);
        self.place = self.behind_value();
    }

    /// Goes past a text in quotes; says whether it had an end.
    fn past_text(&mut self) -> bool {
        let Some(quote) = self.cursor.bump().map(plain) else { return false };
        while let Some(c) = self.cursor.bump().map(plain) {
            if c == '`' && quote == '"' {
                self.cursor.bump();
            } else if c == quote && !self.cursor.take(quote) {
                return true;
            }
        }
        false
    }

    fn here_text(&mut self) {
        let start = self.cursor.pos;
        let closed = self.cursor.here_text().is_ok();
        if !closed {
            self.cursor.pos = self.cursor.end;
        }
        self.push(if closed { TokenKind::Text } else { TokenKind::OpenText }, start);
        self.place = self.behind_value();
    }

    fn word(&mut self, c: char) {
        match self.place {
            Place::Command => self.command(c),
            Place::Argument => self.argument(),
            Place::Expression | Place::Filter => self.expression(c),
            Place::Key => self.key(),
        }
    }

    fn command(&mut self, c: char) {
        let start = self.cursor.pos;
        if c.is_ascii_digit() || matches!(c, '-' | '+' | '!' | '.' | '=') {
            self.place = Place::Expression;
            return self.expression(c);
        }
        self.cursor.bump();
        if !matches!(c, '%' | '?') {
            while self.cursor.peek().is_some_and(|c| is_name(c) || matches!(c, '-' | '.' | '\\' | ':')) {
                self.cursor.bump();
            }
        }
        if self.is_keyword(start) {
            return self.push(TokenKind::Keyword, start);
        }
        self.push(TokenKind::Command, start);
        self.place = Place::Argument;
    }

    /// Whether the word since `start` is a keyword; `foreach` is one only before its bracket.
    fn is_keyword(&self, start: usize) -> bool {
        let word = self.cursor.text(self.cursor.since(start)).to_ascii_lowercase();
        let bracket = self.cursor.rest().trim_start_matches(is_blank).starts_with('(');
        KEYWORDS.contains(&word.as_str()) && (word != "foreach" || bracket)
    }

    fn argument(&mut self) {
        let start = self.cursor.pos;
        let second = self.cursor.peek_second();
        let dash = self.cursor.peek() == Some('-');
        if dash && second.is_none_or(|c| c.is_alphabetic() || is_blank(c) || matches!(c, '?' | '_' | '\n')) {
            return self.parameter();
        }
        if self.cursor.peek() == Some(':') && self.is_behind_parameter() {
            return self.symbol(TokenKind::Operator, Place::Argument);
        }
        while let Some(c) = self.cursor.peek().filter(|c| !is_blank(*c) && !ends_word(*c)) {
            if matches!(c, '"' | '\'') {
                self.past_text();
            } else if c == '`' && self.cursor.continues() {
                break;
            } else {
                self.cursor.bump();
            }
        }
        if self.cursor.pos == start {
            // `>` and what else has no place here.
            return self.symbol(TokenKind::Operator, Place::Argument);
        }
        let is_number = number(self.cursor.text(self.cursor.since(start))).is_some();
        self.push(if is_number { TokenKind::Number } else { TokenKind::Word }, start);
    }

    fn is_behind_parameter(&self) -> bool {
        let touches = |token: &Token| token.span.end == self.cursor.pos;
        self.list.last().is_some_and(|token| touches(token) && token.kind == TokenKind::Parameter)
    }

    fn parameter(&mut self) {
        let start = self.cursor.pos;
        self.cursor.bump();
        if !self.cursor.take('?') {
            while self.cursor.peek().is_some_and(|c| is_name(c) || c == '-') {
                self.cursor.bump();
            }
        }
        self.push(TokenKind::Parameter, start);
    }

    fn expression(&mut self, c: char) {
        let start = self.cursor.pos;
        self.cursor.bump();
        let second = self.cursor.peek();
        if c == '-' && second.is_none_or(|c| c.is_alphabetic() || is_blank(c)) {
            while self.cursor.peek().is_some_and(char::is_alphabetic) {
                self.cursor.bump();
            }
            return self.push(TokenKind::Operator, start);
        }
        if !is_name(c) {
            if c == '=' {
                self.place = Place::Command;
            }
            return self.push(TokenKind::Operator, start);
        }
        while self
            .cursor
            .peek()
            .is_some_and(|c| is_name(c) || c == '.' && !self.cursor.rest().starts_with(".."))
        {
            self.cursor.bump();
        }
        let kind = if number(self.cursor.text(self.cursor.since(start))).is_some() {
            TokenKind::Number
        } else if self.place == Place::Filter {
            TokenKind::Member
        } else if self.is_keyword(start) {
            self.place = Place::Command;
            TokenKind::Keyword
        } else {
            TokenKind::Word
        };
        self.push(kind, start);
    }

    fn key(&mut self) {
        let start = self.cursor.pos;
        if self.cursor.take('=') {
            self.push(TokenKind::Operator, start);
            self.place = Place::Command;
            return;
        }
        self.cursor.bump();
        while self.cursor.peek().is_some_and(|c| is_name(c) || c == '-') {
            self.cursor.bump();
        }
        self.push(TokenKind::Member, start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each token with a letter for its kind.
    fn shown(text: &str) -> String {
        let one = |token: &Token| {
            let kind = format!("{:?}", token.kind);
            let text = &text[token.span.start..token.span.end];
            format!("{}:{}", &kind[..2], text.replace('\n', "\\n"))
        };
        tokens(text).list.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_are_what_their_place_makes_them() {
        let table = [
            ("Get-Mailbox al* -ResultSize 5", "Co:Get-Mailbox Wo:al* Pa:-ResultSize Nu:5"),
            ("Set-X -Confirm:$false", "Co:Set-X Pa:-Confirm Op:: Va:$false"),
            (
                "a | where {$_.Pop -eq 'x'}; b",
                "Co:a Pi:| Co:where Op:{ Va:$_ Me:Pop Op:-eq Te:'x' Cl:} En:; Co:b",
            ),
            ("$x = Get-Mailbox # why", "Va:$x Op:= Co:Get-Mailbox Co:# why"),
            ("foreach ($m in a b) {c}", "Ke:foreach Op:( Va:$m Ke:in Co:a Wo:b Cl:) Op:{ Co:c Cl:}"),
            ("a | foreach {$_.", "Co:a Pi:| Co:foreach Op:{ Va:$_ Me:"),
            (
                "if (1 -lt 2) {a} else {b}",
                "Ke:if Op:( Nu:1 Op:-lt Nu:2 Cl:) Op:{ Co:a Cl:} Ke:else Op:{ Co:b Cl:}",
            ),
            ("a -Filter {Pop -eq 1}", "Co:a Pa:-Filter Op:{ Me:Pop Op:-eq Nu:1 Cl:}"),
            (
                "a -B @{Add='x'; Remove=$y}",
                "Co:a Pa:-B Op:@{ Me:Add Op:= Te:'x' En:; Me:Remove Op:= Va:$y Cl:}",
            ),
            ("a [::]:110, x\nb", "Co:a Wo:[::]:110 Co:, Wo:x En:\\n Co:b"),
            ("a |\n b `\n -C", "Co:a Pi:| Co:b Pa:-C"),
            ("a \"x`\"y", "Co:a Op:\"x`\"y"),
            ("' a comment", "Co:' a comment"),
            ("<# open", "Co:<# open"),
            ("1..3 | % {$_}", "Nu:1 Op:. Op:. Nu:3 Pi:| Co:% Op:{ Va:$_ Cl:}"),
            (")}|", "Cl:) Cl:} Pi:|"),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    /// Whatever is typed, every token is a piece of it, they do not overlap, and reading ends.
    #[test]
    fn every_beginning_of_a_text_has_tokens() {
        let text = "$é = @{a='1'; \"b\"=@(1,2)}\nGet-X “é” -Q:{ '}' } | ? {$_.x[0].y -ge 1.5KB} <# #> # ’\n@\"\nx\n\"@ ${";
        for (end, _) in text.char_indices() {
            let mut at = 0;
            for token in tokens(&text[..end]).list {
                assert!(at <= token.span.start && token.span.end <= end, "{}: {token:?}", &text[..end]);
                assert!(text.get(token.span.start..token.span.end).is_some());
                at = token.span.end;
            }
        }
    }
}
