//! SMTP with a world that takes messages in.

use super::{Told, allowed, choose};
use crate::{memory, replies};
use smtp::{Offers, Settings};
use std::time::Duration;
use wire::Event;

#[path = "../../../crates/smtp/tests/machine/harness.rs"]
#[allow(dead_code, reason = "the crate's own tests use all of it")]
mod harness;

use harness::{Client, Message, settings, tls};

/// The stage in which the fuzzer takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Port 25, without TLS and login.
    Port25,
    /// Submission inside TLS, before login.
    Submission,
    /// The same, logged in.
    LoggedIn,
    /// After 354.
    Data,
}

fn begin(begun: Begun, surprises: [u8; 4]) -> Client {
    let client = match begun {
        Begun::Port25 | Begun::Data => Client::new(settings(), None),
        Begun::Submission | Begun::LoggedIn => {
            let tls_offers = Offers { starttls: false, ..settings().tls };
            Client::new(Settings { tls: tls_offers, ..settings() }, Some(tls()))
        }
    };
    let mut client = client;
    client.stops_at_tls = true;
    client.run();
    match begun {
        Begun::Port25 | Begun::Submission => String::new(),
        Begun::LoggedIn => client.send("EHLO x\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"),
        Begun::Data => client.send("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n"),
    };
    client.world.disk_full_at = (surprises[0] < 64).then_some(usize::from(surprises[0]) * 4);
    client
}

fn converse(begun: Begun, surprises: [u8; 4], pieces: &mut dyn Iterator<Item = &[u8]>) -> Told<Vec<Message>> {
    let mut client = begin(begun, surprises);
    let mut out = String::new();
    for piece in pieces {
        if client.closed || client.tls_begun {
            break;
        }
        let before = client.world.largest_chunk;
        out.push_str(&client.send(piece));
        assert!(client.world.largest_chunk <= before.max(piece.len()), "chunks are no larger than what came");
    }
    if !client.closed && !client.tls_begun {
        let last = match surprises[3] % 4 {
            0 => client.event(Event::Closed),
            1 => client.after(Duration::from_secs(3600)),
            2 => client.event(Event::Shutdown),
            _ => String::new(),
        };
        out.push_str(&last);
    }
    Told { out: out.into_bytes(), closed: client.closed, world: client.world.accepted }
}

/// Any input in a stage: the same however it is cut, well-formed, within bounds. In DATA, the message that is accepted
/// is the one that was sent, and none is with a bare CR or LF in it.
pub fn smtp(begun: Begun, input: &[u8]) {
    let Some((surprises, cuts, stream)) = choose(input) else { return };
    memory::within(3 * allowed(stream.len()), || {
        let told = crate::same_however_cut(cuts, stream, |pieces| converse(begun, surprises, pieces));
        assert!(told.out.len() <= 4096 + stream.len() * 256, "{} octets were written", told.out.len());
        replies::are_smtp(&told.out);
        if begun == Begun::Data && surprises[0] >= 64 && stream.len() < 50_000 {
            let accepted = told.world.first().map(|(_, message)| message.as_slice());
            match sent(stream) {
                Sent::Message(message) => assert_eq!(accepted, Some(message.as_slice())),
                Sent::Refused([]) => assert_eq!(accepted, None),
                Sent::Refused(_) => {}
                Sent::NotOver => assert_eq!(accepted, None),
            }
        }
    });
}

enum Sent<'a> {
    Message(Vec<u8>),
    /// It has a bare CR or LF; what follows may be another message.
    Refused(&'a [u8]),
    NotOver,
}

/// Message data by the letter of RFC 5321 §4.5.2, read as slowly and simply as can be.
fn sent(stream: &[u8]) -> Sent<'_> {
    let with_start = [b"\r\n", stream].concat();
    let Some(end) = with_start.windows(5).position(|window| window == b"\r\n.\r\n") else {
        return Sent::NotOver;
    };
    let data = &with_start[2..end + 2];
    let bare = data.iter().enumerate().any(|(at, octet)| match octet {
        b'\r' => data.get(at + 1) != Some(&b'\n'),
        b'\n' => at == 0 || data[at - 1] != b'\r',
        _ => false,
    });
    if bare {
        return Sent::Refused(&stream[end + 3..]);
    }
    let lines = data.split_inclusive(|octet| *octet == b'\n');
    Sent::Message(lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect())
}
