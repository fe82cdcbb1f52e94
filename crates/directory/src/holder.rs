//! The current snapshot of a running node.

use crate::Snapshot;
use arc_swap::ArcSwap;
use std::sync::Arc;
use tokio::sync::watch;

/// Holds the current [`Snapshot`] and tells when there is another. Reading it takes no lock.
///
/// A change goes: [`Snapshot::apply`], save its records, then [`Directory::publish`]. Who changes keeps others from
/// changing in between; readers need not care.
#[derive(Debug)]
pub struct Directory {
    current: ArcSwap<Snapshot>,
    version: watch::Sender<u64>,
}

impl Directory {
    /// Begins with this snapshot.
    pub fn new(snapshot: Snapshot) -> Directory {
        Directory { current: ArcSwap::from_pointee(snapshot), version: watch::Sender::new(0) }
    }

    /// The current snapshot. Keep it for one decision, one transaction or one session, not longer.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Makes a snapshot the current one and wakes those who wait for a change.
    pub fn publish(&self, snapshot: Snapshot) {
        self.current.store(Arc::new(snapshot));
        self.version.send_modify(|version| *version += 1);
    }

    /// Wakes with every snapshot published from now on. The number only counts.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}
