//! JSON as Python writes it: with `NaN` and `Infinity`, whole numbers of any length, and in ASCII.

use std::fmt::Write;

use hyperslab_core::{Error, Result};
use serde_json::Value;

/// What stands for a number that JSON does not have, or that 64 bits do not hold: a text that no other text can be, with the
/// number as it is spelled behind it.
const MARK: char = '\0';

/// How such a text begins in JSON.
const MARKED: &str = "\"\\u0000";

/// What stands before the digits of half of a pair of surrogates, which no text here can hold.
const ESCAPED: &str = "\\u0000";

/// Bytes of `\\u` and four digits.
const ESCAPE_BYTES: usize = 6;

/// Whole numbers of fewer digits fit into 64 bits.
const LONG_DIGITS: usize = 19;

/// The names of numbers that JSON does not have.
const NAMES: [(&str, f64); 3] = [
    ("NaN", f64::NAN),
    ("-Infinity", f64::NEG_INFINITY),
    ("Infinity", f64::INFINITY),
];

/// Reads JSON.
///
/// # Errors
/// `Corrupt` that says where it ends to be JSON.
pub(super) fn parse(text: &str) -> Result<Value> {
    let plain = match has_long_number(text) {
        // A number that is too long would be read as a float.
        true => None,
        // Most texts have no number to be marked.
        false => serde_json::from_str(text).ok(),
    };
    let parsed = match plain {
        Some(value) => Ok(value),
        None => serde_json::from_str(&marked(text)),
    };
    parsed.map_err(|source| Error::corrupt(format!("it is no JSON: {source}")).with_source(source))
}

fn has_long_number(text: &str) -> bool {
    let mut parts = text.split(|character: char| !character.is_ascii_digit());
    parts.any(|digits| digits.len() >= LONG_DIGITS)
}

/// Whether a text is a whole number.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The same text with each number that JSON does not have, or that 64 bits do not hold, as a text.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut rest, mut in_text) = (text, false);
    while let Some(character) = rest.chars().next() {
        let found = NAMES.iter().find(|(name, _)| rest.starts_with(name));
        match (in_text, found) {
            (false, Some((name, _))) => {
                let _ = write!(out, "{MARKED}{name}\"");
                rest = &rest[name.len()..];
                continue;
            }
            (false, None) if character == '-' || character.is_ascii_digit() => {
                let is_over = |c: char| !c.is_ascii_digit() && !"+-.eE".contains(c);
                let (number, next) = rest.split_at(rest.find(is_over).unwrap_or(rest.len()));
                let fits = number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
                let _ = match is_whole(number) && !fits {
                    true => write!(out, "{MARKED}{number}\""),
                    false => write!(out, "{number}"),
                };
                rest = next;
                continue;
            }
            (true, _) if is_lone_surrogate(rest) => {
                let (escape, next) = rest.split_at(ESCAPE_BYTES);
                let _ = write!(out, "{ESCAPED}{}", &escape[1..]);
                rest = next;
                continue;
            }
            (true, _) if is_escape(rest) => {
                // The other half of a pair goes with the first.
                let length = match surrogate(rest) {
                    Some(_) => 2 * ESCAPE_BYTES,
                    None => ESCAPE_BYTES,
                };
                out.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
            (true, _) if character == '\\' => {
                let length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
            _ => in_text ^= character == '"',
        }
        out.push(character);
        rest = &rest[character.len_utf8()..];
    }
    out
}

/// Whether `\\u` and four digits follow.
fn is_escape(text: &str) -> bool {
    let digits = text
        .strip_prefix("\\u")
        .and_then(|digits| digits.as_bytes().get(..4));
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// The half of a pair of surrogates that follows as an escape.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.get(2..ESCAPE_BYTES).filter(|_| is_escape(text))?;
    let unit = u16::from_str_radix(digits, 16).ok()?;
    (0xd800..0xe000).contains(&unit).then_some(unit)
}

/// Whether half of a pair follows without the other: Python has such texts, of names of files that are no UTF-8.
fn is_lone_surrogate(text: &str) -> bool {
    match surrogate(text) {
        None => false,
        Some(0xdc00..) => true,
        Some(_) => surrogate(&text[ESCAPE_BYTES..]).is_none_or(|next| next < 0xdc00),
    }
}

/// The float that a value is, whether JSON has it or not.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let name = text.strip_prefix(MARK)?;
            let known = NAMES.iter().find(|(known, _)| *known == name);
            known.map(|(_, number)| *number).or_else(|| {
                let number = name.parse::<f64>().ok();
                number.filter(|number| is_whole(name) && number.is_finite())
            })
        }
        _ => None,
    }
}

/// The digits of a whole number that 64 bits do not hold.
pub(super) fn long_whole(value: &Value) -> Option<&str> {
    let digits = value.as_str()?.strip_prefix(MARK)?;
    is_whole(digits).then_some(digits)
}

/// The value that a whole number of any length is; `None` for a text that is none.
pub(super) fn of_digits(digits: &str) -> Option<Value> {
    is_whole(digits).then(|| Value::String(format!("{MARK}{digits}")))
}

/// The value that a float is.
pub(super) fn of_number(number: f64) -> Value {
    let name = match number {
        number if number.is_nan() => "NaN",
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        number => return number.into(),
    };
    Value::String(format!("{MARK}{name}"))
}

/// The text of a value, in ASCII.
pub(super) fn to_text(value: &Value) -> String {
    let mut out = String::new();
    for character in value.to_string().chars() {
        if character.is_ascii() {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    unmarked(&out)
}

/// The same JSON with each number that was marked as itself.
fn unmarked(json: &str) -> String {
    let is_number = |name: &str| is_whole(name) || NAMES.iter().any(|(known, _)| *known == name);
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, after)) = rest.split_once(MARKED) {
        out.push_str(before);
        match after.split_once('"') {
            Some((name, next)) if is_number(name) => {
                out.push_str(name);
                rest = next;
            }
            _ => {
                out.push_str(MARKED);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    unescaped(&out)
}

/// The same JSON with each half of a pair of surrogates as itself.
fn unescaped(json: &str) -> String {
    let mut parts = json.split(ESCAPED);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_half = part.starts_with('u') && surrogate(&format!("\\{part}")).is_some();
        out.push_str(if is_half { "\\" } else { ESCAPED });
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_that_json_does_not_have_read_back() {
        let text = r#"{"a":[NaN,-Infinity,1.5],"b \" NaN":"NaN \\","c":Infinity}"#;
        let value = parse(text).unwrap();
        assert!(number(&value["a"][0]).is_some_and(f64::is_nan));
        assert_eq!(number(&value["a"][1]), Some(f64::NEG_INFINITY));
        assert_eq!(number(&value["c"]), Some(f64::INFINITY));
        assert_eq!(value["b \" NaN"], "NaN \\");
        assert_eq!(to_text(&value), text);
        assert_eq!(number(&json!("NaN")), None);
        assert_eq!(of_number(f64::INFINITY), value["c"]);
    }

    #[test]
    fn whole_numbers_of_any_length_read_back() {
        let text = r#"{"a":[1180591620717411303424,-9223372036854775809,18446744073709551615,-1.5e3],"b":"118059162071741130342400"}"#;
        let value = parse(text).unwrap();
        assert_eq!(long_whole(&value["a"][0]), Some("1180591620717411303424"));
        assert_eq!(long_whole(&value["a"][1]), Some("-9223372036854775809"));
        assert_eq!(value["a"][2].as_u64(), Some(u64::MAX));
        assert_eq!(value["b"], "118059162071741130342400");
        assert_eq!(
            number(&value["a"][0]),
            Some(1_180_591_620_717_411_303_424.0)
        );
        assert_eq!(long_whole(&value["b"]), None);
        assert_eq!(to_text(&value), text.replace("-1.5e3", "-1500.0"));
        assert_eq!(to_text(&of_digits("-12").unwrap()), "-12");
        assert_eq!(of_digits("1.5"), None);
    }

    #[test]
    fn text_is_ascii() {
        assert_eq!(to_text(&json!("ü🌍")), r#""\u00fc\ud83c\udf0d""#);
        assert_eq!(parse(r#""\u00fc\ud83c\udf0d""#).unwrap(), json!("ü🌍"));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "{\"a\": NaN", "\"\\", "Nan", "[1,]"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
