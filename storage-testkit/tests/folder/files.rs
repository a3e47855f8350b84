//! Files that are replaced whole, and the form of an array in one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hyperslab_core::{
    ArrayBuf, ArrayMeta, AttributeValue, Attributes, CollectionMeta, Error, Result, Schema,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// The folder of what is being made and of what has been deleted.
pub(crate) fn limbo(root: &Path) -> PathBuf {
    root.join(".hyperslab").join("limbo")
}

/// A name in limbo that nobody else uses.
pub(crate) fn fresh(root: &Path) -> PathBuf {
    limbo(root).join(Uuid::new_v4().to_string())
}

/// Replaces a file by renaming.
pub(crate) fn publish(root: &Path, path: &Path, content: &[u8]) -> Result<()> {
    let new = fresh(root);
    fs::write(&new, content).map_err(|error| Error::io("write", new.display(), error))?;
    fs::rename(&new, path).map_err(|error| Error::io("publish", path.display(), error))
}

pub(crate) fn read_collection(root: &Path, name: &str) -> Result<CollectionMeta> {
    let path = root.join(name).join("collection.json");
    let text = fs::read(&path).map_err(|error| Error::io("read", path.display(), error))?;
    serde_json::from_slice(&text).map_err(|error| Error::corrupt(error.to_string()))
}

/// One array: a line of JSON, then the cells.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) meta: ArrayMeta,
    pub(crate) cells: ArrayBuf,
}

impl Stored {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let header = json!({
            "id": self.meta.id,
            "key": self.meta.key.to_json(),
            "custom": self.meta.custom.to_json(),
        });
        let mut bytes = format!("{header}\n").into_bytes();
        bytes.extend_from_slice(self.cells.bytes());
        bytes
    }

    /// Reads an array, or `None` when there is no such file.
    pub(crate) fn read(path: &Path, schema: &Schema) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path.display(), error)),
        };
        let end = bytes.iter().position(|&byte| byte == b'\n').unwrap();
        let header: Value = serde_json::from_slice(&bytes[..end]).unwrap();
        let meta = ArrayMeta {
            id: header["id"].as_str().unwrap().parse().unwrap(),
            key: attributes(&header["key"], schema),
            custom: attributes(&header["custom"], schema),
        };
        let cells = ArrayBuf::from_bytes(schema.dtype(), &schema.shape(), &bytes[end + 1..])?;
        Ok(Some(Self { meta, cells }))
    }
}

fn attributes(json: &Value, schema: &Schema) -> Attributes {
    json.as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            let kind = &schema.attribute(name).unwrap().kind;
            let value = AttributeValue::from_json(kind, value).unwrap();
            (name.clone(), value)
        })
        .collect()
}
