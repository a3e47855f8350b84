//! Attributes as Deker keeps them with an array, in either of its two spellings.

use hyperslab_core::{
    ArrayMeta, AttributeValue, Attributes, Coordinates, Error, Result, Role, TimeStart,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::schema::Layout;
use super::types::AttributeForm;
use super::{json, text};

const ID: &str = "id";
const PRIMARY: &str = "primary_attributes";
const CUSTOM: &str = "custom_attributes";

/// Reads what an array says of itself.
///
/// # Errors
/// `Corrupt` when that is not what the schema says, `Unsupported` for a number for which there is no room.
pub(super) fn decode(layout: &Layout, meta: &str) -> Result<ArrayMeta> {
    let value = json::parse(meta)?;
    let id = value.get(ID).and_then(Value::as_str).unwrap_or("");
    let id = Uuid::parse_str(id)
        .map_err(|source| Error::corrupt(format!("'{id}' is no id")).with_source(source))?;
    let mut decoded = ArrayMeta {
        id,
        key: Attributes::new(),
        custom: Attributes::new(),
    };
    let found = |field: &str, name: &str| value.get(field)?.get(name).cloned();
    for attribute in &layout.attributes {
        let context = |error: Error| error.context(format!("attribute '{}'", attribute.name));
        match attribute.role {
            Role::Key => {
                let value = found(PRIMARY, &attribute.name).unwrap_or(Value::Null);
                let value = decode_value(attribute.form, &value).map_err(context)?;
                let value = value.ok_or_else(|| {
                    Error::corrupt(format!(
                        "the primary attribute '{}' is missing",
                        attribute.name
                    ))
                })?;
                decoded.key.insert(&attribute.name, value);
            }
            Role::Custom => {
                let value = found(CUSTOM, &attribute.name).unwrap_or(Value::Null);
                if let Some(value) = decode_value(attribute.form, &value).map_err(context)? {
                    decoded.custom.insert(&attribute.name, value);
                }
            }
        }
    }
    // The key stays as it is spelled, with NaN and the sign of a zero, which ours do not have: its link is found by that.
    decoded.custom = (layout.schema.check_custom(&decoded.custom)).map_err(corrupt)?;
    Ok(decoded)
}

/// The attributes that an array has and the schema does not know.
pub(super) fn strangers(layout: &Layout, meta: &str) -> Vec<String> {
    let value = json::parse(meta).unwrap_or_default();
    let names = [PRIMARY, CUSTOM]
        .into_iter()
        .filter_map(|field| value.get(field)?.as_object());
    let names = names.flat_map(Map::keys);
    let is_strange = |name: &&String| layout.attributes.iter().all(|known| known.name != **name);
    names.filter(is_strange).cloned().collect()
}

/// Whether two keys are the same: NaN is, and so are zeros of either sign.
pub(super) fn is_same_key(one: &Attributes, other: &Attributes) -> bool {
    one == other || one.to_json() == other.to_json()
}

fn corrupt(error: Error) -> Error {
    Error::corrupt(error.to_string()).with_source(error)
}

/// The text that an array keeps of itself.
///
/// # Errors
/// `InvalidInput` for a value that Deker cannot hold.
pub(super) fn encode(layout: &Layout, meta: &ArrayMeta) -> Result<String> {
    check_starts(layout, meta)?;
    let mut key = Map::new();
    let mut custom = Map::new();
    for attribute in &layout.attributes {
        let (values, out) = match attribute.role {
            Role::Key => (&meta.key, &mut key),
            Role::Custom => (&meta.custom, &mut custom),
        };
        // Deker looks for every attribute; one that is not set is null.
        let value = match values.get(&attribute.name) {
            Some(value) => encode_value(value)
                .map_err(|error| error.context(format!("attribute '{}'", attribute.name)))?,
            None => Value::Null,
        };
        out.insert(attribute.name.clone(), value);
    }
    let mut value = Map::new();
    value.insert(ID.to_owned(), meta.id.to_string().into());
    value.insert(PRIMARY.to_owned(), key.into());
    value.insert(CUSTOM.to_owned(), custom.into());
    Ok(json::to_text(&value.into()))
}

/// Deker cannot open an array whose times begin at an attribute that is not set.
fn check_starts(layout: &Layout, meta: &ArrayMeta) -> Result<()> {
    for dimension in layout.schema.dimensions() {
        if let Some(Coordinates::TimeScale {
            start: TimeStart::Attribute(name),
            ..
        }) = &dimension.coordinates
            && meta
                .key
                .get(name)
                .or_else(|| meta.custom.get(name))
                .is_none()
        {
            return Err(Error::invalid(format!(
                "attribute '{name}' must be set: the times of dimension '{}' begin there",
                dimension.name
            )));
        }
    }
    Ok(())
}

fn decode_value(form: AttributeForm, value: &Value) -> Result<Option<AttributeValue>> {
    if value.is_null() {
        return Ok(None);
    }
    let misfit = || Error::corrupt(format!("{value} is not of type {}", form.kind()));
    let text = value.as_str();
    Ok(Some(match form {
        AttributeForm::Int => AttributeValue::Int(whole(value)?.ok_or_else(misfit)?),
        AttributeForm::Float(_) => {
            let number = json::number(value).or_else(|| text::parse_float(text?));
            AttributeValue::Float(number.ok_or_else(misfit)?)
        }
        AttributeForm::Complex(_) => {
            let spelled = || text::parse_complex(text?);
            let number = json::number(value).map(Into::into).or_else(spelled);
            AttributeValue::Complex(number.ok_or_else(misfit)?)
        }
        AttributeForm::Text => match text {
            Some(text) => AttributeValue::Text(text.to_owned()),
            None => return Err(misfit()),
        },
        AttributeForm::DateTime => {
            let time = text.and_then(text::parse_datetime);
            AttributeValue::DateTime(time.ok_or_else(misfit)?)
        }
        AttributeForm::Tuple => {
            let items = value.as_array().ok_or_else(misfit)?;
            AttributeValue::List(items.iter().map(decode_item).collect::<Result<_>>()?)
        }
    }))
}

/// A whole number; `None` for what is none.
fn whole(value: &Value) -> Result<Option<i64>> {
    let too_large = || {
        Error::unsupported(format!(
            "the number {value} does not fit into 64 bits with a sign, which is all that an attribute holds here"
        ))
    };
    Ok(match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Number(number) if number.is_i64() => number.as_i64(),
        Value::Number(number) if number.is_u64() => return Err(too_large()),
        Value::String(text) => match text.trim().parse::<i128>() {
            Ok(number) => Some(i64::try_from(number).map_err(|_| too_large())?),
            Err(_) => None,
        },
        _ => None,
    })
}

/// An item of a tuple, which nothing but its form tells the type of.
fn decode_item(value: &Value) -> Result<AttributeValue> {
    if let Some(number) = json::number(value).filter(|_| !is_whole(value)) {
        return Ok(AttributeValue::Float(number));
    }
    Ok(match value {
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::String(text) => {
            let is_complex = text.starts_with('(') && text.ends_with("j)");
            match text::parse_complex(text).filter(|_| is_complex) {
                Some(number) => AttributeValue::Complex(number),
                None => AttributeValue::Text(text.clone()),
            }
        }
        Value::Array(items) => {
            AttributeValue::List(items.iter().map(decode_item).collect::<Result<_>>()?)
        }
        other => match whole(other)? {
            Some(number) => AttributeValue::Int(number),
            None => return Err(Error::corrupt(format!("{other} is no item of a tuple"))),
        },
    })
}

fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64()
}

/// An item of a position as `str()` gives it.
pub(super) fn spell_item(item: &AttributeValue) -> Option<String> {
    text::value(item, AttributeForm::Tuple)
}

fn encode_value(value: &AttributeValue) -> Result<Value> {
    Ok(match value {
        AttributeValue::Int(number) => (*number).into(),
        AttributeValue::Float(number) => json::of_number(*number),
        AttributeValue::Complex(number) => text::complex(*number, 64).into(),
        AttributeValue::Text(text) => text.as_str().into(),
        AttributeValue::DateTime(time) => text::datetime(*time)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "{time} cannot be kept by Deker: it has times to the microsecond, from the year 1 on"
                ))
            })?
            .into(),
        AttributeValue::List(items) | AttributeValue::Tuple(items) => {
            items.iter().map(encode_value).collect::<Result<_>>()?
        }
        AttributeValue::Bool(value) => (*value).into(),
        AttributeValue::Uuid(id) => id.to_string().into(),
    })
}
