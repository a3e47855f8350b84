//! A chunk that is an array of its own, cut into chunks itself: a tile.

use std::sync::Arc;

use hyperslab_core::chunk::{ChunkGrid, ChunkPiece};
use hyperslab_core::{Error, Hyperslab, Result};

use super::Slot;

impl Slot {
    /// Cuts the slot of a chunk that is stored as an array, cut by `grid`: one slot for each chunk of that. `slab` says which cells
    /// of the array are wanted.
    ///
    /// # Errors
    /// `Internal` when that are not as many cells along each axis as the slot has.
    pub fn split(self, grid: &ChunkGrid, slab: &Hyperslab) -> Result<Vec<Self>> {
        let counts = self.copy.axes.iter().map(|axis| axis.count as u64);
        if !counts.eq(slab.axes().iter().map(|axis| axis.count)) {
            return Err(Error::internal(format!(
                "a slot is no part {slab} of an array"
            )));
        }
        let shape = slab.shape();
        let part = |piece: &ChunkPiece| {
            let mut copy = grid.copy_of(piece, &shape, self.cell_size);
            // Its place is inside of that of this slot, whatever `slab` says.
            copy.in_slab = self.copy.in_slab;
            let axes = copy.axes.iter_mut().zip(&self.copy.axes);
            for ((axis, own), place) in axes.zip(piece.in_slab().axes()) {
                axis.to = own.to;
                let start = usize::try_from(place.start).unwrap_or(usize::MAX);
                copy.in_slab += start * own.to;
            }
            Self {
                destination: Arc::clone(&self.destination),
                chunk: piece.chunk,
                whole: piece.whole,
                copy,
                cell_size: self.cell_size,
            }
        };
        Ok(grid.pieces(slab).iter().map(part).collect())
    }
}

#[cfg(test)]
mod tests {
    use hyperslab_core::{ArrayBuf, AxisSlab, DType};

    use super::*;
    use crate::Destination;

    /// The cells of a box of an array of `shape` whose cells are their own numbers.
    fn cells(shape: [u8; 2], first: [u64; 2], lengths: [u64; 2]) -> Vec<u8> {
        let [rows, columns] = [0, 1].map(|axis| {
            let (first, length) = (first[axis], lengths[axis]);
            first..(first + length).min(u64::from(shape[axis]))
        });
        let mut cells = Vec::new();
        for row in rows {
            cells.extend(
                (columns.clone())
                    .map(|column| u8::try_from(row * u64::from(shape[1]) + column).unwrap()),
            );
        }
        cells
    }

    #[test]
    fn chunks_of_tiles_come_to_their_place() {
        let shape = [11_u8, 13];
        let grid = ChunkGrid::new(&[11, 13], &[5, 6]);
        for stride in [1, 2, 3] {
            let axis = |start, count| AxisSlab {
                start,
                count,
                stride,
            };
            let slab = Hyperslab::new(vec![axis(1, 3), axis(2, 3)], &[11, 13]).unwrap();
            let out = ArrayBuf::zeroed(DType::UInt8, &[3, 3]).unwrap();
            let pieces = grid.pieces(&slab);
            let (destination, tiles) = Destination::new(&grid, &slab, out);
            for (tile, piece) in tiles.into_iter().zip(pieces) {
                let tile_shape = grid.shape_of(piece.chunk);
                // Chunks of 2 x 3 in tiles that may be cut off: filled up with cells that nobody wants.
                let inner = ChunkGrid::new(&tile_shape, &[2, 3]);
                let tile_at = grid.position(piece.chunk);
                for slot in tile.split(&inner, &piece.in_chunk()).unwrap() {
                    let at = inner.position(slot.chunk());
                    let first =
                        [0, 1].map(|axis| tile_at[axis] * [5, 6][axis] + at[axis] * [2, 3][axis]);
                    let inside = inner.shape_of(slot.chunk());
                    let found = cells(shape, first, [inside[0], inside[1]]);
                    let mut chunk = vec![255; 6];
                    for (row, found) in found
                        .chunks(usize::try_from(inside[1]).unwrap())
                        .enumerate()
                    {
                        chunk[row * 3..row * 3 + found.len()].copy_from_slice(found);
                    }
                    slot.put(&chunk).unwrap();
                }
            }
            let found = Destination::finish(destination).unwrap();
            let wanted: Vec<u8> = (0..3)
                .flat_map(|row| {
                    (0..3).map(move |column| (1 + row * stride) * 13 + 2 + column * stride)
                })
                .map(|cell| u8::try_from(cell).unwrap())
                .collect();
            assert_eq!(found.bytes(), wanted);
        }
    }

    #[test]
    fn a_slot_of_other_counts_is_refused() {
        let grid = ChunkGrid::new(&[4], &[4]);
        let out = ArrayBuf::zeroed(DType::UInt8, &[4]).unwrap();
        let (_, slots) = Destination::new(&grid, &Hyperslab::full(&[4]), out);
        for slot in slots {
            slot.split(&grid, &Hyperslab::full(&[3])).unwrap_err();
        }
    }
}
