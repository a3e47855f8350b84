//! Attributes as Deker keeps them with an array, in either of its two spellings.

use hyperslab_core::{
    ArrayMeta, AttributeValue, Attributes, Coordinates, Error, ErrorKind, Result, Role, TimeStart,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::schema::Layout;
use super::types::AttributeForm;
use super::{fit, json, text};

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
                let value = told_or_spelled(attribute.form, &value).map_err(context)?;
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
                if let Some(value) = told_or_spelled(attribute.form, &value).map_err(context)? {
                    // What no store of ours would take stays as Deker has it.
                    let checked = match is_told(attribute.form, &value) {
                        true => layout.schema.check_value(&attribute.name, &value).ok(),
                        false => None,
                    };
                    let value = checked.unwrap_or(value);
                    decoded.custom.insert(&attribute.name, value);
                }
            }
        }
    }
    // The key stays as it is spelled, with NaN and the sign of a zero, which ours do not have: its link is found by that.
    Ok(decoded)
}

/// Custom attributes of two sets in the order of the schema.
fn in_order(layout: &Layout, one: &Attributes, other: &Attributes) -> Attributes {
    let found = layout.attributes.iter().filter_map(|attribute| {
        let value = one
            .get(&attribute.name)
            .or_else(|| other.get(&attribute.name))?;
        Some((attribute.name.clone(), value.clone()))
    });
    found.collect()
}

/// Whether a value is one of its attribute, and not the text of one for which there is no room.
fn is_told(form: AttributeForm, value: &AttributeValue) -> bool {
    form == AttributeForm::Text || !matches!(value, AttributeValue::Text(_))
}

/// The attributes whose values no store of ours would take, as texts that are too long, and why. They are here as Deker has them,
/// or as the texts that Deker spells, and are written back so.
pub(super) fn untold<'a>(
    layout: &'a Layout,
    meta: &'a ArrayMeta,
) -> impl Iterator<Item = (&'a str, String)> {
    layout.attributes.iter().filter_map(|attribute| {
        let name = attribute.name.as_str();
        let values = match attribute.role {
            Role::Key => &meta.key,
            Role::Custom => &meta.custom,
        };
        let value = values.get(name)?;
        if !is_told(attribute.form, value) {
            let why = format!(
                "attribute '{name}': there is no room for {value} here, so it is text, and no condition on it matches"
            );
            return Some((name, why));
        }
        let checked = layout.schema.check_value(name, value);
        let refused = checked.err().filter(|_| attribute.role == Role::Custom)?;
        Some((name, refused.to_string()))
    })
}

/// The custom attributes of an array after a change of them.
///
/// # Errors
/// `InvalidInput` for what the schema does not have, and for a value that does not fit.
pub(super) fn changed(
    layout: &Layout,
    custom: &Attributes,
    set: &Attributes,
    removed: &[String],
) -> Result<Attributes> {
    let set = layout.schema.check_custom(set)?;
    fit::check(layout, &set)?;
    let is_kept = |(name, _): &(&str, &AttributeValue)| removed.iter().all(|known| known != name);
    let kept: Attributes = (custom.iter().filter(is_kept))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    Ok(in_order(layout, &set, &kept))
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

/// Whether two keys are the same: NaN is, and so are zeros of either sign, and in a tuple a time and its text.
pub(super) fn is_same_key(one: &Attributes, other: &Attributes) -> bool {
    one == other || as_kept(one).to_json() == as_kept(other).to_json()
}

/// A key as it reads back when it was kept: what is in a tuple has no type but that of its form.
fn as_kept(key: &Attributes) -> Attributes {
    let kept = |(name, value): (&str, &AttributeValue)| {
        let value = match value {
            AttributeValue::List(items) => item_as_kept(&AttributeValue::List(items.clone())),
            value => value.clone(),
        };
        (name.to_owned(), value)
    };
    key.iter().map(kept).collect()
}

fn item_as_kept(item: &AttributeValue) -> AttributeValue {
    match item {
        AttributeValue::List(items) | AttributeValue::Tuple(items) => {
            AttributeValue::List(items.iter().map(item_as_kept).collect())
        }
        AttributeValue::DateTime(time) => match text::datetime(*time) {
            Some(text) => AttributeValue::Text(text),
            None => item.clone(),
        },
        item => item.clone(),
    }
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
            Some(value) => encode_attribute(attribute.form, value)
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

/// Whether one of these attributes is where the times of an array begin.
pub(super) fn has_start(layout: &Layout, attributes: &Attributes) -> bool {
    let mut dimensions = layout.schema.dimensions().iter();
    dimensions.any(|dimension| match &dimension.coordinates {
        Some(Coordinates::TimeScale {
            start: TimeStart::Attribute(name),
            ..
        }) => attributes.get(name).is_some(),
        _ => false,
    })
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

/// The value of an attribute, or the text of one for which there is no room: the array is there all the same.
fn told_or_spelled(form: AttributeForm, value: &Value) -> Result<Option<AttributeValue>> {
    match decode_value(form, value) {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let digits = json::long_whole(value).or_else(|| value.as_str());
            let text = digits.map_or_else(|| json::to_text(value), str::to_owned);
            Ok(Some(AttributeValue::Text(text)))
        }
        told => told,
    }
}

fn decode_value(form: AttributeForm, value: &Value) -> Result<Option<AttributeValue>> {
    if value.is_null() {
        return Ok(None);
    }
    let misfit = || Error::corrupt(format!("{value} is not of type {}", form.kind()));
    let text = value.as_str();
    let told = match form {
        AttributeForm::Int(_) => AttributeValue::Int(whole(value)?.ok_or_else(misfit)?),
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
            if text.is_some_and(text::is_beyond_times) {
                return Err(Error::unsupported(format!(
                    "the time {value} is later than any that hyperslab has"
                )));
            }
            let time = text.and_then(text::parse_datetime);
            AttributeValue::DateTime(time.ok_or_else(misfit)?)
        }
        AttributeForm::Tuple => {
            let items = value.as_array().ok_or_else(misfit)?;
            AttributeValue::List(items.iter().map(decode_item).collect::<Result<_>>()?)
        }
    };
    Ok(Some(fit::narrowed(form, told)))
}

/// A whole number; `None` for what is none.
fn whole(value: &Value) -> Result<Option<i64>> {
    let too_large = || {
        Error::unsupported(format!(
            "the number {value} does not fit into 64 bits with a sign, which is all that an attribute holds here"
        ))
    };
    if json::long_whole(value).is_some() {
        return Err(too_large());
    }
    Ok(match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Number(number) if number.is_i64() => number.as_i64(),
        Value::Number(number) if number.is_u64() => return Err(too_large()),
        Value::String(text) => match text.trim().parse::<i128>() {
            Ok(number) => Some(i64::try_from(number).map_err(|_| too_large())?),
            Err(_) if json::of_digits(text.trim()).is_some() => return Err(too_large()),
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
        Value::String(text) if !is_whole(value) => {
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
    value.is_i64() || value.is_u64() || json::long_whole(value).is_some()
}

/// An item of a position as `str()` gives it.
pub(super) fn spell_item(item: &AttributeValue) -> Option<String> {
    text::value(item, AttributeForm::Tuple)
}

/// A tuple for which there is no room, as `repr()` gives it.
pub(super) fn spell_untold_tuple(items: &str) -> Option<String> {
    spell_json(&json::parse(items).ok()?)
}

fn spell_json(value: &Value) -> Option<String> {
    if let Some(digits) = json::long_whole(value) {
        return Some(digits.to_owned());
    }
    match value {
        Value::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(spell_json).collect();
            Some(text::tuple(&texts?))
        }
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        other => text::item(&decode_item(other).ok()?),
    }
}

fn encode_attribute(form: AttributeForm, value: &AttributeValue) -> Result<Value> {
    match (form, value) {
        // What there is no room for goes back as it came.
        (AttributeForm::Int(_), AttributeValue::Text(digits)) => {
            Ok(json::of_digits(digits).unwrap_or_else(|| digits.as_str().into()))
        }
        (AttributeForm::Tuple, AttributeValue::Text(items)) => json::parse(items),
        (form, value) => encode_value(&fit::narrowed(form, value.clone())),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: &str = r#"{"name": "c", "type": "array", "metadata_version": "0.2", "schema": {
        "dimensions": [{"name": "x", "size": 1, "type": "generic", "labels": null, "scale": null}],
        "dtype": "numpy.int8", "fill_value": null, "attributes": [
            {"name": "k", "primary": true, "dtype": "tuple"},
            {"name": "big", "primary": false, "dtype": "int"},
            {"name": "when", "primary": false, "dtype": "datetime"},
            {"name": "part", "primary": false, "dtype": "numpy.float32"},
            {"name": "note", "primary": false, "dtype": "string"}]}}"#;
    const ID: &str = "0807a453-b99e-437e-bdb1-a67ca1cc9d85";

    fn meta(key: &str, custom: &str) -> String {
        format!(
            r#"{{"id":"{ID}","primary_attributes":{{"k":{key}}},"custom_attributes":{custom}}}"#
        )
    }

    #[test]
    fn values_without_room_go_back_as_they_came() {
        let layout = Layout::from_document(NUMBERS).unwrap();
        // What Python holds, and no other text does: half of a pair of surrogates.
        let note = format!(r"\udc80{}\u0000", "x".repeat(5000));
        let late = format!(
            r#"{{"big":-99999999999999999999,"when":"9999-12-31 23:59:59+00:00","part":0.5,"note":"{note}"}}"#
        );
        let text = meta(r#"[1,[1180591620717411303424,"a"]]"#, &late);
        let decoded = decode(&layout, &text).unwrap();
        assert_eq!(encode(&layout, &decoded).unwrap(), text);
        let names: Vec<&str> = untold(&layout, &decoded).map(|(name, _)| name).collect();
        assert_eq!(names, ["k", "big", "when", "note"]);
        let key = decoded.key.get("k").unwrap();
        let AttributeValue::Text(items) = key else {
            panic!("{key} is no text");
        };
        let spelled = "(1, (1180591620717411303424, 'a'))";
        assert_eq!(spell_untold_tuple(items).unwrap(), spelled);
        // They stay when others change, and go when they are removed.
        let set = Attributes::from_iter([("part", 0.25)]);
        let after = changed(&layout, &decoded.custom, &set, &["big".to_owned()]).unwrap();
        assert_eq!(after.len(), 3);
        assert_eq!(after.get("when"), decoded.custom.get("when"));
        let text: Attributes = [("when", "9999-12-31T23:59:59Z")].into_iter().collect();
        assert!(changed(&layout, &after, &text, &[]).is_err());
    }

    #[test]
    fn values_of_another_type_are_damage() {
        let layout = Layout::from_document(NUMBERS).unwrap();
        for (key, custom) in [
            ("null", "{}"),
            ("{}", "{}"),
            ("[1]", r#"{"big":"x"}"#),
            ("[1]", r#"{"when":"yesterday"}"#),
            ("[1]", r#"{"part":"1e999"}"#),
            ("[null]", "{}"),
        ] {
            let error = decode(&layout, &meta(key, custom)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{key} {custom}");
        }
    }

    #[test]
    fn a_time_in_a_tuple_is_its_text() {
        let time: hyperslab_core::Timestamp = "2020-01-01".parse().unwrap();
        let key = |item: AttributeValue| -> Attributes {
            [("k", AttributeValue::List(vec![item]))]
                .into_iter()
                .collect()
        };
        let text = "2020-01-01T00:00:00+00:00";
        assert!(is_same_key(&key(time.into()), &key(text.into())));
        assert!(!is_same_key(&key(time.into()), &key("2020-01-01".into())));
    }
}
