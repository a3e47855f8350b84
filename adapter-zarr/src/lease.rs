//! Locks in any medium: leases that are renewed, taken over when their holder has gone, and numbered.
//!
//! Each lock is one object, changed by swaps only and never deleted. The holder renews it every third of the duration of the
//! lease, and trusts it only for two thirds, counted from before the request was sent. A contender declares a holder dead when
//! the record did not change for a whole duration on the contender's own clock, so no two clocks are ever compared. A process
//! that sleeps through the end of its lease finds out when it asks ([`LockGuard::ensure_valid`]); what it still has under way is
//! turned away by whoever compares the *fencing token*, which grows with every acquisition.

mod acquire;
mod keeper;
mod record;
mod sightings;

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hyperslab_core::{
    Clock, Error, LockCapabilities, LockGuard, LockInfo, LockKey, LockManager, LockMode,
    LockQueues, LockRequest, LockSeat, Result, SystemClock,
};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use self::keeper::{Held, Lease};
use self::record::{Holder, object_key};
use self::sightings::Sightings;
use crate::objects::Objects;
use crate::process::Process;

/// How leases are timed.
#[derive(Clone)]
pub(crate) struct LeaseOptions {
    /// After so long without a sign of life a lock is taken over.
    pub(crate) duration: Duration,
    /// The first pause of somebody who waits; it doubles.
    pub(crate) first_pause: Duration,
    /// No pause is longer.
    pub(crate) longest_pause: Duration,
    /// A number below 2^32 by chance, for the pauses.
    pub(crate) chance: Arc<dyn Fn() -> u32 + Send + Sync>,
}

impl Default for LeaseOptions {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(30),
            first_pause: Duration::from_millis(20),
            longest_pause: Duration::from_secs(1),
            chance: Arc::new(|| Uuid::new_v4().as_fields().0),
        }
    }
}

impl Debug for LeaseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseOptions")
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}

/// Locks among all who use a medium.
#[derive(Debug, Clone)]
pub(crate) struct LeaseLockManager {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    objects: Arc<dyn Objects>,
    options: LeaseOptions,
    /// What the record says of the duration. Another than in the options only where tests turn a clock.
    announced: Duration,
    process: Process,
    clock: Arc<dyn Clock>,
    queues: Arc<LockQueues>,
    sightings: Mutex<Sightings>,
    /// How many leases are being let go.
    releasing: watch::Sender<usize>,
}

impl LeaseLockManager {
    pub(crate) fn new(objects: Arc<dyn Objects>, options: LeaseOptions) -> Self {
        Self {
            shared: Arc::new(Shared {
                objects,
                announced: options.duration,
                options,
                process: Process::own(),
                clock: Arc::new(SystemClock),
                queues: Arc::default(),
                sightings: Mutex::default(),
                releasing: watch::Sender::new(0),
            }),
        }
    }

    /// Waits for locks: all keys or none.
    ///
    /// # Errors
    /// `Locked` with the holder when the time is up, and what the medium says.
    async fn lease(&self, request: LockRequest) -> Result<Lease> {
        let deadline = request.deadline();
        let keys = request.canonical_keys();
        let mut held = Vec::with_capacity(keys.len());
        for key in &keys {
            let refusal = |holder| locked(key, holder, request.timeout);
            let seat = self.shared.queues.take(key, request.mode, deadline).await;
            let seat = seat.ok_or_else(|| refusal(None))?;
            held.push(
                self.take(key, request.mode, deadline, request.timeout, seat)
                    .await?,
            );
        }
        Ok(Lease::new(keys, held))
    }

    /// Takes one lock on a task of its own, so that a caller that gives up leaves no lock behind.
    async fn take(
        &self,
        key: &LockKey,
        mode: LockMode,
        deadline: Instant,
        waited: Duration,
        seat: LockSeat,
    ) -> Result<Held> {
        let (mut sender, receiver) = oneshot::channel();
        let (shared, key) = (Arc::clone(&self.shared), key.clone());
        tokio::spawn(async move {
            let taken = shared.wait_for(&key, mode, deadline, waited, seat, &mut sender);
            let taken = Box::pin(taken).await;
            // When nobody waits any more what was taken is dropped, and so let go.
            drop(sender.send(taken));
        });
        receiver
            .await
            .map_err(|_| Error::internal("the task that waits for a lock has gone"))?
    }
}

#[async_trait]
impl LockManager for LeaseLockManager {
    fn capabilities(&self) -> LockCapabilities {
        LockCapabilities {
            scope: self.shared.objects.promises().writers,
            dies_with_holder: false,
        }
    }

    async fn acquire(&self, request: LockRequest) -> Result<LockGuard> {
        let lease = self.lease(request).await?;
        Ok(LockGuard::leased(lease.keys().to_vec(), lease))
    }

    async fn release(&self, guard: LockGuard) {
        drop(guard);
        // Not for as long as the lease: where no server answers any more, it ends by itself.
        let _ = timeout(self.shared.options.duration / 3, self.shared.settle()).await;
    }

    async fn holders(&self) -> Result<Vec<LockInfo>> {
        self.shared.settle().await;
        let mut infos = Vec::new();
        for (name, record, asked) in self.shared.held().await? {
            let mut living = record.clone();
            self.shared.bury(&name, &mut living, asked);
            for holder in &record.holders {
                let stale = living.holder(holder.nonce).is_none();
                if stale || holder.mode == LockMode::Exclusive {
                    infos.push(holder.info(&record.key, stale));
                }
            }
        }
        infos.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(infos)
    }

    /// Watches a record that looks alive for the duration of its lease before it says `Locked`.
    async fn break_lock(&self, lock: &LockInfo) -> Result<()> {
        self.shared.settle().await;
        let name = object_key(&lock.key);
        let mut first: Option<Vec<(Uuid, u64)>> = None;
        loop {
            let living = self.shared.clear(&name).await?;
            let Some(holder) = living.first() else {
                return Ok(());
            };
            let beats: Vec<_> = living
                .iter()
                .map(|holder| (holder.nonce, holder.heartbeat))
                .collect();
            if first.get_or_insert_with(|| beats.clone()) != &beats {
                return Err(Error::locked(format!(
                    "the lock of {} is held by living process {} ({}) on {}; end that process and wait for {} s",
                    lock.key.describe(),
                    holder.process.pid,
                    holder.process.program,
                    holder.process.host,
                    holder.duration().as_secs(),
                )));
            }
            sleep(holder.duration() / 8).await;
        }
    }
}

/// What a waiter gets when its time is up.
fn locked(key: &LockKey, holder: Option<&Holder>, waited: Duration) -> Error {
    let (what, waited) = (key.describe(), waited.as_secs_f64());
    Error::locked(match holder {
        Some(holder) => format!(
            "{what} is locked by pid {} ({}) on {} since {}; waited {waited:.3} s; wait or end that process, its lock ends {} s after it",
            holder.process.pid,
            holder.process.program,
            holder.process.host,
            holder.since,
            holder.duration().as_secs(),
        ),
        None => format!(
            "{what} is locked by others of this process or of this moment; waited {waited:.3} s; wait longer or try again"
        ),
    })
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
