//! Attribute values and coordinates of ours as those of a file.

use hyperslab_cf::foreign::restored;
use hyperslab_cf::{
    AttributeContent, Calendar, CoordinateCells, CoordinateContent, NamedAttribute, encode_instants,
};
use hyperslab_core::{AttributeValue, Coordinates, Dimension, Result};
use serde_json::Value;

/// The value of an attribute in a file: numbers as 64-bit numbers, bools as 0 and 1, times and UUIDs as text, complex
/// numbers as pairs, tuples as lists of one type or else as JSON.
pub(super) fn attribute(value: &AttributeValue) -> Result<AttributeContent> {
    Ok(match value {
        AttributeValue::Bool(value) => AttributeContent::number(u8::from(*value))?,
        AttributeValue::Int(value) => AttributeContent::number(*value)?,
        AttributeValue::Float(value) => AttributeContent::number(*value)?,
        AttributeValue::Complex(value) => AttributeContent::numbers(&[value.re, value.im])?,
        AttributeValue::Text(text) => AttributeContent::Text(text.clone()),
        AttributeValue::DateTime(_) | AttributeValue::Uuid(_) => {
            AttributeContent::Text(value.to_string())
        }
        AttributeValue::Tuple(parts) | AttributeValue::List(parts) => {
            tuple(parts)?.unwrap_or_else(|| AttributeContent::Text(value.to_json().to_string()))
        }
    })
}

fn tuple(parts: &[AttributeValue]) -> Result<Option<AttributeContent>> {
    let ints: Option<Vec<i64>> = parts
        .iter()
        .map(|part| match part {
            AttributeValue::Int(value) => Some(*value),
            _ => None,
        })
        .collect();
    if let Some(ints) = ints {
        return AttributeContent::numbers(&ints).map(Some);
    }
    let floats: Option<Vec<f64>> = parts
        .iter()
        .map(|part| match part {
            AttributeValue::Float(value) => Some(*value),
            _ => None,
        })
        .collect();
    if let Some(floats) = floats {
        return AttributeContent::numbers(&floats).map(Some);
    }
    let texts: Option<Vec<String>> = parts
        .iter()
        .map(|part| match part {
            AttributeValue::Text(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    Ok(texts.map(AttributeContent::Texts))
}

/// A value of the metadata of a schema or a dimension in a file.
pub(super) fn metadata(value: &Value) -> Result<AttributeContent> {
    if let Value::Array(items) = value {
        if let Some(ints) = items.iter().map(Value::as_i64).collect::<Option<Vec<_>>>() {
            return AttributeContent::numbers(&ints);
        }
        if let Some(floats) = items.iter().map(Value::as_f64).collect::<Option<Vec<_>>>() {
            return AttributeContent::numbers(&floats);
        }
    }
    match value {
        Value::String(text) => Ok(AttributeContent::Text(text.clone())),
        Value::Bool(value) => AttributeContent::number(u8::from(*value)),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => AttributeContent::number(value),
            (_, Some(value), _) => AttributeContent::number(value),
            (_, _, Some(value)) => AttributeContent::number(value),
            _ => Ok(AttributeContent::Text(number.to_string())),
        },
        other => Ok(AttributeContent::Text(other.to_string())),
    }
}

/// The coordinate variable of a dimension whose coordinates are listed one by one, if it has any.
pub(super) fn coordinate(dimension: &Dimension) -> Result<Option<CoordinateContent>> {
    let text = |name: &str, text: &str| (name.to_owned(), AttributeContent::Text(text.to_owned()));
    let mut attributes: Vec<NamedAttribute> = Vec::new();
    let values = match &dimension.coordinates {
        Some(Coordinates::Labels { labels }) => CoordinateCells::Texts(labels.clone()),
        Some(Coordinates::Values { values, unit }) => {
            attributes.extend(unit.iter().map(|unit| text("units", unit)));
            CoordinateCells::numbers(values)?
        }
        Some(Coordinates::Times { times }) => {
            let (counts, units) = encode_instants(times)?;
            attributes.push(text("units", &units));
            attributes.push(text("calendar", Calendar::ProlepticGregorian.name()));
            CoordinateCells::numbers(&counts)?
        }
        // Scales were listed when the positions were selected.
        _ => return Ok(None),
    };
    for (name, value) in &dimension.metadata {
        let name = restored(name);
        if attributes.iter().all(|(known, _)| known != name) {
            attributes.push((name.to_owned(), metadata(value)?));
        }
    }
    Ok(Some(CoordinateContent { values, attributes }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_keep_their_type() {
        let ints = AttributeValue::Tuple(vec![1.into(), 2.into()]);
        assert_eq!(
            attribute(&ints).unwrap(),
            AttributeContent::numbers(&[1i64, 2]).unwrap()
        );
        let mixed = AttributeValue::Tuple(vec![1.into(), "a".into()]);
        assert_eq!(
            attribute(&mixed).unwrap(),
            AttributeContent::Text("[1,\"a\"]".to_owned())
        );
        assert_eq!(
            metadata(&json!([1, 2.5])).unwrap(),
            AttributeContent::numbers(&[1.0, 2.5]).unwrap()
        );
        assert_eq!(
            metadata(&json!(18_446_744_073_709_551_615u64)).unwrap(),
            AttributeContent::number(u64::MAX).unwrap()
        );
    }
}
