//! Trace fields: Return-Path and Received (RFC 5321 §4.4), and what a submission may lack (RFC 6409 §8).

use mail::{Address, DateTime};
use std::net::IpAddr;

/// How a message came in (RFC 3848, RFC 6531 §4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protocol {
    /// EHLO was used, and not HELO.
    pub extended: bool,
    /// The connection was inside TLS.
    pub tls: bool,
    /// The client had logged in.
    pub login: bool,
    /// SMTPUTF8 was asked for.
    pub utf8: bool,
}

impl Protocol {
    /// The registered name for `with`.
    pub fn name(self) -> &'static str {
        match (self.utf8, self.tls, self.login) {
            (true, true, true) => "UTF8SMTPSA",
            (true, true, false) => "UTF8SMTPS",
            (true, false, true) => "UTF8SMTPA",
            (true, false, false) => "UTF8SMTP",
            (false, true, true) => "ESMTPSA",
            (false, true, false) => "ESMTPS",
            (false, false, true) => "ESMTPA",
            (false, false, false) if self.extended => "ESMTP",
            (false, false, false) => "SMTP",
        }
    }
}

/// What the trace fields say of how a message came.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The client's name, as it gave it.
    pub from: String,
    /// The client's address.
    pub address: IpAddr,
    /// Our name.
    pub by: String,
    /// How it came.
    pub with: Protocol,
    /// TLS version and cipher suite, where there is TLS.
    pub tls: Option<String>,
    /// Our name for the message: an atom, given to no other.
    pub id: String,
    /// When.
    pub date: DateTime,
}

impl Trace {
    /// A Message-ID of ours.
    pub(crate) fn message_id(&self) -> String {
        format!("<{}@{}>", self.id, self.by)
    }

    /// The Received field; `recipient` only where the message has a single one, since all copies are the same octets and
    /// nobody is to learn of another (RFC 5321 §7.2).
    pub(crate) fn received(&self, recipient: Option<&Address>) -> String {
        let literal = match self.address {
            IpAddr::V4(ip) => format!("[{ip}]"),
            IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
        };
        let mut field = format!("Received: from {} ({literal})\r\n\tby {}", self.printable_name(), self.by);
        if let Some(tls) = &self.tls {
            field.push_str(&format!(" ({tls})"));
        }
        field.push_str(&format!("\r\n\twith {} id {}", self.with.name(), self.id));
        if let Some(recipient) = recipient.filter(|recipient| recipient.is_ascii() || self.with.utf8) {
            field.push_str(&format!("\r\n\tfor <{recipient}>"));
        }
        field.push_str(&format!("; {}\r\n", self.date.to_rfc5322()));
        field
    }

    /// The client's name with whatever a domain or address literal cannot have replaced: it must neither end the field
    /// nor look like a comment, and is ASCII unless the message may be UTF-8.
    fn printable_name(&self) -> String {
        let good = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        let good = |c: char| good(c) || (self.with.utf8 && !c.is_ascii() && c.is_alphanumeric());
        let name: String = self.from.chars().take(255).map(|c| if good(c) { c } else { '?' }).collect();
        if name.is_empty() { "unknown".to_owned() } else { name }
    }
}

/// The Return-Path field.
pub(crate) fn return_path(sender: Option<&Address>) -> String {
    format!("Return-Path: <{}>\r\n", sender.map(ToString::to_string).unwrap_or_default())
}

/// The first octet to send of a queued message, of which `head` is the beginning (4 KiB are enough): what comes before
/// is our own Return-Path, which a message on its way does not carry (RFC 5321 §4.4).
pub fn outgoing_start(head: &[u8]) -> u32 {
    let ours = head.starts_with(b"Return-Path: <");
    let end = if ours { memchr::memmem::find(head, b"\r\n").map(|at| at + 2) } else { None };
    end.and_then(|end| u32::try_from(end).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(from: &str, with: Protocol) -> Trace {
        Trace {
            from: from.to_owned(),
            address: IpAddr::from([192, 0, 2, 1]),
            by: "mail.example.test".to_owned(),
            with,
            tls: None,
            id: "abc".to_owned(),
            date: DateTime::utc(0),
        }
    }

    #[test]
    fn protocol_names() {
        let plain = Protocol::default();
        let table = [
            (plain, "SMTP"),
            (Protocol { extended: true, ..plain }, "ESMTP"),
            (Protocol { extended: true, tls: true, ..plain }, "ESMTPS"),
            (Protocol { extended: true, login: true, ..plain }, "ESMTPA"),
            (Protocol { extended: true, tls: true, login: true, ..plain }, "ESMTPSA"),
            (Protocol { extended: true, tls: true, login: true, utf8: true }, "UTF8SMTPSA"),
            (Protocol { extended: true, utf8: true, ..plain }, "UTF8SMTP"),
        ];
        for (protocol, name) in table {
            assert_eq!(protocol.name(), name);
        }
    }

    #[test]
    fn received_fields() {
        let esmtp = Protocol { extended: true, ..Protocol::default() };
        let bob = Address::parse("bob@example.test").unwrap();
        let date = "Thu, 1 Jan 1970 00:00:00 +0000";
        assert_eq!(
            trace("[192.0.2.9]", esmtp).received(Some(&bob)),
            format!(
                "Received: from [192.0.2.9] ([192.0.2.1])\r\n\tby mail.example.test\r\n\twith ESMTP id abc\r\n\t\
                 for <bob@example.test>; {date}\r\n"
            )
        );
        let tls = Trace {
            tls: Some("TLSv1.3 TLS13_AES_256_GCM_SHA384".to_owned()),
            address: "2001:db8::1".parse().unwrap(),
            ..trace("a)(b\"ü <x>\r\nX: y", Protocol { tls: true, ..esmtp })
        };
        assert_eq!(
            tls.received(None),
            format!(
                "Received: from a??b????x???X:?y ([IPv6:2001:db8::1])\r\n\tby mail.example.test \
                 (TLSv1.3 TLS13_AES_256_GCM_SHA384)\r\n\twith ESMTPS id abc; {date}\r\n"
            )
        );
        let juergen = Address::parse("jürgen@example.test").unwrap();
        assert!(!trace("x", esmtp).received(Some(&juergen)).contains("for"), "ASCII unless SMTPUTF8");
        assert!(trace("", esmtp).received(None).starts_with("Received: from unknown ("));
    }

    #[test]
    fn what_is_sent_on_begins_after_our_return_path() {
        let alice = Address::parse("alice@example.test").unwrap();
        for sender in [None, Some(&alice)] {
            let message = format!("{}Received: x\r\n", return_path(sender));
            let start = usize::try_from(outgoing_start(message.as_bytes())).unwrap();
            assert_eq!(&message[start..], "Received: x\r\n");
        }
        assert_eq!(outgoing_start(b"Received: x\r\nReturn-Path: <>\r\n"), 0);
        assert_eq!(outgoing_start(b""), 0);
    }
}
