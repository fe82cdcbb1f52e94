//! Message flags: the five system flags and a folder's keywords, packed into one word per message.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A system flag that is stored (RFC 9051 §2.3.2). `\Recent` belongs to a session and is not one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flag {
    /// `\Seen`
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
}

impl Flag {
    /// All of them, in the order in which they are printed.
    pub const ALL: [Flag; 5] = [Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Seen, Flag::Draft];

    /// The flag's name with its backslash.
    pub fn name(self) -> &'static str {
        match self {
            Flag::Seen => "\\Seen",
            Flag::Answered => "\\Answered",
            Flag::Flagged => "\\Flagged",
            Flag::Deleted => "\\Deleted",
            Flag::Draft => "\\Draft",
        }
    }

    /// The flag of that name, in any case.
    pub fn from_name(name: &str) -> Option<Flag> {
        Flag::ALL.into_iter().find(|flag| flag.name().eq_ignore_ascii_case(name))
    }

    fn bit(self) -> u64 {
        1 << self as u64
    }
}

/// Bits taken by system flags; keyword `n` of a folder is bit `SYSTEM_BITS + n`.
const SYSTEM_BITS: u32 = 8;

/// The flags of one message: system flags, and keywords as positions in its folder's [`KeywordTable`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlagSet(u64);

impl FlagSet {
    /// No flag at all.
    pub const NONE: FlagSet = FlagSet(0);

    /// The set as one number, for storage.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The set that [`FlagSet::bits`] gave.
    pub fn from_bits(bits: u64) -> FlagSet {
        FlagSet(bits)
    }

    /// Whether the system flag is set.
    pub fn contains(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// Whether the keyword at this position of the folder's table is set.
    pub fn contains_keyword(self, position: u32) -> bool {
        self.0 & (1 << (SYSTEM_BITS + position)) != 0
    }

    /// This set with the system flag added.
    #[must_use]
    pub fn with(self, flag: Flag) -> FlagSet {
        FlagSet(self.0 | flag.bit())
    }

    /// This set with the keyword at this position of the folder's table added.
    #[must_use]
    pub fn with_keyword(self, position: u32) -> FlagSet {
        FlagSet(self.0 | 1 << (SYSTEM_BITS + position))
    }

    /// All that is in either.
    #[must_use]
    pub fn union(self, other: FlagSet) -> FlagSet {
        FlagSet(self.0 | other.0)
    }

    /// All that is in this set and not in the other.
    #[must_use]
    pub fn minus(self, other: FlagSet) -> FlagSet {
        FlagSet(self.0 & !other.0)
    }

    /// Whether any keyword is set.
    pub fn has_keywords(self) -> bool {
        self.0 >> SYSTEM_BITS != 0
    }

    /// Whether no flag is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for FlagSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlagSet({:#x})", self.0)
    }
}

impl FromIterator<Flag> for FlagSet {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> FlagSet {
        flags.into_iter().fold(FlagSet::NONE, FlagSet::with)
    }
}

/// A keyword: an IMAP atom without a leading backslash, at most 100 octets (RFC 9051 §9, flag-keyword).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keyword(Arc<str>);

impl Keyword {
    /// The keyword, or `None` where the name is not an atom or is too long.
    pub fn new(name: &str) -> Option<Keyword> {
        let atom = |b: u8| b > b' ' && b < 0x7f && !b"(){%*\"\\]".contains(&b);
        let good = (1..=100).contains(&name.len()) && name.bytes().all(atom);
        good.then(|| Keyword(name.into()))
    }

    /// The name as first written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The keywords that were ever used in one folder, by position. Names compare without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeywordTable(Vec<Keyword>);

/// A folder has as many different keywords as fit; messages keep the ones they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeywordTableFull;

impl KeywordTable {
    /// How many different keywords one folder can have.
    pub const CAPACITY: usize = (64 - SYSTEM_BITS) as usize;

    /// The table with these keywords in this order; any beyond its capacity are dropped.
    pub fn new(keywords: impl IntoIterator<Item = Keyword>) -> KeywordTable {
        KeywordTable(keywords.into_iter().take(Self::CAPACITY).collect())
    }

    /// The keyword's position, if the folder knows it.
    pub fn position(&self, keyword: &Keyword) -> Option<u32> {
        let same = |known: &Keyword| known.0.eq_ignore_ascii_case(&keyword.0);
        self.0.iter().position(same).and_then(|at| u32::try_from(at).ok())
    }

    /// The keyword's position, added at the end if it is new.
    pub fn intern(&mut self, keyword: &Keyword) -> Result<u32, KeywordTableFull> {
        if let Some(at) = self.position(keyword) {
            return Ok(at);
        }
        if self.is_full() {
            return Err(KeywordTableFull);
        }
        self.0.push(keyword.clone());
        u32::try_from(self.0.len() - 1).map_err(|_| KeywordTableFull)
    }

    /// Gives a position that no message uses any more to another keyword.
    pub fn replace(&mut self, at: u32, keyword: &Keyword) {
        if let Some(slot) = self.0.get_mut(at as usize) {
            *slot = keyword.clone();
        }
    }

    /// Whether no further keyword can be added.
    pub fn is_full(&self) -> bool {
        self.0.len() >= Self::CAPACITY
    }

    /// All keywords, in the order of their positions.
    pub fn iter(&self) -> impl Iterator<Item = &Keyword> {
        self.0.iter()
    }

    /// The keywords that are set in `flags`.
    pub fn names(&self, flags: FlagSet) -> impl Iterator<Item = &Keyword> {
        (0..).zip(&self.0).filter(move |(at, _)| flags.contains_keyword(*at)).map(|(_, keyword)| keyword)
    }
}
