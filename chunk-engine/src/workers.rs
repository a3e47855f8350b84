//! How many threads decode at once.

use hyperslab_core::{Error, Result};

/// Sets how many threads decode and encode chunks, once for the process, before the first of them is started.
///
/// # Errors
/// `Conflict` when there are such threads already.
pub fn set_workers(count: usize) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(count);
    pool.build_global().map_err(|source| {
        Error::conflict(
            "the number of workers is set after work has begun; set it once, before anything is read",
        )
        .with_source(source)
    })
}
