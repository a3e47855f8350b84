//! The documents of a store: small JSON objects that are swapped whole.
//!
//! A document that must not be mistaken for an older state of itself carries a nonce, because some media tell states
//! apart by their bytes alone.

use bytes::Bytes;
use hyperslab_core::{
    ArrayMeta, AttributeSchema, AttributeValue, Attributes, AxisSlab, CollectionMeta, Error,
    Hyperslab, Result, SCHEMA_VERSION, Scalar, Schema, StorageOptions,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::layout::Place;
use crate::process::Process;
use crate::stored::Stored;

/// The version of the layout that this crate writes, and the newest it reads.
pub(crate) const FORMAT_VERSION: u32 = 1;

const FORMAT: &str = "hyperslab";

/// The name of this adapter in the document of a store.
pub(crate) const ADAPTER: &str = "zarr";

/// What says that there is a store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreDocument {
    format: String,
    version: u32,
    pub(crate) id: Uuid,
    adapter: String,
    /// Whether the medium was found to ignore conditions when the store was made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) single_writer: bool,
}

impl StoreDocument {
    pub(crate) fn new(id: Uuid, single_writer: bool) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: FORMAT_VERSION,
            id,
            adapter: ADAPTER.to_owned(),
            single_writer,
        }
    }

    pub(crate) fn parse(bytes: &[u8], what: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Outline {
            format: String,
            version: u32,
            adapter: String,
        }
        let outline: Outline = from_json(bytes, what)?;
        if outline.format != FORMAT {
            return Err(Error::corrupt(format!(
                "{what} is not of a hyperslab store"
            )));
        }
        if outline.adapter != ADAPTER {
            return Err(Error::unsupported(format!(
                "{what} is of a store of the adapter '{}', not '{ADAPTER}'",
                outline.adapter
            )));
        }
        check_version(outline.version, what)?;
        from_json(bytes, what)
    }
}

fn check_version(version: u32, what: &str) -> Result<()> {
    if version <= FORMAT_VERSION {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "{what} has format version {version}, this program reads up to {FORMAT_VERSION}; update hyperslab"
    )))
}

fn from_json<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::corrupt(format!("{what} is damaged: {error}")).with_source(error))
}

/// A document as it is put.
pub(crate) fn to_bytes<T: Serialize>(document: &T) -> Result<Bytes> {
    serde_json::to_vec_pretty(document)
        .map(Bytes::from)
        .map_err(|error| Error::internal(format!("a document: {error}")).with_source(error))
}

/// A collection.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectionDocument {
    version: u32,
    nonce: Uuid,
    pub(crate) name: String,
    pub(crate) id: Uuid,
    /// Where the heads of its arrays lie; another one after each clearing.
    pub(crate) index: String,
    pub(crate) schema: Schema,
    #[serde(default)]
    pub(crate) storage: StorageOptions,
}

impl CollectionDocument {
    pub(crate) fn new(collection: &CollectionMeta, index: String) -> Self {
        Self {
            version: FORMAT_VERSION,
            nonce: Uuid::new_v4(),
            name: collection.name.clone(),
            id: collection.id,
            index,
            schema: collection.schema.clone(),
            storage: collection.storage.clone(),
        }
    }

    pub(crate) fn parse(bytes: &[u8], what: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Outline {
            schema: Versioned,
        }
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        // A newer schema is no damage.
        if let Ok(outline) = serde_json::from_slice::<Outline>(bytes)
            && outline.schema.version > SCHEMA_VERSION
        {
            return Err(Error::unsupported(format!(
                "{what} has a schema of version {}, this program reads up to {SCHEMA_VERSION}; update hyperslab",
                outline.schema.version
            )));
        }
        parse_versioned(bytes, what)
    }

    pub(crate) fn meta(&self) -> CollectionMeta {
        CollectionMeta {
            name: self.name.clone(),
            id: self.id,
            schema: self.schema.clone(),
            storage: self.storage.clone(),
        }
    }

    pub(crate) fn place(&self) -> Place {
        Place {
            collection: self.name.clone(),
            index: self.index.clone(),
        }
    }
}

fn parse_versioned<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    #[derive(Deserialize)]
    struct Outline {
        version: u32,
    }
    let outline: Outline = from_json(bytes, what)?;
    check_version(outline.version, what)?;
    from_json(bytes, what)
}

/// Who has an identity.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdDocument {
    version: u32,
    nonce: Uuid,
    pub(crate) stem: String,
}

impl IdDocument {
    pub(crate) fn new(stem: &str) -> Self {
        Self {
            version: FORMAT_VERSION,
            nonce: Uuid::new_v4(),
            stem: stem.to_owned(),
        }
    }

    pub(crate) fn parse(bytes: &[u8], what: &str) -> Result<Self> {
        parse_versioned(bytes, what)
    }
}

/// A change of several chunks that has been decided, and may not have reached all of them yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    pub(crate) id: Uuid,
    /// The hyperslabs that are written, one after the other: `start`, `count`, `stride` of each axis.
    pub(crate) slabs: Vec<Vec<[u64; 3]>>,
    /// The value of all cells; without it the cells are staged, one object for each chunk or shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Value>,
    /// Bytes of the cells, which says how long it may take.
    pub(crate) bytes: u64,
    pub(crate) writer: Process,
}

impl Change {
    /// A change of so many bytes by this process.
    pub(crate) fn new<'a>(
        slabs: impl Iterator<Item = &'a Hyperslab>,
        value: Option<Scalar>,
        bytes: u64,
    ) -> Self {
        let axis = |axis: &AxisSlab| [axis.start, axis.count, axis.stride];
        Self {
            id: Uuid::new_v4(),
            slabs: slabs
                .map(|slab| slab.axes().iter().map(axis).collect())
                .collect(),
            value: value.map(Scalar::to_json),
            bytes,
            writer: Process::own(),
        }
    }

    /// No change at all: a reader of so many bytes keeps writers waiting.
    pub(crate) fn pause(bytes: u64) -> Self {
        Self {
            id: Uuid::new_v4(),
            slabs: Vec::new(),
            value: None,
            bytes,
            writer: Process::own(),
        }
    }

    pub(crate) fn is_pause(&self) -> bool {
        self.slabs.is_empty()
    }

    pub(crate) fn slabs(&self, shape: &[u64]) -> Result<Vec<Hyperslab>> {
        let axis = |&[start, count, stride]: &[u64; 3]| AxisSlab {
            start,
            count,
            stride,
        };
        let slabs = self.slabs.iter();
        slabs
            .map(|slab| Hyperslab::new(slab.iter().map(axis).collect(), shape))
            .collect::<Result<_>>()
            .map_err(|error| Error::corrupt(format!("a pending change: {error}")))
    }

    pub(crate) fn scalar(&self, schema: &Schema) -> Result<Option<Scalar>> {
        let value = self.value.as_ref();
        value
            .map(|value| Scalar::from_json(schema.dtype(), value))
            .transpose()
            .map_err(|error| Error::corrupt(format!("a pending change: {error}")))
    }
}

/// An array: what it is called, where its group lies, and what is being done to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ArrayHead {
    pub(crate) meta: ArrayMeta,
    /// The name of its Zarr group in that of the collection.
    pub(crate) folder: String,
    /// Goes up when a change of several chunks is decided, and again when it has reached all of them.
    pub(crate) generation: u64,
    /// Objects that hold cells, as far as it was no effort to say so.
    pub(crate) stored: Stored,
    pub(crate) change: Option<Change>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadDocument {
    version: u32,
    nonce: Uuid,
    id: Uuid,
    folder: String,
    key: Value,
    custom: Value,
    generation: u64,
    #[serde(default, skip_serializing_if = "Stored::is_empty")]
    stored: Stored,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
}

impl ArrayHead {
    pub(crate) fn to_bytes(&self) -> Result<Bytes> {
        to_bytes(&HeadDocument {
            version: FORMAT_VERSION,
            nonce: Uuid::new_v4(),
            id: self.meta.id,
            folder: self.folder.clone(),
            key: self.meta.key.to_json(),
            custom: self.meta.custom.to_json(),
            generation: self.generation,
            stored: self.stored.clone(),
            change: self.change.clone(),
        })
    }

    pub(crate) fn parse(bytes: &[u8], schema: &Schema, what: &str) -> Result<Self> {
        let document: HeadDocument = parse_versioned(bytes, what)?;
        let damaged = |error: Error| error.context(what);
        let key = attributes(schema.key_attributes(), &document.key).map_err(damaged)?;
        let custom = attributes(schema.custom_attributes(), &document.custom).map_err(damaged)?;
        if let Some(missing) =
            (schema.key_attributes()).find(|known| key.get(&known.name).is_none())
        {
            return Err(Error::corrupt(format!(
                "{what}: the key attribute '{}' is missing",
                missing.name
            )));
        }
        Ok(Self {
            meta: ArrayMeta {
                id: document.id,
                key,
                custom,
            },
            folder: document.folder,
            generation: document.generation,
            stored: document.stored,
            change: document.change,
        })
    }
}

fn attributes<'a>(
    known: impl Iterator<Item = &'a AttributeSchema>,
    values: &Value,
) -> Result<Attributes> {
    let values = values
        .as_object()
        .ok_or_else(|| Error::corrupt("attributes are not a JSON object"))?;
    let mut found = Attributes::new();
    for attribute in known {
        if let Some(value) = values.get(&attribute.name) {
            let value = AttributeValue::from_json(&attribute.kind, value).map_err(|error| {
                Error::corrupt(format!("attribute '{}': {error}", attribute.name))
            })?;
            found.insert(attribute.name.as_str(), value);
        }
    }
    if found.len() < values.len() {
        return Err(Error::corrupt("an attribute that the schema does not know"));
    }
    Ok(found)
}
