//! A variable as a collection of one array.

use hyperslab_core::{
    ArrayEntry, ArrayLocator, ArrayMeta, CollectionMeta, Error, Result, StorageExplanation,
    StorageOptions, box_bytes,
};
use uuid::Uuid;

use crate::foreign::{ForeignArray, ForeignGroup, ImportOptions, plan_import};

/// A variable, opened: all that is known of it but its cells.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) array: ForeignArray,
    pub(super) collection: CollectionMeta,
    pub(super) meta: ArrayMeta,
}

impl Variable {
    /// Opens the variable of a path and reads its coordinates. Blocks.
    pub(super) fn open(group: &dyn ForeignGroup, url: &str, path: &str) -> Result<Self> {
        let array = ForeignArray::open(group, path, ImportOptions::default())?;
        let plan = plan_import(&array)?;
        for note in plan.notes {
            tracing::debug!("variable '{path}' of {url}: {note}");
        }
        let place = format!("{url}/{}", array.name());
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, place.as_bytes());
        Ok(Self {
            collection: CollectionMeta {
                name: array.name().to_owned(),
                id,
                schema: plan.schema,
                storage: StorageOptions::new(),
            },
            meta: ArrayMeta {
                id: Uuid::new_v5(&id, b"array"),
                key: plan.key,
                custom: plan.custom,
            },
            array,
        })
    }

    pub(super) fn entry(&self) -> ArrayEntry {
        ArrayEntry {
            key: self.meta.key.clone(),
            id: Some(self.meta.id),
        }
    }

    /// Makes sure that the only array is the one that is meant.
    pub(super) fn check_locator(&self, locator: &ArrayLocator) -> Result<()> {
        let wanted = match locator {
            ArrayLocator::Key(key) if *key == self.meta.key => return Ok(()),
            ArrayLocator::Id(id) if *id == self.meta.id => return Ok(()),
            ArrayLocator::Key(key) => key.to_string(),
            ArrayLocator::Id(id) => id.to_string(),
        };
        Err(Error::not_found(format!(
            "array '{wanted}' does not exist in '{}'; its only one is '{}'",
            self.collection.name, self.meta.key
        )))
    }

    pub(super) fn explain(&self) -> StorageExplanation {
        let whole = self.array.shape();
        let chunk = self.array.chunk_shape().unwrap_or(whole);
        let chunk_shape: Vec<u64> = chunk.iter().map(|&length| length.max(1)).collect();
        StorageExplanation {
            chunk_bytes: box_bytes(&chunk_shape, self.array.dtype().size()),
            chunk_shape,
            shard_shape: None,
            tile_shape: None,
            codecs: Vec::new(),
            objects_per_array: 0,
            object_bytes: 0,
            reasons: vec![
                "Another program has chosen the chunks; what they lie in and how they are coded is not told here."
                    .to_owned(),
            ],
        }
    }
}
