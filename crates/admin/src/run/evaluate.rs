//! Values of expressions.

use super::env::{Env, Held, Stop};
use super::operators;
use super::pattern;
use super::pipeline::{self, Flow, Sink};
use super::statement;
use super::types;
use crate::BoxFuture;
use crate::grammar::{
    Binary, Block, Element, Expr, ExprKind, Number, ParseError, Piece, Pipeline, Span, Statement, Suffix,
    Unary, point,
};
use crate::value::Value;
use std::sync::Arc;

/// Why a statement does not reach its end.
#[derive(Debug)]
pub enum Halt {
    /// Something is wrong at a place of the text.
    Fault(Span, String),
    /// The same, shown with its place already: the text was another one.
    Shown(String),
    /// It is to stop.
    Stop(Stop),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Halt {
        Halt::Stop(stop)
    }
}

impl Halt {
    pub fn fault(span: Span, message: impl Into<String>) -> Halt {
        Halt::Fault(span, message.into())
    }

    /// The message with its place in the source.
    pub fn render(self, source: &str) -> String {
        match self {
            Halt::Fault(span, message) => point(source, span, &message),
            Halt::Shown(text) => text,
            Halt::Stop(_) => String::new(),
        }
    }

    /// What it means to the pipeline around.
    pub fn inside(self) -> Halt {
        match self {
            Halt::Stop(Stop::EnoughOutside) => Halt::Stop(Stop::Enough),
            other => other,
        }
    }
}

/// The value of an expression.
pub fn evaluate<'a>(env: &'a Env, expr: &'a Expr) -> BoxFuture<'a, Result<Value, Halt>> {
    Box::pin(async move {
        let _level = env.deeper().map_err(|message| Halt::fault(expr.span, message))?;
        match &expr.kind {
            ExprKind::Number(Number::Int(value), _) => Ok(Value::Int(*value)),
            ExprKind::Number(Number::Real(value), _) => Ok(Value::Real(*value)),
            ExprKind::Text(text) => Ok(Value::text(text.as_str())),
            ExprKind::Variable(name) => {
                variable(env, name).map_err(|message| Halt::fault(expr.span, message))
            }
            ExprKind::Property(name) => {
                filtered(env, name).map_err(|message| Halt::fault(expr.span, message))
            }
            ExprKind::Block(block) => Ok(Value::Block(block.clone())),
            ExprKind::Type(kind) => Ok(Value::text(kind.name())),
            _ => compound(env, expr).await,
        }
    })
}

/// The value of an expression that has others in it. Each kind has a future of its own, so that none needs the stack
/// of all.
fn compound<'a>(env: &'a Env, expr: &'a Expr) -> BoxFuture<'a, Result<Value, Halt>> {
    match &expr.kind {
        ExprKind::Expandable(pieces) => Box::pin(expand(env, pieces)),
        ExprKind::Postfix(of, suffixes) => Box::pin(postfix(env, of, suffixes)),
        ExprKind::List(items) => {
            Box::pin(async { Ok(Value::List(Arc::new(evaluate_all(env, items).await?))) })
        }
        ExprKind::Array(statements) => {
            Box::pin(async { Ok(Value::List(Arc::new(collect(env, statements, expr.span).await?))) })
        }
        ExprKind::Group(pipeline) => Box::pin(pipeline_value(env, pipeline)),
        ExprKind::Statements(statements) => {
            Box::pin(async { Ok(Value::from_items(collect(env, statements, expr.span).await?)) })
        }
        ExprKind::Table(entries) => Box::pin(table(env, entries)),
        ExprKind::Cast(kind, value) => Box::pin(async {
            types::cast(evaluate(env, value).await?, *kind).map_err(|message| Halt::fault(expr.span, message))
        }),
        ExprKind::Unary(operator, value) => Box::pin(async {
            unary(*operator, evaluate(env, value).await?).map_err(|message| Halt::fault(expr.span, message))
        }),
        ExprKind::Binary(first, more) => Box::pin(binary(env, first, more)),
        // The others have nothing in them.
        _ => Box::pin(std::future::ready(Ok(Value::Null))),
    }
}

async fn postfix(env: &Env, of: &Expr, suffixes: &[Suffix]) -> Result<Value, Halt> {
    let mut value = evaluate(env, of).await?;
    for suffix in suffixes {
        value = followed(env, value, suffix).await?;
    }
    Ok(value)
}

async fn binary(env: &Env, first: &Expr, more: &[(Binary, Expr)]) -> Result<Value, Halt> {
    let mut value = evaluate(env, first).await?;
    for (operator, right) in more {
        value = combined(env, value, *operator, right, first.span.start).await?;
    }
    Ok(value)
}

fn unary(operator: Unary, value: Value) -> Result<Value, String> {
    match operator {
        Unary::Join => operators::joined(&value.items(), "").map(Value::text),
        Unary::Split => operators::words(&value.to_string()),
        Unary::Not => Ok(Value::Bool(!value.truth())),
        Unary::Negate => operators::subtract(Value::Int(0), value),
    }
}

/// What a suffix makes of a value.
async fn followed(env: &Env, of: Value, suffix: &Suffix) -> Result<Value, Halt> {
    match suffix {
        Suffix::Member(name) => Ok(of.property(&evaluate(env, name).await?.to_string())),
        Suffix::Method(name, arguments) => {
            let arguments = evaluate_all(env, arguments).await?;
            operators::method(&of, &name.text, &arguments).map_err(|message| Halt::fault(name.span, message))
        }
        Suffix::Index(index) => {
            let at = evaluate(env, index).await?;
            operators::index(&of, &at).map_err(|message| Halt::fault(index.span, message))
        }
    }
}

/// The items of a list that are not among others. Each is looked for in all others, which for long lists takes so long
/// that it has to be done with pauses.
pub async fn without(items: &[Value], others: &Value) -> Value {
    let mut kept = Vec::new();
    for item in items {
        tokio::task::coop::consume_budget().await;
        if !operators::contains(others, item) {
            kept.push(item.clone());
        }
    }
    Value::List(Arc::new(kept))
}

/// What an operator makes of a value and the expression to its right.
async fn combined(
    env: &Env,
    left: Value,
    operator: Binary,
    right: &Expr,
    start: usize,
) -> Result<Value, Halt> {
    if let Some(known) = operators::short(operator, &left) {
        return Ok(known);
    }
    let span = Span { start, end: right.span.end };
    let value = match right.kind {
        // They make nothing new.
        ExprKind::Number(..) | ExprKind::Text(_) | ExprKind::Variable(_) => evaluate(env, right).await?,
        _ => {
            let mut held = env.gather();
            held.add(&left).map_err(|message| Halt::fault(span, message))?;
            evaluate(env, right).await?
        }
    };
    if let (Binary::Subtract, Value::List(items)) = (operator, &left) {
        return Ok(without(items, &value).await);
    }
    if let (Binary::Match | Binary::NotMatch, false) = (operator, matches!(left, Value::List(_))) {
        let wrong = |message: String| Halt::fault(span, message);
        let groups = pattern::matched(&left.to_string(), &value.to_string()).map_err(wrong)?;
        let holds = groups.is_some() == (operator == Binary::Match);
        if let Some(groups) = groups {
            env.keep("Matches", groups).map_err(|message| Halt::fault(span, message))?;
        }
        return Ok(Value::Bool(holds));
    }
    operators::binary(operator, left, value).map_err(|message| Halt::fault(span, message))
}

async fn evaluate_all(env: &Env, all: &[Expr]) -> Result<Vec<Value>, Halt> {
    let mut values = Vec::with_capacity(all.len());
    let mut held = env.gather();
    for expr in all {
        let value = evaluate(env, expr).await?;
        held.add(&value).map_err(|message| Halt::fault(expr.span, message))?;
        values.push(value);
    }
    Ok(values)
}

fn variable(env: &Env, name: &str) -> Result<Value, String> {
    match name.to_ascii_lowercase().as_str() {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        "null" => Ok(Value::Null),
        "psitem" => Ok(env.variables().get("_")),
        "?" => Ok(Value::Bool(!env.variables().troubled())),
        "error" => Ok(env.variables().errors()),
        lower if lower.starts_with("env:") => {
            Err("The server's environment is not shown to its shells.".to_owned())
        }
        _ => Ok(env.variables().get(name)),
    }
}

/// In a text a list is its items with blanks between.
async fn expand(env: &Env, pieces: &[Piece]) -> Result<Value, Halt> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Value(expr) => {
                let part = match evaluate(env, expr).await? {
                    Value::List(items) => operators::joined(&items, " "),
                    value => Ok(value.to_string()),
                };
                let part = part.map_err(|message| Halt::fault(expr.span, message))?;
                operators::room(text.len() + part.len())
                    .map_err(|message| Halt::fault(expr.span, message))?;
                text.push_str(&part);
            }
        }
    }
    Ok(Value::text(text))
}

async fn table(env: &Env, entries: &[(Expr, Statement)]) -> Result<Value, Halt> {
    let mut table = Vec::with_capacity(entries.len());
    let mut held = env.gather();
    for (key, value) in entries {
        let span = key.span;
        let key = evaluate(env, key).await?;
        let value = statement_value(env, value, span).await?;
        held.add(&key).and_then(|()| held.add(&value)).map_err(|message| Halt::fault(span, message))?;
        table.push((key.to_string(), value));
    }
    Ok(Value::Table(Arc::new(table)))
}

/// What a statement gives as a value, for what stands at this place. A single expression keeps a list of one item a list.
pub async fn statement_value(env: &Env, statement: &Statement, span: Span) -> Result<Value, Halt> {
    match statement {
        Statement::Pipeline(pipeline) => pipeline_value(env, pipeline).await,
        other => Ok(Value::from_items(collect(env, std::slice::from_ref(other), span).await?)),
    }
}

/// What a pipeline gives as a value.
pub async fn pipeline_value(env: &Env, pipeline: &Pipeline) -> Result<Value, Halt> {
    if let [Element::Expression(expr)] = pipeline.elements.as_slice() {
        return evaluate(env, expr).await;
    }
    let mut gathered = Gathered::new(env);
    let ran = pipeline::run(env, pipeline, &mut gathered).await.map_err(Halt::inside);
    gathered.values(ran, pipeline.span).map(Value::from_items)
}

async fn collect(env: &Env, statements: &[Statement], span: Span) -> Result<Vec<Value>, Halt> {
    let mut gathered = Gathered::new(env);
    let ran = statement::run_all(env, statements, &mut gathered).await;
    gathered.values(ran, span)
}

/// Gathers what comes out, as much as there is room for.
struct Gathered {
    values: Vec<Value>,
    held: Held,
    full: Option<&'static str>,
}

impl Gathered {
    fn new(env: &Env) -> Gathered {
        Gathered { values: Vec::new(), held: env.gather(), full: None }
    }

    /// All that came out of what stands at this place.
    fn values(self, ran: Result<(), Halt>, span: Span) -> Result<Vec<Value>, Halt> {
        match self.full {
            Some(message) => Err(Halt::fault(span, message)),
            None => ran.map(|()| self.values),
        }
    }
}

impl Sink for Gathered {
    fn accept(&mut self, value: Value) -> BoxFuture<'_, Flow> {
        self.full = self.held.add(&value).err();
        self.values.push(value);
        Box::pin(std::future::ready(if self.full.is_none() { Ok(()) } else { Err(Stop::Enough) }))
    }
}

/// Runs a script block for one object, which it knows as `$_`.
pub async fn run_block(env: &Env, block: &Block, item: Value, sink: &mut dyn Sink) -> Result<(), Halt> {
    let refused = |error: &ParseError| Halt::Shown(error.render(&block.source));
    let body = block.body.as_ref().map_err(refused)?;
    let _item = env.variables().lend("_", item);
    match statement::run_all(env, body, sink).await {
        Err(Halt::Fault(span, message)) => Err(Halt::Shown(point(&block.source, span, &message))),
        Err(Halt::Stop(Stop::Return)) => Ok(()),
        other => other,
    }
}

/// What a script block gives as a value for one object.
pub async fn block_value(env: &Env, block: &Block, item: Value) -> Result<Value, Halt> {
    let mut gathered = Gathered::new(env);
    let ran = run_block(env, block, item, &mut gathered).await;
    let values = gathered.values(ran, block.inner).map_err(|halt| match halt {
        Halt::Fault(span, message) => Halt::Shown(point(&block.source, span, &message)),
        other => other,
    });
    values.map(Value::from_items)
}

/// A property of the object that a filter looks at. One that the object does not have is a slip, which would let through
/// everything or nothing.
fn filtered(env: &Env, name: &str) -> Result<Value, String> {
    let item = env.variables().get("_");
    match &item {
        Value::Object(object) if object.property(name).is_none() => {
            let known: Vec<&str> = object.properties.iter().map(|(known, _)| &**known).collect();
            Err(format!("A filter knows no property '{name}' here; legal: {}.", known.join(", ")))
        }
        _ => Ok(item.property(name)),
    }
}

/// The value of a filter for one object.
pub async fn evaluate_filter(env: &Env, filter: &Expr, item: Value) -> Result<Value, Halt> {
    let _item = env.variables().lend("_", item);
    evaluate(env, filter).await
}

impl Env {
    /// Shows an error that ends the pipeline, unless it only stops.
    pub async fn halted(&self, halt: Halt) -> Flow {
        match halt.inside() {
            Halt::Stop(stop) => Err(stop),
            halt => Err(self.ending(halt.render(""), Stop::Broken).await),
        }
    }
}
