//! An open array: the handle, and what reading and writing share.

mod object;
mod read;
mod settle;
mod write;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayMeta, Attributes, CollectionMeta, Durability, Error, Hyperslab,
    ReadPlan, Result, WriteData, WriteOptions,
};
use hyperslab_engine::{ObjectId, Publish, SlabWrite, WriteBack};
use uuid::Uuid;

use crate::cells::{Cells, Form, IndexPlace};
use crate::compute::{all, on_one_thread};
use crate::document::Change;
use crate::edit::ObjectCodec;
use crate::head::{HeadPlace, Seen};
use crate::layout::{self, Place};
use crate::nodes;
use crate::objects::Objects;
use crate::pause::Backoff;
use crate::storage::StoragePlan;
use crate::store::Store;

/// An open array.
#[derive(Debug, Clone)]
pub(crate) struct ZarrArray {
    shared: Arc<Shared>,
    /// Writes that were accepted and not published.
    kept: Arc<WriteBack<Shared>>,
}

#[derive(Debug)]
struct Shared {
    head: HeadPlace,
    place: Place,
    id: Uuid,
    stem: String,
    folder: String,
    /// The path of the data variable.
    variable: String,
    codec: Arc<ObjectCodec>,
    /// The head as this handle last saw it.
    seen: Mutex<Seen>,
    cells: Arc<Cells>,
    /// Objects that this handle has marked as stored.
    marked: Mutex<HashSet<u64>>,
}

impl ZarrArray {
    pub(crate) fn new(
        store: &Store,
        head: HeadPlace,
        place: &Place,
        plan: &StoragePlan,
        stem: String,
        seen: Seen,
    ) -> Result<Self> {
        let variable = nodes::variable_name(&head.collection, plan);
        let variable = format!("{}/{variable}", place.group(&seen.head.folder));
        let codec = nodes::object_codec(&head.collection.schema, plan)?;
        let cells = Cells::new(
            form(&codec, variable.clone()),
            Arc::clone(&head.objects),
            Arc::clone(&store.engine),
            Arc::clone(&store.known),
        );
        let shared = Arc::new(Shared {
            place: place.clone(),
            id: seen.head.meta.id,
            stem,
            folder: seen.head.folder.clone(),
            variable,
            codec: Arc::new(codec),
            head,
            seen: Mutex::new(seen),
            cells: Arc::new(cells),
            marked: Mutex::default(),
        });
        Ok(Self {
            kept: Arc::new(WriteBack::new(Arc::clone(&shared))),
            shared,
        })
    }
}

/// How the objects of an array of ours are read.
fn form(codec: &ObjectCodec, variable: String) -> Form {
    Form {
        layout: codec.layout.clone(),
        index: codec.layout.is_sharded().then_some(IndexPlace::End),
        codecs: Box::new(codec.codecs.clone()),
        chunk_bytes: codec.codecs.byte_count(),
        fill: codec.fill.to_bytes(),
        key: Box::new(move |position| layout::chunk(&variable, position)),
        // No two arrays ever have the same folder, and none is ever stored in another way.
        recipe: ObjectId::of(&"ours"),
        is_ours: true,
    }
}

impl ZarrArray {
    /// Under which its chunks and shards lie.
    pub(crate) fn cells(&self) -> String {
        format!("{}/c", self.shared.variable)
    }

    pub(crate) fn codec(&self) -> Arc<ObjectCodec> {
        Arc::clone(&self.shared.codec)
    }

    /// Does what the writer of a change has not done.
    pub(crate) async fn finish(&self, seen: Seen, change: &Change) -> Result<()> {
        self.shared.finish(seen, change).await
    }

    /// Gives up a change that cannot be finished, because its cells are lost: those that reached no object never will.
    pub(crate) async fn give_up(&self, seen: Seen) -> Result<()> {
        self.shared.conclude(seen, &[], Durability::Synced).await
    }
}

impl Shared {
    fn objects(&self) -> &dyn Objects {
        &*self.head.objects
    }

    fn collection(&self) -> &CollectionMeta {
        &self.head.collection
    }

    fn object_key(&self, object: u64) -> String {
        layout::chunk(
            &self.variable,
            &self.codec.layout.objects().position(object),
        )
    }

    /// The head as it is now.
    ///
    /// # Errors
    /// `NotFound` when the array was deleted, also when another one has its key now.
    async fn look(&self) -> Result<Seen> {
        let seen = self.head.read().await?;
        let seen =
            seen.filter(|seen| seen.head.meta.id == self.id && seen.head.folder == self.folder);
        let seen = seen.ok_or_else(|| self.deleted())?;
        self.remember(seen.clone());
        Ok(seen)
    }

    fn remember(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    fn last_seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn name(&self) -> String {
        format!(
            "array {} of collection '{}'",
            self.stem, self.place.collection
        )
    }

    fn deleted(&self) -> Error {
        Error::not_found(format!("{} was deleted", self.name()))
    }
}

#[async_trait]
impl Publish for Shared {
    fn name(&self) -> String {
        self.name()
    }

    async fn look(&self) -> Result<()> {
        self.look().await.map(drop)
    }

    async fn publish(&self, writes: &[Arc<SlabWrite>], options: &WriteOptions) -> Result<()> {
        self.write_all(writes, options).await
    }
}

#[async_trait]
impl ArrayHandle for ZarrArray {
    async fn meta(&self) -> Result<ArrayMeta> {
        Ok(self.shared.look().await?.head.meta)
    }

    async fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        let schema = &self.shared.collection().schema;
        schema.check_read(slab, &out)?;
        // Before the read: what is flushed meanwhile must be in one of the two.
        let kept = self.kept.writes();
        let mut read = self.shared.read_into(slab, out).await?;
        for write in &kept {
            write.data.lay_over(&write.slab, slab, &mut read)?;
        }
        schema
            .check_stored(&read)
            .map_err(|error| error.context(self.shared.name()))?;
        Ok(read)
    }

    async fn write(&self, slab: &Hyperslab, data: WriteData, options: &WriteOptions) -> Result<()> {
        self.shared.collection().schema.check_write(slab, &data)?;
        let Some(data) = self.kept.accept(slab, data, options).await? else {
            return Ok(());
        };
        let (shared, options) = (Arc::clone(&self.shared), *options);
        let is_small = shared.objects().files().is_some() && shared.codec.is_small(slab);
        // Every write on a task of its own: a caller who stops waiting must not leave a change half done.
        let write = SlabWrite::new(slab, data);
        if is_small {
            let (shared, write) = (Arc::clone(&shared), Arc::clone(&write));
            let at_once = async move { shared.write_at_once(&write, &options).await };
            if on_one_thread(at_once).await? {
                return Ok(());
            }
        }
        run(async move { shared.write_all(&[write], &options).await }).await
    }

    async fn update_attributes(
        &self,
        changed: &Attributes,
        removed: &[String],
        options: &WriteOptions,
    ) -> Result<ArrayMeta> {
        let (shared, options) = (Arc::clone(&self.shared), *options);
        let (changed, removed) = (changed.clone(), removed.to_vec());
        run(async move { shared.update_attributes(&changed, &removed, &options).await }).await
    }

    async fn plan(&self, slab: &Hyperslab) -> Result<ReadPlan> {
        self.shared.collection().schema.check_slab(slab)?;
        self.shared.plan(slab).await
    }

    async fn flush(&self) -> Result<()> {
        self.kept.flush().await
    }

    async fn discard(&self) -> Result<usize> {
        Ok(self.kept.discard().await)
    }
}

/// Runs a future to its end, whoever waits for it.
pub(crate) async fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work).await.map_err(|error| {
        Error::internal(format!("a call ended early: {error}")).with_source(error)
    })?
}

impl Shared {
    async fn update_attributes(
        &self,
        changed: &Attributes,
        removed: &[String],
        options: &WriteOptions,
    ) -> Result<ArrayMeta> {
        let mut backoff = Backoff::new(options.lock_timeout);
        loop {
            let seen = self.look().await?;
            let mut next = seen.head.clone();
            let custom = &mut next.meta.custom;
            for (name, value) in changed.iter() {
                custom.insert(name, value.clone());
            }
            for name in removed {
                custom.remove(name);
            }
            next.meta.custom = in_schema_order(self.collection(), &next.meta.custom);
            let swapped = self
                .head
                .swap(&seen.version, &next, options.durability)
                .await?;
            if swapped.is_some() {
                nodes::write_metadata(&self.head, &self.place, options.durability).await?;
                return Ok(next.meta);
            }
            backoff.wait(|| self.busy(None)).await?;
        }
    }

    async fn plan(&self, slab: &Hyperslab) -> Result<ReadPlan> {
        self.look().await?;
        let layout = &self.codec.layout;
        let touched = layout.objects_of(slab);
        let chunk_count: u64 = touched.iter().map(|object| object.parts.len() as u64).sum();
        let mut plan = ReadPlan {
            chunk_shape: layout.chunks().chunk_shape().to_vec(),
            codecs: self.codec.codecs.names().to_vec(),
            ..ReadPlan::default()
        };
        let looks = touched.iter().map(|object| async move {
            let key = self.object_key(object.object);
            let found = self.cells.count_stored(object).await?;
            Ok::<_, Error>((key, found))
        });
        for (key, (chunks, bytes)) in all(looks).await? {
            if chunks > 0 {
                plan.objects.push((key, bytes));
                plan.chunk_count += chunks;
            }
        }
        plan.absent_chunk_count = chunk_count - plan.chunk_count;
        Ok(plan)
    }
}

fn in_schema_order(collection: &CollectionMeta, custom: &Attributes) -> Attributes {
    let mut ordered = Attributes::new();
    for attribute in collection.schema.custom_attributes() {
        if let Some(value) = custom.get(&attribute.name) {
            ordered.insert(attribute.name.as_str(), value.clone());
        }
    }
    ordered
}
