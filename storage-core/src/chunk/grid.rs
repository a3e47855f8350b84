//! The grid of chunks that an array is cut into.

use std::ops::Range;

use super::copy::run;
use super::{CopyAxis, copy_cells, index};
use crate::{AxisSlab, Hyperslab, WriteData, fill_cells};

/// The chunks of an array, numbered in C order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkGrid {
    shape: Vec<u64>,
    chunk_shape: Vec<u64>,
    counts: Vec<u64>,
}

/// What a hyperslab and one chunk have in common along one axis, counted in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PieceAxis {
    chunk: u64,
    in_chunk: u64,
    stride: u64,
    in_slab: u64,
    count: u64,
    whole: bool,
}

/// What a hyperslab and one chunk have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkPiece {
    /// The number of the chunk.
    pub chunk: u64,
    /// Whether every cell of the chunk that lies inside the array is selected.
    pub whole: bool,
    axes: Vec<PieceAxis>,
}

impl ChunkPiece {
    /// Which cells of the chunk they are.
    #[must_use]
    pub fn in_chunk(&self) -> Hyperslab {
        let axes = self.axes.iter().map(|axis| AxisSlab {
            start: axis.in_chunk,
            count: axis.count,
            stride: axis.stride,
        });
        Hyperslab::in_bounds(axes.collect())
    }

    /// Which of the hyperslab's cells they are, as positions in its buffer.
    #[must_use]
    pub fn in_slab(&self) -> Hyperslab {
        let axes = self.axes.iter().map(|axis| AxisSlab {
            start: axis.in_slab,
            count: axis.count,
            stride: 1,
        });
        Hyperslab::in_bounds(axes.collect())
    }
}

/// The box of cells that a [`ChunkPiece`] is, as byte offsets and strides of the chunk and of the hyperslab's buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PieceCopy {
    /// Axes with `from` in the chunk and `to` in the hyperslab's buffer.
    pub axes: Vec<CopyAxis>,
    /// Offset of the first cell in the chunk.
    pub in_chunk: usize,
    /// Offset of the first cell in the buffer.
    pub in_slab: usize,
}

impl PieceCopy {
    /// How many bytes of cells it is.
    #[must_use]
    pub fn byte_count(&self, cell_size: usize) -> usize {
        let axes = self.axes.iter();
        axes.fold(cell_size, |bytes, axis| bytes * axis.count)
    }

    /// Its place in the buffer of the hyperslab, if all of it lies there as in the chunk, without a gap.
    #[must_use]
    pub fn run_in_slab(&self, cell_size: usize) -> Option<Range<usize>> {
        let (run, outer) = run(&self.axes, cell_size);
        outer.is_empty().then(|| self.in_slab..self.in_slab + run)
    }

    /// Where its cells lie in the buffer of the hyperslab, in the order of the chunk: each range is as long as they lie without a
    /// gap on both sides.
    #[must_use]
    pub fn rows_in_slab(&self, cell_size: usize) -> Vec<Range<usize>> {
        let (run, outer) = run(&self.axes, cell_size);
        let mut starts = vec![self.in_slab];
        for axis in outer {
            let steps = |start: usize| (0..axis.count).map(move |step| start + step * axis.to);
            starts = starts.into_iter().flat_map(steps).collect();
        }
        starts.into_iter().map(|start| start..start + run).collect()
    }

    /// Writes what it is of a write of the hyperslab into the cells of the chunk.
    pub fn write(&self, data: &WriteData, chunk: &mut [u8]) {
        let axes = self.reversed();
        match data {
            WriteData::Cells(cells) => {
                let source = (cells.bytes(), self.in_slab);
                copy_cells(&axes, cells.dtype().size(), source, (chunk, self.in_chunk));
            }
            WriteData::Scalar(value) => {
                let cell = value.to_bytes();
                if self.byte_count(cell.len()) == chunk.len() {
                    return fill_cells(chunk, &cell);
                }
                let axes = CopyAxis::from_one(&axes);
                copy_cells(&axes, cell.len(), (&cell, 0), (chunk, self.in_chunk));
            }
        }
    }

    /// The axes for a copy the other way, from the buffer into the chunk.
    #[must_use]
    pub fn reversed(&self) -> Vec<CopyAxis> {
        let swap = |axis: &CopyAxis| CopyAxis {
            count: axis.count,
            from: axis.to,
            to: axis.from,
        };
        self.axes.iter().map(swap).collect()
    }
}

impl ChunkGrid {
    /// The grid of an array of `shape` in chunks of `chunk_shape`, none of which is zero.
    #[must_use]
    pub fn new(shape: &[u64], chunk_shape: &[u64]) -> Self {
        let counts = shape
            .iter()
            .zip(chunk_shape)
            .map(|(&size, &length)| size.div_ceil(length.max(1)))
            .collect();
        Self {
            shape: shape.to_vec(),
            chunk_shape: chunk_shape.to_vec(),
            counts,
        }
    }

    /// The shape of one chunk.
    #[must_use]
    pub fn chunk_shape(&self) -> &[u64] {
        &self.chunk_shape
    }

    /// Bytes of the cells of one chunk, saturating.
    #[must_use]
    pub fn chunk_bytes(&self, cell_size: usize) -> u64 {
        let lengths = self.chunk_shape.iter();
        lengths.fold(cell_size as u64, |bytes, &length| {
            bytes.saturating_mul(length)
        })
    }

    /// The shape of a chunk as far as it lies inside the array.
    #[must_use]
    pub fn shape_of(&self, chunk: u64) -> Vec<u64> {
        let position = self.position(chunk);
        let axes = position.iter().zip(&self.chunk_shape).zip(&self.shape);
        axes.map(|((&position, &length), &size)| {
            length.min(size.saturating_sub(position.saturating_mul(length)))
        })
        .collect()
    }

    /// How many chunks there are along each axis.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many chunks there are, saturating.
    #[must_use]
    pub fn chunk_count(&self) -> u64 {
        let counts = self.counts.iter();
        counts.fold(1, |product: u64, &count| product.saturating_mul(count))
    }

    /// The number of the chunk whose first cell is at `offset`; `None` when there is no such chunk.
    #[must_use]
    pub fn chunk_at(&self, offset: &[u64]) -> Option<u64> {
        if offset.len() != self.counts.len() {
            return None;
        }
        let axes = offset.iter().zip(&self.chunk_shape).zip(&self.counts);
        axes.into_iter()
            .try_fold(0_u64, |number, ((&start, &length), &count)| {
                let position = start / length;
                (start % length == 0 && position < count)
                    .then(|| number.checked_mul(count)?.checked_add(position))
                    .flatten()
            })
    }

    /// How many chunks a hyperslab touches at the most.
    #[must_use]
    pub fn touched(&self, slab: &Hyperslab) -> u64 {
        let axes = slab.axes().iter().zip(&self.chunk_shape);
        axes.fold(1, |product: u64, (axis, &length)| {
            let along = match axis.last() {
                Some(last) => last / length.max(1) - axis.start / length.max(1) + 1,
                None => 0,
            };
            product.saturating_mul(along.min(axis.count))
        })
    }

    /// The position of a chunk along each axis, from its number.
    #[must_use]
    pub fn position(&self, chunk: u64) -> Vec<u64> {
        let mut rest = chunk;
        let mut position: Vec<u64> = self
            .counts
            .iter()
            .rev()
            .map(|&count| {
                let along = rest % count.max(1);
                rest /= count.max(1);
                along
            })
            .collect();
        position.reverse();
        position
    }

    /// What the hyperslab has in common with each chunk it touches, in the order of the chunks.
    #[must_use]
    pub fn pieces(&self, slab: &Hyperslab) -> Vec<ChunkPiece> {
        if slab.is_empty() {
            return Vec::new();
        }
        let per_axis: Vec<Vec<PieceAxis>> = slab
            .axes()
            .iter()
            .enumerate()
            .map(|(axis, selected)| self.axis_pieces(axis, selected))
            .collect();
        let mut pieces = vec![ChunkPiece {
            chunk: 0,
            whole: true,
            axes: Vec::new(),
        }];
        for (axis, parts) in per_axis.iter().enumerate() {
            let mut next = Vec::with_capacity(pieces.len() * parts.len());
            for piece in &pieces {
                for part in parts {
                    let mut axes = Vec::with_capacity(per_axis.len());
                    axes.extend_from_slice(&piece.axes);
                    axes.push(*part);
                    next.push(ChunkPiece {
                        chunk: piece.chunk * self.counts[axis] + part.chunk,
                        whole: piece.whole && part.whole,
                        axes,
                    });
                }
            }
            pieces = next;
        }
        pieces
    }

    fn axis_pieces(&self, axis: usize, selected: &AxisSlab) -> Vec<PieceAxis> {
        let (size, length) = (self.shape[axis], self.chunk_shape[axis]);
        let mut parts = Vec::new();
        let mut done = 0;
        while done < selected.count {
            let position = selected.position(done);
            let chunk = position / length;
            let in_chunk = position - chunk * length;
            let fitting = (length - 1 - in_chunk) / selected.stride + 1;
            let count = fitting.min(selected.count - done);
            let inside = length.min(size - chunk * length);
            parts.push(PieceAxis {
                chunk,
                in_chunk,
                stride: selected.stride,
                in_slab: done,
                count,
                whole: count == inside,
            });
            done += count;
        }
        parts
    }

    /// The copy between a chunk and a buffer of `slab_shape`, for cells of `cell_size` bytes.
    #[must_use]
    pub fn copy_of(&self, piece: &ChunkPiece, slab_shape: &[u64], cell_size: usize) -> PieceCopy {
        let (mut in_chunk, mut in_slab) = (0, 0);
        let (mut chunk_stride, mut slab_stride) = (cell_size, cell_size);
        let mut axes = Vec::with_capacity(piece.axes.len());
        for (number, part) in piece.axes.iter().enumerate().rev() {
            axes.push(CopyAxis {
                count: index(part.count),
                from: index(part.stride) * chunk_stride,
                to: slab_stride,
            });
            in_chunk += index(part.in_chunk) * chunk_stride;
            in_slab += index(part.in_slab) * slab_stride;
            chunk_stride *= index(self.chunk_shape[number]);
            slab_stride *= index(slab_shape[number]);
        }
        axes.reverse();
        PieceCopy {
            axes,
            in_chunk,
            in_slab,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A shape, a chunk shape and a hyperslab of one to three axes.
    fn cases() -> impl Strategy<Value = (Vec<u64>, Vec<u64>, Hyperslab)> {
        let axis = (1..12_u64, 1..14_u64, 1..4_u64).prop_flat_map(|(size, chunk, stride)| {
            (0..size).prop_flat_map(move |start| {
                let most = (size - 1 - start) / stride + 1;
                (0..=most).prop_map(move |count| {
                    (
                        size,
                        chunk,
                        AxisSlab {
                            start,
                            count,
                            stride,
                        },
                    )
                })
            })
        });
        proptest::collection::vec(axis, 1..4).prop_map(|axes| {
            let shape: Vec<u64> = axes.iter().map(|axis| axis.0).collect();
            let chunks = axes.iter().map(|axis| axis.1).collect();
            let slab = Hyperslab::new(axes.iter().map(|axis| axis.2).collect(), &shape).unwrap();
            (shape, chunks, slab)
        })
    }

    proptest! {
        #[test]
        fn pieces_copy_each_selected_cell_once((shape, chunk_shape, slab) in cases()) {
            let grid = ChunkGrid::new(&shape, &chunk_shape);
            let cells = chunk_shape.iter().product::<u64>();
            let mut out = vec![u64::MAX; index(slab.cell_count())];
            prop_assert!(grid.touched(&slab) >= grid.pieces(&slab).len() as u64);
            for piece in grid.pieces(&slab) {
                // Each cell of a chunk holds its own number, made of the chunk and the place in it.
                let chunk: Vec<u64> = (0..cells).map(|cell| piece.chunk * cells + cell).collect();
                let copy = grid.copy_of(&piece, &slab.shape(), 8);
                let source = bytemuck::cast_slice(&chunk);
                copy_cells(&copy.axes, 8, (source, copy.in_chunk), (bytemuck::cast_slice_mut(&mut out), copy.in_slab));
            }
            for piece in grid.pieces(&slab).iter().filter(|piece| piece.whole) {
                let copy = grid.copy_of(piece, &slab.shape(), 8);
                let bytes: &[u8] = bytemuck::cast_slice(&out);
                let rows: Vec<u8> = copy.rows_in_slab(8).into_iter().flat_map(|row| &bytes[row]).copied().collect();
                prop_assert_eq!(rows.len(), copy.byte_count(8));
                let cells: Vec<u64> = bytemuck::pod_collect_to_vec(&rows);
                prop_assert!(cells.is_sorted(), "the order is that of the chunk");
            }
            for (place, &found) in out.iter().enumerate() {
                let (mut rest, mut chunk, mut cell) = (place as u64, 0, 0);
                let mut position = vec![0; shape.len()];
                for axis in (0..shape.len()).rev() {
                    position[axis] = slab.axes()[axis].position(rest % slab.axes()[axis].count);
                    rest /= slab.axes()[axis].count;
                }
                for axis in 0..shape.len() {
                    chunk = chunk * shape[axis].div_ceil(chunk_shape[axis]) + position[axis] / chunk_shape[axis];
                    cell = cell * chunk_shape[axis] + position[axis] % chunk_shape[axis];
                }
                prop_assert_eq!(found, chunk * cells + cell);
            }
        }

        #[test]
        fn the_whole_array_covers_each_chunk((shape, chunk_shape, _) in cases()) {
            let grid = ChunkGrid::new(&shape, &chunk_shape);
            let pieces = grid.pieces(&Hyperslab::full(&shape));
            prop_assert_eq!(pieces.len() as u64, grid.chunk_count());
            for (number, piece) in pieces.iter().enumerate() {
                prop_assert!(piece.whole);
                prop_assert_eq!(piece.chunk, number as u64);
            }
        }
    }
}
