//! The session as a client meets it.

use crate::harness::{Client, FULL, settings};
use smtp::Settings;
use std::time::Duration;
use wire::sasl::Mechanism;
use wire::{Event, Machine};

const SYSTEM: &str = "250 mail.example.test Hello [192.0.2.1]";
const SENT: &str = "250 2.6.0 <id@example.test> Queued mail for delivery";
const START: &str = "354 Start mail input; end with <CRLF>.<CRLF>";

#[test]
fn a_message_from_end_to_end() {
    let mut client = Client::clear();
    assert_eq!(client.run(), "220 mail.example.test Gatepost ESMTP service ready\r\n");
    client.talk(&[
        ("HELO client.test", SYSTEM),
        ("MAIL FROM:<eve@else.test>", "250 2.1.0 Sender OK"),
        ("RCPT TO:<bob@example.test>", "250 2.1.5 Recipient OK"),
        ("RCPT TO:<postmaster>", "250 2.1.5 Recipient OK"),
        ("RCPT TO:<nobody@example.test>", "550 5.1.1 User unknown"),
        ("RCPT TO:<eve@else.test>", "550 5.7.1 Unable to relay"),
        ("DATA", START),
        ("Subject: x", ""),
        ("", ""),
        ("..dot", ""),
        (".", SENT),
        ("QUIT", "221 2.0.0 Service closing transmission channel"),
    ]);
    assert!(client.closed);
    let to = vec!["bob@example.test".to_owned(), "postmaster".to_owned()];
    assert_eq!(client.world.accepted, [(to, b"Subject: x\r\n\r\n.dot\r\n".to_vec())]);
}

#[test]
fn ehlo_offers_what_the_connection_allows() {
    let mut client = Client::clear();
    client.run();
    let hello = "250-mail.example.test Hello [192.0.2.1]\r\n";
    let common =
        "250-SIZE 100000\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 SMTPUTF8";
    let clear = format!("{hello}250-STARTTLS\r\n{common}");
    let inside = format!("{hello}250-AUTH PLAIN LOGIN\r\n{common}");
    client.talk(&[("EHLO client.test", &clear)]);
    assert_eq!(client.send("STARTTLS\r\n"), "220 2.0.0 SMTP server ready\r\n");
    client.talk(&[
        ("MAIL FROM:<>", "503 5.5.2 Send hello first"),
        ("EHLO client.test", &inside),
        ("STARTTLS", "503 5.5.2 Only one STARTTLS command can be issued per session"),
    ]);
}

#[test]
fn what_was_sent_ahead_of_tls_is_never_executed() {
    let mut client = Client::clear();
    client.run();
    client.send("EHLO client.test\r\n");
    let answer = client.send("STARTTLS\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\n");
    assert_eq!(answer, "220 2.0.0 SMTP server ready\r\n");
    client.talk(&[("NOOP", "250 2.0.0 OK"), ("EHLO x", client_ehlo_inside().as_str())]);
}

fn client_ehlo_inside() -> String {
    let mut client = Client::inside_tls();
    client.run();
    client.send("EHLO x\r\n").trim_end().to_owned()
}

#[test]
fn commands_out_of_order_and_out_of_form() {
    let table = [
        ("MAIL FROM:<>", "503 5.5.2 Send hello first"),
        ("STARTTLS", "503 5.5.2 Send hello first"),
        ("EHLO", "501 5.5.4 Invalid domain name"),
        ("HELO x", SYSTEM),
        ("RCPT TO:<bob@example.test>", "503 5.5.2 Need mail command"),
        ("DATA", "503 5.5.2 Need mail command"),
        ("MAIL FROM:<>", "250 2.1.0 Sender OK"),
        ("MAIL FROM:<>", "503 5.5.2 Sender already specified"),
        ("DATA", "503 5.5.2 Need rcpt command"),
        ("AUTH PLAIN", "503 5.5.1 Not permitted during a mail transaction"),
        ("DATA now", "501 5.5.4 This command takes no arguments"),
        ("RSET now", "501 5.5.4 This command takes no arguments"),
        ("rset", "250 2.0.0 Resetting"),
        ("RCPT TO:<bob@example.test>", "503 5.5.2 Need mail command"),
        ("VRFY", "501 5.5.4 Invalid arguments"),
        ("VRFY bob", "252 2.1.5 Cannot VRFY user"),
        ("EXPN list", "502 5.3.3 Command not implemented"),
        ("NOOP what ever", "250 2.0.0 OK"),
        ("XCLIENT", "500 5.3.3 Unrecognized command"),
        ("", "500 5.3.3 Unrecognized command"),
        (" NOOP", "500 5.3.3 Unrecognized command"),
        ("NOOP\tx", "500 5.3.3 Unrecognized command"),
        ("AUTH", "501 5.5.4 Invalid arguments"),
        ("AUTH CRAM-MD5", "504 5.5.4 Unrecognized authentication type"),
        (
            "AUTH PLAIN",
            "538 5.7.11 Encryption required for requested authentication mechanism - send STARTTLS first",
        ),
        ("MAIL FROM:<a@b.test> SIZE=100001", "552 5.3.4 Message size exceeds fixed maximum message size"),
        ("MAIL FROM:<a@b.test> SIZE=100000", "250 2.1.0 Sender OK"),
        ("HELO again", SYSTEM),
        ("RCPT TO:<bob@example.test>", "503 5.5.2 Need mail command"),
    ];
    let mut client = Client::new(Settings { max_errors: None, ..settings() }, None);
    client.run();
    client.talk(&table);
    let help = client.send("HELP\r\n");
    assert!(
        help.starts_with("214-2.0.0 ") && help.contains("\r\n214 2.0.0 EHLO HELO MAIL RCPT DATA"),
        "{help}"
    );
    assert!(client.send(b"NOOP \xff\r\n").starts_with("500 5.5.2"));
}

#[test]
fn lines_beyond_their_limits() {
    let mut client = Client::new(Settings { max_errors: None, ..settings() }, None);
    client.run();
    client.send("HELO x\r\n");
    let table = [
        (format!("NOOP {}", "x".repeat(505)), "250 2.0.0 OK"),
        (format!("NOOP {}", "x".repeat(506)), "500 5.5.2 Line too long"),
        (format!("NOOP {}", "x".repeat(100_000)), "500 5.5.2 Line too long"),
        (format!("MAIL FROM:<a@b.test> AUTH={}", "x".repeat(500)), "250 2.1.0 Sender OK"),
        (format!("MAIL FROM:<a@b.test> AUTH={}", "x".repeat(1500)), "500 5.5.2 Line too long"),
    ];
    for (line, expected) in table {
        assert_eq!(client.send(format!("{line}\r\n")).trim_end(), expected);
    }
    for line in ["NOOP\nRSET\r\n", "NOOP\rRSET\r\n", "NOOP\r\r\n"] {
        let answer = client.send(line);
        assert_eq!(
            answer, "500 5.5.2 Line refused: it contains CR or LF that is not part of CRLF\r\n",
            "{line:?}"
        );
    }
}

#[test]
fn logging_in() {
    let success = "235 2.7.0 Authentication successful";
    let failure = "535 5.7.3 Authentication unsuccessful";
    let (plain, wrong) = ("AGFsaWNlAHNlY3JldA==", "AGFsaWNlAHdyb25n");
    let table: &[&[(&str, &str)]] = &[
        &[(&format!("AUTH PLAIN {plain}"), success)],
        &[("AUTH plain", "334"), (plain, success)],
        &[("AUTH LOGIN", "334 VXNlcm5hbWU6"), ("YWxpY2U=", "334 UGFzc3dvcmQ6"), ("c2VjcmV0", success)],
        &[("AUTH LOGIN YWxpY2U=", "334 UGFzc3dvcmQ6"), ("c2VjcmV0", success)],
        &[("AUTH LOGIN", "334 VXNlcm5hbWU6"), ("*", "501 5.7.0 Authentication cancelled")],
        &[
            ("AUTH PLAIN", "334"),
            ("NO-OP", "501 5.5.2 Cannot decode the BASE64 response"),
            ("NOOP", "250 2.0.0 OK"),
        ],
        &[("AUTH PLAIN =", "501 5.5.2 Malformed authentication response")],
        &[("AUTH PLAIN", "334"), (&"A".repeat(20_000), "500 5.5.6 Authentication exchange line is too long")],
        &[("AUTH PLAIN", "334"), (&"A".repeat(12_288), "501 5.5.2 Malformed authentication response")],
        &[(&format!("AUTH PLAIN {wrong}"), failure), (&format!("AUTH PLAIN {plain}"), success)],
        &[
            (&format!("AUTH PLAIN {plain}"), success),
            (&format!("AUTH PLAIN {plain}"), "503 5.5.2 Already authenticated"),
            ("MAIL FROM:<alice@example.test>", "250 2.1.0 Sender OK"),
            ("RCPT TO:<eve@else.test>", "250 2.1.5 Recipient OK"),
        ],
        &[
            (&format!("AUTH PLAIN {wrong}"), failure),
            (&format!("AUTH PLAIN {wrong}"), failure),
            (
                &format!("AUTH PLAIN {wrong}"),
                &format!(
                    "{failure}\r\n421 4.7.0 Too many errors on this connection, closing transmission channel"
                ),
            ),
        ],
    ];
    for lines in table {
        let mut client = Client::inside_tls();
        client.run();
        client.send("EHLO x\r\n");
        for (line, expected) in *lines {
            let answer = client.send(format!("{line}\r\n"));
            // "334 " has a space at its end (RFC 4954 §4).
            assert_eq!(answer.trim_end(), *expected, "{line}");
            assert!(*expected != "334" || answer == "334 \r\n");
        }
    }
}

#[test]
fn a_login_in_clear_text_stays_outside_tls() {
    let clear = smtp::Offers { starttls: true, auth: vec![Mechanism::Plain] };
    let mut client = Client::new(Settings { clear, ..settings() }, None);
    client.run();
    client.send("EHLO x\r\n");
    client.talk(&[
        ("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235 2.7.0 Authentication successful"),
        ("STARTTLS", "503 5.5.1 STARTTLS is not permitted after AUTH"),
        ("AUTH LOGIN", "503 5.5.2 Already authenticated"),
    ]);
    assert!(client.session.user().is_some());
}

#[test]
fn pipelined_commands_are_answered_in_one_write() {
    let mut client = Client::clear();
    client.run();
    client.send("EHLO x\r\n");
    let answer = client.send(
        "MAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nRCPT TO:<no@example.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n",
    );
    assert_eq!(
        answer,
        format!(
            "250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n550 5.1.1 User unknown\r\n250 2.1.5 Recipient OK\r\n{START}\r\n"
        )
    );
    assert_eq!(client.writes, 1);
    let answer = client.send("hello\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\n");
    assert_eq!(
        answer,
        format!("{SENT}\r\n250 2.1.0 Sender OK\r\n221 2.0.0 Service closing transmission channel\r\n")
    );
    assert_eq!(client.writes, 1);
    assert_eq!(client.world.accepted.len(), 1);
}

#[test]
fn so_many_recipients_and_no_more() {
    let mut client = Client::clear();
    client.run();
    client.send("EHLO x\r\nMAIL FROM:<>\r\n");
    for _ in 0..3 {
        client.talk(&[("RCPT TO:<bob@example.test>", "250 2.1.5 Recipient OK")]);
    }
    client.talk(&[("RCPT TO:<alice@example.test>", "452 4.5.3 Too many recipients"), ("DATA", START)]);
    assert_eq!(client.send(".\r\n").trim_end(), SENT);
    assert_eq!(client.world.accepted[0].0.len(), 3);
}

const BARE: &str = "550 5.6.0 Message refused: it contains CR or LF that is not part of CRLF";

fn in_data() -> Client {
    let mut client = Client::clear();
    client.run();
    client.send("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n");
    client
}

#[test]
fn nothing_is_smuggled() {
    let smuggled = "MAIL FROM:<admin@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nsmuggled\r\n";
    for end in [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\r",
        "\n\n.\n\n",
        "\r\r\n.\r\r\n",
        "\0\n.\r\n",
    ] {
        for cut in [1, 2, 3, 7, 4096] {
            let mut client = in_data();
            let answer = client.send_cut(format!("hello{end}{smuggled}\r\n.\r\nNOOP\r\n").as_bytes(), &[cut]);
            assert_eq!(answer, format!("{BARE}\r\n250 2.0.0 OK\r\n"), "{end:?} by {cut}");
            assert!(client.world.accepted.is_empty() && client.world.coming.is_none(), "{end:?}");
            assert_eq!(client.world.abandoned, 1);
        }
    }
}

#[test]
fn too_large_a_message_is_read_to_its_end() {
    let line = format!("{}\r\n", "x".repeat(998));
    for (lines, expected) in [(100, SENT), (101, "552 5.3.4 Message size exceeds fixed maximum message size")]
    {
        for cut in [1000, 65_536] {
            let mut client = in_data();
            let answer = client.send_cut(format!("{}.\r\nNOOP\r\n", line.repeat(lines)).as_bytes(), &[cut]);
            assert_eq!(answer, format!("{expected}\r\n250 2.0.0 OK\r\n"));
            assert_eq!(client.world.accepted.len(), usize::from(expected == SENT));
            assert!(client.world.coming.is_none());
        }
    }
}

#[test]
fn a_full_disk_refuses_the_message_and_keeps_the_session() {
    let mut client = in_data();
    client.world.disk_full_at = Some(10);
    assert_eq!(client.send("0123456789\r\n"), "");
    assert_eq!(client.send("more\r\n"), "");
    assert_eq!(client.send(".\r\n").trim_end(), format!("{} {}", FULL.code(), FULL.text()));
    client.world.disk_full_at = None;
    client.send("MAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n");
    assert_eq!(client.send("0123456789\r\n.\r\n").trim_end(), SENT);
}

#[test]
fn of_two_reasons_to_refuse_a_message_the_same_is_given_however_it_is_cut() {
    for cuts in [100, 10, 1] {
        let mut client = in_data();
        client.world.disk_full_at = Some(5);
        let answer = client.send_cut(b"0123456789\r\na\rb\r\n.\r\n", &[cuts]);
        assert_eq!(answer, "550 5.6.0 Message refused: it contains CR or LF that is not part of CRLF\r\n");
    }
}

#[test]
fn a_connection_that_drops_in_data_delivers_nothing() {
    for tail in ["", "\r\n", "\r\n.", "\r\n.\r"] {
        for event in [Event::Closed, Event::Shutdown, Event::Expelled] {
            let mut client = in_data();
            client.send(format!("Subject: half{tail}"));
            client.session.feed(event, client.now);
            client.run();
            assert!(client.closed && client.world.accepted.is_empty());
        }
    }
}

#[test]
fn too_many_errors_end_the_session() {
    let mut client = Client::clear();
    client.run();
    for _ in 0..5 {
        client.talk(&[("GET / HTTP/1.1", "500 5.3.3 Unrecognized command")]);
    }
    assert!(!client.closed);
    let answer = client.send("Host: mail\r\nNOOP\r\n");
    let expected = "500 5.3.3 Unrecognized command\r\n421 4.7.0 Too many errors on this connection, closing transmission channel\r\n";
    assert_eq!(answer, expected);
    assert!(client.closed);
}

#[test]
fn no_mistakes_are_counted_where_the_client_made_none() {
    let ahead = ["RCPT TO:<bob@example.test>\r\n"; 8].concat() + "DATA\r\n";
    let table = [
        format!("MAIL FROM:<> SIZE=100001\r\n{ahead}"),
        "MAIL FROM:<>\r\nRCPT TO:<no@example.test>\r\nDATA\r\nRSET\r\n".repeat(8),
        "AUTH LOGIN\r\n*\r\n".repeat(8),
        "x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n.\r\n".repeat(8),
    ];
    for commands in table {
        let mut client = Client::inside_tls();
        client.run();
        client.send("EHLO x\r\n");
        client.send(&commands);
        assert!(!client.closed, "{commands}");
    }
}

#[test]
fn mistakes_are_counted_where_the_client_made_some() {
    let table = [
        "RCPT TO:<bob@example.test>\r\n",
        "MAIL FROM:<>\r\nDATA\r\nRSET\r\n",
        "MAIL FROM:<> SIZE=100001\r\nNOOP\r\nDATA\r\n",
        "MAIL FROM:<> X=1\r\n",
        "MAIL FROM:<> SIZE=100001\r\nx\r\n",
        "AUTH LOGIN\r\n!\r\n",
    ];
    for commands in table {
        let mut client = Client::inside_tls();
        client.run();
        client.send("EHLO x\r\n");
        client.send(commands.repeat(5));
        assert!(!client.closed, "{commands}");
        client.send(commands);
        assert!(client.closed, "{commands}");
    }
}

#[test]
fn silence_and_slowness_end_the_session() {
    let timed_out = "421 4.4.2 Connection timed out, closing transmission channel\r\n";
    let mut client = Client::clear();
    client.run();
    assert_eq!(client.wait, Duration::from_secs(300));
    client.now += Duration::from_secs(200);
    client.send("NOOP\r\n");
    assert_eq!(client.wait, Duration::from_secs(300));
    client.now += Duration::from_secs(200);
    client.send("NO");
    assert_eq!(client.wait, Duration::from_secs(200), "the connection's life ends first");
    assert_eq!(client.after(Duration::from_secs(199)), "");
    assert_eq!(client.after(Duration::from_secs(1)), timed_out);
    assert!(client.closed);

    let mut client = in_data();
    assert_eq!(client.after(Duration::from_secs(300)), timed_out);
}

#[test]
fn a_message_under_way_is_taken_to_its_end() {
    let timed_out = "421 4.4.2 Connection timed out, closing transmission channel\r\n";
    let next = "MAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nagain\r\n.\r\n";
    let mut busy = in_data();
    for _ in 0..3 {
        busy.now += Duration::from_secs(290);
        assert_eq!(busy.send(format!("{}\r\n", "x".repeat(32 * 1024))), "");
    }
    busy.now += Duration::from_secs(200);
    assert_eq!(busy.send(format!(".\r\n{next}")), format!("{SENT}\r\n{timed_out}"));
    assert!(busy.closed);
    assert_eq!(busy.world.accepted.len(), 1, "and none after it");

    // Who sends octet by octet keeps no connection.
    let mut slow = in_data();
    let mut answer = String::new();
    for _ in 0..20 {
        slow.now += Duration::from_secs(60);
        answer.push_str(&slow.send("x"));
        answer.push_str(&slow.after(Duration::ZERO));
    }
    assert_eq!(answer, timed_out);
    assert!(slow.closed && slow.world.accepted.is_empty());

    let mut silent = in_data();
    silent.now += Duration::from_secs(299);
    silent.send("x");
    assert_eq!(silent.after(Duration::from_secs(299)), "");
    assert_eq!(silent.after(Duration::from_secs(1)), timed_out);
}

#[test]
fn a_message_under_way_keeps_no_connection_for_ever() {
    let timed_out = "421 4.4.2 Connection timed out, closing transmission channel\r\n";
    // One that makes progress has the connection's time once more.
    let mut steady = in_data();
    for (seconds, octets) in [(290, 1), (290, 1), (280, 33_000), (290, 33_000)] {
        steady.now += Duration::from_secs(seconds);
        assert_eq!(steady.send("x".repeat(octets)), "");
    }
    assert_eq!(steady.wait, Duration::from_secs(50));
    assert_eq!(steady.after(Duration::from_secs(49)), "");
    assert_eq!(steady.after(Duration::from_secs(1)), timed_out);
    assert!(steady.closed && steady.world.accepted.is_empty());

    // One that is refused has not.
    for (bad, refusal) in [
        (
            format!("{}\r\n", "x".repeat(98)).repeat(1_100),
            "552 5.3.4 Message size exceeds fixed maximum message size",
        ),
        ("a\nb".to_owned(), "550 5.6.0"),
    ] {
        let mut refused = in_data();
        assert_eq!(refused.send(bad), "");
        let mut answer = String::new();
        while !refused.closed {
            refused.now += refused.wait.min(Duration::from_secs(60));
            answer.push_str(&refused.send("x".repeat(40_000)));
        }
        let (first, last) = answer.split_once("\r\n").unwrap();
        assert!(first.starts_with(refusal), "{answer}");
        assert_eq!(last, timed_out);
        assert!(refused.world.accepted.is_empty() && refused.world.coming.is_none());
    }
}

#[test]
fn refusals_to_strangers_are_held_back() {
    let tarpit = Duration::from_secs(5);
    let mut client = Client::new(Settings { tarpit, ..settings() }, None);
    client.run();
    client.send("EHLO x\r\n");
    assert_eq!(client.send("MAIL FROM:<>\r\nRCPT TO:<no@example.test>\r\n"), "250 2.1.0 Sender OK\r\n");
    assert_eq!(client.wait, tarpit);
    client.now += Duration::from_secs(3);
    assert_eq!(client.send("RCPT TO:<bob@example.test>\r\n"), "");
    assert_eq!(client.wait, Duration::from_secs(2));
    assert_eq!(client.after(Duration::from_secs(2)), "550 5.1.1 User unknown\r\n250 2.1.5 Recipient OK\r\n");
    // Whoever floods meanwhile is cut off, so that memory stays bounded.
    client.send("RCPT TO:<no@example.test>\r\n");
    let mut answer = String::new();
    for _ in 0..10 {
        answer.push_str(&client.send(vec![b'x'; 20_000]));
    }
    assert_eq!(answer, "421 4.7.0 Too many commands sent ahead, closing transmission channel\r\n");
    assert!(client.closed);
}

#[test]
fn banner_and_hostile_names_stay_on_one_line() {
    let greeting = Some("mail\r\n250 forged".to_owned());
    let mut client = Client::new(Settings { greeting, ..settings() }, None);
    assert_eq!(client.run(), "220 mail  250 forged\r\n");
    assert!(client.send("EHLO a\tb\r\n").starts_with("501 "));
    assert!(client.send("EHLO a b c\r\n").starts_with("250-mail.example.test Hello [192.0.2.1]\r\n"));
}
