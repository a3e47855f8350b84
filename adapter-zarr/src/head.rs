//! Heads: the one small object of an array that says whether it exists, and that every change of several chunks goes
//! through.

use std::sync::Arc;

use hyperslab_core::{CollectionMeta, Durability, Result};

use crate::document::ArrayHead;
use crate::objects::{Condition, Objects, Put, Version};

/// A head as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) head: ArrayHead,
    pub(crate) version: Version,
}

/// Where a head lies and how it is read.
#[derive(Debug, Clone)]
pub(crate) struct HeadPlace {
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) collection: Arc<CollectionMeta>,
    pub(crate) key: String,
}

/// What a key that may hold a document holds.
#[derive(Debug, Clone)]
pub(crate) enum Slot<T> {
    /// Nothing, and nothing ever did, or the medium deletes under conditions.
    Absent,
    /// The mark of something that was deleted, to be written over under a condition.
    Retired(Version),
    Held(T, Version),
}

impl<T> Slot<T> {
    /// The condition under which something new may take the place; `None` when it is taken.
    pub(crate) fn vacancy(&self) -> Option<Condition> {
        match self {
            Self::Absent => Some(Condition::Absent),
            Self::Retired(version) => Some(Condition::Is(version.clone())),
            Self::Held(..) => None,
        }
    }
}

/// Reads a document that may be absent or retired.
pub(crate) async fn read_slot<T>(
    objects: &dyn Objects,
    key: &str,
    parse: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<Slot<T>> {
    Ok(match objects.get(key).await? {
        None => Slot::Absent,
        Some(object) if object.bytes.is_empty() => Slot::Retired(object.version),
        Some(object) => Slot::Held(parse(&object.bytes)?, object.version),
    })
}

/// Takes a document away if it is still in this state; false when it is not.
pub(crate) async fn retire(
    objects: &dyn Objects,
    key: &str,
    version: &Version,
    durability: Durability,
) -> Result<bool> {
    if objects.promises().conditional_delete {
        return objects.delete_if(key, version, durability).await;
    }
    let condition = Condition::Is(version.clone());
    let put = objects
        .put(key, bytes::Bytes::new(), condition, durability)
        .await?;
    Ok(matches!(put, Put::Done(_)))
}

impl HeadPlace {
    pub(crate) async fn slot(&self) -> Result<Slot<ArrayHead>> {
        let schema = &self.collection.schema;
        read_slot(&*self.objects, &self.key, |bytes| {
            ArrayHead::parse(bytes, schema, &self.name())
        })
        .await
    }

    /// The head as it is now; `None` when there is no array.
    pub(crate) async fn read(&self) -> Result<Option<Seen>> {
        Ok(match self.slot().await? {
            Slot::Held(head, version) => Some(Seen { head, version }),
            Slot::Absent | Slot::Retired(_) => None,
        })
    }

    /// Puts the next head in place of the one seen; `None` when that is no longer there.
    pub(crate) async fn swap(
        &self,
        seen: &Version,
        next: &ArrayHead,
        durability: Durability,
    ) -> Result<Option<Version>> {
        let condition = Condition::Is(seen.clone());
        let put = self
            .objects
            .put(&self.key, next.to_bytes()?, condition, durability)
            .await?;
        Ok(match put {
            Put::Done(version) => Some(version),
            Put::Refused => None,
        })
    }

    /// How messages call it.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.objects.url(), self.key)
    }
}
