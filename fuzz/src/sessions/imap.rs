//! IMAP on an account in memory.

use super::{Told, allowed, choose};
use crate::{memory, replies};
use std::time::Duration;
use wire::Event;

#[path = "../../../crates/imap/tests/fake/mod.rs"]
mod fake;

use fake::{Account, Client, Surprise};

/// The stage in which the fuzzer takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// After the greeting.
    NotAuthenticated,
    /// After LOGIN.
    Authenticated,
    /// After SELECT.
    Selected,
}

const MESSAGES: [&str; 3] = [
    "From: Terry <gray@cac.test>\nSubject: =?utf-8?q?f=C3=BCr?= you\nDate: Wed, 17 Jul 1996 02:23:25 -0700\n\nHello,\nbye.\n",
    "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\nContent-Type: message/rfc822\n\nSubject: in\n\ntwo\n--x--\n",
    "Subject: lunch\n\nAt noon?\n",
];

fn begin(begun: Begun, surprises: [u8; 4]) -> Client {
    let mut account = Account::new();
    for message in MESSAGES {
        account.deliver(message, "17-Jul-1996 02:44:25 -0700");
    }
    account.room = 12;
    let mut client = Client::new(account);
    client.stops_at_tls = true;
    match begun {
        Begun::NotAuthenticated => drop(client.send("")),
        Begun::Authenticated => drop(client.send("x LOGIN alice secret\r\n")),
        Begun::Selected => drop(client.send("x LOGIN alice secret\r\ny SELECT INBOX\r\n")),
    }
    let asked = client.account.counted;
    client.account.surprises = surprises[..3].iter().filter_map(|octet| surprise(*octet, asked)).collect();
    client
}

/// Before which ask, and what.
fn surprise(octet: u8, asked: usize) -> Option<(usize, Surprise)> {
    let what = match octet % 8 {
        0 => Surprise::Deliver,
        1 => Surprise::RemoveFirst,
        2 => Surprise::RemoveAll,
        3 => Surprise::Flag,
        4 => Surprise::Refuse,
        5 => Surprise::Full,
        _ => return None,
    };
    Some((asked + usize::from(octet / 8), what))
}

fn converse(mut client: Client, ending: u8, pieces: &mut dyn Iterator<Item = &[u8]>) -> Told<Vec<String>> {
    let mut out = Vec::new();
    for piece in pieces {
        if client.closed || client.tls_begun {
            break;
        }
        out.extend(client.send_octets(piece));
    }
    if !client.closed && !client.tls_begun {
        out.extend(match ending % 5 {
            0 => client.event_octets(Event::Closed),
            1 => client.pass_octets(Duration::from_secs(3600)),
            2 => client.event_octets(Event::Shutdown),
            3 => client.event_octets(Event::Changed),
            _ => Vec::new(),
        });
    }
    client.account.asks.retain(|ask| ask != "AppendChunk" && ask != "Pause");
    Told { out, closed: client.closed, world: client.account.asks }
}

/// Any input in a stage: the same however it is cut, well-formed, within bounds.
pub fn imap(begun: Begun, input: &[u8]) {
    let Some((surprises, cuts, stream)) = choose(input) else { return };
    memory::within(3 * allowed(stream.len()), || {
        let told = crate::same_however_cut(cuts, stream, |pieces| {
            converse(begin(begun, surprises), surprises[3], pieces)
        });
        assert!(told.out.len() <= allowed(stream.len()), "{} octets were written", told.out.len());
        replies::are_imap(&told.out);
    });
}

/// Any message in a mailbox: what is said of it is well-formed, and its octets are those it has.
pub fn imap_message(message: &[u8]) {
    const ITEMS: &str = "ENVELOPE BODY BODYSTRUCTURE BODY[HEADER.FIELDS (From Subject)] BODY[HEADER.FIELDS.NOT (To)] \
                         BODY[1] BODY[1.MIME] BODY[2.HEADER] BODY[1.1]<3.9> BODY[TEXT] RFC822.SIZE";
    let mut account = Account::new();
    account.deliver_octets(message);
    let mut client = Client::selected(account);
    memory::within(allowed(message.len()), || {
        let out = client.send_octets(format!("a FETCH 1 ({ITEMS})\r\n").as_bytes());
        replies::are_imap(&out);
        assert!(out.ends_with(b"a OK FETCH completed\r\n"), "{}", out.escape_ascii());
        let found = client.send_octets(b"b FETCH 1 BODY[]\r\n");
        let octets = wire::char8(message);
        let expected = format!("BODY[] {{{}}}\r\n", message.len());
        let whole = [expected.as_bytes(), &octets].concat();
        let empty = message.is_empty() && found.windows(9).any(|part| part == b"BODY[] \"\"");
        assert!(empty || found.windows(whole.len()).any(|part| part == whole), "{}", found.escape_ascii());
        let found = client.send_octets(
            b"c SEARCH OR (HEADER Subject a BODY b) OR (SENTSINCE 1-Feb-1994 TEXT c) (LARGER 10 FROM d)\r\n",
        );
        replies::are_imap(&found);
    });
}
