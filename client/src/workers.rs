//! How many threads work at once.

use std::sync::OnceLock;

use hyperslab_core::{Error, Result};

static WORKERS: OnceLock<usize> = OnceLock::new();

/// The most workers there can be: far more than any machine has cores, and fewer than would keep it busy with nothing but them.
pub const WORKERS_MAX: usize = 1024;

/// Sets how many threads decode and encode chunks, and how many serve [`blocking`](mod@crate::blocking): once for the process, before
/// anything is read or written. Without it there is one for each core.
///
/// Those who use the async API choose the threads of their runtime themselves. Threads that wait for a disk come on top.
///
/// # Errors
/// `InvalidInput` for none, or more than [`WORKERS_MAX`]; `Conflict` when it was set before, or threads were started already.
pub fn set_workers(count: usize) -> Result<()> {
    if !(1..=WORKERS_MAX).contains(&count) {
        return Err(Error::invalid(format!(
            "{count} workers are not possible; give from 1 to {WORKERS_MAX}"
        )));
    }
    hyperslab_engine::set_workers(count)?;
    let set = WORKERS.set(count);
    set.map_err(|_| Error::conflict("the number of workers was set before"))
}

/// The number that was set.
pub(crate) fn workers() -> Option<usize> {
    WORKERS.get().copied()
}
