//! Groups of variables that other programs wrote, as arrays of ours.
//!
//! A format implements [`ForeignGroup`] and [`ForeignVariable`]: what variables there are, and the cells of a hyperslab as
//! they are stored. All that the CF conventions say of them is decided here:
//!
//! - [`ForeignArray`] is one variable with its coordinates; its cells come out unpacked.
//! - [`plan_import`] says what schema and attributes it becomes.
//! - [`ForeignStore`] shows all variables of a group as the collections of a store that can only be read.
//!
//! Everything but the store runs in the thread of the caller, which may block.

mod array;
mod attribute;
mod coordinate;
mod group;
mod import;
mod store;

pub use array::{ForeignArray, ImportOptions};
pub use attribute::{ForeignAttributes, ForeignValue};
pub use coordinate::{CoordinateValues, ForeignCoordinate, ForeignDimension};
pub use group::{ForeignGroup, ForeignVariable, NamedDimension, VariableInfo};
pub use import::{ImportPlan, VARIABLE_KEY, plan_import, restored};
pub use store::ForeignStore;

/// The last part of a path.
fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
