//! What dialogues cannot show of the session: time, pieces, memory, and that it does not matter how input is cut.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds a surprise ends"
)]

mod fake;

use fake::{Driver, PLAIN};
use pop3::{Answer, Ask, Code, Refusal};
use proptest::prelude::*;
use std::time::Duration;
use wire::{Event, Machine, Step};

#[test]
fn the_time_before_login_is_short_and_nothing_extends_it() {
    let mut driver = Driver::new(1);
    let start = driver.now;
    driver.now += Duration::from_secs(50);
    assert_eq!(driver.say("NO"), Some(start + Duration::from_secs(60)));
    assert_eq!(driver.say("OP\r\n"), Some(start + Duration::from_secs(60)));
    assert_eq!(driver.say(PLAIN), Some(driver.now + Duration::from_secs(1800)), "logged in, it is long");
    assert_eq!(driver.said("DELE 1\r\n"), "+OK Message deleted.\r\n");
    assert_eq!(driver.event(Event::Time), "", "RFC 1939 §3: closed without a word");
    assert!(driver.closed);
    assert!(!driver.asks.iter().any(|ask| ask.contains("Update")), "and without removing anything");

    let mut busy = Driver::new(1);
    busy.say("CAPA\r\n");
    busy.now += Duration::from_secs(60);
    assert_eq!(busy.said("CAPA\r\n"), "", "who never pauses is let go too");
    assert!(busy.closed);
}

#[test]
fn only_quit_removes() {
    for event in [Event::Closed, Event::Time, Event::Shutdown, Event::Expelled] {
        let mut driver = Driver::logged_in(3);
        driver.say("DELE 2\r\n");
        driver.event(event);
        assert!(driver.closed);
        assert_eq!(driver.asks.len(), 1, "only the login: {:?}", driver.asks);
    }
    let mut driver = Driver::logged_in(3);
    driver.say("DELE 3\r\nDELE 1\r\nQUIT\r\n");
    assert_eq!(driver.asks[1], "Update([Uid(1), Uid(3)])");
    assert!(driver.closed);
}

#[test]
fn says_good_bye_when_the_service_stops() {
    assert!(Driver::logged_in(1).event(Event::Shutdown).starts_with("-ERR [SYS/TEMP] "));
    assert!(Driver::logged_in(1).event(Event::Expelled).starts_with("-ERR [AUTH] "));
}

#[test]
fn lists_of_any_length_are_written_in_pieces() {
    let mut driver = Driver::logged_in(100_000);
    let list = driver.said("LIST\r\nNOOP\r\n");
    assert!(list.starts_with("+OK 100000 messages (5000050000 octets)\r\n1 1\r\n"));
    assert!(list.ends_with("\r\n100000 100000\r\n.\r\n+OK\r\n"));
    assert_eq!(list.lines().count(), 100_003);
    // A client that asks for it again and again, in one write, gets no more memory than that.
    driver.say(&"UIDL\r\n".repeat(20));
    assert!(driver.largest_write < 64 * 1024, "{}", driver.largest_write);
}

#[test]
fn messages_are_looked_up_ahead_only_for_those_who_read_in_order() {
    let mut driver = Driver::logged_in(100);
    assert_eq!(driver.said("RETR 1\r\n"), "+OK 1 octets\r\n<1 None>\r\n");
    assert_eq!(driver.said("RETR 2\r\nDELE 2\r\n"), "+OK 2 octets\r\n<2 None>\r\n+OK Message deleted.\r\n");
    for number in 3..=17 {
        driver.say(&format!("RETR {number}\r\n"));
    }
    assert_eq!(driver.said("TOP 50 3\r\n"), "+OK Top of message follows\r\n<50 Some(3)>\r\n");
    let uids: Vec<usize> = driver.asks[1..].iter().map(|ask| ask.matches("Uid").count()).collect();
    assert_eq!(uids, [1, 16, 1], "{:?}", driver.asks);
}

#[test]
fn a_message_that_another_session_removed_is_told_of() {
    let mut driver = Driver::logged_in(2);
    driver.session.feed(Event::Bytes(b"RETR 1\r\n"), driver.now);
    let Step::Ask(Ask::Bodies(_)) = driver.session.next(driver.now) else { panic!() };
    driver.session.answer(Answer::Bodies(Vec::new()));
    driver.run();
    assert_eq!(driver.sent, "-ERR Message is no longer there.\r\n");
}

#[test]
fn what_could_not_be_removed_is_told() {
    let mut driver = Driver::logged_in(2);
    driver.refuse = Some(Refusal { code: Some(Code::SysTemp), text: "Disk full.".to_owned() });
    driver.say("DELE 1\r\n");
    assert_eq!(driver.said("QUIT\r\n"), "-ERR [SYS/TEMP] Disk full.\r\n");
    assert!(driver.closed);
}

#[test]
fn patience_ends() {
    let mut driver = Driver::new(1);
    let replies = driver.said(&"GET / HTTP/1.1\r\n".repeat(50));
    assert_eq!(replies.matches("-ERR Unknown command.\r\n").count(), 10);
    assert!(replies.ends_with("-ERR Too many errors, closing.\r\n"));
    assert!(driver.closed);
    let mut driver = Driver::logged_in(1);
    assert_eq!(driver.said(&"XYZZY\r\n".repeat(50)).matches("-ERR Unknown").count(), 20);
}

#[test]
fn what_was_sent_in_clear_after_stls_is_never_carried_out() {
    let mut driver = Driver::new(1);
    assert_eq!(
        driver.said("USER alice\r\nSTLS\r\nPASS secret\r\nNOO"),
        "+OK\r\n+OK Begin TLS negotiation now.\r\n"
    );
    assert_eq!(
        driver.said("PASS secret\r\n"),
        "-ERR Send USER before PASS.\r\n",
        "the name is forgotten too"
    );
    assert!(driver.asks.is_empty());
}

#[test]
fn a_response_that_is_too_long_ends_the_exchange() {
    let mut driver = Driver::new(1);
    assert_eq!(driver.said("AUTH PLAIN\r\n"), "+ \r\n");
    assert_eq!(
        driver.said(&format!("{}\r\nCAPA x\r\n", "A".repeat(20_000))).lines().next(),
        Some("-ERR Line too long.")
    );
    assert_eq!(
        driver.said(&format!("USER {}\r\n", "x".repeat(1000))),
        "-ERR Line too long.\r\n",
        "the limit is back"
    );
}

/// Lines of which many are commands.
fn script() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => prop::sample::select(vec![
            "NOOP", "STAT", "LIST", "UIDL", "LIST 2", "UIDL 9", "RETR 1", "RETR 2", "TOP 1 0", "DELE 1", "DELE 2", "RSET",
            "CAPA", "AUTH", "AUTH PLAIN", "USER alice", "PASS secret", "AGFsaWNlAHNlY3JldA==", "*",
        ]).prop_map(str::to_owned),
        1 => "[A-Z .\r\n]{0,12}",
        1 => "[a-z]{250,300}",
    ];
    (prop::collection::vec(line, 0..20), any::<bool>()).prop_map(|(lines, login)| {
        let start = if login { PLAIN } else { "" };
        format!("{start}{}\r\n", lines.join("\r\n"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_not_matter_how_input_is_cut(script in script(), piece in 1usize..20) {
        let mut whole = Driver::new(3);
        whole.say(&script);
        let mut cut = Driver::new(3);
        for piece in script.as_bytes().chunks(piece) {
            if !cut.closed {
                cut.session.feed(Event::Bytes(piece), cut.now);
                cut.run();
            }
        }
        prop_assert_eq!(whole.sent, cut.sent);
        prop_assert_eq!(whole.asks, cut.asks);
        prop_assert_eq!(whole.closed, cut.closed);
    }
}
