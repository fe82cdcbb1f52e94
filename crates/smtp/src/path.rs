//! The arguments of MAIL and RCPT: paths (RFC 5321 §4.1.2) and parameters (§4.1.1.11).

use crate::reply::{self, Reply};
use crate::{BodyType, ForwardPath};
use mail::Address;

/// What MAIL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailArguments {
    pub sender: Option<Address>,
    pub size: u64,
    pub body: BodyType,
    pub smtputf8: bool,
}

/// Reads what follows `MAIL `.
pub(crate) fn mail(args: &str) -> Result<MailArguments, Reply> {
    let (path, rest) = split_path(args, "FROM:").ok_or(reply::BAD_MAIL)?;
    let mut found = MailArguments { sender: None, size: 0, body: BodyType::SevenBit, smtputf8: false };
    let mut seen = Vec::new();
    for parameter in rest.split_ascii_whitespace() {
        let (name, value) = split_parameter(parameter)?;
        let name = name.to_ascii_uppercase();
        mail_parameter(&mut found, &name, value)?;
        if seen.contains(&name) {
            return Err(reply::BAD_ARGUMENTS);
        }
        seen.push(name);
    }
    if !path.is_empty() {
        found.sender = Some(address(path, found.smtputf8, reply::BAD_SENDER)?);
    }
    Ok(found)
}

fn mail_parameter(found: &mut MailArguments, name: &str, value: Option<&str>) -> Result<(), Reply> {
    match (name, value) {
        ("SIZE", Some(value)) => found.size = size(value)?,
        ("BODY", Some(value)) => found.body = BodyType::parse(value).ok_or(reply::BAD_ARGUMENTS)?,
        ("SMTPUTF8", None) => found.smtputf8 = true,
        // RFC 4954 §5: without trust in the client, the parameter is read and dropped.
        ("AUTH", Some(_)) => {}
        ("SIZE" | "BODY" | "SMTPUTF8" | "AUTH", _) => return Err(reply::BAD_ARGUMENTS),
        _ => return Err(reply::UNKNOWN_PARAMETER),
    }
    Ok(())
}

/// Reads what follows `RCPT `.
pub(crate) fn rcpt(args: &str, smtputf8: bool) -> Result<ForwardPath, Reply> {
    let (path, rest) = split_path(args, "TO:").ok_or(reply::BAD_RCPT)?;
    if let Some(parameter) = rest.split_ascii_whitespace().next() {
        split_parameter(parameter)?;
        return Err(reply::UNKNOWN_PARAMETER);
    }
    // RFC 5321 §4.5.1: the one recipient that needs no domain.
    if path.eq_ignore_ascii_case("postmaster") {
        return Ok(ForwardPath::Postmaster);
    }
    address(path, smtputf8, reply::BAD_RECIPIENT).map(ForwardPath::Address)
}

fn address(path: &str, smtputf8: bool, wrong: Reply) -> Result<Address, Reply> {
    let address = Address::parse(path).map_err(|_| wrong)?;
    // RFC 6531 §3.5
    if address.is_ascii() || smtputf8 { Ok(address) } else { Err(reply::NEEDS_SMTPUTF8) }
}

/// RFC 1870 §4: up to 20 digits. A number beyond our integers is larger than any limit of ours too.
fn size(value: &str) -> Result<u64, Reply> {
    if value.is_empty() || value.len() > 20 || !value.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(reply::BAD_ARGUMENTS);
    }
    Ok(value.parse().unwrap_or(u64::MAX))
}

/// RFC 5321 §4.1.2: `esmtp-param`.
fn split_parameter(parameter: &str) -> Result<(&str, Option<&str>), Reply> {
    let (name, value) = match parameter.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (parameter, None),
    };
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_name = starts_well && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    let is_value = value.is_none_or(|value| !value.is_empty() && !value.chars().any(char::is_control));
    if is_name && is_value { Ok((name, value)) } else { Err(reply::BAD_ARGUMENTS) }
}

/// The path between the angle brackets without a source route, and what follows it. People at a terminal put a space
/// behind the colon; nothing is gained by refusing it.
fn split_path<'a>(args: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let head = args.get(..keyword.len())?;
    let rest = args.get(keyword.len()..)?.trim_start_matches(' ').strip_prefix('<')?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let end = closing_bracket(rest)?;
    let (path, after) = (rest.get(..end)?, rest.get(end + 1..)?);
    if !after.is_empty() && !after.starts_with(' ') {
        return None;
    }
    Some((without_route(path)?, after))
}

/// Where `>` stands that is not part of a quoted string.
fn closing_bracket(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => drop(chars.next()),
            '>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// RFC 5321 §4.1.1.3 and appendix C: a source route is accepted and ignored.
fn without_route(path: &str) -> Option<&str> {
    if path.starts_with('@') { path.split_once(':').map(|(_, mailbox)| mailbox) } else { Some(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_arguments() {
        let table = [
            ("FROM:<>", Ok("<> 0 7 a")),
            ("from: <A@Example.test>", Ok("A@example.test 0 7 a")),
            ("FROM:<a@b.test> SIZE=100 BODY=8BITMIME", Ok("a@b.test 100 8 a")),
            ("FROM:<a@b.test>  body=7bit", Ok("a@b.test 0 7 a")),
            ("FROM:<@x.test,@y.test:a@b.test>", Ok("a@b.test 0 7 a")),
            ("FROM:<\"a> b\"@b.test> SIZE=1", Ok("\"a> b\"@b.test 1 7 a")),
            ("FROM:<\"a\\\" b>\"@b.test>", Ok("\"a\\\" b>\"@b.test 0 7 a")),
            ("FROM:<jürgen@müller.test> SMTPUTF8", Ok("jürgen@müller.test 0 7 u")),
            ("FROM:<a@b.test> SIZE=99999999999999999999", Ok("a@b.test 18446744073709551615 7 a")),
            ("FROM:<a@b.test> AUTH=<>", Ok("a@b.test 0 7 a")),
            ("FROM:<jürgen@müller.test>", Err(553)),
            ("FROM:<a@b.test> SIZE=999999999999999999999", Err(501)),
            ("FROM:<a@b.test> SIZE=1 SIZE=2", Err(501)),
            ("FROM:<a@b.test> SIZE", Err(501)),
            ("FROM:<a@b.test> SIZE=", Err(501)),
            ("FROM:<a@b.test> SIZE=-1", Err(501)),
            ("FROM:<a@b.test> BODY=BINARYMIME", Err(501)),
            ("FROM:<a@b.test> SMTPUTF8=yes", Err(501)),
            ("FROM:<a@b.test> RET=FULL", Err(555)),
            ("FROM:<a@b.test> =x", Err(501)),
            ("FROM:<a@b.test>SIZE=1", Err(501)),
            ("FROM:a@b.test", Err(501)),
            ("FROM:<a@b.test", Err(501)),
            ("FROM:<\"a@b.test>", Err(501)),
            ("FROM <a@b.test>", Err(501)),
            ("FROM:<a>", Err(501)),
            ("FROM:<a@b..test>", Err(501)),
            ("FROM:<@x.test>", Err(501)),
            ("TO:<a@b.test>", Err(501)),
            ("", Err(501)),
            ("Ü", Err(501)),
        ];
        for (args, expected) in table {
            let got = mail(args).map(|found| {
                let sender = found.sender.map_or("<>".to_owned(), |sender| sender.to_string());
                let body = if found.body == BodyType::EightBit { 8 } else { 7 };
                format!("{sender} {} {body} {}", found.size, if found.smtputf8 { "u" } else { "a" })
            });
            assert_eq!(got.map_err(|reply| reply.code()), expected.map(str::to_owned), "{args}");
        }
    }

    #[test]
    fn rcpt_arguments() {
        let table = [
            ("TO:<bob@example.test>", Ok("bob@example.test")),
            ("to: <bob@[192.0.2.1]>", Ok("bob@[192.0.2.1]")),
            ("TO:<PostMaster>", Ok("postmaster")),
            ("TO:<@a.test:bob@example.test>", Ok("bob@example.test")),
            ("TO:<>", Err("501 5.1.3")),
            ("TO:<bob>", Err("501 5.1.3")),
            ("TO:<jürgen@example.test>", Err("553 5.6.7")),
            ("TO:<bob@example.test> NOTIFY=NEVER", Err("555 5.5.4")),
            ("TO:bob@example.test", Err("501 5.5.4")),
            ("TO:<bob@example.test>,<eve@example.test>", Err("501 5.5.4")),
        ];
        for (args, expected) in table {
            let got = rcpt(args, false).map(|path| path.to_string());
            let got = got.map_err(|reply| format!("{} {}", reply.code(), reply.text().get(..5).unwrap()));
            assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{args}");
        }
    }
}
