//! TAB at the prompt: the server says what could stand there, a menu lets the person choose.

use crate::shell::client::Client;
use reedline::{
    ColumnarMenu, Completer, CompletionResult, Emacs, KeyCode, KeyModifiers, MenuBuilder, Reedline,
    ReedlineEvent, ReedlineMenu, Span, Suggestion, default_emacs_keybindings,
};
use std::sync::{Arc, Mutex, PoisonError};

const MENU: &str = "completions";

/// Asks the server at each TAB. The prompt and what is run share one connection; they never use it at the same time.
struct Server(Arc<Mutex<Client>>);

impl Completer for Server {
    fn complete(&mut self, line: &str, cursor: usize) -> CompletionResult {
        let before = line.get(..cursor).unwrap_or(line);
        let answer = self.0.lock().unwrap_or_else(PoisonError::into_inner).complete(before);
        // A server that is gone is noticed by the next text that is run.
        let found = answer.unwrap_or_default();
        if found.start > found.end || found.end > line.len() {
            return CompletionResult::fresh(Vec::new());
        }
        let span = Span { start: found.start, end: found.end };
        let suggestion = |candidate: admin::Candidate| Suggestion {
            value: candidate.text,
            description: Some(candidate.about).filter(|about| !about.is_empty()),
            span,
            ..Suggestion::default()
        };
        CompletionResult::fresh(found.candidates.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}

/// The editor with TAB.
pub fn with_completion(editor: Reedline, client: Arc<Mutex<Client>>) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let next = vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext];
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(next));
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    let menu = ColumnarMenu::default().with_name(MENU).with_marker("");
    editor
        .with_completer(Box::new(Server(client)))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_quick_completions(true)
        .with_partial_completions(true)
}
