//! A result that many threads fill at once, each its own cells.
#![expect(
    unsafe_code,
    reason = "chunks are decoded into one buffer by several threads"
)]

mod split;

use std::cell::UnsafeCell;
use std::sync::Arc;

use hyperslab_core::chunk::{ChunkGrid, ChunkPiece, CopyAxis, PieceCopy, SharedTarget};
use hyperslab_core::{ArrayBuf, Error, Hyperslab, Result};

/// The buffer of a hyperslab while it is filled. Only [`Slot`]s write into it, and no two of them have a cell in common.
///
/// ```
/// use hyperslab_core::chunk::ChunkGrid;
/// use hyperslab_core::{ArrayBuf, DType, Hyperslab};
/// use hyperslab_engine::Destination;
///
/// let slab = Hyperslab::full(&[3]);
/// let out = ArrayBuf::zeroed(DType::UInt8, &[3])?;
/// let (destination, slots) = Destination::new(&ChunkGrid::new(&[3], &[2]), &slab, out);
/// for slot in slots {
///     slot.put(&[7, 8])?; // the cells of one chunk; those outside of the array are left out
/// }
/// assert_eq!(Destination::finish(destination)?.bytes(), [7, 8, 7]);
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Destination {
    buffer: UnsafeCell<ArrayBuf>,
    start: *mut u8,
    length: usize,
}

// SAFETY: while it is shared, the buffer is only reached through slots, each of which owns cells of its own.
unsafe impl Send for Destination {}
// SAFETY: as above.
unsafe impl Sync for Destination {}

/// The cells of a result that come from one chunk: to be put there once.
#[derive(Debug)]
pub struct Slot {
    destination: Arc<Destination>,
    chunk: u64,
    /// Whether every cell of the chunk inside of the array is wanted.
    whole: bool,
    copy: PieceCopy,
    cell_size: usize,
}

impl Destination {
    /// Shares the buffer of a hyperslab among the chunks that it touches, in their order. The shape of the buffer is that of the
    /// hyperslab.
    #[must_use]
    pub fn new(grid: &ChunkGrid, slab: &Hyperslab, out: ArrayBuf) -> (Arc<Self>, Vec<Slot>) {
        let destination = Self::share(out);
        let pieces = grid.pieces(slab);
        let slots = pieces
            .iter()
            .map(|piece| destination.slot(grid, slab, piece))
            .collect();
        (destination, slots)
    }

    fn share(out: ArrayBuf) -> Arc<Self> {
        let mut buffer = UnsafeCell::new(out);
        let bytes = buffer.get_mut().bytes_mut();
        let (start, length) = (bytes.as_mut_ptr(), bytes.len());
        Arc::new(Self {
            buffer,
            start,
            length,
        })
    }

    fn slot(self: &Arc<Self>, grid: &ChunkGrid, slab: &Hyperslab, piece: &ChunkPiece) -> Slot {
        // SAFETY: dtype and shape of the buffer never change while it is shared, and slots write its cells only.
        let cell_size = unsafe { &*self.buffer.get() }.dtype().size();
        Slot {
            destination: Arc::clone(self),
            chunk: piece.chunk,
            whole: piece.whole,
            copy: grid.copy_of(piece, &slab.shape(), cell_size),
            cell_size,
        }
    }

    /// The buffer, when all slots are gone.
    ///
    /// # Errors
    /// `Internal` when one is still there.
    pub fn finish(destination: Arc<Self>) -> Result<ArrayBuf> {
        Arc::into_inner(destination)
            .map(|destination| destination.buffer.into_inner())
            .ok_or_else(|| Error::internal("a result is still being filled"))
    }
}

impl Slot {
    /// The number of the chunk.
    #[must_use]
    pub fn chunk(&self) -> u64 {
        self.chunk
    }

    /// Whether every cell of the chunk inside of the array is wanted.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// How many bytes of cells are wanted.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.copy.byte_count(self.cell_size)
    }

    /// Puts its cells of a decoded chunk to their place.
    ///
    /// # Errors
    /// `Internal` when there are fewer than the chunk should have.
    pub fn put(self, chunk: &[u8]) -> Result<()> {
        self.put_part(&self.copy.axes, chunk, self.copy.in_chunk)
    }

    /// The same from a part of the chunk that begins at byte `first` of it and holds all cells that are wanted.
    ///
    /// # Errors
    /// `Internal` when it does not hold them.
    pub fn put_from(self, first: usize, part: &[u8]) -> Result<()> {
        let start = self.copy.in_chunk.checked_sub(first);
        let start = start.ok_or_else(|| Error::internal("a part of another chunk"))?;
        self.put_part(&self.copy.axes, part, start)
    }

    /// Sets all its cells to one value.
    ///
    /// # Errors
    /// `Internal` when the value is of another size.
    pub fn fill(self, cell: &[u8]) -> Result<()> {
        self.put_part(&CopyAxis::from_one(&self.copy.axes), cell, 0)
    }

    fn put_part(&self, axes: &[CopyAxis], source: &[u8], start: usize) -> Result<()> {
        let last = axes
            .iter()
            .map(|axis| axis.count.saturating_sub(1) * axis.from);
        if start + last.sum::<usize>() + self.cell_size > source.len() {
            return Err(Error::internal("a chunk has fewer cells than it should"));
        }
        let destination = &*self.destination;
        // SAFETY: the pointer and the length are those of the buffer, which lives as long as the destination does.
        let target = unsafe { SharedTarget::from_raw(destination.start, destination.length) };
        // SAFETY: no other slot has a cell of this one, and the buffer itself is not reached while there are slots.
        unsafe { target.copy_from(axes, self.cell_size, (source, start), self.copy.in_slab) };
        Ok(())
    }

    /// The smallest range of bytes of the chunk that holds all cells that are wanted.
    #[must_use]
    pub fn range_in_chunk(&self) -> std::ops::Range<usize> {
        let start = self.copy.in_chunk;
        start..start + self.extent(0)
    }

    /// Its place in the result, when a whole chunk of `chunk_bytes` lies there as it is decoded.
    #[must_use]
    pub fn as_bytes_mut(&mut self, chunk_bytes: usize) -> Option<&mut [u8]> {
        let run = self.copy.run_in_slab(self.cell_size)?;
        if run.len() != chunk_bytes || self.copy.in_chunk != 0 || run.end > self.destination.length
        {
            return None;
        }
        // SAFETY: the range was just found to lie in the buffer; its cells are those of this slot alone, which is borrowed.
        Some(unsafe {
            let start = self.destination.start.add(run.start);
            std::slice::from_raw_parts_mut(start, run.len())
        })
    }

    /// Cuts the slot into parts that are near together in the chunk: no two cells that follow each other have more than `gap` bytes
    /// between them, and no part goes over more than `span` bytes if it can be cut.
    #[must_use]
    pub fn cut(self, gap: usize, span: usize) -> Vec<Self> {
        let steps = self.steps(gap, span);
        let mut parts = vec![self];
        for (axis, steps) in steps.into_iter().enumerate() {
            parts = parts
                .into_iter()
                .flat_map(|part| part.along(axis, steps))
                .collect();
        }
        parts
    }

    /// How many parts [`cut`](Self::cut) makes, and the most bytes from the first to the last cell of one.
    #[must_use]
    pub fn cuts(&self, gap: usize, span: usize) -> (usize, usize) {
        let steps = self.steps(gap, span);
        let cut = self.copy.axes.get(..steps.len()).unwrap_or_default();
        let counts = cut.iter().zip(&steps);
        let parts = counts
            .map(|(axis, &steps)| axis.count.div_ceil(steps))
            .product();
        let last = cut.last().zip(steps.last());
        let along = last.map_or(0, |(axis, &steps)| {
            axis.count.min(steps).saturating_sub(1) * axis.from
        });
        (parts, along + self.extent(steps.len()))
    }

    /// How many steps along each of the first axes belong to one part; along those behind them all do.
    fn steps(&self, gap: usize, span: usize) -> Vec<usize> {
        let mut all = Vec::new();
        for (axis, along) in self.copy.axes.iter().enumerate() {
            let inner = self.extent(axis + 1);
            let steps = if along.from.saturating_sub(inner) > gap {
                1
            } else {
                1 + span.saturating_sub(inner) / along.from.max(1)
            };
            all.push(steps.min(along.count.max(1)));
            if steps > 1 {
                break;
            }
        }
        all
    }

    /// The bytes of the chunk from the first to the last cell along the axes from `axis` on.
    fn extent(&self, axis: usize) -> usize {
        let inner = self.copy.axes.iter().skip(axis);
        inner
            .map(|axis| axis.count.saturating_sub(1) * axis.from)
            .sum::<usize>()
            + self.cell_size
    }

    /// Parts of so many steps along an axis.
    fn along(self, axis: usize, steps: usize) -> impl Iterator<Item = Self> {
        let count = self.copy.axes.get(axis).map_or(0, |along| along.count);
        (0..count).step_by(steps.max(1)).map(move |first| {
            let mut copy = self.copy.clone();
            if let Some(cut) = copy.axes.get_mut(axis) {
                copy.in_chunk += first * cut.from;
                copy.in_slab += first * cut.to;
                cut.count = steps.min(count - first);
            }
            Self {
                destination: Arc::clone(&self.destination),
                copy,
                ..self
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyperslab_core::{AxisSlab, DType};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_read_every_wanted_cell_once(
            axes in proptest::collection::vec((1..9_u64, 1..6_u64, 1..4_u64), 1..4),
            gap in 0..40_usize,
            span in 1..60_usize,
        ) {
            let shape: Vec<u64> = axes.iter().map(|axis| axis.0).collect();
            let chunk: Vec<u64> = axes.iter().map(|axis| axis.1).collect();
            let strided = axes.iter().map(|&(size, _, stride)| AxisSlab {
                start: 0,
                count: size.div_ceil(stride),
                stride,
            });
            let slab = Hyperslab::new(strided.collect(), &shape).unwrap();
            let grid = ChunkGrid::new(&shape, &chunk);
            let cell_count = usize::try_from(chunk.iter().product::<u64>()).unwrap();
            let chunk_of = |number: u64| -> Vec<u8> {
                let cells = (0..cell_count as u64).map(|cell| number * 1000 + cell);
                cells.flat_map(u64::to_le_bytes).collect()
            };
            let read = |cut: bool| {
                let out = ArrayBuf::zeroed(DType::UInt64, &slab.shape()).unwrap();
                let (destination, slots) = Destination::new(&grid, &slab, out);
                let mut bytes = 0;
                for slot in slots {
                    let chunk = chunk_of(slot.chunk());
                    let wanted = slot.byte_count();
                    let (count, longest) = slot.cuts(gap, span);
                    let parts = if cut { slot.cut(gap, span) } else { vec![slot] };
                    let ranges = parts.iter().map(Slot::range_in_chunk).collect::<Vec<_>>();
                    if cut {
                        assert_eq!(parts.len(), count);
                        assert_eq!(ranges.iter().map(|range| range.len()).max(), Some(longest));
                    }
                    assert!(ranges.is_sorted_by(|one, next| one.end <= next.start), "a byte is read twice");
                    let counts = parts.iter().map(Slot::byte_count);
                    assert_eq!(counts.sum::<usize>(), wanted);
                    for mut part in parts {
                        if let Some(place) = part.as_bytes_mut(chunk.len()) {
                            place.copy_from_slice(&chunk);
                            bytes += chunk.len();
                            continue;
                        }
                        let range = part.range_in_chunk();
                        bytes += range.len();
                        part.put_from(range.start, &chunk[range]).unwrap();
                    }
                }
                (Destination::finish(destination).unwrap(), bytes)
            };
            let (whole, all_bytes) = read(false);
            let (parts, bytes) = read(true);
            prop_assert_eq!(whole, parts);
            prop_assert!(bytes <= all_bytes);
        }
    }

    #[test]
    fn a_result_is_not_given_out_while_it_is_filled() {
        let out = ArrayBuf::zeroed(DType::UInt8, &[3]).unwrap();
        let grid = ChunkGrid::new(&[3], &[2]);
        let (destination, mut slots) = Destination::new(&grid, &Hyperslab::full(&[3]), out);
        let last = slots.pop().unwrap();
        assert!(last.put(&[]).is_err());
        assert!(Destination::finish(destination).is_err());
        assert_eq!(slots.len(), 1);
    }

    #[test]
    fn far_parts_of_a_chunk_are_read_apart() {
        let shape = [4, 1000];
        let slab = Hyperslab::new(
            vec![
                AxisSlab::full(4),
                AxisSlab {
                    start: 10,
                    count: 5,
                    stride: 1,
                },
            ],
            &shape,
        )
        .unwrap();
        let slot = |gap, span| {
            let out = ArrayBuf::zeroed(DType::UInt8, &[4, 5]).unwrap();
            let (_, mut slots) = Destination::new(&ChunkGrid::new(&shape, &shape), &slab, out);
            let parts = slots.pop().unwrap().cut(gap, span);
            let ranges = parts.iter().map(Slot::range_in_chunk);
            ranges.collect::<Vec<_>>()
        };
        assert_eq!(
            slot(100, 9999),
            [10..15, 1010..1015, 2010..2015, 3010..3015]
        );
        assert_eq!(slot(995, 9999), vec![10..3015]);
        assert_eq!(slot(995, 1005), [10..1015, 2010..3015]);
    }
}
