//! Windows: the boxes in which a hyperslab is read or written when it is too large to be held at once.

use crate::{AxisSlab, Hyperslab};

/// Boxes that together cover a hyperslab once, in C order, along the borders of chunks, so that few chunks are touched twice.
///
/// ```
/// use hyperslab_core::Hyperslab;
/// use hyperslab_core::chunk::Windows;
///
/// let windows = Windows::new(&Hyperslab::full(&[5, 4]), &[2, 4], 8, 2 * 4 * 8);
/// let shapes: Vec<_> = windows.iter().map(|window| window.shape()).collect();
/// assert_eq!(shapes, [[2, 4], [2, 4], [1, 4]]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// Along each axis, where to cut.
    axes: Vec<Cuts>,
}

/// The cuts along one axis: at each multiple of a length of cells of the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cuts {
    axis: AxisSlab,
    length: u64,
    /// Cells to the end of a hyperslab that is cut nowhere.
    most: u64,
}

impl Cuts {
    fn new(axis: AxisSlab, unit: u64) -> Self {
        let most = axis.start + axis.count.saturating_sub(1) * axis.stride + 1;
        Self {
            axis,
            // A window shorter than a step could have no position in it.
            length: unit.max(axis.stride).clamp(1, most),
            most,
        }
    }

    /// The most positions of the hyperslab that one window has.
    fn positions(&self) -> u64 {
        self.length.div_ceil(self.axis.stride).min(self.axis.count)
    }

    /// The first position of the hyperslab at or behind a cell of the array.
    fn position_at(&self, cell: u64) -> u64 {
        let steps = cell
            .saturating_sub(self.axis.start)
            .div_ceil(self.axis.stride);
        steps.min(self.axis.count)
    }

    fn first(&self) -> u64 {
        self.axis.start / self.length
    }

    fn count(&self) -> u64 {
        match self.axis.count {
            0 => 1,
            _ => (self.most - 1) / self.length + 1 - self.first(),
        }
    }

    /// The positions of a window.
    fn window(&self, number: u64) -> AxisSlab {
        let low = (self.first() + number).saturating_mul(self.length);
        let start = self.position_at(low);
        AxisSlab {
            start,
            count: self.position_at(low.saturating_add(self.length)) - start,
            stride: 1,
        }
    }
}

impl Windows {
    /// The windows of a hyperslab of an array in chunks of `chunk_shape`, for cells of `cell_size` bytes: of whole chunks, as many
    /// as fit `budget` bytes, or of parts of one where that alone does not fit. There is at least one cell in a window, unless
    /// there is none at all.
    #[must_use]
    pub fn new(slab: &Hyperslab, chunk_shape: &[u64], cell_size: usize, budget: u64) -> Self {
        let units = chunk_shape.iter().copied().chain(std::iter::repeat(1));
        let axes = slab.axes().iter().zip(units);
        let mut axes: Vec<Cuts> = axes.map(|(&axis, unit)| Cuts::new(axis, unit)).collect();
        while bytes(&axes, cell_size) > budget {
            match axes.iter_mut().max_by_key(|cuts| cuts.positions()) {
                Some(cuts) if cuts.positions() > 1 => {
                    cuts.length = cuts.length.div_ceil(2).max(cuts.axis.stride);
                }
                _ => break,
            }
        }
        // The last dimension first: a longer run of cells is read and written in one go.
        for axis in (0..axes.len()).rev() {
            let factor = budget / bytes(&axes, cell_size).max(1);
            if let Some(cuts) = axes.get_mut(axis) {
                let grown = cuts.length.saturating_mul(factor.max(1));
                // All of it, only when all of it fits.
                cuts.length = grown.min(cuts.most);
            }
        }
        Self { axes }
    }

    /// How many windows there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        let counts = self.axes.iter().map(Cuts::count);
        counts.fold(1, u64::saturating_mul)
    }

    /// A window by its number, which is below [`count`](Self::count): what of the hyperslab it is, counted in positions of the
    /// hyperslab.
    #[must_use]
    pub fn get(&self, number: u64) -> Hyperslab {
        let mut rest = number;
        let mut axes: Vec<AxisSlab> = (self.axes.iter().rev())
            .map(|cuts| {
                let along = rest % cuts.count();
                rest /= cuts.count();
                cuts.window(along)
            })
            .collect();
        axes.reverse();
        // Each axis was cut from one that is in bounds.
        Hyperslab::in_bounds(axes)
    }

    /// All windows, in C order.
    pub fn iter(&self) -> impl Iterator<Item = Hyperslab> + '_ {
        (0..self.count()).map(|number| self.get(number))
    }
}

fn bytes(axes: &[Cuts], cell_size: usize) -> u64 {
    axes.iter().fold(cell_size as u64, |bytes, cuts| {
        bytes.saturating_mul(cuts.positions().max(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn windows_are_whole_chunks_that_fit() {
        for (shape, unit, budget, expected) in [
            (&[100, 100][..], &[10, 10][..], 4 * 1000, &[10, 100][..]),
            (&[100, 100], &[10, 10], 4 * 2500, &[20, 100]),
            (&[100, 100], &[10, 10], 4 * 300, &[10, 30]),
            // One chunk does not fit.
            (&[100, 100], &[64, 100], 4 * 1000, &[32, 25]),
            (&[100, 100], &[10, 10], 1, &[1, 1]),
            (&[5, 3], &[10, 10], 1 << 20, &[5, 3]),
            (&[], &[], 1, &[]),
            (&[0, 3], &[1, 3], 100, &[0, 3]),
        ] {
            let windows = Windows::new(&Hyperslab::full(shape), unit, 4, budget);
            assert_eq!(windows.get(0).shape(), expected, "{shape:?} {unit:?}");
        }
    }

    proptest! {
        #[test]
        fn every_position_is_in_one_window(
            axes in proptest::collection::vec((0..5_u64, 0..9_u64, 1..4_u64, 1..6_u64), 0..4),
            budget in 1..200_u64,
        ) {
            let slabs = axes.iter().map(|&(start, count, stride, _)| AxisSlab { start, count, stride });
            let slabs: Vec<AxisSlab> = slabs.collect();
            let shape: Vec<u64> = slabs.iter().map(|a| a.start + a.count * a.stride).collect();
            let unit: Vec<u64> = axes.iter().map(|axis| axis.3).collect();
            let slab = Hyperslab::new(slabs.clone(), &shape).unwrap();
            let windows = Windows::new(&slab, &unit, 2, budget);
            let mut seen = std::collections::HashSet::new();
            for window in windows.iter() {
                let cells = window.cell_count();
                prop_assert!(cells * 2 <= budget || cells == 1);
                prop_assert!(cells > 0 || slab.is_empty());
                for cell in 0..cells {
                    let mut rest = cell;
                    let position: Vec<u64> = window.axes().iter().rev().map(|axis| {
                        let at = axis.position(rest % axis.count);
                        rest /= axis.count;
                        at
                    }).collect();
                    prop_assert!(seen.insert(position));
                }
            }
            prop_assert_eq!(seen.len() as u64, slab.cell_count());
        }
    }
}
