//! The adapter itself: locks, threads that may block, and the contract of [`StorageAdapter`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use hyperslab_core::{
    ArrayBuf, ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, Capabilities, CheckRequest,
    CollectionMeta, Durability, Error, ErrorKind, FindingSink, IdSource, LockGuard, LockKey,
    LockManager, LockRequest, ReadStats, Result, StorageAdapter, StorageExplanation, StoreInfo,
    Usage, WriteOptions, WriterScope, blocking,
};
use hyperslab_engine::Engine;
use uuid::Uuid;

use crate::array::{Hdf5Array, Known};
use crate::disk;
use crate::document::{self, FORMAT_VERSION, StoreDocument};
use crate::store::{MACHINERY, STORE_DOCUMENT, Store, TEMPORARIES};

/// A store of HDF5 files in a folder.
#[derive(Debug)]
pub struct Hdf5Adapter {
    store: Arc<Store>,
}

/// Takes the lock of one array.
pub(crate) async fn lock_array(
    store: &Store,
    collection: &CollectionMeta,
    stem: &str,
    options: &WriteOptions,
) -> Result<LockGuard> {
    let key = LockKey::array(&collection.name, stem);
    let request = LockRequest::exclusive(key, options.lock_timeout);
    store.locks.acquire(request).await
}

impl Hdf5Adapter {
    /// Makes a store in a folder that is empty or does not exist, and opens it.
    ///
    /// # Errors
    /// `AlreadyExists` when the folder holds a store or anything else, `Denied` without permission.
    pub async fn create(path: &Path, ids: Arc<dyn IdSource>) -> Result<Self> {
        let root = path.to_owned();
        blocking(move || create_store(&root, ids.new_id())).await
    }

    /// Opens the store in a folder.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Unsupported` for one of a newer version or another adapter.
    pub async fn open(path: &Path) -> Result<Self> {
        let root = path.to_owned();
        blocking(move || open_store(&root)).await
    }

    /// The same store, read through another engine than the one that all share.
    #[must_use]
    pub fn with_engine(&self, engine: Arc<Engine>) -> Self {
        let (root, id) = (self.store.root.clone(), self.store.id);
        Self {
            store: Arc::new(Store::new(root, id, engine)),
        }
    }

    /// Whether a folder holds a store, of any adapter.
    #[must_use]
    pub fn is_store(path: &Path) -> bool {
        path.join(STORE_DOCUMENT).is_file()
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = Arc::clone(&self.store);
        blocking(move || work(&store)).await
    }

    /// Locks an array, and deletes it if it is still the one of that id.
    async fn delete_located(
        &self,
        collection: &CollectionMeta,
        (stem, id): (String, Uuid),
        options: &WriteOptions,
    ) -> Result<()> {
        let guard = lock_array(&self.store, collection, &stem, options).await?;
        let (collection, durability) = (collection.clone(), options.durability);
        self.run(move |store| {
            store.delete_array(&collection, (&stem, id), durability)?;
            store.locks.forget(guard);
            Ok(())
        })
        .await
    }

    async fn locate(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
    ) -> Result<(String, Uuid)> {
        let (collection, locator) = (Arc::new(collection.clone()), locator.clone());
        let store = Arc::clone(&self.store);
        blocking(move || {
            let opened = store.open(&collection)?;
            let located = store.begin_locate(&collection, opened, locator)?;
            let (stem, _, meta) = located.finish()?;
            Ok((stem, meta.id))
        })
        .await
    }
}

fn create_store(root: &Path, id: Uuid) -> Result<Hdf5Adapter> {
    let fail = |source| Error::io("create", root.display(), source);
    disk::make_root(root).map_err(fail)?;
    let root = root.canonicalize().map_err(fail)?;
    let document = root.join(STORE_DOCUMENT);
    if document.exists() {
        return Err(Error::already_exists(format!(
            "there is a store in {} already; open it",
            root.display()
        )));
    }
    // The machinery may be that of another call that creates the store at this moment.
    if disk::list(&root)?.iter().any(|name| name != MACHINERY) {
        return Err(Error::already_exists(format!(
            "{} is not empty; choose a new folder for the store",
            root.display()
        )));
    }
    let temporaries = root.join(MACHINERY).join(TEMPORARIES);
    std::fs::create_dir_all(&temporaries).map_err(fail)?;
    let content = StoreDocument::new(id);
    document::write(&content, &temporaries, &document, Durability::Synced)?;
    disk::sync_folder(&root, Durability::Synced)?;
    open_store(&root)
}

fn open_store(root: &Path) -> Result<Hdf5Adapter> {
    let missing = || {
        Error::not_found(format!(
            "there is no store in {}; create one, or check the path",
            root.display()
        ))
    };
    let root: PathBuf = match root.canonicalize() {
        Ok(root) => root,
        Err(error) => {
            let error = Error::io("open", root.display(), error);
            return Err(match error.kind() {
                ErrorKind::NotFound => missing(),
                _ => error,
            });
        }
    };
    let document = StoreDocument::read(&root.join(STORE_DOCUMENT)).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            missing()
        } else {
            error
        }
    })?;
    Ok(Hdf5Adapter {
        store: Arc::new(Store::new(root, document.id, Engine::shared())),
    })
}

#[async_trait]
impl StorageAdapter for Hdf5Adapter {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            url: format!("file://{}", self.store.root.display()),
            adapter: "hdf5",
            id: self.store.id,
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
        Arc::clone(&self.store.locks) as Arc<dyn LockManager>
    }

    async fn create_collection(&self, collection: &CollectionMeta) -> Result<CollectionMeta> {
        let collection = collection.clone();
        self.run(move |store| store.create_collection(&collection).map(|()| collection))
            .await
    }

    async fn explain(&self, collection: &CollectionMeta) -> Result<StorageExplanation> {
        crate::chunk::explain(collection)
    }

    async fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        let name = name.to_owned();
        self.run(move |store| store.read_collection(&name)).await
    }

    async fn list_collections(&self) -> Result<Vec<String>> {
        self.run(Store::list_collections).await
    }

    async fn delete_collection(&self, name: &str, options: &WriteOptions) -> Result<()> {
        let name = name.to_owned();
        let found = name.clone();
        self.run(move |store| store.read_collection(&found).map(drop).or_else(unreadable))
            .await?;
        let request = LockRequest::exclusive(LockKey::collection(&name), options.lock_timeout);
        let guard = self.store.locks.acquire(request).await?;
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
        let request =
            LockRequest::exclusive(LockKey::collection(&collection.name), options.lock_timeout);
        let guard = self.store.locks.acquire(request).await?;
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
        let (collection, array) = (collection.clone(), array.clone());
        let durability = options.durability;
        self.run(move |store| store.create_array(&collection, &array, data, durability))
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
        let (store, place, wanted) = (
            Arc::clone(&self.store),
            Arc::clone(collection),
            locator.clone(),
        );
        let begin = move || {
            let document = store.document_identity(&place.name);
            let opened = store.open(&place)?;
            let variable = opened.variable.clone();
            let located = store.begin_locate(&place, opened, wanted)?;
            located.and_then(move |(stem, file, meta)| {
                let known = Known {
                    document,
                    file: Arc::downgrade(&file),
                    meta: Arc::new(meta),
                };
                Ok((stem, variable, known))
            })
        };
        let (stem, variable, known) = self.store.pace.run(begin).await?;
        let (store, collection) = (Arc::clone(&self.store), Arc::clone(collection));
        let array = Hdf5Array::new(store, collection, stem, &variable, known);
        Ok(Arc::new(array))
    }

    async fn delete_array(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
        options: &WriteOptions,
    ) -> Result<()> {
        let located = self.locate(collection, locator).await?;
        self.delete_located(collection, located, options).await
    }

    async fn usage(&self, collection: &CollectionMeta) -> Result<Usage> {
        let collection = collection.clone();
        self.run(move |store| store.usage(&collection)).await
    }

    async fn check(&self, request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()> {
        crate::check::check(&self.store, request, sink).await
    }
}

/// A collection that is damaged can still be deleted.
fn unreadable(error: Error) -> Result<()> {
    match error.kind() {
        ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
