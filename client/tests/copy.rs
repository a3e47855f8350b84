//! Collections from one store to another: every bit, every identity, and what is not to be touched.
#![cfg(all(feature = "hdf5", feature = "zarr"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use hyperslab::prelude::*;
use hyperslab::{
    Array, ArrayBuf, AttributeSchema, AttributeType, Collection, CopyOptions, CopyPhase,
    CopyProgress, CopyReport, ErrorKind, MemoryLimit, Result, StorageOptions, StoreOptions, key,
};
use serde_json::json;
use std::path::Path;
use std::sync::Mutex;
use tempfile::TempDir;

/// A store of an adapter in a folder, and the folder.
async fn store(adapter: &str) -> (Store, TempDir) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("s").display().to_string();
    let options = StoreOptions {
        adapter: Some(adapter.to_owned()),
        ..StoreOptions::default()
    };
    (Store::create_with(&path, options).await.unwrap(), folder)
}

/// 16 x 12 numbers for each day and station, with a remark.
fn schema() -> Schema {
    Schema::builder(DType::Int32)
        .attribute(AttributeSchema::key("day", AttributeType::DateTime))
        .attribute(AttributeSchema::key("station", AttributeType::Text))
        .attribute(AttributeSchema::custom("remark", AttributeType::Text))
        .dimension(Dimension::scale("y", 16, 0.0, 0.5, "m"))
        .dimension(Dimension::labels("x", (0..12).map(|x| format!("x{x}"))))
        .build()
        .unwrap()
}

fn cells(seed: i32) -> ArrayBuf {
    let cells: Vec<i32> = (0..16 * 12).map(|cell| cell * 31 + seed).collect();
    ArrayBuf::from_slice(&[16, 12], &cells).unwrap()
}

/// Three arrays in a store in memory.
async fn source() -> Collection {
    let store = Store::create("memory://").await.unwrap();
    let weather = store.create_collection("weather", schema()).await.unwrap();
    for (seed, station) in ["a", "b/c", "d"].into_iter().enumerate() {
        let seed = i32::try_from(seed).unwrap();
        weather
            .create(key! { day: "2023-01-03", station: station })
            .custom(key! { remark: format!("the {seed}th") })
            .data(cells(seed))
            .await
            .unwrap();
    }
    weather
}

async fn copy(from: &Collection, to: &Store, options: &CopyOptions) -> Result<CopyReport> {
    hyperslab::copy(from, to, "weather", options, &|_| {}).await
}

async fn arrays(collection: &Collection) -> Vec<Array> {
    collection.find("").sorted().all().await.unwrap()
}

/// Every array is there with the same facts and the same bits.
async fn assert_same(one: &Collection, other: &Collection) {
    assert_eq!(one.schema(), other.schema());
    let (one, other) = (arrays(one).await, arrays(other).await);
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one.id(), other.id());
        assert_eq!(one.key(), other.key());
        assert_eq!(one.custom(), other.custom());
        let cells = one.all().read_buf().await.unwrap();
        assert_eq!(cells, other.all().read_buf().await.unwrap());
    }
}

fn limited(store: &Store, bytes: u64) -> Store {
    store.with_options(StoreOptions {
        memory_limit: MemoryLimit::new(bytes),
        ..StoreOptions::default()
    })
}

#[tokio::test]
async fn every_dtype_goes_round_bit_by_bit() {
    let (zarr, _zarr) = store("zarr").await;
    let (hdf5, _hdf5) = store("hdf5").await;
    let memory = Store::create("memory://").await.unwrap();
    let options = CopyOptions::default();
    for dtype in DType::ALL {
        let schema = Schema::builder(dtype)
            .dimension(Dimension::new("x", 5))
            .dimension(Dimension::new("y", 7));
        let name = dtype.name();
        let from = memory.create_collection(name, schema.build().unwrap());
        let from = from.await.unwrap();
        // Every third cell has all bits set: a NaN with a payload, where the type has one.
        let byte = |at: usize| match (at / dtype.size()).is_multiple_of(3) {
            true => 0xff,
            false => u8::try_from(at * 167 % 251).unwrap(),
        };
        let mask = if dtype == DType::Bool { 1 } else { 0xff };
        let bytes: Vec<u8> = (0..35 * dtype.size()).map(|at| byte(at) & mask).collect();
        let data = ArrayBuf::from_bytes(dtype, &[5, 7], &bytes).unwrap();
        from.create(key! {}).data(data).await.unwrap();
        let there = hyperslab::copy(&from, &zarr, name, &options, &|_| {})
            .await
            .unwrap();
        assert!(there.differences.is_empty(), "{dtype}: {there:?}");
        let back = hyperslab::copy(&there.collection, &hdf5, name, &options, &|_| {});
        let back = back.await.unwrap();
        assert!(back.differences.is_empty(), "{dtype}: {back:?}");
        assert_eq!((back.copied, back.verified), (1, 1));
        assert_same(&from, &back.collection).await;
    }
}

#[tokio::test]
async fn a_copy_is_resumed_and_tells_how_far_it_is() {
    let from = source().await;
    let (to, _folder) = store("zarr").await;
    let told: Mutex<Vec<CopyProgress>> = Mutex::default();
    let options = CopyOptions::default();
    let note = |now| told.lock().unwrap().push(now);
    let first = hyperslab::copy(&from, &to, "weather", &options, &note)
        .await
        .unwrap();
    assert_eq!((first.copied, first.present, first.verified), (3, 0, 3));
    assert_eq!(first.copied_bytes, 3 * 16 * 12 * 4);
    assert_same(&from, &first.collection).await;
    let told = told.into_inner().unwrap();
    for phase in [CopyPhase::Copying, CopyPhase::Verifying] {
        let last = told.iter().rfind(|now| now.phase == phase).unwrap();
        assert_eq!((last.arrays, last.array_count), (3, 3));
        assert_eq!((last.bytes, last.byte_count), (2304, 2304));
    }

    first
        .collection
        .delete(key! { day: "2023-01-03", station: "d" })
        .await
        .unwrap();
    let second = copy(&from, &to, &options).await.unwrap();
    assert_eq!((second.copied, second.present, second.verified), (1, 2, 3));
    assert_same(&from, &second.collection).await;
    assert!(to.locks().holders().await.unwrap().is_empty());
}

#[tokio::test]
async fn another_schema_other_options_and_the_source_itself_are_refused() {
    let from = source().await;
    let (to, _folder) = store("hdf5").await;
    let other = Schema::builder(DType::Int32).dimension(Dimension::new("y", 16));
    to.create_collection("weather", other.build().unwrap())
        .await
        .unwrap();
    let refused = copy(&from, &to, &CopyOptions::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.message().contains("schema"), "{refused}");

    to.delete_collection("weather").await.unwrap();
    let storage = |chunks| StorageOptions::from_iter([("chunks".to_owned(), chunks)]);
    let options = |chunks| CopyOptions {
        storage: Some(storage(chunks)),
        ..CopyOptions::default()
    };
    let made = copy(&from, &to, &options(json!([4, 12]))).await.unwrap();
    assert_eq!(made.collection.meta().storage, storage(json!([4, 12])));
    copy(&from, &to, &options(json!([4, 12]))).await.unwrap();
    let refused = copy(&from, &to, &options(json!([2, 12])))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);

    let refused = copy(&made.collection, &to, &CopyOptions::default())
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    // The options go along where the adapter is the same, and only there.
    for (adapter, expected) in [
        ("hdf5", storage(json!([4, 12]))),
        ("zarr", StorageOptions::new()),
    ] {
        let (next, _folder) = store(adapter).await;
        let next = copy(&made.collection, &next, &CopyOptions::default())
            .await
            .unwrap();
        assert_eq!(next.collection.meta().storage, expected);
    }
}

#[tokio::test]
async fn what_differs_is_left_alone_unless_it_may_be_overwritten() {
    let from = source().await;
    let (to, _folder) = store("zarr").await;
    let copied = copy(&from, &to, &CopyOptions::default())
        .await
        .unwrap()
        .collection;
    let open = |station: &str| copied.get(key! { day: "2023-01-03", station: station });
    // One cell of the first, an attribute of the second, the identity of the third.
    open("a")
        .await
        .unwrap()
        .isel("y", 3)
        .unwrap()
        .isel("x", 2)
        .unwrap()
        .fill(-1_i32)
        .await
        .unwrap();
    open("b/c")
        .await
        .unwrap()
        .update(key! { remark: "mine" })
        .await
        .unwrap();
    let third = open("d").await.unwrap();
    third.delete().await.unwrap();
    copied
        .create(key! { day: "2023-01-03", station: "d" })
        .await
        .unwrap();
    // And one that the source does not have.
    copied
        .create(key! { day: "2024-01-01", station: "mine" })
        .await
        .unwrap();

    let report = copy(&from, &to, &CopyOptions::default()).await.unwrap();
    let told: Vec<&str> = report
        .differences
        .iter()
        .map(|d| d.message.as_str())
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], "the cells differ, first at [3, 2]");
    assert!(
        told[1].contains("custom attributes") && told[2].contains("identity"),
        "{told:?}"
    );
    assert_eq!((report.copied, report.present, report.verified), (0, 0, 0));
    let kept = open("a").await.unwrap().all().read::<i32>().await.unwrap();
    assert_eq!(kept[[3, 2]], -1);

    let trusting = CopyOptions {
        verify: false,
        ..CopyOptions::default()
    };
    let report = copy(&from, &to, &trusting).await.unwrap();
    assert_eq!((report.present, report.differences.len()), (1, 2));

    let overwriting = CopyOptions {
        overwrite: true,
        ..CopyOptions::default()
    };
    let report = copy(&from, &to, &overwriting).await.unwrap();
    assert_eq!((report.replaced, report.verified), (3, 3), "{report:?}");
    copied
        .delete(key! { day: "2024-01-01", station: "mine" })
        .await
        .unwrap();
    assert_same(&from, &copied).await;
}

#[tokio::test]
async fn an_identity_under_another_key_is_told() {
    let from = source().await;
    let (to, _folder) = store("hdf5").await;
    let id = arrays(&from).await[0].id();
    let target = to.create_collection("weather", schema()).await.unwrap();
    let other = key! { day: "2020-02-02", station: "z" };
    target.create(other).id(id).await.unwrap();
    let report = copy(&from, &to, &CopyOptions::default()).await.unwrap();
    assert_eq!((report.copied, report.differences.len()), (2, 1));
    assert!(
        report.differences[0].message.contains("station=z"),
        "{report:?}"
    );
}

#[tokio::test]
async fn what_exceeds_the_memory_limit_goes_box_by_box_and_is_marked_meanwhile() {
    for adapter in ["hdf5", "zarr"] {
        let from = source().await;
        let (to, _folder) = store(adapter).await;
        let small = limited(from.store(), 300)
            .collection("weather")
            .await
            .unwrap();
        let storage = StorageOptions::from_iter([("chunks".to_owned(), json!([4, 4]))]);
        let options = CopyOptions {
            storage: Some(storage),
            ..CopyOptions::default()
        };
        let marked = Mutex::new(false);
        let folder = to.info().url["file://".len()..].to_owned();
        let marks = std::path::Path::new(&folder).join("weather.copying");
        let note = |_| *marked.lock().unwrap() |= marks.exists();
        let report = hyperslab::copy(&small, &to, "weather", &options, &note)
            .await
            .unwrap();
        assert_eq!((report.copied, report.verified), (3, 3));
        assert!(marked.into_inner().unwrap());
        assert_same(&from, &report.collection).await;
        assert_eq!(to.collections().await.unwrap(), ["weather"]);
    }
}

/// What a copy leaves in the target that was killed between two boxes of an array.
async fn left_half_way(to: &Store, array: &Array) -> Collection {
    let target = to.create_collection("weather", schema()).await.unwrap();
    let half = target.create(array.key().clone()).id(array.id());
    let half = half.custom(key! { remark: "before" }).await.unwrap();
    half.isel("y", 0..3).unwrap().fill(7_i32).await.unwrap();
    let schema =
        Schema::builder(DType::Bool).attribute(AttributeSchema::key("array", AttributeType::Uuid));
    let marks = to
        .create_collection("weather.copying", schema.build().unwrap())
        .await
        .unwrap();
    marks.create(key! { array: array.id() }).await.unwrap();
    target
}

#[tokio::test]
async fn an_array_that_is_marked_is_copied_anew() {
    let from = source().await;
    let (to, _folder) = store("zarr").await;
    let target = left_half_way(&to, &arrays(&from).await[0]).await;
    let trusting = CopyOptions {
        verify: false,
        ..CopyOptions::default()
    };
    let report = copy(&from, &to, &trusting).await.unwrap();
    assert_eq!((report.copied, report.present), (3, 0));
    assert_same(&from, &target).await;
    assert_eq!(to.collections().await.unwrap(), ["weather"]);
}

/// Turns a bit of every file whose name is a number.
fn damage_chunks(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            damage_chunks(&path);
        } else if name.to_str().unwrap().parse::<u64>().is_ok() {
            let mut bytes = std::fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(path, bytes).unwrap();
        }
    }
}

#[tokio::test]
async fn an_array_that_is_marked_stays_when_the_source_cannot_be_read() {
    let (damaged, folder) = store("zarr").await;
    let from = copy(&source().await, &damaged, &CopyOptions::default())
        .await
        .unwrap()
        .collection;
    let first = arrays(&from).await[0].clone();
    damage_chunks(&folder.path().join("s/weather"));
    for adapter in ["hdf5", "zarr"] {
        let (to, _folder) = store(adapter).await;
        let target = left_half_way(&to, &first).await;
        let failed = copy(&from, &to, &CopyOptions::default()).await.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Corrupt, "{failed}");
        let kept = target.get_by_id(first.id()).await.unwrap();
        let kept = kept.all().read::<i32>().await.unwrap();
        assert_eq!(kept[[2, 5]], 7);
    }
}

#[tokio::test]
async fn a_target_that_vanishes_is_an_error_and_an_array_that_does_is_left_out() {
    let trusting = CopyOptions {
        verify: false,
        concurrency: 1,
        ..CopyOptions::default()
    };
    let from = source().await;
    let (to, folder) = store("hdf5").await;
    let target = folder.path().join("s/weather");
    let vanish = |now: CopyProgress| {
        if now.arrays == 1 {
            std::fs::remove_dir_all(&target).unwrap();
        }
    };
    let failed = hyperslab::copy(&from, &to, "weather", &trusting, &vanish);
    assert_eq!(failed.await.unwrap_err().kind(), ErrorKind::NotFound);

    let (source, folder) = store("hdf5").await;
    let from = copy(&from, &source, &trusting).await.unwrap().collection;
    let files = folder.path().join("s/weather/arrays");
    let vanish = |now: CopyProgress| {
        if now.arrays == 1 && files.exists() {
            std::fs::remove_dir_all(&files).unwrap();
        }
    };
    let (to, _folder) = store("zarr").await;
    let left = hyperslab::copy(&from, &to, "weather", &trusting, &vanish);
    assert_eq!(left.await.unwrap().copied, 1);
}
