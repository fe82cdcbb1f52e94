//! What every part of a running shell shares: the context, variables, and the way to the reader of the output.
//!
//! Text goes through a short channel to the caller's `Output`, so that cmdlets need no borrowed writer and still wait
//! for a slow reader.

use crate::together::Unsaved;
use crate::value::Value;
use crate::{Channel, Context, Question, Terminal};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Shared by all parts of one run. Cheap to clone.
#[derive(Clone)]
pub struct Env(Arc<Inner>);

struct Inner {
    context: Context,
    terminal: Terminal,
    variables: Variables,
    messages: mpsc::Sender<Message>,
    failed: AtomicBool,
    depth: AtomicUsize,
    held: AtomicUsize,
    unsaved: Mutex<VecDeque<Unsaved>>,
}

/// Changes of a pipeline that may be on their way to the disk at a time.
const UNSAVED: usize = 256;

/// Octets that all values of a shell may take, about: its variables, and what is gathered while something runs.
pub const MOST: usize = 256 << 20;

/// What is said where there would be more.
pub const FULL: &str = "The values of this shell would take more than 256 MiB of memory. Let objects pass through a \
                        pipeline instead of gathering them, or set variables that are not needed any more to $null.";

/// Values that are gathered, as long as this is kept.
pub struct Held {
    env: Env,
    octets: usize,
}

impl Held {
    /// One more, if there is room for it.
    pub fn add(&mut self, value: &Value) -> Result<(), &'static str> {
        let weight = value.weight().min(MOST);
        self.octets += weight;
        let before = self.env.0.held.fetch_add(weight, Ordering::Relaxed);
        if before + weight + self.env.variables().octets() < MOST { Ok(()) } else { Err(FULL) }
    }

    /// The same for a part of a pipeline. Without room everything ends: half of the objects are not for what follows.
    pub async fn hold(&mut self, value: &Value) -> Result<(), Stop> {
        let Err(message) = self.add(value) else { return Ok(()) };
        self.env.show(Channel::Error, message).await?;
        Err(Stop::Failed)
    }

    /// One less.
    pub fn forget(&mut self, value: &Value) {
        let weight = value.weight().min(MOST);
        self.octets -= weight;
        self.env.0.held.fetch_sub(weight, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.env.0.held.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

/// Calls within calls of what evaluates a text. The text itself has fewer levels than that, but a block in a variable
/// can call itself. Half the stack of a thread of the server is enough for so many.
const DEEPEST: usize = 400;

/// One level, as long as this is kept.
pub struct Level<'e>(&'e AtomicUsize);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The variables of a shell; they outlive its runs.
#[derive(Clone, Default)]
pub struct Variables(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// Each with its weight.
    values: HashMap<String, (Value, usize)>,
    /// The sum of the weights.
    octets: usize,
}

impl Kept {
    fn put(&mut self, name: &str, value: Value, weight: usize) -> (Value, usize) {
        let before = self.values.insert(name.to_lowercase(), (value, weight)).unwrap_or_default();
        self.octets = (self.octets + weight).saturating_sub(before.1);
        before
    }
}

impl Variables {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A variable's value, null where there is none.
    pub fn get(&self, name: &str) -> Value {
        self.lock().values.get(&name.to_lowercase()).map(|(value, _)| value.clone()).unwrap_or_default()
    }

    /// The names of all that have a value.
    pub fn names(&self) -> Vec<String> {
        let kept = self.lock();
        let set = kept.values.iter().filter(|(_, (value, _))| !matches!(value, Value::Null));
        set.map(|(name, _)| name.clone()).collect()
    }

    /// Sets a variable for as long as what is returned is kept, however that ends.
    pub fn lend(&self, name: &'static str, value: Value) -> Lent<'_> {
        Lent { variables: self, name, before: self.lock().put(name, value, 0) }
    }

    /// Sets a variable.
    pub fn set(&self, name: &str, value: Value) {
        let weight = value.weight().min(MOST);
        self.lock().put(name, value, weight);
    }

    fn octets(&self) -> usize {
        self.lock().octets
    }
}

/// A variable that will be again what it was.
pub struct Lent<'v> {
    variables: &'v Variables,
    name: &'static str,
    before: (Value, usize),
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let (value, weight) = std::mem::take(&mut self.before);
        self.variables.lock().put(self.name, value, weight);
    }
}

/// What goes to the reader of the output.
pub enum Message {
    /// Text to show.
    Text(Channel, String),
    /// A question, and where the answer goes.
    Ask(Question, oneshot::Sender<String>),
}

/// Why running stops before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Who gets the output of this pipeline wants no more.
    Enough,
    /// The same, for the pipeline around this one.
    EnoughOutside,
    /// Nobody reads the output.
    Gone,
    /// An error that ends everything has been shown.
    Failed,
    /// `exit`, with this code.
    Exit(u8),
}

impl Env {
    pub fn new(
        context: Context,
        terminal: Terminal,
        variables: Variables,
        messages: mpsc::Sender<Message>,
    ) -> Env {
        let (failed, depth, held) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
        let unsaved = Mutex::default();
        Env(Arc::new(Inner { context, terminal, variables, messages, failed, depth, held, unsaved }))
    }

    /// Goes on while a change of a pipeline is saved; waits for older ones where there are many.
    pub async fn pass_unsaved(&self, unsaved: Unsaved) -> Result<(), Stop> {
        self.unsaved().push_back(unsaved);
        self.all_saved_but(UNSAVED).await
    }

    /// Waits until all changes are saved but the last so many; shows which of them are not.
    pub async fn all_saved_but(&self, last: usize) -> Result<(), Stop> {
        loop {
            let oldest = {
                let mut waiting = self.unsaved();
                if waiting.len() > last { waiting.pop_front() } else { None }
            };
            let Some(oldest) = oldest else { return Ok(()) };
            let cmdlet = oldest.cmdlet;
            if let Err(why) = oldest.saved().await {
                self.show(Channel::Error, format!("{cmdlet}: {why}")).await?;
            }
        }
    }

    fn unsaved(&self) -> MutexGuard<'_, VecDeque<Unsaved>> {
        self.0.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to gather values.
    pub fn gather(&self) -> Held {
        Held { env: self.clone(), octets: 0 }
    }

    /// Sets a variable, if there is room for its value.
    pub fn keep(&self, name: &str, value: Value) -> Result<(), &'static str> {
        let weight = value.weight().min(MOST);
        let held = self.0.held.load(Ordering::Relaxed);
        let mut kept = self.variables().lock();
        let before = kept.values.get(&name.to_lowercase()).map_or(0, |(_, weight)| *weight);
        if kept.octets - before + weight + held >= MOST {
            return Err(FULL);
        }
        kept.put(name, value, weight);
        Ok(())
    }

    /// Goes one level deeper, if there is room for it on the stack.
    pub fn deeper(&self) -> Result<Level<'_>, &'static str> {
        let level = Level(&self.0.depth);
        if level.0.fetch_add(1, Ordering::Relaxed) < DEEPEST {
            return Ok(level);
        }
        Err("Too many blocks, expressions and parts of pipelines are called within each other here.")
    }

    pub fn context(&self) -> &Context {
        &self.0.context
    }

    pub fn terminal(&self) -> Terminal {
        self.0.terminal
    }

    pub fn variables(&self) -> &Variables {
        &self.0.variables
    }

    /// Whether an error was shown.
    pub fn failed(&self) -> bool {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// Shows text, which gets a line end.
    pub async fn show(&self, channel: Channel, text: impl Into<String>) -> Result<(), Stop> {
        if channel == Channel::Error {
            self.0.failed.store(true, Ordering::Relaxed);
        }
        let mut text = text.into();
        text.push('\n');
        self.0.messages.send(Message::Text(channel, text)).await.map_err(|_| Stop::Gone)
    }

    /// Asks the person at the terminal.
    pub async fn ask(&self, question: Question) -> Result<String, Stop> {
        let (sender, answer) = oneshot::channel();
        self.0.messages.send(Message::Ask(question, sender)).await.map_err(|_| Stop::Gone)?;
        answer.await.map_err(|_| Stop::Gone)
    }
}
