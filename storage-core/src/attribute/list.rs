//! Lists: values of which only each single one says what it is.

use num_complex::Complex64;
use serde_json::{Value, json};

use super::AttributeValue;
use crate::scalar::{float_from_json, float_to_json};
use crate::{Error, Result};

/// The JSON form of an item. What JSON has no form of its own for is an object that names the type.
pub(super) fn item_to_json(item: &AttributeValue) -> Value {
    match item {
        AttributeValue::Float(value) if !value.is_finite() => {
            json!({ "float": float_to_json(*value) })
        }
        AttributeValue::Complex(_) => json!({ "complex": item.to_json() }),
        AttributeValue::DateTime(_) => json!({ "datetime": item.to_json() }),
        AttributeValue::Uuid(_) => json!({ "uuid": item.to_json() }),
        // Inside of a list nothing but the form tells a tuple from another list.
        AttributeValue::Tuple(items) | AttributeValue::List(items) => {
            items.iter().map(item_to_json).collect()
        }
        plain => plain.to_json(),
    }
}

/// Reads an item from its JSON form.
pub(super) fn item_from_json(value: &Value) -> Result<AttributeValue> {
    let misfit = || Error::invalid(format!("{value} is no item of a list"));
    Ok(match value {
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => AttributeValue::Int(value),
            None => AttributeValue::Float(
                (number.as_f64())
                    .filter(|_| number.is_f64())
                    .ok_or_else(misfit)?,
            ),
        },
        Value::String(text) => AttributeValue::Text(text.clone()),
        Value::Array(items) => {
            AttributeValue::List((items.iter().map(item_from_json)).collect::<Result<Vec<_>>>()?)
        }
        Value::Object(typed) => {
            let mut pairs = typed.iter();
            let (Some((kind, value)), None) = (pairs.next(), pairs.next()) else {
                return Err(misfit());
            };
            typed_item(kind, value).ok_or_else(misfit)?
        }
        Value::Null => return Err(misfit()),
    })
}

fn typed_item(kind: &str, value: &Value) -> Option<AttributeValue> {
    Some(match (kind, value) {
        ("float", value) => AttributeValue::Float(float_from_json(value)?),
        ("complex", Value::Array(parts)) => match parts.as_slice() {
            [re, im] => {
                AttributeValue::Complex(Complex64::new(float_from_json(re)?, float_from_json(im)?))
            }
            _ => return None,
        },
        ("datetime", Value::String(text)) => AttributeValue::DateTime(text.parse().ok()?),
        ("uuid", Value::String(text)) => AttributeValue::Uuid(text.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AttributeType;

    #[test]
    fn a_list_says_what_each_item_is() {
        let items = AttributeValue::List(vec![
            true.into(),
            1.into(),
            1.0.into(),
            f64::INFINITY.into(),
            Complex64::new(1.5, -1.0).into(),
            "t".into(),
            AttributeValue::DateTime("2023-01-03".parse().unwrap()),
            AttributeValue::List(vec![2.into(), AttributeValue::List(Vec::new())]),
        ]);
        let json = items.to_json();
        assert_eq!(
            json.to_string(),
            r#"[true,1,1.0,{"float":"Infinity"},{"complex":[1.5,-1.0]},"t",{"datetime":"2023-01-03T00:00:00Z"},[2,[]]]"#
        );
        assert_eq!(
            AttributeValue::from_json(&AttributeType::List, &json).unwrap(),
            items
        );
        let text = json.to_string();
        assert_eq!(
            AttributeValue::parse(&AttributeType::List, &text).unwrap(),
            items
        );
    }

    #[test]
    fn what_is_no_item_is_refused() {
        for text in [
            "[null]",
            r#"[{"a":1}]"#,
            "{}",
            "1",
            "[18446744073709551615]",
        ] {
            assert!(
                AttributeValue::parse(&AttributeType::List, text).is_err(),
                "{text}"
            );
        }
    }
}
