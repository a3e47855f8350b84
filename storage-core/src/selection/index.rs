//! Selection by position, as NumPy does it.

use std::fmt;
use std::iter::StepBy;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};
use std::str::FromStr;

use super::{AxisPick, spaced};
use crate::{AxisSlab, Error, Result};

/// What is selected along one axis by position.
///
/// ```
/// use hyperslab_core::Index;
///
/// let pick = Index::range(2..).step(3).resolve("lat", 10)?;
/// assert_eq!((pick.slab.start, pick.slab.count, pick.slab.stride), (2, 3, 3));
/// let pick = Index::from(-1).resolve("lat", 10)?;
/// assert!(pick.dropped && pick.slab.start == 9);
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Index {
    /// One position; a negative one counts from the end. Drops the axis. `i64::MAX` lies beyond every axis.
    At(i64),
    /// The positions from `start` up to, not including, `stop`, clipped to the axis. Keeps the axis.
    Range {
        /// The first position, or the beginning; a negative one counts from the end.
        start: Option<i64>,
        /// The position after the last, or the end; a negative one counts from the end.
        stop: Option<i64>,
        /// Every `step`-th of them; at least 1.
        step: u64,
    },
    /// All positions.
    Full,
}

impl Index {
    /// A range, to be followed by [`step`](Self::step): `Index::range(0..24).step(6)`.
    #[must_use]
    pub fn range(range: impl Into<Self>) -> Self {
        range.into()
    }

    /// Every `step`-th position of the range. A single position has no step and stays as it is.
    #[must_use]
    pub fn step(self, step: u64) -> Self {
        match self {
            Self::At(_) => self,
            Self::Range { start, stop, .. } => Self::Range { start, stop, step },
            Self::Full => Self::Range {
                start: None,
                stop: None,
                step,
            },
        }
    }

    /// The positions this selects on an axis of `size` positions. `dimension_name` is for the message only.
    ///
    /// # Errors
    /// `InvalidInput` when a single position lies outside the axis, or the step is zero.
    pub fn resolve(&self, dimension_name: &str, size: u64) -> Result<AxisPick> {
        match *self {
            Self::Full => Ok(AxisPick::kept(AxisSlab::full(size))),
            Self::At(index) => match wrap(index, size).try_into() {
                Ok(position) if position < size => Ok(AxisPick::single(position)),
                _ => Err(outside(dimension_name, index, size)),
            },
            Self::Range { start, stop, step } => {
                let start = start.map_or(0, |start| clip(start, size));
                let stop = stop.map_or(size, |stop| clip(stop, size));
                let count = stop.saturating_sub(start);
                spaced(start, count, step)
                    .map(AxisPick::kept)
                    .map_err(|error| error.context(format!("dimension '{dimension_name}'")))
            }
        }
    }
}

/// The position that `index` means before any check of the bounds.
fn wrap(index: i64, size: u64) -> i128 {
    match index {
        // An unsigned position that did not fit: beyond every axis.
        i64::MAX => i128::from(u64::MAX),
        0.. => i128::from(index),
        _ => i128::from(index) + i128::from(size),
    }
}

fn clip(index: i64, size: u64) -> u64 {
    // Below zero there is nothing before the first position.
    u64::try_from(wrap(index, size)).unwrap_or(0).min(size)
}

fn outside(dimension_name: &str, index: i64, size: u64) -> Error {
    let advice = match size {
        0 => "the dimension has no positions".to_owned(),
        1 => "give 0 or -1".to_owned(),
        size => format!("give 0 to {}, or -1 to -{size} from the end", size - 1),
    };
    Error::invalid(format!(
        "dimension '{dimension_name}': index {index} is out of range for size {size}; {advice}"
    ))
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(index) => index.fmt(f),
            Self::Full => f.write_str(":"),
            Self::Range { start, stop, step } => {
                if let Some(start) = start {
                    write!(f, "{start}")?;
                }
                f.write_str(":")?;
                if let Some(stop) = stop {
                    write!(f, "{stop}")?;
                }
                if *step == 1 {
                    return Ok(());
                }
                write!(f, ":{step}")
            }
        }
    }
}

/// `3`, `-1`, `2:10`, `2:10:3`, `::2` or `:`.
impl FromStr for Index {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = || {
            Error::invalid(format!(
                "'{text}' is not an index; write a position (3, -1) or start:stop:step (2:10, ::2)"
            ))
        };
        let bound = |part: &str| match part.trim() {
            "" => Ok(None),
            number => number.parse().map(Some).map_err(|_| refuse()),
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (start, stop, step) = match parts.as_slice() {
            [one] => return one.trim().parse().map(Self::At).map_err(|_| refuse()),
            [start, stop] => (start, stop, ""),
            [start, stop, step] => (start, stop, step.trim()),
            _ => return Err(refuse()),
        };
        let step = match step {
            "" => 1,
            step => step.parse().map_err(|_| {
                Error::invalid(format!(
                    "'{text}': the step must be a positive integer, not '{step}'; read first and reverse afterwards"
                ))
            })?,
        };
        match (bound(start)?, bound(stop)?, step) {
            (_, _, 0) => Err(Error::invalid(format!(
                "'{text}': the step must be at least 1"
            ))),
            (None, None, 1) => Ok(Self::Full),
            (start, stop, step) => Ok(Self::Range { start, stop, step }),
        }
    }
}

/// An integer of any type as an index. What does not fit becomes the greatest, which lies beyond every axis.
trait Integer {
    fn to_index(self) -> i64;
}

fn between<T: Integer>(start: Option<T>, stop: Option<T>) -> Index {
    Index::Range {
        start: start.map(Integer::to_index),
        stop: stop.map(Integer::to_index),
        step: 1,
    }
}

/// A range that ends with `last`, which is included. After -1, and after the greatest integer, comes the end.
fn through<T: Integer>(start: Option<T>, last: T) -> Index {
    let last = last.to_index();
    Index::Range {
        start: start.map(Integer::to_index),
        stop: if last == -1 {
            None
        } else {
            last.checked_add(1)
        },
        step: 1,
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {
        $(
            impl Integer for $integer {
                fn to_index(self) -> i64 {
                    self.try_into().unwrap_or(i64::MAX)
                }
            }

            impl From<$integer> for Index {
                fn from(index: $integer) -> Self {
                    Self::At(index.to_index())
                }
            }

            impl From<Range<$integer>> for Index {
                fn from(range: Range<$integer>) -> Self {
                    between(Some(range.start), Some(range.end))
                }
            }

            impl From<RangeFrom<$integer>> for Index {
                fn from(range: RangeFrom<$integer>) -> Self {
                    between(Some(range.start), None)
                }
            }

            impl From<RangeTo<$integer>> for Index {
                fn from(range: RangeTo<$integer>) -> Self {
                    between(None, Some(range.end))
                }
            }

            impl From<RangeInclusive<$integer>> for Index {
                fn from(range: RangeInclusive<$integer>) -> Self {
                    let (start, last) = range.into_inner();
                    through(Some(start), last)
                }
            }

            impl From<RangeToInclusive<$integer>> for Index {
                fn from(range: RangeToInclusive<$integer>) -> Self {
                    through(None, range.end)
                }
            }
        )*
    };
}

from_integers!(i32, i64, u32, u64, usize);

impl From<RangeFull> for Index {
    fn from(_: RangeFull) -> Self {
        Self::Full
    }
}

/// `(0..24).step_by(6)`. Only unsigned ranges: a negative start would mean two things.
impl From<StepBy<Range<usize>>> for Index {
    fn from(range: StepBy<Range<usize>>) -> Self {
        let count = range.len();
        let mut positions = range;
        let Some(first) = positions.next() else {
            return between(Some(0), Some(0));
        };
        let step = positions.next().map_or(1, |second| second - first);
        let last = first + (count - 1) * step;
        through(Some(first), last).step(step as u64)
    }
}
