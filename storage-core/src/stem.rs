//! Stems: the name under which a medium keeps an array of a key, and which key a name means.
//!
//! The stem is `attribute=value` for each key attribute, joined with commas; `id=UUID` for arrays without a key. Letters
//! and digits of any script and `-_.+` stand for themselves, what is neither seen nor safe is percent-encoded, so a name
//! is never hidden and never leaves its folder. A stem that would be too long ends in `~` and a hash; then the key is in the file.

use std::fmt::Write;
use std::str::FromStr;

use num_complex::Complex64;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{AttributeType, AttributeValue, Attributes, Schema, Timestamp};

/// The longest stem, in bytes. With what is put around it a name stays below the 255 bytes of common file systems.
const STEM_BYTES_MAX: usize = 200;

/// How much of a stem that is too long stays readable, in bytes.
const PREFIX_BYTES: usize = 120;

/// What a stem says.
#[derive(Debug, Clone, PartialEq)]
pub enum ParsedStem {
    /// An array of this key.
    Key(Attributes),
    /// An array without a key.
    Id(Uuid),
    /// An array whose key is only in the array itself.
    Hashed,
}

/// The stem of an array: at most 200 bytes, different for different keys, safe as the name of a file or in the key of an object.
///
/// ```
/// use hyperslab_core::{key, stem};
///
/// let id = uuid::Uuid::nil();
/// assert_eq!(stem(&key! { station: "A/1", level: 2 }, id), "station=A%2F1,level=2");
/// ```
#[must_use]
pub fn stem(key: &Attributes, id: Uuid) -> String {
    if key.is_empty() {
        return format!("id={id}");
    }
    let mut stem = String::new();
    for (index, (name, value)) in key.iter().enumerate() {
        if index > 0 {
            stem.push(',');
        }
        escape(name, &mut stem);
        stem.push('=');
        push_value(value, &mut stem);
    }
    if stem.len() <= STEM_BYTES_MAX {
        return stem;
    }
    let mut end = PREFIX_BYTES;
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let digest = Sha256::digest(stem.as_bytes());
    let mut short = stem[..end].to_owned();
    short.push('~');
    for byte in &digest[..16] {
        let _ = write!(short, "{byte:02x}");
    }
    short
}

/// What a stem says under a schema, or `None` when no array of the schema is called so.
#[must_use]
pub fn parse_stem(schema: &Schema, text: &str) -> Option<ParsedStem> {
    if schema.key_attributes().next().is_none() {
        let id = Uuid::parse_str(text.strip_prefix("id=")?).ok()?;
        return (stem(&Attributes::new(), id) == text).then_some(ParsedStem::Id(id));
    }
    if let Some((_, hash)) = text.rsplit_once('~') {
        let hex = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        return (hash.len() == 32 && hex).then_some(ParsedStem::Hashed);
    }
    let mut parts = text.split(',');
    let mut key = Attributes::new();
    for attribute in schema.key_attributes() {
        let (name, value) = parts.next()?.split_once('=')?;
        if unescape(name)? != attribute.name {
            return None;
        }
        key.insert(
            attribute.name.as_str(),
            parse_value(&attribute.kind, value)?,
        );
    }
    // A name that means the same key as another one would hide a second file of that key.
    let only = parts.next().is_none() && stem(&key, Uuid::nil()) == text;
    only.then_some(ParsedStem::Key(key))
}

/// Whether a character stands for itself. Said by ranges and not by properties, because Unicode gives more characters a
/// property with every version, and the name of a file must stay what it is.
fn is_plain(character: char) -> bool {
    let hidden = matches!(character,
        // Controls, spaces, marks of direction, variants and private use.
        '\u{80}'..='\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{1680}' | '\u{180e}' | '\u{2000}'..='\u{206f}' | '\u{3000}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..);
    if character.is_ascii() {
        character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '+')
    } else {
        !hidden
    }
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        if is_plain(character) {
            out.push(character);
        } else {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

fn push_value(value: &AttributeValue, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = match value {
        AttributeValue::Bool(value) => write!(out, "{value}"),
        AttributeValue::Int(value) => write!(out, "{value}"),
        AttributeValue::Float(value) => write!(out, "{value:?}"),
        AttributeValue::Complex(value) => write!(out, "{:?}_{:?}", value.re, value.im),
        AttributeValue::Text(text) => {
            escape(text, out);
            Ok(())
        }
        AttributeValue::DateTime(time) => {
            out.push_str(&basic_time(*time));
            Ok(())
        }
        AttributeValue::Uuid(id) => write!(out, "{id}"),
        // As JSON, so that each item says what it is.
        AttributeValue::List(_) => {
            escape(&value.to_json().to_string(), out);
            Ok(())
        }
        AttributeValue::Tuple(parts) => {
            out.push('(');
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    out.push(';');
                }
                push_value(part, out);
            }
            out.push(')');
            Ok(())
        }
    };
}

fn parse_value(kind: &AttributeType, text: &str) -> Option<AttributeValue> {
    Some(match kind {
        AttributeType::Bool => AttributeValue::Bool(text.parse().ok()?),
        AttributeType::Int => AttributeValue::Int(text.parse().ok()?),
        AttributeType::Float => AttributeValue::Float(float(text)?),
        AttributeType::Complex => {
            let (re, im) = text.split_once('_')?;
            AttributeValue::Complex(Complex64::new(float(re)?, float(im)?))
        }
        AttributeType::Text => AttributeValue::Text(unescape(text)?),
        AttributeType::DateTime => AttributeValue::DateTime(parse_basic_time(text)?),
        AttributeType::Uuid => AttributeValue::Uuid(Uuid::parse_str(text).ok()?),
        AttributeType::List => AttributeValue::parse(kind, &unescape(text)?).ok()?,
        AttributeType::Tuple(kinds) => {
            let inner = text.strip_prefix('(')?.strip_suffix(')')?;
            let parts = split_tuple(inner)?;
            if parts.len() != kinds.len() {
                return None;
            }
            let values = kinds.iter().zip(parts);
            AttributeValue::Tuple(
                values
                    .map(|(kind, part)| parse_value(kind, part))
                    .collect::<Option<_>>()?,
            )
        }
    })
}

fn float(text: &str) -> Option<f64> {
    f64::from_str(text).ok().filter(|value| !value.is_nan())
}

/// The parts between semicolons that are outside of inner parentheses.
fn split_tuple(text: &str) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1)?,
            b';' if depth == 0 => {
                parts.push(&text[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    Some(parts)
}

/// ISO 8601 basic format, which has no colons: `20230103T120000.5Z`.
fn basic_time(time: Timestamp) -> String {
    let civil = time.civil();
    let sign = if civil.year() < 0 { "-" } else { "" };
    let mut text = format!(
        "{sign}{:04}{:02}{:02}T{:02}{:02}{:02}",
        civil.year().unsigned_abs(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second()
    );
    if civil.subsec_nanosecond() != 0 {
        let fraction = format!(".{:09}", civil.subsec_nanosecond());
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

fn parse_basic_time(text: &str) -> Option<Timestamp> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-00", rest),
        None => ("", text),
    };
    let (whole, fraction) = digits.strip_suffix('Z')?.split_at_checked(15)?;
    let numeric = whole.bytes().enumerate().all(|(place, byte)| match place {
        8 => byte == b'T',
        _ => byte.is_ascii_digit(),
    });
    if !numeric {
        return None;
    }
    let (date, time) = whole.split_at(8);
    format!(
        "{sign}{}-{}-{}T{}:{}:{}{fraction}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &time[1..3],
        &time[3..5],
        &time[5..]
    )
    .parse()
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttributeSchema, DType};
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = AttributeValue> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(AttributeValue::Bool),
            any::<i64>().prop_map(AttributeValue::Int),
            any::<f64>()
                .prop_filter("NaN is no key", |value| !value.is_nan())
                .prop_map(|value| AttributeValue::Float(value + 0.0)),
            (
                -1e9..1e9_f64,
                any::<f64>().prop_filter("", |value| !value.is_nan())
            )
                .prop_map(|(re, im)| AttributeValue::Complex(Complex64::new(re + 0.0, im + 0.0))),
            any::<String>().prop_map(AttributeValue::Text),
            "[a-z0-9 /:.%~,;()=-]{0,12}".prop_map(AttributeValue::Text),
            (-370_000_000_000_000_000_000_i128..250_000_000_000_000_000_000_i128).prop_map(
                |time| { AttributeValue::DateTime(Timestamp::from_nanoseconds(time).unwrap()) }
            ),
            (-60_000_000_000_i64..60_000_000_000).prop_map(|time| {
                AttributeValue::DateTime(
                    Timestamp::from_nanoseconds(i128::from(time) * 1_000_000_000).unwrap(),
                )
            }),
            any::<u128>().prop_map(|id| AttributeValue::Uuid(Uuid::from_u128(id))),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            proptest::collection::vec(inner, 1..4).prop_map(AttributeValue::Tuple)
        })
    }

    fn schema_of(key: &Attributes) -> Schema {
        let builder = Schema::builder(DType::Int8);
        let attributes = key.iter();
        attributes
            .fold(builder, |builder, (name, value)| {
                builder.attribute(AttributeSchema::key(name, value.kind()))
            })
            .build()
            .unwrap()
    }

    proptest! {
        #[test]
        fn a_name_gives_back_its_key(a in value(), b in value()) {
            let key = Attributes::from_iter([("a@b", a), ("größe", b)]);
            let name = stem(&key, Uuid::nil());
            prop_assert!(name.len() <= STEM_BYTES_MAX);
            prop_assert!(!name.starts_with('.') && !name.contains(['/', '\\', ':', '\n', '\0', ' ']));
            match parse_stem(&schema_of(&key), &name) {
                Some(ParsedStem::Key(found)) => prop_assert_eq!(found, key),
                Some(ParsedStem::Hashed) => prop_assert!(name.contains('~')),
                other => prop_assert!(false, "{} is {:?}", name, other),
            }
        }

        #[test]
        fn names_of_different_texts_differ(a in any::<String>(), b in any::<String>()) {
            let name = |text: &String| stem(&Attributes::from_iter([("k", text.as_str())]), Uuid::nil());
            prop_assert_eq!(a == b, name(&a) == name(&b));
        }

        #[test]
        fn any_text_can_be_asked_about(text in any::<String>()) {
            let key = Attributes::from_iter([("k", AttributeValue::Tuple(vec![1.into(), "x".into()]))]);
            let _ = parse_stem(&schema_of(&key), &text);
        }
    }

    #[test]
    fn names_can_be_read() {
        let key = Attributes::from_iter([
            (
                "dt",
                AttributeValue::DateTime("2023-01-03".parse().unwrap()),
            ),
            ("station", "Zürich/1".into()),
        ]);
        let name = stem(&key, Uuid::nil());
        assert_eq!(name, "dt=20230103T000000Z,station=Zürich%2F1");
        assert_eq!(
            stem(&Attributes::new(), Uuid::from_u128(1)),
            "id=00000000-0000-0000-0000-000000000001"
        );
    }

    #[test]
    fn two_spellings_of_one_key_are_not_two_arrays() {
        let schema = schema_of(&Attributes::from_iter([("k", "a")]));
        assert!(parse_stem(&schema, "k=a").is_some());
        assert_eq!(parse_stem(&schema, "k=%61"), None);
        let schema = schema_of(&Attributes::from_iter([("k", 7_i64)]));
        assert_eq!(parse_stem(&schema, "k=+7"), None);
        assert_eq!(parse_stem(&schema, "k=7,l=8"), None);
    }
}
