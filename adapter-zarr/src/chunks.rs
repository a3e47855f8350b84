//! How an array is cut into chunks, and chunks are put together in objects: one each, or many in a shard.

use std::collections::BTreeMap;

use hyperslab_core::Hyperslab;
use hyperslab_core::chunk::{ChunkGrid, ChunkPiece};

/// The cutting of an array. An *object* holds one chunk, or all chunks of one shard; it is what a write puts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChunkLayout {
    chunks: ChunkGrid,
    objects: ChunkGrid,
    /// Chunks of a shard along each axis; all 1 without shards.
    ratio: Vec<u64>,
    sharded: bool,
    shape: Vec<u64>,
}

/// What a hyperslab and one chunk have in common, and which chunk of its object that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The number of the chunk in its object.
    pub(crate) number: usize,
    pub(crate) piece: ChunkPiece,
}

/// What a hyperslab and one object have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectPart {
    /// The number of the object in C order.
    pub(crate) object: u64,
    /// Its chunks that are touched, by their number in it.
    pub(crate) parts: Vec<Part>,
    /// Whether every cell of the object that lies inside the array is selected.
    pub(crate) whole: bool,
}

impl ChunkLayout {
    pub(crate) fn new(shape: &[u64], chunk_shape: &[u64], shard_shape: Option<&[u64]>) -> Self {
        let object_shape = shard_shape.unwrap_or(chunk_shape);
        Self {
            chunks: ChunkGrid::new(shape, chunk_shape),
            objects: ChunkGrid::new(shape, object_shape),
            ratio: (object_shape.iter().zip(chunk_shape))
                .map(|(object, chunk)| object / chunk)
                .collect(),
            sharded: shard_shape.is_some(),
            shape: shape.to_vec(),
        }
    }

    /// The grid of chunks.
    pub(crate) fn chunks(&self) -> &ChunkGrid {
        &self.chunks
    }

    /// The grid of objects.
    pub(crate) fn objects(&self) -> &ChunkGrid {
        &self.objects
    }

    pub(crate) fn is_sharded(&self) -> bool {
        self.sharded
    }

    pub(crate) fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// How many chunks an object holds, those outside the array included.
    pub(crate) fn chunks_per_object(&self) -> usize {
        let count: u64 = self.ratio.iter().product();
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// What a hyperslab has in common with each object it touches, in the order of the objects.
    pub(crate) fn objects_of(&self, slab: &Hyperslab) -> Vec<ObjectPart> {
        let mut objects: BTreeMap<u64, Vec<Part>> = BTreeMap::new();
        for piece in self.chunks.pieces(slab) {
            let (object, number) = self.place_of(piece.chunk);
            objects
                .entry(object)
                .or_default()
                .push(Part { number, piece });
        }
        let object_part = |(object, parts): (u64, Vec<Part>)| ObjectPart {
            whole: parts.iter().all(|part| part.piece.whole)
                && parts.len() as u64 == self.chunks_inside(object),
            object,
            parts,
        };
        objects.into_iter().map(object_part).collect()
    }

    /// The object of a chunk, and the number of the chunk in it.
    pub(crate) fn place_of(&self, chunk: u64) -> (u64, usize) {
        let position = self.chunks.position(chunk);
        let (mut object, mut number) = (0, 0);
        for (axis, along) in position.iter().enumerate() {
            object = object * self.objects.counts()[axis] + along / self.ratio[axis];
            number = number * self.ratio[axis] + along % self.ratio[axis];
        }
        (object, usize::try_from(number).unwrap_or(usize::MAX))
    }

    /// How many chunks of an object lie inside the array.
    fn chunks_inside(&self, object: u64) -> u64 {
        let axes = self.objects.position(object).into_iter().enumerate();
        axes.map(|(axis, along)| {
            let first = along * self.ratio[axis];
            self.ratio[axis].min(self.chunks.counts()[axis].saturating_sub(first))
        })
        .product()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyperslab_core::AxisSlab;
    use proptest::prelude::*;

    #[test]
    fn a_shard_at_the_edge_is_whole_without_the_chunks_outside() {
        let layout = ChunkLayout::new(&[5, 3], &[2, 2], Some(&[4, 4]));
        let all = layout.objects_of(&Hyperslab::full(&[5, 3]));
        assert_eq!(all.len(), 2);
        assert!(all.iter().all(|object| object.whole));
        let numbers = |object: usize| -> Vec<usize> {
            all[object].parts.iter().map(|part| part.number).collect()
        };
        assert_eq!(numbers(0), [0, 1, 2, 3]);
        assert_eq!(numbers(1), [0, 1]);
    }

    proptest! {
        #[test]
        fn every_cell_belongs_to_one_part(
            axes in proptest::collection::vec((1..9_u64, 1..4_u64, 1..4_u64, 1..3_u64), 1..4),
        ) {
            let shape: Vec<u64> = axes.iter().map(|axis| axis.0).collect();
            let chunk: Vec<u64> = axes.iter().map(|axis| axis.1).collect();
            let shard: Vec<u64> = axes.iter().map(|axis| axis.1 * axis.2).collect();
            let strided = axes.iter().map(|&(size, _, _, stride)| AxisSlab {
                start: 0,
                count: size.div_ceil(stride),
                stride,
            });
            let slab = Hyperslab::new(strided.collect(), &shape).unwrap();
            let layout = ChunkLayout::new(&shape, &chunk, Some(&shard));
            let objects = layout.objects_of(&slab);
            let parts = objects.iter().flat_map(|object| &object.parts);
            let mut touched = vec![0_u8; usize::try_from(slab.cell_count()).unwrap()];
            for part in parts {
                prop_assert!(part.number < layout.chunks_per_object());
                let size = chunk.iter().product::<u64>();
                let ones = vec![1; usize::try_from(size).unwrap()];
                let copy = layout.chunks().copy_of(&part.piece, &slab.shape(), 1);
                let mut marks = vec![0; touched.len()];
                hyperslab_core::chunk::copy_cells(
                    &copy.axes, 1, (&ones, copy.in_chunk), (&mut marks, copy.in_slab),
                );
                touched.iter_mut().zip(marks).for_each(|(sum, mark)| *sum += mark);
            }
            prop_assert!(touched.iter().all(|&count| count == 1));
            if axes.iter().all(|axis| axis.3 == 1) {
                prop_assert!(objects.iter().all(|object| object.whole));
            }
        }
    }
}
