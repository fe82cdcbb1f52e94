//! The administration shell as a conversation: lines in, lines of output and errors out.

use super::setup::{Shown, TERMINAL};
use super::{Conversation, Received, Trouble};
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::Runtime;

pub(super) struct ShellTalk {
    runtime: Rc<Runtime>,
    shell: admin::Shell,
    /// Text of which more must follow.
    text: String,
    out: Vec<u8>,
    exited: bool,
}

impl ShellTalk {
    pub(super) fn new(runtime: Rc<Runtime>, context: admin::Context) -> ShellTalk {
        let shell = admin::Shell::new(context, TERMINAL);
        ShellTalk { runtime, shell, text: String::new(), out: Vec::new(), exited: false }
    }

    fn run(&mut self) {
        let text = std::mem::take(&mut self.text);
        let shown = Shown::default();
        let outcome = self.runtime.block_on(self.shell.run(&text, &mut shown.clone()));
        self.exited = matches!(outcome, admin::Outcome::Exit(_));
        // Dialogues are about lines of the wire; the shell ends its lines for terminals.
        for line in shown.take().lines() {
            self.out.extend_from_slice(line.trim_end().as_bytes());
            self.out.extend_from_slice(b"\r\n");
        }
    }
}

impl Conversation for ShellTalk {
    fn send(&mut self, octets: &[u8]) -> Result<(), Trouble> {
        for line in String::from_utf8_lossy(octets).lines() {
            self.text.push_str(line);
            self.text.push('\n');
            if !admin::needs_more(&self.text) {
                self.run();
            }
        }
        Ok(())
    }

    fn receive(&mut self, _within: Duration) -> Result<Received, Trouble> {
        Ok(match std::mem::take(&mut self.out) {
            out if !out.is_empty() => Received::Octets(out),
            _ if self.exited => Received::Closed,
            _ => Received::Silence,
        })
    }

    fn start_tls(&mut self) -> Result<(), Trouble> {
        Err(Trouble::Failed("a shell has no TLS".to_owned()))
    }
}

/// Runs one line in a shell of its own.
pub(super) fn run_line(runtime: &Runtime, context: admin::Context, line: &str) -> (String, bool) {
    let shown = Shown::default();
    let mut shell = admin::Shell::new(context, TERMINAL);
    let outcome = runtime.block_on(shell.run(line, &mut shown.clone()));
    (shown.take(), outcome != admin::Outcome::Failed)
}
