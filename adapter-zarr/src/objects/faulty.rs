//! A medium that fails by a script, for tests.

use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use hyperslab_core::{Durability, Result};
use hyperslab_engine::ObjectId;
use tokio::time::sleep;

use super::failure::{Failure, Hope, unavailable};
use super::*;

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Nothing was done.
    Before(Hope),
    /// It was done, and the answer is lost.
    After,
    /// It was done at once, and no answer ever comes.
    Never,
    /// Done after the first time, answered after the second.
    Slow(Duration, Duration),
    /// For listings: breaks off after so many objects.
    Cut(usize),
}

type Script = dyn Fn(u64, &str, &str) -> Fault + Send + Sync;

/// Asks a script (number of the call, operation, key) before each call.
pub(crate) struct Faulty<O> {
    pub(crate) inner: O,
    script: Box<Script>,
    count: AtomicU64,
}

impl<O> Faulty<O> {
    pub(crate) fn new(
        inner: O,
        script: impl Fn(u64, &str, &str) -> Fault + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            script: Box::new(script),
            count: AtomicU64::new(0),
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn fault(&self, operation: &str, key: &str) -> Fault {
        (self.script)(self.count.fetch_add(1, Ordering::Relaxed), operation, key)
    }

    async fn call<T: Send>(
        &self,
        operation: &str,
        key: &str,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let fault = self.fault(operation, key);
        let failed = |hope| Err(unavailable(operation, key, Failure::new(hope, "scripted")));
        match fault {
            Fault::None | Fault::Cut(_) => work.await,
            Fault::Before(hope) => failed(hope),
            Fault::After => {
                work.await?;
                failed(Hope::Passing)
            }
            Fault::Never => {
                work.await?;
                std::future::pending().await
            }
            Fault::Slow(before, after) => {
                sleep(before).await;
                let done = work.await;
                sleep(after).await;
                done
            }
        }
    }
}

impl<O: Debug> Debug for Faulty<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({:?})", self.inner)
    }
}

#[async_trait]
impl<O: Objects> Objects for Arc<Faulty<O>> {
    fn url(&self) -> &str {
        self.inner.url()
    }

    fn promises(&self) -> Promises {
        self.inner.promises()
    }

    fn identity(&self) -> ObjectId {
        self.inner.identity()
    }

    async fn get(&self, key: &str) -> Result<Option<Object>> {
        self.call("get", key, self.inner.get(key)).await
    }

    async fn get_ranges(
        &self,
        key: &str,
        ranges: &[Range<u64>],
        expected: Option<&Version>,
    ) -> Result<Ranges> {
        let work = self.inner.get_ranges(key, ranges, expected);
        self.call("get_ranges", key, work).await
    }

    async fn get_tail(&self, key: &str, length: u64) -> Result<Option<Tail>> {
        let work = self.inner.get_tail(key, length);
        self.call("get_tail", key, work).await
    }

    async fn version(&self, key: &str) -> Result<Option<Version>> {
        self.call("version", key, self.inner.version(key)).await
    }

    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: Condition,
        durability: Durability,
    ) -> Result<Put> {
        let work = self.inner.put(key, bytes, condition, durability);
        self.call("put", key, work).await
    }

    async fn delete(&self, keys: Vec<String>, durability: Durability) -> Result<()> {
        let work = self.inner.delete(keys, durability);
        self.call("delete", "", work).await
    }

    async fn delete_if(
        &self,
        key: &str,
        version: &Version,
        durability: Durability,
    ) -> Result<bool> {
        let work = self.inner.delete_if(key, version, durability);
        self.call("delete_if", key, work).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Listed>> {
        let listing = self.inner.list(prefix);
        match self.fault("list", prefix) {
            Fault::Cut(count) => {
                let failure = Failure::new(Hope::Passing, "scripted");
                let error = unavailable("list", prefix, failure);
                let end = futures::stream::once(async { Err(error) });
                listing.take(count).chain(end).boxed()
            }
            _ => listing,
        }
    }

    async fn list_level(&self, prefix: &str) -> Result<Level> {
        self.call("list_level", prefix, self.inner.list_level(prefix))
            .await
    }
}
