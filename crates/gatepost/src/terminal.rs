//! Words with the person at the terminal. Results go to standard output, everything else to standard error.

use crate::failure::Failure;
use admin::Echo;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, IsTerminal, Write};

/// A line on standard output.
pub fn say(text: &str) {
    // Whoever closed the other end does not want to read it; the server runs on.
    let _ = writeln!(io::stdout(), "{text}");
}

/// A line on standard error.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes the last line of the terminal anew, on standard error.
pub fn redraw(text: &str) {
    let _ = write!(io::stderr(), "\r\x1b[K{text}");
}

/// How this program was called, so that a command that is shown can be typed as it stands.
pub fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "gatepost".to_owned())
}

/// Whether somebody looks at standard error.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Whether questions can be asked.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question; an empty answer is the default.
pub fn ask(question: &str, default: &str) -> Result<String, Failure> {
    let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
    let answer = read(&format!("{question}{shown}: "))?;
    Ok(if answer.is_empty() { default.to_owned() } else { answer })
}

fn read(prompt: &str) -> Result<String, Failure> {
    let _ = write!(io::stderr(), "{prompt}");
    let mut line = String::new();
    let octets = io::stdin().read_line(&mut line).map_err(Failure::failed)?;
    if octets == 0 {
        return Err(Failure::failed(
            "the input ended before all questions were answered; nothing was set up",
        ));
    }
    Ok(line.trim().to_owned())
}

/// Asks for a secret without showing what is typed.
pub fn ask_hidden(question: &str) -> Result<String, Failure> {
    let hidden = EchoOff::new();
    let answer = read(&format!("{question}: "));
    drop(hidden);
    tell("");
    answer
}

/// Shows a question as it is, and waits for the answer until it is not wanted any more.
pub fn ask_unless(
    question: &str,
    echo: Echo,
    unwanted: impl Fn() -> bool,
) -> Result<Option<String>, Failure> {
    let hidden = (echo == Echo::Hidden).then(EchoOff::new);
    let _ = write!(io::stderr(), "{question}");
    let answer = loop {
        // A signal does not end the reading of a line; so reading begins when there is one.
        if unwanted() {
            break Ok(None);
        }
        if is_readable() {
            break read("").map(Some);
        }
    };
    if hidden.is_some() || matches!(answer, Ok(None)) {
        tell("");
    }
    answer
}

/// Waits a moment for the terminal to have a line.
fn is_readable() -> bool {
    let stdin = io::stdin();
    let mut ends = [PollFd::new(&stdin, PollFlags::IN)];
    let moment = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    match poll(&mut ends, Some(&moment)) {
        Ok(ready) => ready > 0,
        Err(Errno::INTR) => false,
        // Reading tells better what is wrong.
        Err(_) => true,
    }
}

/// Turns the terminal's echo off while it lives. stty does it, so that no system call of our own is needed.
struct EchoOff;

impl EchoOff {
    fn new() -> EchoOff {
        stty("-echo");
        EchoOff
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        stty("echo");
    }
}

fn stty(setting: &str) {
    // Without stty the password is seen while it is typed, which is better than no way to enter it.
    let _ = std::process::Command::new("stty").arg(setting).status();
}
