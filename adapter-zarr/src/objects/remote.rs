//! Objects of a bucket, or of the memory of this process, through `object_store`.
//!
//! One call is one request wherever that can be: no question for the size before a range, no listing before a delete. The
//! version of an object is the ETag that comes with every answer, or the generation where the store counts those.

#[cfg(feature = "cloud")]
pub(crate) mod cloud;
mod error;
mod read;
mod version;

use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use hyperslab_core::{Durability, Error, Result, WriterScope};
use hyperslab_engine::ObjectId;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, PutMode, PutOptions, PutPayload};

use self::error::Trouble;
#[cfg(feature = "cloud")]
pub(crate) use self::error::cause_without_secrets;
pub(crate) use self::version::Versioning;
use super::key::{check_key, check_prefix};
use super::{Condition, Level, Listed, Object, Objects, Promises, Put, Ranges, Tail, Version};

/// The objects of an object store below a prefix.
#[derive(Clone)]
pub(crate) struct RemoteObjects {
    store: Arc<dyn ObjectStore>,
    /// Without `/` at its ends; empty for the whole store.
    prefix: String,
    url: String,
    versioning: Versioning,
    promises: Promises,
    /// How long the next bytes of an object may take.
    idle: Duration,
    /// Of this value and its clones: another server may have the same name, and call other bytes by the same ETag.
    identity: ObjectId,
}

/// How long the next bytes of an object may take, unless set.
const IDLE: Duration = Duration::from_secs(20);

impl RemoteObjects {
    /// The objects of `store` below `prefix`, which are shown as below `url` (without secrets). The store should not retry by
    /// itself: that is what [`Patient`](super::patient::Patient) is for.
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        prefix: &str,
        url: &str,
        versioning: Versioning,
    ) -> Result<Self> {
        let prefix = prefix.trim_matches('/');
        check_prefix(prefix)?;
        Ok(Self {
            store,
            prefix: prefix.to_owned(),
            url: url.trim_end_matches('/').to_owned(),
            versioning,
            promises: Promises {
                writers: WriterScope::Cluster,
                conditional_delete: false,
                // An ETag of S3 is a hash of the bytes.
                distinct_versions: versioning == Versioning::Generation,
                persistent: true,
            },
            idle: IDLE,
            identity: ObjectId::unique(),
        })
    }

    /// Gives a read up when nothing of it comes for so long.
    pub(crate) fn with_idle(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }

    /// Objects that live as long as this process.
    pub(crate) fn memory() -> Self {
        Self {
            store: Arc::new(InMemory::new()),
            prefix: String::new(),
            url: "memory://".to_owned(),
            versioning: Versioning::ETag,
            promises: Promises {
                writers: WriterScope::Process,
                conditional_delete: false,
                distinct_versions: true,
                persistent: false,
            },
            idle: IDLE,
            identity: ObjectId::unique(),
        }
    }

    fn path(&self, key: &str) -> Result<Path> {
        check_key(key)?;
        let path = if self.prefix.is_empty() {
            Path::parse(key)
        } else {
            Path::parse(format!("{}/{key}", self.prefix))
        };
        path.map_err(|_| Error::invalid(format!("'{key}' cannot be the key of an object")))
    }

    /// The path of a prefix of a listing; `None` for the whole store.
    fn prefix_path(&self, prefix: &str) -> Result<Option<Path>> {
        check_prefix(prefix)?;
        match (prefix, self.prefix.as_str()) {
            ("", "") => Ok(None),
            ("", own) => Ok(Some(Path::parse(own).map_err(|_| {
                Error::invalid(format!("'{own}' cannot be a prefix of objects"))
            })?)),
            (prefix, _) => self.path(prefix).map(Some),
        }
    }

    fn key(&self, path: &Path) -> Option<String> {
        if self.prefix.is_empty() {
            return Some(path.as_ref().to_owned());
        }
        let below = path.as_ref().strip_prefix(&self.prefix)?;
        below.strip_prefix('/').map(ToOwned::to_owned)
    }

    fn object_url(&self, key: &str) -> String {
        let separator = if key.is_empty() || self.url.ends_with('/') {
            ""
        } else {
            "/"
        };
        format!("{}{separator}{key}", self.url)
    }

    fn trouble(&self, error: &object_store::Error, action: &str, key: &str) -> Trouble {
        Trouble::of(error, action, &self.object_url(key))
    }
}

impl Debug for RemoteObjects {
    // The store itself could show more than it should.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteObjects")
            .field("url", &self.url)
            .field("versioning", &self.versioning)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Objects for RemoteObjects {
    fn url(&self) -> &str {
        &self.url
    }

    fn promises(&self) -> Promises {
        self.promises
    }

    fn identity(&self) -> ObjectId {
        self.identity
    }

    async fn get(&self, key: &str) -> Result<Option<Object>> {
        match self.request(key, GetOptions::default()).await {
            Ok(answer) => Ok(Some(Object {
                bytes: answer.bytes,
                version: answer.version,
            })),
            Err(trouble) => trouble.absent_as_none("read", &self.object_url(key)),
        }
    }

    async fn get_ranges(
        &self,
        key: &str,
        ranges: &[Range<u64>],
        expected: Option<&Version>,
    ) -> Result<Ranges> {
        self.read_ranges(key, ranges, expected).await
    }

    async fn get_tail(&self, key: &str, length: u64) -> Result<Option<Tail>> {
        self.read_tail(key, length).await
    }

    async fn version(&self, key: &str) -> Result<Option<Version>> {
        Ok(self.head(key).await?.map(|head| head.version))
    }

    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: Condition,
        _durability: Durability,
    ) -> Result<Put> {
        let path = self.path(key)?;
        let conditional = condition != Condition::None;
        let mode = match condition {
            Condition::None => PutMode::Overwrite,
            Condition::Absent => PutMode::Create,
            Condition::Is(version) => PutMode::Update(self.versioning.update(&version)),
        };
        let options = PutOptions::from(mode);
        match self
            .store
            .put_opts(&path, PutPayload::from_bytes(bytes), options)
            .await
        {
            Ok(put) => match self.versioning.of_put(&put) {
                Some(version) => Ok(Put::Done(version)),
                None => Err(self.without_version(key)),
            },
            Err(error) => match self.trouble(&error, "put", key) {
                Trouble::Precondition | Trouble::Absent if conditional => Ok(Put::Refused),
                trouble => Err(trouble.unexpected("put", &self.object_url(key))),
            },
        }
    }

    async fn delete(&self, keys: Vec<String>, _: Durability) -> Result<()> {
        let paths = keys
            .iter()
            .map(|key| self.path(key))
            .collect::<Result<Vec<_>>>()?;
        let paths = futures::stream::iter(paths).map(Ok).boxed();
        let mut deleted = self.store.delete_stream(paths);
        while let Some(path) = deleted.next().await {
            let Err(error) = path else { continue };
            match self.trouble(&error, "delete objects of", "") {
                Trouble::Absent => {}
                trouble => return Err(trouble.unexpected("delete objects of", &self.url)),
            }
        }
        Ok(())
    }

    async fn delete_if(&self, key: &str, _: &Version, _: Durability) -> Result<bool> {
        Err(Error::unsupported(format!(
            "cannot delete {} under a condition: object stores have no such request",
            self.object_url(key)
        )))
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Listed>> {
        let path = match self.prefix_path(prefix) {
            Ok(path) => path,
            Err(error) => return futures::stream::once(async { Err(error) }).boxed(),
        };
        let url = self.object_url(prefix);
        let listing = self.store.list(path.as_ref());
        listing
            .filter_map(move |listed| {
                let listed = match listed {
                    Ok(meta) => self.key(&meta.location).map(|key| {
                        Ok(Listed {
                            key,
                            size: meta.size,
                        })
                    }),
                    Err(error) => match Trouble::of(&error, "list", &url) {
                        Trouble::Absent => None,
                        trouble => Some(Err(trouble.unexpected("list", &url))),
                    },
                };
                std::future::ready(listed)
            })
            .boxed()
    }

    async fn list_level(&self, prefix: &str) -> Result<Level> {
        let path = self.prefix_path(prefix)?;
        let result = match self.store.list_with_delimiter(path.as_ref()).await {
            Ok(result) => result,
            Err(error) => {
                let url = self.object_url(prefix);
                return match Trouble::of(&error, "list", &url) {
                    Trouble::Absent => Ok(Level::default()),
                    trouble => Err(trouble.unexpected("list", &url)),
                };
            }
        };
        let folders = result.common_prefixes.iter();
        let folders = folders.filter_map(|path| path.filename().map(ToOwned::to_owned));
        let objects = result.objects.iter().filter_map(|meta| {
            Some(Listed {
                key: self.key(&meta.location)?,
                size: meta.size,
            })
        });
        let mut level = Level {
            folders: folders.collect(),
            objects: objects.collect(),
        };
        level.folders.sort_unstable();
        level.folders.dedup();
        level.objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(level)
    }
}

#[cfg(test)]
mod tests;
