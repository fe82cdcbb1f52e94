//! What the parser makes of text. Every expression, argument and name knows its place in the source.

use super::ParseError;
use std::sync::Arc;

/// A place in the source, in octets; the end is not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First octet.
    pub start: usize,
    /// Octet after the last.
    pub end: usize,
}

/// A name with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// As written, without a leading dash.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// A whole text that was parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The text.
    pub source: Arc<str>,
    /// Its statements.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// Runs and shows what comes out.
    Pipeline(Pipeline),
    /// `$x = …`, `$x += …`, `$x.Property = …`
    Assign {
        /// A variable or a property of one.
        target: Expr,
        /// Which.
        how: Assignment,
        /// What is assigned.
        value: Box<Statement>,
    },
    /// `if (…) {…} elseif (…) {…} else {…}`
    If {
        /// Conditions and what runs when they hold.
        branches: Vec<(Pipeline, Vec<Statement>)>,
        /// What runs when none holds.
        otherwise: Vec<Statement>,
    },
    /// `foreach ($x in …) {…}`
    ForEach {
        /// The variable.
        variable: String,
        /// What is gone through.
        items: Pipeline,
        /// What runs for each.
        body: Vec<Statement>,
    },
    /// `while (…) {…}`, `do {…} while (…)`, `do {…} until (…)`
    Loop {
        /// When it goes on.
        kind: Loop,
        /// What is asked each time.
        condition: Pipeline,
        /// What runs each time.
        body: Vec<Statement>,
    },
    /// `for ($i = 0; $i -lt 3; $i++) {…}`
    For {
        /// Runs before all.
        first: Option<Box<Statement>>,
        /// What is asked each time.
        condition: Option<Pipeline>,
        /// Runs after each time.
        step: Option<Box<Statement>>,
        /// What runs each time.
        body: Vec<Statement>,
    },
    /// `switch ($x) { 'a' {…} default {…} }`
    Switch {
        /// How values are compared.
        how: Binary,
        /// What is looked at: each item of it.
        of: Pipeline,
        /// What it is compared with, and what runs then; without a value, what runs when nothing fitted.
        cases: Vec<(Option<Expr>, Vec<Statement>)>,
    },
    /// `try {…} catch {…} finally {…}`
    Try {
        /// What may fail.
        body: Vec<Statement>,
        /// What runs then.
        catch: Option<Vec<Statement>>,
        /// What runs in any case.
        finally: Vec<Statement>,
    },
    /// `function Name {…}`
    Function(Arc<Function>),
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `return`, `return …`
    Return(Option<Pipeline>, Span),
    /// `throw '…'`
    Throw(Option<Pipeline>, Span),
    /// `exit`, `quit`, `exit 3`
    Exit(Option<Expr>),
}

/// When a loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// `while`: asked first.
    While,
    /// `do … while`: asked afterwards.
    DoWhile,
    /// `do … until`: asked afterwards, and goes on as long as it does not hold.
    DoUntil,
}

/// Something that is called like a cmdlet.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its parameters, in the order of their positions.
    pub parameters: Vec<Declared>,
    /// What it does.
    pub body: Vec<Statement>,
    /// The whole source it stands in.
    pub source: Arc<str>,
    /// Where.
    pub span: Span,
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// Without the dollar.
    pub name: String,
    /// Its type, if one is written.
    pub kind: Option<Type>,
    /// Its value where none is given.
    pub default: Option<Expr>,
}

/// The types that a value can be made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its own name")]
pub enum Type {
    String,
    Int,
    Double,
    Bool,
    Switch,
    Array,
    Hashtable,
    TimeSpan,
    Object,
    Void,
}

/// How a value is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// `=`
    Set,
    /// `+=`
    Add,
    /// `-=`
    Subtract,
}

/// Commands or expressions joined by `|`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// At least one.
    pub elements: Vec<Element>,
    /// Where.
    pub span: Span,
}

/// One part of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    /// A cmdlet with arguments.
    Command(Command),
    /// A value; only at the beginning of a pipeline.
    Expression(Expr),
}

/// A cmdlet with arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Name or alias.
    pub name: Name,
    /// In order.
    pub arguments: Vec<Argument>,
    /// Where, arguments included.
    pub span: Span,
}

/// One argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// `-Name`, or `-Name:value`. A value without a colon is the next argument: whether it belongs to the parameter
    /// is known only to the cmdlet.
    Parameter {
        /// Without the dash.
        name: Name,
        /// What followed a colon.
        value: Option<Expr>,
    },
    /// A value.
    Value(Expr),
}

impl Argument {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Argument::Parameter { name, value } => Span {
                start: name.span.start,
                end: value.as_ref().map_or(name.span.end, |value| value.span.end),
            },
            Argument::Value(value) => value.span,
        }
    }
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A number. How it was written counts where a text is wanted: `007` is a name, too.
    Number(Number, String),
    /// A text without variables in it, quoted or bare.
    Text(String),
    /// A text with variables in it.
    Expandable(Vec<Piece>),
    /// `$name`
    Variable(String),
    /// The name of a property of the object in question, in filters.
    Property(String),
    /// `$x.Name[0]`: a value and what follows it directly. However many they are, they are no levels: what goes
    /// through a tree does so by recursion.
    Postfix(Box<Expr>, Vec<Suffix>),
    /// `a, b`
    List(Vec<Expr>),
    /// `@( … )`
    Array(Vec<Statement>),
    /// `( … )`
    Group(Box<Pipeline>),
    /// `$( … )`
    Statements(Vec<Statement>),
    /// `@{ key = value; … }`
    Table(Vec<(Expr, Statement)>),
    /// `{ … }`
    Block(Arc<Block>),
    /// `[int]x`
    Cast(Type, Box<Expr>),
    /// `[int]` alone, as what `-is` asks for.
    Type(Type),
    /// `-not x`, `!x`, `-x`
    Unary(Unary, Box<Expr>),
    /// `x + y - z`: operators from left to right, as flat as they are written.
    Binary(Box<Expr>, Vec<(Binary, Expr)>),
}

/// What follows a value directly.
#[derive(Clone, Debug, PartialEq)]
pub enum Suffix {
    /// `.Name`
    Member(Expr),
    /// `.Method(…)`
    Method(Name, Vec<Expr>),
    /// `[0]`
    Index(Expr),
}

/// A number as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Without a fraction; `10MB` is one, too.
    Int(i64),
    /// With one.
    Real(f64),
}

/// A part of a text with variables in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// Replaced by its value.
    Value(Expr),
}

/// `{ … }`: statements to run later, or a text in braces; only the parameter it is given to knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The whole source it stands in.
    pub source: Arc<str>,
    /// What stands between the braces.
    pub inner: Span,
    /// Its statements, or why they are none.
    pub body: Result<Vec<Statement>, ParseError>,
}

impl Block {
    /// What stands between the braces.
    pub fn text(&self) -> &str {
        self.source.get(self.inner.start..self.inner.end).unwrap_or_default()
    }
}

/// Operators before a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `-not` and `!`
    Not,
    /// `-`
    Negate,
    /// `-join x`
    Join,
    /// `-split x`
    Split,
}

/// Operators between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its own spelling")]
pub enum Binary {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    Like,
    NotLike,
    Contains,
    NotContains,
    In,
    NotIn,
    And,
    Or,
    Xor,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Range,
    Join,
    Split,
    Replace,
    Match,
    NotMatch,
    Format,
    Is,
    IsNot,
    As,
}

impl Binary {
    /// Whether it compares two values.
    pub fn compares(self) -> bool {
        use Binary::*;
        matches!(self, Eq | Ne | Gt | Ge | Lt | Le | Like | NotLike | Contains | NotContains | In | NotIn)
    }
}
