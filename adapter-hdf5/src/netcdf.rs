//! Files of other programs: netCDF-4 and HDF5 in, netCDF-4 out.
//!
//! - [`list_variables`] and [`read`] open a file; the cells of a [`ForeignArray`] are read in blocks.
//! - [`plan_import`] says what schema and attributes a variable becomes.
//! - [`ExportContent`] describes part of an array, and [`write()`] makes a file of it.
//!
//! What times, packed numbers and attributes mean is decided by `hyperslab-cf`, for any format; here a file becomes a group
//! of its variables.

mod dimensions;
mod export;
mod group;
mod h5;
mod listing;
mod source;
mod variable;

pub use export::{ExportContent, write, write_cells};
pub use group::{list_variables, open, open_through_library, read};
pub use hyperslab_cf::foreign::{
    CoordinateValues, ForeignArray, ForeignAttributes, ForeignCoordinate, ForeignDimension,
    ForeignGroup, ForeignValue, ImportOptions, ImportPlan, VARIABLE_KEY, VariableInfo, plan_import,
};
