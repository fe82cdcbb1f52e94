//! Patterns of mailbox names: `*` is any text, `%` any text without `/` (RFC 3501 §6.3.8).
//!
//! Matching takes at most the product of the lengths of pattern and name, whatever the pattern, and counts its steps.

use crate::parse::capital_inbox;
use crate::session::WORK;

/// Octets of all patterns of a command, the reference before each of them counted.
const LONGEST: usize = 4_096;

pub(super) struct Patterns {
    patterns: Vec<Vec<char>>,
    /// Steps of matching so far.
    pub work: usize,
    /// Steps at the last pause.
    paused: usize,
    /// For every place in the name whether the pattern so far fits up to there.
    fits: Vec<bool>,
    name: Vec<char>,
}

impl Patterns {
    /// The patterns with the reference before them; nothing where they are too long. What is not the encoding of a name
    /// matches no name.
    pub fn new(reference: &[u8], patterns: &[Vec<u8>]) -> Option<Patterns> {
        let octets: usize = patterns.iter().map(|pattern| reference.len() + pattern.len()).sum();
        if octets > LONGEST {
            return None;
        }
        let join = |pattern: &Vec<u8>| {
            let text = String::from_utf8([reference, pattern].concat()).ok()?;
            mail::utf7::decode(&text).map(capital_inbox)
        };
        let patterns = patterns.iter().filter_map(join).map(|pattern| shortened(&pattern)).collect();
        Some(Patterns { patterns, work: 0, paused: 0, fits: Vec::new(), name: Vec::new() })
    }

    /// Whether a name fits one of them.
    pub fn match_name(&mut self, name: &str) -> bool {
        self.name.clear();
        self.name.extend(name.chars());
        let Patterns { patterns, work, fits, name, .. } = self;
        patterns.iter().any(|pattern| matches(pattern, name, fits, work))
    }

    /// Whether one ends with `%`.
    pub fn stop_at_levels(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.last() == Some(&'%'))
    }

    /// Whether it is time to let others have their turn.
    pub fn worked_long(&mut self) -> bool {
        let long = self.work - self.paused >= WORK;
        if long {
            self.paused = self.work;
        }
        long
    }
}

/// The pattern without wildcards that add nothing to those beside them.
fn shortened(pattern: &str) -> Vec<char> {
    let mut short = Vec::new();
    for wanted in pattern.chars() {
        match (short.last(), wanted) {
            (Some('*'), '*' | '%') | (Some('%'), '%') => {}
            (Some('%'), '*') => {
                short.pop();
                short.push('*');
            }
            _ => short.push(wanted),
        }
    }
    short
}

fn matches(pattern: &[char], name: &[char], fits: &mut Vec<bool>, work: &mut usize) -> bool {
    // What stands before the first wildcard is compared as it is.
    let plain = pattern.iter().position(|wanted| matches!(wanted, '*' | '%')).unwrap_or(pattern.len());
    *work += 1 + plain;
    let (Some((head, pattern)), Some((start, name))) =
        (pattern.split_at_checked(plain), name.split_at_checked(plain))
    else {
        return false;
    };
    if head != start {
        return false;
    }
    fits.clear();
    fits.resize(name.len() + 1, false);
    fits.first_mut().into_iter().for_each(|start| *start = true);
    for wanted in pattern {
        *work += fits.len();
        step(*wanted, name, fits);
        if !fits.contains(&true) {
            return false;
        }
    }
    fits.last() == Some(&true)
}

/// Takes the next character of the pattern.
fn step(wanted: char, name: &[char], fits: &mut [bool]) {
    // Whether the pattern fitted, and whether it fits now, up to the place before.
    let (mut fitted, mut before) = (false, false);
    for (at, fit) in fits.iter_mut().enumerate() {
        let last = at.checked_sub(1).and_then(|at| name.get(at));
        let now = match wanted {
            '*' => *fit || before,
            '%' => *fit || before && last != Some(&'/'),
            wanted => fitted && last == Some(&wanted),
        };
        fitted = std::mem::replace(fit, now);
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(pattern: &str, name: &str) -> (bool, usize) {
        let mut patterns = Patterns::new(b"", &[mail::utf7::encode(pattern).into_bytes()]).unwrap();
        (patterns.match_name(name), patterns.work)
    }

    #[test]
    fn patterns() {
        let table = [
            ("INBOX", "INBOX", true),
            ("*", "a/b/c", true),
            ("*", "", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("%/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a/*", "a/b/c", true),
            ("a/*", "a", false),
            ("a*c", "a/b/c", true),
            ("a%c", "abc", true),
            ("a%c", "a/c", false),
            ("%b*", "ab/c/d", true),
            ("*b%", "a/b/b", true),
            ("*b%", "a/b/c", false),
            ("%*%", "a/b", true),
            ("a%%c", "a/c", false),
            ("abc", "ab", false),
            ("ab", "abc", false),
            ("", "a", false),
            ("ä%", "äöü", true),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matching(pattern, name).0, expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_work_is_bounded_and_counted() {
        // A pattern that would take a backtracking matcher for ever.
        assert_eq!(matching(&format!("{}b", "*a".repeat(400)), &"a".repeat(1000)), (false, 1 + 801 * 1001));
        assert_eq!(matching(&"*".repeat(1000), &"a".repeat(1000)), (true, 1 + 1001));
        assert_eq!(matching("Archive/*", &"a".repeat(1000)), (false, 9));
        assert!(Patterns::new(b"a", &vec![b"b".to_vec(); 2049]).is_none());
    }
}
