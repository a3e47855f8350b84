//! Arrays as they come, are found, and go.

use std::sync::Arc;

use futures::TryStreamExt;
use hyperslab_core::{
    ArrayEntry, ArrayLocator, Attributes, CollectionMeta, Durability, Error, ParsedStem, Result,
    parse_stem, stem,
};
use uuid::Uuid;

use super::{Store, is_same};
use crate::array::ZarrArray;
use crate::compute::all;
use crate::document::to_bytes;
use crate::head::{HeadPlace, Seen, Slot, retire};
use crate::layout::{self, Place};
use crate::objects::{Condition, Version};
use crate::process::Process;
use crate::storage::StoragePlan;

impl Store {
    /// Finds an array: where its head lies, and what it says.
    async fn locate(
        &self,
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
    ) -> Result<(Place, String, HeadPlace, Seen)> {
        let (place, stem, found) = match locator {
            ArrayLocator::Key(key) => {
                let stem = stem(key, Uuid::nil());
                self.look_up(collection, &stem).await?
            }
            ArrayLocator::Id(id) if collection.schema.key_attributes().next().is_none() => {
                let stem = stem(&Attributes::new(), *id);
                self.look_up(collection, &stem).await?
            }
            ArrayLocator::Id(id) => {
                let place = self.open(collection).await?;
                match self.id_slot(&place.id(*id)).await? {
                    Slot::Held(known, _) => {
                        let head = self.head(collection, &place, &known.stem);
                        let seen = head.read().await?;
                        let seen = seen.filter(|seen| seen.head.meta.id == *id);
                        (place, known.stem, seen.map(|seen| (head, seen)))
                    }
                    _ => (place, String::new(), None),
                }
            }
        };
        match found {
            Some((head, seen)) => Ok((place, stem, head, seen)),
            None => Err(Error::not_found(format!(
                "array {} does not exist in collection '{}'",
                match locator {
                    ArrayLocator::Key(key) => key.to_string(),
                    ArrayLocator::Id(id) => format!("id={id}"),
                },
                collection.name
            ))),
        }
    }

    /// Looks for a stem, asking for the collection and the array at once where the place is known.
    async fn look_up(
        &self,
        collection: &Arc<CollectionMeta>,
        stem: &str,
    ) -> Result<(Place, String, Option<(HeadPlace, Seen)>)> {
        let stem = stem.to_owned();
        if let Some(hint) = self.last_place(collection) {
            let head = self.head(collection, &hint, &stem);
            let (place, seen) = futures::join!(self.open(collection), head.read());
            let place = place?;
            // No index is used twice, so it was the same when the head was read.
            if place.index == hint.index {
                return Ok((place, stem, seen?.map(|seen| (head, seen))));
            }
        }
        let place = self.open(collection).await?;
        let head = self.head(collection, &place, &stem);
        let seen = head.read().await?;
        Ok((place, stem, seen.map(|seen| (head, seen))))
    }

    pub(crate) async fn open_array(
        &self,
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
    ) -> Result<ZarrArray> {
        let plan = StoragePlan::new(&collection.storage, &collection.schema)?;
        let (place, stem, head, seen) = self.locate(collection, locator).await?;
        ZarrArray::new(self, head, &place, &plan, stem, seen)
    }

    pub(crate) async fn delete_array(
        &self,
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
        durability: Durability,
    ) -> Result<()> {
        let (place, stem, head, found) = self.locate(collection, locator).await?;
        // A group without a head and without this was lost, not deleted.
        let remover = place.remover(&found.head.folder);
        let own = to_bytes(&Process::own())?;
        self.objects
            .put(&remover, own, Condition::None, durability)
            .await?;
        // Before the head goes: afterwards another array may have entered itself under the same identity.
        let held = self.held_id(&place, &found.head.meta, &stem).await?;
        let mut seen = found.clone();
        while !self.retire_head(&head, &seen.version, durability).await? {
            let now = head.read().await?;
            let now = now.filter(|now| is_same(&now.head, &found.head));
            seen = now.ok_or_else(|| {
                Error::not_found(format!(
                    "array {stem} of collection '{}' was deleted already",
                    collection.name
                ))
            })?;
        }
        if let Some(change) = &seen.head.change {
            let staged = place.staged_of(change.id, &change.writer);
            self.sweep(&staged, Durability::Relaxed).await?;
        }
        // Unless one of the same key and identity was made meanwhile.
        let now = head.read().await?;
        let meta = &seen.head.meta;
        if now.is_none_or(|now| now.head.meta.id != meta.id) {
            self.release_id(&place, meta, held, durability).await?;
        }
        let folder = &seen.head.folder;
        self.sweep(&place.marks(folder), Durability::Relaxed)
            .await?;
        // Gone for good before its remover is: a power cut must not bring it back alone.
        self.sweep(&place.group(folder), durability).await?;
        self.objects
            .delete(vec![remover], Durability::Relaxed)
            .await
    }

    async fn retire_head(
        &self,
        head: &HeadPlace,
        version: &Version,
        durability: Durability,
    ) -> Result<bool> {
        retire(&*self.objects, &head.key, version, durability).await
    }

    /// All arrays, by one listing. Only a key too long for a name is looked up.
    pub(crate) async fn list_arrays(
        &self,
        collection: &Arc<CollectionMeta>,
    ) -> Result<Vec<ArrayEntry>> {
        let place = self.open(collection).await?;
        let heads: Vec<_> = self.objects.list(&place.heads()).try_collect().await?;
        let mut entries = Vec::with_capacity(heads.len());
        let mut hashed = Vec::new();
        for listed in heads.iter().filter(|listed| listed.size > 0) {
            let Some(stem) = layout::document_name(&listed.key) else {
                continue;
            };
            match parse_stem(&collection.schema, stem) {
                Some(ParsedStem::Key(key)) => entries.push(ArrayEntry { key, id: None }),
                Some(ParsedStem::Id(id)) => entries.push(ArrayEntry {
                    key: Attributes::new(),
                    id: Some(id),
                }),
                Some(ParsedStem::Hashed) => hashed.push(stem.to_owned()),
                None => {}
            }
        }
        let looks = hashed.iter().map(|stem| {
            let head = self.head(collection, &place, stem);
            async move { head.read().await }
        });
        let hashed: Vec<Option<Seen>> = all(looks).await?;
        entries.extend(hashed.into_iter().flatten().map(|seen| ArrayEntry {
            key: seen.head.meta.key,
            id: Some(seen.head.meta.id),
        }));
        Ok(entries)
    }
}
