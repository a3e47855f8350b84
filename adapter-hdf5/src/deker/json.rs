//! JSON as Python writes it: with `NaN` and `Infinity`, and in ASCII.

use std::fmt::Write;

use hyperslab_core::{Error, Result};
use serde_json::Value;

/// What stands for a number that JSON does not have: a text that no other text can be, with the name of the number behind it.
const MARK: char = '\0';

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
    let parsed = match serde_json::from_str(text) {
        // Most texts have no such number.
        Err(_) => serde_json::from_str(&marked(text)),
        parsed => parsed,
    };
    parsed.map_err(|source| Error::corrupt(format!("it is no JSON: {source}")).with_source(source))
}

/// The same text with each number that JSON does not have as a text.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut rest, mut in_text) = (text, false);
    while let Some(character) = rest.chars().next() {
        let found = NAMES.iter().find(|(name, _)| rest.starts_with(name));
        match (in_text, found) {
            (false, Some((name, _))) => {
                let _ = write!(out, "\"\\u0000{name}\"");
                rest = &rest[name.len()..];
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

/// The float that a value is, whether JSON has it or not.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let name = text.strip_prefix(MARK)?;
            let known = NAMES.iter().find(|(known, _)| *known == name);
            known.map(|(_, number)| *number)
        }
        _ => None,
    }
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
    for (name, _) in NAMES {
        out = out.replace(&format!("\"\\u0000{name}\""), name);
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
