//! A subset as a file.

use std::path::Path;

use hyperslab_core::{AttributeValue, Result, Subset};
use hyperslab_hdf5::netcdf::{ExportContent, write_cells};

use super::blocking;

/// Writes a subset as a netCDF-4 file at `path`, with coordinates, units and fill value. A dimension narrowed to one position
/// becomes a scalar coordinate, or, if it has labels, an attribute of the variable. Key attributes are attributes of the file,
/// custom ones of the variable, and so are those facts about the collection that say what a cell is, such as `units`. The file
/// appears whole, in place of one that was there.
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
    let mut content = ExportContent::new(
        array.schema(),
        array.key(),
        array.custom(),
        &subset.hyperslab()?,
        &dropped,
        array.collection().name(),
    )?;
    tell_of_cells(&mut content);
    let cells = subset.read_buf().await?;
    let path = path.as_ref().to_owned();
    blocking(move || write_cells(&path, &content, &cells)).await
}

/// Facts about a collection that say what its cells are, which CF has on the variable.
const OF_CELLS: [&str; 4] = ["standard_name", "long_name", "units", "cell_methods"];

/// Puts them there, where the array does not say otherwise: what reads the file takes a unit from the variable only.
fn tell_of_cells(content: &mut ExportContent) {
    for name in OF_CELLS {
        if content.attributes.get(name).is_none()
            && let Some(text) = content.globals.get(name).and_then(|fact| fact.as_str())
        {
            let value = AttributeValue::from(text);
            content.globals.shift_remove(name);
            content.attributes.insert(name, value);
        }
    }
}
