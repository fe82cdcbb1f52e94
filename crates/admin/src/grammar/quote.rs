//! Texts written as literals: what is written here is read back as the same text, wherever a value may stand.

use super::cursor::plain;

/// A text as a literal: in `'…'`, or in `"…"` with escapes where characters are in it that have no look.
///
/// A literal has no line end in it: at the beginning of a statement, `'` without a second one on its line is a comment.
pub fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    if text.contains(char::is_control) {
        literal.push('"');
        text.chars().for_each(|c| escape(&mut literal, c));
        literal.push('"');
        return literal;
    }
    literal.push('\'');
    for c in text.chars() {
        // Of typographic quotes, too, one ends the text and two are one.
        if plain(c) == '\'' {
            literal.push(c);
        }
        literal.push(c);
    }
    literal.push('\'');
    literal
}

/// Several texts as one value: `'a', 'b'`; none are `@()`.
pub fn quoted_list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = texts.into_iter().map(|text| quoted(text.as_ref())).collect();
    if all.is_empty() { "@()".to_owned() } else { all.join(", ") }
}

/// One character within `"…"`.
fn escape(literal: &mut String, c: char) {
    let letter = match c {
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\u{b}' => 'v',
        '\u{1b}' => 'e',
        c if matches!(plain(c), '"' | '$' | '`') => c,
        c => return literal.push(c),
    };
    literal.push('`');
    literal.push(letter);
}
