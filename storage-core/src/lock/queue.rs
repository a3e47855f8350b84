//! The queues of one process in front of its locks: fair, shared or exclusive, one for each key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio::time::{Instant, timeout_at};

use super::{LockInfo, LockKey, LockMode};

/// All keys that somebody in this process holds or waits for. A lock manager of several processes puts it in front of what
/// those share, so that only the first task of each asks there.
#[derive(Debug, Default)]
pub struct LockQueues {
    entries: Mutex<HashMap<LockKey, Arc<Entry>>>,
}

#[derive(Debug, Default)]
struct Entry {
    // First come, first served: a waiting writer keeps later readers out.
    lock: Arc<RwLock<()>>,
    holder: Mutex<Option<LockInfo>>,
}

/// The head of the queue of one key. Dropping it lets the next one come.
#[derive(Debug)]
pub struct LockSeat {
    queues: Arc<LockQueues>,
    key: LockKey,
    entry: Arc<Entry>,
    permit: Option<Permit>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "a permit is held, not read")]
enum Permit {
    Shared(OwnedRwLockReadGuard<()>),
    Exclusive(OwnedRwLockWriteGuard<()>),
}

impl LockQueues {
    /// Waits until it is our turn, first come, first served; `None` when the deadline has come. What is free is taken also
    /// when there is no time to wait.
    pub async fn take(
        self: &Arc<Self>,
        key: &LockKey,
        mode: LockMode,
        deadline: Instant,
    ) -> Option<LockSeat> {
        let entry = Arc::clone(unpoisoned(&self.entries).entry(key.clone()).or_default());
        let mut seat = LockSeat {
            queues: Arc::clone(self),
            key: key.clone(),
            entry,
            permit: None,
        };
        seat.permit = Some(seat.wait(mode, deadline).await?);
        Some(seat)
    }

    /// The exclusive holders that have said who they are.
    pub(super) fn holders(&self) -> Vec<LockInfo> {
        unpoisoned(&self.entries)
            .values()
            .filter_map(|entry| unpoisoned(&entry.holder).clone())
            .collect()
    }

    /// The exclusive holder of one key.
    pub(super) fn holder(&self, key: &LockKey) -> Option<LockInfo> {
        let entries = unpoisoned(&self.entries);
        let entry = entries.get(key)?;
        unpoisoned(&entry.holder).clone()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        unpoisoned(&self.entries).len()
    }
}

impl LockSeat {
    async fn wait(&self, mode: LockMode, deadline: Instant) -> Option<Permit> {
        let lock = &self.entry.lock;
        match mode {
            LockMode::Shared => {
                if let Ok(guard) = Arc::clone(lock).try_read_owned() {
                    return Some(Permit::Shared(guard));
                }
                let waiting = timeout_at(deadline, Arc::clone(lock).read_owned());
                waiting.await.ok().map(Permit::Shared)
            }
            LockMode::Exclusive => {
                if let Ok(guard) = Arc::clone(lock).try_write_owned() {
                    return Some(Permit::Exclusive(guard));
                }
                let waiting = timeout_at(deadline, Arc::clone(lock).write_owned());
                waiting.await.ok().map(Permit::Exclusive)
            }
        }
    }

    /// Says who the exclusive holder is.
    pub(super) fn name_holder(&self, holder: LockInfo) {
        *unpoisoned(&self.entry.holder) = Some(holder);
    }
}

impl Drop for LockSeat {
    fn drop(&mut self) {
        if matches!(self.permit, Some(Permit::Exclusive(_))) {
            *unpoisoned(&self.entry.holder) = None;
        }
        self.permit = None;
        // Entries are cloned only while the table is locked: two owners are the table and this seat, and nobody else
        // can become a third.
        let mut entries = unpoisoned(&self.queues.entries);
        if Arc::strong_count(&self.entry) == 2 {
            entries.remove(&self.key);
        }
    }
}

/// What is guarded is valid after every statement, so a panic elsewhere leaves it valid.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
