//! Figures of a run: how they are collected, and how they are printed.

use crate::error::Error;
use crate::process::Usage;
use crate::target::Target;
use serde_json::{Map, Value, json};
use std::fmt;
use std::time::{Duration, Instant};

/// Times of single operations.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    times: Vec<Duration>,
}

impl Latencies {
    /// Adds the time since `start`.
    pub fn since(&mut self, start: Instant) {
        self.add(start.elapsed());
    }

    /// Adds a time.
    pub fn add(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// Adds those of another session.
    pub fn join(&mut self, other: Latencies) {
        self.times.extend(other.times);
    }

    /// How many operations there were.
    pub fn count(&self) -> usize {
        self.times.len()
    }

    /// The time in milliseconds that this share of the operations did not exceed.
    pub fn percentile(&mut self, percent: usize) -> f64 {
        self.times.sort_unstable();
        let at = (self.times.len() * percent).div_ceil(100).saturating_sub(1);
        self.times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    }
}

/// One figure; which way is better is part of it.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was measured, with its unit.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Whether more or less is better.
    pub better: Better,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Rates.
    More,
    /// Times and memory.
    Less,
}

/// What a run found.
#[derive(Clone, Debug)]
pub struct Report {
    /// `smtp`, `imap`, ...
    pub what: &'static str,
    /// The server's name.
    pub server: String,
    /// What it was asked to do.
    pub setting: String,
    /// What came out.
    pub figures: Vec<Figure>,
}

impl Report {
    /// Without figures yet.
    pub fn new(what: &'static str, server: &str, setting: String) -> Report {
        Report { what, server: server.to_owned(), setting, figures: Vec::new() }
    }

    /// Adds a rate.
    pub fn rate(&mut self, name: &str, count: f64, time: Duration) {
        self.add(name, count / time.as_secs_f64().max(1e-9), Better::More);
    }

    /// Adds the 50th and 99th percentile of times.
    pub fn latencies(&mut self, name: &str, mut times: Latencies) {
        self.add(&format!("{name} p50 ms"), times.percentile(50), Better::Less);
        self.add(&format!("{name} p99 ms"), times.percentile(99), Better::Less);
    }

    /// Adds the milliseconds of CPU time that the server used for each of `count` operations since `before`.
    pub fn cpu(&mut self, name: &str, before: Usage, target: &Target, count: f64) -> Result<(), Error> {
        if !target.pid.is_empty() {
            let used = Usage::of(&target.pid)?.cpu - before.cpu;
            self.add(name, used * 1_000.0 / count.max(1.0), Better::Less);
        }
        Ok(())
    }

    /// Adds any figure.
    pub fn add(&mut self, name: &str, value: f64, better: Better) {
        self.figures.push(Figure { name: name.to_owned(), value, better });
    }

    /// One line for programs.
    pub fn json(&self) -> Value {
        let figures: Map<String, Value> =
            self.figures.iter().map(|figure| (figure.name.clone(), json!(rounded(figure.value)))).collect();
        json!({ "what": self.what, "server": self.server, "setting": self.setting, "figures": figures })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.what, self.server, self.setting)?;
        for figure in &self.figures {
            write!(f, "; {} {}", figure.name, short(figure.value))?;
        }
        Ok(())
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// Three digits that count.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let mut times = Latencies::default();
        assert_eq!(times.percentile(50), 0.0);
        times.times = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(
            (times.percentile(50), times.percentile(99), times.percentile(100)),
            (100.0, 198.0, 200.0)
        );
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([1234.5, 12.345, 1.2345].map(short), ["1234", "12.3", "1.23"]);
    }
}
