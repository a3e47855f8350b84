//! Whole numbers on the command line. What is wrong with one is told in words, and not in those of a programmer.

use std::ops::RangeInclusive;

use hyperslab::WORKERS_MAX;

/// Any whole number.
pub(crate) fn whole(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| "write a whole number, such as 10".to_owned())
}

/// A number of things of which there is at least one.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("write a whole number of at least 1".to_owned()),
        Ok(count) => Ok(count),
    }
}

/// A number of threads.
pub(crate) fn workers(text: &str) -> Result<usize, String> {
    within(text, 1..=WORKERS_MAX)
}

/// How deep a check goes.
pub(crate) fn level(text: &str) -> Result<u8, String> {
    within(text, 1..=4)
}

fn within<T>(text: &str, range: RangeInclusive<T>) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let number = text.parse().ok().filter(|number| range.contains(number));
    let (start, end) = (range.start(), range.end());
    number.ok_or_else(|| format!("write a whole number from {start} to {end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_within_their_bounds() {
        assert_eq!((whole("0"), count("7")), (Ok(0), Ok(7)));
        assert_eq!((level("4"), workers("1024")), (Ok(4), Ok(1024)));
        for text in ["", "x", "-1", "1.5", "99999999999999999999"] {
            assert!(whole(text).is_err() && count(text).is_err(), "{text}");
            assert!(level(text).is_err() && workers(text).is_err(), "{text}");
        }
        assert!(count("0").is_err() && workers("0").is_err() && workers("1025").is_err());
        assert_eq!(level("5").unwrap_err(), "write a whole number from 1 to 4");
    }
}
