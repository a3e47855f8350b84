//! Times as CF writes them: whole numbers of a unit since a reference.

use hyperslab_core::{Error, Result, TimeStep, Timestamp};

use super::UNITS;
use crate::{AttributeContent, CoordinateCells, NamedAttribute};

/// The times of a scale.
pub(super) fn scale_times(start: Timestamp, step: TimeStep, size: u64) -> Result<Vec<Timestamp>> {
    (0..size)
        .map(|index| {
            let offset = step.as_nanoseconds() * i128::from(index);
            Timestamp::from_nanoseconds(start.as_nanoseconds() + offset)
        })
        .collect()
}

/// Times as whole numbers of the coarsest unit that is exact for all of them, since a whole second.
pub(super) fn times_content(
    times: &[Timestamp],
    attributes: &mut Vec<NamedAttribute>,
) -> Result<CoordinateCells> {
    const SECOND: i128 = 1_000_000_000;
    const UNITS_OF_TIME: [(&str, i128); 7] = [
        ("days", 86_400 * SECOND),
        ("hours", 3_600 * SECOND),
        ("minutes", 60 * SECOND),
        ("seconds", SECOND),
        ("milliseconds", 1_000_000),
        ("microseconds", 1_000),
        ("nanoseconds", 1),
    ];
    let first = times.first().map_or(0, |time| time.as_nanoseconds());
    let reference = first.div_euclid(SECOND) * SECOND;
    let offsets: Vec<i128> = (times.iter())
        .map(|time| time.as_nanoseconds() - reference)
        .collect();
    let exact = |length: i128| offsets.iter().all(|offset| offset % length == 0);
    let (unit, length) = UNITS_OF_TIME
        .into_iter()
        .find(|&(_, length)| exact(length))
        .unwrap_or(("nanoseconds", 1));
    let values: Vec<i64> = offsets
        .iter()
        .map(|offset| i64::try_from(offset / length))
        .collect::<Result<_, _>>()
        .map_err(|_| {
            Error::unsupported(format!(
                "times to the {unit} over so many years do not fit 64 bits; round them"
            ))
        })?;
    let civil = Timestamp::from_nanoseconds(reference)?.civil();
    let sign = if civil.year() < 0 { "-" } else { "" };
    let units = format!(
        "{unit} since {sign}{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        civil.year().unsigned_abs(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second()
    );
    attributes.push((UNITS.to_owned(), AttributeContent::text(units)));
    let calendar = AttributeContent::text("proleptic_gregorian");
    attributes.push(("calendar".to_owned(), calendar));
    CoordinateCells::numbers(&values)
}
