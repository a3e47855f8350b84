//! What a migration says of arrays that it cannot copy: each is told once, and none is called right.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use hyperslab::prelude::*;
use hyperslab::{
    ArrayBuf, ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, AttributeSchema, AttributeType,
    Capabilities, CheckLevel, CheckRequest, Collection, CollectionMeta, Error, Finding,
    FindingKind, FindingSink, LockManager, MemoryAdapter, MigrateOptions, MigrateReport, ReadStats,
    Result, StorageAdapter, StorageExplanation, StoreInfo, StoreOptions, Usage, WriteOptions, key,
    migrate,
};
use uuid::Uuid;

/// A store in memory that says it is of Deker, and has faults.
#[derive(Debug, Clone, Default)]
struct Faulty {
    inner: MemoryAdapter,
    /// Arrays that do not open.
    unreadable: HashSet<Uuid>,
    /// Arrays that do not open and that no listing has.
    hidden: HashSet<Uuid>,
    /// A collection that does not open.
    closed: Option<String>,
    findings: Vec<Finding>,
}

#[async_trait]
impl StorageAdapter for Faulty {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            adapter: "deker",
            ..self.inner.info()
        }
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn read_stats(&self) -> ReadStats {
        self.inner.read_stats()
    }

    fn locks(&self) -> Arc<dyn LockManager> {
        self.inner.locks()
    }

    async fn create_collection(&self, collection: &CollectionMeta) -> Result<CollectionMeta> {
        self.inner.create_collection(collection).await
    }

    async fn explain(&self, collection: &CollectionMeta) -> Result<StorageExplanation> {
        self.inner.explain(collection).await
    }

    async fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        if self.closed.as_deref() == Some(name) {
            return Err(Error::corrupt("no schema"));
        }
        self.inner.read_collection(name).await
    }

    async fn list_collections(&self) -> Result<Vec<String>> {
        self.inner.list_collections().await
    }

    async fn delete_collection(&self, name: &str, options: &WriteOptions) -> Result<()> {
        self.inner.delete_collection(name, options).await
    }

    async fn clear_collection(
        &self,
        collection: &CollectionMeta,
        options: &WriteOptions,
    ) -> Result<()> {
        self.inner.clear_collection(collection, options).await
    }

    async fn create_array(
        &self,
        collection: &CollectionMeta,
        array: &ArrayMeta,
        data: Option<ArrayBuf>,
        options: &WriteOptions,
    ) -> Result<()> {
        self.inner
            .create_array(collection, array, data, options)
            .await
    }

    fn list_arrays<'a>(
        &'a self,
        collection: &'a CollectionMeta,
    ) -> BoxStream<'a, Result<ArrayEntry>> {
        let is_listed = |entry: &Result<ArrayEntry>| {
            let id = entry.as_ref().ok().and_then(|entry| entry.id);
            id.is_none_or(|id| !self.hidden.contains(&id))
        };
        let listed = self.inner.list_arrays(collection);
        listed
            .filter(move |entry| std::future::ready(is_listed(entry)))
            .boxed()
    }

    async fn open_array(
        &self,
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
    ) -> Result<Arc<dyn ArrayHandle>> {
        let opened = self.inner.open_array(collection, locator).await?;
        let id = opened.meta().await?.id;
        if self.unreadable.contains(&id) || self.hidden.contains(&id) {
            return Err(Error::unsupported("the number 2^63 does not fit"));
        }
        Ok(opened)
    }

    async fn delete_array(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
        options: &WriteOptions,
    ) -> Result<()> {
        self.inner.delete_array(collection, locator, options).await
    }

    async fn usage(&self, collection: &CollectionMeta) -> Result<Usage> {
        self.inner.usage(collection).await
    }

    async fn check(&self, _request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()> {
        for finding in &self.findings {
            sink.report(finding.clone());
        }
        Ok(())
    }
}

fn finding(kind: FindingKind, subject: impl ToString) -> Finding {
    Finding {
        level: CheckLevel::Arrays,
        kind,
        collection: Some("weather".to_owned()),
        subject: subject.to_string(),
        message: "what is wrong".to_owned(),
        repairable: false,
        repaired: false,
    }
}

/// Three arrays of a store that has no faults yet, and their ids.
async fn weather(adapter: &Faulty) -> (Collection, [Uuid; 3]) {
    let store = Store::new(Arc::new(adapter.clone()), StoreOptions::default());
    let schema = Schema::builder(DType::Int32)
        .attribute(AttributeSchema::key("station", AttributeType::Text))
        .dimension(Dimension::new("x", 3));
    let weather = store
        .create_collection("weather", schema.build().unwrap())
        .await
        .unwrap();
    let mut ids = [Uuid::nil(); 3];
    for (id, station) in ids.iter_mut().zip(["a", "b", "c"]) {
        *id = weather
            .create(key! { station: station })
            .await
            .unwrap()
            .id();
    }
    (weather, ids)
}

async fn migrated(adapter: Faulty) -> (MigrateReport, Store) {
    let from = Store::new(Arc::new(adapter), StoreOptions::default());
    let to = Store::create("memory://").await.unwrap();
    let options = MigrateOptions {
        verify: true,
        concurrency: 2,
        ..MigrateOptions::default()
    };
    let report = migrate(&from, &to, &options, &|_| {}).await.unwrap();
    (report, to)
}

fn left_out(report: &MigrateReport) -> Vec<(String, Option<Uuid>)> {
    let copied = report.collections[0].outcome.as_ref().unwrap();
    let left_out = copied.left_out.iter();
    left_out
        .map(|array| (array.array.clone(), array.id))
        .collect()
}

#[tokio::test]
async fn an_array_that_is_left_out_is_told_once_and_not_called_right() {
    for is_hidden in [false, true] {
        let mut adapter = Faulty::default();
        let (_, [_, b, _]) = weather(&adapter).await;
        let bad = if is_hidden {
            &mut adapter.hidden
        } else {
            &mut adapter.unreadable
        };
        bad.insert(b);
        adapter.findings = vec![
            finding(FindingKind::Unverified, b),
            finding(FindingKind::IndexDisagrees, format!("links/b/{b}.hdf5")),
        ];
        let (report, to) = migrated(adapter).await;
        let name = if is_hidden {
            format!("id={b}")
        } else {
            "station=b".to_owned()
        };
        assert_eq!(left_out(&report), [(name, Some(b))]);
        assert_eq!(report.repaired, []);
        assert_eq!((report.lost.len(), report.lost_besides().count()), (2, 0));
        assert!(!report.is_whole());
        let there = to.collection("weather").await.unwrap();
        assert_eq!(there.find("").count().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn what_is_right_in_the_copy_was_copied() {
    let mut adapter = Faulty::default();
    let (_, [a, b, _]) = weather(&adapter).await;
    let tile = Uuid::from_u128(7);
    adapter.findings = vec![
        finding(FindingKind::IndexDisagrees, format!("links/a/{a}.hdf5")),
        finding(FindingKind::SchemaDisagrees, tile),
        // Locked when it was looked at, and not when it was copied.
        finding(FindingKind::Unverified, b),
    ];
    let (report, _) = migrated(adapter.clone()).await;
    assert_eq!(report.repaired, adapter.findings[..2]);
    assert_eq!(report.lost, []);
    assert!(report.is_whole());

    adapter.findings = vec![
        finding(FindingKind::Unverified, tile),
        finding(FindingKind::Corrupt, tile),
    ];
    let (report, _) = migrated(adapter).await;
    assert_eq!(report.lost_besides().count(), 2);
    assert!(report.repaired.is_empty() && !report.is_whole());
}

#[tokio::test]
async fn a_collection_that_does_not_open_is_told_once() {
    let mut adapter = Faulty::default();
    let (_, [a, ..]) = weather(&adapter).await;
    adapter.closed = Some("weather".to_owned());
    adapter.findings = vec![
        finding(FindingKind::CollectionUnreadable, "weather.json"),
        finding(FindingKind::IndexDisagrees, format!("links/a/{a}.hdf5")),
    ];
    let (report, _) = migrated(adapter).await;
    assert!(report.collections[0].outcome.is_err());
    assert!(report.repaired.is_empty() && !report.is_whole());
    assert_eq!(report.lost_besides().count(), 0);
}
