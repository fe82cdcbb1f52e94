//! One call of a cmdlet: its arguments, and the ways to give results, warn, fail, and ask.

use super::arguments::Arguments;
use super::bind;
use super::env::{Env, Held, Stop, error_record};
use super::evaluate::Halt;
use super::pipeline::{Down, Flow, Sink, Stage};
use crate::cmdlet::{Cmdlet, Effect, Run};
use crate::grammar::Span;
use crate::together::Unsaved;
use crate::value::Value;
use crate::{BoxFuture, Channel, Context, Echo, Question};

/// Why a cmdlet did not do it.
#[derive(Debug)]
pub enum Failure {
    /// For this object; the next one follows.
    Error(String),
    /// Everything stops.
    Stop(Stop),
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Failure {
        Failure::Stop(stop)
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::Error(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Failure {
        Failure::Error(message.to_owned())
    }
}

impl From<Halt> for Failure {
    fn from(halt: Halt) -> Failure {
        match halt {
            Halt::Fault(_, message) | Halt::Shown(message) => Failure::Error(message),
            Halt::Stop(stop) => Failure::Stop(stop),
        }
    }
}

impl From<policy::ChangeRefusal> for Failure {
    fn from(refusal: policy::ChangeRefusal) -> Failure {
        Failure::Error(refusal.to_string())
    }
}

impl From<policy::Refusal> for Failure {
    fn from(refusal: policy::Refusal) -> Failure {
        Failure::Error(refused(&refusal))
    }
}

/// What is refused, and the command that would change it.
pub fn refused(refusal: &policy::Refusal) -> String {
    match refusal.remedy() {
        Some(remedy) => format!("Access is denied: {}. What would change it: {remedy}", refusal.reason()),
        None => format!("Access is denied: {}.", refusal.reason()),
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Failure {
        match error {
            store::Error::Full => "The disk is full: make room and try again; nothing was changed.".into(),
            error => Failure::Error(format!("The store refused: {error}.")),
        }
    }
}

impl Failure {
    /// The failure as one of the text at this place.
    pub fn at(self, span: Span) -> Halt {
        match self {
            Failure::Error(message) => Halt::Fault(span, message),
            Failure::Stop(stop) => Halt::Stop(stop),
        }
    }
}

/// What follows an error or a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Continue,
    Silent,
    Stop,
}

impl Action {
    /// The action of this name; a unique beginning is enough.
    fn parse(text: &str) -> Option<Action> {
        let lower = text.to_ascii_lowercase();
        let known = [
            ("continue", Action::Continue),
            ("silentlycontinue", Action::Silent),
            ("stop", Action::Stop),
            ("ignore", Action::Silent),
            ("inquire", Action::Continue),
        ];
        let mut begun = known.iter().filter(|(name, _)| !lower.is_empty() && name.starts_with(&lower));
        match (begun.next(), begun.next()) {
            (Some((_, action)), None) => Some(*action),
            (Some(_), Some(_)) => known.iter().find(|(name, _)| *name == lower).map(|(_, action)| *action),
            _ => None,
        }
    }
}

/// Whether a change is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// As the cmdlet has it.
    Usual,
    /// Always.
    Always,
    /// Never, or no longer.
    Never,
    /// No more changes at all.
    NoToAll,
}

/// What was said about one command with the parameters that all have.
pub struct Preferences {
    on_error: Action,
    on_warning: Action,
    asking: Asking,
    what_if: bool,
    verbose: bool,
    error_variable: Option<String>,
    out_variable: Option<String>,
    errors: Vec<Value>,
    results: Vec<Value>,
    /// What errors and results weigh.
    held: Held,
}

impl Preferences {
    pub fn new(env: &Env, common: &Arguments) -> Result<Preferences, String> {
        let action = |parameter: &str, variable: &str| {
            let given = common.text(parameter).or_else(|| match env.variables().get(variable) {
                Value::Null => None,
                value => Some(value.to_string()),
            });
            match given {
                None => Ok(Action::Continue),
                Some(text) => Action::parse(&text).ok_or_else(|| {
                    format!("'{text}' is no {parameter}; legal: Continue, SilentlyContinue, Stop, Ignore, Inquire.")
                }),
            }
        };
        let asking = match common.bool("Confirm") {
            None => Asking::Usual,
            Some(true) => Asking::Always,
            Some(false) => Asking::Never,
        };
        Ok(Preferences {
            on_error: action("ErrorAction", "ErrorActionPreference")?,
            on_warning: action("WarningAction", "WarningPreference")?,
            asking,
            what_if: common.switch("WhatIf"),
            verbose: common.switch("Verbose"),
            error_variable: common.text("ErrorVariable"),
            out_variable: common.text("OutVariable"),
            errors: Vec::new(),
            results: Vec::new(),
            held: env.gather(),
        })
    }
}

/// A call of a cmdlet.
pub struct Call<'c> {
    /// Its arguments.
    pub arguments: Arguments,
    cmdlet: &'static Cmdlet,
    preferences: &'c mut Preferences,
    piped: bool,
    down: &'c mut Down<'c>,
}

impl Call<'_> {
    /// What the shell works on.
    pub fn context(&self) -> &Context {
        self.env().context()
    }

    /// What all parts of the run share.
    pub fn env(&self) -> &Env {
        self.down.env()
    }

    /// The cmdlet that is called.
    pub fn cmdlet(&self) -> &'static Cmdlet {
        self.cmdlet
    }

    /// Gives a result.
    pub async fn emit(&mut self, value: impl Into<Value>) -> Flow {
        let value = value.into();
        if self.preferences.out_variable.is_some() {
            self.preferences.held.hold(&value).await?;
            self.preferences.results.push(value.clone());
        }
        self.down.accept(value).await
    }

    /// Shows a warning.
    pub async fn warn(&mut self, message: impl Into<String>) -> Flow {
        let message = message.into();
        match self.preferences.on_warning {
            Action::Silent => Ok(()),
            Action::Continue => self.env().show(Channel::Warning, format!("WARNING: {message}")).await,
            Action::Stop => {
                Err(self.env().ending(format!("{}: {message}", self.cmdlet.name), Stop::Failed).await)
            }
        }
    }

    /// Waits until a change is saved. One of many in a pipeline is waited for at the pipeline's end, so that many are
    /// saved at once.
    pub async fn saved(&mut self, unsaved: Unsaved) -> Result<(), Failure> {
        if self.piped {
            return Ok(self.env().pass_unsaved(unsaved).await?);
        }
        Ok(unsaved.saved().await?)
    }

    /// Tells more, where that was asked for.
    async fn verbose(&mut self, message: impl Into<String>) -> Flow {
        if !self.preferences.verbose {
            return Ok(());
        }
        self.env().show(Channel::Verbose, format!("VERBOSE: {}", message.into())).await
    }

    /// Whether to do it: says what would be done with -WhatIf, asks where the cmdlet or -Confirm wants that.
    pub async fn may(&mut self, action: &str, target: &str) -> Result<bool, Failure> {
        if self.preferences.what_if {
            self.env().show(Channel::Output, format!("What if: {action} '{target}'.")).await?;
            return Ok(false);
        }
        let ask = match self.preferences.asking {
            Asking::NoToAll => return Ok(false),
            Asking::Never => false,
            Asking::Usual => self.cmdlet.effect == Effect::Removes,
            Asking::Always => true,
        };
        if !ask {
            self.verbose(format!("{action} '{target}'.")).await?;
            return Ok(true);
        }
        if !self.env().terminal().interactive {
            return Err(Failure::Error(format!(
                "{action} '{target}' needs a confirmation, and there is nobody to ask. Add -Confirm:$false."
            )));
        }
        self.confirm(action, target).await
    }

    async fn confirm(&mut self, action: &str, target: &str) -> Result<bool, Failure> {
        let text = format!(
            "Confirm\nAre you sure you want to perform this action?\n{action} '{target}'.\n\
             [Y] Yes  [A] Yes to All  [N] No  [L] No to All  [?] Help (default is \"Y\"): "
        );
        loop {
            let answer = self.env().ask(Question { text: text.clone(), echo: Echo::Shown }).await?;
            match answer.trim().to_ascii_lowercase().as_str() {
                "" | "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                "a" | "yes to all" => {
                    self.preferences.asking = Asking::Never;
                    return Ok(true);
                }
                "l" | "no to all" => {
                    self.preferences.asking = Asking::NoToAll;
                    return Ok(false);
                }
                _ => {
                    let help = "Y: do it. A: do it for all. N: leave this one. L: leave all that follow.";
                    self.env().show(Channel::Verbose, help).await?;
                }
            }
        }
    }
}

/// A cmdlet that is called once, or once for each object.
pub struct EachStage {
    cmdlet: &'static Cmdlet,
    arguments: Arguments,
    preferences: Preferences,
    piped: bool,
}

impl EachStage {
    pub fn new(
        cmdlet: &'static Cmdlet,
        arguments: Arguments,
        preferences: Preferences,
        piped: bool,
    ) -> EachStage {
        EachStage { cmdlet, arguments, preferences, piped }
    }

    async fn call(&mut self, value: Value, down: &mut Down<'_>) -> Flow {
        let mut arguments = self.arguments.clone();
        if self.piped
            && let Err(message) = bind::bind_piped(self.cmdlet, &mut arguments, value)
        {
            return self.failed(message, down.env()).await;
        }
        let Run::Each(run) = self.cmdlet.run else { return Ok(()) };
        let ran = {
            let mut down = down.narrow();
            let mut call = Call {
                arguments,
                cmdlet: self.cmdlet,
                preferences: &mut self.preferences,
                piped: self.piped,
                down: &mut down,
            };
            run(&mut call).await
        };
        match ran {
            Ok(()) => Ok(()),
            Err(Failure::Stop(stop)) => Err(stop),
            Err(Failure::Error(message)) => self.failed(message, down.env()).await,
        }
    }

    /// An error about one object.
    async fn failed(&mut self, message: String, env: &Env) -> Flow {
        let text = format!("{}: {message}", self.cmdlet.name);
        if self.preferences.error_variable.is_some() {
            let error = error_record(&text);
            self.preferences.held.hold(&error).await?;
            self.preferences.errors.push(error);
        }
        match self.preferences.on_error {
            Action::Silent => {
                env.variables().note(error_record(&text));
                Ok(())
            }
            Action::Continue => env.error(text).await,
            Action::Stop => Err(env.ending(text, Stop::Failed).await),
        }
    }
}

impl Stage for EachStage {
    fn process<'a>(&'a mut self, value: Value, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(self.call(value, down))
    }

    fn end<'a>(&'a mut self, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        let variables = down.env().variables();
        let Preferences { error_variable, out_variable, errors, results, .. } = &mut self.preferences;
        let mut kept = Ok(());
        if let Some(name) = error_variable {
            kept = variables.keep(name, Value::list(std::mem::take(errors)), 0);
        }
        if let Some(name) = out_variable {
            kept = kept.and(variables.keep(name, Value::from_items(std::mem::take(results)), 0));
        }
        let env = down.env();
        Box::pin(async move {
            match kept {
                Ok(()) => Ok(()),
                Err(message) => Err(env.ending(message.to_owned(), Stop::Broken).await),
            }
        })
    }
}
