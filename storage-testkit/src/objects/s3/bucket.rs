//! The objects of one bucket: one change at a time per key, checked against its conditions in the same step.
//!
//! The ETag is the MD5 of the content, as on AWS. It is computed from what is stored and only remembered in memory: a
//! server that writes it to a second file can be killed in between, and gives one version the ETag of another.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use s3s::crypto::{Checksum, Md5};
use s3s::dto::{self, ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3Result, s3_error};
use tokio::sync::RwLock;

/// As many changes can be under way at once.
const STRIPES: usize = 256;

/// The objects of one bucket, and the uploads in progress.
#[derive(Debug)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    /// A key's lock is held from before its ETag is looked at until the change is made.
    locks: Vec<RwLock<()>>,
    /// The ETags that are known. Changed only under the lock of the key.
    tags: Mutex<HashMap<Path, String>>,
    /// What clients say of their objects, as long as the server lives.
    metadata: Mutex<HashMap<Path, Metadata>>,
    uploads: Mutex<HashMap<String, BTreeMap<i32, Bytes>>>,
}

/// What a client says of an object.
pub(super) type Metadata = HashMap<String, String>;

/// Under which conditions a request is carried out.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    /// Counts only without `if_match`, and for reading.
    pub(super) if_unmodified_since: Option<Timestamp>,
    /// Counts only without `if_none_match`, and for reading.
    pub(super) if_modified_since: Option<Timestamp>,
}

/// One object, or a part of it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) meta: ObjectMeta,
    pub(super) tag: String,
    pub(super) metadata: Option<Metadata>,
    pub(super) range: Range<u64>,
    pub(super) body: Bytes,
}

impl Bucket {
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            locks: std::iter::repeat_with(RwLock::default)
                .take(STRIPES)
                .collect(),
            tags: Mutex::default(),
            metadata: Mutex::default(),
            uploads: Mutex::default(),
        }
    }

    fn lock(&self, path: &Path) -> &RwLock<()> {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        let stripe = hasher.finish() % STRIPES as u64;
        &self.locks[usize::try_from(stripe).unwrap()]
    }

    /// Reads an object, or what is known of it when the content is not wanted.
    pub(super) async fn get(
        &self,
        key: &str,
        range: Option<dto::Range>,
        content: bool,
        conditions: &Conditions,
    ) -> S3Result<Found> {
        let path = parse(key)?;
        let _lock = self.lock(&path).read().await;
        let tag = self.tag(&path).await?.ok_or(s3_error!(NoSuchKey))?;
        let meta = self.store.head(&path).await.map_err(failed)?;
        conditions.check_read(&tag, modified(&meta))?;
        let range = match range {
            Some(range) => range.check(meta.size)?,
            None => 0..meta.size,
        };
        let body = if content && !range.is_empty() {
            let options = GetOptions::new().with_range(Some(range.clone()));
            let found = self.store.get_opts(&path, options).await.map_err(failed)?;
            found.bytes().await.map_err(failed)?
        } else {
            Bytes::new()
        };
        Ok(Found {
            metadata: self.metadata.lock().unwrap().get(&path).cloned(),
            meta,
            tag,
            range,
            body,
        })
    }

    /// Writes an object if the conditions hold. Returns its ETag.
    pub(super) async fn put(
        &self,
        key: &str,
        content: Bytes,
        metadata: Option<Metadata>,
        conditions: &Conditions,
    ) -> S3Result<String> {
        let path = parse(key)?;
        let tag = tag_of(&content);
        let _lock = self.lock(&path).write().await;
        conditions.check_write(self.tag(&path).await?.as_deref())?;
        // Should the store fail, the old content may still be there, or not.
        self.tags.lock().unwrap().remove(&path);
        let metadata = metadata.unwrap_or_default();
        self.metadata.lock().unwrap().insert(path.clone(), metadata);
        let written = self.store.put(&path, PutPayload::from(content)).await;
        written.map_err(failed)?;
        self.tags.lock().unwrap().insert(path, tag.clone());
        Ok(tag)
    }

    /// Deletes an object if the conditions hold. Nothing to delete is no error.
    pub(super) async fn delete(&self, key: &str, conditions: &Conditions) -> S3Result<()> {
        let path = parse(key)?;
        let _lock = self.lock(&path).write().await;
        let tag = self.tag(&path).await?;
        conditions.check_write(tag.as_deref())?;
        if tag.is_some() {
            self.tags.lock().unwrap().remove(&path);
            self.store.delete(&path).await.map_err(failed)?;
        }
        Ok(())
    }

    /// All objects whose keys begin with a prefix, in order of their keys, with their ETags.
    pub(super) async fn list(
        &self,
        prefix: &str,
    ) -> S3Result<BTreeMap<String, (ObjectMeta, String)>> {
        // The store lists whole segments of a key only.
        let folder = prefix.rsplit_once('/').map(|(folder, _)| parse(folder));
        let folder = folder.transpose()?;
        let listed = self.store.list(folder.as_ref());
        let listed: Vec<ObjectMeta> = listed.try_collect().await.map_err(failed)?;
        let mut found = BTreeMap::new();
        for meta in listed {
            if meta.location.as_ref().starts_with(prefix) {
                let _lock = self.lock(&meta.location).read().await;
                // It may have been deleted since.
                if let Some(tag) = self.tag(&meta.location).await? {
                    found.insert(meta.location.to_string(), (meta, tag));
                }
            }
        }
        Ok(found)
    }

    /// The ETag of an object; `None` when there is no such object. The lock of the key must be held.
    async fn tag(&self, path: &Path) -> S3Result<Option<String>> {
        if let Some(tag) = self.tags.lock().unwrap().get(path) {
            return Ok(Some(tag.clone()));
        }
        let content = match self.store.get(path).await {
            Ok(found) => found.bytes().await.map_err(failed)?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let tag = tag_of(&content);
        self.tags.lock().unwrap().insert(path.clone(), tag.clone());
        Ok(Some(tag))
    }

    /// Begins a multipart upload. Returns its id.
    pub(super) fn begin_upload(&self) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        self.uploads
            .lock()
            .unwrap()
            .insert(id.clone(), BTreeMap::new());
        id
    }

    /// Keeps one part of an upload. Returns its ETag.
    pub(super) fn put_part(&self, id: &str, number: i32, content: Bytes) -> S3Result<String> {
        let tag = tag_of(&content);
        let mut uploads = self.uploads.lock().unwrap();
        let parts = uploads.get_mut(id).ok_or(s3_error!(NoSuchUpload))?;
        parts.insert(number, content);
        Ok(tag)
    }

    /// Joins the parts named to an object. The upload stays until it has succeeded, so that it can be tried again.
    pub(super) async fn complete_upload(
        &self,
        key: &str,
        id: &str,
        named: &[(i32, Option<ETag>)],
        conditions: &Conditions,
    ) -> S3Result<String> {
        let mut content = Vec::new();
        {
            let uploads = self.uploads.lock().unwrap();
            let parts = uploads.get(id).ok_or(s3_error!(NoSuchUpload))?;
            for (number, tag) in named {
                let part = parts.get(number).ok_or(s3_error!(InvalidPart))?;
                if tag.as_ref().is_some_and(|tag| tag.value() != tag_of(part)) {
                    return Err(s3_error!(InvalidPart));
                }
                content.extend_from_slice(part);
            }
        }
        let tag = self
            .put(key, Bytes::from(content), None, conditions)
            .await?;
        self.abort_upload(id);
        Ok(tag)
    }

    /// Forgets an upload.
    pub(super) fn abort_upload(&self, id: &str) {
        self.uploads.lock().unwrap().remove(id);
    }
}

impl Conditions {
    /// Whether the current object may be read.
    fn check_read(&self, current: &str, modified: Timestamp) -> S3Result<()> {
        let is_wanted = match (&self.if_match, &self.if_unmodified_since) {
            (Some(wanted), _) => matches(wanted, current),
            (None, Some(time)) => modified <= *time,
            (None, None) => true,
        };
        let is_known = match (&self.if_none_match, &self.if_modified_since) {
            (Some(known), _) => matches(known, current),
            (None, Some(time)) => modified <= *time,
            (None, None) => false,
        };
        match (is_wanted, is_known) {
            (false, _) => Err(s3_error!(PreconditionFailed)),
            (true, true) => Err(s3_error!(NotModified)),
            (true, false) => Ok(()),
        }
    }

    /// Whether the current object, if there is one, may be replaced or deleted.
    fn check_write(&self, current: Option<&str>) -> S3Result<()> {
        match (&self.if_match, &self.if_none_match, current) {
            // As AWS answers.
            (Some(_), _, None) => Err(s3_error!(NoSuchKey)),
            (Some(wanted), _, Some(current)) if !matches(wanted, current) => {
                Err(s3_error!(PreconditionFailed))
            }
            (_, Some(known), Some(current)) if matches(known, current) => {
                Err(s3_error!(PreconditionFailed))
            }
            _ => Ok(()),
        }
    }
}

fn matches(condition: &ETagCondition, current: &str) -> bool {
    condition
        .as_etag()
        .is_none_or(|wanted| wanted.value() == current)
}

fn tag_of(content: &[u8]) -> String {
    let digest = Md5::checksum(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// When an object was changed, to the second, as HTTP says it.
pub(super) fn modified(meta: &ObjectMeta) -> Timestamp {
    let seconds = u64::try_from(meta.last_modified.timestamp()).unwrap_or_default();
    Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn parse(key: &str) -> S3Result<Path> {
    Path::parse(key).map_err(|error| s3_error!(error, InvalidRequest))
}

fn failed(error: object_store::Error) -> S3Error {
    match error {
        object_store::Error::NotFound { .. } => s3_error!(error, NoSuchKey),
        error => S3Error::internal_error(error),
    }
}
