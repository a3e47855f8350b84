//! How an array of a schema becomes the content of a file that follows the CF conventions, and back.

mod time;

use std::borrow::Cow;

use hyperslab_core::{
    ArrayBuf, ArrayMeta, AttributeType, AttributeValue, Attributes, CollectionMeta, Coordinates,
    DType, Dimension, Error, Metadata, Result, Schema, TimeStart,
};
use num_complex::Complex64;
use serde_json::Value;
use uuid::Uuid;

use crate::chunk::StoragePlan;
use crate::file::{
    AxisContent, CoordinateCells, CoordinateContent, FileAttribute, FileContent, FileHeader,
    NamedAttribute, VariableContent, VariableStorage,
};

/// Computed coordinates of an axis longer than this are not written out.
const COORDINATE_COUNT_MAX: u64 = 1 << 24;

/// The global attribute that holds the identity of an array.
const ID: &str = "id";

const UNITS: &str = "units";

/// Everything in the file of an array but its cells.
pub(crate) fn content(
    collection: &CollectionMeta,
    array: &ArrayMeta,
    variable: &str,
    storage: VariableStorage,
) -> Result<FileContent> {
    let schema = &collection.schema;
    let attributes = [&array.key, &array.custom];
    let axes = (0..schema.dimensions().len())
        .map(|axis| axis_content(schema, axis, &attributes))
        .collect::<Result<Vec<_>>>()?;
    let data = VariableContent {
        name: variable.to_owned(),
        dtype: schema.dtype(),
        axes: (0..axes.len()).collect(),
        fill: schema.fill_value(),
        declares_fill: schema.declared_fill_value().is_some(),
        attributes: file_attributes(&array.custom)?,
        storage,
    };
    Ok(FileContent {
        attributes: global_attributes(schema, array)?,
        axes,
        variables: vec![data],
    })
}

/// The name of the data variable of a collection: the user's choice, or the collection's name in the letters that CF
/// recommends. Never that of a dimension.
pub(crate) fn variable_name(collection: &CollectionMeta, plan: &StoragePlan) -> String {
    let derived = || {
        let letters = collection.name.chars();
        let plain = |letter: char| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        };
        let name: String = letters.map(plain).collect();
        if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            name
        } else {
            format!("v_{name}")
        }
    };
    let mut name = plan.variable.clone().unwrap_or_else(derived);
    let taken = |name: &str| {
        let dimensions = collection.schema.dimensions();
        dimensions.iter().any(|dimension| dimension.name == name)
    };
    while taken(&name) {
        name.push_str("_data");
    }
    name
}

fn global_attributes(schema: &Schema, array: &ArrayMeta) -> Result<Vec<NamedAttribute>> {
    const CONVENTIONS: &str = "Conventions";
    let mut attributes = Vec::new();
    let own = schema.metadata().contains_key(CONVENTIONS) || array.key.get(CONVENTIONS).is_some();
    if !own {
        attributes.push((
            CONVENTIONS.to_owned(),
            FileAttribute::Text("CF-1.11".to_owned()),
        ));
    }
    attributes.extend(metadata_attributes(schema.metadata())?);
    attributes.extend(file_attributes(&array.key)?);
    attributes.push((ID.to_owned(), FileAttribute::Text(array.id.to_string())));
    Ok(attributes)
}

fn axis_content(schema: &Schema, axis: usize, attributes: &[&Attributes]) -> Result<AxisContent> {
    let dimension = &schema.dimensions()[axis];
    let computed = matches!(
        dimension.coordinates,
        Some(Coordinates::Scale { .. } | Coordinates::TimeScale { .. })
    );
    let started = match &dimension.coordinates {
        Some(Coordinates::TimeScale {
            start: TimeStart::Attribute(name),
            ..
        }) => attributes.iter().any(|known| known.get(name).is_some()),
        _ => true,
    };
    let coordinate = if !started || (computed && dimension.size > COORDINATE_COUNT_MAX) {
        None
    } else {
        (schema.coordinates(axis, attributes)?)
            .map(|coordinates| coordinate_content(dimension, &coordinates))
            .transpose()
            .map_err(|error| error.context(format!("dimension '{}'", dimension.name)))?
    };
    Ok(AxisContent {
        name: dimension.name.clone(),
        size: dimension.size,
        coordinate,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a scale of 2^53 positions is out of reach"
)]
fn coordinate_content(
    dimension: &Dimension,
    coordinates: &Coordinates,
) -> Result<CoordinateContent> {
    let text = |text: &str| FileAttribute::Text(text.to_owned());
    let mut attributes: Vec<NamedAttribute> = Vec::new();
    let numbers = |values: &[f64]| {
        ArrayBuf::from_slice(&[values.len() as u64], values).map(CoordinateCells::Numbers)
    };
    if let Some(unit) = coordinates.unit() {
        attributes.push((UNITS.to_owned(), text(unit)));
    }
    let values = match coordinates {
        Coordinates::Labels { labels } => CoordinateCells::Texts(labels.clone()),
        Coordinates::Values { values, .. } => numbers(values)?,
        Coordinates::Scale { start, step, .. } => {
            let values: Vec<f64> = (0..dimension.size)
                .map(|index| start + index as f64 * step)
                .collect();
            numbers(&values)?
        }
        Coordinates::Times { times } => time::times_content(times, &mut attributes)?,
        Coordinates::TimeScale { start, step } => {
            let TimeStart::Fixed(start) = start else {
                return Err(Error::internal("the start of a time scale is not resolved"));
            };
            time::times_content(
                &time::scale_times(*start, *step, dimension.size)?,
                &mut attributes,
            )?
        }
    };
    for (name, value) in metadata_attributes(&dimension.metadata)? {
        if attributes.iter().all(|(known, _)| *known != name) {
            attributes.push((name, value));
        }
    }
    Ok(CoordinateContent { values, attributes })
}

fn metadata_attributes(metadata: &Metadata) -> Result<Vec<NamedAttribute>> {
    let convert = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) => FileAttribute::Text(text.clone()),
            Value::Bool(value) => FileAttribute::number(i8::from(*value))?,
            Value::Array(items) => list_attribute(items)?,
            other => match other.as_i64() {
                Some(value) => FileAttribute::number(value)?,
                None => FileAttribute::number(other.as_f64().unwrap_or(f64::NAN))?,
            },
        };
        Ok((name.clone(), value))
    };
    metadata.iter().map(convert).collect()
}

fn list_attribute(items: &[Value]) -> Result<FileAttribute> {
    let whole: Option<Vec<i64>> = items.iter().map(Value::as_i64).collect();
    match whole {
        Some(values) => FileAttribute::numbers(&values),
        None => {
            let values = items.iter().map(|item| item.as_f64().unwrap_or(f64::NAN));
            FileAttribute::numbers(&values.collect::<Vec<_>>())
        }
    }
}

fn file_attributes(attributes: &Attributes) -> Result<Vec<NamedAttribute>> {
    let attributes = attributes.iter();
    attributes
        .map(|(name, value)| Ok((name.to_owned(), file_attribute(value)?)))
        .collect()
}

fn file_attribute(value: &AttributeValue) -> Result<FileAttribute> {
    Ok(match value {
        AttributeValue::Bool(value) => FileAttribute::number(i8::from(*value))?,
        AttributeValue::Int(value) => FileAttribute::number(*value)?,
        AttributeValue::Float(value) => FileAttribute::number(*value)?,
        AttributeValue::Complex(value) => FileAttribute::numbers(&[value.re, value.im])?,
        AttributeValue::Text(text) => FileAttribute::Text(text.clone()),
        AttributeValue::DateTime(_) | AttributeValue::Uuid(_) | AttributeValue::Tuple(_) => {
            FileAttribute::Text(value.to_string())
        }
    })
}

/// Reads identity, key and custom attributes of an array back from its file.
///
/// # Errors
/// `Corrupt` that names the attribute at fault.
pub(crate) fn array_meta(schema: &Schema, header: &FileHeader) -> Result<ArrayMeta> {
    let find = |attributes: &'_ [NamedAttribute], name: &str| {
        let found = attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    let id = find(&header.attributes, ID)
        .and_then(|value| Uuid::parse_str(value.as_text()?).ok())
        .ok_or_else(|| Error::corrupt("the global attribute 'id' is missing or no UUID"))?;
    let mut key = Attributes::new();
    for attribute in schema.key_attributes() {
        let value = find(&header.attributes, &attribute.name).ok_or_else(|| {
            Error::corrupt(format!("the key attribute '{}' is missing", attribute.name))
        })?;
        key.insert(
            attribute.name.as_str(),
            value_of(&attribute.kind, &value)
                .ok_or_else(|| misfit(&attribute.name, &attribute.kind))?,
        );
    }
    let mut custom = Attributes::new();
    for attribute in schema.custom_attributes() {
        if let Some(value) = find(&header.variable.attributes, &attribute.name) {
            let value = value_of(&attribute.kind, &value)
                .ok_or_else(|| misfit(&attribute.name, &attribute.kind))?;
            custom.insert(attribute.name.as_str(), value);
        }
    }
    Ok(ArrayMeta { id, key, custom })
}

fn misfit(name: &str, kind: &AttributeType) -> Error {
    Error::corrupt(format!("the attribute '{name}' is not of type {kind}"))
}

fn value_of(kind: &AttributeType, value: &FileAttribute) -> Option<AttributeValue> {
    Some(match kind {
        AttributeType::Bool => match numbers(value)?.as_slice() {
            [value] if *value == 0.0 || *value == 1.0 => AttributeValue::Bool(*value == 1.0),
            _ => return None,
        },
        AttributeType::Int => AttributeValue::Int(integer(value)?),
        AttributeType::Float => match numbers(value)?.as_slice() {
            [value] => AttributeValue::Float(*value),
            _ => return None,
        },
        AttributeType::Complex => match numbers(value)?.as_slice() {
            [re, im] => AttributeValue::Complex(Complex64::new(*re, *im)),
            _ => return None,
        },
        AttributeType::Text => AttributeValue::Text(value.as_text()?.to_owned()),
        AttributeType::DateTime => AttributeValue::DateTime(value.as_text()?.parse().ok()?),
        AttributeType::Uuid => AttributeValue::Uuid(Uuid::parse_str(value.as_text()?).ok()?),
        AttributeType::Tuple(_) => {
            let json = serde_json::from_str(value.as_text()?).ok()?;
            AttributeValue::from_json(kind, &json).ok()?
        }
    })
}

fn numbers(value: &FileAttribute) -> Option<Vec<f64>> {
    match value {
        FileAttribute::Cells(cells) => (cells.scalars()).map(|cell| cell.ok()?.as_f64()).collect(),
        _ => None,
    }
}

fn integer(value: &FileAttribute) -> Option<i64> {
    let FileAttribute::Cells(cells) = value else {
        return None;
    };
    let mut scalars = cells.scalars();
    let only = scalars.next()?.ok()?;
    if scalars.next().is_some() || cells.dtype().is_inexact() {
        return None;
    }
    only.to_json().as_i64()
}

/// Carries over what another program has added to a file: attributes that the schema does not know.
pub(crate) fn keep_foreign(schema: &Schema, old: &FileHeader, next: &mut FileContent) {
    let kept = |old: &[NamedAttribute], next: &[NamedAttribute]| -> Vec<NamedAttribute> {
        let unknown = old.iter().filter(|(name, _)| {
            schema.attribute(name).is_none() && next.iter().all(|(known, _)| known != name)
        });
        unknown.cloned().collect()
    };
    let global = kept(&old.attributes, &next.attributes);
    next.attributes.extend(global);
    if let Some(variable) = next.variables.first_mut() {
        let mut own = kept(&old.variable.attributes, &variable.attributes);
        own.retain(|(name, _)| !(variable.dtype == DType::Bool && name == "dtype"));
        variable.attributes.extend(own);
    }
}

/// Says how the file of an array contradicts its schema.
pub(crate) fn disagreement(schema: &Schema, header: &FileHeader) -> Option<Cow<'static, str>> {
    let stored = &header.variable;
    let dtype = match schema.dtype() {
        DType::Bool if matches!(stored.dtype, DType::UInt8 | DType::Int8) => DType::Bool,
        _ => stored.dtype,
    };
    if dtype != schema.dtype() {
        return Some(format!("cells are {dtype}, the schema says {}", schema.dtype()).into());
    }
    if stored.shape != schema.shape() {
        return Some(
            format!(
                "the shape is {:?}, the schema says {:?}",
                stored.shape,
                schema.shape()
            )
            .into(),
        );
    }
    None
}

#[cfg(test)]
mod tests;
