//! A real Gatepost process for tests: `gatepost demo` on free ports, with a certificate that tests can trust.
//!
//! The program is the one that `GATEPOST_BIN` names, else the one that cargo built beside the test: a test of the
//! `gatepost` crate has it built always, others need `cargo build -p gatepost` of the same profile first. A node is killed
//! when it is dropped; its data directory goes with the last handle to it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longest time to `ready`, for a machine that builds and tests at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a protocol is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// SMTP from other servers, STARTTLS.
    Smtp,
    /// Submission with STARTTLS.
    Submission,
    /// Submission under TLS.
    Submissions,
    /// POP3 with STLS.
    Pop3,
    /// POP3 under TLS.
    Pop3s,
    /// IMAP with STARTTLS.
    Imap,
    /// IMAP under TLS.
    Imaps,
    /// HTTPS.
    Https,
}

impl Port {
    /// All that a node listens on.
    pub const ALL: [Port; 8] = [
        Port::Smtp,
        Port::Submission,
        Port::Submissions,
        Port::Pop3,
        Port::Pop3s,
        Port::Imap,
        Port::Imaps,
        Port::Https,
    ];

    /// The port that the protocol has by itself.
    pub fn standard(self) -> u16 {
        match self {
            Port::Smtp => 25,
            Port::Submission => 587,
            Port::Submissions => 465,
            Port::Pop3 => 110,
            Port::Pop3s => 995,
            Port::Imap => 143,
            Port::Imaps => 993,
            Port::Https => 443,
        }
    }
}

/// A running (or just killed) `gatepost demo`.
pub struct Node {
    data: PathBuf,
    _temporary: Option<tempfile::TempDir>,
    offset: u16,
    process: Option<Child>,
}

impl Node {
    /// Starts a demo on new data and free ports, and waits until it is ready.
    pub fn start() -> io::Result<Node> {
        let temporary = tempfile::tempdir()?;
        let data = temporary.path().join("data");
        let mut node = Node { data, _temporary: Some(temporary), offset: free_offset(), process: None };
        node.restart()?;
        Ok(node)
    }

    /// Starts a demo on this data directory, which stays when the node is dropped.
    pub fn start_on(data: &Path) -> io::Result<Node> {
        let mut node = Node { data: data.to_owned(), _temporary: None, offset: free_offset(), process: None };
        node.restart()?;
        Ok(node)
    }

    /// Starts the program on the same data and ports, after [`Node::kill9`] or [`Node::stop`].
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill9()?;
        let ready = self.data.with_extension("ready");
        let process = Command::new(binary()?)
            .args(["demo", "--port-offset", &self.offset.to_string(), "--data"])
            .arg(&self.data)
            .arg("--once-ready-file")
            .arg(&ready)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let process = self.process.insert(process);
        let until = Instant::now() + PATIENCE;
        while !ready.exists() {
            if let Some(status) = process.try_wait()? {
                return Err(io::Error::other(format!(
                    "gatepost demo ended with {status} before it was ready"
                )));
            }
            if Instant::now() > until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        std::fs::remove_file(ready)
    }

    /// Where a protocol is reached.
    pub fn address(&self, port: Port) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, port.standard() + self.offset).into()
    }

    /// What was added to every standard port.
    pub fn offset(&self) -> u16 {
        self.offset
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The certificate of the node's authority.
    pub fn ca(&self) -> PathBuf {
        self.data.join("ca.pem")
    }

    /// The process's number while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Ends the process as a power cut does to it: without a chance to write anything.
    pub fn kill9(&mut self) -> io::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// Ends the process with SIGTERM and gives its exit code.
    pub fn stop(&mut self) -> io::Result<Option<i32>> {
        let Some(mut process) = self.process.take() else { return Ok(None) };
        Command::new("kill").arg(process.id().to_string()).status()?;
        Ok(process.wait()?.code())
    }

    /// Runs cmdlets in `gatepost shell -c` on this node.
    pub fn shell(&self, cmdlets: &str) -> io::Result<Output> {
        Command::new(binary()?).args(["shell", "--data"]).arg(&self.data).args(["-c", cmdlets]).output()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A process that is gone already is as good as killed.
        let _ = self.kill9();
    }
}

/// The program under test.
pub fn binary() -> io::Result<PathBuf> {
    if let Some(named) = std::env::var_os("GATEPOST_BIN") {
        return Ok(named.into());
    }
    // target/<profile>/deps/<test>-<hash>
    let test = std::env::current_exe()?;
    let beside = test.parent().and_then(Path::parent).map(|profile| profile.join("gatepost"));
    beside.filter(|binary| binary.exists()).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            "no gatepost program: build it (cargo build -p gatepost) or set GATEPOST_BIN",
        )
    })
}

/// An offset at which all ports are free, and that no other test of this process has got.
pub fn free_offset() -> u16 {
    static LAST: AtomicU16 = AtomicU16::new(0);
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    // Test programs that run at once begin at different places, all below the ports that the system gives out itself.
    let seed = (std::process::id() % 97) as u16 * 200;
    loop {
        let offset = 11_000 + seed.wrapping_add(LAST.fetch_add(1_000, Ordering::Relaxed)) % 20_000;
        let free = |port: &Port| TcpListener::bind((Ipv4Addr::LOCALHOST, port.standard() + offset)).is_ok();
        if Port::ALL.iter().all(free) {
            return offset;
        }
        LAST.fetch_add(37, Ordering::Relaxed);
    }
}
