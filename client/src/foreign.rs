//! What other programs wrote: netCDF-4 and HDF5 files, and Zarr groups on a disk or in a bucket, by place.

use std::path::Path;
use std::sync::Arc;

use hyperslab_cf::foreign::{ForeignGroup, ForeignStore};
use hyperslab_core::{Error, Result, StorageAdapter, blocking};
use hyperslab_engine::Engine;
#[cfg(feature = "zarr")]
use hyperslab_zarr::{Medium, ZarrGroup};

use crate::location::Place;
use crate::media::STORE_DOCUMENT;

/// What lies in the folder of a Zarr group or array.
const ZARR_MARKERS: [&str; 4] = ["zarr.json", ".zgroup", ".zarray", ".zmetadata"];

/// Whether a path is that of a file, or of the folder of a Zarr group or array. Blocks.
pub(crate) fn lies_at(path: &Path) -> bool {
    path.is_file() || is_zarr(path)
}

fn is_zarr(path: &Path) -> bool {
    ZARR_MARKERS.iter().any(|name| path.join(name).is_file())
}

/// Opens what lies at a place. Blocks.
///
/// # Errors
/// `NotFound`, `Denied`; `InvalidInput` for a store of ours, or another folder; `Unsupported` for what is not netCDF-4, HDF5 or
/// Zarr; `Corrupt`.
pub(crate) fn open(place: &Place, engine: &Arc<Engine>) -> Result<Arc<dyn ForeignGroup>> {
    match place {
        Place::Disk(path) if path.join(STORE_DOCUMENT).is_file() => Err(Error::invalid(format!(
            "{} is a hyperslab store; use `hyperslab copy`",
            path.display()
        ))),
        Place::Disk(path) if is_zarr(path) => open_folder(path, engine),
        Place::Disk(path) if path.is_dir() => Err(Error::invalid(format!(
            "{} is a folder and no Zarr group; give a file, or the folder of a group",
            path.display()
        ))),
        Place::Disk(path) => open_file(path, engine),
        Place::Memory => Err(Error::invalid(
            "memory:// holds nothing that could be imported; give a file, or a Zarr group",
        )),
        #[cfg(feature = "zarr")]
        Place::Bucket(url) => open_zarr(&crate::media::bucket(url)?, engine),
        #[cfg(not(feature = "zarr"))]
        Place::Bucket(_) => Err(Error::unsupported(
            "this build cannot reach a bucket; build with the feature `aws`, `gcp` or `azure`",
        )),
    }
}

/// Opens a file or a folder as a store that can only be read.
///
/// # Errors
/// As [`open`].
pub(crate) async fn open_disk(
    path: &Path,
    engine: &Arc<Engine>,
) -> Result<Arc<dyn StorageAdapter>> {
    let (path, engine) = (path.to_owned(), Arc::clone(engine));
    as_store(move || {
        let group = open(&Place::Disk(path.clone()), &engine)?;
        let root = std::fs::canonicalize(&path)
            .map_err(|source| Error::io("open", path.display(), source))?;
        Ok((group, format!("file://{}", root.display())))
    })
    .await
}

/// Opens what lies in a bucket as a store that can only be read.
///
/// # Errors
/// As [`open`].
#[cfg(feature = "zarr")]
pub(crate) async fn open_bucket(
    medium: &Medium,
    engine: &Arc<Engine>,
) -> Result<Arc<dyn StorageAdapter>> {
    let (medium, engine) = (medium.clone(), Arc::clone(engine));
    as_store(move || {
        let group = open_zarr(&medium, &engine)?;
        let url = group.location();
        Ok((group, url))
    })
    .await
}

/// Makes a store of a group and its URL, which are opened on a thread that may block.
async fn as_store(
    open: impl FnOnce() -> Result<(Arc<dyn ForeignGroup>, String)> + Send + 'static,
) -> Result<Arc<dyn StorageAdapter>> {
    let (group, url) = blocking(open).await?;
    Ok(Arc::new(ForeignStore::new(group, url)))
}

#[cfg(feature = "hdf5")]
fn open_file(path: &Path, engine: &Arc<Engine>) -> Result<Arc<dyn ForeignGroup>> {
    hyperslab_hdf5::netcdf::open(path, engine).map(Arc::from)
}

#[cfg(not(feature = "hdf5"))]
fn open_file(path: &Path, _engine: &Arc<Engine>) -> Result<Arc<dyn ForeignGroup>> {
    Err(Error::unsupported(format!(
        "{} is no Zarr group, and this build reads no other files; build with the feature `hdf5`",
        path.display()
    )))
}

#[cfg(feature = "zarr")]
fn open_folder(path: &Path, engine: &Arc<Engine>) -> Result<Arc<dyn ForeignGroup>> {
    open_zarr(&Medium::folder(path)?, engine)
}

#[cfg(not(feature = "zarr"))]
fn open_folder(path: &Path, _engine: &Arc<Engine>) -> Result<Arc<dyn ForeignGroup>> {
    Err(Error::unsupported(format!(
        "{} is a Zarr group, which this build does not read; build with the feature `zarr`",
        path.display()
    )))
}

#[cfg(feature = "zarr")]
fn open_zarr(medium: &Medium, engine: &Arc<Engine>) -> Result<Arc<dyn ForeignGroup>> {
    let runtime = tokio::runtime::Handle::current();
    Ok(Arc::new(ZarrGroup::open(
        medium,
        runtime,
        Arc::clone(engine),
    )?))
}
