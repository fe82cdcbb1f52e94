//! Memory for headers on their way in, shared by all messages.
//!
//! A header is held until it is complete, since what is put before it depends on it. A little of it is every message's
//! own; what goes beyond is taken from what all may use together, so that many clients that send long headers slowly
//! use no more memory than a few.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Octets that no message has to ask for; most headers are not larger.
const OWN: usize = 4 * 1024;

/// Octets that all messages share.
const SHARED: usize = 64 << 20;

/// What is left for all.
#[derive(Clone, Debug)]
pub struct HeaderSpace(Arc<AtomicUsize>);

impl Default for HeaderSpace {
    fn default() -> HeaderSpace {
        HeaderSpace::new(SHARED)
    }
}

impl HeaderSpace {
    /// Space for so many octets.
    pub fn new(octets: usize) -> HeaderSpace {
        HeaderSpace(Arc::new(AtomicUsize::new(octets)))
    }

    pub(crate) fn share(&self) -> Share {
        Share { space: self.clone(), taken: 0 }
    }
}

/// One message's part of it, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    space: HeaderSpace,
    taken: usize,
}

impl Share {
    /// Whether so many octets may be held.
    pub(crate) fn reaches(&mut self, octets: usize) -> bool {
        let more = octets.saturating_sub(OWN).saturating_sub(self.taken);
        let less = |left: usize| left.checked_sub(more);
        let reaches = self.space.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        self.taken += if reaches { more } else { 0 };
        reaches
    }

    pub(crate) fn give_back(&mut self) {
        self.space.0.fetch_add(std::mem::take(&mut self.taken), Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let space = HeaderSpace::new(100);
        let (mut one, mut two) = (space.share(), space.share());
        assert!(one.reaches(OWN) && two.reaches(OWN + 40) && one.reaches(OWN + 60));
        assert!(!one.reaches(OWN + 61));
        assert!(one.reaches(OWN + 60), "what it has it keeps");
        two.give_back();
        assert!(one.reaches(OWN + 100));
        drop((one, two));
        assert_eq!(space.0.load(Ordering::Relaxed), 100);
    }
}
