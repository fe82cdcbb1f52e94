//! Where-, Select-, Sort-, ForEach-, Measure- and Group-Object, and Out-Null.
//!
//! Each is a stage of the pipeline that sees one object at a time. All but Sort-Object, `Select-Object -Last` and
//! `-Unique` pass objects on or forget them, so memory does not grow with their number; what those keep is limited. An error in a script block is
//! shown with its place and ends the pipeline.

use super::FOR_ALL;
use crate::BoxFuture;
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::grammar::{Binary, Block};
use crate::output::{Columns, Picked};
use crate::run::{
    Arguments, Down, Env, Failure, Flow, Held, Made, Sink, Stage, Stop, binary, block_value, compare, equal,
    run_block,
};
use crate::value::{Object, SELECTED, Shape, Value};
use std::cmp::Ordering;
use std::sync::Arc;

/// Operators that `where Property -eq value` has as switches.
const COMPARISONS: [(&str, Binary); 14] = [
    ("EQ", Binary::Eq),
    ("NE", Binary::Ne),
    ("GT", Binary::Gt),
    ("GE", Binary::Ge),
    ("LT", Binary::Lt),
    ("LE", Binary::Le),
    ("Like", Binary::Like),
    ("NotLike", Binary::NotLike),
    ("Match", Binary::Match),
    ("NotMatch", Binary::NotMatch),
    ("Contains", Binary::Contains),
    ("NotContains", Binary::NotContains),
    ("In", Binary::In),
    ("NotIn", Binary::NotIn),
];

const fn comparison(name: &'static str) -> Parameter {
    parameter(name, Kind::Switch, "Compares the property with the value.")
}

const PROPERTY: Parameter =
    parameter("Property", Kind::Any, "Names of properties; * stands for letters.").at(1);

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Where-Object",
        aliases: &["where", "?"],
        synopsis: "Lets those objects through for which something holds.",
        parameters: &[
            parameter("Property", Kind::Any, "A script block, or the name of a property.")
                .alias(&["FilterScript"])
                .at(1)
                .mandatory(),
            parameter("Value", Kind::Any, "What the property is compared with.").at(2),
            comparison("EQ"),
            comparison("NE"),
            comparison("GT"),
            comparison("GE"),
            comparison("LT"),
            comparison("LE"),
            comparison("Like"),
            comparison("NotLike"),
            comparison("Match"),
            comparison("NotMatch"),
            comparison("Contains"),
            comparison("NotContains"),
            comparison("In"),
            comparison("NotIn"),
        ],
        examples: &[
            ("Get-CASMailbox | where {$_.PopEnabled -eq $true}", "Lists mailboxes that may use POP3."),
            ("Get-CASMailbox | where PopEnabled -eq $true", "The same, shorter."),
        ],
        run: Run::Stage(where_object),
        ..FOR_ALL
    },
    Cmdlet {
        name: "Select-Object",
        aliases: &["select"],
        synopsis: "Keeps some properties, or some objects.",
        parameters: &[
            PROPERTY,
            parameter("ExpandProperty", Kind::Text, "Gives the values of this property instead of objects."),
            parameter("First", Kind::Number, "Only so many from the beginning."),
            parameter("Last", Kind::Number, "Only so many from the end."),
            parameter("Skip", Kind::Number, "Passes over so many at the beginning."),
            parameter("Unique", Kind::Switch, "Leaves out what was there already."),
        ],
        examples: &[(
            "Get-Mailbox | select Name,PrimarySmtpAddress -First 5",
            "Two properties of the first five.",
        )],
        run: Run::Stage(select_object),
        ..FOR_ALL
    },
    Cmdlet {
        name: "Sort-Object",
        aliases: &["sort"],
        synopsis: "Sorts objects; all of them are kept in memory until the last has come.",
        parameters: &[
            PROPERTY,
            parameter("Descending", Kind::Switch, "The greatest first."),
            parameter("Unique", Kind::Switch, "Leaves out what compares as the one before."),
        ],
        examples: &[("Get-Mailbox | sort WhenCreated -Descending", "The newest mailboxes first.")],
        run: Run::Stage(sort_object),
        ..FOR_ALL
    },
    Cmdlet {
        name: "ForEach-Object",
        aliases: &["foreach", "%"],
        synopsis: "Does something for each object, which is $_.",
        parameters: &[
            parameter("Process", Kind::Any, "A script block, or the name of a property.").at(1).mandatory(),
            parameter("Begin", Kind::Block, "Runs before the first object."),
            parameter("End", Kind::Block, "Runs after the last object."),
        ],
        examples: &[(
            "Get-Mailbox | foreach {Set-CASMailbox $_.Identity -PopEnabled $false}",
            "Takes POP3 away from each.",
        )],
        run: Run::Stage(for_each_object),
        ..FOR_ALL
    },
    Cmdlet {
        name: "Measure-Object",
        aliases: &["measure"],
        synopsis: "Counts objects and adds up their properties.",
        parameters: &[
            parameter("Property", Kind::Text, "The property to add up.").at(1),
            parameter("Sum", Kind::Switch, "Adds up."),
            parameter("Average", Kind::Switch, "Gives the average."),
            parameter("Maximum", Kind::Switch, "Gives the greatest."),
            parameter("Minimum", Kind::Switch, "Gives the least."),
        ],
        examples: &[("Get-Mailbox | measure", "Counts the mailboxes.")],
        run: Run::Stage(measure_object),
        ..FOR_ALL
    },
    Cmdlet {
        name: "Group-Object",
        aliases: &["group"],
        synopsis: "Counts objects by the value of a property.",
        parameters: &[parameter("Property", Kind::Text, "The property.").at(1).mandatory()],
        examples: &[("Get-CASMailbox | group PopEnabled", "How many may use POP3, and how many may not.")],
        run: Run::Stage(group_object),
        ..FOR_ALL
    },
    Cmdlet {
        name: "Out-Null",
        synopsis: "Shows nothing.",
        examples: &[(
            "New-AcceptedDomain Sales -DomainName sales.example.test | Out-Null",
            "Does not show what was made.",
        )],
        run: Run::Stage(|_, _| Ok(Box::new(Nothing))),
        ..FOR_ALL
    },
];

/// Runs a block for a stage; an error in it is shown and ends the pipeline.
async fn block(block: &Block, value: Value, sink: &mut dyn Sink, env: &Env) -> Flow {
    match run_block(env, block, value, sink).await {
        Ok(()) => Ok(()),
        Err(halt) => env.halted(halt).await,
    }
}

/// Where-Object: a block, or a property with an operator and a value. Without an operator the property itself decides.
struct Where {
    block: Option<Arc<Block>>,
    property: String,
    operator: Option<Binary>,
    value: Value,
}

fn where_object(arguments: Arguments, _: &Env) -> Made {
    let chosen = COMPARISONS.iter().find(|(name, _)| arguments.switch(name)).map(|(_, operator)| *operator);
    let value = arguments.value("Value").cloned().unwrap_or_default();
    let (block, property) = match arguments.value("Property") {
        Some(Value::Block(block)) => (Some(block.clone()), String::new()),
        Some(name) => (None, name.to_string()),
        None => (None, String::new()),
    };
    Ok(Box::new(Where { block, property, operator: chosen, value }))
}

impl Where {
    async fn holds(&self, value: &Value, env: &Env) -> Result<bool, Stop> {
        if let Some(script) = &self.block {
            return match block_value(env, script, value.clone()).await {
                Ok(value) => Ok(value.truth()),
                Err(halt) => env.halted(halt).await.map(|()| false),
            };
        }
        let property = value.property(&self.property);
        Ok(match self.operator {
            None => property.truth(),
            Some(operator) => binary(operator, property, self.value.clone()).is_ok_and(|value| value.truth()),
        })
    }
}

impl Stage for Where {
    fn process<'a>(&'a mut self, value: Value, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            if self.holds(&value, down.env()).await? { down.accept(value).await } else { Ok(()) }
        })
    }
}

/// Select-Object. `-First` ends the whole pipeline once it has enough, so that nothing is made in vain; `-Last` keeps only
/// as many as it will give.
struct Select {
    columns: Columns,
    expand: Option<String>,
    first: Option<usize>,
    last: Option<usize>,
    skip: usize,
    unique: bool,
    passed: usize,
    seen: Vec<Value>,
    tail: std::collections::VecDeque<Value>,
    held: Held,
}

/// A count among the arguments.
fn number(arguments: &Arguments, name: &str) -> Result<Option<usize>, Failure> {
    match arguments.value(name) {
        None => Ok(None),
        Some(Value::Int(value)) => {
            usize::try_from(*value).map(Some).map_err(|_| format!("-{name} cannot be negative.").into())
        }
        Some(other) => Err(format!("-{name} is a number, not '{other}'.").into()),
    }
}

fn select_object(arguments: Arguments, env: &Env) -> Made {
    Ok(Box::new(Select {
        columns: Columns::parse(arguments.value("Property"))?,
        expand: arguments.text("ExpandProperty"),
        first: number(&arguments, "First")?,
        last: number(&arguments, "Last")?,
        skip: number(&arguments, "Skip")?.unwrap_or_default(),
        unique: arguments.switch("Unique"),
        passed: 0,
        seen: Vec::new(),
        tail: Default::default(),
        held: env.gather(),
    }))
}

impl Select {
    async fn pass(&mut self, value: Value, down: &mut Down<'_>) -> Flow {
        let shown = if self.columns.is_empty() {
            value.clone()
        } else {
            let picked = self.columns.resolved(&value).pick(down.env(), &value).await;
            selected(&value, picked)
        };
        if self.unique {
            if self.seen.iter().any(|known| *known == shown || equal(known, &shown)) {
                return Ok(());
            }
            self.held.hold(&shown).await?;
            self.seen.push(shown.clone());
        }
        match &self.expand {
            Some(name) => {
                for item in value.property(name).items() {
                    down.accept(item).await?;
                }
                Ok(())
            }
            None => down.accept(shown).await,
        }
    }

    async fn take(&mut self, value: Value, down: &mut Down<'_>) -> Flow {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        if let Some(last) = self.last {
            self.held.hold(&value).await?;
            self.tail.push_back(value);
            if self.tail.len() > last
                && let Some(first) = self.tail.pop_front()
            {
                self.held.forget(&first);
            }
            return Ok(());
        }
        if self.first.is_some_and(|first| self.passed >= first) {
            return Err(Stop::Enough);
        }
        self.passed += 1;
        self.pass(value, down).await?;
        // The last one that is wanted ends the pipeline, so that nothing more is made.
        if self.first.is_some_and(|first| self.passed >= first) { Err(Stop::Enough) } else { Ok(()) }
    }
}

/// An object with some properties; its identity goes along, so that it can still be piped on.
fn selected(value: &Value, picked: Vec<Picked>) -> Value {
    let identity = if let Value::Object(object) = value { object.identity.clone() } else { None };
    let properties = picked.into_iter().map(|column| (column.name.into(), column.value)).collect();
    Value::from(Object { shape: &SELECTED, identity, properties })
}

impl Stage for Select {
    fn process<'a>(&'a mut self, value: Value, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(self.take(value, down))
    }

    fn end<'a>(&'a mut self, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            while let Some(value) = self.tail.pop_front() {
                self.pass(value, down).await?;
            }
            Ok(())
        })
    }
}

/// Sort-Object: keeps everything until the end. Equal objects stay in their order.
struct Sort {
    columns: Columns,
    descending: bool,
    unique: bool,
    all: Vec<(Vec<Value>, Value)>,
    held: Held,
}

fn sort_object(arguments: Arguments, env: &Env) -> Made {
    let columns = Columns::parse(arguments.value("Property"))?;
    let (descending, unique) = (arguments.switch("Descending"), arguments.switch("Unique"));
    Ok(Box::new(Sort { columns, descending, unique, all: Vec::new(), held: env.gather() }))
}

/// Which comes first by all keys; what cannot be compared is taken as equal, so that sorting never fails.
fn order(left: &[Value], right: &[Value]) -> Ordering {
    let unequal = |(left, right)| compare(left, right).filter(|order| order.is_ne());
    left.iter().zip(right).find_map(unequal).unwrap_or(Ordering::Equal)
}

impl Stage for Sort {
    fn process<'a>(&'a mut self, value: Value, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            let keys = match self.columns.is_empty() {
                true => vec![value.clone()],
                false => {
                    self.columns.pick(down.env(), &value).await.into_iter().map(|key| key.value).collect()
                }
            };
            for kept in keys.iter().chain([&value]) {
                self.held.hold(kept).await?;
            }
            self.all.push((keys, value));
            Ok(())
        })
    }

    fn end<'a>(&'a mut self, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            let descending = self.descending;
            self.all.sort_by(
                |(left, _), (right, _)| if descending { order(right, left) } else { order(left, right) },
            );
            let mut before: Option<Vec<Value>> = None;
            for (keys, value) in std::mem::take(&mut self.all) {
                let again = before.as_ref().is_some_and(|before| order(before, &keys).is_eq());
                if !(self.unique && again) {
                    down.accept(value).await?;
                }
                before = Some(keys);
            }
            Ok(())
        })
    }
}

/// ForEach-Object: a block for each object, or the name of a property to give.
struct ForEach {
    process: Value,
    begin: Option<Arc<Block>>,
    end: Option<Arc<Block>>,
}

fn for_each_object(arguments: Arguments, _: &Env) -> Made {
    let given = |name: &str| match arguments.value(name) {
        Some(Value::Block(block)) => Some(block.clone()),
        _ => None,
    };
    let process = arguments.value("Process").cloned().unwrap_or_default();
    Ok(Box::new(ForEach { process, begin: given("Begin"), end: given("End") }))
}

impl Stage for ForEach {
    fn process<'a>(&'a mut self, value: Value, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            let env = down.env().clone();
            if let Some(begin) = self.begin.take() {
                block(&begin, Value::Null, down, &env).await?;
            }
            match &self.process {
                Value::Block(process) => block(process, value, down, &env).await,
                name => down.accept(value.property(&name.to_string())).await,
            }
        })
    }

    fn end<'a>(&'a mut self, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            let env = down.env().clone();
            for script in [self.begin.take(), self.end.take()].into_iter().flatten() {
                block(&script, Value::Null, down, &env).await?;
            }
            Ok(())
        })
    }
}

static MEASURE: Shape = Shape { name: "Measure", columns: &[] };

/// Measure-Object: running totals only. Sizes count as octets.
struct Measure {
    property: Option<String>,
    wanted: Vec<&'static str>,
    count: i64,
    numbers: i64,
    sum: Value,
    greatest: Value,
    least: Value,
}

fn measure_object(arguments: Arguments, _: &Env) -> Made {
    let wanted =
        ["Average", "Sum", "Maximum", "Minimum"].into_iter().filter(|name| arguments.switch(name)).collect();
    let property = arguments.text("Property");
    let (sum, greatest, least) = (Value::Null, Value::Null, Value::Null);
    Ok(Box::new(Measure { property, wanted, count: 0, numbers: 0, sum, greatest, least }))
}

impl Measure {
    fn take(&mut self, value: &Value) {
        let value = self.property.as_ref().map_or_else(|| value.clone(), |name| value.property(name));
        if self.property.is_some() && matches!(value, Value::Null) {
            return;
        }
        self.count += 1;
        if let Ok(sum) = binary(Binary::Add, Value::Int(0), value.clone())
            .and_then(|number| binary(Binary::Add, self.sum.clone(), number))
        {
            self.sum = sum;
            self.numbers += 1;
        }
        if matches!(self.greatest, Value::Null) || compare(&value, &self.greatest) == Some(Ordering::Greater)
        {
            self.greatest = value.clone();
        }
        if matches!(self.least, Value::Null) || compare(&value, &self.least) == Some(Ordering::Less) {
            self.least = value;
        }
    }

    fn result(&self) -> Object {
        let mut result = Object::plain(&MEASURE).with("Count", Value::Int(self.count));
        for name in &self.wanted {
            result = result.with(
                *name,
                match *name {
                    "Sum" => self.sum.clone(),
                    "Average" => {
                        binary(Binary::Divide, self.sum.clone(), Value::Int(self.numbers)).unwrap_or_default()
                    }
                    "Maximum" => self.greatest.clone(),
                    _ => self.least.clone(),
                },
            );
        }
        match &self.property {
            Some(property) => result.with("Property", property),
            None => result,
        }
    }
}

impl Stage for Measure {
    fn process<'a>(&'a mut self, value: Value, _: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        self.take(&value);
        Box::pin(std::future::ready(Ok(())))
    }

    fn end<'a>(&'a mut self, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        down.accept(self.result().into())
    }
}

static GROUP: Shape = Shape { name: "Group", columns: &["Count", "Name"] };

/// Keeps a count for each value, not the objects.
struct Group {
    property: String,
    counts: Vec<(Value, i64)>,
    held: Held,
}

fn group_object(arguments: Arguments, env: &Env) -> Made {
    let property = arguments.text("Property").unwrap_or_default();
    Ok(Box::new(Group { property, counts: Vec::new(), held: env.gather() }))
}

impl Stage for Group {
    fn process<'a>(&'a mut self, value: Value, _: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            let value = value.property(&self.property);
            if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| equal(known, &value)) {
                *count += 1;
                return Ok(());
            }
            self.held.hold(&value).await?;
            self.counts.push((value, 1));
            Ok(())
        })
    }

    fn end<'a>(&'a mut self, down: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            for (value, count) in std::mem::take(&mut self.counts) {
                let group =
                    Object::plain(&GROUP).with("Count", Value::Int(count)).with("Name", value.to_string());
                down.accept(group.into()).await?;
            }
            Ok(())
        })
    }
}

/// Out-Null: takes all and gives nothing.
struct Nothing;

impl Stage for Nothing {
    fn process<'a>(&'a mut self, _: Value, _: &'a mut Down<'_>) -> BoxFuture<'a, Flow> {
        Box::pin(std::future::ready(Ok(())))
    }
}
