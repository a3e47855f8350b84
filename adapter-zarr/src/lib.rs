//! Zarr v3 groups as collections of labelled arrays, on a disk, in memory, or in a bucket.
//!
//! What lies where is written in `docs/format/zarr.md`.

mod adapter;
mod array;
mod cells;
mod check;
mod chunks;
mod codec;
mod compute;
mod document;
mod edit;
mod foreign;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod head;
mod layout;
mod lease;
mod medium;
mod moment;
mod nodes;
mod objects;
mod pause;
mod process;
mod shard;
mod staged;
mod storage;
mod store;
mod stored;

pub use adapter::ZarrAdapter;
pub use foreign::ZarrGroup;
#[cfg(feature = "cloud")]
pub use medium::BucketClients;
pub use medium::{BucketDefaults, Medium, Timeouts};
