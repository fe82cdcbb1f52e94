//! Statements.

use super::env::{Env, Stop};
use super::evaluate::{self, Halt, statement_value};
use super::pipeline::{self, End, Sink};
use super::{control, operators, types};
use crate::BoxFuture;
use crate::grammar::{Assignment, Element, Expr, ExprKind, Pipeline, Script, Statement, Suffix};
use crate::value::Value;
use std::sync::Arc;

/// Runs a whole text. An error ends its statement, and the next one follows, as in PowerShell.
pub async fn run_script(env: &Env, script: &Script, printer: &mut dyn End) -> Result<(), Stop> {
    for statement in &script.statements {
        let ran = run(env, statement, printer).await;
        printer.finish().await?;
        match ran {
            Ok(()) | Err(Halt::Stop(Stop::Enough | Stop::EnoughOutside | Stop::Broken)) => {}
            // Outside of what they end, they end the text.
            Err(Halt::Stop(Stop::Break | Stop::Continue | Stop::Return)) => return Ok(()),
            Err(Halt::Stop(stop)) => return Err(stop),
            Err(halt) => env.error(halt.render(&script.source)).await?,
        }
    }
    Ok(())
}

/// Runs statements; what comes out goes to the sink.
pub async fn run_all(env: &Env, statements: &[Statement], sink: &mut dyn Sink) -> Result<(), Halt> {
    for statement in statements {
        run(env, statement, sink).await?;
    }
    Ok(())
}

/// Runs one statement.
pub fn run<'a>(
    env: &'a Env,
    statement: &'a Statement,
    sink: &'a mut dyn Sink,
) -> BoxFuture<'a, Result<(), Halt>> {
    Box::pin(async move {
        // Also what only calculates must leave the thread to others now and then, and be stopped when nobody waits for it.
        tokio::task::coop::consume_budget().await;
        match statement {
            Statement::Pipeline(pipeline) => {
                begin_command(env, pipeline);
                pipeline::run(env, pipeline, sink).await.map_err(Halt::inside)
            }
            Statement::Assign { target, how, value } => {
                if let Statement::Pipeline(pipeline) = &**value {
                    begin_command(env, pipeline);
                }
                let value = statement_value(env, value, target.span).await?;
                assign(env, target, *how, value).await
            }
            Statement::If { branches, otherwise } => {
                for (condition, body) in branches {
                    if evaluate::pipeline_value(env, condition).await?.truth() {
                        return run_all(env, body, sink).await;
                    }
                }
                run_all(env, otherwise, sink).await
            }
            Statement::Exit(code) => Err(exit(env, code.as_ref()).await),
            other => {
                let _level = env.deeper().map_err(|message| Halt::Shown(message.to_owned()))?;
                control::run(env, other, sink).await
            }
        }
    })
}

/// `$?` tells of the latest command; what only calculates leaves it as it was.
fn begin_command(env: &Env, pipeline: &Pipeline) {
    if pipeline.elements.iter().any(|element| matches!(element, Element::Command(_))) {
        env.variables().begin_command();
    }
}

/// The end of the whole text. Without a code it tells whether there was an error, as the end of the text would.
async fn exit(env: &Env, code: Option<&Expr>) -> Halt {
    let Some(expr) = code else { return Halt::Stop(Stop::Exit(u8::from(env.failed()))) };
    match evaluate::evaluate(env, expr).await {
        Ok(value) => match value.to_string().parse() {
            Ok(code) => Halt::Stop(Stop::Exit(code)),
            Err(_) => Halt::fault(expr.span, "An exit code is a whole number from 0 to 255."),
        },
        Err(halt) => halt,
    }
}

/// Levels of values in a variable.
const DEEPEST_VALUE: usize = 100;

/// Variables that are values.
const FIXED: [&str; 5] = ["true", "false", "null", "error", "?"];

async fn assign(env: &Env, target: &Expr, how: Assignment, value: Value) -> Result<(), Halt> {
    match &target.kind {
        ExprKind::Variable(name) => {
            // `$null = …` throws a value away.
            if name.eq_ignore_ascii_case("null") && how == Assignment::Set {
                return Ok(());
            }
            if FIXED.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(Halt::fault(target.span, format!("${name} cannot be assigned to.")));
            }
            let value = shallow(combined(env.variables().get(name), how, value, target).await?, target)?;
            env.keep(name, value).map_err(|message| Halt::fault(target.span, message))
        }
        ExprKind::Postfix(of, suffixes) => {
            let (ExprKind::Variable(variable), [Suffix::Member(property)]) = (&of.kind, suffixes.as_slice())
            else {
                return Err(Halt::fault(of.span, "Only a property of a variable can be assigned to."));
            };
            let property = evaluate::evaluate(env, property).await?.to_string();
            let whole = env.variables().get(variable);
            let value = combined(whole.property(&property), how, value, target).await?;
            let Some(whole) = with_property(whole, &property, value) else {
                return Err(Halt::fault(target.span, format!("${variable} has no property '{property}'.")));
            };
            let whole = shallow(whole, target)?;
            env.keep(variable, whole).map_err(|message| Halt::fault(target.span, message))
        }
        ExprKind::Cast(kind, inner) => {
            let value = types::cast(value, *kind).map_err(|message| Halt::fault(target.span, message))?;
            Box::pin(assign(env, inner, how, value)).await
        }
        _ => Err(Halt::fault(target.span, "Only a variable or a property of one can be assigned to.")),
    }
}

/// A value that may be kept: what goes through values does so by recursion, and a loop can put any number of them into
/// each other.
fn shallow(value: Value, target: &Expr) -> Result<Value, Halt> {
    if value.depth() <= DEEPEST_VALUE {
        return Ok(value);
    }
    let message =
        format!("Lists, hashtables and objects within each other have at most {DEEPEST_VALUE} levels.");
    Err(Halt::fault(target.span, message))
}

async fn combined(old: Value, how: Assignment, value: Value, target: &Expr) -> Result<Value, Halt> {
    let done = match (how, &old) {
        (Assignment::Set, _) => Ok(value),
        (Assignment::Add, _) => operators::add(old, value),
        (Assignment::Subtract, Value::List(items)) => Ok(evaluate::without(items, &value).await),
        (Assignment::Subtract, _) => operators::subtract(old, value),
    };
    done.map_err(|message| Halt::fault(target.span, message))
}

/// A copy of an object or hashtable with one property changed.
fn with_property(whole: Value, name: &str, value: Value) -> Option<Value> {
    match whole {
        Value::Object(mut object) => {
            let properties = &mut Arc::make_mut(&mut object).properties;
            properties.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name))?.1 = value;
            Some(Value::Object(object))
        }
        Value::Table(mut table) => {
            let entries = Arc::make_mut(&mut table);
            match entries.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((_, old)) => *old = value,
                None => entries.push((name.to_owned(), value)),
            }
            Some(Value::Table(table))
        }
        _ => None,
    }
}
