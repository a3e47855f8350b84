//! Writes that are buffered.

use std::sync::Arc;

use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayLocator, Attributes, CollectionMeta, DType, Durability, Hyperslab,
    Scalar, WriteData, WriteOptions,
};

use crate::Fixture;
use crate::fixture::random;
use crate::model::{Model, random_data, random_slab};
use crate::setup::{OPTIONS, all, collection_meta, create_array, keyless, meta, read, read_all};

const BUFFERED: WriteOptions = WriteOptions {
    durability: Durability::Buffered,
    ..OPTIONS
};

/// Writes are published or forgotten, whatever the adapter does with them, and what is written afterwards is not touched by it.
pub async fn writes_are_forgotten_when_they_are_discarded(fixture: &dyn Fixture) {
    let (writer, reader, collection) = two_handles(fixture).await;
    for value in 1..4 {
        write_all(&*writer, value).await;
    }
    let forgotten = writer.discard().await.unwrap();
    assert!(forgotten == 0 || forgotten == 3, "{forgotten} of 3");
    assert_eq!(writer.discard().await.unwrap(), 0);
    writer.flush().await.unwrap();
    let seen = if forgotten == 0 { 3 } else { 0 };
    for handle in [&writer, &reader] {
        let cells = read_all(&**handle, &collection).await.unwrap();
        assert_eq!(cells, filled(seen));
    }
    write_all(&*writer, 7).await;
    writer.flush().await.unwrap();
    let cells = read_all(&*reader, &collection).await.unwrap();
    assert_eq!(cells, filled(7));
}

/// Nobody waits for it, but it is done soon.
pub async fn writes_of_a_dropped_handle_are_flushed(fixture: &dyn Fixture) {
    let (writer, reader, collection) = two_handles(fixture).await;
    write_all(&*writer, 5).await;
    drop(writer);
    let wanted = filled(5);
    let published = async {
        while read_all(&*reader, &collection).await.unwrap() != wanted {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(30), published);
    in_time.await.unwrap();
}

type Handle = Arc<dyn ArrayHandle>;

/// An array of 20 zeros, opened by two.
async fn two_handles(fixture: &dyn Fixture) -> (Handle, Handle, Arc<CollectionMeta>) {
    let (store, other) = (fixture.open().await, fixture.open().await);
    let schema = keyless(DType::Int16, &[4, 5]);
    let collection = Arc::new(collection_meta("c", schema, Default::default()));
    store.create_collection(&collection).await.unwrap();
    let array = meta(Attributes::new());
    let writer = create_array(&*store, &collection, &array).await;
    let locator = ArrayLocator::Id(array.id);
    let reader = other.open_array(&collection, &locator).await.unwrap();
    let zeros = WriteData::Scalar(Scalar::Int16(0));
    let whole = Hyperslab::full(&[4, 5]);
    writer.write(&whole, zeros, &OPTIONS).await.unwrap();
    (writer, reader, collection)
}

fn filled(value: i16) -> ArrayBuf {
    ArrayBuf::filled(Scalar::Int16(value), &[4, 5]).unwrap()
}

async fn write_all(handle: &dyn ArrayHandle, value: i16) {
    let data = WriteData::Scalar(Scalar::Int16(value));
    let whole = Hyperslab::full(&[4, 5]);
    handle.write(&whole, data, &BUFFERED).await.unwrap();
}

/// A handle sees what was written through it, buffered or not, in the order of the calls; others see it after a flush.
pub async fn writes_are_seen_by_their_handle_and_flushed(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let mut random = random();
    let shapes: [&[u64]; 4] = [&[], &[37], &[13, 11], &[4, 5, 6]];
    for (number, shape) in shapes.into_iter().enumerate() {
        for (layout, storage) in fixture.layouts(shape).into_iter().enumerate() {
            let name = format!("{number} {layout}");
            let collection = collection_meta(&name, keyless(DType::Int16, shape), storage);
            store.create_collection(&collection).await.unwrap();
            random_sequence(fixture, &mut random, &Arc::new(collection)).await;
        }
    }
}

async fn random_sequence(
    fixture: &dyn Fixture,
    random: &mut fastrand::Rng,
    collection: &Arc<CollectionMeta>,
) {
    let (store, other) = (fixture.open().await, fixture.open().await);
    let (dtype, shape) = (collection.schema.dtype(), collection.schema.shape());
    let array = meta(Attributes::new());
    let mut model = Model::filled(collection.schema.fill_value(), &shape);
    let writer = create_array(&*store, collection, &array).await;
    let locator = ArrayLocator::Id(array.id);
    let reader = other.open_array(collection, &locator).await.unwrap();
    for step in 0..40 {
        let slab = random_slab(random, &shape);
        let data = random_data(random, dtype, &slab);
        model.write(&slab, &data);
        let options = match random.u8(..8) {
            0 => &OPTIONS,
            _ => &BUFFERED,
        };
        writer.write(&slab, data, options).await.unwrap();
        let slab = random_slab(random, &shape);
        let cells = read(&*writer, dtype, &slab).await.unwrap();
        let place = format!("step {step}, {slab} of {shape:?}, {:?}", collection.storage);
        assert_eq!(cells, model.read(&slab), "{place}");
        if random.u8(..6) == 0 {
            writer.flush().await.unwrap();
            let cells = read_all(&*reader, collection).await.unwrap();
            assert_eq!(cells, model.read(&all(collection)), "{place}");
        }
    }
    writer.flush().await.unwrap();
    writer.flush().await.unwrap();
    let cells = read_all(&*reader, collection).await.unwrap();
    assert_eq!(cells, model.read(&all(collection)));
}
