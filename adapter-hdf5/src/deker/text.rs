//! Values as Python spells them: Deker names folders and keeps attributes so.

use std::fmt::Write;

use half::f16;
use hyperslab_core::{AttributeValue, Timestamp};
use jiff::civil::DateTime;
use num_complex::Complex64;

use super::fit;
use super::types::AttributeForm;

/// A float of so many bits, as the shortest text that reads back as the same.
pub(super) fn float(value: f64, bits: u32) -> String {
    let text = bare_float(value, bits);
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_plain { format!("{text}.0") } else { text }
}

/// The same without `.0` behind a whole number, as it stands in a complex one.
fn bare_float(value: f64, bits: u32) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = shortest(value, bits);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
    // Display never has an exponent, and the same digits.
    let value: f64 = scientific.parse().unwrap_or(value);
    format!("{value}")
}

/// Digits and an exponent.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the value was one of that width"
)]
fn shortest(value: f64, bits: u32) -> String {
    match bits {
        16 => {
            let narrow = f16::from_f64(value);
            let texts = (0..6).map(|precision| format!("{value:.precision$e}"));
            let reads_back = |text: &String| {
                let read = text.parse().map(f16::from_f64);
                read.is_ok_and(|read| read == narrow)
            };
            let found = texts.into_iter().find(reads_back);
            found.unwrap_or_else(|| format!("{value:e}"))
        }
        32 => format!("{:e}", value as f32),
        _ => format!("{value:e}"),
    }
}

/// A complex number of parts of so many bits: `(1.5-1j)`, or `2j` without a real part.
pub(super) fn complex(value: Complex64, bits: u32) -> String {
    let im = bare_float(value.im, bits);
    if value.re == 0.0 && value.re.is_sign_positive() {
        return format!("{im}j");
    }
    let sign = if im.starts_with('-') { "" } else { "+" };
    format!("({}{sign}{im}j)", bare_float(value.re, bits))
}

/// Reads a complex number.
pub(super) fn parse_complex(text: &str) -> Option<Complex64> {
    let text = text.trim();
    let bare = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
        .unwrap_or(text);
    let Some(body) = bare.strip_suffix(['j', 'J']) else {
        return Some(Complex64::new(parse_float(bare)?, 0.0));
    };
    let is_split = |&(at, sign): &(usize, char)| {
        matches!(sign, '+' | '-') && at > 0 && !body[..at].ends_with(['e', 'E'])
    };
    match body.char_indices().rev().find(is_split) {
        Some((at, _)) => Some(Complex64::new(
            parse_float(&body[..at])?,
            parse_float(&body[at..])?,
        )),
        None => Some(Complex64::new(0.0, parse_float(body)?)),
    }
}

/// Reads a float.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let value: f64 = text.parse().ok()?;
    // Too large a number is no infinity.
    let is_lost = value.is_infinite() && text.contains(|c: char| c.is_ascii_digit());
    (!is_lost).then_some(value)
}

/// An instant as `2023-01-01T21:34:05.000600+00:00`; `None` for one that Python has no room for.
pub(super) fn datetime(time: Timestamp) -> Option<String> {
    let civil = time.civil();
    let nanoseconds = civil.subsec_nanosecond();
    if nanoseconds % 1000 != 0 || civil.year() < 1 {
        return None;
    }
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second()
    );
    if nanoseconds != 0 {
        let _ = write!(text, ".{:06}", nanoseconds / 1000);
    }
    text.push_str("+00:00");
    Some(text)
}

/// Reads an instant, with `T` or a space between date and time; without an offset it is in UTC.
pub(super) fn parse_datetime(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Timestamp::from_nanoseconds(time.as_nanosecond()).ok();
    }
    Timestamp::from_civil(text.parse::<DateTime>().ok()?).ok()
}

/// Whether a text is an instant for which Python has room, and ours do not: at the very end of the year 9999.
pub(super) fn is_beyond_times(text: &str) -> bool {
    parse_datetime(text).is_none() && text.trim().parse::<DateTime>().is_ok()
}

/// A value as `str()` gives it; `None` for one that Deker cannot have.
pub(super) fn value(value: &AttributeValue, form: AttributeForm) -> Option<String> {
    Some(match (value, form) {
        (AttributeValue::Float(value), AttributeForm::Float(bits)) => float(*value, bits),
        (AttributeValue::Complex(value), AttributeForm::Complex(bits)) => complex(*value, bits),
        (AttributeValue::Text(text), _) => text.clone(),
        (AttributeValue::DateTime(time), _) => datetime(*time)?,
        (value, _) => item(value)?,
    })
}

/// An item of a tuple as `repr()` gives it.
pub(super) fn item(value: &AttributeValue) -> Option<String> {
    Some(match value {
        AttributeValue::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
        AttributeValue::Int(value) => value.to_string(),
        AttributeValue::Float(value) => float(*value, 64),
        AttributeValue::Complex(value) => complex(*value, 64),
        AttributeValue::Text(text) => quoted(text),
        AttributeValue::Tuple(items) | AttributeValue::List(items) => {
            let texts: Vec<String> = items.iter().map(item).collect::<Option<_>>()?;
            tuple(&texts)
        }
        AttributeValue::DateTime(time) => constructed(*time)?,
        AttributeValue::Uuid(_) => return None,
    })
}

/// A tuple of items that are spelled already.
pub(super) fn tuple(items: &[String]) -> String {
    match items {
        [only] => format!("({only},)"),
        items => format!("({})", items.join(", ")),
    }
}

/// An instant as `repr()` gives it, which is how it is made.
fn constructed(time: Timestamp) -> Option<String> {
    datetime(time)?;
    let civil = time.civil();
    let mut text = format!(
        "datetime.datetime({}, {}, {}, {}, {}",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute()
    );
    let microseconds = civil.subsec_nanosecond() / 1000;
    if civil.second() != 0 || microseconds != 0 {
        let _ = write!(text, ", {}", civil.second());
    }
    if microseconds != 0 {
        let _ = write!(text, ", {microseconds}");
    }
    text.push_str(", tzinfo=datetime.timezone.utc)");
    Some(text)
}

/// What is left of a text behind a tuple of these items. There may be several ways to read it, since Deker keeps items as it
/// spells them only in names of folders: a time may be text by now, a narrow float a wide one.
pub(super) fn behind_tuple<'a>(items: &[AttributeValue], text: &'a str) -> Vec<&'a str> {
    let mut rests: Vec<&str> = text.strip_prefix('(').into_iter().collect();
    for (index, value) in items.iter().enumerate() {
        if index > 0 {
            rests = strip(&rests, ", ");
        }
        rests = match value {
            AttributeValue::List(items) | AttributeValue::Tuple(items) => {
                let behind = rests.iter().map(|rest| behind_tuple(items, rest));
                behind.flatten().collect()
            }
            value => {
                let spelled = spellings(value);
                let behind = spelled.iter().map(|spelled| strip(&rests, spelled));
                behind.flatten().collect()
            }
        };
    }
    strip(&rests, if items.len() == 1 { ",)" } else { ")" })
}

/// The texts that begin so, without their beginning.
pub(super) fn strip<'a>(texts: &[&'a str], beginning: &str) -> Vec<&'a str> {
    let stripped = texts.iter().map(|text| text.strip_prefix(beginning));
    stripped.flatten().collect()
}

/// Every way in which an item may have been spelled, of which this is kept.
fn spellings(value: &AttributeValue) -> Vec<String> {
    let mut spelled: Vec<String> = item(value).into_iter().collect();
    match value {
        AttributeValue::Text(text) => {
            let time = parse_datetime(text).filter(|time| datetime(*time).as_ref() == Some(text));
            spelled.extend(time.and_then(constructed));
        }
        AttributeValue::Float(value) => {
            let widths = [16, 32].into_iter();
            let widths =
                widths.filter(|bits| fit::nearest(*bits, *value).to_bits() == value.to_bits());
            spelled.extend(widths.map(|bits| float(*value, bits)));
        }
        AttributeValue::Complex(value) => {
            let parts = [value.re, value.im];
            if parts
                .iter()
                .all(|part| fit::nearest(32, *part).to_bits() == part.to_bits())
            {
                spelled.push(complex(*value, 32));
            }
        }
        _ => {}
    }
    spelled.dedup();
    spelled
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ if character == quote => {
                out.push('\\');
                out.push(character);
            }
            _ if character.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_spelled_as_python_does() {
        for (value, text) in [
            (0.1, "0.1"),
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1e16, "1e+16"),
            (123_456_789_012_345.0, "123456789012345.0"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(float(value, 64), text);
        }
        assert_eq!(float(f64::from(0.1_f32), 32), "0.1");
        assert_eq!(float(f16::from_f64(0.1).to_f64(), 16), "0.1");
        // As NumPy has it: no other number of 16 bits is nearer.
        assert_eq!(float(65504.0, 16), "65500.0");
    }

    #[test]
    fn complex_numbers_read_back() {
        for (re, im, text) in [
            (1.0, 2.0, "(1+2j)"),
            (1.5, -1.0, "(1.5-1j)"),
            (0.0, 2.0, "2j"),
            (0.0, -2.5, "-2.5j"),
            (-0.0, 1.0, "(-0+1j)"),
            (1e-5, 1e16, "(1e-05+1e+16j)"),
            (f64::INFINITY, 0.0, "(inf+0j)"),
        ] {
            let value = Complex64::new(re, im);
            assert_eq!(complex(value, 64), text);
            assert_eq!(parse_complex(text), Some(value), "{text}");
        }
        assert_eq!(parse_complex("(1+2)"), None);
        assert_eq!(parse_complex("3.5"), Some(Complex64::new(3.5, 0.0)));
    }

    #[test]
    fn both_spellings_of_times_are_read() {
        let time: Timestamp = "2023-01-01T21:34:05.0006Z".parse().unwrap();
        let text = datetime(time).unwrap();
        assert_eq!(text, "2023-01-01T21:34:05.000600+00:00");
        for text in [
            text.as_str(),
            "2023-01-01 21:34:05.000600+00:00",
            "2023-01-01T22:34:05.0006+01:00",
            "2023-01-01T21:34:05.0006",
        ] {
            assert_eq!(parse_datetime(text), Some(time), "{text}");
        }
        assert_eq!(parse_datetime("yesterday"), None);
        assert!(is_beyond_times("9999-12-31T23:59:59.999999+00:00"));
        assert!(is_beyond_times("9999-12-31 23:59:59.999999+00:00"));
        assert!(!is_beyond_times("9999-12-30T21:59:59+00:00"));
        assert!(!is_beyond_times("yesterday"));
        let fine: Timestamp = "2023-01-01T00:00:00.000000001Z".parse().unwrap();
        assert_eq!(datetime(fine), None);
    }

    #[test]
    fn tuples_are_spelled_as_python_does() {
        let list = |items: Vec<AttributeValue>| AttributeValue::List(items);
        let text = |items| value(&list(items), AttributeForm::Tuple).unwrap();
        assert_eq!(
            text(vec![
                1.into(),
                "t".into(),
                0.5.into(),
                list(vec![1.into(), 2.into()])
            ]),
            "(1, 't', 0.5, (1, 2))"
        );
        assert_eq!(text(vec![1.into()]), "(1,)");
        assert_eq!(text(Vec::new()), "()");
        assert_eq!(text(vec!["it's".into()]), "(\"it's\",)");
        assert_eq!(text(vec!["a\"'\n".into()]), "('a\"\\'\\n',)");
        assert_eq!(
            text(vec![Complex64::new(1.0, 2.0).into(), true.into()]),
            "((1+2j), True)"
        );
        for (time, spelled) in [
            ("2020-01-01T00:00:00Z", "2020, 1, 1, 0, 0"),
            ("2020-01-01T03:04:05.0006Z", "2020, 1, 1, 3, 4, 5, 600"),
            ("2020-01-01T00:00:05Z", "2020, 1, 1, 0, 0, 5"),
            ("2020-01-01T00:00:00.5Z", "2020, 1, 1, 0, 0, 0, 500000"),
        ] {
            let time: Timestamp = time.parse().unwrap();
            let wanted = format!("(datetime.datetime({spelled}, tzinfo=datetime.timezone.utc),)");
            assert_eq!(text(vec![time.into()]), wanted);
        }
    }

    #[test]
    fn tuples_are_known_by_every_spelling_that_they_may_have() {
        let list = |items: Vec<AttributeValue>| AttributeValue::List(items);
        let items = [
            "2020-01-01T00:00:00+00:00".into(),
            list(vec![f64::from(0.1_f32).into()]),
            3.into(),
        ];
        let time = "datetime.datetime(2020, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)";
        for spelled in [
            "('2020-01-01T00:00:00+00:00', (0.10000000149011612,), 3)",
            "('2020-01-01T00:00:00+00:00', (0.1,), 3)",
            &format!("({time}, (0.1,), 3)"),
            &format!("({time}, (0.10000000149011612,), 3)"),
        ] {
            assert!(behind_tuple(&items, spelled).contains(&""), "{spelled}");
        }
        for spelled in [
            "",
            "('2020-01-01T00:00:00+00:00', (0.2,), 3)",
            "('2020-01-01 00:00:00+00:00', (0.1,), 3)",
            "('2020-01-01T00:00:00+00:00', (0.1), 3)",
            "('2020-01-01T00:00:00+00:00', (0.1,), 3) ",
            &format!("({time}, (0.1,), 3, 4)"),
        ] {
            assert!(!behind_tuple(&items, spelled).contains(&""), "{spelled}");
        }
        assert_eq!(behind_tuple(&[], "()/x"), ["/x"]);
    }
}
