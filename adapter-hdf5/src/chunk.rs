//! Chunks: how an array is cut into pieces, and how a piece becomes bytes in a file and back.
//!
//! Nothing here calls the HDF5 library, so chunks are encoded and decoded on as many threads as there are.

mod explain;
mod filter;
mod parts;
mod storage;

pub(crate) use hyperslab_core::chunk::{ChunkGrid, ChunkPiece, copy_cells};
pub(crate) use hyperslab_engine::codec::{Codec, CodecChain};

pub(crate) use explain::explain;
pub(crate) use filter::{Filter, chain_of, filters_of, is_written};
pub(crate) use parts::part_shape;
pub(crate) use storage::{StoragePlan, automatic};
