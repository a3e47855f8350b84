//! Holding a lock: signs of life while it is held, and letting go.

use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyperslab_core::{Error, ErrorKind, LeasedLocks, LockKey, LockSeat, Result};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use uuid::Uuid;

use super::Shared;
use super::acquire::Known;
use crate::moment::Moment;
use crate::objects::{Condition, Put};

/// Some locks, held until this is dropped; then they are let go in the background.
pub(super) struct Lease {
    keys: Vec<LockKey>,
    held: Vec<Held>,
}

impl Lease {
    pub(super) fn new(keys: Vec<LockKey>, held: Vec<Held>) -> Self {
        Self { keys, held }
    }

    /// What is locked, in canonical order.
    pub(super) fn keys(&self) -> &[LockKey] {
        &self.keys
    }

    #[cfg(test)]
    pub(super) fn tenure(&self) -> Arc<Tenure> {
        Arc::clone(&self.held[0].tenure)
    }
}

impl LeasedLocks for Lease {
    fn ensure_valid(&self) -> Result<()> {
        for (key, held) in self.keys.iter().zip(&self.held) {
            if !held.tenure.is_valid() {
                return Err(Error::conflict(format!(
                    "the lock of {} was lost, because it could not be renewed in time; try again from the start",
                    key.describe()
                )));
            }
        }
        Ok(())
    }

    fn tokens(&self) -> Vec<u64> {
        self.held.iter().map(|held| held.tenure.token).collect()
    }
}

impl Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("keys", &self.keys)
            .field("tokens", &self.tokens())
            .finish()
    }
}

/// One lock, held until this is dropped.
pub(super) struct Held {
    tenure: Arc<Tenure>,
    shared: Arc<Shared>,
    /// Dropping it tells the keeper to let go.
    stop: Option<oneshot::Sender<()>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.releasing.send_modify(|count| *count += 1);
        self.tenure.lose();
        self.stop = None;
    }
}

/// For how long a lock can be trusted.
#[derive(Debug)]
pub(super) struct Tenure {
    token: u64,
    duration: Duration,
    end: Mutex<End>,
    lost: AtomicBool,
}

/// The end of the trust, on a clock that tests can turn and on one that runs while the machine sleeps.
#[derive(Debug, Clone, Copy)]
struct End {
    steady: Instant,
    boot: Duration,
}

impl Tenure {
    fn new(token: u64, duration: Duration, began: Moment) -> Self {
        Self {
            token,
            duration,
            end: Mutex::new(began.plus(trusted(duration))),
            lost: AtomicBool::new(false),
        }
    }

    pub(super) fn is_valid(&self) -> bool {
        let (now, end) = (Moment::now(), *self.end());
        !self.lost.load(Ordering::Relaxed) && now.steady < end.steady && now.boot < end.boot
    }

    /// A sign of life that was sent then has arrived. What was lost stays lost.
    fn extend(&self, sent: Moment) {
        let mut end = self.end();
        let now = Moment::now();
        if now.steady < end.steady && now.boot < end.boot {
            *end = sent.plus(trusted(self.duration));
        }
    }

    fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A holder trusts its lease for two thirds of what others wait, so that clocks may differ by a third.
pub(super) fn trusted(duration: Duration) -> Duration {
    duration * 2 / 3
}

impl Moment {
    /// The moment that lies so far back on the steady clock.
    fn back_to(steady: Instant) -> Self {
        let now = Self::now();
        Self {
            steady,
            boot: now
                .boot
                .saturating_sub(now.steady.saturating_duration_since(steady)),
        }
    }

    fn plus(self, time: Duration) -> End {
        End {
            steady: self.steady + time,
            boot: self.boot + time,
        }
    }
}

/// The task that owns the record of a held lock.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    name: String,
    nonce: Uuid,
    known: Known,
    tenure: Arc<Tenure>,
    _seat: LockSeat,
}

impl Keeper {
    /// Keeps a lock whose request was sent at `began`.
    pub(super) fn start(
        shared: Arc<Shared>,
        name: String,
        nonce: Uuid,
        known: Known,
        began: Instant,
        seat: LockSeat,
    ) -> Held {
        let token = known.record.holder(nonce).map_or(0, |holder| holder.token);
        let duration = shared.options.duration;
        let tenure = Arc::new(Tenure::new(token, duration, Moment::back_to(began)));
        let (stop, stopped) = oneshot::channel();
        let held = Held {
            tenure: Arc::clone(&tenure),
            shared: Arc::clone(&shared),
            stop: Some(stop),
        };
        let keeper = Self {
            shared,
            name,
            nonce,
            known,
            tenure,
            _seat: seat,
        };
        tokio::spawn(keeper.run(began, stopped));
        held
    }

    async fn run(mut self, began: Instant, mut stopped: oneshot::Receiver<()>) {
        let done = Box::pin(self.keep(began, &mut stopped)).await;
        if !done {
            self.tenure.lose();
            let _ = stopped.await;
        }
        Box::pin(self.release()).await;
        let shared = Arc::clone(&self.shared);
        // The seat is free, and the record too, before anybody is told.
        drop(self);
        shared.releasing.send_modify(|count| *count -= 1);
    }

    /// Gives signs of life until the holder wants no more (true), or the lock is lost.
    async fn keep(&mut self, began: Instant, stopped: &mut oneshot::Receiver<()>) -> bool {
        let period = self.shared.options.duration / 3;
        let mut next = began + period;
        loop {
            tokio::select! {
                biased;
                _ = &mut *stopped => return true,
                () = sleep_until(next) => {}
            }
            let sent = Moment::now();
            let end = self.tenure.end().steady;
            match timeout_at(end, self.beat()).await {
                Ok(Ok(true)) => {
                    self.tenure.extend(sent);
                    next = sent.steady + period;
                }
                Ok(Ok(false)) | Err(_) => return false,
                Ok(Err(error)) => {
                    tracing::debug!(%error, name = self.name, "a lock could not be renewed yet");
                    next = Instant::now() + period / 8;
                }
            }
            if !self.tenure.is_valid() {
                return false;
            }
        }
    }

    /// One sign of life; false when the record is not ours any more.
    async fn beat(&mut self) -> Result<bool> {
        loop {
            let Some(holder) = self.known.record.holder_mut(self.nonce) else {
                return Ok(false);
            };
            holder.heartbeat += 1;
            if self.swap().await? {
                return Ok(true);
            }
        }
    }

    /// Puts the known record; false when it had changed and was read again. A put that nobody knows of counts as refused.
    async fn swap(&mut self) -> Result<bool> {
        let condition = self.known.condition.clone();
        let put = self
            .shared
            .put(&self.name, &mut self.known.record, condition)
            .await;
        match put {
            Ok(Put::Done(version)) => {
                self.known.condition = Condition::Is(version);
                return Ok(true);
            }
            Ok(Put::Refused) => {}
            Err(error) if error.kind() == ErrorKind::Unavailable => {}
            Err(error) => return Err(error),
        }
        let sent = self.known.record.nonce;
        let found = self.shared.read(&self.name).await?;
        self.known = found.ok_or_else(|| {
            Error::corrupt(format!("the record of the lock {} was deleted", self.name))
        })?;
        Ok(self.known.record.nonce == sent)
    }

    /// Takes this holder out of the record. What cannot be done within a lease others do.
    async fn release(&mut self) {
        let deadline = Instant::now() + self.shared.options.duration;
        while self.known.record.holder(self.nonce).is_some() {
            let nonce = self.nonce;
            self.known
                .record
                .holders
                .retain(|holder| holder.nonce != nonce);
            match timeout_at(deadline, self.swap()).await {
                Ok(Ok(true)) | Err(_) => return,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    tracing::debug!(%error, name = self.name, "a lock could not be let go yet");
                    match self.reread(deadline).await {
                        Some(known) => self.known = known,
                        None => return,
                    }
                }
            }
        }
    }

    async fn reread(&self, deadline: Instant) -> Option<Known> {
        let mut pause = self.shared.options.first_pause;
        loop {
            match timeout_at(deadline, self.shared.read(&self.name)).await {
                Ok(Ok(known)) => return known,
                Ok(Err(_)) if Instant::now() + pause < deadline => sleep(pause).await,
                Ok(Err(_)) | Err(_) => return None,
            }
            pause = (pause * 2).min(self.shared.options.longest_pause);
        }
    }
}
