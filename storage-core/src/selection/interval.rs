//! The positions between two coordinates.

use super::line::{Line, Order, Quantity};
use super::moment::period;
use super::point::{label, number};
use super::{AxisView, LabelValue, spaced};
use crate::{AxisSlab, Coordinates, Error, Result};

/// The positions within the view whose coordinates lie between two ends, both in. Errors do not name the dimension.
pub(super) fn find(
    axis: &AxisView<'_>,
    low: Option<&LabelValue>,
    high: Option<&LabelValue>,
    step: u64,
) -> Result<AxisSlab> {
    if low.is_none() && high.is_none() {
        return spaced(0, axis.count(), step);
    }
    let (start, stop) = match axis.coordinates() {
        Some(Coordinates::Labels { labels }) => {
            let find =
                |end: Option<&LabelValue>| end.map(|end| label(axis, labels, end)).transpose();
            between_labels(axis.count(), find(low)?, find(high)?)
        }
        Some(Coordinates::Values { .. } | Coordinates::Scale { .. }) => {
            let (low, high) = (low.map(number).transpose()?, high.map(number).transpose()?);
            let (low, high) = match (low, high) {
                (Some(one), Some(other)) => (Some(one.min(other)), Some(one.max(other))),
                open => open,
            };
            let line = sorted(axis.numbers())?;
            line.between(low, high, |index, end| {
                (line.at)(index).distance(end) <= axis.slack(index)
            })
        }
        _ => {
            let find = |end: Option<&LabelValue>| end.map(|end| period(axis, end)).transpose();
            let (low, high) = (find(low)?, find(high)?);
            let (first, last) = match (low, high) {
                (Some(one), Some(other)) => (Some(one.0.min(other.0)), Some(one.1.max(other.1))),
                (low, high) => (low.map(|low| low.0), high.map(|high| high.1)),
            };
            let line = sorted(axis.instants())?;
            line.between(first, last, |_, _| false)
        }
    };
    spaced(start, stop.saturating_sub(start), step)
}

/// From one label to the other in stored order.
fn between_labels(count: u64, low: Option<u64>, high: Option<u64>) -> (u64, u64) {
    match (low, high) {
        (Some(one), Some(other)) => (one.min(other), one.max(other) + 1),
        (low, high) => (low.unwrap_or(0), high.map_or(count, |high| high + 1)),
    }
}

fn sorted<Q: Quantity, F: Fn(u64) -> Q>(line: Line<F>) -> Result<Line<F>> {
    match line.order {
        Order::None => Err(Error::invalid(
            "the coordinates are not sorted, so they have no ranges; select single ones, or by index",
        )),
        _ => Ok(line),
    }
}
