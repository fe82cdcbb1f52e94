//! Runs parsed text.
//!
//! A pipeline is a chain of stages; the first pushes each object through all of them before it makes the next, so a
//! pipeline over all mailboxes holds one at a time, and waits while the reader is slow. An error about one object is
//! shown and the next object follows; an error in the text ends its statement.

mod arguments;
mod bind;
mod call;
mod control;
mod env;
mod evaluate;
mod format;
mod function;
mod operators;
mod pattern;
mod pipeline;
mod scope;
mod statement;
mod types;
pub mod wildcard;

pub use arguments::{Arguments, ListChange};
pub use bind::filter_text;
pub use call::{Call, Failure};
pub use env::{Env, Held, Stop};
pub use evaluate::{block_value, evaluate_filter, run_block};
pub use operators::{binary, compare, equal};
pub use pipeline::{Down, End, Flow, Made, Sink, Stage};
pub use statement::run_all;

use crate::complete::{self, Completions};
use crate::grammar;
use crate::output::{Objects, Printer};
use crate::program::Definition;
use crate::{Channel, Context, Gone, Outcome, Output, Terminal};
use env::Message;
use evaluate::Halt;
use scope::Variables;
use tokio::sync::mpsc;

/// A shell with its variables, at work on one node.
pub struct Shell {
    context: Context,
    terminal: Terminal,
    variables: Variables,
}

/// Texts on their way to the reader; few, because each waits for him.
const MESSAGES: usize = 64;

impl Shell {
    /// A shell that begins without variables.
    pub fn new(context: Context, terminal: Terminal) -> Shell {
        Shell { context, terminal, variables: Variables::default() }
    }

    /// The terminal's width has changed.
    pub fn resize(&mut self, width: u16) {
        self.terminal.width = width;
    }

    /// What could stand at the end of this text, which is the one before the cursor. Nothing is shown, asked or changed.
    ///
    /// It may take as long as a cmdlet that shows objects; drop the future to stop it.
    pub async fn complete(&self, text: &str) -> Completions {
        let (sender, mut receiver) = mpsc::channel(MESSAGES);
        let terminal = Terminal { interactive: false, ..self.terminal };
        let env = Env::new(self.context.clone(), terminal, self.variables.clone(), sender);
        let looking = async move { complete::complete(&env, text).await };
        // A question that is forgotten ends who asks it.
        let forgetting = async { while receiver.recv().await.is_some() {} };
        tokio::join!(looking, forgetting).0
    }

    /// Runs one line, several, or a whole script. A text that is not understood is not begun.
    ///
    /// To stop it, drop the future: it waits often, also where it only calculates. A change that has been begun by then
    /// is finished by itself, or was refused.
    pub async fn run(&mut self, text: &str, out: &mut dyn Output) -> Outcome {
        let (env, receiver) = self.env();
        let printer = Printer::new(env.clone());
        let (outcome, _) = tokio::join!(interpret(env, text, printer), forward(receiver, out));
        outcome
    }

    /// The same for a program: results are values, on [`Channel::Object`].
    pub async fn run_for_program(&mut self, text: &str, out: &mut dyn Output) -> Outcome {
        let (env, receiver) = self.env();
        let printer = Objects(env.clone());
        let (outcome, _) = tokio::join!(interpret(env, text, printer), forward(receiver, out));
        outcome
    }

    /// Calls one cmdlet for a program, with the values of its parameters.
    pub async fn call_for_program(
        &mut self,
        cmdlet: Definition,
        parameters: serde_json::Map<String, serde_json::Value>,
        out: &mut dyn Output,
    ) -> Outcome {
        let (env, receiver) = self.env();
        let cmdlet = cmdlet.0;
        let parameters = parameters.into_iter().map(|(name, value)| (name, value.into())).collect();
        let called = async move {
            // The way to the reader ends with it.
            let (env, mut objects) = (env.clone(), Objects(env));
            let called = pipeline::call(&env, cmdlet, parameters, &mut objects).await;
            if let Err(Halt::Fault(_, message) | Halt::Shown(message)) = &called {
                let text = format!("{}: {message}", cmdlet.name);
                let _ = env.show(Channel::Error, text).await;
            }
            if called.is_err() || env.failed() { Outcome::Failed } else { Outcome::Done }
        };
        let (outcome, _) = tokio::join!(called, forward(receiver, out));
        outcome
    }

    fn env(&self) -> (Env, mpsc::Receiver<Message>) {
        let (sender, receiver) = mpsc::channel(MESSAGES);
        (Env::new(self.context.clone(), self.terminal, self.variables.clone(), sender), receiver)
    }
}

async fn interpret(env: Env, text: &str, mut end: impl End) -> Outcome {
    let script = match grammar::parse(text) {
        Ok(script) => script,
        Err(error) => {
            // Nobody to read the error is no other outcome.
            let _ = env.error(error.render(text)).await;
            return Outcome::Failed;
        }
    };
    let ended = statement::run_script(&env, &script, &mut end).await;
    match ended {
        Err(Stop::Exit(code)) => Outcome::Exit(code),
        Err(Stop::Gone | Stop::Failed | Stop::Broken) => Outcome::Failed,
        _ if env.failed() => Outcome::Failed,
        _ => Outcome::Done,
    }
}

/// Gives texts and questions to the reader; texts that wait already go together.
async fn forward(mut receiver: mpsc::Receiver<Message>, out: &mut dyn Output) -> Result<(), Gone> {
    let mut waiting = Vec::with_capacity(MESSAGES);
    while receiver.recv_many(&mut waiting, MESSAGES).await > 0 {
        let mut pending: Option<(Channel, String)> = None;
        for message in waiting.drain(..) {
            match (message, &mut pending) {
                (Message::Text(channel, text), Some((current, texts))) if channel == *current => {
                    texts.push_str(&text)
                }
                (Message::Text(channel, text), _) => {
                    flush(&mut pending, out).await?;
                    pending = Some((channel, text));
                }
                (Message::Ask(question, answer), _) => {
                    flush(&mut pending, out).await?;
                    // Who asked may have been stopped meanwhile.
                    let _ = answer.send(out.ask(&question).await?);
                }
            }
        }
        flush(&mut pending, out).await?;
    }
    Ok(())
}

async fn flush(pending: &mut Option<(Channel, String)>, out: &mut dyn Output) -> Result<(), Gone> {
    match pending.take() {
        Some((channel, text)) => out.text(channel, &text).await,
        None => Ok(()),
    }
}
