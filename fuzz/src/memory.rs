//! How much memory something takes at most, so that it can be held against what came in.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn took(octets: usize) {
    MOST.fetch_max(USED.fetch_add(octets, Relaxed) + octets, Relaxed);
}

// SAFETY: all of it is the system's allocator; only counts are kept.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(place, layout) }
    }
}

/// Runs it, and fails where it took more than these octets beyond those in use before. Only for what runs on one thread.
#[track_caller]
pub fn within<T>(octets: usize, work: impl FnOnce() -> T) -> T {
    let before = USED.load(Relaxed);
    MOST.store(before, Relaxed);
    let result = work();
    let took = MOST.load(Relaxed).saturating_sub(before);
    assert!(took <= octets, "{took} octets of memory were taken, {octets} are allowed");
    result
}
