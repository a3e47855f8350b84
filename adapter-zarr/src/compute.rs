//! Where asynchronous code stops: encoding and decoding happen on the threads of rayon.

use hyperslab_core::{Error, Result};

/// Work on fewer bytes than this is done at once: waking another thread costs more.
const INLINE_BYTES: usize = 32 << 10;

/// Does work on so many bytes where it blocks nobody.
pub(crate) async fn compute<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    if bytes < INLINE_BYTES {
        return work();
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    rayon::spawn(move || {
        // Nobody waits when the caller was dropped.
        let _ = sender.send(work());
    });
    receiver
        .await
        .map_err(|_| Error::internal("encoding or decoding ended early"))?
}
