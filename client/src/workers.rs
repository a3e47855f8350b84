//! How many threads work at once.

use std::sync::OnceLock;

use hyperslab_core::{Error, Result};

static WORKERS: OnceLock<usize> = OnceLock::new();

/// Sets how many threads decode and encode chunks, and how many serve [`blocking`](mod@crate::blocking): once for the process, before
/// anything is read or written. Without it there is one for each core.
///
/// Those who use the async API choose the threads of their runtime themselves. Threads that wait for a disk come on top.
///
/// # Errors
/// `InvalidInput` for none; `Conflict` when it was set before, or threads were started already.
pub fn set_workers(count: usize) -> Result<()> {
    if count == 0 {
        return Err(Error::invalid(
            "at least one worker is needed; give 1 or more",
        ));
    }
    hyperslab_engine::set_workers(count)?;
    let set = WORKERS.set(count);
    set.map_err(|_| Error::conflict("the number of workers was set before"))
}

/// The number that was set.
pub(crate) fn workers() -> Option<usize> {
    WORKERS.get().copied()
}
