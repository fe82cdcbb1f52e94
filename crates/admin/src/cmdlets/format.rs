//! Format-Table, Format-List and ConvertTo-Json.
//!
//! Format- cmdlets give text that can only be shown: piping it to a cmdlet that changes something is an error, as it is
//! in PowerShell, where it is a common mistake. JSON is written entry by entry while the objects come; an empty pipeline
//! is `[]`, because programs that read it expect JSON, where PowerShell prints nothing.

use super::FOR_ALL;
use crate::BoxFuture;
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::output::{self, Columns, Heads, Json, Table, Wrapping};
use crate::run::{Arguments, Down, Env, Flow, Made, Sink, Stage};
use crate::value::Value;

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Format-Table",
        aliases: &["ft"],
        synopsis: "Shows objects as a table.",
        parameters: &[
            parameter("Property", Kind::Any, "Names, patterns, or @{n='Title'; e={…}}.").at(1),
            parameter("AutoSize", Kind::Switch, "Accepted; columns always fit what is in them."),
            parameter("Wrap", Kind::Switch, "Goes on in the next line instead of shortening."),
            parameter("HideTableHeaders", Kind::Switch, "Leaves the titles out."),
        ],
        examples: &[("Get-Mailbox | ft Name,PrimarySmtpAddress", "A table with two columns.")],
        run: Run::Stage(table),
        ..FOR_ALL
    },
    Cmdlet {
        name: "Format-List",
        aliases: &["fl"],
        synopsis: "Shows the properties of objects one below the other.",
        parameters: &[parameter(
            "Property",
            Kind::Any,
            "Names, patterns, or @{n='Title'; e={…}}; usually all.",
        )
        .at(1)],
        examples: &[("Get-PopSettings | fl *ConnectionSettings,*Bindings", "The properties that fit.")],
        run: Run::Stage(list),
        ..FOR_ALL
    },
    Cmdlet {
        name: "ConvertTo-Json",
        synopsis: "Writes objects as JSON: one as an object, several as an array.",
        parameters: &[
            parameter("Depth", Kind::Number, "Levels of lists and objects; deeper ones become text."),
            parameter("Compress", Kind::Switch, "Without blanks and line ends."),
            parameter("AsArray", Kind::Switch, "An array even for one object."),
        ],
        examples: &[("Get-CASMailbox | ConvertTo-Json", "For a program to read.")],
        run: Run::Stage(json),
        ..FOR_ALL
    },
];

/// Format-Table: the first object decides the columns, and the first rows their widths.
struct FormatTable {
    columns: Columns,
    wrapping: Wrapping,
    heads: Heads,
    width: usize,
    current: Option<(Columns, Table)>,
}

fn table(arguments: Arguments, env: &Env) -> Made {
    Ok(Box::new(FormatTable {
        columns: Columns::parse(arguments.value("Property"))?,
        wrapping: if arguments.switch("Wrap") { Wrapping::Wrap } else { Wrapping::Shorten },
        heads: if arguments.switch("HideTableHeaders") { Heads::Hidden } else { Heads::Shown },
        width: env.terminal().width.into(),
        current: None,
    }))
}

/// The columns for a table that begins with this object.
fn chosen(columns: &Columns, value: &Value) -> Columns {
    if !columns.is_empty() {
        return columns.resolved(value);
    }
    match value {
        Value::Object(object) if !object.shape.columns.is_empty() => Columns::named(object.shape.columns),
        _ => Columns::named(&["*"]).resolved(value),
    }
}

impl FormatTable {
    async fn take(&mut self, value: Value, down: &mut Down<'_>) -> Flow {
        let env = down.env().clone();
        let (columns, table) = match &mut self.current {
            Some(current) => current,
            none => {
                let columns = chosen(&self.columns, &value);
                let table = Table::new(columns.titles(), self.width, self.wrapping).with_heads(self.heads);
                none.insert((columns, table))
            }
        };
        let row = columns.pick(&env, &value).await.iter().map(|picked| output::cell(&picked.value)).collect();
        match table.push(row) {
            Some(text) => down.accept(Value::Shown(text.into())).await,
            None => Ok(()),
        }
    }
}

impl Stage for FormatTable {
    fn process<'a>(&'a mut self, value: Value, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(self.take(value, down))
    }

    fn end<'a>(&'a mut self, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            match self.current.take().and_then(|(_, mut table)| table.finish()) {
                Some(text) => down.accept(Value::Shown(text.into())).await,
                None => Ok(()),
            }
        })
    }
}

/// Format-List: each object as it comes.
struct FormatList {
    columns: Columns,
    shown: bool,
}

fn list(arguments: Arguments, _: &Env) -> Made {
    Ok(Box::new(FormatList { columns: Columns::parse(arguments.value("Property"))?, shown: false }))
}

impl Stage for FormatList {
    fn process<'a>(&'a mut self, value: Value, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            let picked = match &value {
                Value::Object(object) if self.columns.is_empty() => output::all(object),
                Value::Object(_) => self.columns.resolved(&value).pick(down.env(), &value).await,
                _ => return down.accept(value).await,
            };
            if picked.is_empty() {
                return Ok(());
            }
            // An empty line between objects.
            let text =
                if self.shown { format!("\n{}", output::list(&picked)) } else { output::list(&picked) };
            self.shown = true;
            down.accept(Value::Shown(text.into())).await
        })
    }
}

/// ConvertTo-Json: writes an entry when the next one has come, for only then it is known what stands behind it.
struct ToJson {
    depth: usize,
    compress: bool,
    array: bool,
    /// Held back, because what stands before and behind it depends on whether another one comes.
    waiting: Option<Value>,
    begun: bool,
}

fn json(arguments: Arguments, _: &Env) -> Made {
    let depth = match arguments.value("Depth") {
        Some(Value::Int(depth)) => {
            usize::try_from(*depth).map_err(|_| "-Depth cannot be negative.".to_owned())?
        }
        _ => 4,
    };
    let (compress, array) = (arguments.switch("Compress"), arguments.switch("AsArray"));
    Ok(Box::new(ToJson { depth: depth.min(100), compress, array, waiting: None, begun: false }))
}

impl ToJson {
    fn text(&self, value: &Value) -> String {
        let json = Json { value, depth: self.depth };
        let text =
            if self.compress { serde_json::to_string(&json) } else { serde_json::to_string_pretty(&json) };
        text.unwrap_or_else(|_| "null".to_owned())
    }

    /// One entry of the array, with what opens it and what follows.
    fn entry(&mut self, value: &Value, closing: &str) -> String {
        let opening = if self.begun { "" } else { "[" };
        self.begun = true;
        let text = self.text(value);
        if self.compress {
            return format!("{opening}{text}{closing}");
        }
        let indented = text.replace('\n', "\n  ");
        match opening {
            "" => format!("  {indented}{closing}"),
            _ => format!("{opening}\n  {indented}{closing}"),
        }
    }

    fn last(&mut self) -> String {
        match self.waiting.take() {
            None => "[]".to_owned(),
            Some(value) if !self.begun && !self.array => self.text(&value),
            Some(value) => self.entry(&value, if self.compress { "]" } else { "\n]" }),
        }
    }
}

impl Stage for ToJson {
    fn process<'a>(&'a mut self, value: Value, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        match self.waiting.replace(value) {
            None => Box::pin(std::future::ready(Ok(()))),
            Some(before) => {
                let text = self.entry(&before, ",");
                down.accept(Value::text(text))
            }
        }
    }

    fn end<'a>(&'a mut self, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        let text = self.last();
        down.accept(Value::text(text))
    }
}
