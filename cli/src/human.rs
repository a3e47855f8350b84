//! Numbers, sizes and times as a person reads them.

use hyperslab::{DType, Timestamp};

/// Bytes with a binary unit: `512 B`, `1.5 KiB`, `23.0 MiB`.
#[expect(
    clippy::cast_precision_loss,
    reason = "three digits are shown, all are kept"
)]
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut size = count as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// `1 chunk`, `12,000 chunks`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = match (number, noun.strip_suffix('y')) {
        (1, _) => noun.to_owned(),
        (_, Some(stem)) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    };
    format!("{} {plural}", grouped(number))
}

/// An integer with a comma between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `float32 of 180 x 90`, or `one float32` without dimensions.
pub(crate) fn cells(dtype: DType, lengths: &[u64]) -> String {
    if lengths.is_empty() {
        return format!("one {dtype}");
    }
    format!("{dtype} of {}", shape(lengths))
}

/// `180 x 90`, or `1` without dimensions.
pub(crate) fn shape(lengths: &[u64]) -> String {
    if lengths.is_empty() {
        return "1".to_owned();
    }
    let lengths: Vec<_> = lengths.iter().map(u64::to_string).collect();
    lengths.join(" x ")
}

/// A coordinate without the last digits that computing `start + i * step` leaves behind: `0.3`, not `0.30000000000000004`.
pub(crate) fn coordinate(value: f64) -> String {
    significant(value, 12)
}

/// A value of the data with five significant digits.
pub(crate) fn value(value: f64) -> String {
    significant(value, 5)
}

/// Rounded to that many significant digits; plain decimals where they are short, else with an exponent.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{}", value + 0.0);
    }
    let rounded: f64 = format!("{value:.*e}", digits.saturating_sub(1))
        .parse()
        .unwrap_or(value);
    if (1e-5..1e15).contains(&rounded.abs()) {
        rounded.to_string()
    } else {
        format!("{rounded:e}")
    }
}

/// An instant without what is zero at its end: `2023-01-03`, `2023-01-03T06:00Z`, `2023-01-03T06:00:30Z`.
pub(crate) fn time(time: Timestamp) -> String {
    let text = time.to_string();
    if let Some(date) = text.strip_suffix("T00:00:00Z") {
        return date.to_owned();
    }
    match text.strip_suffix(":00Z") {
        Some(minutes) => format!("{minutes}Z"),
        None => text,
    }
}

/// A unit as it is printed: `Deg C` and `degC` as `°C`, `m s-1` as `m s⁻¹`, others as they stand; `None` for the `1` of a
/// number without a unit.
pub(crate) fn unit(unit: &str) -> Option<String> {
    let known = match unit.trim().to_lowercase().as_str() {
        "" | "1" => return None,
        "degc" | "deg c" | "deg_c" | "celsius" | "degree_celsius" | "degrees_celsius"
        | "degreesc" | "degrees celsius" => "°C",
        "degf" | "deg f" | "fahrenheit" | "degree_fahrenheit" => "°F",
        "degrees_north" | "degree_north" => "°N",
        "degrees_east" | "degree_east" => "°E",
        "degrees" | "degree" | "deg" => "°",
        _ => return Some(unit.trim().split_inclusive(' ').map(superscript).collect()),
    };
    Some(known.to_owned())
}

/// `s-1` and `m**2` with a raised exponent; what is no such word stays.
fn superscript(word: &str) -> String {
    let plain = word.replace("**", "");
    let trimmed = plain.trim_end();
    let stem = trimmed.trim_end_matches(|c: char| c.is_ascii_digit());
    let exponent = &trimmed[stem.len()..];
    let (stem, minus) = match stem.strip_suffix('-') {
        Some(stem) => (stem, "⁻"),
        None => (stem, ""),
    };
    if exponent.is_empty() || stem.is_empty() || !stem.chars().all(char::is_alphabetic) {
        return word.to_owned();
    }
    let raised: String = exponent
        .chars()
        .filter_map(|digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit.to_digit(10)? as usize))
        .collect();
    format!("{stem}{minus}{raised}{}", &plain[trimmed.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(count(1, "chunk"), "1 chunk");
        assert_eq!(count(1_234_567, "array"), "1,234,567 arrays");
        assert_eq!(count(2, "entry"), "2 entries");
    }

    #[test]
    fn numbers_lose_only_noise() {
        assert_eq!(coordinate(3.0 * 0.1), "0.3");
        assert_eq!(coordinate(-179.75), "-179.75");
        assert_eq!(coordinate(-0.0), "0");
        assert_eq!(value(30.242_999), "30.243");
        assert_eq!(value(-1e34), "-1e34");
        assert_eq!(value(f64::NAN), "NaN");
    }

    #[test]
    fn times_and_units() {
        let text = |text: &str| time(text.parse().unwrap());
        assert_eq!(text("2023-01-03"), "2023-01-03");
        assert_eq!(text("2023-01-03T06:00"), "2023-01-03T06:00Z");
        assert_eq!(text("2023-01-03T06:00:30"), "2023-01-03T06:00:30Z");
        for (given, printed) in [
            ("Deg C", Some("°C")),
            ("m s-1", Some("m s⁻¹")),
            ("m**2 s**-2", Some("m² s⁻²")),
            ("kg/m2", Some("kg/m2")),
            ("hours since 1970-01-01", Some("hours since 1970-01-01")),
            ("1", None),
        ] {
            assert_eq!(unit(given).as_deref(), printed);
        }
    }
}
