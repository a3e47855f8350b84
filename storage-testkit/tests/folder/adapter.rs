//! The adapter itself.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use hyperslab_core::copy::{gather, scatter, scatter_scalar};
use hyperslab_core::name::check_collection_name;
use hyperslab_core::{
    ArrayBuf, ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, Attributes, Capabilities,
    CheckLevel, CheckRequest, CollectionMeta, Error, Finding, FindingKind, FindingSink, Hyperslab,
    LocalLockManager, LockGuard, LockKey, LockManager, LockMode, LockRequest, ReadPlan, ReadStats,
    Result, StorageAdapter, StorageExplanation, StoreInfo, Usage, WriteData, WriteOptions,
    WriterScope, box_bytes,
};
use hyperslab_testkit::async_trait;
use uuid::Uuid;

use crate::files::{Stored, fresh, limbo, publish, read_collection};

#[derive(Debug, Clone)]
pub(crate) struct FolderAdapter {
    root: PathBuf,
    locks: Arc<LocalLockManager>,
}

impl FolderAdapter {
    pub(crate) fn open(root: PathBuf) -> Self {
        fs::create_dir_all(limbo(&root)).unwrap();
        let locks = Arc::new(LocalLockManager::new(&root));
        Self { root, locks }
    }

    async fn lock(
        &self,
        key: LockKey,
        mode: LockMode,
        options: &WriteOptions,
    ) -> Result<LockGuard> {
        let request = LockRequest {
            keys: vec![key],
            mode,
            timeout: options.lock_timeout,
        };
        self.locks.acquire(request).await
    }

    /// Keeps the collection from being deleted or replaced, and the array from being changed by others.
    async fn lock_array(
        &self,
        collection: &CollectionMeta,
        id: Uuid,
        options: &WriteOptions,
    ) -> Result<(LockGuard, LockGuard)> {
        let whole = LockKey::collection(&collection.name);
        let whole = self.lock(whole, LockMode::Shared, options).await?;
        self.known(collection)?;
        let array = LockKey::array(&collection.name, format!("id={id}"));
        let array = self.lock(array, LockMode::Exclusive, options).await?;
        Ok((whole, array))
    }

    /// Whether the collection is still the one that the caller means.
    fn known(&self, collection: &CollectionMeta) -> Result<()> {
        if read_collection(&self.root, &collection.name)?.id == collection.id {
            return Ok(());
        }
        Err(Error::not_found("the collection was deleted"))
    }

    fn path(&self, collection: &CollectionMeta, id: Uuid) -> PathBuf {
        let folder = self.root.join(&collection.name);
        folder.join(format!("{id}.array"))
    }

    fn read(&self, collection: &CollectionMeta, id: Uuid) -> Result<Stored> {
        self.known(collection)?;
        Stored::read(&self.path(collection, id), &collection.schema)?
            .ok_or_else(|| Error::not_found(format!("array {id} does not exist")))
    }

    fn all(&self, collection: &CollectionMeta) -> Result<Vec<Stored>> {
        self.known(collection)?;
        let folder = self.root.join(&collection.name);
        let fail = |error| Error::io("list", folder.display(), error);
        let mut all = Vec::new();
        for entry in fs::read_dir(&folder).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if path.extension().is_some_and(|end| end == "array") {
                all.extend(Stored::read(&path, &collection.schema)?);
            }
        }
        Ok(all)
    }

    fn find(&self, collection: &CollectionMeta, locator: &ArrayLocator) -> Result<Uuid> {
        match locator {
            ArrayLocator::Id(id) => self.read(collection, *id).map(|stored| stored.meta.id),
            ArrayLocator::Key(key) => self
                .all(collection)?
                .into_iter()
                .find(|stored| stored.meta.key == *key)
                .map(|stored| stored.meta.id)
                .ok_or_else(|| Error::not_found(format!("array '{key}' does not exist"))),
        }
    }

    /// A folder in limbo with nothing but the description of a collection.
    fn empty(&self, collection: &CollectionMeta) -> Result<PathBuf> {
        let new = fresh(&self.root);
        fs::create_dir(&new).map_err(|error| Error::io("make", new.display(), error))?;
        let text = serde_json::to_vec(collection).unwrap();
        publish(&self.root, &new.join("collection.json"), &text)?;
        Ok(new)
    }
}

#[async_trait]
impl StorageAdapter for FolderAdapter {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            url: format!("folder://{}", self.root.display()),
            adapter: "folder",
            id: Uuid::nil(),
            format_version: 1,
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
        ReadStats::default()
    }

    fn locks(&self) -> Arc<dyn LockManager> {
        Arc::clone(&self.locks) as Arc<dyn LockManager>
    }

    async fn create_collection(&self, collection: &CollectionMeta) -> Result<CollectionMeta> {
        check_collection_name(&collection.name)?;
        if !collection.storage.is_empty() {
            return Err(Error::invalid("there are no storage options"));
        }
        let new = self.empty(collection)?;
        let renamed = fs::rename(&new, self.root.join(&collection.name));
        renamed.map_err(|error| {
            fs::remove_dir_all(&new).unwrap();
            match error.kind() {
                io::ErrorKind::DirectoryNotEmpty => Error::already_exists(&collection.name),
                _ => Error::io("create", &collection.name, error),
            }
        })?;
        Ok(collection.clone())
    }

    async fn explain(&self, collection: &CollectionMeta) -> Result<StorageExplanation> {
        if !collection.storage.is_empty() {
            return Err(Error::invalid("there are no storage options"));
        }
        let schema = &collection.schema;
        let shape: Vec<u64> = schema.shape().iter().map(|&size| size.max(1)).collect();
        let bytes = box_bytes(&shape, schema.dtype().size());
        Ok(StorageExplanation {
            chunk_shape: shape,
            chunk_bytes: bytes,
            shard_shape: None,
            tile_shape: None,
            codecs: Vec::new(),
            objects_per_array: 1,
            object_bytes: bytes,
            reasons: Vec::new(),
        })
    }

    async fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        check_collection_name(name)?;
        read_collection(&self.root, name)
    }

    async fn list_collections(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = fs::read_dir(&self.root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        Ok(names)
    }

    async fn delete_collection(&self, name: &str, options: &WriteOptions) -> Result<()> {
        check_collection_name(name)?;
        let key = LockKey::collection(name);
        let _guard = self.lock(key, LockMode::Exclusive, options).await?;
        let old = fresh(&self.root);
        fs::rename(self.root.join(name), &old).map_err(|error| Error::io("delete", name, error))?;
        fs::remove_dir_all(&old).unwrap();
        Ok(())
    }

    async fn clear_collection(
        &self,
        collection: &CollectionMeta,
        options: &WriteOptions,
    ) -> Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        let key = LockKey::collection(&collection.name);
        let _guard = self.lock(key, LockMode::Exclusive, options).await?;
        self.known(collection)?;
        let new = self.empty(collection)?;
        let old = self.root.join(&collection.name);
        renameat_with(CWD, &new, CWD, &old, RenameFlags::EXCHANGE).unwrap();
        fs::remove_dir_all(&new).unwrap();
        Ok(())
    }

    async fn create_array(
        &self,
        collection: &CollectionMeta,
        array: &ArrayMeta,
        data: Option<ArrayBuf>,
        options: &WriteOptions,
    ) -> Result<()> {
        let schema = &collection.schema;
        let cells = match data {
            Some(cells) => {
                check_cells(&cells, collection, &Hyperslab::full(&schema.shape()))?;
                cells
            }
            None => ArrayBuf::filled(schema.fill_value(), &schema.shape())?,
        };
        let key = LockKey::collection(&collection.name);
        let _guard = self.lock(key, LockMode::Exclusive, options).await?;
        let taken = |known: &Stored| {
            known.meta.id == array.id || (!array.key.is_empty() && known.meta.key == array.key)
        };
        if self.all(collection)?.iter().any(taken) {
            return Err(Error::already_exists(array.key.to_string()));
        }
        let stored = Stored {
            meta: array.clone(),
            cells,
        };
        let path = self.path(collection, array.id);
        publish(&self.root, &path, &stored.to_bytes())
    }

    fn list_arrays<'a>(
        &'a self,
        collection: &'a CollectionMeta,
    ) -> BoxStream<'a, Result<ArrayEntry>> {
        match self.all(collection) {
            Ok(all) => stream::iter(all)
                .map(|stored| {
                    Ok(ArrayEntry {
                        key: stored.meta.key,
                        id: Some(stored.meta.id),
                    })
                })
                .boxed(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    async fn open_array(
        &self,
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
    ) -> Result<Arc<dyn ArrayHandle>> {
        Ok(Arc::new(FolderArray {
            id: self.find(collection, locator)?,
            adapter: self.clone(),
            collection: Arc::clone(collection),
        }))
    }

    async fn delete_array(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
        options: &WriteOptions,
    ) -> Result<()> {
        let id = self.find(collection, locator)?;
        let (_whole, array) = self.lock_array(collection, id, options).await?;
        let path = self.path(collection, id);
        fs::remove_file(&path).map_err(|error| Error::io("delete", path.display(), error))?;
        self.locks.forget(array);
        Ok(())
    }

    async fn usage(&self, collection: &CollectionMeta) -> Result<Usage> {
        Ok(Usage {
            array_count: self.all(collection)?.len() as u64,
            ..Usage::default()
        })
    }

    async fn check(&self, request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()> {
        if let Some(name) = &request.collection {
            read_collection(&self.root, name)?;
        }
        let finding = |kind, subject: String| Finding {
            level: CheckLevel::Arrays,
            kind,
            collection: None,
            subject,
            message: "left behind".to_owned(),
            repairable: true,
            repaired: request.repair,
        };
        for lock in self.locks.holders().await?.iter().filter(|lock| lock.stale) {
            if request.repair {
                self.locks.break_lock(lock).await?;
            }
            sink.report(finding(FindingKind::StaleLock, lock.key.to_string()));
        }
        for entry in fs::read_dir(limbo(&self.root)).unwrap() {
            let path = entry.unwrap().path();
            if request.repair {
                let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
            }
            sink.report(finding(FindingKind::Leftover, path.display().to_string()));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct FolderArray {
    adapter: FolderAdapter,
    collection: Arc<CollectionMeta>,
    id: Uuid,
}

impl FolderArray {
    async fn change<T>(
        &self,
        options: &WriteOptions,
        change: impl FnOnce(&mut Stored) -> Result<T>,
    ) -> Result<T> {
        let adapter = &self.adapter;
        let guard = adapter.lock_array(&self.collection, self.id, options);
        let _guard = guard.await?;
        let mut stored = adapter.read(&self.collection, self.id)?;
        let changed = change(&mut stored)?;
        let path = adapter.path(&self.collection, self.id);
        publish(&adapter.root, &path, &stored.to_bytes())?;
        Ok(changed)
    }
}

#[async_trait]
impl ArrayHandle for FolderArray {
    async fn meta(&self) -> Result<ArrayMeta> {
        Ok(self.adapter.read(&self.collection, self.id)?.meta)
    }

    async fn read_into(&self, slab: &Hyperslab, mut out: ArrayBuf) -> Result<ArrayBuf> {
        check_cells(&out, &self.collection, slab)?;
        let cells = self.adapter.read(&self.collection, self.id)?.cells;
        let item_size = cells.dtype().size();
        let target = out.bytes_mut();
        gather(cells.bytes(), cells.shape(), item_size, slab, target)?;
        Ok(out)
    }

    async fn write(&self, slab: &Hyperslab, data: WriteData, options: &WriteOptions) -> Result<()> {
        let (shape, dtype) = (
            self.collection.schema.shape(),
            self.collection.schema.dtype(),
        );
        if let WriteData::Cells(cells) = &data {
            check_cells(cells, &self.collection, slab)?;
        }
        self.change(options, |stored| {
            let target = stored.cells.bytes_mut();
            match &data {
                WriteData::Scalar(value) if value.dtype() == dtype => {
                    scatter_scalar(&value.to_bytes(), target, &shape, slab)
                }
                WriteData::Scalar(_) => Err(Error::invalid("the value has another type")),
                WriteData::Cells(cells) => {
                    scatter(cells.bytes(), target, &shape, dtype.size(), slab)
                }
            }
        })
        .await
    }

    async fn update_attributes(
        &self,
        changed: &Attributes,
        removed: &[String],
        options: &WriteOptions,
    ) -> Result<ArrayMeta> {
        let schema = &self.collection.schema;
        self.change(options, |stored| {
            let mut custom = stored.meta.custom.clone();
            for (name, value) in changed.iter() {
                custom.insert(name, value.clone());
            }
            for name in removed {
                custom.remove(name);
            }
            stored.meta.custom = schema.check_custom(&custom)?;
            Ok(stored.meta.clone())
        })
        .await
    }

    async fn plan(&self, _slab: &Hyperslab) -> Result<ReadPlan> {
        self.meta().await.map(|_| ReadPlan::default())
    }

    async fn flush(&self) -> Result<()> {
        // Every write is published at once.
        Ok(())
    }
}

fn check_cells(given: &ArrayBuf, collection: &CollectionMeta, slab: &Hyperslab) -> Result<()> {
    if given.dtype() == collection.schema.dtype() && given.shape() == slab.shape() {
        return Ok(());
    }
    Err(Error::invalid(format!("{given:?} given for {slab}")))
}
