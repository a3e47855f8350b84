//! The CF conventions: how an array of a schema becomes content that describes itself, and back, and what the content of
//! other programs means.
//!
//! A format that holds named variables, shared dimensions and attributes can hold our arrays so that other programs open
//! them with their coordinates. What the attributes and coordinates are called and what they hold is the same for all such
//! formats and is decided here; how they lie on a medium is up to the adapter of each format. Nothing here touches a medium,
//! and no format is known.
//!
//! - [`ArrayContent`] is all of an array but its cells; [`array_meta`] reads identity and attributes back from it.
//! - [`variable_name`] names the variable that holds the cells.
//! - [`TimeAxis`] and [`Packing`] decide what the numbers of a variable mean: times, and packed numbers.
//! - [`foreign`] makes arrays of ours of what a format lists and reads.

mod calendar;
mod content;
mod decode;
mod encode;
pub mod foreign;
mod packing;
mod time_axis;
mod time_units;

pub use calendar::Calendar;
pub use content::{
    AttributeContent, AxisContent, CoordinateCells, CoordinateContent, NamedAttribute,
};
pub use decode::{array_meta, disagreement, keep_unknown};
pub use encode::{ArrayContent, variable_name};
pub use packing::Packing;
pub use time_axis::{TimeAxis, TimeNumbers, encode_instants};
pub use time_units::{TimeUnit, TimeUnits, is_time_units};

/// The global attribute that holds the identity of an array.
const ID: &str = "id";

#[cfg(test)]
mod tests;
