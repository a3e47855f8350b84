//! Locks that keep the processes of one machine apart.
//!
//! A lock is an `flock` on a file of its own, so it dies with its process, and the name of its holder is written into
//! the file for those who wait. `flock` cannot be waited for with a deadline, and it has no order, so a process waits
//! like this: its own tasks stand in a fair queue and only the first of them looks at the file, again and again with
//! short pauses. Among processes, the first to find a lock taken makes a *queue* file and locks it; as long as it is
//! there nobody tries the lock itself without being its owner. Whoever lets go of a lock and wants it again at once
//! therefore comes after the one that waits, and a busy process cannot starve another. Without waiters there is no queue
//! file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::file::{LockFile, Record, Turn, read_record, share_existing};
use super::holder::{Identity, locked};
use super::layout::{LockPaths, all_lock_files, folder_of, key_of, lock_paths};
use super::process::refuse_to_break;
use super::queue::{LockQueues, LockSeat};
use super::{LockCapabilities, LockGuard, LockInfo, LockKey, LockManager, LockMode, LockRequest};
use crate::{Clock, Error, Result, SystemClock, Timestamp, WriterScope};

/// Locks among all processes of one machine that use a store in a folder.
#[derive(Debug)]
pub struct LocalLockManager {
    root: PathBuf,
    queues: Arc<LockQueues>,
    identity: Identity,
    clock: Arc<dyn Clock>,
}

/// One lock held. The file is let go before the seat, so that the next task of this process finds it free.
#[derive(Debug)]
#[expect(dead_code, reason = "held, not read")]
struct Held {
    file: LockFile,
    seat: LockSeat,
}

impl LocalLockManager {
    /// The locks of the store in folder `root`, which need not exist yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            queues: Arc::default(),
            identity: Identity::of_this_process(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The folder, below that of the store, in which the locks of a collection lie. It must be there before one is taken.
    ///
    /// # Errors
    /// `InvalidInput` for what is no name of a folder.
    pub fn folder_of(&self, collection: &str) -> Result<PathBuf> {
        Ok(self.root.join(folder_of(collection)?))
    }

    /// Lets go of exclusive locks of arrays that have been deleted, and removes their lock files, which nobody will need
    /// again. Whoever waits for one of them makes a new file.
    pub fn forget(&self, guard: LockGuard) {
        for key in guard.keys() {
            if let Ok(paths) = lock_paths(&self.root, key) {
                let _ = std::fs::remove_file(paths.lock);
            }
        }
        drop(guard);
    }

    async fn wait_for_file(
        &self,
        key: &LockKey,
        mode: LockMode,
        deadline: Instant,
    ) -> Result<Option<LockFile>> {
        let paths = lock_paths(&self.root, key)?;
        let mut turn = None;
        let mut pause = Pause::new();
        loop {
            if let Some(file) = attempt(&paths, key, mode, &mut turn)? {
                return Ok(Some(file));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            sleep(pause.after(turn.is_some()).min(left)).await;
        }
    }

    /// The living exclusive holder of a key, as far as its lock file tells.
    fn holder(&self, key: &LockKey) -> Option<LockInfo> {
        let paths = lock_paths(&self.root, key).ok()?;
        match read_record(&paths.lock).ok()? {
            Record::Holder(holder) => Some(*holder),
            Record::None | Record::Unreadable => None,
        }
    }

    fn inspect(&self, path: &Path) -> std::io::Result<Option<LockInfo>> {
        if matches!(read_record(path)?, Record::None) {
            return Ok(None);
        }
        // As long as the file is shared nobody can take it and change the record.
        let shared = share_existing(path)?;
        let stale = shared.is_some();
        Ok(match read_record(path)? {
            Record::None => None,
            Record::Holder(mut holder) => {
                holder.stale = stale;
                Some(*holder)
            }
            // Half a record that nobody holds is what a crash of the machine may leave.
            Record::Unreadable if stale => Some(LockInfo {
                key: key_of(&self.root, path),
                mode: LockMode::Exclusive,
                pid: 0,
                host: "unknown".to_owned(),
                program: "unknown".to_owned(),
                since: modified(path)?,
                stale,
            }),
            Record::Unreadable => None,
        })
    }
}

#[async_trait]
impl LockManager for LocalLockManager {
    fn capabilities(&self) -> LockCapabilities {
        LockCapabilities {
            scope: WriterScope::Host,
            dies_with_holder: true,
        }
    }

    async fn acquire(&self, request: LockRequest) -> Result<LockGuard> {
        let deadline = request.deadline();
        let keys = request.canonical_keys();
        let mut held = Vec::with_capacity(keys.len());
        for key in &keys {
            let refusal = || locked(key, self.holder(key).as_ref(), request.timeout);
            let seat = self.queues.take(key, request.mode, deadline).await;
            let seat = seat.ok_or_else(refusal)?;
            let file = self.wait_for_file(key, request.mode, deadline).await?;
            let mut file = file.ok_or_else(refusal)?;
            if request.mode == LockMode::Exclusive {
                file.record(&self.identity.info(key, self.clock.now()));
            }
            held.push(Held { file, seat });
        }
        Ok(LockGuard::new(keys, held))
    }

    async fn release(&self, guard: LockGuard) {
        drop(guard);
    }

    async fn holders(&self) -> Result<Vec<LockInfo>> {
        let mut holders = Vec::new();
        for path in all_lock_files(&self.root)? {
            match self.inspect(&path) {
                Ok(holder) => holders.extend(holder),
                // Swept, or its collection deleted, since it was listed.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("read", path.display(), error)),
            }
        }
        Ok(holders)
    }

    async fn break_lock(&self, lock: &LockInfo) -> Result<()> {
        let paths = lock_paths(&self.root, &lock.key)?;
        let fail = |error| Error::io("break the lock", paths.lock.display(), error);
        match read_record(&paths.lock).map_err(fail)? {
            Record::None => return Ok(()),
            Record::Holder(_) | Record::Unreadable => {}
        }
        match LockFile::attempt(&paths.lock, LockMode::Exclusive).map_err(fail)? {
            Some(file) => file.clear().map_err(fail),
            None => {
                let holder = self.holder(&lock.key);
                Err(refuse_to_break(holder.as_ref().unwrap_or(lock)))
            }
        }
    }
}

/// One attempt on the lock file, in turn. Never waits.
fn attempt(
    paths: &LockPaths,
    key: &LockKey,
    mode: LockMode,
    turn: &mut Option<Turn>,
) -> Result<Option<LockFile>> {
    const ATTEMPTS: usize = 8;
    let mut missing = None;
    for _ in 0..ATTEMPTS {
        match attempt_in_folder(paths, mode, turn) {
            Ok(file) => return Ok(file),
            // The first lock of this collection, or the collection is being deleted.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                paths.make_folder(key)?;
                missing = Some(error);
            }
            Err(error) => return Err(Error::io("lock", paths.lock.display(), error)),
        }
    }
    let error = missing.unwrap_or_else(|| std::io::ErrorKind::NotFound.into());
    Err(Error::io("lock", paths.lock.display(), error))
}

fn attempt_in_folder(
    paths: &LockPaths,
    mode: LockMode,
    turn: &mut Option<Turn>,
) -> std::io::Result<Option<LockFile>> {
    if turn.is_none() && paths.queue.try_exists()? {
        *turn = Turn::attempt(&paths.queue)?;
        if turn.is_none() {
            return Ok(None);
        }
    }
    let file = LockFile::attempt(&paths.lock, mode)?;
    if file.is_none() && turn.is_none() {
        *turn = Turn::attempt(&paths.queue)?;
    }
    Ok(file)
}

/// Pauses between attempts, each cut by chance so that waiters do not march in step.
///
/// Whoever is next looks often. The others look more often the longer they wait: were it the other way round, those who
/// have just come would be next again and again, and the oldest for ever last.
struct Pause {
    longest: Duration,
}

impl Pause {
    const NEXT: Duration = Duration::from_millis(1);
    const FIRST: Duration = Duration::from_millis(12);
    const LAST: Duration = Duration::from_millis(2);

    const fn new() -> Self {
        Self {
            longest: Self::FIRST,
        }
    }

    fn after(&mut self, is_next: bool) -> Duration {
        let longest = if is_next { Self::NEXT } else { self.longest };
        self.longest = (self.longest * 3 / 4).max(Self::LAST);
        let chance = uuid::Uuid::new_v4().as_bytes()[0];
        longest / 2 + longest / 512 * u32::from(chance)
    }
}

fn modified(path: &Path) -> std::io::Result<Timestamp> {
    let since = std::fs::metadata(path)?
        .modified()?
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_nanoseconds(i128::try_from(since.as_nanos()).unwrap_or_default())
        .map_err(std::io::Error::other)
}
