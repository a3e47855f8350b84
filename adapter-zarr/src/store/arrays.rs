//! Arrays as they come, are found, and go.

use std::sync::Arc;

use futures::TryStreamExt;
use hyperslab_core::{
    ArrayBuf, ArrayEntry, ArrayLocator, ArrayMeta, Attributes, CollectionMeta, Durability, Error,
    Hyperslab, ParsedStem, Result, WriteOptions, parse_stem, stem,
};
use uuid::Uuid;

use super::{Store, is_same};
use crate::array::ZarrArray;
use crate::compute::{all, compute};
use crate::document::{ArrayHead, IdDocument, to_bytes};
use crate::edit::ObjectCodec;
use crate::head::{HeadPlace, Seen, Slot, read_slot, retire};
use crate::layout::{self, Place};
use crate::nodes;
use crate::objects::{Condition, Put, Version};
use crate::storage::StoragePlan;
use crate::writer::Writer;

impl Store {
    pub(crate) async fn create_array(
        &self,
        collection: &Arc<CollectionMeta>,
        array: &ArrayMeta,
        data: Option<ArrayBuf>,
        options: &WriteOptions,
    ) -> Result<()> {
        if let Some(data) = &data {
            collection.schema.check_new(data)?;
        }
        let stem = stem(&array.key, array.id);
        let place = self.open(collection).await?;
        let head = self.head(collection, &place, &stem);
        let exists = || {
            Error::already_exists(format!(
                "array {} exists already in collection '{}'",
                describe(&array.key, array.id),
                collection.name
            ))
        };
        let condition = head.slot().await?.vacancy().ok_or_else(exists)?;
        let folder = place.new_folder(&stem);
        let group = place.group(&folder);
        // Says that the group is being made, so that a check does not take it for a leftover.
        let maker = place.maker(&folder);
        let made = self.objects.put(
            &maker,
            to_bytes(Writer::this())?,
            Condition::Absent,
            options.durability,
        );
        made.await?;
        self.put_cells(collection, &place, &folder, array, data, options.durability)
            .await?;
        let next = ArrayHead {
            meta: array.clone(),
            folder: folder.clone(),
            generation: 0,
            change: None,
        };
        let claimed = self
            .claim_id(collection, &place, &next, &stem, options.durability)
            .await;
        let published = match claimed {
            Ok(true) => {
                let bytes = next.to_bytes()?;
                let put = self
                    .objects
                    .put(&head.key, bytes, condition, options.durability);
                put.await.map(|put| put != Put::Refused)
            }
            other => other,
        };
        match published {
            Ok(true) => {
                self.stay_with(collection, &place, &head, &next).await?;
                self.objects.delete(vec![maker]).await
            }
            Ok(false) => {
                self.release_id(&place, &next, &stem, options.durability)
                    .await?;
                self.sweep(&group).await?;
                self.objects.delete(vec![maker]).await?;
                Err(exists())
            }
            // Whether it exists is not known; a check finds what was left.
            Err(error) => Err(error),
        }
    }

    /// Takes a new array back if its collection was emptied or deleted while it was made.
    async fn stay_with(
        &self,
        collection: &Arc<CollectionMeta>,
        place: &Place,
        head: &HeadPlace,
        made: &ArrayHead,
    ) -> Result<()> {
        let maker = place.maker(&made.folder);
        // In this order: a collection that is deleted takes its makers along, after itself.
        let maker = self.objects.version(&maker).await?;
        match self.open(collection).await {
            // Emptied: it was created before that, and went with the others.
            Ok(now) if now.index != place.index => self.take_back(place, head, made).await,
            Ok(_) if maker.is_none() => {
                self.take_back(place, head, made).await?;
                Err(Error::unavailable(format!(
                    "a check with repair took the new array {} for a leftover of a dead process; create it again",
                    describe(&made.meta.key, made.meta.id)
                )))
            }
            Ok(_) => Ok(()),
            Err(error) => {
                self.take_back(place, head, made).await?;
                Err(error)
            }
        }
    }

    async fn take_back(&self, place: &Place, head: &HeadPlace, made: &ArrayHead) -> Result<()> {
        let maker = place.maker(&made.folder);
        let keys = vec![head.key.clone(), place.id(made.meta.id), maker];
        self.objects.delete(keys).await?;
        self.sweep(&place.group(&made.folder)).await
    }

    /// Puts everything of a new array but its head.
    async fn put_cells(
        &self,
        collection: &Arc<CollectionMeta>,
        place: &Place,
        folder: &str,
        array: &ArrayMeta,
        data: Option<ArrayBuf>,
        durability: Durability,
    ) -> Result<()> {
        let plan = StoragePlan::new(&collection.storage, &collection.schema)?;
        let group = place.group(folder);
        if let Some(cells) = data {
            let codec = Arc::new(nodes::object_codec(&collection.schema, &plan)?);
            let variable = nodes::variable_name(collection, &plan);
            let variable = format!("{group}/{variable}");
            self.put_chunks(&codec, &variable, cells, durability)
                .await?;
        }
        let made = nodes::made(collection, &plan, array)?;
        nodes::put(&*self.objects, &group, made, durability).await
    }

    async fn put_chunks(
        &self,
        codec: &Arc<ObjectCodec>,
        variable: &str,
        cells: ArrayBuf,
        durability: Durability,
    ) -> Result<()> {
        let whole = Hyperslab::full(codec.layout.shape());
        let size = codec.codecs.byte_count();
        let cells = Arc::new(cells);
        let puts = codec.layout.objects_of(&whole).into_iter().map(|object| {
            let position = codec.layout.objects().position(object.object);
            let key = layout::chunk(variable, &position);
            let (codec, cells) = (Arc::clone(codec), Arc::clone(&cells));
            let encode = move || codec.first(object.object, &cells);
            async move {
                if let Some(bytes) = compute(size, encode).await? {
                    self.objects
                        .put(&key, bytes, Condition::None, durability)
                        .await?;
                }
                Ok(())
            }
        });
        all(puts).await.map(drop)
    }

    /// Enters the identity of an array that has a key; false when another array has it.
    async fn claim_id(
        &self,
        collection: &Arc<CollectionMeta>,
        place: &Place,
        head: &ArrayHead,
        stem: &str,
        durability: Durability,
    ) -> Result<bool> {
        if head.meta.key.is_empty() {
            return Ok(true);
        }
        let key = place.id(head.meta.id);
        let document = to_bytes(&IdDocument::new(stem, &head.folder))?;
        let mut condition = Condition::Absent;
        loop {
            let put = self
                .objects
                .put(&key, document.clone(), condition, durability);
            if put.await? != Put::Refused {
                return Ok(true);
            }
            match self.id_slot(&key).await? {
                Slot::Held(known, version) => {
                    let other = self.head(collection, place, &known.stem).read().await?;
                    let taken = other.is_some_and(|other| other.head.meta.id == head.meta.id);
                    // One of the same key is decided by the head. One that was left by a crash looks like one that is about
                    // to be made, so it is not touched.
                    if taken || known.stem != stem {
                        return Ok(false);
                    }
                    condition = Condition::Is(version);
                }
                slot => match slot.vacancy() {
                    Some(vacant) => condition = vacant,
                    None => return Ok(false),
                },
            }
        }
    }

    /// Enters the identity of an array that exists.
    pub(crate) async fn enter_id(&self, place: &Place, head: &ArrayHead, stem: &str) -> Result<()> {
        let key = place.id(head.meta.id);
        let condition = match self.id_slot(&key).await {
            Ok(slot) => slot.vacancy(),
            Err(_) => self.objects.version(&key).await?.map(Condition::Is),
        };
        let Some(condition) = condition else {
            return Err(Error::conflict("another array has its identity"));
        };
        let document = to_bytes(&IdDocument::new(stem, &head.folder))?;
        let put = self
            .objects
            .put(&key, document, condition, Durability::Synced);
        put.await.map(drop)
    }

    async fn id_slot(&self, key: &str) -> Result<Slot<IdDocument>> {
        read_slot(&*self.objects, key, |bytes| {
            IdDocument::parse(bytes, &format!("{}/{key}", self.objects.url()))
        })
        .await
    }

    /// Takes the identity of an array away, if it is still this array's.
    pub(crate) async fn release_id(
        &self,
        place: &Place,
        head: &ArrayHead,
        stem: &str,
        durability: Durability,
    ) -> Result<()> {
        if head.meta.key.is_empty() {
            return Ok(());
        }
        let key = place.id(head.meta.id);
        if let Slot::Held(known, version) = self.id_slot(&key).await?
            && known.stem == stem
            && known.folder == head.folder
        {
            retire(&*self.objects, &key, &version, durability).await?;
        }
        Ok(())
    }

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
        ZarrArray::new(collection, head, &place, &plan, stem, seen)
    }

    pub(crate) async fn delete_array(
        &self,
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
        durability: Durability,
    ) -> Result<()> {
        let (place, stem, head, found) = self.locate(collection, locator).await?;
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
            self.sweep(&place.staged_of(change.id, &change.writer))
                .await?;
        }
        self.release_id(&place, &seen.head, &stem, durability)
            .await?;
        self.sweep(&place.group(&seen.head.folder)).await
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

pub(crate) fn describe(key: &Attributes, id: Uuid) -> String {
    if key.is_empty() {
        return format!("id={id}");
    }
    format!("{key} (id {id})")
}
