//! From content that describes itself back to an array of a schema.

use hyperslab_core::{
    ArrayMeta, AttributeType, AttributeValue, Attributes, DType, Error, Result, Schema,
};
use num_complex::Complex64;
use uuid::Uuid;

use crate::{AttributeContent, ID, NamedAttribute};

/// Reads identity, key and custom attributes of an array back from the `global` attributes and those of its variable.
///
/// # Errors
/// `Corrupt` that names the attribute at fault.
pub fn array_meta(
    schema: &Schema,
    global: &[NamedAttribute],
    variable: &[NamedAttribute],
) -> Result<ArrayMeta> {
    let id = find(global, ID)
        .and_then(|value| Uuid::parse_str(value.as_text()?).ok())
        .ok_or_else(|| Error::corrupt("the global attribute 'id' is missing or no UUID"))?;
    let mut key = Attributes::new();
    for attribute in schema.key_attributes() {
        let value = find(global, &attribute.name).ok_or_else(|| {
            Error::corrupt(format!("the key attribute '{}' is missing", attribute.name))
        })?;
        key.insert(
            attribute.name.as_str(),
            value_of(&attribute.kind, value)
                .ok_or_else(|| misfit(&attribute.name, &attribute.kind))?,
        );
    }
    let mut custom = Attributes::new();
    for attribute in schema.custom_attributes() {
        if let Some(value) = find(variable, &attribute.name) {
            let value = value_of(&attribute.kind, value)
                .ok_or_else(|| misfit(&attribute.name, &attribute.kind))?;
            custom.insert(attribute.name.as_str(), value);
        }
    }
    Ok(ArrayMeta { id, key, custom })
}

fn find<'a>(attributes: &'a [NamedAttribute], name: &str) -> Option<&'a AttributeContent> {
    let found = attributes.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value)
}

fn misfit(name: &str, kind: &AttributeType) -> Error {
    Error::corrupt(format!("the attribute '{name}' is not of type {kind}"))
}

fn value_of(kind: &AttributeType, value: &AttributeContent) -> Option<AttributeValue> {
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
        AttributeType::Tuple(_) | AttributeType::List => {
            let json = serde_json::from_str(value.as_text()?).ok()?;
            AttributeValue::from_json(kind, &json).ok()?
        }
    })
}

fn numbers(value: &AttributeContent) -> Option<Vec<f64>> {
    match value {
        AttributeContent::Numbers(cells) => {
            (cells.scalars()).map(|cell| cell.ok()?.as_f64()).collect()
        }
        _ => None,
    }
}

fn integer(value: &AttributeContent) -> Option<i64> {
    let AttributeContent::Numbers(cells) = value else {
        return None;
    };
    let mut scalars = cells.scalars();
    let only = scalars.next()?.ok()?;
    if scalars.next().is_some() || cells.dtype().is_inexact() {
        return None;
    }
    only.to_json().as_i64()
}

/// Carries over into the `next` attributes what another program has added to the `old` ones: those that the schema does not
/// know. Both lists are those of the whole, or both those of the variable.
pub fn keep_unknown(schema: &Schema, old: &[NamedAttribute], next: &mut Vec<NamedAttribute>) {
    let unknown: Vec<NamedAttribute> = (old.iter())
        .filter(|(name, _)| schema.attribute(name).is_none() && find(next, name).is_none())
        .cloned()
        .collect();
    next.extend(unknown);
}

/// Says how a variable of this type and shape contradicts the schema of the array it is said to hold.
#[must_use]
pub fn disagreement(schema: &Schema, dtype: DType, shape: &[u64]) -> Option<String> {
    if dtype != schema.dtype() {
        return Some(format!(
            "cells are {dtype}, the schema says {}",
            schema.dtype()
        ));
    }
    if shape != schema.shape() {
        return Some(format!(
            "the shape is {shape:?}, the schema says {:?}",
            schema.shape()
        ));
    }
    None
}
