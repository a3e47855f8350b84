//! The adapter itself: locks, threads that may block, and the contract of [`StorageAdapter`].

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use hyperslab_core::{
    ArrayBuf, ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, Begun, Capabilities, CheckRequest,
    CollectionMeta, Durability, Error, ErrorKind, FindingSink, LockKey, LockManager, LockRequest,
    ReadStats, Result, Schema, StorageAdapter, StorageExplanation, StoreInfo, Usage, WriteOptions,
    WriterScope, blocking, stem,
};
use hyperslab_engine::Engine;
use uuid::Uuid;

use super::array::DekerArray;
use super::guard::Patience;
use super::locks::DekerLocks;
use super::schema::Layout;
use super::store::{COLLECTIONS, MACHINERY, Store};
use crate::disk;

/// The version of the layout: 0.2 in Deker's own count.
const FORMAT_VERSION: u32 = 2;

/// A storage of Deker.
#[derive(Debug)]
pub struct DekerAdapter {
    store: Arc<Store>,
    locks: Arc<DekerLocks>,
}

impl DekerAdapter {
    /// Makes a storage in a folder that is empty or does not exist, and opens it.
    ///
    /// # Errors
    /// `AlreadyExists` when the folder holds anything, `Denied` without permission.
    pub async fn create(path: &Path) -> Result<Self> {
        let root = path.to_owned();
        blocking(move || create(&root)).await
    }

    /// Opens the storage in a folder.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn open(path: &Path) -> Result<Self> {
        let root = path.to_owned();
        blocking(move || open(&root)).await
    }

    /// The same storage, read through another engine than the one that all share.
    #[must_use]
    pub fn with_engine(&self, engine: Arc<Engine>) -> Self {
        Self::at(self.store.places(), engine, self.store.patience)
    }

    /// The same storage, whose readers wait for writers of Deker as long as these options let writers wait.
    #[must_use]
    pub fn with_patience(&self, options: &WriteOptions) -> Self {
        let engine = Arc::clone(&self.store.engine);
        Self::at(self.store.places(), engine, Patience::of(options))
    }

    /// Whether a folder holds a storage of Deker.
    #[must_use]
    pub fn is_storage(path: &Path) -> bool {
        path.join(COLLECTIONS).is_dir()
    }

    fn at(places: (PathBuf, PathBuf), engine: Arc<Engine>, patience: Patience) -> Self {
        let store = Arc::new(Store::new(places, engine, patience));
        Self {
            locks: Arc::new(DekerLocks::new(Arc::clone(&store))),
            store,
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = Arc::clone(&self.store);
        blocking(move || work(&store)).await
    }

    async fn lock(
        &self,
        key: LockKey,
        options: &WriteOptions,
    ) -> Result<hyperslab_core::LockGuard> {
        let request = LockRequest::exclusive(key, options.lock_timeout);
        self.store.lock(request).await
    }

    async fn locate(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
    ) -> Result<ArrayMeta> {
        let (collection, locator) = (collection.clone(), locator.clone());
        self.run(move |store| store.locate(&collection, &locator))
            .await
    }
}

fn create(root: &Path) -> Result<DekerAdapter> {
    let fail = |source| Error::io("create", root.display(), source);
    disk::make_root(root).map_err(fail)?;
    if disk::list(root)?.iter().any(|name| name != MACHINERY) {
        return Err(Error::already_exists(format!(
            "{} is not empty; choose a new folder for the storage",
            root.display()
        )));
    }
    let collections = root.join(COLLECTIONS);
    match std::fs::create_dir(&collections) {
        // Another call was faster, and made the same.
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(fail(error)),
        made => drop(made),
    }
    disk::sync_folder(root, Durability::Synced)?;
    open(root)
}

fn open(root: &Path) -> Result<DekerAdapter> {
    if !DekerAdapter::is_storage(root) {
        return Err(Error::not_found(format!(
            "there is no storage of Deker in {}: it would have a folder '{COLLECTIONS}'; check the path",
            root.display()
        )));
    }
    let fail = |source| Error::io("open", root.display(), source);
    let places = (
        root.canonicalize().map_err(fail)?,
        named(root).map_err(fail)?,
    );
    let patience = Patience::of(&WriteOptions::default());
    Ok(DekerAdapter::at(places, Engine::shared(), patience))
}

/// The whole path of a storage, by the links that it was named by: Deker's own links name their files so.
fn named(root: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(root)?;
    let goes_up = path.components().any(|part| part == Component::ParentDir);
    if goes_up {
        path.canonicalize()
    } else {
        Ok(path)
    }
}

#[async_trait]
impl StorageAdapter for DekerAdapter {
    fn info(&self) -> StoreInfo {
        let url = self.store.url();
        StoreInfo {
            id: Uuid::new_v5(&Uuid::NAMESPACE_URL, url.as_bytes()),
            url,
            adapter: "deker",
            format_version: FORMAT_VERSION,
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            writers: WriterScope::Host,
            persistent: true,
            read_only: false,
        }
    }

    fn read_stats(&self) -> ReadStats {
        self.store.engine.stats().report()
    }

    fn locks(&self) -> Arc<dyn LockManager> {
        Arc::clone(&self.locks) as Arc<dyn LockManager>
    }

    async fn create_collection(&self, collection: &CollectionMeta) -> Result<CollectionMeta> {
        let collection = collection.clone();
        self.run(move |store| {
            store.create_collection(&collection)?;
            store.read_collection(&collection.name)
        })
        .await
    }

    fn schema_as_kept(&self, collection: &CollectionMeta) -> Result<Schema> {
        let document = Layout::of_collection(collection)?.to_document(&collection.name)?;
        Ok(Layout::from_document(&document)?.schema)
    }

    async fn explain(&self, collection: &CollectionMeta) -> Result<StorageExplanation> {
        super::storage::explain(collection)
    }

    async fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        let name = name.to_owned();
        self.run(move |store| store.read_collection(&name)).await
    }

    async fn list_collections(&self) -> Result<Vec<String>> {
        self.run(Store::list_collections).await
    }

    async fn delete_collection(&self, name: &str, options: &WriteOptions) -> Result<()> {
        let found = name.to_owned();
        self.run(move |store| match store.look(&found) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
            // One that is damaged can still be deleted.
            _ => Ok(()),
        })
        .await?;
        let guard = self.lock(LockKey::collection(name), options).await?;
        let name = name.to_owned();
        self.run(move |store| {
            let deleted = store.delete_collection(&name);
            drop(guard);
            deleted
        })
        .await
    }

    async fn clear_collection(
        &self,
        collection: &CollectionMeta,
        options: &WriteOptions,
    ) -> Result<()> {
        let guard = self
            .lock(LockKey::collection(&collection.name), options)
            .await?;
        let collection = collection.clone();
        self.run(move |store| {
            let cleared = store.clear_collection(&collection);
            drop(guard);
            cleared
        })
        .await
    }

    async fn create_array(
        &self,
        collection: &CollectionMeta,
        array: &ArrayMeta,
        data: Option<ArrayBuf>,
        options: &WriteOptions,
    ) -> Result<()> {
        // What cannot be made leaves no lock behind.
        let (place, made) = (collection.clone(), array.clone());
        self.run(move |store| store.check_new(&place, &made))
            .await?;
        // One lock for the key and one for the id: of two calls that have either in common one comes first.
        let name = |stem: String| LockKey::array(&collection.name, format!("new {stem}"));
        let mut request = LockRequest::exclusive(name(array.id.to_string()), options.lock_timeout);
        request.keys.push(name(stem(&array.key, array.id)));
        let guard = self.store.lock(request).await?;
        let (collection, array) = (collection.clone(), array.clone());
        let durability = options.durability;
        self.run(move |store| {
            store.create_array(&collection, &array, data.as_ref(), durability)?;
            store.locks.forget(guard);
            Ok(())
        })
        .await
    }

    fn list_arrays<'a>(
        &'a self,
        collection: &'a CollectionMeta,
    ) -> BoxStream<'a, Result<ArrayEntry>> {
        let collection = collection.clone();
        let listed = self.run(move |store| store.list_arrays(&collection));
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
        let place = (Arc::clone(&self.store), Arc::clone(collection));
        let ((store, collection), locator) = (place.clone(), locator.clone());
        let begin = move || {
            if let Some(meta) = store.locate_at_once(&collection, &locator) {
                return Ok(Begun::Done(meta.id));
            }
            Ok(Begun::nothing(move || {
                store.locate(&collection, &locator).map(|meta| meta.id)
            }))
        };
        let id = self.store.pace.run(begin).await?;
        Ok(Arc::new(DekerArray::new(place.0, place.1, id)))
    }

    async fn delete_array(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
        options: &WriteOptions,
    ) -> Result<()> {
        let (id, array) = match (self.locate(collection, locator).await, locator) {
            (Ok(meta), _) => (meta.id, Some(meta)),
            // One that is damaged can still be deleted, by its id.
            (Err(error), ArrayLocator::Id(id)) if error.kind() != ErrorKind::NotFound => {
                (*id, None)
            }
            (Err(error), _) => return Err(error),
        };
        let key = LockKey::array(&collection.name, id.to_string());
        let guard = self.lock(key, options).await?;
        let (collection, options) = (collection.clone(), *options);
        self.run(move |store| {
            store.delete_array(&collection, (id, array.as_ref()), &options)?;
            store.locks.forget(guard);
            Ok(())
        })
        .await
    }

    async fn usage(&self, collection: &CollectionMeta) -> Result<Usage> {
        let collection = collection.clone();
        self.run(move |store| store.usage(&collection)).await
    }

    async fn check(&self, request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()> {
        super::check::check(&self.store, request, sink).await
    }
}
