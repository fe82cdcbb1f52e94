//! Functions: `function Name { param($A, [switch]$B) … }`.
//!
//! A function is a part of a pipeline. What is piped to it is gathered in `$input`; arguments without a parameter are
//! in `$args`.

use super::bind::{Given, Item};
use super::env::{CALL, Env, Held, Stop};
use super::evaluate::{Halt, evaluate};
use super::pipeline::{Down, Flow, Sink, Stage};
use super::scope::Scope;
use super::statement::run_all;
use super::types;
use crate::BoxFuture;
use crate::grammar::{Declared, Function, Name, Type, point};
use crate::value::Value;
use std::sync::Arc;

/// A call of a function.
pub struct FunctionStage {
    function: Arc<Function>,
    given: Vec<(String, Value)>,
    piped: bool,
    input: Vec<Value>,
    held: Held,
}

impl FunctionStage {
    /// With these arguments.
    pub fn new(
        env: &Env,
        function: Arc<Function>,
        given: Vec<Given>,
        piped: bool,
    ) -> Result<FunctionStage, Halt> {
        let given = bind(&function, given)?;
        Ok(FunctionStage { function, given, piped, input: Vec::new(), held: env.gather() })
    }

    async fn run(&mut self, down: &mut Down<'_>) -> Flow {
        let env = down.env().clone();
        let _level = match env.deeper_by(CALL) {
            Ok(level) => level,
            Err(message) => return env.halted(Halt::Shown(message.to_owned())).await,
        };
        let scope = env.variables().enter();
        let mut sink = Outside { scope, down };
        let ran = self.body(&env, &mut sink).await;
        drop(sink);
        match ran {
            Ok(()) | Err(Halt::Stop(Stop::Return)) => Ok(()),
            Err(Halt::Fault(span, message)) => {
                env.halted(Halt::Shown(point(&self.function.source, span, &message))).await
            }
            Err(other) => env.halted(other).await,
        }
    }

    async fn body(&mut self, env: &Env, sink: &mut dyn Sink) -> Result<(), Halt> {
        let function = self.function.clone();
        let wrong = |message: &str| Halt::fault(function.span, message);
        env.keep("input", Value::list(std::mem::take(&mut self.input))).map_err(wrong)?;
        for (name, value) in &self.given {
            env.keep(name, value.clone()).map_err(wrong)?;
        }
        for declared in &function.parameters {
            if self.given.iter().any(|(name, _)| *name == declared.name) {
                continue;
            }
            let value = match (&declared.default, declared.kind) {
                (Some(default), _) => evaluate(env, default).await?,
                (None, Some(Type::Switch)) => Value::Bool(false),
                (None, _) => Value::Null,
            };
            env.keep(&declared.name, value).map_err(wrong)?;
        }
        run_all(env, &function.body, sink).await
    }
}

impl Stage for FunctionStage {
    fn process<'a>(&'a mut self, value: Value, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            if !self.piped {
                return self.run(down).await;
            }
            self.held.hold(&value).await?;
            self.input.push(value);
            Ok(())
        })
    }

    fn end<'a>(&'a mut self, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move { if self.piped { self.run(down).await } else { Ok(()) } })
    }
}

/// The rest of the pipeline, which does not see the function's variables.
struct Outside<'o, 'd> {
    scope: Scope,
    down: &'o mut Down<'d>,
}

impl Sink for Outside<'_, '_> {
    fn accept(&mut self, value: Value) -> BoxFuture<'_, Flow> {
        Box::pin(async move {
            self.scope.leave();
            let passed = self.down.accept(value).await;
            self.scope.come_back();
            passed
        })
    }
}

/// The parameters that get a value.
fn bind(function: &Function, given: Vec<Given>) -> Result<Vec<(String, Value)>, Halt> {
    let mut bound: Vec<(String, Value)> = Vec::new();
    let mut plain = Vec::new();
    let mut given = given.into_iter().peekable();
    while let Some(argument) = given.next() {
        let (name, colon) = match argument {
            Given::Value(item) => {
                plain.push(item);
                continue;
            }
            Given::Parameter(name, colon) => (name, colon),
        };
        let declared = declared(function, &name)?;
        let value = match colon {
            Some(item) => item.value,
            None if declared.kind == Some(Type::Switch) => Value::Bool(true),
            None => match given.next_if(|next| matches!(next, Given::Value(_))) {
                Some(Given::Value(item)) => item.value,
                _ => {
                    return Err(Halt::fault(
                        name.span,
                        format!("Parameter '{}' needs a value.", declared.name),
                    ));
                }
            },
        };
        bound.push((
            declared.name.clone(),
            typed(declared, value).map_err(|why| Halt::fault(name.span, why))?,
        ));
    }
    let mut surplus = Vec::new();
    let free: Vec<&Declared> = function
        .parameters
        .iter()
        .filter(|declared| declared.kind != Some(Type::Switch))
        .filter(|declared| !bound.iter().any(|(name, _)| *name == declared.name))
        .collect();
    let mut free = free.into_iter();
    for Item { value, span, .. } in plain {
        match free.next() {
            Some(declared) => {
                let value = typed(declared, value).map_err(|why| Halt::fault(span, why))?;
                bound.push((declared.name.clone(), value));
            }
            None => surplus.push(value),
        }
    }
    bound.push(("args".to_owned(), Value::list(surplus)));
    Ok(bound)
}

fn typed(declared: &Declared, value: Value) -> Result<Value, String> {
    let Some(kind) = declared.kind else { return Ok(value) };
    types::cast(value, kind)
        .map_err(|why| format!("The value of parameter '{}' is not valid: {why}", declared.name))
}

/// The parameter of this name, or of the only name that begins so.
fn declared<'f>(function: &'f Function, name: &Name) -> Result<&'f Declared, Halt> {
    let wanted = name.text.to_lowercase();
    let named = |declared: &&Declared| declared.name.to_lowercase() == wanted;
    if let Some(found) = function.parameters.iter().find(named) {
        return Ok(found);
    }
    let begun = |declared: &&Declared| declared.name.to_lowercase().starts_with(&wanted);
    let found: Vec<&Declared> = function.parameters.iter().filter(begun).collect();
    match found.as_slice() {
        [one] => Ok(one),
        _ => {
            let known: Vec<String> =
                function.parameters.iter().map(|known| format!("-{}", known.name)).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message =
                format!("Function {} has no parameter '{}'; it has: {known}.", function.name, name.text);
            Err(Halt::fault(name.span, message))
        }
    }
}
