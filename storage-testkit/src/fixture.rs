//! What the suite needs of an adapter, and how one case is run.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyperslab_core::{StorageAdapter, StorageOptions};

/// One store under test, empty when the case begins.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// Opens the store, each time as another process would: nothing but the medium is shared with what was opened before.
    async fn open(&self) -> Arc<dyn StorageAdapter>;

    /// The storage options under which arrays of a shape are tried: without chunks, tiny chunks, chunks that do not
    /// divide the shape, codecs. The first are those of most cases.
    fn layouts(&self, _shape: &[u64]) -> Vec<StorageOptions> {
        vec![StorageOptions::new()]
    }
}

/// Runs one case to its end, or fails when it hangs.
///
/// # Panics
/// When the case fails.
pub fn run<F: Fixture>(fixture: F, case: impl AsyncFnOnce(&dyn Fixture)) {
    runtime().block_on(async {
        let limit = Duration::from_secs(120) + long(Duration::ZERO, LONG * 2);
        let ended = tokio::time::timeout(limit, Box::pin(case(&fixture))).await;
        assert!(ended.is_ok(), "the case has not ended after {limit:?}");
    });
}

/// How long a case against the clock takes when the long tests are asked for.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// One of two values: the second when `HYPERSLAB_TEST_LONG` is set.
pub(crate) fn long<T>(short: T, long: T) -> T {
    match std::env::var_os("HYPERSLAB_TEST_LONG") {
        Some(_) => long,
        None => short,
    }
}

/// Random numbers whose seed is printed, and taken from `HYPERSLAB_TEST_SEED` if that is set.
#[expect(clippy::print_stderr, reason = "shown for a failed test, to repeat it")]
pub(crate) fn random() -> fastrand::Rng {
    let seed = std::env::var("HYPERSLAB_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    eprintln!("HYPERSLAB_TEST_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap()
}
