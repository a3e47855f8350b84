//! Files of other programs: netCDF-4 and HDF5 in, netCDF-4 out.

mod attribute;
pub mod cf;
mod coordinate;
mod foreign;
mod h5;
mod import;

pub use attribute::{ForeignAttributes, ForeignValue};
pub use coordinate::{CoordinateValues, ForeignCoordinate, ForeignDimension};
pub use foreign::{ForeignArray, ImportOptions, VariableInfo, list_variables, read};
pub use import::{ImportPlan, VARIABLE_KEY, plan_import};
