//! `hyperslab locks`: who holds locks.

use clap::Args;
use serde_json::json;

use super::ls::table;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab locks ./climate
  hyperslab locks ./climate weather
  hyperslab locks ./climate --clean";

/// Show who holds locks. A lock dies with its process; what may stay behind is its record.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Locks {
    /// The store: a path or a URL
    store: String,
    /// Only those of this collection and its arrays
    collection: Option<String>,
    /// Remove the records of processes that have gone; no living lock is broken
    #[arg(long)]
    clean: bool,
}

impl Locks {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let store = session.open(&self.store).await?;
        let collection = self.collection.as_deref();
        let holders = store.lock_holders(collection).await?;
        let removed = match self.clean {
            true => store.clear_locks(collection).await?,
            false => Vec::new(),
        };
        if console.wants_json() {
            console.json(&json!({ "locks": holders, "removed": removed.len() }))?;
            return Ok(Status::Done);
        }
        let rows: Vec<_> = holders
            .iter()
            .map(|lock| {
                let mode = match lock.mode {
                    hyperslab::LockMode::Shared => "shared",
                    hyperslab::LockMode::Exclusive => "exclusive",
                };
                let state = match (lock.stale, removed.contains(lock)) {
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
