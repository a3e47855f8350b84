//! The CF conventions: how an array of a schema becomes content that describes itself, and back.
//!
//! A format that holds named variables, shared dimensions and attributes can hold our arrays so that other programs open
//! them with their coordinates. What the attributes and coordinates are called and what they hold is the same for all such
//! formats and is decided here; how they lie on a medium is up to the adapter of each format. Pure: nothing here touches a
//! file, and no format is known.
//!
//! - [`ArrayContent`] is all of an array but its cells; [`array_meta`] reads identity and attributes back from it.
//! - [`variable_name`] names the variable that holds the cells.

mod content;
mod decode;
mod encode;

pub use content::{
    AttributeContent, AxisContent, CoordinateCells, CoordinateContent, NamedAttribute,
};
pub use decode::{array_meta, disagreement, keep_unknown};
pub use encode::{ArrayContent, variable_name};

/// The global attribute that holds the identity of an array.
const ID: &str = "id";

#[cfg(test)]
mod tests;
