//! Places for connections: so many for a service, for one client address, for one user.
//!
//! A place is given back when its guard is dropped, however the session ends. Whoever asks brings the limit, so that a
//! changed setting counts at once and nothing here needs to be told.

use directory::ServiceName;
use mail::AccountId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What connections are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// All of the node.
    Node,
    /// All of a service.
    Service(ServiceName),
    /// All of a service from one client address.
    Source(ServiceName, IpAddr),
    /// All of a service by one user.
    User(ServiceName, AccountId),
    /// All of a receive connector.
    Connector(String),
    /// All of a receive connector from one client address.
    ConnectorSource(String, IpAddr),
}

/// The counts of one node.
#[derive(Clone, Default)]
pub struct Limits(Arc<Mutex<HashMap<Slot, u32>>>);

impl Limits {
    /// Takes a place, unless `max` are taken. It is free again when the guard is dropped.
    pub fn take(&self, slot: Slot, max: u32) -> Option<Place> {
        let mut counts = self.counts();
        let count = counts.get(&slot).copied().unwrap_or(0);
        if count >= max {
            return None;
        }
        counts.insert(slot.clone(), count + 1);
        drop(counts);
        Some(Place { limits: self.clone(), slot })
    }

    /// How many places are taken.
    pub fn taken(&self, slot: &Slot) -> u32 {
        self.counts().get(slot).copied().unwrap_or(0)
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Slot, u32>> {
        // Every change is a single insert or remove, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A taken place.
pub struct Place {
    limits: Limits,
    slot: Slot,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.limits.counts();
        match counts.get_mut(&self.slot) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.slot)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        let limits = Limits::default();
        let user = Slot::User(ServiceName::Pop3, AccountId(1));
        let first = limits.take(user.clone(), 2);
        let second = limits.take(user.clone(), 2);
        assert!(first.is_some() && second.is_some());
        assert!(limits.take(user.clone(), 2).is_none());
        assert!(limits.take(Slot::User(ServiceName::Pop3, AccountId(2)), 2).is_some(), "another user");
        drop(first);
        assert_eq!(limits.taken(&user), 1);
        assert!(limits.take(user.clone(), 2).is_some());
        drop(second);
        assert_eq!(limits.taken(&user), 0);
        assert!(limits.counts().is_empty(), "nothing is kept for those who left");
    }

    #[test]
    fn a_limit_of_zero_lets_nobody_in() {
        assert!(Limits::default().take(Slot::Service(ServiceName::Imap4), 0).is_none());
    }
}
