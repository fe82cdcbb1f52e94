//! What `gatepost shell` and the running server say to each other over the admin socket: one JSON value a line.
//!
//! The client begins with [`Request::Hello`]. Each [`Request::Run`] is answered by any number of [`Reply::Text`] and
//! [`Reply::Ask`], each of which asks for a [`Request::Answer`], and then by one [`Reply::Exit`]. [`Request::Stop`] may come
//! at any time, and answers and stops may come too late, because they cross with what they are for. Who closes the
//! connection stops what runs. Between texts, each [`Request::Complete`] is answered by one [`Reply::Completions`].
//! Variables live as long as the connection.

use crate::load::Load;
use admin::{Channel, Completions, Outcome, Question, Terminal};
use serde::{Deserialize, Serialize};

/// From the client.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// What the output is shown on.
    Hello(Terminal),
    /// The terminal has another width.
    Resize(u16),
    /// Run this text.
    Run(String),
    /// What the person answered.
    Answer(String),
    /// Stop what runs.
    Stop,
    /// From here on, take messages; see [`crate::load`].
    Load(Load),
    /// Say what could stand at the end of this text. Asked at the prompt, while nothing runs.
    Complete(String),
}

/// From the server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// Show this.
    Text(Channel, String),
    /// Ask this.
    Ask(Question),
    /// The text was run.
    Exit(Outcome),
    /// What could stand there.
    Completions(Completions),
}

/// Octets in one line, so that neither side can fill the other's memory.
pub const MAX_LINE: usize = 16 << 20;

/// A value as a line.
pub fn line(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_one_line() {
        let line = line(&Request::Run("Get-Mailbox\nGet-Service\n".into())).unwrap();
        assert_eq!(line.iter().filter(|octet| **octet == b'\n').count(), 1);
        assert!(
            matches!(serde_json::from_slice(&line), Ok(Request::Run(text)) if text == "Get-Mailbox\nGet-Service\n")
        );
    }
}
