//! Structure, envelopes and ranges of small messages, and what holds for every sequence of octets.

use super::*;
use proptest::prelude::*;

fn parse(message: &[u8]) -> Summary {
    let mut builder = Builder::new();
    builder.push(message);
    builder.finish()
}

/// The structure in short: type, body octets quoted, parts in brackets.
fn outline(part: &Part, message: &[u8]) -> String {
    let kind = format!("{}/{}", part.media_type, part.media_subtype);
    match &part.content {
        Content::Leaf => format!("{kind}{:?}", String::from_utf8_lossy(part.body.of(message))),
        Content::Multipart(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| outline(part, message)).collect();
            format!("{kind}({})", parts.join(" "))
        }
        Content::Message(inner) => format!("{kind}<{}>", outline(&inner.root, message)),
    }
}

fn mixed(body: &str) -> String {
    format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{body}")
}

#[test]
fn structures() {
    let table = [
        ("", r#"text/plain"""#),
        ("\r\n", r#"text/plain"""#),
        ("\r\nbody", r#"text/plain"body""#),
        ("A: 1", r#"text/plain"""#),
        ("A: 1\r\n", r#"text/plain"""#),
        ("A: 1\r\n\r\n", r#"text/plain"""#),
        ("A: 1\n\nbody\n", r#"text/plain"body\n""#),
        ("Content-Type: text\r\n\r\nx", r#"text/plain"x""#),
        ("Content-Type: Image/GIF; x\r\n\r\nx", r#"Image/GIF"x""#),
        ("Content-Type: message/rfc822\r\n\r\nA: 1\r\n\r\nx", r#"message/rfc822<text/plain"x">"#),
        ("Content-Type: message/rfc822\r\n", r#"message/rfc822<text/plain"">"#),
        (
            "Content-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ==",
            r#"message/global<text/plain"QQ==">"#,
        ),
        ("Content-Type: multipart/mixed\r\n\r\nx\r\n", r#"multipart/mixed(text/plain"x\r\n")"#),
    ];
    for (message, expected) in table {
        assert_eq!(outline(&parse(message.as_bytes()).root, message.as_bytes()), expected, "{message:?}");
    }
}

#[test]
fn delimiters() {
    let table = [
        ("--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n", r#"(text/plain"one" text/plain"two")"#),
        ("--b\n\none\n\n--b\n\ntwo\n--b--\n", r#"(text/plain"one\n" text/plain"two")"#),
        ("pre\r\n--b\r\n\r\none\r\n--b--\r\npost\r\n--b\r\n\r\nno\r\n", r#"(text/plain"one")"#),
        ("--b\r\n\r\nno end\r\n", r#"(text/plain"no end\r\n")"#),
        ("--b\r\n\r\none\r\n--b--", r#"(text/plain"one")"#),
        ("--b\r\n\r\none\r\n--b", r#"(text/plain"one" text/plain"")"#),
        ("--b \t\r\n\r\none\r\n--b-- \r\n", r#"(text/plain"one")"#),
        (
            "--b\r\n\r\n--bb\r\n-- b\r\n --b\r\n--b-\r\n--b--x\r\n--b--",
            r#"(text/plain"--bb\r\n-- b\r\n --b\r\n--b-\r\n--b--x")"#,
        ),
        ("--b\r\n\r\n--b\r\n\r\n\r\n--b--", r#"(text/plain"" text/plain"")"#),
        ("--b\r\nX: 1\r\n--b\r\n\r\ntwo", r#"(text/plain"" text/plain"two")"#),
        ("--b\r\nX: 1\r\n--b--\r\nrest", r#"(text/plain"")"#),
        ("--b\r\n--b\r\n--b--", r#"(text/plain"" text/plain"")"#),
        ("--b--\r\n", r#"(text/plain"--b--\r\n")"#),
        ("nothing", r#"(text/plain"nothing")"#),
        ("", r#"(text/plain"")"#),
        (
            "--b\r\nContent-Type: message/rfc822\r\n--b\r\n\r\nx",
            r#"(message/rfc822<text/plain""> text/plain"x")"#,
        ),
        (
            "--b\r\nContent-Type: message/rfc822\r\n\r\nS: 1\r\n--b\r\n\r\nx",
            r#"(message/rfc822<text/plain""> text/plain"x")"#,
        ),
        (
            "--b\r\nContent-Type: multipart/mixed; boundary=bc\r\n\r\n--bc\r\n\r\nin\r\n--bc--\r\nout\r\n--b--",
            r#"(multipart/mixed(text/plain"in"))"#,
        ),
        (
            "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nin\r\n--b\r\n\r\nout\r\n--c--\r\n",
            r#"(multipart/mixed(text/plain"in") text/plain"out\r\n--c--\r\n")"#,
        ),
        (
            "--b\r\nContent-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nS: 1\r\n\r\nx\r\n--d\r\nContent-Type: text/html\r\n\r\ny\r\n--b--",
            r#"(multipart/digest(message/rfc822<text/plain"x"> text/html"y"))"#,
        ),
    ];
    for (body, expected) in table {
        let message = mixed(body);
        let got = outline(&parse(message.as_bytes()).root, message.as_bytes());
        assert_eq!(got, format!("multipart/mixed{expected}"), "{body:?}");
    }
}

#[test]
fn lines_are_line_ends_of_the_body() {
    let message = mixed(
        "--b\r\n\r\none\r\ntwo\r\n--b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nS: 1\r\n\r\nx\r\ny\r\n--b--\r\n",
    );
    let root = parse(message.as_bytes()).root;
    let Content::Multipart(parts) = &root.content else { panic!("{root:?}") };
    assert_eq!((root.lines, parts[0].lines, parts[1].lines, parts[2].lines), (14, 1, 0, 3));
    let Content::Message(inner) = &parts[2].content else { panic!("{parts:?}") };
    assert_eq!(inner.root.lines, 1);
}

#[test]
fn part_fields() {
    let message = b"Content-Type: Text/HTML (comment); charset=\"utf-8\"; boundary==_x/y=;\r\n\
        \tname*0*=utf-8''a; =bad;; x; y=1 2; z=\"a\\\"b\"\r\n\
        Content-Transfer-Encoding : Quoted-Printable (x)\r\nContent-ID: <id@x>\r\nContent-Description: a\r\n b\r\n\
        Content-MD5: abc==\r\nContent-Disposition: attachment; filename=\"a;b.txt\"; size=3\r\n\
        Content-Language: de, en (English)\r\nContent-Location: http://x.test/\r\n y\r\nContent-Type: text/x\r\n\r\n";
    let part = parse(message).root;
    let parameters: Vec<_> =
        part.parameters.iter().map(|(name, value)| (&**name, std::str::from_utf8(value).unwrap())).collect();
    let expected =
        [("charset", "utf-8"), ("boundary", "=_x/y="), ("name*0*", "utf-8''a"), ("y", "1"), ("z", "a\"b")];
    assert_eq!((&*part.media_type, &*part.media_subtype, parameters), ("Text", "HTML", expected.to_vec()));
    assert_eq!(part.encoding, "Quoted-Printable");
    assert_eq!(part.id.as_deref(), Some(&b"<id@x>"[..]));
    assert_eq!(part.description.as_deref(), Some(&b"a b"[..]));
    assert_eq!(part.md5.as_deref(), Some(&b"abc=="[..]));
    let parameters = vec![("filename".into(), b"a;b.txt".to_vec()), ("size".into(), b"3".to_vec())];
    assert_eq!(part.disposition, Some(("attachment".into(), parameters)));
    assert_eq!(part.language, ["de", "en"]);
    assert_eq!(part.location.as_deref(), Some(&b"http://x.test/ y"[..]));
}

#[test]
fn envelopes() {
    let message = b"date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\nSubject: one\n two\nFrom: A <a@x.test>\nFrom: evil@x.test\n\
        To: b@x.test\nTo: G: c@x.test;\nMessage-ID: <1@x>\nIn-Reply-To: <0@x>\nSubject: three\n\n";
    let envelope = parse(message).envelope;
    let mailbox = |name: Option<&str>, local: &str| EnvelopeAddress::Mailbox {
        name: name.map(|name| name.as_bytes().to_vec()),
        local: local.as_bytes().to_vec(),
        domain: b"x.test".to_vec(),
    };
    assert_eq!(envelope.date.as_deref(), Some(&b"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)"[..]));
    assert_eq!(envelope.sent, Some(crate::DateTime { seconds: 837_595_405, offset: -420 }));
    assert_eq!(envelope.subject.as_deref(), Some(&b"one two"[..]));
    assert_eq!(envelope.from, [mailbox(Some("A"), "a")]);
    let group = [EnvelopeAddress::GroupStart(b"G".to_vec()), mailbox(None, "c"), EnvelopeAddress::GroupEnd];
    assert_eq!(envelope.to, [&[mailbox(None, "b")], &group[..]].concat());
    assert_eq!(envelope.message_id.as_deref(), Some(&b"<1@x>"[..]));
    assert_eq!(envelope.in_reply_to.as_deref(), Some(&b"<0@x>"[..]));
    assert_eq!((envelope.sender, envelope.subject.is_some()), (Vec::new(), true));
}

#[test]
fn addresses_are_bounded_over_all_fields() {
    let list = "a,".repeat(2_000);
    let inner = format!("To: {list}\r\n\r\n");
    let message =
        format!("From: {list}\r\nTo: {list}\r\nTo: {list}\r\nContent-Type: message/rfc822\r\n\r\n{inner}");
    let summary = parse(message.as_bytes());
    assert_eq!((summary.envelope.from.len(), summary.envelope.to.len()), (2_000, 2_096));
    let Content::Message(inner) = summary.root.content else { panic!("no message") };
    assert_eq!(inner.envelope.to.len(), 0);
}

fn depth(part: &Part) -> usize {
    1 + match &part.content {
        Content::Leaf => 0,
        Content::Multipart(parts) => parts.iter().map(depth).max().unwrap_or(0),
        Content::Message(message) => depth(&message.root),
    }
}

fn count(part: &Part) -> usize {
    1 + match &part.content {
        Content::Leaf => 0,
        Content::Multipart(parts) => parts.iter().map(count).sum(),
        Content::Message(message) => count(&message.root),
    }
}

#[test]
fn bounds_hold() {
    let messages = b"Content-Type: message/rfc822\r\n\r\n".repeat(5_000);
    let multiparts: String =
        (0..500).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    let many = mixed(&"--b\r\n\r\nx\r\n".repeat(20_000));
    let long = [b"Subject: ".as_slice(), &b"x".repeat(1 << 20), b"\r\n\r\nbody\r\n"].concat();
    let wide = mixed(&"--b\r\nContent-ID: 0123456789\r\n\r\n".repeat(9_000));
    for message in [&messages, multiparts.as_bytes(), many.as_bytes(), &long, wide.as_bytes()] {
        let summary = parse(message);
        assert!((1..=51).contains(&depth(&summary.root)), "{}", depth(&summary.root));
        assert!((1..=10_001).contains(&count(&summary.root)), "{}", count(&summary.root));
        assert_eq!(summary.root.body.end() as usize, message.len());
        assert_eq!(Summary::decode(&summary.encode()), Ok(summary));
    }
    assert_eq!(parse(&long).envelope.subject.map(|subject| subject.len()), Some((64 << 10) - 1));
    assert_eq!(parse(&long).root.body.of(&long), b"body\r\n");
}

#[test]
fn encoding_is_compact_and_versioned() {
    let message = b"Date: Wed, 17 Jul 1996 02:23:25 -0700\r\nFrom: Terry <gray@x.test>\r\nTo: imap@x.test\r\nSubject: hi\r\n\r\nx\r\n";
    let encoded = parse(message).encode();
    assert!(encoded.len() < 150, "{}", encoded.len());
    assert_eq!(Summary::decode(&[]), Err(DecodeError::Damaged));
    assert_eq!(Summary::decode(&[9]), Err(DecodeError::Version(9)));
    let longer = [encoded.as_slice(), b"x"].concat();
    assert_eq!(Summary::decode(&longer), Err(DecodeError::Damaged));
}

/// Text out of pieces that meet the parser's decisions often.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "\r\n",
        "\n",
        "\r",
        "--",
        "--b",
        "--c",
        "--b--",
        "--bc",
        "--c--",
        " ",
        "text",
        "\r\n\r\n",
        "-",
        "\n-",
        "\r\n--b\r\n",
        "\r\n--c\r\n",
        "Content-Type: multipart/mixed; boundary=b",
        "Content-Type: multipart/digest; boundary=\"c\"",
        "Content-Type: multipart/mixed; boundary=bc",
        "Content-Type: message/rfc822",
        "Content-Type: text/html; a=b",
        "Subject: s",
        "From: A <a@b>, c@d (e)",
        "To: g:;",
        "Date: 1 Jan 2000 00:00:00 +0000",
        "\r\nContent-Type: message/rfc822\r\n\r\n",
        "\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n",
        "\0\u{e9}",
        "Content-Transfer-Encoding: base64",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
}

fn check_part(part: &Part, around: Range, message: &[u8]) {
    assert!(part.header.start >= around.start && part.body.end() <= around.end(), "{part:?} in {around:?}");
    assert_eq!(part.header.end(), part.body.start);
    let lines = part.body.of(message).iter().filter(|&&c| c == b'\n').count();
    assert_eq!(part.lines as usize, lines, "{part:?}");
    match &part.content {
        Content::Leaf => assert!(!part.is_multipart() && !part.is_message()),
        Content::Multipart(parts) => {
            assert!(part.is_multipart() && !parts.is_empty());
            let mut free = part.body;
            for part in parts {
                check_part(part, free, message);
                free = Range { start: part.body.end(), len: free.end() - part.body.end() };
            }
        }
        Content::Message(inner) => {
            assert!(part.is_message());
            assert_eq!((inner.root.header.start, inner.root.body.end()), (part.body.start, part.body.end()));
            check_part(&inner.root, part.body, message);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_cut_gives_the_same(message in messages(), cuts in prop::collection::vec(1_usize..9, 1..9)) {
        let mut builder = Builder::new();
        let mut rest = message.as_slice();
        for len in cuts.into_iter().cycle() {
            let (piece, after) = rest.split_at(len.min(rest.len()));
            builder.push(piece);
            rest = after;
            if rest.is_empty() { break }
        }
        prop_assert_eq!(builder.finish(), parse(&message));
    }

    #[test]
    fn ranges_are_nested(message in messages()) {
        let summary = parse(&message);
        let whole = Range { start: 0, len: u32::try_from(message.len()).unwrap() };
        check_part(&summary.root, whole, &message);
        prop_assert_eq!((summary.root.header.start, summary.root.body.end()), (0, whole.len));
    }

    #[test]
    fn decoding_is_inverse(message in messages()) {
        let summary = parse(&message);
        prop_assert_eq!(Summary::decode_sent(&summary.encode()), Ok(summary.envelope.sent));
        prop_assert_eq!(Summary::decode(&summary.encode()), Ok(summary));
    }

    #[test]
    fn garbage_decodes_to_an_error_or_a_summary(message in messages(), at in any::<prop::sample::Index>(), octet in any::<u8>(),
        octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut damaged = parse(&message).encode();
        let _ = Summary::decode(&damaged[..at.index(damaged.len())]);
        *at.get_mut(&mut damaged) = octet;
        let _ = Summary::decode(&damaged);
        let _ = Summary::decode(&[&[1], octets.as_slice()].concat());
    }
}
