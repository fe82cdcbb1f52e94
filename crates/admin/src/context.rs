//! What a shell works on, and what it needs from the node and from whoever shows its output.

use crate::together::Changes;
use directory::Directory;
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::Arc;
use store::Store;

/// A boxed future, as traits with asynchronous methods need it to be usable as objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Everything the cmdlets of one shell work on.
#[derive(Clone)]
pub struct Context {
    /// Where objects, accounts and the audit log are kept.
    pub store: Store,
    /// The current objects.
    pub directory: Arc<Directory>,
    /// The running node.
    pub node: Arc<dyn Node>,
    /// Who uses the shell, as policy judges him.
    pub who: policy::Caller,
    /// The same, as the audit log names him: `local administrator (uid 0)`.
    pub caller: String,
    /// Held while objects are changed, so that no two changes start from the same snapshot. One for the whole node:
    /// every context of it has the same.
    pub changes: Arc<Changes>,
}

impl Context {
    /// The server's name as administrators see it: `MAIL` of `mail.example.test`.
    pub fn server_name(&self) -> String {
        self.directory.snapshot().organization().server_name().to_uppercase()
    }
}

/// What cmdlets need from the running node.
pub trait Node: Send + Sync {
    /// Makes listeners and services agree with the current snapshot, which has just changed. The error is a text for
    /// the administrator, such as which port is taken and by what; what could be done has been done. What was told
    /// before, and is as it was, is not told again.
    fn reconcile(&self) -> BoxFuture<'_, Result<(), String>>;

    /// Whether an address is one of this machine, so that it can listen there.
    fn has_address(&self, address: std::net::IpAddr) -> bool;

    /// Seconds since 1970.
    fn now(&self) -> i64;
}

/// Where the text of a shell goes.
pub trait Output: Send {
    /// Shows some text, which ends with a line end. Waits while the reader is slow, so that nothing piles up.
    fn text<'a>(&'a mut self, channel: Channel, text: &'a str) -> BoxFuture<'a, Result<(), Gone>>;

    /// Asks the person at the terminal; called in interactive shells only.
    fn ask<'a>(&'a mut self, question: &'a Question) -> BoxFuture<'a, Result<String, Gone>>;
}

/// Nobody reads the output any more; the shell stops what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// What kind of text it is. All but `Output` and `Object` belong on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    /// Results as text.
    Output,
    /// Results as values, for programs: each a line of JSON.
    Object,
    /// Warnings.
    Warning,
    /// Errors.
    Error,
    /// Notes that were asked for with -Verbose.
    Verbose,
}

/// A question to the person at the terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What is asked, without a line end.
    pub text: String,
    /// Whether the answer may be seen.
    pub echo: Echo,
}

/// Whether an answer may be seen while it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Echo {
    /// It may.
    Shown,
    /// It is a password.
    Hidden,
}

/// What the output is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    /// Columns.
    pub width: u16,
    /// Whether there is a person to answer questions.
    pub interactive: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Everything was done.
    Done,
    /// There was an error, and it was shown.
    Failed,
    /// The text said `exit`, with this code.
    Exit(u8),
}
