//! Stores that keep their promises, and stores that do not.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::super::contract_tests::check_contract;
use super::super::local::LocalObjects;
use super::super::remote::RemoteObjects;
use super::super::single_writer::SingleWriter;
use super::super::*;
use super::*;

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vice {
    None,
    /// Takes conditions and ignores them.
    IgnoresConditions,
    /// Refuses every swap.
    RefusesSwaps,
    /// Says that it cannot do it.
    KnowsNoConditions,
    /// Lists nothing.
    ListsNothing,
}

#[derive(Debug)]
struct Vicious {
    inner: RemoteObjects,
    vice: Vice,
}

fn with(vice: Vice) -> Vicious {
    Vicious {
        inner: RemoteObjects::memory(),
        vice,
    }
}

#[async_trait]
impl Objects for Vicious {
    fn url(&self) -> &str {
        self.inner.url()
    }

    fn promises(&self) -> Promises {
        Promises {
            writers: WriterScope::Cluster,
            ..self.inner.promises()
        }
    }

    fn identity(&self) -> ObjectId {
        self.inner.identity()
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
        let condition = match (self.vice, condition) {
            (Vice::IgnoresConditions, _) => Condition::None,
            (Vice::RefusesSwaps, Condition::Is(_)) => return Ok(Put::Refused),
            (Vice::KnowsNoConditions, Condition::Is(_) | Condition::Absent) => {
                return Err(Error::unsupported("no conditions"));
            }
            (_, condition) => condition,
        };
        self.inner.put(key, bytes, condition, durability).await
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
        self.inner.delete_if(key, version, durability).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Listed>> {
        match self.vice {
            Vice::ListsNothing => futures::stream::empty().boxed(),
            _ => self.inner.list(prefix),
        }
    }

    async fn list_level(&self, prefix: &str) -> Result<Level> {
        self.inner.list_level(prefix).await
    }
}

#[tokio::test]
async fn vices_are_found_and_nothing_is_left() {
    let conditions = [
        Vice::IgnoresConditions,
        Vice::RefusesSwaps,
        Vice::KnowsNoConditions,
    ];
    for vice in conditions.into_iter().chain([Vice::None]) {
        let objects = with(vice);
        let promises = probe(&objects).await.unwrap();
        let expected = match vice {
            Vice::None => WriterScope::Cluster,
            _ => WriterScope::Process,
        };
        assert_eq!(promises.writers, expected, "{vice:?}");
        let left: Vec<_> = objects.list("").try_collect().await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
    let objects = with(Vice::ListsNothing);
    let error = probe(&objects).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        objects
            .inner
            .list_level("")
            .await
            .unwrap()
            .folders
            .is_empty()
    );
}

#[tokio::test]
async fn a_single_writer_keeps_the_contract_on_any_store() {
    for vice in [
        Vice::None,
        Vice::IgnoresConditions,
        Vice::RefusesSwaps,
        Vice::KnowsNoConditions,
    ] {
        let objects = SingleWriter::new(Arc::new(with(vice)));
        assert_eq!(objects.promises().writers, WriterScope::Process);
        check_contract(Arc::new(objects)).await;
    }
}

#[tokio::test]
async fn a_disk_keeps_its_promises() {
    let folder = tempfile::tempdir().unwrap();
    let objects = LocalObjects::open(folder.path()).unwrap();
    assert_eq!(probe(&objects).await.unwrap(), objects.promises());
}
