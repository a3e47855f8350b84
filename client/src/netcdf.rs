//! netCDF-4 and HDF5 files and Zarr groups of other programs: in as arrays of a collection, out as a netCDF-4 file that any
//! tool opens.

mod export;
mod import;
mod merge;

pub use export::export;
pub use hyperslab_hdf5::netcdf::VariableInfo;
pub use import::{ImportOptions, ImportReport, import, list_variables};

use hyperslab_core::blocking;
