//! A file of another program, open as long as it is what its path names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use hdf5::File;
use hyperslab_core::{Error, Result};

use super::h5;
use crate::cache::FileIdentity;

/// The sources of this process by the path of the file.
///
/// The HDF5 library shares what it knows of a file among all who have it open. So all go through one handle, which is closed
/// when the file was changed: with another one still open, the library would not look at the file again.
static SOURCES: LazyLock<Mutex<HashMap<PathBuf, Weak<Source>>>> = LazyLock::new(Mutex::default);

/// A file that is opened anew when it was changed.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    open: Mutex<Option<(FileIdentity, File)>>,
}

impl Source {
    /// Opens a file, or shares one that is open.
    ///
    /// # Errors
    /// As [`h5::open`].
    pub(super) fn open(path: &Path) -> Result<Arc<Self>> {
        let found = std::fs::canonicalize(path)
            .map_err(|source| Error::io("open", path.display(), source))?;
        let source = {
            let mut sources = lock(&SOURCES);
            if let Some(known) = sources.get(&found).and_then(Weak::upgrade) {
                known
            } else {
                sources.retain(|_, source| source.strong_count() > 0);
                let made = Arc::new(Self {
                    path: path.to_owned(),
                    open: Mutex::default(),
                });
                sources.insert(found, Arc::downgrade(&made));
                made
            }
        };
        source.with(|_, _| Ok(()))?;
        Ok(source)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the path names now.
    ///
    /// # Errors
    /// `NotFound`, `Denied`.
    pub(super) fn identity(&self) -> Result<FileIdentity> {
        let metadata = std::fs::metadata(&self.path)
            .map_err(|source| Error::io("open", self.path.display(), source))?;
        Ok(FileIdentity::of(&metadata))
    }

    /// Runs `work` with the file as it is now. No handle of the library leaves it.
    ///
    /// # Errors
    /// Those of `work`, and of opening the file again.
    pub(super) fn with<T>(&self, work: impl FnOnce(&File, FileIdentity) -> Result<T>) -> Result<T> {
        let now = self.identity()?;
        let mut open = lock(&self.open);
        if open.as_ref().is_some_and(|(known, _)| *known != now) {
            // Closed before it is opened again.
            *open = None;
        }
        let file = match open.take() {
            Some((_, file)) => file,
            None => h5::open(&self.path)?,
        };
        let (_, file) = open.insert((now, file));
        work(file, now)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
