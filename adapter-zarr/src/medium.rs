//! Where a store lies: a folder, memory, or a bucket.

use std::path::Path;
use std::sync::Arc;

use hyperslab_core::{Error, Result};
use object_store::ObjectStore;

use crate::objects::Objects;
use crate::objects::local::LocalObjects;
use crate::objects::patient::{Patience, Patient};
use crate::objects::remote::{RemoteObjects, Versioning};

/// Where a store lies. Cheap to clone; clones are the same place.
#[derive(Debug, Clone)]
pub struct Medium {
    objects: Arc<dyn Objects>,
}

impl Medium {
    /// The memory of this process: empty, and gone with the last clone.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(RemoteObjects::memory())
    }

    /// An existing folder of a disk. Nothing is written to it yet.
    ///
    /// # Errors
    /// `NotFound` when there is no such folder, `Denied`, `Unavailable`.
    pub fn folder(path: &Path) -> Result<Self> {
        LocalObjects::open(path).map(Self::new)
    }

    /// A folder of a disk, which is made if it is missing.
    ///
    /// # Errors
    /// `AlreadyExists` when it is not empty, `Denied`, `Unavailable`.
    pub fn new_folder(path: &Path) -> Result<Self> {
        let fail = |error| Error::io("create", path.display(), error);
        std::fs::create_dir_all(path).map_err(fail)?;
        let mut entries = std::fs::read_dir(path).map_err(fail)?;
        // The machinery may be that of another call that creates the store at this moment.
        let foreign = entries
            .any(|entry| entry.is_ok_and(|entry| entry.file_name() != crate::layout::MACHINERY));
        if foreign {
            return Err(Error::already_exists(format!(
                "{} is not empty; choose a new folder for the store",
                path.display()
            )));
        }
        Self::folder(path)
    }

    // STUB, to be replaced by the real one, which is being written beside this.
    /// A bucket by URL, with credentials from the environment.
    ///
    /// # Errors
    /// `Unsupported`.
    #[cfg(feature = "cloud")]
    pub fn bucket(_url: &str) -> Result<Self> {
        Err(Error::unsupported("buckets cannot be reached yet"))
    }

    /// The objects of any store below a prefix, which messages call `url`; it must not hold a secret. Failures that pass
    /// are waited out here, so the store should not retry by itself.
    ///
    /// # Errors
    /// `InvalidInput` when the prefix cannot be one.
    pub fn of(store: Arc<dyn ObjectStore>, prefix: &str, url: &str) -> Result<Self> {
        let objects = RemoteObjects::new(store, prefix, url, Versioning::ETag)?;
        Ok(Self::new(Patient::new(objects, Patience::default())))
    }

    fn new(objects: impl Objects) -> Self {
        Self {
            objects: Arc::new(objects),
        }
    }

    pub(crate) fn objects(&self) -> Arc<dyn Objects> {
        Arc::clone(&self.objects)
    }
}
