//! What a store in memory holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::{
    ArrayBuf, ArrayEntry, ArrayLocator, ArrayMeta, Attributes, CollectionMeta, Error, Result,
};

/// All collections, behind one mutex: every change is one step that everybody sees whole.
#[derive(Debug, Default)]
pub(super) struct State {
    collections: Mutex<BTreeMap<String, Collection>>,
}

#[derive(Debug)]
struct Collection {
    meta: CollectionMeta,
    arrays: Arrays,
}

/// The arrays of one collection, by id and, if they have a key, by key.
#[derive(Debug, Default)]
pub(super) struct Arrays {
    by_id: BTreeMap<Uuid, Stored>,
    by_key: BTreeMap<String, Uuid>,
}

/// One array. Its cells are shared with those who are reading them, and replaced, never changed.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) meta: ArrayMeta,
    pub(super) cells: Arc<ArrayBuf>,
}

impl State {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Collection>> {
        // A panic of another task leaves the maps valid: each change is one call.
        self.collections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn create_collection(&self, meta: &CollectionMeta) -> Result<()> {
        let mut collections = self.locked();
        if collections.contains_key(&meta.name) {
            return Err(Error::already_exists(format!(
                "collection '{}' exists already in memory://",
                meta.name
            )));
        }
        let collection = Collection {
            meta: meta.clone(),
            arrays: Arrays::default(),
        };
        collections.insert(meta.name.clone(), collection);
        Ok(())
    }

    pub(super) fn read_collection(&self, name: &str) -> Option<CollectionMeta> {
        self.locked()
            .get(name)
            .map(|collection| collection.meta.clone())
    }

    pub(super) fn list_collections(&self) -> Vec<String> {
        self.locked().keys().cloned().collect()
    }

    pub(super) fn delete_collection(&self, name: &str) -> Result<()> {
        let removed = self.locked().remove(name);
        removed.map(drop).ok_or_else(|| missing_collection(name))
    }

    /// Does something with the arrays of a collection while nobody else can. A collection of the same name that was
    /// created later is another one.
    pub(super) fn with_arrays<T>(
        &self,
        collection: &CollectionMeta,
        work: impl FnOnce(&mut Arrays) -> Result<T>,
    ) -> Result<T> {
        match self.locked().get_mut(&collection.name) {
            Some(known) if known.meta.id == collection.id => work(&mut known.arrays),
            _ => Err(missing_collection(&collection.name)),
        }
    }
}

impl Arrays {
    pub(super) fn insert(&mut self, stored: Stored) -> Result<()> {
        let id = stored.meta.id;
        let key = key_text(&stored.meta.key);
        if self.by_id.contains_key(&id) {
            return Err(Error::already_exists(format!("array {id} exists already")));
        }
        if !stored.meta.key.is_empty() {
            if self.by_key.contains_key(&key) {
                return Err(Error::already_exists(format!(
                    "array '{}' exists already",
                    stored.meta.key
                )));
            }
            self.by_key.insert(key, id);
        }
        self.by_id.insert(id, stored);
        Ok(())
    }

    pub(super) fn find(&self, locator: &ArrayLocator) -> Result<Uuid> {
        let found = match locator {
            ArrayLocator::Id(id) => self.by_id.get_key_value(id).map(|(id, _)| *id),
            ArrayLocator::Key(key) => self.by_key.get(&key_text(key)).copied(),
        };
        found.ok_or_else(|| match locator {
            ArrayLocator::Id(id) => missing_array(*id),
            ArrayLocator::Key(key) => Error::not_found(format!("array '{key}' does not exist")),
        })
    }

    pub(super) fn get(&mut self, id: Uuid) -> Result<&mut Stored> {
        self.by_id.get_mut(&id).ok_or_else(|| missing_array(id))
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Result<()> {
        let removed = self.by_id.remove(&id).ok_or_else(|| missing_array(id))?;
        self.by_key.remove(&key_text(&removed.meta.key));
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.by_id.values()
    }

    pub(super) fn entries(&self) -> Vec<ArrayEntry> {
        self.iter()
            .map(|stored| ArrayEntry {
                key: stored.meta.key.clone(),
                id: Some(stored.meta.id),
            })
            .collect()
    }
}

/// Keys of one schema have equal texts when they are equal.
fn key_text(key: &Attributes) -> String {
    key.to_json().to_string()
}

fn missing_array(id: Uuid) -> Error {
    Error::not_found(format!("array {id} does not exist"))
}

pub(super) fn missing_collection(name: &str) -> Error {
    Error::not_found(format!("collection '{name}' does not exist in memory://"))
}
