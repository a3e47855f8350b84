//! Where a store lies: a folder, memory, or a bucket.

use std::sync::Arc;

use hyperslab_core::Result;
use object_store::ObjectStore;

use crate::objects::{Objects, RemoteObjects, Versioning};

/// Where a store lies. Cheap to clone; clones are the same place.
#[derive(Debug, Clone)]
pub struct Medium {
    objects: Arc<dyn Objects>,
}

impl Medium {
    /// The memory of this process: empty, and gone with the last clone.
    #[must_use]
    pub fn memory() -> Self {
        Self {
            objects: Arc::new(RemoteObjects::memory()),
        }
    }

    /// The objects of any store below a prefix, which messages call `url`; it must not hold a secret.
    ///
    /// # Errors
    /// `InvalidInput` when the prefix cannot be one.
    pub fn of(store: Arc<dyn ObjectStore>, prefix: &str, url: &str) -> Result<Self> {
        let objects = RemoteObjects::new(store, prefix, url, Versioning::ETag)?;
        Ok(Self {
            objects: Arc::new(objects),
        })
    }

    pub(crate) fn objects(&self) -> Arc<dyn Objects> {
        Arc::clone(&self.objects)
    }
}
