//! Whether what a session wrote is made of replies of its protocol.

/// Every line ends with CRLF, and no other CR or LF stands in it.
#[track_caller]
fn lines(out: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = out.split(|octet| *octet == b'\n').collect();
    assert_eq!(
        lines.pop(),
        Some(&b""[..]),
        "the last reply has no end: {:?}",
        out.escape_ascii().to_string()
    );
    let text = |line| {
        let line: &[u8] = line;
        let text = line.strip_suffix(b"\r").unwrap_or_else(|| panic!("no CRLF: {}", line.escape_ascii()));
        assert!(!text.contains(&b'\r') && !text.contains(&0), "{}", text.escape_ascii());
        text
    };
    lines.into_iter().map(text).collect()
}

/// Lines only (POP3).
#[track_caller]
pub fn are_lines(out: &[u8]) {
    lines(out);
}

/// RFC 5321 §4.2: three digits, and a hyphen in all lines of a reply but the last.
#[track_caller]
pub fn are_smtp(out: &[u8]) {
    let mut open = None;
    for line in lines(out) {
        let shown = || line.escape_ascii().to_string();
        let [a @ b'2'..=b'5', b, c, separator, ..] = line else { panic!("no reply: {}", shown()) };
        assert!(b.is_ascii_digit() && c.is_ascii_digit() && line.len() <= 510, "{}", shown());
        let code = [*a, *b, *c];
        assert!(open.is_none_or(|open| open == code), "{}", shown());
        open = match separator {
            b'-' => Some(code),
            b' ' => None,
            _ => panic!("no reply: {}", shown()),
        };
    }
    assert_eq!(open, None, "the last reply goes on");
}

/// RFC 3501 §7: responses are lines in which strings are closed, brackets pair, and each literal is as long as it says.
#[track_caller]
pub fn are_imap(out: &[u8]) {
    let mut rest = out;
    while !rest.is_empty() {
        rest = response(rest).unwrap_or_else(|why| panic!("{why}: {}", rest.escape_ascii()));
    }
}

/// Reads one response; returns what follows it.
fn response(out: &[u8]) -> Result<&[u8], &'static str> {
    let first = out.split(|octet| *octet == b'\r').next().unwrap_or_default();
    // Text for people may hold anything that is no control character.
    let is_text = first.starts_with(b"+")
        || [" OK ", " NO ", " BAD ", " BYE "].iter().any(|word| {
            let start = first.split(|octet| *octet == b' ').next().unwrap_or_default();
            first.get(start.len()..).is_some_and(|after| after.starts_with(word.as_bytes()))
        });
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        let octet = *out.get(at).ok_or("no end")?;
        at += 1;
        match octet {
            b'\r' if out.get(at) == Some(&b'\n') => {
                return if depth == 0 || is_text { Ok(&out[at + 1..]) } else { Err("brackets do not pair") };
            }
            b'\r' | b'\n' | 0 => return Err("a control character in a response"),
            _ if is_text => {}
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1).ok_or("brackets do not pair")?,
            b'"' => at = quoted(out, at)?,
            b'{' => at = literal(out, at)?,
            _ => {}
        }
    }
}

fn quoted(out: &[u8], mut at: usize) -> Result<usize, &'static str> {
    loop {
        match out.get(at).ok_or("a string without end")? {
            b'"' => return Ok(at + 1),
            b'\\' if matches!(out.get(at + 1), Some(b'"' | b'\\')) => at += 2,
            b'\\' => return Err("a backslash in a string"),
            b'\r' | b'\n' | 0 | 128.. => return Err("what no quoted string holds"),
            _ => at += 1,
        }
    }
}

fn literal(out: &[u8], at: usize) -> Result<usize, &'static str> {
    let digits = out[at..].iter().take_while(|octet| octet.is_ascii_digit()).count();
    // A brace may stand in an atom of ours nowhere, so this is a literal.
    let size: usize =
        std::str::from_utf8(&out[at..at + digits]).ok().and_then(|n| n.parse().ok()).ok_or("a brace")?;
    let begin = at + digits + b"}\r\n".len();
    if out.get(at + digits..begin) != Some(b"}\r\n") {
        return Err("no literal");
    }
    let octets = out.get(begin..begin + size).ok_or("a literal that is cut")?;
    if octets.contains(&0) { Err("NUL in a literal") } else { Ok(begin + size) }
}
