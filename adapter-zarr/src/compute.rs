//! How work is spread: requests beside each other, encoding and decoding on the threads of rayon.

use std::cell::Cell;

use futures::{StreamExt, TryStreamExt, stream};
use hyperslab_core::{Error, Result, blocking};
use tokio::runtime::Handle;

use crate::objects::Objects;

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
    if bytes < INLINE_BYTES || may_wait() {
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

thread_local! {
    static MAY_WAIT: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread runs one call alone, so that it may do all work of it and wait for the disk itself.
pub(crate) fn may_wait() -> bool {
    MAY_WAIT.get()
}

/// Runs a call on one thread that may wait. A small call is done sooner than other threads would be woken for its steps.
pub(crate) async fn on_one_thread<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            MAY_WAIT.set(false);
        }
    }
    let runtime = Handle::current();
    blocking(move || {
        MAY_WAIT.set(true);
        let _leave = Leave;
        runtime.block_on(work)
    })
    .await
}

/// So many bytes of objects are made and put at a time.
const BYTES_IN_FLIGHT: usize = 64 << 20;

/// On a disk so many: what is made is to be in the cache of the processor when it is put, and there is no way to wait for.
const BYTES_IN_FLIGHT_HERE: usize = 16 << 20;

/// How many objects of this size are made and put at a time.
pub(crate) fn in_flight(objects: &dyn Objects, object_bytes: usize) -> usize {
    let bytes = match objects.files() {
        Some(_) => BYTES_IN_FLIGHT_HERE,
        None => BYTES_IN_FLIGHT,
    };
    (bytes / object_bytes.max(1)).clamp(2, IN_FLIGHT)
}

/// How many requests of one call are under way at a time.
pub(crate) const IN_FLIGHT: usize = 64;

/// Runs calls beside each other, and gives their results in order.
pub(crate) async fn all<T, F: Future<Output = Result<T>>>(
    calls: impl IntoIterator<Item = F>,
) -> Result<Vec<T>> {
    // Collected first: a stream of closures that borrow could not be sent to another thread.
    let calls: Vec<F> = calls.into_iter().collect();
    stream::iter(calls).buffered(IN_FLIGHT).try_collect().await
}

/// Runs calls beside each other, so many at a time, and gives their results in order.
pub(crate) async fn some<T, F: Future<Output = Result<T>>>(
    at_a_time: usize,
    calls: impl IntoIterator<Item = F>,
) -> Result<Vec<T>> {
    let calls: Vec<F> = calls.into_iter().collect();
    stream::iter(calls).buffered(at_a_time).try_collect().await
}

/// Runs calls beside each other, so many at a time, all of them to their end, and gives what became of each in order.
pub(crate) async fn some_to_their_end<T, F: Future<Output = T>>(
    at_a_time: usize,
    calls: impl IntoIterator<Item = F>,
) -> Vec<T> {
    let calls: Vec<F> = calls.into_iter().collect();
    stream::iter(calls).buffered(at_a_time).collect().await
}
