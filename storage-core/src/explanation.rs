//! How the arrays of a collection are going to lie on their medium, and why.

use serde::Serialize;

use crate::{Error, Result};

/// How the arrays of a collection lie, or would lie, and the reasons of each choice. Sizes are those of cells before any
/// codec, and count whole chunks also where they reach beyond the array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StorageExplanation {
    /// Cells of one chunk along each dimension: what is coded as one piece.
    pub chunk_shape: Vec<u64>,
    /// Bytes of the cells of one chunk.
    pub chunk_bytes: u64,
    /// Cells of one shard along each dimension, if chunks lie in shards.
    pub shard_shape: Option<Vec<u64>>,
    /// Cells of one tile along each dimension, if the arrays are tiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tile_shape: Option<Vec<u64>>,
    /// What a chunk goes through, in the order of writing.
    pub codecs: Vec<String>,
    /// The most files or objects that the cells of one array are put in; 0 where there is neither.
    pub objects_per_array: u64,
    /// The most bytes of cells in one file or object; 0 where there is neither.
    pub object_bytes: u64,
    /// Why it is so, a sentence for each choice.
    pub reasons: Vec<String>,
}

impl StorageExplanation {
    /// The smallest box of cells that is put by itself: a tile or a shard where there are such, else a chunk. No length is zero.
    ///
    /// # Errors
    /// `Internal` when the adapter has named a length of zero.
    pub fn write_unit(&self) -> Result<&[u64]> {
        let larger = self.tile_shape.as_ref().or(self.shard_shape.as_ref());
        let unit = larger.unwrap_or(&self.chunk_shape);
        if unit.contains(&0) {
            return Err(Error::internal(format!(
                "the adapter names chunks of shape {unit:?}"
            )));
        }
        Ok(unit)
    }
}

/// The bytes of a box of cells, saturating.
#[must_use]
pub fn box_bytes(shape: &[u64], cell_size: usize) -> u64 {
    shape.iter().fold(cell_size as u64, |bytes, &length| {
        bytes.saturating_mul(length)
    })
}
