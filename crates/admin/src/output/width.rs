//! Columns that a text takes on a terminal.

/// Columns of a character: two for wide East Asian ones and emoji, none for marks that join the one before.
fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x0483..=0x0489 | 0x0591..=0x05bd | 0x0610..=0x061a | 0x064b..=0x065f => 0,
        0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff
        | 0x200b..=0x200f
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xa960..=0xa97f | 0xac00..=0xd7a3 => 2,
        0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 => 2,
        0x1f300..=0x1f64f | 0x1f680..=0x1f6ff | 0x1f900..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Columns of a text.
pub fn of(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// The text without what would disturb a terminal: control characters become blanks, but line ends stay.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// The text on one line.
pub fn one_line(text: &str) -> String {
    text.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The text in at most so many columns, shortened with `…`.
pub fn shortened(text: &str, most: usize) -> String {
    if of(text) <= most {
        return text.to_owned();
    }
    let mut short = take(text, most.saturating_sub(1)).0.to_owned();
    if most > 0 {
        short.push('…');
    }
    short
}

/// The beginning of the text that fits, and the rest.
pub fn take(text: &str, most: usize) -> (&str, &str) {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += char_width(c);
        if used > most {
            return text.split_at(at);
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths() {
        for (text, expected) in [("", 0), ("abc", 3), ("äöü", 3), ("e\u{301}", 1), ("日本", 4), ("😀", 2)]
        {
            assert_eq!(of(text), expected, "{text}");
        }
        for (text, most, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("ab", 0, ""),
        ] {
            assert_eq!(shortened(text, most), expected, "{text} in {most}");
        }
    }
}
