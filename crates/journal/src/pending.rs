//! Events on their way to where they are kept.
//!
//! Of one event of one source at most [`ROWS`] a minute are entries of their own; what comes beyond is counted at the
//! last of them. So whatever strangers do, an hour of events fits on a page, and the number of them is known all the same.

use crate::catalogue::{Kind, Level, Source, kinds};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Entries of one event of one source in a minute.
const ROWS: u32 = 10;
const MINUTE: i64 = 60;
/// Entries that wait while they cannot be kept, and characters of one of them.
const MOST: usize = 1_000;
const LONGEST: usize = 2_000;

/// An event that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it happened first, seconds since 1970.
    pub time: i64,
    /// When it happened last.
    pub last: i64,
    /// Its number in the catalogue.
    pub id: u32,
    /// The name of its source.
    pub source: &'static str,
    /// How much it matters.
    pub level: Level,
    /// What happened.
    pub message: String,
    /// How often it, or another of the same number and source, happened.
    pub count: u32,
    /// Whether it is an entry of its own, or only counts at the newest kept one of the same number and source.
    pub own: bool,
}

/// Takes events of the whole process.
#[derive(Debug, Default)]
pub struct Journal {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    /// How many entries each event of each source got in the minute that began then.
    windows: Vec<Window>,
    lost: u32,
    closed: bool,
}

#[derive(Debug)]
struct Window {
    id: u32,
    source: &'static str,
    began: i64,
    rows: u32,
}

impl Journal {
    /// Takes an event, without waiting, and writes it to the program's log.
    pub fn write(&self, kind: &Kind, source: Source, message: &str) {
        self.write_at(kind, source, message, now());
    }

    fn write_at(&self, kind: &Kind, source: Source, message: &str, now: i64) {
        let own = self.state().take(kind, source.name(), message, now);
        // What is collapsed here would fill the other log as well.
        if own {
            log(kind, source, message);
        }
        self.came.notify_all();
    }

    /// What waits to be kept, and how much was lost. Whoever cannot keep it gives it back.
    pub fn take(&self) -> Vec<Entry> {
        let mut state = self.state();
        let mut entries = std::mem::take(&mut state.entries);
        let lost = std::mem::take(&mut state.lost);
        if lost > 0 {
            let (kind, now) = (&kinds::EVENTS_LOST, now());
            let (id, source, level) = (kind.id, Source::Gatepost.name(), kind.level);
            let message = format!("{lost} events could not be kept.");
            entries.push(Entry { time: now, last: now, id, source, level, message, count: lost, own: true });
        }
        entries
    }

    /// Puts back what could not be kept, before what came since.
    pub fn give_back(&self, entries: Vec<Entry>) {
        let mut state = self.state();
        let notice = |entry: &Entry| entry.id == kinds::EVENTS_LOST.id;
        let lost: u32 = entries.iter().filter(|entry| notice(entry)).map(|entry| entry.count).sum();
        let newer = std::mem::take(&mut state.entries);
        state.entries = entries.into_iter().filter(|entry| !notice(entry)).chain(newer).collect();
        let over = u32::try_from(state.entries.len().saturating_sub(MOST)).unwrap_or(u32::MAX);
        state.lost = state.lost.saturating_add(lost).saturating_add(over);
        state.entries.truncate(MOST);
    }

    /// Waits until there is something to be kept, or for so long. False once the journal is closed.
    pub fn wait(&self, patience: Duration) -> bool {
        let state = self.state();
        let waiting = |state: &mut State| state.entries.is_empty() && !state.closed;
        let state = self.came.wait_timeout_while(state, patience, waiting);
        !state.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// Waits for so long. False once the journal is closed.
    pub fn pause(&self, length: Duration) -> bool {
        let state = self.came.wait_timeout_while(self.state(), length, |state| !state.closed);
        !state.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// Nobody waits any more.
    pub fn close(&self) {
        self.state().closed = true;
        self.came.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether it became an entry of its own.
    fn take(&mut self, kind: &Kind, source: &'static str, message: &str, now: i64) -> bool {
        let own = self.window(kind.id, source, now);
        if !own && let Some(entry) = self.newest(kind.id, source) {
            (entry.count, entry.last) = (entry.count.saturating_add(1), now);
            return false;
        }
        if self.entries.len() >= MOST {
            self.lost = self.lost.saturating_add(1);
            return own;
        }
        let message = message.chars().take(LONGEST).collect();
        let level = kind.level;
        self.entries.push(Entry { time: now, last: now, id: kind.id, source, level, message, count: 1, own });
        own
    }

    /// Counts one more of these in this minute; whether it has room.
    fn window(&mut self, id: u32, source: &'static str, now: i64) -> bool {
        let known = self.windows.iter_mut().find(|window| window.id == id && window.source == source);
        let Some(window) = known else {
            self.windows.push(Window { id, source, began: now, rows: 1 });
            return true;
        };
        // A clock that was set back begins a minute too.
        if !(0..MINUTE).contains(&now.saturating_sub(window.began)) {
            (window.began, window.rows) = (now, 0);
        }
        window.rows = window.rows.saturating_add(1);
        window.rows <= ROWS
    }

    fn newest(&mut self, id: u32, source: &'static str) -> Option<&mut Entry> {
        self.entries.iter_mut().rev().find(|entry| entry.id == id && entry.source == source)
    }
}

fn log(kind: &Kind, source: Source, message: &str) {
    let (event, source) = (kind.id, source.name());
    match kind.level {
        Level::Error => tracing::error!(event, source, "{message}"),
        Level::Warning => tracing::warn!(event, source, "{message}"),
        Level::Information => tracing::info!(event, source, "{message}"),
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storm(journal: &Journal, count: u32, now: i64) {
        for number in 0..count {
            journal.write_at(&kinds::WRONG_PASSWORDS, Source::Pop3, &format!("from {number}"), now);
        }
    }

    #[test]
    fn a_storm_is_collapsed_and_counted() {
        let journal = Journal::default();
        storm(&journal, 1_000_000, 100);
        journal.write_at(&kinds::WRONG_PASSWORDS, Source::Imap4, "another source", 101);
        let entries = journal.take();
        assert_eq!(entries.len(), 11);
        assert_eq!(entries.iter().map(|entry| entry.count).sum::<u32>(), 1_000_001);
        assert!(entries.iter().all(|entry| entry.own));
        // The same minute goes on: what comes counts at what was kept.
        storm(&journal, 5, 130);
        let entries = journal.take();
        assert_eq!(entries.iter().map(|entry| (entry.count, entry.own)).collect::<Vec<_>>(), [(5, false)]);
        storm(&journal, 1, 160);
        assert!(journal.take().iter().all(|entry| entry.own), "another minute");
        storm(&journal, 1, 10);
        assert!(journal.take().iter().all(|entry| entry.own), "the clock was set back");
    }

    #[test]
    fn what_cannot_be_kept_is_bounded_and_its_loss_is_told() {
        let journal = Journal::default();
        for minute in 0..200 {
            storm(&journal, 10, minute * MINUTE);
        }
        let entries = journal.take();
        assert_eq!((entries.len(), entries.last().unwrap().count), (MOST + 1, 1_000));
        journal.give_back(entries);
        storm(&journal, 1, 1_000_000);
        let entries = journal.take();
        let notice = entries.last().unwrap();
        assert_eq!((entries.len(), notice.id, notice.count), (MOST + 1, kinds::EVENTS_LOST.id, 1_001));
    }

    #[test]
    fn whoever_waits_is_woken_by_an_event_and_by_the_end() {
        let journal = Journal::default();
        storm(&journal, 1, 0);
        assert!(journal.wait(Duration::from_secs(60)));
        journal.close();
        assert!(!journal.wait(Duration::from_secs(60)) && !journal.pause(Duration::from_secs(60)));
    }
}
