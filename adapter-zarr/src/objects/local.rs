//! Objects as files below a folder of a disk: the key is the path.
//!
//! A put writes a temporary file and renames it, so readers see whole objects without a lock. Conditions are decided under a
//! lock of the operating system on one of 256 files, chosen by the key, which dies with its process. Opening writes nothing.

mod files;
mod folders;
mod leftover;
mod list;
mod publish;
mod read;
mod stripe;

use std::fmt::Debug;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use hyperslab_core::{Begun, Durability, Error, Pace, Result, WriterScope, blocking};
use hyperslab_engine::ObjectId;

use crate::compute::may_wait;

use self::folders::SafeFolders;
use self::stripe::Stripes;
use super::at_hand::AtHand;
use super::body::Body;
use super::key::{check_key, check_prefix};
use super::{
    Condition, Files, Level, Listed, Object, Objects, Promises, Put, Ranges, Tail, Version,
};

/// The folder of machinery in the root.
const MACHINERY: &str = ".hyperslab";
/// The folder of temporary files in the machinery.
const TEMPORARIES: &str = "tmp";
/// The folder of lock files in the machinery.
const STRIPES: &str = "stripes";

/// The objects in a folder.
#[derive(Debug)]
pub(crate) struct LocalObjects {
    disk: Arc<Disk>,
    url: String,
}

/// What the threads that wait for the disk share.
#[derive(Debug)]
struct Disk {
    root: PathBuf,
    stripes: Stripes,
    safe: SafeFolders,
    swept: AtomicBool,
    pace: Pace,
}

/// Makes the folder of a store, and the names on the way to it safe as far as they were made now.
pub(crate) fn make_root(root: &Path) -> io::Result<()> {
    let root = std::path::absolute(root)?;
    let missing = root.ancestors().take_while(|folder| !folder.exists());
    // Its own name in any case: who made it may not have come so far.
    let made = missing.count().max(1);
    std::fs::create_dir_all(&root)?;
    for folder in root.ancestors().skip(1).take(made) {
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            // A folder in which one may do everything but look.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

impl LocalObjects {
    /// The objects in an existing folder. Writes nothing.
    ///
    /// # Errors
    /// `NotFound` when there is no such folder, `Denied`, `Unavailable`.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let fail = |source| Error::io("open", root.display(), source);
        let root = std::fs::canonicalize(root).map_err(fail)?;
        let stripes = Stripes::new(&root).map_err(fail)?;
        let url = format!("file://{}", root.display());
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            disk: Arc::new(Disk {
                root,
                stripes,
                safe: SafeFolders::default(),
                swept: AtomicBool::new(false),
                pace: Pace::default(),
            }),
        })
    }

    /// Waits for the disk on a thread that may wait.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if may_wait() {
            return work(&self.disk);
        }
        let disk = Arc::clone(&self.disk);
        blocking(move || work(&disk)).await
    }

    /// The same for what is short, if the disk answers at once.
    async fn soon<T: Send + 'static>(
        &self,
        begin: impl FnOnce(&Disk) -> Result<Begun<T>> + Send + 'static,
    ) -> Result<T> {
        if may_wait() {
            return begin(&self.disk)?.finish();
        }
        let disk = Arc::clone(&self.disk);
        self.disk.pace.run(move || begin(&disk)).await
    }
}

impl Disk {
    /// Where an object lies.
    fn path(&self, key: &str) -> Result<PathBuf> {
        check_key(key)?;
        if is_machinery(key) {
            return Err(Error::invalid(format!(
                "'{key}' cannot be the key of an object: the folder is used for temporary files and locks"
            )));
        }
        Ok(self.root.join(key))
    }

    fn machinery(&self, folder: &str) -> PathBuf {
        self.root.join(MACHINERY).join(folder)
    }
}

/// Whether a key or prefix lies in what the medium needs for itself.
fn is_machinery(key: &str) -> bool {
    let mut parts = key.split('/');
    parts.next() == Some(MACHINERY) && matches!(parts.next(), Some(TEMPORARIES | STRIPES))
}

/// The identity of a file. Each put sets a time of modification that no earlier put had, because the number of a deleted
/// file is given to the next one, and the clock of the file system may tick only each few milliseconds.
fn version_of(metadata: &Metadata) -> Version {
    Version::new(format!(
        "{:x}-{:x}.{:x}-{:x}-{:x}.{:x}",
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.size(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ))
}

#[async_trait]
impl Objects for LocalObjects {
    fn url(&self) -> &str {
        &self.url
    }

    fn promises(&self) -> Promises {
        Promises {
            writers: if self.disk.stripes.are_shared() {
                WriterScope::Host
            } else {
                WriterScope::Process
            },
            conditional_delete: true,
            distinct_versions: true,
            persistent: true,
        }
    }

    fn identity(&self) -> ObjectId {
        // Two folders that had this name one after the other have other files, and files have numbers and times.
        ObjectId::of(&self.url)
    }

    fn at_hand(&self) -> Option<Arc<dyn AtHand>> {
        Some(Arc::clone(&self.disk) as Arc<dyn AtHand>)
    }

    async fn get(&self, key: &str) -> Result<Option<Object>> {
        let key = key.to_owned();
        self.soon(move |disk| disk.begin_read_whole(&key)).await
    }

    async fn get_ranges(
        &self,
        key: &str,
        ranges: &[Range<u64>],
        expected: Option<&Version>,
    ) -> Result<Ranges> {
        let (key, ranges, expected) = (key.to_owned(), ranges.to_vec(), expected.cloned());
        self.on_disk(move |disk| disk.read_ranges(&key, &ranges, expected.as_ref()))
            .await
    }

    async fn get_tail(&self, key: &str, length: u64) -> Result<Option<Tail>> {
        let key = key.to_owned();
        self.on_disk(move |disk| disk.read_tail(&key, length)).await
    }

    async fn version(&self, key: &str) -> Result<Option<Version>> {
        let key = key.to_owned();
        self.soon(move |disk| disk.state(&key).map(Begun::Done))
            .await
    }

    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: Condition,
        durability: Durability,
    ) -> Result<Put> {
        let key = key.to_owned();
        self.on_disk(move |disk| disk.put(&key, &bytes, &condition, durability))
            .await
    }

    async fn put_new(&self, objects: Vec<(String, Body)>, durability: Durability) -> Result<()> {
        self.on_disk(move |disk| disk.put_new(&objects, durability))
            .await
    }

    async fn delete(&self, keys: Vec<String>, durability: Durability) -> Result<()> {
        self.on_disk(move |disk| {
            let paths = keys.iter().map(|key| disk.path(key));
            let paths = paths.collect::<Result<Vec<_>>>()?;
            for path in &paths {
                disk.delete(path)?;
            }
            disk.sync_names(&paths, durability)
        })
        .await
    }

    async fn delete_if(
        &self,
        key: &str,
        version: &Version,
        durability: Durability,
    ) -> Result<bool> {
        let (key, version) = (key.to_owned(), version.clone());
        self.on_disk(move |disk| disk.delete_if(&key, &version, durability))
            .await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Listed>> {
        list::below(self, prefix)
    }

    async fn list_level(&self, prefix: &str) -> Result<Level> {
        check_prefix(prefix)?;
        let prefix = prefix.to_owned();
        self.on_disk(move |disk| disk.level(&prefix)).await
    }

    fn files(&self) -> Option<&dyn Files> {
        Some(self)
    }
}

#[cfg(test)]
mod tests;
