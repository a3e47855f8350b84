//! The cases, by what they are about. Each takes a fixture with an empty store and panics when the adapter is wrong.

pub mod arrays;
pub mod attributes;
pub mod buffered;
pub mod cells;
pub mod collections;
pub mod concurrency;
pub mod keys;
pub mod store;
pub mod tiles;
