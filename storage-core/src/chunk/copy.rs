//! Copies boxes of cells between two buffers of different strides.
#![expect(
    unsafe_code,
    reason = "chunks are scattered into one buffer by several threads at once"
)]

use std::marker::PhantomData;

/// One axis of a box: how many cells, and how many bytes apart they are on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyAxis {
    /// How many cells.
    pub count: usize,
    /// Bytes to the next cell in the source.
    pub from: usize,
    /// Bytes to the next cell in the destination.
    pub to: usize,
}

impl CopyAxis {
    /// The same box filled from one cell, which is read again and again.
    #[must_use]
    pub fn from_one(axes: &[Self]) -> Vec<Self> {
        axes.iter().map(|axis| Self { from: 0, ..*axis }).collect()
    }
}

/// How many bytes lie one after the other on both sides, for cells of `cell_size` bytes; and the axes around such a run.
pub(super) fn run(axes: &[CopyAxis], cell_size: usize) -> (usize, &[CopyAxis]) {
    let (mut run, mut outer) = (cell_size, axes);
    while let Some((axis, rest)) = outer.split_last() {
        if axis.count != 1 && (axis.from != run || axis.to != run) {
            break;
        }
        run *= axis.count;
        outer = rest;
    }
    (run, outer)
}

/// A buffer that several threads write different cells of.
#[derive(Debug)]
pub struct SharedTarget<'a> {
    start: *mut u8,
    length: usize,
    buffer: PhantomData<&'a mut [u8]>,
}

// SAFETY: the buffer is borrowed for as long as this lives, and `copy_from` leaves it to its callers that no two of them
// write the same cells.
unsafe impl Send for SharedTarget<'_> {}
// SAFETY: as above.
unsafe impl Sync for SharedTarget<'_> {}

impl<'a> SharedTarget<'a> {
    /// Shares a buffer.
    #[must_use]
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            start: buffer.as_mut_ptr(),
            length: buffer.len(),
            buffer: PhantomData,
        }
    }

    /// Shares the buffer that begins at `start`.
    ///
    /// # Safety
    /// So many bytes there stay valid for as long as this lives, and nobody reaches them but by what is shared.
    #[must_use]
    pub const unsafe fn from_raw(start: *mut u8, length: usize) -> Self {
        Self {
            start,
            length,
            buffer: PhantomData,
        }
    }

    /// Copies a box of cells of `cell_size` bytes from offset `source_start` of `source` to offset `target_start`.
    ///
    /// # Safety
    /// No other thread writes or reads the cells of the box meanwhile.
    ///
    /// # Panics
    /// When the box leaves one of the buffers, which is a defect of the caller.
    pub unsafe fn copy_from(
        &self,
        axes: &[CopyAxis],
        cell_size: usize,
        (source, source_start): (&[u8], usize),
        target_start: usize,
    ) {
        if axes.iter().any(|axis| axis.count == 0) {
            return;
        }
        let end = |start: usize, stride: fn(&CopyAxis) -> usize| {
            let last = axes.iter().map(|axis| (axis.count - 1) * stride(axis));
            start + last.sum::<usize>() + cell_size
        };
        assert!(end(source_start, |axis| axis.from) <= source.len());
        assert!(end(target_start, |axis| axis.to) <= self.length);
        let (run, outer) = run(axes, cell_size);
        // SAFETY: the first and the last byte of the box were just found to lie in the buffers, and all others lie
        // between them; that nobody else uses these cells is the caller's promise.
        unsafe {
            let source = source.as_ptr().add(source_start);
            let target = self.start.add(target_start);
            match run {
                1 => copy_runs::<1>(outer, run, source, target),
                2 => copy_runs::<2>(outer, run, source, target),
                4 => copy_runs::<4>(outer, run, source, target),
                8 => copy_runs::<8>(outer, run, source, target),
                16 => copy_runs::<16>(outer, run, source, target),
                _ => copy_runs::<0>(outer, run, source, target),
            }
        }
    }
}

/// Copies runs of `N` bytes, or of `run` bytes when `N` is zero.
///
/// # Safety
/// Every run of the box lies in both buffers, and nobody else uses those of the target.
unsafe fn copy_runs<const N: usize>(
    axes: &[CopyAxis],
    run: usize,
    source: *const u8,
    target: *mut u8,
) {
    let length = if N == 0 { run } else { N };
    // SAFETY: as the function demands; source and target are different buffers.
    unsafe {
        match axes.split_first() {
            None => target.copy_from_nonoverlapping(source, length),
            Some((axis, [])) => {
                for index in 0..axis.count {
                    let target = target.add(index * axis.to);
                    target.copy_from_nonoverlapping(source.add(index * axis.from), length);
                }
            }
            Some((axis, rest)) => {
                for index in 0..axis.count {
                    let (from, to) = (source.add(index * axis.from), target.add(index * axis.to));
                    copy_runs::<N>(rest, run, from, to);
                }
            }
        }
    }
}

/// Copies a box of cells of `cell_size` bytes from offset `source_start` of `source` to offset `target_start` of
/// `target`.
///
/// # Panics
/// When the box leaves one of the buffers, which is a defect of the caller.
pub fn copy_cells(
    axes: &[CopyAxis],
    cell_size: usize,
    source: (&[u8], usize),
    (target, target_start): (&mut [u8], usize),
) {
    let target = SharedTarget::new(target);
    // SAFETY: the buffer is shared with nobody else.
    unsafe { target.copy_from(axes, cell_size, source, target_start) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_copy_moves_every_cell() {
        let axes = [
            CopyAxis {
                count: 2,
                from: 3,
                to: 1,
            },
            CopyAxis {
                count: 3,
                from: 1,
                to: 2,
            },
        ];
        let mut target = [0; 6];
        copy_cells(&axes, 1, (&[1, 2, 3, 4, 5, 6], 0), (&mut target, 0));
        assert_eq!(target, [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    #[should_panic(expected = "assertion failed")]
    fn a_box_that_leaves_its_buffer_is_not_copied() {
        let axis = CopyAxis {
            count: 3,
            from: 1,
            to: 2,
        };
        copy_cells(&[axis], 1, (&[1, 2, 3], 0), (&mut [0; 4], 0));
    }
}
