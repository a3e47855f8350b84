//! An open store: what every call of the adapter needs.

mod arrays;
mod collections;
mod create;
mod ids;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyperslab_core::name::check_collection_name;
use hyperslab_core::{CollectionMeta, Durability, Error, LockManager, Result};
use hyperslab_engine::Engine;
use uuid::Uuid;

use crate::cells::Memory;
use crate::document::{ArrayHead, CollectionDocument};
use crate::head::{HeadPlace, Slot, read_slot};
use crate::layout::{self, Place};
use crate::objects::{Objects, Version};

/// So many collections are remembered.
const PLACES_MAX: usize = 1000;

/// An open store.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) id: Uuid,
    pub(crate) locks: Arc<dyn LockManager>,
    /// What decodes and keeps chunks.
    pub(crate) engine: Arc<Engine>,
    /// The states of objects that reads have seen.
    pub(crate) known: Arc<Memory>,
    /// Where the arrays of collections were when they were last looked for, and the state of the document that said so, by the
    /// identity of the collection: a hint that saves the wait for one request before another.
    pub(crate) places: Mutex<HashMap<Uuid, (Place, Version)>>,
}

impl Store {
    fn missing(&self, name: &str) -> Error {
        Error::not_found(format!(
            "collection '{name}' does not exist in {}",
            self.objects.url()
        ))
    }

    /// The document of a collection.
    pub(crate) async fn collection_slot(&self, name: &str) -> Result<Slot<CollectionDocument>> {
        if check_collection_name(name).is_err() {
            return Ok(Slot::Absent);
        }
        let key = layout::collection_document(name);
        read_slot(&*self.objects, &key, |bytes| {
            CollectionDocument::parse(bytes, &format!("{}/{key}", self.objects.url()))
        })
        .await
    }

    /// Makes sure that the collection is still the one of this name, and says where its arrays are.
    pub(crate) async fn open(&self, collection: &CollectionMeta) -> Result<Place> {
        // A document that is the same says the same. A server takes as long to tell its version as to send it, and says less of what
        // is wrong when it refuses.
        let known = self.places().get(&collection.id).cloned();
        if let Some((place, version)) = known.filter(|_| self.objects.files().is_some()) {
            let key = layout::collection_document(&collection.name);
            if self.objects.version(&key).await? == Some(version) {
                return Ok(place);
            }
        }
        match self.collection_slot(&collection.name).await? {
            Slot::Held(document, version) if document.id == collection.id => {
                Ok(self.remember(&document, version))
            }
            _ => Err(self.missing(&collection.name)),
        }
    }

    /// Where the arrays of a collection are, for the next time.
    pub(crate) fn remember(&self, document: &CollectionDocument, version: Version) -> Place {
        let place = document.place();
        let mut places = self.places();
        if places.len() >= PLACES_MAX {
            places.clear();
        }
        places.insert(document.id, (place.clone(), version));
        place
    }

    /// Where the arrays of a collection were.
    pub(crate) fn last_place(&self, collection: &CollectionMeta) -> Option<Place> {
        let places = self.places();
        places.get(&collection.id).map(|(place, _)| place.clone())
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Uuid, (Place, Version)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the head of the array of that stem lies.
    pub(crate) fn head(
        &self,
        collection: &Arc<CollectionMeta>,
        place: &Place,
        stem: &str,
    ) -> HeadPlace {
        HeadPlace {
            objects: Arc::clone(&self.objects),
            collection: Arc::clone(collection),
            key: place.head(stem),
        }
    }

    /// Deletes every object under a prefix.
    pub(crate) async fn sweep(&self, prefix: &str, durability: Durability) -> Result<()> {
        use futures::TryStreamExt;
        let keys: Vec<String> = (self.objects.list(prefix))
            .map_ok(|listed| listed.key)
            .try_collect()
            .await?;
        self.objects.delete(keys, durability).await
    }
}

/// Whether a head is of the array that was created, and not of another one of its key.
pub(crate) fn is_same(one: &ArrayHead, other: &ArrayHead) -> bool {
    one.meta.id == other.meta.id && one.folder == other.folder
}
