//! Whether a medium answers at once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::{Begun, Result, blocking};

/// A call that takes longer than this has waited for the medium, or for the processor.
const SLOW: Duration = Duration::from_micros(500);

/// After the first slow call so many go to other threads, twice as many after the next, and so on.
const FIRST_PENALTY: u32 = 8;

/// But never more than this: a medium may become quick.
const LAST_PENALTY: u32 = 4096;

/// How quickly a medium has answered so far, to decide who waits for it.
///
/// A small file in the page cache is read in a few microseconds, and a thread for that takes tens to wake up. From a disk that has
/// to be asked it takes milliseconds, in which the thread of an async runtime would run nothing else. Which of the two it is
/// nobody says before; so short calls are tried on the thread that asks, and after one that was slow more and more others are
/// not.
///
/// ```
/// use hyperslab_core::{Begun, Pace};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let pace = Pace::default();
/// assert_eq!(pace.run(|| Ok(Begun::Done(7))).await?, 7); // on this thread
/// assert_eq!(pace.run(|| Ok(Begun::nothing(|| Ok(7)))).await?, 7); // on another
/// # Ok::<(), hyperslab_core::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Pace {
    /// How many calls are still to go to other threads.
    left: AtomicU32,
    /// How many the last slow call has sent there.
    penalty: AtomicU32,
}

impl Pace {
    /// Runs a call that may wait for the medium. What `begin` does itself is short, but for that.
    ///
    /// # Errors
    /// Those of the call, and as [`blocking`].
    pub async fn run<T: Send + 'static>(
        &self,
        begin: impl FnOnce() -> Result<Begun<T>> + Send + 'static,
    ) -> Result<T> {
        if self.sends_away() {
            return blocking(move || begin()?.finish()).await;
        }
        // Nothing of a short call waits, so a caller with many of them would never let another task run.
        tokio::task::coop::consume_budget().await;
        let start = Instant::now();
        let begun = begin();
        let time = start.elapsed();
        // One that has left everything to another thread has not asked the medium.
        if time > SLOW || matches!(begun, Ok(Begun::Done(_))) {
            self.took(time);
        }
        begun?.finished().await
    }

    /// Whether the next call goes to another thread.
    fn sends_away(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }

    fn took(&self, time: Duration) {
        let last = self.penalty.load(Ordering::Relaxed);
        if time > SLOW {
            let next = (last * 2).clamp(FIRST_PENALTY, LAST_PENALTY);
            self.penalty.store(next, Ordering::Relaxed);
            self.left.store(next, Ordering::Relaxed);
        } else if last > 0 {
            self.penalty.store(last / 2, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent_away(pace: &Pace) -> u32 {
        (0..).find(|_| !pace.sends_away()).unwrap()
    }

    #[test]
    fn slow_calls_send_more_and_more_others_away() {
        let pace = Pace::default();
        assert_eq!(sent_away(&pace), 0);
        let mut sent = Vec::new();
        for _ in 0..12 {
            pace.took(SLOW * 2);
            sent.push(sent_away(&pace));
        }
        assert_eq!(sent[..4], [8, 16, 32, 64]);
        assert_eq!(sent[10..], [4096, 4096]);
    }

    #[tokio::test]
    async fn calls_after_a_slow_one_run_elsewhere() {
        let pace = Pace::default();
        let here = std::thread::current().id();
        let is_here = || async {
            let thread = || Ok(Begun::Done(std::thread::current().id()));
            pace.run(thread).await.unwrap() == here
        };
        assert!(is_here().await);
        pace.took(SLOW * 2);
        for _ in 0..FIRST_PENALTY {
            assert!(!is_here().await);
        }
        assert!(is_here().await);
    }

    #[tokio::test]
    async fn calls_that_leave_all_to_others_do_not_make_a_medium_quick() {
        let pace = Pace::default();
        for round in 0..4 {
            pace.took(SLOW * 2);
            assert_eq!(sent_away(&pace), FIRST_PENALTY << round);
            pace.run(|| Ok(Begun::nothing(|| Ok(())))).await.unwrap();
        }
    }

    #[test]
    fn quick_calls_are_believed_again() {
        let pace = Pace::default();
        pace.took(SLOW * 2);
        pace.took(SLOW * 2);
        for _ in 0..5 {
            pace.took(SLOW / 2);
        }
        sent_away(&pace);
        pace.took(SLOW * 2);
        assert_eq!(sent_away(&pace), FIRST_PENALTY);
    }
}
