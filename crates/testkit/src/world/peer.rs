//! Other servers: Dovecot for POP3 and IMAP, Postfix in front of it for SMTP, run by the scripts in `bench/peers`.

use super::socket::{Socket, unconcerned};
use super::{Conversation, PASSWORD, Received, Trouble, World, address};
use crate::dialogue::{Protocol, Security};
use crate::messages::workspace;
use rustls::ClientConfig;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// POP3 and IMAP.
    Dovecot,
    /// SMTP, delivering to Dovecot.
    Postfix,
}

impl Peer {
    /// Its name in `differs` lines and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Peer::Dovecot => "dovecot",
            Peer::Postfix => "postfix",
        }
    }

    /// The peer of that name.
    pub fn from_name(name: &str) -> Option<Peer> {
        [Peer::Dovecot, Peer::Postfix].into_iter().find(|peer| peer.name() == name)
    }

    /// The folders of dialogues that it is played.
    pub fn protocols(self) -> &'static [Protocol] {
        match self {
            Peer::Dovecot => &[Protocol::Pop3, Protocol::Imap],
            Peer::Postfix => &[Protocol::Smtp],
        }
    }
}

const USERS: [&str; 3] = ["alice", "bob", "admin"];

/// Names of the scripts' settings for ports.
const PORTS: [&str; 7] =
    ["IMAP_PORT", "IMAPS_PORT", "POP3_PORT", "POP3S_PORT", "LMTP_PORT", "SMTP_PORT", "SUBMIT_PORT"];

/// A running peer.
pub struct PeerWorld {
    dir: TempDir,
    ports: Vec<(&'static str, u16)>,
    client: Arc<ClientConfig>,
    started: Vec<&'static str>,
}

impl PeerWorld {
    /// Starts the peer.
    pub fn start(peer: Peer) -> Result<PeerWorld, Trouble> {
        // Below /tmp, where the peer's own users may enter.
        let dir = tempfile::Builder::new().prefix("peer").tempdir_in("/tmp")?;
        let mut ports = Vec::new();
        // All are held until all are known, so that they differ.
        let mut held = Vec::new();
        for name in PORTS {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            ports.push((name, listener.local_addr()?.port()));
            held.push(listener);
        }
        drop(held);
        let mut world = PeerWorld { dir, ports, client: unconcerned()?, started: Vec::new() };
        world.script("dovecot.sh")?;
        world.add_users()?;
        if peer == Peer::Postfix {
            world.script("postfix.sh")?;
            world.add_recipients()?;
        }
        Ok(world)
    }

    fn script(&mut self, script: &'static str) -> Result<(), Trouble> {
        let output = self.command(script, "start").output()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Trouble::Failed(format!("{script}: {text}")));
        }
        self.started.push(script);
        Ok(())
    }

    fn command(&self, script: &str, verb: &str) -> Command {
        let mut command = Command::new(workspace("bench/peers").join(script));
        command.arg(verb).arg(self.dir.path()).stdin(Stdio::null());
        for (name, port) in &self.ports {
            command.env(name, port.to_string());
        }
        command
    }

    /// The users of the dialogues, besides those of the script.
    fn add_users(&self) -> Result<(), Trouble> {
        let mut file = fs::OpenOptions::new().append(true).open(self.dir.path().join("dovecot/users"))?;
        for user in USERS {
            writeln!(file, "{}:{{PLAIN}}{PASSWORD}::::::", address(user))?;
        }
        Ok(())
    }

    fn add_recipients(&self) -> Result<(), Trouble> {
        let etc = self.dir.path().join("postfix/etc");
        let mut file = fs::OpenOptions::new().append(true).open(etc.join("mailboxes"))?;
        for user in USERS {
            writeln!(file, "{} ok", address(user))?;
        }
        let reloaded = Command::new("postfix").arg("-c").arg(&etc).arg("reload").output()?;
        if reloaded.status.success() { Ok(()) } else { Err(Trouble::Failed("postfix reload".to_owned())) }
    }

    /// Waits until Postfix has handed on what it took: it says 250 before the message is in a mailbox.
    fn settle(&self) -> Result<(), Trouble> {
        if !self.started.contains(&"postfix.sh") {
            return Ok(());
        }
        let etc = self.dir.path().join("postfix/etc");
        let deadline = Instant::now() + self.patience();
        while Instant::now() < deadline {
            let waiting = Command::new("postqueue").arg("-c").arg(&etc).arg("-j").output()?;
            if waiting.status.success() && waiting.stdout.is_empty() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Empties the mailboxes for the next dialogue.
    pub fn reset(&mut self) -> Result<(), Trouble> {
        self.settle()?;
        for user in USERS {
            let mail: PathBuf = self.dir.path().join("dovecot/mail").join(user);
            // The peer may still be writing what the last dialogue left behind.
            for _ in 0..100 {
                if !mail.exists() || fs::remove_dir_all(&mail).is_ok() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            // Our accounts have these from the start.
            let folders = ["Drafts", "Sent", "Trash", "Junk", "Archive"];
            let create: String = folders.iter().map(|name| format!("b CREATE {name}\r\n")).collect();
            self.imap(user, create.as_bytes())?;
        }
        Ok(())
    }

    fn port(&self, name: &str) -> u16 {
        self.ports.iter().find(|(known, _)| *known == name).map_or(0, |(_, port)| *port)
    }

    fn socket(&self, port: &str) -> Result<Socket, Trouble> {
        Socket::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port(port))), self.client.clone())
    }
}

impl World for PeerWorld {
    fn connect(&mut self, protocol: Protocol, security: Security) -> Result<Box<dyn Conversation>, Trouble> {
        if matches!(protocol, Protocol::Pop3 | Protocol::Imap) {
            self.settle()?;
        }
        let port = match (protocol, security) {
            (Protocol::Pop3, Security::Clear) => "POP3_PORT",
            (Protocol::Pop3, Security::Tls) => "POP3S_PORT",
            (Protocol::Imap, Security::Clear) => "IMAP_PORT",
            (Protocol::Imap, Security::Tls) => "IMAPS_PORT",
            (Protocol::Smtp, Security::Clear) => "SMTP_PORT",
            (Protocol::Submission, Security::Clear) => "SUBMIT_PORT",
            _ => return Err(Trouble::NotHere(format!("the peer has no {} port like this", protocol.name()))),
        };
        let mut socket = self.socket(port)?;
        if security == Security::Tls {
            socket.start_tls()?;
        }
        Ok(Box::new(socket))
    }

    /// By APPEND: what comes by SMTP or LMTP gets header fields more.
    fn deliver(&mut self, message: &[u8], user: &str) -> Result<(), Trouble> {
        let mut command = format!("b APPEND INBOX {{{}+}}\r\n", message.len()).into_bytes();
        command.extend_from_slice(message);
        command.extend_from_slice(b"\r\n");
        self.imap(user, &command)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(15)
    }
}

impl PeerWorld {
    /// Carries out IMAP commands, of which those tagged `b` must succeed.
    fn imap(&self, user: &str, commands: &[u8]) -> Result<(), Trouble> {
        let mut socket = self.socket("IMAP_PORT")?;
        let login = format!("a LOGIN {} {PASSWORD}\r\n", address(user));
        socket.send(&[login.as_bytes(), commands, b"c LOGOUT\r\n"].concat())?;
        let mut said = Vec::new();
        while let Received::Octets(octets) = socket.receive(self.patience())? {
            said.extend_from_slice(&octets);
        }
        let said = String::from_utf8_lossy(&said).into_owned();
        let wanted = commands.split(|octet| *octet == b'\n').filter(|line| line.starts_with(b"b ")).count();
        let good = said.matches("\r\nb OK").count() == wanted;
        if good { Ok(()) } else { Err(Trouble::Failed(format!("preparing {user}: {said}"))) }
    }
}

impl Drop for PeerWorld {
    fn drop(&mut self) {
        for script in self.started.iter().rev() {
            // Nothing can be done about a peer that does not end.
            let _ = self.command(script, "stop").output();
        }
    }
}
