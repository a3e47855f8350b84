//! Power cuts: what a machine that stops at any moment leaves of a store.
//!
//! A killed process loses nothing that it gave to the operating system; a power cut does. So a process is recorded while
//! it changes a store: every system call that changes a file below a folder, in order, and what it tells its parent.
//! From the log, for any moment, the folder is made as the disk may hold it after a cut, opened and looked at.
//!
//! *The disk* promises as little as POSIX does, which is less than a journal gives:
//!
//! - The bytes of a file are safe once it was synced. Of each later write all, a beginning, zeros in its place or nothing
//!   may be there, whatever became of the others.
//! - The names in a folder are safe once the folder was synced. Of the later changes the first few may have survived; how
//!   many has nothing to do with other folders, or with the files that are named.
//! - A change of names within one folder survives as one. A file that was renamed into another folder may have both names,
//!   and none unless its old one was safe. A folder has one name, and what is exchanged is exchanged at both ends.
//! - Syncing a file does not make its name safe, and syncing a folder not the folder above it.
//!
//! Reads, times, permissions and locks are not looked at. Calls that the recorder does not know end the test.

mod call;
mod cuts;
mod disk;
mod history;
mod image;
mod log;
#[cfg(test)]
mod tests;
mod trace;
mod worker;

use std::path::Path;
use std::process::Command;

use serde_json::json;

use self::cuts::cut_power;
use self::history::History;
use self::trace::record;
pub use self::trace::wait_to_be_recorded;
pub(crate) use self::worker::change;
use crate::campaign::{Persistent, worker_command};
use crate::fixture::{long, random, runtime};

/// Cuts the power at many moments of what a process does below a folder: `look` gets what it had told by then, and the folder as the
/// disk may hold it. The process calls [`wait_to_be_recorded`] first, and tells by [`tell`](crate::campaign::tell).
///
/// # Panics
/// When `look` does, the process fails, or processes may not be traced here.
pub fn power_cuts_of(
    worker: Command,
    base: &Path,
    images: usize,
    look: impl FnMut(&[&str], &Path),
) {
    let log = record(worker, base);
    cut_power(&log, images, &mut random(), look);
}

/// The folder of the store in the recorded one.
const STORE: &str = "store";

/// Cuts the power at many moments of the changes of a store. All that was acknowledged is there; what was under way is
/// there whole or not at all; `check` finds nothing that it cannot mend, and mends it.
///
/// # Panics
/// When the adapter is wrong, or processes may not be traced here.
pub fn power_cuts_leave_whole_changes(persistent: Persistent) {
    let mut random = random();
    let (seed, rounds) = (random.u64(..), long(1, 4));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join(STORE);
    let work = json!({
        "role": "crash", "recorded": true, "path": path, "seed": seed, "rounds": rounds,
    });
    let log = record(worker_command(persistent.worker, &work), folder.path());
    let history = History::new(worker::operations(seed, rounds, persistent.layouts));
    let runtime = runtime();
    cut_power(&log, long(200, 1500), &mut random, |told, image| {
        runtime.block_on(history.inspect(persistent, told, &image.join(STORE)));
    });
}
