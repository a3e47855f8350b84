//! An axis, or what an earlier selection left of it.

use std::fmt;

use super::line::{Line, Order, Quantity};
use super::{AxisPick, narrow};
use crate::coordinates::CoordinateValues;
use crate::{AxisSlab, CoordinateValue, Coordinates, TimeStart};

/// One axis as it stands: its name, its coordinates and which of its positions are still selected.
///
/// Indices count within the view. Making one looks once at each explicit coordinate to learn their order; after that a
/// look-up on sorted coordinates takes a number of steps logarithmic in their count.
#[derive(Debug, Clone, Copy)]
pub struct AxisView<'a> {
    name: &'a str,
    size: u64,
    coordinates: Option<&'a Coordinates>,
    slab: AxisSlab,
    /// Of the coordinates of the whole axis.
    order: Order,
}

impl<'a> AxisView<'a> {
    /// The whole axis of `size` positions.
    #[must_use]
    pub fn new(name: &'a str, size: u64, coordinates: Option<&'a Coordinates>) -> Self {
        let order = match coordinates {
            None | Some(Coordinates::Labels { .. }) => Order::None,
            Some(Coordinates::Values { values, .. }) => Order::of(values),
            Some(Coordinates::Times { times }) => Order::of(times),
            Some(Coordinates::Scale { step, .. }) => Order::of_step(*step),
            Some(Coordinates::TimeScale { step, .. }) => Order::of_step(step.as_nanoseconds()),
        };
        Self {
            name,
            size,
            coordinates,
            slab: AxisSlab::full(size),
            order,
        }
    }

    /// The positions that `slab` selects of the *whole* axis, whatever this view selects. `slab` must lie inside it.
    #[must_use]
    pub const fn with_slab(mut self, slab: AxisSlab) -> Self {
        self.slab = slab;
        self
    }

    /// What a selection that counts within this view leaves of it.
    #[must_use]
    pub fn narrowed(self, pick: &AxisPick) -> Self {
        self.with_slab(narrow(&self.slab, pick).slab)
    }

    /// The name of the dimension.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// How many positions are selected.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.slab.count
    }

    /// The selected positions of the whole axis.
    #[must_use]
    pub const fn slab(&self) -> &AxisSlab {
        &self.slab
    }

    /// The coordinates of the whole axis.
    #[must_use]
    pub const fn coordinates(&self) -> Option<&'a Coordinates> {
        self.coordinates
    }

    /// The coordinate of the `index`-th selected position; without coordinates, its position on the whole axis.
    #[must_use]
    pub fn value_at(&self, index: u64) -> CoordinateValue {
        CoordinateValue::of(self.coordinates, self.slab.position(index))
    }

    /// The coordinates of the selected positions in order, computed as they are asked for.
    #[must_use]
    pub fn values(&self) -> CoordinateValues<'a> {
        CoordinateValues::new(self.coordinates, &self.slab)
    }

    /// Where in the view a position of the whole axis is.
    pub(super) fn index_of(&self, position: u64) -> Option<u64> {
        let steps = position.checked_sub(self.slab.start)?;
        let index = steps / self.slab.stride.max(1);
        (index < self.slab.count && self.slab.position(index) == position).then_some(index)
    }

    /// The numbers of the view.
    pub(super) fn numbers(&self) -> Line<impl Fn(u64) -> f64> {
        let view = *self;
        self.line(move |index| view.number(view.slab.position(index)))
    }

    /// The instants of the view in nanoseconds.
    pub(super) fn instants(&self) -> Line<impl Fn(u64) -> i128> {
        let view = *self;
        self.line(move |index| {
            let nanoseconds = |known: &Coordinates| known.nanoseconds_at(view.slab.position(index));
            view.coordinates.and_then(nanoseconds).unwrap_or(i128::MAX)
        })
    }

    fn line<Q: Quantity, F: Fn(u64) -> Q>(&self, at: F) -> Line<F> {
        Line {
            count: self.slab.count,
            // A part of an unsorted axis may be sorted.
            order: match self.order {
                Order::None => Order::of_line(self.slab.count, &at),
                sorted => sorted,
            },
            at,
        }
    }

    fn number(&self, position: u64) -> f64 {
        let number = |known: &Coordinates| known.number_at(position);
        self.coordinates.and_then(number).unwrap_or(f64::NAN)
    }

    /// How far a number may be from the coordinate of the `index`-th selected position and still be that coordinate.
    ///
    /// It depends on the whole axis only, so that narrowing a selection does not widen what is on the grid.
    pub(super) fn slack(&self, index: u64) -> f64 {
        const OF_STEP: f64 = 1e-6;
        const OF_SIZE: f64 = 1e-9;
        let position = self.slab.position(index);
        let value = self.number(position);
        match self.coordinates {
            Some(Coordinates::Scale { start, step, .. }) => {
                // Far from zero, the text `1700000000.003` and `start + 3 * step` may differ by their rounding.
                let rounding = 2.0 * f64::EPSILON * value.abs().max(start.abs());
                (OF_STEP * step.abs()).max(rounding)
            }
            Some(Coordinates::Values { values, .. }) => {
                let distance = |other: &f64| other.distance(value);
                let neighbour = match (self.order, usize::try_from(position)) {
                    (Order::Ascending | Order::Descending, Ok(position)) => {
                        let before = position.checked_sub(1).and_then(|index| values.get(index));
                        let after = values.get(position.saturating_add(1));
                        before
                            .into_iter()
                            .chain(after)
                            .map(distance)
                            .reduce(f64::min)
                    }
                    _ => {
                        let others = values.iter().filter(|other| **other != value);
                        others.map(distance).reduce(f64::min)
                    }
                };
                neighbour.map_or(OF_SIZE * value.abs(), |distance| OF_STEP * distance)
            }
            _ => 0.0,
        }
    }

    /// Why these coordinates cannot be searched, although schemas that have been checked do not come to this.
    pub(super) fn defect(&self) -> Option<String> {
        let count = match self.coordinates? {
            Coordinates::Labels { labels } => labels.len(),
            Coordinates::Values { values, .. } => values.len(),
            Coordinates::Times { times } => times.len(),
            Coordinates::TimeScale {
                start: TimeStart::Attribute(name),
                ..
            } => {
                return Some(format!(
                    "the time scale starts at attribute '{name}', whose value is not known here; \
                     take the coordinates of one array"
                ));
            }
            Coordinates::Scale { .. } | Coordinates::TimeScale { .. } => return None,
        };
        (count as u64 != self.size).then(|| {
            format!(
                "{count} coordinates for size {}; give one per position",
                self.size
            )
        })
    }
}

/// `lat: 3 of 90, -89 to -85 degrees_north`.
impl fmt::Display for AxisView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        if self.slab.count == self.size {
            write!(f, "{}", self.size)?;
        } else {
            write!(f, "{} of {}", self.slab.count, self.size)?;
        }
        let Some(coordinates) = self.coordinates else {
            return Ok(());
        };
        match self.slab.count {
            0 => return Ok(()),
            1 => write!(f, ", {}", self.value_at(0))?,
            count => write!(f, ", {} to {}", self.value_at(0), self.value_at(count - 1))?,
        }
        coordinates
            .unit()
            .map_or(Ok(()), |unit| write!(f, " {unit}"))
    }
}
