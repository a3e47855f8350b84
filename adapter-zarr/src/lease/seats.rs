//! The queue of this process in front of each lock: only its first asks the medium.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hyperslab_core::{LockKey, LockMode};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio::time::{Instant, timeout_at};

/// All locks that somebody in this process holds or waits for.
#[derive(Debug, Default)]
pub(super) struct Seats {
    queues: Mutex<HashMap<LockKey, Arc<RwLock<()>>>>,
}

/// A place at the head of the queue of one lock.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    key: LockKey,
    place: Option<Place>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held, not read")]
enum Place {
    Shared(OwnedRwLockReadGuard<()>),
    Exclusive(OwnedRwLockWriteGuard<()>),
}

impl Seats {
    /// Waits, first come, first served; `None` when the deadline has come.
    pub(super) async fn take(
        self: &Arc<Self>,
        key: &LockKey,
        mode: LockMode,
        deadline: Instant,
    ) -> Option<Seat> {
        let queue = {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(queues.entry(key.clone()).or_default())
        };
        let mut seat = Seat {
            seats: Arc::clone(self),
            key: key.clone(),
            place: None,
        };
        // A free place is taken also when there is no time to wait.
        let wait = async {
            match mode {
                LockMode::Shared => Place::Shared(queue.read_owned().await),
                LockMode::Exclusive => Place::Exclusive(queue.write_owned().await),
            }
        };
        seat.place = Some(timeout_at(deadline, wait).await.ok()?);
        Some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.place = None;
        let mut queues = self
            .seats
            .queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Queues are cloned only while the table is locked.
        if queues
            .get(&self.key)
            .is_some_and(|queue| Arc::strong_count(queue) == 1)
        {
            queues.remove(&self.key);
        }
    }
}
