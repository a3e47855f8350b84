//! Arrays in tiles. All that holds of arrays holds of them, which [`Tiled`](crate::Tiled) shows; here is what is theirs alone.

use std::sync::Arc;

use hyperslab_core::{
    ArrayBuf, ArrayLocator, Attributes, AxisSlab, CollectionMeta, DType, Durability, ErrorKind,
    Hyperslab, Scalar, StorageAdapter, StorageOptions, WriteData, WriteOptions,
};

use crate::Fixture;
use crate::fixture::random;
use crate::model::{Model, random_data, random_slab};
use crate::setup::{
    OPTIONS, all, by_key, cells, check, collection_meta, create_array, key, keyed, meta, read,
    read_all, refusal, write_all,
};

const SHAPE: [u64; 2] = [11, 10];
const TILE: [u64; 2] = [4, 5];

async fn create(
    store: &dyn StorageAdapter,
    name: &str,
    (dtype, shape, tile): (DType, &[u64], &[u64]),
) -> Arc<CollectionMeta> {
    let schema = keyed(dtype, shape).to_builder().tile_shape(tile);
    let schema = schema.build().unwrap();
    let collection = collection_meta(name, schema, StorageOptions::new());
    store.create_collection(&collection).await.unwrap();
    Arc::new(collection)
}

/// The box of cells of the tile at that position.
fn tile_at(collection: &CollectionMeta, number: u64) -> Hyperslab {
    let (grid, shape) = (
        collection.schema.tile_grid().unwrap(),
        collection.schema.shape(),
    );
    let position = grid.position(number);
    let axes = (0..shape.len()).map(|axis| AxisSlab {
        start: position[axis] * grid.chunk_shape()[axis],
        count: grid.shape_of(number)[axis],
        stride: 1,
    });
    Hyperslab::new(axes.collect(), &shape).unwrap()
}

/// The shape of a tile is part of the schema that every opening reads.
pub async fn belong_to_the_schema(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create(&*store, "tiled", (DType::Int16, &SHAPE, &TILE)).await;
    store.explain(&collection).await.unwrap();
    let read = fixture.open().await.read_collection("tiled").await.unwrap();
    assert_eq!(read, *collection);
    assert_eq!(read.schema.tile_shape(), Some(&TILE[..]));
    let grid = read.schema.tile_grid().unwrap();
    assert_eq!((grid.counts(), grid.chunk_count()), (&[3, 2][..], 6));
}

/// A write makes the tiles it touches and no other, and setting cells back that were never written makes none.
pub async fn are_made_when_they_are_written(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create(&*store, "tiled", (DType::Float32, &SHAPE, &TILE)).await;
    let array = meta(key(1));
    let handle = create_array(&*store, &collection, &array).await;
    let is_there = async |number| {
        let plan = handle.plan(&tile_at(&collection, number)).await.unwrap();
        plan.absent_chunk_count == 0
    };
    // An adapter may keep an array in one piece all the same.
    let explained = store.explain(&collection).await.unwrap();
    let has_tiles = explained.tile_shape.is_some();
    let fill = collection.schema.fill_value();
    let back = WriteData::Scalar(fill);
    handle
        .write(&all(&collection), back, &OPTIONS)
        .await
        .unwrap();
    let empty = ArrayBuf::filled(fill, &SHAPE).unwrap();
    assert_eq!(read_all(&*handle, &collection).await.unwrap(), empty);
    // One cell of tile 3, and a column through the tiles 0, 2 and 4.
    let cell = Hyperslab::new(vec![AxisSlab::at(7), AxisSlab::at(9)], &SHAPE).unwrap();
    let column = Hyperslab::new(vec![AxisSlab::full(11), AxisSlab::at(2)], &SHAPE).unwrap();
    let mut model = Model::filled(fill, &SHAPE);
    for (slab, touched) in [(cell, &[3][..]), (column, &[0, 2, 3, 4])] {
        let data = WriteData::Scalar(Scalar::Float32(2.5));
        model.write(&slab, &data);
        handle.write(&slab, data, &OPTIONS).await.unwrap();
        let cells = read_all(&*handle, &collection).await.unwrap();
        assert_eq!(cells, model.read(&all(&collection)));
        if !has_tiles {
            continue;
        }
        for number in 0..6 {
            assert_eq!(
                is_there(number).await,
                touched.contains(&number),
                "{number}"
            );
        }
    }
    assert_eq!(check(&*store, false).await, []);
}

/// Tiles of many shapes: of one cell, of all cells, cut off at the end of some axes or of none.
pub async fn of_any_shape_hold_their_cells(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let mut random = random();
    let cases: [(&[u64], &[u64]); 7] = [
        (&[9], &[4]),
        (&[9], &[9]),
        (&[6, 5], &[1, 1]),
        (&[11, 10], &[11, 3]),
        (&[0, 4], &[1, 2]),
        (&[4, 5, 6], &[2, 5, 4]),
        (&[3, 2, 4, 3], &[2, 1, 3, 3]),
    ];
    for (number, (shape, tile)) in cases.into_iter().enumerate() {
        let name = format!("tiled {number}");
        let collection = create(&*store, &name, (DType::Int16, shape, tile)).await;
        let array = meta(key(1));
        let mut model = Model::filled(collection.schema.fill_value(), shape);
        let handle = create_array(&*store, &collection, &array).await;
        let other = fixture.open().await;
        let reader = other.open_array(&collection, &by_key(1)).await.unwrap();
        for step in 0..30 {
            let slab = random_slab(&mut random, shape);
            let data = match random.u8(..5) {
                0 => WriteData::Scalar(collection.schema.fill_value()),
                _ => random_data(&mut random, DType::Int16, &slab),
            };
            model.write(&slab, &data);
            handle.write(&slab, data, &OPTIONS).await.unwrap();
            let slab = random_slab(&mut random, shape);
            for handle in [&handle, &reader] {
                let cells = read(&**handle, DType::Int16, &slab).await.unwrap();
                assert_eq!(cells, model.read(&slab), "step {step}, {slab} of {shape:?}");
            }
        }
        let cells = read_all(&*reader, &collection).await.unwrap();
        assert_eq!(cells, model.read(&all(&collection)));
    }
    assert_eq!(check(&*store, false).await, []);
}

/// Writers of different tiles, at once and from several openings, each find all that they wrote.
pub async fn are_written_beside_each_other(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create(&*store, "tiled", (DType::Int32, &SHAPE, &TILE)).await;
    create_array(&*store, &collection, &meta(key(1))).await;
    let mut writers = Vec::new();
    for number in 0..6 {
        let store = fixture.open().await;
        let collection = Arc::clone(&collection);
        writers.push(tokio::spawn(async move {
            let handle = store.open_array(&collection, &by_key(1)).await.unwrap();
            let slab = tile_at(&collection, number);
            for value in 1..=12 {
                let data = WriteData::Scalar(Scalar::Int32(value));
                handle.write(&slab, data, &OPTIONS).await.unwrap();
                let cells = read(&*handle, DType::Int32, &slab).await.unwrap();
                let wanted = ArrayBuf::filled(Scalar::Int32(value), &slab.shape()).unwrap();
                assert_eq!(cells, wanted, "tile {number}");
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let handle = store.open_array(&collection, &by_key(1)).await.unwrap();
    let wanted = ArrayBuf::filled(Scalar::Int32(12), &SHAPE).unwrap();
    assert_eq!(read_all(&*handle, &collection).await.unwrap(), wanted);
}

/// A reader of all tiles beside a writer of all tiles sees each change in all of them or in none.
pub async fn change_together(fixture: &dyn Fixture) {
    for durability in [Durability::Relaxed, Durability::Synced] {
        let store = fixture.open().await;
        let name = format!("tiled {durability:?}");
        let collection = create(&*store, &name, (DType::Int32, &SHAPE, &TILE)).await;
        let writer = create_array(&*store, &collection, &meta(key(1))).await;
        write_all(&*writer, &collection, &filled(0)).await.unwrap();
        let other = fixture.open().await;
        let reader = other.open_array(&collection, &by_key(1)).await.unwrap();
        let options = WriteOptions {
            durability,
            ..OPTIONS
        };
        let whole = all(&collection);
        let writing = tokio::spawn(async move {
            for value in 1..=60 {
                let data = WriteData::Scalar(Scalar::Int32(value));
                writer.write(&whole, data, &options).await.unwrap();
            }
        });
        let mut last = 0;
        while !writing.is_finished() {
            let cells = read_all(&*reader, &collection).await.unwrap();
            let seen = cells.as_slice::<i32>().unwrap()[0];
            assert_eq!(cells, filled(seen), "half of a change");
            assert!(seen >= last, "{seen} after {last}");
            last = seen;
        }
        writing.await.unwrap();
        assert_eq!(read_all(&*reader, &collection).await.unwrap(), filled(60));
    }
}

fn filled(value: i32) -> ArrayBuf {
    ArrayBuf::filled(Scalar::Int32(value), &SHAPE).unwrap()
}

/// An array that has the key, or the id, of one that was deleted has none of its tiles.
pub async fn go_with_their_array(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create(&*store, "tiled", (DType::Int32, &SHAPE, &TILE)).await;
    let array = meta(key(1));
    let fill = ArrayBuf::filled(collection.schema.fill_value(), &SHAPE).unwrap();
    let old = create_array(&*store, &collection, &array).await;
    write_all(&*old, &collection, &filled(7)).await.unwrap();
    for again in [meta(key(1)), array] {
        store
            .delete_array(&collection, &by_key(1), &OPTIONS)
            .await
            .unwrap();
        let gone = read_all(&*old, &collection).await;
        assert_eq!(refusal(gone), ErrorKind::NotFound);
        let gone = write_all(&*old, &collection, &filled(8)).await;
        assert_eq!(refusal(gone), ErrorKind::NotFound);
        let new = create_array(&*store, &collection, &again).await;
        assert_eq!(read_all(&*new, &collection).await.unwrap(), fill);
        write_all(&*new, &collection, &filled(9)).await.unwrap();
        let cells = read_all(&*new, &collection).await.unwrap();
        assert_eq!(cells, filled(9));
    }
    store.clear_collection(&collection, &OPTIONS).await.unwrap();
    let new = create_array(&*store, &collection, &meta(key(1))).await;
    assert_eq!(read_all(&*new, &collection).await.unwrap(), fill);
    assert_eq!(check(&*store, false).await, []);
}

/// Attributes are those of the array, whatever becomes of its tiles.
pub async fn leave_attributes_alone(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let schema = cells(DType::Int32, &SHAPE).tile_shape(TILE);
    let plain = keyed(DType::Int32, &SHAPE);
    let schema = (plain.attributes().iter()).fold(schema, |schema, attribute| {
        schema.attribute(attribute.clone())
    });
    let collection = collection_meta("tiled", schema.build().unwrap(), StorageOptions::new());
    store.create_collection(&collection).await.unwrap();
    let collection = Arc::new(collection);
    let mut array = meta(key(1));
    array.custom.insert("note", "first");
    let data = Some(filled(1));
    store
        .create_array(&collection, &array, data, &OPTIONS)
        .await
        .unwrap();
    let locator = ArrayLocator::Id(array.id);
    let handle = store.open_array(&collection, &locator).await.unwrap();
    for value in 2..6 {
        let slab = tile_at(&collection, u64::try_from(value).unwrap());
        let data = WriteData::Scalar(Scalar::Int32(value));
        handle.write(&slab, data, &OPTIONS).await.unwrap();
        let changed = Attributes::from_iter([("level", i64::from(value))]);
        let updated = handle.update_attributes(&changed, &[], &OPTIONS).await;
        array.custom.insert("level", i64::from(value));
        let updated = updated.unwrap();
        assert_eq!(updated.custom.get("note"), array.custom.get("note"));
        assert_eq!(updated.custom.get("level"), array.custom.get("level"));
        let cells = read(&*handle, DType::Int32, &slab).await.unwrap();
        let wanted = ArrayBuf::filled(Scalar::Int32(value), &slab.shape()).unwrap();
        assert_eq!(cells, wanted);
    }
    let other = fixture.open().await;
    let handle = other.open_array(&collection, &locator).await.unwrap();
    let cells = read(&*handle, DType::Int32, &tile_at(&collection, 0))
        .await
        .unwrap();
    assert!(
        cells
            .as_slice::<i32>()
            .unwrap()
            .iter()
            .all(|&cell| cell == 1)
    );
}
