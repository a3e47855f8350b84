//! How work is spread: requests beside each other, encoding and decoding on the threads of rayon.

use futures::{StreamExt, TryStreamExt, stream};
use hyperslab_core::{Error, Result};

/// Work on fewer bytes than this is done at once: waking another thread costs more.
const INLINE_BYTES: usize = 32 << 10;

/// Begins work on so many bytes at once, where it blocks nobody; what is returned waits for its end.
pub(crate) fn compute<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> impl Future<Output = Result<T>> + Send {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let work = move || {
        // Nobody waits when the caller was dropped.
        let _ = sender.send(work());
    };
    if bytes < INLINE_BYTES {
        work();
    } else {
        rayon::spawn(work);
    }
    async move {
        receiver
            .await
            .map_err(|_| Error::internal("encoding or decoding ended early"))?
    }
}

/// How many requests of one call are under way at a time.
pub(crate) const IN_FLIGHT: usize = 64;

/// Runs calls beside each other, all of them to their end, and gives what became of each in order.
pub(crate) async fn every<T, F: Future<Output = T>>(calls: impl IntoIterator<Item = F>) -> Vec<T> {
    let calls: Vec<F> = calls.into_iter().collect();
    stream::iter(calls).buffered(IN_FLIGHT).collect().await
}

/// Runs calls beside each other, and gives their results in order.
pub(crate) async fn all<T, F: Future<Output = Result<T>>>(
    calls: impl IntoIterator<Item = F>,
) -> Result<Vec<T>> {
    // Collected first: a stream of closures that borrow could not be sent to another thread.
    let calls: Vec<F> = calls.into_iter().collect();
    stream::iter(calls).buffered(IN_FLIGHT).try_collect().await
}
