//! The session machines with the worlds of their crates' tests around them.

mod imap;
mod pop3;
mod smtp;

pub use self::imap::{Begun as Imap, imap, imap_message};
pub use self::pop3::{Begun as Pop3, pop3};
pub use self::smtp::{Begun as Smtp, smtp};

use crate::Cuts;

/// What one conversation came to, for comparison.
#[derive(PartialEq, Eq)]
struct Told<W> {
    out: Vec<u8>,
    closed: bool,
    world: W,
}

impl<W: std::fmt::Debug> std::fmt::Debug for Told<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let closed = if self.closed { ", closed" } else { "" };
        write!(f, "\"{}\"{closed}\n  {:?}", self.out.escape_ascii(), self.world)
    }
}

/// Octets that choose what happens besides the conversation.
const SURPRISES: usize = 4;

/// Takes these choices and the cuts from the input.
fn choose(input: &[u8]) -> Option<([u8; SURPRISES], Cuts<'_>, &[u8])> {
    let (surprises, rest) = input.split_first_chunk()?;
    let (cuts, stream) = Cuts::choose(rest)?;
    Some((*surprises, cuts, stream))
}

/// What may be held and written in a session that was sent this many octets: generous, yet no multiple of the mailbox
/// for each octet.
fn allowed(sent: usize) -> usize {
    (4 << 20) + sent * 2048
}
