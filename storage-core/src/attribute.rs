//! Typed attributes: the key that names an array, and the custom facts about it.

mod list;
mod schema;
mod types;
mod value;

pub use schema::{AttributeSchema, Role};
pub use types::AttributeType;
pub use value::{AttributeValue, Attributes};
