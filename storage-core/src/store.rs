//! A store: where collections lie, seen through any adapter.

mod care;
mod lifecycle;

use std::fmt;
use std::sync::Arc;

use tokio::sync::RwLockReadGuard;
use uuid::Uuid;

use self::lifecycle::Lifecycle;
use crate::memory_limit::{MemoryCheck, MemoryLimit};
use crate::name::check_collection_name;
use crate::{
    ArrayHandle, Capabilities, Collection, CollectionDocument, CollectionMeta, Error, IdSource,
    LockManager, RandomIds, ReadStats, Result, Schema, StorageAdapter, StorageExplanation,
    StorageOptions, StoreInfo, WriteOptions,
};

/// How a store is used.
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    /// The most memory one read may take.
    pub memory_limit: MemoryLimit,
    /// What is done about a new collection of arrays of which none could be read whole within the limit.
    pub memory_check: MemoryCheck,
    /// The most bytes of decoded chunks that are kept for this store alone, none with 0. `None` leaves it to the cache that all
    /// stores of the process share, a quarter of the memory of the machine. For those who open stores by URL.
    pub cache_bytes: Option<u64>,
    /// How changes are made.
    pub write: WriteOptions,
    /// The adapter that a store is to have, by name: a new one gets it, one that is opened must be of it. `None` leaves it to
    /// the store, and to what is usual where a new one is made. For those who open stores by URL.
    pub adapter: Option<String>,
}

/// A store. Cheap to clone; all clones are the same store.
///
/// It is open from the start. [`close`](Self::close) is for those who want to know that all is in its place: what is buffered
/// is flushed, and every later call through any clone, its collections and its arrays is refused until
/// [`reopen`](Self::reopen). A store that is dropped without it loses nothing that was acknowledged as safe.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    adapter: Arc<dyn StorageAdapter>,
    pub(crate) options: StoreOptions,
    pub(crate) ids: Box<dyn IdSource>,
    lifecycle: Arc<Lifecycle>,
}

impl Shared {
    /// The adapter, while the store is open.
    ///
    /// # Errors
    /// `InvalidInput` when it is closed.
    pub(crate) fn adapter(&self) -> Result<&Arc<dyn StorageAdapter>> {
        if self.lifecycle.is_closed() {
            return Err(Error::invalid(format!(
                "the store {} is closed; reopen it first",
                self.adapter.info().url
            )));
        }
        Ok(&self.adapter)
    }

    /// Begins a buffered write through `handle`, which closing waits for.
    ///
    /// # Errors
    /// `InvalidInput` when the store is closed.
    pub(crate) async fn buffer(
        &self,
        name: impl FnOnce() -> String,
        handle: &Arc<dyn ArrayHandle>,
    ) -> Result<RwLockReadGuard<'_, ()>> {
        let under_way = self.lifecycle.buffer(name, handle).await;
        self.adapter()?;
        Ok(under_way)
    }
}

impl Store {
    /// The store that an adapter opens.
    #[must_use]
    pub fn new(adapter: Arc<dyn StorageAdapter>, options: StoreOptions) -> Self {
        Self::with_ids(adapter, options, RandomIds)
    }

    /// The same, with identities from another source.
    #[must_use]
    pub fn with_ids(
        adapter: Arc<dyn StorageAdapter>,
        options: StoreOptions,
        ids: impl IdSource,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                adapter,
                options,
                ids: Box::new(ids),
                lifecycle: Arc::default(),
            }),
        }
    }

    /// The same store, used in another way from here on. Closing one of the two closes the other.
    #[must_use]
    pub fn with_options(&self, options: StoreOptions) -> Self {
        let ids = Box::new(RandomIds);
        Self {
            shared: Arc::new(Shared {
                adapter: Arc::clone(&self.shared.adapter),
                options,
                ids,
                lifecycle: Arc::clone(&self.shared.lifecycle),
            }),
        }
    }

    /// Flushes what arrays keep of buffered writes, and closes the store: every later call through it, through its clones and
    /// through what was opened of them is refused as `InvalidInput`, until [`reopen`](Self::reopen). Calls that are under way come
    /// to their end. To close a closed store does nothing.
    ///
    /// An array that was dropped with buffered writes flushes them by itself, and is not waited for. Decoded chunks stay in the
    /// cache, which belongs to the process.
    ///
    /// # Errors
    /// Those of [`Array::flush`](crate::Array::flush), naming the arrays that keep what cannot be flushed; the store stays open
    /// then.
    pub async fn close(&self) -> Result<()> {
        self.shared.lifecycle.close().await
    }

    /// Opens a closed store again: all clones, collections and arrays of it work as before. An open one stays open.
    pub fn reopen(&self) {
        self.shared.lifecycle.reopen();
    }

    /// Whether calls are accepted.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.is_closed()
    }

    /// Whether it was [closed](Self::close).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.lifecycle.is_closed()
    }

    /// Where it lies, and in which format. Also of a closed store.
    #[must_use]
    pub fn info(&self) -> StoreInfo {
        self.shared.adapter.info()
    }

    /// What it can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.shared.adapter.capabilities()
    }

    /// How it is used.
    #[must_use]
    pub fn options(&self) -> &StoreOptions {
        &self.shared.options
    }

    /// What reading has cost since the store was opened, or, where stores share a cache, since the first of them was.
    #[must_use]
    pub fn read_stats(&self) -> ReadStats {
        self.shared.adapter.read_stats()
    }

    /// The locks on it, as the adapter grants them: also of a closed store.
    #[must_use]
    pub fn locks(&self) -> Arc<dyn LockManager> {
        self.shared.adapter.locks()
    }

    /// The adapter beneath, which knows nothing of open and closed.
    #[must_use]
    pub fn adapter(&self) -> &Arc<dyn StorageAdapter> {
        &self.shared.adapter
    }

    /// Creates a collection.
    ///
    /// # Errors
    /// `AlreadyExists`, or `InvalidInput` for a bad name.
    pub async fn create_collection(&self, name: &str, schema: Schema) -> Result<Collection> {
        self.create_collection_with(name, schema, StorageOptions::new())
            .await
    }

    /// Creates a collection with options for the adapter, such as `chunks` and `codec`.
    ///
    /// # Errors
    /// `AlreadyExists`, or `InvalidInput` for a bad name or option.
    pub async fn create_collection_with(
        &self,
        name: &str,
        schema: Schema,
        storage: StorageOptions,
    ) -> Result<Collection> {
        let adapter = self.shared.adapter()?;
        let meta = self.new_collection(name, schema, storage)?;
        self.check_memory(&meta)?;
        Ok(self.wrap(adapter.create_collection(&meta).await?))
    }

    /// Creates a collection as one JSON document says: `name`, `schema` and `storage`. See [`CollectionDocument`].
    ///
    /// # Errors
    /// As [`create_collection_with`](Self::create_collection_with); `InvalidInput` that names the field at fault.
    pub async fn create_collection_from_json(&self, text: &str) -> Result<Collection> {
        let document = CollectionDocument::from_json(text)?;
        self.create_collection_with(&document.name, document.schema, document.storage)
            .await
    }

    /// Does what the options say about a collection of which no array can be read whole.
    fn check_memory(&self, meta: &CollectionMeta) -> Result<()> {
        let options = &self.shared.options;
        let admitted = options.memory_limit.admit_whole(&meta.schema);
        match options.memory_check {
            MemoryCheck::Off => Ok(()),
            MemoryCheck::Refuse => {
                admitted.map_err(|error| error.context(format!("collection '{}'", meta.name)))
            }
            MemoryCheck::Warn => {
                if let Err(error) = admitted {
                    tracing::warn!(collection = %meta.name, "{error}");
                }
                Ok(())
            }
        }
    }

    /// The schema that a collection would have, once it is made: without what the format has no room for. Creates nothing.
    ///
    /// # Errors
    /// `InvalidInput` for a bad name or option, as creating it would.
    pub fn schema_as_kept(
        &self,
        name: &str,
        schema: Schema,
        storage: StorageOptions,
    ) -> Result<Schema> {
        let adapter = self.shared.adapter()?;
        adapter.schema_as_kept(&self.new_collection(name, schema, storage)?)
    }

    /// How the arrays of a collection would lie, and why. Creates nothing.
    ///
    /// # Errors
    /// `InvalidInput` for a bad name or option, as creating it would.
    pub async fn explain_collection(
        &self,
        name: &str,
        schema: Schema,
        storage: StorageOptions,
    ) -> Result<StorageExplanation> {
        let adapter = self.shared.adapter()?;
        let meta = self.new_collection(name, schema, storage)?;
        adapter.explain(&meta).await
    }

    fn new_collection(
        &self,
        name: &str,
        schema: Schema,
        storage: StorageOptions,
    ) -> Result<CollectionMeta> {
        check_collection_name(name)?;
        Ok(CollectionMeta {
            name: name.to_owned(),
            id: self.new_id(),
            schema,
            storage,
        })
    }

    /// Opens a collection. What names there can be is up to the adapter: what another program made may lie in groups.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt` when its schema cannot be read.
    pub async fn collection(&self, name: &str) -> Result<Collection> {
        Ok(self.wrap(self.shared.adapter()?.read_collection(name).await?))
    }

    /// The names of all collections, sorted.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub async fn collections(&self) -> Result<Vec<String>> {
        self.shared.adapter()?.list_collections().await
    }

    /// Deletes a collection and all its arrays.
    ///
    /// # Errors
    /// `NotFound`, `Locked`.
    pub async fn delete_collection(&self, name: &str) -> Result<()> {
        self.shared
            .adapter()?
            .delete_collection(name, &self.shared.options.write)
            .await
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn new_id(&self) -> Uuid {
        self.shared.ids.new_id()
    }

    fn wrap(&self, meta: CollectionMeta) -> Collection {
        Collection::new(self.clone(), Arc::new(meta))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.info().url).finish()
    }
}
