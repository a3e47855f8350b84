//! An open array.

mod tiled;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayMeta, Attributes, Begun, CollectionMeta, Hyperslab, ReadPlan,
    Result, WriteData, WriteOptions, blocking,
};
use hyperslab_engine::{Publish, SlabWrite, WriteBack};
use uuid::Uuid;

use crate::adapter::lock_array;
use crate::cache::FileIdentity;
use crate::file::ArrayFile;
use crate::store::tiles::Tiles;
use crate::store::{ARRAYS, EXTENSION, Store};

/// An array: the file of its name, as long as it is the array of its id.
#[derive(Debug)]
pub(crate) struct Hdf5Array {
    place: Arc<Place>,
    /// Writes that were accepted and not published.
    kept: WriteBack<Place>,
}

#[derive(Debug)]
struct Place {
    store: Arc<Store>,
    collection: Arc<CollectionMeta>,
    stem: String,
    id: Uuid,
    /// The tiles, if it has them.
    tiles: Option<Arc<Tiles>>,
    known: Mutex<Option<Known>>,
}

/// An array as it was when it was last looked at.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// The document of the collection, looked at before the file: one that was replaced meanwhile is found out later.
    pub(crate) document: Option<FileIdentity>,
    /// Which files stay open is up to the store.
    pub(crate) file: Weak<ArrayFile>,
    pub(crate) meta: Arc<ArrayMeta>,
}

impl Place {
    fn load(&self) -> Result<(Arc<ArrayFile>, ArrayMeta)> {
        let opened = self.store.open(&self.collection)?;
        let array = (self.stem.as_str(), self.id);
        self.store.load_array(&self.collection, &opened, array)
    }

    /// What is known, if it still holds: it does as long as the file and the document of its collection stay the same.
    fn fresh(&self) -> Option<(Arc<ArrayFile>, Arc<ArrayMeta>)> {
        let known = self.known().clone()?;
        let file = known.file.upgrade()?;
        let document = self.store.document_identity(&self.collection.name);
        let folders = self.store.folders(&self.collection.name);
        let named = std::fs::metadata(folders.array(&self.stem)).ok()?;
        let holds = known.document == document && FileIdentity::of(&named) == file.identity();
        holds.then_some((file, known.meta))
    }

    /// The file and its facts as they are now.
    fn current(&self) -> Result<(Arc<ArrayFile>, Arc<ArrayMeta>)> {
        if let Some(fresh) = self.fresh() {
            return Ok(fresh);
        }
        let document = self.store.document_identity(&self.collection.name);
        let (file, meta) = self.load()?;
        let meta = Arc::new(meta);
        *self.known() = Some(Known {
            document,
            file: Arc::downgrade(&file),
            meta: Arc::clone(&meta),
        });
        Ok((file, meta))
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_read(
        self: &Arc<Self>,
        file: &Arc<ArrayFile>,
        slab: &Hyperslab,
        out: ArrayBuf,
    ) -> Result<Begun<ArrayBuf>> {
        if let Some(tiles) = &self.tiles {
            return self.begin_read_tiles(tiles, slab, out);
        }
        let schema = &self.collection.schema;
        schema.check_read(slab, &out)?;
        let fill = schema.fill_value().to_bytes();
        let begun = file.begin_read(&self.store.engine, slab, &fill, out)?;
        let place = Arc::clone(self);
        begun.and_then(move |out| {
            let checked = place.collection.schema.check_stored(&out);
            checked.map_err(|error| error.context(format!("array {}", place.stem)))?;
            Ok(out)
        })
    }

    fn plan(&self, slab: &Hyperslab) -> Result<ReadPlan> {
        self.collection.schema.check_slab(slab)?;
        if let Some(tiles) = &self.tiles {
            return self.plan_tiles(tiles, slab);
        }
        let (file, _) = self.load()?;
        let name = format!("{}/{ARRAYS}/{}{EXTENSION}", self.collection.name, self.stem);
        Ok(file.plan(&name, slab))
    }
}

impl Hdf5Array {
    pub(crate) fn new(
        store: Arc<Store>,
        collection: Arc<CollectionMeta>,
        stem: String,
        variable: &str,
        known: Known,
    ) -> Self {
        let id = known.meta.id;
        let tiles = collection.schema.tile_grid().map(|grid| {
            let folders = store.folders(&collection.name);
            Tiles::new(&folders, grid, variable, (&stem, id))
        });
        let place = Arc::new(Place {
            tiles: tiles.map(Arc::new),
            store,
            collection,
            stem,
            id,
            known: Mutex::new(Some(known)),
        });
        Self {
            kept: WriteBack::new(Arc::clone(&place)),
            place,
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Place) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.place);
        blocking(move || work(&place)).await
    }
}

#[async_trait]
impl Publish for Place {
    fn name(&self) -> String {
        format!(
            "array {} of collection '{}'",
            self.stem, self.collection.name
        )
    }

    async fn look(&self) -> Result<()> {
        let (store, collection) = (Arc::clone(&self.store), Arc::clone(&self.collection));
        let (stem, id) = (self.stem.clone(), self.id);
        blocking(move || {
            let opened = store.open(&collection)?;
            let loaded = store.load_array(&collection, &opened, (&stem, id));
            loaded.map(drop)
        })
        .await
    }

    async fn publish(&self, writes: &[Arc<SlabWrite>], options: &WriteOptions) -> Result<()> {
        let guards = match &self.tiles {
            Some(tiles) => self.lock_tiles(tiles, writes, options).await?.into(),
            None => {
                let guard = lock_array(&self.store, &self.collection, &self.stem, options);
                vec![guard.await?]
            }
        };
        let (store, collection) = (Arc::clone(&self.store), Arc::clone(&self.collection));
        let (stem, id, durability) = (self.stem.clone(), self.id, options.durability);
        let (writes, is_tiled) = (writes.to_vec(), self.tiles.is_some());
        // Goes on to its end when nobody waits for it any more.
        blocking(move || {
            let array = (stem.as_str(), id);
            if is_tiled {
                store.update_tiles(&collection, array, &writes, durability)?;
            } else {
                store.update_array(&collection, array, &writes, |_| Ok(()), durability)?;
            }
            drop(guards);
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl ArrayHandle for Hdf5Array {
    async fn meta(&self) -> Result<ArrayMeta> {
        let (_, meta) = match self.place.fresh() {
            Some(fresh) => fresh,
            None => self.run(Place::current).await?,
        };
        Ok(Arc::unwrap_or_clone(meta))
    }

    async fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        let (place, wanted) = (Arc::clone(&self.place), slab.clone());
        let begin = move || match place.fresh() {
            Some((file, _)) => place.begin_read(&file, &wanted, out),
            None => Ok(Begun::nothing(move || {
                let (file, _) = place.current()?;
                place.begin_read(&file, &wanted, out)?.finish()
            })),
        };
        // Before the read: what is flushed meanwhile must be in one of the two.
        let kept = self.kept.writes();
        let mut read = self.place.store.pace.run(begin).await?;
        for write in &kept {
            write.data.lay_over(&write.slab, slab, &mut read)?;
        }
        Ok(read)
    }

    async fn write(&self, slab: &Hyperslab, data: WriteData, options: &WriteOptions) -> Result<()> {
        self.place.collection.schema.check_write(slab, &data)?;
        let Some(data) = self.kept.accept(slab, data, options).await? else {
            return Ok(());
        };
        if slab.is_empty() {
            return self.place.look().await;
        }
        self.place
            .publish(&[SlabWrite::new(slab, data)], options)
            .await
    }

    async fn update_attributes(
        &self,
        changed: &Attributes,
        removed: &[String],
        options: &WriteOptions,
    ) -> Result<ArrayMeta> {
        let place = &self.place;
        let guard = lock_array(&place.store, &place.collection, &place.stem, options).await?;
        let (changed, removed) = (changed.clone(), removed.to_vec());
        let durability = options.durability;
        self.run(move |place| {
            let array = (place.stem.as_str(), place.id);
            let schema = &place.collection.schema;
            let change = |meta: &mut ArrayMeta| {
                for name in &removed {
                    meta.custom.remove(name);
                }
                for (name, value) in changed.iter() {
                    meta.custom.insert(name, value.clone());
                }
                // Every custom attribute is known and of its type, in schema order.
                meta.custom = schema.check_custom(&meta.custom)?;
                Ok(())
            };
            let store = &place.store;
            let meta = store.update_array(&place.collection, array, &[], change, durability)?;
            drop(guard);
            Ok(meta)
        })
        .await
    }

    async fn plan(&self, slab: &Hyperslab) -> Result<ReadPlan> {
        let slab = slab.clone();
        self.run(move |place| place.plan(&slab)).await
    }

    async fn flush(&self) -> Result<()> {
        self.kept.flush().await
    }

    async fn discard(&self) -> Result<usize> {
        Ok(self.kept.discard().await)
    }
}
