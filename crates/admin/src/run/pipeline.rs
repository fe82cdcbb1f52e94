//! Chains of stages through which objects are pushed.

use super::bind::{self, Bound, Given};
use super::call::{EachStage, Failure, Preferences, refused};
use super::env::{Env, Stop};
use super::evaluate::{self, Halt};
use super::function::FunctionStage;
use crate::BoxFuture;
use crate::cmdlet::{Cmdlet, Run};
use crate::cmdlets;
use crate::grammar::{Argument, Command, Element, Expr, ExprKind, Name, Pipeline, Span};
use crate::value::Value;

/// Go on, or stop.
pub type Flow = Result<(), Stop>;

/// Takes objects, one after the other.
pub trait Sink: Send + Sync {
    /// Takes one.
    fn accept(&mut self, value: Value) -> BoxFuture<'_, Flow>;
}

/// The end of a pipeline, which may hold something back until its statement ends.
pub trait End: Sink {
    /// Gives out what is held back.
    fn finish(&mut self) -> BoxFuture<'_, Flow>;
}

/// A part of a pipeline.
pub trait Stage: Send + Sync {
    /// Takes one object, and passes on what comes of it.
    fn process<'a>(&'a mut self, value: Value, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow>;

    /// There are no more objects.
    fn end<'a>(&'a mut self, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        let _ = down;
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A stage, or why its arguments do not make one.
pub type Made = Result<Box<dyn Stage>, Failure>;

/// The rest of the pipeline behind a stage.
pub struct Down<'d> {
    stages: &'d mut [Box<dyn Stage>],
    sink: &'d mut dyn Sink,
    env: &'d Env,
}

impl Down<'_> {
    /// What all stages share.
    pub fn env(&self) -> &Env {
        self.env
    }

    /// The same for a shorter time.
    pub fn narrow(&mut self) -> Down<'_> {
        Down { stages: &mut *self.stages, sink: &mut *self.sink, env: self.env }
    }
}

impl Sink for Down<'_> {
    fn accept(&mut self, value: Value) -> BoxFuture<'_, Flow> {
        Box::pin(async move {
            // A pipeline that neither prints nor waits must not keep a thread of the server to itself.
            tokio::task::coop::consume_budget().await;
            let env = self.env;
            let _level = match env.deeper() {
                Ok(level) => level,
                Err(message) => return env.halted(Halt::Shown(message.to_owned())).await,
            };
            match self.stages.split_first_mut() {
                None => self.sink.accept(value).await,
                Some((first, rest)) => {
                    let mut down = Down { stages: rest, sink: &mut *self.sink, env: self.env };
                    first.process(value, &mut down).await
                }
            }
        })
    }
}

/// Ends the stages in order, each before the next.
async fn end(stages: &mut [Box<dyn Stage>], sink: &mut dyn Sink, env: &Env) -> Flow {
    let mut rest = stages;
    while let Some((first, after)) = rest.split_first_mut() {
        first.end(&mut Down { stages: &mut *after, sink: &mut *sink, env }).await?;
        rest = after;
    }
    Ok(())
}

/// Runs a pipeline; what comes out goes to the sink. However it ends, what it has changed is saved then.
pub async fn run(env: &Env, pipeline: &Pipeline, sink: &mut dyn Sink) -> Result<(), Halt> {
    let ended = run_stages(env, pipeline, sink).await;
    env.all_saved_but(0).await?;
    ended
}

async fn run_stages(env: &Env, pipeline: &Pipeline, sink: &mut dyn Sink) -> Result<(), Halt> {
    let mut stages = Vec::new();
    let mut source = None;
    for (index, element) in pipeline.elements.iter().enumerate() {
        match element {
            Element::Expression(value) => source = Some(value),
            Element::Command(command) => stages.push(stage(env, command, index > 0).await?),
        }
    }
    let mut outside = Outside(sink);
    let pushed = push(env, source, &mut stages, &mut outside).await;
    let pushed = match pushed {
        Err(Halt::Stop(Stop::Enough)) => Ok(()),
        other => other,
    };
    pushed?;
    match end(&mut stages, &mut outside, env).await {
        Err(Stop::Enough) => Ok(()),
        other => other.map_err(Halt::Stop),
    }
}

/// Pushes what the pipeline begins with: each item of a value, or the one call of its first cmdlet.
async fn push(
    env: &Env,
    source: Option<&Expr>,
    stages: &mut [Box<dyn Stage>],
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let _level = env.deeper().map_err(|message| Halt::Shown(message.to_owned()))?;
    let mut down = Down { stages, sink, env };
    let Some(source) = source else { return Ok(down.begin().await?) };
    if let Some(inner) = streamed(source) {
        return Box::pin(run(env, inner, &mut down)).await.map_err(|halt| halt.inside());
    }
    for item in evaluate::evaluate(env, source).await?.items() {
        down.accept(item).await?;
    }
    Ok(())
}

/// `(Get-X) | …` streams like `Get-X | …`.
fn streamed(source: &Expr) -> Option<&Pipeline> {
    match &source.kind {
        ExprKind::Group(pipeline) => Some(pipeline),
        _ => None,
    }
}

impl Down<'_> {
    /// Calls the first cmdlet without input.
    async fn begin(&mut self) -> Flow {
        let Some((first, rest)) = self.stages.split_first_mut() else { return Ok(()) };
        first.process(Value::Null, &mut Down { stages: rest, sink: &mut *self.sink, env: self.env }).await
    }
}

/// Where a pipeline's output leaves it: what is enough for those outside ends this pipeline, too.
struct Outside<'s>(&'s mut dyn Sink);

impl Sink for Outside<'_> {
    fn accept(&mut self, value: Value) -> BoxFuture<'_, Flow> {
        Box::pin(async move {
            self.0
                .accept(value)
                .await
                .map_err(|stop| if stop == Stop::Enough { Stop::EnoughOutside } else { stop })
        })
    }
}

/// The stage of a command.
async fn stage(env: &Env, command: &Command, piped: bool) -> Result<Box<dyn Stage>, Halt> {
    if let Some(function) = env.variables().function(&command.name.text) {
        let given = given(env, &command.arguments).await?;
        return Ok(Box::new(FunctionStage::new(env, function, given, piped)?));
    }
    let cmdlet = cmdlets::find(&command.name.text).ok_or_else(|| {
        let name = &command.name;
        Halt::fault(name.span, cmdlets::unknown(&name.text))
    })?;
    if command.arguments.iter().any(asks_for_help) {
        return Ok(Box::new(cmdlets::help_stage(cmdlet)));
    }
    let context = env.context();
    policy::administer(&context.directory.snapshot(), context.who, cmdlet.role)
        .map_err(|refusal| Halt::fault(command.name.span, refused(&refusal)))?;
    let given = given(env, &command.arguments).await?;
    make(env, cmdlet, given, Place { name: &command.name, whole: command.span }, piped)
}

/// Where a command stands in its text.
struct Place<'c> {
    name: &'c Name,
    whole: Span,
}

fn make(
    env: &Env,
    cmdlet: &'static Cmdlet,
    given: Vec<Given>,
    place: Place<'_>,
    piped: bool,
) -> Result<Box<dyn Stage>, Halt> {
    let Bound { arguments, common } = bind::bind(cmdlet, given, place.name)?;
    match cmdlet.run {
        Run::Each(_) => {
            bind::check_mandatory(cmdlet, &arguments, piped, place.name)?;
            let preferences =
                Preferences::new(env, &common).map_err(|message| Halt::fault(place.whole, message))?;
            Ok(Box::new(EachStage::new(cmdlet, arguments, preferences, piped)))
        }
        Run::Stage(make) if piped => {
            bind::check_mandatory(cmdlet, &arguments, false, place.name)?;
            make(arguments, env).map_err(|failure| failure.at(place.whole))
        }
        Run::Stage(_) => {
            Err(Halt::fault(place.name.span, format!("{} needs something piped to it.", cmdlet.name)))
        }
    }
}

/// Calls one cmdlet with values that need not be evaluated; what comes out goes to the sink.
pub async fn call(
    env: &Env,
    cmdlet: &'static Cmdlet,
    parameters: Vec<(String, Value)>,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let nowhere = Span { start: 0, end: 0 };
    let named = |text: String| Name { text, span: nowhere };
    let context = env.context();
    policy::administer(&context.directory.snapshot(), context.who, cmdlet.role)
        .map_err(|refusal| Halt::Shown(refused(&refusal)))?;
    let given = parameters.into_iter().map(|(name, value)| {
        Given::Parameter(named(name), Some(bind::Item { value, literal: None, span: nowhere }))
    });
    let name = named(cmdlet.name.to_owned());
    let stage = make(env, cmdlet, given.collect(), Place { name: &name, whole: nowhere }, false)?;
    let mut stages = [stage];
    push(env, None, &mut stages, sink).await?;
    end(&mut stages, sink, env).await.map_err(Halt::Stop)
}

fn asks_for_help(argument: &Argument) -> bool {
    matches!(argument, Argument::Parameter { name, .. } if name.text == "?")
}

/// The arguments with their values.
async fn given(env: &Env, arguments: &[Argument]) -> Result<Vec<Given>, Halt> {
    let mut given = Vec::with_capacity(arguments.len());
    for argument in arguments {
        given.push(match argument {
            Argument::Value(value) => Given::Value(item(env, value).await?),
            Argument::Parameter { name, value: None } => Given::Parameter(name.clone(), None),
            Argument::Parameter { name, value: Some(value) } => {
                Given::Parameter(name.clone(), Some(item(env, value).await?))
            }
        });
    }
    Ok(given)
}

async fn item(env: &Env, value: &Expr) -> Result<bind::Item, Halt> {
    let literal = match &value.kind {
        ExprKind::Number(_, text) => Some(text.clone()),
        _ => None,
    };
    Ok(bind::Item { value: evaluate::evaluate(env, value).await?, literal, span: value.span })
}
