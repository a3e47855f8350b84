//! Locks: who may change what, and who is in the way.

mod file;
mod holder;
mod layout;
mod local;
mod process;
mod queue;

use std::any::Any;
use std::fmt::{self, Debug};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use local::LocalLockManager;
pub use process::ProcessLockManager;
pub use queue::{LockQueues, LockSeat};

use crate::{Result, Timestamp};

/// What is locked: a whole store, a collection, or one array of it (by the name the adapter stores it under).
///
/// Locking an array does not lock its collection, nor the other way round: a caller that needs both asks for both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LockKey {
    /// The collection; empty for the store itself.
    pub collection: String,
    /// The stored name of the array; `None` for the collection itself.
    pub array: Option<String>,
}

impl LockKey {
    /// The lock of the store itself.
    #[must_use]
    pub fn store() -> Self {
        Self::collection("")
    }

    /// The lock of a collection.
    #[must_use]
    pub fn collection(name: impl Into<String>) -> Self {
        Self {
            collection: name.into(),
            array: None,
        }
    }

    /// The lock of one array.
    #[must_use]
    pub fn array(collection: impl Into<String>, array: impl Into<String>) -> Self {
        Self {
            collection: collection.into(),
            array: Some(array.into()),
        }
    }
}

impl LockKey {
    /// What it locks, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match (&self.array, self.collection.as_str()) {
            (Some(_), _) => format!("array {self}"),
            (None, "") => "the store".to_owned(),
            (None, _) => format!("collection {self}"),
        }
    }
}

impl fmt::Display for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.array {
            Some(array) => write!(f, "{}/{array}", self.collection),
            None => f.write_str(&self.collection),
        }
    }
}

/// Whether others may hold the same lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// Any number of shared holders, no exclusive one.
    Shared,
    /// One holder.
    Exclusive,
}

/// A wish for locks: all keys or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRequest {
    /// What to lock, in any order; the manager takes them in one canonical order, so that no two requests deadlock.
    pub keys: Vec<LockKey>,
    /// Shared or exclusive, for all keys.
    pub mode: LockMode,
    /// How long to wait.
    pub timeout: Duration,
}

impl LockRequest {
    /// A wish for one exclusive lock.
    #[must_use]
    pub fn exclusive(key: LockKey, timeout: Duration) -> Self {
        Self {
            keys: vec![key],
            mode: LockMode::Exclusive,
            timeout,
        }
    }

    /// A wish for one shared lock.
    #[must_use]
    pub fn shared(key: LockKey, timeout: Duration) -> Self {
        Self {
            keys: vec![key],
            mode: LockMode::Shared,
            timeout,
        }
    }
}

impl LockRequest {
    /// The keys in the order in which every manager takes them, each once.
    #[must_use]
    pub fn canonical_keys(&self) -> Vec<LockKey> {
        let mut keys = self.keys.clone();
        keys.sort();
        keys.dedup();
        keys
    }

    /// The end of a wait that begins now. A wait longer than anybody lives is as good as one without end.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
        Instant::now() + self.timeout.min(LONGEST)
    }
}

/// Who holds, or held, a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockInfo {
    /// What is locked.
    pub key: LockKey,
    /// Shared or exclusive.
    pub mode: LockMode,
    /// The process.
    pub pid: u32,
    /// The machine.
    pub host: String,
    /// The name of the program.
    pub program: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether the holder has gone without letting go.
    #[serde(default)]
    pub stale: bool,
}

/// How far locks reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LockCapabilities {
    /// Who is kept out.
    pub scope: crate::WriterScope,
    /// Whether a lock of a crashed holder is free at once.
    pub dies_with_holder: bool,
}

/// Locks that are held until this is dropped.
pub struct LockGuard {
    keys: Vec<LockKey>,
    held: Held,
}

/// What is behind a guard.
enum Held {
    /// Locks of the operating system or of this process: they end with the guard and not before.
    Fast {
        _locks: Box<dyn Any + Send + Sync>,
    },
    Leased(Box<dyn LeasedLocks>),
}

/// Locks that can be lost while they are held, because their holder slept or was cut off for too long.
pub trait LeasedLocks: Send + Sync + 'static {
    /// Fails with `Conflict` once one of them was lost.
    ///
    /// # Errors
    /// `Conflict`, naming what is no longer locked.
    fn ensure_valid(&self) -> Result<()>;

    /// The fencing token of each key, in the order of the guard's keys.
    fn tokens(&self) -> Vec<u64>;
}

impl LockGuard {
    /// A guard for `keys`, whose locks cannot be lost, that lets go when `held` is dropped.
    #[must_use]
    pub fn new(keys: Vec<LockKey>, held: impl Any + Send + Sync) -> Self {
        let held = Held::Fast {
            _locks: Box::new(held),
        };
        Self { keys, held }
    }

    /// A guard for `keys` whose locks are leases, which lets go when `held` is dropped.
    #[must_use]
    pub fn leased(keys: Vec<LockKey>, held: impl LeasedLocks) -> Self {
        let held = Held::Leased(Box::new(held));
        Self { keys, held }
    }

    /// Whether the locks can still be trusted: to be asked before each step that others can see. Costs no request.
    ///
    /// # Errors
    /// `Conflict` when one of them was lost. Locks of one machine are never lost.
    pub fn ensure_valid(&self) -> Result<()> {
        match &self.held {
            Held::Fast { .. } => Ok(()),
            Held::Leased(locks) => locks.ensure_valid(),
        }
    }

    /// A number for each key, in the order of [`keys`](Self::keys), larger than that of every earlier holder: a resource
    /// beside the store that remembers the largest it has seen can turn away a holder that slept through its lease. `None`
    /// where locks cannot be lost.
    #[must_use]
    pub fn tokens(&self) -> Option<Vec<u64>> {
        match &self.held {
            Held::Fast { .. } => None,
            Held::Leased(locks) => Some(locks.tokens()),
        }
    }

    /// What is locked, in canonical order.
    #[must_use]
    pub fn keys(&self) -> &[LockKey] {
        &self.keys
    }
}

impl Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// Grants locks.
///
/// *Contract.* [`acquire`](Self::acquire) takes all keys or none, in canonical (sorted) order; waits at most the timeout
/// and then fails with `Locked`, naming the key and its holder; is fair enough that a waiter is not passed over for ever;
/// and a dropped future takes nothing. A lock dies with its process.
#[async_trait]
pub trait LockManager: Debug + Send + Sync + 'static {
    /// How far locks reach.
    fn capabilities(&self) -> LockCapabilities;

    /// Waits for locks.
    async fn acquire(&self, request: LockRequest) -> Result<LockGuard>;

    /// Lets go of locks, and waits until others can see it. Dropping the guard lets go of them too, but where that takes a
    /// request nobody waits for it, and a process that ends at once leaves its record behind, stale.
    async fn release(&self, guard: LockGuard);

    /// Who holds exclusive locks, and the stale records of holders that have gone.
    async fn holders(&self) -> Result<Vec<LockInfo>>;

    /// Removes a stale record. The lock of a living holder is not broken: `Locked`.
    async fn break_lock(&self, lock: &LockInfo) -> Result<()>;
}
