//! Who holds a lock, and how a waiter is told.

use std::time::Duration;

use super::{LockInfo, LockKey, LockMode};
use crate::{Error, Timestamp};

/// This process, as it names itself in the locks it holds.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    host: String,
    program: String,
}

impl Identity {
    pub(super) fn of_this_process() -> Self {
        let program = std::env::current_exe()
            .ok()
            .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        Self {
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            program: program.unwrap_or_else(|| "unknown".to_owned()),
        }
    }

    /// The record of an exclusive lock of this process.
    pub(super) fn info(&self, key: &LockKey, since: Timestamp) -> LockInfo {
        LockInfo {
            key: key.clone(),
            mode: LockMode::Exclusive,
            pid: std::process::id(),
            host: self.host.clone(),
            program: self.program.clone(),
            since,
            stale: false,
        }
    }
}

/// What a waiter gets when its time is up. Without a known holder, readers are in the way.
pub(super) fn locked(key: &LockKey, holder: Option<&LockInfo>, waited: Duration) -> Error {
    let what = key.describe();
    let waited = if waited.subsec_millis() == 0 {
        format!("{} s", waited.as_secs())
    } else {
        format!("{:.3} s", waited.as_secs_f64())
    };
    Error::locked(match holder {
        Some(holder) => format!(
            "{what} is locked by pid {} ({}) on {} since {}; waited {waited}; wait or end that process",
            holder.pid, holder.program, holder.host, holder.since
        ),
        None => format!(
            "{what} is locked by others who share it or wait for it; waited {waited}; wait longer or try again"
        ),
    })
}
