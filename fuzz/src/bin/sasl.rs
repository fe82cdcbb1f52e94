//! The server's side of AUTH: what a client sends is refused, or is one login, which it could have sent in another way.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::sasl::{Exchange, Outcome};
use wire::{Credentials, Mechanism};

fn check(credentials: Credentials) {
    let Credentials { authorization, login, password, mechanism } = credentials;
    assert!(!login.is_empty() && !login.contains(char::is_control));
    let plain = format!("{}\0{login}\0{}", authorization.as_deref().unwrap_or_default(), password.reveal());
    let (_, outcome) = Exchange::begin(Mechanism::Plain, Some(STANDARD.encode(plain).as_bytes()));
    let again = Credentials { authorization, login, password, mechanism: Mechanism::Plain };
    assert_eq!(outcome, Outcome::Complete(again), "it came by {mechanism:?}");
}

fn converse(mechanism: Mechanism, input: &[u8], prepare: impl Fn(&[u8]) -> Vec<u8>) {
    let mut lines = input.split(|octet| *octet == b'\n').map(prepare);
    let initial = if input.first() == Some(&b'i') { lines.next() } else { None };
    let (mut exchange, mut outcome) = Exchange::begin(mechanism, initial.as_deref());
    for turn in 0.. {
        match outcome {
            Outcome::Challenge(_) => assert!(turn < 3, "an exchange ends"),
            Outcome::Complete(credentials) => return check(credentials),
            Outcome::Failed(_) => return,
        }
        let Some(line) = lines.next() else { return };
        outcome = exchange.respond(&line);
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    for mechanism in Mechanism::SASL {
        converse(mechanism, input, <[u8]>::to_vec);
        converse(mechanism, input, |line| STANDARD.encode(line).into_bytes());
    }
    let mut words = input.splitn(2, |octet| *octet == b' ');
    if let (Some(login), Some(password)) = (words.next(), words.next()) {
        let _ = Credentials::from_command(login, password).map(check);
    }
});
