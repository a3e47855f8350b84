//! Which places of an axis are marked, and what is written there.

use hyperslab::Timestamp;
use jiff::civil::{Date, DateTime, date};

use crate::axis::{Axis, Compass};
use crate::human;

/// One mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    /// Where, on the scale of the axis.
    pub(crate) at: f64,
    /// What is written there.
    pub(crate) text: String,
    /// A second line: the date where a time of day is written, when it is new.
    pub(crate) second_line: Option<String>,
}

impl Tick {
    fn new(at: f64, text: String) -> Self {
        Self {
            at,
            text,
            second_line: None,
        }
    }
}

const DAY: f64 = 86_400.0;

/// Seconds since 1970.
#[expect(
    clippy::cast_precision_loss,
    reason = "a picture does not show nanoseconds of centuries"
)]
pub(crate) fn seconds(time: Timestamp) -> f64 {
    time.as_nanoseconds() as f64 / 1e9
}

/// Multiples of 1, 2 or 5 times a power of ten.
pub(crate) fn numbers(low: f64, high: f64, count_max: usize) -> Vec<Tick> {
    let step = round_step((high - low) / float(count_max.max(1)));
    let decimals = decimals_of(step);
    multiples(low, high, step)
        .into_iter()
        .map(|at| {
            let text = match decimals {
                Some(decimals) if at.abs() < 1e7 => format!("{at:.decimals$}"),
                _ => human::significant(at, 8),
            };
            Tick::new(at, text.replace('-', "−"))
        })
        .collect()
}

/// Degrees as on a map: `60°S`, `0°`, `180°`, `120°W`.
pub(crate) fn degrees(
    low: f64,
    high: f64,
    count_max: usize,
    compass: Option<Compass>,
) -> Vec<Tick> {
    let smallest = (high - low) / float(count_max.max(1));
    let step = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0]
        .into_iter()
        .find(|step| *step >= smallest && smallest > 0.5)
        .unwrap_or_else(|| round_step(smallest));
    let decimals = decimals_of(step).unwrap_or(6);
    multiples(low, high, step)
        .into_iter()
        .map(|at| {
            let (size, side) = match compass {
                Some(Compass::Latitude) => (at, ["S", "N"]),
                _ => (180.0 - (180.0 - at).rem_euclid(360.0), ["W", "E"]),
            };
            let side = if size == 0.0 || (size.abs() - 180.0).abs() < 1e-9 {
                ""
            } else {
                side[usize::from(size > 0.0)]
            };
            Tick::new(at, format!("{:.decimals$}°{side}", size.abs()))
        })
        .collect()
}

/// Every first, second, fifth ... cell.
pub(crate) fn cells(axis: &Axis, count_max: usize) -> Vec<Tick> {
    let wanted = float(axis.len()) / float(count_max.max(1));
    let step = round_step(wanted.max(1.0)).ceil();
    multiples(0.0, float(axis.len()) - 0.5, step)
        .into_iter()
        .map(|cell| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number between 0 and the length of the axis"
            )]
            let text = axis.text(cell as usize);
            Tick::new(cell + 0.5, text)
        })
        .collect()
}

/// First instants of years, months, days, hours, minutes or seconds, in ISO 8601.
pub(crate) fn times(low: f64, high: f64, count_max: usize) -> Vec<Tick> {
    let smallest = (high - low) / float(count_max.max(1));
    let ticks = if smallest > 250.0 * DAY {
        let years = round_step(smallest / (365.2425 * DAY)).max(1.0);
        months(low, high, years * 12.0, 4)
    } else if smallest > 15.0 * DAY {
        let months_wanted = smallest / (30.4 * DAY);
        let step = [1.0, 2.0, 3.0, 6.0]
            .into_iter()
            .find(|step| *step >= months_wanted);
        months(low, high, step.unwrap_or(12.0), 7)
    } else if smallest > DAY / 2.0 {
        let days = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .find(|days| *days * DAY >= smallest);
        multiples(low, high, days.unwrap_or(15.0) * DAY)
            .into_iter()
            .filter_map(|at| Some(Tick::new(at, civil(at)?.date().to_string())))
            .collect()
    } else {
        times_of_day(low, high, smallest)
    };
    if ticks.is_empty() {
        numbers(low, high, count_max)
    } else {
        ticks
    }
}

/// The first of every `step`-th month; the first `width` characters of its date are written.
fn months(low: f64, high: f64, step: f64, width: usize) -> Vec<Tick> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 20,000 years of months"
    )]
    let step = step as i32;
    let Some(first) = civil(low) else {
        return Vec::new();
    };
    let month_count = i32::from(first.year()) * 12 + i32::from(first.month()) - 1;
    let mut month = month_count.div_euclid(step) * step;
    let mut ticks = Vec::new();
    while let Some(day) = first_of_month(month) {
        let at = since_1970(day);
        if at > high {
            break;
        }
        if at >= low {
            let sign = usize::from(day.year() < 0) * 3;
            ticks.push(Tick::new(
                at,
                day.to_string().chars().take(width + sign).collect(),
            ));
        }
        month += step;
    }
    ticks
}

fn first_of_month(month: i32) -> Option<Date> {
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let month = i8::try_from(month.rem_euclid(12) + 1).ok()?;
    Date::new(year, month, 1).ok()
}

fn times_of_day(low: f64, high: f64, smallest: f64) -> Vec<Tick> {
    const STEPS: [f64; 14] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    ];
    let step = STEPS
        .into_iter()
        .chain([3.0, 6.0, 12.0].map(|hours| hours * 3600.0))
        .find(|step| *step >= smallest && smallest > 0.5)
        .unwrap_or_else(|| round_step(smallest).min(DAY / 2.0));
    let mut last_date = None;
    multiples(low, high, step)
        .into_iter()
        .filter_map(|at| {
            let moment = civil(at)?;
            let text = moment.time().to_string();
            let text = match text.strip_suffix(":00") {
                Some(minutes) if step >= 60.0 => minutes.to_owned(),
                _ => text,
            };
            let is_new = last_date.replace(moment.date()) != Some(moment.date());
            Some(Tick {
                at,
                text,
                second_line: is_new.then(|| moment.date().to_string()),
            })
        })
        .collect()
}

/// The proleptic Gregorian date and time of that many seconds since 1970, to the microsecond.
fn civil(at: f64) -> Option<DateTime> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "out of range saturates and is refused"
    )]
    let microseconds = (at * 1e6).round() as i64;
    Timestamp::from_nanoseconds(i128::from(microseconds) * 1000)
        .ok()
        .map(Timestamp::civil)
}

fn since_1970(day: Date) -> f64 {
    let days = (day - date(1970, 1, 1)).get_days();
    f64::from(days) * DAY
}

/// The multiples of `step` from `low` to `high`, both ends in.
fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    const COUNT_MAX: usize = 1000;
    let slack = 1e-9;
    let first = (low / step - slack).ceil();
    (0..COUNT_MAX)
        .map(|index| (first + float(index)) * step)
        .take_while(|&at| at / step <= high / step + slack)
        // A negative zero would be written as such.
        .map(|at| at + 0.0)
        .collect()
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `smallest`.
fn round_step(smallest: f64) -> f64 {
    if !smallest.is_finite() || smallest <= f64::MIN_POSITIVE {
        return f64::MAX / 4.0;
    }
    let power = 10_f64.powf(smallest.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|&step| step >= smallest * (1.0 - 1e-9))
        .unwrap_or(power * 10.0)
}

/// How many decimals tell multiples of `step` apart, unless there are too many.
fn decimals_of(step: f64) -> Option<usize> {
    (0..=6)
        .find(|&decimals| {
            let scaled = step * 10_f64.powi(decimals);
            (scaled - scaled.round()).abs() < 1e-6 * scaled
        })
        .and_then(|decimals| usize::try_from(decimals).ok())
}

#[expect(clippy::cast_precision_loss, reason = "fewer cells than 2^53")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.text.as_str()).collect()
    }

    fn at(text: &str) -> f64 {
        seconds(text.parse().unwrap())
    }

    #[test]
    fn numbers_are_round() {
        assert_eq!(
            texts(&numbers(-1.8, 30.2, 8)),
            ["0", "5", "10", "15", "20", "25", "30"]
        );
        assert_eq!(texts(&numbers(-0.05, 0.21, 4)), ["0.0", "0.1", "0.2"]);
        assert_eq!(texts(&numbers(-2.0, 2.0, 4)), ["−2", "−1", "0", "1", "2"]);
        assert_eq!(texts(&numbers(0.0, 3e-9, 3)), ["0", "1e−9", "2e−9", "3e−9"]);
    }

    #[test]
    fn degrees_are_those_of_a_map() {
        let east = degrees(20.0, 380.0, 7, Some(Compass::Longitude));
        assert_eq!(
            texts(&east),
            ["60°E", "120°E", "180°", "120°W", "60°W", "0°"]
        );
        let north = degrees(-90.0, 90.0, 7, Some(Compass::Latitude));
        assert_eq!(
            texts(&north),
            ["90°S", "60°S", "30°S", "0°", "30°N", "60°N", "90°N"]
        );
        let fine = degrees(10.0, 10.4, 4, Some(Compass::Latitude));
        assert_eq!(
            texts(&fine),
            ["10.0°N", "10.1°N", "10.2°N", "10.3°N", "10.4°N"]
        );
    }

    #[test]
    fn times_are_iso_dates() {
        let year = times(at("2023-01-01"), at("2024-01-01"), 6);
        assert_eq!(texts(&year)[..3], ["2023-01", "2023-03", "2023-05"]);
        let century = times(at("1901-01-01"), at("2000-01-01"), 6);
        assert_eq!(texts(&century), ["1920", "1940", "1960", "1980", "2000"]);
        let week = times(at("2023-01-01"), at("2023-01-05"), 5);
        assert_eq!(texts(&week)[0], "2023-01-01");
        let night = times(at("2023-01-01T18:00"), at("2023-01-02T06:00"), 5);
        assert_eq!(texts(&night), ["18:00", "21:00", "00:00", "03:00", "06:00"]);
        assert_eq!(night[2].second_line.as_deref(), Some("2023-01-02"));
        assert_eq!(night[3].second_line, None);
    }

    #[test]
    fn no_span_is_too_large_or_too_small() {
        for (low, high) in [
            (0.0, 1e-12),
            (f64::MIN, f64::MAX),
            (1e15, 1e15 + 1.0),
            (-1e300, 1e300),
        ] {
            assert!(numbers(low, high, 5).len() <= 12);
            assert!(times(low, high, 5).len() <= 12);
        }
    }
}
