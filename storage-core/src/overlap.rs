//! The cells that two hyperslabs share.

use crate::copy::{copy_box, scatter_scalar};
use crate::{ArrayBuf, AxisSlab, DType, Hyperslab, Result, WriteData};

impl Hyperslab {
    /// The cells that it shares with another hyperslab of the same array, as positions in the buffer of either; `None` when there
    /// are none.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<(Self, Self)> {
        let axes = self.axes().iter().zip(other.axes());
        let axes: Option<Vec<_>> = axes.map(|(a, b)| common_axis(a, b)).collect();
        let (in_self, in_other): (Vec<_>, Vec<_>) = axes?.into_iter().unzip();
        let in_self = Self::new(in_self, &self.shape()).ok()?;
        let in_other = Self::new(in_other, &other.shape()).ok()?;
        Some((in_self, in_other))
    }
}

impl WriteData {
    /// The element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        match self {
            Self::Scalar(value) => value.dtype(),
            Self::Cells(cells) => cells.dtype(),
        }
    }

    /// Lays what is written to the hyperslab `written` over `out`, the cells of the hyperslab `slab`.
    ///
    /// # Errors
    /// `Internal` when a buffer has not the shape of its hyperslab.
    pub fn lay_over(
        &self,
        written: &Hyperslab,
        slab: &Hyperslab,
        out: &mut ArrayBuf,
    ) -> Result<()> {
        let Some((in_out, in_write)) = slab.common(written) else {
            return Ok(());
        };
        let (shape, size) = (slab.shape(), self.dtype().size());
        let target = out.bytes_mut();
        match self {
            Self::Cells(cells) => {
                let source = (cells.bytes(), cells.shape(), &in_write);
                copy_box(size, source, (target, &shape, &in_out))
            }
            Self::Scalar(value) => scatter_scalar(&value.to_bytes(), target, &shape, &in_out),
        }
    }
}

/// Two arithmetic progressions share one whose step is the least common multiple of theirs.
fn common_axis(one: &AxisSlab, other: &AxisSlab) -> Option<(AxisSlab, AxisSlab)> {
    let index_in = |axis: &AxisSlab, position: u64| {
        let offset = position.checked_sub(axis.start)?;
        let index = offset / axis.stride;
        (offset % axis.stride == 0 && index < axis.count).then_some(index)
    };
    let mut shared = (0..one.count).filter_map(|index| {
        let found = index_in(other, one.position(index))?;
        Some((index, found))
    });
    let first = shared.next()?;
    let (steps, count) = match shared.next() {
        Some(second) => (
            (second.0 - first.0, second.1 - first.1),
            2 + shared.count() as u64,
        ),
        None => ((1, 1), 1),
    };
    let axis = |start, stride| AxisSlab {
        start,
        count,
        stride,
    };
    Some((axis(first.0, steps.0), axis(first.1, steps.1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shared_cells_are_found(
            a in (0..9_u64, 1..7_u64, 1..5_u64),
            b in (0..9_u64, 1..7_u64, 1..5_u64),
        ) {
            let axis = |(start, count, stride)| AxisSlab { start, count, stride };
            let (a, b) = (axis(a), axis(b));
            let positions = |axis: &AxisSlab| -> Vec<u64> {
                (0..axis.count).map(|index| axis.position(index)).collect()
            };
            let wanted: Vec<u64> =
                positions(&a).into_iter().filter(|at| positions(&b).contains(at)).collect();
            match common_axis(&a, &b) {
                None => prop_assert!(wanted.is_empty()),
                Some((in_a, in_b)) => {
                    let found = |axis: &AxisSlab, inner: &AxisSlab| -> Vec<u64> {
                        positions(inner).into_iter().map(|at| axis.position(at)).collect()
                    };
                    prop_assert_eq!(&found(&a, &in_a), &wanted);
                    prop_assert_eq!(&found(&b, &in_b), &wanted);
                }
            }
        }
    }
}
