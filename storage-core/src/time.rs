//! Instants and steps of time: always UTC inside, RFC 3339 outside, to the nanosecond.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// An instant in UTC, to the nanosecond, between the years -9999 and 9999 (proleptic Gregorian).
///
/// Text without an offset is UTC; a date alone is its midnight.
///
/// ```
/// use hyperslab_core::Timestamp;
///
/// let noon: Timestamp = "2023-01-03T13:00+01:00".parse()?;
/// assert_eq!(noon.to_string(), "2023-01-03T12:00:00Z");
/// assert_eq!("2023-01-03".parse::<Timestamp>()?.to_string(), "2023-01-03T00:00:00Z");
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The instant that many nanoseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// `InvalidInput` outside the years -9999 to 9999.
    pub fn from_nanoseconds(nanoseconds: i128) -> Result<Self> {
        jiff::Timestamp::from_nanosecond(nanoseconds)
            .map(Self)
            .map_err(|error| Error::invalid(format!("time out of range: {error}")))
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_nanoseconds(self) -> i128 {
        self.0.as_nanosecond()
    }

    /// The instant that many seconds after 1970-01-01T00:00:00Z, to the microsecond, which is as exact as a `float64` is there.
    ///
    /// # Errors
    /// `InvalidInput` when it is no number, or outside the years -9999 to 9999.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a number beyond the range of i128 becomes its end, which is no time"
    )]
    pub fn from_seconds(seconds: f64) -> Result<Self> {
        if seconds.is_nan() {
            return Err(Error::invalid("NaN seconds are not a time"));
        }
        let microseconds = (seconds * 1e6).round() as i128;
        Self::from_nanoseconds(microseconds.saturating_mul(1000))
    }

    /// Parses seconds since 1970-01-01T00:00:00Z, with up to nine decimals: `1672531200`, `-0.5`.
    ///
    /// # Errors
    /// `InvalidInput` when it is no such number, or outside the years -9999 to 9999.
    pub fn parse_seconds(text: &str) -> Result<Self> {
        let refuse = || {
            Error::invalid(format!(
                "'@{text}' is not a time; write seconds since 1970 like @1672531200 or @1672531200.25"
            ))
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 9 || !are_digits(whole) || !are_digits(fraction) {
            return Err(refuse());
        }
        let nanoseconds: i128 = format!("{whole}{fraction:0<9}")
            .parse()
            .map_err(|_| refuse())?;
        let sign = if digits.len() < text.len() { -1 } else { 1 };
        Self::from_nanoseconds(sign * nanoseconds)
    }

    /// The present moment of the system clock. Library code asks its [`Clock`](crate::Clock) instead.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now())
    }

    /// The proleptic Gregorian date and time of day in UTC.
    #[must_use]
    pub fn civil(self) -> DateTime {
        TimeZone::UTC.to_datetime(self.0)
    }

    /// The instant of a proleptic Gregorian date and time of day in UTC.
    ///
    /// # Errors
    /// `InvalidInput` at the very edges of the range.
    pub fn from_civil(civil: DateTime) -> Result<Self> {
        TimeZone::UTC
            .to_timestamp(civil)
            .map(Self)
            .map_err(|error| Error::invalid(format!("time {civil} is out of range: {error}")))
    }

    /// This instant moved by `step`, or `None` out of range.
    #[must_use]
    pub fn checked_add(self, step: TimeStep) -> Option<Self> {
        Self::from_nanoseconds(self.as_nanoseconds() + step.as_nanoseconds()).ok()
    }

    /// Parses text as a period: `2023` is the year, `2023-01` the month, `2023-01-03` the day, a full time its one
    /// nanosecond. Returns the first and the last nanosecond. This is how the ends of a time range are read, as in
    /// xarray.
    ///
    /// # Errors
    /// `InvalidInput` when the text is no ISO 8601 date or time.
    pub fn parse_period(text: &str) -> Result<(Self, Self)> {
        let Some((first, next)) = whole_days(text.trim()) else {
            let instant: Self = text.parse()?;
            return Ok((instant, instant));
        };
        let first = Self::from_civil(first.to_datetime(jiff::civil::Time::midnight()))?;
        let next = Self::from_civil(next.to_datetime(jiff::civil::Time::midnight()))?;
        Ok((first, Self::from_nanoseconds(next.as_nanoseconds() - 1)?))
    }
}

/// The first day of the year, month or day that `text` names, and the first day after it.
fn whole_days(text: &str) -> Option<(Date, Date)> {
    use jiff::ToSpan;
    let digits = |part: &str| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let (padded, span) = match text.split('-').collect::<Vec<_>>().as_slice() {
        [year] if digits(year) => (format!("{year}-01-01"), 1.year()),
        [year, month] if digits(year) && month.len() == 2 => {
            (format!("{year}-{month}-01"), 1.month())
        }
        [year, _, _] if digits(year) && text.len() == 10 => (text.to_owned(), 1.day()),
        _ => return None,
    };
    let first: Date = padded.parse().ok()?;
    Some((first, first.checked_add(span).ok()?))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Ok(Self(instant));
        }
        text.parse::<DateTime>()
            .map_err(Error::from_time_text(text))
            .and_then(Self::from_civil)
    }
}

impl Error {
    fn from_time_text(text: &str) -> impl FnOnce(jiff::Error) -> Self + '_ {
        move |source| {
            Self::invalid(format!(
                "'{text}' is not a time; write it like 2023-01-03 or 2023-01-03T12:30:00Z"
            ))
            .with_source(source)
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A step of time: a fixed number of nanoseconds, positive or negative.
///
/// The text form is an ISO 8601 duration of weeks, days and smaller units (`P1D`, `PT6H`, `-PT0.5S`); `6h`, `1d 30m` and `250ms`
/// are read too. Months and years have no fixed length and are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeStep(SignedDuration);

impl TimeStep {
    /// A step of that many nanoseconds.
    ///
    /// # Errors
    /// `InvalidInput` beyond the range of 64-bit seconds.
    pub fn from_nanoseconds(nanoseconds: i128) -> Result<Self> {
        let seconds = nanoseconds.div_euclid(1_000_000_000);
        let rest = nanoseconds.rem_euclid(1_000_000_000);
        match (i64::try_from(seconds), i32::try_from(rest)) {
            (Ok(seconds), Ok(rest)) => Ok(Self(SignedDuration::new(seconds, rest))),
            _ => Err(Error::invalid(format!(
                "a step of {nanoseconds} ns is out of range"
            ))),
        }
    }

    /// The length in nanoseconds.
    #[must_use]
    pub fn as_nanoseconds(self) -> i128 {
        self.0.as_nanos()
    }
}

impl fmt::Display for TimeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TimeStep {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why: &dyn fmt::Display| {
            Error::invalid(format!(
                "'{text}' is not a step of time ({why}); write it like P1D, PT6H or 30m"
            ))
        };
        let span: jiff::Span = text.parse().map_err(|error| refuse(&error))?;
        if span.get_years() != 0 || span.get_months() != 0 {
            return Err(refuse(&"months and years have no fixed length"));
        }
        // Days are 24 hours here: all times are UTC.
        span.to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .map(Self)
            .map_err(|error| refuse(&error))
    }
}

impl Serialize for TimeStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_covers_its_last_nanosecond() {
        for (text, first, last) in [
            (
                "2024",
                "2024-01-01T00:00:00Z",
                "2024-12-31T23:59:59.999999999Z",
            ),
            (
                "2024-02",
                "2024-02-01T00:00:00Z",
                "2024-02-29T23:59:59.999999999Z",
            ),
            (
                "2024-02-29",
                "2024-02-29T00:00:00Z",
                "2024-02-29T23:59:59.999999999Z",
            ),
            (
                "2024-02-29T06",
                "2024-02-29T06:00:00Z",
                "2024-02-29T06:00:00Z",
            ),
        ] {
            let (from, to) = Timestamp::parse_period(text).unwrap();
            assert_eq!(
                (from.to_string().as_str(), to.to_string().as_str()),
                (first, last)
            );
        }
    }

    #[test]
    fn steps_are_exact() {
        for (text, nanoseconds) in [
            ("P1D", 86_400_000_000_000),
            ("PT1H30M", 5_400_000_000_000),
            ("-PT0.000000001S", -1),
            ("P1W", 604_800_000_000_000),
            ("6h", 21_600_000_000_000),
            ("1d 30m", 88_200_000_000_000),
            ("250ms", 250_000_000),
            ("-1s", -1_000_000_000),
        ] {
            let step: TimeStep = text.parse().unwrap();
            assert_eq!(step.as_nanoseconds(), nanoseconds);
            assert_eq!(step.to_string().parse::<TimeStep>().unwrap(), step);
        }
        assert!("P1M".parse::<TimeStep>().is_err());
        assert!("an hour".parse::<TimeStep>().is_err());
        assert!("1mo".parse::<TimeStep>().is_err());
    }

    #[test]
    fn seconds_since_1970_are_exact_as_text() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("1672531200", 1_672_531_200_000_000_000),
            ("1672531200.000000001", 1_672_531_200_000_000_001),
            ("-0.5", -500_000_000),
        ] {
            let time = Timestamp::parse_seconds(text).unwrap();
            assert_eq!(time.as_nanoseconds(), nanoseconds, "{text}");
        }
        for text in [
            "",
            "-",
            ".5",
            "1e9",
            "+1",
            "0.0000000001",
            "99999999999999",
            "1_0",
            "soon",
        ] {
            assert!(Timestamp::parse_seconds(text).is_err(), "{text}");
        }
        let tenth = Timestamp::from_seconds(1_672_531_200.1).unwrap();
        assert_eq!(tenth.to_string(), "2023-01-01T00:00:00.1Z");
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            assert!(Timestamp::from_seconds(bad).is_err(), "{bad}");
        }
    }
}
