//! Administration of many mailboxes: how soon the first row of a list comes, how many objects a pipeline changes in a
//! second, and what memory server and shell take meanwhile.
//!
//! The shell is the program's own, started anew for each text, so its start is part of each time.

use crate::error::Error;
use crate::measure::{Better, Latencies, Report};
use crate::process::Usage;
use crate::target::Target;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How much there is to do.
#[derive(Clone, Debug)]
pub struct Load {
    /// Mailboxes, besides those that are there.
    pub mailboxes: u32,
    /// How often the first row is waited for.
    pub lists: u32,
}

/// What one text of the shell took.
struct Ran {
    first: Duration,
    whole: Duration,
    lines: u32,
    /// Most MiB of the shell's process.
    shell: f64,
    /// Most MiB of the server.
    server: f64,
}

/// Lines between two looks at the memory.
const LOOK: u32 = 2_000;

const FIND: &str = "Get-CASMailbox -ResultSize Unlimited -Filter {PopEnabled -eq $true}";

/// Makes mailboxes, lists them, changes them all.
pub fn run(target: &Target, load: &Load, program: &Path, data: &Path) -> Result<Report, Error> {
    let shell = |text: &str| converse(target, program, data, text);
    let setting = format!("{} mailboxes", load.mailboxes);
    let mut report = Report::new("admin", &target.name, setting);
    let made = shell(&format!(
        "1..{} | % {{ New-Mailbox \"m$_\" -UserPrincipalName \"m$_@example.test\" -Password $null | Out-Null }}",
        load.mailboxes
    ))?;
    let count = f64::from(load.mailboxes);
    report.rate("New-Mailbox in a loop", count, made.whole);
    let mut first = Latencies::default();
    for _ in 0..load.lists {
        first.add(shell(&format!("{FIND} | % Name"))?.first);
    }
    report.latencies("first row of a filtered list", first);
    let before = Usage::of(&target.pid)?.resident;
    let mut most: (f64, f64) = (0.0, before);
    let mut add = |report: &mut Report, name: &str, text: &str| -> Result<(), Error> {
        let ran = shell(text)?;
        report.rate(name, count, ran.whole);
        most = (most.0.max(ran.shell), most.1.max(ran.server));
        Ok(())
    };
    add(&mut report, "rows of a filtered list", FIND)?;
    for value in ["$false", "$true"] {
        let text = format!("Get-CASMailbox -ResultSize Unlimited | Set-CASMailbox -PopEnabled {value}");
        add(&mut report, &format!("Set-CASMailbox -PopEnabled {value}"), &text)?;
    }
    let (shell, server) = most;
    report.add("shell MiB, the most", shell, Better::Less);
    report.add("server MiB before the lists", before, Better::Less);
    report.add("server MiB, the most after", server.max(Usage::of(&target.pid)?.resident), Better::Less);
    Ok(report)
}

/// Runs a text to its end; its errors are ours.
fn converse(target: &Target, program: &Path, data: &Path, text: &str) -> Result<Ran, Error> {
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(["shell", "--data"])
        .arg(data)
        .args(["-c", text])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or_else(|| Error::new("the shell has no output"))?;
    let mut ran =
        Ran { first: Duration::ZERO, whole: Duration::ZERO, lines: 0, shell: 0.0, server: 0.0 };
    for line in BufReader::new(output).lines() {
        line?;
        if ran.lines == 0 {
            ran.first = start.elapsed();
        }
        ran.lines += 1;
        if ran.lines % LOOK == 0 {
            ran.shell = ran.shell.max(Usage::of(&[child.id()])?.resident);
            ran.server = ran.server.max(Usage::of(&target.pid)?.resident);
        }
    }
    let status = child.wait()?;
    ran.whole = start.elapsed();
    if status.success() { Ok(ran) } else { Err(Error::new(format!("the shell ended with {status}: {text}"))) }
}
