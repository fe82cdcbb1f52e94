//! What every part of a running shell shares: the context, variables, and the way to the reader of the output.
//!
//! Text goes through a short channel to the caller's `Output`, so that cmdlets need no borrowed writer and still wait
//! for a slow reader.

use super::scope::Variables;
use crate::grammar::Function;
use crate::together::Unsaved;
use crate::value::{ERROR, EXCEPTION, Object, Value};
use crate::{Channel, Context, Question, Terminal};
use std::collections::VecDeque;
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
    /// Parts of the text around this place that get errors.
    trying: AtomicUsize,
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
        Err(self.env.ending(message.to_owned(), Stop::Failed).await)
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

/// Levels that a call of a function takes: more is on the stack between it and its body than elsewhere.
pub const CALL: usize = 5;

/// Some levels, as long as this is kept.
pub struct Level<'e>(&'e AtomicUsize, usize);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

/// What goes to the reader of the output.
pub enum Message {
    /// Text to show.
    Text(Channel, String),
    /// A question, and where the answer goes.
    Ask(Question, oneshot::Sender<String>),
}

/// An error as a value: its text, which scripts look for as `$_.Exception.Message`.
pub fn error_record(message: &str) -> Value {
    let exception = Object::new(&EXCEPTION, message).with("Message", message);
    Object::new(&ERROR, message).with("Exception", exception).into()
}

/// Why running stops before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Who gets the output of this pipeline wants no more.
    Enough,
    /// The same, for the pipeline around this one.
    EnoughOutside,
    /// An error that ends the statement has been told of.
    Broken,
    /// `break`, on its way to a loop.
    Break,
    /// `continue`, on its way to a loop.
    Continue,
    /// `return`, on its way to the end of a function or block.
    Return,
    /// Nobody reads the output.
    Gone,
    /// An error that ends everything has been told of.
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
        let inner = Inner {
            context,
            terminal,
            variables,
            messages,
            failed: AtomicBool::new(false),
            depth: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            unsaved: Mutex::default(),
            trying: AtomicUsize::new(0),
        };
        Env(Arc::new(inner))
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
                self.error(format!("{cmdlet}: {why}")).await?;
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
        self.variables().keep(name, value, self.0.held.load(Ordering::Relaxed))
    }

    /// Makes a function known, if there is room for it.
    pub fn define(&self, function: &Arc<Function>) -> Result<(), &'static str> {
        self.variables().define(function, self.0.held.load(Ordering::Relaxed))
    }

    /// Goes one level deeper, if there is room for it on the stack.
    pub fn deeper(&self) -> Result<Level<'_>, &'static str> {
        self.deeper_by(1)
    }

    /// The same for what takes more of the stack.
    pub fn deeper_by(&self, levels: usize) -> Result<Level<'_>, &'static str> {
        let level = Level(&self.0.depth, levels);
        if level.0.fetch_add(levels, Ordering::Relaxed) < DEEPEST {
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
        let mut text = text.into();
        text.push('\n');
        self.write(channel, text).await
    }

    /// Shows text as it is.
    pub async fn write(&self, channel: Channel, text: String) -> Result<(), Stop> {
        if channel == Channel::Error {
            self.0.failed.store(true, Ordering::Relaxed);
        }
        self.0.messages.send(Message::Text(channel, text)).await.map_err(|_| Stop::Gone)
    }

    /// An error after which it goes on: it is shown, and kept in `$Error`.
    pub async fn error(&self, message: String) -> Result<(), Stop> {
        self.variables().note(error_record(&message));
        self.show(Channel::Error, message).await
    }

    /// An error that ends something: it is shown as well, unless a `catch` gets it.
    pub async fn ending(&self, message: String, stop: Stop) -> Stop {
        self.variables().note(error_record(&message));
        if self.0.trying.load(Ordering::Relaxed) > 0 {
            return stop;
        }
        self.show(Channel::Error, message).await.err().unwrap_or(stop)
    }

    /// Errors go to a `catch`, as long as what is returned is kept.
    pub fn trying(&self) -> Level<'_> {
        self.0.trying.fetch_add(1, Ordering::Relaxed);
        Level(&self.0.trying, 1)
    }

    /// Asks the person at the terminal.
    pub async fn ask(&self, question: Question) -> Result<String, Stop> {
        let (sender, answer) = oneshot::channel();
        self.0.messages.send(Message::Ask(question, sender)).await.map_err(|_| Stop::Gone)?;
        answer.await.map_err(|_| Stop::Gone)
    }
}
