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
            VariableCells::Inline(_) | VariableCells::Library | VariableCells::Elsewhere => None,
        }
    }

    /// What reading this hyperslab will touch of the file, which messages call `name`.
    pub(crate) fn plan(&self, name: &str, slab: &Hyperslab) -> ReadPlan {
        let mut plan = ReadPlan {
            chunk_shape: self.header.variable.shape.clone(),
            ..ReadPlan::default()
        };
        if let VariableCells::Chunked { grid, codecs, .. } = &self.header.variable.cells {
            plan.chunk_shape = grid.chunk_shape().to_vec();
            plan.codecs = codecs.codecs().iter().map(Codec::name).collect();
        }
        self.add_to_plan(&mut plan, name, slab);
        plan
    }

    /// Adds what reading this hyperslab will touch of the file.
    pub(crate) fn add_to_plan(&self, plan: &mut ReadPlan, name: &str, slab: &Hyperslab) {
        let variable = &self.header.variable;
        let VariableCells::Chunked { grid, chunks, .. } = &variable.cells else {
            let bytes = slab
                .cell_count()
                .saturating_mul(variable.dtype.size() as u64);
            plan.chunk_count += u64::from(!slab.is_empty());
            plan.objects.push((name.to_owned(), bytes));
            return;
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
    }
}
