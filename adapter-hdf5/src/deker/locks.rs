//! Who holds what: our own locks, and the marks that readers and writers of Deker leave.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use hyperslab_core::{
    Error, LockCapabilities, LockGuard, LockInfo, LockKey, LockManager, LockMode, LockRequest,
    Result, Timestamp, blocking,
};

use super::folders::Kind;
use super::guard::{READ_MARK, WRITE_MARK};
use super::store::{Store, entries_in};

/// The locks of a storage.
#[derive(Debug)]
pub(super) struct DekerLocks {
    store: Arc<Store>,
}

/// A mark beside the file of an array.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) path: PathBuf,
    pub(super) info: LockInfo,
}

impl DekerLocks {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl LockManager for DekerLocks {
    fn capabilities(&self) -> LockCapabilities {
        self.store.locks.capabilities()
    }

    async fn acquire(&self, request: LockRequest) -> Result<LockGuard> {
        self.store.lock(request).await
    }

    async fn release(&self, guard: LockGuard) {
        self.store.locks.release(guard).await;
    }

    async fn holders(&self) -> Result<Vec<LockInfo>> {
        let mut holders = Vec::new();
        if self.store.lock_folder().is_dir() {
            holders = self.store.locks.holders().await?;
        }
        let store = Arc::clone(&self.store);
        let marks = blocking(move || {
            let names = store.list_collections()?;
            names
                .iter()
                .map(|name| marks(&store, name))
                .collect::<Result<Vec<_>>>()
        });
        holders.extend(marks.await?.into_iter().flatten().map(|mark| mark.info));
        Ok(holders)
    }

    async fn break_lock(&self, lock: &LockInfo) -> Result<()> {
        let (store, wanted) = (Arc::clone(&self.store), lock.clone());
        let collection = lock.key.collection.clone();
        let found = blocking(move || {
            let mut marks = marks(&store, &collection)?.into_iter();
            Ok(marks.find(|mark| mark.info.key == wanted.key))
        });
        match found.await? {
            None => self.store.locks.break_lock(lock).await,
            Some(mark) if mark.info.stale => remove(&mark.path),
            Some(mark) => Err(Error::locked(format!(
                "process {} is at work on array {}; end it, or wait",
                mark.info.pid, mark.info.key
            ))),
        }
    }
}

/// Removes a mark.
pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("delete", path.display(), error))
        }
        _ => Ok(()),
    }
}

/// The marks beside the arrays of a collection.
pub(super) fn marks(store: &Store, collection: &str) -> Result<Vec<Mark>> {
    let mut marks = Vec::new();
    for kind in [Kind::Array, Kind::Virtual] {
        let folder = store.folders(collection).data(kind);
        collect(&folder, collection, &mut marks)?;
    }
    Ok(marks)
}

fn collect(folder: &Path, collection: &str, marks: &mut Vec<Mark>) -> Result<()> {
    for (name, is_folder) in entries_in(folder)? {
        let path = folder.join(&name);
        if let Some(info) = info(collection, &name, &path) {
            marks.push(Mark { path, info });
        } else if is_folder {
            collect(&path, collection, marks)?;
        }
    }
    Ok(())
}

/// Who left a mark: the process stands in its name.
fn info(collection: &str, name: &str, path: &Path) -> Option<LockInfo> {
    let (pid, mode) = if let Some(rest) = name.strip_suffix(READ_MARK) {
        (rest.split(':').nth(2)?, LockMode::Shared)
    } else {
        let rest = name.strip_suffix(WRITE_MARK)?;
        (rest.split(':').nth(1)?, LockMode::Exclusive)
    };
    let pid: u32 = pid.parse().ok()?;
    let modified = std::fs::metadata(path).and_then(|found| found.modified());
    let since = modified.ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(LockInfo {
        key: LockKey::array(collection, name),
        mode,
        pid,
        host: "this machine".to_owned(),
        program: "Deker, or hyperslab reading beside it".to_owned(),
        since: Timestamp::from_nanoseconds(i128::try_from(since.as_nanos()).ok()?).ok()?,
        stale: !Path::new("/proc").join(pid.to_string()).exists(),
    })
}
