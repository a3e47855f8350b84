//! What a user selects along each axis, resolved to an [`AxisSlab`] before any byte is read.
//!
//! All of this is plain computation: no I/O, and no memory in proportion to an axis that is a scale.
//!
//! | said | by | selects | axis |
//! | --- | --- | --- | --- |
//! | `3`, `-1` | [`Index::At`] | that position, counted from the end if negative; outside is an error | dropped |
//! | `2..10`, `-5..` | [`Index::Range`] | from start up to, not including, stop; clipped to the axis | kept |
//! | every n-th | [`Index::step`] | positions start, start + n, ...; n is at least 1 | kept |
//! | `..` | [`Index::Full`] | all positions | kept |
//! | `"temperature"` | [`LabelSelector::At`] on `Labels` | the position with exactly that text | dropped |
//! | `0.3` | ... on `Scale`, `Values` | the position whose coordinate that is; off the grid is an error | dropped |
//! | `"2023-01-03T06:00"` | ... on `TimeScale`, `Times` | the position of that instant, to the nanosecond | dropped |
//! | `"@1672531200"`, `1672531200.0` | ... on `TimeScale`, `Times` | the position that many seconds after 1970-01-01T00:00Z | dropped |
//! | `"+3h"`, `"+PT3H"`, a [`TimeStep`](crate::TimeStep) | ... on `TimeScale`, `Times` | the position that long after the first | dropped |
//! | nearest to `x` | [`Matching::Nearest`] | the nearest coordinate; of two equally near the greater, as in pandas | dropped |
//! | `x` within `t` | [`Matching::Tolerance`] | the nearest coordinate if it is at most `t` away, else an error | dropped |
//! | `a..=b` | [`LabelSelector::Range`] on numbers, times | coordinates from a to b, both ends in | kept |
//! | `"a"..="b"` | ... on `Labels` | from label a to label b in stored order, both in | kept |
//! | `...` | [`Selector::Ellipsis`] | all of as many axes as are left over, once | kept |
//!
//! Rules that hold throughout:
//!
//! - **Integers are always positions; floats, text and times are always coordinates.** [`LabelSelector`] takes integers
//!   too, since asking for it has said "by coordinate".
//! - **A range keeps its axis**, whether it selects many positions, one or none. Selected cells stay in stored order.
//! - **A range of coordinates does not care about direction**: it works on ascending and descending axes and with its
//!   ends in either order. An open end is open by value: `10.0..` is every coordinate of at least 10, wherever it is
//!   stored. Ends beyond the axis clip; an end need not be a coordinate. On `Labels` both ends must exist and an open
//!   end runs to the first or the last position. Numbers and times must be sorted to have ranges.
//! - **The end of a time range given as text covers its period**: `2023-01` as an end is the whole of January
//!   ([`Timestamp::parse_period`](crate::Timestamp::parse_period)). A single time is an instant.
//! - **A time may be said in four ways**: as a date and time, as a period that ends a range, as seconds since 1970, and as a
//!   distance from the first coordinate of the whole axis, whatever is selected of it.
//! - **`0.3` is on the grid of start 0 and step 0.1**, although `3 * 0.1` is not `0.3`. On a `Scale` a number is a
//!   coordinate when it is within 1e-6 of a step (or the rounding of `float64` itself, if that is more) of it; on
//!   `Values` when it is within 1e-6 of the distance to the nearest other value, or within 1e-9 of its size when there
//!   is no other. An end of a range that is a coordinate in this sense is in.
//! - **Text is read as what the axis needs**: a number, a time or a label. NaN is refused, infinity too but as the end
//!   of a range.
//! - **A selection can be narrowed**: [`AxisView`] is an axis, or what an earlier selection left of it, and positions
//!   count within the view, as in NumPy. What counts as *on the grid* is a matter of the whole axis, so it does not
//!   change when a view has fewer neighbours.

mod axis;
mod index;
mod interval;
mod label;
mod line;
#[cfg(test)]
mod model_tests;
mod moment;
mod parse;
mod point;
mod selector;
#[cfg(test)]
mod tests;

pub use axis::AxisView;
pub use index::Index;
pub use label::{LabelSelector, LabelValue, Matching};
pub use selector::{Selection, Selector};

use crate::{AxisSlab, Error, Result};

/// What is selected along one axis, and whether the axis is dropped from the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AxisPick {
    /// The positions. A slab of no or one position has stride 1, an empty one starts at 0.
    pub slab: AxisSlab,
    /// Whether a single position was asked for, so that the result has one axis less.
    pub dropped: bool,
}

impl AxisPick {
    /// These positions; the axis stays.
    pub(crate) const fn kept(slab: AxisSlab) -> Self {
        Self {
            slab,
            dropped: false,
        }
    }

    /// This position; the axis goes.
    pub(crate) const fn single(position: u64) -> Self {
        Self {
            slab: AxisSlab::at(position),
            dropped: true,
        }
    }
}

/// `inner`, which counts within what `outer` selects, as a selection of the whole axis.
///
/// ```
/// use hyperslab_core::{AxisSlab, Index, narrow};
///
/// let outer = AxisSlab { start: 10, count: 5, stride: 2 };
/// let inner = Index::from(1..3).resolve("lat", outer.count)?;
/// assert_eq!(narrow(&outer, &inner).slab, AxisSlab { start: 12, count: 2, stride: 2 });
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[must_use]
pub fn narrow(outer: &AxisSlab, inner: &AxisPick) -> AxisPick {
    let slab = match inner.slab.count {
        0 => AxisSlab::full(0),
        _ => outer.compose(&inner.slab),
    };
    AxisPick {
        slab,
        dropped: inner.dropped,
    }
}

/// Every `step`-th of the `count` positions from `start` on. The error does not name the dimension.
fn spaced(start: u64, count: u64, step: u64) -> Result<AxisSlab> {
    if step == 0 {
        return Err(Error::invalid("the step must be at least 1"));
    }
    Ok(match count.div_ceil(step) {
        0 => AxisSlab::full(0),
        1 => AxisSlab::at(start),
        count => AxisSlab {
            start,
            count,
            stride: step,
        },
    })
}
