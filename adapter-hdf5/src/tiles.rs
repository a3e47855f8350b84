//! Arrays of which each tile is a file: read in parallel straight into the result, written tile by tile.
//!
//! - `read`: a hyperslab of such an array, whatever the layout of the store.
//! - `split`: what each tile gets of a write.

mod read;
mod split;

pub(crate) use read::{TileFiles, read_tiles};
pub(crate) use split::{TileWrites, split};
