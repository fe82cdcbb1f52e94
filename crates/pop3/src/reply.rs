//! Replies: status, response code and text on one line (RFC 2449 §3), never longer than 512 octets.

use wire::one_line;

/// Longest first line of a reply with its CRLF (RFC 2449 §4).
const MAX_REPLY: usize = 512;

/// A response code (RFC 2449 §8, RFC 3206).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The credentials are wrong, or not good for this service.
    Auth,
    /// Another session has the maildrop.
    InUse,
    /// Something here does not work now; later it may.
    SysTemp,
    /// Something here does not work, and an administrator must see to it.
    SysPerm,
}

impl Code {
    fn name(self) -> &'static str {
        match self {
            Code::Auth => "[AUTH] ",
            Code::InUse => "[IN-USE] ",
            Code::SysTemp => "[SYS/TEMP] ",
            Code::SysPerm => "[SYS/PERM] ",
        }
    }
}

/// Appends `+OK text`, or `+OK` alone where there is no text.
pub(crate) fn ok(out: &mut Vec<u8>, text: &str) {
    line(out, if text.is_empty() { "+OK" } else { "+OK " }, text);
}

/// Appends `-ERR [code] text`.
pub(crate) fn err(out: &mut Vec<u8>, code: Option<Code>, text: &str) {
    line(out, &format!("-ERR {}", code.map_or("", Code::name)), text);
}

fn line(out: &mut Vec<u8>, status: &str, text: &str) {
    let start = out.len();
    out.extend_from_slice(status.as_bytes());
    // A text that begins like a response code is none (RFC 2449 §8): it could come from a setting.
    if text.starts_with('[') {
        out.push(b' ');
    }
    out.extend_from_slice(one_line(text).as_bytes());
    out.truncate(start + MAX_REPLY - 2);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_one_line_of_bounded_length() {
        let mut out = Vec::new();
        ok(&mut out, "ready");
        ok(&mut out, "");
        err(&mut out, Some(Code::InUse), "other\r\n+OK session");
        err(&mut out, None, "[AUTH] not a code");
        assert_eq!(
            String::from_utf8_lossy(&out),
            "+OK ready\r\n+OK\r\n-ERR [IN-USE] other  +OK session\r\n-ERR  [AUTH] not a code\r\n"
        );
        out.clear();
        ok(&mut out, &"x".repeat(1000));
        assert_eq!(out.len(), MAX_REPLY);
    }
}
