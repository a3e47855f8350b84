//! A new array: everything of it is put where nobody looks, then the head makes it one.

use std::sync::Arc;

use hyperslab_core::{
    ArrayBuf, ArrayMeta, Attributes, CollectionMeta, Durability, Error, ErrorKind, Hyperslab,
    Result, WriteData, WriteOptions, stem,
};
use hyperslab_engine::SlabWrite;
use uuid::Uuid;

use super::Store;
use crate::compute::{all, compute, in_flight, some};
use crate::document::{ArrayHead, to_bytes};
use crate::edit::{ObjectCodec, ObjectEdit};
use crate::head::{HeadPlace, retire};
use crate::layout::{self, Place};
use crate::nodes;
use crate::objects::body::Body;
use crate::objects::{Condition, Put, Version};
use crate::process::Process;
use crate::storage::StoragePlan;
use crate::stored::{self, Stored};

/// So many objects are put together as half of what may be under way, and so many times.
const BATCHES: usize = 3;

/// An array that is being created.
struct Creation<'a> {
    store: &'a Store,
    collection: &'a Arc<CollectionMeta>,
    place: Place,
    stem: String,
    head: HeadPlace,
    next: ArrayHead,
    durability: Durability,
}

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
        let mut creation = Creation {
            store: self,
            collection,
            head: self.head(collection, &place, &stem),
            next: ArrayHead {
                meta: array.clone(),
                folder: place.new_folder(&stem),
                generation: 0,
                stored: Stored::default(),
                change: None,
            },
            place,
            stem,
            durability: options.durability,
        };
        creation.run(data).await
    }
}

impl Creation<'_> {
    async fn run(&mut self, data: Option<ArrayBuf>) -> Result<()> {
        let vacancy = self.head.slot().await?.vacancy();
        let vacancy = vacancy.ok_or_else(|| self.exists())?;
        // Says that the group is being made, so that a check does not take it for a leftover.
        self.put(&self.maker(), to_bytes(&Process::own())?).await?;
        if let Err(error) = self.put_group(data).await {
            // A medium that does not answer would only be waited for again; a check finds what was put.
            if error.kind() != ErrorKind::Unavailable {
                self.forget().await;
            }
            return Err(error);
        }
        if !self.claim_id().await? {
            self.forget().await;
            return Err(self.exists());
        }
        let bytes = self.next.to_bytes()?;
        let objects = &self.store.objects;
        match objects
            .put(&self.head.key, bytes, vacancy, self.durability)
            .await?
        {
            Put::Done(version) => self.stay(&version).await,
            Put::Refused => {
                self.give_id_back().await?;
                self.forget().await;
                Err(self.exists())
            }
        }
    }

    fn maker(&self) -> String {
        self.place.maker(&self.next.folder)
    }

    fn group(&self) -> String {
        self.place.group(&self.next.folder)
    }

    fn exists(&self) -> Error {
        let name = describe(&self.next.meta.key, self.next.meta.id);
        let collection = &self.collection.name;
        Error::already_exists(format!(
            "array {name} exists already in collection '{collection}'"
        ))
    }

    /// Puts an object that nobody else puts.
    async fn put(&self, key: &str, bytes: bytes::Bytes) -> Result<()> {
        let put = self
            .store
            .objects
            .put(key, bytes, Condition::None, self.durability);
        put.await.map(drop)
    }

    /// Puts everything of the array but its head: what the schema says together with the first cells, then the rest.
    async fn put_group(&mut self, data: Option<ArrayBuf>) -> Result<()> {
        let schema = &self.collection.schema;
        let plan = StoragePlan::new(&self.collection.storage, schema)?;
        let made = nodes::made(self.collection, &plan, &self.next.meta)?;
        let made = nodes::keyed(&self.group(), made);
        let (objects, durability) = (&self.store.objects, self.durability);
        let Some(cells) = data else {
            return objects.put_new(made, durability).await;
        };
        let codec = Arc::new(nodes::object_codec(schema, &plan)?);
        let variable = nodes::variable_name(self.collection, &plan);
        let variable = format!("{}/{variable}", self.group());
        let whole = Hyperslab::full(codec.layout.shape());
        let edits = codec.edits(&[SlabWrite::new(&whole, WriteData::Cells(cells))]);
        let batch_size = in_flight(&**objects, codec.object_bytes()) / 2;
        let (first, rest) = edits.split_at(edits.len().min(batch_size));
        let batches = std::iter::once((made, first))
            .chain(rest.chunks(batch_size).map(|rest| (Vec::new(), rest)));
        // Collected first, as in `all`.
        let puts: Vec<_> = batches
            .map(|(mut batch, edits)| {
                let encoded = encode(&codec, &variable, edits, objects.files().is_some());
                async move {
                    let (stored, encoded): (Vec<u64>, Vec<_>) = encoded.await?.into_iter().unzip();
                    batch.extend(encoded);
                    objects.put_new(batch, durability).await?;
                    Ok(stored)
                }
            })
            .collect();
        let stored: Vec<Vec<u64>> = some(BATCHES, puts).await?;
        self.record(&stored.concat()).await
    }

    /// Notes which objects are stored.
    async fn record(&mut self, objects: &[u64]) -> Result<()> {
        let head = &mut self.next;
        match head.stored.with(objects) {
            Some(stored) => head.stored = stored,
            None => {
                let medium = &*self.store.objects;
                stored::mark(medium, &self.place, &head.folder, objects).await?;
            }
        }
        Ok(())
    }

    async fn claim_id(&self) -> Result<bool> {
        let (store, collection) = (self.store, self.collection);
        store
            .claim_id(
                collection,
                &self.place,
                &self.next.meta,
                &self.stem,
                self.durability,
            )
            .await
    }

    /// Takes the identity away again, unless the array that was faster has the same.
    async fn give_id_back(&self) -> Result<()> {
        let winner = self.head.read().await?;
        let id = self.next.meta.id;
        if winner.is_some_and(|winner| winner.head.meta.id == id) {
            return Ok(());
        }
        let (place, meta) = (&self.place, &self.next.meta);
        let held = self.store.held_id(place, meta, &self.stem).await?;
        let released = self.store.release_id(place, meta, held, self.durability);
        released.await
    }

    /// Forgets what was put. What cannot be deleted is found by a check.
    async fn forget(&self) {
        let marks = self.place.marks(&self.next.folder);
        let _ = self.store.sweep(&marks, Durability::Relaxed).await;
        // The maker last: a group without one, and without a head, looks like an array that was lost.
        if self
            .store
            .sweep(&self.group(), self.durability)
            .await
            .is_ok()
        {
            let _ = self.forget_maker().await;
        }
    }

    async fn forget_maker(&self) -> Result<()> {
        let keys = vec![self.maker()];
        self.store.objects.delete(keys, Durability::Relaxed).await
    }

    /// Takes the array back if its collection was emptied or deleted while it was made, or a repair took it for a leftover.
    async fn stay(&self, version: &Version) -> Result<()> {
        // In this order: a collection that is deleted takes its makers along, after itself.
        let maker = self.store.objects.version(&self.maker()).await?;
        match self.store.open(self.collection).await {
            Ok(now) if now.index == self.place.index && maker.is_some() => {
                self.forget_maker().await
            }
            Ok(now) if now.index == self.place.index => {
                self.take_back(version).await?;
                Err(Error::unavailable(format!(
                    "a check with repair took the new array {} for a leftover of a dead process; create it again",
                    describe(&self.next.meta.key, self.next.meta.id)
                )))
            }
            // Emptied: it was created before that, and went with the others.
            Ok(_) => self.take_back(version).await,
            Err(error) => {
                self.take_back(version).await?;
                Err(error)
            }
        }
    }

    async fn take_back(&self, version: &Version) -> Result<()> {
        let objects = &*self.store.objects;
        if retire(objects, &self.head.key, version, self.durability).await? {
            self.give_id_back().await?;
        }
        // Under an index that is gone not even marks of what was deleted stay.
        if !matches!(self.store.open(self.collection).await, Ok(now) if now.index == self.place.index)
        {
            self.store.clean(&self.place).await?;
        }
        self.forget().await;
        Ok(())
    }
}

/// Objects of the data variable as they are first made, with their numbers; those of nothing but fill are left out.
async fn encode(
    codec: &Arc<ObjectCodec>,
    variable: &str,
    edits: &[Arc<ObjectEdit>],
    in_rows: bool,
) -> Result<Vec<(u64, (String, Body))>> {
    let encoded = edits.iter().map(|edit| async move {
        let number = edit.object;
        let key = layout::chunk(variable, &codec.layout.objects().position(number));
        let (codec, edit) = (Arc::clone(codec), Arc::clone(edit));
        let made = compute(codec.object_bytes(), move || codec.make(&edit, in_rows));
        Ok(made.await?.map(|body| (number, (key, body))))
    });
    Ok(all(encoded).await?.into_iter().flatten().collect())
}

fn describe(key: &Attributes, id: Uuid) -> String {
    if key.is_empty() {
        return format!("id={id}");
    }
    format!("{key} (id {id})")
}
