//! Objects in a bucket, under the SHA-256 of their content: `sha256/PP/KEY` below a prefix, and `blobs.json`, which says what it is.
//!
//! An object is there when its put was answered, whole or not at all. Two that put the same put the same bytes under the same name,
//! so it does not matter who was first. The calls wait for the network: they are for threads that may, never for those of a runtime.

mod collecting;
mod ranges;
mod root;

use std::io::{Read, Seek, Write};
use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use hyperslab_core::{Error, Result, without_secrets};
use object_store::path::Path;
use object_store::{
    Attribute, GetOptions, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload,
};
use tempfile::SpooledTempFile;
use tokio::runtime::Handle;
use uuid::Uuid;

use self::ranges::RangeReader;
use crate::convenience::{check_keys, not_there, read_failed, those_there};
use crate::hashing::drain;
use crate::reader::Streamed;
use crate::verified::verified;
use crate::{
    BlobInfo, BlobKey, BlobKeys, BlobReader, BlobRepository, BlobStat, BlobUsage, CollectPlan,
    CollectReport, KeyFormat, Missing, Named, Placement, Put,
};

/// What is shorter is put in one request.
const SINGLE_BYTES: u64 = 8 << 20;

/// The attribute of an object by which whoever put it knows it again.
const MARK: &str = "hyperslab-put";

/// Bytes of a part of what is longer: 10,000 parts are allowed.
const PART_BYTES: usize = 16 << 20;

/// Requests that are under way at once for a call about many objects.
const REQUESTS: usize = 16;

/// Objects in a bucket.
#[derive(Debug)]
pub struct BucketBlobs {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    runtime: Handle,
    id: Uuid,
}

impl BucketBlobs {
    /// Opens the repository below a prefix. Requests go through the runtime, whose threads may not call this.
    ///
    /// # Errors
    /// `NotFound`; `Unsupported` for one of a later version; `Corrupt`; what the store says.
    pub fn open(store: Arc<dyn ObjectStore>, prefix: Path, runtime: Handle) -> Result<Self> {
        let id = runtime.block_on(root::read(&*store, &prefix))?;
        Ok(Self {
            store,
            prefix,
            runtime,
            id,
        })
    }

    /// The same, with another client of the same bucket.
    #[must_use]
    pub fn through(self, store: Arc<dyn ObjectStore>) -> Self {
        Self { store, ..self }
    }

    /// Makes a repository below a prefix. Of several that make one at once one does.
    ///
    /// # Errors
    /// `AlreadyExists`; what the store says.
    pub fn create(store: Arc<dyn ObjectStore>, prefix: Path, runtime: Handle) -> Result<Self> {
        runtime.block_on(root::create(&*store, &prefix))?;
        Self::open(store, prefix, runtime)
    }

    fn path(&self, key: &BlobKey) -> Path {
        let text = key.text();
        let folder = text.get(..2).unwrap_or_default();
        self.objects().join(folder).join(&*text)
    }

    fn objects(&self) -> Path {
        self.prefix.clone().join(KeyFormat::Sha256.name())
    }

    /// Deletes what has these names: how many there are.
    async fn remove(&self, paths: impl Stream<Item = Result<Path>>) -> Result<u64> {
        let gone = paths.map_ok(|path| async move {
            match self.store.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(1),
                Err(error) => Err(bucket_error("delete", &path, &error)),
            }
        });
        let counts = gone.try_buffer_unordered(REQUESTS);
        counts
            .try_fold(0, |sum, one| async move { Ok(sum + one) })
            .await
    }

    /// Puts what was spooled: whether it was there already.
    async fn upload(
        &self,
        key: &BlobKey,
        spooled: &mut SpooledTempFile,
        size: u64,
    ) -> Result<bool> {
        let path = self.path(key);
        loop {
            spooled.rewind().map_err(spooling)?;
            let existed = match size <= SINGLE_BYTES {
                true => self.upload_small(&path, spooled).await?,
                false => self.upload_large(&path, spooled).await?,
            };
            if !existed || self.renew(key).await? {
                return Ok(existed);
            }
            // It may be gone by now.
        }
    }

    async fn upload_small(&self, path: &Path, spooled: &mut SpooledTempFile) -> Result<bool> {
        let mut bytes = Vec::new();
        spooled.read_to_end(&mut bytes).map_err(spooling)?;
        // By this one's own put is told from another's when its answer is lost, and it is tried again.
        let ours = Uuid::new_v4().to_string();
        let mut options = PutOptions::from(PutMode::Create);
        let mark = Attribute::Metadata(MARK.into());
        options.attributes.insert(mark.clone(), ours.clone().into());
        match self.store.put_opts(path, bytes.into(), options).await {
            Ok(_) => return Ok(false),
            Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(bucket_error("write", path, &error)),
        }
        let head = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        match self.store.get_opts(path, head).await {
            Ok(found) => Ok(found
                .attributes
                .get(&mark)
                .is_none_or(|mark| **mark != *ours)),
            Err(object_store::Error::NotFound { .. }) => Ok(true),
            Err(error) => Err(bucket_error("read", path, &error)),
        }
    }

    async fn upload_large(&self, path: &Path, spooled: &mut SpooledTempFile) -> Result<bool> {
        if self.head(path).await?.is_some() {
            return Ok(true);
        }
        // It has its name when all parts are there, and whoever puts the same has put the same.
        let begun = self.store.put_multipart(path).await;
        let mut upload = begun.map_err(|error| bucket_error("write", path, &error))?;
        let sent = self.send(path, &mut *upload, spooled).await;
        if sent.is_err() {
            // What was sent costs money as long as it is there.
            let _ = upload.abort().await;
        }
        sent.map(|()| false)
    }

    async fn send(
        &self,
        path: &Path,
        upload: &mut dyn MultipartUpload,
        spooled: &mut SpooledTempFile,
    ) -> Result<()> {
        loop {
            let mut part = Vec::with_capacity(PART_BYTES);
            Read::take(&mut *spooled, PART_BYTES as u64)
                .read_to_end(&mut part)
                .map_err(spooling)?;
            if part.is_empty() {
                break;
            }
            let put = upload.put_part(PutPayload::from(part)).await;
            put.map_err(|error| bucket_error("write", path, &error))?;
        }
        match upload.complete().await {
            Ok(_) => Ok(()),
            // It may be complete, and the answer lost: what has the name is what was put under it.
            Err(_) if matches!(self.head(path).await, Ok(Some(_))) => Ok(()),
            Err(error) => Err(bucket_error("write", path, &error)),
        }
    }

    /// The size of an object, if it is there.
    async fn head(&self, path: &Path) -> Result<Option<u64>> {
        match self.store.head(path).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(bucket_error("read", path, &error)),
        }
    }

    async fn sizes(&self, keys: &[BlobKey]) -> Result<Vec<Option<u64>>> {
        let paths: Vec<Path> = keys.iter().map(|key| self.path(key)).collect();
        let asked = paths.iter().map(|path| self.head(path));
        stream::iter(asked).buffered(REQUESTS).try_collect().await
    }
}

impl BlobRepository for BucketBlobs {
    fn info(&self) -> BlobInfo {
        BlobInfo {
            id: Some(self.id),
            key_format: KeyFormat::Sha256,
            read_only: false,
        }
    }

    fn put(&self, source: &mut dyn Read) -> Result<Put> {
        // The name is the hash of all of it.
        let mut spooled = SpooledTempFile::new(usize::try_from(SINGLE_BYTES).unwrap_or(0));
        let (size, sha256) = drain(source, |block| spooled.write_all(block))
            .map_err(|broken| broken.error(spooling))?;
        let key = BlobKey::of_digest(KeyFormat::Sha256, &sha256.0);
        let existed = self
            .runtime
            .block_on(self.upload(&key, &mut spooled, size))?;
        Ok(Put {
            key,
            size,
            sha256,
            existed,
        })
    }

    fn stat_many(&self, keys: &[BlobKey]) -> Result<Vec<Option<BlobStat>>> {
        check_keys(self, keys)?;
        let sizes = self.runtime.block_on(self.sizes(keys))?;
        let stat = |size: Option<u64>| {
            size.map(|size| BlobStat {
                size,
                placement: Placement::Loose,
            })
        };
        Ok(sizes.into_iter().map(stat).collect())
    }

    fn renew(&self, keys: &[BlobKey]) -> Result<Vec<bool>> {
        check_keys(self, keys)?;
        self.runtime.block_on(self.renew_all(keys))
    }

    fn open(&self, key: &BlobKey) -> Result<Box<dyn BlobReader>> {
        check_keys(self, std::slice::from_ref(key))?;
        let path = self.path(key);
        let Some(size) = self.runtime.block_on(self.head(&path))? else {
            return Err(not_there(key));
        };
        let reader = RangeReader::new(Arc::clone(&self.store), path, self.runtime.clone(), size);
        verified(key, Box::new(Streamed::new(reader, size)))
            .map_err(|source| read_failed(key, source))
    }

    fn list(&self) -> Result<BlobKeys<'_>> {
        let prefix = self.objects();
        let mut found = self.store.list(Some(&prefix));
        let keys = std::iter::from_fn(move || {
            loop {
                let object = match self.runtime.block_on(found.next())? {
                    Ok(object) => object,
                    Err(error) => return Some(Err(bucket_error("list", &prefix, &error))),
                };
                // What is called otherwise is none of ours.
                let name = object.location.filename().unwrap_or_default();
                if let Ok(key) = BlobKey::parse(KeyFormat::Sha256, name) {
                    return Some(Ok(key));
                }
            }
        });
        Ok(Box::new(keys))
    }

    fn delete_many(&self, keys: &[BlobKey], missing: Missing) -> Result<u64> {
        check_keys(self, keys)?;
        let sizes = self.runtime.block_on(self.sizes(keys))?;
        let there = those_there(keys, &sizes, missing)?;
        let there = there.into_iter().map(|key| Ok(self.path(key)));
        self.runtime.block_on(self.remove(stream::iter(there)))
    }

    fn collect(&self, plan: &CollectPlan, named: &mut Named<'_>) -> Result<CollectReport> {
        self.runtime.block_on(self.collect_unnamed(plan, named))
    }

    fn usage(&self) -> Result<BlobUsage> {
        let prefix = self.objects();
        let mut usage = BlobUsage::default();
        self.runtime.block_on(async {
            let mut found = self.store.list(Some(&prefix));
            while let Some(object) = found.next().await {
                let object = object.map_err(|error| bucket_error("list", &prefix, &error))?;
                usage.objects += 1;
                usage.content_bytes += object.size;
                usage.stored_bytes += object.size;
            }
            Ok(usage)
        })
    }

    fn erase(&self) -> Result<()> {
        let keys: Vec<BlobKey> = self.list()?.collect::<Result<_>>()?;
        self.delete_many(&keys, Missing::Skip)?;
        self.runtime.block_on(async {
            self.forget_all().await?;
            root::remove(&*self.store, &self.prefix).await
        })
    }
}

fn spooling(error: std::io::Error) -> Error {
    Error::io("spool", "an object", error)
}

/// What the store of a bucket answers, as an error of ours: what was to be done, to which object, and why it was not, without anything
/// that may be a secret.
#[must_use]
pub fn bucket_error(action: &str, path: &Path, error: &object_store::Error) -> Error {
    use object_store::Error as Store;
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let why = without_secrets(&cause.to_string());
    let what = format!("cannot {action} {path} in the bucket: {why}");
    match error {
        Store::NotFound { .. } => Error::not_found(what),
        Store::AlreadyExists { .. } => Error::already_exists(what),
        Store::Precondition { .. } => Error::conflict(what),
        Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => Error::denied(what),
        Store::NotSupported { .. } | Store::NotImplemented { .. } => Error::unsupported(what),
        _ => Error::unavailable(format!("{what}; try again later")),
    }
}
