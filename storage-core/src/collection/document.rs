//! A collection as one JSON document.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CollectionMeta, Error, Result, Schema, StorageOptions};

/// What it takes to create a collection, as one JSON document.
///
/// It is also read out of the document that `hyperslab show STORE COLLECTION --json` prints, which has it in a field
/// `collection`. The identity that stands there is passed over: a new collection has one of its own.
///
/// ```
/// use hyperslab_core::CollectionDocument;
///
/// let text = r#"{"name": "weather", "schema": {"version": 1, "dtype": "float32", "dimensions": []}}"#;
/// let document = CollectionDocument::from_json(text)?;
/// assert_eq!((document.name.as_str(), document.storage.len()), ("weather", 0));
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CollectionDocument {
    /// The name, unique in the store.
    pub name: String,
    /// What the arrays look like.
    pub schema: Schema,
    /// What the adapter is told: chunks, codec.
    pub storage: StorageOptions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: String,
    #[serde(default, rename = "id")]
    _id: Option<uuid::Uuid>,
    schema: Value,
    #[serde(default)]
    storage: StorageOptions,
}

impl CollectionDocument {
    /// The document of a collection that is there.
    #[must_use]
    pub fn of(meta: &CollectionMeta) -> Self {
        Self {
            name: meta.name.clone(),
            schema: meta.schema.clone(),
            storage: meta.storage.clone(),
        }
    }

    /// Reads and checks the JSON form.
    ///
    /// # Errors
    /// `InvalidInput` that names the field at fault, `Unsupported` for a schema of a newer version.
    pub fn from_json(text: &str) -> Result<Self> {
        let mut value: Value = serde_json::from_str(text).map_err(|source| {
            Error::invalid(format!(
                "the document of a collection is not JSON: {source}"
            ))
            .with_source(source)
        })?;
        if let Some(inner @ Value::Object(_)) = value.get_mut("collection") {
            value = inner.take();
        }
        let document: Document = serde_json::from_value(value).map_err(|source| {
            Error::invalid(format!(
                "the document of a collection: {source}; it has the fields name, schema and storage"
            ))
            .with_source(source)
        })?;
        Ok(Self {
            name: document.name,
            schema: Schema::from_json(&document.schema.to_string())
                .map_err(|error| error.context("schema"))?,
            storage: document.storage,
        })
    }

    /// The JSON form, indented.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}", serde_json::to_value(self).unwrap_or_default())
    }
}
