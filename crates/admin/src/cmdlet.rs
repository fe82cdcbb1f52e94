//! Cmdlets as data: one definition serves binding, help, lists of commands, and suggestions.

use crate::BoxFuture;
use crate::run::{Arguments, Call, Env, Failure, Made};
use directory::Role;

/// A cmdlet.
pub struct Cmdlet {
    /// `Get-Mailbox`
    pub name: &'static str,
    /// `gm`
    pub aliases: &'static [&'static str],
    /// What it does, in a sentence.
    pub synopsis: &'static str,
    /// Its own parameters; those that many have come on top.
    pub parameters: &'static [Parameter],
    /// Types of object that can be piped to it; none where it takes whatever comes.
    pub accepts: &'static [&'static str],
    /// Lines to try, with what they do.
    pub examples: &'static [(&'static str, &'static str)],
    /// Whether it changes something.
    pub effect: Effect,
    /// The least role that may call it; what it then may see and change, `policy` judges once more for each object.
    pub role: Role,
    /// What it does.
    pub run: Run,
}

/// Whether a cmdlet changes something, and how carefully.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It only reads.
    Reads,
    /// It changes something: -WhatIf and -Confirm are known.
    Changes,
    /// It takes away: it asks first.
    Removes,
}

/// How a cmdlet is run.
pub enum Run {
    /// Once, or once for each object piped to it.
    Each(for<'a, 'b> fn(&'a mut Call<'b>) -> BoxFuture<'a, Result<(), Failure>>),
    /// As a part of the pipeline that sees all objects.
    Stage(fn(Arguments, &Env) -> Made),
}

/// A parameter.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// Without the dash.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// What it takes.
    pub kind: Kind,
    /// From 1, where its name can be left out.
    pub position: Option<u8>,
    /// Whether there must be a value.
    pub need: Need,
    /// Where a value can come from.
    pub source: Source,
    /// Legal values, where they are few.
    pub values: &'static [&'static str],
    /// What it is for.
    pub help: &'static str,
}

/// Whether a parameter must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It may be left out.
    Optional,
    /// It must be given.
    Mandatory,
}

/// Where a parameter's value can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The arguments.
    Arguments,
    /// The arguments, or an object piped to the cmdlet.
    Pipeline,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One value as text; the cmdlet knows more. `$null` clears.
    Text,
    /// A whole number.
    Number,
    /// `$true` or `$false`.
    Bool,
    /// There or not.
    Switch,
    /// A list of texts, or `@{Add=…; Remove=…}`.
    List,
    /// A SecureString.
    Secret,
    /// A condition, as text in quotes or braces.
    Filter,
    /// A script block.
    Block,
    /// Anything.
    Any,
}

impl Kind {
    /// How help names it.
    pub fn describe(self) -> &'static str {
        match self {
            Kind::Text => "String",
            Kind::Number => "Int32",
            Kind::Bool => "Boolean",
            Kind::Switch => "SwitchParameter",
            Kind::List => "MultiValuedProperty",
            Kind::Secret => "SecureString",
            Kind::Filter => "Filter",
            Kind::Block => "ScriptBlock",
            Kind::Any => "Object",
        }
    }
}

/// A parameter that takes one value by its name.
pub const fn parameter(name: &'static str, kind: Kind, help: &'static str) -> Parameter {
    Parameter {
        name,
        aliases: &[],
        kind,
        position: None,
        need: Need::Optional,
        source: Source::Arguments,
        values: &[],
        help,
    }
}

impl Parameter {
    /// Its name may be left out at this position, from 1.
    pub const fn at(self, position: u8) -> Parameter {
        Parameter { position: Some(position), ..self }
    }

    /// It must be given.
    pub const fn mandatory(self) -> Parameter {
        Parameter { need: Need::Mandatory, ..self }
    }

    /// Objects can be piped to it.
    pub const fn piped(self) -> Parameter {
        Parameter { source: Source::Pipeline, ..self }
    }

    /// It has other names.
    pub const fn alias(self, aliases: &'static [&'static str]) -> Parameter {
        Parameter { aliases, ..self }
    }

    /// It takes one of these.
    pub const fn one_of(self, values: &'static [&'static str]) -> Parameter {
        Parameter { values, ..self }
    }
}

const ACTIONS: &[&str] = &["Continue", "SilentlyContinue", "Stop", "Ignore", "Inquire"];

/// Parameters of all cmdlets.
pub static COMMON: &[Parameter] = &[
    parameter("Verbose", Kind::Switch, "Tells more.").alias(&["vb"]),
    parameter("Debug", Kind::Switch, "Accepted; has no effect.").alias(&["db"]),
    parameter("ErrorAction", Kind::Text, "What follows an error.").alias(&["ea"]).one_of(ACTIONS),
    parameter("WarningAction", Kind::Text, "What follows a warning.").alias(&["wa"]).one_of(ACTIONS),
    parameter("ErrorVariable", Kind::Text, "The variable that gets the errors.").alias(&["ev"]),
    parameter("OutVariable", Kind::Text, "The variable that gets the results.").alias(&["ov"]),
];

/// Parameters of cmdlets that change something.
pub static CHANGING: &[Parameter] = &[
    parameter("WhatIf", Kind::Switch, "Says what would be done, and does nothing.").alias(&["wi"]),
    parameter("Confirm", Kind::Switch, "Asks before it does something; -Confirm:$false never asks.")
        .alias(&["cf"]),
];

impl Cmdlet {
    /// All its parameters, its own first.
    pub fn all_parameters(&self) -> impl Iterator<Item = &'static Parameter> {
        let changing = if self.effect == Effect::Reads { &[] } else { CHANGING };
        self.parameters.iter().chain(changing).chain(COMMON)
    }

    /// The parameters that this name can mean: the one that has it, as name or other name, else those that begin so.
    pub fn parameters_named(&self, name: &str) -> Vec<&'static Parameter> {
        let names = |parameter: &'static Parameter| std::iter::once(&parameter.name).chain(parameter.aliases);
        let exact =
            |parameter: &&'static Parameter| names(parameter).any(|known| known.eq_ignore_ascii_case(name));
        if let Some(parameter) = self.all_parameters().find(exact) {
            return vec![parameter];
        }
        let wanted = name.to_ascii_lowercase();
        let begun = |parameter: &&'static Parameter| {
            names(parameter).any(|known| known.to_ascii_lowercase().starts_with(&wanted))
        };
        self.all_parameters().filter(begun).collect()
    }

    /// The part of its name before the dash.
    pub fn verb(&self) -> &'static str {
        self.name.split('-').next().unwrap_or(self.name)
    }

    /// The part of its name after the dash.
    pub fn noun(&self) -> &'static str {
        self.name.split_once('-').map_or("", |(_, noun)| noun)
    }
}
