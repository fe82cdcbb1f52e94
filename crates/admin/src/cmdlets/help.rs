//! Get-Help and Get-Command, from the same definitions that calls are bound by.
//!
//! So help cannot tell of a parameter that does not exist, or be silent about one. There is one length of help text:
//! `-Full` and `-Detailed` are accepted because fingers know them.

use super::{FOR_ALL, all, find, unknown};
use crate::BoxFuture;
use crate::cmdlet::{CHANGING, COMMON, Cmdlet, Effect, Kind, Need, Parameter, Run, Source, parameter};
use crate::run::{Call, Down, Failure, Flow, Sink, Stage, wildcard};
use crate::value::{Object, Shape, Value};
use std::fmt::Write;

static COMMAND: Shape = Shape { name: "Command", columns: &["CommandType", "Name", "Synopsis"] };

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-Help",
        aliases: &["help", "man"],
        synopsis: "Explains a cmdlet.",
        parameters: &[
            parameter("Name", Kind::Text, "The cmdlet.").at(1),
            parameter("Full", Kind::Switch, "Accepted; everything is always shown."),
            parameter("Detailed", Kind::Switch, "Accepted; everything is always shown."),
            parameter("Examples", Kind::Switch, "Only the examples."),
            parameter("Parameter", Kind::Text, "Only this parameter; * and ? stand for letters."),
        ],
        examples: &[
            ("Get-Help Set-PopSettings", "Explains it."),
            ("Get-Help Set-PopSettings -Examples", "Lines to try."),
        ],
        run: Run::Each(|call| Box::pin(help(call))),
        ..FOR_ALL
    },
    Cmdlet {
        name: "Get-Command",
        aliases: &["gcm"],
        synopsis: "Lists the cmdlets.",
        parameters: &[
            parameter("Name", Kind::Text, "Only names that fit; * and ? stand for letters.").at(1),
            parameter("Noun", Kind::Text, "Only those with this part behind the dash."),
            parameter("Verb", Kind::Text, "Only those with this part before the dash."),
        ],
        examples: &[("Get-Command *Mailbox*", "Lists what there is for mailboxes.")],
        run: Run::Each(|call| Box::pin(commands(call))),
        ..FOR_ALL
    },
];

async fn commands(call: &mut Call<'_>) -> Result<(), Failure> {
    let pattern = |name: &str| call.arguments.text(name).unwrap_or_else(|| "*".to_owned());
    let (name, noun, verb) = (pattern("Name"), pattern("Noun"), pattern("Verb"));
    let fits = |cmdlet: &&Cmdlet| {
        wildcard::fits(&name, cmdlet.name)
            && wildcard::fits(&noun, cmdlet.noun())
            && wildcard::fits(&verb, cmdlet.verb())
    };
    let mut found: Vec<&Cmdlet> = all().filter(fits).collect();
    found.extend(find(&name).filter(|_| found.is_empty()));
    if found.is_empty() && !wildcard::is_pattern(&name) {
        return Err(unknown(&name).into());
    }
    found.sort_by_key(|cmdlet| cmdlet.name);
    for cmdlet in found {
        let object = Object::plain(&COMMAND)
            .with("CommandType", "Cmdlet")
            .with("Name", cmdlet.name)
            .with("Synopsis", cmdlet.synopsis);
        call.emit(object).await?;
    }
    Ok(())
}

async fn help(call: &mut Call<'_>) -> Result<(), Failure> {
    let Some(name) = call.arguments.text("Name") else {
        call.emit(OVERVIEW).await?;
        return Ok(());
    };
    let cmdlet = find(&name).ok_or_else(|| unknown(&name))?;
    let text = if call.arguments.switch("Examples") {
        examples(cmdlet)
    } else if let Some(pattern) = call.arguments.text("Parameter") {
        let fits = |parameter: &&'static Parameter| wildcard::fits(&pattern, parameter.name);
        let found: Vec<String> = cmdlet.all_parameters().filter(fits).map(explain).collect();
        if found.is_empty() {
            return Err(format!("{} has no parameter '{pattern}'.", cmdlet.name).into());
        }
        found.join("\n")
    } else {
        whole(cmdlet)
    };
    call.emit(text.trim_end()).await?;
    Ok(())
}

const OVERVIEW: &str = "\
Get-Command lists the cmdlets; Get-Help NAME explains one.

To begin with:
    Get-Mailbox                          the mailboxes
    Get-CASMailbox                       which protocols they may use
    Get-Service                          the services, and whether they run
    Get-PopSettings | Format-List        the settings of POP3
    Get-ClientSettings                   what users enter into their mail programs";

/// Everything about a cmdlet.
fn whole(cmdlet: &'static Cmdlet) -> String {
    let mut text = format!("{}\n    {}\n\nSYNTAX\n    {}\n", cmdlet.name, cmdlet.synopsis, syntax(cmdlet));
    if !cmdlet.aliases.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, "\nALIASES\n    {}\n", cmdlet.aliases.join(", "));
    }
    if !cmdlet.parameters.is_empty() {
        text.push_str("\nPARAMETERS\n");
        for parameter in cmdlet.parameters {
            text.push_str(&explain(parameter));
            text.push('\n');
        }
    }
    let others = if cmdlet.effect == Effect::Reads { &[] } else { CHANGING };
    let others: Vec<String> =
        others.iter().chain(COMMON).map(|parameter| format!("-{}", parameter.name)).collect();
    let _ = write!(text, "\nAND\n    {}\n\n{}", others.join(", "), examples(cmdlet));
    text
}

/// `Get-X [[-Identity] <String>] [-Filter <Filter>]`
fn syntax(cmdlet: &'static Cmdlet) -> String {
    let mut parts = vec![cmdlet.name.to_owned()];
    for parameter in cmdlet.parameters {
        let name = match parameter.position {
            Some(_) => format!("[-{}]", parameter.name),
            None => format!("-{}", parameter.name),
        };
        let whole = match parameter.kind {
            Kind::Switch => name,
            kind => format!("{name} <{}>", kind.describe()),
        };
        parts.push(if parameter.need == Need::Mandatory { whole } else { format!("[{whole}]") });
    }
    parts.join(" ")
}

/// A parameter with what can be said about it.
fn explain(parameter: &'static Parameter) -> String {
    let mut text =
        format!("    -{} <{}>\n        {}", parameter.name, parameter.kind.describe(), parameter.help);
    let mut remarks = Vec::new();
    if !parameter.values.is_empty() {
        remarks.push(format!("One of: {}.", parameter.values.join(", ")));
    }
    if parameter.need == Need::Mandatory {
        remarks.push("Must be given.".to_owned());
    }
    if parameter.source == Source::Pipeline {
        remarks.push("Objects can be piped to it.".to_owned());
    }
    if !parameter.aliases.is_empty() {
        remarks.push(format!("Also: -{}.", parameter.aliases.join(", -")));
    }
    for remark in remarks {
        text.push_str("\n        ");
        text.push_str(&remark);
    }
    text
}

fn examples(cmdlet: &'static Cmdlet) -> String {
    let shown = cmdlet.examples.iter().map(|(line, what)| format!("    {line}\n        {what}\n"));
    format!("EXAMPLES\n{}", shown.collect::<String>())
}

/// `Get-X -?` explains instead of doing.
pub fn help_stage(cmdlet: &'static Cmdlet) -> impl Stage {
    HelpStage(cmdlet)
}

struct HelpStage(&'static Cmdlet);

impl Stage for HelpStage {
    fn process<'a>(&'a mut self, _: Value, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        let text = whole(self.0);
        down.accept(Value::text(text.trim_end()))
    }
}
