//! From a URL to a store.

use hyperslab_core::{Error, Result, Store, StoreOptions};
use hyperslab_engine::Engine;

use crate::location::Location;
use crate::media::{self, How};

/// Opens and creates stores by URL: `Store::open("./data")`.
///
/// A URL is `file:///path`, `memory://`, a plain path, `deker+file:///path`, or, with the feature of that cloud, `s3://bucket/prefix`, `gs://` or
/// `az://`. Every `memory://` is a new, empty store that goes with its last handle.
///
/// A netCDF-4 or HDF5 file, or a Zarr group of version 2 or 3 that another program wrote, opens as a store that can only be
/// read: each variable is a collection of one array, called by its path in the file or group.
///
/// A folder that Deker uses opens as the storage that it is, and may be changed while Deker uses it.
///
/// What a bucket's URL does not say may stand in a file, `~/.config/hyperslab/config.toml`: a section named by the beginning of
/// the URL, with its parameters as keys. Credentials come from the environment only.
///
/// A store knows its adapter: nobody who opens one has to. A new one gets the adapter asked for by
/// [`StoreOptions::adapter`] or by `?adapter=NAME` behind the URL, else `hdf5` on a disk, `zarr` in a bucket, and `memory` in
/// memory. [`ADAPTERS`](crate::ADAPTERS) are those of this build.
///
/// ```
/// use hyperslab::prelude::*;
///
/// # async fn example() -> hyperslab::Result<()> {
/// let store = Store::create("memory://?adapter=zarr").await?;
/// assert_eq!(store.info().adapter, "zarr");
/// # Ok(())
/// # }
/// ```
pub trait Connect: Sized {
    /// Opens a store.
    ///
    /// # Errors
    /// `NotFound` when there is none; `Unsupported` when a newer version of hyperslab made it, or it needs an adapter that was
    /// not asked for or not built in; `InvalidInput` for a URL that makes no sense.
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
    /// `AlreadyExists` when something is there; `Unsupported` for an adapter that cannot use the place; `Denied`,
    /// `InvalidInput`.
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
        let wanted = wanted(&location, &options)?;
        let adapter = media::open(&location.place, wanted, &how(&options)).await?;
        Ok(Self::new(adapter, options))
    }

    async fn create_with(url: &str, options: StoreOptions) -> Result<Self> {
        let location = Location::parse(url)?;
        let wanted = wanted(&location, &options)?;
        let adapter = media::create(&location.place, wanted, &how(&options)).await?;
        Ok(Self::new(adapter, options))
    }
}

/// What an adapter has to know of how a store is used.
pub(crate) fn how(options: &StoreOptions) -> How {
    How {
        engine: options.cache_bytes.map_or_else(Engine::shared, Engine::new),
        write: options.write,
    }
}

/// The adapter asked for, by the URL or the options.
pub(crate) fn wanted<'a>(
    location: &'a Location,
    options: &'a StoreOptions,
) -> Result<Option<&'a str>> {
    match (&location.adapter, &options.adapter) {
        (Some(one), Some(other)) if one != other => Err(Error::invalid(format!(
            "the URL asks for the adapter '{one}', the options for '{other}'; choose one"
        ))),
        (one, other) => Ok(one.as_deref().or(other.as_deref())),
    }
}
