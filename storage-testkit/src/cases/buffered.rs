//! Writes that are buffered.

use std::sync::Arc;

use hyperslab_core::{ArrayLocator, Attributes, CollectionMeta, DType, Durability, WriteOptions};

use crate::Fixture;
use crate::fixture::random;
use crate::model::{Model, random_data, random_slab};
use crate::setup::{OPTIONS, all, collection_meta, create_array, keyless, meta, read, read_all};

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
    let buffered = WriteOptions {
        durability: Durability::Buffered,
        ..OPTIONS
    };
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
            _ => &buffered,
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
