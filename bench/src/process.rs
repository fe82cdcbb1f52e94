//! CPU time and memory of process trees, from /proc.

use crate::error::Error;
use std::collections::HashMap;
use std::fs;

/// Clock ticks per second in /proc; the kernel has shown 100 to programs on every architecture for decades.
const TICKS: f64 = 100.0;

/// What the trees of some processes use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Processes.
    pub processes: usize,
    /// Proportional set size in MiB: each shared page counts once, divided among those who share it.
    pub memory: f64,
    /// Resident set size in MiB: shared pages count for everyone who has them.
    pub resident: f64,
    /// Seconds of CPU time, those of children that have ended included.
    pub cpu: f64,
}

impl Usage {
    /// Of these processes with all their children, as of now.
    pub fn of(roots: &[u32]) -> Result<Usage, Error> {
        let stats = all()?;
        let mut usage = Usage::default();
        for (&pid, stat) in &stats {
            if belongs(pid, roots, &stats) {
                usage.processes += 1;
                usage.memory += memory(pid, "Pss:");
                usage.resident += memory(pid, "Rss:");
                usage.cpu += stat.cpu;
            }
        }
        Ok(usage)
    }
}

struct Stat {
    parent: u32,
    cpu: f64,
}

fn all() -> Result<HashMap<u32, Stat>, Error> {
    let mut stats = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end between two looks.
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if let Some(stat) = parse(&text) {
            stats.insert(pid, stat);
        }
    }
    Ok(stats)
}

/// The name in parentheses may hold anything, so fields are counted from its end.
fn parse(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<f64>().ok()).sum::<f64>();
    Some(Stat { parent: fields.get(1)?.parse().ok()?, cpu: ticks / TICKS })
}

fn belongs(pid: u32, roots: &[u32], stats: &HashMap<u32, Stat>) -> bool {
    let mut pid = pid;
    loop {
        if roots.contains(&pid) {
            return true;
        }
        match stats.get(&pid) {
            Some(stat) if stat.parent != 0 && stat.parent != pid => pid = stat.parent,
            _ => return false,
        }
    }
}

fn memory(pid: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let kib = line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap_or(0.0);
    kib / 1_024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found() {
        let usage = Usage::of(&[std::process::id()]).unwrap();
        assert!(usage.processes == 1 && usage.memory > 0.1, "{usage:?}");
    }

    #[test]
    fn names_may_hold_anything() {
        let stat = parse("7 (a) b (c)) S 3 7 7 0 -1 4194560 1 2 0 0 100 50 25 25 20 0 1 0 1 1").unwrap();
        assert_eq!((stat.parent, stat.cpu), (3, 2.0));
        assert!(parse("").is_none());
    }
}
