//! Search keys: their grammar, and whether they hold for a message as far as is known of it.

use crate::border::{Text, TextPlace};
use crate::parse::{Bad, Parser};
use crate::sequence::{Ranges, SequenceSet};
use crate::view::{Numbering, View};
use mail::{Day, Entry, Flag, Keyword, Uid};
use std::collections::HashMap;

/// Parentheses, NOT and OR within each other.
const DEEPEST: u32 = 50;

/// The keys of one search.
#[derive(Debug)]
pub(super) struct Keys {
    pub root: Key,
    /// What is looked for, each text once.
    pub texts: Vec<Text>,
    /// The places of these texts.
    known: HashMap<Text, usize>,
    /// Steps of work that trying a message against all keys takes at most; not 0.
    pub weight: usize,
    /// Whether MODSEQ is among them.
    pub modseq: bool,
    /// Whether a SENT key is among them.
    pub sent: bool,
}

#[derive(Debug)]
/// One key. Those with a set or a keyword carry what they mean in the mailbox, once it is known.
pub(super) enum Key {
    All,
    Flag(Flag),
    Keyword(Keyword, Option<u32>),
    Recent,
    Set(SequenceSet, Numbering, Ranges),
    Larger(u64),
    Smaller(u64),
    ModSeq(u64),
    Internal(When, Day),
    Sent(When, Day),
    /// By its place in the list of texts.
    Text(usize),
    Not(Box<Key>),
    And(Vec<Key>),
    Or(Box<Key>, Box<Key>),
}

#[derive(Clone, Copy, Debug)]
/// How days are compared; time and zone are disregarded (RFC 3501 §6.4.4).
pub(super) enum When {
    Before,
    On,
    Since,
}

/// What is known of a message.
pub(super) struct Facts<'a> {
    pub seq: usize,
    pub entry: &'a Entry,
    pub recent: bool,
    /// The day of its Date field, once it was read.
    pub sent: Option<Option<Day>>,
    /// For each text, who has it.
    pub texts: Option<&'a [Vec<Uid>]>,
}

impl Keys {
    pub fn parse(parser: &mut Parser<'_>) -> Result<Keys, Bad> {
        let mut keys = Keys {
            root: Key::All,
            texts: Vec::new(),
            known: HashMap::new(),
            weight: 1,
            modseq: false,
            sent: false,
        };
        keys.root = keys.several(parser, 0)?;
        Ok(keys)
    }

    /// Keys one after the other, all of which must hold.
    fn several(&mut self, parser: &mut Parser<'_>, depth: u32) -> Result<Key, Bad> {
        let mut all = vec![self.key(parser, depth)?];
        while parser.eat(" ") {
            all.push(self.key(parser, depth)?);
        }
        Ok(match all.pop() {
            Some(only) if all.is_empty() => only,
            last => Key::And(all.into_iter().chain(last).collect()),
        })
    }

    fn key(&mut self, parser: &mut Parser<'_>, depth: u32) -> Result<Key, Bad> {
        if depth > DEEPEST {
            return Err(Bad("Search keys nested too deeply"));
        }
        self.weight += 1;
        match parser.peek() {
            Some(b'(') => {
                parser.eat("(");
                let key = self.several(parser, depth + 1)?;
                parser.expect(")", "Expected )").map(|()| key)
            }
            // No key begins with a digit: it is a set.
            Some(b'0'..=b'9' | b'*') => {
                Ok(Key::Set(parser.sequence_set()?, Numbering::Sequence, Ranges::default()))
            }
            _ => {
                let name = parser.atom()?.to_ascii_uppercase();
                match bare(&name) {
                    Some(key) => Ok(key),
                    None if !takes_argument(&name) => Err(Bad("Unknown search key")),
                    None => {
                        parser.space()?;
                        self.with_argument(&name, parser, depth)
                    }
                }
            }
        }
    }

    fn with_argument(&mut self, name: &str, parser: &mut Parser<'_>, depth: u32) -> Result<Key, Bad> {
        Ok(match name {
            "NOT" => Key::Not(Box::new(self.key(parser, depth + 1)?)),
            "OR" => {
                let one = self.key(parser, depth + 1)?;
                parser.space()?;
                Key::Or(Box::new(one), Box::new(self.key(parser, depth + 1)?))
            }
            // By UID, whatever the command counts by.
            "UID" => Key::Set(parser.sequence_set()?, Numbering::Uid, Ranges::default()),
            "KEYWORD" => keyword(parser)?,
            "UNKEYWORD" => Key::Not(Box::new(keyword(parser)?)),
            "LARGER" => Key::Larger(parser.number()?),
            "SMALLER" => Key::Smaller(parser.number()?),
            "BEFORE" => Key::Internal(When::Before, parser.date()?),
            "ON" => Key::Internal(When::On, parser.date()?),
            "SINCE" => Key::Internal(When::Since, parser.date()?),
            "SENTBEFORE" => self.sent(When::Before, parser)?,
            "SENTON" => self.sent(When::On, parser)?,
            "SENTSINCE" => self.sent(When::Since, parser)?,
            "MODSEQ" => self.modseq(parser)?,
            "BODY" => self.text(TextPlace::Body, parser)?,
            "TEXT" => self.text(TextPlace::Anywhere, parser)?,
            "HEADER" => {
                let field = utf8(parser.astring()?)?;
                parser.space()?;
                self.text(TextPlace::Header(field), parser)?
            }
            "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => {
                self.text(TextPlace::Header(name.to_owned()), parser)?
            }
            _ => return Err(Bad("Unknown search key")),
        })
    }

    fn sent(&mut self, when: When, parser: &mut Parser<'_>) -> Result<Key, Bad> {
        self.sent = true;
        Ok(Key::Sent(when, parser.date()?))
    }

    fn text(&mut self, place: TextPlace, parser: &mut Parser<'_>) -> Result<Key, Bad> {
        let text = utf8(parser.astring()?)?;
        let text = Text { place, text };
        if let Some(at) = self.known.get(&text) {
            return Ok(Key::Text(*at));
        }
        let at = self.texts.len();
        self.known.insert(text.clone(), at);
        self.texts.push(text);
        Ok(Key::Text(at))
    }

    /// RFC 7162 §3.1.5: an entry may be named; modseqs of single flags are not kept, so it makes no difference.
    fn modseq(&mut self, parser: &mut Parser<'_>) -> Result<Key, Bad> {
        self.modseq = true;
        if parser.peek() == Some(b'"') {
            parser.string()?;
            parser.space()?;
            if !["PRIV", "SHARED", "ALL"].contains(&parser.atom()?.to_ascii_uppercase().as_str()) {
                return Err(Bad("Unknown entry type"));
            }
            parser.space()?;
        }
        Ok(Key::ModSeq(parser.number()?))
    }

    /// Finds out what sets and keywords mean in this mailbox.
    pub fn resolve(&mut self, view: &View) -> Result<(), Bad> {
        self.root.resolve(view)
    }
}

fn keyword(parser: &mut Parser<'_>) -> Result<Key, Bad> {
    Keyword::new(parser.atom()?).map(|keyword| Key::Keyword(keyword, None)).ok_or(Bad("Invalid keyword"))
}

/// RFC 3501 §6.4.4 names US-ASCII where no charset is; clients send UTF-8 all the same, and it means one thing only.
fn utf8(octets: Vec<u8>) -> Result<String, Bad> {
    String::from_utf8(octets).map_err(|_| Bad("Text is not UTF-8"))
}

/// Whether something must follow this key; who mistypes one that stands alone hears that it is unknown.
fn takes_argument(name: &str) -> bool {
    const NAMES: [&str; 22] = [
        "NOT",
        "OR",
        "UID",
        "KEYWORD",
        "UNKEYWORD",
        "LARGER",
        "SMALLER",
        "BEFORE",
        "ON",
        "SINCE",
        "SENTBEFORE",
        "SENTON",
        "SENTSINCE",
        "MODSEQ",
        "BODY",
        "TEXT",
        "HEADER",
        "BCC",
        "CC",
        "FROM",
        "SUBJECT",
        "TO",
    ];
    NAMES.contains(&name)
}

/// Keys without an argument.
fn bare(name: &str) -> Option<Key> {
    let not = |key| Key::Not(Box::new(key));
    Some(match name {
        "ALL" => Key::All,
        "ANSWERED" => Key::Flag(Flag::Answered),
        "DELETED" => Key::Flag(Flag::Deleted),
        "DRAFT" => Key::Flag(Flag::Draft),
        "FLAGGED" => Key::Flag(Flag::Flagged),
        "SEEN" => Key::Flag(Flag::Seen),
        "UNANSWERED" => not(Key::Flag(Flag::Answered)),
        "UNDELETED" => not(Key::Flag(Flag::Deleted)),
        "UNDRAFT" => not(Key::Flag(Flag::Draft)),
        "UNFLAGGED" => not(Key::Flag(Flag::Flagged)),
        "UNSEEN" => not(Key::Flag(Flag::Seen)),
        "RECENT" => Key::Recent,
        "OLD" => not(Key::Recent),
        "NEW" => Key::And(vec![Key::Recent, not(Key::Flag(Flag::Seen))]),
        _ => return None,
    })
}

impl Key {
    fn resolve(&mut self, view: &View) -> Result<(), Bad> {
        match self {
            Key::Keyword(keyword, position) => *position = view.listing.keywords.position(keyword),
            // UIDs that are not there are no fault.
            Key::Set(set, Numbering::Uid, ranges) => *ranges = set.resolve(view.last_uid().0),
            Key::Set(set, Numbering::Sequence, ranges) => {
                let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
                let places = view.select(set, Numbering::Sequence)?;
                *ranges = Ranges::new(places.into_iter().map(|(first, last)| (number(first), number(last))));
            }
            Key::Not(key) => key.resolve(view)?,
            Key::And(keys) => keys.iter_mut().try_for_each(|key| key.resolve(view))?,
            Key::Or(one, other) => {
                one.resolve(view)?;
                other.resolve(view)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the message is meant; `None` where more must be known.
    pub fn holds(&self, facts: &Facts<'_>) -> Option<bool> {
        let entry = facts.entry;
        Some(match self {
            Key::All => true,
            Key::Flag(flag) => entry.flags.contains(*flag),
            Key::Keyword(_, position) => position.is_some_and(|at| entry.flags.contains_keyword(at)),
            Key::Recent => facts.recent,
            Key::Set(_, Numbering::Uid, ranges) => ranges.contains(entry.uid.0),
            Key::Set(_, Numbering::Sequence, ranges) => {
                u32::try_from(facts.seq).is_ok_and(|seq| ranges.contains(seq))
            }
            Key::Larger(size) => u64::from(entry.size) > *size,
            Key::Smaller(size) => u64::from(entry.size) < *size,
            // RFC 7162 §3.1.5: equal to or greater.
            Key::ModSeq(least) => entry.modseq.0 >= *least,
            Key::Internal(when, day) => when.is(entry.date.day(), *day),
            // A message without a date was sent on no day.
            Key::Sent(when, day) => facts.sent?.is_some_and(|sent| when.is(sent, *day)),
            Key::Text(at) => facts.texts?.get(*at)?.binary_search(&entry.uid).is_ok(),
            Key::Not(key) => !key.holds(facts)?,
            Key::And(keys) => return all(keys.iter().map(|key| key.holds(facts))),
            Key::Or(one, other) => return any(one.holds(facts), || other.holds(facts)),
        })
    }
}

/// False as soon as one is, whatever the unknown ones are.
fn all(holds: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for one in holds {
        match one {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = None,
        }
    }
    known
}

/// True as soon as one is; false only where both are.
fn any(one: Option<bool>, other: impl FnOnce() -> Option<bool>) -> Option<bool> {
    match one {
        Some(true) => Some(true),
        Some(false) => other(),
        None => other().filter(|holds| *holds),
    }
}

impl When {
    fn is(self, day: Day, than: Day) -> bool {
        match self {
            When::Before => day < than,
            When::On => day == than,
            When::Since => day >= than,
        }
    }
}
