//! `hyperslab locks`: who holds locks.

use clap::Args;
use serde_json::json;

use super::ls::table;
use super::open_store;
use crate::args::Global;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;

const EXAMPLE: &str = "\
Examples:
  hyperslab locks ./climate
  hyperslab locks ./climate --clean";

/// Show who holds locks. A lock dies with its process; what may stay behind is its record.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Locks {
    /// The store: a path or a URL
    store: String,
    /// Remove the records of processes that have gone; no living lock is broken
    #[arg(long)]
    clean: bool,
}

impl Locks {
    pub(crate) async fn run(self, global: &Global, console: &mut Console) -> Outcome {
        let store = open_store(&self.store, global).await?;
        let locks = store.locks();
        let holders = locks.holders().await?;
        let mut removed_count = 0_u64;
        if self.clean {
            for lock in holders.iter().filter(|lock| lock.stale) {
                locks.break_lock(lock).await?;
                removed_count += 1;
            }
        }
        if console.wants_json() {
            console.json(&json!({ "locks": holders, "removed": removed_count }))?;
            return Ok(Status::Done);
        }
        let rows: Vec<_> = holders
            .iter()
            .map(|lock| {
                let mode = match lock.mode {
                    hyperslab::LockMode::Shared => "shared",
                    hyperslab::LockMode::Exclusive => "exclusive",
                };
                let state = match (lock.stale, self.clean) {
                    (false, _) => "held",
                    (true, false) => "stale",
                    (true, true) => "stale, removed",
                };
                vec![
                    lock.key.to_string(),
                    mode.to_owned(),
                    state.to_owned(),
                    format!("{} (pid {}) on {}", lock.program, lock.pid, lock.host),
                    format!("since {}", human::time(lock.since)),
                ]
            })
            .collect();
        if rows.is_empty() {
            console.remark(format_args!("nobody holds a lock"))?;
        }
        table(console, &rows)?;
        Ok(Status::Done)
    }
}
