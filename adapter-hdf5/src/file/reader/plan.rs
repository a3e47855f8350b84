//! What reading will touch.

use hyperslab_core::{Hyperslab, ReadPlan};

use super::{ArrayFile, VariableCells};
use crate::chunk::Codec;
use crate::index;

impl ArrayFile {
    /// The shape of a chunk, or of a part of cells that lie in one piece; `None` where only the library knows.
    pub(crate) fn chunk_shape(&self) -> Option<Vec<u64>> {
        match &self.header.variable.cells {
            VariableCells::Chunked { grid, .. } | VariableCells::Contiguous { parts: grid, .. } => {
                Some(grid.chunk_shape().to_vec())
            }
            VariableCells::Inline(_) | VariableCells::Library => None,
        }
    }

    /// What reading this hyperslab will touch of the file, which messages call `name`.
    pub(crate) fn plan(&self, name: &str, slab: &Hyperslab) -> ReadPlan {
        let variable = &self.header.variable;
        let VariableCells::Chunked {
            grid,
            codecs,
            chunks,
        } = &variable.cells
        else {
            let bytes = slab
                .cell_count()
                .saturating_mul(variable.dtype.size() as u64);
            return ReadPlan {
                objects: vec![(name.to_owned(), bytes)],
                chunk_count: u64::from(!slab.is_empty()),
                chunk_shape: variable.shape.clone(),
                ..ReadPlan::default()
            };
        };
        let mut plan = ReadPlan {
            chunk_shape: grid.chunk_shape().to_vec(),
            codecs: codecs.codecs().iter().map(Codec::name).collect(),
            ..ReadPlan::default()
        };
        let mut bytes = 0;
        for piece in grid.pieces(slab) {
            match chunks.get(index(piece.chunk)) {
                Some(chunk) if !chunk.is_absent() => {
                    plan.chunk_count += 1;
                    bytes += chunk.size;
                }
                _ => plan.absent_chunk_count += 1,
            }
        }
        plan.objects.push((name.to_owned(), bytes));
        plan
    }
}
