//! A small client of IMAP and SMTP. Every failure of the connection is an error; every refusal stops the test.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use testkit::node::{Node, Port};

/// How to reach a node, whether it runs or not.
pub struct Connector {
    config: Arc<rustls::ClientConfig>,
    imaps: SocketAddr,
    submissions: SocketAddr,
}

type Stream = BufReader<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>;

impl Connector {
    pub fn new(node: &Node) -> Connector {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(node.ca()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (imaps, submissions) = (node.address(Port::Imaps), node.address(Port::Submissions));
        Connector { config: Arc::new(config), imaps, submissions }
    }

    fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        let name = ServerName::try_from("localhost").unwrap();
        let session = rustls::ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        socket.set_nodelay(true)?;
        let mut stream = BufReader::new(rustls::StreamOwned::new(session, socket));
        line(&mut stream)?;
        Ok(stream)
    }

    /// An IMAP session that is logged in.
    pub fn imap(&self, user: &str) -> io::Result<Imap> {
        let mut imap = Imap { stream: self.connect(self.imaps)?, tag: 0 };
        imap.ask(&format!("LOGIN {user}@example.test Gatepost!1"))?;
        Ok(imap)
    }

    /// An SMTP session that is logged in as alice.
    pub fn smtp(&self) -> io::Result<Smtp> {
        let mut smtp = Smtp { stream: self.connect(self.submissions)? };
        smtp.ask(b"EHLO client.test\r\n", "250")?;
        smtp.ask(b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABHYXRlcG9zdCEx\r\n", "235")?;
        Ok(smtp)
    }
}

fn line(stream: &mut Stream) -> io::Result<String> {
    let mut line = String::new();
    // Half a line is none: the server was killed while it wrote.
    match stream.read_line(&mut line) {
        Ok(_) if line.ends_with('\n') => Ok(line),
        Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(error) => Err(error),
    }
}

/// An IMAP session.
pub struct Imap {
    stream: Stream,
    tag: u32,
}

/// A line of a reply, and the literals in it.
pub struct Reply {
    pub text: String,
    pub literals: Vec<Vec<u8>>,
}

impl Imap {
    /// Sends a command and returns all lines of its answer, the tagged one last.
    pub fn ask(&mut self, command: &str) -> io::Result<Vec<Reply>> {
        self.send(command.as_bytes(), command)
    }

    /// Appends a message to a folder and returns its UID.
    pub fn append(&mut self, folder: &str, message: &[u8]) -> io::Result<u32> {
        let mut command = format!("APPEND {folder} {{{}+}}\r\n", message.len()).into_bytes();
        command.extend_from_slice(message);
        let replies = self.send(&command, "APPEND")?;
        let text = &replies.last().unwrap().text;
        let uid = text.split("APPENDUID ").nth(1).and_then(|rest| rest.split([' ', ']']).nth(1));
        Ok(uid.and_then(|uid| uid.parse().ok()).unwrap_or_else(|| panic!("no UID in {text}")))
    }

    fn send(&mut self, command: &[u8], name: &str) -> io::Result<Vec<Reply>> {
        self.tag += 1;
        let tag = format!("a{} ", self.tag);
        let all = [tag.as_bytes(), command, b"\r\n"].concat();
        self.stream.get_mut().write_all(&all)?;
        self.stream.get_mut().flush()?;
        let mut replies = Vec::new();
        loop {
            let reply = self.reply()?;
            let done = reply.text.starts_with(&tag);
            if done && !reply.text[tag.len()..].starts_with("OK") {
                panic!("{name}: {}", reply.text);
            }
            replies.push(reply);
            if done {
                return Ok(replies);
            }
        }
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let mut reply = Reply { text: line(&mut self.stream)?, literals: Vec::new() };
        while let Some(length) = literal(&reply.text) {
            let mut octets = vec![0; length];
            self.stream.read_exact(&mut octets)?;
            reply.literals.push(octets);
            reply.text.push_str(&line(&mut self.stream)?);
        }
        Ok(reply)
    }
}

/// The length of the literal that a line ends with.
fn literal(text: &str) -> Option<usize> {
    let inner = text.strip_suffix("}\r\n")?;
    inner.get(inner.rfind('{')? + 1..)?.parse().ok()
}

impl Reply {
    /// The number after a word, as in `UID 5`.
    pub fn number(&self, word: &str) -> Option<u32> {
        let rest = self.text.split(word).nth(1)?.trim_start();
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }

    /// What stands in the parentheses after FLAGS, sorted; what belongs to the session left out.
    pub fn flags(&self) -> Vec<String> {
        let inner =
            self.text.split("FLAGS (").nth(1).and_then(|rest| rest.split(')').next()).unwrap_or_default();
        let mut flags: Vec<String> =
            inner.split_whitespace().filter(|f| *f != "\\Recent").map(str::to_owned).collect();
        flags.sort();
        flags
    }

    /// The subject in the first literal.
    pub fn subject(&self) -> String {
        let header =
            String::from_utf8_lossy(self.literals.first().map_or(&[][..], Vec::as_slice)).into_owned();
        let line = header.lines().find_map(|line| line.strip_prefix("Subject: "));
        line.unwrap_or_else(|| panic!("no subject in {header:?}")).trim().to_owned()
    }
}

/// An SMTP session.
pub struct Smtp {
    stream: Stream,
}

impl Smtp {
    /// Sends one message from alice to bob; returns once it is acknowledged.
    pub fn submit(&mut self, message: &[u8]) -> io::Result<()> {
        self.ask(b"MAIL FROM:<alice@example.test>\r\n", "250")?;
        self.ask(b"RCPT TO:<bob@example.test>\r\n", "250")?;
        self.ask(b"DATA\r\n", "354")?;
        // No line of our messages begins with a dot.
        self.ask(&[message, b".\r\n"].concat(), "250")
    }

    fn ask(&mut self, command: &[u8], expected: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(command)?;
        self.stream.get_mut().flush()?;
        loop {
            let line = line(&mut self.stream)?;
            assert!(
                line.starts_with(expected),
                "{}: {line}",
                String::from_utf8_lossy(&command[..command.len().min(40)])
            );
            if line.as_bytes().get(3) == Some(&b' ') {
                return Ok(());
            }
        }
    }
}
