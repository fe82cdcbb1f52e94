//! What every part of a running shell shares: the context, variables, and the way to the reader of the output.
//!
//! Text goes through a short channel to the caller's `Output`, so that cmdlets need no borrowed writer and still wait
//! for a slow reader.

use crate::value::Value;
use crate::{Channel, Context, Question, Terminal};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
pub struct Variables(Arc<Mutex<HashMap<String, Value>>>);

impl Variables {
    /// A variable's value, null where there is none.
    pub fn get(&self, name: &str) -> Value {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(&name.to_lowercase()).cloned().unwrap_or_default()
    }

    /// Sets a variable for as long as what is returned is kept, however that ends.
    pub fn lend(&self, name: &'static str, value: Value) -> Lent<'_> {
        Lent { variables: self, name, before: self.set(name, value) }
    }

    /// Sets a variable and returns what it was.
    pub fn set(&self, name: &str, value: Value) -> Value {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.insert(name.to_lowercase(), value).unwrap_or_default()
    }
}

/// A variable that will be again what it was.
pub struct Lent<'v> {
    variables: &'v Variables,
    name: &'static str,
    before: Value,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.variables.set(self.name, std::mem::take(&mut self.before));
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
        let (failed, depth) = (AtomicBool::new(false), AtomicUsize::new(0));
        Env(Arc::new(Inner { context, terminal, variables, messages, failed, depth }))
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
