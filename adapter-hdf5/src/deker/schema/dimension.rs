//! A dimension as Deker describes it.

use hyperslab_core::{Coordinates, Dimension, Error, Result, TimeStart, TimeStep};
use serde_json::{Value, json};

use super::text_of;
use crate::deker::{json as python, text};

const NANOSECONDS_PER_MICROSECOND: i128 = 1000;
const MICROSECONDS_PER_SECOND: i128 = 1_000_000;
const SECONDS_PER_DAY: i128 = 86_400;

/// Reads a dimension.
///
/// # Errors
/// `Corrupt` that names it.
pub(super) fn decode(value: &Value) -> Result<Dimension> {
    let name = text_of(value, "name")?;
    let context = |error: Error| error.context(format!("dimension '{name}'"));
    let size = value.get("size").and_then(Value::as_u64).ok_or_else(|| {
        let size = value.get("size").unwrap_or(&Value::Null);
        context(Error::corrupt(format!("{size} is no number of cells")))
    })?;
    let coordinates = match value.get("type").and_then(Value::as_str) {
        Some("generic") => generic(value).map_err(context)?,
        Some("time") => Some(time(value).map_err(context)?),
        _ => return Err(context(super::unknown_type(value, "generic nor time"))),
    };
    let mut dimension = Dimension::new(name, size);
    dimension.coordinates = coordinates;
    Ok(dimension)
}

fn generic(value: &Value) -> Result<Option<Coordinates>> {
    // Documents of version 0.1 have no scale.
    let field = |name: &str| value.get(name).filter(|field| !field.is_null());
    let scale = match (field("labels"), field("scale")) {
        (Some(_), Some(_)) => return Err(Error::corrupt("it has both labels and a scale")),
        (Some(labels), None) => return labelled(labels).map(Some),
        (None, Some(scale)) => scale,
        (None, None) => return Ok(None),
    };
    let number = |field: &str| {
        let number = scale.get(field).and_then(python::number);
        number.ok_or_else(|| Error::corrupt(format!("{field} of the scale is no number")))
    };
    Ok(Some(Coordinates::Scale {
        start: number("start_value")?,
        step: number("step")?,
        unit: scale.get("name").and_then(Value::as_str).map(str::to_owned),
    }))
}

fn labelled(labels: &Value) -> Result<Coordinates> {
    let misfit = || Error::corrupt("the labels are neither all text nor all floats");
    let labels = labels.as_array().ok_or_else(misfit)?;
    if labels.iter().all(Value::is_string) {
        let texts = labels.iter().filter_map(Value::as_str).map(str::to_owned);
        return Ok(Coordinates::Labels {
            labels: texts.collect(),
        });
    }
    let float =
        |label: &Value| python::number(label).filter(|_| !label.is_i64() && !label.is_u64());
    let values: Option<Vec<f64>> = labels.iter().map(float).collect();
    Ok(Coordinates::Values {
        values: values.ok_or_else(misfit)?,
        unit: None,
    })
}

fn time(value: &Value) -> Result<Coordinates> {
    let start = text_of(value, "start_value")?;
    let start = match start.strip_prefix('$') {
        Some(name) => TimeStart::Attribute(name.to_owned()),
        None => TimeStart::Fixed(
            text::parse_datetime(start)
                .ok_or_else(|| Error::corrupt(format!("'{start}' is no time")))?,
        ),
    };
    let part = |name: &str| {
        let part = value.get("step").and_then(|step| step.get(name));
        let part = part.and_then(Value::as_i64).map(i128::from);
        part.ok_or_else(|| Error::corrupt(format!("the step has no {name}")))
    };
    let seconds = part("days")? * SECONDS_PER_DAY + part("seconds")?;
    let microseconds = seconds * MICROSECONDS_PER_SECOND + part("microseconds")?;
    let step = TimeStep::from_nanoseconds(microseconds * NANOSECONDS_PER_MICROSECOND);
    Ok(Coordinates::TimeScale {
        start,
        step: step.map_err(super::as_corrupt)?,
    })
}

/// The dimension as Deker describes it.
///
/// # Errors
/// `Unsupported` for coordinates that it does not have.
pub(super) fn encode(dimension: &Dimension) -> Result<Value> {
    let refuse = |why: String| Error::unsupported(format!("dimension '{}': {why}", dimension.name));
    if dimension.size == 0 {
        return Err(refuse("Deker has none without cells".to_owned()));
    }
    let mut labels = Value::Null;
    let mut scale = Value::Null;
    match &dimension.coordinates {
        None => {}
        Some(Coordinates::Labels { labels: texts }) => labels = json!(texts),
        Some(Coordinates::Values { values, unit: None }) => labels = json!(values),
        Some(Coordinates::Values { .. }) => {
            return Err(refuse("Deker has no unit for a list of numbers".to_owned()));
        }
        Some(Coordinates::Scale { start, step, unit }) => {
            // One that is blank names no unit, and Deker refuses it.
            let unit = unit.as_deref().filter(|unit| !unit.trim().is_empty());
            scale = json!({ "start_value": start, "step": step, "name": unit });
        }
        Some(Coordinates::Times { .. }) => {
            return Err(refuse("Deker has no lists of times".to_owned()));
        }
        Some(Coordinates::TimeScale { start, step }) => {
            return encode_time(dimension, start, *step);
        }
    }
    Ok(json!({
        "name": dimension.name,
        "size": dimension.size,
        "labels": labels,
        "scale": scale,
        "type": "generic",
    }))
}

fn encode_time(dimension: &Dimension, start: &TimeStart, step: TimeStep) -> Result<Value> {
    let refuse = |what: String| {
        Error::unsupported(format!(
            "dimension '{}': Deker has times to the microsecond, and {what} is finer, or before the year 1",
            dimension.name
        ))
    };
    let start = match start {
        TimeStart::Attribute(name) => format!("${name}"),
        TimeStart::Fixed(time) => {
            text::datetime(*time).ok_or_else(|| refuse(format!("the start {time}")))?
        }
    };
    let nanoseconds = step.as_nanoseconds();
    if nanoseconds % NANOSECONDS_PER_MICROSECOND != 0 {
        return Err(refuse(format!("the step {step}")));
    }
    // As Python keeps them: only the days may be below zero.
    let microseconds = nanoseconds / NANOSECONDS_PER_MICROSECOND;
    let seconds = microseconds.div_euclid(MICROSECONDS_PER_SECOND);
    let whole = |number: i128| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(json!({
        "name": dimension.name,
        "size": dimension.size,
        "type": "time",
        "start_value": start,
        "step": {
            "days": whole(seconds.div_euclid(SECONDS_PER_DAY)),
            "seconds": whole(seconds.rem_euclid(SECONDS_PER_DAY)),
            "microseconds": whole(microseconds.rem_euclid(MICROSECONDS_PER_SECOND)),
        },
    }))
}
