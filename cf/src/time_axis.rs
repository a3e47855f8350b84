//! Numbers of a time axis: instants where they are instants, numbers where they are not. Never a wrong date.

use hyperslab_core::{Error, Result, Timestamp};

use super::calendar::GREGORIAN_SWITCH_DAY;
use super::{Calendar, TimeUnit, TimeUnits};

const NANOSECONDS_PER_DAY: i128 = 86_400_000_000_000;

/// Numbers as they are stored, in their own unit.
#[derive(Debug, Clone, Copy)]
pub enum TimeNumbers<'a> {
    /// Whole numbers, decoded exactly.
    Ints(&'a [i64]),
    /// Floating-point numbers, decoded to the nearest nanosecond.
    Floats(&'a [f64]),
}

/// What the numbers of a time axis mean.
#[derive(Debug, Clone, PartialEq)]
pub enum TimeAxis {
    /// Every number is an instant of the calendar that people use.
    Instants(Vec<Timestamp>),
    /// At least one number is no such instant, so that all are kept in their own unit.
    Numbers {
        /// Why, naming the calendar or the date at fault.
        reason: String,
    },
}

impl TimeAxis {
    /// Decides what `numbers` of `units` mean. Without a calendar it is `standard`, as CF says.
    ///
    /// Instants are the dates of `proleptic_gregorian`, and those of `standard` from 1582-10-15 on. All other calendars,
    /// units without a fixed length, year 0 of `standard` (a climatology), references that are no date, and dates out of
    /// range remain numbers.
    #[must_use]
    pub fn decide(numbers: TimeNumbers<'_>, units: &str, calendar: Option<&str>) -> Self {
        instants(numbers, units, calendar).map_or_else(
            |error| Self::Numbers {
                reason: error.to_string(),
            },
            Self::Instants,
        )
    }
}

fn instants(
    numbers: TimeNumbers<'_>,
    units: &str,
    calendar: Option<&str>,
) -> Result<Vec<Timestamp>> {
    let calendar: Calendar = calendar.unwrap_or("standard").parse()?;
    if !calendar.has_instants() {
        return Err(Error::unsupported(format!(
            "the dates of calendar '{calendar}' are not instants of the calendar that people use"
        )));
    }
    let units = TimeUnits::parse(units, calendar)?;
    let reference = units.reference_nanoseconds().ok_or_else(|| {
        Error::unsupported(format!("calendar '{calendar}' does not count real days"))
    })?;
    let instant = |offset: i128| {
        let instant = reference
            .checked_add(offset)
            .ok_or_else(|| Error::invalid("a time is out of range"))?;
        if calendar == Calendar::Standard
            && instant < i128::from(GREGORIAN_SWITCH_DAY) * NANOSECONDS_PER_DAY
        {
            return Err(Error::unsupported(
                "a time lies before 1582-10-15, where calendar 'standard' is Julian",
            ));
        }
        Timestamp::from_nanoseconds(instant)
    };
    let step = units.step_nanoseconds();
    match numbers {
        TimeNumbers::Ints(numbers) => numbers
            .iter()
            .map(|&number| instant(i128::from(number) * i128::from(step)))
            .collect(),
        TimeNumbers::Floats(numbers) => numbers
            .iter()
            .map(|&number| instant(float_offset(number, step, reference)?))
            .collect(),
    }
}

/// `number` steps in nanoseconds, rounded as xarray does it: one multiplication in `float64` where all is in the range of
/// `datetime64[ns]`, else to the microsecond as cftime does.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "rounding is what this function is for, and the range is checked first"
)]
fn float_offset(number: f64, step: i64, reference: i128) -> Result<i128> {
    let product = number * step as f64;
    if !product.is_finite() || product.abs() > 1e30 {
        return Err(Error::invalid(format!("{number} is no time")));
    }
    let rounded = product.round() as i128;
    let fits = |nanoseconds: i128| i64::try_from(nanoseconds).is_ok();
    if fits(reference) && fits(rounded) && fits(reference + rounded) {
        return Ok(rounded);
    }
    let whole = number.trunc() as i128 * i128::from(step);
    let microseconds = ((number.fract() * step as f64) / 1e3).round() as i128 + whole / 1000;
    // A second that was missed by one microsecond was meant, unless the unit is as fine as that.
    let snapped = match microseconds.rem_euclid(1_000_000) {
        _ if step <= TimeUnit::Milliseconds.nanoseconds() => microseconds,
        1 => microseconds - 1,
        999_999 => microseconds + 1,
        _ => microseconds,
    };
    Ok(snapped * 1000)
}

/// Instants as whole numbers, and the units of those: the coarsest unit that is exact, since 1970 if that fits 64 bits,
/// else since the midnight before the first instant. The calendar is `proleptic_gregorian`.
///
/// # Errors
/// `Unsupported` when the instants span more than 64 bits of the unit they need.
pub fn encode_instants(instants: &[Timestamp]) -> Result<(Vec<i64>, String)> {
    let nanoseconds: Vec<i128> = instants.iter().map(|time| time.as_nanoseconds()).collect();
    let unit = [
        TimeUnit::Days,
        TimeUnit::Hours,
        TimeUnit::Minutes,
        TimeUnit::Seconds,
        TimeUnit::Milliseconds,
        TimeUnit::Microseconds,
    ]
    .into_iter()
    .find(|unit| {
        let length = i128::from(unit.nanoseconds());
        nanoseconds.iter().all(|time| time % length == 0)
    })
    .unwrap_or(TimeUnit::Nanoseconds);
    let count = |origin: i128| -> Option<Vec<i64>> {
        nanoseconds
            .iter()
            .map(|time| i64::try_from((time - origin) / i128::from(unit.nanoseconds())).ok())
            .collect()
    };
    if let Some(numbers) = count(0) {
        return Ok((numbers, format!("{unit} since 1970-01-01")));
    }
    let first = nanoseconds.iter().min().copied().unwrap_or(0);
    let midnight = first.div_euclid(NANOSECONDS_PER_DAY) * NANOSECONDS_PER_DAY;
    let date = Timestamp::from_nanoseconds(midnight)?.civil().date();
    let numbers = count(midnight).ok_or_else(|| {
        Error::unsupported(format!(
            "the times from {date} on span more {unit} than 64 bits can count; select fewer"
        ))
    })?;
    Ok((numbers, format!("{unit} since {date}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(number: f64, units: &str, calendar: &str) -> TimeAxis {
        TimeAxis::decide(TimeNumbers::Floats(&[number]), units, Some(calendar))
    }

    #[test]
    fn a_time_that_is_no_instant_stays_a_number_with_a_reason() {
        for (number, units, calendar, word) in [
            (
                366.0,
                "hour since 0000-01-01 00:00:00",
                "gregorian",
                "year 0",
            ),
            (1.0, "days since 2000-01-01", "noleap", "noleap"),
            (1.0, "days since 2000-01-01", "360_day", "360_day"),
            (1.0, "days since 2000-01-01", "julian", "julian"),
            (1.0, "days since 2000-01-01", "none", "none"),
            (1.0, "days since 2000-01-01", "mayan", "mayan"),
            (1.0, "days since 1-1-1", "standard", "1582-10-15"),
            (
                1.0,
                "months since 2000-01-01",
                "standard",
                "no fixed length",
            ),
            (f64::NAN, "days since 2000-01-01", "standard", "NaN"),
            (1e300, "days since 2000-01-01", "standard", "no time"),
            (1e10, "days since 2000-01-01", "standard", "range"),
        ] {
            match decide(number, units, calendar) {
                TimeAxis::Numbers { reason } => assert!(reason.contains(word), "{units}: {reason}"),
                TimeAxis::Instants(times) => panic!("{units} {calendar}: {times:?}"),
            }
        }
    }

    #[test]
    fn encoding_is_exact_and_reversible() {
        for texts in [
            vec!["2000-01-01", "2000-01-03"],
            vec!["1980-01-14T14:00Z", "1999-01-01T01:30Z"],
            vec!["1969-12-31T23:59:59.999999999Z"],
            vec!["-009000-01-01T00:00:00.000000001Z"],
            vec!["0000-02-29", "9999-12-30T22:00Z"],
            vec![],
        ] {
            let times: Vec<Timestamp> = texts.iter().map(|text| text.parse().unwrap()).collect();
            let (numbers, units) = encode_instants(&times).unwrap();
            let calendar = Some("proleptic_gregorian");
            assert_eq!(
                TimeAxis::decide(TimeNumbers::Ints(&numbers), &units, calendar),
                TimeAxis::Instants(times),
                "{units}"
            );
        }
        let far: Vec<Timestamp> = ["0001-01-01T00:00:00.000000001Z", "2001-01-01"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        assert!(encode_instants(&far).is_err());
    }
}
