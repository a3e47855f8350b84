//! The executable specification of an adapter: a store in memory, simple and obviously right.

mod array;
mod state;

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use uuid::Uuid;

use self::array::MemoryArray;
use self::state::{State, Stored, missing_collection};
use crate::name::check_collection_name;
use crate::{
    ArrayBuf, ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, Capabilities, CheckRequest,
    CollectionMeta, Error, FindingSink, LockGuard, LockKey, LockManager, LockRequest,
    ProcessLockManager, ReadStats, Result, StorageAdapter, StorageExplanation, StoreInfo, Usage,
    WriteOptions, WriterScope, box_bytes,
};

/// A store that lives as long as this value and is shared by its clones. Every write copies the whole array; that is fine
/// for tests and for results on their way elsewhere.
#[derive(Debug, Clone)]
pub struct MemoryAdapter {
    shared: Arc<Shared>,
}

/// What the adapter and the handles of its arrays share.
#[derive(Debug)]
struct Shared {
    id: Uuid,
    state: State,
    locks: Arc<ProcessLockManager>,
}

impl Default for MemoryAdapter {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryAdapter {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                id: Uuid::new_v4(),
                state: State::default(),
                locks: Arc::default(),
            }),
        }
    }
}

fn check_options(collection: &CollectionMeta) -> Result<()> {
    match collection.storage.keys().next() {
        None => Ok(()),
        Some(option) => Err(Error::invalid(format!(
            "storage option '{option}' is unknown: a store in memory has none"
        ))),
    }
}

impl Shared {
    async fn lock(&self, key: LockKey, options: &WriteOptions) -> Result<LockGuard> {
        let request = LockRequest::exclusive(key, options.lock_timeout);
        self.locks.acquire(request).await
    }

    async fn lock_array(
        &self,
        collection: &CollectionMeta,
        id: Uuid,
        options: &WriteOptions,
    ) -> Result<LockGuard> {
        let key = LockKey::array(&collection.name, format!("id={id}"));
        self.lock(key, options).await
    }
}

#[async_trait]
impl StorageAdapter for MemoryAdapter {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            url: "memory://".to_owned(),
            adapter: "memory",
            id: self.shared.id,
            format_version: 1,
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            writers: WriterScope::Process,
            persistent: false,
            read_only: false,
        }
    }

    fn read_stats(&self) -> ReadStats {
        ReadStats::default()
    }

    fn locks(&self) -> Arc<dyn LockManager> {
        Arc::clone(&self.shared.locks) as Arc<dyn LockManager>
    }

    async fn create_collection(&self, collection: &CollectionMeta) -> Result<CollectionMeta> {
        check_collection_name(&collection.name)?;
        collection.schema.check_names()?;
        check_options(collection)?;
        self.shared.state.create_collection(collection)?;
        Ok(collection.clone())
    }

    async fn explain(&self, collection: &CollectionMeta) -> Result<StorageExplanation> {
        check_options(collection)?;
        let schema = &collection.schema;
        let shape: Vec<u64> = schema.shape().iter().map(|&size| size.max(1)).collect();
        Ok(StorageExplanation {
            chunk_bytes: box_bytes(&shape, schema.dtype().size()),
            chunk_shape: shape,
            shard_shape: None,
            tile_shape: None,
            codecs: Vec::new(),
            objects_per_array: 0,
            object_bytes: 0,
            reasons: vec!["In memory an array is one piece, and nothing is coded.".to_owned()],
        })
    }

    async fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        self.shared
            .state
            .read_collection(name)
            .ok_or_else(|| missing_collection(name))
    }

    async fn list_collections(&self) -> Result<Vec<String>> {
        Ok(self.shared.state.list_collections())
    }

    async fn delete_collection(&self, name: &str, options: &WriteOptions) -> Result<()> {
        let _guard = self.shared.lock(LockKey::collection(name), options).await?;
        self.shared.state.delete_collection(name)
    }

    async fn clear_collection(
        &self,
        collection: &CollectionMeta,
        options: &WriteOptions,
    ) -> Result<()> {
        let key = LockKey::collection(&collection.name);
        let _guard = self.shared.lock(key, options).await?;
        self.shared.state.with_arrays(collection, |arrays| {
            arrays.clear();
            Ok(())
        })
    }

    async fn create_array(
        &self,
        collection: &CollectionMeta,
        array: &ArrayMeta,
        data: Option<ArrayBuf>,
        _options: &WriteOptions,
    ) -> Result<()> {
        let schema = &collection.schema;
        let cells = match data {
            Some(cells) if (cells.dtype(), cells.shape()) == (schema.dtype(), &schema.shape()) => {
                cells
            }
            Some(cells) => {
                return Err(Error::invalid(format!(
                    "cells of {} {:?} given for an array of {} {:?}",
                    cells.dtype(),
                    cells.shape(),
                    schema.dtype(),
                    schema.shape()
                )));
            }
            None => ArrayBuf::filled(schema.fill_value(), &schema.shape())?,
        };
        let stored = Stored {
            meta: array.clone(),
            cells: Arc::new(cells),
        };
        self.shared
            .state
            .with_arrays(collection, |arrays| arrays.insert(stored))
    }

    fn list_arrays<'a>(
        &'a self,
        collection: &'a CollectionMeta,
    ) -> BoxStream<'a, Result<ArrayEntry>> {
        let listed = self
            .shared
            .state
            .with_arrays(collection, |arrays| Ok(arrays.entries()));
        match listed {
            Ok(entries) => stream::iter(entries.into_iter().map(Ok)).boxed(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    async fn open_array(
        &self,
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
    ) -> Result<Arc<dyn ArrayHandle>> {
        let id = self
            .shared
            .state
            .with_arrays(collection, |arrays| arrays.find(locator))?;
        Ok(Arc::new(MemoryArray {
            shared: Arc::clone(&self.shared),
            collection: Arc::clone(collection),
            id,
        }))
    }

    async fn delete_array(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
        options: &WriteOptions,
    ) -> Result<()> {
        let state = &self.shared.state;
        let id = state.with_arrays(collection, |arrays| arrays.find(locator))?;
        let _guard = self.shared.lock_array(collection, id, options).await?;
        state.with_arrays(collection, |arrays| arrays.remove(id))
    }

    async fn usage(&self, collection: &CollectionMeta) -> Result<Usage> {
        self.shared.state.with_arrays(collection, |arrays| {
            let mut usage = Usage::default();
            for stored in arrays.iter() {
                usage.array_count += 1;
                usage.stored_bytes += stored.cells.bytes().len() as u64;
            }
            Ok(usage)
        })
    }

    async fn check(&self, request: &CheckRequest, _sink: &mut dyn FindingSink) -> Result<()> {
        // Memory that has faults has no program to find them.
        match &request.collection {
            Some(name) => self.read_collection(name).await.map(drop),
            None => Ok(()),
        }
    }
}
