//! What a dialogue is run against.

mod machine;
mod node;
mod peer;
mod setup;
mod shell;
mod small_disk;
mod socket;

pub use machine::{Cut, MachineWorld};
pub use node::NodeWorld;
pub use peer::{Peer, PeerWorld};

use crate::dialogue::{Protocol, Security};
use std::time::Duration;

/// All users' password.
pub const PASSWORD: &str = "Gatepost!1";

/// The address of a user, which is the login name too.
pub fn address(user: &str) -> String {
    format!("{user}@example.test")
}

/// Why something could not be done.
#[derive(Debug)]
pub enum Trouble {
    /// It cannot be done here: the dialogue is not for this world.
    NotHere(String),
    /// It should have worked.
    Failed(String),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Trouble {
        Trouble::Failed(error.to_string())
    }
}

/// A server, or a part of one, in a known state: users without messages.
pub trait World {
    /// Opens a connection.
    fn connect(&mut self, protocol: Protocol, security: Security) -> Result<Box<dyn Conversation>, Trouble>;

    /// Puts a message into somebody's INBOX.
    fn deliver(&mut self, message: &[u8], user: &str) -> Result<(), Trouble>;

    /// Lets time pass.
    fn advance(&mut self, _by: Duration) -> Result<(), Trouble> {
        Err(Trouble::NotHere("time cannot be made to pass here".to_owned()))
    }

    /// Ends the server and starts it on the same data.
    fn restart(&mut self) -> Result<(), Trouble> {
        Err(Trouble::NotHere("this server is not restarted".to_owned()))
    }

    /// Ends the server, changes octets of this message where it lies on the disk, and starts the server again.
    fn damage(&mut self, _message: &[u8]) -> Result<(), Trouble> {
        Err(Trouble::NotHere("messages cannot be damaged here".to_owned()))
    }

    /// Makes writes fail for want of space, or lets them succeed again.
    fn disk(&mut self, _disk: Disk) -> Result<(), Trouble> {
        Err(Trouble::NotHere("the disk cannot be filled here".to_owned()))
    }

    /// Gives a line to the administration shell; returns what it shows, and whether all went well.
    fn shell(&mut self, _line: &str) -> Result<(String, bool), Trouble> {
        Err(Trouble::NotHere("this server has no shell".to_owned()))
    }

    /// How long an answer may take.
    fn patience(&self) -> Duration;
}

/// Whether there is space on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// There is none.
    Full,
    /// There is.
    HasSpace,
}

/// One connection.
pub trait Conversation {
    /// Sends octets as one write.
    fn send(&mut self, octets: &[u8]) -> Result<(), Trouble>;

    /// Octets that came; waits for some at most so long.
    fn receive(&mut self, within: Duration) -> Result<Received, Trouble>;

    /// Begins TLS.
    fn start_tls(&mut self) -> Result<(), Trouble>;
}

/// What came from the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// These octets.
    Octets(Vec<u8>),
    /// It closed the connection.
    Closed,
    /// Nothing.
    Silence,
}
