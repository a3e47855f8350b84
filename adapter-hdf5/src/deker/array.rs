//! An open array of a storage of Deker.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayMeta, Attributes, Begun, CollectionMeta, Hyperslab, LockGuard,
    LockKey, LockMode, LockRequest, ReadPlan, Result, WriteData, WriteOptions, blocking,
};
use hyperslab_engine::{Publish, SlabWrite, WriteBack, quick};
use uuid::Uuid;

use super::attributes;
use super::folders::Kind;
use super::store::Store;
use super::store::tiles::grid_of;

/// Tiles that are so many apart share a lock, so that an array of many tiles has few lock files.
const LOCKS_PER_ARRAY: u64 = 64;

/// An array: the file of its id.
#[derive(Debug)]
pub(super) struct DekerArray {
    place: Arc<Place>,
    /// Writes that were accepted and not published.
    kept: WriteBack<Place>,
}

#[derive(Debug)]
struct Place {
    store: Arc<Store>,
    collection: Arc<CollectionMeta>,
    id: Uuid,
}

/// The locks of what a write changes, held until it is made.
#[derive(Debug)]
struct Locked {
    _array: LockGuard,
    _tiles: Option<LockGuard>,
}

impl Place {
    fn meta(&self) -> Result<ArrayMeta> {
        let known = self.store.open(&self.collection)?;
        self.store.read_meta(&known, self.id)
    }

    /// Begins to say what the array is: at once, when nobody is at it.
    fn begin_meta(self: &Arc<Self>) -> Begun<ArrayMeta> {
        let known = self.store.open_at_once(&self.collection).ok();
        let file = known.and_then(|known| self.store.open_file_at_once(&known, self.id));
        let place = Arc::clone(self);
        match file {
            Some((_, file)) => Begun::Done(file.meta.clone()),
            None => Begun::nothing(move || place.meta()),
        }
    }

    /// Begins to read cells: at once, when they are few and nobody is at it.
    fn begin_read(self: &Arc<Self>, slab: &Hyperslab, out: ArrayBuf) -> Result<Begun<ArrayBuf>> {
        let known = self.store.open_at_once(&self.collection);
        if quick::is_small(out.bytes().len())
            && let Ok(known) = &known
            && let Some((reading, file)) = self.store.open_file_at_once(known, self.id)
        {
            known.layout.schema.check_read(slab, &out)?;
            let begun = match &file.cells {
                Some(cells) => cells.begin_read(&self.store.engine, slab, cells.fill(), out)?,
                None => Begun::Done(known.layout.filled(out)),
            };
            let (place, slab) = (Arc::clone(self), slab.clone());
            return begun.and_then(move |out| match reading.confirm() {
                Ok(()) => Ok(out),
                // Somebody was at it.
                Err(_) => place.read(&slab, out),
            });
        }
        let (place, slab) = (Arc::clone(self), slab.clone());
        Ok(Begun::nothing(move || place.read(&slab, out)))
    }

    fn read(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        let known = self.store.open(&self.collection)?;
        known.layout.schema.check_read(slab, &out)?;
        match known.kind() {
            Kind::Virtual => self
                .store
                .read_virtual(&self.collection, self.id, slab, out),
            Kind::Array => self.store.read_array(&known, self.id, slab, out),
        }
    }

    /// Takes the locks of what writes change: those of the tiles they touch, or of the whole array.
    async fn lock(&self, writes: &[Arc<SlabWrite>], options: &WriteOptions) -> Result<Locked> {
        let known = self.store.open(&self.collection)?;
        let array = self.key(None);
        if known.kind() == Kind::Array {
            let request = LockRequest::exclusive(array, options.lock_timeout);
            return Ok(Locked {
                _array: self.store.lock(request).await?,
                _tiles: None,
            });
        }
        let grid = grid_of(&known)?;
        let slabs = writes.iter().map(|write| &write.slab);
        let pieces = slabs.flat_map(|slab| grid.pieces(slab));
        let tiles: BTreeSet<u64> = pieces.map(|piece| piece.chunk % LOCKS_PER_ARRAY).collect();
        let shared = LockRequest::shared(array, options.lock_timeout);
        let array = self.store.lock(shared).await?;
        let request = LockRequest {
            keys: tiles.into_iter().map(|tile| self.key(Some(tile))).collect(),
            mode: LockMode::Exclusive,
            timeout: options.lock_timeout,
        };
        Ok(Locked {
            _array: array,
            _tiles: Some(self.store.lock(request).await?),
        })
    }

    /// The lock of the array, or one of those of its tiles.
    fn key(&self, tile: Option<u64>) -> LockKey {
        let name = match tile {
            None => self.id.to_string(),
            Some(number) => format!("{}#{number}", self.id),
        };
        LockKey::array(&self.collection.name, name)
    }
}

impl DekerArray {
    pub(super) fn new(store: Arc<Store>, collection: Arc<CollectionMeta>, id: Uuid) -> Self {
        let place = Arc::new(Place {
            store,
            collection,
            id,
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
        format!("array {} of collection '{}'", self.id, self.collection.name)
    }

    async fn look(&self) -> Result<()> {
        let (store, collection, id) = (
            Arc::clone(&self.store),
            Arc::clone(&self.collection),
            self.id,
        );
        blocking(move || {
            let known = store.open(&collection)?;
            store.read_meta(&known, id).map(drop)
        })
        .await
    }

    async fn publish(&self, writes: &[Arc<SlabWrite>], options: &WriteOptions) -> Result<()> {
        let locked = self.lock(writes, options).await?;
        let (store, collection, id) = (
            Arc::clone(&self.store),
            Arc::clone(&self.collection),
            self.id,
        );
        let (writes, options) = (writes.to_vec(), *options);
        // Goes on to its end when nobody waits for it any more.
        blocking(move || {
            if collection.schema.tile_shape().is_some() {
                store.write_virtual(&collection, id, &writes, &options)?;
            } else {
                store.update_array(&collection, id, &writes, |_| Ok(()), &options)?;
            }
            drop(locked);
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl ArrayHandle for DekerArray {
    async fn meta(&self) -> Result<ArrayMeta> {
        let place = Arc::clone(&self.place);
        let begin = move || Ok(place.begin_meta());
        self.place.store.pace.run(begin).await
    }

    async fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        let (place, wanted) = (Arc::clone(&self.place), slab.clone());
        // Before the read: what is flushed meanwhile must be in one of the two.
        let kept = self.kept.writes();
        let begin = move || place.begin_read(&wanted, out);
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
        let request = LockRequest::exclusive(self.place.key(None), options.lock_timeout);
        let guard = self.place.store.lock(request).await?;
        let (changed, removed, options) = (changed.clone(), removed.to_vec(), *options);
        self.run(move |place| {
            let known = place.store.open(&place.collection)?;
            let change = |meta: &mut ArrayMeta| {
                meta.custom = attributes::changed(&known.layout, &meta.custom, &changed, &removed)?;
                Ok(())
            };
            let meta = match known.kind() {
                Kind::Virtual => {
                    let (store, id) = (&place.store, place.id);
                    let restarts = attributes::has_start(&known.layout, &changed);
                    // Nothing has changed when Deker is at a tile.
                    let kept = match restarts {
                        true => store.keep_tiles(&known, id, &options)?,
                        false => Vec::new(),
                    };
                    let meta = store.update_document(&known, id, change, &options)?;
                    if restarts {
                        store.restart_tiles(&place.collection, id, &options)?;
                    }
                    drop(kept);
                    meta
                }
                Kind::Array => {
                    let (collection, id) = (&place.collection, place.id);
                    place
                        .store
                        .update_array(collection, id, &[], change, &options)?
                }
            };
            drop(guard);
            Ok(meta)
        })
        .await
    }

    async fn plan(&self, slab: &Hyperslab) -> Result<ReadPlan> {
        let slab = slab.clone();
        self.run(move |place| place.store.plan(&place.collection, place.id, &slab))
            .await
    }

    async fn flush(&self) -> Result<()> {
        self.kept.flush().await
    }

    async fn discard(&self) -> Result<usize> {
        Ok(self.kept.discard().await)
    }
}
