//! What holds for any input and any way it is cut.

use crate::harness::{Client, Message, settings};
use proptest::prelude::*;
use smtp::Settings;

/// Pieces that sessions are made of, good ones and bad ones.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"EHLO client.test\r\n",
        b"HELO x\r\n",
        b"MAIL FROM:<eve@else.test>\r\n",
        b"MAIL FROM:<> SIZE=10 BODY=8BITMIME SMTPUTF8\r\n",
        b"RCPT TO:<bob@example.test>\r\n",
        b"RCPT TO:<no@example.test>\r\n",
        b"RCPT TO:<eve@else.test>\r\n",
        b"DATA\r\n",
        b"Subject: a\r\n\r\n..text\r\n",
        b".\r\n",
        b".\n",
        b"\r",
        b"\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n",
        b"AUTH LOGIN\r\n",
        b"YWxpY2U=\r\n",
        b"*\r\n",
        b"STARTTLS\r\n",
        b"VRFY a\r\n",
        b"HELP\r\n",
        b"QUIT\r\n",
    ];
    let word = prop::sample::select(words).prop_map(<[u8]>::to_vec);
    let noise = prop::collection::vec(any::<u8>(), 0..40);
    let long = (1_usize..3000, any::<u8>()).prop_map(|(len, octet)| vec![octet; len]);
    prop_oneof![20 => word, 2 => noise, 1 => long]
}

/// A good beginning, so that the interesting stages are reached often.
fn sessions() -> impl Strategy<Value = Vec<u8>> {
    let beginning = prop::sample::select(vec![
        "",
        "EHLO x\r\n",
        "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\n",
        "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n",
    ]);
    (beginning, prop::collection::vec(pieces(), 0..40))
        .prop_map(|(beginning, pieces)| [beginning.as_bytes(), &pieces.concat()].concat())
}

fn converse(input: &[u8], cuts: &[usize], tls: bool) -> (String, Vec<Message>, usize) {
    let clear = smtp::Offers { starttls: false, ..settings().clear };
    let settings = Settings { max_errors: Some(20), clear, ..settings() };
    let mut client = Client::new(settings, tls.then(crate::harness::tls));
    let mut out = client.run();
    out.push_str(&client.send_cut(input, cuts));
    (out, client.world.accepted, client.world.largest_chunk)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same(
        input in sessions(),
        cuts in prop::collection::vec(1_usize..200, 1..8),
        tls in any::<bool>(),
    ) {
        let (whole, accepted, _) = converse(&input, &[usize::MAX], tls);
        for cuts in [&cuts[..], &[1]] {
            let (cut, accepted_cut, largest) = converse(&input, cuts, tls);
            prop_assert_eq!(&whole, &cut);
            prop_assert_eq!(&accepted, &accepted_cut);
            prop_assert!(largest <= *cuts.iter().max().unwrap());
        }
    }

    #[test]
    fn random_octets_neither_panic_nor_go_on_for_ever(
        input in prop::collection::vec(any::<u8>(), 0..4000),
        cuts in prop::collection::vec(1_usize..500, 1..4),
    ) {
        let (whole, ..) = converse(&input, &[usize::MAX], true);
        let (cut, ..) = converse(&input, &cuts, true);
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn a_message_comes_through_as_it_is(
        lines in prop::collection::vec("[ -~äß.]{0,80}", 0..30),
        cuts in prop::collection::vec(1_usize..60, 1..6),
    ) {
        let message: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let mut dotted = Vec::new();
        let mut stuffer = wire::Stuffer::new(None);
        stuffer.push(message.as_bytes(), &mut dotted);
        stuffer.finish(&mut dotted);
        let mut client = Client::clear();
        client.run();
        client.send("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n");
        client.send_cut(&dotted, &cuts);
        let expected = (vec!["bob@example.test".to_owned()], message.into_bytes());
        prop_assert_eq!(client.world.accepted, vec![expected]);
    }
}
