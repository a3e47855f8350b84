//! Open, closed, and open again.
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use futures::TryStreamExt;
use hyperslab_core::{
    Array, AttributeSchema, AttributeType, CheckLevel, CheckRequest, Collection, DType, Dimension,
    Error, ErrorKind, Finding, MemoryAdapter, MemoryCheck, MemoryLimit, Result, Schema,
    StorageOptions, Store, StoreOptions, key,
};

fn schema() -> Schema {
    Schema::builder(DType::Int32)
        .attribute(AttributeSchema::key("name", AttributeType::Text))
        .attribute(AttributeSchema::custom("height", AttributeType::Float))
        .dimension(Dimension::new("x", 4))
        .build()
        .unwrap()
}

async fn made() -> (Store, Collection, Array) {
    let store = Store::new(Arc::new(MemoryAdapter::new()), StoreOptions::default());
    let series = store.create_collection("series", schema()).await.unwrap();
    let array = series.create(key! { name: "a" }).await.unwrap();
    (store, series, array)
}

fn refused<T>(result: Result<T>, what: &str) -> Error {
    let Err(error) = result else {
        panic!("{what} was accepted");
    };
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{what}: {error}");
    assert!(error.message().contains("is closed"), "{what}: {error}");
    error
}

fn request() -> CheckRequest {
    CheckRequest {
        level: CheckLevel::Data,
        collection: None,
        repair: false,
    }
}

#[tokio::test]
async fn a_closed_store_refuses_every_call_and_can_be_used_again() {
    let (store, series, mut array) = made().await;
    let (clone, other) = (store.clone(), store.with_options(StoreOptions::default()));
    assert!(store.is_open() && !store.is_closed());
    clone.close().await.unwrap();
    clone.close().await.unwrap();
    assert!(store.is_closed() && other.is_closed());
    let mut sink: Vec<Finding> = Vec::new();

    refused(store.collections().await, "collections");
    refused(other.collection("series").await, "collection");
    refused(store.create_collection("b", schema()).await, "create");
    refused(
        store
            .explain_collection("b", schema(), StorageOptions::new())
            .await,
        "explain",
    );
    refused(store.delete_collection("series").await, "delete_collection");
    refused(store.check(&request(), &mut sink).await, "check");
    refused(
        store.check_until_first(&request()).await,
        "check_until_first",
    );
    refused(store.usage(None).await, "usage");
    refused(store.lock_holders(None).await, "lock_holders");
    refused(store.clear_locks(None).await, "clear_locks");
    refused(series.create(key! { name: "b" }).await, "new");
    refused(series.get(key! { name: "a" }).await, "get");
    refused(series.get_by_id(array.id()).await, "get_by_id");
    refused(series.only().await, "only");
    refused(series.find("").entries().await, "find");
    refused(series.find("name = a").count().await, "look up");
    refused(series.find("height = 1").stream().try_next().await, "scan");
    refused(series.find("").last().await, "last");
    refused(series.clear().await, "clear");
    refused(series.usage().await, "usage");
    refused(series.explain().await, "explain");
    refused(series.delete(key! { name: "a" }).await, "delete");
    refused(array.all().read::<i32>().await, "read");
    refused(array.all().fill(1).await, "fill");
    refused(array.all().plan().await, "plan");
    refused(array.update(key! { height: 1.0 }).await, "update");
    refused(array.unset(&["height"]).await, "unset");
    refused(array.refresh().await, "refresh");
    refused(array.flush().await, "flush");
    refused(array.discard().await, "discard");
    let error = refused(array.clone().delete().await, "delete");
    assert!(error.message().contains("memory://"), "{error}");

    // What needs no adapter answers.
    assert_eq!(store.info().adapter, "memory");
    assert_eq!(array.all().shape(), [4]);

    other.reopen();
    assert!(store.is_open());
    array.all().fill(7).await.unwrap();
    assert_eq!(array.all().read::<i32>().await.unwrap().sum(), 28);
    assert_eq!(series.find("").count().await.unwrap(), 1);
    array.delete().await.unwrap();
}

#[tokio::test]
async fn arrays_are_found_by_identity_and_the_last_is_found() {
    let (_, series, a) = made().await;
    let b = series
        .create(key! { name: "b" })
        .custom(key! { height: 2.0 })
        .await
        .unwrap();
    let names = async |filter: String| {
        let found = series.find(filter).sorted().entries().await.unwrap();
        let names = found.iter().map(|entry| entry.key.to_string());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(format!("id = {}", b.id())).await, "name=b");
    assert_eq!(names(format!("id = {} and name = a", b.id())).await, "");
    assert_eq!(
        names(format!("id = {} and height > 1", b.id())).await,
        "name=b"
    );
    assert_eq!(
        names(format!("id in ({}, {})", a.id(), b.id())).await,
        "name=a name=b"
    );
    assert_eq!(names(format!("id != {}", b.id())).await, "name=a");
    assert_eq!(names(format!("not id in ({})", a.id())).await, "name=b");
    assert_eq!(
        names("id = 00000000-0000-4000-8000-000000000000".into()).await,
        ""
    );
    assert!(
        series.find("height > 1").is_scan()
            && series
                .find("id != 00000000-0000-4000-8000-000000000000")
                .is_scan()
    );
    assert!(
        !series.find("name > a").is_scan() && !series.find(format!("id = {}", a.id())).is_scan()
    );

    assert_eq!(
        series
            .find("")
            .sorted()
            .first()
            .await
            .unwrap()
            .unwrap()
            .id(),
        a.id()
    );
    assert_eq!(series.find("").last().await.unwrap().unwrap().id(), b.id());
    assert_eq!(
        series
            .find("")
            .sorted()
            .descending()
            .last()
            .await
            .unwrap()
            .unwrap()
            .id(),
        a.id()
    );
    assert!(series.find("name = c").last().await.unwrap().is_none());
}

#[tokio::test]
async fn a_collection_of_too_large_arrays_is_warned_of_refused_or_neither() {
    let (store, _, _) = made().await;
    let options = |memory_check| StoreOptions {
        memory_limit: MemoryLimit::new(15),
        memory_check,
        ..StoreOptions::default()
    };
    for (name, check) in [("warned", MemoryCheck::Warn), ("off", MemoryCheck::Off)] {
        store
            .with_options(options(check))
            .create_collection(name, schema())
            .await
            .unwrap();
    }
    let strict = store.with_options(options(MemoryCheck::Refuse));
    let error = strict
        .create_collection("refused", schema())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(
        error.message().contains("'refused'")
            && error.message().contains("16 bytes")
            && error.message().contains("15 bytes"),
        "{error}"
    );
    assert_eq!(
        store.collections().await.unwrap(),
        ["off", "series", "warned"]
    );
}

#[tokio::test]
async fn a_collection_is_its_document() {
    let (store, series, array) = made().await;
    let text = series.to_json();
    let refused = store.create_collection_from_json(&text).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    let again = store
        .create_collection_from_json(&text.replace("\"series\"", "\"again\""))
        .await
        .unwrap();
    assert_eq!((again.name(), again.schema()), ("again", series.schema()));
    let shown = serde_json::json!({"collection": series.meta(), "array_count": 1}).to_string();
    let third = store
        .create_collection_from_json(&shown.replace("\"series\"", "\"third\""))
        .await
        .unwrap();
    assert_ne!(third.meta().id, series.meta().id);
    for (bad, said) in [
        ("{", "is not JSON"),
        ("[]", "the document of a collection"),
        (r#"{"name": "x"}"#, "schema"),
        (
            r#"{"name": "x", "schema": {"version": 1, "dtype": "float32", "dimensions": []}, "chunks": [1]}"#,
            "chunks",
        ),
        (
            r#"{"name": "x", "schema": {"version": 1, "dtype": "float33", "dimensions": []}}"#,
            "float33",
        ),
        (
            r#"{"name": "../x", "schema": {"version": 1, "dtype": "float32", "dimensions": []}}"#,
            "../x",
        ),
    ] {
        let error = store.create_collection_from_json(bad).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad}");
        assert!(error.message().contains(said), "{bad}: {error}");
    }
    let document = array.to_json();
    assert_eq!(document["key"]["name"], "a");
    assert_eq!(document["named_shape"], serde_json::json!({"x": 4}));
    assert_eq!(
        document["schema"],
        serde_json::to_value(series.schema()).unwrap()
    );
    assert_eq!(document["id"], array.id().to_string());
}
