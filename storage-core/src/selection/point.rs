//! The one position a coordinate means.

use std::fmt::Display;

use super::line::{Line, Quantity};
use super::moment::instant;
use super::{AxisView, LabelValue, Matching};
use crate::{Coordinates, Error, Result};

/// How many labels are compared to find one that may have been meant.
const LABELS_COMPARED_MAX: usize = 100_000;

/// The longest text that is taken for a misspelt label: comparing takes the square of its length.
const LETTERS_COMPARED_MAX: usize = 64;

/// The index within the view of the coordinate that `value` means. Errors do not name the dimension.
pub(super) fn find(axis: &AxisView<'_>, value: &LabelValue, matching: Matching) -> Result<u64> {
    match axis.coordinates() {
        Some(Coordinates::Labels { labels }) => match matching {
            Matching::Exact => label(axis, labels, value),
            _ => Err(Error::invalid(
                "labels have no nearest one and no tolerance; give the label as it is",
            )),
        },
        Some(Coordinates::Values { .. } | Coordinates::Scale { .. }) => {
            let target = number(value)?;
            if !target.is_finite() {
                return Err(Error::invalid(format!("{target} is not a coordinate")));
            }
            let allowed = number_tolerance(matching)?;
            let allowed = |index| allowed.map(|allowed| allowed + axis.slack(index));
            nearest(axis, &axis.numbers(), target, value, matching, allowed)
        }
        _ => {
            let allowed = time_tolerance(matching)?;
            let target = instant(axis, value)?;
            nearest(axis, &axis.instants(), target, value, matching, |_| allowed)
        }
    }
}

/// How far away a number may be beyond the rounding that is always forgiven; `None` is any distance.
fn number_tolerance(matching: Matching) -> Result<Option<f64>> {
    match matching {
        Matching::Exact => Ok(Some(0.0)),
        Matching::Nearest => Ok(None),
        Matching::Tolerance(tolerance) if tolerance >= 0.0 => Ok(Some(tolerance)),
        Matching::Tolerance(tolerance) => Err(Error::invalid(format!(
            "a tolerance of {tolerance} is not possible; give zero or more"
        ))),
        Matching::TimeTolerance(step) => Err(Error::invalid(format!(
            "the tolerance {step} is a step of time, the coordinates are numbers; give a number"
        ))),
    }
}

/// How many nanoseconds away an instant may be; `None` is any distance.
fn time_tolerance(matching: Matching) -> Result<Option<i128>> {
    match matching {
        Matching::Exact => Ok(Some(0)),
        Matching::Nearest => Ok(None),
        Matching::TimeTolerance(step) if step.as_nanoseconds() >= 0 => {
            Ok(Some(step.as_nanoseconds()))
        }
        Matching::TimeTolerance(step) => Err(Error::invalid(format!(
            "a tolerance of {step} is not possible; give zero or more"
        ))),
        Matching::Tolerance(tolerance) => Err(Error::invalid(format!(
            "the tolerance {tolerance} is a number, the coordinates are times; give a step of time like PT1H"
        ))),
    }
}

/// The index of the coordinate nearest to `target`, if it is not farther than what is `allowed` at that index.
fn nearest<Q: Quantity, F: Fn(u64) -> Q>(
    axis: &AxisView<'_>,
    line: &Line<F>,
    target: Q,
    value: &LabelValue,
    matching: Matching,
    allowed: impl Fn(u64) -> Option<Q>,
) -> Result<u64> {
    let (nearest, second) = line.nearest_two(target);
    let Some(index) = nearest else {
        return Err(Error::invalid(format!(
            "there is no {value}, for no position is selected"
        )));
    };
    let distance = (line.at)(index).distance(target);
    if allowed(index).is_none_or(|allowed| distance <= allowed) {
        return Ok(index);
    }
    Err(off_grid(axis, value, matching, index, second))
}

fn off_grid(
    axis: &AxisView<'_>,
    value: &LabelValue,
    matching: Matching,
    nearest: u64,
    second: Option<u64>,
) -> Error {
    let known = match second {
        None => format!("the only coordinate is {}", axis.value_at(nearest)),
        Some(second) => {
            let one = axis.value_at(nearest.min(second));
            let other = axis.value_at(nearest.max(second));
            format!("the nearest are {one} and {other}")
        }
    };
    let too_far = |tolerance: &dyn Display| {
        format!(
            "no coordinate is within {tolerance} of {value}; {known}; allow a greater tolerance"
        )
    };
    Error::invalid(match &matching {
        Matching::Tolerance(tolerance) => too_far(tolerance),
        Matching::TimeTolerance(tolerance) => too_far(tolerance),
        Matching::Exact | Matching::Nearest => format!(
            "{value} is not a coordinate; {known}; ask for the nearest (`~value`) or give a tolerance \
             (`value~tolerance`)"
        ),
    })
}

/// The number a user means, which may be infinite but is not NaN.
pub(super) fn number(value: &LabelValue) -> Result<f64> {
    let number = match value {
        LabelValue::Number(number) => Some(*number),
        LabelValue::Text(text) => text.trim().parse().ok(),
        LabelValue::Time(_) | LabelValue::Offset(_) => None,
    };
    match number {
        Some(number) if number.is_nan() => Err(Error::invalid("NaN is not a coordinate")),
        Some(number) => Ok(number),
        None => Err(Error::invalid(format!(
            "{value} is not a number, and the coordinates are numbers"
        ))),
    }
}

/// The index within the view of a label.
pub(super) fn label(axis: &AxisView<'_>, labels: &[String], value: &LabelValue) -> Result<u64> {
    let LabelValue::Text(wanted) = value else {
        return Err(Error::invalid(format!(
            "{value} is not a label; labels are text"
        )));
    };
    let position = labels.iter().position(|label| label == wanted);
    let index = position.and_then(|position| axis.index_of(position as u64));
    index.ok_or_else(|| unknown_label(axis, labels, wanted, position.is_some()))
}

fn unknown_label(axis: &AxisView<'_>, labels: &[String], wanted: &str, elsewhere: bool) -> Error {
    if elsewhere {
        return Error::invalid(format!(
            "label '{wanted}' is not among the {} selected before",
            axis.count()
        ));
    }
    let count = labels.len();
    let hint = match closest_label(labels, wanted) {
        Some(label) => format!("; did you mean '{label}'?"),
        None => String::new(),
    };
    Error::invalid(format!(
        "there is no label '{wanted}' among the {count} there are{hint}"
    ))
}

/// The label a misspelt text was meant to be: at most a third of its letters differ.
fn closest_label<'a>(labels: &'a [String], wanted: &str) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let length = wanted.chars().count();
    if length > LETTERS_COMPARED_MAX {
        return None;
    }
    let most = (length / 3).max(1);
    labels
        .iter()
        .take(LABELS_COMPARED_MAX)
        .filter(|label| label.chars().count().abs_diff(length) <= most)
        .map(|label| (strsim::osa_distance(&label.to_lowercase(), &wanted), label))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= most)
        .map(|(_, label)| label.as_str())
}
