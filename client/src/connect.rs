//! From a URL to a store.

use std::sync::Arc;

use hyperslab_core::{Error, MemoryAdapter, Result, StorageAdapter, Store, StoreOptions};

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
        let location = Location::parse(url)?;
        run(move || open(&location), options).await
    }

    async fn create_with(url: &str, options: StoreOptions) -> Result<Self> {
        let location = Location::parse(url)?;
        run(move || create(&location), options).await
    }
}

/// Runs the file operations of opening where they may block.
async fn run(
    connect: impl FnOnce() -> Result<Arc<dyn StorageAdapter>> + Send + 'static,
    options: StoreOptions,
) -> Result<Store> {
    let adapter = tokio::task::spawn_blocking(connect)
        .await
        .map_err(|error| Error::internal(format!("opening the store stopped: {error}")))??;
    Ok(Store::new(adapter, options))
}

fn open(location: &Location) -> Result<Arc<dyn StorageAdapter>> {
    match location {
        Location::Memory => Ok(Arc::new(MemoryAdapter::new())),
        Location::Disk(_) => Err(no_disk()),
    }
}

fn create(location: &Location) -> Result<Arc<dyn StorageAdapter>> {
    match location {
        Location::Memory => Ok(Arc::new(MemoryAdapter::new())),
        Location::Disk(_) => Err(no_disk()),
    }
}

fn no_disk() -> Error {
    Error::unsupported("this build has no adapter for a disk; build with the feature `hdf5`")
}
