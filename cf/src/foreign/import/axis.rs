//! Coordinates of a foreign dimension as those of a schema.

use std::collections::HashSet;

use hyperslab_core::{Coordinates, Dimension, Metadata, TimeStart, TimeStep, Timestamp};

use super::names::{Names, is_structural};
use super::values;
use crate::foreign::{CoordinateValues, ForeignCoordinate, ForeignDimension};
use crate::{TimeAxis, TimeNumbers, is_time_units};

/// A whole number from here on may not be a `float64`.
const EXACT_MAX: u64 = 1 << 53;

/// The dimension, with its coordinates where they can be kept exactly.
pub(super) fn dimension(
    foreign: &ForeignDimension,
    name: String,
    notes: &mut Vec<String>,
) -> Dimension {
    let Some(coordinate) = &foreign.coordinate else {
        return Dimension::new(name, foreign.size);
    };
    let what = format!("dimension '{name}'");
    let mut dimension = Dimension::new(name, foreign.size);
    match coordinates(coordinate, foreign.size, &what, notes) {
        Ok(coordinates) => {
            dimension.metadata = metadata(coordinate, &coordinates, &what, notes);
            dimension.coordinates = Some(coordinates);
        }
        Err(why) => notes.push(format!("{what} has no coordinates: {why}")),
    }
    dimension
}

type Outcome = Result<Coordinates, String>;

fn coordinates(
    coordinate: &ForeignCoordinate,
    size: u64,
    what: &str,
    notes: &mut Vec<String>,
) -> Outcome {
    let count = match &coordinate.values {
        CoordinateValues::Ints(values) => values.len(),
        CoordinateValues::Floats(values) => values.len(),
        CoordinateValues::Labels(labels) => labels.len(),
        CoordinateValues::Unread(why) => return Err(why.clone()),
    };
    if count as u64 != size {
        return Err(format!("there are {count} for {size} positions"));
    }
    let units = coordinate.attributes.text("units").unwrap_or_default();
    if is_time_units(units) {
        let numbers = match &coordinate.values {
            CoordinateValues::Ints(values) => Some(TimeNumbers::Ints(values)),
            CoordinateValues::Floats(values) => Some(TimeNumbers::Floats(values)),
            _ => None,
        };
        let calendar = coordinate.attributes.text("calendar");
        match numbers.map(|numbers| TimeAxis::decide(numbers, units, calendar)) {
            Some(TimeAxis::Instants(times)) => return instants(times),
            Some(TimeAxis::Numbers { reason }) => {
                notes.push(format!("{what} stays a number in '{units}': {reason}"));
            }
            None => {}
        }
    }
    let unit = (!units.is_empty()).then(|| units.to_owned());
    match &coordinate.values {
        CoordinateValues::Labels(labels) => labels_of(labels),
        CoordinateValues::Floats(values) => numbers(values.clone(), unit),
        #[expect(clippy::cast_precision_loss, reason = "the range is checked")]
        CoordinateValues::Ints(values) => {
            if let Some(large) = values.iter().find(|value| value.unsigned_abs() > EXACT_MAX) {
                return Err(format!("{large} is no exact float64"));
            }
            numbers(values.iter().map(|&value| value as f64).collect(), unit)
        }
        CoordinateValues::Unread(why) => Err(why.clone()),
    }
}

fn labels_of(labels: &[String]) -> Outcome {
    let mut seen = HashSet::new();
    for label in labels {
        if label.contains('\0') {
            return Err(format!("{label:?} holds a NUL character"));
        }
        if !seen.insert(label) {
            return Err(format!("'{label}' occurs twice"));
        }
    }
    Ok(Coordinates::Labels {
        labels: labels.to_vec(),
    })
}

fn instants(times: Vec<Timestamp>) -> Outcome {
    let mut seen = HashSet::new();
    if let Some(twice) = times.iter().find(|time| !seen.insert(**time)) {
        return Err(format!("{twice} occurs twice"));
    }
    Ok(time_scale(&times).unwrap_or(Coordinates::Times { times }))
}

fn time_scale(times: &[Timestamp]) -> Option<Coordinates> {
    // Two instants do not tell whether the next would be as far away.
    let [first, second, _, ..] = times else {
        return None;
    };
    let start = first.as_nanoseconds();
    let step = second.as_nanoseconds() - start;
    let is_regular = times
        .iter()
        .zip(0i128..)
        .all(|(time, index)| start + index * step == time.as_nanoseconds());
    is_regular.then_some(())?;
    Some(Coordinates::TimeScale {
        start: TimeStart::Fixed(*first),
        step: TimeStep::from_nanoseconds(step).ok()?,
    })
}

fn numbers(values: Vec<f64>, unit: Option<String>) -> Outcome {
    let mut seen = HashSet::new();
    for value in &values {
        if !value.is_finite() {
            return Err(format!("a coordinate is {value}"));
        }
        // Zero and negative zero are one coordinate.
        if !seen.insert((value + 0.0).to_bits()) {
            return Err(format!("{value} occurs twice"));
        }
    }
    Ok(match scale(&values) {
        Some((start, step)) => Coordinates::Scale { start, step, unit },
        None => Coordinates::Values { values, unit },
    })
}

/// Start and step that give back every number bit for bit.
#[expect(
    clippy::cast_precision_loss,
    reason = "more than 2^53 coordinates are out of reach"
)]
fn scale(values: &[f64]) -> Option<(f64, f64)> {
    // Two numbers do not tell whether the next would be as far away.
    let [start, second, _, ..] = *values else {
        return None;
    };
    let last = *values.last()?;
    let mean = (last - start) / (values.len() - 1) as f64;
    let exact = [second - start, mean];
    let rounded = (6..=15).flat_map(|digits| exact.map(|step| round(step, digits)));
    let fits = |step: f64| {
        let end = start + values.len() as f64 * step;
        step != 0.0
            && end.is_finite()
            && start + step != start
            && values
                .iter()
                .enumerate()
                .all(|(index, value)| (start + index as f64 * step).to_bits() == value.to_bits())
    };
    exact
        .into_iter()
        .chain(rounded)
        .find(|&step| fits(step))
        .map(|step| (start, step))
}

/// The number with that many significant decimal digits.
fn round(number: f64, digits: usize) -> f64 {
    format!("{number:.*e}", digits - 1)
        .parse()
        .unwrap_or(number)
}

/// The attributes of a coordinate variable that its coordinates do not say themselves.
fn metadata(
    coordinate: &ForeignCoordinate,
    coordinates: &Coordinates,
    what: &str,
    notes: &mut Vec<String>,
) -> Metadata {
    let is_time = matches!(
        coordinates,
        Coordinates::Times { .. } | Coordinates::TimeScale { .. }
    );
    let mut names = Names::with(&[]);
    let mut metadata = Metadata::new();
    for (name, value) in coordinate.attributes.iter() {
        let is_said = match name {
            "units" => is_time || coordinates.unit().is_some() || value.as_text() == Some(""),
            "calendar" => is_time,
            _ => is_structural(name),
        };
        if is_said {
            continue;
        }
        let what = format!("{what}: attribute '{name}'");
        if matches!(name, "bounds" | "climatology") {
            notes.push(format!(
                "{what} names a variable that is not imported with this one and is not kept"
            ));
            continue;
        }
        if let Some(value) = values::metadata(value, &what, notes) {
            let accepted = match name {
                // Numbers of a calendar cannot be read without it.
                "calendar" => name.to_owned(),
                _ => names.accept("attribute", &super::withheld(name), notes),
            };
            metadata.insert(accepted, value);
        }
    }
    metadata
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "small indices")]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_found_only_where_it_is_exact() {
        let lat: Vec<f64> = (0..90).map(|i| -89.0 + f64::from(i) * 2.0).collect();
        assert_eq!(scale(&lat), Some((-89.0, 2.0)));
        let coads: Vec<f64> = (0..12).map(|i| 366.0 + f64::from(i) * 730.485).collect();
        assert_eq!(scale(&coads), Some((366.0, 730.485)));
        let down: Vec<f64> = (0..61).map(|i| 90.0 - f64::from(i) * 3.0).collect();
        assert_eq!(scale(&down), Some((90.0, -3.0)));
        let single: Vec<f64> = (0..20).map(|i| f64::from(0.1f32 * i as f32)).collect();
        assert_eq!(scale(&single), None);
        assert_eq!(scale(&[1.0, 2.0, 3.0, 4.5]), None);
        assert_eq!(scale(&[-0.0, 1.0, 2.0]), None);
        assert_eq!(scale(&[850.0, 500.0]), None);
        assert_eq!(scale(&[5.0]), None);
        assert_eq!(scale(&[]), None);
    }

    #[test]
    fn coordinates_that_are_no_coordinates_are_refused() {
        assert!(numbers(vec![1.0, f64::NAN], None).is_err());
        assert!(numbers(vec![0.0, -0.0], None).is_err());
        assert!(labels_of(&["a".to_owned(), "a".to_owned()]).is_err());
        let time: Timestamp = "2000-01-01".parse().unwrap();
        assert!(instants(vec![time, time]).is_err());
    }

    #[test]
    fn regular_times_become_a_scale() {
        let times = |texts: &[&str]| -> Vec<Timestamp> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let regular = times(&["2000-01-01", "2000-01-02", "2000-01-03"]);
        assert!(matches!(
            instants(regular),
            Ok(Coordinates::TimeScale { .. })
        ));
        let months = times(&["2000-01-01", "2000-02-01", "2000-03-01"]);
        assert!(matches!(instants(months), Ok(Coordinates::Times { .. })));
        assert!(matches!(
            instants(times(&["2000-01-01"])),
            Ok(Coordinates::Times { .. })
        ));
    }
}
