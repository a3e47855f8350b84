//! Writes that are buffered: who sees them when, and what becomes of them when they cannot be published.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayLocator, ArrayMeta, AttributeSchema, AttributeType, Attributes,
    AxisSlab, CollectionMeta, DType, Dimension, Durability, ErrorKind, Hyperslab, RandomIds,
    Schema, StorageAdapter, WriteData, WriteOptions,
};
use hyperslab_testkit::objects::{FaultPlan, FaultStore};
use hyperslab_zarr::{Medium, Timeouts, ZarrAdapter};
use object_store::memory::InMemory;
use serde_json::json;
use uuid::Uuid;

const SIZES: [u64; 2] = [24, 24];

const BUFFERED: WriteOptions = WriteOptions {
    durability: Durability::Buffered,
    lock_timeout: Duration::from_secs(60),
    ..WriteOptions::DEFAULT
};

/// An array of zeros on a medium, and two handles of it.
async fn two_handles(
    medium: &Medium,
    storage: &serde_json::Value,
) -> (Arc<dyn ArrayHandle>, Arc<dyn ArrayHandle>) {
    let mut schema = Schema::builder(DType::Float32);
    for (axis, &size) in SIZES.iter().enumerate() {
        schema = schema.dimension(Dimension::new(format!("d{axis}"), size));
    }
    let schema = schema.attribute(AttributeSchema::key("n", AttributeType::Int));
    let collection = Arc::new(CollectionMeta {
        name: "weather".to_owned(),
        id: Uuid::new_v4(),
        schema: schema.build().unwrap(),
        storage: storage.as_object().unwrap().clone(),
    });
    let store = ZarrAdapter::create(medium, &RandomIds).await.unwrap();
    store.create_collection(&collection).await.unwrap();
    let key = Attributes::from_iter([("n", 1_i64)]);
    let array = ArrayMeta {
        id: Uuid::new_v4(),
        key: key.clone(),
        custom: Attributes::new(),
    };
    let (options, zeros) = (
        WriteOptions::default(),
        ArrayBuf::zeroed(DType::Float32, &SIZES),
    );
    let created = store.create_array(&collection, &array, Some(zeros.unwrap()), &options);
    created.await.unwrap();
    let locator = ArrayLocator::Key(key);
    let one = store.open_array(&collection, &locator).await.unwrap();
    let other = ZarrAdapter::open(medium).await.unwrap();
    (one, other.open_array(&collection, &locator).await.unwrap())
}

/// Writes one value to all cells, six rows at a time.
async fn write_rows(handle: &dyn ArrayHandle, value: f32) {
    for first in (0..SIZES[0]).step_by(6) {
        let rows = AxisSlab {
            start: first,
            count: 6,
            stride: 1,
        };
        let columns = AxisSlab {
            start: 0,
            count: SIZES[1],
            stride: 1,
        };
        let slab = Hyperslab::new(vec![rows, columns], &SIZES).unwrap();
        let cells = ArrayBuf::from_vec(&slab.shape(), vec![value; 144]).unwrap();
        let write = handle.write(&slab, WriteData::Cells(cells), &BUFFERED);
        write.await.unwrap();
    }
}

async fn cells(handle: &dyn ArrayHandle) -> Vec<f32> {
    let out = ArrayBuf::zeroed(DType::Float32, &SIZES).unwrap();
    let read = handle
        .read_into(&Hyperslab::full(&SIZES), out)
        .await
        .unwrap();
    read.as_slice::<f32>().unwrap().to_vec()
}

fn layouts() -> [serde_json::Value; 3] {
    [
        json!({"chunks": [16, 16]}),
        json!({"chunks": [5, 7], "codec": "none", "checksum": false}),
        json!({"chunks": [4, 4], "shards": [16, 16]}),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flush_publishes_all_at_once() {
    for layout in layouts() {
        let folder = tempfile::tempdir().unwrap();
        let medium = Medium::new_folder(&folder.path().join("store")).unwrap();
        let (writer, reader) = two_handles(&medium, &layout).await;
        write_rows(&*writer, 1.0).await;
        assert_eq!(cells(&*writer).await, [1.0; 576]);
        assert_eq!(cells(&*reader).await, [0.0; 576], "not flushed");

        let done = Arc::new(AtomicBool::new(false));
        let reading = tokio::spawn({
            let done = Arc::clone(&done);
            async move {
                let mut last = 0.0;
                while !done.load(Ordering::Relaxed) {
                    let read = cells(&*reader).await;
                    assert!(read.iter().all(|&cell| cell.to_bits() == read[0].to_bits()));
                    assert!(read[0] >= last);
                    last = read[0];
                }
                reader
            }
        });
        for round in 1..30_u8 {
            write_rows(&*writer, f32::from(round)).await;
            writer.flush().await.unwrap();
        }
        done.store(true, Ordering::Relaxed);
        let reader = reading.await.unwrap();
        assert_eq!(cells(&*reader).await, [29.0; 576]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_flushed_is_kept_until_it_can_be() {
    let faulty = FaultStore::new(Arc::new(InMemory::new()), FaultPlan::default(), 7);
    let short = Duration::from_millis(50);
    let timeouts = Timeouts {
        open: short,
        call: short,
        attempt: short,
    };
    let store = Arc::new(faulty.clone());
    let medium = Medium::of_with(store, "one", "s3://bucket/one", &timeouts).unwrap();
    let (writer, reader) = two_handles(&medium, &layouts()[0]).await;
    write_rows(&*writer, 1.0).await;
    faulty.set_plan(FaultPlan {
        error_before: 1.0,
        ..FaultPlan::default()
    });
    let error = writer.flush().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    faulty.set_plan(FaultPlan::default());
    assert_eq!(cells(&*writer).await, [1.0; 576]);
    assert_eq!(cells(&*reader).await, [0.0; 576]);
    writer.flush().await.unwrap();
    assert_eq!(cells(&*reader).await, [1.0; 576]);
}

/// Cells that another has written meanwhile stay, next to those that are flushed.
#[tokio::test(flavor = "multi_thread")]
async fn a_flush_writes_nothing_but_what_was_written() {
    for layout in layouts() {
        let (one, other) = two_handles(&Medium::memory(), &layout).await;
        let cell = |row| Hyperslab::new(vec![AxisSlab::at(row), AxisSlab::at(3)], &SIZES).unwrap();
        let value =
            |value: f32| WriteData::Cells(ArrayBuf::from_vec(&[1, 1], vec![value]).unwrap());
        one.write(&cell(2), value(1.0), &BUFFERED).await.unwrap();
        let options = WriteOptions::default();
        other.write(&cell(3), value(2.0), &options).await.unwrap();
        one.flush().await.unwrap();
        let read = cells(&*other).await;
        assert_eq!([read[2 * 24 + 3], read[3 * 24 + 3]], [1.0, 2.0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_that_is_dropped_is_flushed() {
    let (writer, reader) = two_handles(&Medium::memory(), &layouts()[0]).await;
    write_rows(&*writer, 1.0).await;
    drop(writer);
    let flushed = async {
        while cells(&*reader).await != [1.0; 576] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), flushed)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_array_that_is_gone_accepts_nothing_more_once_that_is_known() {
    let medium = Medium::memory();
    let (writer, _) = two_handles(&medium, &json!({"chunks": [16, 16]})).await;
    write_rows(&*writer, 1.0).await;
    let store = ZarrAdapter::open(&medium).await.unwrap();
    let collection = Arc::new(store.read_collection("weather").await.unwrap());
    let locator = ArrayLocator::Key(Attributes::from_iter([("n", 1_i64)]));
    let options = WriteOptions::default();
    let deleted = store.delete_array(&collection, &locator, &options);
    deleted.await.unwrap();
    let failed = writer.flush().await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::NotFound);
    let slab = Hyperslab::full(&SIZES);
    let cell = WriteData::Scalar(2.0_f32.into());
    let refused = writer.write(&slab, cell, &BUFFERED).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
}
