//! Trying again, waiting in between, and asking less of a store that is asked too much.

mod gate;
mod listing;

use std::fmt::{self, Debug};
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use hyperslab_core::{Durability, Error, Result};
use hyperslab_engine::ObjectId;
use tokio::time::{Instant, sleep, timeout_at};

use self::gate::Gate;
use super::failure::{Failure, Hope, hope, unavailable};
use super::{Condition, Level, Listed, Object, Objects, Promises, Put, Ranges, Tail, Version};

/// How patient to be.
#[derive(Clone)]
pub(crate) struct Patience {
    /// For one call with all its attempts, as long as no call has had an answer.
    pub(crate) first_answer: Duration,
    /// For one call with all its attempts, and a second more for each MiB.
    pub(crate) deadline: Duration,
    /// For one attempt, and a second more for each MiB.
    pub(crate) attempt: Duration,
    /// The first pause is at most this long; each next one may be twice as long.
    pub(crate) first_pause: Duration,
    /// No pause is longer.
    pub(crate) longest_pause: Duration,
    /// How many calls are under way at once.
    pub(crate) calls_max: usize,
    /// A number below 2^32 by chance, for the pauses.
    pub(crate) chance: Arc<dyn Fn() -> u32 + Send + Sync>,
    /// Who is asked, for messages.
    pub(crate) server: Option<String>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_answer: Duration::from_secs(10),
            deadline: Duration::from_secs(60),
            attempt: Duration::from_secs(20),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(10),
            calls_max: 64,
            chance: Arc::new(|| uuid::Uuid::new_v4().as_fields().0),
            server: None,
        }
    }
}

impl Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience")
            .field("first_answer", &self.first_answer)
            .field("deadline", &self.deadline)
            .field("attempt", &self.attempt)
            .field("calls_max", &self.calls_max)
            .finish_non_exhaustive()
    }
}

/// A medium whose passing failures are waited out.
///
/// A conditional put may have happened although its answer was lost; the next attempt is then refused because of the first.
/// So after such a refusal the object is read: our bytes mean that it was us. Callers guarantee that no two writers put the same
/// bytes under a condition where it matters who did, by a nonce. Other bytes mean either that we were never first, or that
/// somebody has replaced ours already: then the outcome is unknown, and the error `Unavailable`, never `Refused`.
#[derive(Debug)]
pub(crate) struct Patient<O> {
    inner: O,
    patience: Patience,
    gate: Gate,
    /// Whether any call has had an answer.
    answered: AtomicBool,
}

/// The state of one call: when it began, what it has seen.
struct Call<'a, O> {
    patient: &'a Patient<O>,
    action: &'static str,
    what: String,
    deadline: Instant,
    attempt: Duration,
    attempts: u32,
    /// An earlier attempt failed, and may have done its work.
    unknown: bool,
}

impl<O: Objects> Patient<O> {
    pub(crate) fn new(inner: O, patience: Patience) -> Self {
        Self {
            gate: Gate::new(patience.calls_max),
            inner,
            patience,
            answered: AtomicBool::new(false),
        }
    }

    /// A call that moves so many bytes, as far as is known.
    fn call(&self, action: &'static str, key: &str, bytes: u64) -> Call<'_, O> {
        let more = Duration::from_secs(bytes >> 20);
        let (mut deadline, mut attempt) = (self.patience.deadline, self.patience.attempt);
        if !self.answered.load(Ordering::Relaxed) {
            deadline = deadline.min(self.patience.first_answer);
            // Time for a second one.
            attempt = attempt.min(deadline / 2);
        }
        Call {
            patient: self,
            action,
            what: format!("{}/{key}", self.inner.url()),
            deadline: Instant::now() + deadline + more,
            attempt: attempt + more,
            attempts: 0,
            unknown: false,
        }
    }
}

impl<O: Objects> Call<'_, O> {
    /// Tries until there is an answer or an error that will not pass, or no time.
    async fn run<T, F>(&mut self, mut attempt: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut before = None;
        loop {
            let error = match self.once(&mut attempt).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if hope(&error) == Hope::None {
                return Err(error);
            }
            self.unknown = true;
            // What a server said tells more than that the deadline cut the last attempt off.
            let error = match before.take() {
                Some(said) if Instant::now() >= self.deadline => said,
                _ => error,
            };
            let pause = self.pause();
            if Instant::now() + pause >= self.deadline {
                return Err(self.given_up(error));
            }
            tracing::debug!(%error, attempts = self.attempts, ?pause, "trying again");
            before = Some(error);
            sleep(pause).await;
        }
    }

    async fn once<T, F>(&mut self, attempt: &mut impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let gate = &self.patient.gate;
        let Ok(pass) = timeout_at(self.deadline, gate.enter()).await else {
            return Err(self.failed("too many calls are under way"));
        };
        self.attempts += 1;
        let end = self.deadline.min(Instant::now() + self.attempt);
        match timeout_at(end, attempt()).await {
            Ok(Ok(answer)) => {
                gate.succeeded();
                self.patient.answered.store(true, Ordering::Relaxed);
                Ok(answer)
            }
            Ok(Err(error)) => {
                let hope = hope(&error);
                if hope == Hope::Throttled {
                    gate.throttled(&pass);
                }
                if hope != Hope::Passing {
                    self.patient.answered.store(true, Ordering::Relaxed);
                }
                Err(error)
            }
            Err(_) => Err(self.no_answer()),
        }
    }

    fn no_answer(&self) -> Error {
        self.failed("no answer came in time")
    }

    /// Who is asked, after a preposition.
    fn from(&self, preposition: &str) -> String {
        let server = self.patient.patience.server.as_ref();
        server.map_or_else(String::new, |server| format!(" {preposition} {server}"))
    }

    fn failed(&self, cause: &str) -> Error {
        unavailable(self.action, &self.what, Failure::new(Hope::Passing, cause))
    }

    fn given_up(&self, error: Error) -> Error {
        let tried = match self.attempts {
            1 => "once".to_owned(),
            attempts => format!("{attempts} times"),
        };
        let message = format!(
            "{}; tried {tried}{}, try again later",
            error.message(),
            self.from("at")
        );
        Error::unavailable(message).with_source(error)
    }

    /// Somewhere between nothing and twice the longest pause before.
    fn pause(&self) -> Duration {
        let patience = &self.patient.patience;
        let doubled = 1_u32.checked_shl(self.attempts.saturating_sub(1));
        let longest = patience
            .first_pause
            .saturating_mul(doubled.unwrap_or(u32::MAX))
            .min(patience.longest_pause);
        longest.mul_f64(f64::from((patience.chance)()) / f64::from(u32::MAX))
    }

    fn ambiguous(&self) -> Error {
        Error::unavailable(format!(
            "cannot {} {}: an answer was lost and somebody else changed it since, so nobody knows whether it was done; \
             read it again",
            self.action, self.what
        ))
    }
}

fn total(ranges: &[Range<u64>]) -> u64 {
    ranges
        .iter()
        .map(|range| range.end.saturating_sub(range.start))
        .fold(0, u64::saturating_add)
}

#[async_trait]
impl<O: Objects> Objects for Patient<O> {
    fn url(&self) -> &str {
        self.inner.url()
    }

    fn promises(&self) -> Promises {
        self.inner.promises()
    }

    fn identity(&self) -> ObjectId {
        self.inner.identity()
    }

    async fn get(&self, key: &str) -> Result<Option<Object>> {
        let mut call = self.call("read", key, 0);
        // How large it is shows only afterwards, so an attempt has as much time as the call.
        call.attempt = self.patience.deadline;
        call.run(|| self.inner.get(key)).await
    }

    async fn get_ranges(
        &self,
        key: &str,
        ranges: &[Range<u64>],
        expected: Option<&Version>,
    ) -> Result<Ranges> {
        let mut call = self.call("read", key, total(ranges));
        call.run(|| self.inner.get_ranges(key, ranges, expected))
            .await
    }

    async fn get_tail(&self, key: &str, length: u64) -> Result<Option<Tail>> {
        let mut call = self.call("read", key, length.min(1 << 30));
        call.run(|| self.inner.get_tail(key, length)).await
    }

    async fn version(&self, key: &str) -> Result<Option<Version>> {
        let mut call = self.call("read", key, 0);
        call.run(|| self.inner.version(key)).await
    }

    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: Condition,
        durability: Durability,
    ) -> Result<Put> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let mut call = self.call("put", key, size);
        loop {
            let put = || {
                let (bytes, condition) = (bytes.clone(), condition.clone());
                self.inner.put(key, bytes, condition, durability)
            };
            let done = call.run(put).await?;
            if done != Put::Refused || !call.unknown {
                return Ok(done);
            }
            let found = call.run(|| self.inner.get(key)).await?;
            match (found, &condition) {
                (Some(found), _) if found.bytes == bytes => return Ok(Put::Done(found.version)),
                // Refused although the condition holds: as some stores do when two puts meet.
                (Some(found), Condition::Is(version)) if found.version == *version => {}
                (None, Condition::Absent) => {}
                _ => return Err(call.ambiguous()),
            }
            let pause = call.pause();
            if Instant::now() + pause >= call.deadline {
                return Err(call.ambiguous());
            }
            sleep(pause).await;
        }
    }

    async fn delete(&self, keys: Vec<String>, durability: Durability) -> Result<()> {
        let count = u64::try_from(keys.len()).unwrap_or(u64::MAX);
        // A second more for some hundreds of keys.
        let mut call = self.call("delete objects of", "", count << 12);
        call.run(|| self.inner.delete(keys.clone(), durability))
            .await
    }

    async fn delete_if(
        &self,
        key: &str,
        version: &Version,
        durability: Durability,
    ) -> Result<bool> {
        let mut call = self.call("delete", key, 0);
        let done = call
            .run(|| self.inner.delete_if(key, version, durability))
            .await?;
        if done || !call.unknown {
            return Ok(done);
        }
        match call.run(|| self.inner.version(key)).await? {
            None => Ok(true),
            Some(_) => Err(call.ambiguous()),
        }
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Listed>> {
        listing::run(self, prefix)
    }

    async fn list_level(&self, prefix: &str) -> Result<Level> {
        let mut call = self.call("list", prefix, 0);
        call.attempt = self.patience.deadline;
        call.run(|| self.inner.list_level(prefix)).await
    }
}

#[cfg(test)]
mod tests;
