//! POP3 on a maildrop in memory.

use super::{Told, allowed, choose};
use crate::{memory, replies};
use std::time::Duration;
use wire::Event;

#[path = "../../../crates/pop3/tests/fake/mod.rs"]
mod fake;

use fake::Driver;

/// The stage in which the fuzzer takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// AUTHORIZATION
    Authorization,
    /// TRANSACTION
    Transaction,
}

fn converse(begun: Begun, surprises: [u8; 4], pieces: &mut dyn Iterator<Item = &[u8]>) -> Told<Vec<String>> {
    let mut driver = match begun {
        Begun::Authorization => Driver::new(3),
        Begun::Transaction => Driver::logged_in(3),
    };
    driver.sent.clear();
    driver.stops_at_tls = true;
    driver.refuse_at = (surprises[0] < 16).then_some(driver.asks.len() + usize::from(surprises[0]));
    driver.gone = surprises[1].is_multiple_of(4);
    for piece in pieces {
        if driver.closed || driver.tls_begun {
            break;
        }
        driver.feed(Event::Bytes(piece));
    }
    if !driver.closed && !driver.tls_begun {
        match surprises[3] % 4 {
            0 => driver.feed(Event::Closed),
            1 => {
                driver.now += Duration::from_secs(3600);
                driver.feed(Event::Time)
            }
            2 => driver.feed(Event::Shutdown),
            _ => None,
        };
    }
    Told { out: driver.sent.into_bytes(), closed: driver.closed, world: driver.asks }
}

/// Any input in a stage: the same however it is cut, well-formed, within bounds.
pub fn pop3(begun: Begun, input: &[u8]) {
    let Some((surprises, cuts, stream)) = choose(input) else { return };
    memory::within(3 * allowed(stream.len()), || {
        let told = crate::same_however_cut(cuts, stream, |pieces| converse(begun, surprises, pieces));
        assert!(told.out.len() <= 1024 + stream.len() * 128, "{} octets were written", told.out.len());
        replies::are_lines(&told.out);
    });
}
