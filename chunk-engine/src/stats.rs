//! What was done: counters that any number of threads add to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyperslab_core::ReadStats;

/// Counters since the engine was made.
#[derive(Debug, Default)]
pub struct Stats {
    requests: AtomicU64,
    bytes_fetched: AtomicU64,
    chunks_decoded: AtomicU64,
    bytes_decoded: AtomicU64,
    decode_nanoseconds: AtomicU64,
    cache_hits: AtomicU64,
    cache_misses: AtomicU64,
}

impl Stats {
    /// Counts a request that fetched so many bytes.
    pub fn fetched(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes_fetched
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Times the decoding of a chunk of so many bytes.
    pub fn decoding<T>(&self, bytes: usize, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        let nanoseconds = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.decode_nanoseconds
            .fetch_add(nanoseconds, Ordering::Relaxed);
        self.chunks_decoded.fetch_add(1, Ordering::Relaxed);
        self.bytes_decoded
            .fetch_add(bytes as u64, Ordering::Relaxed);
        done
    }

    pub(crate) fn looked_up(&self, found: bool) {
        let counter = if found {
            &self.cache_hits
        } else {
            &self.cache_misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters as they are now.
    #[must_use]
    pub fn report(&self) -> ReadStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ReadStats {
            requests: read(&self.requests),
            bytes_fetched: read(&self.bytes_fetched),
            chunks_decoded: read(&self.chunks_decoded),
            bytes_decoded: read(&self.bytes_decoded),
            decode_time: Duration::from_nanos(read(&self.decode_nanoseconds)),
            cache_hits: read(&self.cache_hits),
            cache_misses: read(&self.cache_misses),
        }
    }
}
