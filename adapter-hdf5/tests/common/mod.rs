//! One array in a store of its own.
#![allow(dead_code, reason = "not every test uses everything")]
#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use std::path::PathBuf;
use std::sync::Arc;

use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayLocator, ArrayMeta, AttributeSchema, AttributeType, Attributes,
    AxisSlab, CheckLevel, CheckRequest, CollectionMeta, DType, Dimension, Durability, Finding,
    Hyperslab, RandomIds, Result, Schema, StorageAdapter, WriteData, WriteOptions,
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
    schema_of([20, 15])
}

fn schema_of([rows, columns]: [u64; 2]) -> Schema {
    Schema::builder(DType::Int32)
        .dimension(Dimension::scale("y", rows, 0.0, 0.5, "m"))
        .dimension(Dimension::labels(
            "x",
            (0..columns).map(|number| format!("x{number}")),
        ))
        .attribute(AttributeSchema::key("k", AttributeType::Int))
        .attribute(AttributeSchema::custom("note", AttributeType::Text))
        .build()
        .unwrap()
}

impl Sample {
    pub(crate) async fn new(codec: &str) -> Self {
        Self::of_shape(codec, [20, 15], [7, 8]).await
    }

    pub(crate) async fn of_shape(codec: &str, shape: [u64; 2], chunks: [u64; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store");
        let store = Hdf5Adapter::create(&root, Arc::new(RandomIds))
            .await
            .unwrap();
        let options = json!({"codec": codec, "chunks": chunks});
        let collection = Arc::new(CollectionMeta {
            name: "c".to_owned(),
            id: Uuid::new_v4(),
            schema: schema_of(shape),
            storage: serde_json::from_value(options).unwrap(),
        });
        store.create_collection(&collection).await.unwrap();
        let array = ArrayMeta {
            id: Uuid::new_v4(),
            key: Attributes::from_iter([("k", 1_i64)]),
            custom: Attributes::from_iter([("note", "noted")]),
        };
        let count = i32::try_from(shape[0] * shape[1]).unwrap();
        let numbers: Vec<i32> = (0..count)
            .map(|number| number % 970 * number % 97)
            .collect();
        let cells = ArrayBuf::from_slice(&shape, &numbers).unwrap();
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

/// One cell of an array of 200 x 100.
fn cell_at(at: [u64; 2]) -> Hyperslab {
    let axis = |start| AxisSlab {
        start,
        count: 1,
        stride: 1,
    };
    Hyperslab::new(at.map(axis).to_vec(), &[200, 100]).unwrap()
}

/// Changes one cell, whose chunk is the last.
pub(crate) async fn change_last_chunk(sample: &Sample) {
    let cell = ArrayBuf::from_slice(&[1, 1], &[4711_i32]).unwrap();
    let array = sample.open().await.unwrap();
    let data = WriteData::Cells(cell.clone());
    let place = cell_at([150, 60]);
    array.write(&place, data, &OPTIONS).await.unwrap();
    assert_eq!(read_cell(sample, [150, 60]).await.unwrap(), cell);
}

/// Reads one cell, of whose chunk not more than a page is read, if its pages have checksums.
pub(crate) async fn read_cell(sample: &Sample, at: [u64; 2]) -> Result<ArrayBuf> {
    let out = ArrayBuf::zeroed(DType::Int32, &[1, 1]).unwrap();
    sample.open().await?.read_into(&cell_at(at), out).await
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
