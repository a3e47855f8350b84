//! Chunks: how an array is cut into pieces, and how a piece becomes bytes in a file and back.
//!
//! Nothing here calls the HDF5 library, so chunks are encoded and decoded on as many threads as there are.

mod blosc;
mod codec;
mod explain;
mod fletcher;
mod scratch;
mod shuffle;
mod storage;

pub(crate) use hyperslab_core::chunk::{ChunkGrid, ChunkPiece, CopyAxis, SharedTarget, copy_cells};

pub(crate) use codec::{Codec, CodecChain, Filter};
pub(crate) use explain::explain;
pub(crate) use scratch::Scratch;
pub(crate) use storage::StoragePlan;
