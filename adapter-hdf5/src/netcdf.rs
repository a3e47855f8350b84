//! Files of other programs: netCDF-4 and HDF5 in, netCDF-4 out.
//!
//! - [`list_variables`] and [`read`] open a file; the cells of a [`ForeignArray`] are read in blocks.
//! - [`plan_import`] says what schema and attributes a variable becomes.
//! - [`ExportContent`] describes part of an array, and [`write()`] makes a file of it.
//! - [`cf`] decides what times and packed numbers mean.

mod attribute;
mod blocks;
pub mod cf;
mod coordinate;
mod export;
mod foreign;
mod h5;
mod import;
mod listing;

pub use attribute::{ForeignAttributes, ForeignValue};
pub use coordinate::{CoordinateValues, ForeignCoordinate, ForeignDimension};
pub use export::{ExportContent, write, write_cells};
pub use foreign::{ForeignArray, ImportOptions, read};
pub use import::{ImportPlan, VARIABLE_KEY, plan_import};
pub use listing::{VariableInfo, list_variables};
