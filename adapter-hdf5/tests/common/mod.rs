//! One array in a store of its own.
#![allow(dead_code, reason = "not every test uses everything")]
#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use std::path::PathBuf;
use std::sync::Arc;

use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayLocator, ArrayMeta, AttributeSchema, AttributeType, Attributes,
    CheckLevel, CheckRequest, CollectionMeta, DType, Dimension, Durability, Finding, Hyperslab,
    RandomIds, Result, Schema, StorageAdapter, WriteOptions,
};
use hyperslab_hdf5::Hdf5Adapter;
use serde_json::json;
use uuid::Uuid;

/// A store with collection `c` and one array in it.
pub(crate) struct Sample {
    /// The store.
    pub(crate) store: Hdf5Adapter,
    /// The collection.
    pub(crate) collection: Arc<CollectionMeta>,
    /// The array.
    pub(crate) array: ArrayMeta,
    /// Its cells.
    pub(crate) cells: ArrayBuf,
    /// Its file.
    pub(crate) file: PathBuf,
    folder: tempfile::TempDir,
}

pub(crate) const OPTIONS: WriteOptions = WriteOptions {
    durability: Durability::Relaxed,
    lock_timeout: std::time::Duration::from_secs(10),
    ..WriteOptions::DEFAULT
};

pub(crate) fn schema() -> Schema {
    Schema::builder(DType::Int32)
        .dimension(Dimension::scale("y", 20, 0.0, 0.5, "m"))
        .dimension(Dimension::labels(
            "x",
            (0..15).map(|number| format!("x{number}")),
        ))
        .attribute(AttributeSchema::key("k", AttributeType::Int))
        .attribute(AttributeSchema::custom("note", AttributeType::Text))
        .build()
        .unwrap()
}

impl Sample {
    pub(crate) async fn new(codec: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store");
        let store = Hdf5Adapter::create(&root, Arc::new(RandomIds))
            .await
            .unwrap();
        let options = json!({"codec": codec, "chunks": [7, 8]});
        let collection = Arc::new(CollectionMeta {
            name: "c".to_owned(),
            id: Uuid::new_v4(),
            schema: schema(),
            storage: serde_json::from_value(options).unwrap(),
        });
        store.create_collection(&collection).await.unwrap();
        let array = ArrayMeta {
            id: Uuid::new_v4(),
            key: Attributes::from_iter([("k", 1_i64)]),
            custom: Attributes::from_iter([("note", "noted")]),
        };
        let numbers: Vec<i32> = (0..300).map(|number| number * number % 97).collect();
        let cells = ArrayBuf::from_slice(&[20, 15], &numbers).unwrap();
        store
            .create_array(&collection, &array, Some(cells.clone()), &OPTIONS)
            .await
            .unwrap();
        let file = root.join("c/arrays/k=1.nc");
        Self {
            store,
            collection,
            array,
            cells,
            file,
            folder,
        }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(crate) async fn open(&self) -> Result<Arc<dyn ArrayHandle>> {
        let locator = ArrayLocator::Key(self.array.key.clone());
        self.store.open_array(&self.collection, &locator).await
    }
}

pub(crate) async fn read_cells(sample: &Sample) -> Result<ArrayBuf> {
    let handle = sample.open().await?;
    let mut out = ArrayBuf::zeroed(DType::Int32, &[20, 15]).unwrap();
    out.bytes_mut().fill(0x55);
    handle.read_into(&Hyperslab::full(&[20, 15]), out).await
}

pub(crate) async fn findings(sample: &Sample, repair: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let request = CheckRequest {
        level: CheckLevel::Data,
        collection: None,
        repair,
    };
    sample.store.check(&request, &mut findings).await.unwrap();
    findings
}

/// The bytes with one bit changed.
pub(crate) fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}
