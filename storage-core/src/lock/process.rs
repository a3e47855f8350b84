//! Locks that keep the threads and tasks of one process apart.

use std::sync::Arc;

use async_trait::async_trait;

use super::holder::{Identity, locked};
use super::queue::LockQueues;
use super::{LockCapabilities, LockGuard, LockInfo, LockManager, LockMode, LockRequest};
use crate::{Clock, Error, Result, SystemClock, WriterScope};

/// Locks among the tasks of one process, first come, first served. For stores that live in memory.
#[derive(Debug)]
pub struct ProcessLockManager {
    queues: Arc<LockQueues>,
    identity: Identity,
    clock: Arc<dyn Clock>,
}

impl Default for ProcessLockManager {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcessLockManager {
    /// A manager that knows only its own locks: two managers do not keep each other out.
    #[must_use]
    pub fn new() -> Self {
        Self {
            queues: Arc::default(),
            identity: Identity::of_this_process(),
            clock: Arc::new(SystemClock),
        }
    }
}

#[async_trait]
impl LockManager for ProcessLockManager {
    fn capabilities(&self) -> LockCapabilities {
        LockCapabilities {
            scope: WriterScope::Process,
            dies_with_holder: true,
        }
    }

    async fn acquire(&self, request: LockRequest) -> Result<LockGuard> {
        let deadline = request.deadline();
        let keys = request.canonical_keys();
        let mut seats = Vec::with_capacity(keys.len());
        for key in &keys {
            let Some(seat) = self.queues.take(key, request.mode, deadline).await else {
                let holder = self.queues.holder(key);
                return Err(locked(key, holder.as_ref(), request.timeout));
            };
            if request.mode == LockMode::Exclusive {
                seat.name_holder(self.identity.info(key, self.clock.now()));
            }
            seats.push(seat);
        }
        Ok(LockGuard::new(keys, seats))
    }

    async fn release(&self, guard: LockGuard) {
        drop(guard);
    }

    async fn holders(&self) -> Result<Vec<LockInfo>> {
        let mut holders = self.queues.holders();
        holders.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(holders)
    }

    async fn break_lock(&self, lock: &LockInfo) -> Result<()> {
        match self.queues.holder(&lock.key) {
            // A lock of this process cannot outlive its holder, so there is never a stale one to remove.
            Some(holder) => Err(refuse_to_break(&holder)),
            None => Ok(()),
        }
    }
}

/// The refusal to break the lock of a living holder.
pub(super) fn refuse_to_break(holder: &LockInfo) -> Error {
    Error::locked(format!(
        "the lock of {} is held by living process {} ({}) on {}; end that process, its locks go with it",
        holder.key.describe(),
        holder.pid,
        holder.program,
        holder.host
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{ErrorKind, LockKey};

    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(30);

    fn key(name: &str) -> LockKey {
        LockKey::array("weather", name)
    }

    #[tokio::test]
    async fn readers_share_and_a_writer_excludes() {
        let locks = ProcessLockManager::new();
        let first = locks.acquire(LockRequest::shared(key("a"), SHORT)).await;
        let second = locks.acquire(LockRequest::shared(key("a"), SHORT)).await;
        let refused = locks
            .acquire(LockRequest::exclusive(key("a"), SHORT))
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Locked);
        drop((first, second));
        let writer = locks
            .acquire(LockRequest::exclusive(key("a"), Duration::ZERO))
            .await
            .unwrap();
        assert_eq!(locks.holders().await.unwrap()[0].key, key("a"));
        let refused = locks
            .acquire(LockRequest::shared(key("a"), Duration::ZERO))
            .await
            .unwrap_err();
        assert!(
            refused.message().contains(&std::process::id().to_string()),
            "{refused}"
        );
        let other = locks
            .acquire(LockRequest::exclusive(key("b"), Duration::ZERO))
            .await
            .unwrap();
        drop((writer, other));
        assert_eq!(locks.queues.len(), 0, "unused entries are removed");
    }

    #[tokio::test]
    async fn all_keys_or_none() {
        let locks = ProcessLockManager::new();
        let held = locks
            .acquire(LockRequest::exclusive(key("b"), SHORT))
            .await
            .unwrap();
        let both = LockRequest {
            keys: vec![key("b"), key("a"), key("a")],
            mode: LockMode::Exclusive,
            timeout: SHORT,
        };
        locks.acquire(both.clone()).await.unwrap_err();
        locks
            .acquire(LockRequest::exclusive(key("a"), Duration::ZERO))
            .await
            .unwrap();
        drop(held);
        let guard = locks.acquire(both).await.unwrap();
        assert_eq!(guard.keys(), [key("a"), key("b")]);
    }

    #[tokio::test]
    async fn a_dropped_future_takes_nothing() {
        let locks = Arc::new(ProcessLockManager::new());
        let held = locks
            .acquire(LockRequest::exclusive(key("b"), LONG))
            .await
            .unwrap();
        let waiter = tokio::spawn({
            let locks = Arc::clone(&locks);
            let request = LockRequest {
                keys: vec![key("a"), key("b")],
                mode: LockMode::Exclusive,
                timeout: LONG,
            };
            async move { locks.acquire(request).await }
        });
        while locks.queues.holder(&key("a")).is_none() {
            tokio::task::yield_now().await;
        }
        waiter.abort();
        waiter.await.unwrap_err();
        locks
            .acquire(LockRequest::exclusive(key("a"), Duration::ZERO))
            .await
            .unwrap();
        drop(held);
        assert_eq!(locks.queues.len(), 0);
    }
}
