//! The text of a line in a dialogue: what is sent, or what is expected.

use super::Protocol;
use crate::messages;
use std::collections::HashMap;

/// Names that were captured so far.
pub type Names = HashMap<String, Vec<u8>>;

/// The text of one line, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Any,
    Name(String),
    Message(Message),
    Size(Vec<String>),
    Cut,
    Lines,
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    file: String,
    /// TOP with so many lines.
    lines: Option<u32>,
}

/// What a server line of a dialogue is matched against.
#[derive(Debug, PartialEq, Eq)]
pub enum Expected {
    /// One line.
    Line,
    /// Exactly these octets, which may be many lines.
    Octets(Vec<u8>),
    /// Any number of lines.
    Lines,
    /// Silence.
    Nothing,
}

impl Template {
    /// Reads the text of a `C:` or `S:` line.
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('<') {
            let (before, after) = rest.split_at(open);
            push_text(&mut parts, before.as_bytes());
            match after.find('>') {
                Some(close) => {
                    let inner = after.get(1..close).unwrap_or_default();
                    match placeholder(inner)? {
                        Some(part) => parts.push(part),
                        None => push_text(&mut parts, format!("<{inner}>").as_bytes()),
                    }
                    rest = after.get(close + 1..).unwrap_or_default();
                }
                None => {
                    push_text(&mut parts, after.as_bytes());
                    rest = "";
                }
            }
        }
        push_text(&mut parts, rest.as_bytes());
        Ok(Template(parts))
    }

    /// The octets that a client sends for this line.
    pub fn to_send(&self, protocol: Protocol, names: &Names) -> Result<Vec<u8>, String> {
        let mut out = self.fixed(protocol, names)?;
        if self.0.last() != Some(&Part::Cut) {
            out.extend_from_slice(b"\r\n");
        }
        Ok(out)
    }

    fn fixed(&self, protocol: Protocol, names: &Names) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Name(name) => match names.get(name) {
                    Some(text) => out.extend_from_slice(text),
                    None => out.extend_from_slice(format!("<{name}>").as_bytes()),
                },
                Part::Message(message) => out.extend_from_slice(&message.octets(protocol)?),
                Part::Size(files) => out.extend_from_slice(size(files)?.to_string().as_bytes()),
                Part::Cut => {}
                Part::Any | Part::Lines | Part::Nothing => {
                    return Err("<...>, <lines> and <nothing> are for S: lines".to_owned());
                }
            }
        }
        Ok(out)
    }

    /// How this `S:` line is to be matched.
    pub fn expected(&self, protocol: Protocol, names: &Names) -> Result<Expected, String> {
        Ok(match self.0.as_slice() {
            [Part::Lines] => Expected::Lines,
            [Part::Nothing] => Expected::Nothing,
            parts if parts.iter().any(|part| matches!(part, Part::Message(_))) => {
                let mut octets = self.fixed(protocol, names)?;
                octets.extend_from_slice(b"\r\n");
                Expected::Octets(octets)
            }
            _ => Expected::Line,
        })
    }

    /// Whether it stands for any number of lines.
    pub fn is_lines(&self) -> bool {
        self.0 == [Part::Lines]
    }

    /// Whether the line matches; captures names where it does.
    pub fn matches(&self, line: &[u8], names: &mut Names) -> bool {
        let mut found = names.clone();
        let matched = self.match_from(0, line, &mut found);
        if matched {
            *names = found;
        }
        matched
    }

    fn match_from(&self, at: usize, line: &[u8], names: &mut Names) -> bool {
        let Some(part) = self.0.get(at) else { return line.is_empty() };
        match part {
            Part::Text(text) => self.match_text(at, text, line, names),
            Part::Size(files) => {
                size(files).is_ok_and(|size| self.match_text(at, size.to_string().as_bytes(), line, names))
            }
            Part::Any => self.match_some(at, 0, None, line, names),
            Part::Name(name) => match names.get(name).cloned() {
                Some(known) => self.match_text(at, &known, line, names),
                None => self.match_some(at, 1, Some(name), line, names),
            },
            Part::Message(_) | Part::Cut | Part::Lines | Part::Nothing => false,
        }
    }

    fn match_text(&self, at: usize, text: &[u8], line: &[u8], names: &mut Names) -> bool {
        line.strip_prefix(text).is_some_and(|rest| self.match_from(at + 1, rest, names))
    }

    /// Tries the shortest text first, so that a name ends where what follows it begins.
    fn match_some(
        &self,
        at: usize,
        least: usize,
        name: Option<&str>,
        line: &[u8],
        names: &mut Names,
    ) -> bool {
        (least..=line.len()).any(|length| {
            let (text, rest) = line.split_at(length);
            let mut tried = names.clone();
            if let Some(name) = name {
                tried.insert(name.to_owned(), text.to_vec());
            }
            let matched = self.match_from(at + 1, rest, &mut tried);
            if matched {
                *names = tried;
            }
            matched
        })
    }
}

impl Message {
    /// The message as it is on the wire, without the end of its last line, which is the dialogue line's own.
    fn octets(&self, protocol: Protocol) -> Result<Vec<u8>, String> {
        let octets = messages::load(&self.file)?;
        let mut out = Vec::new();
        if protocol == Protocol::Imap {
            // A literal ends where its count says; what follows stands in the dialogue.
            return if self.lines.is_none() { Ok(octets) } else { Err("<top> is for POP3".to_owned()) };
        }
        let mut dots = wire::Stuffer::new(self.lines);
        dots.push(&octets, &mut out);
        dots.finish(&mut out);
        out.truncate(out.len().saturating_sub(b"\r\n.\r\n".len()));
        Ok(out)
    }
}

fn push_text(parts: &mut Vec<Part>, text: &[u8]) {
    if text.is_empty() {
        return;
    }
    match parts.last_mut() {
        Some(Part::Text(before)) => before.extend_from_slice(text),
        _ => parts.push(Part::Text(text.to_vec())),
    }
}

/// What stands between angle brackets, if it is one of ours: `<alice@example.test>` is not.
fn placeholder(inner: &str) -> Result<Option<Part>, String> {
    let (word, rest) = inner.split_once(' ').unwrap_or((inner, ""));
    Ok(Some(match (word, rest) {
        ("...", "") => Part::Any,
        ("lines", "") => Part::Lines,
        ("nothing", "") => Part::Nothing,
        ("cut", "") => Part::Cut,
        ("file", file) if !file.is_empty() => message(file, None)?,
        ("top", rest) if !rest.is_empty() => {
            let (file, lines) = rest.split_once(' ').ok_or("expected <top FILE LINES>")?;
            message(file, Some(lines.parse().map_err(|_| "expected <top FILE LINES>")?))?
        }
        ("size", files) => {
            let files: Vec<String> = files.split('+').map(|file| file.trim().to_owned()).collect();
            size(&files)?;
            Part::Size(files)
        }
        ("base64", text) => Part::Text(base64(&text.replace("\\0", "\0"))),
        ("repeat", rest) => {
            let (text, times) = rest.rsplit_once(' ').ok_or("expected <repeat TEXT TIMES>")?;
            Part::Text(text.repeat(times.parse().map_err(|_| "expected <repeat TEXT TIMES>")?).into_bytes())
        }
        ("hex", digits) => Part::Text(hex(digits).ok_or("expected <hex 0d 0a>")?),
        (name, "") if is_name(name) => Part::Name(name.to_owned()),
        _ => return Ok(None),
    }))
}

fn message(file: &str, lines: Option<u32>) -> Result<Part, String> {
    messages::load(file)?;
    Ok(Part::Message(Message { file: file.to_owned(), lines }))
}

fn size(files: &[String]) -> Result<usize, String> {
    files.iter().map(|file| messages::load(file).map(|octets| octets.len())).sum()
}

fn is_name(text: &str) -> bool {
    let rest =
        text.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-');
    rest && text.bytes().next().is_some_and(|octet| octet.is_ascii_lowercase())
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    digits.split_whitespace().map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

/// Base64 for dialogues and for logging in.
pub(crate) fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for chunk in text.as_bytes().chunks(3) {
        let octet = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) as usize & 63;
            let filled = digit <= chunk.len();
            out.push(if filled { DIGITS.get(value).copied().unwrap_or(b'=') } else { b'=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text).unwrap()
    }

    #[test]
    fn matches_any_text_and_captures_names() {
        let mut names = Names::new();
        assert!(template("+OK <count> <octets>").matches(b"+OK 2 312", &mut names));
        assert_eq!(names["count"], b"2");
        assert!(template("+OK <count> <...>").matches(b"+OK 2 9", &mut names));
        assert!(!template("+OK <count> <...>").matches(b"+OK 3 9", &mut names));
        assert!(!template("+OK <fresh>").matches(b"+OK ", &mut names), "a name is never empty");
        assert!(template("<...>END<...>").matches(b"END", &mut names));
        assert!(template("a<x>b<y>").matches(b"a1b2b3", &mut names));
        assert_eq!((names["x"].as_slice(), names["y"].as_slice()), (&b"1"[..], &b"2b3"[..]));
        assert!(!template("NOOP").matches(b"NOOP ", &mut names));
    }

    #[test]
    fn leaves_addresses_alone() {
        let names = Names::from([("tag".to_owned(), b"a1".to_vec())]);
        let sent =
            |text: &str| String::from_utf8(template(text).to_send(Protocol::Smtp, &names).unwrap()).unwrap();
        assert_eq!(
            sent("MAIL FROM:<alice@example.test> SIZE=1"),
            "MAIL FROM:<alice@example.test> SIZE=1\r\n"
        );
        assert_eq!(sent("MAIL FROM:<>"), "MAIL FROM:<>\r\n");
        assert_eq!(sent("RCPT TO:<postmaster>"), "RCPT TO:<postmaster>\r\n");
        assert_eq!(sent("<tag> a < b"), "a1 a < b\r\n");
        assert_eq!(sent("x<repeat ab 3><hex 0d 00><cut>"), "xababab\r\0");
    }

    #[test]
    fn writes_base64() {
        for (text, expected) in
            [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("\0a\0b", "AGEAYg==")]
        {
            assert_eq!(base64(text), expected.as_bytes());
        }
    }
}
