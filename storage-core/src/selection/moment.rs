//! The moment that a value means on an axis of times.

use super::{AxisView, LabelValue};
use crate::{Error, Result, TimeStep, Timestamp};

/// The nanoseconds of the one instant that a user means. Errors do not name the dimension.
pub(super) fn instant(axis: &AxisView<'_>, value: &LabelValue) -> Result<i128> {
    match value {
        LabelValue::Time(time) => Ok(time.as_nanoseconds()),
        LabelValue::Offset(offset) => after_start(axis, *offset),
        LabelValue::Number(seconds) => Ok(Timestamp::from_seconds(*seconds)?.as_nanoseconds()),
        LabelValue::Text(text) => of_text(axis, text.trim()),
    }
}

fn of_text(axis: &AxisView<'_>, text: &str) -> Result<i128> {
    if let Some(seconds) = text.strip_prefix('@') {
        return Ok(Timestamp::parse_seconds(seconds)?.as_nanoseconds());
    }
    // The year may have a sign too, so this comes first.
    let error = match text.parse::<Timestamp>() {
        Ok(time) => return Ok(time.as_nanoseconds()),
        Err(error) => error,
    };
    if text.starts_with(['+', '-']) {
        let offset: TimeStep = text.strip_prefix('+').unwrap_or(text).parse()?;
        return after_start(axis, offset);
    }
    // `2023-01` is no instant but a period.
    if Timestamp::parse_period(text).is_ok() {
        return Err(Error::invalid(format!(
            "'{text}' is a period, not an instant; select it as the range `{text}..{text}`"
        )));
    }
    if text.parse::<f64>().is_ok() {
        return Err(Error::invalid(format!(
            "'{text}' is a number, and the coordinates are times; write `@{text}` for seconds since 1970"
        )));
    }
    Err(error)
}

/// The first and the last nanosecond of the time a user means.
pub(super) fn period(axis: &AxisView<'_>, value: &LabelValue) -> Result<(i128, i128)> {
    if let LabelValue::Text(text) = value
        && let Ok((first, last)) = Timestamp::parse_period(text)
    {
        return Ok((first.as_nanoseconds(), last.as_nanoseconds()));
    }
    let instant = instant(axis, value)?;
    Ok((instant, instant))
}

/// What lies that far after the first coordinate of the whole axis.
fn after_start(axis: &AxisView<'_>, offset: TimeStep) -> Result<i128> {
    let start = axis
        .coordinates()
        .and_then(|known| known.nanoseconds_at(0))
        .ok_or_else(|| {
            Error::invalid(format!(
                "there is nothing {offset} after the start, for the axis is empty"
            ))
        })?;
    Ok(start.saturating_add(offset.as_nanoseconds()))
}
