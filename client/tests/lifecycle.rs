//! What closing a store does to what is buffered, with each adapter; and the scope of a blocking store.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use hyperslab::blocking;
use hyperslab::{
    Connect, DType, Dimension, Durability, ErrorKind, Schema, Store, StoreOptions, WriteOptions,
    key,
};

fn options(adapter: &str, durability: Durability) -> StoreOptions {
    StoreOptions {
        adapter: Some(adapter.to_owned()),
        write: WriteOptions {
            durability,
            ..WriteOptions::default()
        },
        ..StoreOptions::default()
    }
}

fn schema() -> Schema {
    Schema::builder(DType::Int32)
        .dimension(Dimension::new("x", 4))
        .build()
        .unwrap()
}

#[tokio::test]
async fn closing_flushes_what_is_buffered() {
    for adapter in ["hdf5", "zarr"] {
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().join("s").display().to_string();
        let store = Store::create_with(&url, options(adapter, Durability::Buffered))
            .await
            .unwrap();
        let series = store.create_collection("series", schema()).await.unwrap();
        let arrays = [
            series.create(key! {}).await.unwrap(),
            series.create(key! {}).await.unwrap(),
        ];
        for array in &arrays {
            array.isel("x", 0).unwrap().fill(7).await.unwrap();
        }
        let other = Store::open(&url).await.unwrap();
        let seen = async |index: usize| {
            let series = other.collection("series").await.unwrap();
            let array = series.get_by_id(arrays[index].id()).await.unwrap();
            let cells = array.isel("x", 0).unwrap().read::<i32>().await.unwrap();
            cells.sum()
        };
        assert_ne!(
            (seen(0).await, seen(1).await),
            (7, 7),
            "{adapter}: not buffered"
        );
        store.close().await.unwrap();
        assert_eq!((seen(0).await, seen(1).await), (7, 7), "{adapter}");
        store.reopen();
        arrays[0].isel("x", 0).unwrap().fill(8).await.unwrap();
        store.close().await.unwrap();
        assert_eq!(seen(0).await, 8, "{adapter}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_flush_stays_open_and_says_why() {
    for adapter in ["hdf5", "zarr"] {
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().join("s").display().to_string();
        let store = Store::create_with(&url, options(adapter, Durability::Buffered))
            .await
            .unwrap();
        let series = store.create_collection("series", schema()).await.unwrap();
        let array = series.create(key! {}).await.unwrap();
        array.isel("x", 0).unwrap().fill(7).await.unwrap();
        let other = Store::open(&url).await.unwrap();
        let same = other.collection("series").await.unwrap();
        same.delete_by_id(array.id()).await.unwrap();
        let error = store.close().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{adapter}: {error}");
        assert!(
            error.message().contains(&array.name()),
            "{adapter}: {error}"
        );
        assert!(store.is_open(), "{adapter}");
        assert_eq!(array.discard().await.unwrap(), 1, "{adapter}");
        store.close().await.unwrap();
        assert!(store.is_closed(), "{adapter}");
    }
}

#[test]
fn a_blocking_store_closes_at_the_end_of_its_scope_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("s").display().to_string();
    let store = blocking::Store::create_with(&url, options("hdf5", Durability::Buffered)).unwrap();
    let array = {
        let open = store.scope();
        let series = open.create_collection("series", schema()).unwrap();
        let array = series.create(key! {}).unwrap();
        array.all().fill(7).unwrap();
        array
    };
    assert!(store.is_closed());
    let error = array.all().read::<i32>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let other = blocking::Store::open(&url).unwrap();
    let found = other.collection("series").unwrap();
    assert_eq!(
        found
            .first("")
            .unwrap()
            .unwrap()
            .all()
            .read::<i32>()
            .unwrap()
            .sum(),
        28
    );
    assert_eq!(found.last("").unwrap().unwrap().id(), array.id());
    assert_eq!(found.count("").unwrap(), 1);

    let open = store.scope();
    assert_eq!(array.all().read::<i32>().unwrap().sum(), 28);
    array.all().fill(8).unwrap();
    open.close().unwrap();
    assert!(store.is_closed());
    store.reopen();
    assert_eq!(array.all().read::<i32>().unwrap().sum(), 32);
    store.close().unwrap();
    store.close().unwrap();
}

#[tokio::test]
async fn a_scope_that_ends_in_async_code_closes_and_does_not_panic() {
    let made = std::thread::spawn(|| blocking::Store::create("memory://").unwrap());
    let store = made.join().unwrap();
    drop(store.scope());
    // Waiting is not possible here, so nothing was flushed, and the store stays open.
    assert!(store.is_open());
}
