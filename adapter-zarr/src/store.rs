//! An open store: what every call of the adapter needs.

mod arrays;
mod collections;
mod create;
mod ids;

use std::sync::Arc;

use hyperslab_core::name::check_collection_name;
use hyperslab_core::{CollectionMeta, Error, LockManager, Result};
use uuid::Uuid;

use crate::document::{ArrayHead, CollectionDocument};
use crate::head::{HeadPlace, Slot, read_slot};
use crate::layout::{self, Place};
use crate::objects::Objects;

/// An open store.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) id: Uuid,
    pub(crate) locks: Arc<dyn LockManager>,
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
        match self.collection_slot(&collection.name).await? {
            Slot::Held(document, _) if document.id == collection.id => Ok(Place {
                collection: collection.name.clone(),
                index: document.index,
            }),
            _ => Err(self.missing(&collection.name)),
        }
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
    pub(crate) async fn sweep(&self, prefix: &str) -> Result<()> {
        use futures::TryStreamExt;
        let keys: Vec<String> = (self.objects.list(prefix))
            .map_ok(|listed| listed.key)
            .try_collect()
            .await?;
        self.objects.delete(keys).await
    }
}

/// Whether a head is of the array that was created, and not of another one of its key.
pub(crate) fn is_same(one: &ArrayHead, other: &ArrayHead) -> bool {
    one.meta.id == other.meta.id && one.folder == other.folder
}
