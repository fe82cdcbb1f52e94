//! What is wanted at the cursor, from the tokens before it.

use crate::cmdlet::{Cmdlet, Kind, Parameter, Run};
use crate::cmdlets;
use crate::grammar::{Place, Span, Token, TokenKind, tokens};

/// What is wanted, and what of it is there already.
pub struct Wanted {
    /// What is replaced: the word before the cursor.
    pub span: Span,
    /// The beginning of what is wanted, without quotes.
    pub typed: String,
    /// Whether it was begun with a quote.
    pub in_quotes: bool,
    /// What is wanted.
    pub what: What,
}

/// What can be wanted.
pub enum What {
    /// A cmdlet.
    Command,
    /// A variable; those that the text itself sets come with it.
    Variable(Vec<String>),
    /// An operator between two values.
    Operator,
    /// A parameter of this cmdlet which is not among these.
    Parameter(&'static Cmdlet, Vec<&'static Parameter>),
    /// A value of a parameter; properties are those of what is piped.
    Value(&'static Cmdlet, &'static Parameter, Option<Origin>),
    /// A property of what comes from there.
    Property(Origin),
    /// Nothing that could be known.
    Nothing,
}

/// Where objects come from.
pub enum Origin {
    /// They are what this cmdlet shows.
    Cmdlet(&'static Cmdlet),
    /// They are in this variable.
    Variable(String),
}

/// What is wanted at the end of this text.
pub fn wanted(text: &str) -> Wanted {
    let read = tokens(text);
    let touching = read.list.last().filter(|token| token.span.end == text.len()).copied();
    let dashed = |token: &Token| text.get(token.span.start..).is_some_and(|rest| rest.starts_with('-'));
    let word =
        touching.filter(|token| is_word(token.kind) && (token.kind != TokenKind::Operator || dashed(token)));
    let before = if word.is_some() { read.list.len() - 1 } else { read.list.len() };
    let reader = Reader { text, list: &read.list };
    let span = word.map_or(Span { start: text.len(), end: text.len() }, |word| word.span);
    let written = text.get(span.start..span.end).unwrap_or_default();
    let in_quotes = written.starts_with(['\'', '"']);
    let what = match word.map(|word| word.kind) {
        _ if touching.is_some_and(|token| ends_value(token.kind)) => What::Nothing,
        Some(TokenKind::Variable) => What::Variable(reader.variables(before)),
        Some(TokenKind::Member) if read.place != Place::Filter => reader.property(before),
        Some(TokenKind::Operator) => What::Operator,
        Some(kind) => reader.in_command(before, kind, read.place),
        None => reader.in_command(before, TokenKind::Word, read.place),
    };
    Wanted { span, typed: written.trim_start_matches(['\'', '"']).to_owned(), in_quotes, what }
}

/// Whether a token could go on where it ends.
fn is_word(kind: TokenKind) -> bool {
    use TokenKind::{Command, Member, Number, OpenText, Operator, Parameter, Variable, Word};
    matches!(kind, Command | Member | Number | OpenText | Operator | Parameter | Variable | Word)
}

/// Whether directly behind such a token nothing new begins.
fn ends_value(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Close | TokenKind::Text | TokenKind::Comment)
}

/// The tokens of a text.
struct Reader<'t> {
    text: &'t str,
    list: &'t [Token],
}

/// One part of a pipeline: its tokens at this level, and where the pipeline before it ends.
struct Part {
    /// From its first token, brackets with all in them as one.
    tokens: Vec<usize>,
    /// The `|` before it.
    pipe: Option<usize>,
    /// The bracket it stands in.
    bracket: Option<usize>,
}

impl<'t> Reader<'t> {
    fn kind(&self, at: usize) -> Option<TokenKind> {
        self.list.get(at).map(|token| token.kind)
    }

    fn written(&self, at: usize) -> &'t str {
        self.list
            .get(at)
            .and_then(|token| self.text.get(token.span.start..token.span.end))
            .unwrap_or_default()
    }

    /// The part of a pipeline that ends before the token at `end`.
    fn part(&self, end: usize) -> Part {
        let (mut tokens, mut depth) = (Vec::new(), 0usize);
        let mut part = Part { tokens: Vec::new(), pipe: None, bracket: None };
        for at in (0..end.min(self.list.len())).rev() {
            match self.kind(at) {
                Some(TokenKind::Close) => depth += 1,
                Some(TokenKind::Open) if depth > 0 => {
                    depth -= 1;
                    if depth == 0 {
                        tokens.push(at);
                    }
                }
                _ if depth > 0 => {}
                Some(TokenKind::Open) => {
                    part.bracket = Some(at);
                    break;
                }
                Some(TokenKind::Pipe) => {
                    part.pipe = Some(at);
                    break;
                }
                Some(TokenKind::End | TokenKind::Keyword) => break,
                // The value of an assignment or an entry is what follows it.
                Some(TokenKind::Operator) if self.written(at) == "=" => break,
                Some(TokenKind::Comment) => {}
                _ => tokens.push(at),
            }
        }
        tokens.reverse();
        part.tokens = tokens;
        part
    }

    /// The bracket around what ends before `end`.
    fn around(&self, end: usize) -> Option<usize> {
        let mut depth = 0usize;
        (0..end.min(self.list.len())).rev().find(|&at| match self.kind(at) {
            Some(TokenKind::Close) => {
                depth += 1;
                false
            }
            Some(TokenKind::Open) if depth > 0 => {
                depth -= 1;
                false
            }
            Some(TokenKind::Open) => true,
            _ => false,
        })
    }

    /// The cmdlet of a part.
    fn cmdlet(&self, part: &Part) -> Option<&'static Cmdlet> {
        let first = *part.tokens.first()?;
        (self.kind(first)? == TokenKind::Command).then(|| cmdlets::find(self.written(first))).flatten()
    }

    /// What the pipeline before the token at `end` gives. What only chooses among objects is looked through.
    fn origin(&self, end: usize) -> Option<Origin> {
        let mut end = end;
        loop {
            let part = self.part(end);
            match (self.cmdlet(&part), part.pipe) {
                (Some(cmdlet), Some(pipe)) if chooses(cmdlet) => end = pipe,
                (Some(cmdlet), _) => return Some(Origin::Cmdlet(cmdlet)).filter(|_| shows(cmdlet)),
                (None, _) => return self.value(*part.tokens.first()?, end),
            }
        }
    }

    /// What a value gives that begins with this token: a variable, or something in brackets before `end`.
    fn value(&self, first: usize, end: usize) -> Option<Origin> {
        match self.kind(first)? {
            TokenKind::Variable => self.variable(first, self.written(first)),
            TokenKind::Open => self.origin(end.checked_sub(1)?),
            _ => None,
        }
    }

    /// What is in a variable at this token: what is piped, what is gone through, or what the shell knows.
    fn variable(&self, at: usize, name: &str) -> Option<Origin> {
        if name == "$_" || name.eq_ignore_ascii_case("$PSItem") {
            return self.piped(at);
        }
        let looped = (1..at).rev().find(|&word| {
            self.written(word).eq_ignore_ascii_case("in")
                && self.kind(word) == Some(TokenKind::Keyword)
                && self.written(word - 1).eq_ignore_ascii_case(name)
        });
        match looped {
            Some(word) => {
                let closing = (word..at).find(|&place| {
                    self.kind(place) == Some(TokenKind::Close) && self.around(place) == self.around(word)
                })?;
                self.origin(closing)
            }
            None => Some(Origin::Variable(name.trim_start_matches('$').to_owned())),
        }
    }

    /// What `$_` is within the blocks around this token.
    fn piped(&self, at: usize) -> Option<Origin> {
        let mut inside = at;
        while let Some(bracket) = self.around(inside) {
            let part = self.part(bracket);
            if self.written(bracket) == "{"
                && let (Some(_), Some(pipe)) = (self.cmdlet(&part), part.pipe)
            {
                return self.origin(pipe);
            }
            inside = bracket;
        }
        None
    }

    /// The property whose name is the token at `at`.
    fn property(&self, at: usize) -> What {
        let value = at.checked_sub(1);
        let origin = match value.and_then(|value| self.kind(value)) {
            Some(TokenKind::Variable) => value.and_then(|value| self.variable(value, self.written(value))),
            Some(TokenKind::Close) => value.and_then(|value| self.origin(value)),
            _ => None,
        };
        origin.map_or(What::Nothing, What::Property)
    }

    /// The variables that the text before a token sets.
    fn variables(&self, end: usize) -> Vec<String> {
        let set = |at: &usize| {
            let next = self.written(at + 1);
            self.kind(*at) == Some(TokenKind::Variable) && (next == "=" || next.eq_ignore_ascii_case("in"))
        };
        (0..end).filter(set).map(|at| self.written(at).trim_start_matches('$').to_owned()).collect()
    }

    /// What is wanted as a word.
    fn in_command(&self, before: usize, kind: TokenKind, place: Place) -> What {
        match (kind, place) {
            (TokenKind::Command, _) | (_, Place::Command) => What::Command,
            (_, Place::Filter) => self.filtered(before),
            (_, Place::Expression | Place::Key) => What::Nothing,
            (TokenKind::Parameter, _) => self.argument(before, true),
            _ => self.argument(before, false),
        }
    }

    /// The property of a filter: of what the cmdlet shows, or would change.
    fn filtered(&self, before: usize) -> What {
        // A value stands behind an operator.
        let last = before.checked_sub(1);
        if last.is_some_and(|last| self.kind(last) == Some(TokenKind::Operator)) {
            let operator = last.map(|last| self.written(last).to_ascii_lowercase()).unwrap_or_default();
            if !matches!(operator.as_str(), "-and" | "-or" | "-not" | "!") {
                return What::Nothing;
            }
        }
        let mut inside = before;
        while let Some(bracket) = self.around(inside) {
            if let Some(cmdlet) = self.cmdlet(&self.part(bracket)).filter(|cmdlet| shows(cmdlet)) {
                return What::Property(Origin::Cmdlet(cmdlet));
            }
            inside = bracket;
        }
        What::Nothing
    }

    /// A parameter, or a value of one.
    fn argument(&self, before: usize, dash: bool) -> What {
        let part = self.part(before);
        let Some(cmdlet) = self.cmdlet(&part) else { return What::Nothing };
        let bound = self.bind(cmdlet, &part);
        match bound.next {
            Some(parameter) if !dash => {
                let origin = part.pipe.and_then(|pipe| self.origin(pipe));
                What::Value(cmdlet, parameter, origin)
            }
            _ => What::Parameter(cmdlet, bound.given),
        }
    }

    /// Binds what is there as a call would, as far as that can be known without values.
    fn bind(&self, cmdlet: &'static Cmdlet, part: &Part) -> Bound {
        let mut bound = Bound { given: Vec::new(), next: None };
        let (mut waiting, mut current, mut goes_on, mut end) = (None, None, false, 0);
        for &at in part.tokens.iter().skip(1) {
            let Some(token) = self.list.get(at) else { continue };
            match token.kind {
                TokenKind::Comma => goes_on = true,
                // The colon of -Confirm:
                TokenKind::Operator => waiting = bound.given.last().copied(),
                TokenKind::Parameter => {
                    let named = cmdlet.parameters_named(self.written(at).trim_start_matches('-'));
                    let parameter = if let [one] = named.as_slice() { Some(*one) } else { None };
                    bound.given.extend(parameter);
                    waiting = parameter.filter(|parameter| parameter.kind != Kind::Switch);
                }
                // What touches the token before it is a part of the same value.
                _ if goes_on || (token.span.start == end && current.is_some()) => goes_on = false,
                _ => {
                    current = waiting.take().or_else(|| positional(cmdlet, &bound.given));
                    bound.given.extend(current.filter(|current| !bound.has(current)));
                }
            }
            end = token.span.end;
        }
        bound.next = if goes_on { current } else { waiting.or_else(|| positional(cmdlet, &bound.given)) };
        bound
    }
}

/// Arguments so far.
struct Bound {
    /// The parameters that have a value.
    given: Vec<&'static Parameter>,
    /// The parameter that the next value is for.
    next: Option<&'static Parameter>,
}

impl Bound {
    fn has(&self, parameter: &'static Parameter) -> bool {
        self.given.iter().any(|given| std::ptr::eq(*given, parameter))
    }
}

/// The parameter of a value without a name.
fn positional(cmdlet: &'static Cmdlet, given: &[&'static Parameter]) -> Option<&'static Parameter> {
    let free = |parameter: &&'static Parameter| {
        parameter.position.is_some() && !given.iter().any(|known| std::ptr::eq(*known, *parameter))
    };
    cmdlet.parameters.iter().filter(free).min_by_key(|parameter| parameter.position)
}

/// Whether what comes out of a cmdlet is some of what went in.
fn chooses(cmdlet: &Cmdlet) -> bool {
    matches!(cmdlet.name, "Where-Object" | "Sort-Object" | "Select-Object" | "Tee-Object")
}

/// Whether a cmdlet shows objects, and can be run to see some.
pub fn shows(cmdlet: &Cmdlet) -> bool {
    cmdlet.verb() == "Get" && matches!(cmdlet.run, Run::Each(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wanted, in a word, and what is there of it.
    fn shown(text: &str) -> String {
        let wanted = wanted(text);
        let origin = |origin: &Origin| match origin {
            Origin::Cmdlet(cmdlet) => cmdlet.name.to_owned(),
            Origin::Variable(name) => format!("${name}"),
        };
        let what = match &wanted.what {
            What::Command => "cmdlet".to_owned(),
            What::Variable(set) => format!("variable [{}]", set.join(" ")),
            What::Operator => "operator".to_owned(),
            What::Parameter(cmdlet, given) => {
                let given: Vec<&str> = given.iter().map(|parameter| parameter.name).collect();
                format!("parameter of {} [{}]", cmdlet.name, given.join(" "))
            }
            What::Value(cmdlet, parameter, from) => {
                let from = from.as_ref().map(|from| format!(" from {}", origin(from))).unwrap_or_default();
                format!("value of {} -{}{from}", cmdlet.name, parameter.name)
            }
            What::Property(from) => format!("property from {}", origin(from)),
            What::Nothing => "nothing".to_owned(),
        };
        format!("{what} | {}", wanted.typed)
    }

    #[test]
    fn the_place_says_what_is_wanted() {
        let table = [
            ("", "cmdlet | "),
            ("Get-Ma", "cmdlet | Get-Ma"),
            ("Get-Mailbox | fo", "cmdlet | fo"),
            ("Get-Mailbox; Set", "cmdlet | Set"),
            ("$x = Get-", "cmdlet | Get-"),
            ("Get-Mailbox | foreach { Set-", "cmdlet | Set-"),
            ("Get-Mailbox (Get-", "cmdlet | Get-"),
            ("if ($x) { ", "cmdlet | "),
            ("Get-Mailbox al", "value of Get-Mailbox -Identity | al"),
            ("Get-Mailbox 'Alice Ex", "value of Get-Mailbox -Identity | Alice Ex"),
            ("Get-Mailbox alice -R", "parameter of Get-Mailbox [Identity] | -R"),
            ("Get-Mailbox -ResultSize 5 -", "parameter of Get-Mailbox [ResultSize] | -"),
            ("Get-Mailbox -ResultSize 5 al", "value of Get-Mailbox -Identity | al"),
            ("Set-PopSettings -LoginType ", "value of Set-PopSettings -LoginType | "),
            ("Set-PopSettings -LoginType:Sec", "value of Set-PopSettings -LoginType | Sec"),
            (
                "Get-Service | Set-Service -StartupType A",
                "value of Set-Service -StartupType from Get-Service | A",
            ),
            ("Remove-Mailbox x -Confirm:", "value of Remove-Mailbox -Confirm | "),
            ("Get-Service MSExchangePOP3, M", "value of Get-Service -Name | M"),
            ("Get-Mailbox | ft Name, Al", "value of Format-Table -Property from Get-Mailbox | Al"),
            ("Get-CASMailbox | where Pop", "value of Where-Object -Property from Get-CASMailbox | Pop"),
            ("Get-CASMailbox | where {$_.Po", "property from Get-CASMailbox | Po"),
            ("Get-CASMailbox | where {$_.A -and ($_.", "property from Get-CASMailbox | "),
            ("Get-Mailbox | sort Name | % { Set-Mailbox $_.", "property from Get-Mailbox | "),
            ("$m | ft ", "value of Format-Table -Property from $m | "),
            ("$m.", "property from $m | "),
            ("foreach ($m in Get-Mailbox) { $m.Al", "property from Get-Mailbox | Al"),
            ("(Get-PopSettings).Log", "property from Get-PopSettings | Log"),
            ("Get-CASMailbox -Filter {Pop", "property from Get-CASMailbox | Pop"),
            ("Get-CASMailbox | where {$_.PopEnabled -e", "operator | -e"),
            ("$a = 1; $b = 2; $", "variable [a b] | $"),
            ("Get-Mailbox # al", "nothing | "),
            ("Get-Mailbox 'alice'", "nothing | "),
            ("Get-Wether a", "nothing | a"),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
