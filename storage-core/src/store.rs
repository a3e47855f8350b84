//! A store: where collections lie, seen through any adapter.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::check::{CheckRequest, FindingSink};
use crate::memory_limit::MemoryLimit;
use crate::name::check_collection_name;
use crate::{
    Capabilities, Collection, CollectionMeta, IdSource, LockManager, RandomIds, ReadStats, Result,
    Schema, StorageAdapter, StorageExplanation, StorageOptions, StoreInfo, WriteOptions,
};

/// How a store is used.
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    /// The most memory one read may take.
    pub memory_limit: MemoryLimit,
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
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) adapter: Arc<dyn StorageAdapter>,
    pub(crate) options: StoreOptions,
    pub(crate) ids: Box<dyn IdSource>,
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
            }),
        }
    }

    /// The same store, used in another way from here on.
    #[must_use]
    pub fn with_options(&self, options: StoreOptions) -> Self {
        let ids = Box::new(RandomIds);
        Self {
            shared: Arc::new(Shared {
                adapter: Arc::clone(&self.shared.adapter),
                options,
                ids,
            }),
        }
    }

    /// Where it lies, and in which format.
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

    /// The locks on it.
    #[must_use]
    pub fn locks(&self) -> Arc<dyn LockManager> {
        self.shared.adapter.locks()
    }

    /// The adapter beneath.
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
        let meta = self.new_collection(name, schema, storage)?;
        self.shared.adapter.create_collection(&meta).await?;
        Ok(self.wrap(meta))
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
        let meta = self.new_collection(name, schema, storage)?;
        self.shared.adapter.explain(&meta).await
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
        Ok(self.wrap(self.shared.adapter.read_collection(name).await?))
    }

    /// The names of all collections, sorted.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub async fn collections(&self) -> Result<Vec<String>> {
        self.shared.adapter.list_collections().await
    }

    /// Deletes a collection and all its arrays.
    ///
    /// # Errors
    /// `NotFound`, `Locked`.
    pub async fn delete_collection(&self, name: &str) -> Result<()> {
        self.shared
            .adapter
            .delete_collection(name, &self.shared.options.write)
            .await
    }

    /// Looks for faults; each goes to `sink`, and none ends the check.
    ///
    /// # Errors
    /// `NotFound` when the one collection asked for does not exist, or when the store cannot be listed.
    pub async fn check(&self, request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()> {
        self.shared.adapter.check(request, sink).await
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
