//! Selection by coordinate: what a user can say.

use std::fmt;
use std::ops::{RangeFrom, RangeFull, RangeInclusive, RangeToInclusive};

use super::{AxisPick, AxisView, interval, point};
use crate::coordinates::write_number;
use crate::{Coordinates, Error, Result, TimeStep, Timestamp};

/// A coordinate as a user gives it. Text is read as what the axis needs: a label, a number or a time.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelValue {
    /// A label, or the text of a number or of a time.
    Text(String),
    /// A number, in the unit of the dimension; of times, seconds since 1970-01-01T00:00Z.
    Number(f64),
    /// An instant.
    Time(Timestamp),
    /// On times, the instant that far from the first coordinate of the axis.
    Offset(TimeStep),
}

impl fmt::Display for LabelValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Number(number) => write_number(f, *number),
            Self::Time(time) => time.fmt(f),
            Self::Offset(offset) if offset.as_nanoseconds() < 0 => offset.fmt(f),
            Self::Offset(offset) => write!(f, "+{offset}"),
        }
    }
}

/// When a coordinate is the one asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Matching {
    /// When it is on the grid: within 1e-6 of a step, times to the nanosecond, labels letter by letter.
    Exact,
    /// When no other is nearer; of two equally near, the greater coordinate. Not on labels.
    Nearest,
    /// When it is the nearest and at most this far away, in the unit of the dimension. On numbers only.
    Tolerance(f64),
    /// When it is the nearest and at most this far away. On times only.
    TimeTolerance(TimeStep),
}

impl From<f64> for Matching {
    fn from(tolerance: f64) -> Self {
        Self::Tolerance(tolerance)
    }
}

impl From<TimeStep> for Matching {
    fn from(tolerance: TimeStep) -> Self {
        Self::TimeTolerance(tolerance)
    }
}

/// What is selected along one axis by coordinate.
///
/// ```
/// use hyperslab_core::{Dimension, LabelSelector};
///
/// let lat = Dimension::scale("lat", 61, 90.0, -3.0, "degrees_north");
/// let tropics = LabelSelector::from(-23.5..=23.5).resolve(&lat.name, lat.size, lat.coordinates.as_ref())?;
/// assert_eq!((tropics.slab.start, tropics.slab.count), (23, 15));
/// let nearest = LabelSelector::nearest(50.1).resolve(&lat.name, lat.size, lat.coordinates.as_ref())?;
/// assert_eq!(nearest.slab.start, 13); // 51 degrees
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum LabelSelector {
    /// One coordinate. Drops the axis.
    At {
        /// The coordinate.
        value: LabelValue,
        /// How near it has to be.
        matching: Matching,
    },
    /// The coordinates from one end to the other, both in, the ends in either order. Keeps the axis.
    Range {
        /// One end; without it the range is open downwards.
        low: Option<LabelValue>,
        /// The other end; without it the range is open upwards.
        high: Option<LabelValue>,
        /// Every `step`-th of the positions selected; at least 1.
        step: u64,
    },
}

impl LabelSelector {
    /// The coordinate nearest to `value`, however far away it is.
    #[must_use]
    pub fn nearest(value: impl Into<LabelValue>) -> Self {
        Self::At {
            value: value.into(),
            matching: Matching::Nearest,
        }
    }

    /// The coordinate nearest to `value` if it is at most `tolerance` away: a number in the unit of the dimension, or a
    /// [`TimeStep`].
    #[must_use]
    pub fn within(value: impl Into<LabelValue>, tolerance: impl Into<Matching>) -> Self {
        Self::At {
            value: value.into(),
            matching: tolerance.into(),
        }
    }

    /// The coordinates from one end to the other; `None` is an open end.
    #[must_use]
    pub fn range(low: Option<LabelValue>, high: Option<LabelValue>) -> Self {
        Self::Range { low, high, step: 1 }
    }

    /// Every `step`-th position of the range. A single coordinate has no step and stays as it is.
    #[must_use]
    pub fn step(self, step: u64) -> Self {
        match self {
            Self::At { .. } => self,
            Self::Range { low, high, .. } => Self::Range { low, high, step },
        }
    }

    /// The positions this selects on a whole axis of `size` positions.
    ///
    /// # Errors
    /// As [`resolve_in`](Self::resolve_in).
    pub fn resolve(
        &self,
        dimension_name: &str,
        size: u64,
        coordinates: Option<&Coordinates>,
    ) -> Result<AxisPick> {
        self.resolve_in(&AxisView::new(dimension_name, size, coordinates))
    }

    /// The positions this selects, counted within the view. [`narrow`](super::narrow) turns them into positions of the
    /// whole axis.
    ///
    /// # Errors
    /// `InvalidInput` when the dimension has no coordinates, a value is not of their kind or not finite, no coordinate
    /// matches, a label is unknown, a step is zero, or a range is asked of coordinates that are not sorted.
    pub fn resolve_in(&self, axis: &AxisView<'_>) -> Result<AxisPick> {
        let pick = match (axis.coordinates(), axis.defect()) {
            (None, _) => Err(Error::invalid(
                "it has no coordinates; select by index instead",
            )),
            (_, Some(defect)) => Err(Error::invalid(defect)),
            (Some(_), None) => match self {
                Self::At { value, matching } => {
                    point::find(axis, value, *matching).map(AxisPick::single)
                }
                Self::Range { low, high, step } => {
                    interval::find(axis, low.as_ref(), high.as_ref(), *step).map(AxisPick::kept)
                }
            },
        };
        pick.map_err(|error| error.context(format!("dimension '{}'", axis.name())))
    }
}

/// As [`parse`](LabelSelector::parse) reads it back.
impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { value, matching } => match matching {
                Matching::Exact => {
                    let plain = plain(value);
                    let special = plain.trim().is_empty()
                        || plain.starts_with('=')
                        || plain.contains('~')
                        || plain.contains("..");
                    write!(f, "{}{plain}", if special { "=" } else { "" })
                }
                Matching::Nearest => write!(f, "~{}", plain(value)),
                Matching::Tolerance(tolerance) => write!(f, "{}~{tolerance}", plain(value)),
                Matching::TimeTolerance(tolerance) => write!(f, "{}~{tolerance}", plain(value)),
            },
            Self::Range { low, high, step } => {
                let end = |end: &Option<LabelValue>| end.as_ref().map_or(String::new(), plain);
                write!(f, "{}..{}", end(low), end(high))?;
                match step {
                    1 => Ok(()),
                    step => write!(f, "..{step}"),
                }
            }
        }
    }
}

/// Text without quotes.
fn plain(value: &LabelValue) -> String {
    match value {
        LabelValue::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Every coordinate.
impl From<RangeFull> for LabelSelector {
    fn from(_: RangeFull) -> Self {
        Self::range(None, None)
    }
}

macro_rules! from_native {
    ($($native:ty => |$value:ident| $convert:expr),* $(,)?) => {
        $(
            impl From<$native> for LabelValue {
                fn from($value: $native) -> Self {
                    $convert
                }
            }

            impl From<$native> for LabelSelector {
                fn from(value: $native) -> Self {
                    Self::At {
                        value: value.into(),
                        matching: Matching::Exact,
                    }
                }
            }

            impl From<RangeInclusive<$native>> for LabelSelector {
                fn from(range: RangeInclusive<$native>) -> Self {
                    let (low, high) = range.into_inner();
                    Self::range(Some(low.into()), Some(high.into()))
                }
            }

            impl From<RangeFrom<$native>> for LabelSelector {
                fn from(range: RangeFrom<$native>) -> Self {
                    Self::range(Some(range.start.into()), None)
                }
            }

            impl From<RangeToInclusive<$native>> for LabelSelector {
                fn from(range: RangeToInclusive<$native>) -> Self {
                    Self::range(None, Some(range.end.into()))
                }
            }
        )*
    };
}

#[expect(
    clippy::cast_precision_loss,
    reason = "coordinates are float64; an integer that is none of them is off the grid"
)]
fn number(integer: i64) -> LabelValue {
    LabelValue::Number(integer as f64)
}

from_native! {
    f64 => |value| Self::Number(value),
    i32 => |value| Self::Number(value.into()),
    i64 => |value| number(value),
    &str => |value| Self::Text(value.to_owned()),
    String => |value| Self::Text(value),
    Timestamp => |value| Self::Time(value),
    TimeStep => |value| Self::Offset(value),
}
