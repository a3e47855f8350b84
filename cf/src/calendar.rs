//! Calendars of the CF conventions, and the days of those that count real ones.

use std::fmt;
use std::str::FromStr;

use hyperslab_core::{Error, Result};

/// The first day of the Gregorian calendar, 1582-10-15, in days since 1970-01-01.
pub(crate) const GREGORIAN_SWITCH_DAY: i64 = -141_427;

/// A calendar of the CF conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Calendar {
    /// `standard` or `gregorian`: Julian before 1582-10-15, Gregorian from then on; there is no year 0.
    Standard,
    /// `proleptic_gregorian`: Gregorian always, with a year 0.
    ProlepticGregorian,
    /// `julian`: Julian always; there is no year 0.
    Julian,
    /// `noleap` or `365_day`: no year has a 29 February.
    NoLeap,
    /// `all_leap` or `366_day`: every year has a 29 February.
    AllLeap,
    /// `360_day`: every month has 30 days.
    Day360,
    /// `none`: a perpetual time of the year.
    None,
}

impl Calendar {
    /// The name that CF prefers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::ProlepticGregorian => "proleptic_gregorian",
            Self::Julian => "julian",
            Self::NoLeap => "noleap",
            Self::AllLeap => "all_leap",
            Self::Day360 => "360_day",
            Self::None => "none",
        }
    }

    /// Whether the dates of this calendar, from its switch on, are those of the calendar that people use.
    #[must_use]
    pub const fn has_instants(self) -> bool {
        matches!(self, Self::Standard | Self::ProlepticGregorian)
    }

    /// Whether year 0 exists.
    #[must_use]
    pub const fn has_year_zero(self) -> bool {
        !matches!(self, Self::Standard | Self::Julian)
    }

    /// How many days a month has, or 0 when there is no such month.
    #[must_use]
    pub fn month_length(self, year: i64, month: u8) -> u8 {
        match (self, month) {
            (Self::Day360, 1..=12) => 30,
            (_, 4 | 6 | 9 | 11) => 30,
            (_, 1 | 3 | 5 | 7 | 8 | 10 | 12) => 31,
            (_, 2) if self.is_leap(year) => 29,
            (_, 2) => 28,
            _ => 0,
        }
    }

    fn is_leap(self, year: i64) -> bool {
        let gregorian = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        match self {
            Self::NoLeap => false,
            Self::AllLeap => true,
            Self::Julian => astronomical(year) % 4 == 0,
            Self::Standard if year <= 1582 => astronomical(year) % 4 == 0,
            _ => gregorian,
        }
    }

    /// The day of a date in days since 1970-01-01 of the Gregorian calendar, or `None` where the calendar does not count
    /// real days or skips this one (1582-10-05 to 14 in `standard`).
    #[must_use]
    pub fn day(self, year: i64, month: u8, day: u8) -> Option<i64> {
        match self {
            Self::ProlepticGregorian => Some(gregorian_day(year, month, day)),
            Self::Julian => Some(julian_day(astronomical(year), month, day)),
            Self::Standard if (year, month, day) >= (1582, 10, 15) => {
                Some(gregorian_day(year, month, day))
            }
            Self::Standard if (year, month, day) < (1582, 10, 5) => {
                Some(julian_day(astronomical(year), month, day))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Calendar {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text.trim().to_ascii_lowercase().as_str() {
            "standard" | "gregorian" => Self::Standard,
            "proleptic_gregorian" => Self::ProlepticGregorian,
            "julian" => Self::Julian,
            "noleap" | "365_day" => Self::NoLeap,
            "all_leap" | "366_day" => Self::AllLeap,
            "360_day" => Self::Day360,
            "none" => Self::None,
            _ => {
                return Err(Error::unsupported(format!(
                    "calendar '{text}' is unknown; CF has standard, proleptic_gregorian, julian, noleap, all_leap, 360_day and none"
                )));
            }
        })
    }
}

/// Years BC of a calendar without a year 0, counted with one: 1 BC is 0.
const fn astronomical(year: i64) -> i64 {
    if year < 0 { year + 1 } else { year }
}

/// Days since 1970-01-01 of a Gregorian date. A year is counted from March, so that the leap day is its last.
fn gregorian_day(year: i64, month: u8, day: u8) -> i64 {
    let (year, day_of_year) = march_based(year, month, day);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    // 0000-03-01 is 719468 days before 1970-01-01.
    era * 146_097 + day_of_era - 719_468
}

/// Days since 1970-01-01 (Gregorian) of a Julian date.
fn julian_day(year: i64, month: u8, day: u8) -> i64 {
    let (year, day_of_year) = march_based(year, month, day);
    // 0000-03-01 Julian is two days before 0000-03-01 Gregorian.
    year * 365 + year.div_euclid(4) + day_of_year - 719_470
}

/// The year that begins in March, and the day of it.
fn march_based(year: i64, month: u8, day: u8) -> (i64, i64) {
    let month = i64::from(month);
    let (year, months) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    (year, (153 * months + 2) / 5 + i64::from(day) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_joins_both_calendars() {
        let last = Calendar::Standard.day(1582, 10, 4).unwrap();
        let first = Calendar::Standard.day(1582, 10, 15).unwrap();
        assert_eq!((last + 1, first), (first, GREGORIAN_SWITCH_DAY));
        assert_eq!(Calendar::Standard.day(1582, 10, 10), None);
    }

    #[test]
    fn days_are_those_of_the_julian_day_count() {
        // Julian day 2440588 begins at noon of 1970-01-01, Julian day 0 at noon of 4713 BC January 1.
        assert_eq!(Calendar::Julian.day(-4713, 1, 1), Some(-2_440_588));
        assert_eq!(Calendar::ProlepticGregorian.day(1970, 1, 1), Some(0));
        assert_eq!(
            Calendar::ProlepticGregorian.day(0, 3, 1),
            Some(Calendar::ProlepticGregorian.day(0, 2, 29).unwrap() + 1)
        );
        assert_eq!(Calendar::ProlepticGregorian.day(2000, 2, 29), Some(11_016));
    }

    #[test]
    fn months_have_the_length_of_their_calendar() {
        assert_eq!(Calendar::NoLeap.month_length(2000, 2), 28);
        assert_eq!(Calendar::AllLeap.month_length(2001, 2), 29);
        assert_eq!(Calendar::Day360.month_length(2001, 2), 30);
        assert_eq!(Calendar::Standard.month_length(1500, 2), 29);
        assert_eq!(Calendar::ProlepticGregorian.month_length(1500, 2), 28);
        assert_eq!(Calendar::Julian.month_length(-1, 2), 29);
        assert_eq!(Calendar::Standard.month_length(2001, 13), 0);
    }
}
