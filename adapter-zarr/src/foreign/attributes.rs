//! Attributes in JSON as the attributes of a foreign group.

use base64::Engine;
use hyperslab_cf::foreign::{ForeignAttributes, ForeignValue};
use hyperslab_core::{DType, Scalar};
use serde_json::{Map, Value};

/// The names of the dimensions of an array of version 2.
pub(super) const DIMENSIONS: &str = "_ARRAY_DIMENSIONS";

/// The attributes that mark missing cells, whose values are of the type of the cells.
const MARKS: [&str; 2] = [FILL, "missing_value"];

pub(super) const FILL: &str = "_FillValue";

/// The attributes of a group.
pub(super) fn foreign(attributes: &Map<String, Value>) -> ForeignAttributes {
    let own = attributes.iter().filter(|(name, _)| *name != DIMENSIONS);
    own.map(|(name, json)| (name.clone(), value(json)))
        .collect()
}

/// The attributes of a variable of this type; `fill` is that of its chunks, where it marks missing cells.
pub(super) fn of_variable(
    attributes: &Map<String, Value>,
    dtype: Option<DType>,
    fill: Option<Scalar>,
) -> ForeignAttributes {
    let own = attributes.iter().filter(|(name, _)| *name != DIMENSIONS);
    let own = own.map(|(name, json)| {
        let marks = dtype.filter(|_| MARKS.contains(&name.as_str()));
        let scalars = marks.and_then(|dtype| marks_of(dtype, json));
        let value = scalars.map_or_else(|| value(json), ForeignValue::Numbers);
        (name.clone(), value)
    });
    let fill = fill.filter(|_| !attributes.contains_key(FILL));
    own.chain(fill.map(|fill| (FILL.to_owned(), ForeignValue::Numbers(vec![fill]))))
        .collect()
}

/// Values that mark missing cells: numbers, or for floats the bytes of a `float64` in Base64, as xarray writes them.
fn marks_of(dtype: DType, json: &Value) -> Option<Vec<Scalar>> {
    match json {
        Value::Array(items) => items.iter().map(|item| mark(dtype, item)).collect(),
        single => mark(dtype, single).map(|scalar| vec![scalar]),
    }
}

fn mark(dtype: DType, json: &Value) -> Option<Scalar> {
    if let Ok(scalar) = Scalar::from_json(dtype, json) {
        return Some(scalar);
    }
    if let Some(number) = json.as_f64() {
        return Scalar::from_f64(dtype, number);
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(json.as_str()?)
        .ok()?;
    let number = f64::from_le_bytes(bytes.try_into().ok()?);
    Scalar::from_f64(dtype, number)
}

fn value(json: &Value) -> ForeignValue {
    match json {
        Value::String(text) => ForeignValue::Text(text.clone()),
        Value::Array(items) => list(items),
        other => number(other).map_or_else(
            || ForeignValue::Other(described(other).to_owned()),
            |scalar| ForeignValue::Numbers(vec![scalar]),
        ),
    }
}

fn list(items: &[Value]) -> ForeignValue {
    let texts: Option<Vec<String>> = items
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect();
    if let Some(texts) = texts {
        return ForeignValue::Texts(texts);
    }
    let numbers: Option<Vec<Scalar>> = items.iter().map(number).collect();
    let Some(numbers) = numbers else {
        return ForeignValue::Other("a list of several types".to_owned());
    };
    let same = numbers
        .windows(2)
        .all(|pair| pair[0].dtype() == pair[1].dtype());
    let floats = || numbers.iter().filter_map(|number| number.as_f64());
    ForeignValue::Numbers(if same {
        numbers
    } else {
        floats().map(Scalar::Float64).collect()
    })
}

fn number(json: &Value) -> Option<Scalar> {
    match json {
        Value::Bool(value) => Some(Scalar::Bool(*value)),
        Value::Number(number) => number
            .as_i64()
            .map(Scalar::Int64)
            .or_else(|| number.as_u64().map(Scalar::UInt64))
            .or_else(|| number.as_f64().map(Scalar::Float64)),
        _ => None,
    }
}

fn described(json: &Value) -> &'static str {
    match json {
        Value::Null => "nothing (a JSON null)",
        _ => "a JSON object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mark_has_the_type_of_the_cells() {
        let attributes = json!({"_FillValue": "AAAAAAAA+H8=", "missing_value": [-9, 1e20], "_ARRAY_DIMENSIONS": ["x"]});
        let found = of_variable(attributes.as_object().unwrap(), Some(DType::Float32), None);
        let names: Vec<&str> = found.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["_FillValue", "missing_value"]);
        let Some([Scalar::Float32(fill)]) = found.get(FILL).map(ForeignValue::as_numbers) else {
            panic!("{found:?}");
        };
        assert!(fill.is_nan());
        let marks = [Scalar::Float32(-9.0), Scalar::Float32(1e20)];
        assert_eq!(found.get("missing_value").unwrap().as_numbers(), marks);
        let none = Map::new();
        let found = of_variable(&none, Some(DType::Int16), Some(Scalar::Int16(4)));
        assert_eq!(found.get(FILL).unwrap().as_numbers(), [Scalar::Int16(4)]);
    }

    #[test]
    fn what_json_can_say_is_kept() {
        let cases = [
            (json!("K"), ForeignValue::Text("K".into())),
            (
                json!(["a", "b"]),
                ForeignValue::Texts(vec!["a".into(), "b".into()]),
            ),
            (json!(3), ForeignValue::Numbers(vec![Scalar::Int64(3)])),
            (
                json!([1, 0.5]),
                ForeignValue::Numbers(vec![Scalar::Float64(1.0), Scalar::Float64(0.5)]),
            ),
            (
                json!(null),
                ForeignValue::Other("nothing (a JSON null)".into()),
            ),
            (json!({"a": 1}), ForeignValue::Other("a JSON object".into())),
            (
                json!(["a", 1]),
                ForeignValue::Other("a list of several types".into()),
            ),
        ];
        for (json, wanted) in cases {
            assert_eq!(value(&json), wanted);
        }
    }
}
