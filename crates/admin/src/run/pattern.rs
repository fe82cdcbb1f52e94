//! Regular expressions of `-match`, `-replace` and `-split`, without regard to case.
//!
//! They run in time linear in the text, and take a bounded amount of memory: what an administrator pastes must not
//! keep a thread of the server. What only backtracking could do, such as back references, is refused.

use super::operators::room;
use crate::value::Value;
use regex::{Regex, RegexBuilder};
use std::sync::{Arc, Mutex, PoisonError};

/// Octets of a compiled pattern, and of what it keeps while it runs.
const MOST: usize = 1 << 20;
/// Octets of a pattern as it is written.
const LONGEST: usize = 1000;
/// Patterns that are kept, because a loop uses the same one again and again.
const KEPT: usize = 8;

static LATEST: Mutex<Vec<(String, Regex)>> = Mutex::new(Vec::new());

/// The pattern, ready to use.
pub fn compiled(pattern: &str) -> Result<Regex, String> {
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = latest.iter().find(|(known, _)| known == pattern) {
        return Ok(known.clone());
    }
    if pattern.len() > LONGEST {
        return Err(format!("A regular expression has at most {LONGEST} octets."));
    }
    let made = RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(MOST)
        .dfa_size_limit(MOST)
        .build()
        .map_err(|error| refused(pattern, &error))?;
    latest.truncate(KEPT - 1);
    latest.insert(0, (pattern.to_owned(), made.clone()));
    Ok(made)
}

/// Why a pattern is none, in one line.
fn refused(pattern: &str, error: &regex::Error) -> String {
    let shown: String = pattern.chars().take(60).collect();
    let text = error.to_string();
    let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
    format!(
        "'{shown}' is no regular expression of this shell: {why}. A character stands for itself behind \\."
    )
}

/// What a text matches: `$Matches`, with the whole as 0, and groups by number or name.
pub fn matched(text: &str, pattern: &str) -> Result<Option<Value>, String> {
    let pattern = compiled(pattern)?;
    let Some(found) = pattern.captures(text) else { return Ok(None) };
    let names = pattern.capture_names().enumerate();
    let groups = names.zip(found.iter()).filter_map(|((number, name), group)| {
        let key = name.map_or_else(|| number.to_string(), str::to_owned);
        group.map(|group| (key, Value::text(group.as_str())))
    });
    Ok(Some(Value::Table(Arc::new(groups.collect()))))
}

/// The text with every place that fits replaced; `$1` and `${name}` stand for groups.
pub fn replaced(text: &str, pattern: &str, by: &str) -> Result<String, String> {
    let (pattern, by) = (compiled(pattern)?, braced(by));
    let mut done = String::new();
    let mut from = 0;
    for found in pattern.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        done.push_str(text.get(from..whole.start()).unwrap_or_default());
        found.expand(&by, &mut done);
        room(done.len())?;
        from = whole.end();
    }
    done.push_str(text.get(from..).unwrap_or_default());
    Ok(done)
}

/// `$1a` is group 1 and a letter here, and group `1a` to the library.
fn braced(by: &str) -> String {
    let mut text = String::with_capacity(by.len());
    let mut rest = by;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match after.split_at_checked(digits) {
            Some((group, behind)) if digits > 0 => {
                text.push_str(&format!("${{{group}}}"));
                rest = behind;
            }
            _ if after.starts_with(['{', '$']) => {
                // A name in braces, or a dollar that is meant.
                text.push('$');
                let (sign, behind) = after.split_at(1);
                text.push_str(sign);
                rest = behind;
            }
            _ => {
                text.push_str("$$");
                rest = after;
            }
        }
    }
    text + rest
}

/// The parts between the places that fit; at most so many, where that is said.
pub fn split(text: &str, pattern: &str, most: usize) -> Result<Value, String> {
    let pattern = compiled(pattern)?;
    let parts = || pattern.splitn(text, most);
    // Each part is a value of its own.
    room(text.len().saturating_add(parts().count().saturating_mul(Value::text("").weight())))?;
    Ok(Value::texts(parts()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements() {
        let table = [
            ("alice@x.test", "@.*", "", "alice"),
            ("a-b", "(a)-(B)", "$2-$1x", "b-ax"),
            ("ab", "(?<first>a)", "${first}$$1", "a$1b"),
            ("5", "5", "$ 5", "$ 5"),
            ("aaa", "a", "$", "$$$"),
            ("x", "y", "z", "x"),
        ];
        for (text, pattern, by, expected) in table {
            assert_eq!(replaced(text, pattern, by), Ok(expected.to_owned()), "{text} {pattern} {by}");
        }
    }

    #[test]
    fn patterns_are_bounded() {
        for pattern in ["(", "a{1000}{1000}", "(a)\\1", "[z-a]", &"a".repeat(LONGEST + 1)] {
            assert!(compiled(pattern).is_err(), "{pattern}");
        }
        // Where a backtracking matcher would take longer than anyone waits.
        assert!(!compiled("^(a+)+$").unwrap().is_match(&format!("{}b", "a".repeat(100_000))));
    }
}
