//! Conditions within one process, for stores that have none.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use hyperslab_core::{Durability, Error, Result, WriterScope};
use hyperslab_engine::ObjectId;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::compute::all;

use super::at_hand::AtHand;
use super::body::Body;
use super::{Condition, Level, Listed, Object, Objects, Promises, Put, Ranges, Tail, Version};

/// How many keys can be decided at once; several keys share a lock by chance.
const LOCK_COUNT: usize = 256;

/// Of the whole process: a store may be open in it several times.
static LOCKS: LazyLock<(RandomState, Vec<Arc<Mutex<()>>>)> = LazyLock::new(|| {
    let locks = (0..LOCK_COUNT).map(|_| Arc::default());
    (RandomState::new(), locks.collect())
});

/// A medium whose conditions are decided here: look, then put, under a lock of this process. Another process that writes to the
/// same store is not noticed.
#[derive(Debug)]
pub(crate) struct SingleWriter {
    inner: Arc<dyn Objects>,
}

impl SingleWriter {
    pub(crate) fn new(inner: Arc<dyn Objects>) -> Self {
        Self { inner }
    }

    async fn lock(&self, key: &str) -> OwnedMutexGuard<()> {
        let (hasher, locks) = &*LOCKS;
        let hash = hasher.hash_one((self.inner.url(), key)).to_le_bytes();
        let lock = &locks[usize::from(hash[0]) % LOCK_COUNT];
        Arc::clone(lock).lock_owned().await
    }

    /// Does what must not stop half-way when the caller gives up: a request that is under way would come after the next one.
    async fn to_the_end<T: Send + 'static>(
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let done = tokio::spawn(work).await;
        done.map_err(|error| Error::internal(format!("a put stopped half-way: {error}")))?
    }
}

#[async_trait]
impl Objects for SingleWriter {
    fn url(&self) -> &str {
        self.inner.url()
    }

    fn promises(&self) -> Promises {
        Promises {
            writers: WriterScope::Process,
            conditional_delete: true,
            ..self.inner.promises()
        }
    }

    fn identity(&self) -> ObjectId {
        self.inner.identity()
    }

    fn at_hand(&self) -> Option<Arc<dyn AtHand>> {
        self.inner.at_hand()
    }

    async fn get(&self, key: &str) -> Result<Option<Object>> {
        self.inner.get(key).await
    }

    async fn get_ranges(
        &self,
        key: &str,
        ranges: &[Range<u64>],
        expected: Option<&Version>,
    ) -> Result<Ranges> {
        self.inner.get_ranges(key, ranges, expected).await
    }

    async fn get_tail(&self, key: &str, length: u64) -> Result<Option<Tail>> {
        self.inner.get_tail(key, length).await
    }

    async fn version(&self, key: &str) -> Result<Option<Version>> {
        self.inner.version(key).await
    }

    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: Condition,
        durability: Durability,
    ) -> Result<Put> {
        if condition == Condition::None {
            return self.inner.put(key, bytes, condition, durability).await;
        }
        let lock = self.lock(key).await;
        let (inner, key) = (Arc::clone(&self.inner), key.to_owned());
        Self::to_the_end(async move {
            let _lock = lock;
            let found = inner.version(&key).await?;
            let holds = match condition {
                Condition::None => true,
                Condition::Absent => found.is_none(),
                Condition::Is(version) => found == Some(version),
            };
            if !holds {
                return Ok(Put::Refused);
            }
            inner.put(&key, bytes, Condition::None, durability).await
        })
        .await
    }

    async fn put_new(&self, objects: Vec<(String, Body)>, durability: Durability) -> Result<()> {
        // Their keys are nobody else's, so there is nothing to decide.
        let puts = objects.into_iter().map(|(key, body)| async move {
            let bytes = body.into_bytes();
            let put = self.inner.put(&key, bytes, Condition::None, durability);
            put.await.map(drop)
        });
        all(puts).await.map(drop)
    }

    async fn delete(&self, keys: Vec<String>, durability: Durability) -> Result<()> {
        self.inner.delete(keys, durability).await
    }

    async fn delete_if(
        &self,
        key: &str,
        version: &Version,
        durability: Durability,
    ) -> Result<bool> {
        let lock = self.lock(key).await;
        let (inner, key, version) = (Arc::clone(&self.inner), key.to_owned(), version.clone());
        Self::to_the_end(async move {
            let _lock = lock;
            if inner.version(&key).await? != Some(version) {
                return Ok(false);
            }
            inner.delete(vec![key], durability).await?;
            Ok(true)
        })
        .await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Listed>> {
        self.inner.list(prefix)
    }

    async fn list_level(&self, prefix: &str) -> Result<Level> {
        self.inner.list_level(prefix).await
    }
}
