//! The adapter itself: the contract of [`StorageAdapter`] on a medium.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use hyperslab_core::{
    ArrayBuf, ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, Capabilities, CheckRequest,
    CollectionMeta, Durability, Error, FindingSink, IdSource, LockManager, ReadStats, Result,
    StorageAdapter, StorageExplanation, StoreInfo, Usage, WriteOptions, WriterScope,
};
use hyperslab_engine::Engine;

use crate::array::run;
use crate::compute::on_one_thread;
use crate::document::{ADAPTER, FORMAT_VERSION, StoreDocument, to_bytes};
use crate::layout::{MACHINERY, STORE_DOCUMENT};
use crate::lease::{LeaseLockManager, LeaseOptions};
use crate::medium::Medium;
use crate::objects::probe::probe;
use crate::objects::single_writer::SingleWriter;
use crate::objects::{Condition, Objects, Put};
use crate::store::Store;

/// An array of so many bytes is created on one thread where there is no server to wait for: other threads would have to wake up
/// for each of nine objects.
const SMALL_BYTES: usize = 256 << 10;

/// A store of Zarr groups on a medium.
#[derive(Debug)]
pub struct ZarrAdapter {
    store: Arc<Store>,
}

impl ZarrAdapter {
    /// Makes a store on a medium that holds none, and opens it.
    ///
    /// # Errors
    /// `AlreadyExists` when it holds one, `Unsupported` when it cannot hold any, `Denied` without permission, `Unavailable`.
    pub async fn create(medium: &Medium, ids: &dyn IdSource) -> Result<Self> {
        let objects = medium.objects();
        let exists = || {
            Error::already_exists(format!(
                "there is a store in {} already; open it",
                objects.url()
            ))
        };
        // A question for the version alone is refused without a reason, which a person needs.
        if objects.get(STORE_DOCUMENT).await?.is_some() {
            return Err(exists());
        }
        if objects.promises().writers == WriterScope::Cluster {
            refuse_others(&*objects).await?;
        }
        // What this crate does on a disk and in memory is known; a server is tried.
        let single_writer = objects.promises().writers == WriterScope::Cluster
            && probe(&*objects).await?.writers != WriterScope::Cluster;
        let document = StoreDocument::new(ids.new_id(), single_writer);
        let writable = as_document_says(Arc::clone(&objects), &document);
        let bytes = to_bytes(&document)?;
        let put = writable.put(STORE_DOCUMENT, bytes, Condition::Absent, Durability::Synced);
        if put.await? == Put::Refused {
            return Err(exists());
        }
        Ok(Self::on(writable, &document))
    }

    /// Opens the store on a medium.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Unsupported` for one of a newer version or another adapter, `Denied`, `Unavailable`.
    pub async fn open(medium: &Medium) -> Result<Self> {
        let objects = medium.objects();
        let found = objects.get(STORE_DOCUMENT).await?;
        let found = found.ok_or_else(|| {
            Error::not_found(format!(
                "there is no store in {}; create one, or check the address",
                objects.url()
            ))
        })?;
        let name = format!("{}/{STORE_DOCUMENT}", objects.url());
        let document = StoreDocument::parse(&found.bytes, &name)?;
        if document.single_writer {
            tracing::warn!(
                url = objects.url(),
                "the server of this store ignores conditions; only one process may write to it at a time"
            );
        }
        Ok(Self::on(as_document_says(objects, &document), &document))
    }

    fn on(objects: Arc<dyn Objects>, document: &StoreDocument) -> Self {
        let locks = LeaseLockManager::new(Arc::clone(&objects), LeaseOptions::default());
        Self {
            store: Arc::new(Store {
                objects,
                id: document.id,
                locks: Arc::new(locks),
                engine: Engine::shared(),
                known: Arc::default(),
                places: Mutex::default(),
            }),
        }
    }

    /// The same store, read through another engine than the one that all share.
    #[must_use]
    pub fn with_engine(&self, engine: Arc<Engine>) -> Self {
        Self {
            store: Arc::new(Store {
                objects: Arc::clone(&self.store.objects),
                id: self.store.id,
                locks: Arc::clone(&self.store.locks),
                engine,
                known: Arc::default(),
                places: Mutex::default(),
            }),
        }
    }

    /// Runs what changes the store to its end, whoever waits for it.
    async fn change<T: Send + 'static, F: Future<Output = Result<T>> + Send + 'static>(
        &self,
        work: impl FnOnce(Arc<Store>) -> F,
    ) -> Result<T> {
        run(work(Arc::clone(&self.store))).await
    }
}

/// A store takes a prefix for itself: what others have put there would be hidden by it, and might be written over.
async fn refuse_others(objects: &dyn Objects) -> Result<()> {
    let mut listing = objects.list("");
    while let Some(listed) = listing.try_next().await? {
        // The machinery may be that of another call that creates the store at this moment.
        let is_ours = listed.key.split('/').next() == Some(MACHINERY);
        if !is_ours && listed.key != STORE_DOCUMENT {
            return Err(Error::already_exists(format!(
                "{0} is not empty: {1} is there; choose a new prefix for the store, as {0}/NAME",
                objects.url(),
                listed.key
            )));
        }
    }
    Ok(())
}

/// The medium as a store on it has to be used.
fn as_document_says(objects: Arc<dyn Objects>, document: &StoreDocument) -> Arc<dyn Objects> {
    if document.single_writer {
        return Arc::new(SingleWriter::new(objects));
    }
    objects
}

#[async_trait]
impl StorageAdapter for ZarrAdapter {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            url: self.store.objects.url().to_owned(),
            adapter: ADAPTER,
            id: self.store.id,
            format_version: FORMAT_VERSION,
        }
    }

    fn capabilities(&self) -> Capabilities {
        let promises = self.store.objects.promises();
        Capabilities {
            writers: promises.writers,
            persistent: promises.persistent,
            read_only: false,
        }
    }

    fn read_stats(&self) -> ReadStats {
        self.store.engine.stats().report()
    }

    fn locks(&self) -> Arc<dyn LockManager> {
        Arc::clone(&self.store.locks)
    }

    async fn create_collection(&self, collection: &CollectionMeta) -> Result<CollectionMeta> {
        let collection = collection.clone();
        self.change(|store| async move {
            store.create_collection(&collection).await?;
            Ok(collection)
        })
        .await
    }

    async fn explain(&self, collection: &CollectionMeta) -> Result<StorageExplanation> {
        crate::storage::explain(collection)
    }

    async fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        self.store.read_collection(name).await
    }

    async fn list_collections(&self) -> Result<Vec<String>> {
        self.store.list_collections().await
    }

    async fn delete_collection(&self, name: &str, options: &WriteOptions) -> Result<()> {
        let (name, options) = (name.to_owned(), *options);
        self.change(|store| async move { store.delete_collection(&name, &options).await })
            .await
    }

    async fn clear_collection(
        &self,
        collection: &CollectionMeta,
        options: &WriteOptions,
    ) -> Result<()> {
        let (collection, options) = (collection.clone(), *options);
        self.change(|store| async move { store.clear_collection(&collection, &options).await })
            .await
    }

    async fn create_array(
        &self,
        collection: &CollectionMeta,
        array: &ArrayMeta,
        data: Option<ArrayBuf>,
        options: &WriteOptions,
    ) -> Result<()> {
        let (collection, array) = (Arc::new(collection.clone()), array.clone());
        let (store, options) = (Arc::clone(&self.store), *options);
        let bytes = data.as_ref().map_or(0, |data| data.bytes().len());
        // A sync takes longer than waking a thread, and several at a time take less than one after the other.
        let is_quick = store.objects.files().is_some() && !options.durability.syncs();
        let is_small = is_quick && bytes <= SMALL_BYTES;
        let created = async move {
            store
                .create_array(&collection, &array, data, &options)
                .await
        };
        if is_small {
            return on_one_thread(created).await;
        }
        run(created).await
    }

    fn list_arrays<'a>(
        &'a self,
        collection: &'a CollectionMeta,
    ) -> BoxStream<'a, Result<ArrayEntry>> {
        let listed = async {
            let collection = Arc::new(collection.clone());
            self.store.list_arrays(&collection).await
        };
        stream::once(listed)
            .flat_map(|listed| match listed {
                Ok(entries) => stream::iter(entries.into_iter().map(Ok)).left_stream(),
                Err(error) => stream::iter([Err(error)]).right_stream(),
            })
            .boxed()
    }

    async fn open_array(
        &self,
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
    ) -> Result<Arc<dyn ArrayHandle>> {
        Ok(Arc::new(self.store.open_array(collection, locator).await?))
    }

    async fn delete_array(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
        options: &WriteOptions,
    ) -> Result<()> {
        let (collection, locator) = (Arc::new(collection.clone()), locator.clone());
        let durability = options.durability;
        self.change(
            |store| async move { store.delete_array(&collection, &locator, durability).await },
        )
        .await
    }

    async fn usage(&self, collection: &CollectionMeta) -> Result<Usage> {
        self.store.usage(collection).await
    }

    async fn check(&self, request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()> {
        crate::check::check(&self.store, request, sink).await
    }
}
