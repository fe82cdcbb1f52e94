//! Loops, choices, functions, and what handles errors.

use super::env::{Env, Stop, error_record};
use super::evaluate::{Halt, evaluate, pipeline_value};
use super::operators;
use super::pipeline::Sink;
use super::statement::run_all;
use crate::BoxFuture;
use crate::grammar::{Binary, Expr, Loop, Pipeline, Span, Statement};
use crate::value::Value;

/// Runs a statement that steers others. Each kind has a future of its own, so that none needs the stack of all.
pub fn run<'a>(
    env: &'a Env,
    statement: &'a Statement,
    sink: &'a mut dyn Sink,
) -> BoxFuture<'a, Result<(), Halt>> {
    match statement {
        Statement::ForEach { variable, items, body } => Box::pin(for_each(env, variable, items, body, sink)),
        Statement::Loop { kind, condition, body } => Box::pin(repeat(env, *kind, condition, body, sink)),
        Statement::For { first, condition, step, body } => {
            let parts = Parts { condition: condition.as_ref(), step: step.as_deref(), body };
            Box::pin(count(env, first.as_deref(), parts, sink))
        }
        Statement::Switch { how, of, cases } => Box::pin(switch(env, *how, of, cases, sink)),
        Statement::Try { body, catch, finally } => {
            Box::pin(attempt(env, body, catch.as_deref(), finally, sink))
        }
        Statement::Return(value, _) => Box::pin(leave(env, value.as_ref(), sink)),
        Statement::Throw(value, span) => Box::pin(throw(env, value.as_ref(), *span)),
        other => Box::pin(std::future::ready(at_once(env, other))),
    }
}

/// What waits for nothing.
fn at_once(env: &Env, statement: &Statement) -> Result<(), Halt> {
    match statement {
        Statement::Function(function) => {
            if let Some(cmdlet) = crate::cmdlets::find(&function.name) {
                let message = format!("{} is a cmdlet; give the function another name.", cmdlet.name);
                return Err(Halt::fault(function.span, message));
            }
            env.define(function).map_err(|message| Halt::fault(function.span, message))
        }
        Statement::Break => Err(Halt::Stop(Stop::Break)),
        Statement::Continue => Err(Halt::Stop(Stop::Continue)),
        _ => Ok(()),
    }
}

async fn leave(env: &Env, value: Option<&Pipeline>, sink: &mut dyn Sink) -> Result<(), Halt> {
    if let Some(value) = value {
        for item in pipeline_value(env, value).await?.items() {
            sink.accept(item).await?;
        }
    }
    Err(Halt::Stop(Stop::Return))
}

/// Without a value the latest error goes on.
async fn throw(env: &Env, value: Option<&Pipeline>, span: Span) -> Result<(), Halt> {
    Err(match value {
        Some(value) => Halt::fault(span, pipeline_value(env, value).await?.to_string()),
        None => Halt::Shown(env.variables().latest_error().to_string()),
    })
}

/// Whether a loop goes on after its body.
fn goes_on(ran: Result<(), Halt>) -> Result<bool, Halt> {
    match ran {
        Ok(()) | Err(Halt::Stop(Stop::Continue)) => Ok(true),
        Err(Halt::Stop(Stop::Break)) => Ok(false),
        Err(other) => Err(other),
    }
}

async fn for_each(
    env: &Env,
    variable: &str,
    items: &Pipeline,
    body: &[Statement],
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let wrong = |message: &str| Halt::fault(items.span, message);
    let all = pipeline_value(env, items).await?.items();
    // What is gone through is still there, whatever becomes of where it came from.
    let mut held = env.gather();
    for item in &all {
        held.add(item).map_err(wrong)?;
    }
    for item in all {
        tokio::task::coop::consume_budget().await;
        held.forget(&item);
        env.keep(variable, item).map_err(wrong)?;
        if !goes_on(run_all(env, body, sink).await)? {
            break;
        }
    }
    Ok(())
}

async fn repeat(
    env: &Env,
    kind: Loop,
    condition: &Pipeline,
    body: &[Statement],
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let mut first = kind != Loop::While;
    loop {
        tokio::task::coop::consume_budget().await;
        if !std::mem::take(&mut first)
            && pipeline_value(env, condition).await?.truth() == (kind == Loop::DoUntil)
        {
            return Ok(());
        }
        if !goes_on(run_all(env, body, sink).await)? {
            return Ok(());
        }
    }
}

/// What is done each time in `for`.
struct Parts<'s> {
    condition: Option<&'s Pipeline>,
    step: Option<&'s Statement>,
    body: &'s [Statement],
}

async fn count(
    env: &Env,
    first: Option<&Statement>,
    parts: Parts<'_>,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    if let Some(first) = first {
        run_one(env, first, sink).await?;
    }
    loop {
        tokio::task::coop::consume_budget().await;
        if let Some(condition) = parts.condition
            && !pipeline_value(env, condition).await?.truth()
        {
            return Ok(());
        }
        if !goes_on(run_all(env, parts.body, sink).await)? {
            return Ok(());
        }
        if let Some(step) = parts.step {
            run_one(env, step, sink).await?;
        }
    }
}

async fn run_one(env: &Env, statement: &Statement, sink: &mut dyn Sink) -> Result<(), Halt> {
    super::statement::run(env, statement, sink).await
}

/// Every case that fits runs, until `break`; `continue` goes to the next item.
async fn switch(
    env: &Env,
    how: Binary,
    of: &Pipeline,
    cases: &[(Option<Expr>, Vec<Statement>)],
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    for item in pipeline_value(env, of).await?.items() {
        let _item = env.variables().lend("_", item.clone());
        if !goes_on(switch_one(env, how, &item, cases, sink).await)? {
            break;
        }
    }
    Ok(())
}

async fn switch_one(
    env: &Env,
    how: Binary,
    item: &Value,
    cases: &[(Option<Expr>, Vec<Statement>)],
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let mut fitted = false;
    for (case, body) in cases {
        let Some(case) = case else { continue };
        let pattern = evaluate(env, case).await?;
        let fits = operators::binary(how, item.clone(), pattern);
        if fits.map_err(|message| Halt::fault(case.span, message))?.truth() {
            fitted = true;
            run_all(env, body, sink).await?;
        }
    }
    match cases.iter().find(|(case, _)| case.is_none()) {
        Some((_, body)) if !fitted => run_all(env, body, sink).await,
        _ => Ok(()),
    }
}

/// Errors in the body are not shown but given to `catch`, as `$_`. `finally` runs in any case, but not when nobody reads
/// the output any more.
async fn attempt(
    env: &Env,
    body: &[Statement],
    catch: Option<&[Statement]>,
    finally: &[Statement],
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let ran = match catch {
        None => run_all(env, body, sink).await,
        Some(handler) => {
            let ran = {
                let _trying = env.trying();
                run_all(env, body, sink).await
            };
            match caught(env, ran) {
                Ok(error) => {
                    let _error = env.variables().lend("_", error);
                    run_all(env, handler, sink).await
                }
                Err(ran) => ran,
            }
        }
    };
    match ran {
        Err(Halt::Stop(Stop::Gone)) => ran,
        ran => run_all(env, finally, sink).await.and(ran),
    }
}

/// The error that ended something; or the end, where it was none.
fn caught(env: &Env, ran: Result<(), Halt>) -> Result<Value, Result<(), Halt>> {
    match ran {
        Err(Halt::Fault(_, message) | Halt::Shown(message)) => {
            let error = error_record(&message);
            env.variables().note(error.clone());
            Ok(error)
        }
        Err(Halt::Stop(Stop::Broken | Stop::Failed)) => Ok(env.variables().latest_error()),
        other => Err(other),
    }
}
