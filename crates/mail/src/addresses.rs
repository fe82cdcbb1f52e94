//! Address lists of header fields (RFC 5322 §3.4, obsolete forms of §4.4), as ENVELOPE shows them.
//!
//! Names are not decoded (RFC 2047 is left to the reader). Whatever a field holds gives some list: what is no address
//! becomes one without a domain, so that a client still shows it.

use crate::Address;
use crate::lex::{Kind, Lexer};
use crate::summary::EnvelopeAddress;

/// The members of the unfolded field `value`, the first `most` of them: a list of single letters and commas must not
/// grow a hundredfold in memory.
pub(crate) fn parse(value: &[u8], most: usize) -> Vec<EnvelopeAddress> {
    read(value, most).members
}

fn read(value: &[u8], most: usize) -> List {
    let mut list = List::default();
    let mut lexer = Lexer::new(value, b"<>,:;@");
    while let Some(token) = lexer.next() {
        match token.kind {
            Kind::Special(b'<') => list.angle(&mut lexer),
            Kind::Special(b':') => list.group(),
            Kind::Special(b',') => list.end_member(lexer.comment()),
            Kind::Special(b';') => list.end_group(lexer.comment()),
            Kind::Special(b'@') => list.at_sign(),
            Kind::Special(_) => {}
            Kind::Atom(text) | Kind::Literal(text) => list.word(text, token.spaced),
            Kind::Quoted(text) => list.word(&text, token.spaced),
        }
        if list.members.len() >= most {
            break;
        }
    }
    list.end_group(lexer.comment());
    list.members.truncate(most);
    list
}

/// The addresses in the unfolded field `value` as [`Address`] writes them; what is no address is written in the same form.
/// Names and groups are left out. `None` where there are more than `most` members, or where it depends on who reads the
/// field which address it names: `<a@example.test> <b@example.test>`.
pub fn mailboxes(value: &[u8], most: usize) -> Option<Vec<String>> {
    let address = |member| match member {
        EnvelopeAddress::Mailbox { local, domain, .. } => {
            let (local, domain) = (String::from_utf8_lossy(&local), String::from_utf8_lossy(&domain));
            Some(Address::new(&local, &domain).map_or_else(|_| format!("{local}@{domain}"), String::from))
        }
        EnvelopeAddress::GroupStart(_) | EnvelopeAddress::GroupEnd => None,
    };
    let list = read(value, most.saturating_add(1));
    let clear = !list.ambiguous && list.members.len() <= most;
    clear.then(|| list.members.into_iter().filter_map(address).collect())
}

/// The list so far, and the member that is being read.
#[derive(Default)]
struct List {
    members: Vec<EnvelopeAddress>,
    in_group: bool,
    /// Words of a display name or local part, each with whether space stood before it.
    words: Vec<(bool, Vec<u8>)>,
    /// Local part and domain, once an `@` or angle brackets have shown which is which.
    spec: Option<(Vec<u8>, Vec<u8>)>,
    angle: bool,
    /// Whether some member has two addresses.
    ambiguous: bool,
}

impl List {
    fn word(&mut self, text: &[u8], spaced: bool) {
        match &mut self.spec {
            Some((_, domain)) if !self.angle => domain.extend_from_slice(text),
            _ => self.words.push((spaced, text.to_vec())),
        }
    }

    /// The words are the local part, or end in it: `Joe joe@example.test` has lost its brackets.
    fn at_sign(&mut self) {
        self.ambiguous |= self.spec.is_some();
        if self.spec.is_none() {
            let local = self.words.split_off(self.local_part());
            let local = local.into_iter().flat_map(|(_, word)| word).collect();
            self.spec = Some((local, Vec::new()));
        }
    }

    /// Which word begins the last run that no space interrupts, space around dots left aside (RFC 5322 §4.4).
    fn local_part(&self) -> usize {
        let mut begin = self.words.len().saturating_sub(1);
        for (at, pair) in self.words.windows(2).enumerate().rev() {
            let [(_, before), (spaced, word)] = pair else { break };
            if *spaced && !before.ends_with(b".") && !word.starts_with(b".") {
                break;
            }
            begin = at;
        }
        begin
    }

    /// The words as a display name.
    fn take_name(&mut self) -> Vec<u8> {
        let mut name = Vec::new();
        for (spaced, word) in self.words.drain(..) {
            if spaced && !name.is_empty() {
                name.push(b' ');
            }
            name.extend_from_slice(&word);
        }
        name.trim_ascii().to_vec()
    }

    /// Reads what stands between angle brackets, whose first one has been read.
    fn angle(&mut self, lexer: &mut Lexer<'_>) {
        let mut inner = List::default();
        for token in lexer.by_ref() {
            match token.kind {
                Kind::Special(b'>') => break,
                Kind::Special(b'@') => inner.at_sign(),
                // The end of an obsolete route (RFC 5322 §4.4): what came before is no part of the address.
                Kind::Special(b':') => inner = List::default(),
                Kind::Special(_) => {}
                Kind::Atom(text) | Kind::Literal(text) => inner.word(text, token.spaced),
                Kind::Quoted(text) => inner.word(&text, token.spaced),
            }
        }
        let words = inner.words.drain(..).flat_map(|(_, word)| word);
        let (local, domain) = inner.spec.take().unwrap_or_default();
        let spec = (words.chain(local).collect::<Vec<_>>(), domain);
        self.ambiguous |= inner.ambiguous;
        if let Some((local, domain)) = self.spec.take() {
            // An address as its own display name: `a@b.test <a@b.test>`.
            self.ambiguous |= is_address(&domain) && !is_same((&local, &domain), (&spec.0, &spec.1));
            self.words.push((true, [local.as_slice(), b"@", &domain].concat()));
        }
        self.spec = Some(spec);
        self.angle = true;
    }

    fn group(&mut self) {
        if !self.in_group && self.spec.is_none() {
            self.in_group = true;
            let name = self.take_name();
            self.members.push(EnvelopeAddress::GroupStart(name));
        }
    }

    fn end_member(&mut self, comment: Option<&[u8]>) {
        let some = |name: &[u8]| (!name.is_empty()).then(|| name.to_vec());
        let name = self.take_name();
        let angle = std::mem::take(&mut self.angle);
        // RFC 5322 §3.4: the name in a comment behind the address is an old habit.
        let comment = comment.filter(|_| !angle).and_then(|text| some(text.trim_ascii()));
        let (name, local, domain) = match self.spec.take() {
            Some((local, domain)) => (some(&name).or(comment), local, domain),
            None if name.is_empty() => return,
            None => (comment, name, Vec::new()),
        };
        if name.is_some() || !local.is_empty() || !domain.is_empty() {
            self.members.push(EnvelopeAddress::Mailbox { name, local, domain });
        }
    }

    fn end_group(&mut self, comment: Option<&[u8]>) {
        self.end_member(comment);
        if std::mem::take(&mut self.in_group) {
            self.members.push(EnvelopeAddress::GroupEnd);
        }
    }
}

/// `Alice @ Work` is a name.
fn is_address(domain: &[u8]) -> bool {
    domain.contains(&b'.') || domain.starts_with(b"[")
}

/// Whether a display name, apostrophes around it left aside, is the address itself. Case makes no other person of anybody.
fn is_same(name: (&[u8], &[u8]), spec: (&[u8], &[u8])) -> bool {
    let [local, domain] = [name.0.strip_prefix(b"'"), name.1.strip_suffix(b"'")];
    let bare = local.zip(domain).unwrap_or(name);
    bare.0.eq_ignore_ascii_case(spec.0) && bare.1.eq_ignore_ascii_case(spec.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(value: &str) -> String {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let shown = parse(value.as_bytes(), usize::MAX).into_iter().map(|member| match member {
            EnvelopeAddress::Mailbox { name: Some(name), local, domain } => {
                format!("[{}|{}|{}]", text(&name), text(&local), text(&domain))
            }
            EnvelopeAddress::Mailbox { name: None, local, domain } => {
                format!("[{}|{}]", text(&local), text(&domain))
            }
            EnvelopeAddress::GroupStart(name) => format!("{}:", text(&name)),
            EnvelopeAddress::GroupEnd => ";".into(),
        });
        shown.collect()
    }

    #[test]
    fn mailboxes_of_a_list() {
        let list = "A <Alice@EXAMPLE.test>, G: \"b\\o b\"@b.test, \"c\"@c.test;, nobody, \"d@d.test\" <>";
        let expected = ["Alice@example.test", "\"bo b\"@b.test", "c@c.test", "nobody@", "@"];
        // A group counts with its beginning and its end.
        assert_eq!(mailboxes(list.as_bytes(), 7).unwrap(), expected);
        assert_eq!(mailboxes(list.as_bytes(), 6), None);
    }

    #[test]
    fn readers_agree_on_the_address_or_there_is_none() {
        let table = [
            ("a@x.test <a@X.test>", true),
            ("A@x.test <a@x.test>", true),
            ("'a@x.test' <a@x.test>", true),
            ("A @ Work <a@x.test>", true),
            ("'b@x.test' <a@x.test>", false),
            ("\"b@x.test\" <a@x.test>", true),
            ("<@b.test,@c.test:a@x.test>", true),
            ("b@x.test <a@x.test>", false),
            ("<b@x.test> <a@x.test>", false),
            ("<a@x.test> b@x.test", false),
            ("a@x.test b@x.test", false),
            ("a@b@x.test", false),
            ("<a@b@x.test>", false),
        ];
        for (value, clear) in table {
            assert_eq!(mailboxes(value.as_bytes(), 9).is_some(), clear, "{value}");
        }
    }

    #[test]
    fn lists() {
        let table = [
            ("", ""),
            ("alice@example.test", "[alice|example.test]"),
            ("<alice@example.test>", "[alice|example.test]"),
            ("Alice <alice@example.test>, bob@b.test", "[Alice|alice|example.test][bob|b.test]"),
            ("\"Doe, John\" <john@x.test>", "[Doe, John|john|x.test]"),
            ("John \"Q\" Doe <j@x.test>", "[John Q Doe|j|x.test]"),
            ("John Q. Doe <j@x.test>", "[John Q. Doe|j|x.test]"),
            ("\"joe smith\"@x.test", "[joe smith|x.test]"),
            ("joe@x.test (Joe Smith)", "[Joe Smith|joe|x.test]"),
            ("joe (middle) @ x . test", "[middle|joe|x.test]"),
            ("a . b @ c . d", "[a.b|c.d]"),
            ("Joe <joe@[192.0.2.1]>", "[Joe|joe|[192.0.2.1]]"),
            ("<@a.test,@b.test:user@c.test>", "[user|c.test]"),
            ("Old <@a.test:user@c.test>", "[Old|user|c.test]"),
            ("undisclosed-recipients:;", "undisclosed-recipients:;"),
            ("A Group: Ed <e@x.test>, f@y.test; g@z.test", "A Group:[Ed|e|x.test][f|y.test];[g|z.test]"),
            ("Open: a@x.test", "Open:[a|x.test];"),
            ("alice", "[alice|]"),
            ("<alice>", "[alice|]"),
            ("<>", ""),
            ("Mailer <>", "[Mailer||]"),
            (",,,", ""),
            (", a@b.test ,, c@d.test,", "[a|b.test][c|d.test]"),
            ("=?utf-8?q?Doe=2C_J,_X?= <j@x.test>", "[=?utf-8?q?Doe=2C_J,_X?=|j|x.test]"),
            ("Joe joe@x.test", "[Joe|joe|x.test]"),
            ("a@x.test <a@x.test>", "[a@x.test|a|x.test]"),
            ("Jürgen <jürgen@müller.test>", "[Jürgen|jürgen|müller.test]"),
            ("Bob :( <b@x.test>", "Bob:[(|b|x.test];"),
            ("\"open <b@x.test>", "[\"open|b|x.test]"),
            ("(only a comment)", ""),
        ];
        for (value, expected) in table {
            assert_eq!(show(value), expected, "{value}");
        }
    }

    #[test]
    fn a_hostile_list_stays_small_and_quick() {
        assert_eq!(parse(&b"a,".repeat(1 << 16), 100).len(), 100);
        assert_eq!(parse(b"a, b, c: d", 3).len(), 3);
        assert_eq!(parse(b"a, b", 0).len(), 0);
        assert_eq!(parse(&b"(".repeat(1 << 16), 100).len(), 1);
        assert_eq!(parse(&b"\"x ".repeat((1 << 15) + 1), 100).len(), 1);
    }
}
