//! Attribute values of a foreign group as values of ours.

use hyperslab_core::{AttributeValue, Scalar};
use num_complex::Complex64;
use serde_json::Value;

use crate::foreign::ForeignValue;

/// The longest text that an attribute of an array may hold, in bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// The value for an attribute of an array, or `None` with a note.
pub(super) fn attribute(
    value: &ForeignValue,
    what: &str,
    notes: &mut Vec<String>,
) -> Option<AttributeValue> {
    let mut parts: Vec<AttributeValue> = match value {
        ForeignValue::Text(text) => vec![AttributeValue::Text(shortened(text, what, notes)?)],
        ForeignValue::Texts(texts) => texts
            .iter()
            .map(|text| shortened(text, what, notes).map(AttributeValue::Text))
            .collect::<Option<_>>()?,
        ForeignValue::Numbers(numbers) => numbers.iter().map(|&number| scalar(number)).collect(),
        ForeignValue::Other(kind) => {
            notes.push(format!("{what} is {kind} and is not kept"));
            return None;
        }
    };
    match parts.len() {
        0 => {
            notes.push(format!("{what} is an empty list and is not kept"));
            None
        }
        1 => parts.pop(),
        _ => Some(AttributeValue::Tuple(parts)),
    }
}

fn scalar(number: Scalar) -> AttributeValue {
    match number {
        Scalar::Bool(value) => AttributeValue::Bool(value),
        Scalar::Complex64(value) => {
            AttributeValue::Complex(Complex64::new(value.re.into(), value.im.into()))
        }
        Scalar::Complex128(value) => AttributeValue::Complex(value),
        _ if number.dtype().is_float() => {
            AttributeValue::Float(number.as_f64().unwrap_or(f64::NAN))
        }
        _ => match number.to_json().as_i64() {
            Some(value) => AttributeValue::Int(value),
            // An unsigned number beyond int64.
            None => AttributeValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
    }
}

fn shortened(text: &str, what: &str, notes: &mut Vec<String>) -> Option<String> {
    if text.contains('\0') {
        notes.push(format!("{what} holds a NUL character and is not kept"));
        return None;
    }
    if text.len() <= TEXT_BYTES_MAX {
        return Some(text.to_owned());
    }
    let mut end = TEXT_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    notes.push(format!(
        "{what} is shortened from {} to {end} bytes",
        text.len()
    ));
    Some(text[..end].to_owned())
}

/// The value for the metadata of a schema or a dimension, or `None` with a note.
pub(super) fn metadata(value: &ForeignValue, what: &str, notes: &mut Vec<String>) -> Option<Value> {
    let converted = match value {
        ForeignValue::Text(text) if !text.contains('\0') => Some(text.as_str().into()),
        ForeignValue::Texts(texts) if !texts.is_empty() && !texts.concat().contains('\0') => {
            notes.push(format!("{what} is a list of texts and is kept as one text"));
            Some(texts.join(", ").into())
        }
        ForeignValue::Numbers(numbers) => {
            let mut values: Vec<Value> = numbers.iter().filter_map(|&value| json(value)).collect();
            match (values.len(), numbers.len()) {
                (1, 1) => values.pop(),
                (found, all) if found == all && all > 0 => values
                    .iter()
                    .all(Value::is_number)
                    .then_some(Value::Array(values)),
                _ => None,
            }
        }
        _ => None,
    };
    if converted.is_none() {
        let kind = match value {
            ForeignValue::Other(kind) => kind.as_str(),
            ForeignValue::Numbers(_) => "no finite real number",
            _ => "empty or holds a NUL character",
        };
        notes.push(format!("{what} is {kind} and is not kept"));
    }
    converted
}

/// A bool or a finite real number, by value.
fn json(number: Scalar) -> Option<Value> {
    match number {
        Scalar::Bool(value) => Some(value.into()),
        _ if number.dtype().is_complex() => None,
        _ if number.dtype().is_float() => {
            serde_json::Number::from_f64(number.as_f64()?).map(Value::Number)
        }
        _ => Some(number.to_json()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_by_value() {
        let mut notes = Vec::new();
        let mut keep = |value| attribute(&value, "it", &mut notes);
        assert_eq!(
            keep(ForeignValue::Numbers(vec![Scalar::Float32(0.1)])),
            Some(AttributeValue::Float(f64::from(0.1f32)))
        );
        assert_eq!(
            keep(ForeignValue::Numbers(vec![Scalar::UInt64(u64::MAX)])),
            Some(AttributeValue::Float(18_446_744_073_709_551_615.0))
        );
        let pair = vec![Scalar::Int16(1), Scalar::Int16(-2)];
        assert_eq!(
            keep(ForeignValue::Numbers(pair)),
            Some(AttributeValue::Tuple(vec![1.into(), (-2).into()]))
        );
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn what_is_not_kept_is_noted() {
        let mut notes = Vec::new();
        let long = ForeignValue::Text("é".repeat(3000));
        let Some(AttributeValue::Text(text)) = attribute(&long, "it", &mut notes) else {
            panic!("{notes:?}");
        };
        assert_eq!(text.len(), 4096);
        let nan = ForeignValue::Numbers(vec![Scalar::Float64(f64::NAN)]);
        assert_eq!(metadata(&nan, "it", &mut notes), None);
        assert_eq!(
            attribute(&ForeignValue::Texts(vec![]), "it", &mut notes),
            None
        );
        assert_eq!(notes.len(), 3);
    }
}
