//! The coordinates of one dimension: how a position gets its value.

mod lookup;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use lookup::write_number;
pub use lookup::{CoordinateValue, CoordinateValues};

use crate::{Error, Result, TimeStep, Timestamp};

/// What the positions along a dimension mean. The JSON form is tagged by `kind`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Coordinates {
    /// A text for each position, all different.
    Labels {
        /// One label per position.
        labels: Vec<String>,
    },
    /// A number for each position, all finite and different, in any order.
    Values {
        /// One number per position.
        values: Vec<f64>,
        /// The unit, for example `hPa`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
    },
    /// A time for each position, all different, in any order.
    Times {
        /// One instant per position.
        times: Vec<Timestamp>,
    },
    /// Position `i` is at `start + i * step`, computed in `float64` in just this way.
    Scale {
        /// The coordinate of position 0.
        start: f64,
        /// The distance to the next position, not zero.
        step: f64,
        /// The unit, for example `degrees_north`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
    },
    /// Position `i` is at the instant `start + i * step`.
    TimeScale {
        /// The instant of position 0, or the attribute that holds it.
        start: TimeStart,
        /// The distance to the next position, not zero.
        step: TimeStep,
    },
}

/// Where a [`Coordinates::TimeScale`] begins. In JSON a time, or `"$name"` for an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TimeStart {
    /// The same instant for all arrays of the collection.
    Fixed(Timestamp),
    /// The value of this datetime attribute of each array.
    Attribute(String),
}

impl TryFrom<String> for TimeStart {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        match text.strip_prefix('$') {
            Some(name) => Ok(Self::Attribute(name.to_owned())),
            None => text.parse().map(Self::Fixed),
        }
    }
}

impl From<TimeStart> for String {
    fn from(start: TimeStart) -> Self {
        start.to_string()
    }
}

impl fmt::Display for TimeStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(time) => time.fmt(f),
            Self::Attribute(name) => write!(f, "${name}"),
        }
    }
}

impl Coordinates {
    /// The unit of the numbers, if there is one.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        match self {
            Self::Values { unit, .. } | Self::Scale { unit, .. } => unit.as_deref(),
            _ => None,
        }
    }

    /// Checks the coordinates of a dimension of `size` positions; the error does not name the dimension.
    pub(crate) fn check(&self, size: u64) -> Result<()> {
        match self {
            Self::Labels { labels } => {
                check_count(labels.len(), size, "labels")?;
                if let Some(bad) = labels.iter().find(|label| label.contains('\0')) {
                    return Err(Error::invalid(format!(
                        "label {bad:?} must not contain a NUL character"
                    )));
                }
                check_distinct(labels.iter().map(String::as_str), "label")
            }
            Self::Values { values, .. } => {
                check_count(values.len(), size, "values")?;
                if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
                    return Err(Error::invalid(format!(
                        "coordinate {bad} is not a finite number"
                    )));
                }
                // Zero and negative zero are one coordinate.
                check_distinct(values.iter().map(|value| (value + 0.0).to_bits()), "value")
            }
            Self::Times { times } => {
                check_count(times.len(), size, "times")?;
                check_distinct(times.iter(), "time")
            }
            Self::Scale { start, step, .. } => check_scale(*start, *step, size),
            Self::TimeScale { start, step } => check_time_scale(start, *step, size),
        }
    }
}

fn check_count(count: usize, size: u64, what: &str) -> Result<()> {
    if count as u64 == size {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{count} {what} given for size {size}; give one per position"
    )))
}

fn check_distinct<T: std::hash::Hash + Eq>(
    items: impl Iterator<Item = T>,
    what: &str,
) -> Result<()> {
    let mut seen = std::collections::HashMap::new();
    for (index, item) in items.enumerate() {
        if let Some(first) = seen.insert(item, index) {
            return Err(Error::invalid(format!(
                "the {what} at position {index} is the same as at position {first}; each must differ"
            )));
        }
    }
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a scale of 2^53 positions is out of reach"
)]
fn check_scale(start: f64, step: f64, size: u64) -> Result<()> {
    let end = start + size as f64 * step;
    if step == 0.0 || !step.is_finite() || !start.is_finite() || !end.is_finite() {
        return Err(Error::invalid(format!(
            "scale start {start} and step {step} must be finite, and the step not zero"
        )));
    }
    if size > 1 && start + step == start {
        return Err(Error::invalid(format!(
            "scale step {step} is lost in the rounding of start {start}"
        )));
    }
    Ok(())
}

fn check_time_scale(start: &TimeStart, step: TimeStep, size: u64) -> Result<()> {
    let nanoseconds = step.as_nanoseconds();
    if nanoseconds == 0 {
        return Err(Error::invalid("time scale step must not be zero"));
    }
    let span = nanoseconds.checked_mul(i128::from(size.saturating_sub(1)));
    let span = span.ok_or_else(|| Error::invalid("the time scale is too long"))?;
    if let TimeStart::Fixed(start) = start {
        let end = start.as_nanoseconds().checked_add(span);
        Timestamp::from_nanoseconds(
            end.ok_or_else(|| Error::invalid("the time scale is too long"))?,
        )?;
    }
    Ok(())
}
