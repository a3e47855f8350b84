//! Dimension scales: the attributes that tie variables to their coordinates, as the HDF5 specification of dimension
//! scales and netCDF have them.

use hyperslab_core::Result;

use super::content::FileContent;
use super::datatype;
use super::header::{Bytes, ObjectHeader, dataspace};
use super::heap::Heap;

/// How many attributes [`scale_attributes`] adds at most.
pub(super) const SCALE_ATTRIBUTE_COUNT: usize = 4;

/// The name netCDF gives the scale of a dimension that has no coordinate variable.
fn placeholder_name(size: u64) -> String {
    format!("This is a netCDF dimension but not a netCDF variable.{size:10}")
}

/// The attribute in which netCDF keeps what made a file.
pub(crate) const PROVENANCE: &str = "_NCProperties";

/// Attributes that say how a file hangs together, not what is in it.
const MACHINERY: [&str; 10] = [
    "CLASS",
    "NAME",
    "DIMENSION_LIST",
    "DIMENSION_LABELS",
    "REFERENCE_LIST",
    "_FillValue",
    PROVENANCE,
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_nc3_strict",
];

/// Whether an attribute of that name belongs to the writer of a file, not to its user.
pub(crate) fn is_netcdf_machinery(name: &str) -> bool {
    MACHINERY.contains(&name)
}

fn fixed_text(header: &mut ObjectHeader, name: &str, text: &str) -> Result<()> {
    let size = u32::try_from(text.len() + 1).unwrap_or(u32::MAX);
    let mut data = text.as_bytes().to_vec();
    data.push(0);
    header.attribute(name, &datatype::fixed_text(size), &dataspace(&[]), &data)
}

/// Makes the object a dimension scale, used by the variables at these addresses.
pub(super) fn scale_attributes(
    header: &mut ObjectHeader,
    content: &FileContent,
    axis: usize,
    variables: &[u64],
) -> Result<()> {
    let Some(found) = content.axes.get(axis) else {
        return Ok(());
    };
    fixed_text(header, "CLASS", "DIMENSION_SCALE")?;
    match &found.coordinate {
        Some(_) => fixed_text(header, "NAME", &found.name)?,
        None => fixed_text(header, "NAME", &placeholder_name(found.size))?,
    }
    let number = i32::try_from(axis).unwrap_or(i32::MAX);
    header.attribute(
        "_Netcdf4Dimid",
        &datatype::number(hyperslab_core::DType::Int32),
        &dataspace(&[]),
        &number.to_le_bytes(),
    )?;
    let mut users = Bytes::new();
    let mut count = 0;
    for (variable, &address) in content.variables.iter().zip(variables) {
        for (position, &used) in variable.axes.iter().enumerate() {
            if used == axis {
                users.u64(address);
                users.u32(u32::try_from(position).unwrap_or(u32::MAX));
                users.u32(0);
                count += 1;
            }
        }
    }
    if count == 0 {
        return Ok(());
    }
    header.attribute(
        "REFERENCE_LIST",
        &datatype::reference_list(),
        &dataspace(&[count]),
        &users.into_vec(),
    )
}

/// Names the scales at these addresses as the dimensions of a variable.
pub(super) fn dimension_list(
    header: &mut ObjectHeader,
    heap: &mut Heap,
    axes: &[usize],
    scales: &[u64],
) -> Result<()> {
    if axes.is_empty() {
        return Ok(());
    }
    let mut data = Vec::new();
    for &axis in axes {
        let address = scales.get(axis).copied().unwrap_or_default();
        data.extend_from_slice(&heap.insert(&address.to_le_bytes(), 1));
    }
    header.attribute(
        "DIMENSION_LIST",
        &datatype::dimension_list(),
        &dataspace(&[axes.len() as u64]),
        &data,
    )
}
