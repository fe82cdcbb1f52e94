//! Servers that the comparison starts and stops: Gatepost, Dovecot, and Postfix in front of Dovecot.
//!
//! Each gets an empty directory and ports of its own. The peers' scripts take further settings from the environment
//! (`bench/peers/*.sh` name them); what is set there is left as it is.

use crate::error::Error;
use crate::target::Target;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Ours.
    Gatepost,
    /// Dovecot alone, for reading.
    Dovecot,
    /// Postfix, delivering to Dovecot by LMTP.
    Postfix,
}

/// Users that exist on each server.
pub const USERS: u32 = 100;

const PATIENCE: Duration = Duration::from_secs(60);
const GATEPOST_PORTS: u16 = 20_000;

/// A server that runs.
pub struct Server {
    /// Where it is.
    pub target: Target,
    running: Running,
}

enum Running {
    Child(Child),
    /// Scripts to stop, in this order.
    Scripts(Vec<&'static str>),
}

impl Server {
    /// Starts it on an empty directory.
    pub fn start(kind: Kind, gatepost: &Path, dir: &Path) -> Result<Server, Error> {
        fs::create_dir_all(dir)?;
        match kind {
            Kind::Gatepost => start_gatepost(gatepost, dir),
            Kind::Dovecot => start_peer("Dovecot", &["dovecot.sh"], dir),
            Kind::Postfix => start_peer("Postfix+Dovecot", &["dovecot.sh", "postfix.sh"], dir),
        }
    }

    /// Ends Gatepost with this signal and starts it again on what it has. Returns how long it took until `ready`.
    pub fn restart(&mut self, signal: &str, gatepost: &Path, dir: &Path) -> Result<Duration, Error> {
        let Running::Child(child) = &mut self.running else {
            return Err(Error::new("only Gatepost is started again"));
        };
        end(child, signal)?;
        fs::remove_file(dir.join("ready"))?;
        let start = Instant::now();
        *child = spawn_gatepost(gatepost, dir)?;
        let time = start.elapsed();
        self.target.pid = vec![child.id()];
        Ok(time)
    }

    /// Stops it and removes its directory.
    pub fn stop(self, dir: &Path) -> Result<(), Error> {
        match self.running {
            Running::Child(mut child) => end(&mut child, "TERM")?,
            Running::Scripts(scripts) => {
                for name in scripts.iter().rev() {
                    run(peer(name).arg("stop").arg(dir))?;
                }
            }
        }
        fs::remove_dir_all(dir)?;
        Ok(())
    }
}

fn end(child: &mut Child, signal: &str) -> Result<(), Error> {
    run(Command::new("kill").args(["-s", signal, &child.id().to_string()]))?;
    child.wait()?;
    Ok(())
}

fn start_gatepost(program: &Path, dir: &Path) -> Result<Server, Error> {
    let mut child = spawn_gatepost(program, dir)?;
    if let Err(error) = make_users(program, &dir.join("data"), dir) {
        end(&mut child, "KILL")?;
        return Err(error);
    }
    let target = Target {
        name: "Gatepost".to_owned(),
        password: PASSWORD.to_owned(),
        pid: vec![child.id()],
        ..target(GATEPOST_PORTS)
    };
    Ok(Server { target, running: Running::Child(child) })
}

/// Starts the program on the data in this directory, if there are any, and waits until it is ready.
fn spawn_gatepost(program: &Path, dir: &Path) -> Result<Child, Error> {
    let ready = dir.join("ready");
    let log = File::create(dir.join("log"))?;
    let mut child = Command::new(program)
        .args(["demo", "--port-offset", &GATEPOST_PORTS.to_string(), "--data"])
        .arg(dir.join("data"))
        .arg("--once-ready-file")
        .arg(&ready)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map_err(|error| Error::from(error).at(&program.display().to_string()))?;
    if let Err(error) = wait_ready(&mut child, &ready, dir) {
        end(&mut child, "KILL")?;
        return Err(error);
    }
    Ok(child)
}

const PASSWORD: &str = "Gatepost!1";

fn wait_ready(child: &mut Child, ready: &Path, dir: &Path) -> Result<(), Error> {
    let start = Instant::now();
    while !ready.exists() {
        if child.try_wait()?.is_some() || start.elapsed() > PATIENCE {
            let log = fs::read_to_string(dir.join("log")).unwrap_or_default();
            return Err(Error::new(format!("Gatepost did not come up:\n{log}")));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn make_users(program: &Path, data: &Path, dir: &Path) -> Result<(), Error> {
    let line = |number| {
        format!(
            "New-Mailbox user{number} -UserPrincipalName user{number}@example.test \
             -Password (ConvertTo-SecureString '{PASSWORD}' -AsPlainText -Force)\n"
        )
    };
    let script = dir.join("users");
    fs::write(&script, (1..=USERS).map(line).collect::<String>())?;
    run(Command::new(program).args(["shell", "--data"]).arg(data).arg(script))
}

fn target(ports: u16) -> Target {
    Target {
        name: String::new(),
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        smtp: ports + 25,
        imaps: ports + 993,
        pop3s: ports + 995,
        user: "user{}@example.test".to_owned(),
        users: USERS,
        password: "pass".to_owned(),
        ca: None,
        pid: Vec::new(),
    }
}

const PEER_PORTS: u16 = 12_000;

/// The peers' own settings, as far as the environment does not say otherwise. `HIGH_PERF=1` and `IN_FLOW_DELAY=0` are
/// what makes them fastest.
const PEER_SETTINGS: [(&str, &str); 10] = [
    ("IMAP_PORT", "12143"),
    ("IMAPS_PORT", "12993"),
    ("POP3_PORT", "12110"),
    ("POP3S_PORT", "12995"),
    ("LMTP_PORT", "12024"),
    ("DSUB_PORT", "12588"),
    ("SMTP_PORT", "12025"),
    ("SUBMIT_PORT", "12587"),
    ("HIGH_PERF", "1"),
    ("IN_FLOW_DELAY", "0"),
];

fn peer(script: &str) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script));
    for (name, value) in PEER_SETTINGS {
        if name.ends_with("_PORT") || std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    command.env("USERS", USERS.to_string());
    command
}

fn start_peer(name: &str, scripts: &[&'static str], dir: &Path) -> Result<Server, Error> {
    let mut started: Vec<&'static str> = Vec::new();
    for script in scripts {
        if let Err(error) = run(peer(script).arg("start").arg(dir)) {
            for script in started.iter().rev() {
                run(peer(script).arg("stop").arg(dir))?;
            }
            return Err(error);
        }
        started.push(*script);
    }
    let masters: [PathBuf; 2] =
        [dir.join("dovecot/run/master.pid"), dir.join("postfix/queue/pid/master.pid")];
    let pid = masters
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .filter_map(|text| text.trim().parse().ok())
        .collect();
    let target = Target { name: name.to_owned(), pid, ..target(PEER_PORTS) };
    Ok(Server { target, running: Running::Scripts(started) })
}

/// Runs a program to its end; what it prints is shown only where it fails.
fn run(command: &mut Command) -> Result<(), Error> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let program = command.get_program().display().to_string();
    Err(Error::new(format!("{program}: {}\n{}", output.status, String::from_utf8_lossy(&text))))
}
