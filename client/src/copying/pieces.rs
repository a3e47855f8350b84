//! The boxes in which an array is read and written when it is too large to be held at once.

use hyperslab_core::chunk::ChunkGrid;
use hyperslab_core::{Array, Result, Subset, box_bytes};

/// The boxes of an array, in C order.
#[derive(Debug, Clone)]
pub(super) struct Pieces {
    grid: ChunkGrid,
    shape: Vec<u64>,
}

impl Pieces {
    /// Boxes of whole write units of the target, as many as fit `bytes_max`; parts of one where that alone does not fit.
    pub(super) fn new(shape: &[u64], unit: &[u64], cell_size: usize, bytes_max: u64) -> Self {
        let mut piece: Vec<u64> = (shape.iter().zip(unit))
            .map(|(&size, &unit)| unit.min(size).max(1))
            .collect();
        while box_bytes(&piece, cell_size) > bytes_max {
            match piece.iter_mut().max_by_key(|length| **length) {
                Some(longest) if *longest > 1 => *longest = longest.div_ceil(2),
                _ => break,
            }
        }
        // The last dimension first: a longer run of cells is read and written in one go.
        for axis in (0..piece.len()).rev() {
            let factor = bytes_max / box_bytes(&piece, cell_size).max(1);
            let grown = piece[axis].saturating_mul(factor.max(1));
            piece[axis] = grown.min(shape[axis].max(1));
        }
        Self {
            grid: ChunkGrid::new(shape, &piece),
            shape: shape.to_vec(),
        }
    }

    /// How many boxes there are.
    pub(super) fn count(&self) -> u64 {
        self.grid.chunk_count()
    }

    /// The first cell of a box.
    pub(super) fn start(&self, number: u64) -> Vec<u64> {
        let lengths = self.grid.chunk_shape();
        let position = self.grid.position(number);
        position.iter().zip(lengths).map(|(at, l)| at * l).collect()
    }

    /// A box of an array of this shape.
    pub(super) fn subset(&self, array: &Array, number: u64) -> Result<Subset> {
        let lengths = self.grid.chunk_shape();
        let mut subset = array.all();
        for (axis, start) in self.start(number).into_iter().enumerate() {
            let stop = (start + lengths[axis]).min(self.shape[axis]);
            let name = &array.schema().dimensions()[axis].name;
            subset = subset.isel(name, start..stop)?;
        }
        Ok(subset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_whole_write_units_that_fit() {
        for (shape, unit, bytes_max, expected) in [
            (&[100, 100][..], &[10, 10][..], 4 * 1000, &[10, 100][..]),
            (&[100, 100], &[10, 10], 4 * 2500, &[20, 100]),
            (&[100, 100], &[10, 10], 4 * 300, &[10, 30]),
            // One unit does not fit.
            (&[100, 100], &[64, 100], 4 * 1000, &[32, 25]),
            (&[100, 100], &[10, 10], 1, &[1, 1]),
            (&[5, 3], &[10, 10], 1 << 20, &[5, 3]),
            (&[], &[], 1, &[]),
            (&[0, 3], &[1, 3], 100, &[1, 3]),
        ] {
            let pieces = Pieces::new(shape, unit, 4, bytes_max);
            assert_eq!(pieces.grid.chunk_shape(), expected, "{shape:?} {unit:?}");
        }
    }

    #[test]
    fn every_cell_is_in_one_box() {
        let shape = [7, 5, 3];
        let pieces = Pieces::new(&shape, &[2, 2, 2], 1, 9);
        let cells: u64 = (0..pieces.count())
            .map(|number| {
                let start = pieces.start(number);
                let lengths = pieces.grid.chunk_shape();
                let inside =
                    |axis: usize| (start[axis] + lengths[axis]).min(shape[axis]) - start[axis];
                (0..3).map(inside).product::<u64>()
            })
            .sum();
        assert_eq!(cells, 7 * 5 * 3);
    }
}
