//! Many tasks at once: nothing torn, nothing lost, nothing stale.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyperslab_core::{
    ArrayBuf, ArrayLocator, CollectionMeta, DType, Durability, ErrorKind, Scalar, StorageAdapter,
    WriteData,
};

use crate::Fixture;
use crate::fixture::{LONG, long, random};
use crate::setup::{
    OPTIONS, all, by_key, cells, check, collection_meta, create_array, create_collection, key,
    keyed, list, meta, read_all, refusal,
};
use crate::stress::{SHAPE, Stress, boxes, judge_read};
use crate::witness::Witness;

fn stamped() -> hyperslab_core::Schema {
    let builder = cells(DType::UInt64, &SHAPE).fill_value(0_u64);
    builder.build().unwrap()
}

async fn stress(fixture: &dyn Fixture, lock_timeout: Duration, durability: Durability) -> u64 {
    let layouts = fixture.layouts(&SHAPE);
    let duration = long(Duration::from_secs(3), LONG) / u32::try_from(layouts.len()).unwrap();
    let mut random = random();
    let mut locked = 0;
    for (number, storage) in layouts.into_iter().enumerate() {
        let mut stores = Vec::new();
        for _ in 0..4 {
            stores.push(fixture.open().await);
        }
        let collection = collection_meta(&format!("stamps {number}"), stamped(), storage);
        stores[0].create_collection(&collection).await.unwrap();
        let collection = Arc::new(collection);
        let array = meta(hyperslab_core::Attributes::new());
        let handle = create_array(&*stores[0], &collection, &array).await;
        let witness = Arc::new(Witness::new(boxes(), Some(1)));
        let stress = Stress {
            process: 1,
            writers: 4,
            readers: 2,
            duration,
            lock_timeout,
            durability,
            seed: random.u64(..),
            tolerant: false,
        };
        let locator = ArrayLocator::Id(array.id);
        let outcome = stress.run(&stores, &collection, &locator, &witness).await;
        judge_read(&*handle, 0, &witness).await;
        let count = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        assert!(
            count(&outcome.written) > 0 && count(&outcome.read) > 0,
            "{outcome:?}"
        );
        locked += count(&outcome.locked);
    }
    assert_eq!(check(&*fixture.open().await, false).await, []);
    locked
}

/// Overlapping writes and reads beside them: no read is torn or stale, and at the end every acknowledged write is there.
pub async fn overlapping_writes_are_atomic(fixture: &dyn Fixture) {
    let locked = stress(fixture, Duration::from_secs(60), Durability::Relaxed).await;
    assert_eq!(locked, 0, "nobody waits a minute for a few small writes");
}

/// The same when every write is synced.
pub async fn synced_writes_are_atomic(fixture: &dyn Fixture) {
    let locked = stress(fixture, Duration::from_secs(60), Durability::Synced).await;
    assert_eq!(locked, 0, "nobody waits a minute for a few small writes");
}

/// A writer without patience gets `Locked`, and what it wanted to write is never seen.
pub async fn writes_that_time_out_change_nothing(fixture: &dyn Fixture) {
    stress(fixture, Duration::ZERO, Durability::Relaxed).await;
    stress_again(fixture).await;
}

async fn stress_again(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    for name in store.list_collections().await.unwrap() {
        store.delete_collection(&name, &OPTIONS).await.unwrap();
    }
    stress(fixture, Duration::from_millis(3), Durability::Relaxed).await;
}

/// An array that is deleted while it is read is there whole, or not at all.
pub async fn deleted_arrays_are_whole_or_gone(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "weather", keyed(DType::Int64, &[40, 40])).await;
    for round in 0..long(10, 200) {
        let cells = ArrayBuf::filled(Scalar::Int64(round), &[40, 40]).unwrap();
        store
            .create_array(&collection, &meta(key(1)), Some(cells), &OPTIONS)
            .await
            .unwrap();
        let gone = Arc::new(AtomicBool::new(false));
        let mut readers = Vec::new();
        for reopens in [false, true] {
            let (store, collection) = (fixture.open().await, Arc::clone(&collection));
            let gone = Arc::clone(&gone);
            readers.push(tokio::spawn(async move {
                while read_or_gone(&*store, &collection, round, reopens, &gone).await {}
            }));
        }
        // Let them read before it goes.
        tokio::time::sleep(Duration::from_millis(5)).await;
        store
            .delete_array(&collection, &by_key(1), &OPTIONS)
            .await
            .unwrap();
        gone.store(true, Ordering::SeqCst);
        for reader in readers {
            reader.await.unwrap();
        }
    }
}

/// Reads until the array is gone; false then.
async fn read_or_gone(
    store: &dyn StorageAdapter,
    collection: &Arc<CollectionMeta>,
    value: i64,
    reopens: bool,
    gone: &AtomicBool,
) -> bool {
    let was_gone = gone.load(Ordering::SeqCst);
    let handle = match store.open_array(collection, &by_key(1)).await {
        Ok(handle) => handle,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            return false;
        }
    };
    assert!(!was_gone, "opened after it was deleted");
    loop {
        let was_gone = gone.load(Ordering::SeqCst);
        match read_all(&*handle, collection).await {
            Ok(cells) => {
                assert!(!was_gone, "read after it was deleted");
                let cells = cells.as_slice::<i64>().unwrap();
                assert!(cells.iter().all(|&cell| cell == value), "{cells:?}");
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                return false;
            }
        }
        tokio::task::yield_now().await;
        if reopens {
            return true;
        }
    }
}

/// Many tasks create, write, list and delete arrays of their own in one collection: none is in another's way.
pub async fn neighbours_do_not_disturb_each_other(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "weather", keyed(DType::Int64, &[8, 8])).await;
    let end = Instant::now() + long(Duration::from_secs(2), LONG);
    let mut tasks = Vec::new();
    for task in 0..6_i64 {
        let (store, collection) = (fixture.open().await, Arc::clone(&collection));
        tasks.push(tokio::spawn(async move {
            let mut kept = Vec::new();
            for number in 0.. {
                // An adapter that never waits would leave no thread to the others, nor one to wake them.
                tokio::task::yield_now().await;
                let n = task * 1_000_000_000 + number;
                let array = meta(key(n));
                let handle = create_array(&*store, &collection, &array).await;
                let data = WriteData::Scalar(Scalar::Int64(n));
                handle
                    .write(&all(&collection), data, &OPTIONS)
                    .await
                    .unwrap();
                let cells = read_all(&*handle, &collection).await.unwrap();
                assert_eq!(cells, ArrayBuf::filled(Scalar::Int64(n), &[8, 8]).unwrap());
                if number % 3 == 0 {
                    kept.push((n, array.id));
                } else {
                    let locator = by_key(n);
                    let deleted = store.delete_array(&collection, &locator, &OPTIONS);
                    deleted.await.unwrap();
                    let opened = store.open_array(&collection, &locator).await;
                    assert_eq!(refusal(opened), ErrorKind::NotFound);
                }
                if Instant::now() >= end {
                    return kept;
                }
            }
            kept
        }));
    }
    let mut kept = Vec::new();
    for task in tasks {
        kept.extend(task.await.unwrap());
    }
    let other = fixture.open().await;
    assert_eq!(list(&*other, &collection).await.unwrap().len(), kept.len());
    for (n, id) in kept {
        let by_id = ArrayLocator::Id(id);
        let handle = other.open_array(&collection, &by_id).await.unwrap();
        assert_eq!(handle.meta().await.unwrap().key, key(n));
        let cells = read_all(&*handle, &collection).await.unwrap();
        assert_eq!(cells, ArrayBuf::filled(Scalar::Int64(n), &[8, 8]).unwrap());
    }
    assert_eq!(check(&*other, false).await, []);
}

/// A collection that is deleted while others create arrays in it takes all of them along.
pub async fn deleted_collections_stay_deleted(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    for _ in 0..long(5, 50) {
        let schema = keyed(DType::Int8, &[4]);
        let collection = create_collection(&*store, "weather", schema.clone()).await;
        let mut tasks = Vec::new();
        for task in 0..4 {
            let (store, collection) = (fixture.open().await, Arc::clone(&collection));
            tasks.push(tokio::spawn(async move {
                for number in 0.. {
                    let array = meta(key(task * 1_000_000_000 + number));
                    let made = store.create_array(&collection, &array, None, &OPTIONS);
                    if let Err(error) = made.await {
                        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                        return;
                    }
                    // An adapter in memory never waits, and would leave no thread to the others.
                    tokio::task::yield_now().await;
                }
            }));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        store.delete_collection("weather", &OPTIONS).await.unwrap();
        // Made anew while the creators may still be at it: they mean the old one.
        let new = create_collection(&*store, "weather", schema).await;
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(list(&*store, &new).await.unwrap(), []);
        assert_eq!(check(&*store, false).await, []);
        store.delete_collection("weather", &OPTIONS).await.unwrap();
    }
    assert_eq!(
        store.list_collections().await.unwrap(),
        Vec::<String>::new()
    );
}
