//! Several processes on one store, and processes that are killed.
//!
//! The other processes are the test program itself, started again with only the test `campaign_worker`, which does
//! nothing unless the environment variable [`WORKER`] says what.

mod faults;
mod killed;
mod neighbours;
mod operations;
mod worker;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use hyperslab_core::{StorageAdapter, StorageOptions};
use serde_json::Value;

pub use faults::{
    Disturb, increments_are_counted_on_a_faulty_medium, writers_survive_a_faulty_medium,
};
pub(crate) use killed::inspect;
pub use killed::killed_writers_leave_whole_changes;
pub use neighbours::{processes_create_each_array_once, processes_write_beside_each_other};
pub(crate) use operations::{Content, KINDS, Operation, perform, random_operation};
pub(crate) use worker::path_of;
pub use worker::tell;
pub use worker::worker_main;

/// Tells a process what to do, as JSON.
pub const WORKER: &str = "HYPERSLAB_TEST_WORKER";

/// What opening a store gives.
pub type Opening = Pin<Box<dyn Future<Output = Arc<dyn StorageAdapter>> + Send>>;

/// An adapter whose stores outlive the process. Made by [`campaign_tests!`](crate::campaign_tests).
#[derive(Debug, Clone, Copy)]
pub struct Persistent {
    /// Opens the store in a folder, and makes it when there is none.
    pub open: fn(PathBuf) -> Opening,
    /// The storage options under which arrays of a shape are tried; at least one.
    pub layouts: fn(&[u64]) -> Vec<StorageOptions>,
    /// The full name of the test that calls [`worker_main`], its crate included.
    pub worker: &'static str,
}

impl Persistent {
    pub(crate) async fn open(&self, path: &Path) -> Arc<dyn StorageAdapter> {
        (self.open)(path.to_owned()).await
    }

    /// Starts this program again as a worker.
    fn spawn(&self, work: &Value) -> Worker {
        let mut child = worker_command(self.worker, work)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Worker {
            messages: child.stdout.take().map(BufReader::new),
            child,
        }
    }
}

/// This program as a worker. The name is that of the test that does the work, its crate included.
pub(crate) fn worker_command(worker: &str, work: &Value) -> Command {
    let test = worker.split_once("::").map_or(worker, |(_, test)| test);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(WORKER, work.to_string());
    command
}

/// Another process, which does not outlive the test.
#[derive(Debug)]
struct Worker {
    child: Child,
    messages: Option<BufReader<ChildStdout>>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What stands before each line that a worker tells its parent, to tell it from those of the test program.
pub(crate) const MARK: &str = "@";

/// The next thing that a worker tells, word by word; `None` when it has ended.
pub(crate) fn next_message(lines: &mut impl BufRead) -> Option<Vec<String>> {
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        // The test program may have begun the line.
        if let (Some(at), true) = (line.find(MARK), line.ends_with('\n')) {
            let words = line[at + MARK.len()..].split_whitespace();
            return Some(words.map(str::to_owned).collect());
        }
    }
}

/// Everything that a worker tells until it ends, which must be well.
fn all_messages(worker: &mut Worker) -> Vec<Vec<String>> {
    let mut lines = worker.messages.take().unwrap();
    let messages = std::iter::from_fn(|| next_message(&mut lines)).collect();
    assert!(
        worker.child.wait().unwrap().success(),
        "a worker has failed"
    );
    messages
}
