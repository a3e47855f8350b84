//! A subset as a file.

use std::path::Path;

use hyperslab_core::{Result, Subset};
use hyperslab_hdf5::netcdf::{ExportContent, write_cells};

use super::blocking;

/// Writes a subset as a netCDF-4 file at `path`, with coordinates, units and fill value. A dimension narrowed to one position
/// becomes a scalar coordinate. The file appears whole, in place of one that was there.
///
/// # Errors
/// `TooLarge` above the memory limit; `Denied`, `Unavailable`; and as reading does.
///
/// ```no_run
/// # async fn example(coads: hyperslab::Collection) -> hyperslab::Result<()> {
/// let tropics = coads.only().await?.sel("COADSY", -10.0..=10.0)?;
/// hyperslab::netcdf::export(&tropics, "tropics.nc").await?;
/// # Ok(())
/// # }
/// ```
pub async fn export(subset: &Subset, path: impl AsRef<Path>) -> Result<()> {
    let array = subset.array();
    let dropped: Vec<usize> = subset
        .picks()
        .iter()
        .enumerate()
        .filter(|(_, pick)| pick.dropped)
        .map(|(axis, _)| axis)
        .collect();
    let content = ExportContent::new(
        array.schema(),
        array.key(),
        array.custom(),
        &subset.hyperslab()?,
        &dropped,
        array.collection().name(),
    )?;
    let cells = subset.read_buf().await?;
    let path = path.as_ref().to_owned();
    blocking(move || write_cells(&path, &content, &cells)).await
}
