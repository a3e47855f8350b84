//! From a place to the adapter of the store there.

use std::path::Path;
use std::sync::Arc;

#[cfg(any(feature = "hdf5", feature = "zarr"))]
use hyperslab_core::RandomIds;
use hyperslab_core::{
    Error, ErrorKind, MemoryAdapter, Result, StorageAdapter, WriteOptions, blocking,
};
use hyperslab_engine::Engine;
#[cfg(feature = "hdf5")]
use hyperslab_hdf5::{DekerAdapter, Hdf5Adapter};
#[cfg(feature = "zarr")]
use hyperslab_zarr::{Medium, ZarrAdapter};
use tempfile::TempDir;

#[cfg(any(feature = "hdf5", feature = "zarr"))]
use crate::foreign;
use crate::location::Place;

/// The adapters compiled in, by the names that `hyperslab create --adapter` takes. The first that can use a disk is the one
/// that a new store on a disk gets.
pub const ADAPTERS: &[&str] = &[
    #[cfg(feature = "hdf5")]
    "hdf5",
    #[cfg(feature = "zarr")]
    "zarr",
    #[cfg(feature = "hdf5")]
    "deker",
    "memory",
];

/// The adapters that can use a disk.
const ON_DISK: &[&str] = &[
    #[cfg(feature = "hdf5")]
    "hdf5",
    #[cfg(feature = "zarr")]
    "zarr",
    #[cfg(feature = "hdf5")]
    "deker",
];

/// The file that says of which adapter a store on a disk is.
pub(crate) const STORE_DOCUMENT: &str = "hyperslab.json";

/// What an adapter has to know of how a store is used.
#[derive(Debug)]
pub(crate) struct How {
    /// What decodes and keeps its chunks.
    pub(crate) engine: Arc<Engine>,
    /// How changes are made.
    pub(crate) write: WriteOptions,
}

/// Opens the store at a place, to be used in that way, which must be of the adapter `wanted`, if there is one. What another
/// program wrote there is a store too, which can only be read.
///
/// # Errors
/// `NotFound`; `Unsupported` when the store is of another adapter, or of one that is not built in; `InvalidInput` for an
/// adapter that does not exist.
pub(crate) async fn open(
    place: &Place,
    wanted: Option<&str>,
    how: &How,
) -> Result<Arc<dyn StorageAdapter>> {
    check_known(wanted)?;
    match place {
        // Every store in memory is a new one.
        Place::Memory => memory(wanted, &how.engine).await,
        Place::Disk(path) => match open_disk(path, wanted, how).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(pointed_up(path, error).await),
            opened => opened,
        },
        #[cfg(feature = "zarr")]
        Place::Bucket(url) => {
            check_bucket(wanted)?;
            open_bucket(&bucket(url)?, wanted, &how.engine).await
        }
        #[cfg(not(feature = "zarr"))]
        Place::Bucket(_) => Err(not_built("a bucket", "`aws`, `gcp` or `azure`")),
    }
}

/// Makes a store at a place, of the adapter `wanted`, or of the one that is usual there.
///
/// # Errors
/// `AlreadyExists`; `Unsupported` for an adapter that cannot use the place; `InvalidInput` for one that does not exist.
pub(crate) async fn create(
    place: &Place,
    wanted: Option<&str>,
    how: &How,
) -> Result<Arc<dyn StorageAdapter>> {
    check_known(wanted)?;
    match place {
        Place::Memory => memory(wanted, &how.engine).await,
        Place::Disk(path) => create_disk(path, wanted, how).await,
        #[cfg(feature = "zarr")]
        Place::Bucket(url) => {
            check_bucket(wanted)?;
            let medium = bucket(url)?;
            zarr(ZarrAdapter::create(&medium, &RandomIds).await?, &how.engine)
        }
        #[cfg(not(feature = "zarr"))]
        Place::Bucket(_) => Err(not_built("a bucket", "`aws`, `gcp` or `azure`")),
    }
}

/// A store of the adapter that one made at a place would have, where nothing lasts; with the folder it lies in, if any.
///
/// # Errors
/// As [`create`], but for what is found at the place.
pub(crate) async fn trial(
    place: &Place,
    wanted: Option<&str>,
    how: &How,
) -> Result<(Arc<dyn StorageAdapter>, Option<TempDir>)> {
    check_known(wanted)?;
    let in_memory = match place {
        Place::Memory => wanted,
        Place::Disk(_) if wanted == Some("zarr") => wanted,
        Place::Disk(_) => {
            let folder = tempfile::tempdir()
                .map_err(|source| Error::io("make", "a temporary folder", source))?;
            let adapter = create_disk(&folder.path().join("store"), wanted, how).await?;
            return Ok((adapter, Some(folder)));
        }
        #[cfg(feature = "zarr")]
        Place::Bucket(_) => {
            check_bucket(wanted)?;
            Some("zarr")
        }
        #[cfg(not(feature = "zarr"))]
        Place::Bucket(_) => return Err(not_built("a bucket", "`aws`, `gcp` or `azure`")),
    };
    Ok((memory(in_memory, &how.engine).await?, None))
}

async fn memory(wanted: Option<&str>, engine: &Arc<Engine>) -> Result<Arc<dyn StorageAdapter>> {
    match wanted {
        #[cfg(feature = "zarr")]
        Some("zarr") => {
            let medium = Medium::memory();
            zarr(ZarrAdapter::create(&medium, &RandomIds).await?, engine)
        }
        None | Some("memory") => Ok(Arc::new(MemoryAdapter::new())),
        Some(other) => Err(cannot_use(other, "memory", "memory, zarr")),
    }
}

/// A store that is read through an engine.
#[cfg(feature = "zarr")]
fn zarr(adapter: ZarrAdapter, engine: &Arc<Engine>) -> Result<Arc<dyn StorageAdapter>> {
    Ok(Arc::new(adapter.with_engine(Arc::clone(engine))))
}

#[cfg(feature = "zarr")]
async fn open_bucket(
    medium: &Medium,
    wanted: Option<&str>,
    engine: &Arc<Engine>,
) -> Result<Arc<dyn StorageAdapter>> {
    match ZarrAdapter::open(medium).await {
        Ok(adapter) => zarr(adapter, engine),
        Err(error) if error.kind() == ErrorKind::NotFound && wanted.is_none() => {
            match foreign::open_bucket(medium, engine).await {
                // Nothing is there at all, which the first answer says best.
                Err(other) if other.kind() == ErrorKind::NotFound => Err(error),
                opened => opened,
            }
        }
        Err(error) => Err(error),
    }
}

async fn open_disk(
    path: &Path,
    wanted: Option<&str>,
    how: &How,
) -> Result<Arc<dyn StorageAdapter>> {
    let engine = &how.engine;
    #[cfg(any(feature = "hdf5", feature = "zarr"))]
    if wanted.is_none() && is_foreign(path).await {
        return foreign::open_disk(path, engine).await;
    }
    let recorded = recorded_adapter(path).await;
    #[cfg(feature = "hdf5")]
    if recorded.is_none() && (wanted == Some("deker") || wanted.is_none() && is_deker(path).await) {
        let adapter = DekerAdapter::open(path).await?;
        return Ok(Arc::new(deker(&adapter, how)));
    }
    if let (Some(recorded), Some(wanted)) = (&recorded, wanted)
        && recorded != wanted
    {
        return Err(Error::unsupported(format!(
            "the store in {} uses the adapter '{recorded}', not '{wanted}'; ask for '{recorded}', or use another store",
            path.display()
        )));
    }
    // Where nothing is, or nothing that can be read, an adapter says so best.
    match recorded.as_deref().or(wanted).or(ON_DISK.first().copied()) {
        #[cfg(feature = "hdf5")]
        Some("hdf5") => Ok(Arc::new(
            Hdf5Adapter::open(path)
                .await?
                .with_engine(Arc::clone(engine)),
        )),
        #[cfg(feature = "zarr")]
        Some("zarr") => {
            let medium = on_disk(path, Medium::folder).await?;
            zarr(ZarrAdapter::open(&medium).await?, engine)
        }
        Some(other) if recorded.is_some() => Err(Error::unsupported(format!(
            "the store in {} uses the adapter '{other}', which this build does not have; it has: {}",
            path.display(),
            ADAPTERS.join(", ")
        ))),
        Some(other) => Err(cannot_use(other, "a disk", &ON_DISK.join(", "))),
        None => Err(not_built("a disk", "`hdf5` or `zarr`")),
    }
}

/// The error, with the store that is one folder up, if there is one: whoever names a folder in a store means that.
async fn pointed_up(path: &Path, error: Error) -> Error {
    let Some(folder) = path.parent() else {
        return error;
    };
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let is_store = recorded_adapter(folder).await.is_some();
    #[cfg(feature = "hdf5")]
    let is_store = is_store || is_deker(folder).await;
    match is_store {
        true => Error::not_found(format!(
            "{}; there is one in {}",
            error.message(),
            folder.display()
        ))
        .with_source(error),
        false => error,
    }
}

async fn create_disk(
    path: &Path,
    wanted: Option<&str>,
    how: &How,
) -> Result<Arc<dyn StorageAdapter>> {
    let engine = &how.engine;
    match wanted.or(ON_DISK.first().copied()) {
        #[cfg(feature = "hdf5")]
        Some("hdf5") => {
            let adapter = Hdf5Adapter::create(path, Arc::new(RandomIds)).await?;
            Ok(Arc::new(adapter.with_engine(Arc::clone(engine))))
        }
        #[cfg(feature = "hdf5")]
        Some("deker") => {
            let adapter = DekerAdapter::create(path).await?;
            Ok(Arc::new(deker(&adapter, how)))
        }
        #[cfg(feature = "zarr")]
        Some("zarr") => {
            let medium = on_disk(path, Medium::new_folder).await?;
            zarr(ZarrAdapter::create(&medium, &RandomIds).await?, engine)
        }
        Some(other) => Err(cannot_use(
            other,
            &format!("the folder {}", path.display()),
            &ON_DISK.join(", "),
        )),
        None => Err(not_built("a disk", "`hdf5` or `zarr`")),
    }
}

/// Whether a path names what another program wrote, and not a store.
#[cfg(any(feature = "hdf5", feature = "zarr"))]
async fn is_foreign(path: &Path) -> bool {
    let path = path.to_owned();
    let looked = tokio::task::spawn_blocking(move || {
        foreign::lies_at(&path) && !path.join(STORE_DOCUMENT).exists()
    });
    looked.await.unwrap_or(false)
}

/// A storage of Deker, to be used in a certain way.
#[cfg(feature = "hdf5")]
fn deker(adapter: &DekerAdapter, how: &How) -> DekerAdapter {
    adapter
        .with_engine(Arc::clone(&how.engine))
        .with_patience(&how.write)
}

/// Whether a path names a storage of Deker, and no store of ours.
#[cfg(feature = "hdf5")]
async fn is_deker(path: &Path) -> bool {
    let path = path.to_owned();
    let looked = tokio::task::spawn_blocking(move || {
        DekerAdapter::is_storage(&path) && !path.join(STORE_DOCUMENT).exists()
    });
    looked.await.unwrap_or(false)
}

/// The adapter that a store on a disk says it is of; `None` where no store is, or its document cannot be read.
async fn recorded_adapter(path: &Path) -> Option<String> {
    let path = path.join(STORE_DOCUMENT);
    let read = tokio::task::spawn_blocking(move || std::fs::read(path));
    let document: serde_json::Value = serde_json::from_slice(&read.await.ok()?.ok()?).ok()?;
    Some(document.get("adapter")?.as_str()?.to_owned())
}

/// The bucket at a URL, with the options that the person's file has for it.
///
/// # Errors
/// `InvalidInput` for a URL or a file that makes no sense; `Unsupported` for a cloud that is not built in; `NotFound` for a
/// file or a profile that is named and not there.
#[cfg(feature = "cloud")]
pub(crate) fn bucket(url: &str) -> Result<Medium> {
    Medium::bucket_with(url, &crate::config::defaults(url)?)
}

/// Says that no cloud is built in.
#[cfg(all(feature = "zarr", not(feature = "cloud")))]
pub(crate) fn bucket(url: &str) -> Result<Medium> {
    Medium::bucket(url)
}

/// Looks at a folder on a thread that may block.
#[cfg(feature = "zarr")]
async fn on_disk(path: &Path, look: fn(&Path) -> Result<Medium>) -> Result<Medium> {
    let path = path.to_owned();
    blocking(move || look(&path)).await
}

fn check_known(wanted: Option<&str>) -> Result<()> {
    match wanted {
        Some(wanted) if !ADAPTERS.contains(&wanted) => Err(Error::invalid(format!(
            "adapter '{wanted}' is unknown; this build has: {}",
            ADAPTERS.join(", ")
        ))),
        _ => Ok(()),
    }
}

#[cfg(feature = "zarr")]
fn check_bucket(wanted: Option<&str>) -> Result<()> {
    match wanted {
        None | Some("zarr") => Ok(()),
        Some(other) => Err(cannot_use(other, "a bucket", "zarr")),
    }
}

fn cannot_use(adapter: &str, place: &str, others: &str) -> Error {
    Error::unsupported(format!(
        "the adapter '{adapter}' cannot use {place}; one that can: {others}"
    ))
}

fn not_built(place: &str, features: &str) -> Error {
    Error::unsupported(format!(
        "this build has no adapter for {place}; build with the feature {features}"
    ))
}
