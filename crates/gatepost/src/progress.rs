//! How far a long work has come, for those who look at a terminal.

use crate::terminal;
use std::time::{Duration, Instant};

/// Between two signs of progress.
const PAUSE: Duration = Duration::from_millis(250);
/// Characters of the bar.
const WIDTH: usize = 30;

/// A bar in the last line of the terminal; nothing where standard error is none.
pub struct Progress {
    what: &'static str,
    begun: Instant,
    next: Instant,
    shown: bool,
}

impl Progress {
    /// For a work of this name, such as `Copying`.
    pub fn new(what: &'static str) -> Progress {
        let begun = Instant::now();
        Progress { what, begun, next: begun + PAUSE, shown: false }
    }

    /// So many octets of so many are done.
    pub fn show(&mut self, done: u64, all: u64) {
        let now = Instant::now();
        if now >= self.next && terminal::is_watched() {
            self.next = now + PAUSE;
            self.shown = true;
            terminal::redraw(&line(self.what, done, all, now - self.begun));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            terminal::redraw("");
        }
    }
}

fn line(what: &str, done: u64, all: u64, since: Duration) -> String {
    let share = if all == 0 { 1.0 } else { done as f64 / all as f64 };
    let filled = (share * WIDTH as f64) as usize;
    let bar: String = (0..WIDTH).map(|at| if at < filled { '#' } else { '.' }).collect();
    let rate = done as f64 / since.as_secs_f64().max(0.001);
    let left = (all.saturating_sub(done)) as f64 / rate.max(1.0);
    format!(
        "{what} [{bar}] {:3.0} %, {} of {} MiB, {:.0} MiB/s, {left:.0} s left",
        share * 100.0,
        done >> 20,
        all >> 20,
        rate / 1_048_576.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_tells_how_far_and_how_long() {
        for (done, all, seconds, expected) in [
            (0, 0, 1, "Copying [##############################] 100 %, 0 of 0 MiB, 0 MiB/s, 0 s left"),
            (
                50 << 20,
                100 << 20,
                10,
                "Copying [###############...............]  50 %, 50 of 100 MiB, 5 MiB/s, 10 s left",
            ),
        ] {
            assert_eq!(line("Copying", done, all, Duration::from_secs(seconds)), expected);
        }
    }
}
