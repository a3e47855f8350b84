//! Where a store lies: a folder, memory, or a bucket.

mod bucket;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyperslab_core::{Error, Result};
use object_store::ObjectStore;

#[cfg(feature = "cloud")]
pub use self::bucket::BucketClients;
pub use self::bucket::BucketDefaults;
use crate::objects::Objects;
use crate::objects::local::{self, LocalObjects};
use crate::objects::patient::{Patience, Patient};
use crate::objects::remote::{RemoteObjects, Versioning};

/// How long a store that is reached through a network is waited for. Large objects have a second more for each MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For one call to a server that has never answered, with all its attempts: what a person waits for after a mistake in
    /// the address. 10 s if not set.
    pub open: Duration,
    /// For one call, with all its attempts. 60 s if not set.
    pub call: Duration,
    /// For one attempt, before another one is made. 20 s if not set.
    pub attempt: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let patience = Patience::default();
        Self {
            open: patience.first_answer,
            call: patience.deadline,
            attempt: patience.attempt,
        }
    }
}

/// Who is asked for the objects of a bucket.
struct Server {
    store: Arc<dyn ObjectStore>,
    versioning: Versioning,
    /// Its URL, where messages should name it.
    endpoint: Option<String>,
}

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
        local::make_root(path).map_err(fail)?;
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

    /// The objects of any store below a prefix, which messages call `url`; it must not hold a secret. Failures that pass
    /// are waited out here, so the store should not retry by itself.
    ///
    /// # Errors
    /// `InvalidInput` when the prefix cannot be one.
    pub fn of(store: Arc<dyn ObjectStore>, prefix: &str, url: &str) -> Result<Self> {
        Self::of_with(store, prefix, url, &Timeouts::default())
    }

    /// As [`Medium::of`], with limits of one's own.
    ///
    /// # Errors
    /// `InvalidInput` when the prefix cannot be one.
    pub fn of_with(
        store: Arc<dyn ObjectStore>,
        prefix: &str,
        url: &str,
        timeouts: &Timeouts,
    ) -> Result<Self> {
        let server = Server {
            store,
            versioning: Versioning::ETag,
            endpoint: None,
        };
        Self::remote(server, prefix, url, timeouts)
    }

    fn remote(server: Server, prefix: &str, url: &str, timeouts: &Timeouts) -> Result<Self> {
        let objects = RemoteObjects::new(server.store, prefix, url, server.versioning)?
            .with_idle(timeouts.attempt);
        let patience = Patience {
            first_answer: timeouts.open,
            deadline: timeouts.call,
            attempt: timeouts.attempt,
            server: server.endpoint,
            ..Patience::default()
        };
        Ok(Self::new(Patient::new(objects, patience)))
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
