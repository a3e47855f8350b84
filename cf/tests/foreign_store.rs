//! A group of another program as a store: what it shows, and that nothing changes it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyperslab_cf::foreign::{ForeignArray, ForeignStore, ImportOptions, plan_import};
use hyperslab_core::{
    ArrayBuf, ArrayLocator, Attributes, AxisSlab, CheckLevel, CheckRequest, DType, Dimension,
    ErrorKind, Finding, FindingKind, Hyperslab, Result, Scalar, Schema, StorageAdapter,
    StorageOptions, Store, StoreOptions, WriteData, WriteOptions, key,
};

use common::{Cells, MapGroup, cells, text, weather};

const URL: &str = "map:weather";

/// The weather, another group of numbers, and texts.
fn group() -> MapGroup {
    let mut group = weather();
    group.add("rain", cells(&[4], &[0u8, 3, 0, 1]), &["time"], &[]);
    let names = Cells::Texts(vec!["a".to_owned(), "b".to_owned()]);
    group.add("names", names, &["station"], &[]);
    group
}

fn store_of(group: MapGroup) -> Store {
    let adapter = ForeignStore::new(Arc::new(group), URL);
    Store::new(Arc::new(adapter), StoreOptions::default())
}

fn refused<T>(result: Result<T>) {
    let error = result.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
    assert!(error.to_string().contains(URL), "{error}");
}

async fn findings(group: MapGroup, level: CheckLevel, collection: Option<&str>) -> Vec<Finding> {
    let request = CheckRequest {
        level,
        collection: collection.map(str::to_owned),
        repair: true,
    };
    let mut findings = Vec::new();
    store_of(group)
        .check(&request, &mut findings)
        .await
        .unwrap();
    findings
}

#[tokio::test]
async fn every_variable_is_a_collection_of_one_array() {
    let store = store_of(group());
    assert_eq!(store.info().adapter, "foreign");
    assert_eq!(store.collections().await.unwrap(), ["day/t", "rain"]);
    let t = store.collection("day/t").await.unwrap();
    let opened = ForeignArray::open(&group(), "day/t", ImportOptions::default()).unwrap();
    let plan = plan_import(&opened).unwrap();
    assert_eq!(t.schema().to_json(), plan.schema.to_json());
    let only = t.only().await.unwrap();
    assert_eq!((only.key(), only.custom()), (&plan.key, &plan.custom));
    for array in [
        t.get(key! { variable: "day/t" }).await.unwrap(),
        t.get_by_id(only.id()).await.unwrap(),
        t.find("variable = day/t").first().await.unwrap().unwrap(),
    ] {
        assert_eq!(array.id(), only.id());
    }
    for missing in [
        t.get(key! { variable: "rain" }).await,
        t.get_by_id(t.meta().id).await,
    ] {
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    }
    let north = only.sel("station", "north").unwrap();
    let noon = north.sel("time", "2023-01-03T12:00Z").unwrap();
    assert_eq!(
        noon.read_buf().await.unwrap().as_slice::<f64>().unwrap(),
        [12.0]
    );
    let late = only.isel("time", 2..).unwrap().read::<f64>().await.unwrap();
    assert_eq!(
        late.iter().copied().collect::<Vec<_>>(),
        [12.0, 12.5, 13.0, 13.5]
    );
}

#[tokio::test]
async fn a_listing_reads_no_cell_and_coordinates_are_read_once() {
    let group = group();
    let reads = group.reads();
    let store = store_of(group);
    store.collections().await.unwrap();
    assert_eq!(reads.load(Ordering::Relaxed), 0);
    let t = store.collection("day/t").await.unwrap();
    let opened = reads.load(Ordering::Relaxed);
    assert!(opened > 0);
    store.collection("/day/t/").await.unwrap();
    let array = t.only().await.unwrap();
    assert_eq!(reads.load(Ordering::Relaxed), opened);
    array.all().read_buf().await.unwrap();
    assert_eq!(reads.load(Ordering::Relaxed), opened + 1);
}

#[tokio::test]
async fn identities_are_those_of_the_place() {
    let ids = async |url: &str| {
        let adapter = Arc::new(ForeignStore::new(Arc::new(group()), url));
        let store = Store::new(adapter, StoreOptions::default());
        let mut ids = vec![store.info().id];
        for name in store.collections().await.unwrap() {
            let collection = store.collection(&name).await.unwrap();
            ids.extend([collection.meta().id, collection.only().await.unwrap().id()]);
        }
        ids
    };
    let here = ids(URL).await;
    assert_eq!(here, ids(URL).await);
    let mut all = [here, ids("map:elsewhere").await].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 10);
}

#[tokio::test]
async fn every_change_is_refused() {
    let store = store_of(group());
    let t = store.collection("day/t").await.unwrap();
    let mut array = t.only().await.unwrap();
    let schema = Schema::builder(DType::Int8).dimension(Dimension::new("x", 1));
    let schema = schema.build().unwrap();
    refused(store.create_collection("new", schema.clone()).await);
    let explained = store.explain_collection("rain", schema, StorageOptions::new());
    refused(explained.await);
    refused(store.delete_collection("day/t").await);
    refused(t.create(key! { variable: "new" }).await);
    refused(t.clear().await);
    refused(t.delete(key! { variable: "day/t" }).await);
    refused(t.delete_by_id(array.id()).await);
    refused(array.all().fill(1.0).await);
    refused(array.all().clear().await);
    refused(array.update(key! { units: "K" }).await);
    refused(array.clone().delete().await);
    refused(t.usage().await);
    refused(array.all().plan().await);
    assert_eq!(store.collections().await.unwrap(), ["day/t", "rain"]);
    assert!(store.locks().holders().await.unwrap().is_empty());
}

#[tokio::test]
async fn cells_of_another_type_or_shape_are_refused() {
    let adapter = ForeignStore::new(Arc::new(group()), URL);
    let rain = Arc::new(adapter.read_collection("rain").await.unwrap());
    let key = ArrayLocator::Key(key! { variable: "rain" });
    let handle = adapter.open_array(&rain, &key).await.unwrap();
    let whole = Hyperslab::full(&[4]);
    for (dtype, shape) in [(DType::UInt8, [3]), (DType::Int8, [4])] {
        let out = ArrayBuf::zeroed(dtype, &shape).unwrap();
        let error = handle.read_into(&whole, out).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let axis = AxisSlab {
        start: 1,
        count: 2,
        stride: 2,
    };
    let slab = Hyperslab::new(vec![axis], &[4]).unwrap();
    let out = ArrayBuf::zeroed(DType::UInt8, &[2]).unwrap();
    let read = handle.read_into(&slab, out).await.unwrap();
    assert_eq!(read.as_slice::<u8>().unwrap(), [3, 1]);
    let (value, options) = (WriteData::Scalar(Scalar::UInt8(1)), WriteOptions::default());
    refused(handle.write(&slab, value, &options).await);
    let none = Attributes::new();
    refused(handle.update_attributes(&none, &[], &options).await);
}

#[tokio::test]
async fn a_name_that_no_variable_has_is_not_found() {
    let store = store_of(group());
    for name in [
        "",
        "/",
        ".",
        "..",
        "../x",
        "day",
        "day/../rain",
        "a\0b",
        "Rain",
    ] {
        let error = store.collection(name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name:?}: {error}");
    }
    let error = store.collection("names").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("made of text"), "{error}");
}

#[tokio::test]
async fn a_variable_that_does_not_open_is_listed_and_named_by_a_check() {
    let broken = || {
        let mut group = group();
        group.broken.push("rain".to_owned());
        group
    };
    let store = store_of(broken());
    assert_eq!(store.collections().await.unwrap(), ["day/t", "rain"]);
    let error = store.collection("rain").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    store.collection("day/t").await.unwrap();
    for collection in [None, Some("rain")] {
        let found = findings(broken(), CheckLevel::Collections, collection).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].kind, FindingKind::CollectionUnreadable);
        assert!(found[0].message.contains("squish"), "{found:?}");
    }
}

#[tokio::test]
async fn chunks_are_explained_as_the_other_program_chose_them() {
    let store = store_of(group());
    let explained = store.collection("day/t").await.unwrap().explain().await;
    let explained = explained.unwrap();
    assert_eq!(explained.write_unit().unwrap(), [4, 2]);
    assert_eq!(explained.chunk_bytes, 4 * 2 * 8);
}

#[tokio::test]
async fn a_check_decodes_every_block_and_goes_on_after_a_fault() {
    for level in [1, 2, 3, 4] {
        let level = CheckLevel::try_from(level).unwrap();
        assert_eq!(findings(group(), level, None).await, []);
    }
    let damaged = || {
        let mut group = group();
        let zeros = |shape: &[u64]| Cells::Damaged(ArrayBuf::zeroed(DType::Int16, shape).unwrap());
        // 64 MiB, so more than one block.
        group.add("a/large", zeros(&[32 << 20]), &["cell"], &[]);
        group.add("where", zeros(&[3]), &[], &[("units", text("m"))]);
        group.add("b/lost", cells(&[3], &[1, 2, 3]), &["where"], &[]);
        group
    };
    let found = findings(damaged(), CheckLevel::Layout, None).await;
    let lost = |finding: &Finding| {
        finding.kind == FindingKind::CollectionUnreadable
            && finding.collection.as_deref() == Some("b/lost")
    };
    assert!(
        matches!(found.as_slice(), [only] if lost(only)),
        "{found:?}"
    );
    let found = findings(damaged(), CheckLevel::Data, None).await;
    let large: Vec<_> = found
        .iter()
        .filter(|finding| finding.kind == FindingKind::Corrupt)
        .collect();
    assert!(large.len() > 1 && found.iter().any(lost), "{found:?}");
    for finding in large {
        assert_eq!(finding.collection.as_deref(), Some("a/large"));
        assert!(finding.subject.starts_with("cells ["), "{finding:?}");
        assert!(!finding.repaired && !finding.repairable);
    }
    assert_eq!(
        findings(damaged(), CheckLevel::Data, Some("rain")).await,
        []
    );
    let request = CheckRequest {
        level: CheckLevel::Data,
        collection: Some("gone".to_owned()),
        repair: false,
    };
    let mut none = Vec::new();
    let missing = store_of(group()).check(&request, &mut none).await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
}
