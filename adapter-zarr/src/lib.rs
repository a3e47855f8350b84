//! Zarr v3 groups as collections of labelled arrays, on a disk, in memory, or in a bucket.
//!
//! What lies where is written in `docs/format/zarr.md`.

mod lease;
mod objects;
