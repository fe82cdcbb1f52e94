//! The administration shell: grammar, cmdlets, output.
//!
//! A [`Shell`] runs text in the language that an Exchange administrator types: a subset of PowerShell (the `grammar`
//! module) with cmdlets that read and change the objects of `directory`. Objects stream through pipelines one at a
//! time. Every change goes one way: a typed change, checked by the snapshot, saved together with its audit entry,
//! published, and then made true by the node. Sockets, terminals and processes belong to the caller, which gives a
//! [`Context`], a [`Terminal`] and an [`Output`].

mod change;
mod cmdlet;
mod cmdlets;
mod complete;
mod context;
pub mod grammar;
mod output;
mod program;
mod run;
mod together;
pub mod token;
mod value;

pub use complete::{Candidate, Completions};
pub use context::{BoxFuture, Channel, Context, Echo, Gone, Node, Outcome, Output, Question, Terminal};
pub use grammar::needs_more;
pub use program::{Definition, Field, Schema};
pub use run::Shell;
pub use together::Changes;

/// Whether there is a cmdlet of this name or alias.
pub fn is_cmdlet(name: &str) -> bool {
    cmdlets::find(name).is_some()
}
