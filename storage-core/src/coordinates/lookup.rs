//! From a position to its coordinate.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Coordinates, TimeStart};
use crate::{AxisSlab, Timestamp};

/// The coordinate of one position.
#[derive(Debug, Clone, PartialEq)]
pub enum CoordinateValue {
    /// A label.
    Label(String),
    /// A number, in the unit of the dimension.
    Number(f64),
    /// An instant.
    Time(Timestamp),
    /// The position itself, where it has no coordinate.
    Position(u64),
}

/// The shortest text that reads back as the same value.
impl fmt::Display for CoordinateValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => label.fmt(f),
            Self::Number(number) => write_number(f, *number),
            Self::Time(time) => time.fmt(f),
            Self::Position(position) => position.fmt(f),
        }
    }
}

/// Plain digits, or an exponent where they would be many.
pub(crate) fn write_number(f: &mut fmt::Formatter<'_>, number: f64) -> fmt::Result {
    match number.abs() {
        size if size != 0.0 && !(1e-5..1e16).contains(&size) && size.is_finite() => {
            write!(f, "{number:e}")
        }
        // No sign on a zero.
        _ => write!(f, "{}", number + 0.0),
    }
}

/// A text, a number, or for a time its RFC 3339 text.
impl Serialize for CoordinateValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Label(label) => serializer.serialize_str(label),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Time(time) => time.serialize(serializer),
            Self::Position(position) => serializer.serialize_u64(*position),
        }
    }
}

impl CoordinateValue {
    /// The coordinate of `position`, which is the position itself without coordinates.
    #[must_use]
    pub fn of(coordinates: Option<&Coordinates>, position: u64) -> Self {
        coordinates.map_or(Self::Position(position), |known| known.value_at(position))
    }
}

impl Coordinates {
    /// The coordinate of a position. Where there is none - past the end of a list, outside the range of times, or on a
    /// time scale whose start is an attribute not yet looked up - it is the position itself.
    #[must_use]
    pub fn value_at(&self, position: u64) -> CoordinateValue {
        let value = match self {
            Self::Labels { labels } => item(labels, position).cloned().map(CoordinateValue::Label),
            Self::Values { .. } | Self::Scale { .. } => {
                self.number_at(position).map(CoordinateValue::Number)
            }
            Self::Times { times } => item(times, position).copied().map(CoordinateValue::Time),
            Self::TimeScale { .. } => self
                .nanoseconds_at(position)
                .and_then(|nanoseconds| Timestamp::from_nanoseconds(nanoseconds).ok())
                .map(CoordinateValue::Time),
        };
        value.unwrap_or(CoordinateValue::Position(position))
    }

    /// The coordinates of the selected positions in order, computed as they are asked for.
    #[must_use]
    pub fn values(&self, slab: &AxisSlab) -> CoordinateValues<'_> {
        CoordinateValues::new(Some(self), slab)
    }

    /// The number at a position of `Values` or `Scale`.
    #[expect(
        clippy::cast_precision_loss,
        reason = "this is how the coordinate of a scale is defined"
    )]
    pub(crate) fn number_at(&self, position: u64) -> Option<f64> {
        match self {
            Self::Values { values, .. } => item(values, position).copied(),
            Self::Scale { start, step, .. } => Some(start + position as f64 * step),
            _ => None,
        }
    }

    /// The instant at a position of `Times` or `TimeScale`, in nanoseconds; it saturates, so it is always in order.
    pub(crate) fn nanoseconds_at(&self, position: u64) -> Option<i128> {
        match self {
            Self::Times { times } => item(times, position).map(|time| time.as_nanoseconds()),
            Self::TimeScale {
                start: TimeStart::Fixed(start),
                step,
            } => {
                let span = step.as_nanoseconds().saturating_mul(i128::from(position));
                Some(start.as_nanoseconds().saturating_add(span))
            }
            _ => None,
        }
    }
}

fn item<T>(items: &[T], position: u64) -> Option<&T> {
    items.get(usize::try_from(position).ok()?)
}

/// Iterates over the coordinates of some positions. See [`Coordinates::values`].
#[derive(Debug, Clone)]
pub struct CoordinateValues<'a> {
    coordinates: Option<&'a Coordinates>,
    slab: AxisSlab,
    next: u64,
}

impl<'a> CoordinateValues<'a> {
    /// The coordinates of the selected positions, which are the positions themselves without coordinates.
    #[must_use]
    pub fn new(coordinates: Option<&'a Coordinates>, slab: &AxisSlab) -> Self {
        Self {
            coordinates,
            slab: *slab,
            next: 0,
        }
    }
}

impl Iterator for CoordinateValues<'_> {
    type Item = CoordinateValue;

    fn next(&mut self) -> Option<CoordinateValue> {
        self.nth(0)
    }

    fn nth(&mut self, skipped: usize) -> Option<CoordinateValue> {
        let index = self.next.saturating_add(skipped as u64);
        if index >= self.slab.count {
            self.next = self.slab.count;
            return None;
        }
        self.next = index + 1;
        let position = self.slab.position(index);
        Some(CoordinateValue::of(self.coordinates, position))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match usize::try_from(self.slab.count - self.next) {
            Ok(left) => (left, Some(left)),
            Err(_) => (usize::MAX, None),
        }
    }
}
