//! What each tile gets of a write.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyperslab_core::WriteData;
use hyperslab_engine::SlabWrite;

use crate::chunk::{ChunkGrid, ChunkPiece};
use crate::image::PartWrite;

/// What one tile gets of some writes, in their order.
#[derive(Debug)]
pub(crate) struct TileWrites<'a> {
    pieces: Vec<(ChunkPiece, &'a SlabWrite)>,
}

/// Each tile that gets something of some writes, one after the other, by its number.
pub(crate) fn split<'a>(
    grid: &ChunkGrid,
    writes: &'a [Arc<SlabWrite>],
) -> BTreeMap<u64, TileWrites<'a>> {
    let mut tiles: BTreeMap<u64, TileWrites<'a>> = BTreeMap::new();
    for write in writes {
        for piece in grid.pieces(&write.slab) {
            let tile = tiles
                .entry(piece.chunk)
                .or_insert_with(|| TileWrites { pieces: Vec::new() });
            tile.pieces.push((piece, write));
        }
    }
    tiles
}

impl TileWrites<'_> {
    /// Nothing: the tile stays as it is.
    pub(crate) const NONE: Self = Self { pieces: Vec::new() };

    /// Whether all of what is written is of a kind.
    pub(crate) fn all(&self, is: impl Fn(&WriteData) -> bool) -> bool {
        self.pieces.iter().all(|(_, write)| is(&write.data))
    }

    /// The writes as those of an array that has the shape of the tile, with their cells where they are.
    pub(crate) fn parts(&self, grid: &ChunkGrid) -> Vec<PartWrite<'_>> {
        let pieces = self.pieces.iter();
        let part = pieces.map(|(piece, write)| {
            let copy = grid.copy_of(piece, &write.shape, write.data.dtype().size());
            PartWrite {
                slab: piece.in_chunk(),
                write,
                offset: copy.in_slab,
            }
        });
        part.collect()
    }
}

#[cfg(test)]
mod tests {
    use hyperslab_core::copy::gather;
    use hyperslab_core::{ArrayBuf, AxisSlab, DType, Hyperslab, Scalar};

    use super::*;

    #[test]
    fn the_parts_of_writes_make_the_whole() {
        let (shape, tile_shape) = ([7, 8], [3, 5]);
        let grid = ChunkGrid::new(&shape, &tile_shape);
        let axis = |start, count, stride| AxisSlab {
            start,
            count,
            stride,
        };
        let slab = Hyperslab::new(vec![axis(0, 4, 2), axis(1, 3, 3)], &shape).unwrap();
        let cells = ArrayBuf::from_vec(&[4, 3], (1..=12_u8).collect()).unwrap();
        let column = Hyperslab::new(vec![axis(0, 7, 1), axis(4, 1, 1)], &shape).unwrap();
        let writes = [
            SlabWrite::new(&slab, WriteData::Cells(cells)),
            SlabWrite::new(&column, WriteData::Scalar(Scalar::UInt8(99))),
        ];
        let lay = |writes: &[Arc<SlabWrite>], shape: &[u64]| {
            let mut out = ArrayBuf::zeroed(DType::UInt8, shape).unwrap();
            for write in writes {
                let whole = Hyperslab::full(shape);
                write.data.lay_over(&write.slab, &whole, &mut out).unwrap();
            }
            out
        };
        let wanted = lay(&writes, &shape);
        let tiles = split(&grid, &writes);
        for (&tile, writes) in &tiles {
            let at = grid.position(tile);
            let axes = (0..2).map(|number| {
                axis(
                    at[number] * tile_shape[number],
                    grid.shape_of(tile)[number],
                    1,
                )
            });
            let place = Hyperslab::new(axes.collect(), &shape).unwrap();
            let mut part = vec![0; usize::try_from(place.cell_count()).unwrap()];
            gather(wanted.bytes(), &shape, 1, &place, &mut part).unwrap();
            let mut found = vec![0; part.len()];
            for write in writes.parts(&grid) {
                write.put(&mut found, &grid.shape_of(tile));
            }
            assert_eq!(found, part, "tile {tile}");
            assert!(!writes.all(|data| matches!(data, WriteData::Scalar(_))));
        }
        assert_eq!(tiles.len(), 6);
    }
}
