//! Cells: every type, every shape, every hyperslab, compared with a naive array.

use std::sync::Arc;

use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayLocator, Attributes, AxisSlab, CollectionMeta, DType, Hyperslab,
    Scalar, WriteData,
};

use crate::Fixture;
use crate::fixture::random;
use crate::model::{Model, random_cells, random_data, random_slab};
use crate::setup::{
    OPTIONS, all, cells, collection_meta, create_array, create_collection, keyless, meta, read,
    read_all, write_all,
};

/// Every bit pattern of every type comes back as it was written.
pub async fn of_every_type_come_back(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let mut random = random();
    for dtype in DType::ALL {
        let collection = create_collection(&*store, dtype.name(), keyless(dtype, &[9, 30])).await;
        let array = meta(Attributes::new());
        let handle = create_array(&*store, &collection, &array).await;
        let written = random_cells(&mut random, dtype, &[9, 30]);
        write_all(&*handle, &collection, &written).await.unwrap();
        let other = fixture.open().await;
        let locator = ArrayLocator::Id(array.id);
        let handle = other.open_array(&collection, &locator).await.unwrap();
        assert_eq!(read_all(&*handle, &collection).await.unwrap(), written);
    }
}

/// A cell that was never written reads as the fill value, next to written ones too.
pub async fn never_written_read_as_fill(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let mut random = random();
    for dtype in DType::ALL {
        let given = Scalar::from_bytes(dtype, random_cells(&mut random, dtype, &[]).bytes());
        for (number, fill) in [Scalar::default_fill(dtype), given.unwrap()]
            .into_iter()
            .enumerate()
        {
            for (layout, storage) in fixture.layouts(&[6, 5]).into_iter().enumerate() {
                let schema = cells(dtype, &[6, 5]).fill_value(fill).build().unwrap();
                let name = format!("{dtype} {number} {layout}");
                let collection = collection_meta(&name, schema, storage);
                store.create_collection(&collection).await.unwrap();
                let collection = Arc::new(collection);
                let array = meta(Attributes::new());
                let handle = create_array(&*store, &collection, &array).await;
                let filled = ArrayBuf::filled(fill, &[6, 5]).unwrap();
                assert_eq!(read_all(&*handle, &collection).await.unwrap(), filled);
                let slab = Hyperslab::new(vec![AxisSlab::at(2), AxisSlab::at(3)], &[6, 5]);
                let slab = slab.unwrap();
                let cell = random_cells(&mut random, dtype, &[1, 1]);
                let mut model = Model::filled(fill, &[6, 5]);
                let data = WriteData::Cells(cell);
                model.write(&slab, &data);
                handle.write(&slab, data, &OPTIONS).await.unwrap();
                let expected = model.read(&all(&collection));
                assert_eq!(read_all(&*handle, &collection).await.unwrap(), expected);
            }
        }
    }
}

/// Random writes, clears and reads of any hyperslab agree with a naive array, for many shapes and layouts.
pub async fn agree_with_a_naive_array(fixture: &dyn Fixture) {
    let shapes: [&[u64]; 9] = [
        &[],
        &[1],
        &[0],
        &[37],
        &[6, 0, 2],
        &[13, 11],
        &[4, 5, 6],
        &[1, 64, 1, 3],
        &[2, 3, 2, 3, 2],
    ];
    let store = fixture.open().await;
    let mut random = random();
    let types = [
        DType::Float32,
        DType::UInt8,
        DType::Complex128,
        DType::Int16,
    ];
    let mut number = 0;
    for shape in shapes {
        for storage in fixture.layouts(shape) {
            let dtype = types[number % types.len()];
            number += 1;
            let name = format!("{number}");
            let collection = collection_meta(&name, keyless(dtype, shape), storage);
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
    let locator = ArrayLocator::Id(array.id);
    let mut model = Model::filled(collection.schema.fill_value(), &shape);
    let writer = create_array(&*store, collection, &array).await;
    // Opened before anything is written, and never again.
    let reader = other.open_array(collection, &locator).await.unwrap();
    for step in 0..30 {
        let slab = random_slab(random, &shape);
        let data = match random.u8(..4) {
            0 => WriteData::Scalar(collection.schema.fill_value()),
            _ => random_data(random, dtype, &slab),
        };
        model.write(&slab, &data);
        writer.write(&slab, data, &OPTIONS).await.unwrap();
        let slab = random_slab(random, &shape);
        for (who, handle) in [("writer", &writer), ("reader", &reader)] {
            let cells = read(&**handle, dtype, &slab).await.unwrap();
            assert_same(&cells, &model.read(&slab), || {
                format!(
                    "{who}, step {step}, {slab} of {shape:?}, {:?}",
                    collection.storage
                )
            });
        }
        handle_plan(&*writer, &slab).await;
    }
    let reopened = fixture.open().await;
    let handle = reopened.open_array(collection, &locator).await.unwrap();
    let cells = read_all(&*handle, collection).await.unwrap();
    assert_same(&cells, &model.read(&all(collection)), || {
        "reopened".to_owned()
    });
}

async fn handle_plan(handle: &dyn ArrayHandle, slab: &Hyperslab) {
    let plan = handle.plan(slab).await.unwrap();
    if slab.is_empty() {
        assert_eq!(
            (plan.chunk_count, plan.absent_chunk_count),
            (0, 0),
            "{slab}"
        );
    }
}

fn assert_same(read: &ArrayBuf, expected: &ArrayBuf, context: impl Fn() -> String) {
    assert_eq!(read.shape(), expected.shape(), "{}", context());
    if read != expected {
        let (read, expected): (Vec<_>, Vec<_>) = (
            read.scalars().map(Result::unwrap).collect(),
            expected.scalars().map(Result::unwrap).collect(),
        );
        let wrong = read.iter().zip(&expected).position(|(a, b)| a != b);
        let wrong = wrong.unwrap_or_default();
        panic!(
            "{}: cell {wrong} reads {:?}, not {:?}",
            context(),
            read[wrong],
            expected[wrong]
        );
    }
}

/// As many dimensions as there can be.
pub async fn of_32_dimensions_are_possible(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let mut shape = [1; hyperslab_core::DIMENSION_COUNT_MAX];
    (shape[0], shape[7], shape[31]) = (2, 3, 5);
    let collection = create_collection(&*store, "deep", keyless(DType::Int32, &shape)).await;
    random_sequence(fixture, &mut random(), &collection).await;
}

/// One large write over many chunks, read back whole and by one row and one column.
pub async fn of_a_large_array_come_back(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let mut random = random();
    let shape = [1000, 1100];
    let collection = create_collection(&*store, "large", keyless(DType::Float64, &shape)).await;
    let array = meta(Attributes::new());
    let handle = create_array(&*store, &collection, &array).await;
    let written = random_cells(&mut random, DType::Float64, &shape);
    write_all(&*handle, &collection, &written).await.unwrap();
    assert!(read_all(&*handle, &collection).await.unwrap() == written);
    let mut model = Model::filled(collection.schema.fill_value(), &shape);
    model.write(&all(&collection), &WriteData::Cells(written));
    for axes in [
        vec![AxisSlab::at(500), AxisSlab::full(1100)],
        vec![AxisSlab::full(1000), AxisSlab::at(1099)],
    ] {
        let slab = Hyperslab::new(axes, &shape).unwrap();
        let cells = read(&*handle, DType::Float64, &slab).await.unwrap();
        assert_same(&cells, &model.read(&slab), || slab.to_string());
    }
}

/// Cells of the wrong type or shape are an error, not a panic, and change nothing.
pub async fn that_do_not_fit_change_nothing(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "weather", keyless(DType::Int32, &[4, 4])).await;
    let array = meta(Attributes::new());
    let handle = create_array(&*store, &collection, &array).await;
    let before = read_all(&*handle, &collection).await.unwrap();
    let slab = all(&collection);
    let elsewhere = Hyperslab::full(&[4, 5]);
    let flat = Hyperslab::full(&[16]);
    let zeros = |dtype, shape: &[u64]| WriteData::Cells(ArrayBuf::zeroed(dtype, shape).unwrap());
    for (slab, data) in [
        (&slab, zeros(DType::Int32, &[4, 3])),
        (&slab, zeros(DType::Int32, &[16])),
        (&slab, zeros(DType::Float32, &[4, 4])),
        (&slab, zeros(DType::Int64, &[4, 2])),
        (&slab, WriteData::Scalar(Scalar::Float32(1.0))),
        (&elsewhere, zeros(DType::Int32, &[4, 5])),
        (&elsewhere, WriteData::Scalar(Scalar::Int32(1))),
        (&flat, zeros(DType::Int32, &[16])),
    ] {
        handle.write(slab, data, &OPTIONS).await.unwrap_err();
    }
    for (slab, out) in [
        (&slab, ArrayBuf::zeroed(DType::Int32, &[4, 3])),
        (&slab, ArrayBuf::zeroed(DType::Int64, &[4, 4])),
        (&elsewhere, ArrayBuf::zeroed(DType::Int32, &[4, 5])),
        (&flat, ArrayBuf::zeroed(DType::Int32, &[16])),
    ] {
        handle.read_into(slab, out.unwrap()).await.unwrap_err();
    }
    for cells in [
        ArrayBuf::zeroed(DType::Int32, &[4, 3]),
        ArrayBuf::zeroed(DType::Int64, &[4, 4]),
    ] {
        let array = meta(Attributes::new());
        let made = store.create_array(&collection, &array, Some(cells.unwrap()), &OPTIONS);
        made.await.unwrap_err();
    }
    assert_eq!(read_all(&*handle, &collection).await.unwrap(), before);
    assert_eq!(
        crate::setup::list(&*store, &collection)
            .await
            .unwrap()
            .len(),
        1
    );
}
