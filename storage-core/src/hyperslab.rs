//! The rectangular piece of an array that is read or written.

use std::fmt;

use crate::{Error, Result};

/// The positions `start, start + stride, ...` along one axis, `count` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AxisSlab {
    /// The first position.
    pub start: u64,
    /// How many positions; zero is allowed.
    pub count: u64,
    /// The distance between positions, at least 1.
    pub stride: u64,
}

impl AxisSlab {
    /// All positions of an axis of that size.
    #[must_use]
    pub const fn full(size: u64) -> Self {
        Self {
            start: 0,
            count: size,
            stride: 1,
        }
    }

    /// One position.
    #[must_use]
    pub const fn at(position: u64) -> Self {
        Self {
            start: position,
            count: 1,
            stride: 1,
        }
    }

    /// The last position, or `None` when there is none.
    #[must_use]
    pub const fn last(&self) -> Option<u64> {
        match self.count {
            0 => None,
            count => Some(self.start + (count - 1) * self.stride),
        }
    }

    /// The position of the `index`-th selected one.
    #[must_use]
    pub const fn position(&self, index: u64) -> u64 {
        self.start + index * self.stride
    }

    /// `inner` read as a selection of the positions that `self` selects.
    #[must_use]
    pub const fn compose(&self, inner: &Self) -> Self {
        if inner.count == 0 {
            return Self {
                start: self.start,
                count: 0,
                stride: 1,
            };
        }
        Self {
            start: self.position(inner.start),
            count: inner.count,
            stride: if inner.count == 1 {
                1
            } else {
                self.stride * inner.stride
            },
        }
    }
}

/// Per axis a start, a count and a stride; always inside the shape it was made for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hyperslab {
    axes: Vec<AxisSlab>,
}

impl Hyperslab {
    /// All cells of an array of that shape.
    #[must_use]
    pub fn full(shape: &[u64]) -> Self {
        Self {
            axes: shape.iter().map(|&size| AxisSlab::full(size)).collect(),
        }
    }

    /// A hyperslab of an array of `shape`.
    ///
    /// # Errors
    /// `InvalidInput` when the number of axes differs, a stride is zero, or a position lies outside the shape.
    pub fn new(axes: Vec<AxisSlab>, shape: &[u64]) -> Result<Self> {
        if axes.len() != shape.len() {
            return Err(Error::invalid(format!(
                "a hyperslab of {} axes does not fit shape {shape:?}",
                axes.len()
            )));
        }
        for (number, (axis, &size)) in axes.iter().zip(shape).enumerate() {
            let last = axis.count.checked_sub(1).map(|steps| {
                steps
                    .checked_mul(axis.stride)
                    .and_then(|span| span.checked_add(axis.start))
            });
            let inside = match last {
                None => true,
                Some(last) => last.is_some_and(|last| last < size),
            };
            if axis.stride == 0 || !inside {
                return Err(Error::invalid(format!(
                    "axis {number}: start {}, count {}, stride {} does not lie inside size {size}",
                    axis.start, axis.count, axis.stride
                )));
            }
        }
        Ok(Self { axes })
    }

    /// A hyperslab of axes that are known to lie in bounds.
    pub(crate) const fn in_bounds(axes: Vec<AxisSlab>) -> Self {
        Self { axes }
    }

    /// The axes, slowest first.
    #[must_use]
    pub fn axes(&self) -> &[AxisSlab] {
        &self.axes
    }

    /// How many positions are selected along each axis: the shape of the cells read or written.
    #[must_use]
    pub fn shape(&self) -> Vec<u64> {
        self.axes.iter().map(|axis| axis.count).collect()
    }

    /// The number of cells, saturating.
    #[must_use]
    pub fn cell_count(&self) -> u64 {
        self.axes
            .iter()
            .fold(1, |count: u64, axis| count.saturating_mul(axis.count))
    }

    /// Whether no cell is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.axes.iter().any(|axis| axis.count == 0)
    }

    /// Whether every cell of `shape` is selected, in order.
    #[must_use]
    pub fn covers(&self, shape: &[u64]) -> bool {
        self.axes
            .iter()
            .zip(shape)
            .all(|(axis, &size)| axis.count == size)
    }
}

/// `start:stop:stride` per axis, as in NumPy.
impl fmt::Display for Hyperslab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (number, axis) in self.axes.iter().enumerate() {
            let stop = axis.last().map_or(axis.start, |last| last + 1);
            write!(
                f,
                "{}{}:{stop}",
                if number == 0 { "" } else { ", " },
                axis.start
            )?;
            if axis.stride != 1 {
                write!(f, ":{}", axis.stride)?;
            }
        }
        f.write_str("]")
    }
}
