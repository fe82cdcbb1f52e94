//! The session against an account in memory: what it answers, however its input is cut.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod fake;

use fake::{Account, Client};
use imap::{Channel, Offer, Session, Settings};
use mail::Flag;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::Event;

const DATE: &str = "17-Jul-1996 02:44:25 -0700";

/// The message of RFC 3501 §8.
const RFC: &str = "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev1 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

Hello IMAP,
bye.
";

const NESTED: &str = "From: a@example.test
Content-Type: multipart/mixed; boundary=x

preamble
--x

one
--x
Content-Type: message/rfc822

Subject: inner
Content-Type: text/html; charset=utf-8

<p>two</p>
--x--
";

fn account() -> Account {
    let mut account = Account::new();
    account.deliver(RFC, DATE);
    account.deliver(NESTED, " 1-Feb-1994 23:00:00 +0000");
    account.deliver("Subject: lunch\n\nAt noon?\n", "20-Jul-1996 00:00:00 +0000");
    account
}

fn lines(text: &str) -> Vec<&str> {
    text.split_terminator("\r\n").collect()
}

#[test]
fn fetches_the_example_of_rfc_3501() {
    let mut client = Client::selected(account());
    assert_eq!(
        client.send("a004 fetch 1 full\r\n"),
        "* 1 FETCH (FLAGS (\\Recent) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 361 ENVELOPE (\
         \"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" \
         ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
         ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) \
         ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \
         \"<B27397-0100000@cac.washington.edu>\") BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \
         \"7bit\" 19 2))\r\na004 OK FETCH completed\r\n"
    );
    assert_eq!(
        client.send("a006 store 1 +flags \\deleted\r\n"),
        "* 1 FETCH (FLAGS (\\Deleted \\Recent))\r\na006 OK STORE completed\r\n"
    );
}

#[test]
fn fetches_sections() {
    let mut client = Client::selected(account());
    let header = "From: a@example.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n";
    let inner = "Subject: inner\r\nContent-Type: text/html; charset=utf-8\r\n\r\n";
    let literal = |text: &str| format!("{{{}}}\r\n{text}", text.len());
    let table = [
        ("BODY.PEEK[HEADER]", format!("BODY[HEADER] {}", literal(header))),
        ("BODY.PEEK[1]", format!("BODY[1] {}", literal("one"))),
        ("BODY.PEEK[1.MIME]", format!("BODY[1.MIME] {}", literal("\r\n"))),
        ("BODY.PEEK[2.HEADER]", format!("BODY[2.HEADER] {}", literal(inner))),
        ("BODY.PEEK[2.TEXT]", format!("BODY[2.TEXT] {}", literal("<p>two</p>"))),
        ("BODY.PEEK[2.1]", format!("BODY[2.1] {}", literal("<p>two</p>"))),
        ("BODY.PEEK[2.1]<3.3>", format!("BODY[2.1]<3> {}", literal("two"))),
        ("BODY.PEEK[2.1]<9.100>", format!("BODY[2.1]<9> {}", literal(">"))),
        ("BODY.PEEK[2.1]<10.100>", "BODY[2.1]<10> \"\"".to_owned()),
        ("BODY.PEEK[3]", "BODY[3] NIL".to_owned()),
        ("BODY.PEEK[1.2]", "BODY[1.2] NIL".to_owned()),
        (
            "BODY.PEEK[HEADER.FIELDS (from date)]",
            format!("BODY[HEADER.FIELDS (from date)] {}", literal("From: a@example.test\r\n\r\n")),
        ),
        (
            "BODY.PEEK[2.HEADER.FIELDS.NOT (Subject)]",
            format!(
                "BODY[2.HEADER.FIELDS.NOT (Subject)] {}",
                literal("Content-Type: text/html; charset=utf-8\r\n\r\n")
            ),
        ),
        ("RFC822.HEADER", format!("RFC822.HEADER {}", literal(header))),
    ];
    for (item, expected) in table {
        let expected = format!("* 2 FETCH ({expected})\r\na OK FETCH completed\r\n");
        assert_eq!(client.send(&format!("a FETCH 2 {item}\r\n")), expected, "{item}");
    }
}

#[test]
fn reading_a_body_marks_it_seen_once() {
    let mut client = Client::selected(account());
    let whole = "Subject: lunch\r\n\r\nAt noon?\r\n";
    assert_eq!(
        client.send("a FETCH 3 (UID BODY[])\r\n"),
        format!(
            "* 3 FETCH (UID 3 BODY[] {{28}}\r\n{whole} FLAGS (\\Seen \\Recent))\r\na OK FETCH completed\r\n"
        )
    );
    assert_eq!(
        client.send("b FETCH 3 (FLAGS BODY[TEXT])\r\n"),
        "* 3 FETCH (FLAGS (\\Seen \\Recent) BODY[TEXT] {10}\r\nAt noon?\r\n)\r\nb OK FETCH completed\r\n"
    );
    assert_eq!(client.send("c NOOP\r\n"), "c OK NOOP completed\r\n");
    // A disk that is full does not keep anybody from reading.
    client.account.full = true;
    assert!(client.send("d FETCH 1 BODY[TEXT]\r\n").ends_with("bye.\r\n)\r\nd OK FETCH completed\r\n"));
    let mut client = Client::new(account());
    client.send("x LOGIN alice secret\r\ny EXAMINE INBOX\r\n");
    assert!(!client.send("a FETCH 3 BODY[]\r\n").contains("Seen"));
}

#[test]
fn what_cannot_be_read_is_left_out_and_the_client_told() {
    let mut client = Client::selected(account());
    for _ in 0..80 {
        client.account.deliver("Subject: more\n\nmore\n", DATE);
    }
    client.send("n NOOP\r\n");
    // One among others, all of a batch, and the last.
    client.account.damaged = [2].into_iter().chain(4..=70).chain([83]).collect();
    for (item, name) in
        [("BODY[]", "BODY[]"), ("BODY.PEEK[1]", "BODY[1]"), ("RFC822.HEADER", "RFC822.HEADER")]
    {
        let answer = client.send(&format!("a UID FETCH 1:* ({item})\r\n"));
        let sent = answer.matches(&format!(" {name} {{")).count();
        assert_eq!(sent, 83 - 69, "{item}: {answer}");
        let last = answer.trim_end().rsplit("\r\n").next().unwrap();
        assert!(last.starts_with("a NO [CORRUPTION] "), "{item}: {last}");
    }
    // What was not read is not seen.
    assert_eq!(client.send("b SEARCH UNSEEN 1:5\r\n"), "* SEARCH 2 4 5\r\nb OK SEARCH completed\r\n");
    // What the index knows of it is told nevertheless.
    assert!(client.send("c FETCH 2 (UID RFC822.SIZE)\r\n").ends_with("c OK FETCH completed\r\n"));
}

#[test]
fn bodies_without_room_come_with_the_next_batch() {
    let mut client = Client::selected(account());
    let all = client.send("a FETCH 1:3 (BODY.PEEK[TEXT] BODYSTRUCTURE)\r\n");
    client.account.bodies_at_once = 1;
    client.account.asks.clear();
    assert_eq!(client.send("a FETCH 1:3 (BODY.PEEK[TEXT] BODYSTRUCTURE)\r\n"), all);
    assert_eq!(client.account.asks.iter().filter(|ask| *ask == "Bodies").count(), 3);
}

#[test]
fn flags_and_sizes_are_answered_without_asking() {
    let mut client = Client::selected(account());
    client.account.asks.clear();
    let answer = client.send("a UID FETCH 1:* (FLAGS RFC822.SIZE INTERNALDATE MODSEQ)\r\n");
    assert_eq!(lines(&answer).len(), 5, "{answer}");
    assert!(answer.contains("* 3 FETCH (UID 3 FLAGS (\\Recent) RFC822.SIZE 28 INTERNALDATE \"20-Jul-1996"));
    assert!(client.account.asks.is_empty(), "{:?}", client.account.asks);
}

#[test]
fn searches() {
    let mut client = Client::selected(account());
    client.send("s STORE 2 +FLAGS.SILENT (\\Flagged $Work)\r\n");
    let table = [
        ("ALL", "1 2 3"),
        ("FLAGGED", "2"),
        ("UNFLAGGED", "1 3"),
        ("KEYWORD $work", "2"),
        ("UNKEYWORD $Other", "1 2 3"),
        ("NEW", "1 2 3"),
        ("OLD", ""),
        ("NOT 2", "1 3"),
        ("OR 1 3", "1 3"),
        ("OR 1 (2 FLAGGED)", "1 2"),
        ("1:2 2:3", "2"),
        ("UID 3,9", "3"),
        ("LARGER 100", "1 2"),
        ("SMALLER 100", "3"),
        ("BEFORE 17-Jul-1996", "2"),
        ("ON 17-Jul-1996", "1"),
        ("SINCE \"17-Jul-1996\"", "1 3"),
        ("SENTON 17-Jul-1996", "1"),
        ("NOT SENTBEFORE 18-Jul-1996", "2 3"),
        ("SENTSINCE 17-Jul-1996 TEXT imap", "1"),
        ("SUBJECT LUNCH", "3"),
        ("BODY noon", "3"),
        ("TEXT two", "2"),
        ("FROM gray CC klensin", "1"),
        ("HEADER message-id b27397", "1"),
        ("HEADER Subject \"\"", "1 3"),
        ("OR BODY noon FLAGGED", "2 3"),
        ("OR (SENTON 17-Jul-1996 BODY hello) SMALLER 50", "1 3"),
        ("NOT (TEXT imap)", "2 3"),
        ("CHARSET UTF-8 SUBJECT {5}\r\nlunch", "3"),
        ("BODY nothing", ""),
    ];
    for (keys, found) in table {
        let answer = client.send(&format!("a SEARCH {keys}\r\n"));
        let answer = answer.replace("+ OK\r\n", "");
        let found = if found.is_empty() { String::new() } else { format!(" {found}") };
        assert_eq!(answer, format!("* SEARCH{found}\r\na OK SEARCH completed\r\n"), "{keys}");
    }
}

#[test]
fn refuses_searches_that_are_none() {
    let mut client = Client::selected(account());
    let deep = format!("{}ALL{}", "(".repeat(60), ")".repeat(60));
    let nots = format!("{}ALL", "NOT ".repeat(2000));
    let table = [
        "",
        "FOO",
        "NOT",
        "OR ALL",
        "(ALL",
        "ALL)",
        "KEYWORD",
        "LARGER x",
        "ON 31-Feb-2000",
        "SUBJECT",
        "1:",
        "9",
        "HEADER a",
        "BEFORE",
        "ALL  ALL",
        "UID x",
        "MODSEQ",
        "RETURN (FOO) ALL",
        "RETURN ALL",
        &deep,
        &nots,
    ];
    for keys in table {
        let answer = client.send(&format!("a SEARCH {keys}\r\n"));
        assert!(answer.starts_with("a BAD "), "{keys}: {answer}");
        client.send("n NOOP\r\n");
    }
    let answer = client.send("a SEARCH CHARSET KOI8-R SUBJECT {2}\r\n\u{e4}\r\n");
    assert_eq!(answer, "+ OK\r\na NO [BADCHARSET (US-ASCII UTF-8)] This charset is not supported\r\n");
}

#[test]
fn searches_with_return_options() {
    let mut client = Client::selected(account());
    let table = [
        ("SEARCH RETURN () ALL", "(TAG \"a\") ALL 1:3"),
        ("SEARCH RETURN (MIN MAX) NOT 1", "(TAG \"a\") MIN 2 MAX 3"),
        ("UID SEARCH RETURN (COUNT ALL) OR 1 3", "(TAG \"a\") UID COUNT 2 ALL 1,3"),
        ("SEARCH RETURN (MIN COUNT) FLAGGED", "(TAG \"a\") COUNT 0"),
        ("SEARCH RETURN (MIN) MODSEQ 12", "(TAG \"a\") MIN 2 MODSEQ 12"),
        ("SEARCH RETURN (COUNT) MODSEQ \"/flags/\\\\Seen\" all 1", "(TAG \"a\") COUNT 3 MODSEQ 13"),
    ];
    for (command, result) in table {
        let answer = client.send(&format!("a {command}\r\n"));
        let answer = answer.replace("* OK [HIGHESTMODSEQ 13] Highest\r\n", "");
        assert_eq!(answer, format!("* ESEARCH {result}\r\na OK SEARCH completed\r\n"), "{command}");
    }
    assert_eq!(
        client.send("a SEARCH MODSEQ 12\r\n"),
        "* SEARCH 2 3 (MODSEQ 13)\r\na OK SEARCH completed\r\n"
    );
    assert_eq!(client.send("a SEARCH MODSEQ 99\r\n"), "* SEARCH\r\na OK SEARCH completed\r\n");
}

#[test]
fn expunges_wait_until_they_may_be_told() {
    let mut client = Client::selected(account());
    client.account.remove(2);
    client.account.set(3, Flag::Seen);
    client.event(Event::Changed);
    // RFC 3501 §7.4.1: numbers must not change under FETCH, STORE and SEARCH.
    assert_eq!(
        client.send("a FETCH 2:3 UID\r\n"),
        "* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\n* 3 FETCH (FLAGS (\\Seen \\Recent))\r\na OK FETCH completed\r\n"
    );
    assert_eq!(
        client.send("b FETCH 2:3 BODY.PEEK[TEXT]\r\n"),
        "* 3 FETCH (BODY[TEXT] {10}\r\nAt noon?\r\n)\r\nb NO [EXPUNGEISSUED] Some of the messages no longer exist\r\n"
    );
    assert!(client.send("c SEARCH UID 3\r\n").starts_with("* SEARCH 3\r\nc OK"));
    assert!(
        client
            .send("d STORE 2:3 +FLAGS (\\Flagged)\r\n")
            .ends_with("d NO [EXPUNGEISSUED] Some of the messages no longer exist\r\n")
    );
    assert_eq!(
        client.send("e UID FETCH 3 UID\r\n"),
        "* 3 FETCH (UID 3)\r\n* 2 EXPUNGE\r\ne OK FETCH completed\r\n"
    );
    assert_eq!(client.send("f NOOP\r\n"), "f OK NOOP completed\r\n");
}

#[test]
fn messages_copied_by_number_are_all_or_none() {
    for command in ["COPY", "MOVE"] {
        let mut client = Client::selected(account());
        client.account.remove(2);
        let answer = client.send(&format!("a {command} 1:3 Sent\r\n"));
        assert!(
            answer.ends_with("a NO [EXPUNGEISSUED] Some of the messages no longer exist\r\n"),
            "{answer}"
        );
        assert!(client.send("b STATUS Sent (MESSAGES)\r\n").contains("(MESSAGES 0)"), "{command}");
        assert!(client.send("c STATUS INBOX (MESSAGES)\r\n").contains("(MESSAGES 2)"), "{command}");
        client.account.remove(1);
        // RFC 3501 §6.4.8: a UID that is gone is no error.
        let answer = client.send(&format!("d UID {command} 1 Sent\r\n"));
        assert!(answer.contains("d OK "), "{answer}");
        let answer = client.send(&format!("e UID {command} 1:3 Sent\r\n"));
        assert!(answer.contains("[COPYUID 7 3 1]") && answer.contains("e OK "), "{answer}");
        assert!(client.send("f STATUS Sent (MESSAGES)\r\n").contains("(MESSAGES 1)"), "{command}");
    }
}

#[test]
fn a_change_is_told_once() {
    let mut client = Client::selected(account());
    client.account.deliver("Subject: new\n\n", DATE);
    client.account.set(1, Flag::Answered);
    client.account.remove(2);
    assert_eq!(
        client.send("a NOOP\r\n"),
        "* 1 FETCH (FLAGS (\\Answered \\Recent))\r\n* 2 EXPUNGE\r\n* 3 EXISTS\r\n* 3 RECENT\r\na OK NOOP completed\r\n"
    );
    assert_eq!(client.send("b NOOP\r\n"), "b OK NOOP completed\r\n");
    client.account.asks.clear();
    client.send("c FETCH 1 UID\r\nd CAPABILITY\r\n");
    assert!(client.account.asks.is_empty(), "nothing changed, nobody is asked");
}

#[test]
fn idle_tells_of_changes_at_once() {
    let mut client = Client::selected(account());
    assert_eq!(client.send("a IDLE\r\n"), "+ idling\r\n");
    assert!(client.wait.unwrap().changes);
    client.account.deliver("Subject: new\n\n", DATE);
    assert_eq!(client.event(Event::Changed), "* 4 EXISTS\r\n* 4 RECENT\r\n");
    client.account.remove(1);
    assert_eq!(client.event(Event::Changed), "* 1 EXPUNGE\r\n");
    assert_eq!(client.send("done\r\n"), "a OK IDLE completed\r\n");
    assert_eq!(client.send("b IDLE\r\nNOOP\r\n"), "+ idling\r\nb BAD Expected DONE\r\n");
}

#[test]
fn a_large_fetch_is_written_in_pieces() {
    let mut account = Account::new();
    for _ in 0..5000 {
        account.deliver("Subject: x\n\nbody\n", DATE);
    }
    let mut client = Client::selected(account);
    let plain = client.send("a FETCH 1:* (FLAGS UID RFC822.SIZE)\r\n");
    assert_eq!(lines(&plain).len(), 5001);
    let bodies = client.send("b FETCH 1:* (ENVELOPE BODY.PEEK[])\r\n");
    assert!(bodies.ends_with("b OK FETCH completed\r\n"));
    assert!(client.send("c UID SEARCH ALL\r\n").len() > 20_000);
    client.send("d STORE 1:* +FLAGS (\\Seen)\r\n");
    for uid in 1..=5000 {
        client.account.set(uid, Flag::Answered);
    }
    assert_eq!(lines(&client.send("e NOOP\r\n")).len(), 5001);
    assert!(client.largest < 40_000, "{}", client.largest);
}

/// A message with a header of about so many octets.
fn long_header(octets: usize) -> String {
    let fields: String = (0..octets / 100).map(|n| format!("X-{}: {n:>91}\n", n % 10)).collect();
    format!("Subject: long\n{fields}\nbody\n")
}

#[test]
fn a_long_header_is_written_in_pieces() {
    let message = long_header(300_000).replace('\n', "\r\n");
    let header = message.strip_suffix("body\r\n").unwrap();
    let named = header.lines().filter(|line| line.starts_with("X-3:")).map(|line| format!("{line}\r\n"));
    let third = format!("{}\r\n", named.collect::<String>());
    let others = header.replace("Subject: long\r\n", "");
    let literal = |text: &str| format!("{{{}}}\r\n{text}", text.len());
    let table = [
        ("BODY[HEADER]", literal(header)),
        ("BODY[HEADER]<10.200000>", literal(&header[10..200_010])),
        ("BODY[HEADER.FIELDS (X-3)]", literal(&third)),
        ("BODY[HEADER.FIELDS (X-3)]<99.12345>", literal(&third[99..12_444])),
        ("BODY[HEADER.FIELDS (X-3)]<99999999.1>", "\"\"".to_owned()),
        ("BODY[HEADER.FIELDS (Other)]", literal("\r\n")),
        ("BODY[HEADER.FIELDS.NOT (subject)]", literal(&others)),
        ("BODY[1.HEADER.FIELDS (X-3)]", literal(&third)),
    ];
    let mut account = Account::new();
    account.deliver(&long_header(300_000), DATE);
    let outer = format!("Content-Type: message/rfc822\n\n{}", long_header(300_000));
    account.deliver(&outer, DATE);
    let mut client = Client::selected(account);
    for (item, expected) in table {
        let number = if item.starts_with("BODY[1") { 2 } else { 1 };
        let label = item.split('>').next().unwrap().rsplit_once('.').filter(|_| item.ends_with('>'));
        let label = label.map_or(item.to_owned(), |(label, _)| format!("{label}>"));
        let command = format!("a FETCH {number} {}\r\n", item.replace("BODY", "BODY.PEEK"));
        let answer = format!("* {number} FETCH ({label} {expected})\r\na OK FETCH completed\r\n");
        assert!(client.send(&command) == answer, "{item}");
    }
    // However often the header is asked for in one command, what is held of it is little.
    let items = |with: fn(u32) -> String| (0..100).map(with).collect::<Vec<_>>().join(" ");
    let headers = items(|n| format!("BODY.PEEK[HEADER]<{n}.99999999>"));
    let fields = items(|n| format!("BODY.PEEK[HEADER.FIELDS (X-3)]<{n}.99999999>"));
    assert!(client.send(&format!("b FETCH 1 ({headers})\r\n")).len() > 100 * 290_000);
    assert!(client.send(&format!("c FETCH 1 ({fields})\r\n")).len() > 100 * 29_000);
    let small = format!("Subject: short\n{}\n", "X: 1\n".repeat(10_000));
    client.account.deliver(&small, DATE);
    client.send("d NOOP\r\n");
    assert!(client.send(&format!("e FETCH 3 ({headers})\r\n")).len() > 100 * 50_000);
    assert!(client.largest <= (32 << 10) + (64 << 10) + 1024, "{}", client.largest);
    assert!(client.account.largest_read <= 64 << 10, "{}", client.account.largest_read);
}

#[test]
fn long_work_lets_others_have_their_turn() {
    let mut account = Account::new();
    account.deliver(&format!("Subject: x\n{}\n", "X: 1\n".repeat(10_000)), DATE);
    let mut client = Client::selected(account);
    // Sixty thousand octets are looked through a hundred times, and nothing is found.
    let names: String = (0..100).map(|n| format!("BODY.PEEK[HEADER.FIELDS (N{n})] ")).collect();
    client.account.asks.clear();
    assert!(
        client.send(&format!("a FETCH 1 ({})\r\n", names.trim_end())).ends_with("OK FETCH completed\r\n")
    );
    assert_eq!(client.account.asks, ["Headers", "Pause", "Pause", "Pause", "Pause", "Pause"]);
}

#[test]
fn a_search_with_many_keys_lets_others_have_their_turn() {
    let mut account = Account::new();
    for n in 0..3_000 {
        account.deliver(if n % 2 == 0 { "Subject: even\n\n" } else { "Subject: odd\n\n" }, DATE);
    }
    let settings = Settings { clear: Offer::Passwords, command_limit: 100_000, ..Settings::default() };
    let mut client = Client::with(account, settings);
    client.send("x LOGIN alice secret\r\ny SELECT INBOX\r\n");
    let count = |client: &Client, name: &str| client.account.asks.iter().filter(|ask| *ask == name).count();
    let mut search = |keys: &str| {
        client.account.asks.clear();
        let answer = client.send(&format!("a SEARCH RETURN (COUNT) {keys}\r\n"));
        let pauses = ["Pause", "Sent", "Search"].map(|name| count(&client, name));
        (answer.split_once("COUNT ").unwrap().1.split_once("\r\n").unwrap().0.to_owned(), pauses)
    };
    // Few keys are tried against all messages at once, and two thousand against about 500 messages.
    let many = "UNSEEN ".repeat(2_000);
    assert_eq!(search("UNSEEN"), ("3000".to_owned(), [0, 0, 0]));
    assert_eq!(search(&format!("{many}ALL")), ("3000".to_owned(), [5, 0, 0]));
    assert_eq!(search("SUBJECT odd"), ("1500".to_owned(), [0, 0, 3]));
    assert_eq!(search(&format!("{many}SUBJECT odd")), ("1500".to_owned(), [5, 0, 6]));
    assert_eq!(search("NOT SENTON 1-Jan-2000"), ("3000".to_owned(), [0, 12, 0]));
    let more = "UNSEEN ".repeat(8_000);
    assert_eq!(search(&format!("{more}NOT SENTON 1-Jan-2000")), ("3000".to_owned(), [22, 23, 0]));
}

#[test]
fn summaries_come_as_there_is_room_for_them() {
    let mut client = Client::selected(account());
    for _ in 0..100 {
        client.account.deliver("Subject: x\n\n", DATE);
    }
    client.send("a NOOP\r\n");
    let all = client.send("b FETCH 1:50,60:103 (ENVELOPE BODY.PEEK[TEXT])\r\n");
    client.account.summaries_at_once = 7;
    client.account.asks.clear();
    assert_eq!(client.send("b FETCH 1:50,60:103 (ENVELOPE BODY.PEEK[TEXT])\r\n"), all);
    let asked = |name: &str| client.account.asks.iter().filter(|ask| *ask == name).count();
    // Octets are asked for only where there is a summary.
    assert_eq!((asked("Summaries"), asked("Bodies")), (14, 14));
    // Of dates alone nobody makes summaries.
    client.account.asks.clear();
    client.send("c SEARCH SENTSINCE 1-Jan-1990\r\n");
    assert_eq!(client.account.asks, ["Sent"]);
}

#[test]
fn a_long_list_is_written_in_pieces_and_matched_within_bounds() {
    let mut client = Client::selected(account());
    for n in 0..2000 {
        client.send(&format!("a CREATE {}{n}\r\n", "a".repeat(200)));
    }
    client.account.asks.clear();
    assert_eq!(lines(&client.send("b LIST \"\" *\r\n")).len(), 2003);
    assert!(client.largest < 40_000, "{}", client.largest);
    assert_eq!(client.account.asks, ["Folders"]);
    let answer = client.send(&format!("c LIST \"\" ({}b)\r\n", "*a".repeat(1000)));
    assert!(answer.starts_with("c NO [LIMIT] "), "{answer}");
    assert!(client.account.asks.iter().filter(|ask| *ask == "Pause").count() > 50);
    let many = vec![format!("{}b", "*a".repeat(500)); 5].join(" ");
    client.account.asks.clear();
    assert!(client.send(&format!("d LIST \"\" ({many})\r\n")).starts_with("d NO [LIMIT] "));
    assert!(client.send(&format!("e LSUB \"\" {}\r\n", "x".repeat(5000))).starts_with("e NO [LIMIT] "));
    assert!(client.account.asks.is_empty());
}

#[test]
fn only_rfc822_is_shown_as_a_message() {
    let mut account = Account::new();
    account.deliver("Content-Type: message/global\n\nSubject: inner\n\ntext\n", DATE);
    let mut client = Client::selected(account);
    assert_eq!(
        client.send("a FETCH 1 (BODY BODY.PEEK[1.HEADER.FIELDS (SUBJECT)])\r\n"),
        "* 1 FETCH (BODY (\"message\" \"global\" NIL NIL NIL \"7bit\" 24) \
         BODY[1.HEADER.FIELDS (SUBJECT)] {18}\r\nSubject: inner\r\n\r\n)\r\na OK FETCH completed\r\n"
    );
}

#[test]
fn many_messages_are_changed_some_at_a_time() {
    let mut account = Account::new();
    for _ in 0..12_000 {
        account.deliver("Subject: x\n\n", DATE);
    }
    let mut client = Client::selected(account);
    // Somebody else changes one early and one late message, and removes one.
    client.send("a ENABLE CONDSTORE\r\n");
    client.account.set(7, Flag::Flagged);
    client.account.set(11_999, Flag::Flagged);
    client.account.remove(6_000);
    let answer = client.send("b UID STORE 1:* (UNCHANGEDSINCE 12010) +FLAGS.SILENT (\\Deleted)\r\n");
    assert!(answer.ends_with("b OK [MODIFIED 7,11999] Conditional STORE failed\r\n"), "{}", answer.len());
    assert_eq!(client.account.asks.iter().filter(|ask| *ask == "Store").count(), 3);
    let answer = client.send("c EXPUNGE\r\n");
    assert_eq!(answer.matches(" EXPUNGE\r\n").count(), 11_997);
    assert_eq!(client.account.asks.iter().filter(|ask| *ask == "Expunge").count(), 3);
    assert_eq!(client.send("d UID SEARCH ALL\r\n"), "* SEARCH 7 11999\r\nd OK SEARCH completed\r\n");
    assert_eq!(client.account.largest_change, 5_000);
}

#[test]
fn the_client_hears_of_some_changes_before_the_next_are_made() {
    let mut account = Account::new();
    for _ in 0..12_000 {
        account.deliver("Subject: x\n\n", DATE);
    }
    let mut client = Client::selected(account);
    client.account.remove(11_000);
    let answer = client.send("a STORE 1:* +FLAGS ($Work)\r\n");
    assert_eq!(answer.matches(" FETCH (FLAGS (\\Recent $Work))").count(), 11_999);
    // The new keyword is told once, and before the first message that has it.
    assert_eq!(answer.matches("PERMANENTFLAGS").count(), 1);
    assert!(answer.find("PERMANENTFLAGS").unwrap() < answer.find(" FETCH ").unwrap());
    assert!(answer.ends_with("a NO [EXPUNGEISSUED] Some of the messages no longer exist\r\n"));
    // Less than a piece of output waits for more when the next change is asked for.
    let line = "* 5000 FETCH (FLAGS (\\Recent $Work))\r\n".len();
    let (first, next) = (client.written_before_store[0], &client.written_before_store[1..]);
    assert_eq!((first, next.len()), (0, 2));
    for (pieces, written) in (1..).zip(next) {
        assert!(*written + (32 << 10) > pieces * 5_000 * (line - 3), "{written} of {}", answer.len());
    }
    assert!(client.largest < 40_000, "{}", client.largest);
    assert_eq!(client.send("b NOOP\r\n"), "* 11000 EXPUNGE\r\nb OK NOOP completed\r\n");
}

#[test]
fn a_copy_is_all_or_nothing_and_bounded() {
    let mut account = Account::new();
    for _ in 0..100_001 {
        account.deliver("\n", DATE);
    }
    let mut client = Client::selected(account);
    client.account.asks.clear();
    for command in ["COPY", "MOVE", "UID COPY"] {
        let answer = client.send(&format!("a {command} 1:* Sent\r\n"));
        assert_eq!(answer, "a NO [LIMIT] At most 100000 messages at a time\r\n");
    }
    assert!(client.account.asks.is_empty());
}

#[test]
fn times_out() {
    let mut client = Client::new(account());
    client.send("");
    // Octets that come in drops do not keep a session open before login.
    for _ in 0..5 {
        client.now += Duration::from_secs(10);
        assert_eq!(client.send("x"), "");
    }
    assert_eq!(client.pass(Duration::from_secs(9)), "");
    assert_eq!(client.pass(Duration::from_secs(1)), "* BYE Login took too long\r\n");
    assert!(client.closed);

    // Nor do commands; but from the login on all of the idle time is the client's.
    let mut client = Client::new(account());
    client.send("");
    client.now += Duration::from_secs(59);
    assert_eq!(client.send("a NOOP\r\n"), "a OK NOOP completed\r\n");
    assert_eq!(client.pass(Duration::from_secs(1)), "* BYE Login took too long\r\n");
    let mut client = Client::new(account());
    client.send("");
    client.now += Duration::from_secs(59);
    client.send("a LOGIN alice secret\r\n");
    assert_eq!(client.pass(Duration::from_secs(1799)), "");
    assert_eq!(client.pass(Duration::from_secs(1)), "* BYE Autologout; idle for too long\r\n");

    let mut client = Client::selected(account());
    assert_eq!(client.pass(Duration::from_secs(1799)), "");
    client.send("a NOOP\r\n");
    assert_eq!(client.pass(Duration::from_secs(1799)), "");
    assert_eq!(client.pass(Duration::from_secs(1)), "* BYE Autologout; idle for too long\r\n");
    assert!(client.closed);
}

#[test]
fn says_good_bye_at_shutdown_and_when_the_user_must_go() {
    for begun in ["", "a IDLE\r\n", "a APPEND INBOX {100}\r\nSubject"] {
        let mut client = Client::selected(account());
        client.send(begun);
        assert_eq!(client.event(Event::Shutdown), "* BYE Server shutting down\r\n", "{begun}");
        assert!(client.closed);
    }
    let mut client = Client::selected(account());
    assert_eq!(client.event(Event::Expelled), "* BYE Session ended by an administrator\r\n");
    assert!(client.closed);
}

#[test]
fn what_came_before_tls_is_forgotten() {
    let settings = Settings::default();
    let mut client = Client::with(account(), settings);
    let answer = client.send(
        "a CAPABILITY\r\nb LOGIN alice secret\r\nc STARTTLS\r\nd LOGIN alice secret\r\ne LIST \"\" *\r\n",
    );
    let answer = lines(&answer);
    assert!(answer[0].contains("STARTTLS LOGINDISABLED"), "{answer:?}");
    assert!(answer[3].starts_with("b NO [PRIVACYREQUIRED]"), "{answer:?}");
    assert_eq!(answer[4], "c OK Begin TLS negotiation now");
    assert_eq!(answer.len(), 5, "{answer:?}");
    let answer = client.send("f CAPABILITY\r\ng STARTTLS\r\nh LOGIN alice secret\r\n");
    assert!(answer.contains("AUTH=PLAIN") && !answer.contains("STARTTLS LOGIN"), "{answer}");
    assert!(answer.contains("g BAD ") && answer.contains("\r\nh OK "), "{answer}");
}

#[test]
fn gives_up_on_garbage_and_guessing() {
    let mut client = Client::new(account());
    let answer = client.send(&"\0\u{1}\u{2}garbage\r\n".repeat(20));
    assert_eq!(lines(&answer).len(), 1 + 10 + 1, "{answer}");
    assert!(answer.ends_with("* BYE Too many bad commands\r\n") && client.closed);

    let mut client = Client::new(account());
    let answer = client.send(&"a LOGIN alice wrong\r\n".repeat(20));
    assert!(answer.ends_with("* BYE Too many failed logins\r\n") && client.closed);
    assert_eq!(client.account.asks.len(), 5);

    // Refusals of a client that is at work do not add up.
    let mut client = Client::selected(account());
    for _ in 0..100 {
        assert!(client.send("a FOO\r\nb NOOP\r\n").contains("b OK"));
    }
}

#[test]
fn literals_are_bounded() {
    let mut client = Client::new(account());
    let greeting = client.send("");
    assert!(greeting.starts_with("* OK [CAPABILITY IMAP4rev1 "));
    assert_eq!(client.send("a LOGIN {9000}\r\n"), "a BAD [TOOBIG] Literal too large\r\n");
    assert_eq!(client.send("a LOGIN alice {6}\r\n"), "+ OK\r\n");
    assert!(client.send("secret\r\n").starts_with("a OK [CAPABILITY "));
    let swallowed = format!("b SELECT {{70000+}}\r\n{}\r\nc NOOP\r\n", "x".repeat(70000));
    assert_eq!(client.send(&swallowed), "b BAD [TOOBIG] Literal too large\r\nc OK NOOP completed\r\n");
    assert_eq!(client.send("d SELECT {70000000000+}\r\n"), "* BYE [TOOBIG] Literal too large\r\n");
    assert!(client.closed);
}

#[test]
fn appends() {
    let message = "Subject: x\r\n\r\na\r\n";
    let n = message.len();
    let mut client = Client::new(account());
    client.send("x LOGIN alice secret\r\n");
    let table = [
        (
            format!("a APPEND Sent (\\Seen $X) \"{DATE}\" {{{n}+}}\r\n{message}\r\n"),
            "a OK [APPENDUID 7 1] APPEND completed\r\n",
        ),
        (
            format!("a APPEND {{4+}}\r\nSent {{{n}+}}\r\n{message}\r\n"),
            "a OK [APPENDUID 7 2] APPEND completed\r\n",
        ),
        (
            format!("a APPEND Nowhere {{{n}+}}\r\n{message}\r\n"),
            "a NO [TRYCREATE] Mailbox does not exist\r\n",
        ),
        (format!("a APPEND Nowhere {{{n}}}\r\n"), "a NO [TRYCREATE] Mailbox does not exist\r\n"),
        ("a APPEND Sent {100001}\r\n".to_owned(), "a NO [TOOBIG] A message may have 100000 octets\r\n"),
        (
            format!("a APPEND Sent {{100001+}}\r\n{}\r\n", "x".repeat(100_001)),
            "a NO [TOOBIG] A message may have 100000 octets\r\n",
        ),
        (
            format!("a APPEND Sent {{{n}+}}\r\n{message} junk\r\n"),
            "a BAD APPEND: Unexpected arguments at the end\r\n",
        ),
        (
            format!("a APPEND Sent {{{n}+}}\r\n{message} {{8+}}\r\nz NOOP\r\n\r\n"),
            "a BAD One message at a time\r\n",
        ),
        ("a APPEND Sent {0}\r\n".to_owned(), "a NO [CANNOT] A message has at least one octet\r\n"),
        ("a APPEND Sent \"message\"\r\n".to_owned(), "a BAD APPEND: Invalid date and time\r\n"),
        ("a APPEND Sent\r\n".to_owned(), "a BAD APPEND: Missing space or argument\r\n"),
        (
            format!("a APPEND Sent (\\Recent) {{{n}+}}\r\n{message}\r\n"),
            "a BAD APPEND: This system flag cannot be set\r\n",
        ),
        // What is wrong is said however large the message is, and before a client that waits sends it.
        (
            "a APPEND Sent (\\Recent) {70000}\r\n".to_owned(),
            "a BAD APPEND: This system flag cannot be set\r\n",
        ),
        (
            format!("a APPEND Sent \"now\" {{70000+}}\r\n{}\r\n", "x".repeat(70_000)),
            "a BAD APPEND: Invalid date and time\r\n",
        ),
        (
            "a APPEND Sent message {70000}\r\n".to_owned(),
            "a BAD APPEND: Expected the message as a literal\r\n",
        ),
        ("a APPEND {70000}\r\n".to_owned(), "a BAD [TOOBIG] Literal too large\r\n"),
    ];
    for (command, answer) in table {
        assert_eq!(
            client.send(&format!("{command}n NOOP\r\n")),
            format!("{answer}n OK NOOP completed\r\n"),
            "{command}"
        );
    }
    assert_eq!(client.account.folders[1].messages[0].1, message);
    assert_eq!(
        client.send("a SELECT Sent\r\nb FETCH 1 (FLAGS INTERNALDATE)\r\n").lines().rev().nth(1).unwrap(),
        format!("* 1 FETCH (FLAGS (\\Seen \\Recent $X) INTERNALDATE \"{DATE}\")")
    );
    // The selected mailbox grows before the command ends.
    assert_eq!(
        client.send(&format!("a APPEND Sent {{{n}+}}\r\n{message}\r\n")),
        "* 3 EXISTS\r\n* 3 RECENT\r\na OK [APPENDUID 7 3] APPEND completed\r\n"
    );
    client.account.full = true;
    assert_eq!(
        client.send(&format!("a APPEND Sent {{{n}+}}\r\n{message}\r\nn NOOP\r\n")),
        "a NO [UNAVAILABLE] The disk is full\r\nn OK NOOP completed\r\n"
    );
}

#[test]
fn conditional_store() {
    let mut client = Client::selected(account());
    client.account.set(2, Flag::Seen);
    assert_eq!(
        client.send("a STORE 1:3 (UNCHANGEDSINCE 13) +FLAGS.SILENT (\\Deleted)\r\n"),
        "* OK [HIGHESTMODSEQ 13] Highest\r\n* 1 FETCH (UID 1 MODSEQ (15))\r\n* 3 FETCH (UID 3 MODSEQ (15))\r\n\
         * 2 FETCH (UID 2 FLAGS (\\Seen \\Recent) MODSEQ (14))\r\na OK [MODIFIED 2] Conditional STORE failed\r\n"
    );
    assert_eq!(
        client.send("b UID FETCH 1:* (FLAGS) (CHANGEDSINCE 14)\r\n"),
        "* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent) MODSEQ (15))\r\n\
         * 3 FETCH (UID 3 FLAGS (\\Deleted \\Recent) MODSEQ (15))\r\nb OK FETCH completed\r\n"
    );
    // What another session changed is told even to a silent STORE.
    client.account.set(1, Flag::Flagged);
    assert!(
        client
            .send("c STORE 1 +FLAGS.SILENT (\\Seen)\r\n")
            .starts_with("* 1 FETCH (UID 1 FLAGS (\\Flagged \\Deleted \\Seen \\Recent) MODSEQ (17))\r\n")
    );
}

/// A session with most commands, some of them wrong.
const SCRIPT: &str = "a1 CAPABILITY\r\na2 LOGIN {5}\r\nalice {6+}\r\nsecret\r\na3 LIST \"\" *\r\na4 LSUB \"\" %\r\n\
a5 STATUS Sent (MESSAGES UIDNEXT)\r\na6 CREATE \"a b\"\r\na7 SELECT INBOX\r\na8 FETCH 1:3 (FLAGS ENVELOPE)\r\n\
a9 UID FETCH 2 BODY[]\r\nb1 STORE 1 FLAGS (\\Seen kw)\r\nb2 COPY 1:2 Sent\r\nb3 APPEND INBOX (\\Draft) {18}\r\n\
Subject: y\r\n\r\nab\r\n\r\nb4 SEARCH SUBJECT {1+}\r\ny\r\nb5 FOO\r\nb6 NOOP\nb7 NOOP\r\nb8 \x01\r\n\r\nb9 FETCH 1 BODY[TEXT]<2.5>\r\n\
c1 IDLE\r\nDONE\r\nc2 UID STORE 3 +FLAGS.SILENT \\Deleted\r\nc3 UID EXPUNGE 1:*\r\nc4 MOVE 1 Sent\r\n\
c5 ENABLE CONDSTORE\r\nc6 FETCH 1:* MODSEQ\r\nc7 CLOSE\r\nc8 EXAMINE Sent\r\nc9 STORE 1 FLAGS ()\r\nd1 UNSELECT\r\n\
d2 NAMESPACE\r\nd3 ID NIL\r\nd4 AUTHENTICATE PLAIN\r\nd5 RENAME \"a b\" c\r\nd6 DELETE c\r\nd7 LOGOUT\r\nd8 NOOP\r\n";

fn play(input: &[u8], cuts: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let mut client = Client::new(account());
    let (mut out, mut rest) = (client.send_octets(b""), input);
    for cut in cuts {
        let (piece, later) = rest.split_at(cut.min(rest.len()));
        out.extend(client.send_octets(piece));
        rest = later;
    }
    out.extend(client.send_octets(rest));
    out
}

#[test]
fn cuts_make_no_difference() {
    let whole = String::from_utf8(play(SCRIPT.as_bytes(), [])).unwrap();
    assert!(whole.ends_with("d7 OK LOGOUT completed\r\n"), "{whole}");
    for number in ["a2", "a7", "a9", "b1", "b2", "b3", "b4", "b9", "c1", "c3", "c4", "c6", "d1", "d6"] {
        assert!(whole.contains(&format!("\r\n{number} OK ")), "{number} in {whole}");
    }
    let octets = play(SCRIPT.as_bytes(), std::iter::repeat_n(1, SCRIPT.len()));
    assert_eq!(whole, String::from_utf8(octets).unwrap());
    for at in 0..SCRIPT.len() {
        assert_eq!(whole.as_bytes(), play(SCRIPT.as_bytes(), [at]), "cut at {at}");
    }
}

const WORDS: &[&str] = &[
    "a ",
    "b2 ",
    "LOGIN alice secret\r\n",
    "SELECT INBOX\r\n",
    "FETCH ",
    "UID ",
    "STORE ",
    "SEARCH ",
    "APPEND INBOX ",
    "IDLE\r\n",
    "DONE\r\n",
    "NOOP\r\n",
    "1:* ",
    "2,3 ",
    "(FLAGS BODY[])",
    "BODY.PEEK[2.HEADER]<0.9> ",
    "+FLAGS (\\Seen)",
    "{3}\r\n",
    "{3+}\r\n",
    "{99999+}\r\n",
    "{18446744073709551616}\r\n",
    "\"",
    "\\",
    "(",
    ")",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\u{e4}",
    "abc",
    " ",
    "AUTHENTICATE PLAIN\r\n",
    "AUTHENTICATE LOGIN =\r\n",
    "*\r\n",
    "EXPUNGE\r\n",
    "CLOSE\r\n",
    "LIST \"\" %\r\n",
    "RETURN (ALL) ",
    "NOT ",
    "OR ",
    "TEXT x",
    "COPY 1 Sent\r\n",
    "MOVE 1 Sent\r\n",
    "STATUS INBOX (MESSAGES)\r\n",
    "LOGOUT\r\n",
    "STARTTLS\r\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_input_cut_anyhow_gives_the_same(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..60),
        cuts in prop::collection::vec(1usize..20, 0..80),
    ) {
        let input = format!("x LOGIN alice secret\r\ny SELECT INBOX\r\n{}", words.concat());
        // STARTTLS forgets what came with it, which depends on the cut by its nature.
        prop_assume!(!input.contains("a STARTTLS\r\n") && !input.contains("b2 STARTTLS\r\n"));
        let whole = play(input.as_bytes(), []);
        let cut = play(input.as_bytes(), cuts);
        prop_assert_eq!(String::from_utf8_lossy(&whole), String::from_utf8_lossy(&cut));
    }

    #[test]
    fn octets_of_any_kind_do_no_harm(octets in prop::collection::vec(any::<u8>(), 0..2000)) {
        let whole = play(&octets, []);
        prop_assert!(whole.starts_with(b"* OK "));
        prop_assert_eq!(whole, play(&octets, std::iter::repeat_n(7, 300)));
    }
}

#[test]
fn a_session_under_tls_offers_passwords() {
    let now = Instant::now();
    let session = Session::new(Arc::new(Settings::default()), Channel::Tls, now);
    let mut client = Client { session, now, ..Client::new(account()) };
    let greeting = client.send("");
    assert!(greeting.contains("AUTH=PLAIN AUTH=LOGIN") && !greeting.contains("STARTTLS"), "{greeting}");
    assert_eq!(client.send("a AUTHENTICATE PLAIN\r\n"), "+ \r\n");
    assert!(client.send("AGFsaWNlAHNlY3JldA==\r\n").starts_with("a OK [CAPABILITY "));
}
