//! Where manifests lie: small documents, each changed as a whole, by one of several at a time.

use std::fmt::Debug;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use hyperslab_core::{Error, Result};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};
use tokio::runtime::Handle;

/// The folder of manifests.
const MANIFESTS: &str = "manifests";

/// What is locked, shared, by whoever attaches, and alone by whoever collects.
const COLLECTING: &str = "collecting";

/// How often a lock is tried again, and how long for the last step of a collection.
const PAUSE: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// Which state of a document.
#[derive(Debug, Clone)]
pub(super) enum Version {
    /// The one with these bytes.
    Bytes(Vec<u8>),
    /// The one that the store calls so.
    Tag(UpdateVersion),
}

/// Documents by name.
pub(super) trait Documents: Debug + Send + Sync {
    /// A document, if it is there.
    fn read(&self, name: &str) -> Result<Option<(Vec<u8>, Version)>>;

    /// Writes a document where there is none, or in the place of a state of it; false when there is another one by now.
    fn swap(
        &self,
        name: &str,
        expected: Option<&Version>,
        text: &[u8],
        patience: Duration,
    ) -> Result<bool>;

    /// The names of all.
    fn list(&self) -> Result<Vec<String>>;

    /// Removes a document, if it is in that state.
    fn remove(&self, name: &str, expected: &Version) -> Result<()>;

    /// Keeps out whoever collects, from the first object that is put until it is named, where that can be.
    fn attaching(&self, patience: Duration) -> Result<Option<File>>;

    /// Keeps out whoever attaches, where that can be.
    fn collecting(&self, patience: Duration) -> Result<Option<File>>;

    /// Keeps out whoever makes the repository, where that can be.
    fn making(&self, patience: Duration) -> Result<Option<File>>;
}

/// In a folder: whoever changes one holds a lock of the system.
#[derive(Debug)]
pub(super) struct OnDisk {
    folder: PathBuf,
}

impl OnDisk {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(MANIFESTS).join(name)
    }

    /// Locks a file by that, once it can.
    ///
    /// # Errors
    /// `Locked` when others hold it for longer.
    fn lock(
        &self,
        name: &str,
        patience: Duration,
        lock: fn(&File) -> Result<(), TryLockError>,
    ) -> Result<File> {
        make_all(&self.folder)?;
        let path = self.folder.join(name);
        let fail = |source| Error::io("lock", path.display(), source);
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        let file = opened.map_err(fail)?;
        let begun = Instant::now();
        loop {
            match lock(&file) {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(source)) => return Err(fail(source)),
                Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => {
                    return Err(Error::locked(format!(
                        "what is attached is being changed or collected by others ({} is locked); wait, and try again",
                        path.display()
                    )));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn current(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        // A pipe would be waited for, and a link that leads nowhere taken for nothing.
        let read = std::fs::symlink_metadata(&path).and_then(|found| match found.is_file() {
            true => std::fs::read(&path).map(Some),
            false => Ok(None),
        });
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Ok(None) => Err(Error::corrupt(format!(
                "the attachments in {name}: it is no file; restore them from a copy"
            ))),
            text => text.map_err(|source| Error::io("read", path.display(), source)),
        }
    }

    fn is_expected(&self, name: &str, expected: Option<&Version>) -> Result<bool> {
        Ok(match (self.current(name)?, expected) {
            (None, None) => true,
            (Some(now), Some(Version::Bytes(then))) => now == *then,
            _ => false,
        })
    }
}

impl Documents for OnDisk {
    fn read(&self, name: &str) -> Result<Option<(Vec<u8>, Version)>> {
        let text = self.current(name)?;
        Ok(text.map(|text| (text.clone(), Version::Bytes(text))))
    }

    fn swap(
        &self,
        name: &str,
        expected: Option<&Version>,
        text: &[u8],
        patience: Duration,
    ) -> Result<bool> {
        let _lock = self.lock("lock", patience, File::try_lock)?;
        if !self.is_expected(name, expected)? {
            return Ok(false);
        }
        let path = self.path(name);
        let fail = |source| Error::io("write", path.display(), source);
        let folder = path.parent().unwrap_or(&self.folder);
        make_all(folder)?;
        let mut file = tempfile::Builder::new()
            .permissions(permissions())
            .tempfile_in(&self.folder)
            .map_err(fail)?;
        file.write_all(text).map_err(fail)?;
        file.as_file().sync_all().map_err(fail)?;
        file.persist(&path).map_err(|error| fail(error.error))?;
        sync(folder)?;
        Ok(true)
    }

    fn list(&self) -> Result<Vec<String>> {
        let root = self.folder.join(MANIFESTS);
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let fail = |source| Error::io("list", folder.display(), source);
            let entries = match std::fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(fail)?,
            };
            for entry in entries {
                let entry = entry.map_err(fail)?;
                let is_folder = entry.file_type().map_err(fail)?.is_dir();
                if is_folder && !is_manifest(&entry.path()) {
                    folders.push(entry.path());
                } else if let Ok(name) = entry.path().strip_prefix(&root) {
                    found.push(name.to_string_lossy().into_owned());
                }
            }
        }
        found.retain(|name| is_manifest(Path::new(name)));
        Ok(found)
    }

    fn remove(&self, name: &str, expected: &Version) -> Result<()> {
        let _lock = self.lock("lock", PATIENCE, File::try_lock)?;
        if !self.is_expected(name, Some(expected))? {
            return Ok(());
        }
        let path = self.path(name);
        std::fs::remove_file(&path).map_err(|source| Error::io("delete", path.display(), source))
    }

    fn attaching(&self, patience: Duration) -> Result<Option<File>> {
        self.lock(COLLECTING, patience, File::try_lock_shared)
            .map(Some)
    }

    fn collecting(&self, patience: Duration) -> Result<Option<File>> {
        self.lock(COLLECTING, patience, File::try_lock).map(Some)
    }

    fn making(&self, patience: Duration) -> Result<Option<File>> {
        self.lock("lock", patience, File::try_lock).map(Some)
    }
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

fn permissions() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o666)
}

/// Makes a folder, with all above it that are not there, and their names safe.
fn make_all(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make_all(parent)?;
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::io("create", folder.display(), error))
        }
        _ => sync(parent),
    }
}

fn sync(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|opened| opened.sync_all())
        .map_err(|source| Error::io("sync", folder.display(), source))
}

/// In a bucket: a document is put under the condition that it is in the state that was read.
#[derive(Debug)]
pub(super) struct InBucket {
    store: Arc<dyn ObjectStore>,
    folder: Key,
    runtime: Handle,
}

impl InBucket {
    pub(super) fn new(store: Arc<dyn ObjectStore>, folder: Key, runtime: Handle) -> Self {
        Self {
            store,
            folder: folder.join(MANIFESTS),
            runtime,
        }
    }

    fn key(&self, name: &str) -> Key {
        let parts = name.split('/');
        parts.fold(self.folder.clone(), |key, part| key.join(part))
    }
}

impl Documents for InBucket {
    fn read(&self, name: &str) -> Result<Option<(Vec<u8>, Version)>> {
        let key = self.key(name);
        let read = async {
            let found = match self.store.get(&key).await {
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                found => found?,
            };
            let version = UpdateVersion {
                e_tag: found.meta.e_tag.clone(),
                version: found.meta.version.clone(),
            };
            Ok(Some((found.bytes().await?.to_vec(), Version::Tag(version))))
        };
        let read = self.runtime.block_on(read);
        read.map_err(|error| crate::blobs::bucket_error("read", &key, &error))
    }

    fn swap(
        &self,
        name: &str,
        expected: Option<&Version>,
        text: &[u8],
        _patience: Duration,
    ) -> Result<bool> {
        let key = self.key(name);
        let mode = match expected {
            None => PutMode::Create,
            Some(Version::Tag(version)) => PutMode::Update(version.clone()),
            Some(Version::Bytes(_)) => return Ok(false),
        };
        let put = self
            .store
            .put_opts(&key, text.to_vec().into(), PutOptions::from(mode));
        match self.runtime.block_on(put) {
            Ok(_) => Ok(true),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) => {
                // It may be ours: an answer that was lost, and the put tried again.
                Ok(self.read(name)?.is_some_and(|(now, _)| now == text))
            }
            Err(error) => Err(crate::blobs::bucket_error("write", &key, &error)),
        }
    }

    fn list(&self) -> Result<Vec<String>> {
        let listed = self.store.list(Some(&self.folder));
        let listed = self.runtime.block_on(listed.try_collect::<Vec<_>>());
        let listed =
            listed.map_err(|error| crate::blobs::bucket_error("list", &self.folder, &error))?;
        let names = listed.iter().filter_map(|found| {
            let parts = found.location.prefix_match(&self.folder)?;
            let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
            Some(parts.join("/"))
        });
        Ok(names.filter(|name| name.ends_with(".json")).collect())
    }

    fn remove(&self, name: &str, _expected: &Version) -> Result<()> {
        let key = self.key(name);
        match self.runtime.block_on(self.store.delete(&key)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(crate::blobs::bucket_error("delete", &key, &error)),
        }
    }

    fn attaching(&self, _patience: Duration) -> Result<Option<File>> {
        Ok(None)
    }

    fn collecting(&self, _patience: Duration) -> Result<Option<File>> {
        Ok(None)
    }

    fn making(&self, _patience: Duration) -> Result<Option<File>> {
        Ok(None)
    }
}
