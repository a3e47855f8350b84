//! The JSON form of a schema, with its version.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Dimension, Schema, check_attribute_name};
use crate::{AttributeSchema, DType, Error, Result, Scalar};

/// The newest version of the JSON form that this library reads. A schema is written in the oldest version that has what it
/// needs, so that an older program reads it too: 2 with tiles, else 1.
pub const SCHEMA_VERSION: u32 = 2;

/// Facts for people: text, numbers, bools, and lists of numbers, by name, in order.
pub type Metadata = Map<String, Value>;

/// Checks names and values; `allowed` are reserved names that have their true meaning here.
pub(super) fn check_metadata(metadata: &Metadata, what: &str, allowed: &[&str]) -> Result<()> {
    for (name, value) in metadata {
        if !allowed.contains(&name.as_str()) {
            check_attribute_name(what, name)?;
        }
        let plain = match value {
            Value::String(text) => !text.contains('\0'),
            Value::Bool(_) | Value::Number(_) => true,
            Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_number),
            Value::Null | Value::Object(_) => false,
        };
        if !plain {
            return Err(Error::invalid(format!(
                "{what} '{name}' must be text, a number, a bool or a list of numbers"
            )));
        }
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    dtype: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    fill_value: Value,
    dimensions: Vec<Dimension>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tile_shape: Option<Vec<u64>>,
    #[serde(default)]
    attributes: Vec<AttributeSchema>,
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata,
}

impl Schema {
    /// Reads and checks the JSON form.
    ///
    /// # Errors
    /// `InvalidInput` that names the field at fault, `Unsupported` for a newer version.
    pub fn from_json(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text).map_err(|source| {
            Error::invalid(format!("the schema is not JSON: {source}")).with_source(source)
        })?;
        Self::from_json_value(value)
    }

    fn from_json_value(value: Value) -> Result<Self> {
        // The version is judged before the rest, which a newer version may have changed.
        match value.get("version").and_then(Value::as_u64) {
            Some(version) if version > u64::from(SCHEMA_VERSION) => {
                return Err(Error::unsupported(format!(
                    "the schema has version {version}, this program reads up to {SCHEMA_VERSION}; update hyperslab"
                )));
            }
            Some(0) | None => {
                return Err(Error::invalid(format!(
                    "the schema needs a field \"version\" of 1 to {SCHEMA_VERSION}"
                )));
            }
            Some(_) => {}
        }
        let document: Document = serde_json::from_value(value)
            .map_err(|source| Error::invalid(format!("schema: {source}")).with_source(source))?;
        if document.version < 2 && document.tile_shape.is_some() {
            return Err(Error::invalid(
                "tile_shape: a schema of version 1 has no tiles; set \"version\" to 2",
            ));
        }
        let dtype: DType = document.dtype.parse()?;
        let mut builder = Self::builder(dtype).metadata(document.metadata);
        if !document.fill_value.is_null() {
            let fill_value = Scalar::from_json(dtype, &document.fill_value);
            builder = builder.fill_value(fill_value.map_err(|error| error.context("fill_value"))?);
        }
        builder.dimensions = document.dimensions;
        builder.attributes = document.attributes;
        if let Some(tile_shape) = document.tile_shape {
            builder = builder.tile_shape(tile_shape);
        }
        builder.build()
    }

    /// The JSON form, indented.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}", self.to_json_value())
    }

    fn to_json_value(&self) -> Value {
        let document = Document {
            version: if self.tile_shape.is_some() { 2 } else { 1 },
            dtype: self.dtype.name().to_owned(),
            fill_value: self.fill_value.map_or(Value::Null, Scalar::to_json),
            dimensions: self.dimensions.clone(),
            tile_shape: self.tile_shape.clone(),
            attributes: self.attributes.clone(),
            metadata: self.metadata.clone(),
        };
        serde_json::to_value(document).unwrap_or_default()
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json_value(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
