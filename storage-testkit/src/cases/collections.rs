//! Collections: created once, read back, listed, cleared, deleted.

use std::sync::Arc;

use hyperslab_core::{
    ArrayLocator, AttributeSchema, AttributeType, Coordinates, DType, Dimension, ErrorKind,
    Metadata, Schema, StorageOptions, TimeStart, box_bytes,
};
use serde_json::json;

use crate::Fixture;
use crate::setup::{
    OPTIONS, by_key, collection_meta, create_array, create_collection, key, keyed, keyless, list,
    meta, read_all, refusal,
};

/// A schema with something of everything.
fn rich_schema() -> Schema {
    let start = TimeStart::Attribute("dt".to_owned());
    let times = [
        "2023-01-03T00:00:00Z",
        "1582-10-15",
        "2023-01-03T00:00:00.000000001Z",
    ];
    let times = times.map(|time| time.parse().unwrap()).to_vec();
    let nested = AttributeType::Tuple(vec![AttributeType::Text, AttributeType::Float]);
    let mut lat = Dimension::scale("lat", 3, -10.1, 0.1, "degrees_north");
    lat.metadata
        .insert("standard_name".to_owned(), json!("latitude"));
    let mut metadata = Metadata::new();
    metadata.insert("title".to_owned(), json!("Wetter \"heute\" – 天気"));
    metadata.insert("levels".to_owned(), json!([1, 2.5, -3]));
    Schema::builder(DType::Float32)
        .fill_value(-999.1_f32)
        .dimension(Dimension::time_scale(
            "time",
            4,
            start,
            "PT6H".parse().unwrap(),
        ))
        .dimension(lat)
        .dimension(Dimension::labels("layer", ["u", "v", "übung", "a/b", ""]))
        .dimension(Dimension::values("level", vec![1000.0, 850.5, 0.1], "hPa"))
        .dimension(Dimension::with_coordinates(
            "when",
            3,
            Coordinates::Times { times },
        ))
        .dimension(Dimension::new("plain", 2))
        .attribute(AttributeSchema::key("dt", AttributeType::DateTime))
        .attribute(AttributeSchema::key("station", AttributeType::Text))
        .attribute(AttributeSchema::custom(
            "place",
            AttributeType::Tuple(vec![AttributeType::Int, nested]),
        ))
        .metadata(metadata)
        .build()
        .unwrap()
}

/// What was created is what is read, from any other opening of the store.
pub async fn are_read_as_created(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    assert_eq!(
        store.list_collections().await.unwrap(),
        Vec::<String>::new()
    );
    let rich = collection_meta("rich", rich_schema(), StorageOptions::new());
    store.create_collection(&rich).await.unwrap();
    for dtype in DType::ALL {
        for storage in fixture.layouts(&[5, 7]) {
            let name = format!("{dtype} {}", uuid::Uuid::new_v4());
            let made = collection_meta(&name, keyless(dtype, &[5, 7]), storage);
            store.create_collection(&made).await.unwrap();
            assert_eq!(
                fixture.open().await.read_collection(&name).await.unwrap(),
                made
            );
        }
    }
    let other = fixture.open().await;
    let read = other.read_collection("rich").await.unwrap();
    assert_eq!(read, rich);
    // Not even a bit of a number is lost.
    let (read, rich) = (&read.schema, &rich.schema);
    assert_eq!(read.fill_value(), rich.fill_value());
    assert_eq!(
        serde_json::to_string(read).unwrap(),
        serde_json::to_string(rich).unwrap()
    );
}

/// Listed by name, sorted, whatever the order of creation.
pub async fn are_listed_sorted(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let mut names = [
        "b",
        "a",
        "Z z",
        "a.b",
        "0",
        "über",
        "天気",
        "a-b",
        "a+b",
        "_",
        "collection",
    ];
    for name in names {
        create_collection(&*store, name, keyed(DType::Int8, &[1])).await;
    }
    names.sort_unstable();
    assert_eq!(store.list_collections().await.unwrap(), names);
    assert_eq!(
        fixture.open().await.list_collections().await.unwrap(),
        names
    );
}

/// Of many that create one name at the same time one succeeds.
pub async fn are_created_once(fixture: &dyn Fixture) {
    for round in 0..5 {
        let name = format!("round {round}");
        let mut tasks = Vec::new();
        for size in 1..=8 {
            let store = fixture.open().await;
            let meta = collection_meta(&name, keyless(DType::Int8, &[size]), StorageOptions::new());
            tasks.push(tokio::spawn(async move {
                store.create_collection(&meta).await.map(|_| meta)
            }));
        }
        let mut winners = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(meta) => winners.push(meta),
                Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}"),
            }
        }
        assert_eq!(winners.len(), 1);
        let store = fixture.open().await;
        assert_eq!(store.read_collection(&name).await.unwrap(), winners[0]);
    }
}

/// A name that could leave the store is refused, and nothing is made.
pub async fn have_safe_names(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let long = "x".repeat(129);
    let names = [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "/etc",
        "a\nb",
        "a\0b",
        ".hyperslab",
        " ",
        &long,
    ];
    for name in names {
        let meta = collection_meta(name, keyless(DType::Int8, &[1]), StorageOptions::new());
        let refused = refusal(store.create_collection(&meta).await);
        assert_eq!(refused, ErrorKind::InvalidInput, "{name:?}");
        for kind in [
            refusal(store.read_collection(name).await),
            refusal(store.delete_collection(name, &OPTIONS).await),
        ] {
            assert!(
                matches!(kind, ErrorKind::InvalidInput | ErrorKind::NotFound),
                "{name:?}: {kind}"
            );
        }
    }
    assert_eq!(
        store.list_collections().await.unwrap(),
        Vec::<String>::new()
    );
}

/// Storage options that the adapter does not know are refused.
pub async fn refuse_unknown_storage_options(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let options = [
        json!({"no_such_option": 1}),
        json!({"chunkshape": [1]}),
        json!({"": null}),
    ];
    for storage in options {
        let storage = storage.as_object().unwrap().clone();
        let meta = collection_meta("weather", keyless(DType::Int8, &[4]), storage);
        let refused = refusal(store.create_collection(&meta).await);
        assert_eq!(refused, ErrorKind::InvalidInput);
        assert_eq!(refusal(store.explain(&meta).await), refused);
    }
    assert_eq!(
        store.list_collections().await.unwrap(),
        Vec::<String>::new()
    );
}

/// How a collection would lie is told before it is made, and is the same afterwards.
pub async fn are_explained_before_they_are_made(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    for shape in [&[5, 7][..], &[], &[0, 3], &[1000]] {
        for storage in fixture.layouts(shape) {
            let name = uuid::Uuid::new_v4().to_string();
            let meta = collection_meta(&name, keyless(DType::Int16, shape), storage);
            let told = store.explain(&meta).await.unwrap();
            assert_eq!(
                refusal(store.read_collection(&name).await),
                ErrorKind::NotFound
            );
            let unit = told.write_unit().unwrap();
            assert_eq!(
                (unit.len(), told.chunk_shape.len()),
                (shape.len(), shape.len())
            );
            for (unit, chunk) in unit.iter().zip(&told.chunk_shape) {
                // A tile that is an array of its own cuts its last chunk off.
                let is_cut = told.tile_shape.is_some() && told.shard_shape.is_none();
                let fits = unit.is_multiple_of(*chunk) || (is_cut && chunk <= unit);
                assert!(*chunk > 0 && fits, "{told:?}");
            }
            assert_eq!(told.chunk_bytes, box_bytes(&told.chunk_shape, 2));
            store.create_collection(&meta).await.unwrap();
            assert_eq!(store.explain(&meta).await.unwrap(), told);
        }
    }
}

/// Whatever names a collection that is not there gets `NotFound`.
pub async fn that_are_missing_are_not_found(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let gone = Arc::new(collection_meta(
        "gone",
        keyed(DType::Int8, &[1]),
        StorageOptions::new(),
    ));
    let array = meta(key(1));
    for kind in [
        refusal(store.read_collection("gone").await),
        refusal(store.delete_collection("gone", &OPTIONS).await),
        refusal(store.clear_collection(&gone, &OPTIONS).await),
        refusal(store.create_array(&gone, &array, None, &OPTIONS).await),
        refusal(store.open_array(&gone, &by_key(1)).await),
        refusal(store.open_array(&gone, &ArrayLocator::Id(array.id)).await),
        refusal(store.delete_array(&gone, &by_key(1), &OPTIONS).await),
        refusal(list(&*store, &gone).await),
        refusal(store.usage(&gone).await),
    ] {
        assert_eq!(kind, ErrorKind::NotFound);
    }
    assert_eq!(
        store.list_collections().await.unwrap(),
        Vec::<String>::new()
    );
}

/// A deleted collection is gone with its arrays, and one made later under its name has nothing of it.
pub async fn are_deleted_with_their_arrays(fixture: &dyn Fixture) {
    let (store, other) = (fixture.open().await, fixture.open().await);
    let old = create_collection(&*store, "weather", keyed(DType::Int16, &[4])).await;
    create_collection(&*store, "kept", keyed(DType::Int16, &[4])).await;
    let handle = create_array(&*store, &old, &meta(key(1))).await;
    let elsewhere = other.open_array(&old, &by_key(1)).await.unwrap();

    other.delete_collection("weather", &OPTIONS).await.unwrap();
    assert_eq!(store.list_collections().await.unwrap(), ["kept"]);
    assert_eq!(
        refusal(store.read_collection("weather").await),
        ErrorKind::NotFound
    );
    assert_eq!(
        refusal(store.open_array(&old, &by_key(1)).await),
        ErrorKind::NotFound
    );
    for handle in [&handle, &elsewhere] {
        assert_eq!(refusal(handle.meta().await), ErrorKind::NotFound);
        assert_eq!(
            refusal(read_all(&**handle, &old).await),
            ErrorKind::NotFound
        );
    }
    let again = store.delete_collection("weather", &OPTIONS).await;
    assert_eq!(refusal(again), ErrorKind::NotFound);

    let new = create_collection(&*store, "weather", keyed(DType::Float64, &[2, 2])).await;
    assert_eq!(list(&*other, &new).await.unwrap(), []);
    create_array(&*store, &new, &meta(key(1))).await;
    assert_eq!(refusal(handle.meta().await), ErrorKind::NotFound);
    assert_eq!(refusal(read_all(&*handle, &old).await), ErrorKind::NotFound);
    // The old identity opens nothing of the new one.
    assert_eq!(
        refusal(store.open_array(&old, &by_key(1)).await),
        ErrorKind::NotFound
    );
}

/// A cleared collection is there and empty.
pub async fn are_cleared(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "weather", keyed(DType::Int16, &[4])).await;
    store.clear_collection(&collection, &OPTIONS).await.unwrap();
    let mut handles = Vec::new();
    for n in 0..10 {
        handles.push(create_array(&*store, &collection, &meta(key(n))).await);
    }
    store.clear_collection(&collection, &OPTIONS).await.unwrap();
    assert_eq!(store.read_collection("weather").await.unwrap(), *collection);
    let other = fixture.open().await;
    assert_eq!(list(&*other, &collection).await.unwrap(), []);
    assert_eq!(other.usage(&collection).await.unwrap().array_count, 0);
    for (n, handle) in (0..).zip(handles) {
        assert_eq!(refusal(handle.meta().await), ErrorKind::NotFound);
        let opened = other.open_array(&collection, &by_key(n)).await;
        assert_eq!(refusal(opened), ErrorKind::NotFound);
    }
    create_array(&*store, &collection, &meta(key(1))).await;
    assert_eq!(list(&*other, &collection).await.unwrap().len(), 1);
}
