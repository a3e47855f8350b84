//! Numbers for a reader.

/// Bytes in a unit in which three digits count.
pub(super) fn size(bytes: f64) -> String {
    const UNITS: [(&str, f64); 3] = [
        ("GiB", (1 << 30) as f64),
        ("MiB", (1 << 20) as f64),
        ("KiB", 1024.0),
    ];
    let unit = UNITS.iter().find(|(_, unit)| bytes.abs() >= *unit);
    let (name, unit) = unit.copied().unwrap_or(("B", 1.0));
    let (value, digits) = match bytes / unit {
        value if value.abs() >= 100.0 || value.fract() == 0.0 => (value, 0),
        value if value.abs() >= 10.0 => (value, 1),
        value => (value, 2),
    };
    format!("{value:.digits$} {name}")
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn a_size_has_three_digits_that_count() {
        assert_eq!(size(0.0), "0 B");
        assert_eq!(size(-40.0), "-40 B");
        assert_eq!(size(1536.0), "1.50 KiB");
        assert_eq!(size(16384.0), "16 KiB");
        assert_eq!(size(266_000_000.0), "254 MiB");
    }
}
