//! What can be imported: a file, or a Zarr group on a disk or in a bucket.

use std::path::Path;

use hyperslab_core::{Error, Result};
use hyperslab_hdf5::netcdf::{self as format, ForeignGroup};
#[cfg(feature = "zarr")]
use hyperslab_zarr::{Medium, ZarrGroup};

use crate::location::{Location, Place};

/// What lies in the folder of a Zarr group or array.
const ZARR_MARKERS: [&str; 4] = ["zarr.json", ".zgroup", ".zarray", ".zmetadata"];

/// Opens what a path or a URL names. Blocks.
pub(super) fn open(path: &Path) -> Result<Box<dyn ForeignGroup>> {
    let Some(url) = path.to_str().filter(|text| text.contains("://")) else {
        return open_path(path);
    };
    match Location::parse(url)?.place {
        Place::Disk(path) => open_path(&path),
        Place::Memory => Err(Error::invalid(
            "memory:// holds nothing that could be imported; give a file, or a Zarr group",
        )),
        #[cfg(feature = "zarr")]
        Place::Bucket(url) => zarr(&crate::media::bucket(&url)?),
        #[cfg(not(feature = "zarr"))]
        Place::Bucket(_) => Err(Error::unsupported(
            "this build cannot reach a bucket; build with the feature `aws`, `gcp` or `azure`",
        )),
    }
}

fn open_path(path: &Path) -> Result<Box<dyn ForeignGroup>> {
    let is_zarr = ZARR_MARKERS.iter().any(|name| path.join(name).is_file());
    if !is_zarr {
        return format::open(path);
    }
    #[cfg(feature = "zarr")]
    return zarr(&Medium::folder(path)?);
    #[cfg(not(feature = "zarr"))]
    return Err(Error::unsupported(format!(
        "{} is a Zarr group, which this build does not read; build with the feature `zarr`",
        path.display()
    )));
}

#[cfg(feature = "zarr")]
fn zarr(medium: &Medium) -> Result<Box<dyn ForeignGroup>> {
    let runtime = tokio::runtime::Handle::current();
    Ok(Box::new(ZarrGroup::open(medium, runtime)?))
}
