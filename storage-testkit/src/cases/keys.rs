//! Keys: whatever a value holds, it names one array, and nothing outside the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyperslab_core::{
    ArrayLocator, ArrayMeta, AttributeSchema, AttributeType, AttributeValue, Attributes,
    CollectionMeta, DType, ErrorKind, Schema,
};
use uuid::Uuid;

use super::attributes::{key_types, texts, values};
use crate::Fixture;
use crate::setup::{OPTIONS, create_array, create_collection, list, meta, refusal};

fn schema(types: &[AttributeType]) -> Schema {
    let mut builder = Schema::builder(DType::Int8);
    for (number, kind) in types.iter().enumerate() {
        builder = builder.attribute(AttributeSchema::key(format!("k{number}"), kind.clone()));
    }
    builder.build().unwrap()
}

fn key_of(values: &[AttributeValue]) -> Attributes {
    Attributes::from_iter(
        values
            .iter()
            .enumerate()
            .map(|(number, value)| (format!("k{number}"), value.clone())),
    )
}

/// Creates an array of each key, and finds each again: by key, by id, in the listing, after half are deleted.
async fn all_are_kept_apart(
    fixture: &dyn Fixture,
    collection: &Arc<CollectionMeta>,
    keys: &[Attributes],
) {
    let store = fixture.open().await;
    let mut made = BTreeMap::new();
    for key in keys {
        let array = meta(key.clone());
        create_array(&*store, collection, &array).await;
        let before = made.insert(key.to_json().to_string(), array);
        assert!(before.is_none(), "the keys of the case differ");
    }
    for key in keys {
        let twin = meta(key.clone());
        let again = store.create_array(collection, &twin, None, &OPTIONS);
        assert_eq!(refusal(again.await), ErrorKind::AlreadyExists, "{key:?}");
    }
    assert_listed(fixture, collection, &made).await;
    let gone: Vec<_> = keys.iter().step_by(2).collect();
    for key in &gone {
        let locator = ArrayLocator::Key((*key).clone());
        store
            .delete_array(collection, &locator, &OPTIONS)
            .await
            .unwrap();
        let array = made.remove(&key.to_json().to_string()).unwrap();
        for locator in [locator, ArrayLocator::Id(array.id)] {
            let opened = store.open_array(collection, &locator).await;
            assert_eq!(refusal(opened), ErrorKind::NotFound, "{key:?}");
        }
    }
    assert_listed(fixture, collection, &made).await;
}

async fn assert_listed(
    fixture: &dyn Fixture,
    collection: &Arc<CollectionMeta>,
    made: &BTreeMap<String, ArrayMeta>,
) {
    let store = fixture.open().await;
    let listed = list(&*store, collection).await.unwrap();
    let texts: Vec<_> = listed
        .iter()
        .map(|entry| entry.key.to_json().to_string())
        .collect();
    for text in made.keys() {
        assert!(texts.contains(text), "{text:?} is not listed");
    }
    assert_eq!(texts.len(), made.len(), "{texts:?}");
    for (entry, text) in listed.iter().zip(&texts) {
        let array = &made[text];
        // Bit for bit, and in the order of the schema.
        assert_eq!(format!("{:?}", entry.key), format!("{:?}", array.key));
        assert!(entry.id.is_none_or(|id| id == array.id));
        for locator in [
            ArrayLocator::Key(entry.key.clone()),
            ArrayLocator::Id(array.id),
        ] {
            let handle = store.open_array(collection, &locator).await.unwrap();
            let read = handle.meta().await.unwrap();
            assert_eq!(read.id, array.id, "{text:?}");
            assert_eq!(format!("{:?}", read.key), format!("{:?}", array.key));
        }
    }
    let count = store.usage(collection).await.unwrap().array_count;
    assert_eq!(count, made.len() as u64);
}

/// Text of any kind and length.
pub async fn of_hostile_text_are_kept_apart(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "texts", schema(&[AttributeType::Text])).await;
    let keys: Vec<_> = texts()
        .into_iter()
        .map(|text| key_of(&[text.into()]))
        .map(|key| collection.schema.check_key(&key).unwrap())
        .collect();
    all_are_kept_apart(fixture, &collection, &keys).await;
    assert_eq!(store.list_collections().await.unwrap(), ["texts"]);
}

/// Values of every type that a key may have.
pub async fn of_every_type_are_kept_apart(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    for (number, kind) in key_types().into_iter().enumerate() {
        let schema = schema(std::slice::from_ref(&kind));
        let collection = create_collection(&*store, &format!("type {number}"), schema).await;
        let mut keys: Vec<Attributes> = Vec::new();
        for value in values().into_iter().filter(|value| value.kind() == kind) {
            // NaN is refused by the schema; minus zero is zero.
            let Ok(key) = collection.schema.check_key(&key_of(&[value])) else {
                continue;
            };
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        assert!(!keys.is_empty());
        all_are_kept_apart(fixture, &collection, &keys).await;
    }
}

/// Several texts whose concatenations are alike.
pub async fn of_several_parts_are_kept_apart(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let text = AttributeType::Text;
    let types = [text.clone(), text, AttributeType::Int];
    let collection = create_collection(&*store, "parts", schema(&types)).await;
    let parts = [
        ("", ""),
        ("a", "b"),
        ("b", "a"),
        ("ab", ""),
        ("", "ab"),
        ("a,k1=b", "c"),
        ("a", "b,k1=c"),
        ("a,k1=b,k1=c", ""),
        ("a%2Ck1=b", "c"),
        ("a%2C", "k1%3Db"),
        ("a,", "k1=b"),
        (",", ","),
        ("=", "="),
        ("/", "/"),
    ];
    let long = "z".repeat(4096);
    let mut keys = Vec::new();
    for (first, second) in parts.into_iter().chain([(long.as_str(), long.as_str())]) {
        for number in [-1_i64, 1, 11] {
            let key = key_of(&[first.into(), second.into(), number.into()]);
            keys.push(collection.schema.check_key(&key).unwrap());
        }
    }
    all_are_kept_apart(fixture, &collection, &keys).await;
}

/// Zero and minus zero are one key; NaN and NUL are none.
pub async fn are_normalized_by_the_schema(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let types = [AttributeType::Float, AttributeType::Text];
    let collection = create_collection(&*store, "floats", schema(&types)).await;
    let check = |float: f64, text: &str| {
        collection
            .schema
            .check_key(&key_of(&[float.into(), text.into()]))
    };
    let array = ArrayMeta {
        id: Uuid::new_v4(),
        ..meta(check(0.0, "").unwrap())
    };
    create_array(&*store, &collection, &array).await;
    let negative = check(-0.0, "").unwrap();
    let twin = meta(negative.clone());
    let again = store.create_array(&collection, &twin, None, &OPTIONS);
    assert_eq!(refusal(again.await), ErrorKind::AlreadyExists);
    let locator = ArrayLocator::Key(negative);
    let handle = store.open_array(&collection, &locator).await.unwrap();
    assert_eq!(handle.meta().await.unwrap(), array);
    for refused in [
        check(f64::NAN, ""),
        check(1.0, "a\0b"),
        check(1.0, &"x".repeat(4097)),
    ] {
        assert_eq!(refusal(refused), ErrorKind::InvalidInput);
    }
}
