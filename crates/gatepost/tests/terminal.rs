//! The shell as a person sees it: in a terminal of 80 columns, which tmux plays.
//!
//! Each test types, and waits until the screen shows what it must.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where it fails")]

use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::node::Node;
use testkit::programs;

/// A node, and a shell in a terminal.
struct Screen {
    node: Node,
    home: TempDir,
}

impl Screen {
    /// Starts, where tmux is installed; the environment says this, too.
    fn new(environment: &str) -> Option<Screen> {
        if !programs::require("tmux") {
            return None;
        }
        let screen = Screen { node: Node::start().unwrap(), home: tempfile::tempdir().unwrap() };
        screen.open(environment);
        Some(screen)
    }

    fn open(&self, environment: &str) {
        let shell = format!(
            "exec env {environment} HOME={} {} shell --data {}",
            self.home.path().display(),
            env!("CARGO_BIN_EXE_gatepost"),
            self.node.data().display()
        );
        self.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", &shell]);
        self.wait("TAB completes, `exit` ends.\n");
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let socket = self.home.path().join("tmux");
        let mut command = Command::new("tmux");
        let output = command.arg("-S").arg(socket).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Types text, or keys by their names.
    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn line(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
        self.keys(&["Enter"]);
    }

    /// Everything shown so far, also what has left the screen.
    fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-S", "-"])
    }

    /// Waits until something is shown; what then is.
    fn wait(&self, expected: &str) -> String {
        let begun = Instant::now();
        loop {
            let shown = self.shown();
            if shown.contains(expected) {
                return shown;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "'{expected}' is not in:\n{shown}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn tab_completes_what_the_server_knows() {
    let Some(screen) = Screen::new("") else { return };
    // Several are offered, with what they do; one is taken.
    screen.keys(&["Get-Mailb", "Tab"]);
    screen.wait("Get-MailboxStatistics  Shows how much is in a mailbox.");
    screen.keys(&["C-c"]);
    screen.keys(&["Set-PopSettings -LoginT", "Tab"]);
    screen.wait("Set-PopSettings -LoginType");
    screen.keys(&[" ", "Tab"]);
    screen.wait("PlainTextAuthentication  SecureLogin");
    screen.keys(&["C-c"]);
    screen.keys(&["Get-Mailbox al", "Tab"]);
    screen.wait("Get-Mailbox alice");
    screen.keys(&[" | where {$_.Ali", "Tab"]);
    screen.wait("{$_.Alias");
    screen.keys(&[" -eq 'alice'} | ft Na", "Tab"]);
    screen.wait("} | ft Name");
    screen.keys(&["Enter"]);
    screen.wait("Name\n----\nalice\n");
}

#[test]
fn statements_of_several_lines_have_a_prompt_and_a_history() {
    let Some(screen) = Screen::new("") else { return };
    screen.line("foreach ($i in 1..3) {");
    screen.wait("foreach ($i in 1..3) {\n>>");
    screen.line("'row ' + $i * 2");
    screen.line("}");
    screen.wait("row 2\nrow 4\nrow 6\n");
    screen.line("'a' + 'b'");
    screen.wait("\nab\n");
    // The last but one, as it was.
    screen.keys(&["Up", "Up", "C-e", "Enter"]);
    screen.line("'done' + '!'");
    let shown = screen.wait("\ndone!\n");
    assert_eq!(shown.matches("row 2\nrow 4\nrow 6\n").count(), 2, "{shown}");
    screen.keys(&["C-r", "'a' +"]);
    screen.wait("(search: 'a' +)");
    screen.keys(&["Enter"]);
    screen.keys(&["Enter"]);
    let begun = Instant::now();
    while screen.shown().matches("\nab\n").count() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", screen.shown());
    }
}

#[test]
fn a_long_table_fits_its_width_and_a_loop_is_stopped() {
    let Some(screen) = Screen::new("") else { return };
    screen.line("1..500 | select @{n='Number';e={$_}},@{n='Square';e={$_ * $_}},@{n='Text';e={'x' + $_}}");
    let shown = screen.wait("\n   500 250000 x500\n");
    let rows: Vec<&str> = shown.lines().filter(|line| line.trim_end().ends_with(char::is_numeric)).collect();
    for number in 1..=500 {
        let row = format!("{number:>6} {:>6} x{number}", number * number);
        assert!(rows.contains(&row.as_str()), "{row} is not in:\n{shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 80));
    screen.line("'beg' + 'un'; foreach ($i in 1..99999) {foreach ($j in 1..99999) {}}; 'not stopped'");
    screen.wait("\nbegun\n");
    screen.keys(&["C-c"]);
    screen.line("'still ' + 'there'");
    let shown = screen.wait("\nstill there\n");
    assert!(!shown.contains("\nnot stopped\n"), "{shown}");
}

#[test]
fn help_is_read_and_unknown_words_are_coloured() {
    let Some(screen) = Screen::new("") else { return };
    screen.line("Get-Help Set-Service");
    let shown = screen.wait("EXAMPLES");
    assert!(shown.contains("SYNTAX"), "{shown}");
    screen.keys(&["Get-Weather"]);
    screen.wait("> Get-Weather");
    let coloured = screen.tmux(&["capture-pane", "-p", "-e"]);
    assert!(coloured.contains("\u{1b}[91mGet-Weather"), "{coloured:?}");
}

#[test]
fn terminals_without_colours_or_a_cursor_work_too() {
    let Some(screen) = Screen::new("NO_COLOR=1") else { return };
    screen.keys(&["Get-Weather"]);
    screen.wait("> Get-Weather");
    let plain = screen.tmux(&["capture-pane", "-p", "-e"]);
    assert!(!plain.contains("\u{1b}[9"), "{plain:?}");
    let Some(screen) = Screen::new("TERM=dumb") else { return };
    screen.line("if (1) {");
    screen.wait("{\n>>");
    screen.line("'one ' + 'two'}");
    screen.wait("\none two\n");
}
