//! A temporary folder of objects, gone when it is dropped: for what is not yet, or not for long.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyperslab_core::{Error, Result};
use tempfile::TempDir;

use crate::convenience::{check_keys, not_there, those_there};
use crate::hashing::drain;
use crate::reader::{ReadAt, Streamed};
use crate::{
    BlobInfo, BlobKey, BlobKeys, BlobReader, BlobRepository, BlobStat, BlobUsage, KeyFormat,
    Missing, Placement, Put,
};

/// Objects in a temporary folder, a file each, under random keys: equal content is kept as often as it was put. Nothing is synced.
///
/// The folder is made when the first object is put; asking makes nothing.
///
/// ```
/// use hyperslab_blobs::{Blobs, SandboxBlobs};
///
/// let sandbox = SandboxBlobs::new();
/// let (one, other) = (sandbox.put_bytes(b"draft")?, sandbox.put_bytes(b"draft")?);
/// assert_ne!(one.key, other.key);
/// assert_eq!(one.sha256, other.sha256);
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct SandboxBlobs {
    parent: Option<PathBuf>,
    folder: Mutex<Option<TempDir>>,
}

impl SandboxBlobs {
    /// In the folder for temporary files of the system.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// In that folder, which must be there when the first object is put.
    #[must_use]
    pub fn within(parent: impl Into<PathBuf>) -> Self {
        Self {
            parent: Some(parent.into()),
            folder: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<TempDir>> {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder, if it has been made.
    fn folder(&self) -> Option<PathBuf> {
        self.lock().as_ref().map(|folder| folder.path().to_owned())
    }

    /// The folder, which is made.
    fn made(&self) -> Result<PathBuf> {
        let mut folder = self.lock();
        if let Some(folder) = folder.as_ref() {
            return Ok(folder.path().to_owned());
        }
        let parent = self.parent.clone().unwrap_or_else(std::env::temp_dir);
        let made = TempDir::with_prefix_in("hyperslab-blobs-", &parent)
            .map_err(|source| Error::io("create a folder in", parent.display(), source))?;
        Ok(folder.insert(made).path().to_owned())
    }

    /// The size of the file of an object, if it is there.
    fn size_of(&self, key: &BlobKey) -> Result<Option<u64>> {
        let Some(folder) = self.folder() else {
            return Ok(None);
        };
        let path = folder.join(&*key.text());
        match std::fs::metadata(&path) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::io("read", path.display(), source)),
        }
    }
}

impl ReadAt for File {
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, out, offset)
    }
}

impl BlobRepository for SandboxBlobs {
    fn info(&self) -> BlobInfo {
        BlobInfo {
            id: None,
            key_format: KeyFormat::Uuid4,
            read_only: false,
        }
    }

    fn put(&self, source: &mut dyn Read) -> Result<Put> {
        let folder = self.made()?;
        let fail = |error| Error::io("write", folder.display(), error);
        // Nobody sees it before it is whole.
        let mut file = tempfile::Builder::new()
            .prefix(".")
            .tempfile_in(&folder)
            .map_err(fail)?;
        let (size, sha256) =
            drain(source, |block| file.write_all(block)).map_err(|broken| broken.error(fail))?;
        let key = BlobKey::random();
        file.persist_noclobber(folder.join(&*key.text()))
            .map_err(|error| fail(error.error))?;
        Ok(Put {
            key,
            size,
            sha256,
            existed: false,
        })
    }

    fn stat_many(&self, keys: &[BlobKey]) -> Result<Vec<Option<BlobStat>>> {
        check_keys(self, keys)?;
        let stat = |key| {
            let size = self.size_of(key)?;
            Ok(size.map(|size| BlobStat {
                size,
                placement: Placement::Loose,
            }))
        };
        keys.iter().map(stat).collect()
    }

    fn open(&self, key: &BlobKey) -> Result<Box<dyn BlobReader>> {
        check_keys(self, std::slice::from_ref(key))?;
        let path = self.folder().map(|folder| folder.join(&*key.text()));
        let opened = path.map_or_else(|| Err(io::ErrorKind::NotFound.into()), File::open);
        let fail = |source| Error::io("open", format_args!("object {key}"), source);
        match opened {
            Ok(file) => {
                let size = file.metadata().map_err(fail)?.len();
                Ok(Box::new(Streamed::new(file, size)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(not_there(key)),
            Err(error) => Err(fail(error)),
        }
    }

    fn list(&self) -> Result<BlobKeys<'_>> {
        let Some(folder) = self.folder() else {
            return Ok(Box::new(std::iter::empty()));
        };
        let keys = names_in(&folder)?.into_iter().filter_map(|name| {
            let key = BlobKey::parse(KeyFormat::Uuid4, &name);
            // What is being written has another name.
            key.ok().map(Ok)
        });
        Ok(Box::new(keys))
    }

    fn delete_many(&self, keys: &[BlobKey], missing: Missing) -> Result<u64> {
        let found = self.stat_many(keys)?;
        let there = those_there(keys, &found, missing)?;
        let Some(folder) = self.folder() else {
            return Ok(0);
        };
        let mut count = 0;
        for key in there {
            match std::fs::remove_file(folder.join(&*key.text())) {
                Ok(()) => count += 1,
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(Error::io("delete", format_args!("object {key}"), source));
                }
            }
        }
        Ok(count)
    }

    fn usage(&self) -> Result<BlobUsage> {
        let mut usage = BlobUsage::default();
        for key in self.list()? {
            if let Some(size) = self.size_of(&key?)? {
                usage.objects += 1;
                usage.content_bytes += size;
                usage.stored_bytes += size;
            }
        }
        Ok(usage)
    }

    fn erase(&self) -> Result<()> {
        match self.lock().take() {
            None => Ok(()),
            Some(folder) => {
                let path = folder.path().to_owned();
                folder
                    .close()
                    .map_err(|source| Error::io("delete", path.display(), source))
            }
        }
    }
}

fn names_in(folder: &Path) -> Result<Vec<String>> {
    let fail = |source| Error::io("list", folder.display(), source);
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    let name = |entry: io::Result<std::fs::DirEntry>| {
        Ok(entry
            .map_err(fail)?
            .file_name()
            .to_string_lossy()
            .into_owned())
    };
    entries.map(name).collect()
}
