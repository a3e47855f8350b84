//! From a URL to a store.

use std::sync::Arc;

#[cfg(feature = "hdf5")]
use hyperslab_core::RandomIds;
use hyperslab_core::{MemoryAdapter, Result, StorageAdapter, Store, StoreOptions};
#[cfg(feature = "hdf5")]
use hyperslab_hdf5::Hdf5Adapter;

use crate::location::Location;

/// The adapters compiled in, by the names that `hyperslab create --adapter` takes.
pub const ADAPTERS: &[&str] = &[
    #[cfg(feature = "hdf5")]
    "hdf5",
    "memory",
];

/// Opens and creates stores by URL: `Store::open("./data")`.
///
/// A URL is `file:///path`, `memory://`, or a plain path. Every `memory://` is a new, empty store that goes with its last
/// handle.
pub trait Connect: Sized {
    /// Opens a store.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Unsupported` when a newer version of hyperslab made it, `InvalidInput` for a URL that
    /// makes no sense.
    #[must_use = "a store is opened when this is awaited"]
    fn open(url: &str) -> impl Future<Output = Result<Self>> + Send {
        Self::open_with(url, StoreOptions::default())
    }

    /// Opens a store to be used in a certain way.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[must_use = "a store is opened when this is awaited"]
    fn open_with(url: &str, options: StoreOptions) -> impl Future<Output = Result<Self>> + Send;

    /// Creates a store where nothing is, or an empty folder, and opens it.
    ///
    /// # Errors
    /// `AlreadyExists` when something is there, `Denied`, `InvalidInput`.
    #[must_use = "a store is created when this is awaited"]
    fn create(url: &str) -> impl Future<Output = Result<Self>> + Send {
        Self::create_with(url, StoreOptions::default())
    }

    /// Creates a store, to be used in a certain way.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    #[must_use = "a store is created when this is awaited"]
    fn create_with(url: &str, options: StoreOptions) -> impl Future<Output = Result<Self>> + Send;
}

impl Connect for Store {
    async fn open_with(url: &str, options: StoreOptions) -> Result<Self> {
        let adapter = open(&Location::parse(url)?).await?;
        Ok(Self::new(adapter, options))
    }

    async fn create_with(url: &str, options: StoreOptions) -> Result<Self> {
        let adapter = create(&Location::parse(url)?).await?;
        Ok(Self::new(adapter, options))
    }
}

async fn open(location: &Location) -> Result<Arc<dyn StorageAdapter>> {
    match location {
        Location::Memory => Ok(Arc::new(MemoryAdapter::new())),
        #[cfg(feature = "hdf5")]
        Location::Disk(path) => Ok(Arc::new(Hdf5Adapter::open(path).await?)),
        #[cfg(not(feature = "hdf5"))]
        Location::Disk(_) => Err(no_disk()),
    }
}

async fn create(location: &Location) -> Result<Arc<dyn StorageAdapter>> {
    match location {
        Location::Memory => Ok(Arc::new(MemoryAdapter::new())),
        #[cfg(feature = "hdf5")]
        Location::Disk(path) => Ok(Arc::new(
            Hdf5Adapter::create(path, Arc::new(RandomIds)).await?,
        )),
        #[cfg(not(feature = "hdf5"))]
        Location::Disk(_) => Err(no_disk()),
    }
}

#[cfg(not(feature = "hdf5"))]
fn no_disk() -> hyperslab_core::Error {
    hyperslab_core::Error::unsupported(
        "this build has no adapter for a disk; build with the feature `hdf5`",
    )
}
