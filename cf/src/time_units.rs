//! `"<unit> since <reference>"`.

use std::fmt;
use std::str::FromStr;

use hyperslab_core::{Error, Result};

use super::Calendar;

const NANOSECONDS_PER_DAY: i128 = 86_400_000_000_000;

/// A unit of time of fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is the unit of that name")]
pub enum TimeUnit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
    Days,
    Weeks,
}

impl TimeUnit {
    /// The length in nanoseconds.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        match self {
            Self::Nanoseconds => 1,
            Self::Microseconds => 1_000,
            Self::Milliseconds => 1_000_000,
            Self::Seconds => 1_000_000_000,
            Self::Minutes => 60_000_000_000,
            Self::Hours => 3_600_000_000_000,
            Self::Days => 86_400_000_000_000,
            Self::Weeks => 604_800_000_000_000,
        }
    }

    /// The spelling that every reader knows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "nanoseconds",
            Self::Microseconds => "microseconds",
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
            Self::Weeks => "weeks",
        }
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TimeUnit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let lower = text.to_ascii_lowercase();
        Ok(match lower.as_str() {
            "nanosecond" | "nanoseconds" | "nanosec" | "nanosecs" | "nsec" | "nsecs" | "ns" => {
                Self::Nanoseconds
            }
            "microsecond" | "microseconds" | "microsec" | "microsecs" | "usec" | "usecs" | "us"
            | "µs" => Self::Microseconds,
            "millisecond" | "milliseconds" | "millisec" | "millisecs" | "msec" | "msecs" | "ms" => {
                Self::Milliseconds
            }
            "second" | "seconds" | "sec" | "secs" | "s" => Self::Seconds,
            "minute" | "minutes" | "min" | "mins" => Self::Minutes,
            "hour" | "hours" | "hr" | "hrs" | "h" => Self::Hours,
            "day" | "days" | "d" => Self::Days,
            "week" | "weeks" => Self::Weeks,
            "month" | "months" | "mon" | "year" | "years" | "yr" | "yrs" | "common_year"
            | "common_years" => {
                return Err(Error::unsupported(format!(
                    "'{text}' have no fixed length in time, so their numbers name no instants"
                )));
            }
            _ => {
                return Err(Error::unsupported(format!(
                    "'{text}' is no unit of time; known are weeks, days, hours, minutes, seconds, milliseconds, microseconds and nanoseconds"
                )));
            }
        })
    }
}

/// Whether units have the form `"<unit> since <reference>"`, be they understood or not.
#[must_use]
pub fn is_time_units(units: &str) -> bool {
    split(units).is_some()
}

fn split(units: &str) -> Option<(&str, &str)> {
    let units = units.trim();
    let (unit, rest) = units.split_once(char::is_whitespace)?;
    let (since, reference) = rest.trim_start().split_once(char::is_whitespace)?;
    since
        .eq_ignore_ascii_case("since")
        .then(|| (unit, reference.trim()))
}

/// Units of time of a calendar: what one number counts, and from when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeUnits {
    /// What the numbers count. In the calendar `360_day` a month is 30 days, which [`Self::count`] holds.
    pub unit: TimeUnit,
    /// How many units one number stands for: 1, 30 for the months and 360 for the years of `360_day`.
    pub count: i64,
    /// The calendar of the reference.
    pub calendar: Calendar,
    /// The year of the reference as written.
    pub year: i64,
    /// The month of the reference, from 1.
    pub month: u8,
    /// The day of the month of the reference, from 1.
    pub day: u8,
    /// The time of day of the reference in UTC, in nanoseconds; an offset may lead to before or after the day.
    pub nanosecond: i64,
}

impl TimeUnits {
    /// Reads units and checks that the reference is a date of `calendar`.
    ///
    /// # Errors
    /// `InvalidInput` when the text has another form or the date does not exist; `Unsupported` for units that have no
    /// fixed length in this calendar, or that are unknown.
    pub fn parse(units: &str, calendar: Calendar) -> Result<Self> {
        let (unit, reference) = split(units).ok_or_else(|| {
            Error::invalid(format!(
                "'{units}' is not of the form 'days since 1970-01-01'"
            ))
        })?;
        let (unit, count) = match (calendar, unit.to_ascii_lowercase().as_str()) {
            (Calendar::Day360, "month" | "months") => (TimeUnit::Days, 30),
            (Calendar::Day360, "year" | "years") => (TimeUnit::Days, 360),
            (Calendar::NoLeap, "common_year" | "common_years") => (TimeUnit::Days, 365),
            _ => {
                let unit = unit
                    .parse()
                    .map_err(|error: Error| error.context(format!("units '{units}'")))?;
                (unit, 1)
            }
        };
        let bad = || {
            Error::invalid(format!(
                "units '{units}': '{reference}' is no date of calendar '{calendar}'"
            ))
        };
        let (date, nanosecond) = parse_reference(reference).ok_or_else(bad)?;
        let (year, month, day) = date;
        if day == 0 || day > calendar.month_length(year, month) {
            return Err(bad());
        }
        let skipped = calendar == Calendar::Standard && calendar.day(year, month, day).is_none();
        if skipped || (year == 0 && !calendar.has_year_zero()) {
            return Err(Error::invalid(format!(
                "units '{units}': {} does not exist in calendar '{calendar}'",
                if skipped { reference } else { "year 0" }
            )));
        }
        Ok(Self {
            unit,
            count,
            calendar,
            year,
            month,
            day,
            nanosecond,
        })
    }

    /// The reference in nanoseconds since 1970-01-01T00:00:00Z, or `None` in a calendar that does not count real days.
    #[must_use]
    pub fn reference_nanoseconds(&self) -> Option<i128> {
        let day = self.calendar.day(self.year, self.month, self.day)?;
        Some(i128::from(day) * NANOSECONDS_PER_DAY + i128::from(self.nanosecond))
    }

    /// How many nanoseconds one number stands for.
    #[must_use]
    pub const fn step_nanoseconds(&self) -> i64 {
        self.unit.nanoseconds() * self.count
    }
}

type Date = (i64, u8, u8);

/// Date, and nanosecond of the day in UTC, of a reference in any of the spellings that udunits takes.
fn parse_reference(text: &str) -> Option<(Date, i64)> {
    let (date, rest) = match text.find(|c: char| c == 'T' || c == 't' || c.is_whitespace()) {
        Some(end) => {
            let rest = &text[end..];
            (&text[..end], rest.trim_start_matches(['T', 't']).trim())
        }
        // A date alone may carry a "Z".
        None => match text.strip_suffix(['Z', 'z']) {
            Some(date) => (date, ""),
            None => (text, ""),
        },
    };
    let date = parse_date(date)?;
    let (clock, zone) = split_zone(rest);
    let offset = parse_zone(zone)?;
    let nanosecond = if clock.is_empty() {
        0
    } else {
        parse_clock(clock)?
    };
    Some((date, nanosecond - offset * 60_000_000_000))
}

fn parse_date(text: &str) -> Option<Date> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if !digits.contains('-') && digits.len() == 8 {
        // The packed form of ISO 8601.
        return Some((
            sign * number(&digits[..4], 4)?,
            u8::try_from(number(digits.get(4..6)?, 2)?).ok()?,
            u8::try_from(number(digits.get(6..)?, 2)?).ok()?,
        ));
    }
    let mut parts = digits.split('-');
    let year = sign * number(parts.next()?, 6)?;
    let mut small = || match parts.next() {
        Some(part) => u8::try_from(number(part, 2)?).ok(),
        None => Some(1),
    };
    let (month, day) = (small()?, small()?);
    parts.next().is_none().then_some((year, month, day))
}

/// Splits `12:00:00+01:00`, `12:00 UTC` or `12:00 -6` into clock and zone.
fn split_zone(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| c == '+' || c == '-' || c.is_alphabetic() || c.is_whitespace())
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// The offset of a time zone east of UTC, in minutes.
fn parse_zone(text: &str) -> Option<i64> {
    if text.is_empty() || matches!(text.to_ascii_uppercase().as_str(), "Z" | "UTC" | "GMT") {
        return Some(0);
    }
    let text = text
        .strip_prefix("UTC")
        .or_else(|| text.strip_prefix("GMT"))
        .unwrap_or(text);
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        b'0'..=b'9' => (1, text),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 && digits.is_ascii() => digits.split_at(digits.len() - 2),
        None => (digits, "0"),
    };
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// The nanosecond of the day of `h`, `h:m`, `h:m:s`, `h:m:s.f` or the packed `hhmmss.f`.
fn parse_clock(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let parts: Vec<&str> = if whole.contains(':') {
        whole.split(':').collect()
    } else if whole.len() > 2 && whole.len().is_multiple_of(2) && whole.is_ascii() {
        (0..whole.len())
            .step_by(2)
            .map(|at| &whole[at..at + 2])
            .collect()
    } else {
        vec![whole]
    };
    let part = |index: usize| parts.get(index).map_or(Some(0), |part| number(part, 2));
    let (hour, minute, second) = (part(0)?, part(1)?, part(2)?);
    let is_digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() > 3 || hour > 24 || minute > 59 || second > 59 || !is_digits {
        return None;
    }
    // Digits beyond the nanosecond are dropped.
    let fraction: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    let seconds = (hour * 60 + minute) * 60 + second;
    let nanosecond = seconds * 1_000_000_000 + fraction.parse::<i64>().ok()?;
    (i128::from(nanosecond) <= NANOSECONDS_PER_DAY).then_some(nanosecond)
}

fn number(digits: &str, length_max: usize) -> Option<i64> {
    let is_number = !digits.is_empty()
        && digits.len() <= length_max
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_in_all_spellings() {
        let noon = 12 * 3_600_000_000_000;
        for (text, date, nanosecond) in [
            ("1980-01-14 14:00:00", (1980, 1, 14), noon / 6 * 7),
            ("1970-1-1", (1970, 1, 1), 0),
            ("1-1-1", (1, 1, 1), 0),
            ("1970-01-01T00:00:00Z", (1970, 1, 1), 0),
            ("1970-01-01Z", (1970, 1, 1), 0),
            ("1900-01-01 00:00:0.0", (1900, 1, 1), 0),
            ("1900-01-01 12", (1900, 1, 1), noon),
            ("1900-01-01 12:0", (1900, 1, 1), noon),
            ("1900-01-01T12:00:00.25", (1900, 1, 1), noon + 250_000_000),
            ("19000101T120000", (1900, 1, 1), noon),
            ("1900-01-01 12:00:00 UTC", (1900, 1, 1), noon),
            ("1900-01-01 12:00 GMT", (1900, 1, 1), noon),
            ("1900-01-01 13:00:00+01:00", (1900, 1, 1), noon),
            ("1900-01-01 13:00:00 +1", (1900, 1, 1), noon),
            ("1900-01-01 06:00:00 -0600", (1900, 1, 1), noon),
            ("1900-01-01T06:00:00 -6:00", (1900, 1, 1), noon),
            ("1900-01", (1900, 1, 1), 0),
            ("-4713-1-1 12:00:00", (-4713, 1, 1), noon),
        ] {
            assert_eq!(parse_reference(text), Some((date, nanosecond)), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "1-JAN-1990",
            "1990-1-1-1",
            "1990-01-01 25:00",
            "1990-01-01 12:00 Mars",
            "1990-01-01 12:00:60",
            "é",
            "1990-01-01 é1",
            "1990-01-01 12:00 +é1",
            "+",
            "1990-",
        ] {
            assert_eq!(parse_reference(text), None, "{text}");
        }
    }

    #[test]
    fn units_that_name_no_fixed_time_are_refused() {
        for (units, calendar, word) in [
            (
                "months since 1990-01-01",
                Calendar::Standard,
                "no fixed length",
            ),
            (
                "years since 1990-01-01",
                Calendar::NoLeap,
                "no fixed length",
            ),
            (
                "furlongs since 1990-01-01",
                Calendar::Standard,
                "no unit of time",
            ),
            ("days since 1990-02-30", Calendar::Standard, "no date"),
            ("days since 2001-02-29", Calendar::Standard, "no date"),
            ("days since 2000-02-29", Calendar::NoLeap, "no date"),
            (
                "days since 1582-10-10",
                Calendar::Standard,
                "does not exist",
            ),
            (
                "hour since 0000-01-01 00:00:00",
                Calendar::Standard,
                "year 0",
            ),
            (
                "days since 0000-00-00",
                Calendar::ProlepticGregorian,
                "no date",
            ),
            ("days", Calendar::Standard, "form"),
            ("days before 1990-01-01", Calendar::Standard, "form"),
        ] {
            let message = TimeUnits::parse(units, calendar).unwrap_err().to_string();
            assert!(message.contains(word), "{units}: {message}");
        }
        let months = TimeUnits::parse("months since 1990-02-30", Calendar::Day360).unwrap();
        assert_eq!((months.unit, months.count), (TimeUnit::Days, 30));
    }

    #[test]
    fn spellings_of_units_agree() {
        for text in ["hour", "hours", "hr", "hrs", "h", "HOURS"] {
            assert_eq!(text.parse::<TimeUnit>().unwrap(), TimeUnit::Hours);
        }
        for unit in [
            TimeUnit::Nanoseconds,
            TimeUnit::Microseconds,
            TimeUnit::Milliseconds,
            TimeUnit::Seconds,
            TimeUnit::Minutes,
            TimeUnit::Days,
            TimeUnit::Weeks,
        ] {
            assert_eq!(unit.name().parse::<TimeUnit>().unwrap(), unit);
        }
    }
}
