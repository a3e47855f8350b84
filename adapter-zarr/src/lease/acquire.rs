//! Taking a lock: looking at its record, and swapping it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use hyperslab_core::{Durability, Error, ErrorKind, LockKey, LockMode, LockSeat, Result};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::keeper::{Held, Keeper, trusted};
use super::record::{Holder, LOCKS, Record, object_key};
use super::{Shared, locked};
use crate::objects::{Condition, Put};

/// The record of a lock as it was read or put last.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) record: Record,
    pub(super) condition: Condition,
}

/// What became of one attempt.
enum Attempt {
    /// By the request with this nonce.
    Granted(Uuid, Known),
    Taken(Box<Holder>),
    /// Somebody else was faster, or nobody knows.
    Again,
}

impl Shared {
    pub(super) async fn wait_for(
        self: Arc<Self>,
        key: &LockKey,
        mode: LockMode,
        deadline: Instant,
        waited: Duration,
        seat: LockSeat,
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
    pub(super) fn bury(&self, name: &str, record: &mut Record, asked: Instant) {
        let mut sightings = self
            .sightings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sightings.see(name, record, Instant::now());
        record.holders.retain(|holder| {
            !self.process.sees_gone(&holder.process) && !sightings.is_dead(name, holder, asked)
        });
    }

    pub(super) async fn read(&self, name: &str) -> Result<Option<Known>> {
        let Some(object) = self.objects.get(name).await? else {
            return Ok(None);
        };
        Ok(Some(Known {
            record: Record::decode(&object.bytes, name, self.objects.url())?,
            condition: Condition::Is(object.version),
        }))
    }

    pub(super) async fn put(
        &self,
        name: &str,
        record: &mut Record,
        condition: Condition,
    ) -> Result<Put> {
        record.nonce = Uuid::new_v4();
        let bytes = Bytes::from(record.encode()?);
        // On a disk no lock outlives a crash of the machine, but half a record would be in everybody's way.
        self.objects
            .put(name, bytes, condition, Durability::Synced)
            .await
    }

    fn by_chance(&self, longest: Duration) -> Duration {
        let chance = f64::from((self.options.chance)()) / f64::from(u32::MAX);
        longest.mul_f64(0.5 + chance / 2.0)
    }

    /// Waits until what was dropped before is let go, but not for ever.
    pub(super) async fn settle(&self) {
        let mut releasing = self.releasing.subscribe();
        let settled = releasing.wait_for(|count| *count == 0);
        let _ = timeout(self.options.duration, settled).await;
    }

    /// The records of all locks that somebody holds.
    pub(super) async fn held(&self) -> Result<Vec<(String, Record, Instant)>> {
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
    pub(super) async fn clear(&self, name: &str) -> Result<Vec<Holder>> {
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
