//! Operations spread over sessions that run at the same time.

use crate::error::Error;
use crate::measure::Latencies;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Hands out numbers from 1 until there are no more.
pub struct Numbers {
    next: AtomicU32,
    last: u32,
}

impl Numbers {
    /// The numbers from 1 to `last`.
    pub fn up_to(last: u32) -> Arc<Numbers> {
        Arc::new(Numbers { next: AtomicU32::new(1), last })
    }

    /// The next one.
    pub fn next(&self) -> Option<u32> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number <= self.last).then_some(number)
    }
}

/// Runs one task for each of these, and gives their times together with how long it took until the last was ready.
pub async fn run<S, F, Fut>(
    sessions: impl IntoIterator<Item = S>,
    each: F,
) -> Result<(Latencies, Duration), Error>
where
    F: Fn(S) -> Fut,
    Fut: Future<Output = Result<Latencies, Error>> + Send + 'static,
{
    let start = Instant::now();
    let tasks: Vec<_> = sessions.into_iter().map(|session| tokio::spawn(each(session))).collect();
    let mut all = Latencies::default();
    for task in tasks {
        all.join(task.await??);
    }
    Ok((all, start.elapsed()))
}
