//! Patterns of `-like` and of names: `*`, `?`, `[a-z]`, without regard to case.

/// Whether a text has the characters of a pattern.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether the whole text fits the pattern.
pub fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where to go on when the last star has to take one more character: linear, never exponential.
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = text.get(t) {
        match step(&pattern, p, c) {
            Some(Step::Star) => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(Step::One(next)) => {
                p = next;
                t += 1;
            }
            None => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    p = after;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|&c| c == '*')
}

enum Step {
    Star,
    One(usize),
}

fn step(pattern: &[char], p: usize, c: char) -> Option<Step> {
    match pattern.get(p)? {
        '*' => Some(Step::Star),
        '?' => Some(Step::One(p + 1)),
        '[' => match set(pattern, p, c) {
            Some((true, next)) => Some(Step::One(next)),
            Some((false, _)) => None,
            None => (c == '[').then_some(Step::One(p + 1)),
        },
        '`' => pattern.get(p + 1).filter(|&&next| next == c).map(|_| Step::One(p + 2)),
        &plain => (plain == c).then_some(Step::One(p + 1)),
    }
}

/// Whether the set that begins at `p` has the character, and where the pattern goes on; `None` where it is no set.
fn set(pattern: &[char], p: usize, c: char) -> Option<(bool, usize)> {
    let close = p + 1 + pattern.get(p + 1..)?.iter().position(|&c| c == ']').filter(|&at| at > 0)?;
    let mut members = pattern.get(p + 1..close)?;
    let mut found = false;
    while let Some((&first, rest)) = members.split_first() {
        if let ['-', last, after @ ..] = rest {
            found |= (first..=*last).contains(&c);
            members = after;
        } else {
            found |= first == c;
            members = rest;
        }
    }
    Some((found, close + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let table = [
            ("*", "", true),
            ("*", "abc", true),
            ("a*", "ABC", true),
            ("*c", "abc", true),
            ("*b*", "abc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[xyz", "[xyz", true),
            ("a*b*c", "aXXbYYc", true),
            ("a*b*c", "aXXbYY", false),
            ("`*x", "*x", true),
            ("`*x", "ax", false),
            ("", "", true),
            ("", "a", false),
            ("ä*", "Äpfel", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(fits(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!fits(&"*a".repeat(60), &"a".repeat(50_000).replace('a', "b")));
    }
}
