//! Arrays: created once, found by key and by id, listed, deleted.

use std::collections::BTreeSet;
use std::sync::Arc;

use hyperslab_core::{
    ArrayBuf, ArrayLocator, ArrayMeta, Attributes, DType, ErrorKind, Scalar, WriteData,
};
use uuid::Uuid;

use crate::Fixture;
use crate::setup::{
    OPTIONS, all, by_key, create_array, create_collection, key, keyed, keyless, list, meta,
    read_all, refusal, write_all,
};

/// Found by key and by id, with the cells given at creation, from any other opening of the store.
pub async fn are_found_by_key_and_by_id(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "weather", keyed(DType::Int32, &[2, 3])).await;
    let cells = ArrayBuf::from_slice(&[2, 3], &[1, 2, 3, 4, 5, 6]).unwrap();
    let with_cells = ArrayMeta {
        custom: Attributes::from_iter([("note", "first")]),
        ..meta(key(1))
    };
    let empty = meta(key(2));
    store
        .create_array(&collection, &with_cells, Some(cells.clone()), &OPTIONS)
        .await
        .unwrap();
    store
        .create_array(&collection, &empty, None, &OPTIONS)
        .await
        .unwrap();
    let fill = ArrayBuf::filled(Scalar::Int32(i32::MIN), &[2, 3]).unwrap();
    for store in [store, fixture.open().await] {
        for (array, cells) in [(&with_cells, &cells), (&empty, &fill)] {
            for locator in [
                ArrayLocator::Key(array.key.clone()),
                ArrayLocator::Id(array.id),
            ] {
                let handle = store.open_array(&collection, &locator).await.unwrap();
                assert_eq!(handle.meta().await.unwrap(), *array);
                assert_eq!(read_all(&*handle, &collection).await.unwrap(), *cells);
                handle.plan(&all(&collection)).await.unwrap();
            }
        }
        for locator in [by_key(3), ArrayLocator::Id(Uuid::new_v4())] {
            let opened = store.open_array(&collection, &locator).await;
            assert_eq!(refusal(opened), ErrorKind::NotFound);
            let deleted = store.delete_array(&collection, &locator, &OPTIONS).await;
            assert_eq!(refusal(deleted), ErrorKind::NotFound);
        }
        assert_eq!(store.usage(&collection).await.unwrap().array_count, 2);
    }
}

/// An id belongs to one collection: it is not found in another.
pub async fn belong_to_their_collection(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let one = create_collection(&*store, "one", keyed(DType::Int8, &[1])).await;
    let two = create_collection(&*store, "two", keyed(DType::Int8, &[1])).await;
    let array = meta(key(1));
    create_array(&*store, &one, &array).await;
    let by_id = ArrayLocator::Id(array.id);
    assert_eq!(
        refusal(store.open_array(&two, &by_id).await),
        ErrorKind::NotFound
    );
    assert_eq!(
        refusal(store.open_array(&two, &by_key(1)).await),
        ErrorKind::NotFound
    );
    assert_eq!(list(&*store, &two).await.unwrap(), []);
}

/// Arrays without a key have only an id.
pub async fn without_a_key_have_an_id(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "plain", keyless(DType::UInt8, &[2])).await;
    let mut made = BTreeSet::new();
    for n in 0..20_u8 {
        let array = meta(Attributes::new());
        let cells = ArrayBuf::from_slice(&[2], &[n, n]).unwrap();
        store
            .create_array(&collection, &array, Some(cells), &OPTIONS)
            .await
            .unwrap();
        made.insert((array.id, n));
    }
    let other = fixture.open().await;
    let mut listed = BTreeSet::new();
    for entry in list(&*other, &collection).await.unwrap() {
        assert!(entry.key.is_empty());
        let handle = other
            .open_array(&collection, &entry.locator())
            .await
            .unwrap();
        let cells = read_all(&*handle, &collection).await.unwrap();
        listed.insert((entry.id.unwrap(), cells.bytes()[0]));
    }
    assert_eq!(listed, made);
    let (id, _) = made.pop_first().unwrap();
    let locator = ArrayLocator::Id(id);
    other
        .delete_array(&collection, &locator, &OPTIONS)
        .await
        .unwrap();
    assert_eq!(
        refusal(store.open_array(&collection, &locator).await),
        ErrorKind::NotFound
    );
    assert_eq!(list(&*store, &collection).await.unwrap().len(), made.len());
}

/// Of many that create one key, or one id, at the same time one succeeds, and its cells are there.
pub async fn are_created_once(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "weather", keyed(DType::Int64, &[64])).await;
    for round in 0..5 {
        let id = Uuid::new_v4();
        for same_id in [false, true] {
            let mut tasks = Vec::new();
            for number in 0..8 {
                let (store, collection) = (fixture.open().await, Arc::clone(&collection));
                // Either the same key under new ids, or the same id under new keys.
                let mut array = meta(key(round));
                if same_id {
                    array.id = id;
                    array.key = key(1000 + 10 * round + number);
                }
                let cells = ArrayBuf::filled(Scalar::Int64(number), &[64]).unwrap();
                tasks.push(tokio::spawn(async move {
                    let made = store.create_array(&collection, &array, Some(cells), &OPTIONS);
                    made.await.map(|()| (array, number))
                }));
            }
            let mut winners = Vec::new();
            for task in tasks {
                match task.await.unwrap() {
                    Ok(winner) => winners.push(winner),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}"),
                }
            }
            let [(array, number)] = &winners[..] else {
                panic!("{} of 8 have created the same array", winners.len());
            };
            for locator in [
                ArrayLocator::Key(array.key.clone()),
                ArrayLocator::Id(array.id),
            ] {
                let handle = store.open_array(&collection, &locator).await.unwrap();
                assert_eq!(handle.meta().await.unwrap(), *array);
                let cells = read_all(&*handle, &collection).await.unwrap();
                assert_eq!(
                    cells,
                    ArrayBuf::filled(Scalar::Int64(*number), &[64]).unwrap()
                );
            }
        }
    }
    assert_eq!(list(&*store, &collection).await.unwrap().len(), 10);
}

/// Creating what is there changes nothing.
pub async fn are_not_overwritten_by_creation(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "weather", keyed(DType::Int32, &[2])).await;
    let array = meta(key(1));
    let handle = create_array(&*store, &collection, &array).await;
    let cells = ArrayBuf::from_slice(&[2], &[7, 8]).unwrap();
    write_all(&*handle, &collection, &cells).await.unwrap();
    let same_id = ArrayMeta {
        id: array.id,
        ..meta(key(2))
    };
    for array in [&array, &meta(key(1)), &same_id] {
        let zeros = ArrayBuf::zeroed(DType::Int32, &[2]).unwrap();
        let refused = store
            .create_array(&collection, array, Some(zeros), &OPTIONS)
            .await;
        assert_eq!(refusal(refused), ErrorKind::AlreadyExists);
    }
    assert_eq!(handle.meta().await.unwrap(), array);
    assert_eq!(read_all(&*handle, &collection).await.unwrap(), cells);
    assert_eq!(
        refusal(store.open_array(&collection, &by_key(2)).await),
        ErrorKind::NotFound
    );
    assert_eq!(list(&*store, &collection).await.unwrap().len(), 1);
}

/// Deleted by key or by id, an array is gone for everybody; one made later of the same key is another.
pub async fn are_deleted(fixture: &dyn Fixture) {
    let (store, other) = (fixture.open().await, fixture.open().await);
    let collection = create_collection(&*store, "weather", keyed(DType::Int32, &[2])).await;
    for by_id in [false, true] {
        let (array, bystander) = (meta(key(1)), meta(key(2)));
        let locator = if by_id {
            ArrayLocator::Id(array.id)
        } else {
            by_key(1)
        };
        create_array(&*store, &collection, &array).await;
        create_array(&*store, &collection, &bystander).await;
        let handle = other.open_array(&collection, &by_key(1)).await.unwrap();
        store
            .delete_array(&collection, &locator, &OPTIONS)
            .await
            .unwrap();
        for store in [&store, &other] {
            for locator in [by_key(1), ArrayLocator::Id(array.id)] {
                let opened = store.open_array(&collection, &locator).await;
                assert_eq!(refusal(opened), ErrorKind::NotFound);
                let deleted = store.delete_array(&collection, &locator, &OPTIONS).await;
                assert_eq!(refusal(deleted), ErrorKind::NotFound);
            }
            let left = list(&**store, &collection).await.unwrap();
            assert_eq!(left.len(), 1);
            assert_eq!(left[0].key, bystander.key);
        }
        // The handle does not follow the key to a new array.
        for again in [false, true] {
            if again {
                create_array(&*store, &collection, &meta(key(1))).await;
            }
            let slab = all(&collection);
            let zeros = WriteData::Scalar(Scalar::Int32(0));
            let changed = Attributes::from_iter([("note", "late")]);
            for kind in [
                refusal(handle.meta().await),
                refusal(read_all(&*handle, &collection).await),
                refusal(handle.write(&slab, zeros, &OPTIONS).await),
                refusal(handle.update_attributes(&changed, &[], &OPTIONS).await),
                refusal(handle.plan(&slab).await),
            ] {
                assert_eq!(kind, ErrorKind::NotFound, "recreated: {again}");
            }
        }
        let opened = store.open_array(&collection, &by_key(1)).await.unwrap();
        let cells = read_all(&*opened, &collection).await.unwrap();
        assert_eq!(
            cells,
            ArrayBuf::filled(Scalar::Int32(i32::MIN), &[2]).unwrap()
        );
        assert!(opened.meta().await.unwrap().custom.is_empty());
        store.clear_collection(&collection, &OPTIONS).await.unwrap();
    }
}

/// An array that is there during a whole listing is listed once, however many come and go meanwhile.
pub async fn are_listed_once_while_others_come_and_go(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "weather", keyed(DType::Int8, &[1])).await;
    for n in 0..50 {
        create_array(&*store, &collection, &meta(key(n))).await;
    }
    let busy = {
        let (store, collection) = (fixture.open().await, Arc::clone(&collection));
        tokio::spawn(async move {
            for n in 0..60 {
                create_array(&*store, &collection, &meta(key(100 + n))).await;
                if n % 2 == 0 {
                    let locator = by_key(100 + n);
                    store
                        .delete_array(&collection, &locator, &OPTIONS)
                        .await
                        .unwrap();
                }
            }
        })
    };
    let mut last = false;
    while !last {
        last = busy.is_finished();
        let keys: Vec<String> = list(&*store, &collection)
            .await
            .unwrap()
            .iter()
            .map(|entry| entry.key.to_string())
            .collect();
        let distinct: BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len(), "listed twice: {keys:?}");
        for n in 0..50 {
            assert!(distinct.contains(&key(n).to_string()), "{n} is not listed");
        }
    }
    busy.await.unwrap();
    assert_eq!(list(&*store, &collection).await.unwrap().len(), 80);
}
