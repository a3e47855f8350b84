//! The one thread that calls the HDF5 library.
//!
//! The library has one lock for all threads, so more of them would only wait for each other; and handles that never
//! leave a closure run here cannot outlive their file.

use std::sync::OnceLock;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use hyperslab_core::{Error, Result};

type Job = Box<dyn FnOnce() + Send>;

/// Jobs that may wait; a caller with one more waits itself.
const QUEUE_LENGTH: usize = 64;

/// How long a caller waits. A damaged file can hold the library for ever, and it cannot be interrupted.
const PATIENCE: Duration = Duration::from_secs(600);

static WORKER: OnceLock<SyncSender<Job>> = OnceLock::new();

/// Runs `job` on the worker and waits for its result. Not to be called on the worker itself.
///
/// # Errors
/// Those of the job; `Internal` when it panicked.
pub(crate) fn run<T: Send + 'static>(
    job: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (reply, result) = sync_channel(1);
    let job: Job = Box::new(move || {
        // The receiver is there: it waits below.
        let _ = reply.send(job());
    });
    let gone = || Error::internal("the HDF5 worker has failed");
    worker().send(job).map_err(|_| gone())?;
    match result.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(RecvTimeoutError::Disconnected) => Err(gone()),
        Err(RecvTimeoutError::Timeout) => Err(Error::unavailable(format!(
            "the HDF5 library has not answered for {} s; the file is damaged or its disk does not answer",
            PATIENCE.as_secs()
        ))),
    }
}

fn worker() -> &'static SyncSender<Job> {
    WORKER.get_or_init(|| {
        let (sender, jobs) = sync_channel::<Job>(QUEUE_LENGTH);
        let work = move || {
            hdf5::silence_errors(true);
            for job in jobs {
                // A job that panics drops its reply, which tells its caller; the next one is served all the same.
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            }
        };
        // Without the thread every job fails at its send, with an error of its own.
        let _ = std::thread::Builder::new()
            .name("hdf5".to_owned())
            .spawn(work);
        sender
    })
}
