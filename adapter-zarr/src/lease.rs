//! Locks in any medium: leases that are renewed, taken over when their holder has gone, and numbered.
//!
//! Each lock is one object, changed by swaps only and never deleted. The holder renews it every third of the duration of the
//! lease, and trusts it only for two thirds, counted from before the request was sent. A contender declares a holder dead when
//! the record did not change for a whole duration on the contender's own clock, so no two clocks are ever compared. A process
//! that sleeps through the end of its lease finds out when it asks ([`Lease::ensure_valid`]); what it still has under way is
//! turned away by whoever compares the *fencing token*, which grows with every acquisition.

#![cfg_attr(not(test), expect(dead_code, reason = "the layout above comes next"))]

mod keeper;
mod process;
mod record;
mod seats;
mod sightings;

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use hyperslab_core::{
    Clock, Durability, Error, ErrorKind, LockCapabilities, LockGuard, LockInfo, LockKey,
    LockManager, LockMode, LockRequest, Result, SystemClock,
};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

pub(crate) use self::keeper::Lease;
use self::keeper::{Held, Keeper, trusted};
use self::process::Process;
use self::record::{Holder, LOCKS, Record, object_key};
use self::seats::{Seat, Seats};
use self::sightings::Sightings;
use crate::objects::{Condition, Objects, Put};

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
    seats: Arc<Seats>,
    sightings: Mutex<Sightings>,
    /// How many leases are being let go.
    releasing: watch::Sender<usize>,
}

/// The record of a lock as it was read or put last.
#[derive(Debug, Clone)]
struct Known {
    record: Record,
    condition: Condition,
}

/// What became of one attempt.
enum Attempt {
    /// By the request with this nonce.
    Granted(Uuid, Known),
    Taken(Box<Holder>),
    /// Somebody else was faster, or nobody knows.
    Again,
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
                seats: Arc::default(),
                sightings: Mutex::default(),
                releasing: watch::Sender::new(0),
            }),
        }
    }

    /// Waits for locks: all keys or none.
    ///
    /// # Errors
    /// `Locked` with the holder when the time is up, and what the medium says.
    pub(crate) async fn lease(&self, request: LockRequest) -> Result<Lease> {
        let now = Instant::now();
        let far = now + Duration::from_secs(86400 * 365 * 30);
        let deadline = now
            .checked_add(request.timeout)
            .map_or(far, |at| at.min(far));
        let mut keys = request.keys;
        keys.sort();
        keys.dedup();
        let mut held = Vec::with_capacity(keys.len());
        for key in &keys {
            let refusal = |holder| locked(key, holder, request.timeout);
            let seat = self.shared.seats.take(key, request.mode, deadline).await;
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
        seat: Seat,
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

impl Shared {
    async fn wait_for(
        self: Arc<Self>,
        key: &LockKey,
        mode: LockMode,
        deadline: Instant,
        waited: Duration,
        seat: Seat,
        caller: &mut oneshot::Sender<Result<Held>>,
    ) -> Result<Held> {
        let name = object_key(key);
        let mut sent = Vec::new();
        let tried = self.try_until(key, &name, mode, deadline, caller, &mut sent);
        match tried.await {
            Ok(Ok((nonce, known, began))) => {
                Ok(Keeper::start(self, name, nonce, known, began, seat))
            }
            refused => {
                self.abandon(&name, &sent).await;
                Err(match refused {
                    Ok(Err(holder)) => locked(key, holder.as_deref(), waited),
                    Ok(Ok(_)) => Error::internal("a lock that was granted was refused"),
                    Err(error) => error,
                })
            }
        }
    }

    /// Tries until the lock is granted: by which request, and when that was sent. Or who is in the way.
    async fn try_until(
        &self,
        key: &LockKey,
        name: &str,
        mode: LockMode,
        deadline: Instant,
        caller: &mut oneshot::Sender<Result<Held>>,
        sent: &mut Vec<Uuid>,
    ) -> Result<Result<(Uuid, Known, Instant), Option<Box<Holder>>>> {
        let mut holder = None;
        let mut longest = self.options.first_pause;
        loop {
            if caller.is_closed() {
                return Err(Error::cancelled("the caller gave up"));
            }
            let began = Instant::now();
            match self.attempt(key, name, mode, sent).await? {
                // What took too long to arrive is as good as lost: it is put again.
                Attempt::Granted(nonce, known) => {
                    if began.elapsed() < trusted(self.options.duration) / 2 {
                        return Ok(Ok((nonce, known, began)));
                    }
                }
                Attempt::Taken(by) => holder = Some(by),
                Attempt::Again => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Err(holder));
            }
            tokio::select! {
                () = sleep(self.by_chance(longest).min(left)) => {}
                () = caller.closed() => {}
            }
            longest = (longest * 2).min(self.options.longest_pause);
        }
    }

    /// One look at the record, and one swap if it is free. `sent` are the requests of this caller whose outcome may be unknown:
    /// one that shows up late is replaced.
    async fn attempt(
        &self,
        key: &LockKey,
        name: &str,
        mode: LockMode,
        sent: &mut Vec<Uuid>,
    ) -> Result<Attempt> {
        let asked = Instant::now();
        let Known {
            mut record,
            condition,
        } = self.read(name).await?.unwrap_or_else(|| Known {
            record: Record::new(key.clone()),
            condition: Condition::Absent,
        });
        record
            .holders
            .retain(|holder| !sent.contains(&holder.nonce));
        self.bury(name, &mut record, asked);
        let in_the_way = record
            .holders
            .iter()
            .find(|holder| mode == LockMode::Exclusive || holder.mode == LockMode::Exclusive);
        if let Some(holder) = in_the_way {
            return Ok(Attempt::Taken(Box::new(holder.clone())));
        }
        let nonce = Uuid::new_v4();
        record.token += 1;
        record.holders.push(Holder {
            nonce,
            mode,
            token: record.token,
            since: self.clock.now(),
            duration_ms: u64::try_from(self.announced.as_millis()).unwrap_or(u64::MAX),
            heartbeat: 0,
            process: self.process.clone(),
        });
        sent.push(nonce);
        match self.put(name, &mut record, condition).await {
            Ok(Put::Done(version)) => {
                let condition = Condition::Is(version);
                Ok(Attempt::Granted(nonce, Known { record, condition }))
            }
            Ok(Put::Refused) => {
                sent.pop();
                Ok(Attempt::Again)
            }
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                Ok(match self.read(name).await? {
                    Some(known) if known.record.holder(nonce).is_some() => {
                        Attempt::Granted(nonce, known)
                    }
                    _ => Attempt::Again,
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Takes back requests whose outcome is unknown, as far as that can be done. Others take over what stays.
    async fn abandon(&self, name: &str, sent: &[Uuid]) {
        for _ in 0..3 {
            if sent.is_empty() {
                return;
            }
            let Ok(Some(Known {
                mut record,
                condition,
            })) = self.read(name).await
            else {
                return;
            };
            let count = record.holders.len();
            record
                .holders
                .retain(|holder| !sent.contains(&holder.nonce));
            if record.holders.len() == count {
                return;
            }
            if let Ok(Put::Done(_)) = self.put(name, &mut record, condition).await {
                return;
            }
        }
    }

    /// Takes the dead out of a record that was asked for at this time and has just come.
    fn bury(&self, name: &str, record: &mut Record, asked: Instant) {
        let mut sightings = self
            .sightings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sightings.see(name, record, Instant::now());
        record.holders.retain(|holder| {
            !self.process.sees_gone(&holder.process) && !sightings.is_dead(name, holder, asked)
        });
    }

    async fn read(&self, name: &str) -> Result<Option<Known>> {
        let Some(object) = self.objects.get(name).await? else {
            return Ok(None);
        };
        Ok(Some(Known {
            record: Record::decode(&object.bytes, name, self.objects.url())?,
            condition: Condition::Is(object.version),
        }))
    }

    async fn put(&self, name: &str, record: &mut Record, condition: Condition) -> Result<Put> {
        record.nonce = Uuid::new_v4();
        let bytes = Bytes::from(record.encode()?);
        // A lock does not outlive a crash of the machine on a disk, and a store is durable anyway.
        self.objects
            .put(name, bytes, condition, Durability::Relaxed)
            .await
    }

    fn by_chance(&self, longest: Duration) -> Duration {
        let chance = f64::from((self.options.chance)()) / f64::from(u32::MAX);
        longest.mul_f64(0.5 + chance / 2.0)
    }

    /// Waits until what was dropped before is let go, but not for ever.
    async fn settle(&self) {
        let mut releasing = self.releasing.subscribe();
        let settled = releasing.wait_for(|count| *count == 0);
        let _ = timeout(self.options.duration, settled).await;
    }

    /// The records of all locks that somebody holds.
    async fn held(&self) -> Result<Vec<(String, Record, Instant)>> {
        let names: Vec<_> = self.objects.list(LOCKS).try_collect().await?;
        let reads = names.into_iter().map(|listed| async move {
            let asked = Instant::now();
            let known = self.read(&listed.key).await?;
            Ok::<_, Error>((listed.key, known, asked))
        });
        let mut reads = futures::stream::iter(reads).buffer_unordered(16);
        let mut held = Vec::new();
        while let Some((name, known, asked)) = reads.try_next().await? {
            if let Some(Known { record, .. }) = known
                && !record.holders.is_empty()
            {
                held.push((name, record, asked));
            }
        }
        held.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(held)
    }

    /// Removes the dead from a record, once.
    async fn clear(&self, name: &str) -> Result<Vec<Holder>> {
        let asked = Instant::now();
        let Some(known) = self.read(name).await? else {
            return Ok(Vec::new());
        };
        let mut record = known.record.clone();
        self.bury(name, &mut record, asked);
        if record.holders.len() < known.record.holders.len() {
            match self.put(name, &mut record, known.condition).await? {
                Put::Done(_) => {}
                Put::Refused => return Ok(known.record.holders),
            }
        }
        Ok(record.holders)
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
        Ok(LockGuard::new(lease.keys().to_vec(), lease))
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
                    describe(&lock.key),
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
    let (what, waited) = (describe(key), waited.as_secs_f64());
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

/// What a key locks, in words.
fn describe(key: &LockKey) -> String {
    match (&key.array, key.collection.as_str()) {
        (Some(_), _) => format!("array {key}"),
        (None, "") => "the store".to_owned(),
        (None, _) => format!("collection {key}"),
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
