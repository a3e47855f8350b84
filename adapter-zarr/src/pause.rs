//! Waiting for others: a little longer each time, by a random part, and not for ever.

use std::time::Duration;

use hyperslab_core::{Error, Result};
use tokio::time::{Instant, sleep};

const FIRST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(100);

/// Pauses between attempts, up to a deadline.
#[derive(Debug)]
pub(crate) struct Backoff {
    start: Instant,
    limit: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            start: Instant::now(),
            limit,
            next: FIRST,
        }
    }

    pub(crate) fn waited(&self) -> Duration {
        self.start.elapsed()
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// What `late` says when the time is up.
    pub(crate) async fn wait(&mut self, late: impl FnOnce() -> Error) -> Result<()> {
        let left = self.limit.saturating_sub(self.waited());
        if left.is_zero() {
            let waited = self.waited().as_secs_f64();
            return Err(late().context(format!("after {waited:.3} s")));
        }
        sleep(self.next.mul_f64(fastrand::f64()).min(left)).await;
        self.next = (self.next * 2).min(LONGEST);
        Ok(())
    }

    /// Begins again with short pauses, because something has moved.
    pub(crate) fn hurry(&mut self) {
        self.next = FIRST;
    }
}
