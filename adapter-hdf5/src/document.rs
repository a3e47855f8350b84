//! The JSON documents of a store and of its collections, each with its version.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use hyperslab_core::{
    CollectionMeta, Durability, Error, Result, SCHEMA_VERSION, Schema, StorageOptions,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::disk::TempFile;

/// The version of the layout that this program writes, and the newest it reads.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// A document of more bytes is not read: it would be no document of ours.
const DOCUMENT_BYTES_MAX: u64 = 1 << 30;

const FORMAT: &str = "hyperslab";
const ADAPTER: &str = "hdf5";

/// The root document.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreDocument {
    format: String,
    version: u32,
    pub(crate) id: Uuid,
    adapter: String,
}

impl StoreDocument {
    /// The document of a new store.
    pub(crate) fn new(id: Uuid) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: FORMAT_VERSION,
            id,
            adapter: ADAPTER.to_owned(),
        }
    }

    /// Reads and checks the document.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let document: Self = read(path)?;
        if document.format != FORMAT || document.adapter != ADAPTER {
            return Err(Error::unsupported(format!(
                "{} describes a store of format '{}', adapter '{}'; it cannot be opened as HDF5 files",
                path.display(),
                document.format,
                document.adapter
            )));
        }
        Ok(document)
    }
}

/// The document of a collection.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectionDocument {
    version: u32,
    name: String,
    id: Uuid,
    schema: Schema,
    #[serde(default)]
    storage: StorageOptions,
}

impl CollectionDocument {
    /// The document of a collection.
    pub(crate) fn new(collection: &CollectionMeta) -> Self {
        Self {
            version: FORMAT_VERSION,
            name: collection.name.clone(),
            id: collection.id,
            schema: collection.schema.clone(),
            storage: collection.storage.clone(),
        }
    }

    /// Reads and checks the document of the collection in a folder of that name. A folder that was renamed is a renamed
    /// collection.
    pub(crate) fn read(path: &Path, name: &str) -> Result<CollectionMeta> {
        let document: Self = read(path)?;
        Ok(CollectionMeta {
            name: name.to_owned(),
            id: document.id,
            schema: document.schema,
            storage: document.storage,
        })
    }
}

/// Writes a document where there is none.
pub(crate) fn write<T: Serialize>(
    document: &T,
    temporaries: &Path,
    target: &Path,
    durability: Durability,
) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(document)
        .map_err(|error| Error::internal(format!("a document: {error}")))?;
    text.push(b'\n');
    let temporary = TempFile::create(temporaries)?;
    temporary
        .file()
        .write_all(&text)
        .map_err(|source| Error::io("write", target.display(), source))?;
    temporary.sync(target, durability)?;
    temporary.publish_new(target)
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let fail = |source: io::Error| Error::io("read", path.display(), source);
    let damaged = |error: serde_json::Error| {
        Error::corrupt(format!(
            "{} is damaged ({error}); restore it from a copy",
            path.display()
        ))
        .with_source(error)
    };
    let file = File::open(path).map_err(fail)?;
    let mut text = Vec::new();
    file.take(DOCUMENT_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(fail)?;
    let value: Value = serde_json::from_slice(&text).map_err(damaged)?;
    // The version is judged before the rest, which a newer version may have changed.
    let newer = |value: &Value, known: u32| {
        let version = value.get("version").and_then(Value::as_u64)?;
        (version > u64::from(known)).then_some((version, known))
    };
    let schema = value.get("schema");
    let schema = schema.and_then(|schema| newer(schema, SCHEMA_VERSION));
    if let Some((version, known)) = newer(&value, FORMAT_VERSION).or(schema) {
        return Err(Error::unsupported(format!(
            "{} has version {version}, this program reads up to {known}; update hyperslab",
            path.display()
        )));
    }
    serde_json::from_value(value).map_err(damaged)
}
