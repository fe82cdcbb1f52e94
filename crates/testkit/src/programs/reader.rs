//! A small IMAP client of our own: what tests put in and see through it owes nothing to the programs under test.

use crate::node::{Node, Port};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// Longest silence of the server.
const PATIENCE: Duration = Duration::from_secs(60);

/// A message as the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its UID.
    pub uid: u32,
    /// Its flags, as the server wrote them.
    pub flags: String,
    /// Its octets.
    pub octets: Vec<u8>,
}

impl Message {
    /// What the server put before `original`: trace fields only. `None` where the rest is not the original to the octet.
    pub fn trace_before(&self, original: &[u8]) -> Option<String> {
        let trace = self.octets.strip_suffix(original)?;
        let text = String::from_utf8(trace.to_vec()).ok()?;
        let is_trace = |line: &str| {
            line.starts_with([' ', '\t']) || line.starts_with("Return-Path:") || line.starts_with("Received:")
        };
        text.split_terminator("\r\n").all(is_trace).then_some(text)
    }
}

/// A logged-in IMAP connection under TLS.
pub struct Reader {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    tag: u32,
}

/// One reply: its text, and the literals in it.
type Reply = (String, Vec<Vec<u8>>);

impl Reader {
    /// Logs in to a demo node.
    pub fn connect(node: &Node, user: &str, password: &str) -> io::Result<Reader> {
        let stream = TcpStream::connect(node.address(Port::Imaps))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let client = ClientConnection::new(Arc::new(trusting(node)?), name).map_err(io::Error::other)?;
        let mut reader = Reader { stream: BufReader::new(StreamOwned::new(client, stream)), tag: 0 };
        reader.reply()?;
        reader.command(&format!("LOGIN {user} \"{password}\""))?;
        Ok(reader)
    }

    /// Runs a command and gives the untagged replies; an error when the server does not say OK.
    pub fn command(&mut self, command: &str) -> io::Result<Vec<(String, Vec<Vec<u8>>)>> {
        self.tag += 1;
        let tag = format!("r{} ", self.tag);
        self.stream.get_mut().write_all(format!("{tag}{command}\r\n").as_bytes())?;
        self.stream.get_mut().flush()?;
        self.until(&tag)
    }

    fn until(&mut self, tag: &str) -> io::Result<Vec<Reply>> {
        let mut replies = Vec::new();
        loop {
            let reply = self.reply()?;
            match reply.0.strip_prefix(tag) {
                Some(end) if end.starts_with("OK") => return Ok(replies),
                Some(end) => return Err(io::Error::other(end.to_owned())),
                None => replies.push(reply),
            }
        }
    }

    /// Adds messages to a folder, many on the way at once.
    pub fn append<'a>(
        &mut self,
        folder: &str,
        messages: impl IntoIterator<Item = &'a [u8]>,
    ) -> io::Result<()> {
        let messages: Vec<&[u8]> = messages.into_iter().collect();
        // As many as the server can answer without our reading it.
        for batch in messages.chunks(100) {
            let first = self.tag + 1;
            for message in batch {
                self.tag += 1;
                let stream = self.stream.get_mut();
                write!(stream, "r{} APPEND {folder} {{{}+}}\r\n", self.tag, message.len())?;
                stream.write_all(message)?;
                stream.write_all(b"\r\n")?;
            }
            self.stream.get_mut().flush()?;
            for tag in first..=self.tag {
                self.until(&format!("r{tag} "))?;
            }
        }
        Ok(())
    }

    /// All messages of a folder, which stay as they are.
    pub fn messages(&mut self, folder: &str) -> io::Result<Vec<Message>> {
        self.command(&format!("EXAMINE {folder}"))?;
        let replies = self.command("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")?;
        Ok(replies.into_iter().filter_map(message).collect())
    }

    /// The messages of a folder with this subject.
    pub fn with_subject(&mut self, folder: &str, subject: &str) -> io::Result<Vec<Message>> {
        let needle = format!("Subject: {subject}\r\n");
        let has = |message: &Message| has_text(&message.octets, needle.as_bytes());
        Ok(self.messages(folder)?.into_iter().filter(has).collect())
    }

    /// The one message of a folder with this subject.
    pub fn only(&mut self, folder: &str, subject: &str) -> io::Result<Message> {
        let mut found = self.with_subject(folder, subject)?;
        let count = found.len();
        let message = found.pop().filter(|_| count == 1);
        message.ok_or_else(|| io::Error::other(format!("'{subject}' is {count} times in {folder}, not once")))
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let (mut text, mut literals) = (String::new(), Vec::new());
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            text.push_str(String::from_utf8_lossy(&line).trim_end_matches("\r\n"));
            let Some(length) = literal_length(&text) else { return Ok((text, literals)) };
            let mut literal = vec![0; length];
            self.stream.read_exact(&mut literal)?;
            literals.push(literal);
        }
    }
}

fn trusting(node: &Node) -> io::Result<ClientConfig> {
    let certificate = CertificateDer::from_pem_file(node.ca()).map_err(io::Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth())
}

fn literal_length(text: &str) -> Option<usize> {
    let (_, length) = text.strip_suffix('}')?.rsplit_once('{')?;
    length.parse().ok()
}

fn message((text, mut literals): Reply) -> Option<Message> {
    let after = |key: &str| text.split_once(key).map(|(_, rest)| rest);
    let uid = after("UID ")?.split([' ', ')']).next()?.parse().ok()?;
    let flags = after("FLAGS (")?.split(')').next()?.to_owned();
    Some(Message { uid, flags, octets: literals.pop()? })
}

fn has_text(octets: &[u8], needle: &[u8]) -> bool {
    octets.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies() {
        let table =
            [("* 1 FETCH (BODY[] {12}", Some(12)), ("* OK {x}", None), ("* OK", None), ("{0}", Some(0))];
        for (text, expected) in table {
            assert_eq!(literal_length(text), expected, "{text}");
        }
        let reply = ("* 1 FETCH (UID 7 FLAGS (\\Seen $x) BODY[] {2})".to_owned(), vec![b"hi".to_vec()]);
        let expected = Message { uid: 7, flags: "\\Seen $x".to_owned(), octets: b"hi".to_vec() };
        assert_eq!(message(reply), Some(expected));
        assert_eq!(message(("* 1 EXISTS".to_owned(), Vec::new())), None);
    }

    #[test]
    fn trace() {
        let message = |text: &str| Message { uid: 1, flags: String::new(), octets: text.into() };
        let table = [
            ("Return-Path: <a@x>\r\nReceived: b\r\n\tc\r\nSubject: s\r\n\r\nhi\r\n", true),
            ("Subject: s\r\n\r\nhi\r\n", true),
            ("X-Other: y\r\nSubject: s\r\n\r\nhi\r\n", false),
            ("Subject: s\r\n\r\nhi\r\n\r\n", false),
        ];
        for (text, same) in table {
            assert_eq!(message(text).trace_before(b"Subject: s\r\n\r\nhi\r\n").is_some(), same, "{text}");
        }
    }
}
